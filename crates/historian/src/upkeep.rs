//! Upkeep of the store: a step every few seconds, and the next at once while there is more to do. It never stands in the way of rows: the
//! store sees to that, a step that fails is only tried again, and while a backlog is caught up there is only one every `STEP_OF_A_BACKLOG`,
//! for figures and packing take the processors that rows need.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use model::Time;
use service::{Component, Shutdown};
use store::{Policy, Store, StoreError, Upkeep};
use tokio::time::Instant;

use crate::metrics;
use crate::progress::Stored;

/// Between two steps where all is done.
const EVERY: Duration = Duration::from_secs(5);

/// Between two steps while the history catches up: pieces of old data are not left lying for ever.
const STEP_OF_A_BACKLOG: Duration = Duration::from_secs(30);

/// After a step that failed, and at most after many.
const RETRY_MIN: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(60);

/// Keeps the store in order until shutdown.
pub(crate) struct Keeper {
    store: Arc<dyn Store>,
    stored: Arc<Stored>,
    policy: Policy,
    health: Component,
    /// What was said to be wrong last.
    said: BTreeSet<String>,
    retry: Duration,
    /// When the last step began.
    last: Option<Instant>,
}

impl Keeper {
    pub(crate) fn new(store: Arc<dyn Store>, stored: Arc<Stored>, policy: Policy, health: Component) -> Self {
        Self { store, stored, policy, health, said: BTreeSet::new(), retry: RETRY_MIN, last: None }
    }

    /// Step after step until shutdown; a step under way is finished, since each is bounded.
    pub(crate) async fn run(mut self, shutdown: &Shutdown) {
        let mut wait = Duration::ZERO;
        loop {
            // Both arms are cancel-safe: waits that change nothing when dropped.
            tokio::select! {
                () = shutdown.requested() => return,
                () = tokio::time::sleep(wait) => {}
            }
            wait = self.step().await;
        }
    }

    /// One step; how long to wait for the next.
    async fn step(&mut self) -> Duration {
        let (started, now) = (Instant::now(), self.stored.samples_to());
        if now < Time::YEAR_2000 {
            // Nothing is known of how far the store is, or nothing of a backlog is stored yet.
            return RETRY_MIN;
        }
        let last = *self.last.get_or_insert(started);
        if gives_way(self.stored.is_catching_up(), started.duration_since(last)) {
            return RETRY_MIN;
        }
        self.last = Some(started);
        let step = self.store.maintain(&self.policy, now).await;
        ::metrics::histogram!(metrics::UPKEEP_SECONDS).record(started.elapsed().as_secs_f64());
        match step {
            Ok(upkeep) => {
                self.retry = RETRY_MIN;
                self.tell(&upkeep);
                if upkeep.more { Duration::ZERO } else { EVERY }
            }
            Err(error) => self.failed(&error),
        }
    }

    fn tell(&mut self, upkeep: &Upkeep) {
        for done in &upkeep.done {
            tracing::info!(done, "upkeep of the history");
        }
        let concerns: BTreeSet<String> = upkeep.concerns.iter().cloned().collect();
        for concern in concerns.difference(&self.said) {
            tracing::warn!(concern, "the history needs a look");
        }
        match upkeep.concerns.first() {
            Some(concern) => self.health.degraded(concern.clone()),
            None => self.health.ready(),
        }
        self.said = concerns;
    }

    fn failed(&mut self, error: &StoreError) -> Duration {
        let label = format!("{:?}", error.kind()).to_ascii_lowercase();
        ::metrics::counter!(metrics::UPKEEP_FAILURES, "kind" => label).increment(1);
        let text = error.to_string();
        if self.said.insert(text.clone()) {
            let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            tracing::warn!(%error, cause, "upkeep of the history waits and is tried again");
        }
        self.health.degraded(format!("upkeep waits: {text}"));
        let wait = self.retry;
        self.retry = (wait * 2).min(RETRY_MAX);
        wait
    }
}

/// Whether a step waits for rows, so long after the last one.
fn gives_way(catching_up: bool, since_last: Duration) -> bool {
    catching_up && since_last < STEP_OF_A_BACKLOG
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_give_way_to_a_backlog_but_not_for_ever() {
        let almost = STEP_OF_A_BACKLOG.saturating_sub(Duration::from_millis(1));
        assert!(!gives_way(false, Duration::ZERO));
        assert!(gives_way(true, Duration::ZERO) && gives_way(true, almost));
        assert!(!gives_way(true, STEP_OF_A_BACKLOG));
    }
}
