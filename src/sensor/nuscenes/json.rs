//! JSON as it streams past: a reader that pulls one value after the other and never holds the text.
//!
//! The files of nuScenes are large arrays of small records; a results file may hold gigabytes. What is
//! in memory is one buffer; what comes out are strings, numbers and tokens in the file's own order. Two
//! things set it apart from a general reader: the bare `NaN` that Python writes is understood where the
//! caller allows it, and an error says the byte, the line, what was expected and what is there.

mod buffer;
mod error;
mod number;
mod skip;
#[cfg(test)]
mod tests;
mod text;

use std::io::Read;

pub use error::{JsonError, Result};
use text::Span;

/// Bytes in memory; grows only for a single string that is longer.
const BUFFER: usize = 1 << 18;

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
}
