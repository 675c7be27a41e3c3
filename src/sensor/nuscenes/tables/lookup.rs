//! Finding rows: by number, by name, and all that belong to another row.

use std::ops::Index;

use super::{
    Annotation, Attribute, CalibratedSensor, Category, EgoPose, Id, Instance, Log, Sample,
    SampleData, Scene, Sensor, Tables, Token, Visibility,
};

/// Rows by the row they belong to, each group in its own order: one list, and where each group ends.
#[derive(Debug)]
pub(super) struct Groups<Row> {
    members: Vec<Id<Row>>,
    ends: Vec<u32>,
}

impl<Row> Default for Groups<Row> {
    fn default() -> Self {
        Self { members: Vec::new(), ends: Vec::new() }
    }
}

impl<Row> Groups<Row> {
    /// Groups the rows `0..owners.len()` by their owners (`0..count`), in row order.
    pub(super) fn new(owners: impl Iterator<Item = usize> + Clone, count: usize) -> Self {
        let mut ends = vec![0u32; count + 1];
        let mut total = 0;
        for owner in owners.clone() {
            ends[owner + 1] += 1;
            total += 1;
        }
        for owner in 0..count {
            ends[owner + 1] += ends[owner];
        }
        // While the members are entered, each group's end is where its next member goes.
        let mut members = vec![Id::new(0); total];
        for (place, owner) in owners.enumerate() {
            members[ends[owner] as usize] = Id::new(place);
            ends[owner] += 1;
        }
        ends.truncate(count);
        Self { members, ends }
    }

    /// The rows that belong to row number `owner`.
    pub(super) fn of(&self, owner: usize) -> &[Id<Row>] {
        let Some(&end) = self.ends.get(owner) else { return &[] };
        let start = if owner == 0 { 0 } else { self.ends[owner - 1] };
        &self.members[start as usize..end as usize]
    }

    /// Sorts each group by a key, keeping the order of equal ones.
    pub(super) fn sort_by_key<Key: Ord>(&mut self, key: impl Fn(Id<Row>) -> Key) {
        let mut start = 0;
        for &end in &self.ends {
            self.members[start..end as usize].sort_by_key(|&member| key(member));
            start = end as usize;
        }
    }
}

/// Lets `tables[id]` find the row of that kind, and gives all of them.
macro_rules! table {
    ($row:ty, $rows:ident, $what:literal) => {
        impl Index<Id<$row>> for Tables {
            type Output = $row;

            fn index(&self, id: Id<$row>) -> &$row {
                &self.$rows[id.place()]
            }
        }

        impl Tables {
            #[doc = concat!($what, ", in row order.")]
            pub fn $rows(&self) -> &[$row] {
                &self.$rows
            }
        }
    };
}

table!(Scene, scenes, "All drives");
table!(Log, logs, "All recordings");
table!(Sample, samples, "All key frames");
table!(Sensor, sensors, "All kinds of sensor");
table!(CalibratedSensor, calibrated_sensors, "All sensors as mounted");
table!(Category, categories, "All kinds of object");
table!(Attribute, attributes, "All states of an object");
table!(Visibility, visibilities, "All bands of visibility");
table!(Instance, instances, "All objects");
table!(Annotation, annotations, "All annotated boxes");
table!(SampleData, files, "All files that were asked for");
table!(EgoPose, ego_poses, "The vehicle's places that belong to those files");

impl Tables {
    /// The drive of that name, such as `scene-0103`.
    pub fn scene_named(&self, name: &str) -> Option<Id<Scene>> {
        self.scenes.iter().position(|scene| scene.name == name).map(Id::new)
    }

    /// The key frame with that token.
    pub fn sample_of_token(&self, token: Token) -> Option<Id<Sample>> {
        self.sample_by_token.get(&token).copied()
    }

    /// A drive's key frames, by their time.
    pub fn samples_of(&self, scene: Id<Scene>) -> &[Id<Sample>] {
        self.samples_by_scene.of(scene.place())
    }

    /// A key frame's boxes, in row order.
    pub fn annotations_of(&self, sample: Id<Sample>) -> &[Id<Annotation>] {
        self.annotations_by_sample.of(sample.place())
    }

    /// A key frame's files among those asked for, in row order.
    pub fn key_frame_files(&self, sample: Id<Sample>) -> impl Iterator<Item = Id<SampleData>> {
        let all = self.files_by_sample.of(sample.place()).iter().copied();
        all.filter(|&file| self[file].is_key_frame)
    }

    /// A key frame's file of one sensor, such as `LIDAR_TOP`; the last one where the table has several.
    pub fn key_frame_file(&self, sample: Id<Sample>, channel: &str) -> Option<Id<SampleData>> {
        self.key_frame_files(sample).filter(|&file| self.channel(file) == channel).last()
    }

    /// Which sensor a file comes from, such as `CAM_FRONT`.
    pub fn channel(&self, file: Id<SampleData>) -> &str {
        &self[self[self[file].calibrated_sensor].sensor].channel
    }

    /// A file's name below the data set's root, such as `samples/LIDAR_TOP/….pcd.bin`.
    pub fn filename(&self, file: Id<SampleData>) -> &str {
        let start = match file.place() {
            0 => 0,
            place => self.files[place - 1].filename_end as usize,
        };
        self.filenames.get(start..self[file].filename_end as usize).unwrap_or_default()
    }

    /// What an annotated object is, such as `human.pedestrian.adult`.
    pub fn category_of(&self, annotation: Id<Annotation>) -> &str {
        &self[self[self[annotation].instance].category].name
    }

    /// What an annotated object does, such as `vehicle.parked`; none where the table says nothing.
    pub fn attribute_of(&self, annotation: Id<Annotation>) -> Option<&str> {
        self[annotation].attribute.map(|attribute| self[attribute].name.as_str())
    }

    /// A token as the tables spell it.
    pub fn spell(&self, token: Token) -> String {
        self.spellings.text(token)
    }
}
