//! A file of each kind of alert that Davy sends, and one with every element: what other agencies read today they read tomorrow.
//! `DAVY_REGENERATE=1 cargo test -p cap --test golden` writes files for kinds that have none; a file that is there is never rewritten.

use std::fs;
use std::path::PathBuf;

use cap::{
    Alert, Approval, Area, Audience, Category, Certainty, Circle, Colour, Decimal, Info, Kind, Language, Listed, Locality,
    Message, MsgType, Named, Offset, Point, Polygon, Reference, Resource, ResponseType, Scope, Severity, Stamp, Status, Subject,
    Text, Token, Urgency, Uri, Warning, Words, chain, decode, encode,
};
use model::{Span, Time};

/// 2026-11-29T08:36:00+08:00.
const SENT: Time = Time::from_micros(1_795_912_560_000_000);

/// Compares with the file of that name, and reads it back.
fn golden(name: &str, alert: &Alert) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.xml"));
    let text = encode(alert).expect("small enough");
    if std::env::var_os("DAVY_REGENERATE").is_some() && !file.exists() {
        fs::create_dir_all(file.parent().expect("has one")).expect("folder");
        fs::write(&file, &text).expect("write");
    }
    let wanted = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    assert_eq!(text, wanted, "{name}: other bytes than those that were sent before");
    let decoded = decode(wanted.as_bytes()).expect("golden");
    assert_eq!((&decoded.alert, decoded.signed, decoded.skipped), (alert, false, 0), "{name}");
}

fn text(text: &str) -> Text {
    Text::new(text).expect("a text")
}

fn token(text: &str) -> Token {
    Token::new(text).expect("a name")
}

fn named(name: &str, value: &str) -> Named {
    Named { name: text(name), value: text(value) }
}

fn minutes(minutes: i64) -> Stamp {
    Stamp::new(SENT + Span::from_secs(60 * minutes), Offset::CHINA).expect("a time")
}

fn zh() -> Words {
    Words {
        event: text("氯气泄漏"),
        sender_name: text("如皋港化工新材料产业园监控中心"),
        headline: text("示例化工有限公司合成装置氯气泄漏红色预警"),
        description: text("08:35 合成装置 e01-GD-12 测得氯气 2.6 ppm，持续上升。\n初始隔离 150 m，下风向防护 1.3 km。"),
        instruction: Some(text("下风向人员立即向上风或侧风方向撤离；关闭门窗 & 停用通风。")),
        place: text("如皋港北园区，示例化工有限公司西南下风向"),
        contact: Some(text("0513-0000000")),
    }
}

fn en() -> Words {
    Words {
        event: text("Chlorine release"),
        sender_name: text("Rugao chemical park control room"),
        headline: text("Red warning: chlorine release at Example Chemical, synthesis unit"),
        description: text("08:35 e01-GD-12 reads 2.6 ppm of chlorine, rising.\nIsolate 150 m, protect 1.3 km downwind."),
        instruction: Some(text("Leave upwind or across the wind; close windows & stop ventilation.")),
        place: text("North park, south-west of Example Chemical"),
        contact: Some(text("+86 513 0000000")),
    }
}

fn warning(identifier: &str, sent: i64) -> Warning {
    let polygon =
        "32.0610000,120.5130000 32.0568536,120.5178719 32.0485605,120.5081357 32.0527066,120.5032650 32.0610000,120.5130000";
    Warning {
        identifier: token(identifier),
        sender: token("davy@rugang.example"),
        sent: minutes(sent),
        drill: None,
        kind: Kind::First,
        audience: Audience::default(),
        subject: Subject::EarlyWarning(Colour::Red),
        source: Some(text("e01-GD-12")),
        incidents: vec![Listed::new("rugang 2026-118").expect("an item")],
        zh: zh(),
        en: en(),
        response: vec![ResponseType::Evacuate, ResponseType::Shelter],
        event_code: vec![named("rugang.example", "gas.toxic.chlorine")],
        onset: Some(minutes(-1)),
        expires: minutes(sent + 30),
        parameters: vec![named("basis", "guide for the first 30 minutes, not a consequence model")],
        locality: Locality {
            polygons: vec![Polygon::parse(polygon).expect("a polygon")],
            circles: vec![Circle::parse("32.061,120.513 0.15").expect("a circle")],
            codes: vec![named("GB/T 2260", "320682")],
        },
    }
}

#[test]
fn a_chain_from_warning_to_end() {
    let first = warning("rugang-e01-118-1", 0).alert().expect("an alert");
    golden("first", &first);
    let earlier = chain(&first).expect("goes on");
    let update = Warning { kind: Kind::Update(earlier), audience: Audience::default(), ..warning("rugang-e01-118-2", 10) };
    let update = Warning { subject: Subject::EarlyWarning(Colour::Orange), ..update }.alert().expect("an alert");
    golden("update", &update);
    let earlier = chain(&update).expect("goes on");
    golden("lifted", &Warning { kind: Kind::Lifted(earlier), ..warning("rugang-e01-118-3", 40) }.alert().expect("an alert"));
    let false_alarm = Kind::Cancelled {
        earlier: chain(&first).expect("goes on"),
        why: text("传感器标定中误报 (sensor was being calibrated)"),
    };
    golden("cancel", &Warning { kind: false_alarm, ..warning("rugang-e01-118-4", 5) }.alert().expect("an alert"));
}

#[test]
fn whom_it_may_reach() {
    let approval =
        Approval {
            by: text("如皋市应急管理局 值班领导 李某"), at: minutes(-2), document: text("皋应急〔2026〕118号")
        };
    let public = Warning { audience: Audience::Public(approval), ..warning("rugang-e01-119-1", 0) };
    golden("public", &public.alert().expect("an alert"));
    let addresses = ["transport@nantong.example", "如皋市 交通运输局"].map(|it| Listed::new(it).expect("an item"));
    let private = Warning {
        audience: Audience::Private(addresses.to_vec()),
        subject: Subject::WaybillViolation,
        ..warning("rugang-e01-120-1", 0)
    };
    golden("private", &private.alert().expect("an alert"));
    let drill = Warning { drill: Some(text("2026 年秋季应急演练 (autumn drill)")), ..warning("rugang-e01-121-1", 0) };
    golden("exercise", &drill.alert().expect("an alert"));
    let alarm = Warning { subject: Subject::ConfirmedGasAlarm, ..warning("rugang-e01-122-1", 0) };
    golden("alarm", &alarm.alert().expect("an alert"));
}

#[test]
fn an_answer_without_info() {
    let first = warning("rugang-e01-118-1", 0).alert().expect("an alert");
    let mut answer = first.clone().into_message();
    answer.identifier = token("ack-1");
    answer.sender = token("transport@nantong.example");
    answer.sent = Stamp::new(SENT, Offset::UTC).expect("a time");
    answer.msg_type = MsgType::Ack;
    answer.references = chain(&first).expect("goes on");
    answer.info = Vec::new();
    golden("ack", &Alert::new(answer).expect("an alert"));
}

#[test]
fn every_element_there_is() {
    let corner = |lat, lon| Point::new(lat, lon).expect("a point");
    let outline = vec![corner(0.0, -0.5), corner(-1.25, 0.0), corner(89.999_999_999, 180.0), corner(0.0, -0.5)];
    let area = Area {
        desc: text("everywhere"),
        polygon: vec![Polygon::new(outline).expect("a polygon"); 2],
        circle: vec![Circle::new(corner(-90.0, -180.0), 0.0).expect("a circle"); 2],
        geocode: vec![named("a", "1"), named("b", "<&>\"'")],
        altitude: Some(Decimal::parse("-10.5").expect("a number")),
        ceiling: Some(Decimal::parse("30000").expect("a number")),
    };
    let resource = Resource {
        desc: text("map"),
        mime_type: text("image/png"),
        size: Some(68),
        uri: Some(Uri::new("map.png").expect("an address")),
        deref_uri: Some(text("iVBORw0KGgo=")),
        digest: Some(text("da39a3ee5e6b4b0d3255bfef95601890afd80709")),
    };
    let info = Info {
        language: Some(Language::new("zh-Hans-CN").expect("a language")),
        category: Category::ALL.to_vec(),
        event: text("  every element  "),
        response_type: ResponseType::ALL.to_vec(),
        urgency: Urgency::Unknown,
        severity: Severity::Unknown,
        certainty: Certainty::Unlikely,
        audience: Some(text("all")),
        event_code: vec![named("x", "1"), named("y", "2")],
        effective: Some(minutes(0)),
        onset: Some(minutes(1)),
        expires: Some(minutes(2)),
        sender_name: Some(text("name")),
        headline: Some(text("a ]]> b")),
        description: Some(text("line 1\n\tline 2 – 😀")),
        instruction: Some(text("<b>no markup</b>")),
        web: Some(Uri::new("https://davy.example/?a=1&b=2").expect("an address")),
        contact: Some(text("c")),
        parameter: vec![named("p", "1"), named("q", "2")],
        resource: vec![resource; 2],
        area: vec![area; 2],
    };
    let reference = Reference { sender: token("a@b"), identifier: token("c"), sent: minutes(-5) };
    let message = Message {
        identifier: token("every/element#1"),
        sender: token("davy@rugang.example"),
        sent: minutes(0),
        status: Status::Test,
        msg_type: MsgType::Error,
        source: Some(text("source")),
        scope: Scope::Restricted,
        restriction: Some(text("restriction")),
        addresses: ["a", "b c"].map(|it| Listed::new(it).expect("an item")).to_vec(),
        code: vec![text("1"), text("2")],
        note: Some(text("note")),
        references: vec![reference; 2],
        incidents: ["d", "e f"].map(|it| Listed::new(it).expect("an item")).to_vec(),
        info: vec![info; 2],
    };
    golden("every_element", &Alert::new(message).expect("an alert"));
}
