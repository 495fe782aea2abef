//! What lies around a source: who is in the zones, what helps, which plan applies.

use std::sync::Arc;

use model::{Extent, Lies, Location, PictureNote, PicturePlan, PictureResource, PictureZone, Plan, SubstanceFrom};

use crate::guide::Guide;
use crate::picture::Source;
use crate::picture::draft::{Draft, Thing, tenth};
use crate::picture::say::note;
use crate::plane::Plane;
use crate::survey::{self, Inside, PlaceFault, Within, survey};

/// So many resources are named.
const RESOURCES_MAX: usize = 10;

/// So many names stand in a note.
const NAMED_MAX: usize = 5;

/// What lies in the zones, the worse zone first, then by distance.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found<'a> {
    pub(crate) things: Vec<(Thing<'a>, Lies)>,
    /// Resources in a zone, by their place in the site.
    pub(crate) resources: Vec<(usize, PictureZone)>,
}

/// A place of the survey by what it stands for: the survey knows ids alone.
enum Ref {
    Place(usize),
    Installation(usize),
    Resource(usize),
}

pub(crate) fn found<'a>(source: &Source<'a>, guide: Option<&Guide>, notes: &mut Vec<PictureNote>) -> Found<'a> {
    let site = source.site;
    let Some(guide) = guide else {
        notes.push(note("who is in danger is unknown, since the zones are", "区域不明，无法确定受影响人员"));
        return Found::default();
    };
    let mut places = Vec::new();
    places.extend(site.places.iter().enumerate().map(|(at, it)| place(format!("p{at}"), &it.extent)));
    let located = site.installations.iter().enumerate().filter_map(|(at, it)| Some((at, it.location?)));
    places.extend(located.map(|(at, location)| place(format!("i{at}"), &Extent::Point(location))));
    let located = site.resources.iter().enumerate().filter_map(|(at, it)| Some((at, it.location?)));
    places.extend(located.map(|(at, location)| place(format!("r{at}"), &Extent::Point(location))));
    without_location(source, notes);
    let mut found = Found::default();
    for within in surveyed(source, guide, places, notes) {
        let lies =
            Lies { zone: zone(within.inside), distance_m: tenth(within.distance_m), bearing_deg: within.bearing_deg.map(tenth) };
        match reference(&within.id) {
            Some(Ref::Place(at)) => found.things.extend(site.places.get(at).map(|it| (Thing::Place(it), lies))),
            Some(Ref::Installation(at)) => {
                found.things.extend(site.installations.get(at).map(|it| (Thing::Installation(it), lies)));
            }
            Some(Ref::Resource(at)) => found.resources.push((at, lies.zone)),
            None => {}
        }
    }
    found
}

fn place(id: String, extent: &Extent) -> survey::Place {
    let extent = match extent {
        Extent::Point(at) => survey::Extent::Point(*at),
        Extent::Outline(outline) => survey::Extent::Polygon(outline.clone()),
    };
    survey::Place { id, extent, heads: None }
}

fn reference(id: &str) -> Option<Ref> {
    let (kind, at) = id.split_at_checked(1)?;
    let at = at.parse().ok()?;
    Some(match kind {
        "p" => Ref::Place(at),
        "i" => Ref::Installation(at),
        _ => Ref::Resource(at),
    })
}

const fn zone(inside: Inside) -> PictureZone {
    match inside {
        Inside::Isolation => PictureZone::Isolation,
        Inside::Protective => PictureZone::Protective,
    }
}

/// What lies in the zones; a place that cannot be judged is named and the others are judged without it.
fn surveyed(source: &Source<'_>, guide: &Guide, mut places: Vec<survey::Place>, notes: &mut Vec<PictureNote>) -> Vec<Within> {
    let faults = match survey(guide, &places) {
        Ok(survey) => return survey.within,
        Err(faults) => faults,
    };
    let mut names = Vec::new();
    for fault in &faults {
        let (PlaceFault::Location { id, .. } | PlaceFault::Outline { id, .. }) = fault;
        names.push(match reference(id) {
            Some(Ref::Place(at)) => source.site.places[at].name.clone(),
            Some(Ref::Installation(at)) => source.site.installations[at].name.clone(),
            Some(Ref::Resource(at)) => source.site.resources[at].name.clone(),
            None => id.clone(),
        });
        places.retain(|place| place.id != *id);
    }
    let names = listed(&names);
    notes.push(note(format!("cannot be judged and may lie in a zone: {names}"), format!("无法判断是否在区域内：{names}")));
    survey(guide, &places).map(|survey| survey.within).unwrap_or_default()
}

fn without_location(source: &Source<'_>, notes: &mut Vec<PictureNote>) {
    let without = source.site.installations.iter().filter(|it| it.location.is_none()).map(|it| it.name.clone());
    let without: Vec<_> = without.collect();
    if !without.is_empty() {
        let names = listed(&without);
        notes.push(note(
            format!("location unknown, may lie in a zone: {names}"),
            format!("位置不明、可能在区域内的装置：{names}"),
        ));
    }
}

/// The first few of a list and how many more there are.
fn listed(names: &[String]) -> String {
    let more = names.len().saturating_sub(NAMED_MAX);
    let shown = names[..names.len() - more].join(", ");
    if more == 0 { shown } else { format!("{shown} +{more}") }
}

impl Draft<'_> {
    /// The nearest ones first; those whose place nobody knows last.
    pub(crate) fn resources(&self) -> Vec<PictureResource> {
        let site = self.source.site;
        let plane = self.source.installation.and_then(|it| it.location).and_then(|at| Plane::around(at).ok());
        let lies = |at: Option<Location>| at.and_then(|at| plane.as_ref()?.spot(at).ok());
        let of = |(at, resource): (usize, &model::Resource)| {
            let spot = lies(resource.location);
            PictureResource {
                id: resource.id.shared(),
                name: resource.name.clone(),
                kind: resource.kind,
                amount: resource.amount.clone(),
                contact: resource.contact.clone(),
                distance_m: spot.map(|it| tenth(it.metres())),
                bearing_deg: spot.filter(|it| it.metres() > 0.0).map(|it| tenth(it.bearing())),
                zone: self.found.resources.iter().find(|(own, _)| *own == at).map(|(_, zone)| *zone),
            }
        };
        let mut resources: Vec<_> = site.resources.iter().enumerate().map(of).collect();
        let far = |it: &PictureResource| it.distance_m.unwrap_or(f64::INFINITY);
        resources.sort_by(|a, b| far(a).total_cmp(&far(b)).then_with(|| a.id.cmp(&b.id)));
        resources.truncate(RESOURCES_MAX);
        resources
    }

    /// Those that apply; what a plan asks for and nobody knows makes it uncertain, not left out.
    pub(crate) fn plans(&self) -> Vec<PicturePlan> {
        let of = |plan: &Plan| {
            let certain = self.is_ours(plan).then(|| self.substances_fit(plan).zip(self.places_fit(plan))).flatten();
            certain.map(|(substances, places)| PicturePlan {
                id: plan.id.shared(),
                name: plan.name.clone(),
                level: plan.level,
                document: plan.document.clone(),
                contact: plan.contact.clone(),
                certain: substances && places,
            })
        };
        self.source.site.plans.iter().filter_map(of).collect()
    }

    fn is_ours(&self, plan: &Plan) -> bool {
        let scope = &self.source.asked.scope;
        let home = self.source.installation.map(|it| it.enterprise.shared());
        let own =
            |wanted: Option<&str>, here: Option<&Arc<str>>| wanted.is_none_or(|wanted| here.is_some_and(|it| **it == *wanted));
        let enterprise = scope.enterprise.as_ref().or(home.as_ref());
        own(plan.enterprise.as_ref().map(model::EnterpriseId::as_str), enterprise)
            && own(plan.park.as_ref().map(model::ParkId::as_str), scope.park.as_ref())
    }

    /// Whether it is for what got out: surely, perhaps, or `None`: not.
    fn substances_fit(&self, plan: &Plan) -> Option<bool> {
        let (from, may) = (self.source.from, &self.source.substances);
        if plan.substances.is_empty() {
            return Some(true);
        }
        if from == SubstanceFrom::Unknown {
            return Some(false);
        }
        let fits = may.iter().any(|it| plan.substances.contains(&it.cas));
        fits.then_some(from == SubstanceFrom::Detector || may.len() == 1)
    }

    fn places_fit(&self, plan: &Plan) -> Option<bool> {
        if plan.places.is_empty() {
            return Some(true);
        }
        if self.guide.is_none() {
            return Some(false);
        }
        let is_meant = |(thing, _): &(Thing<'_>, Lies)| matches!(thing, Thing::Place(place) if plan.places.contains(&place.kind));
        self.found.things.iter().any(is_meant).then_some(true)
    }
}
