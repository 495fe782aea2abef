//! The alarm API: the list of open alarms, a fold over durable `events`, and the operator's commands, which go in at the left.

mod command;
mod fold;
mod groups;
mod homes;
mod list;
mod online;
mod outcomes;
mod past;
mod runner;
mod serve;

use std::sync::Arc;

use journal::Journal;
use service::Latch;
use wire::v1::alarm_service_server::AlarmServiceServer;

use crate::{AlarmConfig, OnlineRates};

pub use runner::AlarmRunner;
pub use serve::AlarmApi;

/// What the alarm API needs.
pub struct AlarmParts {
    /// Where events come from and commands go.
    pub journal: Arc<dyn Journal>,
    /// Held until the list is up to date.
    pub latch: Latch,
    /// Where the points that deliver are counted.
    pub online: Arc<OnlineRates>,
    /// Settings.
    pub config: AlarmConfig,
}

/// The service for a gRPC server, and the loop that keeps its list; the service answers `UNAVAILABLE` while the loop does not run.
pub fn alarm_service(parts: AlarmParts) -> (AlarmServiceServer<AlarmApi>, AlarmRunner) {
    let AlarmParts { journal, latch, online, config } = parts;
    let (runner, open, folded) = AlarmRunner::new(Arc::clone(&journal), latch, config.clone());
    (AlarmServiceServer::new(AlarmApi::new(journal, config, open, folded, online)), runner)
}
