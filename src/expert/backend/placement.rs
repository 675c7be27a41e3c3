//! On which provider the nodes of a network were placed.
//!
//! Registering a provider says nothing about how much of a network it takes. ONNX Runtime tells
//! the placement only in its most talkative log, while the session is made; this listens there.

use std::sync::{Arc, Mutex, PoisonError};

use ort::logging::LoggerFunction;
use serde::Serialize;

use super::log;

/// Nodes placed on one provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodePlacement {
    /// ONNX Runtime's name of the provider, such as `CPUExecutionProvider`.
    pub provider: String,
    /// How many nodes (after optimisation; a compiled subgraph is one).
    pub nodes: usize,
}

/// ONNX Runtime's name of the CPU provider.
pub(super) const CPU: &str = "CPUExecutionProvider";

/// Collects placements from the log of a session.
#[derive(Debug, Clone, Default)]
pub(super) struct Listener(Arc<Mutex<Vec<NodePlacement>>>);

impl Listener {
    /// A logger that listens and hands everything on.
    pub(super) fn logger(&self) -> LoggerFunction {
        let heard = Arc::clone(&self.0);
        let wanted = log::level();
        Arc::new(move |level, category, id, place, message| {
            if let Some(placement) = parse(message) {
                heard.lock().unwrap_or_else(PoisonError::into_inner).push(placement);
            }
            if level >= wanted {
                log::forward(level, category, id, place, message);
            }
        })
    }

    /// What was heard, by provider; empty when the library did not tell.
    pub(super) fn heard(&self) -> Vec<NodePlacement> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        all.sort_by(|a, b| a.provider.cmp(&b.provider));
        all
    }
}

/// `All nodes placed on [X]. Number of nodes: N` or `Node(s) placed on [X]. Number of nodes: N`.
fn parse(message: &str) -> Option<NodePlacement> {
    let (_, rest) = message.split_once("placed on [")?;
    let (provider, rest) = rest.split_once(']')?;
    let (_, number) = rest.split_once("Number of nodes: ")?;
    let digits = number.split(|c: char| !c.is_ascii_digit()).next()?;
    Some(NodePlacement { provider: provider.to_owned(), nodes: digits.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placements_are_read_from_the_log() {
        let read = |text| parse(text).map(|placement| (placement.provider, placement.nodes));
        assert_eq!(
            read(" All nodes placed on [CPUExecutionProvider]. Number of nodes: 3"),
            Some((CPU.into(), 3))
        );
        let two = " Node(s) placed on [CUDAExecutionProvider]. Number of nodes: 41\n";
        assert_eq!(read(two), Some(("CUDAExecutionProvider".into(), 41)));
        assert_eq!(read("Node placements"), None);
    }
}
