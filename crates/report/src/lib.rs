//! Reports: what departments may report, whether it is right, what of it is an event, and what became of requests.
//! In: recorded events in the order of `events`; site revisions; drafts of reports; journal time.
//! Out: events to append; samples for points; refusals that name the field and the cure.
//! May not enter: clocks, IO, async, logging, any Davy crate but model.
//! Start at fold.rs (what is known and judged), then rights.rs (who may report what) and limits.rs (what is right).

mod changes;
mod codec;
mod digest;
mod draft;
mod fold;
mod limits;
mod outcomes;
mod places;
mod recent;
mod rights;
mod sample;
#[cfg(test)]
mod tests;

pub use codec::{RestoreError, SNAPSHOT_VERSION};
pub use draft::{Draft, Reason, Refusal};
pub use fold::{Judged, Reports, Seen};
pub use outcomes::Outcome;
pub use rights::reporters;
pub use sample::Sample;

use model::Span;

/// How far ahead of journal time something may have happened.
pub const AHEAD_MAX: Span = Span::from_secs(60);

/// How old a report may be.
pub const AGE_MAX: Span = Span::from_secs(400 * 24 * 3_600);

/// After so long a vehicle's position is news.
pub const SILENCE: Span = Span::from_secs(600);

/// So many vehicles, places and yards are known; the one that nothing was heard of for longest is forgotten first.
pub const KNOWN_MAX: usize = 10_000;

/// Characters of a text that a person writes.
pub const TEXT_MAX: usize = 2_000;

/// Characters of a name.
pub const NAME_MAX: usize = 200;

/// Events that a report refers to.
pub const ABOUT_MAX: usize = 100;
