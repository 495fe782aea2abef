//! Departments that warnings are addressed to.

use model::{Department, DepartmentId, DepartmentKind, EnterpriseId, Level, ParkId};

use crate::fault::{At, Sink};
use crate::node::Entry;
use crate::place::{EnterpriseDraft, district, name_or};
use crate::resolve::{Drafts, refer};

const KEYS: &[&str] = &["id", "name", "kind", "level", "enterprise", "park", "district"];

pub(crate) struct DepartmentDraft {
    pub(crate) id: At<DepartmentId>,
    name: String,
    kind: DepartmentKind,
    level: Level,
    enterprise: Option<At<EnterpriseId>>,
    park: Option<At<ParkId>>,
    district: String,
}

pub(crate) fn department(entry: Entry<'_, '_>, sink: &mut Sink) -> Option<DepartmentDraft> {
    entry.check_keys(KEYS, sink);
    let id = entry.required_id("id", DepartmentId::new, sink);
    if let Some(id) = id.as_ref().filter(|id| DepartmentKind::parse(id.value.as_str()).is_some()) {
        let problem = "is the word of a kind, which addresses all departments of the kind";
        sink.fault(id.place, "id", id.value.as_str(), problem, "choose another id, such as \"rugang-office\"");
    }
    let name = name_or(entry, id.as_ref().map(|id| id.value.as_str()), sink);
    entry.required("kind", "kind = \"emergency\"", sink);
    let kind = entry.word("kind", DepartmentKind::ALL, DepartmentKind::as_str, sink);
    let level = entry.word("level", Level::ALL, Level::as_str, sink);
    let enterprise = entry.id("enterprise", EnterpriseId::new, sink);
    let park = entry.id("park", ParkId::new, sink);
    let district = district(entry, sink);
    let kind = kind?.value;
    if kind == DepartmentKind::Enterprise && entry.field("enterprise").is_none() {
        sink.fault(entry.place, "enterprise", "", "is missing from this office of an enterprise", "add enterprise = \"…\"");
    }
    let level = level.map_or(kind.usual_level(), |level| level.value);
    Some(DepartmentDraft { id: id?, name, kind, level, enterprise, park, district })
}

/// In order of id; each enterprise without an office of its own is one itself, under its own id. Shorter only where faults were told.
pub(crate) fn resolve(drafts: &Drafts, sink: &mut Sink) -> Vec<Department> {
    if drafts.departments.is_empty() && drafts.warnings.is_empty() {
        return Vec::new();
    }
    let parks: Vec<_> = drafts.parks.iter().map(|it| it.id.value.as_str()).collect();
    let enterprises: Vec<_> = drafts.enterprises.iter().map(|it| it.id.value.as_str()).collect();
    for draft in &drafts.departments {
        if let Some(At { value, place }) = &draft.enterprise {
            refer("enterprise", "enterprise", value.as_str(), *place, &enterprises, sink);
        }
        if let Some(At { value, place }) = &draft.park {
            refer("park", "park", value.as_str(), *place, &parks, sink);
        }
    }
    let mut departments: Vec<_> = drafts.departments.iter().map(built).collect();
    for enterprise in &drafts.enterprises {
        departments.extend(implied(enterprise, drafts, sink));
    }
    departments.sort_by(|a, b| a.id.cmp(&b.id));
    departments
}

fn built(draft: &DepartmentDraft) -> Department {
    Department {
        id: draft.id.value.clone(),
        name: draft.name.clone(),
        kind: draft.kind,
        level: draft.level,
        enterprise: draft.enterprise.as_ref().map(|it| it.value.clone()),
        park: draft.park.as_ref().map(|it| it.value.clone()),
        district: draft.district.clone(),
    }
}

/// The office that an enterprise is where it has no other.
fn implied(enterprise: &EnterpriseDraft, drafts: &Drafts, sink: &mut Sink) -> Option<Department> {
    let id = &enterprise.id.value;
    let own =
        |it: &&DepartmentDraft| it.kind == DepartmentKind::Enterprise && it.enterprise.as_ref().is_some_and(|it| it.value == *id);
    if drafts.departments.iter().any(|it| own(&it)) {
        return None;
    }
    if let Some(taken) = drafts.departments.iter().find(|it| it.id.value.as_str().eq_ignore_ascii_case(id.as_str())) {
        let problem =
            format!("is the id of an enterprise at {}, which is a department under its own id", sink.name(enterprise.id.place));
        let cure = "choose another id, or give the enterprise an office of its own";
        sink.fault(taken.id.place, "id", taken.id.value.as_str(), problem, cure);
    }
    Some(Department {
        id: DepartmentId::new(id.as_str()).ok()?,
        name: enterprise.name.clone(),
        kind: DepartmentKind::Enterprise,
        level: Level::Enterprise,
        enterprise: Some(id.clone()),
        park: None,
        district: String::new(),
    })
}
