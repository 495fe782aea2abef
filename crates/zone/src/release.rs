//! What is asked: what got out, how much, where, when, and in which wind.

use model::{Location, Span, Time};

use crate::key::{SubstanceKey, Variant};

/// How much was spilled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spill {
    /// 208 L or less.
    Small,
    /// More.
    Large,
    /// Taken as large.
    Unknown,
}

/// Day is from sunrise to sunset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayNight {
    /// The sun is up.
    Day,
    /// It is not.
    Night,
}

/// How day and night are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Light {
    /// Somebody said.
    Given(DayNight),
    /// By the sun's position.
    BySun,
}

/// A wind as measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wind {
    /// Where it comes from, degrees from north over east, 0 to 360.
    pub from_deg: f64,
    /// Metres a second.
    pub speed_mps: f64,
    /// When it was measured.
    pub measured_at: Time,
}

/// What got out, where and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Release {
    /// What.
    pub substance: SubstanceKey,
    /// Which row, where the number has several.
    pub variant: Option<Variant>,
    /// How much.
    pub spill: Spill,
    /// Whether a tank, rail tank car or tank truck is in the fire.
    pub tank_on_fire: bool,
    /// The orange guide, where the caller knows it.
    pub orange_guide: Option<u16>,
    /// Day or night.
    pub light: Light,
    /// The wind, if anybody measured it.
    pub wind: Option<Wind>,
    /// Where the source is.
    pub location: Location,
    /// The time asked about.
    pub at: Time,
}

/// When a wind still counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// The oldest measurement that counts.
    pub wind_age_max: Span,
    /// How far in the future a measurement may be: clocks differ.
    pub wind_ahead_max: Span,
    /// A lighter wind has no direction, metres a second.
    pub light_wind_mps: f64,
}

impl Default for Bounds {
    /// Ten minutes, five seconds, 1 m/s.
    fn default() -> Self {
        Self { wind_age_max: Span::from_secs(600), wind_ahead_max: Span::from_secs(5), light_wind_mps: 1.0 }
    }
}

impl DayNight {
    /// As in a sentence.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Night => "night",
        }
    }

    /// In Chinese.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Day => "白天",
            Self::Night => "夜间",
        }
    }
}
