use std::collections::HashMap;

use super::*;

/// Two drives of two and one key frames, two boxes of one object, a scan and a sweep in between.
fn small() -> HashMap<String, Vec<u8>> {
    let tables = [
        (
            "sensor",
            r#"[{"token":"s1","channel":"LIDAR_TOP","modality":"lidar"},
            {"token":"s2","channel":"CAM_FRONT","modality":"camera"}]"#,
        ),
        ("attribute", r#"[{"token":"a1","name":"vehicle.parked","description":""}]"#),
        (
            "category",
            r#"[{"token":"c1","name":"vehicle.car","index":3},{"token":"c2","name":"animal"}]"#,
        ),
        ("visibility", r#"[{"description":"","token":"4","level":"v80-100"}]"#),
        (
            "log",
            r#"[{"token":"l1","logfile":"f","vehicle":"n008","date_captured":"2018-08-01","location":"here"}]"#,
        ),
        (
            "calibrated_sensor",
            r#"[
            {"token":"k1","sensor_token":"s1","translation":[1,0,2],"rotation":[1,0,0,0],"camera_intrinsic":[]},
            {"token":"k2","sensor_token":"s2","translation":[1,0,1],"rotation":[0.5,-0.5,0.5,-0.5],
             "camera_intrinsic":[[1200,0,800],[0,1200,450],[0,0,1]]}]"#,
        ),
        (
            "scene",
            r#"[
            {"token":"e1","name":"scene-0103","description":"rain","log_token":"l1","nbr_samples":2,
             "first_sample_token":"m1","last_sample_token":"m2"},
            {"token":"e2","name":"scene-0061","description":"","log_token":"l1","nbr_samples":1,
             "first_sample_token":"m3","last_sample_token":"m3"}]"#,
        ),
        (
            "sample",
            r#"[
            {"token":"m2","timestamp":500000,"prev":"m1","next":"","scene_token":"e1"},
            {"token":"m1","timestamp":0,"prev":"","next":"m2","scene_token":"e1"},
            {"token":"m3","timestamp":9,"prev":"","next":"","scene_token":"e2"}]"#,
        ),
        ("instance", r#"[{"token":"i1","category_token":"c1","nbr_annotations":2}]"#),
        (
            "sample_annotation",
            r#"[
            {"token":"n2","sample_token":"m2","instance_token":"i1","visibility_token":"4","attribute_tokens":[],
             "translation":[2,0,0],"size":[2,4,1.5],"rotation":[1,0,0,0],"prev":"n1","next":"",
             "num_lidar_pts":5,"num_radar_pts":1},
            {"token":"n1","sample_token":"m1","instance_token":"i1","visibility_token":"","attribute_tokens":["a1"],
             "translation":[1,0,0],"size":[2,4,1.5],"rotation":[1,0,0,0],"prev":"","next":"n2",
             "num_lidar_pts":7,"num_radar_pts":0}]"#,
        ),
        (
            "sample_data",
            r#"[
            {"token":"d1","sample_token":"m1","ego_pose_token":"p1","calibrated_sensor_token":"k1","timestamp":0,
             "fileformat":"pcd","is_key_frame":true,"height":0,"width":0,"filename":"samples/a.bin","prev":"","next":"d2"},
            {"token":"d2","sample_token":"m1","ego_pose_token":"p2","calibrated_sensor_token":"k1","timestamp":50000,
             "fileformat":"pcd","is_key_frame":false,"height":0,"width":0,"filename":"sweeps/b.bin","prev":"d1","next":""},
            {"token":"d3","sample_token":"m1","ego_pose_token":"p3","calibrated_sensor_token":"k2","timestamp":1,
             "fileformat":"jpg","is_key_frame":true,"height":900,"width":1600,"filename":"samples/c.jpg","prev":"","next":""}]"#,
        ),
        (
            "ego_pose",
            r#"[
            {"token":"p2","timestamp":50000,"rotation":[1,0,0,0],"translation":[2,0,0]},
            {"token":"p1","timestamp":0,"rotation":[1,0,0,0],"translation":[1,0,0]},
            {"token":"p3","timestamp":1,"rotation":[1,0,0,0],"translation":[1.5,0,0]}]"#,
        ),
    ];
    tables.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec())).into()
}

/// The tables with one piece of text replaced.
fn changed(table: &str, from: &str, to: &str) -> HashMap<String, Vec<u8>> {
    let mut tables = small();
    let text = String::from_utf8(tables[table].clone()).unwrap();
    assert!(text.contains(from), "{table} has no {from}");
    tables.insert(table.to_owned(), text.replacen(from, to, 1).into_bytes());
    tables
}

fn refusal(tables: &HashMap<String, Vec<u8>>) -> String {
    Tables::load_from(tables, Need::EVERYTHING).unwrap_err().to_string()
}

#[test]
fn rows_point_at_one_another() {
    let tables = Tables::load_from(&small(), Need::EVERYTHING).unwrap();
    let scene = tables.scene_named("scene-0103").unwrap();
    assert_eq!(tables[tables[scene].log.unwrap()].vehicle, "n008");
    let samples = tables.samples_of(scene);
    let times: Vec<_> = samples.iter().map(|&sample| tables[sample].timestamp_us).collect();
    assert_eq!(times, [0, 500_000], "in the order of time, not of rows");
    assert_eq!(tables[samples[0]].next, Some(samples[1]));
    assert_eq!(tables[scene].ends, [samples[0], samples[1]]);
    let &[first] = tables.annotations_of(samples[0]) else { panic!("one box") };
    assert_eq!(tables.category_of(first), "vehicle.car");
    assert_eq!(tables.attribute_of(first), Some("vehicle.parked"));
    let next = tables[first].next.unwrap();
    assert_eq!(tables[next].translation, [2.0, 0.0, 0.0]);
    assert_eq!((tables[next].previous, tables[next].attribute), (Some(first), None));
    assert_eq!(tables[tables[next].visibility.unwrap()].level, "v80-100");
    let scan = tables.key_frame_file(samples[0], "LIDAR_TOP").unwrap();
    let sweep = tables[scan].next.unwrap();
    assert_eq!((tables.filename(scan), tables.filename(sweep)), ("samples/a.bin", "sweeps/b.bin"));
    assert_eq!(tables[tables[sweep].ego_pose].translation, [2.0, 0.0, 0.0]);
    let camera = tables.key_frame_file(samples[0], "CAM_FRONT").unwrap();
    assert_eq!(tables[camera].image_size, [1600, 900]);
    let mounted = &tables[tables[camera].calibrated_sensor];
    assert_eq!(mounted.camera_intrinsic.unwrap()[0], [1200.0, 0.0, 800.0]);
    assert_eq!(tables.spell(tables[camera].token), "d3");
    assert_eq!(tables.sample_of_token(Token::of("m3")).map(Id::place), Some(2));
}

#[test]
fn only_what_is_needed_is_kept() {
    let evaluation = Tables::load_from(&small(), Need::EVALUATION).unwrap();
    assert_eq!((evaluation.files().len(), evaluation.ego_poses().len()), (1, 1));
    assert_eq!(evaluation.annotations().len(), 2);
    let key_frames = Need { annotations: false, files: Files::KeyFrames };
    let tables = Tables::load_from(&small(), key_frames).unwrap();
    assert_eq!((tables.files().len(), tables.annotations().len()), (2, 0));
    let mut without = small();
    for table in ["sample_data", "ego_pose", "sample_annotation", "instance"] {
        without.remove(table);
    }
    let none = Need { annotations: false, files: Files::None };
    assert_eq!(Tables::load_from(&without, none).unwrap().samples().len(), 3);
    assert!(refusal(&without).contains("nuScenes table"));
}

#[test]
fn a_token_that_leads_nowhere_is_named_with_its_table_row_and_column() {
    for (table, from, to, column) in [
        ("sample", "\"scene_token\":\"e2\"", "\"scene_token\":\"zz\"", "scene_token"),
        ("sample", "\"next\":\"m2\"", "\"next\":\"zz\"", "next"),
        (
            "scene",
            "\"first_sample_token\":\"m3\"",
            "\"first_sample_token\":\"zz\"",
            "first_sample_token",
        ),
        ("instance", "\"c1\"", "\"zz\"", "category_token"),
        (
            "sample_annotation",
            "\"n2\",\"sample_token\":\"m2\"",
            "\"n2\",\"sample_token\":\"zz\"",
            "sample_token",
        ),
        ("sample_annotation", "[\"a1\"]", "[\"zz\"]", "attribute_tokens"),
        ("sample_annotation", "\"prev\":\"n1\"", "\"prev\":\"zz\"", "prev"),
        ("sample_data", "\"ego_pose_token\":\"p2\"", "\"ego_pose_token\":\"zz\"", "ego_pose_token"),
        ("sample_data", "\"k2\"", "\"zz\"", "calibrated_sensor_token"),
        ("sample_data", "\"next\":\"d2\"", "\"next\":\"zz\"", "next"),
        ("calibrated_sensor", "\"s2\"", "\"zz\"", "sensor_token"),
    ] {
        let message = refusal(&changed(table, from, to));
        let names_all =
            [table, column, "row ", "\"zz\"", "dangling"].iter().all(|part| message.contains(part));
        assert!(names_all, "{table} {column}: {message}");
    }
}

#[test]
fn a_row_that_is_wrong_is_told_with_file_row_column_and_byte() {
    let message =
        refusal(&changed("sample_annotation", "[1,0,0],\"size\"", "[1,0,\"x\"],\"size\""));
    for part in
        ["sample_annotation.json, row 2, column translation", "byte ", "line ", "a number", "\"x\""]
    {
        assert!(message.contains(part), "{part:?} not in {message}");
    }
    let message = refusal(&changed("sample_data", "\"timestamp\":1,", ""));
    assert!(
        message.contains("row 3, column timestamp") && message.contains("without it"),
        "{message}"
    );
    let message = refusal(&changed("ego_pose", "[1,0,0,0]", "[0,0,0,0]"));
    assert!(message.contains("length zero"), "{message}");
    let message = refusal(&changed("sample", "\"m3\"", "\"m1\""));
    assert!(message.contains("the token of row 2 too"), "{message}");
}

#[test]
fn a_table_that_is_cut_off_is_told_with_the_byte_where_it_ends() {
    for table in small().keys() {
        let mut tables = small();
        let bytes = tables.get_mut(table).unwrap();
        bytes.truncate(bytes.len() - 3);
        let length = bytes.len();
        let message = refusal(&tables);
        let names_all = [table, &format!("byte {length}"), "the end of the file"];
        assert!(names_all.iter().all(|part| message.contains(*part)), "{table}: {message}");
    }
}
