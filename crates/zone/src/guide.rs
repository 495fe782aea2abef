//! From a release to its zones.
//!
//! The isolation zone is a circle around the source. The protective zone is a square of side D downwind, the middle of its upwind edge in
//! the source; a circle of radius D where the wind is unknown, light, old or from the future. Whatever was not known takes the larger figure.

use model::Location;

use crate::key::{SubstanceKey, UnNumber, Variant};
use crate::note::{Doubt, Note};
use crate::plane::{InvalidPlace, Plane, Spot, full_circle};
use crate::release::{Bounds, DayNight, Light, Release, Spill};
use crate::sun::{SunError, day_or_night};
use crate::table::{Confidence, Cylinders, Distances, Fire, Reach, Row, Tables};

/// The form of the protective zone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// A square downwind.
    Square {
        /// Where the wind blows to, degrees from north over east.
        towards_deg: f64,
    },
    /// A circle around the source.
    Circle,
}

/// A zone on the map.
#[derive(Clone, Debug, PartialEq)]
pub enum Area {
    /// A circle.
    Circle {
        /// Its middle.
        centre: Location,
        /// Metres.
        radius_m: f64,
    },
    /// A polygon, its last point its first.
    Polygon(Vec<Location>),
}

/// The zones, and what they rest on. Label it with `LABEL` wherever it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Guide {
    /// What was looked up.
    pub un: UnNumber,
    /// Its name in the table; the number where it is not in it.
    pub name: String,
    /// Where the source is.
    pub source: Location,
    /// Which light was counted with.
    pub light: DayNight,
    /// Radius of the isolation zone, metres.
    pub isolate_m: f64,
    /// How far downwind people need protection; `None` where no table says.
    pub protect: Option<Reach>,
    /// The form of the protective zone.
    pub shape: Shape,
    /// What was unknown or assumed.
    pub notes: Vec<Note>,
}

/// Why there is no guide.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GuideError {
    /// The source is no place, or at a pole.
    #[error(transparent)]
    Place(#[from] InvalidPlace),
    /// Day or night cannot be told.
    #[error(transparent)]
    Sun(#[from] SunError),
    /// A wind that is none.
    #[error("use the wind: {field} is not in {range}")]
    Wind {
        /// Which figure.
        field: &'static str,
        /// What it may be.
        range: &'static str,
    },
    /// The tables do not list it; that does not make it harmless.
    #[error("find distances for {0}: it is not listed, which does not make it harmless")]
    NotListed(SubstanceKey),
    /// The number has no such row.
    #[error("find distances for {un}: it has no row for `{}`", variant.as_str())]
    NoVariant {
        /// The number.
        un: UnNumber,
        /// The row asked for.
        variant: Variant,
    },
    /// A gas of table 3 whose row is not at hand.
    #[error(
        "find distances for a large spill of {un}: they are not listed; a small one needs {isolate_m:.0} m and {night} already"
    )]
    NoLargeFigures {
        /// The number.
        un: UnNumber,
        /// What a small spill needs.
        isolate_m: f64,
        /// What a small spill needs by night.
        night: Reach,
    },
    /// The zone reaches over the 180th meridian, which an area of a message cannot.
    #[error("draw the zone: it crosses the 180th meridian")]
    Antimeridian,
}

/// Km/h per m/s, and the bounds of table 3.
const KMH: f64 = 3.6;
const LOW_BELOW_KMH: f64 = 10.0;
const MODERATE_UP_TO_KMH: f64 = 20.0;

/// A faster wind was never measured near the ground.
const SPEED_MAX_MPS: f64 = 120.0;

/// The zones for a release.
///
/// # Errors
/// A place, wind or time that is none; a substance without figures.
pub fn guide(tables: &Tables, release: &Release, bounds: &Bounds) -> Result<Guide, GuideError> {
    Plane::around(release.location)?;
    let mut notes = Vec::new();
    let (un, cas) = tables.un_number(&release.substance).ok_or_else(|| GuideError::NotListed(release.substance.clone()))?;
    if let (SubstanceKey::Cas(number), Some(row)) = (&release.substance, cas) {
        notes.push(Note::TakenAs { cas: number.clone(), un, note: row.note.clone() });
        unsure(&mut notes, row.confidence, &format!("{number} is {un}, {}", row.source));
    }
    let light = light(release, &mut notes)?;
    let (shape, wind) = shape(release, bounds)?;
    let spill = match spill(tables, un, release, light, wind.ok(), &mut notes) {
        // A fire has a figure of its own, which must not be lost with that of the spill.
        Err(GuideError::NoLargeFigures { .. }) if fire(tables, un, release).is_some() => None,
        spill => spill?,
    };
    let (spill_m, protect) = spill.as_ref().map_or((None, None), |it| (Some(it.isolate_m), Some(it.reach)));
    let isolate_m =
        with_fire(tables, un, release, spill_m, &mut notes).ok_or_else(|| GuideError::NotListed(release.substance.clone()))?;
    if let Err(doubt) = wind {
        notes.push(Note::Wind(doubt));
    }
    if protect.is_some_and(|it| it.or_more) {
        notes.push(Note::OrMore);
    }
    let name = spill.map_or_else(|| un.to_string(), |it| it.name);
    Ok(Guide { un, name, source: release.location, light, isolate_m, protect, shape, notes })
}

fn unsure(notes: &mut Vec<Note>, confidence: Confidence, source: &str) {
    if confidence != Confidence::High {
        notes.push(Note::Sure { confidence, source: source.to_owned() });
    }
}

fn light(release: &Release, notes: &mut Vec<Note>) -> Result<DayNight, GuideError> {
    match release.light {
        Light::Given(light) => Ok(light),
        Light::BySun => {
            let light = day_or_night(release.location, release.at)?;
            notes.push(Note::BySun(light));
            Ok(light)
        }
    }
}

/// The form of the zone, and the wind's speed in m/s or why it does not count.
fn shape(release: &Release, bounds: &Bounds) -> Result<(Shape, Result<f64, Doubt>), GuideError> {
    let Some(wind) = release.wind else { return Ok((Shape::Circle, Err(Doubt::Unknown))) };
    if !(0.0..=360.0).contains(&wind.from_deg) {
        return Err(GuideError::Wind { field: "from_deg", range: "0 to 360" });
    }
    if !(0.0..=SPEED_MAX_MPS).contains(&wind.speed_mps) {
        return Err(GuideError::Wind { field: "speed_mps", range: "0 to 120" });
    }
    let age = release.at.since(wind.measured_at);
    let doubt = if age > bounds.wind_age_max {
        Some(Doubt::Old { age })
    } else if wind.measured_at.since(release.at) > bounds.wind_ahead_max {
        Some(Doubt::Ahead { by: wind.measured_at.since(release.at) })
    } else if wind.speed_mps < bounds.light_wind_mps {
        Some(Doubt::Light { speed_mps: wind.speed_mps })
    } else {
        None
    };
    Ok(match doubt {
        Some(doubt) => (Shape::Circle, Err(doubt)),
        None => (Shape::Square { towards_deg: full_circle(wind.from_deg + 180.0) }, Ok(wind.speed_mps)),
    })
}

/// What the spill needs.
struct SpillNeeds {
    name: String,
    isolate_m: f64,
    reach: Reach,
}

fn spill(
    tables: &Tables,
    un: UnNumber,
    release: &Release,
    light: DayNight,
    speed_mps: Option<f64>,
    notes: &mut Vec<Note>,
) -> Result<Option<SpillNeeds>, GuideError> {
    let rows = chosen(tables, un, release.variant, notes)?;
    let Some(first) = rows.first() else { return Ok(None) };
    if release.spill == Spill::Unknown {
        notes.push(Note::SpillUnknown);
    }
    let name = if rows.len() == 1 { first.name.clone() } else { format!("{un}: {}", first.name) };
    let small = rows.iter().map(|row| row.small).reduce(Distances::larger).unwrap_or(first.small);
    // One row without figures for a large spill leaves the number without.
    let large: Option<Vec<_>> = rows.iter().map(|row| row.large).collect();
    let large = large.and_then(|large| large.into_iter().reduce(Distances::larger));
    let figures = match (release.spill, large, tables.cylinders(un)) {
        (Spill::Small, _, _) => Ok(small),
        (_, Some(large), _) => Ok(large),
        (_, None, Some(cylinders)) => Err(cylinders),
        (_, None, None) => {
            return Err(GuideError::NoLargeFigures { un, isolate_m: small.isolate_m, night: small.night });
        }
    };
    Ok(Some(match figures {
        Ok(figures) => {
            rows.iter().for_each(|row| unsure(notes, row.confidence, &row.source));
            SpillNeeds { name, isolate_m: figures.isolate_m, reach: of_light(light, figures.day, figures.night) }
        }
        Err(cylinders) => {
            notes.push(Note::Cylinders);
            unsure(notes, cylinders.confidence, &cylinders.source);
            SpillNeeds { name, isolate_m: cylinders.isolate_m, reach: by_wind(cylinders, light, speed_mps) }
        }
    }))
}

/// The row asked for, or all of them where it is not known which.
fn chosen<'a>(
    tables: &'a Tables,
    un: UnNumber,
    variant: Option<Variant>,
    notes: &mut Vec<Note>,
) -> Result<Vec<&'a Row>, GuideError> {
    let rows = tables.rows(un);
    if let Some(variant) = variant {
        let row = rows.iter().find(|row| row.variant == Some(variant));
        return row.map(|row| vec![row]).ok_or(GuideError::NoVariant { un, variant });
    }
    if rows.len() > 1 {
        notes.push(Note::VariantUnknown(rows.iter().filter_map(|row| row.variant).collect()));
    }
    Ok(rows.iter().collect())
}

const fn of_light<T: Copy>(light: DayNight, day: T, night: T) -> T {
    match light {
        DayNight::Day => day,
        DayNight::Night => night,
    }
}

/// Without a wind that counts, the light wind's reach: it is the longest.
fn by_wind(cylinders: &Cylinders, light: DayNight, speed_mps: Option<f64>) -> Reach {
    let [low, moderate, high] = of_light(light, cylinders.day, cylinders.night);
    match speed_mps.map(|it| it * KMH) {
        Some(kmh) if kmh > MODERATE_UP_TO_KMH => high,
        Some(kmh) if kmh >= LOW_BELOW_KMH => moderate,
        _ => low,
    }
}

/// The figure for a fire, where there is one: by the caller's orange guide, or the number's.
fn fire<'a>(tables: &'a Tables, un: UnNumber, release: &Release) -> Option<&'a Fire> {
    let listed = tables.orange_guide(un).map(|it| it.guide);
    release.orange_guide.or(listed).filter(|_| release.tank_on_fire).and_then(|guide| tables.fire(guide))
}

/// The larger of what fire and spill need; `None` where neither is listed.
fn with_fire(tables: &Tables, un: UnNumber, release: &Release, spill_m: Option<f64>, notes: &mut Vec<Note>) -> Option<f64> {
    if !release.tank_on_fire {
        return spill_m;
    }
    let Some(fire) = fire(tables, un, release) else {
        notes.push(Note::FireUnknown);
        return spill_m;
    };
    unsure(notes, fire.confidence, &fire.source);
    if spill_m.is_none() {
        notes.push(Note::SpillNotListed);
    }
    if spill_m.is_some_and(|spill_m| spill_m >= fire.isolate_m) {
        return spill_m;
    }
    notes.push(Note::FireIsLarger { spill_m });
    Some(fire.isolate_m)
}

impl Guide {
    /// The isolation zone.
    pub const fn isolation(&self) -> Area {
        Area::Circle { centre: self.source, radius_m: self.isolate_m }
    }

    /// The protective zone, where there is one.
    ///
    /// # Errors
    /// A polygon over the 180th meridian.
    pub fn protective(&self) -> Result<Option<Area>, GuideError> {
        let Some(reach) = self.protect else { return Ok(None) };
        let Some(corners) = self.corners() else {
            return Ok(Some(Area::Circle { centre: self.source, radius_m: reach.km * 1e3 }));
        };
        let plane = Plane::around(self.source)?;
        let mut outline: Vec<_> = corners.iter().map(|corner| plane.location(*corner)).collect();
        outline.push(outline[0]);
        // Two neighbours half a world apart lie on two sides of the meridian.
        if outline.windows(2).any(|pair| (pair[0].lon - pair[1].lon).abs() > 180.0) {
            return Err(GuideError::Antimeridian);
        }
        Ok(Some(Area::Polygon(outline)))
    }

    /// The corners of the square, counter-clockwise from the upwind left as one looks downwind; `None` for a circle.
    pub(crate) fn corners(&self) -> Option<[Spot; 4]> {
        let (Shape::Square { towards_deg }, Some(reach)) = (self.shape, self.protect) else { return None };
        let side = reach.km * 1e3;
        let half = side / 2.0;
        let turned = |east: f64, north: f64| Spot { east, north }.turned(-towards_deg);
        Some([turned(-half, 0.0), turned(half, 0.0), turned(half, side), turned(-half, side)])
    }
}
