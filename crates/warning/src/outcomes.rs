//! What became of requests, so that a repeat is answered and not carried out again.

use std::collections::{BTreeMap, VecDeque};

use model::{
    DepartmentId, EventId, Position, RecordedEvent, RequestId, Span, Time, WarningAction, WarningChange, WarningRefusal,
};

/// As long as the alarm core remembers requests.
const KEPT: Span = Span::from_secs(24 * 3_600);

/// At most so many; the oldest go first.
const KEPT_MAX: usize = 10_000;

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The event that says it.
    pub event: EventId,
    /// Its place in `events`.
    pub position: Position,
    /// Journal time.
    pub at: Time,
    /// The warning.
    pub warning: EventId,
    /// Who wanted it.
    pub department: DepartmentId,
    /// What was wanted.
    pub action: WarningAction,
    /// Why it was not done, if it was not.
    pub refused: Option<(WarningRefusal, String)>,
}

/// By request id, and in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcomes {
    pub(crate) by_request: BTreeMap<RequestId, Outcome>,
    pub(crate) in_order: VecDeque<(Time, RequestId)>,
}

impl Outcomes {
    pub(crate) fn apply(&mut self, recorded: &RecordedEvent, change: &WarningChange) {
        let Some((id, outcome)) = outcome(recorded, change) else { return };
        self.in_order.push_back((outcome.at, id.clone()));
        self.by_request.insert(id, outcome);
        self.forget(recorded.recorded_at);
    }

    fn forget(&mut self, now: Time) {
        while let Some((at, _)) = self.in_order.front() {
            if now.since(*at) <= KEPT && self.in_order.len() <= KEPT_MAX {
                return;
            }
            let Some((at, id)) = self.in_order.pop_front() else { return };
            // The same id may have been judged anew after a day; the newer outcome stays.
            if self.by_request.get(&id).is_some_and(|it| it.at <= at) {
                self.by_request.remove(&id);
            }
        }
    }
}

fn outcome(recorded: &RecordedEvent, change: &WarningChange) -> Option<(RequestId, Outcome)> {
    let done = || WarningAction::ALL.iter().copied().find(|it| it.transition() == change.transition);
    let action = change.refused.map(|(action, _)| action).or_else(done)?;
    let outcome = Outcome {
        event: recorded.id.clone(),
        position: recorded.position,
        at: recorded.recorded_at,
        warning: change.warning.clone()?,
        department: change.department.clone()?,
        action,
        refused: change.refused.map(|(_, refusal)| (refusal, change.text.clone())),
    };
    Some((change.request_id.clone()?, outcome))
}
