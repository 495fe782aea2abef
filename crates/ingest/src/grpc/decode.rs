//! A pushed message to samples: pure, the same rules as for plain JSON, and each fault with the tag it is about.
//!
//! What is wrong is refused as narrowly as can be: a value without its message. A message whose time cannot be taken keeps its sequence
//! number: it came, so there is no gap.

use std::collections::HashMap;
use std::fmt;

use model::{PointNumber, Quality, Sample, Time};
use prost::Message as _;
use wire::v1;
use wire::v1::tag_value::Value;

use super::MAX_VALUES;
use crate::index::TagPoint;
use crate::json::{Decoded, DecodedMessage, MAX_AHEAD, MAX_TAG_CHARS, MAX_UNMAPPED, Reason, UnmappedValue, cut};
use crate::{GatewayTags, MAX_FAULTS};

/// Decodes a message into `out`, which is cleared first; gives the tags that the listed faults are about, empty for the whole message.
pub(super) fn decode(request: &v1::PushSamplesRequest, tags: &GatewayTags, arrival: Time, out: &mut Decoded) -> Vec<String> {
    *out = Decoded::default();
    let mut message = Decoding { request, tags, arrival, time: None, out, faulty_tags: Vec::new(), seen: HashMap::new() };
    message.run();
    message.faulty_tags
}

/// One message on its way to samples.
struct Decoding<'a> {
    request: &'a v1::PushSamplesRequest,
    tags: &'a GatewayTags,
    arrival: Time,
    time: Option<Time>,
    out: &'a mut Decoded,
    faulty_tags: Vec<String>,
    /// Where the sample of a point stands that came already in this message.
    seen: HashMap<PointNumber, usize>,
}

impl Decoding<'_> {
    fn run(&mut self) {
        let request = self.request;
        let given = request.time.as_ref().map(|time| self.read_time(time));
        match given {
            Some(None) => self.fault(Reason::TimeOutOfRange, "", "time", shown(request.time.as_ref())),
            Some(time) => self.take_values(time),
            None => self.take_values(None),
        }
        let samples = u32::try_from(self.out.samples.len()).expect("a message of 1 MiB holds fewer");
        let arrival_time = self.out.samples.iter().any(|sample| sample.flags.arrival_time);
        let seq = Some(request.sequence).filter(|seq| *seq > 0);
        self.out.messages.push(DecodedMessage { samples, seq, arrival_time });
        self.out.faulty = u64::from(self.out.faults.reason().is_some());
    }

    fn take_values(&mut self, time: Option<Time>) {
        self.time = time;
        let request = self.request;
        if request.values.len() > MAX_VALUES {
            return self.fault(Reason::TooManyValues, "", "values", request.values.len());
        }
        for (place, value) in request.values.iter().enumerate() {
            match self.tags.index_of(&value.tag) {
                Some(index) => self.take_value(place, value, index),
                None if value.tag.is_empty() => self.fault(Reason::WrongType, "", format_args!("values[{place}].tag"), ""),
                None => self.note_unmapped(value),
            }
        }
    }

    fn take_value(&mut self, place: usize, value: &v1::TagValue, index: u32) {
        let tags = self.tags;
        let point = tags.point(index);
        let Some(time) = self.time_of(place, value) else { return };
        let number = match read_value(point, value.value.as_ref()) {
            Ok(number) => number,
            Err(reason) => {
                self.fault(reason, &value.tag, format_args!("values[{place}].{}", field_of(value)), show(value));
                if reason != Reason::NotANumber {
                    return;
                }
                None
            }
        };
        let quality = self.quality_of(place, value);
        let mut sample = Sample::new(point.number, time.unwrap_or(self.arrival), number, quality);
        sample.flags.arrival_time = time.is_none();
        sample.flags.historical = self.request.historical;
        sample.flags.out_of_range = point.is_out_of_range(sample.value);
        self.add(place, value, sample);
    }

    /// A tag named twice: the last one counts, as uncertain.
    fn add(&mut self, place: usize, value: &v1::TagValue, mut sample: Sample) {
        if let Some(before) = self.seen.get(&sample.point).copied() {
            self.fault(Reason::DuplicateKey, &value.tag, format_args!("values[{place}].tag"), &value.tag);
            sample.quality = sample.quality.max(Quality::Uncertain);
            self.out.samples[before] = sample;
        } else {
            self.seen.insert(sample.point, self.out.samples.len());
            self.out.samples.push(sample);
        }
    }

    /// The value's own time, or the message's; `None` inside where the arrival counts, outside where the value is refused.
    fn time_of(&mut self, place: usize, value: &v1::TagValue) -> Option<Option<Time>> {
        let Some(own) = &value.time else {
            if self.request.historical && self.time.is_none() {
                self.fault(Reason::HistoricalWithoutTime, &value.tag, "time", "");
                return None;
            }
            return Some(self.time);
        };
        let read = self.read_time(own);
        if read.is_none() {
            self.fault(Reason::TimeOutOfRange, &value.tag, format_args!("values[{place}].time"), shown(Some(own)));
            return None;
        }
        Some(read)
    }

    fn read_time(&self, time: &prost_types::Timestamp) -> Option<Time> {
        let read = wire::time_from_v1(time);
        (read >= Time::YEAR_2000 && read <= self.arrival + MAX_AHEAD).then_some(read)
    }

    fn quality_of(&mut self, place: usize, value: &v1::TagValue) -> Quality {
        match v1::Quality::try_from(value.quality) {
            Ok(v1::Quality::Unspecified | v1::Quality::Good) => Quality::Good,
            Ok(v1::Quality::Uncertain) => Quality::Uncertain,
            Ok(v1::Quality::Bad) => Quality::Bad,
            Ok(v1::Quality::Calibrating) => Quality::Calibrating,
            Err(_) => {
                self.fault(Reason::UnknownQuality, &value.tag, format_args!("values[{place}].quality"), value.quality);
                Quality::Uncertain
            }
        }
    }

    fn note_unmapped(&mut self, value: &v1::TagValue) {
        self.out.unmapped_values += 1;
        if self.out.unmapped.len() < MAX_UNMAPPED {
            let datatype = match value.value {
                Some(Value::Number(_) | Value::Integer(_)) => "number",
                Some(Value::Text(_)) => "text",
                Some(Value::Boolean(_)) => "boolean",
                Some(Value::Null(_)) | None => "",
            };
            let shown = cut(&show(value), 80);
            self.out.unmapped.push(UnmappedValue { tag: cut(&value.tag, MAX_TAG_CHARS), datatype, value: shown });
        }
    }

    fn fault(&mut self, reason: Reason, tag: &str, field: impl fmt::Display, value: impl fmt::Display) {
        if self.faulty_tags.len() < MAX_FAULTS {
            self.faulty_tags.push(cut(tag, MAX_TAG_CHARS));
        }
        self.out.faults.add(reason, || field.to_string(), value);
    }
}

#[expect(clippy::cast_precision_loss, reason = "values are binary64; a whole number beyond 2^53 is rounded")]
fn read_value(point: &TagPoint, value: Option<&Value>) -> Result<Option<f64>, Reason> {
    Ok(match value.ok_or(Reason::WrongType)? {
        // NaN compares false with every limit: it must not look normal (traps 36).
        Value::Number(number) if !number.is_finite() => return Err(Reason::NotANumber),
        Value::Number(number) => Some(*number),
        Value::Integer(number) => Some(*number as f64),
        Value::Null(_) => None,
        Value::Boolean(value) if point.is_state => Some(f64::from(u8::from(*value))),
        Value::Text(text) if point.is_state => Some(point.state(text).ok_or(Reason::UnknownState)?),
        Value::Boolean(_) | Value::Text(_) => return Err(Reason::WrongType),
    })
}

fn field_of(value: &v1::TagValue) -> &'static str {
    match value.value {
        Some(Value::Number(_)) => "number",
        Some(Value::Text(_)) => "text",
        Some(Value::Boolean(_)) => "boolean",
        Some(Value::Integer(_)) => "integer",
        Some(Value::Null(_)) => "null",
        None => "value",
    }
}

fn show(value: &v1::TagValue) -> String {
    match &value.value {
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Text(text)) => cut(text, 80),
        Some(Value::Boolean(value)) => value.to_string(),
        Some(Value::Integer(number)) => number.to_string(),
        Some(Value::Null(_)) => "null".to_owned(),
        None => String::new(),
    }
}

fn shown(time: Option<&prost_types::Timestamp>) -> String {
    time.map(|time| wire::format_time(wire::time_from_v1(time))).unwrap_or_default()
}

/// Decodes bytes as a message of a small made-up gateway; says how many samples came out. For fuzzing.
#[doc(hidden)]
pub fn decode_for_fuzzing(payload: &[u8]) -> usize {
    let Ok(request) = v1::PushSamplesRequest::decode(payload) else { return 0 };
    let tags = GatewayTags::for_tests(&["PI-101", "TI-1", "a"], &[("XV-1", &[("open", 1.0), ("closed", 0.0)])]);
    let mut out = Decoded::default();
    let arrival = Time::from_micros(1_732_370_000_000_000);
    let faulty = decode(&request, &tags, arrival, &mut out);
    assert_eq!(faulty.len(), out.faults.listed.len(), "every listed fault has its tag");
    assert_eq!(out.messages.len(), 1, "a message is a message, whatever is wrong with it");
    assert_eq!(out.messages[0].samples as usize, out.samples.len(), "every sample belongs to it");
    assert!(out.samples.iter().all(|it| it.value.is_none_or(f64::is_finite)), "no sample holds what is no number");
    assert!(out.samples.iter().all(|it| it.time >= Time::YEAR_2000 && it.time <= arrival + MAX_AHEAD), "no time is out of range");
    assert_eq!(out.faults.reason().is_some(), out.faulty > 0, "what is wrong is said");
    out.samples.len()
}
