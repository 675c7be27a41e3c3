use std::sync::Mutex;

use super::*;
use crate::bridge::fake::{Fake, car, image_contract, scene};
use crate::calib::Rig;
use crate::frame::CameraImage;

fn frame(data: ImageData) -> Frame {
    let mut frame = Frame::empty();
    frame.rig = Arc::new(Rig::kitti());
    frame.images.push(CameraImage { camera: 0, stamp: crate::frame::Stamp(0), data });
    frame
}

fn picture(size: [u32; 2]) -> ImageData {
    ImageData::Rgb(Arc::new(RgbImage::from_fn(size[0], size[1], |x, y| {
        image::Rgb([(x / 5) as u8, (y / 2) as u8, 90])
    })))
}

/// Features are the window's mean colour, confidence logits zero; each run is noted.
fn branch(regions: usize, runs: &'static Mutex<usize>) -> ImageBranch {
    let network = Fake::new(image_contract(regions), move |inputs, outputs| {
        *runs.lock().unwrap() += 1;
        for (k, window) in inputs[0].chunks_exact(3 * 64 * 64).enumerate() {
            let mean = window.iter().sum::<f32>() / window.len() as f32;
            outputs[0][k * 4096..(k + 1) * 4096].fill(mean);
        }
        Ok(())
    });
    ImageBranch::new(Some(Box::new(network))).unwrap()
}

#[test]
fn nothing_wanted_decodes_nothing_and_runs_nothing() {
    static RUNS: Mutex<usize> = Mutex::new(0);
    let frame = frame(ImageData::File("/nowhere/at/all.png".into()));
    let scene = scene(&frame, &[car([20.0, 2.0, -0.9], 0.1)]);
    let mut branch = branch(4, &RUNS);
    let features = branch.features(&frame, &scene, &[], &mut StageTimes::default()).unwrap();
    assert_eq!(features.slot, [None]);
    assert_eq!((features.unavailable.len(), features.images_unusable), (0, 0));
    assert_eq!(*RUNS.lock().unwrap(), 0);
}

#[test]
fn each_wanted_region_in_view_gets_its_slot_over_several_batches() {
    static RUNS: Mutex<usize> = Mutex::new(0);
    let rig = Rig::kitti();
    let frame = frame(picture(rig.cameras[0].size));
    let cars: Vec<_> = (0..5).map(|k| car([15.0 + 6.0 * f64::from(k), 1.0, -0.9], 0.2)).collect();
    let mut proposals = cars;
    proposals.push(car([10.0, 30.0, -0.9], 0.0));
    let scene = scene(&frame, &proposals);
    let mut branch = branch(2, &RUNS);
    let wanted = [0, 2, 3, 4, 5];
    let mut times = StageTimes::default();
    let features = branch.features(&frame, &scene, &wanted, &mut times).unwrap();
    assert_eq!(features.slot, [Some(0), None, Some(1), Some(2), Some(3), None]);
    assert_eq!(features.unavailable, [(5, NoImage::OutOfView)]);
    assert_eq!(*RUNS.lock().unwrap(), 2, "four windows pairs, two a run");
    assert_eq!(features.tight.len(), 4 * 4096);
    assert_eq!(features.region_confidence, [0.5; 4]);
    let (camera, [left, top, width, height]) = features.windows[0];
    let bounds = rig.cameras[camera].project_box(&proposals[0].box3).unwrap().full;
    assert!((f64::from(left + 0.5 * width) - 0.5 * (bounds[0] + bounds[2])).abs() < 1e-3);
    assert!((f64::from(width) - 1.2 * (bounds[2] - bounds[0])).abs() < 1e-3);
    assert!(top.is_finite() && height >= 16.0);
    assert!(features.tight[0] != features.wide[0], "the wide window sees more");
    assert!(features.tight[0] != features.tight[3 * 4096], "each slot its own window");
}

#[test]
fn a_picture_decoded_ahead_as_far_as_needed_gives_the_same_features() {
    static RUNS: Mutex<usize> = Mutex::new(0);
    let ImageData::Rgb(pixels) = picture(Rig::kitti().cameras[0].size) else { unreachable!() };
    let mut bytes = std::io::Cursor::new(Vec::new());
    pixels.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    let frame = frame(ImageData::Encoded(bytes.into_inner().into()));
    // Far enough for the road below not to be in any window; then near as well.
    for places in
        [vec![[45.0, 2.0, -0.9], [30.0, -3.0, -0.9]], vec![[45.0, 2.0, -0.9], [9.0, 0.0, -0.9]]]
    {
        let proposals: Vec<_> = places.iter().map(|place| car(*place, 0.1)).collect();
        let scene = scene(&frame, &proposals);
        let mut branch = branch(2, &RUNS);
        let times = &mut StageTimes::default();
        let whole = branch.features(&frame, &scene, &[0, 1], times).unwrap().tight.clone();
        branch.begin(&frame, &scene, &[0, 1]);
        assert_eq!(branch.features(&frame, &scene, &[0, 1], times).unwrap().tight, whole);
    }
}

#[test]
fn an_unusable_image_is_a_cause_not_an_error() {
    static RUNS: Mutex<usize> = Mutex::new(0);
    let mut branch = branch(2, &RUNS);
    let mut cause = |data: ImageData| {
        let frame = frame(data);
        let scene = scene(&frame, &[car([20.0, 2.0, -0.9], 0.1)]);
        let features = branch.features(&frame, &scene, &[0], &mut StageTimes::default()).unwrap();
        assert_eq!((features.slot[0], features.images_unusable), (None, 1));
        features.unavailable[0].1.to_string()
    };
    assert!(cause(ImageData::Missing("camera unplugged".into())).contains("camera unplugged"));
    assert!(cause(ImageData::File("/nowhere/at/all.png".into())).contains("all.png"));
    assert!(cause(ImageData::Encoded(vec![1, 2, 3].into())).contains("image"));
    assert!(cause(picture([64, 48])).contains("64"), "a wrong size is named");
}

#[test]
fn without_a_model_every_wanted_region_says_so() {
    let frame = frame(ImageData::Missing(String::new()));
    let scene = scene(&frame, &[car([20.0, 2.0, -0.9], 0.1)]);
    let mut branch = ImageBranch::new(None).unwrap();
    let features = branch.features(&frame, &scene, &[0], &mut StageTimes::default()).unwrap();
    assert_eq!(features.unavailable, [(0, NoImage::NoModel)]);
}

#[test]
fn a_failing_network_leaves_no_half_features() {
    let network = Fake::new(image_contract(1), |_: &[Vec<f32>], _: &mut [Vec<f32>]| {
        Err(crate::expert::Error::Runtime {
            model: "fake".to_owned(),
            doing: "running",
            message: "no".to_owned(),
        })
    });
    let frame = frame(picture(Rig::kitti().cameras[0].size));
    let scene = scene(&frame, &[car([20.0, 2.0, -0.9], 0.1)]);
    let mut branch = ImageBranch::new(Some(Box::new(network))).unwrap();
    let times = &mut StageTimes::default();
    assert!(matches!(branch.features(&frame, &scene, &[0], times), Err(Error::Model(_))));
    assert_eq!(branch.last().slot, [None]);
}

#[test]
fn a_contract_of_another_kind_is_refused_by_line() {
    let mut contract = image_contract(2);
    contract.outputs[1].shape[1] = 2;
    let network = Fake::new(contract, |_: &[Vec<f32>], _: &mut [Vec<f32>]| Ok(()));
    let error = ImageBranch::new(Some(Box::new(network))).err().unwrap().to_string();
    assert!(error.contains("outputs: confidence"), "{error}");
}
