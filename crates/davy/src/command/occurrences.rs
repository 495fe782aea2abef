//! `davy query occurrences`: lives of alarms, newest raise first.

use prost_types::Timestamp;
use serde_json::json;
use tonic::transport::Channel;
use wire::v1;
use wire::v1::history_service_client::HistoryServiceClient;

use crate::cli::QueryArgs;
use crate::command::query::shown;
use crate::command::server;
use crate::exit::CommandError;
use crate::output::{Output, Reader};

/// Asks, page by page, and prints.
pub(super) async fn run(
    channel: Channel,
    args: &QueryArgs,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    out: &mut Output,
) -> Result<(), CommandError> {
    let mut client = HistoryServiceClient::new(channel).max_decoding_message_size(server::ANSWER_BYTES_MAX);
    let selection = v1::OccurrenceSelection {
        points: args.point.clone(),
        alarms: args.alarm.clone(),
        parks: args.park.clone(),
        enterprises: args.enterprise.clone(),
        open: args.open.then_some(true),
        from,
        to,
        ..v1::OccurrenceSelection::default()
    };
    let mut request = v1::ListAlarmOccurrencesRequest { selection: Some(selection), page_size: 5_000, page_token: String::new() };
    if !args.json {
        out.line(&row(["raised", "point", "alarm", "priority", "state", "times"], "returned", "closed", "value"))?;
    }
    loop {
        let page = client.list_alarm_occurrences(request.clone()).await.map_err(|status| CommandError::status(&status))?;
        let page = page.into_inner();
        let complete_to = shown(page.complete_to.as_ref());
        for occurrence in &page.occurrences {
            out.line(&if args.json { json_line(occurrence, &complete_to) } else { line(occurrence) })?;
        }
        if page.next_page_token.is_empty() || out.reader() == Reader::Gone {
            return if args.json { Ok(()) } else { out.line(&format!("complete to {complete_to}")).map(drop) };
        }
        request.page_token = page.next_page_token;
    }
}

fn row([raised, point, alarm, priority, state, times]: [&str; 6], returned: &str, closed: &str, value: &str) -> String {
    let line =
        format!("{raised:<28} {point:<24} {alarm:<12} {priority:<9} {state:<24} {times:>5} {returned:<28} {closed:<28} {value}");
    line.trim_end().to_owned()
}

fn line(it: &v1::AlarmOccurrence) -> String {
    let time = |time: Option<&Timestamp>| if time.is_none() { "-".to_owned() } else { shown(time) };
    let (priority, state) = words(it);
    let times = it.activations.to_string();
    let value = match (it.value, it.limit) {
        (Some(value), Some(limit)) => format!("{value} (limit {limit})"),
        (Some(value), None) => value.to_string(),
        (None, _) => "-".to_owned(),
    };
    let raised = time(it.raised_at.as_ref());
    let (returned, closed) = (time(it.returned_at.as_ref()), time(it.closed_at.as_ref()));
    row([&raised, &it.point, &it.alarm, priority, state, &times], &returned, &closed, &value)
}

fn words(it: &v1::AlarmOccurrence) -> (&'static str, &'static str) {
    let priority = wire::priority_from_v1(it.priority).map(model::Priority::as_str).unwrap_or_default();
    (priority, wire::state_from_v1(it.state).map(model::AlarmState::as_str).unwrap_or_default())
}

fn json_line(it: &v1::AlarmOccurrence, complete_to: &str) -> String {
    let time = |time: Option<&Timestamp>| time.map(|time| shown(Some(time)));
    let (priority, state) = words(it);
    json!({
        "id": it.id, "point": it.point, "alarm": it.alarm, "alarm_kind": it.alarm_kind, "priority": priority, "state": state,
        "park": it.park, "enterprise": it.enterprise, "installation": it.installation, "position": it.position,
        "activations": it.activations, "raised_at": time(it.raised_at.as_ref()), "recorded_at": time(it.recorded_at.as_ref()),
        "value": it.value, "limit": it.limit, "annunciated": it.annunciated, "returned_at": time(it.returned_at.as_ref()),
        "acknowledged_at": time(it.acknowledged_at.as_ref()),
        "acknowledged_by": it.acknowledged_at.as_ref().map(|_| &it.acknowledged_by),
        "closed_at": time(it.closed_at.as_ref()), "complete_to": complete_to,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_has_not_happened_is_told_from_what_has() {
        let occurrence = v1::AlarmOccurrence {
            id: "a".to_owned(),
            point: "p1".to_owned(),
            alarm: "high".to_owned(),
            priority: v1::Priority::High.into(),
            state: v1::AlarmState::Acknowledged.into(),
            activations: 2,
            raised_at: wire::parse_time("2026-01-31T08:00:00Z").map(wire::time_to_v1),
            value: Some(7.5),
            limit: Some(7.0),
            ..v1::AlarmOccurrence::default()
        };
        let text = line(&occurrence);
        let words: Vec<_> = text.split_whitespace().collect();
        let wanted = ["2026-01-31T08:00:00.000000Z", "p1", "high", "high", "acknowledged", "2", "-", "-", "7.5", "(limit", "7)"];
        assert_eq!(words, wanted);
        let json: Value = serde_json::from_str(&json_line(&occurrence, "x")).expect("JSON");
        assert!(json["closed_at"].is_null() && json["acknowledged_by"].is_null());
        assert_eq!(json["raised_at"], "2026-01-31T08:00:00.000000Z");
    }
}
