//! How long something that fails is put up with: some failures in a row, a pause, another try, a longer pause.

/// Frames for which something that was given up is left alone, at first and at most.
const REST: u32 = 100;
const LONGEST_REST: u32 = 6400;

/// Counts the failures in a row of an expert, or of another network. After some it rests for 100 frames and is
/// then asked once more; each time that fails again, the pause is twice as long, up to 6400 frames.
#[derive(Debug, Clone)]
pub struct Patience {
    limit: u32,
    in_a_row: u32,
    /// Frames that it is still left alone.
    resting: u32,
    /// For how long it rests when it is given up the next time.
    rest: u32,
    last_cause: String,
}

impl Patience {
    /// With what fails no more than so many times in a row (at least once).
    pub fn new(limit: u32) -> Self {
        let last_cause = String::new();
        Self { limit: limit.max(1), in_a_row: 0, resting: 0, rest: REST, last_cause }
    }

    /// A frame has gone by.
    pub fn tick(&mut self) {
        self.resting = self.resting.saturating_sub(1);
    }

    /// It failed.
    pub fn failed(&mut self, cause: &str) {
        self.in_a_row += 1;
        cause.clone_into(&mut self.last_cause);
        if self.in_a_row >= self.limit {
            self.resting = self.rest;
            self.rest = (2 * self.rest).min(LONGEST_REST);
        }
    }

    /// It worked, or is to be taken for new.
    pub fn worked(&mut self) {
        (self.in_a_row, self.resting, self.rest) = (0, 0, REST);
    }

    /// Whether it may be asked.
    pub fn is_well(&self) -> bool {
        self.resting == 0
    }

    /// Failures in a row by now.
    pub fn in_a_row(&self) -> u32 {
        self.in_a_row
    }

    /// Why it is left alone, in words; none where it may be asked.
    pub fn given_up(&self) -> Option<String> {
        let Self { in_a_row, resting, last_cause, .. } = self;
        let told = || {
            format!(
                "given up after {in_a_row} failures in a row, asked again in {resting} frames, the last: {last_cause}"
            )
        };
        (!self.is_well()).then(told)
    }
}
