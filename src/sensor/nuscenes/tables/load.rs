//! Reading the tables: the small ones first, then annotations and files beside one another.

use super::load_annotations::{Links, annotations};
use super::load_files;
use super::load_scenes::scenes_and_samples;
use super::lookup::Groups;
use super::table::{Table, enter, link, read_row, token};
use super::{
    Attribute, CalibratedSensor, Category, Files, Id, Log, Need, Sensor, Spellings, TableSource,
    Tables, Token, TokenMap, Visibility,
};
use crate::sensor::Error;
use crate::sensor::nuscenes::json::{Fields, JsonReader, Result as JsonResult};

/// The rows of one table by their tokens.
pub(super) type Rows<Row> = TokenMap<Id<Row>>;

/// Reads what is needed.
pub(super) fn load(source: &dyn TableSource, need: Need) -> Result<Tables, Error> {
    let mut tables = Tables::default();
    let spellings = &mut tables.spellings;
    let sensors = named(
        source,
        "sensor",
        ["channel", "modality"],
        spellings,
        |token, [channel, modality]| Sensor { token, channel, modality },
    )?;
    let attributes =
        named(source, "attribute", ["name"], spellings, |token, [name]| Attribute { token, name })?;
    let categories =
        named(source, "category", ["name"], spellings, |token, [name]| Category { token, name })?;
    let visibilities = named(source, "visibility", ["level"], spellings, |token, [level]| {
        Visibility { token, level }
    })?;
    let logs = named(
        source,
        "log",
        ["logfile", "vehicle", "date_captured", "location"],
        spellings,
        |token, [logfile, vehicle, date_captured, location]| Log {
            token,
            logfile,
            vehicle,
            date_captured,
            location,
        },
    )?;
    let (calibrated_sensors, calibrated_by_token) =
        calibrated_sensors(source, &sensors.1, spellings)?;
    scenes_and_samples(source, &logs.1, &mut tables)?;
    (tables.sensors, tables.logs, tables.calibrated_sensors) =
        (sensors.0, logs.0, calibrated_sensors);
    let links = Links {
        samples: &tables.sample_by_token,
        categories: &categories.1,
        attributes: &attributes.1,
        visibilities: &visibilities.1,
    };
    // The two large halves know nothing of one another.
    let (annotated, files) = std::thread::scope(|scope| {
        let annotated =
            scope.spawn(|| need.annotations.then(|| annotations(source, &links)).transpose());
        let files = (need.files != Files::None)
            .then(|| load_files::files(source, need.files, &tables, &calibrated_by_token))
            .transpose();
        (annotated.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), files)
    });
    (tables.categories, tables.attributes) = (categories.0, attributes.0);
    tables.visibilities = visibilities.0;
    if let Some((instances, annotations, spellings)) = annotated? {
        (tables.instances, tables.annotations) = (instances, annotations);
        tables.spellings.merge(spellings);
        let owners = tables.annotations.iter().map(|annotation| annotation.sample.place());
        tables.annotations_by_sample = Groups::new(owners, tables.samples.len());
    }
    if let Some(read) = files? {
        (tables.files, tables.filenames, tables.ego_poses) =
            (read.files, read.filenames, read.ego_poses);
        tables.spellings.merge(read.spellings);
        let owners = tables.files.iter().map(|file| file.sample.place());
        tables.files_by_sample = Groups::new(owners, tables.samples.len());
    }
    Ok(tables)
}

/// A small table of a token and `N` texts.
fn named<Row, const N: usize>(
    source: &dyn TableSource,
    table: &'static str,
    columns: [&'static str; N],
    spellings: &mut Spellings,
    make: impl Fn(Token, [String; N]) -> Row,
) -> Result<(Vec<Row>, Rows<Row>), Error> {
    let (mut rows, mut by_token) = (Vec::new(), Rows::default());
    Table::open(source, table)?.rows(|json| {
        let (mut own, mut texts) = (None, [const { None }; N]);
        let mut first = true;
        while let Some(key) = json.key(&mut first)? {
            if key == b"token" {
                own = Some(token(json, spellings)?);
            } else if let Some(place) = columns.iter().position(|name| name.as_bytes() == key) {
                texts[place] = Some(json.string()?.to_owned());
            } else {
                json.skip()?;
            }
        }
        let Some(own) = own else {
            return Err(json.wrong("a field \"token\"", "an object without it"));
        };
        if let Some(missing) = texts.iter().position(Option::is_none) {
            return Err(
                json.wrong(format!("a field {:?}", columns[missing]), "an object without it")
            );
        }
        enter(&mut by_token, own, rows.len(), json, spellings)?;
        rows.push(make(own, texts.map(Option::unwrap_or_default)));
        Ok(())
    })?;
    Ok((rows, by_token))
}

fn calibrated_sensors(
    source: &dyn TableSource,
    sensors: &Rows<Sensor>,
    spellings: &mut Spellings,
) -> Result<(Vec<CalibratedSensor>, Rows<CalibratedSensor>), Error> {
    const COLUMNS: [&str; 5] =
        ["token", "sensor_token", "translation", "rotation", "camera_intrinsic"];
    let (mut rows, mut by_token) = (Vec::new(), Rows::default());
    Table::open(source, "calibrated_sensor")?.rows(|json| {
        let mut row = CalibratedSensor {
            token: Token::EMPTY,
            sensor: Id::new(0),
            rotation: [0.0; 4],
            translation: [0.0; 3],
            camera_intrinsic: None,
        };
        read_row!(json, COLUMNS, 4, {
            0 => row.token = token(json, spellings)?,
            1 => row.sensor = link(json, sensors, "sensor")?,
            2 => row.translation = json.numbers()?,
            3 => row.rotation = rotation(json)?,
            4 => row.camera_intrinsic = intrinsic(json)?,
        });
        enter(&mut by_token, row.token, rows.len(), json, spellings)?;
        rows.push(row);
        Ok(())
    })?;
    Ok((rows, by_token))
}

/// A quaternion, which must not be all zeros.
pub(super) fn rotation(json: &mut JsonReader<'_>) -> JsonResult<[f64; 4]> {
    let rotation: [f64; 4] = json.numbers()?;
    if rotation.iter().map(|part| part * part).sum::<f64>() > 0.0 {
        Ok(rotation)
    } else {
        Err(json.wrong("a quaternion w, x, y, z with a length", "one of length zero"))
    }
}

/// A camera's 3×3 matrix; an empty array or null for other sensors.
fn intrinsic(json: &mut JsonReader<'_>) -> JsonResult<Option<[[f64; 3]; 3]>> {
    if json.null()? {
        return Ok(None);
    }
    json.begin_array()?;
    let (mut first, mut matrix) = (true, [[0.0; 3]; 3]);
    for (row, numbers) in matrix.iter_mut().enumerate() {
        if !json.element(&mut first)? {
            return match row {
                0 => Ok(None),
                _ => Err(json.wrong("three rows of three numbers", format!("{row} rows"))),
            };
        }
        *numbers = json.numbers()?;
    }
    if json.element(&mut first)? {
        return Err(json.wrong("three rows of three numbers", "a fourth row"));
    }
    Ok(Some(matrix))
}
