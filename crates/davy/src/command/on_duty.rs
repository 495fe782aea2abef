//! `davy query duty`: who is on duty, and what a period's shifts handed over.

use prost_types::Timestamp;
use serde_json::{Value, json};
use tonic::Response;
use tonic::transport::Channel;
use wire::v1;
use wire::v1::duty_service_client::DutyServiceClient;

use crate::cli::QueryArgs;
use crate::command::query::shown;
use crate::command::warnings::without_controls;
use crate::command::{moment, server};
use crate::exit::CommandError;
use crate::output::Output;

/// What is asked: a moment, which may be to come, and a period.
pub(super) fn asked(args: &QueryArgs) -> Result<v1::GetDutyRequest, CommandError> {
    let at = args.at.as_deref().map(|text| moment::past("--at", text).map(wire::time_to_v1)).transpose()?;
    let (from, to) = match (&args.from, &args.to) {
        (None, None) => (None, None),
        (from, to) => {
            let (from, to) = moment::period(from.as_deref(), to.as_deref())?;
            (Some(from), Some(to))
        }
    };
    Ok(v1::GetDutyRequest { departments: args.department.clone(), at, from, to })
}

/// Asks, and prints.
pub(super) async fn run(channel: Channel, args: &QueryArgs, out: &mut Output) -> Result<(), CommandError> {
    let mut client = DutyServiceClient::new(channel).max_decoding_message_size(server::ANSWER_BYTES_MAX);
    let duty = client.get_duty(asked(args)?).await.map(Response::into_inner).map_err(|status| CommandError::status(&status))?;
    if args.json {
        return out.line(&duty_json(&duty).to_string()).map(drop);
    }
    out.line(&format!("on duty at {}", shown(duty.at.as_ref())))?;
    for shift in &duty.on_duty {
        out.line(&without_controls(&shift_line(shift)))?;
    }
    if args.from.is_some() {
        out.line("shifts")?;
        for shift in &duty.shifts {
            out.line(&without_controls(&shift_line(shift)))?;
        }
        out.line("hand-overs")?;
        for hand_over in &duty.hand_overs {
            out.line(&without_controls(&hand_over_line(hand_over)))?;
        }
    }
    if duty.more {
        out.line("there is more: choose a shorter period, or departments")?;
    }
    Ok(())
}

pub(super) fn shift_line(shift: &v1::OnDuty) -> String {
    let (from, to) = (shown(shift.from.as_ref()), shown(shift.to.as_ref()));
    format!("    {:<20} {} {}  {from} to {to}", shift.department, shift.role, shift.person)
}

fn hand_over_line(hand_over: &v1::HandOver) -> String {
    let state = hand_over.confirmed_at.as_ref().map_or("NOT CONFIRMED".to_owned(), |at| format!("confirmed {}", shown(Some(at))));
    let open = if hand_over.events.is_empty() { String::new() } else { format!("  {} open", hand_over.events.len()) };
    let (at, department, from, to) =
        (shown(hand_over.at.as_ref()), &hand_over.department, &hand_over.from_person, &hand_over.to_person);
    format!("    {at} {department:<20} {from} -> {to}  {state}{open}  {}  {}", hand_over.text, hand_over.id)
}

fn time(time: Option<&Timestamp>) -> Option<String> {
    time.map(|time| shown(Some(time)))
}

pub(super) fn shift_json(shift: &v1::OnDuty) -> Value {
    json!({
        "department": shift.department, "person": shift.person, "role": shift.role, "from": time(shift.from.as_ref()),
        "to": time(shift.to.as_ref()),
    })
}

fn duty_json(duty: &v1::GetDutyResponse) -> Value {
    let hand_over = |it: &v1::HandOver| {
        json!({
            "id": it.id, "department": it.department, "at": time(it.at.as_ref()), "from_person": it.from_person,
            "to_person": it.to_person, "text": it.text, "events": it.events, "confirmed_at": time(it.confirmed_at.as_ref()),
            "confirmed_text": it.confirmed_text,
        })
    };
    json!({
        "at": time(duty.at.as_ref()), "on_duty": duty.on_duty.iter().map(shift_json).collect::<Value>(),
        "shifts": duty.shifts.iter().map(shift_json).collect::<Value>(),
        "hand_overs": duty.hand_overs.iter().map(hand_over).collect::<Value>(), "more": duty.more,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hand_over_says_whether_it_was_confirmed() {
        let at = wire::parse_time("2026-01-31T08:00:00Z").map(wire::time_to_v1);
        let hand_over = v1::HandOver {
            id: "h1".to_owned(),
            department: "emergency".to_owned(),
            at,
            from_person: "sun".to_owned(),
            to_person: "qian".to_owned(),
            text: "平稳".to_owned(),
            events: vec!["e".to_owned()],
            ..v1::HandOver::default()
        };
        let time = "2026-01-31T08:00:00.000000Z";
        let line = hand_over_line(&hand_over);
        assert_eq!(line, format!("    {time} emergency            sun -> qian  NOT CONFIRMED  1 open  平稳  h1"));
        let line = hand_over_line(&v1::HandOver { confirmed_at: at, ..hand_over });
        assert!(line.contains(&format!("confirmed {time}")), "{line}");
    }
}
