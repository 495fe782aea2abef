//! Where an event comes from that another Davy recorded first.

use std::sync::Arc;

use crate::{RecordedEvent, Time};

/// The Davy that recorded an event first, where that is not this one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// Its name, as it gives it itself: the same whichever way the event came, and over however many others.
    pub node: Arc<str>,
    /// When its journal took the event, in its journal time.
    pub recorded_at: Time,
}

impl RecordedEvent {
    /// Whether another Davy recorded it first: what follows from it is said there.
    pub const fn is_foreign(&self) -> bool {
        self.origin.is_some()
    }

    /// The name of the Davy that recorded it first; empty where that is this one.
    pub fn node(&self) -> &str {
        self.origin.as_ref().map_or("", |origin| &*origin.node)
    }

    /// When it was first recorded anywhere, in the journal time of there.
    pub fn first_recorded_at(&self) -> Time {
        self.origin.as_ref().map_or(self.recorded_at, |origin| origin.recorded_at)
    }
}
