//! The journal: ordered bytes that survive crashes and tell when they were tampered with.
//! In: bodies to append under a key, with an optional fence; snapshots.
//! Out: records after a position, at the level of appended or durable; proofs.
//! May not enter: what a record means (no sample, no alarm), gRPC, SQL, any Davy crate but model.
//! Start at api.rs (the trait), then embedded/mod.rs.

mod api;
mod embedded;
mod follow;
mod metrics;

pub use api::{
    Append, Appended, Bounds, ClockStep, Journal, JournalError, JournalId, JournalRecord, Key, Level, MAX_BODY_BYTES, ReadLimit,
    RecordKind, Snapshot,
};
pub use embedded::Embedded;
pub use embedded::clock::{Clock, SystemClock};
pub use embedded::config::EmbeddedConfig;
pub use embedded::export::{ExportReport, export, read_events, verify_export};
#[doc(hidden)]
pub use embedded::frame::{Content, Frame, FrameFault, Header, Link, decode_frame};
pub use embedded::identity::renew_epoch;
pub use embedded::verify::{VerifyFault, VerifyReport, verify};
pub use follow::{Fold, Follower};
