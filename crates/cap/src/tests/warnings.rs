//! Warnings of one's own: how they are graded, whom they may reach, how they follow each other.

use super::*;

fn text(text: &str) -> Text {
    Text::new(text).unwrap()
}

fn at(text: &str) -> Stamp {
    Stamp::parse(&format!("2026-11-29T{text}+08:00")).unwrap()
}

fn words(headline: &str) -> Words {
    Words {
        event: text("氯气泄漏"),
        sender_name: text("Park"),
        headline: text(headline),
        description: text("x"),
        instruction: None,
        place: text("y"),
        contact: None,
    }
}

fn warning(subject: Subject) -> Warning {
    Warning {
        identifier: Token::new("w-1").unwrap(),
        sender: Token::new("davy@rugao.example").unwrap(),
        sent: at("08:36:00"),
        drill: None,
        kind: Kind::First,
        audience: Audience::default(),
        subject,
        source: None,
        incidents: Vec::new(),
        zh: words("标题"),
        en: words("headline"),
        response: vec![ResponseType::Evacuate],
        event_code: Vec::new(),
        onset: None,
        expires: at("10:36:00"),
        parameters: Vec::new(),
        locality: Locality { circles: vec![Circle::parse("32.06,120.51 0.4").unwrap()], ..Locality::default() },
    }
}

#[test]
fn subjects_are_graded_by_the_table() {
    use Certainty::{Likely, Observed, Possible};
    use Severity::{Extreme, Minor, Moderate, Severe};
    for (subject, categories, urgency, severity, certainty) in [
        (Subject::ConfirmedGasAlarm, "Safety CBRNE", Urgency::Immediate, Severe, Observed),
        (Subject::CriticalAlarm, "Safety", Urgency::Immediate, Severe, Likely),
        (Subject::EarlyWarning(Colour::Red), "Safety CBRNE Env", Urgency::Immediate, Extreme, Likely),
        (Subject::EarlyWarning(Colour::Orange), "Safety", Urgency::Expected, Severe, Possible),
        (Subject::EarlyWarning(Colour::Yellow), "Safety", Urgency::Expected, Moderate, Possible),
        (Subject::EarlyWarning(Colour::Blue), "Safety", Urgency::Expected, Minor, Possible),
        (Subject::WaybillViolation, "Transport", Urgency::Expected, Moderate, Observed),
    ] {
        let alert = warning(subject).alert().unwrap();
        assert_eq!((alert.status, alert.msg_type, alert.scope), (Status::Actual, MsgType::Alert, Scope::Restricted));
        let languages: Vec<_> = alert.info.iter().filter_map(|it| it.language.as_ref()).map(Language::as_str).collect();
        assert_eq!(languages, ["zh-CN", "en-US"]);
        for info in &alert.info {
            let found: Vec<_> = info.category.iter().map(|it| it.as_str()).collect();
            assert_eq!(
                (found.join(" ").as_str(), info.urgency, info.severity, info.certainty),
                (categories, urgency, severity, certainty)
            );
        }
    }
}

#[test]
fn only_an_approval_makes_it_public() {
    let approval = |approved| Approval { by: text("Rugao, duty officer Li"), at: approved, document: text("2026-118") };
    let public =
        |approved| Warning { audience: Audience::Public(approval(approved)), ..warning(Subject::EarlyWarning(Colour::Red)) };
    let alert = public(at("08:30:00")).alert().unwrap();
    assert_eq!((alert.scope, &alert.restriction), (Scope::Public, &None));
    let parameters: Vec<_> = alert.info[1].parameter.iter().map(|it| (it.name.as_str(), it.value.as_str())).collect();
    let wanted = [
        ("warningColour", "red"),
        ("approvedBy", "Rugao, duty officer Li"),
        ("approvedAt", "2026-11-29T08:30:00+08:00"),
        ("approvalDocument", "2026-118"),
    ];
    assert_eq!(parameters, wanted);
    assert!(matches!(public(at("08:36:01")).alert(), Err(WarningError::Approval { .. })));
    let private =
        Warning { audience: Audience::Private(vec![Listed::new("fire@rugao").unwrap()]), ..warning(Subject::WaybillViolation) };
    assert_eq!(private.alert().unwrap().scope, Scope::Private);
    let nobody = Warning { audience: Audience::Private(Vec::new()), ..warning(Subject::WaybillViolation) };
    assert!(matches!(nobody.alert(), Err(WarningError::Rules(_))));
}

#[test]
fn updates_name_all_before_them_until_the_end() {
    let subject = Subject::EarlyWarning(Colour::Orange);
    let first = warning(subject).alert().unwrap();
    let next = |id: &str, sent, kind| Warning { identifier: Token::new(id).unwrap(), sent: at(sent), kind, ..warning(subject) };
    let update = next("w-2", "08:40:00", Kind::Update(chain(&first).unwrap())).alert().unwrap();
    assert_eq!((update.msg_type, update.references.len()), (MsgType::Update, 1));
    let lifted = next("w-3", "09:00:00", Kind::Lifted(chain(&update).unwrap())).alert().unwrap();
    let named: Vec<_> = lifted.references.iter().map(|it| it.identifier.as_str()).collect();
    assert_eq!((lifted.msg_type, named), (MsgType::Update, vec!["w-1", "w-2"]));
    assert_eq!((lifted.info[0].urgency, lifted.info[0].response_type.as_slice()), (Urgency::Past, &[ResponseType::AllClear][..]));
    assert_eq!(lifted.info[0].severity, Severity::Severe, "as before");
    let why = text("传感器故障");
    let cancel = next("w-4", "09:01:00", Kind::Cancelled { earlier: chain(&update).unwrap(), why: why.clone() }).alert().unwrap();
    assert_eq!((cancel.msg_type, cancel.note.as_ref()), (MsgType::Cancel, Some(&why)));
    assert!(chain(&cancel).unwrap_err().to_string().contains("nothing follows a Cancel"));
}

#[test]
fn a_drill_says_so_everywhere() {
    let drill = Warning { drill: Some(text("autumn drill")), ..warning(Subject::CriticalAlarm) }.alert().unwrap();
    assert_eq!((drill.status, drill.note.as_ref().unwrap().as_str()), (Status::Exercise, "autumn drill"));
    let headlines: Vec<_> = drill.info.iter().map(|it| it.headline.as_ref().unwrap().as_str()).collect();
    assert_eq!(headlines, ["【演练】标题", "EXERCISE: headline"]);
}

#[test]
fn what_does_not_fit_is_refused() {
    let good = warning(Subject::CriticalAlarm);
    let first = good.alert().unwrap();
    let refused = |warning: Warning| warning.alert().unwrap_err().to_string();
    let over = Warning { expires: good.sent, ..good.clone() };
    assert_eq!(refused(over), "make the alert: expires 2026-11-29T08:36:00+08:00 is not after sent 2026-11-29T08:36:00+08:00");
    assert!(refused(Warning { locality: Locality::default(), ..good.clone() }).contains("no place"));
    assert!(refused(Warning { kind: Kind::Update(Vec::new()), ..good.clone() }).contains("names none"));
    let itself = Kind::Update(chain(&first).unwrap());
    assert!(refused(Warning { kind: itself.clone(), ..good.clone() }).contains("that of an earlier"));
    let early = Warning { identifier: Token::new("w-0").unwrap(), sent: at("08:35:59"), kind: itself, ..good.clone() };
    assert!(refused(early).contains("sent later"));
    let long = Words { headline: text(&"x".repeat(TEXT_BYTES_MAX)), ..words("x") };
    assert!(refused(Warning { drill: Some(text("d")), zh: long, ..good }).contains("too long"));
}
