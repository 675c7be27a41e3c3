//! Reading the tables: the small ones first, then annotations and files beside one another.

use super::lookup::Groups;
use super::table::{Table, enter, link, optional_link, read_row, token};
use super::{
    Annotation, Attribute, CalibratedSensor, Category, Files, Id, Instance, Log, Need, Sample,
    Scene, Sensor, Spellings, TableSource, Tables, Token, TokenMap, Visibility, load_files,
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

fn scenes_and_samples(
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

    fn require(&self, place: usize, column: &'static str, token: Token) -> Result<Id<Row>, Error> {
        self.rows.get(&token).copied().ok_or_else(|| Error::DanglingToken {
            file: self.source.label(self.table).display().to_string(),
            row: place + 1,
            column,
            table: self.to,
            token: self.spellings.text(token),
        })
    }
}

/// What an annotation points at.
struct Links<'a> {
    samples: &'a Rows<Sample>,
    categories: &'a Rows<Category>,
    attributes: &'a Rows<Attribute>,
    visibilities: &'a Rows<Visibility>,
}

type Annotated = (Vec<Instance>, Vec<Annotation>, Spellings);

fn annotations(source: &dyn TableSource, links: &Links<'_>) -> Result<Annotated, Error> {
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
