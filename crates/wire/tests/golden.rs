//! A golden file of each record: what was once written to a journal is read for years.
//! `DAVY_REGENERATE=1 cargo test -p wire --test golden` writes files for kinds that have none; a file that is there is never rewritten.

#[path = "golden/picture.rs"]
mod picture;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use model::{
    AccidentClass, Addressed, Addressee, Advice, AlarmFilter, AlarmId, AlarmKind, AlarmRule, AlarmState, AlarmTransition, Batch,
    Body, CaseChange, CaseTask, CaseTransition, CaseworkAction, CaseworkRefusal, ClockFault, ClockFaultKind, ClockOffset, Colour,
    Command, CommandKind, CommandOutcome, CommandVerdict, Condition, Department, DepartmentId, DepartmentKind, Direction,
    DutyChange, DutyShift, DutyTransition, Enterprise, EnterpriseId, Epoch, Event, EventBody, EventId, FloodChange, Formula,
    GatewayFault, GatewayPath, HistoryLoss, IncidentChange, IncidentDoubt, IncidentDuty, IncidentKind, IncidentLosses,
    IncidentNotice, IncidentTransition, Installation, InstallationId, InstallationKind, KeySeq, Level, Location, Message,
    MissingMember, Nuisance, NuisanceKind, Origin, Park, ParkId, Point, PointId, PointNumber, PointSource, Position, PossibleGap,
    Priority, Protocol, Quality, Quantity, Range, Reference, Refusal, ReplayDifference, Report, ReportBody, RequestId, Revision,
    RevisionNumber, Sample, SampleFlags, Scope, SealNotice, Site, SiteRevised, SourceChange, SourceChangeKind, SourceId, Span,
    StepSpans, Subject, Substance, Suppression, Time, Transition, UnmappedTags, WarningAction, WarningCause, WarningChange,
    WarningPlace, WarningRefusal, WarningRule, WarningRuleId, WarningStep, WarningTransition, report,
};
use prost::Message as _;
use wire::{
    DeadLetter, EventRecord, Kept, UpstreamMark, decode_body, decode_event_record, encode_body, encode_event_record, record_v1,
};

/// Compares with the file of that name; gives back the bytes that the file holds.
fn golden(name: &str, bytes: &[u8]) -> Vec<u8> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.hex"));
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    if std::env::var_os("DAVY_REGENERATE").is_some() && !file.exists() {
        fs::create_dir_all(file.parent().expect("has one")).expect("folder");
        fs::write(&file, format!("{hex}\n")).expect("write");
    }
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    assert_eq!(text.trim(), hex, "{name}: other bytes than those in journals today");
    let digits = text.trim().as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("ascii"), 16).expect("hex");
    digits.chunks_exact(2).map(byte).collect()
}

fn telemetry(name: &str, body: Body) {
    let bytes = golden(name, &encode_body(&body));
    assert_eq!(decode_body(&bytes).expect("golden"), body, "{name}");
}

fn event(name: &str, body: EventBody) {
    let scope =
        Scope { park: Some(Arc::from("rugang")), enterprise: Some(Arc::from("e01")), installation: Some(Arc::from("i01")) };
    let event = Event { occurred_at: at(5), subject: Arc::from("e01-PI-101"), scope, revision: RevisionNumber(2), body };
    let record =
        EventRecord { input_position: Position(77), epoch: Epoch(0xfeed), events: vec![event], ..EventRecord::default() };
    let bytes = golden(name, &encode_event_record(&record));
    assert_eq!(decode_event_record(&bytes).expect("golden"), record, "{name}");
}

fn at(seconds: i64) -> Time {
    Time::from_micros(1_732_370_000_123_456) + Span::from_secs(seconds)
}

fn gateway() -> GatewayPath {
    GatewayPath::new("rugang/e01/gw1").expect("valid")
}

fn occurrence() -> EventId {
    EventId { epoch: Epoch(0xfeed), key: Arc::from("engine/68"), key_seq: KeySeq(4), ordinal: 1 }
}

fn request() -> RequestId {
    RequestId::new("req-1").expect("valid")
}

fn revision() -> Revision {
    let rule = AlarmRule {
        id: AlarmId::new("high").expect("valid"),
        kind: AlarmKind::High,
        limit: Some(2895.0),
        deadband: 5.0,
        on_delay: Span::from_secs(10),
        off_delay: Span::from_millis(1_500),
        priority: Priority::High,
        latching: true,
        cause: "堵塞".to_owned(),
        consequence: "overpressure".to_owned(),
        action: "open the valve".to_owned(),
        respond_within: Some(Span::from_secs(600)),
        position: "panel-1".to_owned(),
        implied: false,
        ..AlarmRule::default()
    };
    let point = Point {
        id: PointId::new("e01-PI-101").expect("valid"),
        name: "反应器压力".to_owned(),
        installation: InstallationId::new("i01").expect("valid"),
        enterprise: EnterpriseId::new("e01").expect("valid"),
        park: Some(ParkId::new("rugang").expect("valid")),
        quantity: Quantity::Pressure,
        unit: "kPa".to_owned(),
        range: Some(Range { low: 0.0, high: 4000.0 }),
        stale_after: Span::from_secs(60),
        source: PointSource { protocol: Protocol::Mqtt, gateway: gateway(), tag: "PI-101".to_owned() },
        states: vec![("open".to_owned(), 1.0)],
        alarms: vec![rule],
        cas: String::new(),
    };
    let installation = Installation {
        id: InstallationId::new("i01").expect("valid"),
        name: "合成装置".to_owned(),
        enterprise: EnterpriseId::new("e01").expect("valid"),
        kind: InstallationKind::Process,
        exposed_people: 45,
        location: Some(Location { lat: 32.061, lon: 120.513 }),
        substances: vec![Substance { cas: "7664-41-7".to_owned(), name: "氨".to_owned(), design_max_tonnes: 6.5 }],
        wind: None,
    };
    let park = ParkId::new("rugang").expect("valid");
    Revision {
        number: RevisionNumber(2),
        content_hash: [9; 32],
        numbers: vec![PointNumber(17)],
        next_point_number: PointNumber(18),
        retired: vec![(PointId::new("e01-PI-100").expect("valid"), PointNumber(16))],
        site: Site {
            parks: vec![Park {
                id: park.clone(),
                name: "如皋港化工新材料产业园".to_owned(),
                time_zone: "Asia/Shanghai".to_owned(),
                district: "320682".to_owned(),
                wind: None,
            }],
            enterprises: vec![Enterprise {
                id: EnterpriseId::new("e01").expect("valid"),
                name: "示例化工有限公司".to_owned(),
                park: Some(park),
                district: String::new(),
            }],
            installations: vec![installation],
            points: vec![point],
            ..Site::default()
        },
    }
}

#[test]
fn telemetry_records() {
    let sample = |seconds, value, quality| Sample::new(PointNumber(17), at(seconds), value, quality);
    let mut back_filled = sample(-60, Some(-1.5), Quality::Uncertain);
    back_filled.flags =
        SampleFlags { historical: true, arrival_time: true, out_of_range: true, retained: true, transient: false };
    telemetry(
        "batch",
        Body::Batch(Batch {
            revision: RevisionNumber(2),
            gateways: vec![gateway()],
            messages: vec![
                Message { gateway: 0, samples: 2, seq: Some(0), digest: [7; 16] },
                Message { gateway: 0, samples: 1, seq: None, digest: [0; 16] },
            ],
            samples: vec![sample(0, Some(2710.4), Quality::Good), sample(0, None, Quality::Bad), back_filled],
        }),
    );
    telemetry(
        "command",
        Body::Command(Command {
            request_id: request(),
            kind: CommandKind::Acknowledge,
            subject: Subject::new("e01-PI-101").expect("valid"),
            alarm: AlarmId::new("high").expect("valid"),
            occurrence: Some(occurrence()),
            activation: 2,
            actor: "night-shift".to_owned(),
            why: "seen".to_owned(),
            until: None,
        }),
    );
    telemetry("site_revision", Body::Revision(Arc::new(revision())));
    telemetry("source_down", Body::SourceDown { source: SourceId::all(), since: at(0), reason: "start".to_owned() });
    telemetry("source_up", Body::SourceUp { source: SourceId::named("mqtt"), session_lost: true });
    telemetry("core_version", Body::CoreVersion(1));
    telemetry("idle_tick", Body::Tick);
    let tags = UnmappedTags { tags: vec!["XI-9".to_owned()], more: 3 };
    telemetry("unmapped_tags", Body::Unmapped { gateway: gateway(), tags });
    telemetry(
        "loss",
        Body::Loss {
            source: SourceId::named("sparkplug/My Group/节点 1"),
            from: at(-60),
            to: at(0),
            reason: "born anew without a death".to_owned(),
            messages: Some(3),
        },
    );
    telemetry(
        "gateway_fault",
        Body::Fault {
            gateway: GatewayPath::new("My Group/节点 1").expect("valid"),
            rule: "sparkplug.bdseq_mismatch".to_owned(),
            detail: "bdSeq 3 where 4 was born".to_owned(),
        },
    );
    let mut passing = sample(1, Some(0.5), Quality::Good);
    passing.flags.transient = true;
    telemetry(
        "batch_transient",
        Body::Batch(Batch {
            revision: RevisionNumber(2),
            gateways: vec![gateway()],
            messages: vec![Message { gateway: 0, samples: 1, seq: None, digest: [0; 16] }],
            samples: vec![passing],
        }),
    );
    telemetry("sequence_gap", Body::SequenceGap { gateway: gateway(), first_missing: 41, count: 2 });
}

#[test]
fn alarm_and_command_events() {
    for transition in Transition::ALL {
        event(
            &format!("event_{}", transition.as_str().replace('.', "_")),
            EventBody::Alarm(Box::new(AlarmTransition {
                transition: *transition,
                alarm: AlarmId::new("high").expect("valid"),
                alarm_kind: AlarmKind::High,
                priority: Priority::Critical,
                state: AlarmState::LatchedUnacknowledged,
                occurrence: Some(occurrence()),
                activation: 3,
                value: Some(2901.25),
                limit: Some(2895.0),
                annunciated: true,
                late: true,
                held: true,
                clock_suspect: true,
                out_of_range: true,
                reason: "rule_removed".to_owned(),
                actor: "night-shift".to_owned(),
                request_id: Some(request()),
                unit: Arc::from("kPa"),
                quantity: Quantity::Pressure,
                in_alarm: false,
                position: Arc::from(""),
                group: Arc::from(""),
                first_out: false,
                until: None,
                clock: None,
                advice: None,
            })),
        );
    }
    let outcome = |verdict| CommandOutcome {
        request_id: request(),
        command: CommandKind::Reset,
        alarm: AlarmId::new("high").expect("valid"),
        occurrence: Some(occurrence()),
        activation: 3,
        actor: "night-shift".to_owned(),
        verdict,
        state: AlarmState::Acknowledged,
    };
    event("event_command_accepted", EventBody::Command(outcome(CommandVerdict::Accepted)));
    let refused = CommandVerdict::Refused { refusal: Refusal::WrongState, reason: "the value has not returned".to_owned() };
    event("event_command_refused", EventBody::Command(outcome(refused)));
}

/// What came with whole alarm management: every field that older records do not have.
#[test]
fn what_whole_alarm_management_added() {
    let EventBody::Alarm(raised) = raise() else { panic!("a raise is one of an alarm") };
    event("event_alarm_raised_whole", EventBody::Alarm(raised));
    for kind in NuisanceKind::ALL {
        let nuisance = Nuisance {
            kind: *kind,
            alarm: AlarmId::new("high").expect("valid"),
            occurrence: Some(occurrence()),
            activations: 3,
            span: Span::from_secs(42),
            propose_shelve: Some(Span::from_secs(3_600)),
            advice: "widen the deadband".to_owned(),
        };
        event(&format!("event_{}", kind.as_str().replace('.', "_")), EventBody::Nuisance(nuisance));
    }
    let flood = FloodChange { since: at(0), ended: None, alarms: 11, by_priority: [1, 2, 3, 5], window: Span::from_secs(600) };
    event("event_flood_started", EventBody::Flood(flood.clone()));
    event("event_flood_ended", EventBody::Flood(FloodChange { ended: Some(at(900)), ..flood }));
    telemetry(
        "command_shelve",
        Body::Command(Command {
            request_id: request(),
            kind: CommandKind::Shelve,
            subject: Subject::new("rugang/e01/gw1").expect("valid"),
            alarm: AlarmId::new("gateway_down").expect("valid"),
            occurrence: None,
            activation: 0,
            actor: "night-shift".to_owned(),
            why: "it is being changed".to_owned(),
            until: Some(at(7_200)),
        }),
    );
    let calibrating = Sample::new(PointNumber(17), at(1), None, Quality::Calibrating);
    let batch = Batch {
        revision: RevisionNumber(2),
        gateways: vec![gateway()],
        messages: vec![Message { samples: 1, ..Message::default() }],
        samples: vec![calibrating],
    };
    telemetry("batch_calibrating", Body::Batch(batch));
    telemetry("site_revision_rules", Body::Revision(Arc::new(revision_with_every_condition())));
}

/// What came with joint cases, incidents and duty books: of each one event with every field.
#[test]
fn what_casework_added() {
    let department = |text: &str| DepartmentId::new(text).expect("valid");
    let refused = Some((CaseworkAction::Notify, CaseworkRefusal::NoSuchDuty));
    let task = CaseTask { department: department("fire"), name: "消防".to_owned(), task: "查".to_owned(), due: at(9) };
    let case = CaseChange {
        case: Some(occurrence()),
        title: "库存不符".to_owned(),
        tasks: vec![task],
        department: Some(department("fire")),
        due: Some(at(9)),
        late: true,
        actor: "li".to_owned(),
        text: "seen".to_owned(),
        evidence: vec![occurrence()],
        request_id: Some(request()),
        refused,
        ..CaseChange::new(CaseTransition::Opened, WarningPlace::Park, department("office"))
    };
    let duty = IncidentDuty {
        duty: "head-to-county".to_owned(),
        who: "head_of_unit".to_owned(),
        whom: "county".to_owned(),
        from: at(1),
        due: at(2),
        if_of_class: true,
        source: "Order 493".to_owned(),
    };
    let notice = IncidentNotice {
        who: "li".to_owned(),
        whom: "county".to_owned(),
        told_at: at(3),
        how: "telephone".to_owned(),
        reference: "7".to_owned(),
        known_at: Some(at(1)),
    };
    let incident = IncidentChange {
        incident: Some(occurrence()),
        title: "泄漏".to_owned(),
        happened_at: at(0),
        known_at: at(1),
        losses: IncidentLosses { dead: Some(0), severely_injured: Some(2), poisoned: None, direct_loss_yuan: Some(5) },
        class: Some(AccidentClass::Serious),
        duties: vec![duty],
        about: vec![occurrence()],
        about_since: Some(at(-1)),
        duty: "head-to-county".to_owned(),
        due: Some(at(2)),
        percent: 50,
        notice: Some(notice),
        late: true,
        doubts: IncidentDoubt::ALL.to_vec(),
        in_error: true,
        department: Some(department("office")),
        actor: "li".to_owned(),
        text: "seen".to_owned(),
        request_id: Some(request()),
        refused,
        ..IncidentChange::new(IncidentTransition::Declared, IncidentKind::Environmental, WarningPlace::Installation)
    };
    event("event_case_opened", EventBody::Case(Box::new(case)));
    event("event_incident_declared", EventBody::Incident(Box::new(incident)));
    let snapshot = record_v1::CaseworkSnapshot { site: None, state: vec![1, 2, 3] };
    golden("casework_snapshot", &snapshot.encode_to_vec());
}

/// The same of duty books.
#[test]
fn what_duty_books_added() {
    let refused = Some((CaseworkAction::Notify, CaseworkRefusal::NoSuchDuty));
    let shift = DutyShift { person: "li".to_owned(), role: "leader".to_owned(), from: at(1), to: at(2) };
    let book = DutyChange {
        shifts: vec![shift],
        hand_over: Some(occurrence()),
        to_person: "wang".to_owned(),
        events: vec![occurrence()],
        actor: "li".to_owned(),
        text: "all quiet".to_owned(),
        request_id: Some(request()),
        refused,
        ..DutyChange::new(DutyTransition::Rostered, DepartmentId::new("office").expect("valid"))
    };
    event("event_duty_rostered", EventBody::Duty(Box::new(book)));
}

/// The same with as few fields as can be.
#[test]
fn what_casework_says_in_few_words() {
    let office = || DepartmentId::new("office").expect("valid");
    let name = |kind: &str| format!("event_{}", kind.replace('.', "_"));
    for transition in CaseTransition::ALL.iter().skip(1) {
        let change = CaseChange::new(*transition, WarningPlace::Enterprise, office());
        event(&name(transition.as_str()), EventBody::Case(Box::new(change)));
    }
    for transition in IncidentTransition::ALL.iter().skip(1) {
        let change = IncidentChange::new(*transition, IncidentKind::NearMiss, WarningPlace::Enterprise);
        event(&name(transition.as_str()), EventBody::Incident(Box::new(change)));
    }
    for transition in DutyTransition::ALL.iter().skip(1) {
        event(&name(transition.as_str()), EventBody::Duty(Box::new(DutyChange::new(*transition, office()))));
    }
}

/// What came with warnings: one event with every field, one with as few as there can be, and a site with departments and rules.
#[test]
fn what_warnings_added() {
    let department = |text: &str| DepartmentId::new(text).expect("valid");
    let rule = WarningRuleId::new("gas").expect("valid");
    let within = StepSpans { received: Span::from_secs(60), responded: Span::from_secs(120), resolved: Span::from_secs(180) };
    let addressees = vec![
        Addressee {
            department: department("office"),
            name: "管委会".to_owned(),
            level: Level::Park,
            deadlines: Some(within.from(at(5))),
        },
        Addressee { department: department("fire"), name: "消防".to_owned(), level: Level::County, deadlines: None },
    ];
    let cause = WarningCause {
        point: Arc::from("e01-GT-1"),
        alarm: AlarmId::new("high").expect("valid"),
        occurrence: Some(occurrence()),
    };
    let whole = WarningChange {
        transition: WarningTransition::Opened,
        warning: Some(occurrence()),
        rule: rule.clone(),
        name: "有毒气体泄漏".to_owned(),
        topic: "gas".to_owned(),
        colour: Colour::Orange,
        place: WarningPlace::Installation,
        level: Level::Park,
        action: "evacuate".to_owned(),
        within,
        escalate: true,
        close_on_return: true,
        alarms: vec![cause],
        more_alarms: 3,
        addressees,
        department: Some(department("office")),
        step: Some(WarningStep::Responded),
        deadline: Some(at(125)),
        late: true,
        actor: "li".to_owned(),
        text: "valve shut".to_owned(),
        evidence: vec![occurrence()],
        request_id: Some(request()),
        refused: Some((WarningAction::Close, WarningRefusal::NotAllowed)),
        picture: false,
    };
    event("event_warning_opened", EventBody::Warning(Box::new(whole)));
    for transition in WarningTransition::ALL.iter().skip(1) {
        let change = WarningChange { warning: Some(occurrence()), ..WarningChange::new(*transition, rule.clone()) };
        event(&format!("event_{}", transition.as_str().replace('.', "_")), EventBody::Warning(Box::new(change)));
    }
    let revision = revision_with_warnings();
    let bytes = golden("site_revision_warnings", &wire::revision_to_record(&revision).encode_to_vec());
    let record = record_v1::SiteRevision::decode(bytes.as_slice()).expect("golden");
    assert_eq!(wire::revision_from_record(&record).expect("golden"), revision);
    let snapshot = record_v1::WarningSnapshot { site: Some(record), state: vec![1, 2, 3] };
    golden("warning_snapshot", &snapshot.encode_to_vec());
}

/// What came with reports: one event of each kind.
#[test]
fn what_reports_added() {
    for body in reports() {
        let report = Report {
            department: DepartmentId::new("office").expect("valid"),
            actor: "li".to_owned(),
            text: "见现场照片".to_owned(),
            about: vec![occurrence()],
            request_id: request(),
            body,
        };
        let name = format!("event_{}", report.body.kind().as_str().replace('.', "_"));
        event(&name, EventBody::Report(Box::new(report)));
    }
    let snapshot = record_v1::ReportSnapshot { site: None, state: vec![1, 2, 3] };
    golden("report_snapshot", &snapshot.encode_to_vec());
}

fn reports() -> Vec<ReportBody> {
    let text = |text: &str| text.to_owned();
    let enterprise = || EnterpriseId::new("e01").expect("valid");
    let location = Location { lat: 32.061, lon: 120.513 };
    let vehicle = || text("苏F12345");
    let waybill = || text("W1");
    let bodies = vec![
        report::Waybill {
            number: waybill(),
            state: report::WaybillState::OnTheWay,
            vehicle: vehicle(),
            un: Some(1017),
            tonnes: Some(20.5),
            from_enterprise: text("e01"),
            to_enterprise: text("上海某厂"),
        }
        .into(),
        report::RouteDeviation { vehicle: vehicle(), waybill: waybill(), location, metres: 300, reason: text("绕行") }.into(),
        report::VehiclePosition { vehicle: vehicle(), waybill: waybill(), location, speed_kmh: Some(40.5), heading: Some(90.0) }
            .into(),
        report::Diversion { vehicle: String::new(), road: text("S1"), warning: Some(occurrence()), place: String::new() }.into(),
        report::GatePass { gate: text("东门"), vehicle: vehicle(), way: report::Way::Out, waybill: waybill() }.into(),
        report::Yard { yard: text("P1"), vehicles: 3, capacity: 10 }.into(),
        report::HeadCount { place: text("unit"), people: 12 }.into(),
        report::ZoneEmptied { place: text("unit"), people_left: 2 }.into(),
        report::ResponseLevel { level: report::PlanLevel::Iii, plan: text("总体预案") }.into(),
        report::Dispatch {
            resource: text("泡沫车"),
            from: text("一站"),
            to: text("unit"),
            state: report::DispatchState::Arrived,
        }
        .into(),
        report::AllClear { place: text("unit") }.into(),
        report::Inspection { enterprise: enterprise(), result: report::InspectionResult::ToRectify }.into(),
        report::Finding { enterprise: enterprise(), severity: report::Severity::Major, due: Some(at(9)) }.into(),
        report::Order { enterprise: enterprise(), number: text("12"), due: at(9) }.into(),
        report::Penalty { enterprise: enterprise(), amount_fen: 5_000_000, number: text("7") }.into(),
        report::CreditPoints { enterprise: enterprise(), points: -3, reason: text("未按期整改") }.into(),
        report::BlackList { enterprise: enterprise(), change: report::BlackListChange::Left }.into(),
        report::CreditRepair { enterprise: enterprise(), what: text("整改完成") }.into(),
        report::ExternalAlert {
            identifier: text("A1"),
            sender: text("cma"),
            sent: at(1),
            msg_type: text("Alert"),
            headline: text("雷电橙色预警"),
            event: text("雷电"),
            severity: text("Severe"),
            urgency: text("Immediate"),
            certainty: text("Likely"),
            expires: Some(at(9)),
            area: text("如皋"),
        }
        .into(),
    ];
    assert_eq!(bodies.iter().map(ReportBody::kind).collect::<Vec<_>>(), model::ReportKind::ALL);
    bodies
}

fn revision_with_warnings() -> Revision {
    let mut revision = revision();
    let (office, e01) = (DepartmentId::new("office").expect("valid"), EnterpriseId::new("e01").expect("valid"));
    revision.site.departments = vec![Department {
        id: office.clone(),
        name: "管委会".to_owned(),
        kind: DepartmentKind::Park,
        level: Level::Park,
        enterprise: Some(e01.clone()),
        park: ParkId::new("rugang").ok(),
        district: "320682".to_owned(),
    }];
    revision.site.warnings = vec![WarningRule {
        id: WarningRuleId::new("gas").expect("valid"),
        name: "有毒气体泄漏".to_owned(),
        topic: "gas".to_owned(),
        colour: Colour::Red,
        when: AlarmFilter {
            kinds: vec![AlarmKind::HighHigh],
            alarms: vec![AlarmId::new("high").expect("valid")],
            quantities: vec![Quantity::ToxicGas],
            min_priority: Some(Priority::Critical),
            parks: ParkId::new("rugang").into_iter().collect(),
            enterprises: vec![e01],
            installations: InstallationId::new("i01").into_iter().collect(),
            points: PointId::new("e01-GT-1").into_iter().collect(),
        },
        count: 2,
        per: WarningPlace::Enterprise,
        hold: Span::from_secs(30),
        addressees: vec![
            (Level::Park, vec![Addressed::Department(office)]),
            (Level::County, vec![Addressed::Kind(DepartmentKind::Fire)]),
        ],
        level: Some(Level::County),
        action: "evacuate".to_owned(),
        deadlines: StepSpans::default(),
        escalate: true,
        close_on_return: true,
        picture: None,
    }];
    revision
}

fn raise() -> EventBody {
    EventBody::Alarm(Box::new(AlarmTransition {
        transition: Transition::Raised,
        alarm: AlarmId::new("high").expect("valid"),
        alarm_kind: AlarmKind::TimeToLimit,
        priority: Priority::High,
        state: AlarmState::Shelved,
        occurrence: None,
        activation: 0,
        value: Some(2901.25),
        limit: Some(2895.0),
        annunciated: false,
        late: false,
        held: false,
        clock_suspect: false,
        out_of_range: false,
        reason: "reaches the limit in 40 s".to_owned(),
        actor: String::new(),
        request_id: None,
        unit: Arc::from("kPa"),
        quantity: Quantity::Pressure,
        in_alarm: true,
        position: Arc::from("panel-1"),
        group: Arc::from("trip"),
        first_out: true,
        until: Some(at(7_200)),
        clock: Some(ClockOffset { offset: Span::from_millis(-8), uncertainty: Span::from_millis(3) }),
        advice: Some(Box::new(Advice {
            cause: "堵塞".to_owned(),
            consequence: "overpressure".to_owned(),
            action: "open the valve".to_owned(),
            respond_within: Some(Span::from_secs(600)),
        })),
    }))
}

fn revision_with_every_condition() -> Revision {
    let point = |id: &str| PointId::new(id).expect("valid");
    let formula = Formula { text: "a > 1.0".to_owned(), inputs: vec![("a".to_owned(), point("e01-PI-101"))] };
    let (window, direction) = (Span::from_secs(60), Direction::Up);
    let from = Reference::Point { point: point("e01-PI-102"), fallback: Some(4.0) };
    let members = vec![point("e01-PI-101"), point("e01-PI-102")];
    let conditions = [
        (AlarmKind::Rate, Condition::Rate { window, per: Span::from_secs(1), direction: Direction::Both }),
        (AlarmKind::Deviation, Condition::Deviation { from: Reference::Value(50.0), direction: Direction::Down }),
        (AlarmKind::Deviation, Condition::Deviation { from, direction }),
        (AlarmKind::Stuck, Condition::Stuck { noise: 0.5, window }),
        (AlarmKind::State, Condition::State { values: vec![1.0, 4.0] }),
        (AlarmKind::Vote, Condition::Vote { members, votes: 2, direction, missing: MissingMember::Degrade }),
        (AlarmKind::Expression, Condition::Expression(formula.clone())),
        (AlarmKind::TimeToLimit, Condition::TimeToLimit { window, within: Span::from_secs(300), direction }),
        (AlarmKind::RuleFault, Condition::FaultOf { alarm: AlarmId::new("r6").expect("valid") }),
    ];
    let mut revision = revision();
    let rule = |(at, (kind, condition)): (usize, (AlarmKind, Condition))| AlarmRule {
        id: AlarmId::new(&format!("r{at}")).expect("valid"),
        kind,
        condition,
        group: "trip".to_owned(),
        shelve_max: Span::ZERO,
        realarm_after: Some(Span::from_secs(1_800)),
        repeat_within: Span::from_secs(5),
        ..AlarmRule::default()
    };
    revision.site.points[0].alarms = conditions.into_iter().enumerate().map(rule).collect();
    revision.site.points[0].cas = "7783-06-4".to_owned();
    revision.site.suppressions = vec![Suppression {
        id: "shutdown".to_owned(),
        enterprise: EnterpriseId::new("e01").expect("valid"),
        when: formula,
        alarms: vec![(point("e01-PI-101"), None), (point("e01-PI-102"), Some(AlarmId::new("low").expect("valid")))],
    }];
    revision
}

#[test]
fn other_events() {
    for (name, change) in [("event_source_down", SourceChangeKind::Down), ("event_source_up", SourceChangeKind::Up)] {
        let source = Arc::from("mqtt");
        let change = SourceChange { change, of_gateway: false, source, since: at(-9), reason: "start".to_owned() };
        event(name, EventBody::Source(change));
    }
    for (name, change) in [("event_gateway_down", SourceChangeKind::Down), ("event_gateway_up", SourceChangeKind::Up)] {
        let source = Arc::from("sparkplug/My Group/节点 1/reactor");
        let change = SourceChange { change, of_gateway: true, source, since: at(-9), reason: "its death".to_owned() };
        event(name, EventBody::Source(change));
    }
    let fault = GatewayFault { rule: "sparkplug.bdseq_mismatch".to_owned(), detail: "bdSeq 3 where 4 was born".to_owned() };
    event("event_gateway_fault", EventBody::Fault(fault));
    let fault = ClockFault { fault: ClockFaultKind::SetBack, offset_us: -300_000_000 };
    event("event_clock", EventBody::Clock(fault));
    let gap = PossibleGap {
        source: Arc::from("mqtt"),
        from: at(-60),
        to: at(0),
        reason: "session lost".to_owned(),
        messages: Some(7),
        points: Vec::new(),
        more_points: 0,
    };
    event("event_gap", EventBody::Gap(gap.clone()));
    let gap = PossibleGap { points: vec!["e01-PI-101".to_owned(), "e01-TI-1".to_owned()], more_points: 12, ..gap };
    event("event_gap_points", EventBody::Gap(gap));
    let revised = SiteRevised { revision: RevisionNumber(2), content_hash: [9; 32], points: 1, alarms: 1 };
    event("event_site_revised", EventBody::Site(revised));
    event(
        "event_replay_differs",
        EventBody::Replay(ReplayDifference {
            partition: 68,
            input_position: Position(77),
            key_seq: KeySeq(4),
            recorded_hash: "00".repeat(32),
            replayed_hash: "ff".repeat(32),
        }),
    );
    event(
        "event_history_lost",
        EventBody::HistoryLost(HistoryLoss {
            partition: 68,
            from_position: Position(1),
            to_position: Position(9),
            from: at(0),
            to: at(9),
            points: vec!["e01-PI-101".to_owned()],
        }),
    );
    event("event_core_version", EventBody::CoreVersion(1));
    event("event_unmapped", EventBody::Unmapped(UnmappedTags { tags: vec!["XI-9".to_owned()], more: 3 }));
    let seal = SealNotice { position: Position(99), public_key: "ab".repeat(32), signature: "cd".repeat(64) };
    event("event_seal", EventBody::Seal(seal));
    let record = EventRecord { site: Some(Arc::new(revision())), ..EventRecord::default() };
    let bytes = golden("event_record_with_site", &encode_event_record(&record));
    assert_eq!(decode_event_record(&bytes).expect("golden"), record);
}

#[test]
fn what_other_davys_added() {
    let scope = Scope { park: Some(Arc::from("rugang")), enterprise: Some(Arc::from("e01")), installation: None };
    let event = Event { occurred_at: at(5), subject: Arc::from("e01-PI-101"), scope, revision: RevisionNumber(2), body: raise() };
    let origin = Arc::new(Origin { node: Arc::from("county-a"), recorded_at: at(6) });
    let theirs = Kept { id: Some(occurrence()), origin: Arc::clone(&origin) };
    let record = EventRecord {
        events: vec![event.clone(), event.clone(), event],
        kept: vec![Some(theirs), None, Some(Kept { id: None, origin })],
        upstream: Some(UpstreamMark { cursor: "AQE".to_owned(), node: "county-a".to_owned(), complete_to: Some(at(7)) }),
        ..EventRecord::default()
    };
    let bytes = golden("event_record_of_upstream", &encode_event_record(&record));
    assert_eq!(decode_event_record(&bytes).expect("golden"), record);
    let snapshot = record_v1::UpstreamSnapshot {
        own_epochs: vec![1, 0xfeed],
        keys: vec![record_v1::TakenKey { epoch: 2, key: "engine/68".to_owned(), floor_seq: 4, floor_ordinal: 1 }],
        recent_key: vec![0, 0],
        recent_seq: vec![5, 6],
        recent_ordinal: vec![0, 2],
        upstreams: vec![record_v1::UpstreamState {
            key: "upstream/county_a".to_owned(),
            mark: Some(wire::mark_to_record(&UpstreamMark::default())),
            key_seq: 9,
            taken: 12,
            nodes: vec!["county-a".to_owned()],
        }],
    };
    let bytes = golden("upstream_snapshot", &snapshot.encode_to_vec());
    assert_eq!(record_v1::UpstreamSnapshot::decode(bytes.as_slice()).expect("golden"), snapshot);
}

#[test]
fn dead_letters_seals_and_snapshots() {
    let dead = DeadLetter {
        gateway: "rugang/e01/gw1".to_owned(),
        topic: "davy/v1/rugang/e01/gw1/telemetry".to_owned(),
        reason: "not_json".to_owned(),
        detail: "payload: expected value".to_owned(),
        payload: b"{".to_vec(),
        payload_bytes: 1,
        count: 3,
    };
    assert_eq!(DeadLetter::decode(&golden("dead_letter", &dead.encode())).expect("golden"), dead);
    let seal = record_v1::SealRecord {
        epoch: 0xfeed,
        position: 99,
        sealed_at: at(0).micros(),
        heads: vec![record_v1::SealedHead { key: "engine/68".to_owned(), key_seq: 4, chain: vec![1; 32] }],
        previous: vec![2; 32],
        public_key: vec![3; 32],
        signature: vec![4; 64],
    };
    let bytes = golden("seal", &seal.encode_to_vec());
    assert_eq!(record_v1::SealRecord::decode(bytes.as_slice()).expect("golden"), seal);
    let snapshot = record_v1::CoreSnapshot {
        format: 1,
        core_version: 1,
        revision: Some(wire::revision_to_record(&revision())),
        state: vec![5, 6],
        key_seq: 4,
        events_position: 99,
    };
    let bytes = golden("core_snapshot", &snapshot.encode_to_vec());
    assert_eq!(record_v1::CoreSnapshot::decode(bytes.as_slice()).expect("golden"), snapshot);
}
