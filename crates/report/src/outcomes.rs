//! What became of requests, so that a repeat is answered and not carried out again.

use std::collections::{BTreeMap, VecDeque};

use model::{EventId, Position, RecordedEvent, Report, RequestId, Scope, Span, Time};

use crate::digest::digest;
use crate::draft::{Draft, Reason, Refusal};

/// As long as the alarm core remembers requests.
const KEPT: Span = Span::from_secs(24 * 3_600);

/// At most so many; the oldest go first.
pub(crate) const KEPT_MAX: usize = 10_000;

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The event that says it.
    pub event: EventId,
    /// Its place in `events`.
    pub position: Position,
    /// Journal time.
    pub at: Time,
    /// When it happened.
    pub occurred_at: Time,
    /// Where.
    pub scope: Scope,
    /// Of what was said.
    pub(crate) digest: u128,
}

impl Outcome {
    /// Whether a draft of the same request says what this one said.
    ///
    /// # Errors
    /// It says something else.
    pub fn answers(&self, draft: &Draft) -> Result<(), Refusal> {
        let same_place = |named: &str, own: Option<&str>| named.is_empty() || own == Some(named);
        let same = self.digest == said(draft)
            && draft.occurred_at.is_none_or(|it| it == self.occurred_at)
            && same_place(&draft.park, self.scope.park.as_deref())
            && same_place(&draft.enterprise, self.scope.enterprise.as_deref())
            && same_place(&draft.installation, self.scope.installation.as_deref());
        if same { Ok(()) } else { Err(reused()) }
    }
}

pub(crate) fn reused() -> Refusal {
    let message = "it was used for another report within the last 24 h; use a new one".to_owned();
    Refusal { reason: Reason::Reused, field: "request_id", message }
}

pub(crate) fn said(draft: &Draft) -> u128 {
    digest((&draft.department, &draft.actor), &draft.text, &draft.about, &draft.body)
}

/// Requests of the last day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcomes {
    pub(crate) by_request: BTreeMap<RequestId, Outcome>,
    pub(crate) in_order: VecDeque<RequestId>,
}

impl Outcomes {
    pub(crate) fn apply(&mut self, recorded: &RecordedEvent, report: &Report) {
        let outcome = Outcome {
            event: recorded.id.clone(),
            position: recorded.position,
            at: recorded.recorded_at,
            occurred_at: recorded.event.occurred_at,
            scope: recorded.event.scope.clone(),
            digest: digest((&report.department, &report.actor), &report.text, &report.about, &report.body),
        };
        self.take(report.request_id.clone(), outcome);
    }

    /// The first outcome of a request stands.
    pub(crate) fn take(&mut self, request: RequestId, outcome: Outcome) {
        let at = outcome.at;
        self.forget(at);
        if !self.by_request.contains_key(&request) {
            self.by_request.insert(request.clone(), outcome);
            self.in_order.push_back(request);
        }
        while self.in_order.len() > KEPT_MAX {
            self.drop_oldest();
        }
    }

    fn forget(&mut self, now: Time) {
        let old = |outcomes: &Self| {
            let oldest = outcomes.in_order.front().and_then(|request| outcomes.by_request.get(request));
            oldest.is_some_and(|outcome| now.since(outcome.at) > KEPT)
        };
        while old(self) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(request) = self.in_order.pop_front() {
            self.by_request.remove(&request);
        }
    }
}
