//! What the ring of dead letters has dropped goes from the store too, a little at a time.
//!
//! Limits: one step a round, of `store::FORGET_ROWS` rows at most; after a failure the next try is a minute later.

use std::time::Duration;

use journal::{Journal, JournalId};
use model::Position;
use store::Store;
use tokio::time::Instant;

use crate::metrics;

/// A store that cannot delete can still store: it is not asked all the time.
const RETRY: Duration = Duration::from_secs(60);

/// How far dead letters are forgotten.
pub(crate) struct Forgetting {
    /// Nothing before this is left in the store.
    before: Position,
    not_until: Option<Instant>,
}

impl Default for Forgetting {
    fn default() -> Self {
        // Positions begin at 1: an empty or whole ring asks nothing of the store.
        Self { before: Position(1), not_until: None }
    }
}

impl Forgetting {
    /// Takes one step where the ring has moved on. A failure is told and not passed on: it must not hold up the storing of samples.
    pub(crate) async fn step(&mut self, journal: &dyn Journal, store: &dyn Store) {
        let first = journal.bounds(JournalId::Dead).first;
        if first <= self.before || self.not_until.is_some_and(|until| Instant::now() < until) {
            return;
        }
        self.not_until = None;
        match store.forget_dead_before(first).await {
            Ok(true) => {}
            Ok(false) => self.before = first,
            Err(error) => {
                let label = format!("{:?}", error.kind()).to_ascii_lowercase();
                ::metrics::counter!(metrics::STORE_FAILURES, "kind" => label).increment(1);
                let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                tracing::warn!(%error, cause, "old dead letters stay in the store for now");
                self.not_until = Some(Instant::now() + RETRY);
            }
        }
    }
}
