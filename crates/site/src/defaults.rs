//! What an alarm is where nothing is written, and the alarms that come unasked.

use model::{AlarmId, AlarmKind, AlarmRule, Condition, Priority, Quantity, Reference, SHELVE_MAX, Span};

use crate::alarm::AlarmDraft;
use crate::condition::ConditionDraft;
use crate::point::PointDraft;

/// What a gas detector has even where nobody configured it (GB/T 50493-2019: a fault of a detector, and its calibration, are
/// signals of their own).
pub(crate) const IMPLIED: [AlarmKind; 3] = [AlarmKind::BadQuality, AlarmKind::Calibrating, AlarmKind::Stale];

/// The end of the id of the alarm that says that a rule cannot judge.
const FAULT_ENDING: &str = ".fault";

/// How urgent an alarm is where nothing says so.
const fn default_priority(quantity: Quantity, kind: AlarmKind) -> Priority {
    match (quantity.is_gas_detector(), kind) {
        (_, AlarmKind::Calibrating) => Priority::Low,
        (true, AlarmKind::HighHigh | AlarmKind::LowLow | AlarmKind::Vote) => Priority::Critical,
        (true, AlarmKind::High | AlarmKind::Low | AlarmKind::Stale | AlarmKind::BadQuality | AlarmKind::RuleFault)
        | (false, AlarmKind::HighHigh | AlarmKind::LowLow | AlarmKind::Vote) => Priority::High,
        _ => Priority::Medium,
    }
}

/// Whether an alarm holds where nothing says so: those of gas detectors do, but for what only says how the detector is.
const fn default_latching(quantity: Quantity, kind: AlarmKind) -> bool {
    quantity.is_gas_detector() && !matches!(kind, AlarmKind::Calibrating | AlarmKind::RuleFault)
}

/// What is not written: gas alarms are not shelved.
const fn default_shelve_max(quantity: Quantity) -> Span {
    if quantity.is_gas_detector() { Span::ZERO } else { SHELVE_MAX }
}

/// A configured rule with its defaults filled in; `None` where its condition is at fault.
pub(crate) fn rule(draft: AlarmDraft, quantity: Quantity) -> Option<AlarmRule> {
    let ConditionDraft::Ready(condition) = draft.condition else { return None };
    let kind = draft.kind.value;
    Some(AlarmRule {
        id: draft.id.value,
        kind,
        limit: draft.limit.map(|limit| limit.value),
        deadband: draft.deadband,
        on_delay: draft.on_delay.value,
        off_delay: draft.off_delay,
        priority: draft.priority.unwrap_or(default_priority(quantity, kind)),
        latching: draft.latching.unwrap_or(default_latching(quantity, kind)),
        cause: draft.cause,
        consequence: draft.consequence,
        action: draft.action,
        respond_within: draft.respond_within,
        position: draft.position,
        implied: false,
        condition,
        group: draft.group,
        shelve_max: draft.shelve_max.unwrap_or(default_shelve_max(quantity)),
        realarm_after: draft.realarm_after,
        repeat_within: draft.repeat_within,
    })
}

/// The alarms that come with the quantity, but for those that are configured, and one for each rule that may be unable to judge.
pub(crate) fn implied(quantity: Quantity, configured: &[AlarmRule]) -> Vec<AlarmRule> {
    let kinds = IMPLIED.into_iter().filter(|kind| quantity.is_gas_detector() && !configured.iter().any(|it| it.kind == *kind));
    let of_kind =
        |kind: AlarmKind| implied_rule(AlarmId::new(kind.as_str()).expect("the words of kinds are ids"), kind, quantity);
    let faults = configured.iter().filter(|rule| may_be_unable(&rule.condition)).filter_map(|rule| {
        // Too long an id was told.
        let id = AlarmId::new(&fault_id(rule.id.as_str())).ok()?;
        Some(AlarmRule {
            condition: Condition::FaultOf { alarm: rule.id.clone() },
            position: rule.position.clone(),
            group: rule.group.clone(),
            ..implied_rule(id, AlarmKind::RuleFault, quantity)
        })
    });
    kinds.map(of_kind).chain(faults).collect()
}

fn implied_rule(id: AlarmId, kind: AlarmKind, quantity: Quantity) -> AlarmRule {
    AlarmRule {
        id,
        kind,
        priority: default_priority(quantity, kind),
        latching: default_latching(quantity, kind),
        shelve_max: default_shelve_max(quantity),
        implied: true,
        ..AlarmRule::default()
    }
}

pub(crate) fn fault_id(rule: &str) -> String {
    format!("{rule}{FAULT_ENDING}")
}

/// Whether a rule looks at other points, which may be silent or bad.
const fn may_be_unable(condition: &Condition) -> bool {
    matches!(
        condition,
        Condition::Vote { .. } | Condition::Expression(_) | Condition::Deviation { from: Reference::Point { .. }, .. }
    )
}

/// What an alarm of a point will be called, and how urgent it will be.
pub(crate) struct Outline {
    pub(crate) id: String,
    pub(crate) priority: Priority,
}

/// All alarms that a point will have, the implied ones included.
pub(crate) fn outlines(point: &PointDraft) -> Vec<Outline> {
    let quantity = point.quantity.unwrap_or(Quantity::Other);
    let configured = point.alarms.iter().map(|alarm| Outline {
        id: alarm.id.value.to_string(),
        priority: alarm.priority.unwrap_or(default_priority(quantity, alarm.kind.value)),
    });
    let is_configured = |kind: AlarmKind| point.alarms.iter().any(|alarm| alarm.kind.value == kind);
    let of_kinds = IMPLIED.into_iter().filter(|kind| quantity.is_gas_detector() && !is_configured(*kind));
    let of_kinds = of_kinds.map(|kind| Outline { id: kind.as_str().to_owned(), priority: default_priority(quantity, kind) });
    let faults = point.alarms.iter().filter(|alarm| looks_beyond(alarm)).map(|alarm| Outline {
        id: fault_id(alarm.id.value.as_str()),
        priority: default_priority(quantity, AlarmKind::RuleFault),
    });
    configured.chain(of_kinds).chain(faults).collect()
}

/// As `may_be_unable`, whether the condition was looked up already or not.
pub(crate) const fn looks_beyond(alarm: &AlarmDraft) -> bool {
    match &alarm.condition {
        ConditionDraft::Ready(condition) => may_be_unable(condition),
        ConditionDraft::State(_) => false,
        ConditionDraft::FromPoint { .. } | ConditionDraft::Vote { .. } | ConditionDraft::Expression(_) => true,
    }
}
