//! One line of a KITTI label or result file: text in, numbers out, and back.
//!
//! The columns are those of the KITTI object development kit: class, truncation, occlusion, alpha,
//! 2D box (left, top, right, bottom), height, width, length, x, y, z of the bottom's middle in the
//! rectified camera frame, rotation about the camera's y axis, and in results a score.

use std::fmt::{self, Write as _};

use crate::frame::Class;

/// Names of the columns, for messages.
const COLUMNS: [&str; 16] = [
    "class",
    "truncation",
    "occlusion",
    "alpha",
    "left",
    "top",
    "right",
    "bottom",
    "height",
    "width",
    "length",
    "x",
    "y",
    "z",
    "rotation_y",
    "score",
];

/// A labelled or detected object as KITTI writes it, in KITTI's frame and order.
///
/// ```
/// use emc2::sensor::kitti::row::ObjectRow;
/// let row: ObjectRow =
///     "Car 0.00 1 2.04 334.85 178.94 624.50 372.04 1.57 1.50 3.68 -1.17 1.65 7.86 1.90".parse()?;
/// assert_eq!(row.location[2], 7.86);
/// assert_eq!(row.to_string().parse::<ObjectRow>()?, row);
/// # Ok::<(), emc2::sensor::kitti::row::RowError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectRow {
    /// The class as written; see [`class`](Self::class).
    pub kind: String,
    /// Share outside the image, 0..1; negative where not given.
    pub truncation: f64,
    /// 0 visible, 1 partly, 2 largely hidden, 3 unknown; negative where not given.
    pub occlusion: f64,
    /// Observation angle, rad.
    pub alpha: f64,
    /// Left, top, right, bottom, pixels.
    pub bbox: [f64; 4],
    /// Height, width, length, m (KITTI's order).
    pub size_hwl: [f64; 3],
    /// Middle of the box's bottom in the rectified camera frame: x right, y down, z forward, m.
    pub location: [f64; 3],
    /// Heading about the camera's y axis, rad, 0 along the camera's x.
    pub rotation_y: f64,
    /// Confidence of a detection; none in labels.
    pub score: Option<f64>,
}

/// What is wrong in a line, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// Too few or too many columns.
    #[error("expected 15 columns (a label) or 16 (a result), found {found}")]
    Columns {
        /// Columns in the line.
        found: usize,
    },
    /// A column that is not a finite number.
    #[error("column {column} ({name}): expected a finite number, found {found:?}")]
    Number {
        /// Which column, from 1.
        column: usize,
        /// What the column is.
        name: &'static str,
        /// What is written there.
        found: String,
    },
    /// The number of a frame or track that is not one (tracking labels only).
    #[error("column {column} ({name}): expected a whole number, found {found:?}")]
    Whole {
        /// Which column, from 1.
        column: usize,
        /// What the column is.
        name: &'static str,
        /// What is written there.
        found: String,
    },
}

impl RowError {
    /// The same, for a line with `more` columns in front of the usual ones.
    pub(super) fn behind(self, more: usize) -> Self {
        match self {
            Self::Columns { found } => Self::Columns { found: found + more },
            Self::Number { column, name, found } => {
                Self::Number { column: column + more, name, found }
            }
            whole @ Self::Whole { .. } => whole,
        }
    }
}

impl ObjectRow {
    /// The class, if it is one of KITTI's nine, whatever the letter case. Other names, such as
    /// View-of-Delft's `rider` (its riding `Cyclist` has a box of its own), `bicycle` or
    /// `moped_scooter`, have none.
    pub fn class(&self) -> Option<Class> {
        Class::from_name(&self.kind)
    }

    /// True where the row holds a 3D box: DontCare areas and pure 2D results do not (their sizes
    /// are not positive).
    pub fn has_box3(&self) -> bool {
        self.size_hwl.iter().all(|size| *size > 0.0)
    }

    /// Appends the row, without line end, with that many decimals: 16 columns if there is a score
    /// (KITTI's result format), else 15.
    pub fn write(&self, decimals: usize, out: &mut String) {
        self.write_with(out, |out, value| write!(out, "{value:.decimals$}"))
            .expect("writing to a String cannot fail");
    }

    fn write_with<W: fmt::Write>(
        &self,
        out: &mut W,
        mut number: impl FnMut(&mut W, f64) -> fmt::Result,
    ) -> fmt::Result {
        out.write_str(&self.kind)?;
        // KITTI's own reader scans the occlusion as an integer.
        for value in [self.truncation, self.occlusion] {
            if value.fract() == 0.0 {
                write!(out, " {value:.0}")?;
            } else {
                out.write_char(' ')?;
                number(out, value)?;
            }
        }
        let [left, top, right, bottom] = self.bbox;
        let [height, width, length] = self.size_hwl;
        let [x, y, z] = self.location;
        let columns =
            [self.alpha, left, top, right, bottom, height, width, length, x, y, z, self.rotation_y];
        for value in columns.into_iter().chain(self.score) {
            out.write_char(' ')?;
            number(out, value)?;
        }
        Ok(())
    }
}

/// Every digit, so that reading the text again gives the same row.
impl fmt::Display for ObjectRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_with(f, |f, value| write!(f, "{value}"))
    }
}

impl std::str::FromStr for ObjectRow {
    type Err = RowError;

    /// Reads one line of 15 or 16 columns, parted by spaces or tabs.
    fn from_str(line: &str) -> Result<Self, RowError> {
        let found = line.split_ascii_whitespace().count();
        if !(15..=16).contains(&found) {
            return Err(RowError::Columns { found });
        }
        let mut columns = line.split_ascii_whitespace();
        let kind = columns.next().unwrap_or_default().to_owned();
        let mut values = [0.0; 15];
        for (index, text) in columns.enumerate() {
            values[index] =
                text.parse::<f64>().ok().filter(|value| value.is_finite()).ok_or_else(|| {
                    RowError::Number {
                        column: index + 2,
                        name: COLUMNS[index + 1],
                        found: text.to_owned(),
                    }
                })?;
        }
        let [truncation, occlusion, alpha, left, top, right, bottom, h, w, l, x, y, z, turn, score] =
            values;
        Ok(Self {
            kind,
            truncation,
            occlusion,
            alpha,
            bbox: [left, top, right, bottom],
            size_hwl: [h, w, l],
            location: [x, y, z],
            rotation_y: turn,
            score: (found == 16).then_some(score),
        })
    }
}

/// Reads a whole label or result file; blank lines are passed over. Gives each row with its line
/// number, from 1.
///
/// # Errors
/// [`Error::Row`](crate::sensor::Error::Row) with line, column, expected and found, at the first
/// line that is not a row.
pub fn parse_rows(text: &str, file: &str) -> Result<Vec<(usize, ObjectRow)>, crate::sensor::Error> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim_ascii().is_empty())
        .map(|(index, line)| match line.parse() {
            Ok(row) => Ok((index + 1, row)),
            Err(cause) => {
                Err(crate::sensor::Error::Row { file: file.to_owned(), line: index + 1, cause })
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number() -> impl Strategy<Value = f64> {
        prop_oneof![-1e4..1e4, -1.0..1.0, any::<i16>().prop_map(f64::from), Just(-0.0)]
    }

    prop_compose! {
        fn row()(
            kind in "[A-Za-z_]{1,12}",
            truncation in number(),
            occlusion in number(),
            alpha in number(),
            bbox in prop::array::uniform4(number()),
            size_hwl in prop::array::uniform3(number()),
            location in prop::array::uniform3(number()),
            rotation_y in number(),
            score in prop::option::of(number()),
        ) -> ObjectRow {
            ObjectRow {
                kind, truncation, occlusion, alpha, bbox, size_hwl, location, rotation_y, score,
            }
        }
    }

    proptest! {
        #[test]
        fn a_row_written_in_full_comes_back_the_same(row in row()) {
            prop_assert_eq!(row.to_string().parse::<ObjectRow>(), Ok(row));
        }

        #[test]
        fn a_row_written_with_few_decimals_comes_back_to_their_rounding(row in row()) {
            let mut text = String::new();
            row.write(2, &mut text);
            let back: ObjectRow = text.parse().unwrap();
            prop_assert_eq!(text.split(' ').count(), if row.score.is_some() { 16 } else { 15 });
            prop_assert!((back.location[0] - row.location[0]).abs() <= 0.005 + 1e-9);
            prop_assert!((back.occlusion - row.occlusion).abs() <= 0.005 + 1e-9);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,80}") {
            let _ = text.parse::<ObjectRow>();
        }
    }

    #[test]
    fn a_result_row_has_kittis_sixteen_columns() {
        let row = ObjectRow {
            kind: "Car".to_owned(),
            truncation: -1.0,
            occlusion: -1.0,
            alpha: 1.7,
            bbox: [489.36, 183.77, 548.59, 229.83],
            size_hwl: [1.482, 1.586, 3.48],
            location: [-3.229, 1.899, 25.806],
            rotation_y: 1.6002,
            score: Some(0.9),
        };
        let mut text = String::new();
        row.write(2, &mut text);
        assert_eq!(
            text,
            "Car -1 -1 1.70 489.36 183.77 548.59 229.83 1.48 1.59 3.48 -3.23 1.90 25.81 1.60 0.90"
        );
    }

    #[test]
    fn floats_where_kitti_has_whole_numbers_are_read() {
        let line = "Cyclist 0.5 1.0 0 1 2 3 4 1 1 1 0 0 9 0";
        let row: ObjectRow = line.parse().unwrap();
        assert_eq!((row.truncation, row.occlusion, row.class()), (0.5, 1.0, Some(Class::Cyclist)));
        assert_eq!(row.score, None);
    }
}
