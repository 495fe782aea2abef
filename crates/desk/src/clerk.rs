//! Who sits at a desk.

use bytes::Bytes;
use model::{Epoch, Event, Position, RecordedEvent, RequestId, Revision, Time};
use wire::Failure;

/// When and after what an answer is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The journal's.
    pub epoch: Epoch,
    /// Everything up to here is known.
    pub position: Position,
    /// Journal time.
    pub now: Time,
}

/// A fold over events that has something to say. Its state changes by `apply` and `revise` alone; what `due` and `judge` give counts when it
/// is read back, so that a replay and another process agree.
pub trait Clerk: Send + Sync + 'static {
    /// What callers ask for.
    type Ask: Send + Sync + 'static;
    /// What they get.
    type Answer: Send + 'static;

    /// Its name in `events`, and of its snapshots.
    const KEY: &'static str;
    /// What it keeps, for people: `warnings`.
    const KEEPS: &'static str;
    /// What an unreadable record means: `a warning may be missed or stand too long`.
    const LOSS: &'static str;

    /// Another site is in force from here on.
    fn revise(&mut self, _site: &Revision, _at: Time) {}
    /// Takes the next event in the order of the journal.
    fn apply(&mut self, event: &RecordedEvent);
    /// The state after the last event applied.
    fn snapshot(&self) -> Bytes;
    /// Takes on the state that a snapshot holds; `false` where it cannot be read, and then the clerk is not used any more.
    fn restore(&mut self, body: &[u8]) -> bool;

    /// What is to be said at a moment of journal time; of what was said before, nothing. May forget what is over, and decides nothing by that.
    fn due(&mut self, now: Time) -> Vec<Event>;
    /// Before this moment nothing becomes due unless something comes.
    fn next_deadline(&self) -> Option<Time>;

    /// The id by which a repeat is known.
    fn request_id(ask: &Self::Ask) -> &RequestId;
    /// What is to be recorded of a request; `None` where its outcome is on record already, or where nothing is.
    fn judge(&self, ask: &Self::Ask, now: Time) -> Option<Event>;
    /// The answer, by what is on record.
    fn answer(&self, ask: &Self::Ask, standing: Standing) -> Result<Self::Answer, Failure>;

    /// A record could not be read: counts it.
    fn missed(&self) {}
    /// An event of its own is on record: counts and logs it.
    fn said(&self, _event: &Event) {}
    /// Tells its gauges.
    fn tell(&self, _now: Time) {}
}
