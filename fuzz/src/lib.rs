//! Fuzzing: whatever bytes come in, nothing panics. `RUSTC_BOOTSTRAP=1 cargo fuzz run json -- -max_total_time=60`.
//! In: bytes.
//! Out: a count of the inputs that were accepted, so that a target that refuses everything is seen.
//! May not enter: the main workspace.
//! Start at fuzz_targets/.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts runs and the inputs that were accepted.
pub struct Tally {
    runs: AtomicU64,
    accepted: AtomicU64,
}

/// Runs between two lines.
const SAY_EVERY: u64 = 1 << 14;

impl Tally {
    /// Nothing yet.
    #[expect(clippy::new_without_default, reason = "made as a static")]
    pub const fn new() -> Self {
        Self { runs: AtomicU64::new(0), accepted: AtomicU64::new(0) }
    }

    /// Notes one run.
    pub fn note(&self, accepted: bool) {
        let taken = self.accepted.fetch_add(u64::from(accepted), Ordering::Relaxed) + u64::from(accepted);
        let runs = self.runs.fetch_add(1, Ordering::Relaxed) + 1;
        if runs % SAY_EVERY == 0 {
            eprintln!("{runs} runs, {taken} accepted");
        }
    }
}
