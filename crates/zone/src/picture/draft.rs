//! The zones of a source by the wind that was read, and what lies in them.

use model::{
    Daylight, Installation, Location, Picture, PictureArea, PictureNote, PictureShape, PictureSubstance, PictureWind,
    PictureZone, Place, PointId, Quantity, SpillSize, SubstanceFrom,
};

use crate::guide::{Area, Guide, GuideError, Shape, guide};
use crate::key::SubstanceKey;
use crate::note::Note;
use crate::picture::around::{Found, found};
use crate::picture::people::Counter;
use crate::picture::say::{doubt, no_zones, note};
use crate::picture::{Candidate, Reading, Readings, Source, point};
use crate::plane::{Plane, Spot};
use crate::release::{Bounds, DayNight, Light, Release, Spill, Wind};
use crate::table::Tables;
use crate::{LABEL, LABEL_ZH};

/// Degrees between two points of a circle's outline.
const CIRCLE_STEP: usize = 10;

/// Zones, and who is in them, not counted yet.
#[derive(Clone, Debug)]
pub struct Draft<'a> {
    pub(crate) source: Source<'a>,
    pub(crate) guide: Option<Guide>,
    spill: SpillSize,
    wind: PictureWind,
    substances: Vec<PictureSubstance>,
    pub(crate) notes: Vec<PictureNote>,
    pub(crate) found: Found<'a>,
}

impl<'a> Source<'a> {
    /// Draws the zones: of all that may have got out the worst.
    pub fn draft(self, tables: &Tables, bounds: &Bounds, readings: &Readings) -> Draft<'a> {
        let mut notes = self.what_is_assumed();
        let (mut shown, wind) = self.wind(readings);
        let worst = self.worst(tables, bounds, wind, &mut notes);
        let (at, spill, guide) = match worst {
            Some((at, spill, guide)) => (Some(at), spill, Some(guide)),
            None => (None, SpillSize::Unknown, None),
        };
        for note in guide.iter().flat_map(|it| &it.notes) {
            notes.push(self::note(note.to_string(), note.zh()));
            if let Note::Wind(why) = note
                && shown.doubt.is_empty()
            {
                (shown.doubt, shown.doubt_zh) = (why.to_string(), why.zh());
            }
        }
        shown.used = guide.as_ref().is_some_and(|it| matches!(it.shape, Shape::Square { .. }));
        let substances = self.shown(tables, at, guide.as_ref());
        let found = found(&self, guide.as_ref(), &mut notes);
        Draft { source: self, guide, spill, wind: shown, substances, notes, found }
    }

    fn what_is_assumed(&self) -> Vec<PictureNote> {
        let mut notes = Vec::new();
        let Some(installation) = self.installation else {
            return vec![note("the installation is unknown: no zones", "事故装置不明，无法确定区域")];
        };
        let name = &installation.name;
        if !self.others.is_empty() {
            let others: Vec<_> = self.others.iter().map(|it| it.name.as_str()).collect();
            let others = others.join(", ");
            let text = format!("alarms at {others} too: the zones are those of {name}");
            notes.push(note(text, format!("{others} 亦有报警，区域按 {name} 划定")));
        }
        if installation.location.is_none() {
            notes.push(note(format!("the location of {name} is unknown: no zones"), format!("{name} 位置不明，无法确定区域")));
        }
        match (self.from, self.substances.len()) {
            (SubstanceFrom::Unknown, _) => {
                notes.push(note("what got out is unknown: no distances", "泄漏物质不明，无法确定隔离和防护距离"));
            }
            (SubstanceFrom::Installation, 1) => {
                notes.push(note(format!("assumed: what {name} holds got out"), format!("假定泄漏物质为 {name} 所存物质")));
            }
            (SubstanceFrom::Installation, many) => notes.push(note(
                format!("assumed: of {many} substances that {name} holds the one with the worst zones got out"),
                format!("假定泄漏物质为 {name} 所存 {many} 种物质中影响范围最大者"),
            )),
            (SubstanceFrom::Detector, 0 | 1) => {}
            (SubstanceFrom::Detector, many) => notes.push(note(
                format!("detectors for {many} substances are in alarm: the worst zones"),
                format!("{many} 种物质的探测器报警，取影响范围最大者"),
            )),
        }
        notes
    }

    /// The wind as it is shown, and as it is counted with.
    fn wind(&self, readings: &Readings) -> (PictureWind, Option<Wind>) {
        let Some(points) = self.wind else {
            let doubt = "the site names no points of the wind".to_owned();
            return (PictureWind { doubt, doubt_zh: "未配置风速风向测点".to_owned(), ..PictureWind::default() }, None);
        };
        let mut shown = PictureWind {
            direction_point: points.direction.to_string(),
            speed_point: points.speed.to_string(),
            ..PictureWind::default()
        };
        let direction = self.wind_value(&points.direction, ("wind direction", "风向"), readings, &mut shown);
        let speed = self.wind_value(&points.speed, ("wind speed", "风速"), readings, &mut shown);
        shown.from_deg = direction.map(|(value, _)| value);
        shown.speed_mps = speed.map(|(value, _)| value);
        let times = [direction, speed].into_iter().flatten().map(|(_, at)| at);
        shown.measured_at = times.min();
        let both = direction.zip(speed).map(|((from_deg, one), (speed_mps, other))| Wind {
            from_deg,
            speed_mps,
            measured_at: one.min(other),
        });
        (shown, both)
    }

    /// A value of the wind in the unit of the guide; why there is none is said in `shown`.
    fn wind_value(
        &self,
        id: &PointId,
        (what, zh): (&str, &str),
        readings: &Readings,
        shown: &mut PictureWind,
    ) -> Option<(f64, model::Time)> {
        let reading = readings.get(id);
        let mut why = doubt(reading, |at| self.asked.at.since(at));
        let value = match reading {
            Some(Reading::Value { value, at }) if why.is_none() => in_range(self, id, *value).map(|value| (value, *at)),
            _ => None,
        };
        if value.is_none() && why.is_none() {
            why = Some(note("out of range", "数值超出范围"));
        }
        if let Some(why) = why {
            let separator = if shown.doubt.is_empty() { "" } else { "; " };
            shown.doubt += &format!("{separator}{what} of {id}: {}", why.text);
            shown.doubt_zh += &format!("{}{zh} {id}：{}", if separator.is_empty() { "" } else { "；" }, why.zh);
        }
        value
    }

    /// The candidate with the worst zones, the spill that they are for, and the zones.
    fn worst(
        &self,
        tables: &Tables,
        bounds: &Bounds,
        wind: Option<Wind>,
        notes: &mut Vec<PictureNote>,
    ) -> Option<(usize, SpillSize, Guide)> {
        let location = self.installation?.location?;
        let mut worst: Option<(usize, SpillSize, Guide)> = None;
        for (at, candidate) in self.substances.iter().enumerate() {
            let Some(cas) = candidate.key() else {
                let called = candidate.called();
                notes.push(note(
                    format!("{called}: no CAS number, so no distances are found for it"),
                    format!("{called}：无 CAS 号，无法查到距离"),
                ));
                continue;
            };
            let release = Release {
                substance: SubstanceKey::Cas(cas),
                variant: None,
                spill: Spill::Unknown,
                tank_on_fire: self.is_fire(),
                orange_guide: None,
                light: Light::BySun,
                wind,
                location,
                at: self.asked.at,
            };
            match zones(tables, bounds, release, candidate, notes) {
                Ok((spill, guide)) if worst.as_ref().is_none_or(|(_, _, known)| size(known) < size(&guide)) => {
                    worst = Some((at, spill, guide));
                }
                Ok(_) => {}
                Err(error) => notes.push(no_zones(candidate.called(), &error)),
            }
        }
        worst
    }

    /// All that may have got out, the one that counts first.
    fn shown(&self, tables: &Tables, counted: Option<usize>, guide: Option<&Guide>) -> Vec<PictureSubstance> {
        let of = |(at, candidate): (usize, &Candidate)| {
            let un = candidate.key().and_then(|cas| tables.un_number(&SubstanceKey::Cas(cas))).map(|(un, _)| un);
            let counted = counted == Some(at);
            let listed = un.and_then(|un| tables.rows(un).first()).map(|row| row.name.clone()).unwrap_or_default();
            let name = guide.filter(|_| counted).map_or(listed, |guide| guide.name.clone());
            PictureSubstance {
                cas: candidate.cas.clone(),
                un: un.map(crate::key::UnNumber::get),
                name,
                name_zh: candidate.name.clone(),
                counted,
            }
        };
        let mut shown: Vec<_> = self.substances.iter().enumerate().map(of).collect();
        shown.sort_by_key(|it| !it.counted);
        shown
    }
}

/// Metres a second, or degrees; `None` outside what the wind can be.
fn in_range(source: &Source<'_>, id: &PointId, value: f64) -> Option<f64> {
    let point = point(source.site, id.as_str())?;
    let (value, most) = match (point.quantity, point.unit.as_str()) {
        (Quantity::WindDirection, _) => (value, 360.0),
        (_, "km/h") => (value / 3.6, 120.0),
        _ => (value, 120.0),
    };
    (0.0..=most).contains(&value).then_some(value)
}

/// The zones of one substance. Where the book has no figures for a large spill, those of a small one are the least that is needed.
fn zones(
    tables: &Tables,
    bounds: &Bounds,
    mut release: Release,
    candidate: &Candidate,
    notes: &mut Vec<PictureNote>,
) -> Result<(SpillSize, Guide), GuideError> {
    match guide(tables, &release, bounds) {
        Err(GuideError::NoLargeFigures { .. }) => {
            release.spill = Spill::Small;
            let found = guide(tables, &release, bounds)?;
            let called = candidate.called();
            notes.push(note(
                format!("{called}: distances of a small spill, a large one needs more"),
                format!("{called}：仅有少量泄漏的距离，大量泄漏需更大距离"),
            ));
            Ok((SpillSize::Small, found))
        }
        other => Ok((SpillSize::Unknown, other?)),
    }
}

/// What the worst is found by: the reach, then the isolation, both in metres.
fn size(guide: &Guide) -> (f64, f64) {
    (guide.protect.map_or(0.0, |it| it.km * 1e3), guide.isolate_m)
}

impl Draft<'_> {
    /// The points whose head counts are to be read.
    pub fn head_points(&self) -> Vec<&PointId> {
        Counter::points(self)
    }

    /// The picture, with the head counts that were read.
    pub fn picture(mut self, readings: &Readings) -> Picture {
        let mut counter = Counter::new(&self, readings);
        let places = counter.places();
        let installations = counter.installations();
        let totals = counter.totals();
        let mut areas = Vec::new();
        if let Some(guide) = &self.guide {
            areas.extend(area(guide.source, PictureZone::Isolation, Some(guide.isolation())));
            match guide.protective() {
                Ok(protective) => areas.extend(area(guide.source, PictureZone::Protective, protective)),
                Err(error) => self.notes.push(no_zones("protective zone", &error)),
            }
        }
        let plans = self.plans();
        let (resources, guide) = (self.resources(), self.guide.as_ref());
        let asked = &self.source.asked;
        let (places, more_places) = cut(places);
        let (installations, more_installations) = cut(installations);
        Picture {
            warning: asked.warning.clone(),
            asked_by: asked.asked_by.clone(),
            at: asked.at,
            substance_from: self.source.from,
            installation: self.source.installation.map(|it| it.id.to_string()).unwrap_or_default(),
            location: self.source.installation.and_then(|it| it.location),
            spill: self.spill,
            fire: self.source.is_fire(),
            light: guide.map(|it| match it.light {
                DayNight::Day => Daylight::Day,
                DayNight::Night => Daylight::Night,
            }),
            isolate_m: guide.map(|it| it.isolate_m),
            protect_km: guide.and_then(|it| it.protect).map(|it| it.km),
            protect_or_more: guide.and_then(|it| it.protect).is_some_and(|it| it.or_more),
            shape: guide.map_or(PictureShape::Unknown, shape),
            towards_deg: guide.and_then(|it| match it.shape {
                Shape::Square { towards_deg } if it.protect.is_some() => Some(tenth(towards_deg)),
                _ => None,
            }),
            areas,
            places,
            more_places,
            installations,
            more_installations,
            in_isolation: totals.isolation,
            in_protective: totals.protective,
            total: totals.both(),
            resources,
            plans,
            substances: self.substances,
            wind: self.wind,
            notes: self.notes,
            label: LABEL.to_owned(),
            label_zh: LABEL_ZH.to_owned(),
        }
    }
}

const fn shape(guide: &Guide) -> PictureShape {
    match (guide.protect, guide.shape) {
        (None, _) => PictureShape::Unknown,
        (Some(_), Shape::Square { .. }) => PictureShape::Square,
        (Some(_), Shape::Circle) => PictureShape::Circle,
    }
}

fn area(source: Location, zone: PictureZone, area: Option<Area>) -> Option<PictureArea> {
    match area? {
        Area::Polygon(outline) => Some(PictureArea { zone, circle: None, outline }),
        Area::Circle { centre, radius_m } => {
            let plane = Plane::around(source).ok()?;
            let bearings = (0..=360).step_by(CIRCLE_STEP).map(f64::from);
            // The last point is the first, to the last digit.
            let outline = bearings.map(|bearing| plane.location(Spot::polar(radius_m, bearing % 360.0))).collect();
            Some(PictureArea { zone, circle: Some((centre, radius_m)), outline })
        }
    }
}

/// The listed ones, and how many more there are.
fn cut<T>(mut items: Vec<T>) -> (Vec<T>, u32) {
    const LISTED_MAX: usize = 200;
    let more = items.len().saturating_sub(LISTED_MAX);
    items.truncate(LISTED_MAX);
    (items, u32::try_from(more).unwrap_or(u32::MAX))
}

/// To a tenth: more would pretend.
pub(crate) fn tenth(value: f64) -> f64 {
    (value * 10.0).round_ties_even() / 10.0
}

/// A place or an installation that lies in a zone.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Thing<'a> {
    Place(&'a Place),
    Installation(&'a Installation),
}
