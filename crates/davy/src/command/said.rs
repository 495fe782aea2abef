//! What an event other than an alarm says, in a few words for a person at a terminal.

use model::{ClockFault, CommandVerdict, EventBody, FloodChange, Nuisance, NuisanceKind, PossibleGap};

/// The words after kind and subject; empty where those say it all. What gateways made up cannot move the cursor.
pub(crate) fn said(body: &EventBody) -> String {
    let text = match body {
        EventBody::Source(change) => change.reason.clone(),
        EventBody::Gap(gap) => gap_said(gap),
        EventBody::Fault(fault) => format!("{}: {}", fault.rule, fault.detail),
        EventBody::Clock(ClockFault { fault, offset_us }) => format!("{} by {} s", fault.as_str(), seconds(*offset_us)),
        EventBody::Unmapped(unmapped) => list(&unmapped.tags, unmapped.more),
        EventBody::Command(outcome) => match &outcome.verdict {
            CommandVerdict::Accepted => format!("{} {} by {}", outcome.command.as_str(), outcome.alarm, outcome.actor),
            CommandVerdict::Refused { reason, .. } => format!("{} {}: {reason}", outcome.command.as_str(), outcome.alarm),
        },
        EventBody::Nuisance(nuisance) => nuisance_said(nuisance),
        EventBody::Flood(flood) => flood_said(flood),
        _ => String::new(),
    };
    text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect()
}

fn gap_said(gap: &PossibleGap) -> String {
    let messages = gap.messages.map_or_else(String::new, |count| format!(", {count} messages"));
    let (from, to) = (wire::format_time(gap.from), wire::format_time(gap.to));
    format!("{from} to {to}{messages}: {}; points {}", gap.reason, list(&gap.points, gap.more_points))
}

fn nuisance_said(nuisance: &Nuisance) -> String {
    let Nuisance { kind, alarm, activations, span, propose_shelve, advice, .. } = nuisance;
    let how = match kind {
        NuisanceKind::Standing => format!("for more than {span}"),
        _ => format!("{activations} times in {span}"),
    };
    let shelve = propose_shelve.map_or_else(String::new, |span| format!("; proposed: shelve for {span}"));
    format!("{alarm} {how}{shelve}: {advice}")
}

fn flood_said(flood: &FloodChange) -> String {
    let FloodChange { since, ended, alarms, by_priority: [low, medium, high, critical], window } = flood;
    let priorities = format!("{critical} critical, {high} high, {medium} medium, {low} low");
    match ended {
        None => format!("{alarms} alarms in {window}: {priorities}"),
        Some(ended) => format!("{alarms} alarms in {}: {priorities}", ended.since(*since)),
    }
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

    use model::{AlarmId, ClockFaultKind, GatewayFault, Span, Time, UnmappedTags};

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
    fn nuisances_and_floods_say_how_many_and_what_to_do() {
        let nuisance = Nuisance {
            kind: NuisanceKind::Chattering,
            alarm: AlarmId::new("high").unwrap(),
            occurrence: None,
            activations: 3,
            span: Span::from_secs(42),
            propose_shelve: Some(Span::from_secs(3_600)),
            advice: "look".to_owned(),
        };
        assert_eq!(said(&EventBody::Nuisance(nuisance)), "high 3 times in 42s; proposed: shelve for 3600s: look");
        let flood = FloodChange {
            since: Time::YEAR_2000,
            ended: None,
            alarms: 11,
            by_priority: [1, 2, 3, 5],
            window: Span::from_secs(600),
        };
        assert_eq!(said(&EventBody::Flood(flood.clone())), "11 alarms in 600s: 5 critical, 3 high, 2 medium, 1 low");
        let ended = FloodChange { ended: Some(Time::YEAR_2000 + Span::from_secs(700)), alarms: 20, ..flood };
        assert_eq!(said(&EventBody::Flood(ended)), "20 alarms in 700s: 5 critical, 3 high, 2 medium, 1 low");
    }
}
