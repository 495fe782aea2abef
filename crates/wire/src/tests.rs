//! Laws of the wire: what is written reads back, the same values give the same bytes, and no bytes do harm.

use std::sync::Arc;

use model::{
    AlarmId, AlarmKind, AlarmRule, AlarmState, AlarmTransition, Batch, Body, Epoch, Event, EventBody, EventId, GatewayPath,
    KeySeq, Message, PointNumber, Position, Priority, Quality, Quantity, RevisionNumber, Sample, SampleFlags, Scope, Span, Time,
    Transition,
};
use proptest::prelude::*;

use crate::{
    Cursor, EventRecord, JsonExtras, decode_body, decode_event_record, encode_body, encode_event_record, event_json,
    recorded_events,
};

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let quality = prop_oneof![Just(Quality::Good), Just(Quality::Uncertain), Just(Quality::Bad)];
    let flags = any::<[bool; 5]>().prop_map(|[historical, arrival_time, out_of_range, retained, transient]| SampleFlags {
        historical,
        arrival_time,
        out_of_range,
        retained,
        transient,
    });
    let sample =
        (any::<u32>(), any::<i64>(), any::<Option<f64>>(), quality, flags).prop_map(|(point, time, value, quality, flags)| {
            Sample { flags, ..Sample::new(PointNumber(point), Time::from_micros(time), value, quality) }
        });
    proptest::collection::vec(sample, 0..40)
}

proptest! {
    #[test]
    fn batches_read_back(samples in samples(), seq: Option<u32>, digest: [u8; 16]) {
        let batch = Batch {
            revision: RevisionNumber(3),
            gateways: vec![GatewayPath::new("rugang/e01/gw1").expect("valid")],
            messages: vec![Message { gateway: 0, samples: u32::try_from(samples.len()).expect("few"), seq: seq.map(u64::from), digest }],
            samples,
        };
        let body = Body::Batch(batch);
        let bytes = encode_body(&body);
        prop_assert_eq!(&encode_body(&body), &bytes);
        prop_assert_eq!(decode_body(&bytes).expect("own bytes"), body);
    }

    #[test]
    fn any_bytes_are_a_record_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(body) = decode_body(&bytes) {
            prop_assert_eq!(decode_body(&encode_body(&body)).expect("own bytes"), body);
        }
        if let Ok(record) = decode_event_record(&bytes) {
            prop_assert_eq!(decode_event_record(&encode_event_record(&record)).expect("own bytes"), record);
        }
    }
}

#[test]
fn columns_of_unequal_length_are_refused() {
    let mut batch = crate::record_v1::Batch { point: vec![1], ..Default::default() };
    let encode = |batch: &crate::record_v1::Batch| {
        let body = crate::record_v1::telemetry_record::Body::Batch(batch.clone());
        prost::Message::encode_to_vec(&crate::record_v1::TelemetryRecord { body: Some(body) })
    };
    assert!(decode_body(&encode(&batch)).is_err());
    batch.point.clear();
    assert!(decode_body(&encode(&batch)).is_ok());
    batch.message_gateway = vec![7];
    batch.message_samples = vec![0];
    batch.message_seq = vec![0];
    batch.message_digest = vec![0; 16];
    assert!(decode_body(&encode(&batch)).is_err(), "a gateway that the batch does not name");
}

fn raise() -> Event {
    let occurrence = EventId { epoch: Epoch(7), key: Arc::from("engine/68"), key_seq: KeySeq(5), ordinal: 0 };
    Event {
        occurred_at: Time::from_micros(1_732_370_000_000_000),
        subject: Arc::from("e01-GT-1"),
        scope: Scope { park: Some(Arc::from("rugang")), enterprise: Some(Arc::from("e01")), installation: None },
        revision: RevisionNumber(1),
        body: EventBody::Alarm(Box::new(AlarmTransition {
            transition: Transition::Raised,
            alarm: AlarmId::new("high").expect("valid"),
            alarm_kind: AlarmKind::High,
            priority: Priority::High,
            state: AlarmState::Unacknowledged,
            occurrence: Some(occurrence),
            activation: 1,
            value: Some(25.5),
            limit: Some(25.0),
            annunciated: true,
            late: false,
            held: false,
            clock_suspect: false,
            out_of_range: false,
            reason: String::new(),
            actor: String::new(),
            request_id: None,
            unit: Arc::from("%LEL"),
            quantity: Quantity::CombustibleGas,
            in_alarm: false,
            position: Arc::from(""),
            group: Arc::from(""),
            first_out: false,
            until: None,
            clock: None,
            advice: None,
        })),
    }
}

#[test]
fn events_read_back_and_are_named_by_their_place() {
    let record =
        EventRecord { input_position: Position(9), epoch: Epoch(7), events: vec![raise(), raise()], ..EventRecord::default() };
    let bytes = encode_event_record(&record);
    assert_eq!(decode_event_record(&bytes).expect("own bytes"), record);
    let key = Arc::from("engine/68");
    let named: Vec<_> = recorded_events(record, (Epoch(8), &key, KeySeq(5)), Position(44), Time::YEAR_2000).collect();
    let ids: Vec<_> = named.iter().map(|it| it.id.to_string()).collect();
    assert_eq!(ids, ["0000000000000007-engine/68-5-0", "0000000000000007-engine/68-5-1"]);
}

#[test]
fn events_of_another_davy_keep_their_names() {
    let origin = Arc::new(model::Origin { node: Arc::from("county-a"), recorded_at: Time::YEAR_2000 });
    let id = model::EventId { epoch: Epoch(2), key: Arc::from("engine/9"), key_seq: KeySeq(3), ordinal: 7 };
    let kept =
        vec![Some(crate::Kept { id: Some(id.clone()), origin: Arc::clone(&origin) }), Some(crate::Kept { id: None, origin })];
    let record = EventRecord { events: vec![raise(), raise(), raise()], kept, ..EventRecord::default() };
    let decoded = decode_event_record(&encode_event_record(&record)).expect("own bytes");
    let key = Arc::from("upstream/a");
    let named: Vec<_> = recorded_events(decoded, (Epoch(8), &key, KeySeq(5)), Position(44), Time::YEAR_2000).collect();
    let names: Vec<_> = named.iter().map(|it| (it.id.to_string(), it.node())).collect();
    let own = |ordinal: u32| format!("0000000000000008-upstream/a-5-{ordinal}");
    assert_eq!(names, [(id.to_string(), "county-a"), (own(1), "county-a"), (own(2), "")]);
    let fed =
        crate::v1_to_recorded(&crate::recorded_to_v1(&named[0], &Cursor::after(Epoch(8), Position(44)))).expect("reads back");
    assert_eq!((&fed.id, &fed.origin), (&named[0].id, &named[0].origin));
    let line = event_json(&named[0], JsonExtras::Bare);
    let told = r#""revision":1,"origin":"county-a","origin_recorded_at":"2000-01-01T00:00:00.000000Z","alarm":"high""#;
    assert!(line.contains(told), "{line}");
}

#[test]
fn a_line_of_json_has_its_keys_in_order() {
    let record = EventRecord { epoch: Epoch(7), events: vec![raise()], ..EventRecord::default() };
    let key = Arc::from("engine/68");
    let event = recorded_events(record, (Epoch(8), &key, KeySeq(5)), Position(44), Time::YEAR_2000).next().expect("one");
    let line = event_json(&event, JsonExtras::Bare);
    let expected = concat!(
        r#"{"id":"0000000000000007-engine/68-5-0","occurred_at":"2024-11-23T13:53:20.000000Z","kind":"alarm.raised","#,
        r#""subject":"e01-GT-1","park":"rugang","enterprise":"e01","installation":null,"revision":1,"alarm":"high","#,
        r#""alarm_kind":"high","quantity":"combustible_gas","unit":"%LEL","priority":"high","state":"unacknowledged","#,
        r#""occurrence":"0000000000000007-engine/68-5-0","activation":1,"value":25.5,"limit":25.0,"annunciated":true,"#,
        r#""late":false,"held":false,"clock_suspect":false,"out_of_range":false,"reason":null,"actor":null,"request_id":null,"#,
        r#""in_alarm":false,"position":null,"group":null,"first_out":false,"until":null,"clock_offset_us":null,"#,
        r#""clock_uncertainty_us":null}"#,
    );
    assert_eq!(line, expected);
    let cursor = Cursor::after(Epoch(8), Position(44));
    assert!(event_json(&event, JsonExtras::Recorded(&cursor)).contains(r#""recorded_at":"2000-01-01T00:00:00.000000Z""#));
}

/// The event that opens a warning is its name, for those who read lines and for those who read feeds.
#[test]
fn a_warning_names_itself_and_says_who_is_told() {
    let department = model::DepartmentId::new("office").expect("valid");
    let deadlines = Some(model::StepSpans::default().from(Time::YEAR_2000));
    let told = model::Addressee { department, name: "管委会".to_owned(), level: model::Level::Park, deadlines };
    let rule = model::WarningRuleId::new("gas").expect("valid");
    let change =
        model::WarningChange { addressees: vec![told], ..model::WarningChange::new(model::WarningTransition::Opened, rule) };
    let event = Event { body: EventBody::Warning(Box::new(change)), ..raise() };
    let key = Arc::from("exchange/warnings");
    let record = EventRecord { events: vec![event], ..EventRecord::default() };
    let event = recorded_events(record, (Epoch(8), &key, KeySeq(5)), Position(44), Time::YEAR_2000).next().expect("one");
    let line = event_json(&event, JsonExtras::Bare);
    let expected = concat!(
        r#""revision":1,"warning":"0000000000000008-exchange/warnings-5-0","rule":"gas","name":null,"topic":null,"#,
        r#""colour":"blue","colour_name":"蓝色","colour_level":"IV","place":"point","level":"enterprise","action":null,"#,
        r#""department":null,"step":null,"deadline":null,"late":false,"text":null,"evidence":[],"actor":null,"request_id":null,"#,
        r#""wanted":null,"refusal":null,"addressees":[{"department":"office","level":"park","name":"管委会","#,
        r#""receive_by":"2000-01-01T00:15:00.000000Z","resolve_by":"2000-01-02T00:00:00.000000Z","#,
        r#""respond_by":"2000-01-01T01:00:00.000000Z"}],"alarms":[],"more_alarms":0,"escalate":false,"close_on_return":false,"picture":false}"#,
    );
    assert!(line.ends_with(expected), "{line}");
    let fed = crate::recorded_to_v1(&event, &Cursor::after(Epoch(8), Position(44)));
    let Some(crate::v1::event::Body::Warning(change)) = fed.body else { panic!("a warning") };
    assert_eq!(change.warning, fed.id);
}

/// A report stands under the word of its kind; what was not given is null.
#[test]
fn a_report_says_what_it_is_about() {
    let body = model::report::VehiclePosition {
        vehicle: "苏F1".to_owned(),
        waybill: String::new(),
        location: model::Location { lat: 32.5, lon: 120.25 },
        speed_kmh: Some(40.0),
        heading: None,
    };
    let report = model::Report {
        department: model::DepartmentId::new("transport").expect("valid"),
        actor: "li".to_owned(),
        text: String::new(),
        about: Vec::new(),
        request_id: model::RequestId::new("r").expect("valid"),
        body: body.into(),
    };
    let event = Event { body: EventBody::Report(Box::new(report)), ..raise() };
    let key = Arc::from("exchange/reports");
    let record = EventRecord { events: vec![event], ..EventRecord::default() };
    let event = recorded_events(record, (Epoch(8), &key, KeySeq(5)), Position(44), Time::YEAR_2000).next().expect("one");
    let line = event_json(&event, JsonExtras::Bare);
    let expected = concat!(
        r#""department":"transport","actor":"li","text":null,"about":[],"request_id":"r","vehicle_position":"#,
        r#"{"heading":null,"location":{"lat":32.5,"lon":120.25},"speed_kmh":40.0,"vehicle":"苏F1","waybill":null}}"#,
    );
    assert!(line.ends_with(expected) && line.contains(r#""kind":"report.vehicle_position""#), "{line}");
    let fed = crate::recorded_to_v1(&event, &Cursor::after(Epoch(8), Position(44)));
    assert_eq!(crate::v1_to_recorded(&fed).expect("reads back"), event);
}

/// The same of cases, incidents and hand-overs; what was refused has no name of its own.
#[test]
fn what_opens_a_thing_names_it() {
    let department = || model::DepartmentId::new("office").expect("valid");
    let place = model::WarningPlace::Park;
    let case = |transition| EventBody::Case(Box::new(model::CaseChange::new(transition, place, department())));
    let incident = |transition| {
        let kind = model::IncidentKind::NearMiss;
        EventBody::Incident(Box::new(model::IncidentChange::new(transition, kind, place)))
    };
    let refused = Some((model::CaseworkAction::Open, model::CaseworkRefusal::UnknownPlace));
    let opening = model::CaseChange { refused, ..model::CaseChange::new(model::CaseTransition::Refused, place, department()) };
    let over = model::DutyChange::new(model::DutyTransition::HandedOver, department());
    let bodies = vec![
        case(model::CaseTransition::Opened),
        incident(model::IncidentTransition::Declared),
        EventBody::Duty(Box::new(over)),
        EventBody::Case(Box::new(opening)),
    ];
    let events = bodies.into_iter().map(|body| Event { body, ..raise() }).collect();
    let key = Arc::from("exchange/casework");
    let record = EventRecord { events, ..EventRecord::default() };
    let events: Vec<_> = recorded_events(record, (Epoch(8), &key, KeySeq(5)), Position(44), Time::YEAR_2000).collect();
    let line = |at: usize| event_json(&events[at], JsonExtras::Bare);
    for (at, name) in [(0, "case"), (1, "incident"), (2, "hand_over")] {
        let wanted = format!(r#""{name}":"0000000000000008-exchange/casework-5-{at}""#);
        assert!(line(at).contains(&wanted), "{}", line(at));
        let fed = crate::recorded_to_v1(&events[at], &Cursor::after(Epoch(8), Position(44)));
        let named = match fed.body {
            Some(crate::v1::event::Body::Case(change)) => change.case,
            Some(crate::v1::event::Body::Incident(change)) => change.incident,
            Some(crate::v1::event::Body::Duty(change)) => change.hand_over,
            other => panic!("{other:?}"),
        };
        assert_eq!(named, fed.id);
    }
    assert!(line(3).contains(r#""case":null"#) && line(3).contains(r#""refusal":"unknown_place""#), "{}", line(3));
    assert!(
        line(1).contains(r#""what":"near_miss","what_name":"未遂事件""#) && line(1).contains(r#""known_at":null"#),
        "{}",
        line(1)
    );
}

#[test]
fn rules_read_back_whole() {
    let site = crate::record_v1::SiteRevision { content_hash: vec![1; 32], ..Default::default() };
    let mut revision = crate::revision_from_record(&site).expect("valid");
    revision.site.points.push(model::Point {
        id: model::PointId::new("p").expect("valid"),
        name: "压力".to_owned(),
        installation: model::InstallationId::new("i").expect("valid"),
        enterprise: model::EnterpriseId::new("e").expect("valid"),
        park: None,
        quantity: Quantity::State,
        unit: "-".to_owned(),
        range: Some(model::Range { low: 0.0, high: 1.0 }),
        stale_after: Span::from_secs(60),
        source: model::PointSource {
            protocol: model::Protocol::Mqtt,
            gateway: GatewayPath::new("a/b/c").expect("valid"),
            tag: "PI 101/x".to_owned(),
        },
        states: vec![("open".to_owned(), 1.0)],
        cas: String::new(),
        alarms: vec![AlarmRule {
            id: AlarmId::new("stale").expect("valid"),
            kind: AlarmKind::Stale,
            limit: None,
            deadband: 0.0,
            on_delay: Span::from_millis(1_500),
            off_delay: Span::ZERO,
            priority: Priority::Low,
            latching: true,
            cause: "c".to_owned(),
            consequence: "d".to_owned(),
            action: "e".to_owned(),
            respond_within: Some(Span::from_secs(600)),
            position: "panel-1".to_owned(),
            implied: true,
            ..AlarmRule::default()
        }],
    });
    revision.numbers.push(PointNumber(17));
    let record = crate::revision_to_record(&revision);
    assert_eq!(crate::revision_from_record(&record).expect("own record"), revision);
    // Whether and how long it may be shelved is read as it was said, whatever the point measures.
    for quantity in [Quantity::ToxicGas, Quantity::Pressure] {
        for shelve_max in [Span::ZERO, Span::from_secs(60), model::SHELVE_MAX] {
            revision.site.points[0].quantity = quantity;
            revision.site.points[0].alarms[0].shelve_max = shelve_max;
            let record = crate::revision_to_record(&revision);
            assert_eq!(crate::revision_from_record(&record).expect("own record"), revision, "{quantity:?} {shelve_max}");
        }
    }
}
