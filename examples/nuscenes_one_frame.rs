//! Lays a single nuScenes key frame that comes with mmdetection3d's description (`info.json`, scan and
//! pictures in one folder) out in nuScenes' own layout, so that the program can run on it:
//!
//! ```text
//! cargo run --release --example nuscenes_one_frame -- FRAME_FOLDER OUT
//! emc2 run --dataset nuscenes --root OUT --version v1.0-mini --out out/nuscenes --pictures
//! ```

#[path = "../tests/nuscenes_folder/mod.rs"]
mod nuscenes_folder;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let (Some(frame), Some(out)) = (words.next(), words.next()) else {
        return Err(
            "expected two words: the folder with info.json, and where the layout goes".into()
        );
    };
    nuscenes_folder::from_info(frame.as_ref(), out.as_ref());
    Ok(())
}
