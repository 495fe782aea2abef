//! What is to be said of cases now: late tasks, and the end of those that all have answered.

use std::sync::Arc;

use model::{CaseChange, CaseTransition, Event, EventBody, Time};

use super::{Case, Cases, Task};

impl Cases {
    pub(crate) fn due(&self, now: Time) -> Vec<Event> {
        if self.next.is_none_or(|next| next > now) {
            return Vec::new();
        }
        self.open().flat_map(|case| case.due(now)).collect()
    }
}

impl Case {
    fn due(&self, now: Time) -> Vec<Event> {
        if self.is_answered() {
            let text = "all departments have answered".to_owned();
            return vec![event(self, now, CaseChange { text, ..about(self, CaseTransition::Closed) })];
        }
        self.tasks.iter().filter(|it| it.is_late(now) && !it.overdue).map(|it| overdue(self, it)).collect()
    }

    /// When there is something to say of it; at once where all have answered.
    pub(super) fn next(&self) -> Option<Time> {
        if self.is_answered() {
            return Some(Time::MIN);
        }
        self.tasks.iter().filter(|it| it.answer.is_none() && !it.overdue).map(|it| it.due).min()
    }
}

fn overdue(case: &Case, task: &Task) -> Event {
    let change = CaseChange {
        department: Some(task.department.clone()),
        due: Some(task.due),
        late: true,
        text: task.task.clone(),
        ..about(case, CaseTransition::Overdue)
    };
    event(case, task.due, change)
}

/// An event about a case as it is.
pub(super) fn about(case: &Case, transition: CaseTransition) -> CaseChange {
    CaseChange {
        case: Some(case.id.clone()),
        title: case.title.clone(),
        ..CaseChange::new(transition, case.place.kind, case.opener.clone())
    }
}

/// The same as an event.
pub(super) fn event(case: &Case, occurred_at: Time, change: CaseChange) -> Event {
    Event {
        occurred_at,
        subject: Arc::clone(&case.place.id),
        scope: case.scope.clone(),
        revision: case.revision,
        body: EventBody::Case(Box::new(change)),
    }
}
