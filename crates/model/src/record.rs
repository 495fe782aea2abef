//! What goes into the alarm core: records in the order of their partition's journal.

use std::fmt;
use std::sync::Arc;

use crate::{
    AlarmId, Epoch, EventId, GatewayPath, Position, Protocol, RequestId, Revision, RevisionNumber, Sample, Subject, Time,
    UnmappedTags,
};

/// A source of samples whose link goes down and comes back as one: a broker connection (`mqtt`), one gateway where its own link is known
/// (`sparkplug/group/node`), one device behind it (`sparkplug/group/node/device`); `*` for all at once.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SourceId(Arc<str>);

impl SourceId {
    /// The source of every point that speaks so.
    pub fn of(protocol: Protocol) -> Self {
        Self(Arc::from(protocol.as_str()))
    }

    /// One gateway, where the link of a single one is known: Sparkplug B and gRPC.
    pub fn gateway(protocol: Protocol, path: &GatewayPath) -> Self {
        Self(Arc::from(format!("{}/{path}", protocol.as_str())))
    }

    /// All sources: a start of Davy counts as down for every one.
    pub fn all() -> Self {
        Self(Arc::from("*"))
    }

    /// The source that a record names.
    pub fn named(name: &str) -> Self {
        Self(Arc::from(name))
    }

    /// Whether an outage of this one concerns points of `other`: itself and all below it.
    pub fn covers(&self, other: &Self) -> bool {
        let below = || other.0.strip_prefix(&*self.0).is_some_and(|rest| rest.starts_with('/'));
        &*self.0 == "*" || self == other || below()
    }

    /// The gateway's path, where this is one gateway or device and not a whole protocol.
    pub fn path(&self) -> Option<&str> {
        self.0.split_once('/').map(|(_, path)| path)
    }

    /// What its events are about: the gateway's path, or the name of what is no single gateway.
    pub fn subject(&self) -> &str {
        self.path().unwrap_or(&self.0)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where and when a record was appended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Its place in the partition's journal.
    pub position: Position,
    /// Journal time; never less than that of the record before.
    pub time: Time,
    /// The epoch it was appended in.
    pub epoch: Epoch,
}

/// One input of the alarm core.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Where and when.
    pub header: Header,
    /// What.
    pub body: Body,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Samples.
    Batch(Batch),
    /// An operator's command.
    Command(Command),
    /// The site as it is from here on, the part of this partition.
    Revision(Arc<Revision>),
    /// Nothing came from the source since then; its points' clocks stand still.
    SourceDown {
        /// Which.
        source: SourceId,
        /// Journal time of the last thing known from it.
        since: Time,
        /// In words.
        reason: String,
    },
    /// The source is back; the clocks of its points go on from where they stood.
    SourceUp {
        /// Which.
        source: SourceId,
        /// The broker had not kept the session: what was sent meanwhile may be lost.
        session_lost: bool,
    },
    /// From here on this version of the core judges.
    CoreVersion(u32),
    /// Nothing came for a second.
    Tick,
    /// Tags that no point claims, once a day per gateway.
    Unmapped {
        /// Whose.
        gateway: GatewayPath,
        /// Which.
        tags: UnmappedTags,
    },
    /// A gateway's sequence numbers skipped.
    SequenceGap {
        /// Whose.
        gateway: GatewayPath,
        /// The first number that did not come.
        first_missing: u64,
        /// How many did not come.
        count: u64,
    },
    /// Samples of a source may have been lost, known by other signs than sequence numbers.
    Loss {
        /// Whose.
        source: SourceId,
        /// From when, journal time.
        from: Time,
        /// To when, journal time.
        to: Time,
        /// In words.
        reason: String,
        /// How many messages, where it is known.
        messages: Option<u64>,
    },
    /// A gateway breaks a rule of its protocol, seen for the first time.
    Fault {
        /// Whose.
        gateway: GatewayPath,
        /// The rule, for programs: `sparkplug.bdseq_mismatch`.
        rule: String,
        /// What it did and what would be right, for people.
        detail: String,
    },
}

/// Messages with their samples, one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// The revision the tags were mapped with.
    pub revision: RevisionNumber,
    /// The gateways named by the messages.
    pub gateways: Vec<GatewayPath>,
    /// In order of arrival; their samples follow each other in `samples`.
    pub messages: Vec<Message>,
    /// All samples, message by message.
    pub samples: Vec<Sample>,
}

/// One timestamp of one gateway: the atom, never split over batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Index into the batch's gateways.
    pub gateway: u32,
    /// How many of the batch's samples are its own.
    pub samples: u32,
    /// The sequence number the gateway gave.
    pub seq: Option<u64>,
    /// Digest of the delivery it came in, all zero where none is kept.
    pub digest: [u8; 16],
}

impl Batch {
    /// Each message with its gateway and its samples.
    pub fn messages(&self) -> impl Iterator<Item = (&Message, &GatewayPath, &[Sample])> {
        let mut rest = self.samples.as_slice();
        self.messages.iter().map_while(move |message| {
            let (own, after) = rest.split_at_checked(message.samples as usize)?;
            rest = after;
            Some((message, self.gateways.get(message.gateway as usize)?, own))
        })
    }
}

/// What an operator wants of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CommandKind {
    /// ACK: the operator has seen it.
    Acknowledge,
    /// RST: let go of a latch, once acknowledged and returned.
    Reset,
    /// Silence the horn, without acknowledging.
    Silence,
    /// SHV: hide it for a time.
    Shelve,
    /// UNS: take it from the shelf.
    Unshelve,
    /// SUP: hide it by hand, as the design would.
    Suppress,
    /// USP: end that.
    Unsuppress,
    /// OOS: take it out of service.
    OutOfService,
    /// RTS: back into service.
    ReturnToService,
}

impl CommandKind {
    /// Every command there is.
    pub const ALL: &'static [Self] = &[
        Self::Acknowledge,
        Self::Reset,
        Self::Silence,
        Self::Shelve,
        Self::Unshelve,
        Self::Suppress,
        Self::Unsuppress,
        Self::OutOfService,
        Self::ReturnToService,
    ];

    /// The word in records and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::Reset => "reset",
            Self::Silence => "silence",
            Self::Shelve => "shelve",
            Self::Unshelve => "unshelve",
            Self::Suppress => "suppress",
            Self::Unsuppress => "unsuppress",
            Self::OutOfService => "out_of_service",
            Self::ReturnToService => "return_to_service",
        }
    }

    /// What a word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.as_str() == word)
    }
}

/// An operator's command on one activation of one occurrence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Makes a repeat within 24 h harmless.
    pub request_id: RequestId,
    /// What is wanted.
    pub kind: CommandKind,
    /// The point; of the alarm that a gateway or an enterprise is down, its path or id.
    pub subject: Subject,
    /// The alarm on it.
    pub alarm: AlarmId,
    /// The occurrence the operator saw; `None` takes the open one.
    pub occurrence: Option<EventId>,
    /// The activation the operator saw; 0 takes the present one.
    pub activation: u32,
    /// Who.
    pub actor: String,
    /// Why.
    pub why: String,
    /// Until when it holds, journal time: a shelf must have an end, a suppression and a time out of service may.
    pub until: Option<Time>,
}
