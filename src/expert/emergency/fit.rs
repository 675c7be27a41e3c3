//! What a cluster could be: a rectangle around its columns, and the class whose size that is.
//!
//! The sensor sees the near sides of a thing, an L seen from above. The rectangle's direction is the
//! one in which columns lie closest to its sides (Zhang et al. 2017, "Efficient L-shape fitting for
//! vehicle detection using laser scanners", closeness criterion). A car is then completed to a
//! usual car's size, away from the sensor: what is hidden is behind what is seen.

use std::f32::consts::FRAC_PI_2;

use super::cluster::{Cluster, HEIGHT_OF_INTEREST_M};
use super::ground::Ground;
use crate::frame::Class;
use crate::geometry::Box3;

/// Directions tried in a quarter turn: 3 degrees apart.
const DIRECTIONS: u32 = 30;
/// Columns nearer to a side than this do not make the fit better, m.
const CLOSE_M: f32 = 0.1;
/// Length, width, height of a usual car (KITTI's mean), m.
const CAR_M: [f32; 3] = [3.9, 1.63, 1.53];
/// Least sides of a person or a cyclist seen by few returns, m.
const PERSON_M: [f32; 2] = [0.7, 0.6];
const CYCLIST_M: [f32; 2] = [1.75, 0.6];

/// Fits rectangles; holds the columns in the tried direction.
#[derive(Default)]
pub(super) struct Fitter {
    turned: Vec<[f32; 2]>,
}

/// A rectangle around columns, in axes turned by `yaw`: from, to along each.
#[derive(Debug, Clone, Copy)]
struct Rectangle {
    yaw: f32,
    low: [f32; 2],
    high: [f32; 2],
}

impl Rectangle {
    fn sides(&self) -> [f32; 2] {
        [self.high[0] - self.low[0], self.high[1] - self.low[1]]
    }

    /// With the first axis as the second: the same rectangle, turned by a quarter.
    fn quarter_turned(&self) -> Self {
        Self {
            yaw: self.yaw + FRAC_PI_2,
            low: [self.low[1], -self.high[0]],
            high: [self.high[1], -self.low[0]],
        }
    }

    /// Stretches a side to at least `length`, away from the sensor.
    fn complete(&mut self, axis: usize, length: f32) {
        let missing = length - (self.high[axis] - self.low[axis]);
        if missing > 0.0 {
            if self.low[axis] + self.high[axis] >= 0.0 {
                self.high[axis] += missing;
            } else {
                self.low[axis] -= missing;
            }
        }
    }

    /// Widens a side evenly to at least `length`.
    fn widen(&mut self, axis: usize, length: f32) {
        let missing = 0.5 * (length - (self.high[axis] - self.low[axis])).max(0.0);
        self.low[axis] -= missing;
        self.high[axis] += missing;
    }

    fn center(&self) -> [f32; 2] {
        let (sin, cos) = self.yaw.sin_cos();
        let [u, v] = [0, 1].map(|axis| 0.5 * (self.low[axis] + self.high[axis]));
        [u * cos - v * sin, u * sin + v * cos]
    }
}

impl Fitter {
    /// The class and box of a cluster; none where no class has such a size. The heading is known
    /// modulo pi: of the two directions, the one that leads away from the sensor is given.
    pub(super) fn fit(&mut self, cluster: Cluster<'_>, ground: &Ground) -> Option<(Class, Box3)> {
        let columns = cluster.columns;
        let top = columns.iter().map(|column| column.top).fold(0.0, f32::max);
        let tall = columns.iter().filter(|column| column.tall > 0).count();
        // A tree above a car makes some columns tall, a wall or a lorry makes most of them so.
        if 2 * tall > columns.len() || top < 0.5 {
            return None;
        }
        // Cheap look before the fit: no direction makes a long thing short.
        let extent = |axis: usize| {
            let values = columns.iter().map(|column| column.place[axis]);
            values.clone().fold(f32::MIN, f32::max) - values.fold(f32::MAX, f32::min)
        };
        if extent(0).hypot(extent(1)) > 8.0 {
            return None;
        }
        let mut rectangle = self.rectangle(columns);
        if rectangle.sides()[0] < rectangle.sides()[1] {
            rectangle = rectangle.quarter_turned();
        }
        let [long, short] = rectangle.sides();
        let class = match (long, short, top) {
            (..=1.0, ..=0.9, 0.9..=2.1) => Class::Pedestrian,
            (1.0..=2.1, ..=0.95, 1.2..=2.1) => Class::Cyclist,
            (1.2..=5.6, ..=2.4, 0.8..=2.3) => Class::Car,
            _ => return None,
        };
        let height = match class {
            Class::Car => {
                if long < 2.3 && short < 1.2 {
                    // Too short for a flank: this is a front or a rear, the car goes on behind it.
                    rectangle = rectangle.quarter_turned();
                }
                rectangle.complete(0, CAR_M[0]);
                rectangle.complete(1, CAR_M[1]);
                // The roof may be out of sight, the aerial is not the roof.
                if top < 1.3 { CAR_M[2] } else { top.min(2.1) }
            }
            Class::Cyclist => {
                rectangle.widen(0, CYCLIST_M[0]);
                rectangle.widen(1, CYCLIST_M[1]);
                top.max(1.6)
            }
            _ => {
                rectangle.widen(0, PERSON_M[0]);
                rectangle.widen(1, PERSON_M[1]);
                top.max(1.5)
            }
        };
        let height = height.min(HEIGHT_OF_INTEREST_M);
        let [x, y] = rectangle.center();
        let [l, w] = rectangle.sides();
        let mut yaw = f64::from(rectangle.yaw);
        if yaw.cos() * f64::from(x) + yaw.sin() * f64::from(y) < 0.0 {
            yaw += std::f64::consts::PI;
        }
        let z = ground.at(x, y) + 0.5 * height;
        let box3 = Box3 {
            center: [x, y, z].map(f64::from),
            size: [l, w, height].map(f64::from),
            yaw: yaw.sin().atan2(yaw.cos()),
        };
        Some((class, box3))
    }

    /// The rectangle whose sides the columns follow best.
    fn rectangle(&mut self, columns: &[super::cluster::Column]) -> Rectangle {
        let mut best = Rectangle { yaw: 0.0, low: [0.0; 2], high: [0.0; 2] };
        let mut highest = f32::MIN;
        for direction in 0..DIRECTIONS {
            let yaw = FRAC_PI_2 * direction as f32 / DIRECTIONS as f32;
            let (sin, cos) = yaw.sin_cos();
            let (mut low, mut high) = ([f32::MAX; 2], [f32::MIN; 2]);
            self.turned.clear();
            self.turned.extend(columns.iter().map(|column| {
                let [x, y] = column.place;
                let place = [x * cos + y * sin, y * cos - x * sin];
                for axis in 0..2 {
                    low[axis] = low[axis].min(place[axis]);
                    high[axis] = high[axis].max(place[axis]);
                }
                place
            }));
            let closeness: f32 = self
                .turned
                .iter()
                .map(|place| {
                    let nearest = |axis: usize| {
                        (place[axis] - low[axis]).min(high[axis] - place[axis]).max(0.0)
                    };
                    1.0 / nearest(0).min(nearest(1)).max(CLOSE_M)
                })
                .sum();
            if closeness > highest {
                (highest, best) = (closeness, Rectangle { yaw, low, high });
            }
        }
        best
    }
}
