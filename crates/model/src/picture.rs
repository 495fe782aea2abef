//! The first picture of a warning: what got out, how far people have to be away, who and what is there, what helps, which plan applies.
//!
//! It is computed once and recorded: the sines behind it may differ in their last digit elsewhere, so the event is the truth. What was
//! not known is said to be unknown, never left out and never counted as nobody.

use std::sync::Arc;

use crate::site::words;
use crate::{EventId, InstallationKind, Level, Location, PlaceKind, ResourceKind, Time};

words!(
    /// A zone around a source.
    PictureZone {
        /// Everybody leaves it.
        Isolation = "isolation",
        /// Downwind: people need protection.
        Protective = "protective",
    }
);

words!(
    /// How it is known what got out.
    SubstanceFrom {
        /// The detector in alarm is for it.
        Detector = "detector",
        /// Assumed: what the installation holds, the one with the worst zones.
        Installation = "installation",
        /// Not known.
        Unknown = "unknown",
    }
);

words!(
    /// How much is taken to have got out.
    SpillSize {
        /// 208 L or less.
        Small = "small",
        /// More.
        Large = "large",
        /// Not known, and taken as large.
        Unknown = "unknown",
    }
);

words!(
    /// Day is from sunrise to sunset.
    Daylight {
        /// The sun is up.
        Day = "day",
        /// It is not.
        Night = "night",
    }
);

words!(
    /// The form of the protective zone.
    PictureShape {
        /// A square downwind.
        Square = "square",
        /// A circle: the wind is no guide.
        Circle = "circle",
        /// There is none.
        Unknown = "unknown",
    }
);

/// What may have got out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureSubstance {
    /// CAS number; empty where the site gives none.
    pub cas: String,
    /// UN number, where the tables list it.
    pub un: Option<u16>,
    /// Its English name; empty where unknown.
    pub name: String,
    /// Its Chinese name, as the site has it; empty where unknown.
    pub name_zh: String,
    /// The zones are those of this one.
    pub counted: bool,
}

/// The wind behind it. What is not known is `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PictureWind {
    /// Where it comes from, degrees from north over east.
    pub from_deg: Option<f64>,
    /// Metres a second.
    pub speed_mps: Option<f64>,
    /// When the older of both was measured.
    pub measured_at: Option<Time>,
    /// The point of the direction; empty where the site names none.
    pub direction_point: String,
    /// The point of the speed.
    pub speed_point: String,
    /// Whether it turns the protective zone.
    pub used: bool,
    /// Why not, for people; empty where it does.
    pub doubt: String,
    /// The same in Chinese.
    pub doubt_zh: String,
}

/// A zone on the map, WGS 84.
#[derive(Clone, Debug, PartialEq)]
pub struct PictureArea {
    /// Which.
    pub zone: PictureZone,
    /// Middle and radius in metres, where it is a circle.
    pub circle: Option<(Location, f64)>,
    /// Its outline, the last point the first; of a circle an approximation from inside.
    pub outline: Vec<Location>,
}

/// Where something lies from the source.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lies {
    /// The worse of the zones it touches.
    pub zone: PictureZone,
    /// From the source to its nearest point, metres.
    pub distance_m: f64,
    /// In which direction, degrees from north over east; `None` where the source lies in it.
    pub bearing_deg: Option<f64>,
}

/// How many people are somewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeadCount {
    /// So many; `None` where unknown.
    pub heads: Option<u32>,
    /// When that was measured; `None` where the site file says it.
    pub measured_at: Option<Time>,
    /// The place that they are counted with, so that nobody is counted twice; empty for its own count.
    pub counted_with: String,
    /// Why it is unknown, for people.
    pub doubt: String,
    /// The same in Chinese.
    pub doubt_zh: String,
}

/// A place or an installation in a zone.
#[derive(Clone, Debug, PartialEq)]
pub struct InZone<K> {
    /// Its id.
    pub id: Arc<str>,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: K,
    /// Where it lies.
    pub lies: Lies,
    /// Who is there.
    pub people: HeadCount,
    /// What an installation may hold.
    pub substances: Vec<String>,
}

/// People in a number of places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeadTotal {
    /// Those that are known of.
    pub known: u64,
    /// Places and installations in all.
    pub places: u32,
    /// Those of them whose number of people is not known.
    pub unknown: u32,
}

/// Something that helps.
#[derive(Clone, Debug, PartialEq)]
pub struct PictureResource {
    /// Its id.
    pub id: Arc<str>,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: ResourceKind,
    /// How much of it.
    pub amount: String,
    /// Whom to call.
    pub contact: String,
    /// From the source, metres; `None` where its place is not known.
    pub distance_m: Option<f64>,
    /// In which direction.
    pub bearing_deg: Option<f64>,
    /// The zone that it lies in itself.
    pub zone: Option<PictureZone>,
}

/// A plan that applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PicturePlan {
    /// Its id.
    pub id: Arc<str>,
    /// Its name.
    pub name: String,
    /// Who puts it into force.
    pub level: Option<Level>,
    /// Where it can be read.
    pub document: String,
    /// Whom to call.
    pub contact: String,
    /// Whether it surely applies; where not, something that it asks for is not known.
    pub certain: bool,
}

/// What was unknown, assumed or left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureNote {
    /// For people.
    pub text: String,
    /// In Chinese.
    pub zh: String,
}

/// The first picture of a warning; the event's subject is the place that the warning is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// The warning.
    pub warning: EventId,
    /// The event that asked for it: the opening, or an adjustment.
    pub asked_by: EventId,
    /// The moment that it stands for, journal time.
    pub at: Time,
    /// What may have got out; the one that the zones are of comes first.
    pub substances: Vec<PictureSubstance>,
    /// How that is known.
    pub substance_from: SubstanceFrom,
    /// The installation that is taken as the source; empty where unknown.
    pub installation: String,
    /// Where the source is: that of the installation.
    pub location: Option<Location>,
    /// How much is taken to have got out.
    pub spill: SpillSize,
    /// Whether a tank is taken to burn.
    pub fire: bool,
    /// Day or night, where known.
    pub light: Option<Daylight>,
    /// The wind.
    pub wind: PictureWind,
    /// Radius of the isolation zone, metres; `None`: unknown.
    pub isolate_m: Option<f64>,
    /// How far downwind people need protection, kilometres; `None`: unknown.
    pub protect_km: Option<f64>,
    /// That far or farther: the table ends there.
    pub protect_or_more: bool,
    /// The form of the protective zone.
    pub shape: PictureShape,
    /// Where the wind blows to, degrees, where that turns the zone.
    pub towards_deg: Option<f64>,
    /// The zones.
    pub areas: Vec<PictureArea>,
    /// Places in them, the worse zone first, then by distance.
    pub places: Vec<InZone<PlaceKind>>,
    /// How many more.
    pub more_places: u32,
    /// Installations in them, in the same order.
    pub installations: Vec<InZone<InstallationKind>>,
    /// How many more.
    pub more_installations: u32,
    /// People in the isolation zone.
    pub in_isolation: HeadTotal,
    /// People in the protective zone alone.
    pub in_protective: HeadTotal,
    /// Both.
    pub total: HeadTotal,
    /// The nearest resources.
    pub resources: Vec<PictureResource>,
    /// Plans that apply.
    pub plans: Vec<PicturePlan>,
    /// What was unknown, assumed or left out.
    pub notes: Vec<PictureNote>,
    /// What it has to be labelled with.
    pub label: String,
    /// The same in Chinese.
    pub label_zh: String,
}

impl HeadTotal {
    /// With one more place.
    #[must_use]
    pub fn with(self, heads: Option<u32>) -> Self {
        let (known, unknown) = match heads {
            Some(heads) => (u64::from(heads), 0),
            None => (0, 1),
        };
        Self { known: self.known.saturating_add(known), places: self.places + 1, unknown: self.unknown + unknown }
    }
}
