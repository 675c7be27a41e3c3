//! One table while it is read: its rows one after the other, and errors that say where.

use std::path::PathBuf;

use super::{Id, Spellings, TableSource, Token, TokenMap};
use crate::sensor::Error;
use crate::sensor::nuscenes::json::{JsonError, JsonReader, Result as JsonResult};

/// A table that is being read.
pub(super) struct Table<'a> {
    pub(super) json: JsonReader<'a>,
    name: &'static str,
    path: PathBuf,
    row: usize,
    first: bool,
}

impl<'a> Table<'a> {
    /// Opens a table and steps to its first row.
    pub(super) fn open(source: &'a dyn TableSource, name: &'static str) -> Result<Self, Error> {
        let path = source.label(name);
        let opened = source.open(name).map_err(|source| Error::Read {
            what: "nuScenes table",
            path: path.clone(),
            source,
        })?;
        let mut table = Self { json: JsonReader::new(opened), name, path, row: 0, first: true };
        let begun = table.json.begin_array();
        begun.map_err(|cause| table.error(cause))?;
        Ok(table)
    }

    /// Reads every row with `read`, which begins inside the row's object and ends behind it.
    pub(super) fn rows(
        mut self,
        mut read: impl FnMut(&mut JsonReader<'a>) -> JsonResult<()>,
    ) -> Result<(), Error> {
        loop {
            let row = self.next(&mut read);
            match row {
                Ok(true) => self.row += 1,
                Ok(false) => return Ok(()),
                Err(cause) => return Err(self.error(cause)),
            }
        }
    }

    fn next(
        &mut self,
        read: &mut impl FnMut(&mut JsonReader<'a>) -> JsonResult<()>,
    ) -> JsonResult<bool> {
        self.json.leave_row();
        if !self.json.element(&mut self.first)? {
            self.json.finish()?;
            return Ok(false);
        }
        if self.row >= u32::MAX as usize - 1 {
            return Err(self.json.wrong("fewer than 2^32 rows", "another one"));
        }
        self.json.begin_object()?;
        read(&mut self.json)?;
        Ok(true)
    }

    fn error(&self, cause: Box<JsonError>) -> Error {
        if let JsonError::Read { byte, source } = *cause {
            let source =
                std::io::Error::new(source.kind(), format!("behind byte {byte}: {source}"));
            return Error::Read { what: "nuScenes table", path: self.path.clone(), source };
        }
        Error::Table {
            file: self.path.display().to_string(),
            row: self.row + 1,
            column: match self.json.column() {
                "" => self.name,
                column => column,
            },
            cause,
        }
    }
}

/// Reads an object's fields: each named one with its expression, any other is passed over; then
/// checks that the first `required` of them were there.
macro_rules! read_row {
    ($json:expr, $names:expr, $required:expr, { $($place:pat => $read:expr),* $(,)? }) => {{
        let mut fields = Fields::default();
        while let Some(field) = $json.field(&mut fields, &$names)? {
            match field {
                $($place => $read,)*
                _ => $json.skip()?,
            }
        }
        $json.require(&fields, &$names, $required)?;
    }};
}
pub(super) use read_row;

/// A token that must be there.
#[inline]
pub(super) fn token(json: &mut JsonReader<'_>, spellings: &mut Spellings) -> JsonResult<Token> {
    Ok(spellings.token(json.bytes()?))
}

/// The token of a row of `table`, which must be there.
#[inline]
pub(super) fn link<Row>(
    json: &mut JsonReader<'_>,
    rows: &TokenMap<Id<Row>>,
    table: &'static str,
) -> JsonResult<Id<Row>> {
    match optional_link(json, rows, table)? {
        Some(id) => Ok(id),
        None => Err(json.wrong(format!("the token of a row of {table}"), "none")),
    }
}

/// As [`link`]; an empty text or null is no link.
#[inline]
pub(super) fn optional_link<Row>(
    json: &mut JsonReader<'_>,
    rows: &TokenMap<Id<Row>>,
    table: &'static str,
) -> JsonResult<Option<Id<Row>>> {
    if json.null()? {
        return Ok(None);
    }
    let text = json.bytes()?;
    if text.is_empty() {
        return Ok(None);
    }
    if let Some(&id) = rows.get(&Token::of(text)) {
        return Ok(Some(id));
    }
    let found =
        format!("{:?}, which is not there (a dangling token)", String::from_utf8_lossy(text));
    Err(json.wrong(format!("the token of a row of {table}"), found))
}

/// Gives a row its number; a token may stand for one row only.
#[inline]
pub(super) fn enter<Row>(
    rows: &mut TokenMap<Id<Row>>,
    token: Token,
    place: usize,
    json: &JsonReader<'_>,
    spellings: &Spellings,
) -> JsonResult<()> {
    match rows.insert(token, Id::new(place)) {
        None => Ok(()),
        Some(before) => Err(json.wrong(
            "a token of its own for each row",
            format!("{:?}, the token of row {} too", spellings.text(token), before.place() + 1),
        )),
    }
}
