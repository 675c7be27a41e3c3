//! A sign of life while something slow goes on: a TensorRT engine takes ten minutes to build, and
//! without a word from us that looks like a hang.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Calls back every period until dropped.
pub(super) struct Heartbeat {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Heartbeat {
    /// Starts: `beat` gets the time since then. Where no thread can be had there is no beat, which
    /// is no reason to fail.
    pub(super) fn start(period: Duration, beat: impl Fn(Duration) + Send + 'static) -> Self {
        let (stop, stopped) = channel::<()>();
        let since = Instant::now();
        let run = move || {
            while stopped.recv_timeout(period) == Err(RecvTimeoutError::Timeout) {
                beat(since.elapsed());
            }
        };
        let thread = std::thread::Builder::new().name("heartbeat".to_owned()).spawn(run).ok();
        Self { stop: Some(stop), thread }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_beats_until_it_is_dropped() {
        let (send, receive) = channel();
        let heart = Heartbeat::start(Duration::from_millis(1), move |elapsed| {
            let _ = send.send(elapsed);
        });
        let first = receive.recv().unwrap();
        assert!(receive.recv().unwrap() > first);
        drop(heart);
        while receive.try_recv().is_ok() {}
        assert!(receive.recv().is_err(), "the sender must be gone");
    }
}
