//! JSON as it streams past: a reader that pulls one value after the other and never holds the text.
//!
//! The files of nuScenes are large arrays of small records; a results file may hold gigabytes. What is
//! in memory is one buffer; what comes out are strings, numbers and tokens in the file's own order. Two
//! things set it apart from a general reader: the bare `NaN` that Python writes is understood where the
//! caller allows it, and an error says the byte, the line, what was expected and what is there.

mod number;
#[cfg(test)]
mod tests;
mod text;

use std::borrow::Cow;
use std::io::Read;

use text::Span;

/// Bytes in memory; grows only for a single string that is longer.
const BUFFER: usize = 1 << 18;
/// The longest string or number that is read (bytes).
const LONGEST: usize = 1 << 24;
/// How deep values may lie within one another where they are passed over.
const DEEPEST: usize = 128;
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

/// The fields of an object while they are read: see [`JsonReader::field`].
#[derive(Debug, Default, Clone, Copy)]
pub struct Fields {
    begun: bool,
    next: usize,
    seen: u64,
}

/// What stands for a field whose name is not among those asked for.
pub const UNKNOWN: usize = usize::MAX;

/// Pulls values out of a stream of JSON.
pub struct JsonReader<'a> {
    source: Box<dyn Read + Send + 'a>,
    buffer: Vec<u8>,
    /// The next byte of the buffer to look at, and the end of what is in it.
    at: usize,
    end: usize,
    /// Bytes and line ends of the stream that are no longer in the buffer.
    bytes_before: u64,
    lines_before: u64,
    exhausted: bool,
    scratch: Vec<u8>,
    column: &'static str,
    /// While a value's text is kept: what of it has left the buffer, and where the rest begins.
    kept: Option<(Vec<u8>, usize)>,
}

impl<'a> JsonReader<'a> {
    /// Starts before the first byte.
    pub fn new(source: impl Read + Send + 'a) -> Self {
        Self {
            source: Box::new(source),
            buffer: vec![0; BUFFER],
            at: 0,
            end: 0,
            bytes_before: 0,
            lines_before: 0,
            exhausted: false,
            scratch: Vec::new(),
            column: "",
            kept: None,
        }
    }

    /// Bytes of the stream that have been used up.
    pub fn position(&self) -> u64 {
        self.bytes_before + self.at as u64
    }

    /// The field that was read last, for errors; empty before the first.
    pub fn column(&self) -> &'static str {
        self.column
    }

    /// Forgets which field was read last.
    pub fn leave_row(&mut self) {
        self.column = "";
    }

    /// The first byte of the next value, not used up; none at the end of the stream.
    ///
    /// # Errors
    /// [`JsonError::Read`].
    #[inline]
    pub fn peek(&mut self) -> Result<Option<u8>> {
        loop {
            if self.at == self.end && !self.fill()? {
                return Ok(None);
            }
            match self.buffer[self.at] {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                byte => return Ok(Some(byte)),
            }
        }
    }

    /// Steps into an array.
    ///
    /// # Errors
    /// Where no array begins here.
    pub fn begin_array(&mut self) -> Result<()> {
        self.take(b'[', "an array")
    }

    /// True where the array that was begun has another element; `first` before the first one.
    /// After the last one the array is left behind.
    ///
    /// # Errors
    /// Where neither a comma nor the array's end follows.
    #[inline]
    pub fn element(&mut self, first: &mut bool) -> Result<bool> {
        let begun = !std::mem::take(first);
        match self.peek()? {
            Some(b']') => {
                self.at += 1;
                Ok(false)
            }
            Some(b',') if begun => {
                self.at += 1;
                // A comma promises a value.
                if self.peek()? == Some(b']') {
                    return Err(self.unexpected("a value behind the comma"));
                }
                Ok(true)
            }
            Some(_) if !begun => Ok(true),
            _ => Err(self.unexpected("a comma or the end of the array")),
        }
    }

    /// Steps into an object.
    ///
    /// # Errors
    /// Where no object begins here.
    pub fn begin_object(&mut self) -> Result<()> {
        self.take(b'{', "an object")
    }

    /// The next key of the object that was begun, its colon used up; none at the object's end.
    ///
    /// # Errors
    /// Where no key, or neither a comma nor the object's end follows.
    #[inline]
    pub fn key(&mut self, first: &mut bool) -> Result<Option<&[u8]>> {
        let begun = !std::mem::take(first);
        match self.peek()? {
            Some(b'}') => {
                self.at += 1;
                return Ok(None);
            }
            Some(b',') if begun => {
                self.at += 1;
                if self.peek()? != Some(b'"') {
                    return Err(self.unexpected("a key in quotes"));
                }
            }
            Some(b'"') if !begun => {}
            _ if begun => return Err(self.unexpected("a comma or the end of the object")),
            _ => return Err(self.unexpected("a key in quotes or the end of the object")),
        }
        // The colon is looked for before the key is lent out, so the key waits in the scratch.
        let key = self.string_span()?;
        let (from, to) = match key {
            Span::Buffer(from, to) => (from, to),
            Span::Scratch => {
                self.take(b':', "a colon behind the key")?;
                return Ok(Some(&self.scratch));
            }
        };
        if self.at < self.end && self.buffer[self.at] == b':' {
            self.at += 1;
            return Ok(Some(&self.buffer[from..to]));
        }
        self.scratch.clear();
        self.scratch.extend_from_slice(&self.buffer[from..to]);
        self.take(b':', "a colon behind the key")?;
        Ok(Some(&self.scratch))
    }

    /// The next field of the object that was begun, as its place in `names`, or [`UNKNOWN`] for a
    /// key that is not among them; none at the end. The value is still to be read or passed over.
    /// Fields in the order of `names` are found at once.
    ///
    /// # Errors
    /// As [`key`](Self::key).
    #[inline]
    pub fn field(
        &mut self,
        fields: &mut Fields,
        names: &'static [&'static str],
    ) -> Result<Option<usize>> {
        let mut first = !std::mem::replace(&mut fields.begun, true);
        let next = fields.next;
        let Some(key) = self.key(&mut first)? else { return Ok(None) };
        let found = if names.get(next).is_some_and(|name| name.as_bytes() == key) {
            next
        } else {
            names.iter().position(|name| name.as_bytes() == key).unwrap_or(UNKNOWN)
        };
        if found != UNKNOWN {
            fields.next = found + 1;
            fields.seen |= 1 << found;
            self.column = names[found];
        }
        Ok(Some(found))
    }

    /// Checks, behind an object, that each of the first `count` names was among its fields.
    ///
    /// # Errors
    /// Naming the first that was not.
    #[inline]
    pub fn require(
        &mut self,
        fields: &Fields,
        names: &'static [&'static str],
        count: usize,
    ) -> Result<()> {
        let missing = (fields.seen.trailing_ones() as usize).min(count);
        if missing == count {
            return Ok(());
        }
        self.column = names[missing];
        Err(self.wrong(format!("a field {:?}", names[missing]), "an object without it"))
    }

    /// A truth value.
    ///
    /// # Errors
    /// Where something else follows.
    pub fn boolean(&mut self) -> Result<bool> {
        match self.peek()? {
            Some(b't') if self.word(b"true")? => Ok(true),
            Some(b'f') if self.word(b"false")? => Ok(false),
            _ => Err(self.unexpected("true or false")),
        }
    }

    /// True, and the word used up, where `null` follows.
    ///
    /// # Errors
    /// [`JsonError::Read`].
    pub fn null(&mut self) -> Result<bool> {
        Ok(self.peek()? == Some(b'n') && self.word(b"null")?)
    }

    /// Passes over one value, whatever it is, checking that it is well formed.
    ///
    /// # Errors
    /// Where it is not, or lies more than 128 levels deep.
    pub fn skip(&mut self) -> Result<()> {
        // For each level that is open: is it an object, and has it had an entry?
        let mut open: Vec<(bool, bool)> = Vec::new();
        loop {
            if let Some((is_object, first)) = open.last_mut() {
                let mut at_first = std::mem::replace(first, false);
                let more = if *is_object {
                    self.key(&mut at_first)?.is_some()
                } else {
                    self.element(&mut at_first)?
                };
                if !more {
                    open.pop();
                    if open.is_empty() {
                        return Ok(());
                    }
                    continue;
                }
            }
            match self.peek()? {
                Some(bracket @ (b'{' | b'[')) => {
                    if open.len() == DEEPEST {
                        return Err(self.unexpected("at most 128 levels of brackets"));
                    }
                    self.at += 1;
                    open.push((bracket == b'{', true));
                    continue;
                }
                Some(b'"') => {
                    self.string_span()?;
                }
                Some(b't' | b'f') => {
                    self.boolean()?;
                }
                Some(b'n') if self.word(b"null")? => {}
                _ => {
                    self.number_or_nan("a value")?;
                }
            }
            if open.is_empty() {
                return Ok(());
            }
        }
    }

    /// Passes over one value and gives its text as it stands in the file.
    ///
    /// # Errors
    /// As [`skip`](Self::skip).
    pub fn raw(&mut self) -> Result<String> {
        self.peek()?;
        self.kept = Some((Vec::new(), self.at));
        let skipped = self.skip();
        let (mut text, from) = self.kept.take().unwrap_or_default();
        skipped?;
        text.extend_from_slice(&self.buffer[from..self.at]);
        String::from_utf8(text).map_err(|_| self.wrong("text in UTF-8", "bytes that are not"))
    }

    /// Checks that nothing but white space is left.
    ///
    /// # Errors
    /// Where something is.
    pub fn finish(&mut self) -> Result<()> {
        match self.peek()? {
            None => Ok(()),
            Some(_) => Err(self.unexpected("nothing more")),
        }
    }

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
        let found = self.describe();
        self.wrong(expected, found)
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
        let Some(&first) = rest.first() else { return "the end of the file".to_owned() };
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

    fn take(&mut self, byte: u8, expected: &'static str) -> Result<()> {
        if self.peek()? != Some(byte) {
            return Err(self.unexpected(expected));
        }
        self.at += 1;
        Ok(())
    }

    /// Uses up the word, if it is the next one.
    fn word(&mut self, word: &[u8]) -> Result<bool> {
        while self.end - self.at <= word.len() && self.refill()? {}
        let rest = &self.buffer[self.at..self.end];
        let is_it = rest.starts_with(word)
            && !rest.get(word.len()).is_some_and(|byte| byte.is_ascii_alphanumeric());
        if is_it {
            self.at += word.len();
        }
        Ok(is_it)
    }

    /// Brings the next bytes where all in the buffer have been used up; false at the end.
    #[cold]
    fn fill(&mut self) -> Result<bool> {
        self.refill()
    }

    /// Brings more bytes behind those from `at` on, which move to the buffer's front; false at the
    /// end of the stream.
    #[cold]
    fn refill(&mut self) -> Result<bool> {
        if self.exhausted {
            return Ok(false);
        }
        if let Some((text, from)) = &mut self.kept {
            text.extend_from_slice(&self.buffer[*from..self.at]);
            *from = 0;
        }
        self.lines_before += count_lines(&self.buffer[..self.at]);
        self.bytes_before += self.at as u64;
        self.buffer.copy_within(self.at..self.end, 0);
        self.end -= self.at;
        self.at = 0;
        if self.end == self.buffer.len() {
            if self.end >= LONGEST {
                return Err(self.wrong("a value of at most 16 MiB", "a longer one"));
            }
            self.buffer.resize(self.end * 2, 0);
        }
        loop {
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(0) => {
                    self.exhausted = true;
                    return Ok(false);
                }
                Ok(count) => {
                    self.end += count;
                    return Ok(true);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(source) => {
                    let byte = self.bytes_before + self.end as u64;
                    return Err(Box::new(JsonError::Read { byte, source }));
                }
            }
        }
    }
}

fn count_lines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&byte| byte == b'\n').count() as u64
}
