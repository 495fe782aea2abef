//! Warnings: which are open, who is told, which steps are late, and what is to be said next.
//! In: recorded events in the order of `events`, Davy's own warnings among them; site revisions; responses; journal time.
//! Out: events that open, adjust, escalate and close warnings; the warnings as they are, and which of them want a first picture.
//! May not enter: clocks, IO, async, logging, any Davy crate but model and pieces.
//! Start at fold.rs (what is known), then due.rs (what is to be said) and judge.rs (what addressees say).

mod cells;
mod codec;
mod due;
mod fold;
mod judge;
mod outcomes;
mod picture;
mod rules;
#[cfg(test)]
mod tests;
mod warning;

pub use codec::SNAPSHOT_VERSION;
pub use fold::Warnings;
pub use judge::Response;
pub use outcomes::Outcome;
pub use picture::Wanted;
pub use pieces::RestoreError;
pub use warning::{Closing, Done, Message, Party, Place, Step, Warning};

use model::Span;

/// The alarms behind a warning have to be gone for so long before it is said that they returned: what comes back sooner chatters.
pub const RETURN_HOLD: Span = Span::from_secs(60);

/// So many closed warnings are remembered for lists; older ones are found in the history of events.
pub const CLOSED_KEPT: usize = 1_000;

/// So many alarms are named in the event of an opening; the others are counted.
pub const CAUSES_MAX: usize = 100;

/// So many messages of one warning are remembered.
pub const MESSAGES_KEPT: usize = 100;
