//! The ten classes of the benchmark: their categories, ranges and errors, and the eight attributes.

/// What is evaluated, in the devkit's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum DetectionClass {
    Car,
    Truck,
    Bus,
    Trailer,
    ConstructionVehicle,
    Pedestrian,
    Motorcycle,
    Bicycle,
    TrafficCone,
    Barrier,
}

use DetectionClass::{
    Barrier, Bicycle, Bus, Car, ConstructionVehicle, Motorcycle, Pedestrian, TrafficCone, Trailer,
    Truck,
};

impl DetectionClass {
    /// How many classes there are.
    pub const COUNT: usize = 10;

    /// Every class, in the devkit's order.
    pub const ALL: [Self; Self::COUNT] = [
        Car,
        Truck,
        Bus,
        Trailer,
        ConstructionVehicle,
        Pedestrian,
        Motorcycle,
        Bicycle,
        TrafficCone,
        Barrier,
    ];

    /// The name in result files, such as `traffic_cone`.
    pub fn name(self) -> &'static str {
        match self {
            Car => "car",
            Truck => "truck",
            Bus => "bus",
            Trailer => "trailer",
            ConstructionVehicle => "construction_vehicle",
            Pedestrian => "pedestrian",
            Motorcycle => "motorcycle",
            Bicycle => "bicycle",
            TrafficCone => "traffic_cone",
            Barrier => "barrier",
        }
    }

    /// The class of a name in a result file, letter for letter.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name().as_bytes() == name)
    }

    /// The class of a category of the tables; none for categories that are not evaluated.
    pub fn from_category(category: &str) -> Option<Self> {
        Some(match category {
            "vehicle.car" => Car,
            "vehicle.truck" => Truck,
            "vehicle.bus.bendy" | "vehicle.bus.rigid" => Bus,
            "vehicle.trailer" => Trailer,
            "vehicle.construction" => ConstructionVehicle,
            "human.pedestrian.adult"
            | "human.pedestrian.child"
            | "human.pedestrian.construction_worker"
            | "human.pedestrian.police_officer" => Pedestrian,
            "vehicle.motorcycle" => Motorcycle,
            "vehicle.bicycle" => Bicycle,
            "movable_object.trafficcone" => TrafficCone,
            "movable_object.barrier" => Barrier,
            _ => return None,
        })
    }

    /// Boxes count below this distance from the vehicle (m, in the plane).
    pub fn range_m(self) -> u32 {
        match self {
            Car | Truck | Bus | Trailer | ConstructionVehicle => 50,
            Pedestrian | Motorcycle | Bicycle => 40,
            TrafficCone | Barrier => 30,
        }
    }

    /// True where a bicycle rack hides boxes of this class.
    pub fn parks_in_racks(self) -> bool {
        matches!(self, Bicycle | Motorcycle)
    }

    /// After what turn (rad) a box looks the same: half a turn for barriers.
    pub fn yaw_period(self) -> f64 {
        match self {
            Barrier => std::f64::consts::PI,
            _ => std::f64::consts::TAU,
        }
    }

    /// False for errors that the benchmark does not define: a cone's heading, velocity and attribute,
    /// a barrier's velocity and attribute.
    pub fn has(self, error: TpError) -> bool {
        match self {
            TrafficCone => matches!(error, TpError::Translation | TpError::Scale),
            Barrier => !matches!(error, TpError::Velocity | TpError::Attribute),
            _ => true,
        }
    }
}

/// The errors of true positives, in the devkit's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TpError {
    /// Distance of the centres in the plane, m.
    Translation,
    /// 1 − overlap of the sizes alone.
    Scale,
    /// Smallest difference of heading, rad.
    Orientation,
    /// Difference of velocity, m/s.
    Velocity,
    /// 1 − \[the attribute is right\].
    Attribute,
}

impl TpError {
    /// How many there are.
    pub const COUNT: usize = 5;

    /// Every error, in the devkit's order.
    pub const ALL: [Self; Self::COUNT] =
        [Self::Translation, Self::Scale, Self::Orientation, Self::Velocity, Self::Attribute];

    /// The devkit's key, such as `trans_err`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Translation => "trans_err",
            Self::Scale => "scale_err",
            Self::Orientation => "orient_err",
            Self::Velocity => "vel_err",
            Self::Attribute => "attr_err",
        }
    }
}

/// The attributes that boxes may have.
pub const ATTRIBUTES: [&str; 8] = [
    "pedestrian.moving",
    "pedestrian.sitting_lying_down",
    "pedestrian.standing",
    "cycle.with_rider",
    "cycle.without_rider",
    "vehicle.moving",
    "vehicle.parked",
    "vehicle.stopped",
];

/// The category of the boxes in which parked bicycles and motorcycles do not count.
pub const BICYCLE_RACK: &str = "static_object.bicycle_rack";

/// A box's attribute: one of [`ATTRIBUTES`], or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AttributeName(u8);

impl AttributeName {
    /// The attribute of a name, none for the empty one; `None` for an unknown name.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        if name.is_empty() {
            return Some(Self(0));
        }
        let place = ATTRIBUTES.iter().position(|known| known.as_bytes() == name)?;
        u8::try_from(place + 1).ok().map(Self)
    }

    /// True where there is none.
    pub fn is_none(self) -> bool {
        self.0 == 0
    }
}
