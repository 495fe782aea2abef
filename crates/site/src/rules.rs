//! The alarms of one point together: ids that collide, and limits that contradict each other (traps 35).

use model::{AlarmId, AlarmKind, Condition, Direction, Quantity, Range};

use crate::alarm::AlarmDraft;
use crate::condition::ConditionDraft;
use crate::defaults::{self, IMPLIED};
use crate::fault::{At, Sink};
use crate::point::PointDraft;
use crate::resolve;

/// Checks what the alarms of one point say together.
pub(crate) fn check(point: &PointDraft, sink: &mut Sink) {
    resolve::unique("alarm of this point", point.alarms.iter().map(|it| (it.id.value.as_str(), it.id.place)), sink);
    check_implied_ids(point, sink);
    check_fault_ids(point, sink);
    for alarm in &point.alarms {
        match alarm.kind.value {
            AlarmKind::OutOfRange => check_needs_range(point, alarm, sink),
            AlarmKind::Rate | AlarmKind::Deviation => check_distance(alarm, sink),
            AlarmKind::Vote | AlarmKind::TimeToLimit => check_other_limit(point, alarm, sink),
            _ => {}
        }
    }
    let limits: Vec<Limit<'_>> = point.alarms.iter().filter_map(Limit::of).collect();
    check_order(&limits, sink);
    for limit in &limits {
        check_reach(point, limit, &limits, sink);
    }
}

fn check_implied_ids(point: &PointDraft, sink: &mut Sink) {
    if !point.quantity.is_some_and(Quantity::is_gas_detector) {
        return;
    }
    for kind in IMPLIED {
        let configured = point.alarms.iter().any(|alarm| alarm.kind.value == kind);
        let taken = point.alarms.iter().find(|alarm| alarm.id.value.as_str().eq_ignore_ascii_case(kind.as_str()));
        if let (false, Some(alarm)) = (configured, taken) {
            let problem = format!("is the id of the alarm of kind {} that every gas detector has", kind.as_str());
            sink.fault(alarm.id.place, "id", alarm.id.value.as_str(), problem, "give this alarm another id");
        }
    }
}

/// A rule that may be unable to judge says so by an alarm of its own, which needs an id.
fn check_fault_ids(point: &PointDraft, sink: &mut Sink) {
    for alarm in point.alarms.iter().filter(|alarm| defaults::looks_beyond(alarm)) {
        let id = alarm.id.value.as_str();
        let fault_id = defaults::fault_id(id);
        if AlarmId::new(&fault_id).is_err() {
            let problem = format!("is too long for `{fault_id}`, the alarm that says that this rule cannot judge");
            sink.fault(alarm.id.place, "id", id, problem, "give this alarm a shorter id");
        }
        let taken = |it: &&AlarmDraft| it.id.value.as_str().eq_ignore_ascii_case(&fault_id);
        if let Some(other) = point.alarms.iter().find(taken) {
            let problem = format!("is the id of the alarm that says that rule `{id}` cannot judge");
            sink.fault(other.id.place, "id", other.id.value.as_str(), problem, "give this alarm another id");
        }
    }
}

fn check_needs_range(point: &PointDraft, alarm: &AlarmDraft, sink: &mut Sink) {
    let Some(Range { low, high }) = point.range else {
        let cure = "add range = [0.0, 4000.0] to the point, or remove this alarm";
        sink.fault(alarm.kind.place, "kind", alarm.kind.value.as_str(), "needs the range of the point", cure);
        return;
    };
    if low + alarm.deadband >= high - alarm.deadband {
        let problem = format!("leaves nothing of the range {low} to {high}, so the alarm never clears");
        sink.fault(alarm.place, "deadband", &alarm.deadband.to_string(), problem, "lower the deadband");
    }
}

/// Either way: the distance itself has to fall below the limit by the deadband, and no distance is below zero.
fn check_distance(alarm: &AlarmDraft, sink: &mut Sink) {
    let Some(limit) = alarm.limit.as_ref().filter(|limit| limit.value > 0.0) else { return };
    let direction = match &alarm.condition {
        ConditionDraft::Ready(Condition::Rate { direction, .. } | Condition::Deviation { direction, .. })
        | ConditionDraft::FromPoint { direction, .. } => *direction,
        _ => return,
    };
    if direction == Direction::Both && alarm.deadband >= limit.value {
        let problem = format!("is not below the limit {}, so the alarm never clears", limit.value);
        sink.fault(alarm.place, "deadband", &alarm.deadband.to_string(), problem, "lower the deadband");
    }
}

/// A limit that is compared with values, but orders nothing among the alarms of the point.
fn check_other_limit(point: &PointDraft, alarm: &AlarmDraft, sink: &mut Sink) {
    let Some(At { value, place }) = &alarm.limit else { return };
    if !(value - alarm.deadband).is_finite() || !(value + alarm.deadband).is_finite() {
        let problem = "with its deadband it is beyond all numbers, so the alarm never clears";
        sink.fault(*place, "limit", &value.to_string(), problem, "lower the deadband");
    }
    if let Some(Range { low, high }) = point.range
        && (*value < low || *value > high)
    {
        let problem = format!("lies outside the range {low} to {high}");
        sink.warning(*place, "limit", &value.to_string(), problem, "correct the limit or the range");
    }
}

/// An alarm with a limit, and how far up it belongs.
struct Limit<'a> {
    alarm: &'a AlarmDraft,
    limit: &'a At<f64>,
    rank: u8,
}

impl<'a> Limit<'a> {
    fn of(alarm: &'a AlarmDraft) -> Option<Self> {
        let rank = match alarm.kind.value {
            AlarmKind::LowLow => 0,
            AlarmKind::Low => 1,
            AlarmKind::High => 2,
            AlarmKind::HighHigh => 3,
            _ => return None,
        };
        Some(Self { alarm, limit: alarm.limit.as_ref()?, rank })
    }

    const fn is_upper(&self) -> bool {
        self.rank >= 2
    }

    /// Where it clears: strictly below this for an upper limit, strictly above for a lower one.
    fn clears_at(&self) -> f64 {
        if self.is_upper() { self.limit.value - self.alarm.deadband } else { self.limit.value + self.alarm.deadband }
    }
}

/// Low low below low below high below high high.
fn check_order(limits: &[Limit<'_>], sink: &mut Sink) {
    for lower in limits {
        for upper in limits.iter().filter(|upper| upper.rank > lower.rank && upper.limit.value <= lower.limit.value) {
            // The outer of the two is told; of low and high, high.
            let (told, word, other) = if upper.is_upper() { (upper, "above", lower) } else { (lower, "below", upper) };
            let (kind, other_kind) = (told.alarm.kind.value.as_str(), other.alarm.kind.value.as_str());
            let problem = format!("{kind} is not {word} {other_kind} {} at {}", other.limit.value, sink.name(other.limit.place));
            let cure = "keep low_low < low < high < high_high";
            sink.fault(told.limit.place, "limit", &told.limit.value.to_string(), problem, cure);
        }
    }
}

fn check_reach(point: &PointDraft, limit: &Limit<'_>, all: &[Limit<'_>], sink: &mut Sink) {
    let (place, clears_at) = (limit.limit.place, limit.clears_at());
    let (value, deadband) = (limit.limit.value, limit.alarm.deadband);
    if !clears_at.is_finite() {
        let problem = "with its deadband it is beyond all numbers, so the alarm never clears";
        sink.fault(place, "limit", &value.to_string(), problem, "lower the deadband");
        return;
    }
    let crosses = |other: &&Limit<'_>| {
        let (upper, lower) = if limit.is_upper() { (limit, *other) } else { (*other, limit) };
        upper.rank > lower.rank && upper.limit.value > lower.limit.value && upper.limit.value - lower.limit.value <= deadband
    };
    if let Some(other) = all.iter().find(crosses) {
        let (kind, at) = (other.alarm.kind.value.as_str(), other.limit.value);
        let problem = format!("reaches from limit {value} to {kind} at {at}, so both return together at best");
        sink.warning(limit.alarm.place, "deadband", &deadband.to_string(), problem, "keep it smaller than the distance");
    }
    let Some(range) = point.range else { return };
    let ends = format!("the range {} to {}", range.low, range.high);
    if value < range.low || value > range.high {
        sink.warning(place, "limit", &value.to_string(), format!("lies outside {ends}"), "correct the limit or the range");
    } else if (limit.is_upper() && clears_at <= range.low) || (!limit.is_upper() && clears_at >= range.high) {
        let problem = format!("clears only beyond {clears_at}, which is outside {ends}");
        sink.warning(place, "limit", &value.to_string(), problem, "lower the deadband or correct the limit");
    }
}
