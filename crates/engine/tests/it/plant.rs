//! A small plant: one enterprise, a tank pressure and a gas detector.

use std::sync::Arc;

use bytes::Bytes;
use journal::{Append, Journal, JournalId, Key};
use model::{
    AlarmId, AlarmKind, AlarmRule, Batch, Body, Command, CommandKind, Enterprise, EnterpriseId, GatewayPath, Installation,
    InstallationId, InstallationKind, Message, Partition, Point, PointId, PointNumber, PointSource, Priority, Protocol, Quality,
    Quantity, RequestId, Revision, RevisionNumber, Sample, Site, SourceId, Span, Subject, Time,
};
use proptest::prelude::*;

use crate::mem::MemJournal;

pub(crate) const PRESSURE: &str = "e01-PI-1";
pub(crate) const GAS: &str = "e01-GT-1";

pub(crate) fn partition() -> Partition {
    Partition::of(&enterprise())
}

pub(crate) fn input() -> JournalId {
    JournalId::Telemetry(partition())
}

fn enterprise() -> EnterpriseId {
    EnterpriseId::new("e01").expect("valid")
}

fn rule(kind: AlarmKind, limit: Option<f64>, priority: Priority, latching: bool) -> AlarmRule {
    AlarmRule {
        id: AlarmId::new(kind.as_str()).expect("valid"),
        kind,
        limit,
        deadband: if limit.is_some() { 1.0 } else { 0.0 },
        on_delay: Span::ZERO,
        off_delay: Span::ZERO,
        priority,
        latching,
        cause: String::new(),
        consequence: String::new(),
        action: String::new(),
        respond_within: None,
        position: String::new(),
        implied: false,
        ..AlarmRule::default()
    }
}

fn point(id: &str, quantity: Quantity, alarms: Vec<AlarmRule>) -> Point {
    Point {
        id: PointId::new(id).expect("valid"),
        name: if quantity.is_gas_detector() { "可燃气体".to_owned() } else { String::new() },
        installation: InstallationId::new("e01-tank").expect("valid"),
        enterprise: enterprise(),
        park: None,
        quantity,
        unit: "kPa".to_owned(),
        range: None,
        stale_after: Span::from_secs(5),
        source: PointSource {
            protocol: Protocol::Mqtt,
            gateway: GatewayPath::new("none/e01/gw1").expect("valid"),
            tag: id.to_owned(),
        },
        states: Vec::new(),
        alarms,
        cas: String::new(),
    }
}

/// Revision 1: the pressure has a high alarm with delays and goes stale, the detector two latching levels and a fault alarm.
pub(crate) fn revision(number: u32) -> Arc<Revision> {
    let delayed = AlarmRule {
        on_delay: Span::from_secs(2),
        off_delay: Span::from_secs(1),
        ..rule(AlarmKind::High, Some(10.0), Priority::High, false)
    };
    let pressure = vec![delayed, rule(AlarmKind::Stale, None, Priority::Low, false)];
    let gas = vec![
        rule(AlarmKind::High, Some(25.0), Priority::High, true),
        rule(AlarmKind::HighHigh, Some(50.0), Priority::Critical, true),
        rule(AlarmKind::BadQuality, None, Priority::Medium, false),
    ];
    let site = Site {
        enterprises: vec![Enterprise { id: enterprise(), name: "示例".to_owned(), park: None, district: String::new() }],
        installations: vec![Installation {
            id: InstallationId::new("e01-tank").expect("valid"),
            name: "罐区".to_owned(),
            enterprise: enterprise(),
            kind: InstallationKind::TankFarm,
            exposed_people: 3,
            location: None,
            substances: Vec::new(),
            wind: None,
        }],
        points: vec![point(GAS, Quantity::CombustibleGas, gas), point(PRESSURE, Quantity::Pressure, pressure)],
        ..Site::default()
    };
    let numbers = vec![PointNumber(2), PointNumber(1)];
    let hash = u8::try_from(number).expect("small");
    Arc::new(Revision {
        number: RevisionNumber(number),
        content_hash: [hash; 32],
        site,
        numbers,
        next_point_number: PointNumber(3),
        retired: Vec::new(),
    })
}

/// One value of one point at a time.
pub(crate) fn sample(number: u32, at: Time, value: f64) -> Body {
    let message = Message { gateway: 0, samples: 1, ..Message::default() };
    Body::Batch(Batch {
        revision: RevisionNumber(1),
        gateways: vec![GatewayPath::new("none/e01/gw1").expect("valid")],
        messages: vec![message],
        samples: vec![Sample::new(PointNumber(number), at, Some(value), Quality::Good)],
    })
}

fn command(kind: CommandKind, point: &str, alarm: AlarmKind, request: usize) -> Body {
    Body::Command(Command {
        request_id: RequestId::new(&format!("r{request}")).expect("valid"),
        kind,
        subject: Subject::new(point).expect("valid"),
        alarm: AlarmId::new(alarm.as_str()).expect("valid"),
        occurrence: None,
        activation: 0,
        actor: "li".to_owned(),
        why: String::new(),
        until: None,
    })
}

/// What may happen next, and how long after the thing before, milliseconds.
pub(crate) fn happenings() -> impl Strategy<Value = Vec<(i64, u8, f64)>> {
    let value = prop_oneof![Just(9.0), Just(10.0), Just(8.9), Just(25.0), Just(60.0), Just(0.0), Just(f64::NAN)];
    proptest::collection::vec((0_i64..3_000, 0_u8..12, value), 20..45)
}

/// The records that happenings make, each with its journal time; a revision and a core version come first.
pub(crate) fn records(happenings: &[(i64, u8, f64)]) -> Vec<(Time, Body)> {
    let mut now = Time::YEAR_2000;
    let mut records = vec![(now, Body::CoreVersion(alarm::CORE_VERSION)), (now, Body::Revision(revision(1)))];
    for (index, (millis, what, value)) in happenings.iter().enumerate() {
        now = now + Span::from_millis(*millis);
        let body = match what {
            0..=2 => sample(1, now, *value),
            3..=6 => sample(2, now, *value),
            7 => command(CommandKind::Acknowledge, GAS, AlarmKind::High, index),
            8 => command(CommandKind::Reset, GAS, AlarmKind::High, index),
            9 => command(CommandKind::Acknowledge, PRESSURE, AlarmKind::High, index / 2),
            10 if *value > 20.0 => Body::SourceDown { source: SourceId::all(), since: now, reason: "start".to_owned() },
            10 => Body::SourceUp { source: SourceId::of(Protocol::Mqtt), session_lost: *value > 9.0 },
            _ => Body::Tick,
        };
        records.push((now, body));
    }
    records
}

/// Appends one record to the partition.
pub(crate) async fn put(journal: &MemJournal, at: Time, body: &Body) {
    journal.set_now(at);
    put_on(journal, body).await;
}

/// Appends one record to the partition at the time of the journal.
pub(crate) async fn put_on(journal: &dyn Journal, body: &Body) {
    append(journal, input(), "ingest", wire::encode_body(body)).await;
}

pub(crate) async fn append(journal: &dyn Journal, to: JournalId, key: &str, body: Bytes) {
    let append = Append { journal: to, key: Key::new(key).expect("valid"), fence: None, bodies: vec![body] };
    journal.append(append).await.expect("appends");
}
