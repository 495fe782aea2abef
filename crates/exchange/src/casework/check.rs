//! Requests about cases and the duty book: their fields are checked here; what they do is judged at the desk.

use std::sync::Arc;

use casework::{Ask, Place, Want};
use model::{DepartmentId, DutyShift, EventId, Time, WarningPlace};
use prost_types::Timestamp;
use wire::{Failure, time_from_v1, v1};

use crate::fields;

/// Tasks of one case.
const TASKS_MAX: usize = 50;

/// Shifts of one request.
const SHIFTS_MAX: usize = 100;

/// What all requests have in common.
pub(super) struct Head {
    pub(super) request_id: String,
    pub(super) department: String,
    pub(super) actor: String,
    pub(super) text: String,
}

impl Head {
    /// Who asks for what, at a moment of journal time.
    pub(super) fn ask(self, at: Time, want: Want) -> Result<Ask, Failure> {
        Ok(Ask {
            request_id: fields::request_id_or_new(&self.request_id)?,
            department: fields::department("department", &self.department)?,
            actor: fields::actor(self.actor)?,
            text: fields::text("text", self.text)?,
            at,
            want,
        })
    }
}

/// The id of what is asked about.
pub(super) fn named(field: &'static str, id: &str) -> Result<EventId, Failure> {
    EventId::parse(id).ok_or_else(|| Failure::field(field, "give its id as lists show it"))
}

pub(super) fn place(kind: &str, id: &str) -> Result<Place, Failure> {
    let kind = WarningPlace::parse(kind).filter(|it| *it != WarningPlace::Point);
    let kind = kind.ok_or_else(|| Failure::field("place", "use installation, enterprise or park"))?;
    // Ids of places have the letters of those of departments.
    DepartmentId::new(id).map_err(|error| Failure::field("subject", error.to_string()))?;
    Ok(Place { kind, id: Arc::from(id) })
}

pub(super) fn needed(field: &'static str, time: Option<&Timestamp>) -> Result<Time, Failure> {
    time.map(time_from_v1).ok_or_else(|| Failure::field(field, "give a time"))
}

pub(super) fn open(request: v1::OpenCaseRequest, at: Time) -> Result<Ask, Failure> {
    let v1::OpenCaseRequest { request_id, department, actor, title, place: kind, subject, tasks, evidence, text } = request;
    if tasks.len() > TASKS_MAX {
        return Err(Failure::field("tasks", format!("{TASKS_MAX} at most")));
    }
    let task = |it: v1::NewTask| {
        let due = needed("tasks.due", it.due.as_ref())?;
        Ok((fields::department("tasks.department", &it.department)?, fields::text("tasks.task", it.task)?, due))
    };
    let want = Want::Open {
        title: fields::text("title", title)?,
        place: place(&kind, &subject)?,
        tasks: tasks.into_iter().map(task).collect::<Result<_, Failure>>()?,
        evidence: fields::events("evidence", &evidence)?,
    };
    Head { request_id, department, actor, text }.ask(at, want)
}

pub(super) fn answer(request: v1::AnswerTaskRequest, at: Time) -> Result<Ask, Failure> {
    let v1::AnswerTaskRequest { request_id, case, department, actor, text, evidence } = request;
    let want = Want::Answer { case: named("case", &case)?, evidence: fields::events("evidence", &evidence)? };
    Head { request_id, department, actor, text }.ask(at, want)
}

pub(super) fn extend(request: v1::ExtendTaskRequest, at: Time) -> Result<Ask, Failure> {
    let v1::ExtendTaskRequest { request_id, case, department, actor, task_of, due, text } = request;
    let want = Want::Extend {
        case: named("case", &case)?,
        of: fields::department("task_of", &task_of)?,
        due: needed("due", due.as_ref())?,
    };
    Head { request_id, department, actor, text }.ask(at, want)
}

pub(super) fn cancel(request: v1::CancelCaseRequest, at: Time) -> Result<Ask, Failure> {
    let v1::CancelCaseRequest { request_id, case, department, actor, text } = request;
    Head { request_id, department, actor, text }.ask(at, Want::Cancel { case: named("case", &case)? })
}

pub(super) fn roster(request: v1::SetRosterRequest, at: Time) -> Result<Ask, Failure> {
    let v1::SetRosterRequest { request_id, department, actor, shifts, text } = request;
    if shifts.len() > SHIFTS_MAX {
        return Err(Failure::field("shifts", format!("{SHIFTS_MAX} at most; set the rest by another call")));
    }
    let shift = |it: v1::DutyShift| {
        let (from, to) = (needed("shifts.from", it.from.as_ref())?, needed("shifts.to", it.to.as_ref())?);
        Ok(DutyShift { person: fields::name("shifts.person", it.person)?, role: fields::name("shifts.role", it.role)?, from, to })
    };
    let shifts = shifts.into_iter().map(shift).collect::<Result<_, Failure>>()?;
    Head { request_id, department, actor, text }.ask(at, Want::Roster { shifts })
}

pub(super) fn hand_over(request: v1::HandOverRequest, at: Time) -> Result<Ask, Failure> {
    let v1::HandOverRequest { request_id, department, actor, to_person, text, events } = request;
    let want = Want::HandOver { to_person: fields::name("to_person", to_person)?, events: fields::events("events", &events)? };
    Head { request_id, department, actor, text }.ask(at, want)
}

pub(super) fn confirm(request: v1::ConfirmHandOverRequest, at: Time) -> Result<Ask, Failure> {
    let v1::ConfirmHandOverRequest { request_id, department, actor, hand_over, text } = request;
    Head { request_id, department, actor, text }.ask(at, Want::Confirm { hand_over: named("hand_over", &hand_over)? })
}

pub(super) fn see(request: v1::MarkSeenRequest, at: Time) -> Result<Ask, Failure> {
    let v1::MarkSeenRequest { request_id, department, actor, events, text } = request;
    Head { request_id, department, actor, text }.ask(at, Want::See { events: fields::events("events", &events)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "00000000000000ab-exchange/casework-42-3";

    fn opening() -> v1::OpenCaseRequest {
        let due = Some(wire::time_to_v1(Time::YEAR_2000));
        v1::OpenCaseRequest {
            request_id: "r1".to_owned(),
            department: "office".to_owned(),
            actor: "li".to_owned(),
            title: "t".to_owned(),
            place: "park".to_owned(),
            subject: "p".to_owned(),
            tasks: vec![v1::NewTask { department: "fire".to_owned(), task: "look".to_owned(), due }],
            evidence: vec![ID.to_owned()],
            text: String::new(),
        }
    }

    #[test]
    fn each_fault_of_an_opening_names_its_field() {
        let field = |change: fn(&mut v1::OpenCaseRequest)| {
            let mut request = opening();
            change(&mut request);
            open(request, Time::YEAR_2000).err().and_then(|failure| failure.field)
        };
        assert_eq!(field(|_| {}), None);
        assert_eq!(field(|it| it.request_id = "a b".to_owned()), Some("request_id"));
        assert_eq!(field(|it| it.department.clear()), Some("department"));
        assert_eq!(field(|it| it.actor = " ".to_owned()), Some("actor"));
        assert_eq!(field(|it| it.title = "x".repeat(fields::TEXT_MAX + 1)), Some("title"));
        assert_eq!(field(|it| it.place = "point".to_owned()), Some("place"));
        assert_eq!(field(|it| it.subject = "a b".to_owned()), Some("subject"));
        assert_eq!(field(|it| it.tasks[0].due = None), Some("tasks.due"));
        assert_eq!(field(|it| it.tasks[0].department.clear()), Some("tasks.department"));
        assert_eq!(field(|it| it.tasks = vec![it.tasks[0].clone(); TASKS_MAX + 1]), Some("tasks"));
        assert_eq!(field(|it| it.evidence = vec!["photo.jpg".to_owned()]), Some("evidence"));
        assert_eq!(field(|it| it.evidence = vec![ID.to_owned(); fields::EVENTS_MAX + 1]), Some("evidence"));
    }

    #[test]
    fn each_fault_of_a_roster_names_its_field() {
        let time = |seconds: i64| Some(wire::time_to_v1(Time::YEAR_2000 + model::Span::from_secs(seconds)));
        let shift = v1::DutyShift { person: "li".to_owned(), role: "leader".to_owned(), from: time(0), to: time(1) };
        let field = |change: fn(&mut Vec<v1::DutyShift>)| {
            let mut request = v1::SetRosterRequest {
                department: "office".to_owned(),
                actor: "li".to_owned(),
                shifts: vec![shift.clone()],
                ..v1::SetRosterRequest::default()
            };
            change(&mut request.shifts);
            roster(request, Time::YEAR_2000).err().and_then(|failure| failure.field)
        };
        assert_eq!(field(|_| {}), None);
        assert_eq!(field(|it| it[0].from = None), Some("shifts.from"));
        assert_eq!(field(|it| it[0].to = None), Some("shifts.to"));
        assert_eq!(field(|it| it[0].person = "x".repeat(201)), Some("shifts.person"));
        assert_eq!(field(|it| *it = vec![it[0].clone(); SHIFTS_MAX + 1]), Some("shifts"));
    }
}
