//! All entries together: ids are unique, references exist, every gateway has one enterprise, every tag one point.

use std::collections::BTreeMap;

use model::{
    AlarmRule, Department, Enterprise, Installation, Park, Place as Spot, Plan, Point, PointId, Protocol, Resource, Site,
    Suppression, WarningRule,
};

use crate::alarm::AlarmDraft;
use crate::condition::ConditionDraft;
use crate::department::DepartmentDraft;
use crate::fault::{At, Place, Sink};
use crate::place::{EnterpriseDraft, InstallationDraft, ParkDraft};
use crate::point::PointDraft;
use crate::references::{self, Points};
use crate::spot::{PlaceDraft, PlanDraft, ResourceDraft};
use crate::suppression::{self, SuppressionDraft};
use crate::warning_rule::{self, WarningDraft};
use crate::wind::WindDraft;
use crate::{defaults, department, rules, spot, standards, suggest, wind};

/// Lists longer than this are not searched for what may have been meant.
const SUGGESTION_CANDIDATES_MAX: usize = 10_000;

/// Everything that the files say, each entry checked by itself.
#[derive(Default)]
pub(crate) struct Drafts {
    pub(crate) parks: Vec<ParkDraft>,
    pub(crate) enterprises: Vec<EnterpriseDraft>,
    pub(crate) installations: Vec<InstallationDraft>,
    pub(crate) points: Vec<PointDraft>,
    /// From `alarms.csv`.
    pub(crate) alarms: Vec<(At<PointId>, AlarmDraft)>,
    pub(crate) suppressions: Vec<SuppressionDraft>,
    pub(crate) departments: Vec<DepartmentDraft>,
    pub(crate) warnings: Vec<WarningDraft>,
    pub(crate) places: Vec<PlaceDraft>,
    pub(crate) resources: Vec<ResourceDraft>,
    pub(crate) plans: Vec<PlanDraft>,
}

impl Drafts {
    pub(crate) fn is_empty(&self) -> bool {
        let places = self.parks.is_empty() && self.enterprises.is_empty() && self.installations.is_empty();
        let others =
            self.alarms.is_empty() && self.suppressions.is_empty() && self.departments.is_empty() && self.warnings.is_empty();
        let around = self.places.is_empty() && self.resources.is_empty() && self.plans.is_empty();
        places && self.points.is_empty() && others && around
    }

    fn sort(&mut self) {
        self.parks.sort_by(|a, b| a.id.value.cmp(&b.id.value));
        self.enterprises.sort_by(|a, b| a.id.value.cmp(&b.id.value));
        self.installations.sort_by(|a, b| a.id.value.cmp(&b.id.value));
        self.points.sort_by(|a, b| a.id.value.cmp(&b.id.value));
    }
}

/// Checks across entries and builds the site; `None` only where faults were told.
pub(crate) fn resolve(mut drafts: Drafts, sink: &mut Sink) -> Option<Site> {
    check_unique_ids(&drafts, sink);
    drafts.sort();
    attach_alarms(&mut drafts, sink);
    let owners = check_references(&drafts, sink);
    check_gateways(&drafts, &owners, sink);
    check_tags(&drafts.points, sink);
    for point in &mut drafts.points {
        point.alarms.sort_by(|a, b| a.id.value.cmp(&b.id.value));
        rules::check(point, sink);
        standards::check(point, sink);
    }
    let suppressions = suppression::resolve(&Points::new(&drafts, &owners), &drafts.suppressions, sink);
    let departments = department::resolve(&drafts, sink);
    let warnings = warning_rule::resolve(&drafts, &departments, sink);
    wind::check(&drafts, sink);
    let (places, resources, plans) = spot::resolve(&drafts, sink);
    for (point, alarm, condition) in references::conditions(&Points::new(&drafts, &owners), sink) {
        drafts.points[point].alarms[alarm].condition = ConditionDraft::Ready(condition);
    }
    if drafts.points.is_empty() && sink.is_faultless() {
        let problem = "the site has no points, so nothing is watched";
        sink.warning(Place { file: u32::MAX, line: 0 }, "", "", problem, "add [[point]] entries");
    }
    let beside = Beside { suppressions, departments, warnings, places, resources, plans };
    sink.is_faultless().then(|| build(drafts, beside, &owners)).flatten()
}

fn check_unique_ids(drafts: &Drafts, sink: &mut Sink) {
    unique("park", drafts.parks.iter().map(|it| (it.id.value.as_str(), it.id.place)), sink);
    unique("enterprise", drafts.enterprises.iter().map(|it| (it.id.value.as_str(), it.id.place)), sink);
    unique("installation", drafts.installations.iter().map(|it| (it.id.value.as_str(), it.id.place)), sink);
    unique("point", drafts.points.iter().map(|it| (it.id.value.as_str(), it.id.place)), sink);
    unique("department", drafts.departments.iter().map(|it| (it.id.value.as_str(), it.id.place)), sink);
    unique("warning", drafts.warnings.iter().map(|it| (it.id.value.as_str(), it.id.place)), sink);
    unique("place", drafts.places.iter().map(|it| (it.id.value.as_str(), it.id.place)), sink);
    unique("resource", drafts.resources.iter().map(|it| (it.id.value.as_str(), it.id.place)), sink);
    unique("plan", drafts.plans.iter().map(|it| (it.id.value.as_str(), it.id.place)), sink);
    unique("suppression", drafts.suppressions.iter().map(|it| (it.id.value.as_str(), it.id.place)), sink);
}

/// Ids are unique ignoring case: a case-insensitive index or file system must not merge two (traps 23).
pub(crate) fn unique<'a>(what: &str, ids: impl Iterator<Item = (&'a str, Place)>, sink: &mut Sink) {
    let mut ids: Vec<_> = ids.map(|(id, place)| (id.to_ascii_lowercase(), place, id)).collect();
    ids.sort_unstable();
    for same in ids.chunk_by(|a, b| a.0 == b.0) {
        let Some(((_, first_place, first), others)) = same.split_first() else { continue };
        for (_, place, id) in others {
            let first_place = sink.name(*first_place);
            let problem = if id == first {
                format!("is already the id of another {what}, at {first_place}")
            } else {
                format!("differs only in case from {what} `{first}` at {first_place}")
            };
            sink.fault(*place, "id", id, problem, "give each an id of its own, or remove one");
        }
    }
}

/// Finds `id` among sorted ids, or tells under `key` that there is none.
pub(crate) fn refer(what: &str, key: &str, id: &str, place: Place, ids: &[&str], sink: &mut Sink) -> Option<usize> {
    if let Ok(found) = ids.binary_search(&id) {
        return Some(found);
    }
    let mut cure = String::new();
    if sink.suggestions_left > 0 && ids.len() <= SUGGESTION_CANDIDATES_MAX {
        sink.suggestions_left -= 1;
        cure = suggest::hint(id, ids.iter().copied());
    }
    if cure.is_empty() {
        cure = format!("add the {what}, or correct the id");
    }
    sink.fault(place, key, id, format!("there is no {what} of this id"), cure);
    None
}

fn attach_alarms(drafts: &mut Drafts, sink: &mut Sink) {
    let ids: Vec<_> = drafts.points.iter().map(|point| point.id.value.clone()).collect();
    let ids: Vec<_> = ids.iter().map(PointId::as_str).collect();
    for (point, alarm) in std::mem::take(&mut drafts.alarms) {
        if let Some(found) = refer("point", "point", point.value.as_str(), point.place, &ids, sink) {
            drafts.points[found].alarms.push(alarm);
        }
    }
}

/// Which entry each other entry belongs to, by index; `None` where that is at fault.
pub(crate) struct Owners {
    enterprise_of_installation: Vec<Option<usize>>,
    pub(crate) installation_of_point: Vec<Option<usize>>,
}

impl Owners {
    pub(crate) fn enterprise_of_point(&self, point: usize) -> Option<usize> {
        self.installation_of_point[point].and_then(|installation| self.enterprise_of_installation[installation])
    }
}

fn check_references(drafts: &Drafts, sink: &mut Sink) -> Owners {
    let parks: Vec<_> = drafts.parks.iter().map(|park| park.id.value.as_str()).collect();
    for park in drafts.enterprises.iter().filter_map(|enterprise| enterprise.park.as_ref()) {
        refer("park", "park", park.value.as_str(), park.place, &parks, sink);
    }
    let enterprises: Vec<_> = drafts.enterprises.iter().map(|it| it.id.value.as_str()).collect();
    let enterprise_of_installation = drafts.installations.iter().map(|installation| {
        let enterprise = installation.enterprise.as_ref()?;
        refer("enterprise", "enterprise", enterprise.value.as_str(), enterprise.place, &enterprises, sink)
    });
    let enterprise_of_installation = enterprise_of_installation.collect();
    let installations: Vec<_> = drafts.installations.iter().map(|it| it.id.value.as_str()).collect();
    let installation_of_point = drafts.points.iter().map(|point| {
        let installation = point.installation.as_ref()?;
        refer("installation", "installation", installation.value.as_str(), installation.place, &installations, sink)
    });
    let installation_of_point = installation_of_point.collect();
    Owners { enterprise_of_installation, installation_of_point }
}

/// One point's use of a gateway.
struct Use<'a> {
    protocol: Protocol,
    folded: String,
    /// What has a link of its own and belongs to one enterprise: the node of a Sparkplug device, else the gateway itself.
    unit: &'a str,
    place: Place,
    path: &'a str,
    enterprise: Option<&'a str>,
}

fn check_gateways(drafts: &Drafts, owners: &Owners, sink: &mut Sink) {
    let mut uses = Vec::with_capacity(drafts.points.len());
    for (index, point) in drafts.points.iter().enumerate() {
        let Some(source) = &point.source else { continue };
        let path = source.value.gateway.as_str();
        let enterprise = owners.enterprise_of_point(index).map(|found| drafts.enterprises[found].id.value.as_str());
        let unit = unit(source.value.protocol, path);
        let folded = unit.to_lowercase();
        uses.push(Use { protocol: source.value.protocol, folded, unit, place: source.place, path, enterprise });
    }
    // In the order of the files, so that the later use is the one at fault.
    uses.sort_by(|a, b| (a.protocol, &a.folded, a.place).cmp(&(b.protocol, &b.folded, b.place)));
    for gateway in uses.chunk_by(|a, b| a.protocol == b.protocol && a.folded == b.folded) {
        let Some((first, others)) = gateway.split_first() else { continue };
        check_gateway_alone(first, sink);
        others.iter().for_each(|other| check_gateway_again(first, other, sink));
        check_devices(gateway, sink);
    }
}

fn unit(protocol: Protocol, path: &str) -> &str {
    let node = path.rsplit_once('/').map(|(node, _)| node).filter(|node| node.contains('/'));
    node.filter(|_| protocol == Protocol::Sparkplug).unwrap_or(path)
}

/// Devices of one node whose names differ only in case: one of them is a typing error.
fn check_devices(node: &[Use<'_>], sink: &mut Sink) {
    let mut first_of: BTreeMap<String, &Use<'_>> = BTreeMap::new();
    for again in node.iter().filter(|it| it.path != it.unit && it.unit == node[0].unit) {
        let first = *first_of.entry(again.path.to_lowercase()).or_insert(again);
        if again.path != first.path {
            differs_in_case(first, first.path, again, sink);
        }
    }
}

fn differs_in_case(first: &Use<'_>, path: &str, again: &Use<'_>, sink: &mut Sink) {
    let problem = format!("differs only in case from gateway `{path}` at {}", sink.name(first.place));
    sink.fault(again.place, again.protocol.as_str(), again.path, problem, "write both alike");
}

fn check_gateway_alone(gateway: &Use<'_>, sink: &mut Sink) {
    let key = gateway.protocol.as_str();
    match (gateway.protocol, gateway.enterprise, gateway.path.split('/').nth(1)) {
        (Protocol::Mqtt | Protocol::Grpc, Some(enterprise), Some(named)) if named != enterprise => {
            let problem = format!("names enterprise `{named}`, but its points belong to `{enterprise}`");
            sink.warning(gateway.place, key, gateway.path, problem, "write park/enterprise/gateway as the gateway does");
        }
        _ => {}
    }
}

fn check_gateway_again(first: &Use<'_>, again: &Use<'_>, sink: &mut Sink) {
    let key = again.protocol.as_str();
    let place = sink.name(first.place);
    if again.unit != first.unit {
        differs_in_case(first, first.unit, again, sink);
    } else if let (Some(one), Some(other)) = (first.enterprise, again.enterprise)
        && one != other
    {
        let problem = format!("serves enterprise `{one}` at {place}, here `{other}`, and a message never splits over partitions");
        sink.fault(again.place, key, again.path, problem, "give each enterprise a gateway of its own");
    }
}

fn check_tags(points: &[PointDraft], sink: &mut Sink) {
    let claims = points.iter().filter_map(|point| {
        let source = point.source.as_ref()?;
        Some((&source.value, source.place, point.id.value.as_str()))
    });
    let mut claims: Vec<_> = claims.collect();
    claims.sort_unstable();
    for same in claims.chunk_by(|a, b| a.0 == b.0) {
        let Some(((source, place, point), others)) = same.split_first() else { continue };
        for (_, again, _) in others {
            let first = sink.name(*place);
            let problem = format!("this tag of {} is already claimed by point `{point}` at {first}", source.gateway);
            sink.fault(*again, "tag", &source.tag, problem, "let one point claim it");
        }
    }
}

/// What refers to points and places and is no part of them.
struct Beside {
    suppressions: Vec<Suppression>,
    departments: Vec<Department>,
    warnings: Vec<WarningRule>,
    places: Vec<Spot>,
    resources: Vec<Resource>,
    plans: Vec<Plan>,
}

/// Everything was checked, so nothing is left out here: a `None` on the way only means that a fault was told.
fn build(drafts: Drafts, beside: Beside, owners: &Owners) -> Option<Site> {
    let enterprise_ids: Vec<_> = drafts.enterprises.iter().map(|it| it.id.value.clone()).collect();
    let park_ids: Vec<_> = drafts.enterprises.iter().map(|it| it.park.as_ref().map(|park| park.value.clone())).collect();
    let mut points = Vec::with_capacity(drafts.points.len());
    for (index, draft) in drafts.points.into_iter().enumerate() {
        let enterprise = owners.enterprise_of_point(index)?;
        points.push(point(draft, enterprise_ids[enterprise].clone(), park_ids[enterprise].clone())?);
    }
    Some(Site {
        parks: drafts.parks.into_iter().map(park).collect(),
        enterprises: drafts.enterprises.into_iter().map(enterprise).collect(),
        installations: drafts.installations.into_iter().map(installation).collect::<Option<_>>()?,
        points,
        suppressions: beside.suppressions,
        departments: beside.departments,
        warnings: beside.warnings,
        places: beside.places,
        resources: beside.resources,
        plans: beside.plans,
    })
}

fn park(draft: ParkDraft) -> Park {
    let wind = draft.wind.as_ref().map(WindDraft::points);
    Park { id: draft.id.value, name: draft.name, time_zone: draft.time_zone, district: draft.district, wind }
}

fn enterprise(draft: EnterpriseDraft) -> Enterprise {
    let park = draft.park.map(|park| park.value);
    Enterprise { id: draft.id.value, name: draft.name, park, district: draft.district }
}

fn installation(draft: InstallationDraft) -> Option<Installation> {
    let mut substances = draft.substances;
    substances
        .sort_by(|a, b| (&a.cas, &a.name).cmp(&(&b.cas, &b.name)).then(a.design_max_tonnes.total_cmp(&b.design_max_tonnes)));
    Some(Installation {
        id: draft.id.value,
        name: draft.name,
        enterprise: draft.enterprise?.value,
        kind: draft.kind,
        exposed_people: draft.exposed_people,
        location: draft.location,
        substances,
        wind: draft.wind.as_ref().map(WindDraft::points),
    })
}

fn point(draft: PointDraft, enterprise: model::EnterpriseId, park: Option<model::ParkId>) -> Option<Point> {
    let quantity = draft.quantity?;
    let mut alarms: Vec<AlarmRule> =
        draft.alarms.into_iter().map(|alarm| defaults::rule(alarm, quantity)).collect::<Option<_>>()?;
    alarms.extend(defaults::implied(quantity, &alarms));
    alarms.sort_by(|a, b| a.id.cmp(&b.id));
    Some(Point {
        id: draft.id.value,
        name: draft.name,
        installation: draft.installation?.value,
        enterprise,
        park,
        quantity,
        unit: draft.unit?,
        range: draft.range,
        stale_after: draft.stale_after,
        source: draft.source?.value,
        states: draft.states,
        alarms,
        cas: draft.cas.value,
    })
}
