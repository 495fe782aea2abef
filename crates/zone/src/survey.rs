//! Which places lie in the zones, how far away in which direction, and how many people that is.
//!
//! Limits: a place's polygon has 3 to `POLYGON_VERTICES_MAX` points, none farther than 500 km from the source.

use std::fmt;

use model::Location;

use crate::guide::Guide;
use crate::plane::{InvalidPlace, Plane, Spot, nearest, overlap};

/// The most points of a place's outline.
pub const POLYGON_VERTICES_MAX: usize = 4_096;

/// Farther away the plane is no good measure.
const VERTEX_MAX_M: f64 = 500_000.0;

/// Where a place is.
#[derive(Clone, Debug, PartialEq)]
pub enum Extent {
    /// At a point.
    Point(Location),
    /// In an outline, closed or not.
    Polygon(Vec<Location>),
}

/// A place with people in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// Its id or name, given back.
    pub id: String,
    /// Where it is.
    pub extent: Extent,
    /// How many people are there; `None` where nobody knows.
    pub heads: Option<u32>,
}

/// The zone that a place lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Inside {
    /// The circle that everybody leaves.
    Isolation,
    /// Downwind, outside the circle.
    Protective,
}

/// A place in a zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Within {
    /// The place's id.
    pub id: String,
    /// The worse of the zones it touches.
    pub inside: Inside,
    /// From the source to its nearest point, metres.
    pub distance_m: f64,
    /// The direction of that point from the source, degrees from north over east; `None` where the source lies in the place.
    pub bearing_deg: Option<f64>,
    /// How many people are there.
    pub heads: Option<u32>,
}

/// People in a number of places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heads {
    /// Those that are known of.
    pub known: u64,
    /// Places in all.
    pub places: usize,
    /// Places whose number of people is not known.
    pub unknown: usize,
}

/// Who has to be warned.
#[derive(Clone, Debug, PartialEq)]
pub struct Survey {
    /// The places, the worse zone first, then by distance, then by id.
    pub within: Vec<Within>,
    /// People in the isolation zone.
    pub isolation: Heads,
    /// People in the protective zone but not in the isolation zone.
    pub protective: Heads,
    /// Both.
    pub total: Heads,
}

/// Why a place cannot be judged.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PlaceFault {
    /// A location that is none.
    #[error("judge the place `{id}`")]
    Location {
        /// Which place.
        id: String,
        /// What is wrong.
        #[source]
        source: InvalidPlace,
    },
    /// Too few or too many points, or one too far away.
    #[error("judge the place `{id}`: {fault}")]
    Outline {
        /// Which place.
        id: String,
        /// What is wrong.
        fault: &'static str,
    },
}

/// Finds the places in the zones of a guide. What touches a zone is in it.
///
/// # Errors
/// Every place that cannot be judged: none is silently left out.
pub fn survey(guide: &Guide, places: &[Place]) -> Result<Survey, Vec<PlaceFault>> {
    let plane = Plane::around(guide.source).map_err(|source| vec![PlaceFault::Location { id: "source".to_owned(), source }])?;
    let corners = guide.corners();
    let mut faults = Vec::new();
    let mut within = Vec::new();
    for place in places {
        match spots(&plane, place) {
            Ok(spots) => within.extend(judged(guide, corners.as_ref(), place, &spots)),
            Err(fault) => faults.push(fault),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    within.sort_by(|a, b| (a.inside.cmp(&b.inside)).then(a.distance_m.total_cmp(&b.distance_m)).then_with(|| a.id.cmp(&b.id)));
    let of = |inside| Heads::of(within.iter().filter(|it| it.inside == inside));
    Ok(Survey { isolation: of(Inside::Isolation), protective: of(Inside::Protective), total: Heads::of(&within), within })
}

fn spots(plane: &Plane, place: &Place) -> Result<Vec<Spot>, PlaceFault> {
    let outline = |fault| PlaceFault::Outline { id: place.id.clone(), fault };
    let points = match &place.extent {
        Extent::Point(point) => std::slice::from_ref(point),
        Extent::Polygon(points) if points.len() < 3 => return Err(outline("an outline has three points or more")),
        Extent::Polygon(points) if points.len() > POLYGON_VERTICES_MAX => {
            return Err(outline("an outline has 4096 points at most"));
        }
        Extent::Polygon(points) => points,
    };
    let spots: Result<Vec<_>, _> = points.iter().map(|point| plane.spot(*point)).collect();
    let spots = spots.map_err(|source| PlaceFault::Location { id: place.id.clone(), source })?;
    // A single point may be anywhere on earth: its distance is true.
    if spots.len() > 1 && spots.iter().any(|spot| spot.metres() > VERTEX_MAX_M) {
        return Err(outline("an outline's points lie within 500 km of the source"));
    }
    Ok(spots)
}

fn judged(guide: &Guide, corners: Option<&[Spot; 4]>, place: &Place, spots: &[Spot]) -> Option<Within> {
    let near = match spots {
        [point] => *point,
        outline => nearest(outline),
    };
    let distance_m = near.metres();
    let inside = if distance_m <= guide.isolate_m {
        Inside::Isolation
    } else if in_protective(guide, corners, spots, distance_m) {
        Inside::Protective
    } else {
        return None;
    };
    let bearing_deg = (distance_m > 0.0).then(|| near.bearing());
    Some(Within { id: place.id.clone(), inside, distance_m, bearing_deg, heads: place.heads })
}

fn in_protective(guide: &Guide, corners: Option<&[Spot; 4]>, spots: &[Spot], distance_m: f64) -> bool {
    match corners {
        None => guide.protect.is_some_and(|reach| distance_m <= reach.km * 1e3),
        Some(square) => overlap(square, spots),
    }
}

impl Heads {
    fn of<'a>(places: impl IntoIterator<Item = &'a Within>) -> Self {
        places.into_iter().fold(Self::default(), |sum, place| Self {
            known: sum.known + u64::from(place.heads.unwrap_or(0)),
            places: sum.places + 1,
            unknown: sum.unknown + usize::from(place.heads.is_none()),
        })
    }
}

impl Heads {
    /// In Chinese.
    pub fn zh(&self) -> String {
        match self.unknown {
            0 => format!("{} 人", self.known),
            unknown => format!("至少 {} 人，另有 {unknown} 处人数不明", self.known),
        }
    }
}

impl fmt::Display for Heads {
    /// `120`, or `at least 120, 2 places unknown`: what is not known is never counted as nobody.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unknown {
            0 => write!(f, "{}", self.known),
            1 => write!(f, "at least {}, 1 place unknown", self.known),
            unknown => write!(f, "at least {}, {unknown} places unknown", self.known),
        }
    }
}
