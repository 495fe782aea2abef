//! A site, drafts of every kind, and a journal in memory.

mod faults;
mod laws;
mod lives;
mod rights;

use std::sync::Arc;

use model::report::{
    AllClear, BlackList, BlackListChange, CreditPoints, CreditRepair, Dispatch, DispatchState, Diversion, ExternalAlert, Finding,
    GatePass, HeadCount, Inspection, InspectionResult, Order, Penalty, PlanLevel, ResponseLevel, RouteDeviation, Severity,
    VehiclePosition, Way, Waybill, WaybillState, Yard, ZoneEmptied,
};
use model::{
    Department, DepartmentId, DepartmentKind, Enterprise, EnterpriseId, Epoch, Event, EventId, GatewayPath, Installation,
    InstallationId, InstallationKind, KeySeq, Level, Location, Park, ParkId, Point, PointId, PointSource, Position, Protocol,
    Quantity, RecordedEvent, ReportBody, RequestId, Revision, RevisionNumber, Site, Span, Time,
};

use crate::{Draft, Judged, Refusal, Reports, Seen};

fn at(seconds: i64) -> Time {
    Time::YEAR_2000 + Span::from_secs(seconds)
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn enterprise(id: &str) -> EnterpriseId {
    EnterpriseId::new(id).expect("valid")
}

fn department(id: &str, kind: DepartmentKind) -> Department {
    let park = ParkId::new("rugang").ok().filter(|_| kind == DepartmentKind::Park);
    let district = if kind == DepartmentKind::Park { String::new() } else { text("320682") };
    Department {
        id: DepartmentId::new(id).expect("valid"),
        name: text(id),
        kind,
        level: Level::County,
        enterprise: None,
        park,
        district,
    }
}

fn point(tag: &str) -> Point {
    let gateway = GatewayPath::strict("rugang/office/reports").expect("valid");
    Point {
        id: PointId::new("yard").expect("valid"),
        name: String::new(),
        installation: InstallationId::new("unit").expect("valid"),
        enterprise: enterprise("e01"),
        park: ParkId::new("rugang").ok(),
        quantity: Quantity::Headcount,
        unit: String::new(),
        range: None,
        stale_after: Span::from_secs(60),
        source: PointSource { protocol: Protocol::Mqtt, gateway, tag: text(tag) },
        states: Vec::new(),
        alarms: Vec::new(),
        cas: String::new(),
    }
}

/// A park with an enterprise, another enterprise far away, and a department of each kind by the kind's own name.
fn site(number: u32) -> Revision {
    let park = |id: &str, district: &str| Park {
        id: ParkId::new(id).expect("valid"),
        name: text(id),
        time_zone: text("Asia/Shanghai"),
        district: text(district),
        wind: None,
    };
    let firm = |id: &str, park: &str| Enterprise {
        id: enterprise(id),
        name: text(id),
        park: ParkId::new(park).ok(),
        district: String::new(),
    };
    let unit = Installation {
        id: InstallationId::new("unit").expect("valid"),
        name: text("unit"),
        enterprise: enterprise("e01"),
        kind: InstallationKind::Process,
        exposed_people: 0,
        location: None,
        substances: Vec::new(),
        wind: None,
    };
    let mut departments: Vec<_> = DepartmentKind::ALL.iter().map(|kind| department(kind.as_str(), *kind)).collect();
    departments.push(department("office", DepartmentKind::Park));
    let site = Site {
        parks: vec![park("rugang", "320682"), park("yangkou", "320623")],
        enterprises: vec![firm("e01", "rugang"), firm("e02", "yangkou")],
        installations: vec![unit],
        points: vec![point("P1.vehicles")],
        departments,
        ..Site::default()
    };
    Revision { number: RevisionNumber(number), site, ..Revision::default() }
}

fn draft(request: &str, department: &str, body: impl Into<ReportBody>) -> Draft {
    Draft {
        request_id: RequestId::new(request).expect("valid"),
        department: DepartmentId::new(department).expect("valid"),
        actor: text("li"),
        arrived_at: at(0),
        occurred_at: None,
        text: String::new(),
        about: Vec::new(),
        park: String::new(),
        enterprise: String::new(),
        installation: String::new(),
        body: body.into(),
    }
}

fn waybill() -> Waybill {
    Waybill {
        number: text("W1"),
        state: WaybillState::Departed,
        vehicle: text("苏F1"),
        un: Some(1017),
        tonnes: Some(20.5),
        from_enterprise: text("南京某厂"),
        to_enterprise: text("e01"),
    }
}

fn position(vehicle: &str, waybill: &str) -> VehiclePosition {
    let location = Location { lat: 32.06, lon: 120.5 };
    VehiclePosition { vehicle: text(vehicle), waybill: text(waybill), location, speed_kmh: Some(40.0), heading: None }
}

fn head_count(place: &str, people: u32) -> HeadCount {
    HeadCount { place: text(place), people }
}

fn yard(vehicles: u32, capacity: u32) -> Yard {
    Yard { yard: text("P1"), vehicles, capacity }
}

/// One of each kind that is right, by a department that may report it.
fn all() -> Vec<(&'static str, ReportBody)> {
    let e01 = || enterprise("e01");
    let location = Location { lat: 32.06, lon: 120.5 };
    vec![
        ("transport", waybill().into()),
        (
            "police",
            RouteDeviation { vehicle: text("苏F1"), waybill: text("W1"), location, metres: 300, reason: text("绕行") }.into(),
        ),
        ("transport", position("苏F1", "W1").into()),
        ("transport", Diversion { vehicle: String::new(), road: text("S1"), warning: None, place: text("unit") }.into()),
        ("office", GatePass { gate: text("东门"), vehicle: text("苏F1"), way: Way::In, waybill: text("W1") }.into()),
        ("office", yard(3, 10).into()),
        ("office", head_count("unit", 12).into()),
        ("fire", ZoneEmptied { place: text("unit"), people_left: 0 }.into()),
        ("county", ResponseLevel { level: PlanLevel::Iii, plan: text("总体预案") }.into()),
        (
            "fire",
            Dispatch { resource: text("泡沫车1"), from: text("一站"), to: text("unit"), state: DispatchState::Ordered }.into(),
        ),
        ("emergency", AllClear { place: text("unit") }.into()),
        ("ecology", Inspection { enterprise: e01(), result: InspectionResult::ToRectify }.into()),
        ("emergency", Finding { enterprise: e01(), severity: Severity::Major, due: Some(at(1_000_000)) }.into()),
        ("emergency", Order { enterprise: e01(), number: text("12"), due: at(1_000_000) }.into()),
        ("police", Penalty { enterprise: e01(), amount_fen: 5_000_000, number: text("7") }.into()),
        ("emergency", CreditPoints { enterprise: e01(), points: -3, reason: text("未按期整改") }.into()),
        ("city", BlackList { enterprise: e01(), change: BlackListChange::Entered }.into()),
        ("county", CreditRepair { enterprise: e01(), what: text("整改完成") }.into()),
        ("health", alert().into()),
    ]
}

fn alert() -> ExternalAlert {
    ExternalAlert {
        identifier: text("A1"),
        sender: text("cma"),
        sent: at(0),
        msg_type: text("Alert"),
        headline: text("雷电"),
        event: text("雷电"),
        severity: text("Severe"),
        urgency: text("Immediate"),
        certainty: text("Likely"),
        expires: Some(at(3_600)),
        area: text("如皋"),
    }
}

/// A fold and what it wrote.
struct Desk {
    fold: Reports,
    seen: Seen,
    journal: Vec<RecordedEvent>,
    revision: Revision,
}

impl Desk {
    fn new() -> Self {
        let revision = site(1);
        let mut fold = Reports::default();
        fold.revise(&revision, at(0));
        Self { fold, seen: Seen::default(), journal: Vec::new(), revision }
    }

    /// As the runner does it: checked, judged, put on record; the event of the request, if there is one.
    fn submit(&mut self, seconds: i64, draft: &Draft) -> Result<Option<EventId>, Refusal> {
        let now = at(seconds);
        let draft = &Draft { arrived_at: now, ..draft.clone() };
        draft.check()?;
        if let Judged::News(event) = self.fold.judge(draft, &mut self.seen)? {
            self.put(now, *event);
        }
        Ok(self.fold.outcome(&draft.request_id).map(|outcome| outcome.event.clone()))
    }

    fn put(&mut self, now: Time, event: Event) {
        let number = self.journal.len() as u64 + 1;
        let id = EventId { epoch: Epoch(7), key: Arc::from("exchange/reports"), key_seq: KeySeq(number), ordinal: 0 };
        let recorded = RecordedEvent { id, position: Position(number), ordinal: 0, recorded_at: now, origin: None, event };
        self.fold.apply(&recorded);
        self.journal.push(recorded);
    }

    /// What is on record, as kind and subject.
    fn said(&self) -> Vec<(&'static str, &str)> {
        self.journal.iter().map(|it| (it.event.body.kind(), &*it.event.subject)).collect()
    }
}
