//! The rules of the site in force, the departments, and where districts are.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{
    Addressed, AlarmFacts, Department, DepartmentId, Level, Revision, RevisionNumber, Scope, WarningPlace, WarningRule,
    WarningRuleId,
};

use crate::warning::Place;

/// What the fold knows of the site.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) revision: RevisionNumber,
    pub(crate) rules: BTreeMap<WarningRuleId, WarningRule>,
    /// Offices of enterprises, by enterprise: there are as many as enterprises.
    offices: BTreeMap<Arc<str>, Vec<Department>>,
    /// All other departments.
    departments: Vec<Department>,
    /// Of enterprises and of parks, where it was written down.
    district_of_enterprise: BTreeMap<Arc<str>, String>,
    district_of_park: BTreeMap<Arc<str>, String>,
}

impl Rules {
    pub(crate) fn of(revision: &Revision) -> Self {
        let site = &revision.site;
        let mut offices: BTreeMap<Arc<str>, Vec<Department>> = BTreeMap::new();
        for office in &site.departments {
            if let Some(enterprise) = &office.enterprise {
                offices.entry(enterprise.shared()).or_default().push(office.clone());
            }
        }
        let enterprises = site.enterprises.iter().filter(|it| !it.district.is_empty());
        let parks = site.parks.iter().filter(|it| !it.district.is_empty());
        Self {
            revision: revision.number,
            rules: site.warnings.iter().map(|rule| (rule.id.clone(), rule.clone())).collect(),
            offices,
            departments: site.departments.iter().filter(|it| it.enterprise.is_none()).cloned().collect(),
            district_of_enterprise: enterprises.map(|it| (it.id.shared(), it.district.clone())).collect(),
            district_of_park: parks.map(|it| (it.id.shared(), it.district.clone())).collect(),
        }
    }

    /// The rules that count an alarm, each with the place it is counted at.
    pub(crate) fn cells_of(&self, alarm: &AlarmFacts) -> Vec<(WarningRuleId, Place)> {
        let counting = self.rules.values().filter(|rule| rule.when.lets_through(alarm));
        counting.map(|rule| (rule.id.clone(), place_of(rule.per, alarm))).collect()
    }

    /// The rules of a topic.
    pub(crate) fn of_topic<'a>(&'a self, topic: &'a str) -> impl Iterator<Item = &'a WarningRule> {
        self.rules.values().filter(move |rule| rule.topic == topic)
    }

    /// Whom a rule addresses there, from the nearest level, each department once.
    pub(crate) fn addressees(&self, rule: &WarningRule, scope: &Scope) -> Vec<(Level, &Department)> {
        let district = self.district(scope);
        let own = scope.enterprise.as_ref().and_then(|it| self.offices.get(it)).map_or(&[][..], Vec::as_slice);
        let mut found: Vec<(Level, &Department)> = Vec::new();
        for (level, addressed) in &rule.addressees {
            for department in own.iter().chain(&self.departments).filter(|it| it.answers_for(scope, district)) {
                let meant = addressed.iter().any(|it| match it {
                    Addressed::Department(id) => *id == department.id,
                    Addressed::Kind(kind) => *kind == department.kind && *level == department.level,
                });
                if meant && !found.iter().any(|(_, known)| known.id == department.id) {
                    found.push((*level, department));
                }
            }
        }
        found
    }

    /// Whether the site in force has such a department.
    pub(crate) fn knows(&self, id: &DepartmentId) -> bool {
        self.offices.values().flatten().chain(&self.departments).any(|it| it.id == *id)
    }

    fn district(&self, scope: &Scope) -> &str {
        let of_enterprise = scope.enterprise.as_ref().and_then(|it| self.district_of_enterprise.get(it));
        let of_park = || scope.park.as_ref().and_then(|it| self.district_of_park.get(it));
        of_enterprise.or_else(of_park).map_or("", String::as_str)
    }
}

/// Where an alarm counts. What has no such place, such as a gateway that is no part of an installation, counts at the next wider one.
fn place_of(per: WarningPlace, alarm: &AlarmFacts) -> Place {
    let Scope { park, enterprise, installation } = &alarm.scope;
    let point = (WarningPlace::Point, Some(&alarm.point));
    let wider = [
        (WarningPlace::Installation, installation.as_ref()),
        (WarningPlace::Enterprise, enterprise.as_ref()),
        (WarningPlace::Park, park.as_ref()),
    ];
    let from = std::iter::once(point).chain(wider).filter(|(kind, _)| *kind >= per);
    // An alarm without any of them is a place of its own.
    let found = from.chain([point]).find_map(|(kind, id)| id.map(|id| (kind, id)));
    let (kind, id) = found.unwrap_or((WarningPlace::Point, &alarm.point));
    Place { kind, id: Arc::clone(id) }
}

/// Whom a warning about a place concerns: of the scope of one of its alarms only what all of them have in common.
pub(crate) fn scope_at(place: &Place, scope: &Scope) -> Scope {
    let Scope { park, enterprise, installation } = scope.clone();
    match place.kind {
        WarningPlace::Point | WarningPlace::Installation => Scope { park, enterprise, installation },
        WarningPlace::Enterprise => Scope { park, enterprise, installation: None },
        WarningPlace::Park => Scope { park, enterprise: None, installation: None },
    }
}
