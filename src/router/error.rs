//! What can be wrong with a router's settings.

/// An error of the router room. All of them are found before the first frame.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// No policy of that name.
    #[error(
        "router.policy: there is no policy {found:?}; there are region-table, scene-tree, \
         always:lpe, always:vee, always:ape and always:bridge"
    )]
    UnknownPolicy {
        /// What was asked for.
        found: String,
    },
    /// The budget is no time.
    #[error("router.budget_ms: expected a number of milliseconds of 0 or more, found {found}")]
    Budget {
        /// What was given.
        found: f64,
    },
    /// A bound of the region table is no range.
    #[error(
        "router.table, row {row} ({name:?}), {key}: expected two rising numbers [from, to], found \
         [{}, {}]", found[0], found[1]
    )]
    Range {
        /// Row number, from 0.
        row: usize,
        /// The row's name.
        name: String,
        /// Which bound.
        key: &'static str,
        /// What was given.
        found: [f32; 2],
    },
    /// A row of the region table sends regions where none can go.
    #[error(
        "router.table, row {row} ({name:?}), expert: expected bridge, lpe, vee or ape, found emergency (it has no \
         answer for a region: it finds its own boxes)"
    )]
    RowExpert {
        /// Row number, from 0.
        row: usize,
        /// The row's name.
        name: String,
    },
    /// A row of the region table names no class, so that it could never match.
    #[error(
        "router.table, row {row} ({name:?}), classes: expected at least one class, found an empty \
         list; leave the key out for all classes"
    )]
    Classes {
        /// Row number, from 0.
        row: usize,
        /// The row's name.
        name: String,
    },
    /// The region table has no rows, or more than a reason can point at.
    #[error(
        "router.table: expected 1 to 255 rows, found {rows}; add a row without bounds to catch \
         every region"
    )]
    Rows {
        /// How many there are.
        rows: usize,
    },
    /// A number of the scene tree or of the gain table is unusable.
    #[error("router.{key}: expected {expected}, found {found}")]
    Number {
        /// Which.
        key: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What was given.
        found: f32,
    },
}
