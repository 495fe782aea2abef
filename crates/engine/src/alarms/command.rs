//! Operators' commands as they come over the network: checked, and answered by what `events` says became of them.

use std::fmt::Write as _;

use model::{
    AlarmId, Command, CommandKind, CommandOutcome, CommandVerdict, Epoch, ErrorKind, EventId, RecordedEvent, Refusal, RequestId,
    Subject, Time,
};
use wire::{Cursor, Failure, v1};

const ACTOR_MAX: usize = 200;
const WHY_MAX: usize = 2_000;

/// What both requests hold.
pub(crate) struct CommandRequest {
    pub(crate) kind: CommandKind,
    pub(crate) point: String,
    pub(crate) alarm: String,
    pub(crate) occurrence: String,
    pub(crate) activation: u32,
    pub(crate) actor: String,
    pub(crate) why: String,
    pub(crate) request_id: String,
    pub(crate) until: Option<Time>,
}

impl From<v1::AcknowledgeAlarmRequest> for CommandRequest {
    fn from(request: v1::AcknowledgeAlarmRequest) -> Self {
        let v1::AcknowledgeAlarmRequest { point, alarm, occurrence, activation, actor, why, request_id } = request;
        Self { kind: CommandKind::Acknowledge, point, alarm, occurrence, activation, actor, why, request_id, until: None }
    }
}

impl From<v1::ResetAlarmRequest> for CommandRequest {
    fn from(request: v1::ResetAlarmRequest) -> Self {
        let v1::ResetAlarmRequest { point, alarm, occurrence, activation, actor, why, request_id } = request;
        Self { kind: CommandKind::Reset, point, alarm, occurrence, activation, actor, why, request_id, until: None }
    }
}

impl CommandRequest {
    /// The command, or the first field that is wrong.
    pub(crate) fn check(self) -> Result<Command, Failure> {
        let (subject, alarm) = check_target(&self.point, &self.alarm)?;
        let occurrence = match self.occurrence.as_str() {
            "" => None,
            text => Some(EventId::parse(text).ok_or_else(|| Failure::field("occurrence", "give it as ListAlarms shows it"))?),
        };
        if self.actor.trim().is_empty() || self.actor.chars().count() > ACTOR_MAX {
            return Err(Failure::field("actor", format!("say who: 1 to {ACTOR_MAX} characters")));
        }
        if self.why.chars().count() > WHY_MAX {
            return Err(Failure::field("why", format!("{WHY_MAX} characters at most")));
        }
        let request_id = match self.request_id.as_str() {
            "" => new_request_id()?,
            text => RequestId::new(text)
                .map_err(|_| Failure::field("request_id", "1 to 128 printable ASCII characters without blanks"))?,
        };
        let (kind, activation, actor, why) = (self.kind, self.activation, self.actor, self.why);
        Ok(Command { request_id, kind, subject, alarm, occurrence, activation, actor, why, until: self.until })
    }
}

/// Point and alarm of a request.
pub(crate) fn check_target(point: &str, alarm: &str) -> Result<(Subject, AlarmId), Failure> {
    let point = Subject::new(point).map_err(|error| Failure::field("point", error.to_string()))?;
    let alarm = AlarmId::new(alarm).map_err(|error| Failure::field("alarm", error.to_string()))?;
    Ok((point, alarm))
}

fn new_request_id() -> Result<RequestId, Failure> {
    let mut random = [0; 16];
    let failed = |what: String| Failure::new(ErrorKind::Internal, "no_randomness", what);
    getrandom::fill(&mut random).map_err(|error| failed(error.to_string()))?;
    let mut text = String::with_capacity(32);
    for byte in random {
        write!(text, "{byte:02x}").map_err(|error| failed(error.to_string()))?;
    }
    RequestId::new(&text).map_err(|error| failed(error.to_string()))
}

/// What a caller learns of an accepted command.
pub(crate) struct Answer {
    pub(crate) outcome: Option<v1::CommandOutcome>,
    pub(crate) event_id: String,
    pub(crate) cursor: String,
}

/// The answer to a command from its recorded outcome; a refusal names state, occurrence and activation (traps 41).
pub(crate) fn answer(
    command: &Command,
    event: &RecordedEvent,
    outcome: &CommandOutcome,
    epoch: Epoch,
) -> Result<Answer, Failure> {
    let same =
        outcome.command == command.kind && outcome.alarm == command.alarm && &*event.event.subject == command.subject.as_str();
    if !same {
        return Err(Failure::field("request_id", "it was used for another command within the last 24 h; use a new one"));
    }
    if let CommandVerdict::Refused { refusal, reason } = &outcome.verdict {
        return Err(refused(*refusal, reason, event, outcome));
    }
    let outcome = match wire::event_to_v1(&event.event).body {
        Some(v1::event::Body::Command(outcome)) => Some(outcome),
        _ => None,
    };
    Ok(Answer { outcome, event_id: event.id.to_string(), cursor: Cursor::after(epoch, event.position).encode() })
}

fn refused(refusal: Refusal, reason: &str, event: &RecordedEvent, outcome: &CommandOutcome) -> Failure {
    let kind = match refusal {
        Refusal::NotFound => ErrorKind::NotFound,
        Refusal::StaleActivation | Refusal::WrongState | Refusal::NotAllowed => ErrorKind::Conflict,
    };
    let (command, point, alarm) = (outcome.command.as_str(), &event.event.subject, &outcome.alarm);
    Failure::new(kind, refusal.as_str(), format!("{command} {point}/{alarm} was refused: {reason}"))
        .with("state", outcome.state.as_str())
        .with("occurrence", outcome.occurrence.as_ref().map(EventId::to_string).unwrap_or_default())
        .with("activation", outcome.activation.to_string())
        .with("event_id", event.id.to_string())
}
