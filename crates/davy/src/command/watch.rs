//! `davy watch`: live alarms and events; reconnects at its last cursor for as long as it runs.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use anyhow::Context;
use model::{AlarmState, EventBody, Priority, RecordedEvent};
use service::Shutdown;
use tonic::Code;
use wire::v1::exchange_service_client::ExchangeServiceClient;
use wire::v1::subscribe_request::Start;
use wire::v1::subscribe_response::Item;
use wire::{Cursor, JsonExtras, v1};

use crate::command::server;
use crate::exit::CommandError;

/// Shows events until interrupted.
pub async fn run(server: &str, json: bool, start: &str, shutdown: &Shutdown) -> Result<(), CommandError> {
    let mut start = match start {
        "earliest" => Start::Position(v1::StartPosition::Earliest.into()),
        "latest" => Start::Position(v1::StartPosition::Latest.into()),
        "snapshot" => Start::Position(v1::StartPosition::Snapshot.into()),
        cursor => Start::Cursor(cursor.to_owned()),
    };
    let printer = Printer { json, color: !json && std::io::stdout().is_terminal() };
    loop {
        let ended = tokio::select! {
            // Nothing is lost when the stream is dropped: the next one starts at the last cursor printed.
            ended = follow(server, &mut start, &printer) => ended?,
            () = shutdown.requested() => return Ok(()),
        };
        eprintln!("davy: feed ended ({ended}); reconnecting");
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(500)) => {}
            () = shutdown.requested() => return Ok(()),
        }
    }
}

/// Prints one stream to its end; gives back why it ended where trying again makes sense.
async fn follow(server: &str, start: &mut Start, printer: &Printer) -> Result<String, CommandError> {
    let mut client =
        ExchangeServiceClient::new(server::connect(server).await?).max_decoding_message_size(server::ANSWER_BYTES_MAX);
    let request = v1::SubscribeRequest { start: Some(start.clone()), ..v1::SubscribeRequest::default() };
    let mut stream = match client.subscribe(request).await {
        Ok(stream) => stream.into_inner(),
        Err(status) => return retry(&status),
    };
    loop {
        match stream.message().await {
            Ok(Some(v1::SubscribeResponse { item: Some(Item::Event(event)) })) => {
                printer.print(&event)?;
                *start = Start::Cursor(event.cursor);
            }
            Ok(Some(v1::SubscribeResponse { item: Some(Item::Heartbeat(heartbeat)) })) => {
                *start = Start::Cursor(heartbeat.cursor)
            }
            Ok(Some(v1::SubscribeResponse { item: None })) => {}
            Ok(None) => return Ok("the server closed it".to_owned()),
            Err(status) => return retry(&status),
        }
    }
}

fn retry(status: &tonic::Status) -> Result<String, CommandError> {
    match status.code() {
        Code::InvalidArgument | Code::OutOfRange | Code::Unimplemented => Err(CommandError::status(status)),
        _ => Ok(status.message().to_owned()),
    }
}

struct Printer {
    json: bool,
    color: bool,
}

impl Printer {
    fn print(&self, event: &v1::Event) -> Result<(), CommandError> {
        let recorded = wire::v1_to_recorded(event).map_err(CommandError::input)?;
        let line = if self.json { json_line(&recorded, event) } else { self.line(&recorded) };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{line}").and_then(|()| out.flush()).context("write to standard output").map_err(CommandError::input)
    }

    fn line(&self, recorded: &RecordedEvent) -> String {
        let event = &recorded.event;
        let time = wire::format_time(event.occurred_at);
        let EventBody::Alarm(alarm) = &event.body else {
            return format!("{time}  {:<22} {}", event.body.kind(), event.subject);
        };
        let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
        let text = format!(
            "{time}  {:<22} {} {} [{}] {}{} limit {}  -> {}{}",
            alarm.transition.as_str(),
            event.subject,
            alarm.alarm,
            alarm.priority.as_str(),
            number(alarm.value),
            if alarm.unit.is_empty() { String::new() } else { format!(" {}", alarm.unit) },
            number(alarm.limit),
            alarm.state.as_str(),
            if alarm.actor.is_empty() { String::new() } else { format!("  by {}", alarm.actor) },
        );
        match self.color.then(|| color(alarm.state, alarm.priority)).flatten() {
            Some(code) => format!("\x1b[{code}m{text}\x1b[0m"),
            None => text,
        }
    }
}

fn json_line(recorded: &RecordedEvent, event: &v1::Event) -> String {
    let cursor = Cursor::decode(&event.cursor).unwrap_or_else(|_| Cursor::after(recorded.id.epoch, recorded.position));
    wire::event_json(recorded, JsonExtras::Recorded(&cursor))
}

fn color(state: AlarmState, priority: Priority) -> Option<&'static str> {
    match (state, priority) {
        (AlarmState::Unacknowledged, Priority::Critical) => Some("1;37;41"),
        (AlarmState::Unacknowledged, Priority::High) => Some("1;31"),
        (AlarmState::Unacknowledged, _) => Some("33"),
        (AlarmState::Normal, _) => Some("32"),
        _ => None,
    }
}
