//! Counts the people in the zones: nobody twice, and nobody who is not known of as nobody.

use std::collections::BTreeMap;

use model::{
    HeadCount, HeadSource, HeadTotal, InZone, Installation, InstallationKind, Lies, PictureZone, Place, PlaceKind, Point,
    PointId, Quantity,
};

use crate::picture::draft::{Draft, Thing};
use crate::picture::say::{doubt, note};
use crate::picture::{Reading, Readings};

/// Counts once, places before installations: what a place counts is not counted again with the installation around its point.
pub(crate) struct Counter<'a, 'd> {
    draft: &'d Draft<'a>,
    readings: &'d Readings,
    /// Points that a place counts, with that place.
    claimed: BTreeMap<&'d PointId, &'d Place>,
    totals: Totals,
}

/// People by zone.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) isolation: HeadTotal,
    pub(crate) protective: HeadTotal,
}

impl Totals {
    pub(crate) const fn both(self) -> HeadTotal {
        HeadTotal {
            known: self.isolation.known.saturating_add(self.protective.known),
            places: self.isolation.places + self.protective.places,
            unknown: self.isolation.unknown + self.protective.unknown,
        }
    }
}

impl<'a, 'd> Counter<'a, 'd> {
    /// The points that have to be read.
    pub(crate) fn points(draft: &'d Draft<'a>) -> Vec<&'d PointId> {
        let mut points: Vec<_> = Vec::new();
        for (thing, _) in &draft.found.things {
            match thing {
                Thing::Place(Place { heads: HeadSource::Point(point), .. }) => points.push(point),
                Thing::Place(_) => {}
                Thing::Installation(it) => points.extend(counters(draft, it).map(|point| &point.id)),
            }
        }
        points.sort_unstable();
        points.dedup();
        points
    }

    pub(crate) fn new(draft: &'d Draft<'a>, readings: &'d Readings) -> Self {
        let mut claimed = BTreeMap::new();
        for (thing, _) in &draft.found.things {
            if let Thing::Place(place) = thing
                && let HeadSource::Point(point) = &place.heads
            {
                claimed.entry(point).or_insert(*place);
            }
        }
        Self { draft, readings, claimed, totals: Totals::default() }
    }

    pub(crate) fn places(&mut self) -> Vec<InZone<PlaceKind>> {
        let draft = self.draft;
        let places = draft.found.things.iter().filter_map(|(thing, lies)| match thing {
            Thing::Place(place) => Some((*place, *lies)),
            Thing::Installation(_) => None,
        });
        let in_zone = |(place, lies): (&Place, Lies)| {
            let people = self.of_place(place);
            self.add(lies.zone, &people);
            InZone { id: place.id.shared(), name: place.name.clone(), kind: place.kind, lies, people, substances: Vec::new() }
        };
        places.map(in_zone).collect()
    }

    pub(crate) fn installations(&mut self) -> Vec<InZone<InstallationKind>> {
        let draft = self.draft;
        let installations = draft.found.things.iter().filter_map(|(thing, lies)| match thing {
            Thing::Installation(installation) => Some((*installation, *lies)),
            Thing::Place(_) => None,
        });
        let in_zone = |(installation, lies): (&Installation, Lies)| {
            let people = self.of_installation(installation);
            self.add(lies.zone, &people);
            let named =
                installation.substances.iter().map(|it| if it.name.is_empty() { it.cas.clone() } else { it.name.clone() });
            InZone {
                id: installation.id.shared(),
                name: installation.name.clone(),
                kind: installation.kind,
                lies,
                people,
                substances: named.collect(),
            }
        };
        installations.map(in_zone).collect()
    }

    pub(crate) const fn totals(&self) -> Totals {
        self.totals
    }

    fn add(&mut self, zone: PictureZone, people: &HeadCount) {
        if !people.counted_with.is_empty() {
            return;
        }
        let total = match zone {
            PictureZone::Isolation => &mut self.totals.isolation,
            PictureZone::Protective => &mut self.totals.protective,
        };
        *total = total.with(people.heads);
    }

    fn of_place(&self, place: &Place) -> HeadCount {
        match &place.heads {
            HeadSource::Fixed(heads) => HeadCount { heads: Some(*heads), ..HeadCount::default() },
            HeadSource::Unknown => doubted("nobody says", "未提供人数"),
            HeadSource::Point(point) => match self.claimed.get(point) {
                Some(first) if first.id != place.id => counted_with(first),
                _ => self.measured(&[point]),
            },
        }
    }

    fn of_installation(&self, installation: &Installation) -> HeadCount {
        let all: Vec<_> = counters(self.draft, installation).map(|point| &point.id).collect();
        let own: Vec<_> = all.iter().copied().filter(|point| !self.claimed.contains_key(point)).collect();
        match (all.first(), own.is_empty()) {
            (None, _) => doubted("no point counts its people", "未配置人数测点"),
            (Some(first), true) => self.claimed.get(first).map_or_else(HeadCount::default, |place| counted_with(place)),
            (Some(_), false) => self.measured(&own),
        }
    }

    /// The sum of points; unknown as soon as one of them is.
    fn measured(&self, points: &[&PointId]) -> HeadCount {
        let mut count = HeadCount { heads: Some(0), ..HeadCount::default() };
        for point in points {
            let reading = self.readings.get(*point);
            let why = doubt(reading, |at| self.draft.source.asked.at.since(at));
            let heads = match (reading, &why) {
                (Some(Reading::Value { value, at }), None) => whole(*value).map(|heads| (heads, *at)),
                _ => None,
            };
            let Some((heads, at)) = heads else {
                let why = why.unwrap_or_else(|| note("no count", "人数数值无效"));
                return HeadCount {
                    doubt: format!("{point}: {}", why.text),
                    doubt_zh: format!("{point}：{}", why.zh),
                    ..HeadCount::default()
                };
            };
            count.heads = count.heads.map(|sum| sum.saturating_add(heads));
            count.measured_at = Some(count.measured_at.map_or(at, |known| known.min(at)));
        }
        count
    }
}

/// The points that count the people of an installation.
fn counters<'d>(draft: &'d Draft<'_>, installation: &'d Installation) -> impl Iterator<Item = &'d Point> {
    let points = draft.source.site.points.iter();
    points.filter(|it| it.quantity == Quantity::Headcount && it.installation == installation.id)
}

fn counted_with(place: &Place) -> HeadCount {
    HeadCount { counted_with: place.id.to_string(), ..HeadCount::default() }
}

fn doubted(text: &str, zh: &str) -> HeadCount {
    HeadCount { doubt: text.to_owned(), doubt_zh: zh.to_owned(), ..HeadCount::default() }
}

/// A number of people; `None` for what is none.
fn whole(value: f64) -> Option<u32> {
    let value = value.round_ties_even();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and in range by the condition")]
    (0.0..=f64::from(u32::MAX)).contains(&value).then_some(value as u32)
}
