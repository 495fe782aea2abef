//! What of a site reports are checked against: departments, and which place belongs to which.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::report::{ReportBody, Waybill};
use model::{Department, DepartmentId, EnterpriseId, Protocol, Revision, RevisionNumber, Scope};

use crate::draft::{Draft, Refusal, cut};
use crate::rights::reporters;

/// The last part of the paths of those gateways that are reports.
const GATEWAY: &str = "reports";

/// The site in force.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Places {
    pub(crate) revision: RevisionNumber,
    departments: BTreeMap<DepartmentId, Department>,
    /// With their districts.
    parks: BTreeMap<Arc<str>, String>,
    /// With their parks and their own districts.
    enterprises: BTreeMap<Arc<str>, (Option<Arc<str>>, String)>,
    /// With their enterprises.
    installations: BTreeMap<Arc<str>, EnterpriseId>,
    /// Paths of `park/department/reports` that points stand for.
    gateways: BTreeSet<Arc<str>>,
}

impl Places {
    pub(crate) fn of(revision: &Revision) -> Self {
        let site = &revision.site;
        let paths = site.points.iter().map(|point| &point.source).filter(|source| source.protocol == Protocol::Mqtt);
        let paths = paths.map(|source| source.gateway.shared());
        Self {
            revision: revision.number,
            departments: site.departments.iter().map(|it| (it.id.clone(), it.clone())).collect(),
            parks: site.parks.iter().map(|it| (it.id.shared(), it.district.clone())).collect(),
            enterprises: site
                .enterprises
                .iter()
                .map(|it| (it.id.shared(), (it.park.as_ref().map(model::ParkId::shared), it.district.clone())))
                .collect(),
            installations: site.installations.iter().map(|it| (it.id.shared(), it.enterprise.clone())).collect(),
            gateways: paths.filter(|path| path.rsplit('/').next() == Some(GATEWAY)).collect(),
        }
    }

    /// The path under which points stand for a department's samples of a park, if one does.
    pub(crate) fn gateway(&self, park: Option<&str>, department: &DepartmentId) -> Option<Arc<str>> {
        let path = format!("{}/{department}/{GATEWAY}", park?);
        self.gateways.get(path.as_str()).cloned()
    }

    /// Whom a report concerns, if its department may say that there.
    ///
    /// # Errors
    /// A department, a place or a kind that is not of the site, of the other, or not the department's.
    pub(crate) fn admit(&self, draft: &Draft) -> Result<Scope, Refusal> {
        let department = self.departments.get(&draft.department).ok_or_else(|| {
            let message = format!("`{}` is no department of the site; davy check lists site files", draft.department);
            Refusal::invalid("department", message)
        })?;
        let kind = draft.body.kind();
        if !reporters(kind).contains(&department.kind) {
            let (own, word) = (department.kind.as_str(), kind.word());
            let all: Vec<_> = reporters(kind).iter().map(|it| it.as_str()).collect();
            let message = format!("{word} is reported by {}, `{}` is of kind {own}", all.join(", "), department.id);
            return Err(Refusal::not_allowed("department", message));
        }
        let scope = self.scope(draft, department)?;
        if !department.answers_for(&scope, self.district(&scope)) {
            let there = scope.installation.as_ref().or(scope.enterprise.as_ref()).or(scope.park.as_ref());
            let message = format!("{} is not the matter of `{}`", there.map_or("that place", |it| it), department.id);
            return Err(Refusal::not_allowed("department", message));
        }
        Ok(scope)
    }

    /// Where it is: as named, else as the body says, else the department's own place.
    fn scope(&self, draft: &Draft, department: &Department) -> Result<Scope, Refusal> {
        let named = self.named(draft)?;
        let body = self.said(&draft.body)?;
        if let (Some(named), Some(about)) = (&named, draft.body.enterprise())
            && named.enterprise.as_deref().is_some_and(|it| it != about.as_str())
        {
            return Err(Refusal::invalid("enterprise", format!("the report is about `{about}`; leave this out")));
        }
        if let ReportBody::Waybill(waybill) = &draft.body
            && named.is_none()
            && body.is_none()
        {
            return Err(no_end_here(waybill));
        }
        let own = || Scope {
            park: department.park.as_ref().map(model::ParkId::shared),
            enterprise: department.enterprise.as_ref().map(EnterpriseId::shared),
            installation: None,
        };
        // What is about an enterprise is told its readers, also where only the park was named.
        let narrower = |named: Scope| match &body {
            Some(body) if named.enterprise.is_none() && body.park == named.park => body.clone(),
            _ => named,
        };
        Ok(named.map(narrower).or_else(|| body.clone()).unwrap_or_else(own))
    }

    fn named(&self, draft: &Draft) -> Result<Option<Scope>, Refusal> {
        let Draft { park, enterprise, installation, .. } = draft;
        let mut scope = None;
        if !park.is_empty() {
            scope = Some(self.park(park).ok_or_else(|| unknown("park", park))?);
        }
        if !enterprise.is_empty() {
            let found = self.enterprise(enterprise).ok_or_else(|| unknown("enterprise", enterprise))?;
            if !park.is_empty() && found.park.as_deref() != Some(park.as_str()) {
                return Err(Refusal::invalid("park", format!("`{enterprise}` is not in `{park}`; leave this out")));
            }
            scope = Some(found);
        }
        if !installation.is_empty() {
            let found = self.installation(installation).ok_or_else(|| unknown("installation", installation))?;
            if !enterprise.is_empty() && found.enterprise.as_deref() != Some(enterprise.as_str()) {
                let message = format!("`{installation}` does not belong to `{enterprise}`; leave this out");
                return Err(Refusal::invalid("enterprise", message));
            }
            if !park.is_empty() && found.park.as_deref() != Some(park.as_str()) {
                return Err(Refusal::invalid("park", format!("`{installation}` is not in `{park}`; leave this out")));
            }
            scope = Some(found);
        }
        Ok(scope)
    }

    /// Where the body says that it is, as far as it is of the site.
    fn said(&self, body: &ReportBody) -> Result<Option<Scope>, Refusal> {
        if let Some(enterprise) = body.enterprise() {
            let field = crate::limits::rules(body.kind()).first().map_or("enterprise", |(field, _)| field);
            return self.enterprise(enterprise.as_str()).map(Some).ok_or_else(|| unknown(field, enterprise.as_str()));
        }
        Ok(match body {
            // The consignee has to unload it, and sees it come.
            ReportBody::Waybill(it) => self.enterprise(&it.to_enterprise).or_else(|| self.enterprise(&it.from_enterprise)),
            ReportBody::HeadCount(it) => self.anywhere(&it.place),
            ReportBody::ZoneEmptied(it) => self.anywhere(&it.place),
            ReportBody::AllClear(it) => self.anywhere(&it.place),
            ReportBody::Diversion(it) => self.anywhere(&it.place),
            ReportBody::Dispatch(it) => self.anywhere(&it.to),
            _ => None,
        })
    }

    fn anywhere(&self, id: &str) -> Option<Scope> {
        self.installation(id).or_else(|| self.enterprise(id)).or_else(|| self.park(id))
    }

    fn park(&self, id: &str) -> Option<Scope> {
        let (park, _) = self.parks.get_key_value(id)?;
        Some(Scope { park: Some(Arc::clone(park)), ..Scope::default() })
    }

    fn enterprise(&self, id: &str) -> Option<Scope> {
        let (enterprise, (park, _)) = self.enterprises.get_key_value(id)?;
        Some(Scope { park: park.clone(), enterprise: Some(Arc::clone(enterprise)), installation: None })
    }

    fn installation(&self, id: &str) -> Option<Scope> {
        let (installation, enterprise) = self.installations.get_key_value(id)?;
        Some(Scope { installation: Some(Arc::clone(installation)), ..self.enterprise(enterprise.as_str())? })
    }

    fn district(&self, scope: &Scope) -> &str {
        let of_enterprise = scope.enterprise.as_ref().and_then(|it| self.enterprises.get(it)).map(|(_, own)| own);
        let of_park = || scope.park.as_ref().and_then(|it| self.parks.get(it));
        of_enterprise.filter(|it| !it.is_empty()).or_else(of_park).map_or("", String::as_str)
    }
}

fn unknown(field: &'static str, id: &str) -> Refusal {
    let what = field.rsplit('.').next().unwrap_or(field);
    Refusal::invalid(field, format!("`{}` is no {what} of the site in force; use an id of the site files", cut(id)))
}

fn no_end_here(waybill: &Waybill) -> Refusal {
    let (from, to) = (cut(&waybill.from_enterprise), cut(&waybill.to_enterprise));
    let message =
        format!("neither `{from}` nor `{to}` is an enterprise of the site; name one by its id, or the park that it concerns");
    Refusal::invalid("waybill.to_enterprise", message)
}
