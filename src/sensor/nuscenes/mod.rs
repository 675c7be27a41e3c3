//! nuScenes (Caesar et al., 2020): its tables, its splits, and the stream of JSON they are read from.
//!
//! Everything here keeps nuScenes' own frames and units: global and ego frames with z up, metres,
//! seconds or microseconds as named, quaternions `w, x, y, z` that map child to parent.

pub mod json;
pub mod splits;
pub mod tables;
