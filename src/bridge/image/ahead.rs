//! Pictures decoded and classified beside the frame's own thread: wanted cameras go in as soon as the plan is
//! known, pixels come out when the image branch gets to them, after the experts that need no picture, and what
//! the classifier says of them after the expert that does.
//!
//! Decoding a PNG takes longer than everything else outside the networks together, and nothing
//! before the image windows needs its pixels.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use image::RgbImage;

use super::classifier::{Classifier, Crop, Logits};
use crate::calib::Camera;
use crate::frame::ImageData;
use crate::sensor::image::decode_upper;

/// Pixels, or why there are none.
pub(super) type Decoded = Result<Arc<RgbImage>, Arc<str>>;

/// What was waited for and did not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    /// The deadline passed first.
    Late,
    /// The thread has ended.
    Ended,
}

/// What is wanted of a camera's picture.
struct Request {
    ticket: u64,
    data: ImageData,
    camera: Camera,
    rows: u32,
    crops: Vec<Crop>,
}

/// What became of it, with its ticket. A request with crops is answered twice.
type Answered = (u64, Answer);

enum Answer {
    Pixels(Decoded),
    Logits(Result<Logits, Arc<str>>),
}

struct Pending {
    camera: usize,
    ticket: u64,
    taken: bool,
    /// What came back while something else was waited for.
    decoded: Option<Decoded>,
    /// Empty from the start where there are no crops.
    logits: Option<Result<Logits, Arc<str>>>,
}

/// A thread that decodes and classifies; started with the first picture that is asked for.
#[derive(Default)]
pub(super) struct Ahead {
    thread: Option<(Sender<Request>, Receiver<Answered>)>,
    /// Until the thread has it.
    classifier: Option<Classifier>,
    next_ticket: u64,
    /// What has a smaller ticket is of an earlier frame, and nobody waits for it.
    wanted_from: Arc<AtomicU64>,
    /// Asked for in this frame, in any order of cameras.
    pending: Vec<Pending>,
}

impl Ahead {
    /// With a classifier, or none.
    pub(super) fn new(classifier: Option<Classifier>) -> Self {
        Self { classifier, ..Self::default() }
    }

    /// Forgets what was asked for and not taken.
    pub(super) fn clear(&mut self) {
        self.pending.clear();
        self.wanted_from.store(self.next_ticket, Ordering::Relaxed);
    }

    /// Asks for a camera's picture, of which the upper `rows` are enough, and for what the classifier says of
    /// these crops. One whose pixels are there already and that has no crops needs no thread.
    pub(super) fn ask(
        &mut self,
        index: usize,
        data: &ImageData,
        camera: &Camera,
        rows: u32,
        crops: Vec<Crop>,
    ) {
        let there = match data {
            ImageData::Missing(_) => return,
            ImageData::Rgb(_) => true,
            ImageData::File(_) | ImageData::Encoded(_) => false,
        };
        if there && crops.is_empty() {
            return;
        }
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        if self.pending.iter().any(|pending| pending.camera == index) {
            return; // a second picture of the same camera
        }
        let (ask, _) = self
            .thread
            .get_or_insert_with(|| start(self.classifier.take(), Arc::clone(&self.wanted_from)));
        let logits = crops.is_empty().then(|| Ok(Logits::new()));
        let request = Request { ticket, data: data.clone(), camera: camera.clone(), rows, crops };
        // Without a thread nobody hears it, which shows when the answer is waited for.
        let _ = ask.send(request);
        let (taken, decoded) = (false, None);
        self.pending.push(Pending { camera: index, ticket, taken, decoded, logits });
    }

    /// Waits for a camera's picture, until the deadline where there is one; none if it was not asked for.
    ///
    /// # Errors
    /// It was asked for and does not come.
    pub(super) fn take(
        &mut self,
        index: usize,
        until: Option<Instant>,
    ) -> Result<Option<Decoded>, Lost> {
        let waits = |pending: &Pending| pending.camera == index && !pending.taken;
        let Some(at) = self.pending.iter().position(waits) else { return Ok(None) };
        loop {
            let wanted = &mut self.pending[at];
            if let Some(decoded) = wanted.decoded.take() {
                wanted.taken = true;
                return Ok(Some(decoded));
            }
            self.receive(until)?;
        }
    }

    /// Waits for what the classifier says of all crops that were asked for, until the deadline where there is one,
    /// and puts it behind what `out` holds. Whether all came in time.
    ///
    /// # Errors
    /// The cause where it could not look at them; those of other pictures are there all the same.
    pub(super) fn logits(
        &mut self,
        out: &mut Logits,
        until: Option<Instant>,
    ) -> Result<bool, Arc<str>> {
        let (mut failed, mut in_time) = (None, true);
        for at in 0..self.pending.len() {
            let said = loop {
                if let Some(said) = self.pending[at].logits.take() {
                    break said;
                }
                match self.receive(until) {
                    Ok(()) => {}
                    Err(Lost::Late) => {
                        in_time = false;
                        break Ok(Logits::new());
                    }
                    Err(Lost::Ended) => break Err("the pictures' thread has ended".into()),
                }
            };
            match said {
                Ok(said) => out.extend(said),
                Err(cause) => failed = Some(cause),
            }
            self.pending[at].logits = Some(Ok(Logits::new()));
        }
        failed.map_or(Ok(in_time), Err)
    }

    /// Takes one answer in.
    fn receive(&mut self, until: Option<Instant>) -> Result<(), Lost> {
        let (_, answers) = self.thread.as_ref().ok_or(Lost::Ended)?;
        let answer = match until {
            Some(until) => answers.recv_deadline(until),
            None => answers.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        let (ticket, answer) = answer.map_err(|error| match error {
            RecvTimeoutError::Timeout => Lost::Late,
            RecvTimeoutError::Disconnected => Lost::Ended,
        })?;
        // One of an earlier frame, that nobody took, has no place any more.
        if let Some(pending) = self.pending.iter_mut().find(|pending| pending.ticket == ticket) {
            match answer {
                Answer::Pixels(decoded) => pending.decoded = Some(decoded),
                Answer::Logits(logits) => pending.logits = Some(logits),
            }
        }
        Ok(())
    }
}

fn start(
    classifier: Option<Classifier>,
    wanted_from: Arc<AtomicU64>,
) -> (Sender<Request>, Receiver<Answered>) {
    let (ask, asked) = unbounded::<Request>();
    let (give, answers) = unbounded();
    // A thread that cannot be had drops both ends: pictures are then decoded where they are needed.
    let _detached = std::thread::Builder::new()
        .name("pictures".to_owned())
        .spawn(move || work(classifier, &asked, &give, &wanted_from));
    (ask, answers)
}

/// Decodes whatever is asked for, and classifies while no picture waits to be decoded; leaves what nobody waits
/// for any more.
fn work(
    mut classifier: Option<Classifier>,
    asked: &Receiver<Request>,
    give: &Sender<Answered>,
    wanted_from: &AtomicU64,
) {
    let stale = |ticket: u64| ticket < wanted_from.load(Ordering::Relaxed);
    let mut decoded_before = VecDeque::new();
    loop {
        let request = if decoded_before.is_empty() {
            let Ok(request) = asked.recv() else { return };
            Some(request)
        } else {
            asked.try_recv().ok()
        };
        let sent = match request {
            Some(Request { ticket, .. }) if stale(ticket) => continue,
            Some(Request { ticket, data, camera, rows, crops }) => {
                let decoded = decode_upper(&data, &camera, rows);
                let decoded: Decoded = decoded.map_err(|error| error.to_string().into());
                if !crops.is_empty() {
                    decoded_before.push_back((ticket, decoded.clone(), crops));
                }
                give.send((ticket, Answer::Pixels(decoded)))
            }
            None => {
                let Some((ticket, decoded, crops)) = decoded_before.pop_front() else { continue };
                if stale(ticket) {
                    continue;
                }
                let said = match (decoded, &mut classifier) {
                    (Ok(image), Some(classifier)) => {
                        let said = classifier.look(&image, &crops, || !stale(ticket));
                        said.map_err(|error| error.to_string().into())
                    }
                    // Why there is no picture is said with the picture.
                    (Err(_), _) | (_, None) => Ok(Logits::new()),
                };
                give.send((ticket, Answer::Logits(said)))
            }
        };
        if sent.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::time::Duration;

    use super::*;
    use crate::bridge::fake::{Fake, classifier_contract};
    use crate::expert::Error;
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
                ahead.ask(index as usize, &picture(width), &camera(width), 8, Vec::new());
            }
            // The last is never taken in the first frame.
            for index in if frame == 0 { vec![1, 0] } else { vec![2, 0, 1] } {
                let taken = ahead.take(index as usize, None).unwrap().unwrap().unwrap();
                assert_eq!(taken.width(), 10 + frame * 3 + index);
            }
            assert!(ahead.take(1, None).unwrap().is_none(), "each is taken once");
        }
    }

    #[test]
    fn a_damaged_picture_says_why_and_one_of_pixels_is_not_asked_for() {
        let mut ahead = Ahead::default();
        ahead.ask(0, &ImageData::Encoded(vec![1, 2, 3].into()), &camera(8), 8, Vec::new());
        ahead.ask(1, &ImageData::Rgb(Arc::new(RgbImage::new(8, 8))), &camera(8), 8, Vec::new());
        assert!(ahead.take(0, None).unwrap().unwrap().unwrap_err().contains("cannot decode"));
        assert!(ahead.take(1, None).unwrap().is_none());
    }

    /// Says how many it has looked at before; fails at the picture whose first pixel is white.
    fn counting() -> Classifier {
        let mut count = 0.0;
        let network = Fake::new(classifier_contract(1, 8), move |inputs, outputs| {
            if inputs[0][0] > 2.0 {
                let model = "fake".to_owned();
                return Err(Error::NotFinite { model, output: "logits".to_owned(), element: 0 });
            }
            count += 1.0;
            outputs[0].fill(count);
            Ok(())
        });
        Classifier::new(Box::new(network)).unwrap()
    }

    #[test]
    fn what_the_classifier_says_comes_after_the_pixels_of_all_cameras() {
        let mut ahead = Ahead::new(Some(counting()));
        let window = [0.0, 0.0, 8.0, 8.0];
        let crops = |regions: &[usize]| -> Vec<_> {
            regions.iter().map(|&region| Crop { region, column: 1, window }).collect()
        };
        let pixels = ImageData::Rgb(Arc::new(RgbImage::new(8, 8)));
        let broken = ImageData::Encoded(vec![1, 2, 3].into());
        let white = RgbImage::from_pixel(8, 8, image::Rgb([255; 3]));
        for frame in 0..2 {
            ahead.clear();
            ahead.ask(0, &picture(8), &camera(8), 8, crops(&[3, 4]));
            ahead.ask(1, &pixels, &camera(8), 8, crops(&[7]));
            ahead.ask(2, &broken, &camera(8), 8, crops(&[9]));
            ahead.ask(3, &picture(8), &camera(8), 8, Vec::new());
            // What nobody takes of the first frame does not come with the second.
            if frame == 0 {
                continue;
            }
            assert!(ahead.take(2, None).unwrap().unwrap().is_err());
            assert!(
                (0..4).filter(|camera| *camera != 2).all(|camera| ahead
                    .take(camera, None)
                    .unwrap()
                    .unwrap()
                    .is_ok())
            );
            let mut said = Logits::new();
            ahead.logits(&mut said, None).unwrap();
            assert_eq!(said.iter().map(|said| said.0).collect::<Vec<_>>(), [3, 4, 7]);
            assert_eq!(said[2].1 - said[0].1, 2.0, "one after another");
            let before = said.len();
            ahead.logits(&mut said, None).unwrap();
            assert_eq!(said.len(), before, "each is said once");
        }
        ahead.clear();
        ahead.ask(0, &ImageData::Rgb(Arc::new(white)), &camera(8), 8, crops(&[1]));
        ahead.ask(1, &pixels, &camera(8), 8, crops(&[2]));
        let mut said = Logits::new();
        let cause = ahead.logits(&mut said, None).unwrap_err();
        assert!(cause.contains("logits"), "{cause}");
        assert_eq!(said.len(), 1, "the other camera's is there");
    }

    #[test]
    fn what_does_not_come_in_time_is_not_waited_for_and_is_left_by_the_next_frame() {
        static LOOKED: AtomicU64 = AtomicU64::new(0);
        let slow = Fake::new(classifier_contract(1, 8), |_, outputs| {
            LOOKED.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(40));
            outputs[0].fill(1.0);
            Ok(())
        });
        let mut ahead = Ahead::new(Some(Classifier::new(Box::new(slow)).unwrap()));
        let crops: Vec<_> = (0..50)
            .map(|region| Crop { region, column: 0, window: [0.0, 0.0, 8.0, 8.0] })
            .collect();
        ahead.ask(0, &picture(8), &camera(8), 8, crops.clone());
        let far = Some(Instant::now() + Duration::from_secs(20));
        assert!(ahead.take(0, far).unwrap().unwrap().is_ok());
        let mut said = Logits::new();
        assert_eq!(ahead.logits(&mut said, Some(Instant::now())), Ok(false));
        assert!(said.is_empty());
        // The other crops are left when the next frame begins.
        ahead.clear();
        ahead.ask(0, &picture(9), &camera(9), 8, crops[..1].to_vec());
        assert!(ahead.take(0, None).unwrap().unwrap().is_ok());
        assert_eq!(ahead.logits(&mut said, None), Ok(true));
        assert!(said.len() == 1 && LOOKED.load(Ordering::SeqCst) < 50);
        assert_eq!(ahead.take(5, None), Ok(None), "not asked for");
    }
}
