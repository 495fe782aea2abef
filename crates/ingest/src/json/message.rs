//! One message: its keys in any order, its tags mapped as they are read.

use std::borrow::Cow;
use std::fmt;

use model::{Quality, Sample, Time};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::sanitize::MARK;
use super::scalar::Scalar;
use super::{Context, DecodedMessage, MAX_AHEAD, MAX_TAG_CHARS, MAX_UNMAPPED, Reason, UnmappedValue, cut};
use crate::index::TagPoint;

/// What is known of a tag of the gateway while its message is read; one slot a tag, valid where `message` is the present one.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    message: u64,
    value: Option<Value>,
    quality: Option<Quality>,
    doubtful: bool,
}

#[derive(Clone, Copy, Debug)]
enum Value {
    Number(f64),
    Null,
}

/// Reused memory: slots by tag, and the tags of the present message in order.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    slots: Vec<Slot>,
    message: u64,
    order: Vec<u32>,
}

impl Scratch {
    pub(super) fn begin(&mut self, tags: usize) {
        if self.slots.len() < tags {
            self.slots.resize(tags, Slot::default());
        }
    }

    fn next_message(&mut self) {
        self.message += 1;
        self.order.clear();
    }

    /// The slot of a tag in the present message, and whether it was there before.
    fn slot(&mut self, index: u32) -> &mut Slot {
        let slot = &mut self.slots[index as usize];
        if slot.message != self.message {
            *slot = Slot { message: self.message, ..Slot::default() };
            self.order.push(index);
        }
        slot
    }
}

impl Context<'_> {
    fn fault(&mut self, reason: Reason, field: impl fmt::Display, value: impl fmt::Display) {
        let element = self.element;
        self.out.faults.add(reason, || element.map_or_else(|| field.to_string(), |i| format!("[{i}].{field}")), value);
    }
}

/// A message as an element of an array.
pub(super) struct MessageSeed<'a, 'b>(pub(super) &'a mut Context<'b>);

impl MessageSeed<'_, '_> {
    fn no_message<E>(self, value: impl fmt::Display) -> Result<(), E> {
        self.0.fault(Reason::WrongType, "message", value);
        self.0.out.faulty += 1;
        Ok(())
    }
}

impl<'de> Visitor<'de> for MessageSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message")
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<(), A::Error> {
        visit(self.0, object)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        self.no_message("[…]")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.no_message("null")
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.no_message(value)
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.no_message(value)
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.no_message(value)
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.no_message(value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.no_message(value.trim_start_matches(MARK))
    }
}

/// The keys of a message.
enum MessageKey {
    Time,
    Values,
    Quality,
    Seq,
    Other,
}

impl<'de> Deserialize<'de> for MessageKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl Visitor<'_> for KeyVisitor {
            type Value = MessageKey;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_str<E>(self, key: &str) -> Result<MessageKey, E> {
                Ok(match key {
                    "ts" => MessageKey::Time,
                    "values" => MessageKey::Values,
                    "quality" => MessageKey::Quality,
                    "seq" => MessageKey::Seq,
                    _ => MessageKey::Other,
                })
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

/// Reads a message; what is wrong with it becomes faults, only what is not JSON an error.
pub(super) fn visit<'de, A: MapAccess<'de>>(context: &mut Context<'_>, mut object: A) -> Result<(), A::Error> {
    context.scratch.next_message();
    let (faults, mut values) = (context.out.faults.count(), false);
    let (mut time, mut seq) = (None, None);
    while let Some(key) = object.next_key::<MessageKey>()? {
        match key {
            MessageKey::Time => keep_last(context, "ts", &mut time, object.next_value()?),
            MessageKey::Seq => keep_last(context, "seq", &mut seq, object.next_value()?),
            MessageKey::Values => {
                values = true;
                object.next_value_seed(MembersSeed { context: &mut *context, quality: false })?;
            }
            MessageKey::Quality => object.next_value_seed(MembersSeed { context: &mut *context, quality: true })?,
            MessageKey::Other => {
                object.next_value::<IgnoredAny>()?;
            }
        }
    }
    if !values && context.scratch.order.is_empty() {
        context.fault(Reason::NoValues, "values", "");
    }
    let seq = seq.and_then(|seq| read_seq(context, &seq));
    finish(context, time.as_ref(), seq);
    context.out.faulty += u64::from(context.out.faults.count() > faults);
    Ok(())
}

fn keep_last<'de>(context: &mut Context<'_>, field: &str, kept: &mut Option<Scalar<'de>>, value: Scalar<'de>) {
    if kept.is_some() {
        context.fault(Reason::DuplicateKey, field, &value);
    }
    *kept = Some(value);
}

fn read_seq(context: &mut Context<'_>, seq: &Scalar<'_>) -> Option<u64> {
    match *seq {
        Scalar::Null => None,
        Scalar::Uint(seq) => Some(seq),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and inside the range of u64")]
        Scalar::Float(float) if float.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&float) => Some(float as u64),
        _ => {
            context.fault(Reason::BadSeq, "seq", seq);
            None
        }
    }
}

/// Makes the message of what was read, if it has a time that can be taken.
fn finish(context: &mut Context<'_>, time: Option<&Scalar<'_>>, seq: Option<u64>) {
    let arrival = context.arrival;
    let given = match time {
        None | Some(Scalar::Null) => None,
        Some(time) => match read_time(time) {
            Err(reason) => return context.fault(reason, "ts", time),
            Ok(read) if read < Time::YEAR_2000 || read > arrival.at + MAX_AHEAD => {
                return context.fault(Reason::TimeOutOfRange, "ts", time);
            }
            Ok(read) => Some(read),
        },
    };
    if given.is_none() && arrival.retained {
        context.out.retained_dropped += 1;
        return;
    }
    let before = context.out.samples.len();
    for index in &context.scratch.order {
        let slot = context.scratch.slots[*index as usize];
        let sample = sample(context.tags.point(*index), slot, given.unwrap_or(arrival.at));
        context.out.samples.extend(sample.map(|mut sample| {
            sample.flags.arrival_time = given.is_none();
            sample.flags.retained = arrival.retained;
            sample
        }));
    }
    let samples = u32::try_from(context.out.samples.len() - before).expect("a payload of 1 MiB holds fewer");
    context.out.messages.push(DecodedMessage { samples, seq, arrival_time: given.is_none() });
}

fn sample(point: &TagPoint, slot: Slot, time: Time) -> Option<Sample> {
    let given = slot.quality.unwrap_or(Quality::Good);
    let (value, quality) = match slot.value {
        Some(Value::Number(value)) => (Some(value), if slot.doubtful { given.max(Quality::Uncertain) } else { given }),
        Some(Value::Null) => (None, given.max(Quality::Bad)),
        // A quality without a value says something only where it does not trust one.
        None if given >= Quality::Bad => (None, given),
        None => return None,
    };
    let mut sample = Sample::new(point.number, time, value, quality);
    sample.flags.out_of_range = point.is_out_of_range(sample.value);
    Some(sample)
}

fn read_time(time: &Scalar<'_>) -> Result<Time, Reason> {
    match time {
        Scalar::Int(millis) => millis.checked_mul(1_000).map(Time::from_micros).ok_or(Reason::TimeOutOfRange),
        Scalar::Uint(millis) => {
            let micros = i64::try_from(*millis).ok().and_then(|millis| millis.checked_mul(1_000));
            micros.map(Time::from_micros).ok_or(Reason::TimeOutOfRange)
        }
        Scalar::Float(millis) => Time::from_millis_f64(*millis).ok_or(Reason::TimeOutOfRange),
        Scalar::Text(text) => wire::parse_time(text).ok_or(Reason::BadTime),
        Scalar::Null | Scalar::Bool(_) | Scalar::List | Scalar::Object => Err(Reason::BadTime),
    }
}

/// The object under `values` or `quality`.
struct MembersSeed<'a, 'b> {
    context: &'a mut Context<'b>,
    quality: bool,
}

impl MembersSeed<'_, '_> {
    fn name(&self) -> &'static str {
        if self.quality { "quality" } else { "values" }
    }

    fn wrong<E>(self, value: impl fmt::Display) -> Result<(), E> {
        let name = self.name();
        self.context.fault(Reason::WrongType, name, value);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for MembersSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for MembersSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of tags")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let context = self.context;
        while let Some(found) = object.next_key_seed(TagSeed { context: &mut *context, count: !self.quality })? {
            let index = match found {
                Tag::Point(index) => index,
                Tag::Stray(tag) => {
                    let value = object.next_value::<Scalar<'de>>()?;
                    context.out.unmapped.push(UnmappedValue {
                        tag,
                        datatype: value.datatype(),
                        value: cut(&value.to_string(), 80),
                    });
                    continue;
                }
                Tag::Uncounted => {
                    object.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            let value = object.next_value::<Scalar<'de>>()?;
            if self.quality { take_quality(context, index, &value) } else { take_value(context, index, &value) }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        self.wrong("[…]")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.wrong("null")
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.wrong(value)
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.wrong(value)
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.wrong(value)
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.wrong(value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.wrong(value.trim_start_matches(MARK))
    }
}

/// What a tag leads to.
enum Tag {
    Point(u32),
    /// No point claims it.
    Stray(String),
    /// No point claims it, and enough such were listed.
    Uncounted,
}

/// A tag, looked up while it is still in the payload.
struct TagSeed<'a, 'b> {
    context: &'a mut Context<'b>,
    count: bool,
}

impl<'de> DeserializeSeed<'de> for TagSeed<'_, '_> {
    type Value = Tag;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for TagSeed<'_, '_> {
    type Value = Tag;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a tag")
    }

    fn visit_str<E>(self, tag: &str) -> Result<Self::Value, E> {
        if let Some(index) = self.context.tags.index_of(tag) {
            return Ok(Tag::Point(index));
        }
        if !self.count {
            return Ok(Tag::Uncounted);
        }
        self.context.out.unmapped_values += 1;
        let listed = self.context.out.unmapped.len() < MAX_UNMAPPED;
        Ok(if listed { Tag::Stray(cut(tag, MAX_TAG_CHARS)) } else { Tag::Uncounted })
    }
}

fn take_value(context: &mut Context<'_>, index: u32, value: &Scalar<'_>) {
    let point = context.tags.point(index);
    let field = || format!("values.{}", point.tag);
    let read = match read_value(point, value) {
        Ok(read) => read,
        Err(reason) => {
            context.fault(reason, field(), value);
            if reason != Reason::NotANumber {
                return;
            }
            Value::Null
        }
    };
    let slot = context.scratch.slot(index);
    if slot.value.replace(read).is_some() {
        slot.doubtful = true;
        context.fault(Reason::DuplicateKey, field(), value);
    }
}

#[expect(clippy::cast_precision_loss, reason = "values are binary64; a whole number beyond 2^53 is rounded")]
fn read_value(point: &TagPoint, value: &Scalar<'_>) -> Result<Value, Reason> {
    Ok(match value {
        Scalar::Null => Value::Null,
        Scalar::Int(value) => Value::Number(*value as f64),
        Scalar::Uint(value) => Value::Number(*value as f64),
        Scalar::Float(value) => Value::Number(*value),
        Scalar::Text(text) if text.starts_with(MARK) => return Err(Reason::NotANumber),
        Scalar::Bool(value) if point.is_state => Value::Number(f64::from(u8::from(*value))),
        Scalar::Text(text) if point.is_state => Value::Number(point.state(text).ok_or(Reason::UnknownState)?),
        Scalar::Bool(_) | Scalar::Text(_) | Scalar::List | Scalar::Object => return Err(Reason::WrongType),
    })
}

fn take_quality(context: &mut Context<'_>, index: u32, value: &Scalar<'_>) {
    let word = match value {
        Scalar::Text(word) if word.len() <= 16 => Quality::parse(&word.to_ascii_lowercase()),
        Scalar::Null => return,
        _ => None,
    };
    let known = word.unwrap_or(Quality::Uncertain);
    let slot = context.scratch.slot(index);
    // Of two words for one tag the worse one counts.
    slot.quality = Some(slot.quality.map_or(known, |before| before.max(known)));
    if word.is_none() {
        let field = Cow::from(format!("quality.{}", context.tags.point(index).tag));
        context.fault(Reason::UnknownQuality, field, value);
    }
}
