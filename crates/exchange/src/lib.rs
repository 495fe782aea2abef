//! The exchange: shares durable events with the platforms that have to act, as feeds that resume at a cursor; warns them, and hears them.
//! In: durable records of `events`; over gRPC subscriptions, committed cursors, responses, reports and requests of departments; feeds of other Davys.
//! Out: events in order, each with a cursor, by gRPC or webhook; its own events and those of other Davys, fenced; alerts of CAP; all of it durable.
//! May not enter: what an event means (a feed knows its filter, the crates warning, report and casework their rules), any database, any other service.
//! Start at feed.rs (one subscriber), start.rs (where it begins), then warnings/, reports/, casework/, alerts/ (mod.rs), webhook/run.rs, upstream/inlet.rs.

mod alerts;
mod casework;
mod committed;
mod config;
mod error;
mod feed;
mod fields;
mod filter;
mod frame;
mod metrics;
mod open;
mod open_warnings;
mod paging;
mod reports;
mod request;
mod runner;
mod serve;
mod server;
mod start;
mod subscriptions;
mod tail;
mod upstream;
mod warnings;
mod webhook;

use std::sync::Arc;

use journal::Journal;
use service::{Latch, Shutdown};

use crate::runner::Desks;
use crate::serve::Exchange;
pub use casework::{CaseApi, CaseworkParts, CaseworkRunner, DutyApi, casework_services};

pub use config::Config;
pub use error::ExchangeError;
pub use metrics::describe;
pub use reports::{NotTaken, Samples};
pub use runner::ExchangeRunner;
pub use server::ExchangeServer;
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
    /// Held until reports can be taken.
    pub reports: Latch,
    /// Where samples of departments go; `None`: nowhere.
    pub samples: Option<Arc<dyn Samples>>,
    /// Settings.
    pub config: Config,
}

/// What is to be served and run.
pub struct Built {
    /// For a gRPC server. At shutdown feeds end with a last heartbeat and `UNAVAILABLE`.
    pub service: ExchangeServer,
    /// For an HTTP server: `/cap`, `/cap/<warning>`.
    pub alerts: axum::Router,
    /// The loops beside them.
    pub runner: ExchangeRunner,
}

/// Puts the exchange together.
pub fn exchange_service(parts: Parts, shutdown: Shutdown) -> Built {
    let Parts { journal, latch, warnings, reports, samples, config } = parts;
    let (warning_api, warnings) = warnings::warnings(&journal, warnings, &config);
    let (report_api, reports) = reports::reports(&journal, reports, samples, &config);
    let (runner, hub) = ExchangeRunner::new(journal, latch, Desks { warnings, reports }, config, shutdown);
    let warning_api = Arc::new(warning_api);
    let alerts = alerts::routes(Arc::clone(&warning_api));
    Built { service: ExchangeServer::new(Exchange::new(hub, warning_api, report_api)), alerts, runner }
}
