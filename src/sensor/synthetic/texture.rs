//! Patterns on large surfaces: windows of houses, markings and paving of the ground.

use super::random::{hash3, smooth_noise, unit};
use super::solid::V3;
use super::street::{self, GARDEN, KERB, LANE_EDGE, PARKING_EDGE, ZEBRA};

/// What a place on a house wall belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WallPart {
    /// Plaster or brick.
    Plaster,
    /// Base course.
    Plinth,
    /// Window pane.
    Pane,
    /// Curtain or blind behind a pane.
    Curtain,
    /// Window frame or sill.
    Frame,
    /// Shutter beside a window.
    Shutter,
    /// House door.
    Door,
}

const STOREY: f32 = 2.9;

/// The part of a wall at a place in the block's own coordinates.
pub(super) fn wall(seed: u32, half: &V3, own: &V3) -> WallPart {
    let seed = seed as i32;
    let gap = half - own.abs();
    if gap.z < gap.x.min(gap.y) {
        return WallPart::Plaster;
    }
    let (along, width) = if gap.y < gap.x { (own.x, half.x) } else { (own.y, half.y) };
    let up = own.z + half.z - 1.0;
    if half.z < 1.0 {
        // A dormer is nearly all window.
        let inside = along.abs() < width - 0.18 && own.z.abs() < half.z - 0.15;
        return if inside { WallPart::Pane } else { WallPart::Plaster };
    }
    if up < 0.45 {
        return WallPart::Plinth;
    }
    let columns = (width * 2.0 / 2.7).floor().max(1.0);
    let pitch = width * 2.0 / columns;
    let column = ((along + width) / pitch).floor();
    let x = along + width - (column + 0.5) * pitch;
    let storey = ((up - 0.3) / STOREY).floor();
    let y = up - 0.3 - storey * STOREY;
    let door = storey == 0.0 && (seed as f32 + column) % 4.0 == 0.0;
    if door {
        if x.abs() < 0.52 && y < 2.05 {
            return WallPart::Door;
        }
        return if x.abs() < 0.62 && y < 2.15 { WallPart::Frame } else { WallPart::Plaster };
    }
    let style = seed % 3;
    let reach = if style == 0 { 0.48 } else { 0.60 };
    let (sill, lintel) = (0.85, 2.20);
    if !(sill - 0.10..lintel + 0.07).contains(&y) {
        return WallPart::Plaster;
    }
    if x.abs() > reach + 0.07 {
        let shutter = style == 0 && x.abs() < reach + 0.55 && y > sill && y < lintel;
        return if shutter { WallPart::Shutter } else { WallPart::Plaster };
    }
    let inside = x.abs() < reach && y > sill && y < lintel;
    if !inside || x.abs() < 0.035 || (y - 1.80).abs() < 0.03 {
        return WallPart::Frame;
    }
    let drawn = unit(hash3(seed, column as i32, storey as i32 + (along > 0.0) as i32));
    if drawn < 0.35 && y > lintel - (lintel - sill) * drawn * 2.4 {
        return WallPart::Curtain;
    }
    WallPart::Pane
}

/// Colour (linear light) and a relief factor of the ground at street coordinates; `far` is the
/// distance from the eye, m: detail that would only flicker is left out.
pub(super) fn ground(s: f32, d: f32, far: f32) -> [f32; 3] {
    let a = d.abs();
    let fine = (1.0 - far / 40.0).clamp(0.0, 1.0);
    let grain = (smooth_noise(s, d, 0.035, 1) - 0.5) * fine * (1.0 - far / 16.0).clamp(0.0, 1.0);
    let patch = smooth_noise(s, d, 1.7, 2) * 0.6 + smooth_noise(s, d * 2.0, 9.0, 3) * 0.8 - 0.7;
    let scale = |c: [f32; 3], k: f32| c.map(|x| x * k);
    if a < KERB {
        let base = 0.140 * (1.0 + 0.16 * patch + 0.55 * grain);
        let mut c = [base * 1.03, base, base * 0.96];
        if a > LANE_EDGE && a < PARKING_EDGE {
            c = [base * 1.30, base * 0.78, base * 0.68];
        } else if a > PARKING_EDGE {
            // Paving stones in the parking strip.
            let joint = (s * 5.0).fract().min((d * 5.0).rem_euclid(1.0)) < 0.12;
            let k = if joint { 1.0 - 0.25 * fine } else { 1.0 };
            let stone = unit(hash3((s * 5.0) as i32, (d * 5.0).floor() as i32, 9)) - 0.5;
            c = scale([base * 1.20, base * 1.16, base * 1.12], k * (1.0 + 0.25 * stone * fine));
        } else {
            // Wheel tracks are a little darker, repairs darker still.
            let track = ((a - 1.55).abs() - 0.72).abs();
            c = scale(c, 0.93 + 0.07 * (track / 0.5).min(1.0));
            if smooth_noise(s, d, 3.1, 5) > 0.86 {
                c = scale(c, 0.80);
            }
        }
        let white = 0.62 * (1.0 + 0.20 * patch + 0.3 * grain);
        let zebra = (s - street::zebra_near(s)).abs();
        let dash = |period: f32, on: f32| s.rem_euclid(period) < on;
        let painted = if zebra < 2.0 && a < PARKING_EDGE {
            d.rem_euclid(1.0) < 0.5
        } else if zebra < 7.0 {
            (zebra - 3.2).abs() < 0.18
                && a < LANE_EDGE
                && d.signum() == (s - street::zebra_near(s)).signum()
        } else {
            (a < 0.065 && dash(ZEBRA[0] / 8.0, 4.0))
                || ((a - LANE_EDGE).abs() < 0.06 && dash(2.0, 1.1))
                || ((a - PARKING_EDGE).abs() < 0.05)
        };
        if painted {
            let worn = smooth_noise(s, d, 0.22, 6);
            let k = if worn > 0.80 { 0.55 } else { 1.0 };
            c = [white * k, white * k, white * 0.97 * k];
        }
        return c;
    }
    if a < KERB + 0.16 {
        let joint = s.rem_euclid(1.0) < 0.02;
        let k = if joint { 1.0 - 0.4 * fine } else { 1.0 };
        return scale([0.40, 0.39, 0.37], k * (1.0 + 0.15 * patch));
    }
    if a < GARDEN {
        let joint = (s * 2.0).rem_euclid(1.0).min((a * 2.0).rem_euclid(1.0)) < 0.04;
        let k = if joint { 1.0 - 0.35 * fine } else { 1.0 };
        let slab = unit(hash3((s * 2.0).floor() as i32, (d * 2.0).floor() as i32, 8)) - 0.5;
        return scale([0.305, 0.295, 0.275], k * (1.0 + 0.14 * slab + 0.12 * patch + 0.25 * grain));
    }
    let blade = smooth_noise(s, d, 0.08, 7) - 0.5;
    let k = 1.0 + 0.35 * patch + 0.7 * blade * fine;
    scale([0.085, 0.145, 0.040], k)
}
