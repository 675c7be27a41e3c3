//! Readers: folders, packets and seeds become frames.
//!
//! A [`Source`] is a numbered row of frames that any number of threads may read at once. A frame
//! that cannot be read is an [`Error`] for that number alone; the caller counts it as a skip or
//! stops. Inside a readable frame, whatever is left out is counted in
//! [`Frame::dropped`](crate::frame::Frame).

mod error;
pub mod image;
pub mod kitti;
pub mod nuscenes;
pub mod scan;
pub mod synthetic;
pub mod view;

use std::iter::FusedIterator;

pub use error::Error;

use crate::calib::LidarSpec;
use crate::frame::Frame;

/// A numbered row of frames. Reading takes `&self`, so threads share a source without locks of
/// their own; the same number gives the same frame, whatever the order of reading.
pub trait Source: Send + Sync {
    /// What this is, for reports: the layout and its folder, or the generator and its seed.
    fn name(&self) -> &str;

    /// The frames' names in reading order, such as `000008` or `0000/000042`; all different.
    fn ids(&self) -> &[String];

    /// What its LiDAR is like, where the source knows that without reading a frame.
    fn lidar(&self) -> Option<LidarSpec> {
        None
    }

    /// Reads frame number `index` into `frame`, whose memory is used again; what was in it is
    /// gone. After an error the contents of `frame` mean nothing, but it may be used again.
    ///
    /// # Errors
    /// [`Error::Index`] where there is no such frame, else whatever made it unreadable.
    fn load_into(&self, index: usize, frame: &mut Frame) -> Result<(), Error>;

    /// Reads frame number `index`.
    ///
    /// # Errors
    /// As [`load_into`](Self::load_into).
    fn load(&self, index: usize) -> Result<Frame, Error> {
        let mut frame = Frame::empty();
        self.load_into(index, &mut frame)?;
        Ok(frame)
    }

    /// How many frames there are.
    fn len(&self) -> usize {
        self.ids().len()
    }

    /// True where there is no frame at all.
    fn is_empty(&self) -> bool {
        self.ids().is_empty()
    }

    /// The number of the frame of that name.
    fn index_of(&self, id: &str) -> Option<usize> {
        self.ids().iter().position(|known| known == id)
    }
}

/// The frames of a source one after the other, with the position for a progress display.
///
/// An unreadable frame is an `Err` item; the iteration goes on behind it.
pub struct Frames<'a> {
    source: &'a dyn Source,
    next: usize,
}

impl<'a> Frames<'a> {
    /// Starts before the first frame.
    pub fn new(source: &'a dyn Source) -> Self {
        Self { source, next: 0 }
    }

    /// Frames already given, readable or not.
    pub fn position(&self) -> usize {
        self.next
    }

    /// Frames of the whole source.
    pub fn total(&self) -> usize {
        self.source.len()
    }

    /// As `next`, but fills `frame` instead of giving a new one; none at the end.
    pub fn next_into(&mut self, frame: &mut Frame) -> Option<Result<(), Error>> {
        let index = self.next;
        (index < self.source.len()).then(|| {
            self.next += 1;
            self.source.load_into(index, frame)
        })
    }
}

impl Iterator for Frames<'_> {
    type Item = Result<Frame, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut frame = Frame::empty();
        self.next_into(&mut frame).map(|read| read.map(|()| frame))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.source.len() - self.next.min(self.source.len());
        (left, Some(left))
    }
}

impl ExactSizeIterator for Frames<'_> {}
impl FusedIterator for Frames<'_> {}
