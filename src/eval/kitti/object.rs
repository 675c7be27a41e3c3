//! What is judged: classes, difficulties, metrics, and the limits that go with them.
//!
//! The numbers are those of the KITTI object benchmark's evaluation program.

use serde::{Deserialize, Serialize};

use crate::frame::Class;

/// A class that the benchmark judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Judged {
    /// Cars; vans are neither finds nor mistakes.
    Car,
    /// Pedestrians; sitting persons are neither finds nor mistakes.
    Pedestrian,
    /// Cyclists.
    Cyclist,
}

impl Judged {
    /// All of them, in the benchmark's order.
    pub const ALL: [Self; 3] = [Self::Car, Self::Pedestrian, Self::Cyclist];

    /// The class itself.
    pub fn class(self) -> Class {
        match self {
            Self::Car => Class::Car,
            Self::Pedestrian => Class::Pedestrian,
            Self::Cyclist => Class::Cyclist,
        }
    }

    /// The class whose labels may take a detection without it being a find or a mistake.
    pub fn neighbour(self) -> Option<Class> {
        match self {
            Self::Car => Some(Class::Van),
            Self::Pedestrian => Some(Class::PersonSitting),
            Self::Cyclist => None,
        }
    }

    /// The lower-case name, as in the JSON.
    pub fn key(self) -> &'static str {
        match self {
            Self::Car => "car",
            Self::Pedestrian => "pedestrian",
            Self::Cyclist => "cyclist",
        }
    }

    /// The overlap that a match must exceed.
    pub fn limit(self, strictness: Strictness, metric: Metric) -> f64 {
        match (self, strictness, metric) {
            (Self::Car, Strictness::Official, _) => 0.7,
            (_, Strictness::Official, _)
            | (Self::Car, Strictness::Loose, Metric::Bev | Metric::Box3d) => 0.5,
            (Self::Car, Strictness::Loose, Metric::Image) => 0.7,
            (_, Strictness::Loose, Metric::Image) => 0.5,
            (_, Strictness::Loose, _) => 0.25,
        }
    }
}

impl std::str::FromStr for Judged {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|judged| judged.key().eq_ignore_ascii_case(name));
        found.ok_or_else(|| {
            format!("the benchmark judges car, pedestrian and cyclist; found {name:?}")
        })
    }
}

/// Which overlap a match must exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strictness {
    /// The benchmark's: 0.7 for cars, 0.5 for the others.
    Official,
    /// The second table of the widely used Python port: 0.5 and 0.25 from above and in 3D.
    Loose,
}

/// What of two boxes is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Metric {
    /// The rectangles in the image.
    #[serde(rename = "2d")]
    Image,
    /// The rectangles on the ground.
    #[serde(rename = "bev")]
    Bev,
    /// The volumes.
    #[serde(rename = "3d")]
    Box3d,
}

impl Metric {
    /// All of them, in the benchmark's order.
    pub const ALL: [Self; 3] = [Self::Image, Self::Bev, Self::Box3d];

    /// The name in the JSON.
    pub fn key(self) -> &'static str {
        match self {
            Self::Image => "2d",
            Self::Bev => "bev",
            Self::Box3d => "3d",
        }
    }
}

/// Which labels count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Difficulty {
    /// Taller than 40 pixels, whole, at most 15 % outside the image.
    Easy,
    /// Taller than 25 pixels, at most partly hidden, at most 30 % outside.
    Moderate,
    /// Taller than 25 pixels, at most largely hidden, at most half outside.
    Hard,
}

impl Difficulty {
    /// All of them, from easy to hard.
    pub const ALL: [Self; 3] = [Self::Easy, Self::Moderate, Self::Hard];

    /// The name in the JSON.
    pub fn key(self) -> &'static str {
        match self {
            Self::Easy => "easy",
            Self::Moderate => "moderate",
            Self::Hard => "hard",
        }
    }

    /// A label must be taller than this, a detection at least as tall, pixels.
    pub fn height_px(self) -> f64 {
        if self == Self::Easy { 40.0 } else { 25.0 }
    }

    /// A label's occlusion may be this at most.
    pub fn occlusion(self) -> f64 {
        match self {
            Self::Easy => 0.0,
            Self::Moderate => 1.0,
            Self::Hard => 2.0,
        }
    }

    /// A label's truncation may be this at most.
    pub fn truncation(self) -> f64 {
        match self {
            Self::Easy => 0.15,
            Self::Moderate => 0.30,
            Self::Hard => 0.50,
        }
    }
}
