//! On which line of a contract's text a false statement stands.
//!
//! The contract is read a second time into types that keep places; this happens only when there is
//! an error to tell, so the contract itself stays plain data.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

use super::{Fault, Side};

type Anything = Spanned<IgnoredAny>;

#[derive(Deserialize)]
struct Tensor {
    name: Spanned<String>,
    dtype: Anything,
    shape: Anything,
}

#[derive(Deserialize)]
struct Nested {
    inputs: Vec<Tensor>,
    outputs: Vec<Tensor>,
    #[serde(default)]
    grid: BTreeMap<String, Anything>,
    #[serde(default)]
    cost_ms: BTreeMap<String, Anything>,
}

/// The line, from 1, of the value that the fault is about; `None` where it stands on none.
pub(super) fn line_of(text: &str, fault: &Fault) -> Option<u64> {
    let nested = || serde_saphyr::from_str::<Nested>(text).ok();
    match fault {
        Fault::Name { .. } => top(text, "name"),
        Fault::Hash { .. } => top(text, "sha256"),
        Fault::Unnamed { side, .. } => top(text, key(*side)),
        Fault::Missing { side, name, .. } => tensor(&nested()?, *side, name).map(|t| at(&t.name)),
        Fault::Type { side, name, .. } => tensor(&nested()?, *side, name).map(|t| at(&t.dtype)),
        Fault::Shape { side, name, .. } => tensor(&nested()?, *side, name).map(|t| at(&t.shape)),
        Fault::Value { field, .. } => {
            let deeper = nested().and_then(|nested| value(&nested, field));
            deeper.or_else(|| top(text, field.split(['.', '[']).next()?))
        }
    }
}

fn at<T>(value: &Spanned<T>) -> u64 {
    value.referenced.line()
}

fn key(side: Side) -> &'static str {
    match side {
        Side::Input => "inputs",
        Side::Output => "outputs",
    }
}

fn top(text: &str, key: &str) -> Option<u64> {
    serde_saphyr::from_str::<BTreeMap<String, Anything>>(text).ok()?.get(key).map(at)
}

fn tensor<'a>(nested: &'a Nested, side: Side, name: &str) -> Option<&'a Tensor> {
    let tensors = match side {
        Side::Input => &nested.inputs,
        Side::Output => &nested.outputs,
    };
    tensors.iter().find(|tensor| tensor.name.value == name)
}

/// The line of a field such as `grid.x` or `inputs[0].shape`.
fn value(nested: &Nested, field: &str) -> Option<u64> {
    if let Some((map, key)) = field.split_once('.')
        && let Some(map) = match map {
            "grid" => Some(&nested.grid),
            "cost_ms" => Some(&nested.cost_ms),
            _ => None,
        }
    {
        return map.get(key).map(at);
    }
    let (side, rest) = field.split_once('[')?;
    let (index, part) = rest.split_once("].")?;
    let tensors = if side == "inputs" { &nested.inputs } else { &nested.outputs };
    let tensor = tensors.get(index.parse::<usize>().ok()?)?;
    Some(match part {
        "name" => at(&tensor.name),
        _ => at(&tensor.shape),
    })
}
