//! Casework: joint cases, incidents with their legal clocks, and the duty book: what stands, what is late, what is to be said next.
//! In: recorded events in the order of `events`, Davy's own among them; site revisions; what departments ask; journal time.
//! Out: events that open, answer, remind, close and refuse; cases, incidents and the book as they are.
//! May not enter: clocks, IO, async, logging, any Davy crate but model, pieces and duty.
//! Start at fold.rs (what is known), then cases/, incidents/ and book/, each with its state and what is asked of it.

mod ask;
mod book;
mod cases;
mod codec;
mod fold;
mod incidents;
mod outcomes;
mod sites;
#[cfg(test)]
mod tests;

pub use ask::{Ask, Told, Want};
pub use book::{Book, HandOver, Seen, Shift};
pub use cases::{Answer, Case, Ended, Extension, Task};
pub use codec::SNAPSHOT_VERSION;
pub use fold::Casework;
pub use incidents::{About, Closing, Done, Entry, Incident, Notice, Row};
pub use outcomes::Outcome;
pub use pieces::RestoreError;
pub use sites::Place;

use model::Span;

/// So many closed cases, and as many closed incidents, are remembered for lists; older ones are found in the history of events.
pub const CLOSED_KEPT: usize = 1_000;

/// So many cases, and as many incidents, may be open; one more is refused.
pub const OPEN_MAX: usize = 1_000;

/// So many times one task may be extended, and so many notices and entries of one incident are kept.
pub const NOTES_MAX: usize = 1_000;

/// The law says "at once" (立即) and no number; a quarter of an hour is Davy's own, as for the receipt of a warning.
pub const AT_ONCE: Span = Span::from_secs(900);

/// So many alarms and warnings one incident is about.
pub const ABOUT_MAX: usize = 200;

/// A caller's clock may be so far ahead.
pub const CLOCK_AHEAD: Span = Span::from_secs(60);

/// No shift is longer.
pub const SHIFT_MAX: Span = Span::from_secs(31 * 24 * 3_600);
