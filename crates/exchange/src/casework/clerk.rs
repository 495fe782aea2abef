//! Casework at its desk: what of the site concerns it, its snapshot, its answers, its counters and log lines.

use bytes::Bytes;
use casework::{Ask, Casework, Outcome, Want};
use desk::{Clerk, Standing};
use metrics::{counter, gauge};
use model::{
    CaseChange, CaseTransition, CaseworkRefusal, DutyChange, ErrorKind, Event, EventBody, IncidentChange, IncidentKind,
    IncidentTransition, RecordedEvent, RequestId, Revision, Site, Time,
};
use prost::Message as _;
use tracing::{info, warn};
use wire::{Cursor, Failure, record_v1, v1};

use super::convert::case_to_v1;
use super::convert_incident::incident_to_v1;
use crate::metrics::{CASES, CASEWORK_EVENTS, CASEWORK_UNREADABLE, DOUBTFUL_INCIDENTS, INCIDENTS, LATE_CASES, LATE_INCIDENTS};

/// The fold, and the site in force.
#[derive(Debug, Default)]
pub(crate) struct CaseworkClerk {
    pub(crate) casework: Casework,
    /// What of the site in force concerns casework.
    site: Revision,
}

/// What a caller gets: the case or incident as it is, the event on record and its cursor.
pub(crate) struct Answer {
    pub(crate) case: Option<v1::Case>,
    pub(crate) incident: Option<v1::Incident>,
    pub(crate) event_id: String,
    pub(crate) cursor: String,
}

impl Clerk for CaseworkClerk {
    type Ask = Ask;
    type Answer = Answer;

    const KEY: &'static str = "exchange/casework";
    const KEEPS: &'static str = "cases, incidents and duties";
    const LOSS: &'static str = "a case, an incident or a duty may be missed or stand too long";

    fn revise(&mut self, site: &Revision, at: Time) {
        self.site = of_casework(site);
        self.casework.revise(&self.site, at);
    }

    fn apply(&mut self, event: &RecordedEvent) {
        self.casework.apply(event);
    }

    fn snapshot(&self) -> Bytes {
        let site = Some(wire::revision_to_record(&self.site));
        record_v1::CaseworkSnapshot { site, state: self.casework.snapshot() }.encode_to_vec().into()
    }

    fn restore(&mut self, body: &[u8]) -> bool {
        let restored = || {
            let snapshot = record_v1::CaseworkSnapshot::decode(body).ok()?;
            let site = wire::revision_from_record(&snapshot.site?).ok()?;
            let casework = Casework::restore(&site, &snapshot.state).ok()?;
            Some(Self { casework, site })
        };
        restored().map(|it| *self = it).is_some()
    }

    fn due(&mut self, now: Time) -> Vec<Event> {
        self.casework.due(now)
    }

    fn next_deadline(&self) -> Option<Time> {
        self.casework.next_deadline()
    }

    fn request_id(ask: &Ask) -> &RequestId {
        &ask.request_id
    }

    fn judge(&self, ask: &Ask, now: Time) -> Option<Event> {
        if self.casework.outcome(&ask.request_id).is_some() {
            return None;
        }
        self.casework.judge(ask, now)
    }

    fn answer(&self, ask: &Ask, standing: Standing) -> Result<Answer, Failure> {
        let outcome = self.casework.outcome(&ask.request_id).ok_or_else(|| unknown(ask))?;
        check_same(ask, outcome)?;
        if let Some((refusal, reason)) = &outcome.refused {
            return Err(refused(*refusal, reason, outcome));
        }
        let of = outcome.of.as_ref();
        Ok(Answer {
            case: of.and_then(|id| self.casework.case(id)).map(|it| case_to_v1(it, standing.now)),
            incident: of.and_then(|id| self.casework.incident(id)).map(|it| incident_to_v1(it, standing.now)),
            event_id: outcome.event.to_string(),
            cursor: Cursor::after(standing.epoch, outcome.position).encode(),
        })
    }

    fn missed(&self) {
        counter!(CASEWORK_UNREADABLE).increment(1);
    }

    fn said(&self, event: &Event) {
        counter!(CASEWORK_EVENTS, "kind" => event.body.kind()).increment(1);
        match &event.body {
            EventBody::Case(change) => note_case(event, change),
            EventBody::Incident(change) => note_incident(event, change),
            EventBody::Duty(change) => note_duty(change),
            _ => {}
        }
    }

    fn tell(&self, now: Time) {
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let cases = || self.casework.cases().filter(|it| it.ended.is_none());
        gauge!(CASES).set(count(cases().count()));
        gauge!(LATE_CASES).set(count(cases().filter(|it| it.is_late(now)).count()));
        let incidents = || self.casework.incidents().filter(|it| it.closing.is_none());
        for kind in IncidentKind::ALL {
            gauge!(INCIDENTS, "what" => kind.as_str()).set(count(incidents().filter(|it| it.kind == *kind).count()));
        }
        gauge!(LATE_INCIDENTS).set(count(incidents().filter(|it| it.is_late(now)).count()));
        gauge!(DOUBTFUL_INCIDENTS).set(count(incidents().filter(|it| !it.doubts.is_empty()).count()));
    }
}

/// Points and rules stay out: a snapshot of 200,000 would be kept for nothing.
fn of_casework(revision: &Revision) -> Revision {
    let Site { parks, enterprises, installations, departments, .. } = revision.site.clone();
    Revision {
        number: revision.number,
        content_hash: revision.content_hash,
        site: Site { parks, enterprises, installations, departments, ..Site::default() },
        ..Revision::default()
    }
}

fn note_case(event: &Event, change: &CaseChange) {
    let (subject, title) = (&*event.subject, change.title.as_str());
    let department = change.department.as_ref().map(ToString::to_string).unwrap_or_default();
    match change.transition {
        CaseTransition::Opened => info!(subject, title, opener = %change.opener, tasks = change.tasks.len(), "joint case opened"),
        CaseTransition::Overdue => {
            warn!(
                subject,
                title, department, "a task of a joint case is late; its department has to answer, its opener may extend"
            );
        }
        CaseTransition::Closed => info!(subject, title, "joint case closed: all have answered"),
        CaseTransition::Cancelled => info!(subject, title, opener = %change.opener, "joint case cancelled"),
        _ => {}
    }
}

fn note_incident(event: &Event, change: &IncidentChange) {
    let (subject, what, duty) = (&*event.subject, change.kind.as_str(), change.duty.as_str());
    let class = change.class.map_or("unknown", model::AccidentClass::as_str);
    match change.transition {
        IncidentTransition::Declared => info!(subject, what, class, duties = change.duties.len(), "incident declared"),
        IncidentTransition::Corrected => info!(subject, what, class, duties = change.duties.len(), "incident corrected"),
        IncidentTransition::Overdue => {
            warn!(subject, what, duty, "a duty to report an incident is late; tell them now and put the notice on record");
        }
        IncidentTransition::Closed => info!(subject, what, in_error = change.in_error, "incident closed"),
        _ => {}
    }
    for doubt in &change.doubts {
        warn!(subject, what, doubt = doubt.as_str(), "when an incident was known or told is doubtful; read its record");
    }
}

fn note_duty(change: &DutyChange) {
    if change.transition == model::DutyTransition::HandedOver {
        info!(department = %change.department, open = change.events.len(), "a shift handed over");
    }
}

/// No such thing, or one that ended long ago.
fn unknown(ask: &Ask) -> Failure {
    let (what, reason) = match &ask.want {
        Want::Answer { .. } | Want::Extend { .. } | Want::Cancel { .. } => ("case", "no_such_case"),
        Want::Confirm { .. } => ("hand-over", "no_such_hand_over"),
        _ => ("incident", "no_such_incident"),
    };
    let id = ask.want.of().map(ToString::to_string).unwrap_or_default();
    Failure::new(ErrorKind::NotFound, reason, format!("no {what} {id} is open or ended lately"))
}

fn check_same(ask: &Ask, outcome: &Outcome) -> Result<(), Failure> {
    let of = ask.want.of();
    let same = outcome.action == ask.want.action()
        && outcome.department == ask.department
        && of.is_none_or(|of| outcome.of.as_ref() == Some(of));
    if same {
        return Ok(());
    }
    Err(Failure::field("request_id", "it was used for another request within the last 24 h; use a new one"))
}

fn refused(refusal: CaseworkRefusal, reason: &str, outcome: &Outcome) -> Failure {
    let kind = match refusal {
        CaseworkRefusal::UnknownDepartment
        | CaseworkRefusal::UnknownPlace
        | CaseworkRefusal::NoEvidence
        | CaseworkRefusal::BadTime
        | CaseworkRefusal::NoSuchDuty => ErrorKind::InvalidInput,
        CaseworkRefusal::NotAssigned
        | CaseworkRefusal::WrongState
        | CaseworkRefusal::NotAllowed
        | CaseworkRefusal::DutiesOpen => ErrorKind::Conflict,
        CaseworkRefusal::TooMany => ErrorKind::Exhausted,
    };
    let message = format!("{} by {} was refused: {reason}", outcome.action.as_str(), outcome.department);
    Failure::new(kind, refusal.as_str(), message).with("event_id", outcome.event.to_string())
}
