//! The window on the stream: bytes come in at its end, and leave when they have been used up.

use super::{JsonError, JsonReader, Result};

/// The longest string or number that is read (bytes).
pub(super) const LONGEST: usize = 1 << 24;

impl JsonReader<'_> {
    /// Bytes of the stream that have been used up.
    pub fn position(&self) -> u64 {
        self.bytes_before + self.at as u64
    }

    #[inline]
    pub(super) fn take(&mut self, byte: u8, expected: &'static str) -> Result<()> {
        if self.peek()? != Some(byte) {
            return Err(self.unexpected(expected));
        }
        self.at += 1;
        Ok(())
    }

    /// Uses up the word, if it is the next one.
    pub(super) fn word(&mut self, word: &[u8]) -> Result<bool> {
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
    pub(super) fn fill(&mut self) -> Result<bool> {
        self.refill()
    }

    /// Brings more bytes behind those from `at` on, which move to the buffer's front; false at the
    /// end of the stream.
    #[cold]
    pub(super) fn refill(&mut self) -> Result<bool> {
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

pub(super) fn count_lines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&byte| byte == b'\n').count() as u64
}
