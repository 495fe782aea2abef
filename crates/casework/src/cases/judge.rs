//! What departments ask of cases: done or refused by what is known, each with one event for its request.

use std::sync::Arc;

use model::{CaseChange, CaseTask, CaseTransition, CaseworkRefusal, DepartmentId, Event, EventBody, EventId, Time, WarningPlace};

use super::due::{about, event};
use super::{Case, Cases, Task};
use crate::ask::{Ask, Want};
use crate::sites::{Place, Refused, Sites};
use crate::{NOTES_MAX, OPEN_MAX};

impl Cases {
    pub(crate) fn judge(&self, ask: &Ask, sites: &Sites, now: Time) -> Option<Event> {
        if let Want::Open { .. } = &ask.want {
            return self.open_case(ask, sites, now);
        }
        let case = self.all.get(ask.want.of()?)?;
        let (change, checked) = match &ask.want {
            Want::Answer { evidence, .. } => answer(case, ask, evidence, now),
            Want::Extend { of, due, .. } => extend(case, ask, (of, *due), now),
            _ => cancel(case, ask),
        };
        let change = match check_open(case).and(checked) {
            Ok(()) => change,
            Err(refused) => refusal(change, ask, refused),
        };
        Some(event(case, now, change))
    }

    fn open_case(&self, ask: &Ask, sites: &Sites, now: Time) -> Option<Event> {
        let Want::Open { title, place, tasks, evidence } = &ask.want else { return None };
        let named = tasks.iter().map(|(department, task, due)| {
            let name = sites.department(department)?.to_owned();
            Ok(CaseTask { department: department.clone(), name, task: task.clone(), due: *due })
        });
        let checked = sites.department(&ask.department).and_then(|_| {
            let scope = check_place(place, sites)?;
            let named = named.collect::<Result<Vec<_>, Refused>>()?;
            check_tasks(tasks, now)?;
            let words = [("the title", title.as_str()), ("the evidence", if evidence.is_empty() { "" } else { "named" })];
            if let Some((what, _)) = words.into_iter().find(|(_, it)| it.trim().is_empty()) {
                return Err((CaseworkRefusal::NoEvidence, format!("{what} is missing: say what was found and name its events")));
            }
            if self.open().count() >= OPEN_MAX {
                return Err((CaseworkRefusal::TooMany, format!("{OPEN_MAX} cases are open; end some first")));
            }
            Ok((scope, named))
        });
        let change = CaseChange {
            title: title.clone(),
            evidence: evidence.clone(),
            ..said(ask, CaseChange::new(CaseTransition::Opened, place.kind, ask.department.clone()))
        };
        let (scope, change) = match checked {
            Ok((scope, tasks)) => (scope, CaseChange { tasks, ..change }),
            Err(refused) => (sites.scope_at(place).unwrap_or_default(), refusal(change, ask, refused)),
        };
        let body = EventBody::Case(Box::new(change));
        Some(Event { occurred_at: now, subject: Arc::clone(&place.id), scope, revision: sites.revision, body })
    }
}

fn check_place(place: &Place, sites: &Sites) -> Result<model::Scope, Refused> {
    if matches!(place.kind, WarningPlace::Enterprise | WarningPlace::Park) {
        return sites.scope_at(place);
    }
    Err((CaseworkRefusal::UnknownPlace, "a case is about an enterprise or a park".to_owned()))
}

fn check_tasks(tasks: &[(DepartmentId, String, Time)], now: Time) -> Result<(), Refused> {
    if tasks.is_empty() {
        return Err((CaseworkRefusal::NoEvidence, "say who has to do what: a task for one department at least".to_owned()));
    }
    for (at, (department, task, due)) in tasks.iter().enumerate() {
        if tasks[..at].iter().any(|(before, _, _)| before == department) {
            return Err((CaseworkRefusal::WrongState, format!("{department} has two tasks; say all in one")));
        }
        if task.trim().is_empty() {
            return Err((CaseworkRefusal::NoEvidence, format!("say what {department} has to do")));
        }
        if *due <= now {
            return Err((CaseworkRefusal::BadTime, format!("the due time of {department} is over; give a later one")));
        }
    }
    Ok(())
}

fn check_open(case: &Case) -> Result<(), Refused> {
    match &case.ended {
        None => Ok(()),
        Some(ended) => {
            let how = if ended.cancelled { "cancelled" } else { "closed" };
            Err((CaseworkRefusal::WrongState, format!("the case is {how}")))
        }
    }
}

fn answer(case: &Case, ask: &Ask, evidence: &[EventId], now: Time) -> (CaseChange, Result<(), Refused>) {
    let task = case.task(&ask.department);
    let checked = match task.map(|it| &it.answer) {
        None => Err((CaseworkRefusal::NotAssigned, format!("{} has no task in the case", ask.department))),
        Some(Some(done)) => {
            Err((CaseworkRefusal::WrongState, format!("{} has answered already, by {}", ask.department, done.actor)))
        }
        Some(None) => check_text(ask, "say what was done and found"),
    };
    let due = task.map(|it| it.due);
    let change = CaseChange {
        department: Some(ask.department.clone()),
        due,
        late: due.is_some_and(|due| due <= now),
        evidence: evidence.to_vec(),
        ..said(ask, about(case, CaseTransition::Answered))
    };
    (change, checked)
}

fn extend(case: &Case, ask: &Ask, (of, due): (&DepartmentId, Time), now: Time) -> (CaseChange, Result<(), Refused>) {
    let check_task = |task: &Task| {
        if task.answer.is_some() {
            return Err((CaseworkRefusal::WrongState, format!("{of} has answered already")));
        }
        if due <= task.due || due <= now {
            return Err((CaseworkRefusal::BadTime, "give a due time later than the one before, and later than now".to_owned()));
        }
        if task.extensions.len() >= NOTES_MAX {
            return Err((CaseworkRefusal::TooMany, "cancel the case and open another".to_owned()));
        }
        check_text(ask, "say why it takes longer")
    };
    let checked = check_opener(case, ask).and_then(|()| match case.task(of) {
        None => Err((CaseworkRefusal::NotAssigned, format!("{of} has no task in the case"))),
        Some(task) => check_task(task),
    });
    let change = CaseChange { department: Some(of.clone()), due: Some(due), ..said(ask, about(case, CaseTransition::Extended)) };
    (change, checked)
}

fn cancel(case: &Case, ask: &Ask) -> (CaseChange, Result<(), Refused>) {
    let checked = check_opener(case, ask).and_then(|()| check_text(ask, "say why it is ended"));
    (CaseChange { department: Some(ask.department.clone()), ..said(ask, about(case, CaseTransition::Cancelled)) }, checked)
}

fn check_opener(case: &Case, ask: &Ask) -> Result<(), Refused> {
    if case.opener == ask.department {
        return Ok(());
    }
    Err((CaseworkRefusal::NotAllowed, format!("{} opened the case and may do that, {} may not", case.opener, ask.department)))
}

fn check_text(ask: &Ask, wanted: &str) -> Result<(), Refused> {
    if ask.text.trim().is_empty() { Err((CaseworkRefusal::NoEvidence, wanted.to_owned())) } else { Ok(()) }
}

fn said(ask: &Ask, change: CaseChange) -> CaseChange {
    CaseChange { actor: ask.actor.clone(), text: ask.text.clone(), request_id: Some(ask.request_id.clone()), ..change }
}

fn refusal(change: CaseChange, ask: &Ask, (refusal, text): Refused) -> CaseChange {
    CaseChange {
        transition: CaseTransition::Refused,
        department: Some(ask.department.clone()),
        refused: Some((ask.want.action(), refusal)),
        due: None,
        late: false,
        evidence: Vec::new(),
        text,
        ..change
    }
}
