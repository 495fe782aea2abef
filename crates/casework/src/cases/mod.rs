//! Joint cases: their tasks, and how each event changes them.

mod due;
mod judge;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use model::{CaseChange, CaseTransition, DepartmentId, EventId, RecordedEvent, RevisionNumber, Scope, Time};

use crate::CLOSED_KEPT;
use crate::sites::Place;

/// How a department answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// When, journal time.
    pub at: Time,
    /// Whether that was too late.
    pub late: bool,
    /// Who, in person.
    pub actor: String,
    /// What they did or found.
    pub text: String,
    /// Events that show it.
    pub evidence: Vec<EventId>,
}

/// That a task has more time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// When it was given, journal time.
    pub at: Time,
    /// Until when the task was to be done before.
    pub from: Time,
    /// Until when after.
    pub to: Time,
    /// Who, in person.
    pub actor: String,
    /// Why.
    pub text: String,
}

/// What one department has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Who.
    pub department: DepartmentId,
    /// Its name as people read it.
    pub name: String,
    /// What.
    pub task: String,
    /// Until when, journal time.
    pub due: Time,
    /// The answer, if there is one.
    pub answer: Option<Answer>,
    /// It was said that it is late.
    pub overdue: bool,
    /// In order.
    pub extensions: Vec<Extension>,
}

impl Task {
    /// Whether it is late and not done.
    pub fn is_late(&self, now: Time) -> bool {
        self.answer.is_none() && self.due <= now
    }
}

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// When, journal time.
    pub at: Time,
    /// Without all answers, by its opener.
    pub cancelled: bool,
    /// By whom, in person; empty where it closed by itself.
    pub actor: String,
    /// Why.
    pub text: String,
}

/// A case, open or ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The id of the event that opened it.
    pub id: EventId,
    /// What it is about, in words.
    pub title: String,
    /// Where.
    pub place: Place,
    /// Whom it concerns.
    pub scope: Scope,
    /// The site revision that it was opened under.
    pub revision: RevisionNumber,
    /// Who opened it.
    pub opener: DepartmentId,
    /// Who, in person.
    pub actor: String,
    /// What they wrote.
    pub text: String,
    /// The events behind it.
    pub evidence: Vec<EventId>,
    /// When it was opened, journal time.
    pub opened_at: Time,
    /// When it last moved, journal time.
    pub changed_at: Time,
    /// One for each department.
    pub tasks: Vec<Task>,
    /// How it ended.
    pub ended: Option<Ended>,
}

impl Case {
    fn opened(recorded: &RecordedEvent, change: &CaseChange) -> Self {
        let event = &recorded.event;
        let task = |it: &model::CaseTask| Task {
            department: it.department.clone(),
            name: it.name.clone(),
            task: it.task.clone(),
            due: it.due,
            answer: None,
            overdue: false,
            extensions: Vec::new(),
        };
        Self {
            id: recorded.id.clone(),
            title: change.title.clone(),
            place: Place { kind: change.place, id: Arc::clone(&event.subject) },
            scope: event.scope.clone(),
            revision: event.revision,
            opener: change.opener.clone(),
            actor: change.actor.clone(),
            text: change.text.clone(),
            evidence: change.evidence.clone(),
            opened_at: recorded.recorded_at,
            changed_at: recorded.recorded_at,
            tasks: change.tasks.iter().map(task).collect(),
            ended: None,
        }
    }

    /// The task of a department.
    pub fn task(&self, department: &DepartmentId) -> Option<&Task> {
        self.tasks.iter().find(|it| it.department == *department)
    }

    /// Whether a task is late and not done.
    pub fn is_late(&self, now: Time) -> bool {
        self.ended.is_none() && self.tasks.iter().any(|it| it.is_late(now))
    }

    fn is_answered(&self) -> bool {
        self.tasks.iter().all(|it| it.answer.is_some())
    }

    /// Takes an event about it other than its opening.
    fn take(&mut self, at: Time, change: &CaseChange) {
        let (actor, text) = (change.actor.clone(), change.text.clone());
        let named = self.tasks.iter_mut().find(|it| change.department.as_ref() == Some(&it.department));
        match (change.transition, named) {
            (CaseTransition::Answered, Some(task)) => {
                let answer = Answer { at, late: change.late, actor, text, evidence: change.evidence.clone() };
                task.answer.get_or_insert(answer);
            }
            (CaseTransition::Extended, Some(task)) => {
                let to = change.due.unwrap_or(task.due);
                task.extensions.push(Extension { at, from: task.due, to, actor, text });
                (task.due, task.overdue) = (to, false);
            }
            (CaseTransition::Overdue, Some(task)) => task.overdue = true,
            (CaseTransition::Closed | CaseTransition::Cancelled, _) => {
                let cancelled = change.transition == CaseTransition::Cancelled;
                self.ended = Some(Ended { at, cancelled, actor, text });
            }
            _ => return,
        }
        self.changed_at = at;
    }
}

/// All that are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cases {
    /// Open ones, and those ended last.
    pub(crate) all: BTreeMap<EventId, Case>,
    /// Ended ones, oldest first.
    pub(crate) ended: VecDeque<EventId>,
    /// When something is to be said next, made anew after each change.
    pub(crate) next: Option<Time>,
}

impl Cases {
    pub(crate) fn apply(&mut self, recorded: &RecordedEvent, change: &CaseChange) {
        if change.transition == CaseTransition::Opened {
            self.all.insert(recorded.id.clone(), Case::opened(recorded, change));
        } else if let Some(case) = change.case.as_ref().and_then(|id| self.all.get_mut(id)).filter(|it| it.ended.is_none()) {
            case.take(recorded.recorded_at, change);
            if case.ended.is_some() {
                self.ended.push_back(case.id.clone());
            }
        }
        while self.ended.len() > CLOSED_KEPT {
            self.ended.pop_front().map(|id| self.all.remove(&id));
        }
        self.index();
    }

    pub(crate) fn index(&mut self) {
        self.next = self.open().filter_map(Case::next).min();
    }

    fn open(&self) -> impl Iterator<Item = &Case> {
        self.all.values().filter(|it| it.ended.is_none())
    }
}
