//! Which samples are news. A report that is older than what is known is none, so that a repeat that comes late changes nothing.

use std::sync::Arc;

use model::report::{HeadCount, ReportBody, VehiclePosition, Yard};
use model::{DepartmentId, RecordedEvent, Report, ReportKind, Time};

use crate::recent::Recent;
use crate::{KNOWN_MAX, SILENCE};

/// How full a place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Filling {
    Empty,
    Some,
    Full,
}

impl Filling {
    pub(crate) const ALL: [Self; 3] = [Self::Empty, Self::Some, Self::Full];

    /// How full what is reported is; `None` for what has no filling.
    pub(crate) const fn of(body: &ReportBody) -> Option<Self> {
        match body {
            ReportBody::HeadCount(HeadCount { people: 0, .. }) | ReportBody::Yard(Yard { vehicles: 0, .. }) => Some(Self::Empty),
            ReportBody::Yard(yard) if yard.vehicles >= yard.capacity => Some(Self::Full),
            ReportBody::HeadCount(_) | ReportBody::Yard(_) => Some(Self::Some),
            _ => None,
        }
    }
}

/// What was said of a place or a yard last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) filling: Filling,
    pub(crate) at: Time,
}

/// A place or a yard, in the words of its department.
pub(crate) type Counted = (ReportKind, DepartmentId, Arc<str>);

/// What was said of a vehicle last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sighting {
    pub(crate) waybill: Arc<str>,
    pub(crate) at: Time,
}

/// What events of samples say.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Changes {
    pub(crate) counts: Recent<Counted, Count>,
    pub(crate) vehicles: Recent<Arc<str>, Sighting>,
}

impl Default for Changes {
    fn default() -> Self {
        Self { counts: Recent::new(KNOWN_MAX), vehicles: Recent::new(KNOWN_MAX) }
    }
}

impl Changes {
    pub(crate) fn apply(&mut self, recorded: &RecordedEvent, report: &Report) {
        let (at, subject) = (recorded.event.occurred_at, Arc::clone(&recorded.event.subject));
        if let Some(filling) = Filling::of(&report.body) {
            let place = (report.body.kind(), report.department.clone(), subject);
            self.counts.set(place, Count { filling, at });
        } else if let ReportBody::VehiclePosition(position) = &report.body {
            self.vehicles.set(subject, Sighting { waybill: Arc::from(position.waybill.as_str()), at });
        }
    }

    /// Whether it is news; what is no sample always is.
    pub(crate) fn is_news(&self, department: &DepartmentId, body: &ReportBody, at: Time, seen_at: Option<Time>) -> bool {
        if let ReportBody::VehiclePosition(position) = body {
            return self.is_position_news(position, at, seen_at);
        }
        let Some(filling) = Filling::of(body) else { return true };
        let known = self.counts.get(&(body.kind(), department.clone(), body.subject()));
        known.is_none_or(|known| at >= known.at && filling != known.filling)
    }

    /// `seen_at`: what samples that were no events tell.
    fn is_position_news(&self, position: &VehiclePosition, at: Time, seen_at: Option<Time>) -> bool {
        let Some(known) = self.vehicles.get(&Arc::from(position.vehicle.as_str())) else { return true };
        let last = seen_at.map_or(known.at, |seen| seen.max(known.at));
        at >= last && (at.since(last) > SILENCE || *position.waybill != *known.waybill)
    }
}
