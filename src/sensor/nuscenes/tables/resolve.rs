//! Links to rows that may not have been read yet: tokens are kept until their table is whole.

use super::load::Rows;
use super::table::token;
use super::{Id, Spellings, TableSource, Token};
use crate::sensor::Error;
use crate::sensor::nuscenes::json::{JsonReader, Result as JsonResult};

/// A token of a row that may not have been read yet.
#[inline]
pub(super) fn neighbour(json: &mut JsonReader<'_>, spellings: &mut Spellings) -> JsonResult<Token> {
    if json.null()? { Ok(Token::EMPTY) } else { token(json, spellings) }
}

/// Tokens that were kept until their table was whole.
pub(super) struct Resolver<'a, Row> {
    pub(super) source: &'a dyn TableSource,
    pub(super) table: &'static str,
    pub(super) to: &'static str,
    pub(super) rows: &'a Rows<Row>,
    pub(super) spellings: &'a Spellings,
}

impl<Row> Resolver<'_, Row> {
    /// The row of a token in row number `place`; none for the empty token.
    pub(super) fn resolve(
        &self,
        place: usize,
        column: &'static str,
        token: Token,
    ) -> Result<Option<Id<Row>>, Error> {
        if token == Token::EMPTY {
            return Ok(None);
        }
        self.require(place, column, token).map(Some)
    }

    pub(super) fn require(
        &self,
        place: usize,
        column: &'static str,
        token: Token,
    ) -> Result<Id<Row>, Error> {
        self.rows.get(&token).copied().ok_or_else(|| Error::DanglingToken {
            file: self.source.label(self.table).display().to_string(),
            row: place + 1,
            column,
            table: self.to,
            token: self.spellings.text(token),
        })
    }
}
