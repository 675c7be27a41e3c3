//! The results file: `{"meta": …, "results": {sample: [box, …]}}`, streamed in its own order.
//!
//! The order of the samples and boxes decides which of equal scores goes first, so it is kept. The bare
//! `NaN` that Python writes is accepted for velocities and nowhere else. Keys that the benchmark does
//! not know are passed over.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::boxes::{EvalBox, yaw};
use super::class::{ATTRIBUTES, AttributeName, DetectionClass};
use super::error::Error;
use crate::sensor::nuscenes::json::{Fields, JsonError, JsonReader, Result as JsonResult, UNKNOWN};
use crate::sensor::nuscenes::tables::{Spellings, Token, TokenMap};

/// The benchmark's limit of boxes in one sample, before any filter.
pub const MAX_BOXES: usize = 500;

/// What a results file holds.
#[derive(Debug, Default)]
pub struct Results {
    /// The text of `meta`, as it stands; empty where there is none.
    pub meta: String,
    /// The samples in the file's order, each with the end of its boxes in `boxes`.
    pub samples: Vec<(Token, usize)>,
    /// All boxes in the file's order; each knows the number of its sample in `samples`.
    pub boxes: Vec<EvalBox>,
    /// The texts of tokens that are not 32 hexadecimal digits.
    pub spellings: Spellings,
}

/// Reads a results file.
///
/// # Errors
/// [`Error::Read`] where it cannot be read; else as [`read_results_from`].
pub fn read_results(path: &Path) -> Result<Results, Error> {
    let file = File::open(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    read_results_from(file, &path.display().to_string())
}

/// Reads results from a stream; `file` names it in errors.
///
/// # Errors
/// [`Error::Results`], [`Error::TooManyBoxes`] or [`Error::DuplicateSample`] for what is not a valid
/// results file, with the place in it.
pub fn read_results_from(source: impl Read + Send, file: &str) -> Result<Results, Error> {
    let mut reader = Reader {
        json: JsonReader::new(source),
        results: Results::default(),
        seen: TokenMap::default(),
        sample: None,
        box_number: 0,
        todo: WHOLE,
    };
    match reader.file() {
        Ok(None) => Ok(reader.results),
        Ok(Some(Refused::TooMany { found })) => Err(Error::TooManyBoxes {
            file: file.to_owned(),
            sample: reader.sample_text(),
            limit: MAX_BOXES,
            found,
        }),
        Ok(Some(Refused::Duplicate { byte })) => Err(Error::DuplicateSample {
            file: file.to_owned(),
            byte,
            sample: reader.sample_text(),
        }),
        Err(cause) => Err(reader.error(cause, file)),
    }
}

const WHOLE: &str =
    "Is this a whole nuScenes results file, {\"meta\": {…}, \"results\": {sample: [box, …]}}?";
const BOXES: &str = "A box has sample_token, translation, size, rotation, velocity, detection_name, detection_score, attribute_name";
const CUT_OFF: &str =
    "It was not written or copied whole (a full disk, a run that was stopped?): make it again";
const NAN: &str = "Only velocities may be NaN; leave the box out, or give it a number";
const SCORE: &str = "a score from 0 up";
/// The devkit's curve of scores is 0 beyond the recall that was reached, and must not rise.
const NEGATIVE: &str = "The official devkit stops on most results with such a score: write scores from 0 up, \
                        such as the sigmoid of a logit";

/// What stops the reading though the JSON is right.
enum Refused {
    TooMany { found: usize },
    Duplicate { byte: u64 },
}

struct Reader<'a> {
    json: JsonReader<'a>,
    results: Results,
    seen: TokenMap<()>,
    sample: Option<Token>,
    box_number: usize,
    todo: &'static str,
}

impl Reader<'_> {
    fn file(&mut self) -> JsonResult<Option<Refused>> {
        const FIELDS: [&str; 2] = ["results", "meta"];
        let mut fields = Fields::default();
        self.json.begin_object()?;
        let mut has_results = false;
        while let Some(field) = self.json.field(&mut fields, &FIELDS)? {
            match field {
                0 if std::mem::replace(&mut has_results, true) => {
                    return Err(self.json.wrong("\"results\" once", "it a second time"));
                }
                0 => {
                    if let Some(refused) = self.samples()? {
                        return Ok(Some(refused));
                    }
                }
                1 => self.results.meta = self.json.raw()?,
                _ => self.json.skip()?,
            }
        }
        self.json.require(&fields, &FIELDS, 1)?;
        self.json.leave_row();
        self.json.finish()?;
        Ok(None)
    }

    fn samples(&mut self) -> JsonResult<Option<Refused>> {
        self.json.begin_object()?;
        let mut first = true;
        loop {
            self.json.leave_row();
            let Some(key) = self.json.key(&mut first)? else { break };
            let token = self.results.spellings.token(key);
            (self.sample, self.box_number, self.todo) = (Some(token), 0, BOXES);
            if self.seen.insert(token, ()).is_some() {
                return Ok(Some(Refused::Duplicate { byte: self.json.position() }));
            }
            let number = self.results.samples.len() as u32;
            self.json.begin_array()?;
            let (mut first_box, start) = (true, self.results.boxes.len());
            while self.json.element(&mut first_box)? {
                self.box_number += 1;
                if self.box_number > MAX_BOXES {
                    // The rest is counted, not kept.
                    self.json.skip()?;
                    continue;
                }
                self.json.begin_object()?;
                let read = self.one_box(token, number)?;
                self.results.boxes.push(read);
                self.json.leave_row();
            }
            if self.box_number > MAX_BOXES {
                return Ok(Some(Refused::TooMany { found: self.box_number }));
            }
            debug_assert_eq!(self.results.boxes.len() - start, self.box_number);
            self.results.samples.push((token, self.results.boxes.len()));
        }
        (self.sample, self.todo) = (None, WHOLE);
        Ok(None)
    }

    fn one_box(&mut self, sample: Token, number: u32) -> JsonResult<EvalBox> {
        const FIELDS: [&str; 10] = [
            "sample_token",
            "translation",
            "size",
            "rotation",
            "velocity",
            "detection_name",
            "detection_score",
            "attribute_name",
            "num_pts",
            "ego_translation",
        ];
        let mut read = EvalBox {
            sample: number,
            class: DetectionClass::Car,
            attribute: AttributeName::default(),
            points: -1,
            score: 0.0,
            translation: [0.0; 3],
            size_wlh: [0.0; 3],
            yaw: 0.0,
            velocity: [0.0; 2],
        };
        let mut fields = Fields::default();
        let json = &mut self.json;
        while let Some(field) = json.field(&mut fields, &FIELDS)? {
            match field {
                0 => json.word_of(
                    |text| (Token::of(text) == sample).then_some(()),
                    || "the token of the sample that the box stands under".to_owned(),
                )?,
                1 => read.translation = json.numbers()?,
                2 => {
                    read.size_wlh = json.numbers()?;
                    if !read.size_wlh.iter().all(|&size| size > 0.0) {
                        let found = format!("{:?}", read.size_wlh);
                        return Err(json.wrong("a width, length and height above 0 m", found));
                    }
                }
                3 => {
                    let rotation: [f64; 4] = json.numbers()?;
                    if !(rotation.iter().map(|part| part * part).sum::<f64>() > 0.0) {
                        let expected = "a quaternion w, x, y, z with a length";
                        return Err(json.wrong(expected, "one of length zero"));
                    }
                    read.yaw = yaw(rotation);
                }
                4 => read.velocity = json.numbers_or_nan()?,
                5 => {
                    read.class = json.word_of(DetectionClass::from_name, || {
                        format!(
                            "one of {}",
                            DetectionClass::ALL.map(DetectionClass::name).join(", ")
                        )
                    })?;
                }
                6 => {
                    read.score = json.number()?;
                    if read.score < 0.0 {
                        return Err(json.wrong(SCORE, format!("{:?}", read.score)));
                    }
                }
                7 => {
                    read.attribute = json.word_of(AttributeName::from_name, || {
                        format!("one of {}, or \"\"", ATTRIBUTES.join(", "))
                    })?;
                }
                8 => {
                    // A fraction is cut off towards zero, as by Python's int().
                    let count = json.number()?.trunc();
                    read.points = count.clamp(-1.0, f64::from(i32::MAX)) as i32;
                }
                // The distance to the vehicle is always taken from the tables.
                9 => {
                    json.numbers::<3>()?;
                }
                UNKNOWN => json.skip()?,
                _ => {}
            }
        }
        json.require(&fields, &FIELDS, 8)?;
        Ok(read)
    }

    fn sample_text(&self) -> String {
        self.sample.map_or_else(String::new, |token| self.results.spellings.text(token))
    }

    fn error(&self, cause: Box<JsonError>, file: &str) -> Error {
        if let JsonError::Read { byte, source } = *cause {
            let source =
                std::io::Error::new(source.kind(), format!("behind byte {byte}: {source}"));
            return Error::Read { path: file.into(), source };
        }
        let mut place = match self.sample {
            None => "outside the samples".to_owned(),
            Some(_) if self.box_number == 0 => format!("sample {}", self.sample_text()),
            Some(_) => format!("sample {}, box {}", self.sample_text(), self.box_number),
        };
        if !self.json.column().is_empty() && self.sample.is_some() {
            place = format!("{place}, {}", self.json.column());
        }
        let todo = match &*cause {
            JsonError::CutOff { byte: 1.., .. } => CUT_OFF,
            JsonError::Unexpected { found, .. } if found == "NaN" => NAN,
            JsonError::Unexpected { expected, .. } if expected == SCORE => NEGATIVE,
            _ => self.todo,
        };
        Error::Results { file: file.to_owned(), place, cause, todo }
    }
}
