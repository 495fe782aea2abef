//! What departments ask of incidents: done or refused by what is known, each with one event for its request.

use std::sync::Arc;

use model::{
    CaseworkRefusal, Event, EventBody, EventId, IncidentChange, IncidentDoubt, IncidentKind, IncidentLosses, IncidentNotice,
    IncidentTransition, Scope, Time,
};

use super::due::{about, event};
use super::rows::{class_of, first_limit, rows, rows_after};
use super::{Incident, Incidents, Row};
use crate::ask::{Ask, Told, Want};
use crate::sites::{Place, Refused, Sites};
use crate::{ABOUT_MAX, CLOCK_AHEAD, NOTES_MAX, OPEN_MAX};

impl Incidents {
    pub(crate) fn judge(&self, ask: &Ask, sites: &Sites, now: Time) -> Option<Event> {
        if let Want::Declare { .. } = &ask.want {
            return self.declare(ask, sites, now);
        }
        let incident = self.all.get(ask.want.of()?)?;
        let (change, checked) = match &ask.want {
            Want::Correct { kind, losses, about: more, .. } => self.correct(incident, ask, (*kind, losses, more), now),
            Want::Notify { duty, told, .. } => notify(incident, ask, (duty, told), now),
            Want::Close { in_error, .. } => close(incident, ask, *in_error),
            _ => return None,
        };
        let allowed = sites.check_declarer(&ask.department).and_then(|()| check_open(incident)).and(checked);
        let change = match allowed {
            Ok(()) => change,
            Err(refused) => refusal(IncidentChange { transition: IncidentTransition::Refused, ..change }, ask, refused),
        };
        Some(event(incident, now, change))
    }

    fn declare(&self, ask: &Ask, sites: &Sites, now: Time) -> Option<Event> {
        let Want::Declare { kind, title, place, happened_at, known_at, losses, about } = &ask.want else { return None };
        let known_at = known_at.unwrap_or(now);
        let happened_at = happened_at.unwrap_or(known_at);
        let checked = sites.check_declarer(&ask.department).and_then(|()| {
            let scope = sites.scope_at(place)?;
            check_times(happened_at, known_at, now)?;
            self.check_room(title)?;
            Ok(scope)
        });
        let class = class_of(*kind, losses);
        let mut change = IncidentChange {
            title: title.clone(),
            happened_at,
            known_at,
            losses: *losses,
            class,
            about: about.clone(),
            ..said(ask, IncidentChange::new(IncidentTransition::Declared, *kind, place.kind))
        };
        let scope = match checked {
            Ok(scope) => {
                change.duties = rows(*kind, class, (happened_at, known_at));
                self.doubt(&mut change);
                scope
            }
            Err(refused) => {
                change = refusal(change, ask, refused);
                sites.scope_at(place).unwrap_or_default()
            }
        };
        Some(new_event(place, scope, sites, now, change))
    }

    fn check_room(&self, title: &str) -> Result<(), Refused> {
        if title.trim().is_empty() {
            return Err((CaseworkRefusal::NoEvidence, "say in words what happened".to_owned()));
        }
        if self.open().count() >= OPEN_MAX {
            return Err((CaseworkRefusal::TooMany, format!("{OPEN_MAX} incidents are open; close some first")));
        }
        Ok(())
    }

    fn correct(
        &self,
        incident: &Incident,
        ask: &Ask,
        (kind, losses, more): (Option<IncidentKind>, &IncidentLosses, &[EventId]),
        now: Time,
    ) -> (IncidentChange, Result<(), Refused>) {
        let checked = if incident.about.len() + more.len() > ABOUT_MAX {
            Err((CaseworkRefusal::TooMany, format!("an incident is about {ABOUT_MAX} events at most")))
        } else {
            check_text(ask, "say what is known better, and from where")
        };
        let kind = kind.unwrap_or(incident.kind);
        let losses = merged(&incident.losses, losses);
        let class = class_of(kind, &losses);
        let mut change = IncidentChange {
            kind,
            losses,
            class,
            about: more.to_vec(),
            duties: rows_after(&incident.rows, (kind, class), (incident.happened_at, incident.known_at), now),
            ..said(ask, about(incident, IncidentTransition::Corrected))
        };
        self.doubt(&mut change);
        (change, checked)
    }

    /// Alarms and warnings that came long before anybody knew, by their own words (迟报, 瞒报).
    fn doubt(&self, change: &mut IncidentChange) {
        change.about_since = self.sightings.first(&change.about);
        let limit = first_limit(change.kind, change.class);
        let earlier = change.about_since.zip(limit).is_some_and(|(since, limit)| since.plus(limit) < change.known_at);
        if earlier {
            change.doubts.push(IncidentDoubt::AlarmEarlier);
        }
    }
}

/// What is known better, and the rest as it was.
fn merged(before: &IncidentLosses, better: &IncidentLosses) -> IncidentLosses {
    IncidentLosses {
        dead: better.dead.or(before.dead),
        severely_injured: better.severely_injured.or(before.severely_injured),
        poisoned: better.poisoned.or(before.poisoned),
        direct_loss_yuan: better.direct_loss_yuan.or(before.direct_loss_yuan),
    }
}

fn check_times(happened_at: Time, known_at: Time, now: Time) -> Result<(), Refused> {
    let wrong = if happened_at < Time::YEAR_2000 {
        "it cannot have happened before the year 2000"
    } else if known_at < happened_at {
        "it cannot have been known before it happened"
    } else if known_at > now + CLOCK_AHEAD {
        "it cannot have become known later than now"
    } else {
        return Ok(());
    };
    Err((CaseworkRefusal::BadTime, wrong.to_owned()))
}

fn check_open(incident: &Incident) -> Result<(), Refused> {
    if incident.closing.is_none() { Ok(()) } else { Err((CaseworkRefusal::WrongState, "the incident is closed".to_owned())) }
}

fn check_text(ask: &Ask, wanted: &str) -> Result<(), Refused> {
    if ask.text.trim().is_empty() { Err((CaseworkRefusal::NoEvidence, wanted.to_owned())) } else { Ok(()) }
}

fn notify(incident: &Incident, ask: &Ask, (duty, told): (&str, &Told), now: Time) -> (IncidentChange, Result<(), Refused>) {
    let row = incident.row(duty).filter(|row| !row.waived);
    let told_at = told.told_at.unwrap_or(now);
    let checked = check_notice(incident, (duty, row), (told, told_at), now);
    let whom = row.map(|it| it.duty.whom.clone()).filter(|_| told.whom.is_empty()).unwrap_or_else(|| told.whom.clone());
    let notice = IncidentNotice {
        who: if told.who.is_empty() { ask.actor.clone() } else { told.who.clone() },
        whom,
        told_at,
        how: told.how.clone(),
        reference: told.reference.clone(),
        known_at: told.known_at,
    };
    let due = row.map(|it| it.duty.due);
    let doubts = [
        (told.known_at.is_some_and(|it| it < incident.known_at), IncidentDoubt::KnownEarlier),
        (row.is_some_and(|row| is_recorded_after_due(row, told_at, now)), IncidentDoubt::RecordedAfterDue),
    ];
    let change = IncidentChange {
        duty: duty.to_owned(),
        due,
        late: due.is_some_and(|due| told_at > due),
        notice: Some(notice),
        doubts: doubts.into_iter().filter(|(is, _)| *is).map(|(_, doubt)| doubt).collect(),
        ..said(ask, about(incident, IncidentTransition::Notified))
    };
    (change, checked)
}

fn is_recorded_after_due(row: &Row, told_at: Time, now: Time) -> bool {
    row.is_open() && told_at <= row.duty.due && now > row.duty.due
}

fn check_notice(
    incident: &Incident,
    (duty, row): (&str, Option<&Row>),
    (told, told_at): (&Told, Time),
    now: Time,
) -> Result<(), Refused> {
    if row.is_none() && !duty.is_empty() {
        let all: Vec<_> = incident.rows.iter().filter(|it| !it.waived).map(|it| it.duty.duty.as_str()).collect();
        let all = if all.is_empty() { "none".to_owned() } else { all.join(", ") };
        return Err((CaseworkRefusal::NoSuchDuty, format!("the incident has no duty {duty}; it has {all}")));
    }
    if row.is_none() && told.whom.trim().is_empty() {
        return Err((CaseworkRefusal::NoEvidence, "say whom, or which duty it is of".to_owned()));
    }
    if told_at < incident.happened_at || told_at > now + CLOCK_AHEAD {
        let wrong = "nobody can have been told before it happened, or later than now";
        return Err((CaseworkRefusal::BadTime, wrong.to_owned()));
    }
    if told.known_at.is_some_and(|it| it > told_at || it < incident.happened_at) {
        let wrong = "who told must have known after it happened, and before they told";
        return Err((CaseworkRefusal::BadTime, wrong.to_owned()));
    }
    if incident.notices.len() >= NOTES_MAX {
        return Err((CaseworkRefusal::TooMany, format!("{NOTES_MAX} notices are on record")));
    }
    Ok(())
}

/// What is declared in error is closed with its duties open; anything else when they are done.
fn close(incident: &Incident, ask: &Ask, in_error: bool) -> (IncidentChange, Result<(), Refused>) {
    let open: Vec<_> = incident.rows.iter().filter(|it| it.is_open()).map(|it| it.duty.duty.as_str()).collect();
    let checked = check_text(ask, "say how it ended").and_then(|()| {
        if in_error || open.is_empty() {
            return Ok(());
        }
        Err((CaseworkRefusal::DutiesOpen, format!("these duties are not done: {}", open.join(", "))))
    });
    (IncidentChange { in_error, ..said(ask, about(incident, IncidentTransition::Closed)) }, checked)
}

fn said(ask: &Ask, change: IncidentChange) -> IncidentChange {
    IncidentChange {
        department: Some(ask.department.clone()),
        actor: ask.actor.clone(),
        text: ask.text.clone(),
        request_id: Some(ask.request_id.clone()),
        ..change
    }
}

fn refusal(change: IncidentChange, ask: &Ask, (refusal, text): Refused) -> IncidentChange {
    let duty = change.duty.clone();
    let base = IncidentChange { text, duty, ..IncidentChange::new(IncidentTransition::Refused, change.kind, change.place) };
    IncidentChange {
        incident: change.incident,
        title: change.title,
        refused: Some((ask.want.action(), refusal)),
        department: Some(ask.department.clone()),
        actor: ask.actor.clone(),
        request_id: Some(ask.request_id.clone()),
        ..base
    }
}

fn new_event(place: &Place, scope: Scope, sites: &Sites, now: Time, change: IncidentChange) -> Event {
    let body = EventBody::Incident(Box::new(change));
    Event { occurred_at: now, subject: Arc::clone(&place.id), scope, revision: sites.revision, body }
}
