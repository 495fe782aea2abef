//! Open warnings as the events from which a consumer learns what they are: their opening, what was done and said since, their picture. Pure.
//!
//! Those of other Davys are among them. Limits: of each warning the opening, the latest picture and `CHANGES_MAX` changes, of which those that
//! every addressee has to know go last; beyond `OPEN_MAX` open warnings the oldest of another Davy goes, whose end its feed may leave out.

use std::collections::{BTreeMap, VecDeque};

use model::{EventBody, EventId, RecordedEvent, WarningTransition};

/// Changes of one warning that are kept beside its opening; every step of a dozen addressees are fewer.
const CHANGES_MAX: usize = 100;

/// Open warnings at most, but for our own.
const OPEN_MAX: usize = 10_000;

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

    fn take(&mut self, recorded: &RecordedEvent) {
        self.changes.push_back(recorded.clone());
        if self.changes.len() > CHANGES_MAX {
            // What says how bad it is and who was told stays; there are few of these.
            let is_news =
                |it: &RecordedEvent| matches!(&it.event.body, EventBody::Warning(change) if change.transition.is_news());
            let oldest = self.changes.iter().position(|it| !is_news(it)).unwrap_or(0);
            self.changes.remove(oldest);
        }
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
                WarningTransition::Opened => self.open(recorded),
                WarningTransition::Closed | WarningTransition::Cancelled => {
                    change.warning.as_ref().and_then(|id| self.0.remove(id));
                }
                // Whoever repeats a response that is refused must not push out what counts.
                WarningTransition::Refused => {}
                _ => {
                    let Some(open) = change.warning.as_ref().and_then(|id| self.0.get_mut(id)) else { return };
                    open.take(recorded);
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

    fn open(&mut self, recorded: &RecordedEvent) {
        let open = OpenWarning { opening: recorded.clone(), picture: None, changes: VecDeque::new() };
        self.0.insert(recorded.id.clone(), open);
        let foreign = || self.0.iter().find(|(_, it)| it.opening.is_foreign()).map(|(id, _)| id.clone());
        if self.0.len() > OPEN_MAX
            && let Some(id) = foreign()
        {
            self.0.remove(&id);
        }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::{Epoch, Event, KeySeq, Origin, Position, RevisionNumber, Scope, Time, WarningChange, WarningRuleId};

    use super::*;

    fn event(seq: u64, node: Option<&str>, change: WarningTransition, of: Option<&EventId>) -> RecordedEvent {
        let said =
            WarningChange { warning: of.cloned(), ..WarningChange::new(change, WarningRuleId::new("gas").expect("valid")) };
        let (subject, scope, body) = (Arc::from("p"), Scope::default(), EventBody::Warning(Box::new(said)));
        RecordedEvent {
            id: EventId { epoch: Epoch(1), key: Arc::from("exchange/warnings"), key_seq: KeySeq(seq), ordinal: 0 },
            position: Position(seq),
            ordinal: 0,
            recorded_at: Time::YEAR_2000,
            event: Event { occurred_at: Time::YEAR_2000, subject, scope, revision: RevisionNumber(1), body },
            origin: node.map(|node| Arc::new(Origin { node: Arc::from(node), recorded_at: Time::YEAR_2000 })),
        }
    }

    #[test]
    fn beyond_the_bound_the_oldest_of_another_davy_goes() {
        let mut open = OpenWarnings::default();
        let own = event(1, None, WarningTransition::Opened, None);
        open.apply(&own);
        for seq in 2..=OPEN_MAX as u64 + 1 {
            open.apply(&event(seq, Some("county"), WarningTransition::Opened, None));
        }
        assert_eq!(open.iter().count(), OPEN_MAX);
        let has = |seq| open.iter().any(|(id, _)| id.key_seq == KeySeq(seq));
        assert!(has(1) && !has(2) && has(3) && has(OPEN_MAX as u64 + 1));
    }

    #[test]
    fn however_often_others_respond_what_all_have_to_know_stays() {
        let mut open = OpenWarnings::default();
        let opening = event(1, None, WarningTransition::Opened, None);
        open.apply(&opening);
        open.apply(&event(2, None, WarningTransition::Escalated, Some(&opening.id)));
        for seq in 3..300 {
            let change = if seq % 2 == 0 { WarningTransition::Refused } else { WarningTransition::Responded };
            open.apply(&event(seq, None, change, Some(&opening.id)));
        }
        let told: Vec<_> = open.essence().map(|it| it.id.key_seq.0).collect();
        assert_eq!(told.len(), CHANGES_MAX + 1);
        assert_eq!(told[..3], [1, 2, 103], "opening, escalation, then the last 99 responses");
        assert_eq!(told.last(), Some(&299));
    }
}
