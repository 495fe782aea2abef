//! The engine: drives the alarm core over the partitions of telemetry, keeps its snapshots, serves the list of open alarms, watches floods.
//! In: records of `telemetry/<p>`; operators' commands over gRPC, which go into telemetry like everything else.
//! Out: records of `events`, one for each input that caused any, under the key `engine/<p>`; floods and nuisances.
//! May not enter: what counts as an alarm (that is `alarm`), any database, any other service.
//! Start at partition.rs (one partition's loop), then alarms/mod.rs (the API), floods/runner.rs.

mod alarms;
mod config;
mod error;
mod floods;
mod metrics;
mod online;
mod partition;
mod recorded;
mod snapshot;
mod supervise;

pub use alarms::{AlarmApi, AlarmParts, AlarmRunner, alarm_service};
pub use config::{AlarmConfig, Config, FloodsConfig};
pub use error::EngineError;
pub use floods::{FloodParts, watch_floods};
pub use metrics::describe;
pub use online::OnlineRates;
pub use supervise::{Parts, serve};
