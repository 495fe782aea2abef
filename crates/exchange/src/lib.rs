//! The exchange: shares durable events with the platforms that have to act, as feeds that resume at a cursor; warns them, and hears them.
//! In: durable records of `events`; over gRPC subscriptions, committed cursors, what addressees say of warnings; feeds of other Davys.
//! Out: events in order, each with a cursor, over gRPC or posted to webhooks; `warning.*` events and those of other Davys, fenced; nothing
//! that a crash could take back.
//! May not enter: what an event means (a feed knows its filter, the crate warning its rules), any database, any other service.
//! Start at feed.rs (one subscriber) and start.rs (where it begins), then warnings/runner.rs, webhook/run.rs and upstream/inlet.rs.

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
mod upstream;
mod warnings;
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
pub use upstream::{UPSTREAMS_MAX, Upstream, check_node};
pub use webhook::Webhook;

/// What the exchange needs.
pub struct Parts {
    /// Where events come from.
    pub journal: Arc<dyn Journal>,
    /// Held until snapshots and committed cursors can be answered.
    pub latch: Latch,
    /// Held until the warnings are up to date.
    pub warnings: Latch,
    /// Settings.
    pub config: Config,
}

/// The service for a gRPC server, and the loops beside it. At shutdown feeds end with a last heartbeat and `UNAVAILABLE`.
pub fn exchange_service(parts: Parts, shutdown: Shutdown) -> (ExchangeServiceServer<Exchange>, ExchangeRunner) {
    let Parts { journal, latch, warnings, config } = parts;
    let (api, warnings) = warnings::warnings(&journal, warnings, &config);
    let (runner, hub) = ExchangeRunner::new(journal, latch, warnings, config, shutdown);
    (ExchangeServiceServer::new(Exchange::new(hub, api)), runner)
}
