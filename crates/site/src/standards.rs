//! Limits against national standards: warnings, since a site may have its reasons, with the clause that says so.
//!
//! The table holds what depends on quantity and unit alone. Limits of toxic gases depend on the substance: toxic.rs.

use model::{AlarmKind, Quantity, Span};

use crate::alarm::AlarmDraft;
use crate::fault::Sink;
use crate::point::PointDraft;
use crate::toxic;

/// The clause on set points.
pub(crate) const SET_POINTS: &str = "GB/T 50493-2019 5.5";

/// What a detector takes to answer is delay enough; advice, no clause.
const ON_DELAY_MAX: Span = Span::from_secs(5);

/// Which side of the figure the standard allows.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    AtMost,
    AtLeast,
}

/// One figure of a standard.
struct SetPoint {
    quantity: Quantity,
    /// Spellings, as `plain_unit` leaves them.
    units: &'static [&'static str],
    kind: AlarmKind,
    side: Side,
    limit: f64,
    name: &'static str,
}

const PERCENT_LEL: &[&str] = &["%lel", "lel%"];
const LEL_METRES: &[&str] = &["lelm"];
const PERCENT_VOLUME: &[&str] = &["%", "%vol", "vol%", "%o2", "%v/v"];

const TABLE: &[SetPoint] = &[
    at_most(Quantity::CombustibleGas, PERCENT_LEL, AlarmKind::High, 25.0, "level 1 of combustible gas in %LEL"),
    at_most(Quantity::CombustibleGas, PERCENT_LEL, AlarmKind::HighHigh, 50.0, "level 2 of combustible gas in %LEL"),
    at_most(Quantity::CombustibleGas, LEL_METRES, AlarmKind::High, 1.0, "level 1 of an open path in LEL.m"),
    at_most(Quantity::CombustibleGas, LEL_METRES, AlarmKind::HighHigh, 2.0, "level 2 of an open path in LEL.m"),
    at_most(Quantity::Oxygen, PERCENT_VOLUME, AlarmKind::High, 23.5, "too much oxygen in vol-%"),
    SetPoint {
        quantity: Quantity::Oxygen,
        units: PERCENT_VOLUME,
        kind: AlarmKind::Low,
        side: Side::AtLeast,
        limit: 19.5,
        name: "too little oxygen in vol-%",
    },
];

const fn at_most(
    quantity: Quantity,
    units: &'static [&'static str],
    kind: AlarmKind,
    limit: f64,
    name: &'static str,
) -> SetPoint {
    SetPoint { quantity, units, kind, side: Side::AtMost, limit, name }
}

/// Warns where a point's limits are laxer than the standard, or missing.
pub(crate) fn check(point: &PointDraft, sink: &mut Sink) {
    let Some(quantity) = point.quantity.filter(|quantity| quantity.is_gas_detector()) else { return };
    let unit = plain_unit(point.unit.as_deref().unwrap_or_default());
    let rows = TABLE.iter().filter(|row| row.quantity == quantity && row.units.contains(&unit.as_str()));
    for row in rows {
        check_set_point(point, row, sink);
    }
    check_unit(point, quantity, &unit, sink);
    if quantity == Quantity::ToxicGas {
        toxic::check(point, &unit, sink);
    }
    check_delays(point, sink);
    check_levels(point, quantity, sink);
    check_headroom(point, sink);
}

fn plain_unit(unit: &str) -> String {
    let half_width = |c: char| if c == '％' { '%' } else { c };
    unit.chars().filter(|c| !" .-·*".contains(*c)).map(half_width).flat_map(char::to_lowercase).collect()
}

pub(crate) fn of_kind(point: &PointDraft, kind: AlarmKind) -> impl Iterator<Item = (&AlarmDraft, f64)> {
    let of_kind = point.alarms.iter().filter(move |alarm| alarm.kind.value == kind);
    of_kind.filter_map(|alarm| alarm.limit.as_ref().map(|limit| (alarm, limit.value)))
}

/// A limit in a unit that the table does not know is not compared: better said than passed over.
fn check_unit(point: &PointDraft, quantity: Quantity, unit: &str, sink: &mut Sink) {
    let mut rows = TABLE.iter().filter(|row| row.quantity == quantity).peekable();
    let has_limits = point.alarms.iter().any(|alarm| alarm.limit.is_some());
    if has_limits && !unit.is_empty() && rows.peek().is_some() && !rows.any(|row| row.units.contains(&unit)) {
        let problem = format!("limits of {} in this unit are not compared with {SET_POINTS}", quantity.as_str());
        let cure = if quantity == Quantity::Oxygen {
            "write %VOL if that is the unit"
        } else {
            "write %LEL or LEL.m if that is the unit"
        };
        sink.warning(point.id.place, "unit", point.unit.as_deref().unwrap_or_default(), problem, cure);
    }
}

/// The strictest alarm of the kind counts: others beside it take nothing away.
fn check_set_point(point: &PointDraft, row: &SetPoint, sink: &mut Sink) {
    let strictness = |value: f64| if row.side == Side::AtMost { value } else { -value };
    let strictest = of_kind(point, row.kind).min_by(|a, b| strictness(a.1).total_cmp(&strictness(b.1)));
    let Some((alarm, value)) = strictest.filter(|(_, value)| strictness(*value) > strictness(row.limit)) else { return };
    let (word, figure) = if row.side == Side::AtMost { ("above", "or less") } else { ("below", "or more") };
    let problem = format!("is {word} {}, the limit for {} ({SET_POINTS})", row.limit, row.name);
    let place = alarm.limit.as_ref().map_or(alarm.place, |limit| limit.place);
    sink.warning(place, "limit", &value.to_string(), problem, format!("write {} {figure}", row.limit));
}

fn check_levels(point: &PointDraft, quantity: Quantity, sink: &mut Sink) {
    let wanted = match quantity {
        Quantity::Oxygen => [AlarmKind::Low, AlarmKind::High],
        _ => [AlarmKind::High, AlarmKind::HighHigh],
    };
    let missing: Vec<_> = wanted.into_iter().filter(|kind| of_kind(point, *kind).next().is_none()).collect();
    if !missing.is_empty() {
        let names: Vec<_> = missing.iter().map(|kind| kind.as_str()).collect();
        let problem = format!("{} has no alarm of kind {} ({SET_POINTS})", quantity.as_str(), names.join(" and "));
        sink.warning(point.id.place, "id", point.id.value.as_str(), problem, "add what is missing");
    }
}

/// Of alarms that say that gas is there.
fn check_delays(point: &PointDraft, sink: &mut Sink) {
    let of_gas = |alarm: &&AlarmDraft| alarm.kind.value.is_limit() || alarm.kind.value == AlarmKind::Vote;
    for alarm in point.alarms.iter().filter(of_gas).filter(|alarm| alarm.on_delay.value > ON_DELAY_MAX) {
        let problem = "holds back a gas alarm for more than 5 s, after the time that the detector itself takes";
        sink.warning(alarm.on_delay.place, "on_delay", &alarm.on_delay.value.to_string(), problem, "write \"5s\" or less");
    }
}

/// A level 2 near the end of the range leaves no room to see the gas rise on.
fn check_headroom(point: &PointDraft, sink: &mut Sink) {
    let Some(range) = point.range else { return };
    let top = range.low + 0.9 * (range.high - range.low);
    for (alarm, value) in of_kind(point, AlarmKind::HighHigh).filter(|(_, value)| *value > top && *value <= range.high) {
        let place = alarm.limit.as_ref().map_or(alarm.place, |limit| limit.place);
        let problem = format!("lies above 90 % of the range {} to {}", range.low, range.high);
        sink.warning(place, "limit", &value.to_string(), problem, "use a detector with a wider range");
    }
}
