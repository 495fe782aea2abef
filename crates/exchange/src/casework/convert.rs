//! Cases and the duty book as the network shows them.

use casework::{Case, Ended, Extension, HandOver, Shift, Task};
use model::{EventId, Time};
use wire::{time_to_v1, v1};

/// A case as it is at a moment of journal time.
pub(super) fn case_to_v1(case: &Case, now: Time) -> v1::Case {
    // After its end nothing becomes late any more.
    let now = case.ended.as_ref().map_or(now, |ended| ended.at);
    v1::Case {
        id: case.id.to_string(),
        title: case.title.clone(),
        place: case.place.kind.as_str().to_owned(),
        subject: case.place.id.to_string(),
        park: case.scope.park.as_deref().unwrap_or_default().to_owned(),
        enterprise: case.scope.enterprise.as_deref().unwrap_or_default().to_owned(),
        revision: case.revision.0,
        opener: case.opener.to_string(),
        actor: case.actor.clone(),
        text: case.text.clone(),
        evidence: ids(&case.evidence),
        opened_at: Some(time_to_v1(case.opened_at)),
        changed_at: Some(time_to_v1(case.changed_at)),
        tasks: case.tasks.iter().map(|it| party_to_v1(it, now)).collect(),
        late: case.is_late(now),
        end: case.ended.as_ref().map(end_to_v1),
    }
}

fn party_to_v1(task: &Task, now: Time) -> v1::CaseParty {
    let answer = task.answer.as_ref();
    v1::CaseParty {
        department: task.department.to_string(),
        name: task.name.clone(),
        task: task.task.clone(),
        due: Some(time_to_v1(task.due)),
        answered_at: answer.map(|it| time_to_v1(it.at)),
        late: answer.map_or_else(|| task.is_late(now), |it| it.late),
        actor: answer.map(|it| it.actor.clone()).unwrap_or_default(),
        text: answer.map(|it| it.text.clone()).unwrap_or_default(),
        evidence: answer.map(|it| ids(&it.evidence)).unwrap_or_default(),
        extensions: task.extensions.iter().map(extension_to_v1).collect(),
    }
}

fn extension_to_v1(extension: &Extension) -> v1::TaskExtension {
    v1::TaskExtension {
        at: Some(time_to_v1(extension.at)),
        from: Some(time_to_v1(extension.from)),
        to: Some(time_to_v1(extension.to)),
        actor: extension.actor.clone(),
        text: extension.text.clone(),
    }
}

fn end_to_v1(ended: &Ended) -> v1::CaseEnd {
    let (actor, text) = (ended.actor.clone(), ended.text.clone());
    v1::CaseEnd { at: Some(time_to_v1(ended.at)), cancelled: ended.cancelled, actor, text }
}

pub(super) fn shift_to_v1(shift: &Shift) -> v1::OnDuty {
    v1::OnDuty {
        department: shift.department.to_string(),
        person: shift.person.clone(),
        role: shift.role.clone(),
        from: Some(time_to_v1(shift.from)),
        to: Some(time_to_v1(shift.to)),
    }
}

pub(super) fn hand_over_to_v1(hand_over: &HandOver) -> v1::HandOver {
    v1::HandOver {
        id: hand_over.id.to_string(),
        department: hand_over.department.to_string(),
        at: Some(time_to_v1(hand_over.at)),
        from_person: hand_over.from_person.clone(),
        to_person: hand_over.to_person.clone(),
        text: hand_over.text.clone(),
        events: ids(&hand_over.events),
        confirmed_at: hand_over.confirmed_at.map(time_to_v1),
        confirmed_text: hand_over.confirmed_text.clone(),
    }
}

pub(super) fn ids(events: &[EventId]) -> Vec<String> {
    events.iter().map(EventId::to_string).collect()
}
