//! Writes a drive in the layout of KITTI's object benchmark.
//!
//! `training/{velodyne/NNNNNN.bin, image_2/NNNNNN.png, calib/NNNNNN.txt, label_2/NNNNNN.txt}` and
//! `ImageSets/all.txt`. Frames are made by several threads, each whole by one, so the bytes do not
//! depend on their number.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use image::ImageEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};

use super::rig::SensorRig;
use super::{Error, Summary, SyntheticDrive, SyntheticFrame};

impl SyntheticDrive {
    /// Writes all frames below `out` and counts what was written.
    ///
    /// `progress(done, all)` is called after each frame, on the calling thread. Existing files of
    /// the same names are replaced. On an error the frames already written stay.
    pub fn write(
        &self,
        out: &Path,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<Summary, Error> {
        for folder in ["velodyne", "image_2", "calib", "label_2"] {
            make_folder(&out.join("training").join(folder))?;
        }
        make_folder(&out.join("ImageSets"))?;
        let all = self.config().frames;
        let jobs = match self.config().jobs {
            0 => std::thread::available_parallelism().map_or(1, |n| n.get()),
            n => n,
        };
        let next = AtomicUsize::new(0);
        let stop = AtomicBool::new(false);
        let (sender, receiver) = mpsc::channel();
        let mut summary = Summary::default();
        let mut failure: Option<(usize, Error)> = None;
        std::thread::scope(|scope| {
            for _ in 0..jobs.min(all) {
                let (sender, next, stop) = (sender.clone(), &next, &stop);
                scope.spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        if index >= all {
                            break;
                        }
                        let result = write_frame(&self.frame(index), out);
                        if sender.send((index, result)).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(sender);
            for (index, result) in receiver {
                match result {
                    Ok(part) => {
                        summary.add(&part);
                        progress(summary.frames, all);
                    }
                    Err(e) => {
                        stop.store(true, Ordering::Relaxed);
                        if failure.as_ref().is_none_or(|(i, _)| index < *i) {
                            failure = Some((index, e));
                        }
                    }
                }
            }
        });
        if let Some((_, error)) = failure {
            return Err(error);
        }
        let list: String = (0..all).map(|k| format!("{k:06}\n")).collect();
        put(&out.join("ImageSets").join("all.txt"), list.as_bytes())?;
        Ok(summary)
    }
}

impl Summary {
    fn add(&mut self, other: &Summary) {
        self.frames += other.frames;
        self.points += other.points;
        self.labels += other.labels;
        self.dont_care += other.dont_care;
        self.bytes += other.bytes;
    }
}

fn write_frame(frame: &SyntheticFrame, out: &Path) -> Result<Summary, Error> {
    let training = out.join("training");
    let path =
        |folder: &str, ending: &str| training.join(folder).join(format!("{}.{ending}", frame.id));
    let scan: Vec<u8> = frame.scan.iter().flatten().flat_map(|v| v.to_le_bytes()).collect();
    let picture_path = path("image_2", "png");
    let mut picture = Vec::new();
    PngEncoder::new_with_quality(&mut picture, CompressionType::Fast, FilterType::Adaptive)
        .write_image(
            frame.image.as_raw(),
            frame.image.width(),
            frame.image.height(),
            image::ExtendedColorType::Rgb8,
        )
        .map_err(|source| Error::Encode { path: picture_path.clone(), source })?;
    let mut labels = String::new();
    for label in &frame.labels {
        label.row.write(2, &mut labels);
        labels.push('\n');
    }
    let calib = SensorRig::calib_text();
    let files = [
        (path("velodyne", "bin"), scan.as_slice()),
        (picture_path, picture.as_slice()),
        (path("calib", "txt"), calib.as_bytes()),
        (path("label_2", "txt"), labels.as_bytes()),
    ];
    let mut bytes = 0;
    for (path, content) in files {
        bytes += content.len() as u64;
        put(&path, content)?;
    }
    let dont_care = frame.labels.iter().filter(|l| l.label.box3.is_none()).count();
    Ok(Summary {
        frames: 1,
        points: frame.scan.len() as u64,
        labels: frame.labels.len() - dont_care,
        dont_care,
        bytes,
    })
}

fn make_folder(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(|source| Error::Folder { path: path.to_path_buf(), source })
}

fn put(path: &Path, content: &[u8]) -> Result<(), Error> {
    let failed = |source: io::Error| Error::Write { path: PathBuf::from(path), source };
    fs::write(path, content).map_err(failed)
}
