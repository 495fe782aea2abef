//! What happens in the park, and to which point.

use model::{AlarmKind, Point, Quality, Quantity, Site, Span};

/// What happens in the park.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scenario {
    /// Nothing out of the ordinary.
    #[default]
    Normal,
    /// A combustible gas detector passes both levels within seconds, and comes back: at once, then every minute.
    Leak,
    /// A tank is filled beyond its limits and drawn down again, every two minutes.
    TankFilling,
    /// A gas detector is of bad quality for half a minute, every two minutes.
    SensorFault,
    /// The clocks of some gateways are two minutes ahead, then five behind, then right, every four minutes; values are ordinary.
    ClockStep,
    /// Some gateways are cut off about every 20 seconds and are back after about three.
    GatewayFlapping,
    /// Every point with limits is beyond them within seconds, together, every two minutes; a few chatter afterwards.
    Flood,
}

impl Scenario {
    /// Every scenario.
    pub const ALL: &'static [Self] =
        &[Self::Normal, Self::Leak, Self::TankFilling, Self::SensorFault, Self::ClockStep, Self::GatewayFlapping, Self::Flood];

    /// Its word on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Leak => "leak",
            Self::TankFilling => "tank_filling",
            Self::SensorFault => "sensor_fault",
            Self::ClockStep => "clock_step",
            Self::GatewayFlapping => "gateway_flapping",
            Self::Flood => "flood",
        }
    }

    /// The scenario of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|scenario| scenario.as_str() == word)
    }

    /// The index of the one point it happens to: the first that has what it takes.
    pub(crate) fn target(self, site: &Site) -> Option<usize> {
        let fits = |point: &Point| match self {
            Self::Normal | Self::ClockStep | Self::GatewayFlapping | Self::Flood => false,
            Self::Leak => point.quantity == Quantity::CombustibleGas && levels(point).is_some(),
            Self::TankFilling => point.quantity == Quantity::Level && levels(point).is_some(),
            Self::SensorFault => point.quantity.is_gas_detector(),
        };
        site.points.iter().position(fits)
    }

    /// What becomes of its point's ordinary value.
    pub(crate) fn apply(self, point: &Point, ordinary: f64, elapsed: Span) -> (f64, Quality) {
        match self {
            Self::Normal | Self::ClockStep | Self::GatewayFlapping | Self::Flood => (ordinary, Quality::Good),
            Self::Leak => (leak(point, ordinary, seconds_into(elapsed, 60)), Quality::Good),
            Self::TankFilling => (filling(point, ordinary, seconds_into(elapsed, 120)), Quality::Good),
            Self::SensorFault if (10.0..40.0).contains(&seconds_into(elapsed, 120)) => (ordinary, Quality::Bad),
            Self::SensorFault => (ordinary, Quality::Good),
        }
    }
}

/// Seconds since the last full period.
pub(crate) fn seconds_into(elapsed: Span, period_s: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a period is far below 2^53 microseconds")]
    let micros = elapsed.micros().rem_euclid(Span::from_secs(period_s).micros()) as f64;
    micros / 1e6
}

/// The lowest upper limit and the highest.
pub(crate) fn levels(point: &Point) -> Option<(f64, f64)> {
    let upper = point.alarms.iter().filter(|rule| matches!(rule.kind, AlarmKind::High | AlarmKind::HighHigh));
    let limits = upper.filter_map(|rule| rule.limit);
    limits.fold(None, |found, limit| {
        let (low, high) = found.unwrap_or((limit, limit));
        Some((low.min(limit), high.max(limit)))
    })
}

/// What is surely above both levels, inside the range where the limits allow.
pub(crate) fn peak(point: &Point, above: f64) -> Option<f64> {
    let (_, highest) = levels(point)?;
    let top = point.range.map_or(f64::MAX, |range| range.high);
    Some(above.max(highest).min(top).max(highest))
}

/// One second of nothing, two of rise, one at the top, two of decay.
fn leak(point: &Point, ordinary: f64, second: f64) -> f64 {
    let Some(peak) = levels(point).and_then(|(_, highest)| peak(point, 1.2 * highest)) else { return ordinary };
    let part = match second {
        1.0..3.0 => (second - 1.0) / 2.0,
        3.0..4.0 => 1.0,
        4.0..6.0 => (1.0 - (second - 4.0) / 2.0) * (1.0 - (second - 4.0) / 2.0),
        _ => 0.0,
    };
    ordinary.max(part * peak)
}

/// A minute of filling, ten seconds full, half a minute of drawing down, then as it was.
fn filling(point: &Point, ordinary: f64, second: f64) -> f64 {
    let span = point.range.map_or(100.0, |range| range.high - range.low);
    let Some(full) = levels(point).and_then(|(_, highest)| peak(point, highest + 0.03 * span)) else { return ordinary };
    let part = match second {
        0.0..60.0 => second / 60.0,
        60.0..70.0 => 1.0,
        70.0..100.0 => (100.0 - second) / 30.0,
        _ => 0.0,
    };
    ordinary + part * (full - ordinary).max(0.0)
}
