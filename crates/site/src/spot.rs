//! Places with people in them, resources and plans: what the first minutes of an accident ask for.
//!
//! Limits: 10,000 places, 10,000 resources and 1,000 plans; 1,000 points of an outline; 100 substances of a plan.

use model::{
    EnterpriseId, Extent, HeadSource, Level, Location, ParkId, Place, PlaceId, PlaceKind, Plan, PlanId, PointId, Quantity,
    Resource, ResourceId, ResourceKind,
};

use crate::fault::{At, Sink};
use crate::node::{Entry, Field, Node};
use crate::place::{cas_check, location, name_or};
use crate::resolve::{Drafts, refer};
use crate::warning_rule::{text, words};

const PLACE_KEYS: &[&str] = &["id", "name", "kind", "enterprise", "park", "location", "polygon", "heads", "heads_point"];
const RESOURCE_KEYS: &[&str] = &["id", "name", "kind", "location", "amount", "contact"];
const PLAN_KEYS: &[&str] = &["id", "name", "substances", "places", "enterprise", "park", "level", "file", "url", "contact"];

const PLACES_MAX: usize = 10_000;
const RESOURCES_MAX: usize = 10_000;
const PLANS_MAX: usize = 1_000;
const OUTLINE_MAX: usize = 1_000;
const SUBSTANCES_MAX: usize = 100;

const OUTLINE: &str = "polygon = [[32.061, 120.513], [32.061, 120.515], [32.063, 120.515]], latitude first";

/// What an entry belongs to.
#[derive(Default)]
pub(crate) struct Home {
    enterprise: Option<At<EnterpriseId>>,
    park: Option<At<ParkId>>,
}

pub(crate) struct PlaceDraft {
    pub(crate) id: At<PlaceId>,
    place: Place,
    home: Home,
    heads_point: Option<At<PointId>>,
}

pub(crate) struct ResourceDraft {
    pub(crate) id: At<ResourceId>,
    resource: Resource,
}

pub(crate) struct PlanDraft {
    pub(crate) id: At<PlanId>,
    plan: Plan,
    home: Home,
}

fn home(entry: Entry<'_, '_>, sink: &mut Sink) -> Home {
    Home { enterprise: entry.id("enterprise", EnterpriseId::new, sink), park: entry.id("park", ParkId::new, sink) }
}

pub(crate) fn place(entry: Entry<'_, '_>, sink: &mut Sink) -> Option<PlaceDraft> {
    entry.check_keys(PLACE_KEYS, sink);
    let id = entry.required_id("id", PlaceId::new, sink);
    let name = name_or(entry, id.as_ref().map(|id| id.value.as_str()), sink);
    entry.required("kind", "kind = \"school\"", sink);
    let kind = entry.word("kind", PlaceKind::ALL, PlaceKind::as_str, sink);
    let home = home(entry, sink);
    let extent = extent(entry, sink);
    let heads = if entry.field("heads").is_some() { entry.count("heads", sink) } else { None };
    let heads_point = entry.id("heads_point", PointId::new, sink);
    if let (Some(field), Some(_)) = (entry.field("heads_point"), entry.field("heads")) {
        entry.wrong(field, "counts the people that `heads` says already", "keep one of them", sink);
    }
    let id = id?;
    let heads = match (heads, &heads_point) {
        (Some(heads), _) => HeadSource::Fixed(heads),
        (None, Some(point)) => HeadSource::Point(point.value.clone()),
        (None, None) => HeadSource::Unknown,
    };
    let place = Place { id: id.value.clone(), name, kind: kind?.value, enterprise: None, park: None, extent: extent?, heads };
    Some(PlaceDraft { id, place, home, heads_point })
}

fn extent(entry: Entry<'_, '_>, sink: &mut Sink) -> Option<Extent> {
    match (entry.field("location"), entry.field("polygon")) {
        (Some(_), Some(field)) => {
            entry.wrong(field, "says where it is a second time", "keep the location or the polygon", sink);
            None
        }
        (Some(_), None) => location(entry, sink).map(Extent::Point),
        (None, Some(field)) => outline(entry, field, sink).map(Extent::Outline),
        (None, None) => {
            let problem = format!("is missing from this {}", entry.what);
            sink.fault(entry.place, "location", "", problem, "add location = { lat = 32.061, lon = 120.513 }, or a polygon");
            None
        }
    }
}

fn outline(entry: Entry<'_, '_>, field: &Field<'_>, sink: &mut Sink) -> Option<Vec<Location>> {
    let Node::List(corners) = &field.node else {
        entry.wrong(field, "is no list of corners", format!("write {OUTLINE}"), sink);
        return None;
    };
    let mut outline = Vec::with_capacity(corners.len().min(OUTLINE_MAX));
    for corner in corners {
        outline.push(self::corner(entry, corner, sink)?);
    }
    // An outline that is closed by hand is the same one.
    if outline.len() > 1 && outline.first() == outline.last() {
        outline.pop();
    }
    if outline.len() < 3 {
        entry.wrong(field, "has fewer than three corners", format!("write {OUTLINE}"), sink);
        return None;
    }
    if outline.len() > OUTLINE_MAX {
        entry.wrong(field, format!("has more than {OUTLINE_MAX} corners"), "draw it more simply", sink);
        return None;
    }
    Some(outline)
}

fn corner(entry: Entry<'_, '_>, corner: &Field<'_>, sink: &mut Sink) -> Option<Location> {
    let Node::List(numbers) = &corner.node else {
        entry.wrong(corner, "is no corner", "write [latitude, longitude]", sink);
        return None;
    };
    let [lat, lon] = &numbers[..] else {
        entry.wrong(corner, "is no corner", "write [latitude, longitude]", sink);
        return None;
    };
    let (lat, lon) = (entry.number_in(lat, sink)?.value, entry.number_in(lon, sink)?.value);
    if lat.abs() > 90.0 || lon.abs() > 180.0 {
        let cure = "write the latitude, -90 to 90, then the longitude, -180 to 180";
        entry.wrong(corner, "lies outside the earth", cure, sink);
        return None;
    }
    Some(Location { lat, lon })
}

pub(crate) fn resource(entry: Entry<'_, '_>, sink: &mut Sink) -> Option<ResourceDraft> {
    entry.check_keys(RESOURCE_KEYS, sink);
    let id = entry.required_id("id", ResourceId::new, sink);
    let name = name_or(entry, id.as_ref().map(|id| id.value.as_str()), sink);
    entry.required("kind", "kind = \"team\"", sink);
    let kind = entry.word("kind", ResourceKind::ALL, ResourceKind::as_str, sink);
    let location = location(entry, sink);
    let (amount, contact) = (entry.prose("amount", sink), entry.prose("contact", sink));
    let id = id?;
    let resource = Resource { id: id.value.clone(), name, kind: kind?.value, location, amount, contact };
    Some(ResourceDraft { id, resource })
}

pub(crate) fn plan(entry: Entry<'_, '_>, sink: &mut Sink) -> Option<PlanDraft> {
    entry.check_keys(PLAN_KEYS, sink);
    let id = entry.required_id("id", PlanId::new, sink);
    let name = name_or(entry, id.as_ref().map(|id| id.value.as_str()), sink);
    let substances = substances(entry, sink);
    let places = words(entry, "places", PlaceKind::ALL, PlaceKind::as_str, sink);
    let home = home(entry, sink);
    let level = entry.word("level", Level::ALL, Level::as_str, sink).map(|level| level.value);
    let contact = entry.prose("contact", sink);
    let document = document(entry, sink);
    let id = id?;
    let plan = Plan {
        id: id.value.clone(),
        name,
        substances: substances?,
        places: places?,
        enterprise: None,
        park: None,
        level,
        document: document?,
        contact,
    };
    Some(PlanDraft { id, plan, home })
}

fn document(entry: Entry<'_, '_>, sink: &mut Sink) -> Option<String> {
    let (file, url) = (entry.field("file"), entry.field("url"));
    let key = match (file, url) {
        (Some(_), Some(field)) => {
            entry.wrong(field, "says where to read it a second time", "keep the file or the url", sink);
            return None;
        }
        (None, None) => {
            let cure = "add file = \"plans/ammonia.pdf\", or url = \"https://…\"";
            sink.fault(entry.place, "file", "", "is missing from this plan, which nobody could read then", cure);
            return None;
        }
        (Some(_), None) => "file",
        (None, Some(_)) => "url",
    };
    let document = entry.filled(key, "file = \"plans/ammonia.pdf\"", sink)?;
    if key == "url" && !["http://", "https://"].iter().any(|scheme| document.starts_with(scheme)) {
        entry.wrong(entry.field(key)?, "is no address", "write it from https:// on, or use file", sink);
        return None;
    }
    Some(document)
}

/// CAS numbers, in order and each once.
fn substances(entry: Entry<'_, '_>, sink: &mut Sink) -> Option<Vec<String>> {
    let Some(field) = entry.field("substances") else { return Some(Vec::new()) };
    let mut found = Vec::new();
    for item in entry.list("substances", "substances = [\"7664-41-7\"]", sink)? {
        let cas = text(&item).unwrap_or_default();
        match cas_check(cas) {
            Some(true) => found.push(cas.to_owned()),
            Some(false) => {
                sink.fault(item.place, "substances", cas, "has a wrong check digit", "look for a typing error");
                return None;
            }
            None => {
                sink.fault(item.place, "substances", cas, "is no CAS number", "write it like \"7664-41-7\"");
                return None;
            }
        }
    }
    if found.len() > SUBSTANCES_MAX {
        let problem = format!("names more than {SUBSTANCES_MAX} substances");
        entry.wrong(field, problem, "leave them out where it is for all", sink);
        return None;
    }
    found.sort_unstable();
    found.dedup();
    Some(found)
}

/// Looks everything up; each list in order of id.
pub(crate) fn resolve(drafts: &Drafts, sink: &mut Sink) -> (Vec<Place>, Vec<Resource>, Vec<Plan>) {
    too_many("place", PLACES_MAX, drafts.places.iter().map(|it| it.id.place), sink);
    too_many("resource", RESOURCES_MAX, drafts.resources.iter().map(|it| it.id.place), sink);
    too_many("plan", PLANS_MAX, drafts.plans.iter().map(|it| it.id.place), sink);
    let points: Vec<_> = drafts.points.iter().map(|it| it.id.value.as_str()).collect();
    for point in drafts.places.iter().filter_map(|it| it.heads_point.as_ref()) {
        let Some(found) = refer("point", "heads_point", point.value.as_str(), point.place, &points, sink) else { continue };
        if drafts.points[found].quantity.is_some_and(|quantity| quantity != Quantity::Headcount) {
            let problem = "counts no people";
            sink.fault(point.place, "heads_point", point.value.as_str(), problem, "use a point of quantity headcount");
        }
    }
    for home in drafts.places.iter().map(|it| &it.home).chain(drafts.plans.iter().map(|it| &it.home)) {
        check_home(home, drafts, sink);
    }
    let value =
        |home: &Home| (home.enterprise.as_ref().map(|it| it.value.clone()), home.park.as_ref().map(|it| it.value.clone()));
    let with_home = |it: &PlaceDraft| {
        let (enterprise, park) = value(&it.home);
        Place { enterprise, park, ..it.place.clone() }
    };
    let mut places: Vec<_> = drafts.places.iter().map(with_home).collect();
    places.sort_by(|a, b| a.id.cmp(&b.id));
    let mut resources: Vec<_> = drafts.resources.iter().map(|it| it.resource.clone()).collect();
    resources.sort_by(|a, b| a.id.cmp(&b.id));
    let of_plan = |it: &PlanDraft| {
        let (enterprise, park) = value(&it.home);
        Plan { enterprise, park, ..it.plan.clone() }
    };
    let mut plans: Vec<_> = drafts.plans.iter().map(of_plan).collect();
    plans.sort_by(|a, b| a.id.cmp(&b.id));
    (places, resources, plans)
}

fn check_home(home: &Home, drafts: &Drafts, sink: &mut Sink) {
    if let Some(At { value, place }) = &home.enterprise {
        let known: Vec<_> = drafts.enterprises.iter().map(|it| it.id.value.as_str()).collect();
        refer("enterprise", "enterprise", value.as_str(), *place, &known, sink);
    }
    if let Some(At { value, place }) = &home.park {
        let known: Vec<_> = drafts.parks.iter().map(|it| it.id.value.as_str()).collect();
        refer("park", "park", value.as_str(), *place, &known, sink);
    }
}

fn too_many(what: &str, most: usize, mut places: impl Iterator<Item = crate::fault::Place>, sink: &mut Sink) {
    if let Some(place) = places.nth(most) {
        sink.fault(place, what, "", format!("is one {what} more than {most}"), "keep those that matter within hours");
    }
}
