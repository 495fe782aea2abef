//! Each kind that is right, and each way in which it is not.

use super::*;
use crate::limits::rules;
use crate::{ABOUT_MAX, AGE_MAX, AHEAD_MAX, NAME_MAX, Reason, TEXT_MAX};

fn fault(body: impl Into<ReportBody>) -> &'static str {
    let refusal = draft("r", "office", body).check().expect_err("not right");
    assert!(refusal.reason == Reason::Invalid && !refusal.message.is_empty());
    refusal.field
}

#[test]
fn one_of_each_kind_is_taken() {
    let mut desk = Desk::new();
    for (n, (who, body)) in all().into_iter().enumerate() {
        let kind = body.kind();
        let taken =
            desk.submit(10, &draft(&format!("r{n}"), who, body)).unwrap_or_else(|refusal| panic!("{kind:?}: {refusal:?}"));
        assert!(taken.is_some(), "{kind:?}");
        let event = &desk.journal.last().expect("on record").event;
        assert_eq!((event.body.kind(), event.revision, event.occurred_at), (kind.as_str(), RevisionNumber(1), at(10)));
        assert!(!event.subject.is_empty());
    }
    assert_eq!(desk.journal.len(), model::ReportKind::ALL.len());
}

#[test]
fn every_field_has_its_rule_by_its_name() {
    for (_, body) in all() {
        let (kind, word) = (body.kind(), body.kind().word());
        if kind == model::ReportKind::ExternalAlert {
            continue;
        }
        let wanted: Vec<_> = body.fields().iter().map(|(name, _)| format!("{word}.{name}")).collect();
        assert_eq!(rules(kind).iter().map(|(name, _)| *name).collect::<Vec<_>>(), wanted);
    }
}

#[test]
fn what_every_report_has_is_checked() {
    let fault = |change: fn(&mut Draft)| {
        let mut draft = draft("r", "office", head_count("unit", 1));
        change(&mut draft);
        draft.check().err().map(|refusal| refusal.field)
    };
    assert_eq!(fault(|_| {}), None);
    assert_eq!(fault(|it| it.actor = text(" ")), Some("actor"));
    assert_eq!(fault(|it| it.actor = "李".repeat(NAME_MAX + 1)), Some("actor"));
    assert_eq!(fault(|it| it.actor = "李".repeat(NAME_MAX)), None);
    assert_eq!(fault(|it| it.text = "x".repeat(TEXT_MAX + 1)), Some("text"));
    let many = |it: &mut Draft| {
        it.about = vec![EventId::parse("00000000000000ab-engine/17-42-3").expect("valid"); ABOUT_MAX + 1];
    };
    assert_eq!(fault(many), Some("about"));
    assert_eq!(fault(|it| it.occurred_at = Some(at(0) + AHEAD_MAX)), None);
    assert_eq!(fault(|it| it.occurred_at = Some(at(0) + AHEAD_MAX + Span::from_micros(1))), Some("occurred_at"));
    let old = |more: i64| at(0).plus(Span::from_micros(-AGE_MAX.micros() - more));
    assert_eq!(draft_at(old(0)), None);
    assert_eq!(draft_at(old(1)), Some("occurred_at"));
}

fn draft_at(time: Time) -> Option<&'static str> {
    let draft = Draft { occurred_at: Some(time), ..draft("r", "office", head_count("unit", 1)) };
    draft.check().err().map(|refusal| refusal.field)
}

#[test]
fn faults_of_transport() {
    assert_eq!(fault(Waybill { number: text(" "), ..waybill() }), "waybill.number");
    assert_eq!(fault(Waybill { vehicle: String::new(), ..waybill() }), "waybill.vehicle");
    for un in [0, 10_000] {
        assert_eq!(fault(Waybill { un: Some(un), ..waybill() }), "waybill.un");
    }
    for tonnes in [0.0, -1.0, 1_000.5, f64::NAN, f64::INFINITY] {
        assert_eq!(fault(Waybill { tonnes: Some(tonnes), ..waybill() }), "waybill.tonnes");
    }
    assert_eq!(fault(Waybill { to_enterprise: String::new(), ..waybill() }), "waybill.to_enterprise");
    let location = Location { lat: 90.5, lon: 0.0 };
    assert_eq!(fault(VehiclePosition { location, ..position("v", "") }), "vehicle_position.location");
    let location = Location { lat: 0.0, lon: f64::NAN };
    assert_eq!(fault(VehiclePosition { location, ..position("v", "") }), "vehicle_position.location");
    assert_eq!(fault(VehiclePosition { speed_kmh: Some(301.0), ..position("v", "") }), "vehicle_position.speed_kmh");
    assert_eq!(fault(VehiclePosition { heading: Some(-1.0), ..position("v", "") }), "vehicle_position.heading");
    let location = Location { lat: 0.0, lon: 0.0 };
    let off = |metres, reason: &str| RouteDeviation {
        vehicle: text("v"),
        waybill: String::new(),
        location,
        metres,
        reason: text(reason),
    };
    assert_eq!(fault(off(0, "x")), "route_deviation.metres");
    assert_eq!(fault(off(1, "")), "route_deviation.reason");
    let around = |vehicle: &str, road: &str, place: &str| Diversion {
        vehicle: text(vehicle),
        road: text(road),
        warning: None,
        place: text(place),
    };
    assert_eq!(fault(around("v", "S1", "unit")), "diversion.vehicle");
    assert_eq!(fault(around("", "", "unit")), "diversion.vehicle");
    assert_eq!(fault(around("v", "", "")), "diversion.place");
    let warning = EventId::parse("00000000000000ab-exchange/warnings-42-3");
    assert_eq!(fault(Diversion { warning, ..around("v", "", "unit") }), "diversion.place");
}

#[test]
fn faults_of_the_park_and_of_emergency() {
    let pass = GatePass { gate: text("东门"), vehicle: text("a\nb"), way: Way::Out, waybill: String::new() };
    assert_eq!(fault(pass.clone()), "gate_pass.vehicle");
    assert_eq!(fault(GatePass { gate: "x".repeat(NAME_MAX + 1), ..pass }), "gate_pass.gate");
    assert_eq!(fault(yard(0, 0)), "yard.capacity");
    assert_eq!(fault(yard(0, 100_001)), "yard.capacity");
    assert_eq!(fault(head_count("", 1)), "head_count.place");
    assert_eq!(fault(head_count("unit", 1_000_001)), "head_count.people");
    assert_eq!(fault(ZoneEmptied { place: String::new(), people_left: 0 }), "zone_emptied.place");
    assert_eq!(fault(ZoneEmptied { place: text("unit"), people_left: 1_000_001 }), "zone_emptied.people_left");
    assert_eq!(fault(ResponseLevel { level: PlanLevel::I, plan: String::new() }), "response_level.plan");
    let sent = Dispatch { resource: text("a"), from: text("b"), to: String::new(), state: DispatchState::Arrived };
    assert_eq!(fault(sent), "dispatch.to");
    assert_eq!(fault(AllClear { place: String::new() }), "all_clear.place");
}

#[test]
fn faults_of_enforcement_and_credit() {
    let e01 = || enterprise("e01");
    assert_eq!(fault(Finding { enterprise: e01(), severity: Severity::General, due: Some(at(0)) }), "finding.due");
    assert_eq!(fault(Order { enterprise: e01(), number: text("1"), due: at(-1) }), "order.due");
    assert_eq!(fault(Order { enterprise: e01(), number: String::new(), due: at(1) }), "order.number");
    for amount_fen in [0, -1, 10_000_000_000_001] {
        assert_eq!(fault(Penalty { enterprise: e01(), amount_fen, number: text("1") }), "penalty.amount_fen");
    }
    for points in [0, 1_001, -1_001] {
        assert_eq!(fault(CreditPoints { enterprise: e01(), points, reason: text("x") }), "credit_points.points");
    }
    assert_eq!(fault(CreditPoints { enterprise: e01(), points: 1, reason: String::new() }), "credit_points.reason");
    assert_eq!(fault(CreditRepair { enterprise: e01(), what: String::new() }), "credit_repair.what");
}

#[test]
fn places_have_to_be_of_the_site_and_of_each_other() {
    let mut desk = Desk::new();
    let mut fault = |change: fn(&mut Draft)| {
        let mut draft = draft("r", "emergency", AllClear { place: text("二号路") });
        change(&mut draft);
        desk.submit(1, &draft).expect_err("not of the site").field
    };
    assert_eq!(fault(|it| it.park = text("nowhere")), "park");
    assert_eq!(fault(|it| it.enterprise = text("e99")), "enterprise");
    assert_eq!(fault(|it| it.installation = text("e01")), "installation");
    assert_eq!(fault(|it| (it.park, it.enterprise) = (text("yangkou"), text("e01"))), "park");
    assert_eq!(fault(|it| (it.enterprise, it.installation) = (text("e02"), text("unit"))), "enterprise");
    assert_eq!(fault(|it| (it.park, it.installation) = (text("yangkou"), text("unit"))), "park");
    assert_eq!(fault(|it| it.department = DepartmentId::new("stranger").expect("valid")), "department");
    assert_eq!(
        fault(|it| it.body = BlackList { enterprise: enterprise("e99"), change: BlackListChange::Left }.into()),
        "black_list.enterprise"
    );
    let other = |it: &mut Draft| {
        it.body = Inspection { enterprise: enterprise("e01"), result: InspectionResult::Passed }.into();
        it.enterprise = text("e02");
    };
    assert_eq!(fault(other), "enterprise");
    let elsewhere = Waybill { to_enterprise: text("上海某厂"), ..waybill() };
    let mut from_nowhere = draft("w", "transport", elsewhere);
    assert_eq!(desk.submit(1, &from_nowhere).expect_err("neither end").field, "waybill.to_enterprise");
    from_nowhere.park = text("rugang");
    assert!(desk.submit(1, &from_nowhere).expect("passes through the park").is_some());
}
