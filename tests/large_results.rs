//! A results file of more than two gigabytes streams past in bounded memory.
//!
//! It is made while it is read and never lies on a disk. Takes some seconds in release, so it runs only
//! where it is asked for: `cargo test --release --test large_results -- --ignored --nocapture`.
#![allow(clippy::print_stdout)]

use std::io::Read;
use std::time::Instant;

use emc2::eval::nuscenes::{EvalBox, MAX_BOXES, read_results_from};

/// More than a 32-bit number, with or without sign, can count.
const BYTES: u64 = (1 << 32) + (1 << 20);
const HEAD: &[u8] = b"{\"meta\":{\"use_lidar\":true},\"results\":{";

/// Results without end to speak of: one sample after the other, each with as many boxes as are allowed.
struct Stream {
    /// The text of one sample, and where its token stands in it.
    sample: Vec<u8>,
    tokens: Vec<usize>,
    samples: u64,
    made: u64,
    /// What of the present piece has not been given yet.
    piece: Vec<u8>,
    at: usize,
    /// Where the stream breaks off without its end.
    cut: u64,
    given: u64,
}

impl Stream {
    fn new(samples: u64, cut: u64) -> Self {
        let mut sample = format!(",\"{:032x}\":[", 0);
        for number in 0..MAX_BOXES {
            let place = number as f64 / 7.0;
            let comma = if number == 0 { "" } else { ", " };
            sample += &format!(
                "{comma}{{\"sample_token\": \"{:032x}\", \"translation\": [{:?}, {:?}, {:?}], \"size\": [{:?}, {:?}, {:?}], \
                 \"rotation\": [{:?}, 0.0, 0.0, {:?}], \"velocity\": [{:?}, NaN], \"detection_name\": \"car\", \
                 \"detection_score\": {:?}, \"attribute_name\": \"vehicle.parked\"}}",
                0,
                1000.0 + place,
                2000.0 - place,
                1.0 + place / 1e3,
                1.9 + place / 1e3,
                4.6 + place / 1e3,
                1.7 + place / 1e3,
                place.cos(),
                place.sin(),
                place.sin(),
                1.0 / (1.0 + place)
            );
        }
        sample.push(']');
        let zeros = "0".repeat(32);
        let tokens = sample.match_indices(&format!("\"{zeros}\"")).map(|(at, _)| at + 1).collect();
        let piece = HEAD.to_vec();
        Self { sample: sample.into_bytes(), tokens, samples, made: 0, piece, at: 0, cut, given: 0 }
    }

    /// The next sample, or the end of the file.
    fn next_piece(&mut self) -> bool {
        (self.at, self.made) = (0, self.made + 1);
        if self.made > self.samples + 1 {
            return false;
        }
        if self.made == self.samples + 1 {
            self.piece = b"}}".to_vec();
            return true;
        }
        let token = format!("{:032x}", self.made);
        for &at in &self.tokens {
            self.sample[at..at + 32].copy_from_slice(token.as_bytes());
        }
        self.piece.clear();
        self.piece.extend_from_slice(&self.sample[usize::from(self.made == 1)..]);
        true
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.at == self.piece.len() {
            if !self.next_piece() {
                return Ok(0);
            }
        }
        let rest = &self.piece[self.at..];
        let count = rest.len().min(buffer.len()).min((self.cut - self.given) as usize);
        buffer[..count].copy_from_slice(&rest[..count]);
        (self.at, self.given) = (self.at + count, self.given + count as u64);
        Ok(count)
    }
}

/// The most memory that this process has used so far, bytes; none where the system does not say.
fn most_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// How many samples make a file of at least so many bytes, and how long it is.
fn length(bytes: u64) -> (u64, u64) {
    let one = Stream::new(1, u64::MAX).sample.len() as u64;
    let samples = bytes.div_ceil(one);
    (samples, HEAD.len() as u64 + samples * one - 1 + 2)
}

fn check(bytes: u64) {
    let (samples, length) = length(bytes);
    let before = most_memory();
    let started = Instant::now();
    let read = read_results_from(Stream::new(samples, u64::MAX), "results.json").unwrap();
    let time = started.elapsed().as_secs_f64();
    assert_eq!(read.samples.len() as u64, samples);
    assert_eq!(read.boxes.len() as u64, samples * MAX_BOXES as u64);
    assert_eq!(read.boxes.last().unwrap().sample as u64, samples - 1);
    // What is kept is the boxes, in a vector that doubles; of the text there is one buffer.
    let kept = (read.boxes.len() * size_of::<EvalBox>()) as u64;
    if let (Some(before), Some(after)) = (before, most_memory()) {
        let used = after - before;
        println!(
            "{length} bytes, {} boxes: {time:.1} s, {} MiB more",
            read.boxes.len(),
            used >> 20
        );
        assert!(used < 2 * kept + (16 << 20), "{used} bytes for {kept} of boxes");
    }
    drop(read);
    // One byte less is not the whole file, and the error can count that far.
    let cut = read_results_from(Stream::new(samples, length - 1), "results.json").unwrap_err();
    let message = cut.to_string();
    assert!(message.contains(&format!("byte {} ", length - 1)), "{message}");
    assert!(message.contains("the file is cut off"), "{message}");
}

#[test]
#[ignore = "reads more than four gigabytes twice"]
fn results_of_gigabytes_stream_past_in_bounded_memory() {
    check(BYTES);
}

#[test]
fn results_of_megabytes_stream_past_in_bounded_memory() {
    check(12 << 20);
}
