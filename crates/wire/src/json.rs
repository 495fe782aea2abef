//! Events as JSON, one a line: the same keys in the same order everywhere.

use model::report::Shown;
use model::{CommandVerdict, EventBody, EventId, RecordedEvent, Report, WarningChange};
use serde_json::{Value, json};

use crate::casework_json::{case_fields, duty_fields, incident_fields};
use crate::event::hex;
use crate::picture::picture_to_v1;
use crate::picture_json::picture_fields;
use crate::{Cursor, format_time};

/// What a line carries beside the fact itself.
#[derive(Clone, Copy, Debug)]
pub enum JsonExtras<'a> {
    /// Cursor and record time, as feeds and queries show it.
    Recorded(&'a Cursor),
    /// Neither: recorded data that was in no journal.
    Bare,
}

/// One event as one line of JSON, without the line's end.
pub fn event_json(recorded: &RecordedEvent, extras: JsonExtras<'_>) -> String {
    let mut line = Line(String::from("{"));
    let event = &recorded.event;
    line.put("id", &json!(recorded.id.to_string()));
    if let JsonExtras::Recorded(cursor) = extras {
        line.put("cursor", &json!(cursor.encode()));
    }
    line.put("occurred_at", &json!(format_time(event.occurred_at)));
    if let JsonExtras::Recorded(_) = extras {
        line.put("recorded_at", &json!(format_time(recorded.recorded_at)));
    }
    line.put("kind", &json!(event.body.kind()));
    line.put("subject", &json!(&*event.subject));
    line.put("park", &json!(event.scope.park.as_deref()));
    line.put("enterprise", &json!(event.scope.enterprise.as_deref()));
    line.put("installation", &json!(event.scope.installation.as_deref()));
    line.put("revision", &json!(event.revision.0));
    if let Some(origin) = &recorded.origin {
        line.put("origin", &json!(&*origin.node));
        line.put("origin_recorded_at", &json!(format_time(origin.recorded_at)));
    }
    for (name, value) in body(&recorded.id, &event.body) {
        line.put(name, &value);
    }
    line.0.push('}');
    line.0
}

struct Line(String);

impl Line {
    fn put(&mut self, name: &str, value: &Value) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push_str(&Value::from(name).to_string());
        self.0.push(':');
        self.0.push_str(&value.to_string());
    }
}

fn body(id: &EventId, body: &EventBody) -> Vec<(&'static str, Value)> {
    match body {
        EventBody::Alarm(alarm) => alarm_fields(alarm),
        EventBody::Command(outcome) => command_fields(outcome),
        EventBody::Source(change) => vec![
            ("source", json!(&*change.source)),
            ("since", json!(format_time(change.since))),
            ("reason", json!(change.reason)),
        ],
        EventBody::Clock(fault) => vec![("fault", json!(fault.fault.as_str())), ("offset_us", json!(fault.offset_us))],
        EventBody::Gap(gap) => vec![
            ("source", json!(&*gap.source)),
            ("from", json!(format_time(gap.from))),
            ("to", json!(format_time(gap.to))),
            ("reason", json!(gap.reason)),
            ("messages", json!(gap.messages)),
            ("points", json!(gap.points)),
            ("more_points", json!(gap.more_points)),
        ],
        EventBody::Site(site) => {
            vec![("content_hash", json!(hex(&site.content_hash))), ("points", json!(site.points)), ("alarms", json!(site.alarms))]
        }
        EventBody::Replay(difference) => vec![
            ("partition", json!(difference.partition)),
            ("input_position", json!(difference.input_position.0)),
            ("key_seq", json!(difference.key_seq.0)),
            ("recorded_hash", json!(difference.recorded_hash)),
            ("replayed_hash", json!(difference.replayed_hash)),
        ],
        EventBody::HistoryLost(loss) => vec![
            ("partition", json!(loss.partition)),
            ("from_position", json!(loss.from_position.0)),
            ("to_position", json!(loss.to_position.0)),
            ("from", json!(format_time(loss.from))),
            ("to", json!(format_time(loss.to))),
            ("points", json!(loss.points)),
        ],
        EventBody::CoreVersion(version) => vec![("version", json!(version))],
        EventBody::Unmapped(tags) => vec![("tags", json!(tags.tags)), ("more", json!(tags.more))],
        EventBody::Fault(fault) => vec![("rule", json!(fault.rule)), ("detail", json!(fault.detail))],
        EventBody::Nuisance(nuisance) => vec![
            ("alarm", json!(nuisance.alarm.as_str())),
            ("occurrence", json!(nuisance.occurrence.as_ref().map(model::EventId::to_string))),
            ("activations", json!(nuisance.activations)),
            ("span_us", json!(nuisance.span.micros())),
            ("propose_shelve_us", json!(nuisance.propose_shelve.map(model::Span::micros))),
            ("advice", json!(nuisance.advice)),
        ],
        EventBody::Flood(flood) => vec![
            ("since", json!(format_time(flood.since))),
            ("ended", json!(flood.ended.map(format_time))),
            ("alarms", json!(flood.alarms)),
            ("by_priority", json!(flood.by_priority)),
            ("window_us", json!(flood.window.micros())),
        ],
        EventBody::Warning(change) => warning_fields(id, change),
        EventBody::Case(change) => case_fields(id, change),
        EventBody::Incident(change) => incident_fields(id, change),
        EventBody::Duty(change) => duty_fields(id, change),
        EventBody::Picture(picture) => picture_fields(&picture_to_v1(picture)),
        EventBody::Report(report) => report_fields(report),
        EventBody::Seal(seal) => vec![
            ("position", json!(seal.position.0)),
            ("public_key", json!(seal.public_key)),
            ("signature", json!(seal.signature)),
        ],
    }
}

/// What is said stands under the word of its kind.
fn report_fields(report: &Report) -> Vec<(&'static str, Value)> {
    let body: serde_json::Map<_, _> = report.body.fields().iter().map(|(name, it)| ((*name).to_owned(), shown(it))).collect();
    vec![
        ("department", json!(report.department.as_str())),
        ("actor", text(&report.actor)),
        ("text", text(&report.text)),
        ("about", json!(report.about.iter().map(EventId::to_string).collect::<Vec<_>>())),
        ("request_id", json!(report.request_id.as_str())),
        (report.body.kind().word(), Value::Object(body)),
    ]
}

fn shown(value: &Shown<'_>) -> Value {
    match value {
        Shown::Nothing => Value::Null,
        Shown::Text(text) => json!(text),
        Shown::Count(count) => json!(count),
        Shown::Number(number) => json!(number),
        Shown::Place(place) => json!({ "lat": place.lat, "lon": place.lon }),
        Shown::Time(time) => json!(format_time(*time)),
        Shown::Event(id) => json!(id.to_string()),
    }
}

fn alarm_fields(alarm: &model::AlarmTransition) -> Vec<(&'static str, Value)> {
    let mut fields = vec![
        ("alarm", json!(alarm.alarm.as_str())),
        ("alarm_kind", json!(alarm.alarm_kind.as_str())),
        ("quantity", json!(alarm.quantity.as_str())),
        ("unit", json!(&*alarm.unit)),
        ("priority", json!(alarm.priority.as_str())),
        ("state", json!(alarm.state.as_str())),
        ("occurrence", json!(alarm.occurrence.as_ref().map(model::EventId::to_string))),
        ("activation", json!(alarm.activation)),
        ("value", json!(alarm.value)),
        ("limit", json!(alarm.limit)),
        ("annunciated", json!(alarm.annunciated)),
        ("late", json!(alarm.late)),
        ("held", json!(alarm.held)),
        ("clock_suspect", json!(alarm.clock_suspect)),
        ("out_of_range", json!(alarm.out_of_range)),
        ("reason", text(&alarm.reason)),
        ("actor", text(&alarm.actor)),
        ("request_id", json!(alarm.request_id.as_ref().map(model::RequestId::as_str))),
        ("in_alarm", json!(alarm.in_alarm)),
        ("position", text(&alarm.position)),
        ("group", text(&alarm.group)),
        ("first_out", json!(alarm.first_out)),
        ("until", json!(alarm.until.map(format_time))),
        ("clock_offset_us", json!(alarm.clock.map(|it| it.offset.micros()))),
        ("clock_uncertainty_us", json!(alarm.clock.map(|it| it.uncertainty.micros()))),
    ];
    if let Some(advice) = &alarm.advice {
        fields.extend([
            ("cause", text(&advice.cause)),
            ("consequence", text(&advice.consequence)),
            ("action", text(&advice.action)),
            ("respond_within_us", json!(advice.respond_within.map(model::Span::micros))),
        ]);
    }
    fields
}

fn command_fields(outcome: &model::CommandOutcome) -> Vec<(&'static str, Value)> {
    let (refusal, reason) = match &outcome.verdict {
        CommandVerdict::Accepted => (Value::Null, Value::Null),
        CommandVerdict::Refused { refusal, reason } => (json!(refusal.as_str()), json!(reason)),
    };
    vec![
        ("command", json!(outcome.command.as_str())),
        ("alarm", json!(outcome.alarm.as_str())),
        ("state", json!(outcome.state.as_str())),
        ("occurrence", json!(outcome.occurrence.as_ref().map(model::EventId::to_string))),
        ("activation", json!(outcome.activation)),
        ("refusal", refusal),
        ("reason", reason),
        ("actor", text(&outcome.actor)),
        ("request_id", json!(outcome.request_id.as_str())),
    ]
}

/// An event that opens a warning is its name.
fn warning_fields(id: &EventId, change: &WarningChange) -> Vec<(&'static str, Value)> {
    let mut fields = vec![
        ("warning", json!(change.warning.as_ref().unwrap_or(id).to_string())),
        ("rule", json!(change.rule.as_str())),
        ("name", text(&change.name)),
        ("topic", text(&change.topic)),
        ("colour", json!(change.colour.as_str())),
        ("colour_name", json!(change.colour.chinese())),
        ("colour_level", json!(change.colour.roman())),
        ("place", json!(change.place.as_str())),
        ("level", json!(change.level.as_str())),
        ("action", text(&change.action)),
        ("department", json!(change.department.as_ref().map(model::DepartmentId::as_str))),
        ("step", json!(change.step.map(model::WarningStep::as_str))),
        ("deadline", json!(change.deadline.map(format_time))),
        ("late", json!(change.late)),
        ("text", text(&change.text)),
        ("evidence", change.evidence.iter().map(EventId::to_string).collect()),
        ("actor", text(&change.actor)),
        ("request_id", json!(change.request_id.as_ref().map(model::RequestId::as_str))),
        ("wanted", json!(change.refused.map(|(wanted, _)| wanted.as_str()))),
        ("refusal", json!(change.refused.map(|(_, refusal)| refusal.as_str()))),
    ];
    fields.extend([
        ("addressees", change.addressees.iter().map(addressee).collect()),
        ("alarms", change.alarms.iter().map(cause).collect()),
        ("more_alarms", json!(change.more_alarms)),
        ("escalate", json!(change.escalate)),
        ("close_on_return", json!(change.close_on_return)),
        ("picture", json!(change.picture)),
    ]);
    fields
}

fn addressee(addressee: &model::Addressee) -> Value {
    json!({
        "department": addressee.department.as_str(), "name": addressee.name, "level": addressee.level.as_str(),
        "receive_by": addressee.deadlines.map(|it| format_time(it.received)),
        "respond_by": addressee.deadlines.map(|it| format_time(it.responded)),
        "resolve_by": addressee.deadlines.map(|it| format_time(it.resolved)),
    })
}

fn cause(cause: &model::WarningCause) -> Value {
    let occurrence = cause.occurrence.as_ref().map(EventId::to_string);
    json!({ "point": &*cause.point, "alarm": cause.alarm.as_str(), "occurrence": occurrence })
}

pub(crate) fn text(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { json!(text) }
}
