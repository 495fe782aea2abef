//! `davy query warnings`: the open ones and those closed lately, oldest first.

use serde_json::{Value, json};
use tonic::transport::Channel;
use wire::v1;
use wire::v1::exchange_service_client::ExchangeServiceClient;

use crate::cli::QueryArgs;
use crate::command::query::{from, shown};
use crate::command::{picture, server};
use crate::exit::CommandError;
use crate::output::{Output, Reader};

/// Asks, page by page, and prints.
pub(super) async fn run(channel: Channel, args: &QueryArgs, out: &mut Output) -> Result<(), CommandError> {
    let mut client = ExchangeServiceClient::new(channel).max_decoding_message_size(server::ANSWER_BYTES_MAX);
    let mut request = v1::ListWarningsRequest {
        open_only: args.open,
        parks: args.park.clone(),
        enterprises: args.enterprise.clone(),
        ..v1::ListWarningsRequest::default()
    };
    loop {
        let page = client.list_warnings(request.clone()).await.map_err(|status| CommandError::status(&status))?.into_inner();
        for warning in &page.warnings {
            if args.json {
                out.line(&json_line(warning))?;
                continue;
            }
            for line in lines(warning) {
                out.line(&line)?;
            }
        }
        if page.next_page_token.is_empty() || out.reader() == Reader::Gone {
            return Ok(());
        }
        request.page_token = page.next_page_token;
    }
}

/// A line for the warning, one for each addressee, then its picture.
fn lines(warning: &v1::Warning) -> Vec<String> {
    let state = match (&warning.closing, &warning.returned_at) {
        (Some(closing), _) if closing.cancelled => "cancelled",
        (Some(_), _) => "closed",
        (None, Some(_)) => "open, alarms returned",
        (None, None) => "open",
    };
    let late = if warning.late { ", late" } else { "" };
    let head = format!(
        "{}  {} {} {}  {}  {}  at level {}  {state}{late}  {}{}",
        shown(warning.opened_at.as_ref()),
        warning.colour,
        warning.colour_name,
        warning.colour_level,
        warning.subject,
        warning.name,
        warning.level,
        warning.id,
        from(&warning.origin),
    );
    let picture = warning.picture.iter().flat_map(picture::lines);
    let pending = warning.picture_pending.then(|| "    the first picture is being made".to_owned());
    let told = std::iter::once(head).chain(warning.addressees.iter().map(party));
    told.chain(picture).chain(pending).map(|line| without_controls(&line)).collect()
}

fn party(party: &v1::WarningParty) -> String {
    let steps: Vec<_> = party.steps.iter().map(step).collect();
    let steps = if steps.is_empty() { "not told yet".to_owned() } else { steps.join("  ") };
    format!("    {:<10} {:<20} {steps}", party.level, party.department)
}

fn step(step: &v1::WarningStep) -> String {
    let late = if step.late { " late" } else { "" };
    match &step.done_at {
        Some(at) => format!("{}{late} {} by {}", step.step, shown(Some(at)), step.actor),
        None => format!("{} by {}{late}", due_word(&step.step), shown(step.deadline.as_ref())),
    }
}

/// What is still to be done.
fn due_word(step: &str) -> &'static str {
    match step {
        "received" => "to receive",
        "responded" => "to respond",
        "resolved" => "to resolve",
        _ => "to do",
    }
}

/// What somebody typed cannot move the cursor.
pub(super) fn without_controls(text: &str) -> String {
    text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect()
}

fn json_line(warning: &v1::Warning) -> String {
    let time = |time: Option<&prost_types::Timestamp>| time.map(|time| shown(Some(time)));
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let cause = |it: &v1::WarningCause| json!({ "point": it.point, "alarm": it.alarm, "occurrence": some(&it.occurrence) });
    json!({
        "id": warning.id, "rule": warning.rule, "name": warning.name, "topic": warning.topic, "colour": warning.colour,
        "colour_name": warning.colour_name, "colour_level": warning.colour_level, "place": warning.place,
        "subject": warning.subject, "park": some(&warning.park), "enterprise": some(&warning.enterprise),
        "installation": some(&warning.installation), "revision": warning.revision, "level": warning.level,
        "action": some(&warning.action), "occurred_at": time(warning.occurred_at.as_ref()),
        "opened_at": time(warning.opened_at.as_ref()), "changed_at": time(warning.changed_at.as_ref()),
        "returned_at": time(warning.returned_at.as_ref()), "late": warning.late, "origin": some(&warning.origin),
        "addressees": warning.addressees.iter().map(party_json).collect::<Value>(),
        "alarms": warning.alarms.iter().map(cause).collect::<Value>(), "more_alarms": warning.more_alarms,
        "closing": warning.closing.as_ref().map(|it| json!({
            "at": time(it.at.as_ref()), "cancelled": it.cancelled, "department": some(&it.department), "actor": some(&it.actor),
            "text": some(&it.text), "evidence": it.evidence,
        })),
        "picture": warning.picture.as_ref().map(wire::picture_json), "picture_pending": warning.picture_pending,
    })
    .to_string()
}

fn party_json(party: &v1::WarningParty) -> Value {
    let time = |time: Option<&prost_types::Timestamp>| time.map(|time| shown(Some(time)));
    let step = |it: &v1::WarningStep| {
        json!({
            "step": it.step, "deadline": time(it.deadline.as_ref()), "done_at": time(it.done_at.as_ref()), "late": it.late,
            "actor": it.actor, "text": it.text, "evidence": it.evidence,
        })
    };
    json!({
        "department": party.department, "name": party.name, "level": party.level,
        "steps": party.steps.iter().map(step).collect::<Value>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_says_who_has_to_do_what_until_when() {
        let at = |text: &str| wire::parse_time(text).map(wire::time_to_v1);
        let step = |step: &str, done: bool, late: bool| v1::WarningStep {
            step: step.to_owned(),
            deadline: at("2026-01-31T08:00:00Z"),
            done_at: at("2026-01-31T07:00:00Z").filter(|_| done),
            late,
            actor: if done { "li".to_owned() } else { String::new() },
            ..v1::WarningStep::default()
        };
        let party = |department: &str, steps| v1::WarningParty {
            department: department.to_owned(),
            level: "park".to_owned(),
            steps,
            ..v1::WarningParty::default()
        };
        let warning = v1::Warning {
            id: "w1".to_owned(),
            name: "泄漏\u{1b}[2J".to_owned(),
            colour: "red".to_owned(),
            colour_name: "红色".to_owned(),
            colour_level: "I".to_owned(),
            subject: "unit".to_owned(),
            level: "park".to_owned(),
            opened_at: at("2026-01-31T06:00:00Z"),
            late: true,
            addressees: vec![
                party("office", vec![step("received", true, false), step("responded", false, true)]),
                party("fire", Vec::new()),
            ],
            ..v1::Warning::default()
        };
        let expected = [
            "2026-01-31T06:00:00.000000Z  red 红色 I  unit  泄漏 [2J  at level park  open, late  w1",
            "    park       office               received 2026-01-31T07:00:00.000000Z by li  to respond by 2026-01-31T08:00:00.000000Z late",
            "    park       fire                 not told yet",
        ];
        assert_eq!(lines(&warning), expected);
        let json: Value = serde_json::from_str(&json_line(&warning)).expect("JSON");
        assert_eq!(json["addressees"][0]["steps"][1]["late"], true);
        assert!(json["closing"].is_null() && json["returned_at"].is_null());
        let closed = v1::Warning {
            closing: Some(v1::WarningClosing { cancelled: true, ..v1::WarningClosing::default() }),
            late: false,
            ..warning
        };
        assert!(lines(&closed)[0].contains("cancelled"));
    }
}
