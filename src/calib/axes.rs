//! The axes in which a sensor writes its points, said in words, and their turn to this crate's.

use std::fmt;
use std::str::FromStr;

use nalgebra::{Matrix3, Rotation3, UnitQuaternion};

/// Directions of a sensor's raw x, y and z axes, such as `x right, y forward, z up`. Always
/// right-handed. This crate's own axes, the default, are `x forward, y left, z up`.
///
/// ```
/// use emc2::calib::Axes;
///
/// let nuscenes: Axes = "x right, y forward, z up".parse().unwrap();
/// assert_eq!(nuscenes.turn([1.0, 20.0, -1.5]), [20.0, -1.0, -1.5]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Axes {
    /// For x, y, z of the raw data: which axis of the crate (0 x, 1 y, 2 z) and whether against it.
    raw: [(usize, bool); 3],
}

impl Default for Axes {
    fn default() -> Self {
        Self { raw: [(0, false), (1, false), (2, false)] }
    }
}

/// Directions by axis of the crate: along it, against it.
const NAMES: [[&str; 2]; 3] = [["forward", "backward"], ["left", "right"], ["up", "down"]];

impl Axes {
    /// A raw point in this crate's axes (x forward, y left, z up), same origin.
    #[inline]
    pub fn turn(&self, raw: [f32; 3]) -> [f32; 3] {
        let mut turned = [0.0; 3];
        for (value, (axis, against)) in raw.into_iter().zip(self.raw) {
            turned[axis] = if against { -value } else { value };
        }
        turned
    }

    /// The same turn as a rotation from raw to crate axes.
    pub fn rotation(&self) -> UnitQuaternion<f64> {
        let mut matrix = Matrix3::zeros();
        for (column, (axis, against)) in self.raw.into_iter().enumerate() {
            matrix[(axis, column)] = if against { -1.0 } else { 1.0 };
        }
        UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix_unchecked(matrix))
    }
}

impl fmt::Display for Axes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [x, y, z] = self.raw.map(|(axis, against)| NAMES[axis][usize::from(against)]);
        write!(f, "x {x}, y {y}, z {z}")
    }
}

impl FromStr for Axes {
    type Err = &'static str;

    /// Reads the words; the error says what is wrong with them.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut raw = [(0, false); 3];
        let mut words = text.split([',', ' ']).filter(|word| !word.is_empty());
        for (slot, letter) in raw.iter_mut().zip(["x", "y", "z"]) {
            if words.next() != Some(letter) {
                return Err("the axes x, y, z in this order, each with a direction");
            }
            let name = words.next().unwrap_or("");
            *slot = (0..3)
                .flat_map(|axis| [(axis, false), (axis, true)])
                .find(|&(axis, against)| NAMES[axis][usize::from(against)] == name)
                .ok_or("a direction: forward, backward, left, right, up or down")?;
        }
        if words.next().is_some() {
            return Err("three axes and nothing more");
        }
        let sign = |against: bool| if against { -1 } else { 1 };
        let [a, b, c] = raw;
        let handed = match (a.0, b.0, c.0) {
            (0, 1, 2) | (1, 2, 0) | (2, 0, 1) => 1,
            (0, 2, 1) | (2, 1, 0) | (1, 0, 2) => -1,
            _ => return Err("three different directions, none along another"),
        };
        if handed * sign(a.1) * sign(b.1) * sign(c.1) < 0 {
            return Err(
                "right-handed axes (these are left-handed: one direction is the wrong way)",
            );
        }
        Ok(Self { raw })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_turn_agree() {
        for (text, raw, turned) in [
            ("x forward, y left, z up", [1.0, 2.0, 3.0], [1.0, 2.0, 3.0]),
            ("x right, y forward, z up", [1.0, 2.0, 3.0], [2.0, -1.0, 3.0]),
            ("x right, y down, z forward", [1.0, 2.0, 3.0], [3.0, -1.0, -2.0]),
            ("x forward, y right, z down", [1.0, 2.0, 3.0], [1.0, -2.0, -3.0]),
        ] {
            let axes: Axes = text.parse().unwrap();
            assert_eq!(axes.to_string(), text);
            assert_eq!(axes.turn(raw), turned);
            let same = axes.rotation() * nalgebra::Vector3::from(raw.map(f64::from));
            assert!((same - nalgebra::Vector3::from(turned.map(f64::from))).norm() < 1e-12);
        }
    }

    #[test]
    fn impossible_axes_are_refused_with_the_reason() {
        for (text, reason) in [
            ("x forward, y right, z up", "left-handed"),
            ("x forward, y backward, z up", "different directions"),
            ("x forward, y left", "in this order"),
            ("x forward, y left, z skyward", "forward, backward"),
            ("x forward, y left, z up, w down", "nothing more"),
        ] {
            let error = text.parse::<Axes>().unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
