//! KITTI object evaluation: 2D, BEV, 3D and AOS by the rules of the official program.
