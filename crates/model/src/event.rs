//! What comes out: facts, each named for ever by its id.

use std::fmt;
use std::sync::Arc;

use crate::{
    AlarmId, AlarmKind, CaseChange, CommandKind, DutyChange, Epoch, IncidentChange, KeySeq, Origin, Picture, Position, Priority,
    Quantity, RequestId, RevisionNumber, Span, Time, WarningChange, report::Report,
};

/// The name of an event: the same on every replay and in every copy of the journal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// Epoch of the journal when its input was written.
    pub epoch: Epoch,
    /// The writer's role: `engine/17`.
    pub key: Arc<str>,
    /// The writer's own counter of records.
    pub key_seq: KeySeq,
    /// Which event of that record, from 0.
    pub ordinal: u32,
}

impl fmt::Display for EventId {
    /// `epoch-key-key_seq-ordinal`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}-{}", self.epoch, self.key, self.key_seq.0, self.ordinal)
    }
}

impl EventId {
    /// Reads what `Display` writes.
    pub fn parse(text: &str) -> Option<Self> {
        let (rest, ordinal) = text.rsplit_once('-')?;
        let (rest, key_seq) = rest.rsplit_once('-')?;
        let (epoch, key) = rest.split_once('-')?;
        if epoch.len() != 16 || key.is_empty() || key.len() > 64 {
            return None;
        }
        Some(Self {
            epoch: Epoch(u64::from_str_radix(epoch, 16).ok()?),
            key: Arc::from(key),
            key_seq: KeySeq(key_seq.parse().ok()?),
            ordinal: ordinal.parse().ok()?,
        })
    }
}

/// Whom an event concerns; filters of feeds go by it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The park's id.
    pub park: Option<Arc<str>>,
    /// The enterprise's id.
    pub enterprise: Option<Arc<str>>,
    /// The installation's id.
    pub installation: Option<Arc<str>>,
}

/// One fact.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When it happened, in the time of its source.
    pub occurred_at: Time,
    /// What it is about: a point id, a gateway path, a source.
    pub subject: Arc<str>,
    /// Whom it concerns.
    pub scope: Scope,
    /// The site revision in force; 0 where none is.
    pub revision: RevisionNumber,
    /// What happened.
    pub body: EventBody,
}

/// An event with its name and its place in the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedEvent {
    /// Its name.
    pub id: EventId,
    /// Its record's place in `events`.
    pub position: Position,
    /// Which event of the record, from 0.
    pub ordinal: u32,
    /// Journal time of the record.
    pub recorded_at: Time,
    /// The fact.
    pub event: Event,
    /// Who recorded it first; `None`: this Davy.
    pub origin: Option<Arc<Origin>>,
}

/// What happened, one case a kind of body.
#[derive(Clone, Debug, PartialEq)]
pub enum EventBody {
    /// An alarm changed its state.
    Alarm(Box<AlarmTransition>),
    /// A command was judged.
    Command(CommandOutcome),
    /// A source stopped or came back.
    Source(SourceChange),
    /// A clock is wrong.
    Clock(ClockFault),
    /// Samples may have been lost.
    Gap(PossibleGap),
    /// A site revision was accepted.
    Site(SiteRevised),
    /// A replay gave another output than the recorded one.
    Replay(ReplayDifference),
    /// Rows were dropped before they were stored.
    HistoryLost(HistoryLoss),
    /// Another version of the core judges from here on.
    CoreVersion(u32),
    /// Tags that no point claims.
    Unmapped(UnmappedTags),
    /// A gateway breaks a rule of its protocol.
    Fault(GatewayFault),
    /// The journal sealed what it holds.
    Seal(SealNotice),
    /// An alarm is a nuisance.
    Nuisance(Nuisance),
    /// An operator position is flooded, or no longer.
    Flood(FloodChange),
    /// A warning moved.
    Warning(Box<WarningChange>),
    /// A joint case moved.
    Case(Box<CaseChange>),
    /// An incident moved.
    Incident(Box<IncidentChange>),
    /// Something was written into a duty book.
    Duty(Box<DutyChange>),
    /// What is known of a warning in its first minutes.
    Picture(Box<Picture>),
    /// A department reported something.
    Report(Box<Report>),
}

impl EventBody {
    /// The kind as in JSON and filters: `alarm.raised`, `source.down` ...
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Alarm(alarm) => alarm.transition.as_str(),
            Self::Command(outcome) => match outcome.verdict {
                CommandVerdict::Accepted => "command.accepted",
                CommandVerdict::Refused { .. } => "command.refused",
            },
            Self::Source(change) => match (change.change, change.of_gateway) {
                (SourceChangeKind::Down, false) => "source.down",
                (SourceChangeKind::Up, false) => "source.up",
                (SourceChangeKind::Down, true) => "gateway.down",
                (SourceChangeKind::Up, true) => "gateway.up",
            },
            Self::Clock(fault) => match fault.fault {
                ClockFaultKind::Step => "journal.clock",
                _ => "gateway.clock",
            },
            Self::Gap(_) => "gap.possible",
            Self::Site(_) => "site.revised",
            Self::Replay(_) => "replay.differs",
            Self::HistoryLost(_) => "history.lost",
            Self::CoreVersion(_) => "core.version",
            Self::Unmapped(_) => "gateway.unmapped",
            Self::Fault(_) => "gateway.fault",
            Self::Seal(_) => "journal.seal",
            Self::Nuisance(nuisance) => nuisance.kind.as_str(),
            Self::Flood(FloodChange { ended: None, .. }) => "flood.started",
            Self::Flood(_) => "flood.ended",
            Self::Warning(change) => change.transition.as_str(),
            Self::Case(change) => change.transition.as_str(),
            Self::Incident(change) => change.transition.as_str(),
            Self::Duty(change) => change.transition.as_str(),
            Self::Picture(_) => "warning.picture",
            Self::Report(report) => report.body.kind().as_str(),
        }
    }
}

/// How an alarm moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transition {
    /// ALM: its condition became true; annunciated.
    Raised,
    /// RTN: its condition became false.
    Returned,
    /// ACK.
    Acknowledged,
    /// RST.
    Reset,
    /// The occurrence ended: normal, acknowledged and not latched; or its rule is gone.
    Closed,
    /// SHV: an operator shelved it for a time, or gave the shelf another end.
    Shelved,
    /// UNS: taken from the shelf by an operator, or by the end of its time.
    Unshelved,
    /// SUP: suppressed by design, or by an operator.
    Suppressed,
    /// USP: no longer.
    Unsuppressed,
    /// OOS: taken out of service.
    OutOfService,
    /// RTS: back in service.
    InService,
    /// The horn is silenced; the alarm is not acknowledged by it.
    Silenced,
}

impl Transition {
    /// Every transition there is.
    pub const ALL: &'static [Self] = &[
        Self::Raised,
        Self::Returned,
        Self::Acknowledged,
        Self::Reset,
        Self::Closed,
        Self::Shelved,
        Self::Unshelved,
        Self::Suppressed,
        Self::Unsuppressed,
        Self::OutOfService,
        Self::InService,
        Self::Silenced,
    ];

    /// The event's kind.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Raised => "alarm.raised",
            Self::Returned => "alarm.returned",
            Self::Acknowledged => "alarm.acknowledged",
            Self::Reset => "alarm.reset",
            Self::Closed => "alarm.closed",
            Self::Shelved => "alarm.shelved",
            Self::Unshelved => "alarm.unshelved",
            Self::Suppressed => "alarm.suppressed",
            Self::Unsuppressed => "alarm.unsuppressed",
            Self::OutOfService => "alarm.out_of_service",
            Self::InService => "alarm.in_service",
            Self::Silenced => "alarm.silenced",
        }
    }

    /// The transition that an event's kind names.
    pub fn parse(kind: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.as_str() == kind)
    }
}

/// The states of ISA-18.2-2016 (5.4); `Shelved`, `Suppressed` and `OutOfService` hide whatever is below them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlarmState {
    /// A: normal, acknowledged, not latched.
    Normal,
    /// B: in alarm, not acknowledged.
    Unacknowledged,
    /// C: in alarm, acknowledged.
    Acknowledged,
    /// D: returned, not acknowledged.
    ReturnedUnacknowledged,
    /// E: returned, latched, not acknowledged.
    LatchedUnacknowledged,
    /// F: returned, latched, acknowledged.
    LatchedAcknowledged,
    /// G: shelved by the operator for a time.
    Shelved,
    /// H: suppressed by design.
    Suppressed,
    /// I: out of service.
    OutOfService,
}

impl AlarmState {
    /// Every state there is.
    pub const ALL: &'static [Self] = &[
        Self::Normal,
        Self::Unacknowledged,
        Self::Acknowledged,
        Self::ReturnedUnacknowledged,
        Self::LatchedUnacknowledged,
        Self::LatchedAcknowledged,
        Self::Shelved,
        Self::Suppressed,
        Self::OutOfService,
    ];

    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Unacknowledged => "unacknowledged",
            Self::Acknowledged => "acknowledged",
            Self::ReturnedUnacknowledged => "returned_unacknowledged",
            Self::LatchedUnacknowledged => "latched_unacknowledged",
            Self::LatchedAcknowledged => "latched_acknowledged",
            Self::Shelved => "shelved",
            Self::Suppressed => "suppressed",
            Self::OutOfService => "out_of_service",
        }
    }
}

/// An alarm changed its state; says everything a reader needs without the site at hand.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmTransition {
    /// How it moved.
    pub transition: Transition,
    /// The alarm's id on its point.
    pub alarm: AlarmId,
    /// The kind of its rule.
    pub alarm_kind: AlarmKind,
    /// How urgent.
    pub priority: Priority,
    /// The state after it.
    pub state: AlarmState,
    /// Id of the event that first raised the occurrence; `None` where none is open, such as on an alarm shelved while normal.
    pub occurrence: Option<EventId>,
    /// 1 at the first raise; 0 where no occurrence is open.
    pub activation: u32,
    /// Whether its condition is true, also where the alarm is hidden.
    pub in_alarm: bool,
    /// The value judged, where one was.
    pub value: Option<f64>,
    /// The limit it was judged against, where there is one.
    pub limit: Option<f64>,
    /// Whether the operator is told.
    pub annunciated: bool,
    /// More than 60 s behind journal time.
    pub late: bool,
    /// Raised by a delay that ran on through silence or bad quality.
    pub held: bool,
    /// The sample's clock ran more than 60 s ahead.
    pub clock_suspect: bool,
    /// The value lay outside the instrument's range.
    pub out_of_range: bool,
    /// `rule_removed`, or what the operator gave.
    pub reason: String,
    /// Who; empty for the plant itself.
    pub actor: String,
    /// The request behind it.
    pub request_id: Option<RequestId>,
    /// The point's unit.
    pub unit: Arc<str>,
    /// What the point measures.
    pub quantity: Quantity,
    /// The operator position it belongs to; empty where none was given.
    pub position: Arc<str>,
    /// The group in which the first one is marked; empty for none.
    pub group: Arc<str>,
    /// Of a raise: no other alarm of its group that is in alarm was raised earlier, in source time.
    pub first_out: bool,
    /// Of a shelf, a suppression or a time out of service by command: when it ends by itself.
    pub until: Option<Time>,
    /// What was known of the gateway's clock; `None` where nothing was, and for what no sample caused.
    pub clock: Option<ClockOffset>,
    /// Of a raise: what the operator reads.
    pub advice: Option<Box<Advice>>,
}

/// How far a gateway's clock is from journal time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockOffset {
    /// Journal time less source time, transport included: the median of the last messages. Positive: its clock is behind, or the way long.
    pub offset: Span,
    /// Half the spread of the last messages: the offset is known no better.
    pub uncertainty: Span,
}

/// What the operator reads with an alarm (ISA-18.2-2016, 6.2.7).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advice {
    /// Why it may have come.
    pub cause: String,
    /// What may follow.
    pub consequence: String,
    /// What to do.
    pub action: String,
    /// The time there is for it.
    pub respond_within: Option<Span>,
}

/// Whether it is known which of two events came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sequence {
    /// The first one did.
    Before,
    /// The second one did.
    After,
    /// The clocks do not tell.
    Uncertain,
}

/// Which of two events came first: by source time within one gateway; between gateways only if their times in journal time are farther apart
/// than both clocks are uncertain (traps 44).
pub fn sequence(one: (Time, Option<ClockOffset>), other: (Time, Option<ClockOffset>), same_gateway: bool) -> Sequence {
    let by = |one: Time, other: Time| match one.cmp(&other) {
        std::cmp::Ordering::Less => Sequence::Before,
        std::cmp::Ordering::Equal => Sequence::Uncertain,
        std::cmp::Ordering::Greater => Sequence::After,
    };
    if same_gateway {
        return by(one.0, other.0);
    }
    let (Some(clock), Some(other_clock)) = (one.1, other.1) else { return Sequence::Uncertain };
    let (one, other) = (one.0.plus(clock.offset), other.0.plus(other_clock.offset));
    let apart = one.since(other).micros().unsigned_abs();
    let doubt = (clock.uncertainty + other_clock.uncertainty).micros().unsigned_abs();
    if apart > doubt { by(one, other) } else { Sequence::Uncertain }
}

/// What makes an alarm a nuisance (ISA-18.2-2016, 16.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NuisanceKind {
    /// Three activations or more within a minute.
    Chattering,
    /// It comes and goes faster than anybody could act.
    Fleeting,
    /// It stands for more than a day.
    Standing,
}

impl NuisanceKind {
    /// Every kind there is.
    pub const ALL: &'static [Self] = &[Self::Chattering, Self::Fleeting, Self::Standing];

    /// The event's kind.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chattering => "nuisance.chattering",
            Self::Fleeting => "nuisance.fleeting",
            Self::Standing => "nuisance.standing",
        }
    }

    /// The nuisance that an event's kind names.
    pub fn parse(kind: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.as_str() == kind)
    }
}

/// An alarm is a nuisance; the event's subject is its point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nuisance {
    /// In what way.
    pub kind: NuisanceKind,
    /// The alarm on the point.
    pub alarm: AlarmId,
    /// The occurrence that showed it.
    pub occurrence: Option<EventId>,
    /// How many activations counted.
    pub activations: u32,
    /// Over how long they came, or how long it lasted.
    pub span: Span,
    /// Proposed: shelve it for so long. `None` where it may not be shelved or shelving is no cure.
    pub propose_shelve: Option<Span>,
    /// What else may be done, for people.
    pub advice: String,
}

/// An operator position gets more alarms than a person can take in, or no longer; the event's subject is the position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FloodChange {
    /// When the flood began.
    pub since: Time,
    /// When it ended; `None` at its beginning.
    pub ended: Option<Time>,
    /// New alarms in the window at this moment; of an end: of the whole flood.
    pub alarms: u32,
    /// The same by priority, from low to critical.
    pub by_priority: [u32; 4],
    /// The window they are counted in.
    pub window: Span,
}

/// How a command was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandVerdict {
    /// Done; the transitions it caused stand in the same record.
    Accepted,
    /// Not done.
    Refused {
        /// For programs.
        refusal: Refusal,
        /// For the operator.
        reason: String,
    },
}

/// Why a command was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// The site has no such point or alarm.
    NotFound,
    /// The occurrence ended or came back meanwhile (traps 41).
    StaleActivation,
    /// The state machine has no such arc from here.
    WrongState,
    /// The rule does not permit it: not shelvable, or not for so long.
    NotAllowed,
}

impl Refusal {
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::StaleActivation => "stale_activation",
            Self::WrongState => "wrong_state",
            Self::NotAllowed => "not_allowed",
        }
    }

    /// What a word names.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::NotFound, Self::StaleActivation, Self::WrongState, Self::NotAllowed].into_iter().find(|it| it.as_str() == word)
    }
}

/// A command was judged: exactly one for a request id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandOutcome {
    /// The request.
    pub request_id: RequestId,
    /// What was wanted.
    pub command: CommandKind,
    /// The alarm on the point that is the event's subject.
    pub alarm: AlarmId,
    /// The occurrence it was judged on, where there is one.
    pub occurrence: Option<EventId>,
    /// The activation it was judged on; 0 where there is none.
    pub activation: u32,
    /// Who.
    pub actor: String,
    /// The judgement.
    pub verdict: CommandVerdict,
    /// The alarm's state after it.
    pub state: AlarmState,
}

/// Down or up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceChangeKind {
    /// Nothing comes.
    Down,
    /// It is back.
    Up,
}

/// A source stopped or came back, as one enterprise sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceChange {
    /// Down or up.
    pub change: SourceChangeKind,
    /// One gateway or device, not a whole connection.
    pub of_gateway: bool,
    /// Which.
    pub source: Arc<str>,
    /// Since when it is down, or was.
    pub since: Time,
    /// In words.
    pub reason: String,
}

/// What is wrong with a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockFaultKind {
    /// A gateway's clock is more than 60 s ahead of journal time.
    Ahead,
    /// It no longer is.
    Recovered,
    /// A gateway's clock was set back; its points were anchored anew.
    SetBack,
    /// The clock of the machine that Davy runs on stepped.
    Step,
}

impl ClockFaultKind {
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ahead => "ahead",
            Self::Recovered => "recovered",
            Self::SetBack => "set_back",
            Self::Step => "step",
        }
    }

    /// What a word names.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Ahead, Self::Recovered, Self::SetBack, Self::Step].into_iter().find(|it| it.as_str() == word)
    }
}

/// A clock is wrong; the event's subject says whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockFault {
    /// What is wrong.
    pub fault: ClockFaultKind,
    /// By how many microseconds it is ahead; negative where behind.
    pub offset_us: i64,
}

/// Samples may have been lost between two instants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PossibleGap {
    /// Source or gateway.
    pub source: Arc<str>,
    /// From when.
    pub from: Time,
    /// To when.
    pub to: Time,
    /// Why.
    pub reason: String,
    /// How many messages are missing, where sequence numbers tell.
    pub messages: Option<u64>,
    /// Ids of the points that may be concerned, in order, 100 at most.
    pub points: Vec<String>,
    /// How many more points.
    pub more_points: u32,
}

/// A site revision was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteRevised {
    /// Its number.
    pub revision: RevisionNumber,
    /// SHA-256 of its canonical content.
    pub content_hash: [u8; 32],
    /// How many points it has.
    pub points: u32,
    /// How many alarms it has.
    pub alarms: u32,
}

/// A replay gave another output than the recorded one, which stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayDifference {
    /// Of which partition.
    pub partition: u8,
    /// For which input.
    pub input_position: Position,
    /// Which record of the engine.
    pub key_seq: KeySeq,
    /// SHA-256 of the recorded output, hex.
    pub recorded_hash: String,
    /// SHA-256 of the replayed output, hex.
    pub replayed_hash: String,
}

/// Rows were dropped by retention before they were stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryLoss {
    /// Of which partition.
    pub partition: u8,
    /// First position lost.
    pub from_position: Position,
    /// Last position lost.
    pub to_position: Position,
    /// From when, in journal time.
    pub from: Time,
    /// To when, in journal time.
    pub to: Time,
    /// Points of the partition.
    pub points: Vec<String>,
}

/// Tags that no point claims.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnmappedTags {
    /// In order, 100 at most.
    pub tags: Vec<String>,
    /// How many more.
    pub more: u32,
}

/// A gateway breaks a rule of its protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayFault {
    /// The rule, for programs: `sparkplug.bdseq_mismatch`.
    pub rule: String,
    /// What it did and what would be right, for people.
    pub detail: String,
}

/// The journal sealed what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealNotice {
    /// Everything in `events` up to here is bound.
    pub position: Position,
    /// Ed25519 public key, hex.
    pub public_key: String,
    /// Signature, hex.
    pub signature: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back() {
        let id = EventId { epoch: Epoch(0xab), key: Arc::from("engine/17"), key_seq: KeySeq(42), ordinal: 3 };
        assert_eq!(id.to_string(), "00000000000000ab-engine/17-42-3");
        assert_eq!(EventId::parse(&id.to_string()), Some(id));
    }

    #[test]
    fn broken_ids_are_none() {
        for text in
            ["", "-", "00000000000000ab-engine/17-42", "ab-engine/17-42-3", "00000000000000ab--42-3", "zz000000000000ab-e-1-1"]
        {
            assert_eq!(EventId::parse(text), None, "{text}");
        }
    }
}
