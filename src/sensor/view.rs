//! What a camera sees of a scan: points in, those that fall into the image out, in place.
//!
//! KITTI labels only what its left colour camera sees, so results on a whole turn are comparable
//! with its labels only after this cut. `velodyne_reduced` is the same cut made beforehand.

use crate::calib::Camera;

/// Keeps the points that lie in front of the camera and project into its image, in scan order;
/// gives the number of points dropped.
///
/// A pixel position is inside from 0 (inclusive) to width or height (exclusive), as in the widely
/// used preparation of `velodyne_reduced`. In f32: at the very edge of the image a point may fall
/// to the other side than in f64 (about 0.001 pixel).
pub fn keep_visible(points: &mut Vec<[f32; 4]>, camera: &Camera) -> u64 {
    let pose = camera.from_lidar.isometry.to_homogeneous().fixed_view::<3, 4>(0, 0).into_owned();
    let [row_u, row_v, row_depth] = rows(&(camera.intrinsic * pose));
    let [width, height] = camera.size.map(|size| size as f32);
    let dot = |row: &[f32; 4], p: &[f32; 4]| row[0] * p[0] + row[1] * p[1] + row[2] * p[2] + row[3];
    let before = points.len();
    let mut kept = 0;
    for index in 0..before {
        let point = points[index];
        let (u, v, depth) = (dot(&row_u, &point), dot(&row_v, &point), dot(&row_depth, &point));
        // u and v are still multiplied by the depth: comparing so saves the division. The bitwise
        // `and`, and the write that happens in any case, leave no branch to guess wrongly.
        let inside =
            (depth > 0.0) & (u >= 0.0) & (u < width * depth) & (v >= 0.0) & (v < height * depth);
        points[kept] = point;
        kept += usize::from(inside);
    }
    points.truncate(kept);
    (before - kept) as u64
}

fn rows(matrix: &nalgebra::Matrix3x4<f64>) -> [[f32; 4]; 3] {
    std::array::from_fn(|row| std::array::from_fn(|column| matrix[(row, column)] as f32))
}
