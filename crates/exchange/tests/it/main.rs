//! Feeds over a real server: resume, filters, snapshots, ways out, restarts; warnings and what is said of them.

mod commit;
mod cursors;
mod embedded;
mod flow;
#[path = "../../../engine/tests/it/mem.rs"]
#[expect(dead_code, reason = "what only the engine's tests use")]
mod mem;
mod server;
mod snapshot;
mod subscriptions;
mod upstream;
mod warnings;
mod webhook;
