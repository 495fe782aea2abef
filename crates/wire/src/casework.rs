//! Joint cases and the duty book: events, model <-> `davy.v1`.

use model::{
    CaseChange, CaseTask, CaseTransition, CaseworkAction, CaseworkRefusal, DepartmentId, DutyChange, DutyShift, DutyTransition,
    EventId, RequestId, Time, WarningPlace,
};

use crate::event::{occurrence, request_to_v1};
use crate::record::DecodeError;
use crate::warning::{Read, id, some, texts, word};
use crate::{time_from_v1, time_to_v1, v1};

/// Ids of events.
pub(crate) fn events(field: &'static str, texts: &[String]) -> Read<Vec<EventId>> {
    texts.iter().map(|text| EventId::parse(text).ok_or_else(|| DecodeError::field(field, text))).collect()
}

pub(crate) fn event_to_v1(event: Option<&EventId>) -> String {
    event.map(EventId::to_string).unwrap_or_default()
}

pub(crate) fn department_to_v1(department: Option<&DepartmentId>) -> String {
    department.map(DepartmentId::to_string).unwrap_or_default()
}

/// What was wanted and why not, as two words.
pub(crate) fn refused_to_v1(refused: Option<(CaseworkAction, CaseworkRefusal)>) -> (String, String) {
    let (wanted, refusal) = refused.map(|(action, why)| (action.as_str(), why.as_str())).unwrap_or_default();
    (wanted.to_owned(), refusal.to_owned())
}

pub(crate) fn refused_from_v1(wanted: &str, refusal: &str) -> Read<Option<(CaseworkAction, CaseworkRefusal)>> {
    let wanted = some(wanted, |it| word("casework.wanted", it, CaseworkAction::parse))?;
    let refusal = some(refusal, |it| word("casework.refusal", it, CaseworkRefusal::parse))?;
    Ok(wanted.zip(refusal))
}

/// A time; where none was given the earliest there is.
pub(crate) fn time(time: Option<&prost_types::Timestamp>) -> Time {
    time.map_or(Time::MIN, time_from_v1)
}

/// An event's body for journals and feeds.
pub(crate) fn case_to_v1(change: &CaseChange) -> v1::CaseChange {
    let (wanted, refusal) = refused_to_v1(change.refused);
    let task = |it: &CaseTask| v1::CaseTask {
        department: it.department.to_string(),
        name: it.name.clone(),
        task: it.task.clone(),
        due: Some(time_to_v1(it.due)),
    };
    v1::CaseChange {
        case: event_to_v1(change.case.as_ref()),
        title: change.title.clone(),
        place: change.place.as_str().to_owned(),
        opener: change.opener.to_string(),
        tasks: change.tasks.iter().map(task).collect(),
        department: department_to_v1(change.department.as_ref()),
        due: change.due.map(time_to_v1),
        late: change.late,
        actor: change.actor.clone(),
        text: change.text.clone(),
        evidence: texts(&change.evidence),
        request_id: request_to_v1(change.request_id.as_ref()),
        wanted,
        refusal,
    }
}

/// An event's body from a journal or a feed.
pub(crate) fn case_from_v1(kind: &str, change: &v1::CaseChange) -> Read<CaseChange> {
    let task = |it: &v1::CaseTask| {
        let department = id("case.task.department", &it.department, DepartmentId::new)?;
        Ok(CaseTask { department, name: it.name.clone(), task: it.task.clone(), due: time(it.due.as_ref()) })
    };
    Ok(CaseChange {
        transition: word("event.kind", kind, CaseTransition::parse)?,
        case: occurrence(&change.case)?,
        title: change.title.clone(),
        place: word("case.place", &change.place, WarningPlace::parse)?,
        opener: id("case.opener", &change.opener, DepartmentId::new)?,
        tasks: change.tasks.iter().map(task).collect::<Read<_>>()?,
        department: some(&change.department, |it| id("case.department", it, DepartmentId::new))?,
        due: change.due.as_ref().map(time_from_v1),
        late: change.late,
        actor: change.actor.clone(),
        text: change.text.clone(),
        evidence: events("case.evidence", &change.evidence)?,
        request_id: some(&change.request_id, |it| id("case.request_id", it, RequestId::new))?,
        refused: refused_from_v1(&change.wanted, &change.refusal)?,
    })
}

/// An event's body for journals and feeds.
pub(crate) fn duty_to_v1(change: &DutyChange) -> v1::DutyChange {
    let (wanted, refusal) = refused_to_v1(change.refused);
    v1::DutyChange {
        department: change.department.to_string(),
        shifts: change.shifts.iter().map(shift_to_v1).collect(),
        hand_over: event_to_v1(change.hand_over.as_ref()),
        to_person: change.to_person.clone(),
        events: texts(&change.events),
        actor: change.actor.clone(),
        text: change.text.clone(),
        request_id: request_to_v1(change.request_id.as_ref()),
        wanted,
        refusal,
    }
}

fn shift_to_v1(shift: &DutyShift) -> v1::DutyShift {
    v1::DutyShift {
        person: shift.person.clone(),
        role: shift.role.clone(),
        from: Some(time_to_v1(shift.from)),
        to: Some(time_to_v1(shift.to)),
    }
}

/// An event's body from a journal or a feed.
pub(crate) fn duty_from_v1(kind: &str, change: &v1::DutyChange) -> Read<DutyChange> {
    let shift = |it: &v1::DutyShift| DutyShift {
        person: it.person.clone(),
        role: it.role.clone(),
        from: time(it.from.as_ref()),
        to: time(it.to.as_ref()),
    };
    Ok(DutyChange {
        transition: word("event.kind", kind, DutyTransition::parse)?,
        department: id("duty.department", &change.department, DepartmentId::new)?,
        shifts: change.shifts.iter().map(shift).collect(),
        hand_over: occurrence(&change.hand_over)?,
        to_person: change.to_person.clone(),
        events: events("duty.events", &change.events)?,
        actor: change.actor.clone(),
        text: change.text.clone(),
        request_id: some(&change.request_id, |it| id("duty.request_id", it, RequestId::new))?,
        refused: refused_from_v1(&change.wanted, &change.refusal)?,
    })
}
