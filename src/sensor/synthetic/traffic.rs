//! Who is on the street at a moment: parked and moving vehicles, cyclists, pedestrians.
//!
//! Every position is a formula of the time, not a simulation step, so any frame can be made
//! without the ones before it, and speeds are the same from frame to frame.

use super::random::{chance, normal, stream, uniform};
use super::solid::Parts;
use super::street::{self, CYCLE, GARDEN, KERB, LANE, PARKING};
use super::{person, vehicle};
use crate::frame::Class;

/// The ego vehicle's speed along the street, m/s.
pub(super) const EGO_SPEED: f32 = 8.0;
/// Time between frames, s.
pub(super) const FRAME_TIME: f32 = 0.1;

const PARKED: u64 = 11;
const ONCOMING: u64 = 12;
const AHEAD: u64 = 13;
const BICYCLE: u64 = 14;
const WALKER: u64 = 15;
const CROSSER: u64 = 16;

/// One object of the scene: what it is, where it stands (street coordinates; yaw against the
/// street's heading, rad) and its shape.
pub(super) struct Actor {
    pub class: Class,
    pub s: f32,
    pub d: f32,
    pub yaw: f32,
    pub parts: Parts,
    /// Label's length, width, height, m, and how far ahead of the origin its centre lies.
    pub size: [f32; 3],
    pub ahead: f32,
}

/// Where the ego vehicle is after `time` seconds.
pub(super) fn ego(seed: u64, time: f32) -> f32 {
    let start = uniform(&mut stream(&[seed, 0]), 0.0, 2000.0).floor();
    start + EGO_SPEED * time
}

/// All objects between two places along the street, in a fixed order.
pub(super) fn actors(seed: u64, time: f32, from: f32, to: f32) -> Vec<Actor> {
    let mut list = Vec::new();
    parked(seed, from, to, &mut list);
    moving(seed, time, from, to, &mut list);
    people(seed, time, from, to, &mut list);
    for (k, a) in list.iter_mut().enumerate() {
        let object = k as u16 + 1;
        a.parts.object = object;
        a.parts.solids.iter_mut().for_each(|s| s.object = object);
    }
    list
}

fn parked(seed: u64, from: f32, to: f32, list: &mut Vec<Actor>) {
    const PITCH: f32 = 6.2;
    for side in [0u64, 1] {
        let sign = if side == 0 { 1.0 } else { -1.0 };
        for k in (from / PITCH).floor() as i64..(to / PITCH).ceil() as i64 {
            let rng = &mut stream(&[seed, PARKED, side, k as u64]);
            let s = (k as f32 + 0.5) * PITCH + uniform(rng, -0.4, 0.4);
            let busy = chance(rng, 0.56);
            if !busy || (s - street::zebra_near(s)).abs() < 6.0 {
                continue;
            }
            let van = chance(rng, 0.09);
            let v = vehicle::vehicle(rng, van, 0, false);
            let turned = (side == 0) != chance(rng, 0.15);
            let yaw = 0.012 * normal(rng) + if turned { std::f32::consts::PI } else { 0.0 };
            let d = sign * (PARKING + uniform(rng, -0.12, 0.10));
            list.push(driven(v, van, s, d, yaw));
        }
    }
}

fn driven(v: vehicle::Vehicle, van: bool, s: f32, d: f32, yaw: f32) -> Actor {
    let class = if van { Class::Van } else { Class::Car };
    Actor { class, s, d, yaw, parts: v.parts, size: v.size, ahead: 0.0 }
}

/// Place of the k-th oncoming vehicle, if there is one.
fn oncoming(seed: u64, time: f32, k: i64) -> Option<f32> {
    let rng = &mut stream(&[seed, ONCOMING, k as u64]);
    let here = chance(rng, 0.6);
    let sway = 1.5 * libm::sinf(0.35 * time + uniform(rng, 0.0, 6.0));
    here.then(|| k as f32 * 36.0 + uniform(rng, -9.0, 9.0) + sway - 9.0 * time)
}

/// Place of the k-th vehicle in front of the ego vehicle.
fn ahead(seed: u64, time: f32, k: i64) -> Option<f32> {
    let rng = &mut stream(&[seed, AHEAD, k as u64]);
    let gap = 26.0 + 33.0 * k as f32 + uniform(rng, -5.0, 5.0);
    let sway = 3.0 * libm::sinf(0.25 * time + uniform(rng, 0.0, 6.0));
    chance(rng, 0.8).then(|| ego(seed, time) + gap + sway)
}

fn moving(seed: u64, time: f32, from: f32, to: f32, list: &mut Vec<Actor>) {
    let shift = 9.0 * time;
    for k in ((from + shift) / 36.0).floor() as i64 - 1..((to + shift) / 36.0).ceil() as i64 + 1 {
        let Some(s) = oncoming(seed, time, k).filter(|s| (from..to).contains(s)) else { continue };
        let rng = &mut stream(&[seed, ONCOMING, k as u64, 1]);
        let van = chance(rng, 0.12);
        let v = vehicle::vehicle(rng, van, 0, false);
        list.push(driven(v, van, s, LANE + uniform(rng, -0.15, 0.15), std::f32::consts::PI));
    }
    for k in 0..4 {
        let Some(s) = ahead(seed, time, k).filter(|s| (from..to).contains(s)) else { continue };
        let rng = &mut stream(&[seed, AHEAD, k as u64, 1]);
        let van = chance(rng, 0.12);
        // Brake lights while the gap closes.
        let slowing = ahead(seed, time + 0.2, k).is_some_and(|t| t - s < 0.2 * (EGO_SPEED - 0.5));
        let v = vehicle::vehicle(rng, van, 0, slowing);
        list.push(driven(v, van, s, -LANE + uniform(rng, -0.1, 0.1), 0.0));
    }
    for (lane, speed) in [(0u64, 4.2f32), (1, -4.6)] {
        let pitch = 27.0;
        let first = ((from - speed * time) / pitch).floor() as i64 - 1;
        for k in first..((to - speed * time) / pitch).ceil() as i64 + 1 {
            let rng = &mut stream(&[seed, BICYCLE, lane, k as u64]);
            let s = k as f32 * pitch + uniform(rng, -8.0, 8.0) + speed * time;
            let pedals = uniform(rng, 0.0, 1.0) + 1.1 * time;
            if !chance(rng, 0.55) || !(from..to).contains(&s) {
                continue;
            }
            let yaw = if speed > 0.0 { 0.0 } else { std::f32::consts::PI };
            let d = -speed.signum() * (CYCLE + uniform(rng, -0.12, 0.12));
            list.push(person(Class::Cyclist, s, d, yaw, |phase, at| {
                let phase = if at { pedals } else { phase };
                person::cyclist(&mut stream(&[seed, BICYCLE, lane, k as u64, 1]), phase, 0)
            }));
        }
    }
}

/// An actor of the given body; its label's size holds every phase of its movement.
fn person(class: Class, s: f32, d: f32, yaw: f32, body: impl Fn(f32, bool) -> Parts) -> Actor {
    let parts = body(0.0, true);
    let (mut lo, mut hi) = parts.bounds();
    for k in 0..8 {
        let (l, h) = body(k as f32 / 8.0, false).bounds();
        (lo, hi) = (lo.inf(&l), hi.sup(&h));
    }
    // As annotators do: a little air around the outline.
    let width = 2.0 * hi.y.max(-lo.y) + 0.06;
    let size = [hi.x - lo.x + 0.06, width, hi.z + 0.03];
    Actor { class, s, d, yaw, parts, size, ahead: (hi.x + lo.x) / 2.0 }
}

fn people(seed: u64, time: f32, from: f32, to: f32, list: &mut Vec<Actor>) {
    use std::f32::consts::{FRAC_PI_2, PI};
    let tracks = [(7.55f32, 1.30f32), (8.25, -1.25), (-7.5, -1.35), (-8.2, 1.28)];
    for (track, (d, speed)) in tracks.into_iter().enumerate() {
        let pitch = 11.0;
        let first = ((from - speed * time) / pitch).floor() as i64 - 1;
        for k in first..((to - speed * time) / pitch).ceil() as i64 + 1 {
            let rng = &mut stream(&[seed, WALKER, track as u64, k as u64]);
            let s = k as f32 * pitch + uniform(rng, -3.5, 3.5) + speed * time;
            let phase = uniform(rng, 0.0, 1.0) + 0.85 * time;
            if !chance(rng, 0.36) || !(from..to).contains(&s) {
                continue;
            }
            let yaw = if speed > 0.0 { 0.0 } else { PI };
            list.push(person(Class::Pedestrian, s, d, yaw, |p, at| {
                let words = [seed, WALKER, track as u64, k as u64, 1];
                person::pedestrian(&mut stream(&words), if at { phase } else { p }, true, 0)
            }));
        }
    }
    let zebra = |s: f32| ((s - street::ZEBRA[1]) / street::ZEBRA[0]).round() as i64;
    for k in zebra(from)..=zebra(to) {
        let at = k as f32 * street::ZEBRA[0] + street::ZEBRA[1];
        for n in 0..3u64 {
            let rng = &mut stream(&[seed, CROSSER, k as u64, n]);
            let sign = if chance(rng, 0.5) { 1.0f32 } else { -1.0 };
            let speed = uniform(rng, 1.2, 1.6);
            let lane = at + (n as f32 - 1.0) * 1.1;
            let end = KERB + uniform(rng, 0.5, 1.1);
            // Steps off the kerb when the ego vehicle is this far away.
            let reach = uniform(rng, 42.0, 62.0);
            let start = ego(seed, 0.0);
            let begin = (at - reach - start) / EGO_SPEED;
            if !chance(rng, 0.75) || !(from..to).contains(&lane) {
                continue;
            }
            let goes = walks_free(seed, begin, at, sign * end, speed);
            let way = if goes { ((time - begin) * speed).clamp(0.0, 2.0 * end) } else { 0.0 };
            let walking = way > 0.0 && way < 2.0 * end;
            let phase = if walking { (time - begin) * 0.9 } else { 0.1 };
            let d = sign * (end - way);
            let yaw = -sign * FRAC_PI_2;
            debug_assert!(d.abs() < GARDEN);
            list.push(person(Class::Pedestrian, lane, d, yaw, |p, now| {
                let words = [seed, CROSSER, k as u64, n, 1];
                let phase = if now { phase } else { p };
                person::pedestrian(&mut stream(&words), phase, walking, 0)
            }));
        }
    }
}

/// Whether nobody drives over who sets out at `begin` from `d` (m left of the centre line).
fn walks_free(seed: u64, begin: f32, at: f32, d: f32, speed: f32) -> bool {
    let steps = (2.0 * d.abs() / speed / 0.1) as i32;
    (0..steps).all(|k| {
        let time = begin + k as f32 * 0.1;
        let here = d - d.signum() * speed * k as f32 * 0.1;
        let near = |s: f32| (s - at).abs() < 5.0;
        let lane = |c: f32| (here - c).abs() < 1.7;
        let cars = lane(LANE) && {
            let n = ((at + 9.0 * time) / 36.0).round() as i64;
            (n - 1..=n + 1).any(|k| oncoming(seed, time, k).is_some_and(near))
        };
        let ours = lane(-LANE)
            && (near(ego(seed, time)) || (0..4).any(|k| ahead(seed, time, k).is_some_and(near)));
        !cars && !ours
    })
}
