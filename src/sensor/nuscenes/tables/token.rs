//! Tokens, the keys of every table, in sixteen bytes each.
//!
//! nuScenes' own tokens are 32 hexadecimal digits and are held as that number. Any other text works
//! too: it is held as the first 128 bits of its SHA-256, and remembered so that it can be shown.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use sha2::{Digest as _, Sha256};

/// The key of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Token(u128);

impl Token {
    /// The token of the empty text, with which the tables say "none".
    pub const EMPTY: Self = Self(0xe3b0_c442_98fc_1c14_9afb_f4c8_996f_b924);

    /// The token of that text.
    ///
    /// ```
    /// use emc2::sensor::nuscenes::tables::Token;
    /// assert_eq!(Token::of("3e8750f331d7499e9b5123e9eb70f2e2"), Token::of("3e8750f331d7499e9b5123e9eb70f2e2"));
    /// assert_ne!(Token::of("frame 1"), Token::of("frame 2"));
    /// ```
    #[inline]
    pub fn of(text: impl AsRef<[u8]>) -> Self {
        let text = text.as_ref();
        Self::of_hex(text).unwrap_or_else(|| {
            let digest = Sha256::digest(text);
            Self(digest.iter().take(16).fold(0, |value, &byte| value << 8 | u128::from(byte)))
        })
    }

    /// The token of 32 lower-case hexadecimal digits; none for any other text.
    #[inline]
    fn of_hex(text: &[u8]) -> Option<Self> {
        let text: &[u8; 32] = text.try_into().ok()?;
        let half = |digits: &[u8]| {
            let (mut value, mut bad) = (0u64, 0u8);
            for &digit in digits {
                let nibble = NIBBLES[usize::from(digit)];
                bad |= nibble;
                value = value << 4 | u64::from(nibble & 15);
            }
            (bad < 16).then_some(value)
        };
        Some(Self(u128::from(half(&text[..16])?) << 64 | u128::from(half(&text[16..])?)))
    }
}

/// The value of each hexadecimal digit; 255 for what is none.
const NIBBLES: [u8; 256] = {
    let mut table = [255; 256];
    let mut value = 0;
    while value < 16 {
        table[b"0123456789abcdef"[value as usize] as usize] = value;
        value += 1;
    }
    table
};

/// Tokens are spread evenly already (or are digests), so a multiplication is all the hashing needed.
#[derive(Debug, Default, Clone, Copy)]
pub struct TokenHasher(u64);

impl Hasher for TokenHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u128(u128::from(byte));
        }
    }

    #[inline]
    fn write_u128(&mut self, value: u128) {
        let folded = self.0 ^ (value as u64) ^ ((value >> 64) as u64).rotate_left(32);
        let spread = folded.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = spread ^ (spread >> 32);
    }
}

/// A map from tokens.
pub type TokenMap<T> = HashMap<Token, T, BuildHasherDefault<TokenHasher>>;

/// The texts of those tokens that are not 32 hexadecimal digits.
#[derive(Debug, Default, Clone)]
pub struct Spellings(TokenMap<Box<str>>);

impl Spellings {
    /// The token of that text, whose spelling is kept.
    #[inline]
    pub fn token(&mut self, text: &[u8]) -> Token {
        Token::of_hex(text).unwrap_or_else(|| {
            let token = Token::of(text);
            self.0.entry(token).or_insert_with(|| String::from_utf8_lossy(text).into());
            token
        })
    }

    /// The text of a token that came from here or is 32 hexadecimal digits.
    pub fn text(&self, token: Token) -> String {
        self.0.get(&token).map_or_else(|| format!("{:032x}", token.0), |text| text.to_string())
    }

    /// Takes over what `other` knows.
    pub fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_a_token_and_comes_back_as_it_was_written() {
        let mut spellings = Spellings::default();
        let texts = [
            "3e8750f331d7499e9b5123e9eb70f2e2",
            "4",
            "",
            "ünïcode",
            "3E8750F331D7499E9B5123E9EB70F2E2",
        ];
        let tokens = texts.map(|text| spellings.token(text.as_bytes()));
        for (index, (token, text)) in tokens.iter().zip(texts).enumerate() {
            assert_eq!(spellings.text(*token), text);
            assert_eq!(*token, Token::of(text));
            assert!(tokens[..index].iter().all(|other| other != token), "{text} is not alone");
        }
    }

    #[test]
    fn the_empty_token_is_that_of_the_empty_text() {
        assert_eq!(Token::of(""), Token::EMPTY);
    }

    #[test]
    fn leading_zeros_of_a_token_stay() {
        let text = "00000000000000000000000000000a0b";
        assert_eq!(Spellings::default().text(Token::of(text)), text);
    }
}
