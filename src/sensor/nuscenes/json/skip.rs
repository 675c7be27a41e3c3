//! Values that are passed over, or kept as their text.

use super::{JsonReader, Result};

/// How deep values may lie within one another where they are passed over.
const DEEPEST: usize = 128;

impl JsonReader<'_> {
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
}
