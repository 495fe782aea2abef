//! The supervision record: when each alarm rule could really have fired, and what kept it from that.
//! In: the records of a telemetry partition in order, and events; for answers rules, gaps and a range of time.
//! Out: gaps with scope, reason, both ends and evidence; when which rules were in force; supervised time and online rates.
//! May not enter: clocks, IO, async, logging, any Davy crate but model.
//! Start at fold.rs (records to gaps), then judge.rs (gaps to answers); the laws are in laws.rs under tests.

mod codec;
mod due;
mod events;
mod fold;
mod gap;
mod judge;
mod layout;
mod message;
mod needs;
mod online;
mod point;
mod revise;
mod snapshot;
mod sources;
#[cfg(test)]
mod tests;

pub use codec::{RestoreError, STATE_VERSION};
pub use events::EventsFold;
pub use fold::PartitionFold;
pub use gap::{Gap, Reason, Said};
pub use judge::{Gaps, Judged, JudgedGap, Moment, at, judge};
pub use needs::{Needs, ONLINE, RuleSpan};
pub use online::{Rate, rate};
pub use snapshot::kind;

use model::Span;

/// A hole of more than this between two records of a partition proves that nothing was supervised in it.
pub const UNSUPERVISED: Span = Span::from_secs(3);
