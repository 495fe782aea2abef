//! Waiting for conditions: always with a deadline, never for a fixed time.

use std::time::Duration;

use tokio::time::MissedTickBehavior;

/// Long enough for a loaded machine, short enough for a person.
const PATIENCE: Duration = Duration::from_secs(30);

/// Looks again and again until something is there; panics after half a minute.
pub async fn until<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    until_within(PATIENCE, what, look).await
}

/// Looks again and again until something is there; panics at the deadline.
pub async fn until_within<T>(within: Duration, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let seen = tokio::time::timeout(within, async {
        loop {
            ticks.tick().await;
            if let Some(found) = look().await {
                return found;
            }
        }
    });
    seen.await.unwrap_or_else(|_| panic!("waited {within:?} in vain: {what}"))
}
