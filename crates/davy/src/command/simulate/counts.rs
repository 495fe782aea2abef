//! What all edge nodes of a run have done together.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// Counters of a run.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) sent: Count,
    pub(super) acknowledged: Count,
    /// Acknowledged in words only: the broker said that it took them not.
    pub(super) refused: Count,
    pub(super) births: Count,
    pub(super) rebirths: Count,
    pub(super) connects: Count,
    /// Rows of values that found no room while their node was away.
    pub(super) dropped: Count,
    /// Rows of values sent afterwards as historical.
    pub(super) late: Count,
    /// Nodes that have once been ready to send.
    pub(super) ready: Count,
    pub(super) changed: Notify,
    last_error: Mutex<String>,
}

/// One counter.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::AcqRel);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

impl Counts {
    /// Keeps why a connection ended, for the case that none ever stands.
    pub(super) fn failed(&self, reason: &str) {
        reason.clone_into(&mut self.last_error.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn last_error(&self) -> String {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sent, acknowledged) = (self.sent.get(), self.acknowledged.get());
        let (births, rebirths) = (self.births.get(), self.rebirths.get());
        let reconnects = self.connects.get().saturating_sub(self.ready.get());
        write!(f, "{sent} messages sent, {acknowledged} acknowledged, {births} births, {rebirths} rebirths answered, ")?;
        write!(f, "{reconnects} reconnects")?;
        for (count, what) in
            [(&self.late, "rows sent as historical"), (&self.dropped, "rows dropped"), (&self.refused, "messages refused")]
        {
            if count.get() > 0 {
                write!(f, ", {} {what}", count.get())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_says_what_happened_and_no_more() {
        let counts = Counts::default();
        counts.sent.add(12);
        counts.acknowledged.add(11);
        counts.ready.add(2);
        counts.connects.add(5);
        counts.births.add(6);
        counts.rebirths.add(1);
        assert_eq!(counts.to_string(), "12 messages sent, 11 acknowledged, 6 births, 1 rebirths answered, 3 reconnects");
        counts.dropped.add(7);
        assert!(counts.to_string().ends_with(", 7 rows dropped"), "{counts}");
    }
}
