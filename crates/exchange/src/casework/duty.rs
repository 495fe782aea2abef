//! `GetDuty` and `GetIncidentRecord`: who is on duty, what was handed over, and who knew what when.

use casework::Casework;
use desk::Standing;
use model::{ErrorKind, EventId, Time};
use wire::{Cursor, Failure, time_from_v1, time_to_v1, v1};

use super::check::named;
use super::convert::{hand_over_to_v1, shift_to_v1};
use super::convert_incident::{entry_to_v1, incident_to_v1};
use crate::paging::{few, within};

/// Shifts, and hand-overs, of one answer.
const SHOWN_MAX: usize = 1_000;

/// A checked `GetDutyRequest`.
#[derive(Debug)]
pub(super) struct DutyRequest {
    departments: Vec<String>,
    at: Option<Time>,
    period: Option<(Time, Time)>,
}

impl DutyRequest {
    pub(super) fn check(request: v1::GetDutyRequest) -> Result<Self, Failure> {
        let v1::GetDutyRequest { departments, at, from, to } = request;
        let period = match (from.as_ref().map(time_from_v1), to.as_ref().map(time_from_v1)) {
            (None, None) => None,
            (Some(from), Some(to)) if from < to => Some((from, to)),
            (Some(_), _) => return Err(Failure::field("to", "a period has an end, and that is after its beginning")),
            (None, Some(_)) => return Err(Failure::field("from", "a period has a beginning")),
        };
        Ok(Self { departments: few("departments", departments)?, at: at.as_ref().map(time_from_v1), period })
    }

    pub(super) fn answer(&self, casework: &Casework, standing: Standing) -> v1::GetDutyResponse {
        let book = casework.book();
        let at = self.at.unwrap_or(standing.now);
        let own = |department: &str| within(&self.departments, Some(department));
        let on_duty: Vec<_> = book.on_duty(at).into_iter().filter(|it| own(it.department.as_str())).collect();
        let shifts = self.period.map(|(from, to)| book.shifts_within(from, to)).into_iter().flatten();
        let mut shifts: Vec<_> = shifts.filter(|it| own(it.department.as_str())).take(SHOWN_MAX + 1).collect();
        let within_period = |at: Time| self.period.is_some_and(|(from, to)| from <= at && at < to);
        let hand_overs = book.hand_overs().filter(|it| within_period(it.at) && own(it.department.as_str()));
        let mut hand_overs: Vec<_> = hand_overs.take(SHOWN_MAX + 1).collect();
        let more = on_duty.len() > SHOWN_MAX || shifts.len() > SHOWN_MAX || hand_overs.len() > SHOWN_MAX;
        shifts.truncate(SHOWN_MAX);
        hand_overs.truncate(SHOWN_MAX);
        v1::GetDutyResponse {
            at: Some(time_to_v1(at)),
            on_duty: on_duty.iter().take(SHOWN_MAX).map(shift_to_v1).collect(),
            shifts: shifts.iter().map(shift_to_v1).collect(),
            hand_overs: hand_overs.into_iter().map(hand_over_to_v1).collect(),
            cursor: Cursor::after(standing.epoch, standing.position).encode(),
            more,
        }
    }
}

/// The id of a checked `GetIncidentRecordRequest`.
pub(super) fn check_record(request: &v1::GetIncidentRecordRequest) -> Result<EventId, Failure> {
    named("incident", &request.incident)
}

pub(super) fn record(casework: &Casework, id: &EventId, standing: Standing) -> Result<v1::GetIncidentRecordResponse, Failure> {
    let incident = casework.incident(id).ok_or_else(|| {
        let message = format!("no incident {id} is open or was closed lately; its events are in the history");
        Failure::new(ErrorKind::NotFound, "no_such_incident", message)
    })?;
    let on_duty = casework.book().on_duty(incident.known_at);
    Ok(v1::GetIncidentRecordResponse {
        incident: Some(incident_to_v1(incident, standing.now)),
        entries: incident.record().iter().map(entry_to_v1).collect(),
        more_entries: incident.more_entries,
        on_duty: on_duty.iter().take(SHOWN_MAX).map(shift_to_v1).collect(),
        cursor: Cursor::after(standing.epoch, standing.position).encode(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_has_both_ends_in_order() {
        let at = |seconds: i64| Some(time_to_v1(Time::YEAR_2000 + model::Span::from_secs(seconds)));
        let field = |from, to| {
            let request = v1::GetDutyRequest { from, to, ..v1::GetDutyRequest::default() };
            DutyRequest::check(request).err().and_then(|failure| failure.field)
        };
        assert_eq!((field(None, None), field(at(0), at(1))), (None, None));
        assert_eq!((field(at(0), None), field(None, at(0)), field(at(1), at(1))), (Some("to"), Some("from"), Some("to")));
    }
}
