//! What is wrong with a text: the byte, the line, what was expected and what is there.

use std::borrow::Cow;

use super::JsonReader;
use super::buffer::count_lines;
use super::number::is_begun_number;

/// How much of an unexpected value an error shows (bytes).
const SHOWN: usize = 40;

/// Why JSON could not be read.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// The file could not be read on.
    #[error("cannot be read on behind byte {byte}: {source}")]
    Read {
        /// Bytes that had been read.
        byte: u64,
        /// What the system said.
        source: std::io::Error,
    },
    /// The text ends before the value does.
    #[error(
        "byte {byte} (line {line}): expected {expected}, found the end of the file: the file is {}",
        if *byte == 0 { "empty" } else { "cut off" }
    )]
    CutOff {
        /// How many bytes there are.
        byte: u64,
        /// Which line is the last, from 1.
        line: u64,
        /// What should follow.
        expected: Cow<'static, str>,
    },
    /// The text is not what it should be.
    #[error("byte {byte} (line {line}): expected {expected}, found {found}")]
    Unexpected {
        /// Where, in bytes from the beginning, the first being 0.
        byte: u64,
        /// Which line, from 1.
        line: u64,
        /// What should be there.
        expected: Cow<'static, str>,
        /// What is there.
        found: String,
    },
}

/// A result of this module. The error is boxed so that the good way stays small.
pub type Result<T> = std::result::Result<T, Box<JsonError>>;

impl JsonReader<'_> {
    /// An error at the present place, which holds something else than `expected`.
    pub fn unexpected(&mut self, expected: impl Into<Cow<'static, str>>) -> Box<JsonError> {
        // More of the value is fetched so that it can be shown; a failure to read comes first.
        while self.end - self.at < SHOWN {
            match self.refill() {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => return error,
            }
        }
        if self.ends_here() {
            return self.cut_off(expected);
        }
        let found = self.describe();
        self.wrong(expected, found)
    }

    /// Whether the stream ends here, or within a word or number that begins here.
    fn ends_here(&self) -> bool {
        const WORDS: [&[u8]; 4] = [b"true", b"false", b"null", b"NaN"];
        let rest = &self.buffer[self.at..self.end];
        let within_word =
            WORDS.iter().any(|word| word.len() > rest.len() && word.starts_with(rest));
        self.exhausted && (within_word || is_begun_number(rest))
    }

    /// An error at the end of the stream, where something should follow.
    pub(super) fn cut_off(&self, expected: impl Into<Cow<'static, str>>) -> Box<JsonError> {
        Box::new(JsonError::CutOff {
            byte: self.bytes_before + self.end as u64,
            line: 1 + self.lines_before + count_lines(&self.buffer[..self.end]),
            expected: expected.into(),
        })
    }

    /// An error at the present place in the caller's own words.
    pub fn wrong(
        &self,
        expected: impl Into<Cow<'static, str>>,
        found: impl Into<String>,
    ) -> Box<JsonError> {
        Box::new(JsonError::Unexpected {
            byte: self.position(),
            line: 1 + self.lines_before + count_lines(&self.buffer[..self.at]),
            expected: expected.into(),
            found: found.into(),
        })
    }

    fn describe(&self) -> String {
        let rest = &self.buffer[self.at..self.end];
        let Some(&first) = rest.first() else { return String::new() };
        let piece = |stop: &dyn Fn(u8) -> bool| {
            let rest = &rest[1..rest.len().min(SHOWN)];
            let length = rest.iter().position(|&byte| stop(byte)).unwrap_or(rest.len());
            String::from_utf8_lossy(&rest[..length]).into_owned()
        };
        match first {
            b'{' => "an object".to_owned(),
            b'[' => "an array".to_owned(),
            b'"' => format!("the string {:?}", piece(&|byte| byte == b'"')),
            b'}' | b']' | b',' | b':' => format!("'{}'", char::from(first)),
            _ => {
                let text = format!(
                    "{}{}",
                    String::from_utf8_lossy(&[first]),
                    piece(&|byte| b",]}: \n\r\t\"".contains(&byte))
                );
                format!("{:?}", text).trim_matches('"').to_owned()
            }
        }
    }
}
