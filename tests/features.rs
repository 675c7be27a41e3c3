//! The bridge and the training package make the same numbers of the same points: a fixture that
//! training wrote (`models/training/emc2_training/fixtures.py`) is compared with ours to 1e-4.

use std::fs::File;
use std::path::Path;

use emc2::bridge::grid::Grids;
use emc2::bridge::proposals::Decoder;
use emc2::bridge::regions::RegionFinder;
use emc2::bridge::{GridLayout, Proposal, ProposalSource, Scene, budget, encode};
use emc2::calib::Rig;
use emc2::config::BridgeConfig;
use emc2::frame::{Class, Dropped};
use emc2::geometry::{Box3, bev_overlap, overlap_3d};
use ndarray::{ArrayD, IxDyn};
use ndarray_npy::NpzReader;

/// KITTI's sensor height, for which the fixture was made, m.
const ORIGIN_HEIGHT_M: f32 = 1.73;

struct Fixture {
    archive: NpzReader<File>,
}

impl Fixture {
    /// None, with a word, where the fixture is absent.
    fn open() -> Option<Self> {
        Self::open_file("features.npz")
    }

    fn open_file(name: &str) -> Option<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
        let Ok(file) = File::open(&path) else {
            #[allow(clippy::print_stderr)] // a skipped test says so
            {
                eprintln!("skipped: no fixture at {}", path.display());
            }
            return None;
        };
        Some(Self { archive: NpzReader::new(file).expect("an npz file") })
    }

    /// An array as f32, whichever float it was written in.
    fn array(&mut self, name: &str) -> ArrayD<f32> {
        if let Ok(array) = self.archive.by_name::<ndarray::OwnedRepr<f32>, IxDyn>(name) {
            return array;
        }
        self.array_f64(name).mapv(|value| value as f32)
    }

    fn array_f64(&mut self, name: &str) -> ArrayD<f64> {
        self.archive
            .by_name::<ndarray::OwnedRepr<f64>, IxDyn>(name)
            .unwrap_or_else(|error| panic!("array {name} of the fixture: {error}"))
    }

    fn points(&mut self) -> Vec<[f32; 4]> {
        let array = self.array("points");
        let flat: Vec<f32> = array.iter().copied().collect();
        flat.chunks_exact(4).map(|point| [point[0], point[1], point[2], point[3]]).collect()
    }

    /// The cropped points, as the bridge sees them.
    fn cropped(&mut self) -> Vec<[f32; 4]> {
        let mut kept = Vec::new();
        let dropped = &mut Dropped::default();
        budget::crop(&self.points(), &GridLayout::default(), ORIGIN_HEIGHT_M, &mut kept, dropped);
        kept
    }

    fn boxes(&mut self) -> Vec<Box3> {
        let array = self.array_f64("boxes");
        let rows: Vec<f64> = array.iter().copied().collect();
        rows.chunks_exact(7)
            .map(|row| Box3::new([row[0], row[1], row[2]], [row[3], row[4], row[5]], row[6]))
            .collect()
    }

    fn scene(&mut self) -> Scene {
        let classes = [Class::Car, Class::Pedestrian, Class::Cyclist];
        let (indices, confidence) = (self.array("classes"), self.array("confidence"));
        let proposals: Vec<_> = self
            .boxes()
            .into_iter()
            .zip(indices.iter().zip(&confidence))
            .map(|(box3, (class, confidence))| Proposal {
                class: classes[*class as usize],
                class_index: *class as usize,
                box3,
                confidence: *confidence,
                source: ProposalSource::Bev,
            })
            .collect();
        let (points, rig) = (self.cropped(), Rig::kitti());
        let mut finder = RegionFinder::new(GridLayout::default());
        let mut scene = Scene::default();
        finder.look(&points, &rig);
        finder.find(&points, &rig, &proposals, &mut scene);
        scene
    }
}

fn assert_close(name: &str, found: &[f32], expected: &ArrayD<f32>) {
    assert_eq!(found.len(), expected.len(), "{name}");
    let wrong: Vec<_> = found
        .iter()
        .zip(expected)
        .enumerate()
        .filter(|(_, (found, expected))| (**found - **expected).abs() > 1e-4)
        .collect();
    assert!(
        wrong.is_empty(),
        "{name} {:?}: {} of {} differ, first (place, (ours, training's)): {:?}",
        expected.shape(),
        wrong.len(),
        found.len(),
        &wrong[..wrong.len().min(8)]
    );
}

#[test]
fn grids_are_those_of_training() {
    let Some(mut fixture) = Fixture::open() else { return };
    let layout = GridLayout::default();
    let mut fine = vec![f32::NAN; 12 * layout.fine_cells()];
    let mut coarse = vec![f32::NAN; 8 * layout.coarse_cells()];
    let mut grids = Grids::new(layout);
    grids.gather(&fixture.cropped(), ORIGIN_HEIGHT_M);
    grids.write_fine(&mut fine);
    grids.write_coarse(&mut coarse);
    assert_close("fine", &fine, &fixture.array("fine"));
    assert_close("coarse", &coarse, &fixture.array("coarse"));
}

#[test]
fn expert_inputs_are_those_of_training() {
    let Some(mut fixture) = Fixture::open() else { return };
    let scene = fixture.scene();
    let regions: Vec<usize> = (0..scene.regions.len()).collect();
    let count = regions.len();
    let mut context = vec![f32::NAN; count * 12];
    encode::context(&scene, &regions, ORIGIN_HEIGHT_M, &mut context);
    assert_close("context", &context, &fixture.array("context"));
    let mut raster = vec![f32::NAN; count * 8 * 32 * 16];
    encode::raster(&scene, &regions, &mut raster);
    assert_close("raster", &raster, &fixture.array("raster"));
    for places in [128, 256] {
        let mut points = vec![f32::NAN; count * places * 8];
        encode::points(&scene, &regions, places, &mut points);
        let name = format!("points{places}");
        assert_close(&name, &points, &fixture.array(&name));
    }
}

#[test]
fn overlaps_are_those_of_training() {
    let Some(mut fixture) = Fixture::open() else { return };
    let boxes = fixture.boxes();
    let moved = boxes.iter().map(|b| {
        let [x, y, z] = b.center;
        let [l, w, h] = b.size;
        Box3::new([x + 0.4, y + 0.2, z + 0.1], [l + 0.3, w + 0.1, h], b.yaw + 0.2)
    });
    let moved: Vec<Box3> = moved.collect();
    let found: Vec<f32> = boxes
        .iter()
        .flat_map(|a| moved.iter().map(move |b| [bev_overlap(a, b), overlap_3d(a, b)]))
        .flatten()
        .map(|value| value as f32)
        .collect();
    assert_close("overlaps", &found, &fixture.array("overlaps"));
}

/// Peaks of a made-up answer, set into otherwise empty maps; the decoder is set as `fixtures.DECODER` is.
#[test]
fn proposals_are_those_of_training() {
    let Some(mut fixture) = Fixture::open_file("decode.npz") else { return };
    let layout = GridLayout::default();
    let plane = layout.coarse_cells();
    let (mut heatmap, mut boxes) = (vec![-9.0; 3 * plane], vec![0.0; 30 * plane]);
    let (logits, heads) = (fixture.array("logits"), fixture.array("heads"));
    for (k, place) in fixture.array_f64("cells").rows().into_iter().enumerate() {
        let cell = place[1] as usize * layout.coarse()[1] + place[2] as usize;
        heatmap[place[0] as usize * plane + cell] = logits[[k]];
        for channel in 0..10 {
            boxes[(place[0] as usize * 10 + channel) * plane + cell] = heads[[k, channel]];
        }
    }
    let config = BridgeConfig {
        min_confidence: [0.1; 3],
        max_proposals: 64,
        nms_overlap: 0.2,
        ..BridgeConfig::default()
    };
    let classes = [Class::Car, Class::Pedestrian, Class::Cyclist];
    let (mut proposals, mut dropped) = (Vec::new(), Dropped::default());
    Decoder::new(&config, &classes, 0.5).decode(
        &layout,
        ORIGIN_HEIGHT_M,
        (&heatmap, &boxes),
        &mut proposals,
        &mut dropped,
    );
    let found: Vec<f32> = proposals
        .iter()
        .flat_map(|p| {
            let ([x, y, z], [l, w, h], yaw) = (p.box3.center, p.box3.size, p.box3.yaw);
            let pose = [x, y, z, l, w, h, yaw].map(|value| value as f32);
            pose.into_iter().chain([p.class_index as f32, p.confidence])
        })
        .collect();
    assert!(dropped.proposals_suppressed > 0, "the fixture gives suppression no work");
    assert_close("proposals", &found, &fixture.array_f64("proposals").mapv(|value| value as f32));
}
