//! Outcomes of commands by request id, so that a repeat is answered and not carried out again.

use std::collections::{BTreeMap, VecDeque};

use model::{CommandOutcome, EventBody, RecordedEvent, RequestId, Span, Time};

/// As long as the core remembers requests.
const KEPT: Span = Span::from_secs(24 * 3_600);

/// The outcomes of the last 24 h, at most a number of them; the oldest go first.
#[derive(Clone, Debug)]
pub(crate) struct Outcomes {
    by_request: BTreeMap<RequestId, RecordedEvent>,
    in_order: VecDeque<(Time, RequestId)>,
    max: usize,
}

impl Outcomes {
    pub(crate) fn new(max: usize) -> Self {
        Self { by_request: BTreeMap::new(), in_order: VecDeque::new(), max }
    }

    /// Remembers an outcome; anything else changes nothing.
    pub(crate) fn apply(&mut self, event: &RecordedEvent) {
        let Some(outcome) = outcome_of(event) else { return };
        self.in_order.push_back((event.recorded_at, outcome.request_id.clone()));
        self.by_request.insert(outcome.request_id.clone(), event.clone());
        self.forget(event.recorded_at);
    }

    fn forget(&mut self, now: Time) {
        while let Some((at, _)) = self.in_order.front() {
            if now.since(*at) <= KEPT && self.in_order.len() <= self.max {
                return;
            }
            let Some((at, request_id)) = self.in_order.pop_front() else { return };
            // The same id may have been judged anew after a day; the newer outcome stays.
            if self.by_request.get(&request_id).is_some_and(|it| it.recorded_at <= at) {
                self.by_request.remove(&request_id);
            }
        }
    }

    /// The recorded outcome of a request.
    pub(crate) fn get(&self, request_id: &RequestId) -> Option<(&RecordedEvent, &CommandOutcome)> {
        let event = self.by_request.get(request_id)?;
        Some((event, outcome_of(event)?))
    }

    /// Every outcome remembered, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &RecordedEvent> {
        self.in_order.iter().filter_map(|(at, id)| self.by_request.get(id).filter(|it| it.recorded_at == *at))
    }
}

fn outcome_of(event: &RecordedEvent) -> Option<&CommandOutcome> {
    match &event.event.body {
        EventBody::Command(outcome) => Some(outcome),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::{
        AlarmId, AlarmState, CommandKind, CommandVerdict, Epoch, Event, EventId, KeySeq, Position, RevisionNumber, Scope,
    };

    use super::*;

    fn outcome(id: &str, at_s: i64) -> RecordedEvent {
        let body = EventBody::Command(CommandOutcome {
            request_id: RequestId::new(id).unwrap(),
            command: CommandKind::Reset,
            alarm: AlarmId::new("high").unwrap(),
            occurrence: None,
            activation: 0,
            actor: "li".to_owned(),
            verdict: CommandVerdict::Accepted,
            state: AlarmState::Normal,
        });
        let at = Time::YEAR_2000 + Span::from_secs(at_s);
        let event =
            Event { occurred_at: at, subject: Arc::from("p"), scope: Scope::default(), revision: RevisionNumber(1), body };
        let id = EventId { epoch: Epoch(1), key: Arc::from("engine/1"), key_seq: KeySeq(1), ordinal: 0 };
        RecordedEvent { id, position: Position(1), ordinal: 0, recorded_at: at, event, origin: None }
    }

    fn known(outcomes: &Outcomes, id: &str) -> bool {
        outcomes.get(&RequestId::new(id).unwrap()).is_some()
    }

    #[test]
    fn a_day_is_remembered_and_no_longer() {
        let mut outcomes = Outcomes::new(10);
        outcomes.apply(&outcome("a", 0));
        outcomes.apply(&outcome("b", 86_400));
        assert!(known(&outcomes, "a"), "exactly a day is within it, as in the core");
        outcomes.apply(&outcome("c", 86_401));
        assert!(!known(&outcomes, "a") && known(&outcomes, "b") && known(&outcomes, "c"));
    }

    #[test]
    fn the_oldest_go_at_the_bound() {
        let mut outcomes = Outcomes::new(2);
        for (at, id) in ["a", "b", "c"].iter().enumerate() {
            outcomes.apply(&outcome(id, i64::try_from(at).unwrap()));
        }
        assert!(!known(&outcomes, "a") && known(&outcomes, "b") && known(&outcomes, "c"));
        assert_eq!(outcomes.iter().count(), 2);
    }

    #[test]
    fn a_request_judged_anew_keeps_its_newer_outcome() {
        let mut outcomes = Outcomes::new(2);
        outcomes.apply(&outcome("a", 0));
        outcomes.apply(&outcome("a", 90_000));
        assert!(known(&outcomes, "a"));
        assert_eq!(outcomes.iter().count(), 1);
    }
}
