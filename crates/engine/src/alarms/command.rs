//! Operators' commands as they come over the network: checked, and answered by what `events` says became of them.

use std::fmt::Write as _;

use model::{
    AlarmId, Command, CommandKind, CommandOutcome, CommandVerdict, Epoch, ErrorKind, EventId, RecordedEvent, Refusal, RequestId,
    Subject, Time,
};
use wire::{Cursor, Failure, v1};

const ACTOR_MAX: usize = 200;
const WHY_MAX: usize = 2_000;

/// What all requests hold.
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

/// All requests say the same; some also until when.
macro_rules! requests {
    ($($request:ident => $kind:ident $($until:ident)?;)+) => {
        $(impl From<v1::$request> for CommandRequest {
            fn from(request: v1::$request) -> Self {
                let v1::$request { point, alarm, occurrence, activation, actor, why, request_id $(, $until)? } = request;
                let ends: &[Option<Time>] = &[$($until.as_ref().map(wire::time_from_v1))?];
                let until = ends.first().copied().flatten();
                Self { kind: CommandKind::$kind, point, alarm, occurrence, activation, actor, why, request_id, until }
            }
        })+
    };
}

requests! {
    AcknowledgeAlarmRequest => Acknowledge;
    ResetAlarmRequest => Reset;
    SilenceAlarmRequest => Silence;
    ShelveAlarmRequest => Shelve until;
    UnshelveAlarmRequest => Unshelve;
    SuppressAlarmRequest => Suppress until;
    UnsuppressAlarmRequest => Unsuppress;
    SetOutOfServiceRequest => OutOfService until;
    ReturnToServiceRequest => ReturnToService;
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
        if hides(self.kind) && self.why.trim().is_empty() {
            return Err(Failure::field("why", format!("say why nobody is to be told of it: 1 to {WHY_MAX} characters")));
        }
        if self.kind == CommandKind::Shelve && self.until.is_none() {
            return Err(Failure::field("until", "say until when: a shelf has an end, such as 8 h from now"));
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

/// Whether nobody is told of the alarm any more: there must be a reason on record.
const fn hides(kind: CommandKind) -> bool {
    matches!(kind, CommandKind::Shelve | CommandKind::Suppress | CommandKind::OutOfService)
}

/// An end must lie ahead when the command is taken; a repeat of one that was taken is answered whenever it comes.
pub(crate) fn check_until(command: &Command, now: Time) -> Result<(), Failure> {
    match command.until {
        Some(until) if until <= now => {
            let now = wire::format_time(now);
            Err(Failure::field("until", format!("it must lie in the future; the journal's time now is {now}")))
        }
        _ => Ok(()),
    }
}

/// Point and alarm of a request.
pub(crate) fn check_target(point: &str, alarm: &str) -> Result<(Subject, AlarmId), Failure> {
    let subject = Subject::new(point).map_err(|error| Failure::field("point", error.to_string()))?;
    let alarm = AlarmId::new(alarm).map_err(|error| Failure::field("alarm", error.to_string()))?;
    Ok((subject, alarm))
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

/// An alarm that came from another Davy is in its operators' hands.
pub(crate) fn judged_elsewhere(command: &Command, node: &str) -> Failure {
    let Command { kind, subject, alarm, .. } = command;
    let message = format!("{subject}/{alarm} is judged by {node}; give the command {} there", kind.as_str());
    Failure::new(ErrorKind::Conflict, "judged_elsewhere", message).with("origin", node)
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
