//! Departments and places of the site in force.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{CaseworkRefusal, DepartmentId, EnterpriseId, ParkId, Revision, RevisionNumber, Scope, WarningPlace};

/// Where something is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// What kind of place.
    pub kind: WarningPlace,
    /// Its id.
    pub id: Arc<str>,
}

/// Why something is not done, for programs and for people.
pub(crate) type Refused = (CaseworkRefusal, String);

/// What the fold knows of the site.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sites {
    pub(crate) revision: RevisionNumber,
    departments: BTreeMap<DepartmentId, Office>,
    enterprises: BTreeMap<Arc<str>, Option<Arc<str>>>,
    parks: BTreeMap<Arc<str>, ()>,
    /// The enterprise of each.
    installations: BTreeMap<Arc<str>, Arc<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Office {
    name: String,
    scope: Scope,
}

impl Sites {
    pub(crate) fn of(revision: &Revision) -> Self {
        let site = &revision.site;
        let park_of = |park: Option<&ParkId>| park.map(ParkId::shared);
        let enterprises: BTreeMap<_, _> = site.enterprises.iter().map(|it| (it.id.shared(), park_of(it.park.as_ref()))).collect();
        let office = |it: &model::Department| {
            let enterprise = it.enterprise.as_ref().map(EnterpriseId::shared);
            let own = enterprise.as_ref().and_then(|it| enterprises.get(it).cloned().flatten());
            let scope = Scope { park: park_of(it.park.as_ref()).or(own), enterprise, installation: None };
            Office { name: it.name.clone(), scope }
        };
        Self {
            revision: revision.number,
            departments: site.departments.iter().map(|it| (it.id.clone(), office(it))).collect(),
            parks: site.parks.iter().map(|it| (it.id.shared(), ())).collect(),
            installations: site.installations.iter().map(|it| (it.id.shared(), it.enterprise.shared())).collect(),
            enterprises,
        }
    }

    /// The name of a department as people read it.
    pub(crate) fn department(&self, id: &DepartmentId) -> Result<&str, Refused> {
        let found = self.departments.get(id).map(|it| it.name.as_str());
        found.ok_or_else(|| (CaseworkRefusal::UnknownDepartment, format!("the site in force has no department {id}")))
    }

    /// Who may say something of an incident: departments, and enterprises that have no office.
    pub(crate) fn check_declarer(&self, id: &DepartmentId) -> Result<(), Refused> {
        if self.departments.contains_key(id) || self.enterprises.contains_key(id.as_str()) {
            return Ok(());
        }
        Err((CaseworkRefusal::UnknownDepartment, format!("the site in force has no department or enterprise {id}")))
    }

    /// Whom what a department writes concerns.
    pub(crate) fn scope_of(&self, id: &DepartmentId) -> Scope {
        self.departments.get(id).map(|it| it.scope.clone()).unwrap_or_default()
    }

    /// Whom what happens at a place concerns.
    pub(crate) fn scope_at(&self, place: &Place) -> Result<Scope, Refused> {
        let of_enterprise = |id: &Arc<str>| {
            let park = self.enterprises.get(id)?.clone();
            Some(Scope { park, enterprise: Some(Arc::clone(id)), installation: None })
        };
        let found = match place.kind {
            WarningPlace::Park => {
                self.parks.get(&place.id).map(|()| Scope { park: Some(Arc::clone(&place.id)), ..Scope::default() })
            }
            WarningPlace::Enterprise => of_enterprise(&place.id),
            WarningPlace::Installation => {
                let scope = self.installations.get(&place.id).and_then(of_enterprise);
                scope.map(|scope| Scope { installation: Some(Arc::clone(&place.id)), ..scope })
            }
            WarningPlace::Point => None,
        };
        found.ok_or_else(|| {
            (CaseworkRefusal::UnknownPlace, format!("the site in force has no {} {}", place.kind.as_str(), place.id))
        })
    }
}
