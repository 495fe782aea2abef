//! What lies around a plant, and what helps in the first minutes: places with people, resources, plans, and where the wind is measured.

use crate::site::words;
use crate::{EnterpriseId, Level, Location, ParkId, PlaceId, PlanId, PointId, ResourceId};

words!(
    /// What kind of place.
    PlaceKind {
        /// A part of a plant or a park where people are.
        Zone = "zone",
        /// A gate.
        Gate = "gate",
        /// A school.
        School = "school",
        /// A hospital.
        Hospital = "hospital",
        /// Where people live.
        Residential = "residential",
        /// A road.
        Road = "road",
        /// A water: a river, an intake.
        Water = "water",
        /// Anything else.
        Other = "other",
    }
);

impl PlaceKind {
    /// In Chinese.
    pub const fn chinese(self) -> &'static str {
        match self {
            Self::Zone => "区域",
            Self::Gate => "出入口",
            Self::School => "学校",
            Self::Hospital => "医院",
            Self::Residential => "居民区",
            Self::Road => "道路",
            Self::Water => "水域",
            Self::Other => "其他场所",
        }
    }
}

words!(
    /// What kind of resource.
    ResourceKind {
        /// A rescue team (应急队伍).
        Team = "team",
        /// A vehicle.
        Vehicle = "vehicle",
        /// Foam.
        Foam = "foam",
        /// A shelter (避难场所).
        Shelter = "shelter",
        /// A hospital that takes the injured.
        Hospital = "hospital",
        /// Anything else.
        Other = "other",
    }
);

impl ResourceKind {
    /// In Chinese.
    pub const fn chinese(self) -> &'static str {
        match self {
            Self::Team => "救援队伍",
            Self::Vehicle => "车辆",
            Self::Foam => "泡沫",
            Self::Shelter => "避难场所",
            Self::Hospital => "医院",
            Self::Other => "其他资源",
        }
    }
}

/// Where something is.
#[derive(Clone, Debug, PartialEq)]
pub enum Extent {
    /// At a point.
    Point(Location),
    /// In an outline of three points or more, not closed.
    Outline(Vec<Location>),
}

/// How many people are at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeadSource {
    /// Nobody says.
    Unknown,
    /// As many as the site file says.
    Fixed(u32),
    /// As many as a point of quantity `headcount` shows.
    Point(PointId),
}

/// A place that counts when somebody has to be warned.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// Its id.
    pub id: PlaceId,
    /// Name as people read it.
    pub name: String,
    /// What kind.
    pub kind: PlaceKind,
    /// The enterprise that it belongs to; `None` where it belongs to none.
    pub enterprise: Option<EnterpriseId>,
    /// The park that it belongs to; `None` where it belongs to none.
    pub park: Option<ParkId>,
    /// Where it is.
    pub extent: Extent,
    /// How many people are there.
    pub heads: HeadSource,
}

/// What helps: a team, a vehicle, foam, a shelter.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// Its id.
    pub id: ResourceId,
    /// Name as people read it.
    pub name: String,
    /// What kind.
    pub kind: ResourceKind,
    /// Where it is kept; `None` where nobody says.
    pub location: Option<Location>,
    /// How much of it, in words.
    pub amount: String,
    /// Whom to call.
    pub contact: String,
}

/// An emergency plan (应急预案). What it does not name applies to all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its id.
    pub id: PlanId,
    /// Name as people read it.
    pub name: String,
    /// CAS numbers of the substances that it is for, in order.
    pub substances: Vec<String>,
    /// Kinds of places that have to be in the zones, in order; any one of them is enough.
    pub places: Vec<PlaceKind>,
    /// The enterprise that it is of.
    pub enterprise: Option<EnterpriseId>,
    /// The park that it is of.
    pub park: Option<ParkId>,
    /// Who puts it into force.
    pub level: Option<Level>,
    /// The file or the address where it can be read.
    pub document: String,
    /// Whom to call.
    pub contact: String,
}

/// Where the wind is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindPoints {
    /// A point of quantity `wind_speed`.
    pub speed: PointId,
    /// A point of quantity `wind_direction`: where the wind comes from, degrees from north over east.
    pub direction: PointId,
}
