//! `ListCases` and `ListIncidents`: filters and pages. The lists are of the present, and never cut by time (traps 46a).

use casework::{Case, Casework, Incident};
use desk::Standing;
use model::{IncidentKind, Time};
use wire::{Cursor, Failure, v1};

use super::check_incident::kinds;
use super::convert::case_to_v1;
use super::convert_incident::incident_to_v1;
use crate::paging::{Paging, few, within};

/// A checked `ListCasesRequest`.
#[derive(Debug)]
pub(super) struct CaseList {
    open_only: bool,
    late_only: bool,
    parks: Vec<String>,
    enterprises: Vec<String>,
    departments: Vec<String>,
    paging: Paging,
}

impl CaseList {
    pub(super) fn check(request: v1::ListCasesRequest) -> Result<Self, Failure> {
        let v1::ListCasesRequest { open_only, late_only, parks, enterprises, departments, page_size, page_token } = request;
        Ok(Self {
            open_only,
            late_only,
            parks: few("parks", parks)?,
            enterprises: few("enterprises", enterprises)?,
            departments: few("departments", departments)?,
            paging: Paging::check(page_size, &page_token)?,
        })
    }

    pub(super) fn page(&self, casework: &Casework, standing: Standing) -> v1::ListCasesResponse {
        let Standing { epoch, position, now } = standing;
        let found = casework.cases().filter(|it| self.lets_through(it, now));
        let page = self.paging.page(found, |it| (it.opened_at, &it.id), |it| case_to_v1(it, now));
        v1::ListCasesResponse {
            cases: page.items,
            cursor: Cursor::after(epoch, position).encode(),
            next_page_token: page.next_page_token,
            total_size: page.total_size,
        }
    }

    fn lets_through(&self, case: &Case, now: Time) -> bool {
        let concerned = || {
            let tasks = case.tasks.iter().map(|it| it.department.as_str());
            tasks.chain([case.opener.as_str()]).any(|it| within(&self.departments, Some(it)))
        };
        (!self.open_only || case.ended.is_none())
            && (!self.late_only || case.is_late(now))
            && within(&self.parks, case.scope.park.as_deref())
            && within(&self.enterprises, case.scope.enterprise.as_deref())
            && concerned()
    }
}

/// A checked `ListIncidentsRequest`.
#[derive(Debug)]
pub(super) struct IncidentList {
    open_only: bool,
    late_only: bool,
    doubtful_only: bool,
    parks: Vec<String>,
    enterprises: Vec<String>,
    what: Vec<IncidentKind>,
    paging: Paging,
}

impl IncidentList {
    pub(super) fn check(request: v1::ListIncidentsRequest) -> Result<Self, Failure> {
        let v1::ListIncidentsRequest { open_only, late_only, parks, enterprises, what, doubtful_only, page_size, page_token } =
            request;
        Ok(Self {
            open_only,
            late_only,
            doubtful_only,
            parks: few("parks", parks)?,
            enterprises: few("enterprises", enterprises)?,
            what: kinds(&few("what", what)?)?,
            paging: Paging::check(page_size, &page_token)?,
        })
    }

    pub(super) fn page(&self, casework: &Casework, standing: Standing) -> v1::ListIncidentsResponse {
        let Standing { epoch, position, now } = standing;
        let found = casework.incidents().filter(|it| self.lets_through(it, now));
        let page = self.paging.page(found, |it| (it.declared_at, &it.id), |it| incident_to_v1(it, now));
        v1::ListIncidentsResponse {
            incidents: page.items,
            cursor: Cursor::after(epoch, position).encode(),
            next_page_token: page.next_page_token,
            total_size: page.total_size,
        }
    }

    fn lets_through(&self, incident: &Incident, now: Time) -> bool {
        (!self.open_only || incident.closing.is_none())
            && (!self.late_only || incident.is_late(now))
            && (!self.doubtful_only || !incident.doubts.is_empty())
            && (self.what.is_empty() || self.what.contains(&incident.kind))
            && within(&self.parks, incident.scope.park.as_deref())
            && within(&self.enterprises, incident.scope.enterprise.as_deref())
    }
}
