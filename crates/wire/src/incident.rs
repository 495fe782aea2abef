//! Incidents: events, model <-> `davy.v1`.

use model::{
    AccidentClass, DepartmentId, IncidentChange, IncidentDoubt, IncidentDuty, IncidentKind, IncidentLosses, IncidentNotice,
    IncidentTransition, RequestId, Time, WarningPlace,
};

use crate::casework::{department_to_v1, event_to_v1, events, refused_from_v1, refused_to_v1, time};
use crate::event::{occurrence, request_to_v1};
use crate::warning::{Read, id, some, texts, word};
use crate::{time_from_v1, time_to_v1, v1};

/// An event's body for journals and feeds.
pub(crate) fn incident_to_v1(change: &IncidentChange) -> v1::IncidentChange {
    let (wanted, refusal) = refused_to_v1(change.refused);
    // A refusal knows no times.
    let known = |it: Time| (it > Time::MIN).then(|| time_to_v1(it));
    v1::IncidentChange {
        incident: event_to_v1(change.incident.as_ref()),
        what: change.kind.as_str().to_owned(),
        title: change.title.clone(),
        place: change.place.as_str().to_owned(),
        happened_at: known(change.happened_at),
        known_at: known(change.known_at),
        losses: Some(losses_to_v1(&change.losses)),
        class: change.class.map(|it| it.as_str().to_owned()).unwrap_or_default(),
        duties: change.duties.iter().map(duty_to_v1).collect(),
        about: texts(&change.about),
        about_since: change.about_since.map(time_to_v1),
        duty: change.duty.clone(),
        due: change.due.map(time_to_v1),
        percent: change.percent,
        notice: change.notice.as_ref().map(notice_to_v1),
        late: change.late,
        doubts: change.doubts.iter().map(|it| it.as_str().to_owned()).collect(),
        in_error: change.in_error,
        department: department_to_v1(change.department.as_ref()),
        actor: change.actor.clone(),
        text: change.text.clone(),
        request_id: request_to_v1(change.request_id.as_ref()),
        wanted,
        refusal,
    }
}

/// An event's body from a journal or a feed.
pub(crate) fn incident_from_v1(kind: &str, change: &v1::IncidentChange) -> Read<IncidentChange> {
    let doubt = |it: &String| word("incident.doubts", it, IncidentDoubt::parse);
    Ok(IncidentChange {
        transition: word("event.kind", kind, IncidentTransition::parse)?,
        incident: occurrence(&change.incident)?,
        kind: word("incident.what", &change.what, IncidentKind::parse)?,
        title: change.title.clone(),
        place: word("incident.place", &change.place, WarningPlace::parse)?,
        happened_at: time(change.happened_at.as_ref()),
        known_at: time(change.known_at.as_ref()),
        losses: losses_from_v1(change.losses.as_ref()),
        class: some(&change.class, |it| word("incident.class", it, AccidentClass::parse))?,
        duties: change.duties.iter().map(duty_from_v1).collect(),
        about: events("incident.about", &change.about)?,
        about_since: change.about_since.as_ref().map(time_from_v1),
        duty: change.duty.clone(),
        due: change.due.as_ref().map(time_from_v1),
        percent: change.percent,
        notice: change.notice.as_ref().map(notice_from_v1),
        late: change.late,
        doubts: change.doubts.iter().map(doubt).collect::<Read<_>>()?,
        in_error: change.in_error,
        department: some(&change.department, |it| id("incident.department", it, DepartmentId::new))?,
        actor: change.actor.clone(),
        text: change.text.clone(),
        request_id: some(&change.request_id, |it| id("incident.request_id", it, RequestId::new))?,
        refused: refused_from_v1(&change.wanted, &change.refusal)?,
    })
}

/// What an incident cost.
pub const fn losses_to_v1(losses: &IncidentLosses) -> v1::IncidentLosses {
    let IncidentLosses { dead, severely_injured, poisoned, direct_loss_yuan } = *losses;
    v1::IncidentLosses { dead, severely_injured, poisoned, direct_loss_yuan }
}

/// What an incident cost; what is not said is not known.
pub fn losses_from_v1(losses: Option<&v1::IncidentLosses>) -> IncidentLosses {
    let v1::IncidentLosses { dead, severely_injured, poisoned, direct_loss_yuan } = losses.copied().unwrap_or_default();
    IncidentLosses { dead, severely_injured, poisoned, direct_loss_yuan }
}

fn duty_to_v1(duty: &IncidentDuty) -> v1::IncidentDuty {
    v1::IncidentDuty {
        duty: duty.duty.clone(),
        who: duty.who.clone(),
        whom: duty.whom.clone(),
        from: Some(time_to_v1(duty.from)),
        due: Some(time_to_v1(duty.due)),
        if_of_class: duty.if_of_class,
        source: duty.source.clone(),
    }
}

fn duty_from_v1(duty: &v1::IncidentDuty) -> IncidentDuty {
    IncidentDuty {
        duty: duty.duty.clone(),
        who: duty.who.clone(),
        whom: duty.whom.clone(),
        from: time(duty.from.as_ref()),
        due: time(duty.due.as_ref()),
        if_of_class: duty.if_of_class,
        source: duty.source.clone(),
    }
}

/// That somebody was told.
pub fn notice_to_v1(notice: &IncidentNotice) -> v1::IncidentNotice {
    v1::IncidentNotice {
        who: notice.who.clone(),
        whom: notice.whom.clone(),
        told_at: Some(time_to_v1(notice.told_at)),
        how: notice.how.clone(),
        reference: notice.reference.clone(),
        known_at: notice.known_at.map(time_to_v1),
    }
}

fn notice_from_v1(notice: &v1::IncidentNotice) -> IncidentNotice {
    IncidentNotice {
        who: notice.who.clone(),
        whom: notice.whom.clone(),
        told_at: time(notice.told_at.as_ref()),
        how: notice.how.clone(),
        reference: notice.reference.clone(),
        known_at: notice.known_at.as_ref().map(time_from_v1),
    }
}
