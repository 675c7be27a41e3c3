//! Pictures decoded beside the frame's own thread: wanted cameras go in as soon as the plan is known,
//! pixels come out when the image branch gets to them, after the experts that need no picture.
//!
//! Decoding a PNG takes longer than everything else outside the networks together, and nothing
//! before the image windows needs its pixels.

use std::sync::Arc;

use crossbeam::channel::{Receiver, Sender, unbounded};
use image::RgbImage;

use crate::calib::Camera;
use crate::frame::ImageData;
use crate::sensor::image::decode_upper;

/// Pixels, or why there are none.
pub(super) type Decoded = Result<Arc<RgbImage>, Arc<str>>;

/// A picture's ticket, and what became of it.
type Done = (u64, Decoded);

struct Request {
    ticket: u64,
    data: ImageData,
    camera: Camera,
    rows: u32,
}

struct Pending {
    camera: usize,
    ticket: u64,
    /// What came back while another camera was waited for.
    decoded: Option<Decoded>,
}

/// A thread that decodes; started with the first picture that is asked for.
#[derive(Default)]
pub(super) struct Ahead {
    thread: Option<(Sender<Request>, Receiver<Done>)>,
    next_ticket: u64,
    /// Asked for in this frame, in any order of cameras.
    pending: Vec<Pending>,
}

impl Ahead {
    /// Forgets what was asked for and not taken.
    pub(super) fn clear(&mut self) {
        self.pending.clear();
    }

    /// Asks for a camera's picture, of which the upper `rows` are enough. One whose pixels are there
    /// already needs no thread.
    pub(super) fn ask(&mut self, index: usize, data: &ImageData, camera: &Camera, rows: u32) {
        if !matches!(data, ImageData::File(_) | ImageData::Encoded(_)) {
            return;
        }
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        let (ask, _) = self.thread.get_or_insert_with(start);
        let request = Request { ticket, data: data.clone(), camera: camera.clone(), rows };
        if ask.send(request).is_ok() {
            self.pending.push(Pending { camera: index, ticket, decoded: None });
        }
    }

    /// Waits for a camera's picture; none if it was not asked for.
    pub(super) fn take(&mut self, index: usize) -> Option<Decoded> {
        let at = self.pending.iter().position(|pending| pending.camera == index)?;
        let wanted = self.pending.swap_remove(at);
        if wanted.decoded.is_some() {
            return wanted.decoded;
        }
        let (_, done) = self.thread.as_ref()?;
        loop {
            let (ticket, decoded) = done.recv().ok()?;
            if ticket == wanted.ticket {
                return Some(decoded);
            }
            // Another camera's; or one of an earlier frame, that nobody took.
            if let Some(other) = self.pending.iter_mut().find(|other| other.ticket == ticket) {
                other.decoded = Some(decoded);
            }
        }
    }
}

fn start() -> (Sender<Request>, Receiver<Done>) {
    let (ask, asked) = unbounded::<Request>();
    let (give, done) = unbounded();
    // A thread that cannot be had drops both ends: pictures are then decoded where they are needed.
    let _detached = std::thread::Builder::new().name("pictures".to_owned()).spawn(move || {
        for Request { ticket, data, camera, rows } in asked {
            let decoded = decode_upper(&data, &camera, rows);
            let decoded = decoded.map_err(|error| error.to_string().into());
            if give.send((ticket, decoded)).is_err() {
                return;
            }
        }
    });
    (ask, done)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::geometry::Pose;

    fn camera(width: u32) -> Camera {
        Camera {
            name: "front".to_owned(),
            size: [width, 8],
            intrinsic: nalgebra::Matrix3::identity(),
            from_lidar: Pose::identity(),
            time_offset_s: 0.0,
        }
    }

    fn picture(width: u32) -> ImageData {
        let mut bytes = Cursor::new(Vec::new());
        RgbImage::new(width, 8).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        ImageData::Encoded(bytes.into_inner().into())
    }

    #[test]
    fn pictures_come_out_whatever_the_order_they_are_taken_in() {
        let mut ahead = Ahead::default();
        for frame in 0..3 {
            ahead.clear();
            for index in 0..3 {
                let width = 10 + frame * 3 + index;
                ahead.ask(index as usize, &picture(width), &camera(width), 8);
            }
            // The last is never taken in the first frame.
            for index in if frame == 0 { vec![1, 0] } else { vec![2, 0, 1] } {
                let taken = ahead.take(index as usize).unwrap().unwrap();
                assert_eq!(taken.width(), 10 + frame * 3 + index);
            }
            assert!(ahead.take(1).is_none(), "each is taken once");
        }
    }

    #[test]
    fn a_damaged_picture_says_why_and_one_of_pixels_is_not_asked_for() {
        let mut ahead = Ahead::default();
        ahead.ask(0, &ImageData::Encoded(vec![1, 2, 3].into()), &camera(8), 8);
        ahead.ask(1, &ImageData::Rgb(Arc::new(RgbImage::new(8, 8))), &camera(8), 8);
        assert!(ahead.take(0).unwrap().unwrap_err().contains("cannot decode"));
        assert!(ahead.take(1).is_none());
    }
}
