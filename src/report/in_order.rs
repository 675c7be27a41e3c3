//! Several workers finish frames in any order; files want them in the source's order.
//!
//! [`InOrder`] holds back what came early. What it holds is bounded by [`Tickets`]: whoever hands
//! out frames takes a ticket first, and a ticket comes back only when its frame has left in order,
//! so a slow frame stops the hand-out instead of filling the memory.

use std::collections::BTreeMap;

use crossbeam::channel::{Receiver, Sender, bounded};

/// Restores the order 0, 1, 2, ... of items that arrive with their number.
#[derive(Debug)]
pub struct InOrder<T> {
    next: usize,
    waiting: BTreeMap<usize, T>,
    returned: Receiver<()>,
}

/// The right to have a frame in flight. Clone it for several dispatchers.
#[derive(Debug, Clone)]
pub struct Tickets {
    taken: Sender<()>,
}

impl Tickets {
    /// Waits until fewer than `capacity` frames are in flight. False when the [`InOrder`] is gone:
    /// nobody will write any more.
    pub fn take(&self) -> bool {
        self.taken.send(()).is_ok()
    }
}

impl<T> InOrder<T> {
    /// At most `capacity` (at least 1) items between [`Tickets::take`] and [`InOrder::pop`].
    pub fn new(capacity: usize) -> (Tickets, Self) {
        let (taken, returned) = bounded(capacity.max(1));
        (Tickets { taken }, Self { next: 0, waiting: BTreeMap::new(), returned })
    }

    /// An item has arrived. Each number comes once.
    pub fn push(&mut self, index: usize, item: T) {
        self.waiting.insert(index, item);
    }

    /// The next item in order, if it is here; gives its ticket back.
    pub fn pop(&mut self) -> Option<T> {
        let item = self.waiting.remove(&self.next)?;
        self.next += 1;
        // Empty only where the caller works without tickets.
        let _ = self.returned.try_recv();
        Some(item)
    }

    /// How many are held back.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_leave_in_order_whatever_order_they_came_in() {
        let (_tickets, mut order) = InOrder::new(8);
        let mut left = Vec::new();
        for index in [2, 0, 3, 1, 5, 4] {
            order.push(index, index);
            while let Some(item) = order.pop() {
                left.push(item);
            }
        }
        assert_eq!(left, [0, 1, 2, 3, 4, 5]);
        assert_eq!(order.waiting(), 0);
    }

    #[test]
    fn a_slow_frame_bounds_what_is_held_back() {
        let (tickets, mut order) = InOrder::new(2);
        let (done, finished) = bounded(100);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for index in 0..20 {
                    assert!(tickets.take());
                    done.send(index).unwrap();
                }
            });
            let mut left = 0;
            for index in finished {
                order.push(index, index);
                assert!(order.waiting() <= 2);
                while order.pop().is_some() {
                    left += 1;
                }
            }
            assert_eq!(left, 20);
        });
    }
}
