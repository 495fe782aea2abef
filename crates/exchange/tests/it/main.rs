//! Feeds over a real server: resume, filters, snapshots, ways out, restarts; warnings, what is said of them, and reports; alerts over HTTP.

mod alerts;
mod casework;
mod commit;
mod cursors;
mod embedded;
mod flow;
#[path = "../../../engine/tests/it/mem.rs"]
#[expect(dead_code, reason = "what only the engine's tests use")]
mod mem;
mod pictures;
mod reports;
mod server;
mod snapshot;
mod subscriptions;
mod upstream;
mod warnings;
mod webhook;
