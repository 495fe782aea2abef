//! Incidents as the network shows them.

use casework::{Closing, Entry, Incident, Notice, Row};
use duty::party_zh;
use model::{DepartmentId, Time};
use wire::{losses_to_v1, notice_to_v1, time_to_v1, v1};

/// An incident as it is at a moment of journal time.
pub(super) fn incident_to_v1(incident: &Incident, now: Time) -> v1::Incident {
    // After its end nothing becomes late any more.
    let now = incident.closing.as_ref().map_or(now, |closing| closing.at);
    let text = |it: &Option<std::sync::Arc<str>>| it.as_deref().unwrap_or_default().to_owned();
    v1::Incident {
        id: incident.id.to_string(),
        what: incident.kind.as_str().to_owned(),
        what_name: incident.kind.chinese().to_owned(),
        title: incident.title.clone(),
        place: incident.place.kind.as_str().to_owned(),
        subject: incident.place.id.to_string(),
        park: text(&incident.scope.park),
        enterprise: text(&incident.scope.enterprise),
        installation: text(&incident.scope.installation),
        revision: incident.revision.0,
        happened_at: Some(time_to_v1(incident.happened_at)),
        known_at: Some(time_to_v1(incident.known_at)),
        declared_at: Some(time_to_v1(incident.declared_at)),
        changed_at: Some(time_to_v1(incident.changed_at)),
        losses: Some(losses_to_v1(&incident.losses)),
        class: incident.class.map(|it| it.as_str().to_owned()).unwrap_or_default(),
        class_name: incident.class.map(|it| it.zh().to_owned()).unwrap_or_default(),
        duties: incident.rows.iter().map(|row| row_to_v1(row, now)).collect(),
        notices: incident.notices.iter().map(recorded_to_v1).collect(),
        about: incident.about.iter().map(|it| it.event.to_string()).collect(),
        doubts: incident.doubts.iter().map(|it| it.as_str().to_owned()).collect(),
        department: department(incident.department.as_ref()),
        actor: incident.actor.clone(),
        text: incident.text.clone(),
        late: incident.is_late(now),
        closing: incident.closing.as_ref().map(closing_to_v1),
    }
}

fn department(id: Option<&DepartmentId>) -> String {
    id.map(DepartmentId::to_string).unwrap_or_default()
}

fn row_to_v1(row: &Row, now: Time) -> v1::DutyRow {
    let duty = &row.duty;
    v1::DutyRow {
        duty: duty.duty.clone(),
        who: duty.who.clone(),
        who_name: party_zh(&duty.who).to_owned(),
        whom: duty.whom.clone(),
        whom_name: party_zh(&duty.whom).to_owned(),
        from: Some(time_to_v1(duty.from)),
        due: Some(time_to_v1(duty.due)),
        if_of_class: duty.if_of_class,
        waived: row.waived,
        done_at: row.done.as_ref().map(|it| time_to_v1(it.told_at)),
        recorded_at: row.done.as_ref().map(|it| time_to_v1(it.recorded_at)),
        late: row.is_late(now),
        source: duty.source.clone(),
    }
}

fn recorded_to_v1(notice: &Notice) -> v1::RecordedNotice {
    v1::RecordedNotice {
        event_id: notice.event.to_string(),
        recorded_at: Some(time_to_v1(notice.recorded_at)),
        duty: notice.duty.clone(),
        notice: Some(notice_to_v1(&notice.notice)),
        late: notice.late,
        department: department(notice.department.as_ref()),
        actor: notice.actor.clone(),
        text: notice.text.clone(),
    }
}

fn closing_to_v1(closing: &Closing) -> v1::IncidentClosing {
    v1::IncidentClosing {
        at: Some(time_to_v1(closing.at)),
        in_error: closing.in_error,
        department: department(closing.department.as_ref()),
        actor: closing.actor.clone(),
        text: closing.text.clone(),
    }
}

pub(super) fn entry_to_v1(entry: &Entry) -> v1::IncidentEntry {
    v1::IncidentEntry {
        at: Some(time_to_v1(entry.at)),
        recorded_at: Some(time_to_v1(entry.recorded_at)),
        event_id: entry.event.to_string(),
        kind: entry.kind.clone(),
        duty: entry.duty.clone(),
        late: entry.late,
        department: entry.department.clone(),
        actor: entry.actor.clone(),
        text: entry.text.clone(),
    }
}
