//! Writes a synthetic drive: `cargo run --release --example synthetic_frame -- out 1 7`
//! (folder, number of frames, seed).

use emc2::sensor::synthetic::{SyntheticConfig, SyntheticDrive};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let out = words.next().unwrap_or_else(|| "out/synthetic".into());
    let frames = words.next().map_or(Ok(1), |n| n.parse())?;
    let seed = words.next().map_or(Ok(7), |n| n.parse())?;
    let drive = SyntheticDrive::new(SyntheticConfig { frames, seed, ..Default::default() });
    let start = std::time::Instant::now();
    let summary = drive.write(out.as_ref(), |_, _| {})?;
    let text = format!("{summary:?} in {:.2} s\n", start.elapsed().as_secs_f64());
    std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes())?;
    Ok(())
}
