//! What is wrong with a payload: reason, field, value and cure, bounded.

use std::fmt::{self, Write as _};

/// Why something was refused; a closed set, so that it may label metrics and dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The topic names no gateway.
    BadTopic,
    /// No point names this gateway.
    UnknownGateway,
    /// Nothing in it.
    Empty,
    /// More than `MAX_PAYLOAD_BYTES`.
    TooLarge,
    /// A pushed message of more values than one may hold.
    TooManyValues,
    /// Not UTF-8.
    InvalidUtf8,
    /// Not JSON.
    NotJson,
    /// JSON of another type than the contract has there.
    WrongType,
    /// A message without `values`.
    NoValues,
    /// A time that cannot be read.
    BadTime,
    /// A clock that was never set, or one far ahead (traps 24, 65).
    TimeOutOfRange,
    /// NaN, an infinity, or a number beyond binary64: taken as a sample without a value.
    NotANumber,
    /// A text that the point's table of states does not have.
    UnknownState,
    /// A quality that is none: the value is taken as uncertain.
    UnknownQuality,
    /// The same key twice.
    DuplicateKey,
    /// A sequence number that is none: the message is taken without it.
    BadSeq,
    /// A value of a type that is no number, text or boolean: an array, a data set, a template.
    UnsupportedType,
    /// A retained message without a time: its arrival would make a dead sensor look alive (traps 12).
    RetainedWithoutTime,
    /// Back-filled without a time: nobody could say when it was.
    HistoricalWithoutTime,
}

impl Reason {
    /// The word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadTopic => "bad_topic",
            Self::UnknownGateway => "unknown_gateway",
            Self::Empty => "empty",
            Self::TooLarge => "too_large",
            Self::TooManyValues => "too_many_values",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::NotJson => "not_json",
            Self::WrongType => "wrong_type",
            Self::NoValues => "no_values",
            Self::BadTime => "bad_time",
            Self::TimeOutOfRange => "time_out_of_range",
            Self::NotANumber => "not_a_number",
            Self::UnknownState => "unknown_state",
            Self::UnknownQuality => "unknown_quality",
            Self::DuplicateKey => "duplicate_key",
            Self::BadSeq => "bad_seq",
            Self::UnsupportedType => "unsupported_type",
            Self::RetainedWithoutTime => "retained_without_time",
            Self::HistoricalWithoutTime => "historical_without_time",
        }
    }

    /// What would be right.
    pub const fn cure(self) -> &'static str {
        match self {
            Self::BadTopic => "publish to davy/v1/{park}/{enterprise}/{gateway}/telemetry",
            Self::UnknownGateway => {
                "name it as `source = { mqtt = \"park/enterprise/gateway\", tag = … }` (over gRPC: `grpc = …`) of a point in the site files"
            }
            Self::Empty => "send {\"ts\": …, \"values\": {…}}",
            Self::TooLarge => "send at most 1 MiB a message",
            Self::TooManyValues => "send at most 20,000 values a message; split it in two",
            Self::InvalidUtf8 => "send JSON in UTF-8",
            Self::NotJson => "send {\"ts\": …, \"values\": {…}} or an array of such objects",
            Self::WrongType => {
                "send what the contract has there: an object as JSON message and as `values`, a number or null as value, \
                                text and booleans for points of quantity `state` only"
            }
            Self::NoValues => "add \"values\": {\"tag\": number}",
            Self::BadTime => "send milliseconds since 1970 or RFC 3339, or leave `ts` out",
            Self::TimeOutOfRange => "set the gateway's clock: times before 2000 or more than 24 h ahead are refused",
            Self::NotANumber => "send null for a value that is none; taken as a sample without a value",
            Self::UnknownState => "send a text of the point's `states`, or add this one to them",
            Self::UnknownQuality => "send good, uncertain or bad; taken as uncertain",
            Self::DuplicateKey => "send each key once; the last one counts, as uncertain",
            Self::BadSeq => "send a whole number from 0; taken without it",
            Self::UnsupportedType => "send it as one metric a value: a number, a boolean, a text of the point's `states`",
            Self::RetainedWithoutTime => "send `ts`, or publish without RETAIN",
            Self::HistoricalWithoutTime => "send `time` with what is historical",
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Why.
    pub reason: Reason,
    /// Where: `[3].values.PI-101`.
    pub field: String,
    /// What stood there, cut after 80 characters.
    pub value: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reason, field, value } = self;
        write!(f, "{field}: {}", reason.as_str())?;
        if !value.is_empty() {
            write!(f, ": `{value}`")?;
        }
        write!(f, ": {}", reason.cure())
    }
}

/// How many faults of one delivery are listed; the rest are counted.
pub const MAX_FAULTS: usize = 16;

/// What is wrong with one delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// The first ones.
    pub listed: Vec<Fault>,
    /// How many more there were.
    pub more: u32,
}

impl Faults {
    /// Adds one; the texts are made only while there is room.
    pub fn add(&mut self, reason: Reason, field: impl FnOnce() -> String, value: impl fmt::Display) {
        if self.listed.len() < MAX_FAULTS {
            self.listed.push(Fault { reason, field: cut(&field(), 200), value: cut(&value.to_string(), 80) });
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// The first reason, which names the dead letter.
    pub fn reason(&self) -> Option<Reason> {
        self.listed.first().map(|it| it.reason)
    }

    /// All of it in words.
    pub fn detail(&self) -> String {
        let mut text = String::new();
        for fault in &self.listed {
            let separator = if text.is_empty() { "" } else { "; " };
            write!(text, "{separator}{fault}").expect("a String takes every write");
        }
        if self.more > 0 {
            write!(text, "; and {} more", self.more).expect("a String takes every write");
        }
        text
    }

    pub(crate) fn clear(&mut self) {
        self.listed.clear();
        self.more = 0;
    }

    pub(super) fn count(&self) -> u64 {
        self.listed.len() as u64 + u64::from(self.more)
    }
}

pub(crate) fn cut(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}
