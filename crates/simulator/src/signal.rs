//! The ordinary course of each quantity: alive, inside its range, and clear of its limits.

use model::{AlarmKind, Point, Quantity, Span, Time};

use crate::noise;

/// Where the clocks on the walls of the demonstration's park are: UTC+8, all year.
const LOCAL_OFFSET: Span = Span::from_secs(8 * 3600);

/// How one point moves.
#[derive(Clone, Debug)]
pub(crate) struct Signal {
    key: u64,
    course: Course,
    /// Values are multiples of one over this, as an instrument shows them.
    steps: f64,
}

#[derive(Clone, Copy, Debug)]
enum Course {
    /// Drifts about a centre.
    Steady { centre: f64, swing: f64 },
    /// Nearly nothing, never below.
    Trace { most: f64 },
    /// People, by the time of day.
    Heads { most: f64 },
    /// All directions, slowly.
    Turning,
    /// Stays as it is.
    Constant(f64),
}

impl Signal {
    pub(crate) fn of(point: &Point, seed: u64) -> Self {
        let band = Band::of(point);
        let course = match point.quantity {
            Quantity::CombustibleGas | Quantity::ToxicGas => Course::Trace { most: 0.1 * (band.high - band.low) },
            Quantity::Oxygen => band.steady(20.9, 0.05),
            Quantity::Headcount => Course::Heads { most: 0.8 * band.high },
            Quantity::WindSpeed => band.steady(3.5, 2.0),
            Quantity::WindDirection => Course::Turning,
            Quantity::State => Course::Constant(band.state(point)),
            _ => band.steady(band.range_low + 0.6 * band.span(), 0.05 * band.span()),
        };
        let steps = match point.quantity {
            Quantity::Headcount | Quantity::WindDirection => 1.0,
            Quantity::State => f64::INFINITY,
            _ => steps_for(band.span()),
        };
        Self { key: noise::key(seed, point.id.as_str()), course, steps }
    }

    pub(crate) fn value(&self, time: Time, elapsed: Span) -> f64 {
        let drift = noise::drift(self.key, elapsed);
        let value = match self.course {
            Course::Constant(value) => return value,
            Course::Steady { centre, swing } => centre + swing * drift,
            Course::Trace { most } => most * (0.1 + 0.3 * drift).max(0.0),
            Course::Heads { most } => (most * (0.85 * presence(time) + 0.1 * (1.0 + drift) / 2.0)).max(0.0),
            Course::Turning => 180.0 + 179.0 * noise::wave(self.key, elapsed, Span::from_secs(600)),
        };
        (value * self.steps).round() / self.steps
    }
}

/// The range of a point, and the part of it that raises nothing.
struct Band {
    range_low: f64,
    range_high: f64,
    low: f64,
    high: f64,
}

impl Band {
    fn of(point: &Point) -> Self {
        let (range_low, range_high) = point.range.map_or((0.0, 100.0), |range| (range.low, range.high));
        let limits = |kinds: [AlarmKind; 2]| {
            point.alarms.iter().filter(move |rule| kinds.contains(&rule.kind)).filter_map(|rule| rule.limit)
        };
        // Held values must also clear, so the deadbands are left out of the band by the swing's margin.
        let low = limits([AlarmKind::Low, AlarmKind::LowLow]).fold(range_low, f64::max);
        let high = limits([AlarmKind::High, AlarmKind::HighHigh]).fold(range_high, f64::min);
        // Limits may leave no room at all: then what is between the range's ends has to do.
        let (low, high) = if low < high { (low, high) } else { (range_low, range_high) };
        Self { range_low, range_high, low, high }
    }

    fn span(&self) -> f64 {
        self.range_high - self.range_low
    }

    /// About this centre, as far as the band allows.
    fn steady(&self, centre: f64, swing: f64) -> Course {
        let width = self.high - self.low;
        let centre = centre.clamp(self.low + 0.25 * width, self.high - 0.25 * width);
        Course::Steady { centre, swing: swing.min(0.2 * width) }
    }

    /// The first state that no limit touches.
    fn state(&self, point: &Point) -> f64 {
        let mut states = point.states.iter().map(|(_, value)| *value);
        let first = point.states.first().map_or(0.0, |(_, value)| *value);
        states.find(|value| !raises(point, *value)).unwrap_or(first)
    }
}

/// Whether a value raises any alarm of a point.
pub(crate) fn raises(point: &Point, value: f64) -> bool {
    point.alarms.iter().any(|rule| match (rule.kind, rule.limit) {
        (AlarmKind::High | AlarmKind::HighHigh, Some(limit)) => value >= limit,
        (AlarmKind::Low | AlarmKind::LowLow, Some(limit)) => value <= limit,
        _ => false,
    })
}

/// About ten thousand steps over the range, as decimals.
fn steps_for(span: f64) -> f64 {
    let mut steps = 1.0;
    while steps < 1e6 && steps * span < 1e4 {
        steps *= 10.0;
    }
    steps
}

/// Which part of the people is there, by the local time of day.
fn presence(time: Time) -> f64 {
    const HOUR: f64 = 3600e6;
    const CURVE: [(f64, f64); 7] = [(0.0, 0.15), (6.0, 0.15), (8.5, 1.0), (17.0, 1.0), (19.0, 0.3), (22.0, 0.15), (24.0, 0.15)];
    let local = (time + LOCAL_OFFSET).micros().rem_euclid(Span::from_secs(86_400).micros());
    #[expect(clippy::cast_precision_loss, reason = "a day is far below 2^53 microseconds")]
    let hour = local as f64 / HOUR;
    let piece = CURVE.windows(2).find(|piece| hour < piece[1].0);
    piece.map_or(CURVE[0].1, |piece| {
        let ((from, low), (to, high)) = (piece[0], piece[1]);
        low + (high - low) * (hour - from) / (to - from)
    })
}
