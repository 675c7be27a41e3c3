//! After warm-up the bridge allocates nothing: a counting allocator watches whole frames.

mod counting_allocator;
#[allow(dead_code)]
mod fake_network;

use std::sync::Arc;

use counting_allocator::counted;
use emc2::bridge::{Bridge, ImageBranch, ImageFeatures, Scene, encode};
use emc2::calib::Rig;
use emc2::config::BridgeConfig;
use emc2::frame::{CameraImage, Frame, ImageData, Stamp};
use emc2::pipeline::StageTimes;

fn frames() -> [Frame; 3] {
    let rig = Arc::new(Rig::kitti());
    let [width, height] = rig.cameras[0].size;
    let picture = Arc::new(image::RgbImage::from_pixel(width, height, image::Rgb([90, 120, 60])));
    [1, 2, 3].map(|seed| {
        let mut frame = Frame::empty();
        frame.rig = Arc::clone(&rig);
        frame.cloud.points = fake_network::scan(seed);
        let data = ImageData::Rgb(Arc::clone(&picture));
        frame.images.push(CameraImage { camera: 0, stamp: Stamp(0), data });
        frame
    })
}

/// Every expert's inputs, in memory that stays.
struct Inputs {
    context: Vec<f32>,
    raster: Vec<f32>,
    points: Vec<f32>,
    pixels: Vec<f32>,
    window: Vec<f32>,
}

impl Inputs {
    fn fill(&mut self, scene: &Scene, regions: &[usize], rig: &Rig, image: &ImageFeatures) {
        encode::context(scene, regions, 1.73, &mut self.context);
        encode::raster(scene, regions, &mut self.raster);
        encode::points(scene, regions, 256, &mut self.points);
        encode::pixels(scene, regions, rig, image, 256, &mut self.pixels);
        encode::window(regions, image, &mut self.window);
    }
}

#[test]
fn a_warm_bridge_makes_scenes_and_expert_inputs_without_allocating() {
    let config = BridgeConfig { point_budget: 50_000, ..BridgeConfig::default() };
    let network = fake_network::bridge_model(&fake_network::cars(40));
    let mut bridge = Bridge::new(&config, Some(Box::new(network))).unwrap();
    let mut images = ImageBranch::new(Some(Box::new(fake_network::image_model(8))), None).unwrap();
    let mut inputs = Inputs {
        context: vec![0.0; 48 * 12],
        raster: vec![0.0; 48 * 4096],
        points: vec![0.0; 48 * 256 * 8],
        pixels: vec![0.0; 48 * 256 * 17],
        window: vec![0.0; 48 * 32],
    };
    let frames = frames();
    let mut wanted = Vec::with_capacity(64);
    let mut times = StageTimes::default();
    let mut round = |frame: &Frame| {
        let scene = bridge.process(frame, &mut times).unwrap();
        assert!(scene.regions.len() > 30 && !scene.points.is_empty());
        assert!(scene.dropped.points_over_budget > 0, "the budget is at work too");
        wanted.clear();
        wanted.extend(0..scene.regions.len());
        let features = images.features(frame, scene, &wanted, &mut times).unwrap();
        assert!(features.slot.iter().flatten().count() > 5);
        inputs.fill(scene, &wanted, &frame.rig, features);
        // Injection makes the regions anew.
        let cluster = emc2::bridge::Proposal {
            confidence: 0.3,
            box3: emc2::geometry::Box3::new([33.0, 0.5, -0.9], [2.0, 1.0, 1.5], 0.1),
            source: emc2::bridge::ProposalSource::Emergency,
            ..scene.regions[0].proposal
        };
        bridge.inject(frame, &[cluster]);
    };
    frames.iter().for_each(&mut round);
    let allocations = counted(|| frames.iter().for_each(&mut round));
    assert_eq!(allocations, 0);
}
