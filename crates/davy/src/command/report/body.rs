//! A body of the contract from fields by name.

use model::ReportKind;
use wire::v1::report::{self, Body};

use super::fields::Fields;
use crate::exit::CommandError;

/// The body of a kind; every field that it has is asked for by its name in the contract.
pub(super) fn build(kind: ReportKind, mut fields: Fields) -> Result<Body, CommandError> {
    let it = &mut fields;
    let body = match kind {
        ReportKind::Waybill => Body::Waybill(report::Waybill {
            number: it.text("number"),
            state: it.text("state"),
            vehicle: it.text("vehicle"),
            un: it.number("un")?,
            tonnes: it.number("tonnes")?,
            from_enterprise: it.text("from_enterprise"),
            to_enterprise: it.text("to_enterprise"),
        }),
        ReportKind::RouteDeviation => Body::RouteDeviation(report::RouteDeviation {
            vehicle: it.text("vehicle"),
            waybill: it.text("waybill"),
            location: it.location()?,
            metres: it.count("metres")?,
            reason: it.text("reason"),
        }),
        ReportKind::VehiclePosition => Body::VehiclePosition(report::VehiclePosition {
            vehicle: it.text("vehicle"),
            waybill: it.text("waybill"),
            location: it.location()?,
            speed_kmh: it.number("speed_kmh")?,
            heading: it.number("heading")?,
        }),
        ReportKind::Diversion => Body::Diversion(report::Diversion {
            vehicle: it.text("vehicle"),
            road: it.text("road"),
            warning: it.text("warning"),
            place: it.text("place"),
        }),
        ReportKind::GatePass => Body::GatePass(report::GatePass {
            gate: it.text("gate"),
            vehicle: it.text("vehicle"),
            way: it.text("way"),
            waybill: it.text("waybill"),
        }),
        ReportKind::Yard => {
            Body::Yard(report::Yard { yard: it.text("yard"), vehicles: it.count("vehicles")?, capacity: it.count("capacity")? })
        }
        ReportKind::HeadCount => Body::HeadCount(report::HeadCount { place: it.text("place"), people: it.count("people")? }),
        ReportKind::ZoneEmptied => {
            Body::ZoneEmptied(report::ZoneEmptied { place: it.text("place"), people_left: it.count("people_left")? })
        }
        _ => of_authorities(kind, it)?,
    };
    fields.finish()?;
    Ok(body)
}

fn of_authorities(kind: ReportKind, it: &mut Fields) -> Result<Body, CommandError> {
    Ok(match kind {
        ReportKind::ResponseLevel => {
            Body::ResponseLevel(report::ResponseLevel { level: it.text("level"), plan: it.text("plan") })
        }
        ReportKind::Dispatch => Body::Dispatch(report::Dispatch {
            resource: it.text("resource"),
            from: it.text("from"),
            to: it.text("to"),
            state: it.text("state"),
        }),
        ReportKind::AllClear => Body::AllClear(report::AllClear { place: it.text("place") }),
        ReportKind::Inspection => {
            Body::Inspection(report::Inspection { enterprise: it.text("enterprise"), result: it.text("result") })
        }
        ReportKind::Finding => Body::Finding(report::Finding {
            enterprise: it.text("enterprise"),
            severity: it.text("severity"),
            due: it.time("due")?,
        }),
        ReportKind::Order => {
            Body::Order(report::Order { enterprise: it.text("enterprise"), number: it.text("number"), due: it.time("due")? })
        }
        ReportKind::Penalty => Body::Penalty(report::Penalty {
            enterprise: it.text("enterprise"),
            amount_fen: it.count("amount_fen")?,
            number: it.text("number"),
        }),
        ReportKind::CreditPoints => Body::CreditPoints(report::CreditPoints {
            enterprise: it.text("enterprise"),
            points: it.count("points")?,
            reason: it.text("reason"),
        }),
        ReportKind::BlackList => {
            Body::BlackList(report::BlackList { enterprise: it.text("enterprise"), change: it.text("change") })
        }
        ReportKind::CreditRepair => {
            Body::CreditRepair(report::CreditRepair { enterprise: it.text("enterprise"), what: it.text("what") })
        }
        _ => Body::ExternalAlert(report::ExternalAlert { xml: it.text("xml"), ..report::ExternalAlert::default() }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(kind: ReportKind, pairs: &[&str]) -> Result<Body, String> {
        let pairs: Vec<_> = pairs.iter().map(|it| (*it).to_owned()).collect();
        let fields = Fields::of_pairs(kind.word(), &pairs).map_err(|error| error.to_string())?;
        build(kind, fields).map_err(|error| error.to_string())
    }

    #[test]
    fn fields_are_taken_by_name() {
        let body = built(ReportKind::VehiclePosition, &["vehicle=苏F1", "lat=32.06", "lon=120.5", "speed_kmh=40"]);
        let wanted = report::VehiclePosition {
            vehicle: "苏F1".to_owned(),
            waybill: String::new(),
            location: Some(report::Location { lat: 32.06, lon: 120.5 }),
            speed_kmh: Some(40.0),
            heading: None,
        };
        assert_eq!(body, Ok(Body::VehiclePosition(wanted.clone())));
        let json = r#"{"vehicle": "苏F1", "location": {"lat": 32.06, "lon": 120.5}, "speed_kmh": 40}"#;
        let fields = Fields::of_json("vehicle_position", json).expect("JSON");
        assert_eq!(build(ReportKind::VehiclePosition, fields).expect("right"), Body::VehiclePosition(wanted));
        let due = built(ReportKind::Order, &["enterprise=e01", "number=7", "due=2027-01-31T08:00:00+08:00"]);
        let Ok(Body::Order(order)) = due else { panic!("{due:?}") };
        assert_eq!(order.due, wire::parse_time("2027-01-31T00:00:00Z").map(wire::time_to_v1));
    }

    #[test]
    fn what_cannot_be_read_says_what_would_be_right() {
        let wrong = |kind, pairs: &[&str]| built(kind, pairs).expect_err("wrong");
        assert!(
            wrong(ReportKind::GatePass, &["gat=东门"]).contains("gate_pass has no `gat`; it has gate, vehicle, way, waybill")
        );
        assert!(wrong(ReportKind::GatePass, &["gate"]).contains("gate=东门"));
        assert!(wrong(ReportKind::HeadCount, &["place=unit"]).contains("head_count needs people"));
        assert!(wrong(ReportKind::HeadCount, &["place=unit", "people=-1"]).contains("read people `-1`"));
    }

    #[test]
    fn every_kind_is_built_with_its_own_fields() {
        for kind in ReportKind::ALL {
            let given: Vec<String> =
                ["metres=1", "vehicles=1", "capacity=1", "people=1", "people_left=1", "amount_fen=1", "points=1"]
                    .iter()
                    .map(|it| (*it).to_owned())
                    .collect();
            let fields = Fields::of_pairs(kind.word(), &given).expect("pairs");
            // Those of other kinds are named as unknown; none is missing.
            let error = build(*kind, fields).expect_err("too many").to_string();
            assert!(error.contains(&format!("{} has no `", kind.word())), "{error}");
        }
    }
}
