//! The alarms of one point together: defaults, implied alarms, and limits that contradict each other (traps 35).

use model::{AlarmId, AlarmKind, AlarmRule, Priority, Quantity, Span};

use crate::fault::{At, Sink};
use crate::point::{AlarmDraft, PointDraft};
use crate::resolve;

/// What a gas detector has even where nobody configured it (GB/T 50493-2019: a fault of a detector is a signal of its own).
const IMPLIED: [AlarmKind; 2] = [AlarmKind::BadQuality, AlarmKind::Stale];

/// How urgent an alarm is where nothing says so.
pub(crate) const fn default_priority(quantity: Quantity, kind: AlarmKind) -> Priority {
    match (quantity.is_gas_detector(), kind) {
        (true, AlarmKind::HighHigh | AlarmKind::LowLow) => Priority::Critical,
        (true, _) | (false, AlarmKind::HighHigh | AlarmKind::LowLow) => Priority::High,
        (false, _) => Priority::Medium,
    }
}

/// A configured rule with its defaults filled in.
pub(crate) fn rule(draft: AlarmDraft, quantity: Quantity) -> AlarmRule {
    AlarmRule {
        id: draft.id.value,
        kind: draft.kind,
        limit: draft.limit.map(|limit| limit.value),
        deadband: draft.deadband,
        on_delay: draft.on_delay,
        off_delay: draft.off_delay,
        priority: draft.priority.unwrap_or(default_priority(quantity, draft.kind)),
        latching: draft.latching.unwrap_or(quantity.is_gas_detector()),
        cause: draft.cause,
        consequence: draft.consequence,
        action: draft.action,
        respond_within: draft.respond_within,
        position: draft.position,
        implied: false,
        ..AlarmRule::default()
    }
}

/// The alarms that come with the quantity, but for those that are configured.
pub(crate) fn implied(quantity: Quantity, configured: &[AlarmRule]) -> Vec<AlarmRule> {
    let kinds = IMPLIED.into_iter().filter(|kind| quantity.is_gas_detector() && !configured.iter().any(|it| it.kind == *kind));
    let rule = |kind: AlarmKind| AlarmRule {
        id: AlarmId::new(kind.as_str()).expect("the words of kinds are ids"),
        kind,
        limit: None,
        deadband: 0.0,
        on_delay: Span::ZERO,
        off_delay: Span::ZERO,
        priority: default_priority(quantity, kind),
        latching: true,
        cause: String::new(),
        consequence: String::new(),
        action: String::new(),
        respond_within: None,
        position: String::new(),
        implied: true,
        ..AlarmRule::default()
    };
    kinds.map(rule).collect()
}

/// Checks what the alarms of one point say together.
pub(crate) fn check(point: &PointDraft, sink: &mut Sink) {
    resolve::unique("alarm of this point", point.alarms.iter().map(|it| (it.id.value.as_str(), it.id.place)), sink);
    check_implied_ids(point, sink);
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
        let configured = point.alarms.iter().any(|alarm| alarm.kind == kind);
        let taken = point.alarms.iter().find(|alarm| alarm.id.value.as_str().eq_ignore_ascii_case(kind.as_str()));
        if let (false, Some(alarm)) = (configured, taken) {
            let problem = format!("is the id of the alarm of kind {} that every gas detector has", kind.as_str());
            sink.fault(alarm.id.place, "id", alarm.id.value.as_str(), problem, "give this alarm another id");
        }
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
        let rank = match alarm.kind {
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
            let (kind, other_kind) = (told.alarm.kind.as_str(), other.alarm.kind.as_str());
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
        let (kind, at) = (other.alarm.kind.as_str(), other.limit.value);
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
