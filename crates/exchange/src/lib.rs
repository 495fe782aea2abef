//! The exchange: shares durable events with the platforms that have to act, as feeds that resume at a cursor.
//! In: durable records of `events`; subscriptions and committed cursors over gRPC.
//! Out: events in order, each with a cursor, and heartbeats with one, over gRPC or posted to webhooks; nothing is fed that a crash could
//! take back.
//! May not enter: what an event means beyond its filter, any database, any other service.
//! Start at feed.rs (one subscriber), then start.rs (where it begins).

mod committed;
mod config;
mod error;
mod feed;
mod filter;
mod metrics;
mod open;
mod request;
mod runner;
mod serve;
mod start;
mod subscriptions;
mod tail;
mod webhook;

use std::sync::Arc;

use journal::Journal;
use service::{Latch, Shutdown};
use wire::v1::exchange_service_server::ExchangeServiceServer;

pub use config::Config;
pub use error::ExchangeError;
pub use metrics::describe;
pub use runner::ExchangeRunner;
pub use serve::Exchange;
pub use webhook::Webhook;

/// What the exchange needs.
pub struct Parts {
    /// Where events come from.
    pub journal: Arc<dyn Journal>,
    /// Held until snapshots and committed cursors can be answered.
    pub latch: Latch,
    /// Settings.
    pub config: Config,
}

/// The service for a gRPC server, and the loop beside it. At shutdown feeds end with a last heartbeat and `UNAVAILABLE`.
pub fn exchange_service(parts: Parts, shutdown: Shutdown) -> (ExchangeServiceServer<Exchange>, ExchangeRunner) {
    let Parts { journal, latch, config } = parts;
    let (runner, hub) = ExchangeRunner::new(journal, latch, config, shutdown);
    (ExchangeServiceServer::new(Exchange::new(hub)), runner)
}
