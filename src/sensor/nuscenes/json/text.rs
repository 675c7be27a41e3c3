//! Strings: their bytes where they lie in the buffer, or decoded where they hold escapes.

use super::buffer::LONGEST;
use super::{JsonReader, Result};

/// Where a string's decoded bytes are.
pub(super) enum Span {
    Buffer(usize, usize),
    Scratch,
}

impl JsonReader<'_> {
    /// A string.
    ///
    /// # Errors
    /// Where no string follows, or it is not UTF-8.
    pub fn string(&mut self) -> Result<&str> {
        if self.peek()? != Some(b'"') {
            return Err(self.unexpected("a string"));
        }
        let span = self.string_span()?;
        if let Err(error) = std::str::from_utf8(self.slice(&span)) {
            let found =
                format!("a byte that is not, {} bytes into the string", error.valid_up_to());
            return Err(self.wrong("a string in UTF-8", found));
        }
        Ok(std::str::from_utf8(self.slice(&span)).unwrap_or_default())
    }

    /// The bytes of a string, not checked to be UTF-8.
    ///
    /// # Errors
    /// Where no string follows.
    #[inline]
    pub fn bytes(&mut self) -> Result<&[u8]> {
        if self.peek()? != Some(b'"') {
            return Err(self.unexpected("a string"));
        }
        let span = self.string_span()?;
        Ok(self.slice(&span))
    }

    /// A string that `meaning` understands; where it does not, the error asks for `expected`.
    ///
    /// # Errors
    /// Where no string follows, or one without a meaning.
    #[inline]
    pub fn word_of<T>(
        &mut self,
        meaning: impl FnOnce(&[u8]) -> Option<T>,
        expected: impl FnOnce() -> String,
    ) -> Result<T> {
        let text = self.bytes()?;
        match meaning(text) {
            Some(meant) => Ok(meant),
            None => {
                let found = format!("{:?}", String::from_utf8_lossy(text));
                Err(self.wrong(expected(), found))
            }
        }
    }

    pub(super) fn slice(&self, span: &Span) -> &[u8] {
        match *span {
            Span::Buffer(from, to) => &self.buffer[from..to],
            Span::Scratch => &self.scratch,
        }
    }

    /// Reads a string whose opening quote is the next byte; afterwards the buffer's bytes stay where
    /// they are until more is asked for.
    #[inline]
    pub(super) fn string_span(&mut self) -> Result<Span> {
        let mut length = 1;
        loop {
            let rest = &self.buffer[self.at + length..self.end];
            match rest.iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < 0x20) {
                Some(more) if rest[more] == b'"' => {
                    let span = Span::Buffer(self.at + 1, self.at + length + more);
                    self.at += length + more + 1;
                    return Ok(span);
                }
                Some(more) if rest[more] == b'\\' => return self.escaped_string(length + more),
                Some(more) => {
                    self.at += length + more;
                    return Err(self.wrong(
                        "a string without control characters",
                        format!("the byte {:#04x}", self.buffer[self.at]),
                    ));
                }
                None => {
                    length += rest.len();
                    if !self.refill()? {
                        self.at += length;
                        return Err(self.cut_off("the closing quote of a string"));
                    }
                }
            }
        }
    }

    /// Goes on with a string whose first `length` bytes (quote included) need no decoding.
    fn escaped_string(&mut self, length: usize) -> Result<Span> {
        let mut text = self.buffer[self.at + 1..self.at + length].to_vec();
        self.at += length;
        loop {
            while self.end - self.at < 12 && self.refill()? {}
            let rest = &self.buffer[self.at..self.end];
            match rest {
                [b'"', ..] => {
                    self.at += 1;
                    self.scratch = text;
                    return Ok(Span::Scratch);
                }
                [b'\\', b'u', ..] => {
                    let Some((letter, length)) = unicode_escape(rest) else {
                        return Err(match rest.len() < 6 && !rest.contains(&b'"') {
                            true => self.cut_off("the closing quote of a string"),
                            false => self.unexpected("\\u and four hexadecimal digits"),
                        });
                    };
                    text.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                    self.at += length;
                }
                [b'\\', letter, ..] => {
                    text.push(match letter {
                        b'"' | b'\\' | b'/' => *letter,
                        b'n' => b'\n',
                        b't' => b'\t',
                        b'r' => b'\r',
                        b'b' => 8,
                        b'f' => 12,
                        _ => {
                            return Err(
                                self.unexpected("one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u")
                            );
                        }
                    });
                    self.at += 2;
                }
                [] | [b'\\'] => {
                    self.at = self.end;
                    return Err(self.cut_off("the closing quote of a string"));
                }
                [byte, ..] if *byte < 0x20 => {
                    return Err(self.unexpected("a string without control characters"));
                }
                [byte, ..] => {
                    text.push(*byte);
                    self.at += 1;
                }
            }
            if text.len() > LONGEST {
                return Err(self.wrong("a string of at most 16 MiB", "a longer one"));
            }
        }
    }
}

/// The letter of a `\uXXXX` escape or of a pair of them, and the bytes it takes. Half a pair, which no
/// UTF-8 can hold, becomes the replacement character.
fn unicode_escape(text: &[u8]) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
        digits
            .iter()
            .try_fold(0, |value, &digit| Some(value * 16 + char::from(digit).to_digit(16)?))
    };
    let first = unit(0)?;
    if (0xd800..0xdc00).contains(&first)
        && let Some(second @ 0xdc00..0xe000) = unit(6)
    {
        let letter = char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))?;
        return Some((letter, 12));
    }
    Some((char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 6))
}
