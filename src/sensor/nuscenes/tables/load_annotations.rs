//! The annotations, and the objects that they are of.

use super::load::{Rows, rotation};
use super::resolve::{Resolver, neighbour};
use super::table::{Table, enter, link, optional_link, read_row, token};
use super::{
    Annotation, Attribute, Category, Id, Instance, Sample, Spellings, TableSource, Token,
    Visibility,
};
use crate::sensor::Error;
use crate::sensor::nuscenes::json::{Fields, JsonReader, Result as JsonResult};

/// What an annotation points at.
pub(super) struct Links<'a> {
    pub(super) samples: &'a Rows<Sample>,
    pub(super) categories: &'a Rows<Category>,
    pub(super) attributes: &'a Rows<Attribute>,
    pub(super) visibilities: &'a Rows<Visibility>,
}

/// Objects, annotations, and the texts of their tokens.
pub(super) type Annotated = (Vec<Instance>, Vec<Annotation>, Spellings);

/// Reads both tables.
pub(super) fn annotations(source: &dyn TableSource, links: &Links<'_>) -> Result<Annotated, Error> {
    const INSTANCE: [&str; 2] = ["token", "category_token"];
    const COLUMNS: [&str; 12] = [
        "token",
        "sample_token",
        "instance_token",
        "attribute_tokens",
        "translation",
        "size",
        "rotation",
        "prev",
        "next",
        "num_lidar_pts",
        "num_radar_pts",
        "visibility_token",
    ];
    let mut spellings = Spellings::default();
    let (mut instances, mut by_token) = (Vec::new(), Rows::default());
    Table::open(source, "instance")?.rows(|json| {
        let mut row = Instance { token: Token::EMPTY, category: Id::new(0) };
        read_row!(json, INSTANCE, 2, {
            0 => row.token = token(json, &mut spellings)?,
            1 => row.category = link(json, links.categories, "category")?,
        });
        enter(&mut by_token, row.token, instances.len(), json, &spellings)?;
        instances.push(row);
        Ok(())
    })?;
    let (mut rows, mut neighbours) = (Vec::new(), Vec::new());
    let mut own = Rows::default();
    Table::open(source, "sample_annotation")?.rows(|json| {
        let mut row = Annotation {
            token: Token::EMPTY,
            sample: Id::new(0),
            instance: Id::new(0),
            visibility: None,
            attribute: None,
            attribute_count: 0,
            translation: [0.0; 3],
            size_wlh: [0.0; 3],
            rotation: [0.0; 4],
            previous: None,
            next: None,
            lidar_points: 0,
            radar_points: 0,
        };
        let mut around = [Token::EMPTY; 2];
        read_row!(json, COLUMNS, 11, {
            0 => row.token = token(json, &mut spellings)?,
            1 => row.sample = link(json, links.samples, "sample")?,
            2 => row.instance = link(json, &by_token, "instance")?,
            3 => (row.attribute, row.attribute_count) = attribute(json, links.attributes)?,
            4 => row.translation = json.numbers()?,
            5 => row.size_wlh = json.numbers()?,
            6 => row.rotation = rotation(json)?,
            7 => around[0] = neighbour(json, &mut spellings)?,
            8 => around[1] = neighbour(json, &mut spellings)?,
            9 => row.lidar_points = points(json)?,
            10 => row.radar_points = points(json)?,
            11 => row.visibility = optional_link(json, links.visibilities, "visibility")?,
        });
        enter(&mut own, row.token, rows.len(), json, &spellings)?;
        rows.push(row);
        neighbours.push(around);
        Ok(())
    })?;
    let resolver = Resolver {
        source,
        table: "sample_annotation",
        to: "sample_annotation",
        rows: &own,
        spellings: &spellings,
    };
    for (place, around) in neighbours.into_iter().enumerate() {
        rows[place].previous = resolver.resolve(place, "prev", around[0])?;
        rows[place].next = resolver.resolve(place, "next", around[1])?;
    }
    Ok((instances, rows, spellings))
}

/// The first of an annotation's attributes, and how many there are.
fn attribute(
    json: &mut JsonReader<'_>,
    attributes: &Rows<Attribute>,
) -> JsonResult<(Option<Id<Attribute>>, u8)> {
    let (mut first, mut attribute, mut count) = (true, None, 0u8);
    json.begin_array()?;
    while json.element(&mut first)? {
        let one = link(json, attributes, "attribute")?;
        attribute = attribute.or(Some(one));
        count = count.saturating_add(1);
    }
    Ok((attribute, count))
}

fn points(json: &mut JsonReader<'_>) -> JsonResult<i32> {
    let count = json.integer()?;
    i32::try_from(count).map_err(|_| json.wrong("a count of points", count.to_string()))
}
