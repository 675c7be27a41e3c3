//! Numbers, in JSON's grammar and no other; and the bare `NaN` that Python's `json` writes.

use super::{JsonReader, Result};

impl JsonReader<'_> {
    /// A finite number.
    ///
    /// # Errors
    /// Where something else follows, or a number beyond the range of a double.
    #[inline]
    pub fn number(&mut self) -> Result<f64> {
        let value = self.number_or_nan("a number")?;
        if value.is_nan() {
            // The word was used up; the error points at it.
            self.at -= 3;
            return Err(self.unexpected("a number"));
        }
        Ok(value)
    }

    /// A finite number, or the bare word `NaN`, which strict JSON does not have.
    ///
    /// # Errors
    /// Where something else follows; it is called `expected`.
    #[inline]
    pub fn number_or_nan(&mut self, expected: &'static str) -> Result<f64> {
        let first = self.peek()?;
        if first == Some(b'N') && self.word(b"NaN")? {
            return Ok(f64::NAN);
        }
        let length = self.number_length()?;
        let text = &self.buffer[self.at..self.at + length];
        let value = if is_number(text) {
            std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok())
        } else {
            None
        };
        match value {
            Some(value) if value.is_finite() => {
                self.at += length;
                Ok(value)
            }
            Some(_) => Err(self.unexpected("a number within the range of a double")),
            None => Err(self.unexpected(expected)),
        }
    }

    /// A whole number.
    ///
    /// # Errors
    /// Where something else follows, or one outside the range of 64 bits.
    #[inline]
    pub fn integer(&mut self) -> Result<i64> {
        self.peek()?;
        let length = self.number_length()?;
        let text = &self.buffer[self.at..self.at + length];
        let value = if is_number(text) { std::str::from_utf8(text).ok() } else { None };
        match value.and_then(|text| text.parse().ok()) {
            Some(value) => {
                self.at += length;
                Ok(value)
            }
            None => Err(self.unexpected("a whole number")),
        }
    }

    /// `N` numbers in an array.
    ///
    /// # Errors
    /// Where there are more or fewer, or something else.
    #[inline]
    pub fn numbers<const N: usize>(&mut self) -> Result<[f64; N]> {
        self.array_of(Self::number)
    }

    /// `N` numbers in an array, each of which may be `NaN`.
    ///
    /// # Errors
    /// As [`numbers`](Self::numbers).
    #[inline]
    pub fn numbers_or_nan<const N: usize>(&mut self) -> Result<[f64; N]> {
        self.array_of(|reader| reader.number_or_nan("a number or NaN"))
    }

    /// An array of exactly `N` values, each read by `read`.
    ///
    /// # Errors
    /// Where there are more or fewer, or one cannot be read.
    #[inline]
    pub fn array_of<T: Copy + Default, const N: usize>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<[T; N]> {
        if self.peek()? != Some(b'[') {
            return Err(self.unexpected(format!("an array of {N} values")));
        }
        self.begin_array()?;
        let (mut values, mut first) = ([T::default(); N], true);
        for (count, value) in values.iter_mut().enumerate() {
            if !self.element(&mut first)? {
                return Err(
                    self.wrong(format!("an array of {N} values"), format!("the end after {count}"))
                );
            }
            *value = read(self)?;
        }
        if self.element(&mut first)? {
            return Err(self.wrong(format!("an array of {N} values"), "one more"));
        }
        Ok(values)
    }

    /// How many bytes from here on could belong to a number.
    #[inline]
    fn number_length(&mut self) -> Result<usize> {
        let mut length = 0;
        loop {
            let rest = &self.buffer[self.at + length..self.end];
            let could = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E');
            match rest.iter().position(|byte| !could(byte)) {
                Some(more) => return Ok(length + more),
                None => length += rest.len(),
            }
            if !self.refill()? {
                return Ok(length);
            }
        }
    }
}

/// Whether a text is the beginning of a number and none yet, such as `-` or `1.`.
pub(super) fn is_begun_number(text: &[u8]) -> bool {
    let could = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E');
    // One digit more makes a number of what was only cut short.
    text.iter().all(could) && !is_number(text) && is_number(&[text, b"0"].concat())
}

/// JSON's grammar of a number: no leading zeros, no plus, digits on both sides of the point.
#[inline]
fn is_number(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut rest = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest[0] == b'0') {
        return false;
    }
    rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let count = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = &fraction[count..];
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = match exponent {
            [b'+' | b'-', unsigned @ ..] => unsigned,
            unsigned => unsigned,
        };
        return !exponent.is_empty() && digits(exponent) == exponent.len();
    }
    rest.is_empty()
}
