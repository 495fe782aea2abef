//! What each field may be, in the order of the fields of each kind. Words, ids and times are right by their types.

use model::ReportKind;

/// What a value may be. What is optional may also be nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rule {
    /// A name that has to be there.
    Name,
    /// A name, or nothing.
    NameOrNothing,
    /// A whole number.
    Count { least: i64, most: i64 },
    /// A finite number.
    Number { least: f64, most: f64 },
    /// A place on earth.
    Place,
    /// Whatever its type takes.
    Any,
}

use Rule::{Any, Name, NameOrNothing, Place};

const PEOPLE: Rule = Rule::Count { least: 0, most: 1_000_000 };

/// A gram is the least that anybody would report.
const TONNES: Rule = Rule::Number { least: 1e-6, most: 1_000.0 };

/// The full names of the fields of a kind with their rules.
pub(crate) const fn rules(kind: ReportKind) -> &'static [(&'static str, Rule)] {
    match kind {
        ReportKind::Waybill => &[
            ("waybill.number", Name),
            ("waybill.state", Any),
            ("waybill.vehicle", Name),
            ("waybill.un", Rule::Count { least: 1, most: 9_999 }),
            ("waybill.tonnes", TONNES),
            ("waybill.from_enterprise", Name),
            ("waybill.to_enterprise", Name),
        ],
        ReportKind::RouteDeviation => &[
            ("route_deviation.vehicle", Name),
            ("route_deviation.waybill", NameOrNothing),
            ("route_deviation.location", Place),
            ("route_deviation.metres", Rule::Count { least: 1, most: 1_000_000 }),
            ("route_deviation.reason", Name),
        ],
        ReportKind::VehiclePosition => &[
            ("vehicle_position.vehicle", Name),
            ("vehicle_position.waybill", NameOrNothing),
            ("vehicle_position.location", Place),
            ("vehicle_position.speed_kmh", Rule::Number { least: 0.0, most: 300.0 }),
            ("vehicle_position.heading", Rule::Number { least: 0.0, most: 360.0 }),
        ],
        ReportKind::Diversion => &[
            ("diversion.vehicle", NameOrNothing),
            ("diversion.road", NameOrNothing),
            ("diversion.warning", Any),
            ("diversion.place", NameOrNothing),
        ],
        ReportKind::GatePass => {
            &[("gate_pass.gate", Name), ("gate_pass.vehicle", Name), ("gate_pass.way", Any), ("gate_pass.waybill", NameOrNothing)]
        }
        ReportKind::Yard => &[
            ("yard.yard", Name),
            ("yard.vehicles", Rule::Count { least: 0, most: 1_000_000 }),
            ("yard.capacity", Rule::Count { least: 1, most: 100_000 }),
        ],
        ReportKind::HeadCount => &[("head_count.place", Name), ("head_count.people", PEOPLE)],
        ReportKind::ZoneEmptied => &[("zone_emptied.place", Name), ("zone_emptied.people_left", PEOPLE)],
        _ => rules_of_authorities(kind),
    }
}

const fn rules_of_authorities(kind: ReportKind) -> &'static [(&'static str, Rule)] {
    match kind {
        ReportKind::ResponseLevel => &[("response_level.level", Any), ("response_level.plan", Name)],
        ReportKind::Dispatch => {
            &[("dispatch.resource", Name), ("dispatch.from", Name), ("dispatch.to", Name), ("dispatch.state", Any)]
        }
        ReportKind::AllClear => &[("all_clear.place", Name)],
        ReportKind::Inspection => &[("inspection.enterprise", Any), ("inspection.result", Any)],
        ReportKind::Finding => &[("finding.enterprise", Any), ("finding.severity", Any), ("finding.due", Any)],
        ReportKind::Order => &[("order.enterprise", Any), ("order.number", Name), ("order.due", Any)],
        ReportKind::Penalty => &[
            ("penalty.enterprise", Any),
            ("penalty.amount_fen", Rule::Count { least: 1, most: 10_000_000_000_000 }),
            ("penalty.number", Name),
        ],
        ReportKind::CreditPoints => &[
            ("credit_points.enterprise", Any),
            ("credit_points.points", Rule::Count { least: -1_000, most: 1_000 }),
            ("credit_points.reason", Name),
        ],
        ReportKind::BlackList => &[("black_list.enterprise", Any), ("black_list.change", Any)],
        ReportKind::CreditRepair => &[("credit_repair.enterprise", Any), ("credit_repair.what", Name)],
        // The rules of CAP hold for it.
        _ => &[],
    }
}
