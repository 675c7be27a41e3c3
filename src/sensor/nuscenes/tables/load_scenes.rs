//! Scenes and their samples.

use super::load::Rows;
use super::lookup::Groups;
use super::resolve::{Resolver, neighbour};
use super::table::{Table, enter, link, optional_link, read_row, token};
use super::{Id, Log, Sample, Scene, TableSource, Tables, Token};
use crate::sensor::Error;
use crate::sensor::nuscenes::json::Fields;

/// Reads both tables, which point at one another.
pub(super) fn scenes_and_samples(
    source: &dyn TableSource,
    logs: &Rows<Log>,
    tables: &mut Tables,
) -> Result<(), Error> {
    const SCENE: [&str; 6] =
        ["token", "name", "first_sample_token", "last_sample_token", "log_token", "description"];
    const SAMPLE: [&str; 5] = ["token", "timestamp", "prev", "next", "scene_token"];
    let spellings = &mut tables.spellings;
    let (scenes, samples) = (&mut tables.scenes, &mut tables.samples);
    let (mut by_token, mut ends) = (Rows::default(), Vec::new());
    Table::open(source, "scene")?.rows(|json| {
        let mut row = Scene {
            token: Token::EMPTY,
            name: String::new(),
            description: String::new(),
            log: None,
            ends: [Id::new(0); 2],
        };
        let mut first_and_last = [Token::EMPTY; 2];
        read_row!(json, SCENE, 4, {
            0 => row.token = token(json, spellings)?,
            1 => row.name = json.string()?.to_owned(),
            2 => first_and_last[0] = token(json, spellings)?,
            3 => first_and_last[1] = token(json, spellings)?,
            4 => row.log = optional_link(json, logs, "log")?,
            5 => row.description = json.string()?.to_owned(),
        });
        enter(&mut by_token, row.token, scenes.len(), json, spellings)?;
        scenes.push(row);
        ends.push(first_and_last);
        Ok(())
    })?;
    let mut neighbours = Vec::new();
    let by_sample_token = &mut tables.sample_by_token;
    Table::open(source, "sample")?.rows(|json| {
        let mut row = Sample {
            token: Token::EMPTY,
            timestamp_us: 0,
            scene: Id::new(0),
            previous: None,
            next: None,
        };
        let mut around = [Token::EMPTY; 2];
        read_row!(json, SAMPLE, 5, {
            0 => row.token = token(json, spellings)?,
            1 => row.timestamp_us = json.integer()?,
            2 => around[0] = neighbour(json, spellings)?,
            3 => around[1] = neighbour(json, spellings)?,
            4 => row.scene = link(json, &by_token, "scene")?,
        });
        enter(by_sample_token, row.token, samples.len(), json, spellings)?;
        samples.push(row);
        neighbours.push(around);
        Ok(())
    })?;
    let resolver =
        Resolver { source, table: "sample", to: "sample", rows: by_sample_token, spellings };
    for (place, around) in neighbours.into_iter().enumerate() {
        samples[place].previous = resolver.resolve(place, "prev", around[0])?;
        samples[place].next = resolver.resolve(place, "next", around[1])?;
    }
    let resolver = Resolver { table: "scene", ..resolver };
    for (place, [first, last]) in ends.into_iter().enumerate() {
        scenes[place].ends = [
            resolver.require(place, "first_sample_token", first)?,
            resolver.require(place, "last_sample_token", last)?,
        ];
    }
    let owners = samples.iter().map(|sample| sample.scene.place());
    tables.samples_by_scene = Groups::new(owners, scenes.len());
    tables.samples_by_scene.sort_by_key(|id| samples[id.place()].timestamp_us);
    Ok(())
}
