//! Events from a server as JSON lines; what this version does not know is shown as far as it can be read.

use serde_json::{Map, Value, json};
use wire::{Cursor, JsonExtras, v1};

/// One line; events that open a feed with what is active carry `"snapshot":true`.
pub(crate) fn json_line(event: &v1::Event) -> String {
    let cursor = Cursor::decode(&event.cursor);
    let line = match (wire::v1_to_recorded(event), cursor) {
        (Ok(recorded), Ok(cursor)) => wire::event_json(&recorded, JsonExtras::Recorded(&cursor)),
        _ => envelope(event),
    };
    match line.strip_suffix('}') {
        Some(line) if event.snapshot => format!("{line},\"snapshot\":true}}"),
        _ => line,
    }
}

fn envelope(event: &v1::Event) -> String {
    let time = |time: Option<&prost_types::Timestamp>| time.map(|time| wire::format_time(wire::time_from_v1(time)));
    let text = |text: &str| if text.is_empty() { Value::Null } else { json!(text) };
    let fields = [
        ("id", json!(event.id)),
        ("cursor", json!(event.cursor)),
        ("occurred_at", json!(time(event.occurred_at.as_ref()))),
        ("recorded_at", json!(time(event.recorded_at.as_ref()))),
        ("kind", json!(event.kind)),
        ("subject", json!(event.subject)),
        ("park", text(&event.park)),
        ("enterprise", text(&event.enterprise)),
        ("installation", text(&event.installation)),
        ("revision", json!(event.revision)),
    ];
    Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_of_a_newer_server_is_shown_as_far_as_it_can_be_read() {
        let event = v1::Event {
            id: "0000000000000001-engine/1-1-0".to_owned(),
            kind: "alarm.shelved".to_owned(),
            subject: "p1".to_owned(),
            snapshot: true,
            ..v1::Event::default()
        };
        let line: Value = serde_json::from_str(&json_line(&event)).expect("JSON");
        assert_eq!((line["kind"].as_str(), line["subject"].as_str()), (Some("alarm.shelved"), Some("p1")));
        assert_eq!((line["snapshot"].as_bool(), line["park"].is_null()), (Some(true), true));
    }
}
