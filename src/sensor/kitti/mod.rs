//! KITTI's layouts on disk: folders in, frames out.

pub mod row;
