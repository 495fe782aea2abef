//! A warning as the network shows it.

use model::{DepartmentId, EventId, Time, WarningStep};
use warning::{Closing, Party, Step, Warning, Warnings};
use wire::{time_to_v1, v1};

/// Whether somebody has not done in time what they had to do.
pub(crate) fn is_late(warning: &Warning, now: Time) -> bool {
    warning.closed.is_none() && warning.addressees.iter().flat_map(Party::steps).any(|(_, step)| is_pending_late(step, now))
}

fn is_pending_late(step: &Step, now: Time) -> bool {
    step.done.is_none() && step.deadline <= now
}

/// A warning as it is at a moment of journal time.
pub(crate) fn warning_to_v1(warnings: &Warnings, warning: &Warning, now: Time) -> v1::Warning {
    let text = |it: &Option<std::sync::Arc<str>>| it.as_deref().unwrap_or_default().to_owned();
    // After its end nothing becomes late any more.
    let now = warning.closed.as_ref().map_or(now, |closing| closing.at);
    v1::Warning {
        id: warning.id.to_string(),
        rule: warning.rule.to_string(),
        name: warning.name.clone(),
        topic: warning.topic.clone(),
        colour: warning.colour.as_str().to_owned(),
        colour_name: warning.colour.chinese().to_owned(),
        colour_level: warning.colour.roman().to_owned(),
        place: warning.place.kind.as_str().to_owned(),
        subject: warning.place.id.to_string(),
        park: text(&warning.scope.park),
        enterprise: text(&warning.scope.enterprise),
        installation: text(&warning.scope.installation),
        revision: warning.revision.0,
        level: warning.level.as_str().to_owned(),
        action: warning.action.clone(),
        occurred_at: Some(time_to_v1(warning.occurred_at)),
        opened_at: Some(time_to_v1(warning.opened_at)),
        changed_at: Some(time_to_v1(warning.changed_at)),
        addressees: warning.addressees.iter().map(|party| party_to_v1(party, now)).collect(),
        alarms: warning.alarms.iter().map(wire::cause_to_v1).collect(),
        more_alarms: warning.more_alarms,
        returned_at: warning.returned_at.map(time_to_v1),
        closing: warning.closed.as_ref().map(closing_to_v1),
        late: is_late(warning, now),
        picture: warnings.picture(&warning.id).map(wire::picture_to_v1),
        picture_pending: warnings.is_wanted(&warning.id),
        origin: warnings.origin(&warning.id).unwrap_or_default().to_owned(),
    }
}

fn party_to_v1(party: &Party, now: Time) -> v1::WarningParty {
    v1::WarningParty {
        department: party.department.to_string(),
        name: party.name.clone(),
        level: party.level.as_str().to_owned(),
        steps: party.steps().map(|(name, step)| step_to_v1(name, step, now)).collect(),
    }
}

fn step_to_v1(name: WarningStep, step: &Step, now: Time) -> v1::WarningStep {
    let done = step.done.as_ref();
    v1::WarningStep {
        step: name.as_str().to_owned(),
        deadline: Some(time_to_v1(step.deadline)),
        done_at: done.map(|it| time_to_v1(it.at)),
        late: done.map_or_else(|| is_pending_late(step, now), |it| it.late),
        actor: done.map(|it| it.actor.clone()).unwrap_or_default(),
        text: done.map(|it| it.text.clone()).unwrap_or_default(),
        evidence: done.map(|it| ids(&it.evidence)).unwrap_or_default(),
    }
}

fn closing_to_v1(closing: &Closing) -> v1::WarningClosing {
    v1::WarningClosing {
        at: Some(time_to_v1(closing.at)),
        cancelled: closing.cancelled,
        department: closing.department.as_ref().map(DepartmentId::to_string).unwrap_or_default(),
        actor: closing.actor.clone(),
        text: closing.text.clone(),
        evidence: ids(&closing.evidence),
    }
}

fn ids(events: &[EventId]) -> Vec<String> {
    events.iter().map(EventId::to_string).collect()
}
