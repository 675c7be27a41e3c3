use std::sync::Mutex;

use super::*;
use crate::bridge::fake::{Fake, car, classifier_contract, image_contract, scene};
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
    ImageBranch::new(Some(Box::new(network)), None).unwrap()
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
        branch.begin_frame(None);
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
    let mut branch = ImageBranch::new(None, None).unwrap();
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
    let mut branch = ImageBranch::new(Some(Box::new(network)), None).unwrap();
    let times = &mut StageTimes::default();
    assert!(matches!(branch.features(&frame, &scene, &[0], times), Err(Error::Model(_))));
    assert_eq!(branch.last().slot, [None]);
}

#[test]
fn a_contract_of_another_kind_is_refused_by_line() {
    let mut contract = image_contract(2);
    contract.outputs[1].shape[1] = 2;
    let network = Fake::new(contract, |_: &[Vec<f32>], _: &mut [Vec<f32>]| Ok(()));
    let error = ImageBranch::new(Some(Box::new(network)), None).err().unwrap().to_string();
    assert!(error.contains("outputs: confidence"), "{error}");
}

/// A classifier that says its crop's mean for people, and minus that for cyclists.
fn classifier() -> Box<dyn Network> {
    Box::new(Fake::new(classifier_contract(1, 32), |inputs, outputs| {
        let mean = inputs[0].iter().sum::<f32>() / inputs[0].len() as f32;
        outputs[0].copy_from_slice(&[mean, -mean]);
        Ok(())
    }))
}

#[test]
fn the_classifier_is_asked_about_people_and_cyclists_alone() {
    let network = Fake::new(image_contract(2), |_: &[Vec<f32>], _: &mut [Vec<f32>]| Ok(()));
    let mut branch = ImageBranch::new(Some(Box::new(network)), Some(classifier())).unwrap();
    let frame = frame(picture(Rig::kitti().cameras[0].size));
    let person = |x, class| Proposal { class, ..car([x, 1.0, -0.9], 0.2) };
    let proposals = [
        car([15.0, 3.0, -0.9], 0.0),
        person(20.0, Class::Pedestrian),
        person(20.0, Class::Cyclist),
        Proposal { class: Class::Pedestrian, ..car([10.0, 30.0, -0.9], 0.0) },
    ];
    let (scene, times) = (scene(&frame, &proposals), &mut StageTimes::default());
    for _ in 0..2 {
        branch.begin_frame(None);
        branch.begin(&frame, &scene, &[0, 1, 2, 3]);
        branch.features(&frame, &scene, &[0, 1, 2, 3], times).unwrap();
        let said = branch.logits(times).unwrap();
        assert_eq!(
            said.iter().map(|said| said.0).collect::<Vec<_>>(),
            [1, 2],
            "no car, none unseen"
        );
        assert!(said[0].1 != 0.0 && said[0].1 == -said[1].1);
    }
    branch.begin_frame(None);
    branch.begin(&frame, &scene, &[0]);
    branch.features(&frame, &scene, &[0], times).unwrap();
    assert!(branch.logits(times).unwrap().is_empty(), "nothing of the frame before");
}

#[test]
fn a_person_is_looked_at_as_far_as_the_crop_reaches() {
    let camera = &Rig::kitti().cameras[0];
    let tall = Proposal {
        class: Class::Pedestrian,
        box3: crate::geometry::Box3::new([20.0, 0.0, -0.9], [0.6, 0.6, 1.8], 0.0),
        ..car([0.0; 3], 0.0)
    };
    let person = share_of_picture(camera, &tall);
    let other = share_of_picture(camera, &Proposal { class: Class::Car, ..tall });
    let wide = |share: [f32; 4]| share[2] - share[0];
    assert!(wide(person) > 1.2 * wide(other), "a square of twice the height");
    assert_eq!(person[1], other[1], "no higher than the wide window");
}

#[test]
fn windows_and_crops_are_those_of_training() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/windows.npz");
    let mut archive = ndarray_npy::NpzReader::new(std::fs::File::open(path).unwrap()).unwrap();
    let pixels: ndarray::Array3<u8> = archive.by_name("picture").unwrap();
    let (height, width, _) = pixels.dim();
    let pixels = pixels.iter().copied().collect();
    let image = RgbImage::from_raw(width as u32, height as u32, pixels).unwrap();
    let boxes: ndarray::Array2<f64> = archive.by_name("boxes").unwrap();
    let expected: ndarray::Array5<f32> = archive.by_name("windows").unwrap();
    let mut mips = Mips::default();
    for (seen, expected) in boxes.rows().into_iter().zip(expected.outer_iter()) {
        let seen: [f64; 4] = std::array::from_fn(|k| seen[k]);
        let [tight, wide] = windows(seen);
        for (window, expected) in
            [tight, wide, classifier::crop(seen)].into_iter().zip(expected.outer_iter())
        {
            let mut found = vec![f32::NAN; 3 * 16 * 16];
            mips.sample(&image, window, 16, &mut found);
            let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-4, "{seen:?} {window:?}: {worst}");
        }
    }
}

#[test]
fn a_classifier_that_fails_three_times_in_a_row_is_not_asked_again() {
    static ASKED: Mutex<usize> = Mutex::new(0);
    let network = Fake::new(image_contract(2), |_: &[Vec<f32>], _: &mut [Vec<f32>]| Ok(()));
    // Fails but for the third time it is asked.
    let classifier = Fake::new(classifier_contract(1, 32), |_, outputs| {
        let mut asked = ASKED.lock().unwrap();
        *asked += 1;
        outputs[0].fill(0.5);
        let (model, output) = ("fake".to_owned(), "logits".to_owned());
        let failed = crate::expert::Error::NotFinite { model, output, element: 0 };
        if *asked == 3 { Ok(()) } else { Err(failed) }
    });
    let mut branch = ImageBranch::new(Some(Box::new(network)), Some(Box::new(classifier))).unwrap();
    let frame = frame(picture(Rig::kitti().cameras[0].size));
    let person = Proposal { class: Class::Pedestrian, ..car([20.0, 1.0, -0.9], 0.2) };
    let (scene, times) = (scene(&frame, &[person]), &mut StageTimes::default());
    let mut look = |wanted: &[usize]| {
        branch.begin_frame(None);
        branch.begin(&frame, &scene, wanted);
        branch.features(&frame, &scene, wanted, times).unwrap();
        branch.logits(times).map(<[_]>::len)
    };
    let causes: Vec<String> = [&[0][..], &[0], &[0], &[0], &[], &[0], &[0], &[0], &[0]]
        .into_iter()
        .map(|wanted| look(wanted).map_or_else(|cause| cause.to_string(), |n| n.to_string()))
        .collect();
    let failed = |cause: &String| cause.contains("not finite") || cause.contains("logits");
    assert!(failed(&causes[0]) && failed(&causes[1]), "{causes:?}");
    assert_eq!([&causes[2], &causes[4]], ["1", "0"], "a frame without people changes nothing");
    assert!(failed(&causes[3]) && failed(&causes[5]) && failed(&causes[6]), "{causes:?}");
    assert!(!causes[6].contains("given up"), "a success counts anew");
    let pause =
        |cause: &String| cause.starts_with("given up after 3 failures in a row, asked again in ");
    assert!(causes[7..].iter().all(pause) && causes[7] != causes[8], "{causes:?}");
    assert_eq!(*ASKED.lock().unwrap(), 6);
}
