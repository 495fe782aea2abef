//! A desk: reads durable `events`, says what is due and what callers ask for in `events`, once, whatever is killed in between.
//! In: records of `events`; what callers ask; journal time.
//! Out: events under one key, fenced; answers to callers, each after what it rests on is durable.
//! May not enter: what is decided (that is the clerk's, who is pure), gRPC, any database, any service.
//! Start at clerk.rs (who sits at a desk), then runner.rs (the loop) and counter.rs (how callers come to it).

mod book;
mod clerk;
mod counter;
mod runner;

use std::sync::Arc;
use std::time::Duration;

use journal::Journal;
use parking_lot::RwLock;
use service::Latch;
use tokio::sync::{mpsc, watch};

pub use clerk::{Clerk, Standing};
pub use counter::Counter;
pub use runner::DeskRunner;

/// How a desk is run.
#[derive(Clone, Debug)]
pub struct Config {
    /// The net under the journal's wake-up (traps 49), and how often gauges are told.
    pub look_every: Duration,
    /// A snapshot after this many records of `events`.
    pub snapshot_records: u64,
    /// Callers that wait at the same time; one more is refused.
    pub asks_max: usize,
    /// How long a caller waits for a list that is up to date, or for its outcome.
    pub wait_limit: Duration,
}

/// The loop, and what callers come to. `new` makes a clerk who knows nothing yet.
pub fn desk<C: Clerk>(
    journal: Arc<dyn Journal>,
    latch: Latch,
    config: Config,
    new: impl Fn() -> C + Send + Sync + 'static,
) -> (Counter<C>, DeskRunner<C>) {
    let book = Arc::new(RwLock::new(book::Book::new(new())));
    let (folded, progress) = watch::channel(None);
    let (asks, inbox) = mpsc::channel(config.asks_max.max(1));
    let counter = Counter::new(Arc::clone(&journal), Arc::clone(&book), progress, asks, config.wait_limit);
    (counter, DeskRunner { journal, latch, config, book, folded, inbox, new: Box::new(new) })
}
