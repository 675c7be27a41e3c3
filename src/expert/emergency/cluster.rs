//! What belongs together: returns above the ground, gathered into columns, connected by distance.
//!
//! A column stands on a square of 0.2 m and keeps the mean place and the height of its returns:
//! near the sensor this thins a car's thousands of returns to a few dozen columns. Columns nearer
//! than the radius are connected; the radius grows with distance, since returns thin out.

use kiddo::{ImmutableKdTree, SquaredEuclidean};

use super::EmergencyCounts;
use super::ground::{Above, Ground};

/// Side of a column, m.
const COLUMN_M: f32 = 0.2;
/// Nothing that we look for is higher, m above ground.
pub(super) const HEIGHT_OF_INTEREST_M: f32 = 2.4;
/// Up to here returns still count as the column going on upwards (walls, trees, lorries), m.
const TALL_M: f32 = 4.0;
/// Distance from which the radius grows, and the distance over which it doubles, m.
const GROWTH_M: [f32; 2] = [15.0, 45.0];

/// The returns above a small square.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Column {
    /// Mean place of the returns, LiDAR frame, m.
    pub place: [f32; 2],
    /// Returns up to the height of interest.
    pub returns: u32,
    /// Returns between the height of interest and `TALL_M`.
    pub tall: u32,
    /// Highest return up to the height of interest, m above ground.
    pub top: f32,
}

/// Connected columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cluster<'a> {
    pub columns: &'a [Column],
}

impl Cluster<'_> {
    pub(super) fn returns(&self) -> usize {
        self.columns.iter().map(|column| column.returns as usize).sum()
    }
}

/// Columns of a frame and the clusters they form.
pub(super) struct Clusters {
    reach: f32,
    side: usize,
    /// For each square: its column + 1, or 0.
    squares: Vec<u32>,
    used: Vec<u32>,
    columns: Vec<Column>,
    places: Vec<[f32; 2]>,
    queue: Vec<u32>,
    taken: Vec<bool>,
    /// Columns in order of cluster, and where each cluster ends.
    members: Vec<Column>,
    ends: Vec<usize>,
}

impl Clusters {
    pub(super) fn new(reach: f32) -> Self {
        let side = 2 * (reach / COLUMN_M).ceil() as usize + 2;
        Self {
            reach,
            side,
            squares: vec![0; side * side],
            used: Vec::new(),
            columns: Vec::new(),
            places: Vec::new(),
            queue: Vec::new(),
            taken: Vec::new(),
            members: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// Gathers the returns above the ground into columns, in order of first return.
    pub(super) fn gather(
        &mut self,
        points: &[[f32; 4]],
        ground: &Ground,
        counts: &mut EmergencyCounts,
    ) {
        for &square in &self.used {
            self.squares[square as usize] = 0;
        }
        self.used.clear();
        self.columns.clear();
        let limit = self.reach * self.reach;
        for &point in points {
            let [x, y, ..] = point;
            let above = match ground.above(point) {
                Above::Object(above) if above < TALL_M && x * x + y * y < limit => above,
                Above::Ground => {
                    counts.ground += 1;
                    continue;
                }
                Above::Object(_) | Above::OutOfReach => {
                    counts.ignored += 1;
                    continue;
                }
            };
            let place = |v: f32| ((v + self.reach) / COLUMN_M) as usize;
            let square = place(x) * self.side + place(y);
            let column = match self.squares[square] {
                0 => {
                    self.used.push(square as u32);
                    self.columns.push(Column { place: [0.0; 2], returns: 0, tall: 0, top: 0.0 });
                    self.squares[square] = self.columns.len() as u32;
                    self.columns.len() - 1
                }
                known => known as usize - 1,
            };
            let column = &mut self.columns[column];
            if above > HEIGHT_OF_INTEREST_M {
                column.tall += 1;
                counts.ignored += 1;
                continue;
            }
            counts.kept += 1;
            column.returns += 1;
            column.place[0] += x;
            column.place[1] += y;
            column.top = column.top.max(above);
        }
        self.columns.retain(|column| column.returns > 0);
        for column in &mut self.columns {
            column.place = column.place.map(|sum| sum / column.returns as f32);
        }
    }

    /// Connects columns nearer than `radius` (m, at close range) to clusters.
    pub(super) fn connect(&mut self, radius: f32) {
        self.members.clear();
        self.ends.clear();
        self.places.clear();
        self.places.extend(self.columns.iter().map(|column| column.place));
        self.taken.clear();
        self.taken.resize(self.columns.len(), false);
        if self.places.is_empty() {
            return;
        }
        // Fails only beyond 2^32 columns, more than there are squares.
        let Ok(tree) = ImmutableKdTree::<f32, 2>::new_from_slice(&self.places) else { return };
        for seed in 0..self.places.len() {
            if std::mem::replace(&mut self.taken[seed], true) {
                continue;
            }
            self.queue.clear();
            self.queue.push(seed as u32);
            while let Some(column) = self.queue.pop() {
                let place = self.places[column as usize];
                self.members.push(self.columns[column as usize]);
                let distance = place[0].hypot(place[1]);
                let grown = radius * (1.0 + (distance - GROWTH_M[0]).max(0.0) / GROWTH_M[1]);
                let (taken, queue) = (&mut self.taken, &mut self.queue);
                tree.query(&place).within::<SquaredEuclidean<f32>>(grown * grown).unsorted().visit(
                    |found| {
                        if !std::mem::replace(&mut taken[found.item as usize], true) {
                            queue.push(found.item);
                        }
                    },
                );
            }
            self.ends.push(self.members.len());
        }
    }

    /// The clusters, in order of their first return.
    pub(super) fn iter(&self) -> impl Iterator<Item = Cluster<'_>> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| Cluster { columns: &self.members[start..end] })
    }
}
