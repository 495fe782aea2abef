//! Open warnings as the events from which a consumer learns what they are: their opening, what was done and said since, their picture. Pure.
//!
//! Those of other Davys are among them. Limits: of each warning the opening, the latest picture and the `CHANGES_MAX` latest changes.

use std::collections::{BTreeMap, VecDeque};

use model::{EventBody, EventId, RecordedEvent, WarningTransition};

/// Changes of one warning that are kept beside its opening; every step of a dozen addressees are fewer.
const CHANGES_MAX: usize = 100;

/// One open warning.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OpenWarning {
    pub(crate) opening: RecordedEvent,
    picture: Option<RecordedEvent>,
    /// Oldest first.
    changes: VecDeque<RecordedEvent>,
}

impl OpenWarning {
    /// The event that tells it as it is now: what was changed last, or its opening.
    pub(crate) fn latest(&self) -> &RecordedEvent {
        self.changes.back().unwrap_or(&self.opening)
    }

    fn events(&self) -> impl Iterator<Item = &RecordedEvent> {
        std::iter::once(&self.opening).chain(&self.picture).chain(&self.changes)
    }
}

/// All open warnings after some prefix of `events`, by the event that opened each.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct OpenWarnings(BTreeMap<EventId, OpenWarning>);

impl OpenWarnings {
    /// Takes the next event in the order of the journal.
    pub(crate) fn apply(&mut self, recorded: &RecordedEvent) {
        match &recorded.event.body {
            EventBody::Warning(change) => match change.transition {
                WarningTransition::Opened => self.open(&recorded.id, recorded),
                WarningTransition::Closed | WarningTransition::Cancelled => {
                    change.warning.as_ref().and_then(|id| self.0.remove(id));
                }
                // One of another Davy that was closed here and stands there.
                WarningTransition::Adjusted
                    if recorded.is_foreign() && !change.warning.as_ref().is_none_or(|id| self.has(id)) =>
                {
                    change.warning.iter().for_each(|id| self.open(id, recorded));
                }
                _ => {
                    let Some(open) = change.warning.as_ref().and_then(|id| self.0.get_mut(id)) else { return };
                    open.changes.push_back(recorded.clone());
                    if open.changes.len() > CHANGES_MAX {
                        open.changes.pop_front();
                    }
                }
            },
            EventBody::Picture(picture) => {
                if let Some(open) = self.0.get_mut(&picture.warning) {
                    open.picture = Some(recorded.clone());
                }
            }
            _ => {}
        }
    }

    fn open(&mut self, id: &EventId, recorded: &RecordedEvent) {
        let open = OpenWarning { opening: recorded.clone(), picture: None, changes: VecDeque::new() };
        self.0.insert(id.clone(), open);
    }

    /// Whether it is open.
    pub(crate) fn has(&self, id: &EventId) -> bool {
        self.0.contains_key(id)
    }

    /// The open ones, in order of id.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&EventId, &OpenWarning)> {
        self.0.iter()
    }

    /// The recorded events from which this comes out again; those of one warning are in the order of the journal.
    pub(crate) fn essence(&self) -> impl Iterator<Item = &RecordedEvent> {
        self.0.values().flat_map(OpenWarning::events)
    }
}
