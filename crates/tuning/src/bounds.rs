//! What a proposal may not go beyond: an alarm that is calmer must still be in time, and be the same alarm.
//!
//! Deadband at most 5 % of the range, short of the next limit it would reach, and never so wide that it cannot clear inside the range.
//! On-delay at most 5 s for gas, 30 s otherwise, and at most a tenth of the time there is to respond.
//! No activation of the plain rule (no deadband, no delays) that lasted over a minute is lost; each is raised within 30 s of its onset.
//! Time in alarm at most 1.2 times that of the plain rule.

use model::{AlarmKind, AlarmRule, Point, Span};

/// An activation of the plain rule longer than this must not be lost.
pub const LONG: Span = Span::from_secs(60);
/// So soon after its onset it must be raised.
pub const RAISED_WITHIN: Span = Span::from_secs(30);

/// The longest on-delay of a gas detector's alarm: small against the response time of its sensor.
const GAS_ON_DELAY_MAX: Span = Span::from_secs(5);
/// The longest on-delay of any other alarm.
const ON_DELAY_MAX: Span = RAISED_WITHIN;
/// An on-delay may take this part of the time there is to respond.
const RESPONSE_PART: i64 = 10;
/// A deadband may take this part of the range.
const RANGE_PART: f64 = 20.0;

/// What a proposal for one rule may not go beyond.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// In the point's unit; 0 where the point has no range.
    pub deadband_max: f64,
    /// The longest on-delay.
    pub on_delay_max: Span,
}

impl Bounds {
    /// Whether deadband and on-delay stay inside.
    pub fn hold(&self, deadband: f64, on_delay: Span) -> bool {
        deadband <= self.deadband_max && on_delay <= self.on_delay_max
    }
}

/// The bounds for a rule with a limit on its point.
pub fn bounds(point: &Point, rule: &AlarmRule) -> Bounds {
    let default = if point.quantity.is_gas_detector() { GAS_ON_DELAY_MAX } else { ON_DELAY_MAX };
    let response = rule.respond_within.map_or(default, |span| Span::from_micros(span.micros() / RESPONSE_PART));
    Bounds { deadband_max: deadband_max(point, rule), on_delay_max: default.min(response).max(Span::ZERO) }
}

fn deadband_max(point: &Point, rule: &AlarmRule) -> f64 {
    let (Some(range), Some(limit)) = (point.range, rule.limit) else { return 0.0 };
    let upper = is_upper(rule);
    let room = if upper { limit - range.low } else { range.high - limit };
    let to_next = |other: &AlarmRule| {
        let towards_normal = if upper { limit - other.limit? } else { other.limit? - limit };
        (other.id != rule.id && towards_normal > 0.0).then_some(towards_normal)
    };
    // It must stay short of both: reaching them, the two alarms would return together, or this one never.
    let nearest = point.alarms.iter().filter_map(to_next).fold(room, f64::min);
    ((range.high - range.low) / RANGE_PART).min(nearest.next_down()).max(0.0)
}

/// Whether the values above the limit are the dangerous ones.
pub(crate) fn is_upper(rule: &AlarmRule) -> bool {
    matches!(rule.kind, AlarmKind::High | AlarmKind::HighHigh)
}

/// Whether deadband and delays of such a rule are proposed at all.
pub(crate) fn is_tuned(rule: &AlarmRule) -> bool {
    let kind = matches!(rule.kind, AlarmKind::High | AlarmKind::HighHigh | AlarmKind::Low | AlarmKind::LowLow);
    kind && rule.limit.is_some()
}

#[cfg(test)]
mod tests {
    use model::{Quantity, Range};

    use super::*;
    use crate::testing::{level, rule};

    fn of(point: &Point, kind: AlarmKind) -> Bounds {
        bounds(point, point.alarms.iter().find(|it| it.kind == kind).expect("the rule"))
    }

    #[test]
    fn a_twentieth_of_the_range_and_half_a_minute() {
        let point = level("p", vec![rule(AlarmKind::High, 80.0)]);
        assert_eq!(of(&point, AlarmKind::High), Bounds { deadband_max: 5.0, on_delay_max: Span::from_secs(30) });
    }

    #[test]
    fn gas_and_short_times_to_respond_take_less() {
        let gas = Point { quantity: Quantity::CombustibleGas, ..level("p", vec![rule(AlarmKind::High, 25.0)]) };
        assert_eq!(of(&gas, AlarmKind::High).on_delay_max, Span::from_secs(5));
        let hurried = AlarmRule { respond_within: Some(Span::from_secs(100)), ..rule(AlarmKind::High, 80.0) };
        assert_eq!(of(&level("p", vec![hurried.clone()]), AlarmKind::High).on_delay_max, Span::from_secs(10));
        let ample = AlarmRule { respond_within: Some(Span::from_secs(3_600)), ..hurried };
        assert_eq!(of(&level("p", vec![ample]), AlarmKind::High).on_delay_max, Span::from_secs(30));
    }

    #[test]
    fn a_deadband_stays_short_of_the_next_limit_and_of_the_ends() {
        let point = level("p", vec![rule(AlarmKind::High, 80.0), rule(AlarmKind::HighHigh, 82.0), rule(AlarmKind::Low, 77.0)]);
        assert!(of(&point, AlarmKind::HighHigh).deadband_max < 2.0, "the distance itself is too much");
        assert!(of(&point, AlarmKind::High).deadband_max < 3.0);
        assert!(of(&point, AlarmKind::Low).deadband_max < 3.0);
        let low = level("p", vec![rule(AlarmKind::High, 1.0)]);
        assert!(of(&low, AlarmKind::High).deadband_max < 1.0, "it could never clear");
        let outside = Point { range: Some(Range { low: 2.0, high: 9.0 }), ..low };
        assert!(of(&outside, AlarmKind::High).deadband_max == 0.0);
    }

    #[test]
    fn without_a_range_there_is_no_deadband() {
        let point = Point { range: None, ..level("p", vec![rule(AlarmKind::Low, 10.0)]) };
        assert!(of(&point, AlarmKind::Low).deadband_max == 0.0);
    }
}
