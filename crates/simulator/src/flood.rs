//! The flood: hundreds of alarms at once, as after a power failure, and a few that will not settle (traps 44).

use model::{AlarmKind, Point, Quantity, Span};

use crate::noise;
use crate::scenario::{levels, peak, seconds_into};
use crate::signal::raises;

/// Of how many points about one chatters afterwards.
const ONE_CHATTERS_IN: u64 = 8;

/// What the flood does to one point.
#[derive(Clone, Debug)]
pub(crate) struct Flooded {
    key: u64,
    /// A value that each of its limits on one side is passed by.
    beyond: f64,
}

impl Flooded {
    /// `None` for a point that no value raises anything on.
    pub(crate) fn of(point: &Point, seed: u64) -> Option<Self> {
        Some(Self { key: noise::mix(noise::key(seed, point.id.as_str())), beyond: beyond(point)? })
    }

    /// Beyond its limits from about 10 to 55 seconds into every two minutes, each point up to three seconds later than the first;
    /// one in eight then goes in and out every two seconds for 40 more.
    pub(crate) fn value(&self, ordinary: f64, elapsed: Span) -> f64 {
        let late = 1.5 * (1.0 + noise::even(self.key, 0));
        let second = seconds_into(elapsed, 120) - late;
        let is_beyond = match second {
            10.0..55.0 => true,
            55.0..95.0 => self.key.is_multiple_of(ONE_CHATTERS_IN) && (second - 55.0).rem_euclid(4.0) >= 2.0,
            _ => false,
        };
        if is_beyond { self.beyond } else { ordinary }
    }
}

fn beyond(point: &Point) -> Option<f64> {
    if point.quantity == Quantity::State {
        return point.states.iter().map(|(_, value)| *value).find(|value| raises(point, *value));
    }
    let margin = 0.03 * point.range.map_or(100.0, |range| range.high - range.low);
    match levels(point) {
        Some((_, highest)) => peak(point, highest + margin),
        None => trough(point, margin),
    }
}

/// What is surely below every lower limit, inside the range where the limits allow.
fn trough(point: &Point, margin: f64) -> Option<f64> {
    let lower = point.alarms.iter().filter(|rule| matches!(rule.kind, AlarmKind::Low | AlarmKind::LowLow));
    let lowest = lower.filter_map(|rule| rule.limit).min_by(f64::total_cmp)?;
    let bottom = point.range.map_or(f64::MIN, |range| range.low);
    Some((lowest - margin).max(bottom).min(lowest))
}
