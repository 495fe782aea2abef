//! Plain JSON to samples: pure, one pass, tags mapped to points while parsing.
//!
//! Format: `{"ts": ms | RFC 3339, "values": {tag: number | null | text | bool}, "quality": {tag: word}, "seq": n}`, or an array of
//! such objects. Unknown keys are read over. What is wrong is refused as narrowly as can be: a value without its message, a message
//! without its delivery; only what is not JSON at all is refused whole. A value that is there but doubtful (its quality is no word,
//! its key stands twice) is taken as uncertain, which is judged: a lost alarm would be worse.
//! Limits: `MAX_PAYLOAD_BYTES`; `MAX_FAULTS` listed; `MAX_UNMAPPED` tags listed of `MAX_TAG_CHARS`.

mod fault;
mod message;
mod sanitize;
mod scalar;
#[cfg(test)]
mod tests;

use std::fmt;

use model::{Sample, Span, Time};
use serde::Deserializer as _;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

pub(crate) use fault::cut;
pub use fault::{Fault, Faults, MAX_FAULTS, Reason};
use message::{MessageSeed, Scratch};

use crate::GatewayTags;

/// Longest payload taken; a longer one is a dead letter.
pub const MAX_PAYLOAD_BYTES: usize = 1024 * 1024;
/// How many tags that no point claims are listed of one delivery.
pub const MAX_UNMAPPED: usize = 128;
/// How much of such a tag is kept.
pub const MAX_TAG_CHARS: usize = 64;
/// How far ahead of journal time a source time may be.
pub(crate) const MAX_AHEAD: Span = Span::from_secs(24 * 3_600);

/// When and how a delivery came.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    /// Journal time of its arrival.
    pub at: Time,
    /// The broker replayed it on subscribing.
    pub retained: bool,
}

/// One timestamp of one gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodedMessage {
    /// How many of the samples are its own.
    pub samples: u32,
    /// Its sequence number.
    pub seq: Option<u64>,
    /// It gave no time.
    pub arrival_time: bool,
}

/// A value whose tag no point claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnmappedValue {
    /// The tag, cut after `MAX_TAG_CHARS`.
    pub tag: String,
    /// `number`, `text`, `boolean`, `other`; empty for null.
    pub datatype: &'static str,
    /// As text, cut after 80 characters.
    pub value: String,
}

/// What a delivery holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decoded {
    /// The messages taken, in order.
    pub messages: Vec<DecodedMessage>,
    /// Their samples, message by message.
    pub samples: Vec<Sample>,
    /// What is wrong with it.
    pub faults: Faults,
    /// How many messages something was wrong with; a payload that cannot be read counts as one.
    pub faulty: u64,
    /// Values whose tags no point claims, the first ones.
    pub unmapped: Vec<UnmappedValue>,
    /// How many values had such tags.
    pub unmapped_values: u64,
    /// Retained messages dropped for want of a time.
    pub retained_dropped: u64,
}

impl Decoded {
    fn clear(&mut self) {
        self.messages.clear();
        self.samples.clear();
        self.faults.clear();
        self.unmapped.clear();
        (self.faulty, self.unmapped_values, self.retained_dropped) = (0, 0, 0);
    }

    /// Whether every message gave its time, so that a repeat can be told from news.
    pub fn has_source_times(&self) -> bool {
        !self.messages.is_empty() && self.messages.iter().all(|it| !it.arrival_time)
    }
}

/// Decodes deliveries one after the other, reusing what it allocated.
#[derive(Debug, Default)]
pub struct Decoder {
    scratch: Scratch,
}

impl Decoder {
    /// Decodes one delivery of a gateway into `out`, which is cleared first.
    pub fn decode(&mut self, payload: &[u8], tags: &GatewayTags, arrival: Received, out: &mut Decoded) {
        out.clear();
        let whole = |reason, value: &dyn fmt::Display, out: &mut Decoded| {
            out.clear();
            out.faults.add(reason, || "payload".to_owned(), value);
            out.faulty = 1;
        };
        if payload.len() > MAX_PAYLOAD_BYTES {
            return whole(Reason::TooLarge, &format_args!("{} bytes", payload.len()), out);
        }
        if payload.trim_ascii().is_empty() {
            return whole(Reason::Empty, &"", out);
        }
        let text = match std::str::from_utf8(payload) {
            Ok(text) => text,
            Err(error) => return whole(Reason::InvalidUtf8, &error, out),
        };
        let Err(error) = self.parse(text, tags, arrival, out) else { return };
        let sanitized = sanitize::sanitize(text);
        if matches!(sanitized, std::borrow::Cow::Borrowed(_)) {
            return whole(Reason::NotJson, &error, out);
        }
        out.clear();
        if let Err(error) = self.parse(&sanitized, tags, arrival, out) {
            whole(Reason::NotJson, &error, out);
        }
    }

    fn parse(&mut self, text: &str, tags: &GatewayTags, arrival: Received, out: &mut Decoded) -> Result<(), serde_json::Error> {
        self.scratch.begin(tags.len());
        let mut json = serde_json::Deserializer::from_str(text);
        json.deserialize_any(PayloadVisitor(Context { tags, arrival, scratch: &mut self.scratch, out, element: None }))?;
        json.end()
    }
}

/// What every part of the parse writes to.
struct Context<'a> {
    tags: &'a GatewayTags,
    arrival: Received,
    scratch: &'a mut Scratch,
    out: &'a mut Decoded,
    /// Index of the message in an array.
    element: Option<usize>,
}

struct PayloadVisitor<'a>(Context<'a>);

impl<'de> Visitor<'de> for PayloadVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array of objects")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, object: A) -> Result<(), A::Error> {
        message::visit(&mut self.0, object)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        let mut element = 0;
        self.0.element = Some(element);
        while list.next_element_seed(MessageSeed(&mut self.0))?.is_some() {
            element += 1;
            self.0.element = Some(element);
        }
        Ok(())
    }

    // Whatever else is JSON at the top is no message; `invalid_type` of the defaults says so.
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Err(E::custom("null is no message"))
    }
}

impl<'de> DeserializeSeed<'de> for MessageSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// Decodes against a small made-up gateway; says how many samples came out. For fuzzing.
#[doc(hidden)]
pub fn decode_for_fuzzing(payload: &[u8]) -> usize {
    let tags = GatewayTags::for_tests(&["PI-101", "TI-1", "a"], &[("XV-1", &[("open", 1.0), ("closed", 0.0)])]);
    let mut out = Decoded::default();
    let arrival = Received { at: Time::from_micros(1_732_370_000_000_000), retained: false };
    Decoder::default().decode(payload, &tags, arrival, &mut out);
    let owned: usize = out.messages.iter().map(|it| it.samples as usize).sum();
    assert_eq!(owned, out.samples.len(), "every sample belongs to one message");
    assert!(out.samples.iter().all(|it| it.value.is_none_or(f64::is_finite)), "no sample holds what is no number");
    assert_eq!(out.faults.reason().is_some(), out.faulty > 0, "what is wrong is said");
    out.samples.len()
}
