//! What became of requests, so that a repeat is answered and not carried out again.

use std::collections::{BTreeMap, VecDeque};

use model::{
    CaseTransition, CaseworkAction, CaseworkRefusal, DepartmentId, DutyTransition, EventBody, EventId, IncidentTransition,
    Position, RecordedEvent, RequestId, Span, Time,
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
    /// What was wanted.
    pub action: CaseworkAction,
    /// The case, incident or hand-over; of one that came to be by it, its id.
    pub of: Option<EventId>,
    /// Who wanted it.
    pub department: DepartmentId,
    /// Why it was not done, if it was not.
    pub refused: Option<(CaseworkRefusal, String)>,
}

/// By request id, and in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcomes {
    pub(crate) by_request: BTreeMap<RequestId, Outcome>,
    pub(crate) in_order: VecDeque<(Time, RequestId)>,
}

impl Outcomes {
    pub(crate) fn apply(&mut self, recorded: &RecordedEvent) {
        let Some((id, outcome)) = outcome(recorded) else { return };
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

/// What an event says of the request behind it.
struct Said<'a> {
    request_id: Option<&'a RequestId>,
    department: Option<&'a DepartmentId>,
    of: Option<&'a EventId>,
    done: Option<CaseworkAction>,
    refused: Option<(CaseworkAction, CaseworkRefusal)>,
    text: &'a str,
}

fn said(body: &EventBody) -> Option<Said<'_>> {
    Some(match body {
        EventBody::Case(it) => Said {
            request_id: it.request_id.as_ref(),
            // Cases are opened, extended and cancelled by their opener.
            department: if it.refused.is_some() || it.transition == CaseTransition::Answered {
                it.department.as_ref()
            } else {
                Some(&it.opener)
            },
            of: it.case.as_ref(),
            done: case_action(it.transition),
            refused: it.refused,
            text: &it.text,
        },
        EventBody::Incident(it) => Said {
            request_id: it.request_id.as_ref(),
            department: it.department.as_ref(),
            of: it.incident.as_ref(),
            done: incident_action(it.transition),
            refused: it.refused,
            text: &it.text,
        },
        EventBody::Duty(it) => Said {
            request_id: it.request_id.as_ref(),
            department: Some(&it.department),
            of: it.hand_over.as_ref(),
            done: duty_action(it.transition),
            refused: it.refused,
            text: &it.text,
        },
        _ => return None,
    })
}

const fn case_action(transition: CaseTransition) -> Option<CaseworkAction> {
    match transition {
        CaseTransition::Opened => Some(CaseworkAction::Open),
        CaseTransition::Answered => Some(CaseworkAction::Answer),
        CaseTransition::Extended => Some(CaseworkAction::Extend),
        CaseTransition::Cancelled => Some(CaseworkAction::Cancel),
        CaseTransition::Overdue | CaseTransition::Closed | CaseTransition::Refused => None,
    }
}

const fn incident_action(transition: IncidentTransition) -> Option<CaseworkAction> {
    match transition {
        IncidentTransition::Declared => Some(CaseworkAction::Declare),
        IncidentTransition::Corrected => Some(CaseworkAction::Correct),
        IncidentTransition::Notified => Some(CaseworkAction::Notify),
        IncidentTransition::Closed => Some(CaseworkAction::Close),
        IncidentTransition::Reminder | IncidentTransition::Overdue | IncidentTransition::Refused => None,
    }
}

const fn duty_action(transition: DutyTransition) -> Option<CaseworkAction> {
    match transition {
        DutyTransition::Rostered => Some(CaseworkAction::Roster),
        DutyTransition::HandedOver => Some(CaseworkAction::HandOver),
        DutyTransition::Confirmed => Some(CaseworkAction::Confirm),
        DutyTransition::Seen => Some(CaseworkAction::See),
        DutyTransition::Refused => None,
    }
}

fn outcome(recorded: &RecordedEvent) -> Option<(RequestId, Outcome)> {
    let said = said(&recorded.event.body)?;
    let action = said.refused.map(|(action, _)| action).or(said.done)?;
    let names_itself = said.refused.is_none() && said.of.is_none();
    let outcome = Outcome {
        event: recorded.id.clone(),
        position: recorded.position,
        at: recorded.recorded_at,
        action,
        of: said.of.or_else(|| names_itself.then_some(&recorded.id)).cloned(),
        department: said.department?.clone(),
        refused: said.refused.map(|(_, refusal)| (refusal, said.text.to_owned())),
    };
    Some((said.request_id?.clone(), outcome))
}
