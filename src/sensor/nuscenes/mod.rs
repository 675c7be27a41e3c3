//! nuScenes (Caesar et al., 2020): its tables, its splits, and the stream of JSON they are read from;
//! and [`Nuscenes`], which makes frames of them.
//!
//! Tables, splits and poses keep nuScenes' own frames and units: global and ego frames with z up,
//! metres, seconds or microseconds as named, quaternions `w, x, y, z` that map child to parent. Frames
//! have this crate's LiDAR frame, level with the vehicle (see [`pose`]).

pub mod json;
pub mod label;
pub mod pose;
mod rig;
pub mod scan;
mod selection;
mod source;
pub mod splits;
pub mod tables;

pub use rig::{CAMERAS, LIDAR, lidar_spec};
pub use selection::Selection;
pub use source::{Nuscenes, Options};
