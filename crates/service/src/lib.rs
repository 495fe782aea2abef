//! The process kit: what every service needs and none should write again.
//! In: nothing of the plant.
//! Out: shutdown, readiness and health, logs, metrics, the HTTP face for operators.
//! May not enter: any Davy crate, any decision.
//! Start at shutdown.rs and health.rs.

mod health;
mod http;
mod shutdown;
mod telemetry;

pub use health::{Component, Health, Latch};
pub use http::serve_http;
pub use shutdown::Shutdown;
pub use telemetry::{LogFormat, MetricsHandle, install_logs, install_metrics};
