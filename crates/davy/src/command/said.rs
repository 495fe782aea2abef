//! What an event says, in a few words for a person at a terminal.

use std::fmt::Write as _;

use super::said_casework::{case_said, duty_said, incident_said};
use model::{
    AlarmTransition, ClockFault, CommandVerdict, EventBody, FloodChange, Nuisance, Picture, PossibleGap, Priority, Report, Span,
    Transition, WarningChange, report::Shown,
};

/// The words after kind and subject; empty where those say it all. What gateways made up cannot move the cursor.
pub(crate) fn said(body: &EventBody) -> String {
    let text = match body {
        EventBody::Alarm(alarm) => alarm_said(alarm),
        EventBody::Nuisance(nuisance) => nuisance_said(nuisance),
        EventBody::Flood(flood) => flood_said(flood),
        EventBody::Warning(change) => warning_said(change),
        EventBody::Case(change) => case_said(change),
        EventBody::Incident(change) => incident_said(change),
        EventBody::Duty(change) => duty_said(change),
        EventBody::Picture(picture) => picture_said(picture),
        EventBody::Report(report) => report_said(report),
        EventBody::Source(change) => change.reason.clone(),
        EventBody::Gap(gap) => gap_said(gap),
        EventBody::Fault(fault) => format!("{}: {}", fault.rule, fault.detail),
        EventBody::Clock(ClockFault { fault, offset_us }) => format!("{} by {} s", fault.as_str(), seconds(*offset_us)),
        EventBody::Unmapped(unmapped) => list(&unmapped.tags, unmapped.more),
        EventBody::Command(outcome) => match &outcome.verdict {
            CommandVerdict::Accepted => format!("{} {} by {}", outcome.command.as_str(), outcome.alarm, outcome.actor),
            CommandVerdict::Refused { reason, .. } => format!("{} {}: {reason}", outcome.command.as_str(), outcome.alarm),
        },
        _ => String::new(),
    };
    text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect()
}

fn alarm_said(alarm: &AlarmTransition) -> String {
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    let unit = if alarm.unit.is_empty() { String::new() } else { format!(" {}", alarm.unit) };
    let mut text = format!(
        "{} [{}] {}{unit} limit {}  -> {}",
        alarm.alarm,
        alarm.priority.as_str(),
        number(alarm.value),
        number(alarm.limit),
        alarm.state.as_str(),
    );
    let raised = alarm.transition == Transition::Raised;
    if raised && alarm.first_out && !alarm.group.is_empty() {
        text = format!("{text}  first of {}", alarm.group);
    }
    if raised && !alarm.annunciated {
        text.push_str("  not told");
    }
    if !alarm.actor.is_empty() {
        text = format!("{text}  by {}", alarm.actor);
    }
    if let Some(until) = alarm.until {
        text = format!("{text}  until {}", wire::format_time(until));
    }
    if is_why_shown(alarm) && !alarm.reason.is_empty() {
        text = format!("{text}: {}", alarm.reason);
    }
    text
}

/// Why an alarm is hidden, or no longer, matters to whoever reads on, and why it ended by itself; why it was acknowledged is on record.
const fn is_why_shown(alarm: &AlarmTransition) -> bool {
    match alarm.transition {
        Transition::Raised | Transition::Returned | Transition::Acknowledged | Transition::Reset => false,
        Transition::Closed => alarm.actor.is_empty(),
        _ => true,
    }
}

fn nuisance_said(nuisance: &Nuisance) -> String {
    let times = if nuisance.activations > 1 { format!("{} times in ", nuisance.activations) } else { "for ".to_owned() };
    let mut text = format!("{} {times}{}", nuisance.alarm, span(nuisance.span));
    if let Some(shelve) = nuisance.propose_shelve {
        text = format!("{text}; proposed: shelve it for {}", span(shelve));
    }
    if !nuisance.advice.is_empty() {
        text = format!("{text}; {}", nuisance.advice);
    }
    text
}

fn flood_said(flood: &FloodChange) -> String {
    let over = flood.ended.map_or(flood.window, |ended| ended.since(flood.since));
    let mut by_priority = String::new();
    for (priority, count) in Priority::ALL.iter().zip(flood.by_priority).rev().filter(|(_, count)| *count > 0) {
        let separator = if by_priority.is_empty() { ": " } else { ", " };
        write!(by_priority, "{separator}{count} {}", priority.as_str()).expect("a string takes all");
    }
    format!("{} alarms in {}{by_priority}", flood.alarms, span(over))
}

/// A span in the unit that fits.
fn span(span: Span) -> String {
    let seconds = span.micros() / 1_000_000;
    match seconds {
        ..120 => format!("{} s", self::seconds(span.micros())),
        120..7_200 => format!("{} min", seconds / 60),
        _ => format!("{} h", self::seconds(span.micros() / 3_600)),
    }
}

/// What it is, at which level, and who is told, did it or is late.
fn warning_said(change: &WarningChange) -> String {
    let mut text =
        format!("{} [{} {}] at level {}", change.name, change.colour.as_str(), change.colour.chinese(), change.level.as_str());
    let told = change.addressees.iter().filter(|it| it.deadlines.is_some());
    let told: Vec<_> = told.map(|it| it.department.to_string()).collect();
    if !told.is_empty() {
        text = format!("{text}  told: {}", list(&told, 0));
    }
    if let Some(department) = &change.department {
        text = format!("{text}  {department}");
    }
    if let Some(step) = change.step {
        text = format!("{text} {}", step.as_str());
    }
    if let Some((wanted, refusal)) = change.refused {
        text = format!("{text} {}: {}", wanted.as_str(), refusal.as_str());
    }
    if change.late {
        text.push_str(" late");
    }
    if !change.actor.is_empty() {
        text = format!("{text}  by {}", change.actor);
    }
    if change.text.is_empty() { text } else { format!("{text}: {}", change.text) }
}

/// What it is about, how far people have to be away, and how many there are.
fn picture_said(picture: &Picture) -> String {
    let called = |it: &model::PictureSubstance| if it.name_zh.is_empty() { it.name.clone() } else { it.name_zh.clone() };
    let what = picture.substances.iter().find(|it| it.counted).map_or_else(|| "substance unknown".to_owned(), called);
    let zones = match (picture.isolate_m, picture.protect_km) {
        (Some(isolate_m), Some(protect_km)) => format!("isolate {isolate_m:.0} m, protect {protect_km:.1} km"),
        (Some(isolate_m), None) => format!("isolate {isolate_m:.0} m, protect unknown"),
        (None, _) => "distances unknown".to_owned(),
    };
    let towards = picture.towards_deg.map_or_else(|| "in all directions".to_owned(), |deg| format!("towards {deg:.0}°"));
    let total = picture.total;
    let unknown = if total.unknown > 0 { format!(", {} places unknown", total.unknown) } else { String::new() };
    let people = if picture.isolate_m.is_some() { format!("; people {}{unknown}", total.known) } else { String::new() };
    let towards = if picture.protect_km.is_some() { format!(" {towards}") } else { String::new() };
    format!("{what}: {zones}{towards}{people}  ({})", picture.label)
}

/// Every field but the one that is the subject, then who says so.
fn report_said(report: &Report) -> String {
    let subject = report.body.subject();
    let mut text = String::new();
    for (name, value) in report.body.fields() {
        let value = match value {
            Shown::Nothing => continue,
            Shown::Text(text) if *text == *subject => continue,
            Shown::Text(text) => text.to_owned(),
            Shown::Count(count) => count.to_string(),
            Shown::Number(number) => number.to_string(),
            Shown::Place(at) => format!("{},{}", at.lat, at.lon),
            Shown::Time(time) => wire::format_time(time),
            Shown::Event(id) => id.to_string(),
        };
        text = format!("{text}{name} {value}  ");
    }
    text = format!("{text}by {} of {}", report.actor, report.department);
    if report.text.is_empty() { text } else { format!("{text}: {}", report.text) }
}

fn gap_said(gap: &PossibleGap) -> String {
    let messages = gap.messages.map_or_else(String::new, |count| format!(", {count} messages"));
    let (from, to) = (wire::format_time(gap.from), wire::format_time(gap.to));
    format!("{from} to {to}{messages}: {}; points {}", gap.reason, list(&gap.points, gap.more_points))
}

/// The first few of a list and how many more there are.
fn list(names: &[String], more: u32) -> String {
    const SHOWN: usize = 8;
    let hidden = names.len().saturating_sub(SHOWN) + more as usize;
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if hidden == 0 { shown } else { format!("{shown} and {hidden} more") }
}

fn seconds(us: i64) -> String {
    let tenths = us.unsigned_abs() / 100_000;
    format!("{}{}.{}", if us < 0 { "-" } else { "" }, tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::{AlarmId, ClockFaultKind, GatewayFault, NuisanceKind, Time, UnmappedTags};

    use super::*;

    #[test]
    fn a_gap_says_when_how_many_and_where() {
        let gap = PossibleGap {
            source: Arc::from("mqtt"),
            from: Time::YEAR_2000,
            to: Time::YEAR_2000,
            reason: "the broker dropped 3 messages".to_owned(),
            messages: Some(3),
            points: (0..10).map(|it| format!("p{it}")).collect(),
            more_points: 5,
        };
        let year = "2000-01-01T00:00:00.000000Z";
        let points = "points p0, p1, p2, p3, p4, p5, p6, p7 and 7 more";
        let wanted = format!("{year} to {year}, 3 messages: the broker dropped 3 messages; {points}");
        assert_eq!(said(&EventBody::Gap(gap)), wanted);
    }

    #[test]
    fn what_a_gateway_made_up_cannot_move_the_cursor() {
        let tags = vec!["a\u{1b}[2J\nforged".to_owned()];
        assert_eq!(said(&EventBody::Unmapped(UnmappedTags { tags, more: 0 })), "a [2J forged");
        let fault = GatewayFault { rule: "sparkplug.no_seq".to_owned(), detail: "count\r\n".to_owned() };
        assert_eq!(said(&EventBody::Fault(fault)), "sparkplug.no_seq: count  ");
        let clock = ClockFault { fault: ClockFaultKind::SetBack, offset_us: -1_250_000 };
        assert_eq!(said(&EventBody::Clock(clock)), "set_back by -1.2 s");
    }

    #[test]
    fn nuisances_and_floods_say_how_much_and_what_to_do() {
        let mut nuisance = Nuisance {
            kind: NuisanceKind::Chattering,
            alarm: AlarmId::new("high").unwrap(),
            occurrence: None,
            activations: 3,
            span: Span::from_secs(60),
            propose_shelve: Some(Span::from_secs(1_800)),
            advice: "widen the deadband".to_owned(),
        };
        let said_of = |nuisance: &Nuisance| said(&EventBody::Nuisance(nuisance.clone()));
        assert_eq!(said_of(&nuisance), "high 3 times in 60.0 s; proposed: shelve it for 30 min; widen the deadband");
        nuisance =
            Nuisance { activations: 1, span: Span::from_secs(90_000), propose_shelve: None, advice: String::new(), ..nuisance };
        assert_eq!(said_of(&nuisance), "high for 25.0 h");
        let since = Time::YEAR_2000;
        let flood = FloodChange { since, ended: None, alarms: 11, by_priority: [8, 0, 2, 1], window: Span::from_secs(600) };
        assert_eq!(said(&EventBody::Flood(flood.clone())), "11 alarms in 10 min: 1 critical, 2 high, 8 low");
        let ended = FloodChange { ended: Some(since + Span::from_secs(1_500)), alarms: 40, ..flood };
        assert_eq!(said(&EventBody::Flood(ended)), "40 alarms in 25 min: 1 critical, 2 high, 8 low");
    }

    #[test]
    fn a_warning_says_how_bad_it_is_and_who_is_told_or_late() {
        let rule = model::WarningRuleId::new("gas").unwrap();
        let department = model::DepartmentId::new("office").unwrap();
        let mut change = WarningChange::new(model::WarningTransition::Opened, rule);
        change.name = "泄漏".to_owned();
        change.colour = model::Colour::Red;
        let said_of = |change: &WarningChange| said(&EventBody::Warning(Box::new(change.clone())));
        let deadlines = Some(model::StepSpans::default().from(Time::YEAR_2000));
        let told = model::Addressee { department: department.clone(), name: String::new(), level: model::Level::Park, deadlines };
        let opened =
            WarningChange { addressees: vec![told.clone(), model::Addressee { deadlines: None, ..told }], ..change.clone() };
        assert_eq!(said_of(&opened), "泄漏 [red 红色] at level enterprise  told: office");
        let late = WarningChange { department: Some(department), step: Some(model::WarningStep::Received), late: true, ..change };
        assert_eq!(said_of(&late), "泄漏 [red 红色] at level enterprise  office received late");
        let by = WarningChange { actor: "li".to_owned(), text: "valve shut".to_owned(), ..late };
        assert_eq!(said_of(&by), "泄漏 [red 红色] at level enterprise  office received late  by li: valve shut");
    }

    #[test]
    fn a_report_says_what_and_who() {
        let report = Report {
            department: model::DepartmentId::new("office").unwrap(),
            actor: "li".to_owned(),
            text: "空车".to_owned(),
            about: Vec::new(),
            request_id: model::RequestId::new("r").unwrap(),
            body: model::report::GatePass {
                gate: "东门".to_owned(),
                vehicle: "苏F1\u{1b}[2J".to_owned(),
                way: model::report::Way::Out,
                waybill: String::new(),
            }
            .into(),
        };
        assert_eq!(said(&EventBody::Report(Box::new(report))), "vehicle 苏F1 [2J  way out  by li of office: 空车");
    }

    fn alarm() -> AlarmTransition {
        AlarmTransition {
            transition: Transition::Raised,
            alarm: AlarmId::new("high").unwrap(),
            alarm_kind: model::AlarmKind::High,
            priority: Priority::High,
            state: model::AlarmState::Unacknowledged,
            occurrence: None,
            activation: 1,
            in_alarm: true,
            value: Some(30.5),
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
            quantity: model::Quantity::CombustibleGas,
            position: Arc::from(""),
            group: Arc::from("trip"),
            first_out: true,
            until: None,
            clock: None,
            advice: None,
        }
    }

    #[test]
    fn alarms_say_what_happened_by_whom_and_until_when() {
        let said_of = |alarm: AlarmTransition| said(&EventBody::Alarm(Box::new(alarm)));
        assert_eq!(said_of(alarm()), "high [high] 30.5 %LEL limit 25  -> unacknowledged  first of trip");
        let hidden = AlarmTransition { annunciated: false, first_out: false, state: model::AlarmState::Shelved, ..alarm() };
        assert_eq!(said_of(hidden), "high [high] 30.5 %LEL limit 25  -> shelved  not told");
        let by_hand = AlarmTransition { actor: "li".to_owned(), reason: "seen\n".to_owned(), value: None, ..alarm() };
        let acknowledged =
            AlarmTransition { transition: Transition::Acknowledged, state: model::AlarmState::Acknowledged, ..by_hand.clone() };
        assert_eq!(said_of(acknowledged), "high [high] - %LEL limit 25  -> acknowledged  by li");
        let until = Some(Time::YEAR_2000);
        let shelved = AlarmTransition { transition: Transition::Shelved, state: model::AlarmState::Shelved, until, ..by_hand };
        let wanted = "high [high] - %LEL limit 25  -> shelved  by li  until 2000-01-01T00:00:00.000000Z: seen ";
        assert_eq!(said_of(shelved), wanted);
    }
}
