//! `davy duty`: the duty book from a shell.

use anyhow::anyhow;
use prost_types::Timestamp;
use tonic::Response;
use wire::v1;
use wire::v1::duty_service_client::DutyServiceClient;

use crate::cli::{DutyCommand, Speaker};
use crate::command::case::actor;
use crate::command::server;
use crate::exit::CommandError;

/// Writes, and tells the outcome.
pub async fn run(command: &DutyCommand) -> Result<(), CommandError> {
    let (department, speaker) = head(command);
    let shifts = if let DutyCommand::Roster(args) = command { shifts(&args.shift)? } else { Vec::new() };
    let mut client = DutyServiceClient::new(server::connect(&speaker.server).await?);
    let (request_id, actor, department) = (speaker.request_id.clone(), actor(speaker), department.to_owned());
    let (word, answer) = match command {
        DutyCommand::Roster(args) => {
            let request = v1::SetRosterRequest { request_id, department, actor, shifts, text: args.text.clone() };
            ("roster", client.set_roster(request).await)
        }
        DutyCommand::HandOver(args) => {
            let (to_person, text, events) = (args.to.clone(), args.text.clone(), args.event.clone());
            let request = v1::HandOverRequest { request_id, department, actor, to_person, text, events };
            ("hand-over", client.hand_over(request).await)
        }
        DutyCommand::Confirm(args) => {
            let (hand_over, text) = (args.hand_over.clone(), args.text.clone());
            let request = v1::ConfirmHandOverRequest { request_id, department, actor, hand_over, text };
            ("confirm", client.confirm_hand_over(request).await)
        }
        DutyCommand::Seen(args) => {
            let (events, text) = (args.event.clone(), args.text.clone());
            ("seen", client.mark_seen(v1::MarkSeenRequest { request_id, department, actor, events, text }).await)
        }
    };
    let answer = answer.map(Response::into_inner).map_err(|status| CommandError::status(&status))?;
    eprintln!("{}: {word} accepted, on record as {}", head(command).0, answer.event_id);
    Ok(())
}

fn head(command: &DutyCommand) -> (&str, &Speaker) {
    match command {
        DutyCommand::Roster(args) => (&args.department, &args.speaker),
        DutyCommand::HandOver(args) => (&args.department, &args.speaker),
        DutyCommand::Confirm(args) => (&args.department, &args.speaker),
        DutyCommand::Seen(args) => (&args.department, &args.speaker),
    }
}

fn shifts(texts: &[String]) -> Result<Vec<v1::DutyShift>, CommandError> {
    texts.iter().map(|text| shift(text)).collect()
}

/// `PERSON,ROLE,FROM,TO`.
fn shift(text: &str) -> Result<v1::DutyShift, CommandError> {
    let wrong = || {
        let like = "王工,值班长,2026-01-31T08:00:00+08:00,2026-01-31T20:00:00+08:00";
        CommandError::usage(anyhow!("read --shift `{text}`; write it like {like}"))
    };
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let [person, role, from, to] = parts[..] else { return Err(wrong()) };
    let time = |text: &str| -> Result<Option<Timestamp>, CommandError> {
        wire::parse_time(text).map(|time| Some(wire::time_to_v1(time))).ok_or_else(wrong)
    };
    Ok(v1::DutyShift { person: person.to_owned(), role: role.to_owned(), from: time(from)?, to: time(to)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_is_four_parts() {
        let read = shift("王工, 值班长, 2026-01-31T08:00:00+08:00, 2026-01-31T20:00:00+08:00").expect("a shift");
        assert_eq!((read.person.as_str(), read.role.as_str()), ("王工", "值班长"));
        assert_eq!(read.from, wire::parse_time("2026-01-31T00:00:00Z").map(wire::time_to_v1));
        for text in ["", "王工,值班长,08:00,20:00", "王工,2026-01-31T08:00:00Z,2026-01-31T20:00:00Z"] {
            assert!(shift(text).is_err(), "{text}");
        }
    }
}
