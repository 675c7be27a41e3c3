//! Numbers of a calibration file to matrices, with a check that they are what they are said to be.

use nalgebra::{Isometry3, Matrix3, Rotation3, Translation3, UnitQuaternion, Vector3};

use super::Error;

/// How far R Rᵀ may be from the identity. Files with seven digits reach 1e-6.
const ROTATION_LIMIT: f64 = 1e-3;

/// The rotation nearest to a 3×3 matrix (rows first) that is one but for rounding in the file.
pub(super) fn rotation(
    rows: &[f64; 9],
    file: &str,
    what: &str,
) -> Result<UnitQuaternion<f64>, Error> {
    let matrix = Matrix3::from_row_slice(rows);
    let departure = (matrix * matrix.transpose() - Matrix3::identity()).abs().max();
    let determinant = matrix.determinant();
    if !(departure <= ROTATION_LIMIT && determinant > 0.0) {
        return Err(Error::NotARotation {
            file: file.to_owned(),
            what: what.to_owned(),
            departure,
            limit: ROTATION_LIMIT,
            determinant,
        });
    }
    Ok(nearest_rotation(rows))
}

/// The rotation nearest to a 3×3 matrix (rows first) in the least squares sense.
pub(super) fn nearest_rotation(rows: &[f64; 9]) -> UnitQuaternion<f64> {
    let matrix = Matrix3::from_row_slice(rows);
    // Through singular values: nalgebra's own `from_matrix` iterates from a guess and may stop
    // early for turns near π.
    let svd = matrix.svd(true, true);
    let nearest = match (svd.u, svd.v_t) {
        (Some(u), Some(v_t)) => u * v_t,
        _ => matrix,
    };
    UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix_unchecked(nearest))
}

/// A pose from its two parts.
pub(super) fn pose(rotation: &UnitQuaternion<f64>, t: [f64; 3]) -> Isometry3<f64> {
    Isometry3::from_parts(Translation3::from(t), *rotation)
}

/// A pose from twelve numbers: the rows of `[R | t]`.
pub(super) fn isometry(rows: &[f64; 12], file: &str, what: &str) -> Result<Isometry3<f64>, Error> {
    let [a, b, c, x, d, e, f, y, g, h, i, z] = *rows;
    let rotation = rotation(&[a, b, c, d, e, f, g, h, i], file, what)?;
    Ok(pose(&rotation, [x, y, z]))
}

/// An intrinsic matrix from nine numbers, scaled so that its last number is 1.
pub(crate) fn intrinsic(rows: &[f64; 9], file: &str, what: &str) -> Result<Matrix3<f64>, Error> {
    let no = |why: String| Error::NotACamera { file: file.to_owned(), what: what.to_owned(), why };
    let [fx, _, _, below, fy, _, p, q, s] = *rows;
    if s <= 0.0 || p != 0.0 || q != 0.0 || below != 0.0 {
        return Err(no(format!(
            "expected zeros below the diagonal and a last row 0 0 1, found {below} below fx and a \
             last row {p} {q} {s}"
        )));
    }
    if !(fx > 0.0 && fy > 0.0) {
        return Err(no(format!("expected focal lengths above 0, found {fx} and {fy}")));
    }
    Ok(Matrix3::from_row_slice(rows) / s)
}

/// Splits a projection matrix `K [I | t]` into K and t = K⁻¹ p₄, exactly.
pub(super) fn projection(
    rows: &[f64; 12],
    file: &str,
    what: &str,
) -> Result<(Matrix3<f64>, Translation3<f64>), Error> {
    let [a, b, c, _, d, e, f, _, g, h, i, _] = *rows;
    intrinsic(&[a, b, c, d, e, f, g, h, i], file, what)?;
    Ok(split_projection(rows))
}

/// The split itself, for a matrix known to be a camera's.
pub(super) fn split_projection(rows: &[f64; 12]) -> (Matrix3<f64>, Translation3<f64>) {
    let [a, b, c, x, d, e, f, y, g, h, i, z] = *rows;
    let k = Matrix3::from_row_slice(&[a, b, c, d, e, f, g, h, i]) / i;
    let fourth = Vector3::new(x, y, z) / i;
    // Upper triangular with a positive diagonal: solvable.
    let tz = fourth.z;
    let ty = (fourth.y - k[(1, 2)] * tz) / k[(1, 1)];
    let tx = (fourth.x - k[(0, 2)] * tz - k[(0, 1)] * ty) / k[(0, 0)];
    (k, Translation3::new(tx, ty, tz))
}
