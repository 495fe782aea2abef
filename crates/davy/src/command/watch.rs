//! `davy watch`: live alarms and events; reconnects at its last cursor for as long as it runs.

use std::io::IsTerminal;
use std::time::Duration;

use model::{AlarmState, EventBody, Priority, RecordedEvent};
use service::Shutdown;
use tonic::Code;
use tonic::transport::Channel;
use wire::v1;
use wire::v1::exchange_service_client::ExchangeServiceClient;
use wire::v1::subscribe_request::Start;
use wire::v1::subscribe_response::Item;

use crate::command::query::from;
use crate::command::said::said;
use crate::command::{events, server};
use crate::exit::CommandError;
use crate::output::{Output, Reader};

/// Shows events until interrupted.
pub async fn run(server: &str, json: bool, start: &str, shutdown: &Shutdown) -> Result<(), CommandError> {
    let mut start = match start {
        "earliest" => Start::Position(v1::StartPosition::Earliest.into()),
        "latest" => Start::Position(v1::StartPosition::Latest.into()),
        "snapshot" => Start::Position(v1::StartPosition::Snapshot.into()),
        cursor => Start::Cursor(cursor.to_owned()),
    };
    let mut printer = Printer { json, color: !json && std::io::stdout().is_terminal(), out: Output::new() };
    let mut channel = tokio::select! {
        // Only the first connection can fail for good; later ones are tried for as long as this runs.
        channel = server::connect(server) => Some(channel?),
        () = shutdown.requested() => return Ok(()),
    };
    loop {
        let ended = tokio::select! {
            // Nothing is lost when the stream is dropped: the next one starts at the last cursor printed.
            ended = follow(server, channel.take(), &mut start, &mut printer) => ended?,
            () = shutdown.requested() => return Ok(()),
        };
        let Ended::Because(ended) = ended else { return Ok(()) };
        tracing::info!(ended, "feed ended; reconnecting");
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(500)) => {}
            () = shutdown.requested() => return Ok(()),
        }
    }
}

enum Ended {
    Because(String),
    NobodyReads,
}

/// Prints one stream to its end; gives back why it ended where trying again makes sense.
async fn follow(server: &str, channel: Option<Channel>, start: &mut Start, printer: &mut Printer) -> Result<Ended, CommandError> {
    let channel = match channel {
        Some(channel) => channel,
        None => match server::connect(server).await {
            Ok(channel) => channel,
            Err(error) => return Ok(Ended::Because(error.to_string())),
        },
    };
    let mut client = ExchangeServiceClient::new(channel).max_decoding_message_size(server::ANSWER_BYTES_MAX);
    let request = v1::SubscribeRequest { start: Some(start.clone()), ..v1::SubscribeRequest::default() };
    let mut stream = match client.subscribe(request).await {
        Ok(stream) => stream.into_inner(),
        Err(status) => return retry(&status),
    };
    loop {
        match stream.message().await {
            Ok(Some(v1::SubscribeResponse { item: Some(Item::Event(event)) })) => {
                if printer.print(&event)? == Reader::Gone {
                    return Ok(Ended::NobodyReads);
                }
                *start = Start::Cursor(event.cursor);
            }
            Ok(Some(v1::SubscribeResponse { item: Some(Item::Heartbeat(heartbeat)) })) => {
                *start = Start::Cursor(heartbeat.cursor)
            }
            Ok(Some(v1::SubscribeResponse { item: None })) => {}
            Ok(None) => return Ok(Ended::Because("the server closed it".to_owned())),
            Err(status) => return retry(&status),
        }
    }
}

fn retry(status: &tonic::Status) -> Result<Ended, CommandError> {
    match status.code() {
        Code::InvalidArgument | Code::OutOfRange | Code::Unimplemented => Err(CommandError::status(status)),
        _ => Ok(Ended::Because(status.message().to_owned())),
    }
}

struct Printer {
    json: bool,
    color: bool,
    out: Output,
}

impl Printer {
    fn print(&mut self, event: &v1::Event) -> Result<Reader, CommandError> {
        let line = match (wire::v1_to_recorded(event), self.json) {
            (_, true) => events::json_line(event),
            (Ok(recorded), false) => self.line(&recorded),
            // Of a newer server: its kind and subject still say something.
            (Err(_), false) => {
                let at = event.occurred_at.as_ref().map(|at| wire::format_time(wire::time_from_v1(at))).unwrap_or_default();
                format!("{at}  {:<22} {}", event.kind, event.subject)
            }
        };
        self.out.line(&line)?;
        self.out.flush()
    }

    fn line(&self, recorded: &RecordedEvent) -> String {
        let event = &recorded.event;
        let time = wire::format_time(event.occurred_at);
        // What is about nobody in particular, such as alarms without an operator position, is about all.
        let subject = if event.subject.is_empty() { "-" } else { &event.subject };
        let said = format!("{}{}", said(&event.body), from(recorded.node()));
        let EventBody::Alarm(alarm) = &event.body else {
            return format!("{time}  {:<22} {subject}  {said}", event.body.kind()).trim_end().to_owned();
        };
        let text = format!("{time}  {:<22} {subject} {said}", alarm.transition.as_str());
        match self.color.then(|| color(alarm.state, alarm.priority)).flatten() {
            Some(code) => format!("\x1b[{code}m{text}\x1b[0m"),
            None => text,
        }
    }
}

fn color(state: AlarmState, priority: Priority) -> Option<&'static str> {
    match (state, priority) {
        (AlarmState::Unacknowledged, Priority::Critical) => Some("1;37;41"),
        (AlarmState::Unacknowledged, Priority::High) => Some("1;31"),
        (AlarmState::Unacknowledged, _) => Some("33"),
        (AlarmState::Normal, _) => Some("32"),
        (AlarmState::Shelved | AlarmState::Suppressed | AlarmState::OutOfService, _) => Some("2"),
        _ => None,
    }
}
