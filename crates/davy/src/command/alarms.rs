//! `davy query alarms`: open and hidden alarms, now or as they were.

use serde_json::{Value, json};
use tonic::transport::Channel;
use wire::v1;
use wire::v1::alarm_service_client::AlarmServiceClient;

use crate::cli::QueryArgs;
use crate::command::query::from;
use crate::command::{moment, server};
use crate::exit::CommandError;
use crate::output::Output;

/// Asks, page by page, and prints.
pub(super) async fn run(channel: Channel, args: &QueryArgs, out: &mut Output) -> Result<(), CommandError> {
    let mut client = AlarmServiceClient::new(channel).max_decoding_message_size(server::ANSWER_BYTES_MAX);
    let mut request = asked(args.at.as_deref());
    let mut alarms = Vec::new();
    loop {
        let page = client.list_alarms(request.clone()).await.map_err(|status| CommandError::status(&status))?.into_inner();
        alarms.extend(page.alarms);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    alarms.retain(|alarm| args.point.is_empty() || args.point.contains(&alarm.point));
    // The server puts the most urgent first; a shell reads oldest first.
    alarms.sort_by_key(|alarm| alarm.raised_at.as_ref().or(alarm.changed_at.as_ref()).map(wire::time_from_v1));
    if !args.json {
        out.line(&row(["raised", "point", "alarm", "priority", "state", "position", "first"], "value"))?;
    }
    for alarm in &alarms {
        out.line(&if args.json { json_line(alarm) } else { line(alarm) })?;
    }
    Ok(())
}

fn asked(at: Option<&str>) -> v1::ListAlarmsRequest {
    let time = at.and_then(moment::behind).map(wire::time_to_v1);
    let cursor = at.filter(|_| time.is_none()).unwrap_or_default().to_owned();
    v1::ListAlarmsRequest { time, cursor, ..v1::ListAlarmsRequest::default() }
}

fn row([raised, point, alarm, priority, state, position, first]: [&str; 7], value: &str) -> String {
    let line = format!("{raised:<28} {point:<24} {alarm:<12} {priority:<9} {state:<24} {position:<10} {first:<6} {value}");
    line.trim_end().to_owned()
}

fn line(alarm: &v1::Alarm) -> String {
    let state = words(alarm).1;
    let hidden_in_alarm = if alarm.hidden.is_some() && alarm.in_alarm { ", in alarm" } else { "" };
    let first = match (alarm.first_out, alarm.order_certain) {
        (false, _) => "",
        (true, true) => "first",
        (true, false) => "first?",
    };
    let value = alarm.value.map_or_else(|| "-".to_owned(), |value| format!("{value} {}", alarm.unit));
    let hidden = alarm.hidden.as_ref().map_or_else(|| answered_said(alarm), hidden_said);
    let raised = shown(alarm.raised_at.as_ref());
    let raised = if raised.is_empty() { "-" } else { &raised };
    let state = format!("{state}{hidden_in_alarm}");
    row(
        [raised, &alarm.point, &alarm.alarm, words(alarm).0, &state, &alarm.position, first],
        &format!("{value}{hidden}{}", from(&alarm.origin)),
    )
}

/// Who answered it; nobody has answered what is hidden.
fn answered_said(alarm: &v1::Alarm) -> String {
    let said = match (alarm.acknowledged_by.as_str(), alarm.silenced_by.as_str()) {
        ("", "") => String::new(),
        ("", silenced_by) => format!("  silenced by {silenced_by}"),
        (acknowledged_by, _) => format!("  acknowledged by {acknowledged_by}"),
    };
    without_controls(&said)
}

/// By whom, until when and why; the state is in its column.
fn hidden_said(hidden: &v1::Hidden) -> String {
    let by = if hidden.by.is_empty() { String::new() } else { format!("  by {}", hidden.by) };
    let until = hidden.until.as_ref().map(|until| format!("  until {}", shown(Some(until)))).unwrap_or_default();
    let why = if hidden.why.is_empty() { String::new() } else { format!(": {}", hidden.why) };
    without_controls(&format!("{by}{until}{why}"))
}

/// What somebody typed cannot move the cursor.
fn without_controls(text: &str) -> String {
    text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect()
}

fn words(alarm: &v1::Alarm) -> (&'static str, &'static str) {
    let priority = wire::priority_from_v1(alarm.priority).map(model::Priority::as_str).unwrap_or_default();
    (priority, wire::state_from_v1(alarm.state).map(model::AlarmState::as_str).unwrap_or_default())
}

fn json_line(alarm: &v1::Alarm) -> String {
    let (priority, state) = words(alarm);
    let mut line = json!({
        "point": alarm.point, "alarm": alarm.alarm, "alarm_kind": alarm.alarm_kind, "priority": priority, "state": state,
        "occurrence": alarm.occurrence, "activation": alarm.activation, "first_raised_at": shown(alarm.first_raised_at.as_ref()),
        "raised_at": shown(alarm.raised_at.as_ref()), "changed_at": shown(alarm.changed_at.as_ref()), "value": alarm.value,
        "limit": alarm.limit, "unit": alarm.unit, "quantity": alarm.quantity, "park": alarm.park, "enterprise": alarm.enterprise,
        "installation": alarm.installation, "revision": alarm.revision, "acknowledged_by": alarm.acknowledged_by,
    });
    let more = json!({
        "point_name": alarm.point_name, "position": alarm.position, "group": alarm.group, "first_out": alarm.first_out,
        "order_certain": alarm.order_certain, "in_alarm": alarm.in_alarm, "annunciated": alarm.annunciated,
        "silenced_by": alarm.silenced.then_some(&alarm.silenced_by), "hidden": alarm.hidden.as_ref().map(hidden_json),
        "clock_offset_us": alarm.clock_offset_us, "clock_uncertainty_us": alarm.clock_uncertainty_us, "cause": alarm.cause,
        "consequence": alarm.consequence, "action": alarm.action, "respond_within_us": alarm.respond_within_us,
        "origin": Some(&alarm.origin).filter(|it| !it.is_empty()),
    });
    if let (Value::Object(line), Value::Object(more)) = (&mut line, more) {
        line.extend(more);
    }
    line.to_string()
}

fn hidden_json(hidden: &v1::Hidden) -> Value {
    let time = |time: Option<&prost_types::Timestamp>| time.map(|time| shown(Some(time)));
    json!({
        "state": wire::state_from_v1(hidden.state).map(model::AlarmState::as_str), "since": time(hidden.since.as_ref()),
        "until": time(hidden.until.as_ref()), "by": hidden.by, "why": hidden.why,
    })
}

fn shown(time: Option<&prost_types::Timestamp>) -> String {
    time.map(|time| wire::format_time(wire::time_from_v1(time))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_now_a_time_or_a_cursor() {
        assert_eq!(asked(None), v1::ListAlarmsRequest::default());
        assert!(asked(Some("2026-01-31T08:00:00Z")).time.is_some());
        assert_eq!(asked(Some("AQEAAAAAAAAAB_8")).cursor, "AQEAAAAAAAAAB_8");
    }

    #[test]
    fn a_hidden_alarm_says_by_whom_until_when_and_why() {
        let at = |text: &str| wire::parse_time(text).map(wire::time_to_v1);
        let hidden = v1::Hidden {
            state: v1::AlarmState::Shelved.into(),
            since: at("2026-01-31T08:00:00Z"),
            until: at("2026-01-31T10:00:00Z"),
            by: "li".to_owned(),
            why: "sensor\u{1b} exchanged".to_owned(),
        };
        let alarm = v1::Alarm {
            point: "p1".to_owned(),
            alarm: "high".to_owned(),
            priority: v1::Priority::High.into(),
            state: v1::AlarmState::Shelved.into(),
            in_alarm: true,
            hidden: Some(hidden),
            ..v1::Alarm::default()
        };
        let line = line(&alarm);
        assert!(line.contains("shelved, in alarm"), "{line}");
        assert!(line.ends_with("-  by li  until 2026-01-31T10:00:00.000000Z: sensor  exchanged"), "{line}");
        let answered = v1::Alarm {
            hidden: None,
            state: v1::AlarmState::Acknowledged.into(),
            acknowledged_by: "wang".to_owned(),
            ..alarm.clone()
        };
        assert!(self::line(&answered).ends_with("-  acknowledged by wang"));
        let json: Value = serde_json::from_str(&json_line(&alarm)).expect("JSON");
        assert_eq!((json["hidden"]["by"].as_str(), json["hidden"]["state"].as_str()), (Some("li"), Some("shelved")));
        assert!(json["silenced_by"].is_null());
    }
}
