//! The sensors' files (`sample_data`) and where the vehicle was (`ego_pose`), as far as wanted.

use super::load::{Rows, rotation};
use super::resolve::{Resolver, neighbour};
use super::table::{Table, enter, link, read_row, token};
use super::{
    CalibratedSensor, EgoPose, Files, Id, SampleData, Spellings, TableSource, Tables, Token,
    TokenMap,
};
use crate::sensor::Error;
use crate::sensor::nuscenes::json::{Fields, JsonReader, Result as JsonResult};

/// What was read.
pub(super) struct Read {
    pub(super) files: Vec<SampleData>,
    pub(super) filenames: String,
    pub(super) ego_poses: Vec<EgoPose>,
    pub(super) spellings: Spellings,
}

/// Reads the wanted files and the poses that they point at; the rest streams past.
pub(super) fn files(
    source: &dyn TableSource,
    wanted: Files,
    tables: &Tables,
    calibrated_sensors: &Rows<CalibratedSensor>,
) -> Result<Read, Error> {
    const COLUMNS: [&str; 11] = [
        "token",
        "sample_token",
        "ego_pose_token",
        "calibrated_sensor_token",
        "timestamp",
        "is_key_frame",
        "height",
        "width",
        "filename",
        "prev",
        "next",
    ];
    let mut spellings = Spellings::default();
    let (mut files, mut filenames) = (Vec::new(), String::new());
    let (mut neighbours, mut own) = (Vec::new(), Rows::default());
    // Poses are numbered as they are first mentioned, with the row that did so.
    let mut poses = TokenMap::default();
    let mut mentioned = Vec::new();
    // Of the file, where not every row is kept.
    let mut row_number = 0;
    Table::open(source, "sample_data")?.rows(|json| {
        row_number += 1;
        let mut row = SampleData {
            token: Token::EMPTY,
            sample: Id::new(0),
            ego_pose: Id::new(0),
            calibrated_sensor: Id::new(0),
            timestamp_us: 0,
            is_key_frame: false,
            image_size: [0; 2],
            previous: None,
            next: None,
            filename_end: 0,
        };
        let (mut around, mut pose) = ([Token::EMPTY; 2], Token::EMPTY);
        let filenames_before = filenames.len();
        read_row!(json, COLUMNS, 11, {
            0 => row.token = token(json, &mut spellings)?,
            1 => row.sample = link(json, &tables.sample_by_token, "sample")?,
            2 => pose = token(json, &mut spellings)?,
            3 => row.calibrated_sensor = link(json, calibrated_sensors, "calibrated_sensor")?,
            4 => row.timestamp_us = json.integer()?,
            5 => row.is_key_frame = json.boolean()?,
            6 => row.image_size[1] = pixels(json)?,
            7 => row.image_size[0] = pixels(json)?,
            8 => {
                filenames.truncate(filenames_before);
                filenames.push_str(json.string()?);
            },
            9 => around[0] = neighbour(json, &mut spellings)?,
            10 => around[1] = neighbour(json, &mut spellings)?,
        });
        let sensor = tables.calibrated_sensors[row.calibrated_sensor.place()].sensor;
        let is_lidar = || tables.sensors[sensor.place()].channel == "LIDAR_TOP";
        let keep = match wanted {
            Files::All => true,
            Files::KeyFrames => row.is_key_frame,
            Files::LidarKeyFrames => row.is_key_frame && is_lidar(),
            Files::None => false,
        };
        if !keep {
            filenames.truncate(filenames_before);
            return Ok(());
        }
        row.filename_end = u32::try_from(filenames.len())
            .map_err(|_| json.wrong("file names of 4 GiB at most in all", "more"))?;
        row.ego_pose = *poses.entry(pose).or_insert_with(|| {
            mentioned.push((pose, row_number));
            Id::new(mentioned.len() - 1)
        });
        if wanted == Files::All {
            enter(&mut own, row.token, files.len(), json, &spellings)?;
            neighbours.push(around);
        }
        files.push(row);
        Ok(())
    })?;
    let resolver = Resolver {
        source,
        table: "sample_data",
        to: "sample_data",
        rows: &own,
        spellings: &spellings,
    };
    for (place, around) in neighbours.into_iter().enumerate() {
        files[place].previous = resolver.resolve(place, "prev", around[0])?;
        files[place].next = resolver.resolve(place, "next", around[1])?;
    }
    drop(own);
    let ego_poses = ego_poses(source, &poses, &mentioned, &mut spellings)?;
    files.shrink_to_fit();
    filenames.shrink_to_fit();
    Ok(Read { files, filenames, ego_poses, spellings })
}

fn ego_poses(
    source: &dyn TableSource,
    wanted: &TokenMap<Id<EgoPose>>,
    mentioned: &[(Token, usize)],
    spellings: &mut Spellings,
) -> Result<Vec<EgoPose>, Error> {
    const COLUMNS: [&str; 4] = ["token", "timestamp", "rotation", "translation"];
    // A pose that was not read yet has no rotation.
    let mut poses = vec![EgoPose::default(); mentioned.len()];
    Table::open(source, "ego_pose")?.rows(|json| {
        let (mut own, mut pose) = (Token::EMPTY, EgoPose::default());
        read_row!(json, COLUMNS, 4, {
            0 => own = token(json, spellings)?,
            1 => pose.timestamp_us = json.integer()?,
            2 => pose.rotation = rotation(json)?,
            3 => pose.translation = json.numbers()?,
        });
        if let Some(id) = wanted.get(&own) {
            let place = &mut poses[id.place()];
            if place.rotation != [0.0; 4] {
                let found = format!("{:?} a second time", spellings.text(own));
                return Err(json.wrong("a token of its own for each row", found));
            }
            *place = pose;
        }
        Ok(())
    })?;
    match poses.iter().position(|pose| pose.rotation == [0.0; 4]) {
        None => Ok(poses),
        Some(missing) => Err(Error::DanglingToken {
            file: source.label("sample_data").display().to_string(),
            row: mentioned[missing].1,
            column: "ego_pose_token",
            table: "ego_pose",
            token: spellings.text(mentioned[missing].0),
        }),
    }
}

fn pixels(json: &mut JsonReader<'_>) -> JsonResult<u32> {
    let size = json.integer()?;
    u32::try_from(size).map_err(|_| json.wrong("a size in pixels", size.to_string()))
}
