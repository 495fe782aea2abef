//! The first picture of a warning, in three steps, since what has to be read follows from the step before: `Source::of` finds what may
//! have got out where, and who measures the wind; `Source::draft` draws the zones by that wind and finds who is in them; `Draft::picture`
//! counts the people.
//!
//! Limits: 200 places and 200 installations are listed, the nearest first, the others counted; 10 resources.

mod around;
mod draft;
mod people;
mod say;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{EventId, Installation, Park, Point, PointId, Scope, Site, Span, SubstanceFrom, Time, WindPoints};

use crate::key::Cas;
pub use draft::Draft;

/// Topics of warnings in which a tank is taken to burn.
const FIRE_TOPICS: &[&str] = &["fire", "explosion"];

/// A measurement that is older says nothing of now.
const READING_AGE_MAX: Span = Span::from_secs(600);

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The warning.
    pub warning: EventId,
    /// The event that asks.
    pub asked_by: EventId,
    /// Its topic.
    pub topic: String,
    /// Whom it concerns.
    pub scope: Scope,
    /// The points of the alarms behind it, in order.
    pub points: Vec<Arc<str>>,
    /// The moment it is made for.
    pub at: Time,
}

/// The newest value of a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reading {
    /// It was measured.
    Value {
        /// In the point's unit.
        value: f64,
        /// When.
        at: Time,
    },
    /// Its newest sample has no value that can be trusted.
    Bad,
    /// Nothing of it was found as far back as was looked.
    NotSeen,
    /// It could not be read in time.
    NotRead,
}

/// The newest values by point; what is not in it was not read.
pub type Readings = BTreeMap<PointId, Reading>;

/// Where it happened, and what may have got out.
#[derive(Clone, Debug)]
pub struct Source<'a> {
    pub(crate) site: &'a Site,
    pub(crate) asked: Asked,
    pub(crate) installation: Option<&'a Installation>,
    /// Others with alarms behind the warning.
    pub(crate) others: Vec<&'a Installation>,
    pub(crate) substances: Vec<Candidate>,
    pub(crate) from: SubstanceFrom,
    pub(crate) wind: Option<&'a WindPoints>,
}

/// What may have got out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// Empty where the site gives none.
    pub(crate) cas: String,
    /// As the site names it.
    pub(crate) name: String,
}

impl<'a> Source<'a> {
    /// What the site knows of the place of a warning. Of the points those of the alarms, of the wind and of head counts are enough.
    pub fn of(site: &'a Site, asked: Asked) -> Self {
        let points: Vec<&Point> = asked.points.iter().filter_map(|id| point(site, id)).collect();
        let mut installations: Vec<&Installation> = Vec::new();
        let named = points.iter().map(|it| it.installation.as_str()).chain(asked.scope.installation.as_deref());
        for id in named {
            let found = site.installations.iter().find(|it| it.id.as_str() == id);
            installations.extend(found.filter(|found| !installations.iter().any(|it| it.id == found.id)));
        }
        // One with a location is of more use than the first.
        let at = installations.iter().position(|it| it.location.is_some()).unwrap_or(0);
        let installation = (at < installations.len()).then(|| installations.remove(at));
        let (substances, from) = candidates(site, &points, installation);
        let park = installation.and_then(|it| park_of(site, it));
        let wind = installation.and_then(|it| it.wind.as_ref()).or_else(|| park.and_then(|it| it.wind.as_ref()));
        Self { site, asked, installation, others: installations, substances, from, wind }
    }

    /// The points of the wind; none where the site names none.
    pub fn wind_points(&self) -> impl Iterator<Item = &'a PointId> {
        self.wind.into_iter().flat_map(|wind| [&wind.speed, &wind.direction])
    }

    pub(crate) fn is_fire(&self) -> bool {
        FIRE_TOPICS.contains(&self.asked.topic.as_str())
    }
}

pub(crate) fn point<'a>(site: &'a Site, id: &str) -> Option<&'a Point> {
    site.points.iter().find(|it| it.id.as_str() == id)
}

fn park_of<'a>(site: &'a Site, installation: &Installation) -> Option<&'a Park> {
    let enterprise = site.enterprises.iter().find(|it| it.id == installation.enterprise)?;
    site.parks.iter().find(|it| Some(&it.id) == enterprise.park.as_ref())
}

/// What the detectors in alarm are for; else all that the installation may hold.
fn candidates(site: &Site, points: &[&Point], installation: Option<&Installation>) -> (Vec<Candidate>, SubstanceFrom) {
    let mut detected: Vec<_> = points.iter().filter(|it| !it.cas.is_empty()).map(|it| it.cas.clone()).collect();
    detected.sort_unstable();
    detected.dedup();
    if !detected.is_empty() {
        let named = |cas: String| Candidate { name: name_of(site, &cas), cas };
        return (detected.into_iter().map(named).collect(), SubstanceFrom::Detector);
    }
    let held = installation.map_or(&[][..], |it| &it.substances[..]);
    let mut held: Vec<_> = held.iter().map(|it| Candidate { cas: it.cas.clone(), name: it.name.clone() }).collect();
    held.dedup();
    let from = if held.is_empty() { SubstanceFrom::Unknown } else { SubstanceFrom::Installation };
    (held, from)
}

/// The name that any installation of the site gives a substance.
fn name_of(site: &Site, cas: &str) -> String {
    let mut all = site.installations.iter().flat_map(|it| &it.substances);
    all.find(|it| it.cas == cas && !it.name.is_empty()).map(|it| it.name.clone()).unwrap_or_default()
}

impl Candidate {
    pub(crate) fn key(&self) -> Option<Cas> {
        Cas::parse(&self.cas).ok()
    }

    /// As people call it.
    pub(crate) fn called(&self) -> &str {
        if self.name.is_empty() { &self.cas } else { &self.name }
    }
}
