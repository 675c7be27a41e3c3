//! nuScenes detection evaluation by the rules of the official devkit.
