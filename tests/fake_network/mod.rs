//! Networks whose answers stand fixed, and a made-up scan: what tests and benches of the bridge need.

use std::collections::BTreeMap;

use emc2::expert::contract::{Contract, Dtype, GridSpec, Role, TensorSpec};
use emc2::expert::{Error, Network};
use emc2::frame::Class;

/// A network that gives the same outputs whatever it eats.
pub struct Fixed {
    contract: Contract,
    inputs: Vec<Vec<f32>>,
    outputs: Vec<Vec<f32>>,
}

impl Network for Fixed {
    fn contract(&self) -> &Contract {
        &self.contract
    }

    fn input_mut(&mut self, index: usize) -> &mut [f32] {
        &mut self.inputs[index]
    }

    fn run(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn output(&self, index: usize) -> &[f32] {
        &self.outputs[index]
    }
}

fn fixed(contract: Contract) -> Fixed {
    let zeros = |specs: &[TensorSpec]| {
        specs.iter().map(|spec| vec![0.0; spec.shape.iter().product()]).collect()
    };
    Fixed { inputs: zeros(&contract.inputs), outputs: zeros(&contract.outputs), contract }
}

fn tensor(name: &str, shape: &[usize]) -> TensorSpec {
    TensorSpec { name: name.to_owned(), dtype: Dtype::F32, shape: shape.to_vec(), meaning: None }
}

fn contract(role: Role, inputs: Vec<TensorSpec>, outputs: Vec<TensorSpec>) -> Contract {
    Contract {
        name: "fixed".to_owned(),
        role,
        file: "model.onnx".to_owned(),
        sha256: String::new(),
        golden: "golden.npz".to_owned(),
        golden_tolerance: 1e-3,
        inputs,
        outputs,
        classes: vec![Class::Car, Class::Pedestrian, Class::Cyclist],
        grid: None,
        overlap_weight: None,
        quality_weight: None,
        calibration: Vec::new(),
        sensor: None,
        cost_ms: BTreeMap::new(),
        trained_on: "nothing".to_owned(),
    }
}

/// A bridge model that proposes cars on the coarse cells given, each by its logit.
pub fn bridge_model(cars: &[(usize, f32)]) -> Fixed {
    let mut contract = contract(
        Role::Bridge,
        vec![tensor("fine", &[1, 12, 352, 400]), tensor("coarse", &[1, 8, 176, 200])],
        vec![tensor("heatmap", &[1, 3, 176, 200]), tensor("boxes", &[1, 10, 176, 200])],
    );
    contract.grid = Some(GridSpec {
        x: [0.0, 70.4],
        y: [-40.0, 40.0],
        h: [-1.0, 3.5],
        fine_cell: 0.2,
        coarse_cell: 0.4,
        slices: vec![-1.0, 0.25, 0.55, 0.85, 1.2, 1.6, 2.1, 3.5],
    });
    let mut network = fixed(contract);
    network.outputs[0].fill(-8.0);
    for (cell, logit) in cars {
        network.outputs[0][*cell] = *logit;
    }
    let car = [0.1, -0.2, 0.8, 3.9_f32.ln(), 1.6_f32.ln(), 1.5_f32.ln(), 0.3, 0.95, 1.0, 1.0];
    for (plane, value) in network.outputs[1].chunks_exact_mut(176 * 200).zip(car) {
        plane.fill(value);
    }
    network
}

/// Coarse cells with a logit each: so many cars, spread over the ground before the sensor.
pub fn cars(count: usize) -> Vec<(usize, f32)> {
    (0..count)
        .map(|k| {
            let (row, column) = (12 + (k / 8) * 18 % 150, 30 + (k % 8) * 18);
            (row * 200 + column, 3.0 - 0.05 * k as f32)
        })
        .collect()
}

/// An image model for so many regions at a time; its features are zero.
#[allow(dead_code)] // not every caller has images
pub fn image_model(regions: usize) -> Fixed {
    let windows = 2 * regions;
    fixed(contract(
        Role::Image,
        vec![tensor("windows", &[windows, 3, 64, 64])],
        vec![
            tensor("features", &[windows, 16, 16, 16]),
            tensor("confidence", &[windows, 1, 16, 16]),
        ],
    ))
}

/// A made-up turn of a 64-beam sensor over flat ground with a ring of walls, in firing order: about
/// as many points as a real scan, and as crowded near the sensor.
pub fn scan(seed: u32) -> Vec<[f32; 4]> {
    let mut points = Vec::with_capacity(130_000);
    for beam in 0..64 {
        let elevation = (2.0 - 26.9 * beam as f32 / 63.0).to_radians();
        for firing in 0..2000_u32 {
            let azimuth = (firing as f32 * 0.18 - 180.0).to_radians();
            let noise = (firing.wrapping_mul(2_654_435_761).wrapping_add(seed * 97) >> 20) as f32;
            let wall = 12.0 + 25.0 * (azimuth * 7.0 + seed as f32).sin().abs() + noise * 1e-5;
            let ground = if elevation < 0.0 { -1.7 / elevation.tan() } else { f32::INFINITY };
            let range = wall.min(ground);
            let z = range * elevation.tan();
            points.push([range * azimuth.cos(), range * azimuth.sin(), z, noise / 4096.0]);
        }
    }
    points
}
