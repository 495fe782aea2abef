//! An event as CloudEvents 1.0, structured content mode, JSON.
//!
//! Limits: an event has up to `EVENT_BYTES_MAX` bytes, which every intermediary has to pass on; the id 256 bytes.

use std::fmt::Write as _;

use model::Time;
use serde::de::IgnoredAny;

/// What an intermediary has to pass on (CloudEvents 1.0, size limits).
pub const EVENT_BYTES_MAX: usize = 64 * 1024;

/// The header `content-type` of an event.
pub const CONTENT_TYPE: &str = "application/cloudevents+json; charset=UTF-8";

const ID_BYTES_MAX: usize = 256;

/// An event and its attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// Unique for its source; a receiver may drop what it has seen.
    pub id: &'a str,
    /// Who says it, a URI-reference such as `//park-01/gateway-7`.
    pub source: &'a str,
    /// What kind, in reverse DNS with a version: `cn.nantong.hazchem.alarm.raised.v1`.
    pub kind: &'a str,
    /// What it is about.
    pub subject: Option<&'a str>,
    /// When it happened.
    pub time: Option<Time>,
    /// The schema of the data, an absolute URI.
    pub data_schema: Option<&'a str>,
    /// Events of one key stay in order.
    pub partition_key: Option<&'a str>,
    /// The place in the order of the source's events.
    pub sequence: Option<u64>,
    /// The body: JSON, taken over as it is.
    pub data: &'a str,
}

/// Why an event cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventFault {
    /// An attribute that the specification does not let through.
    #[error("write the event: its {attribute} {fault}")]
    Attribute {
        /// Which one.
        attribute: &'static str,
        /// What is wrong.
        fault: &'static str,
    },
    /// A body that is no JSON.
    #[error("write the event: its data are no JSON: {0}")]
    Data(String),
    /// Larger than what is passed on.
    #[error("write the event: it has {bytes} bytes; up to {EVENT_BYTES_MAX} are passed on by everybody")]
    TooLarge {
        /// How many.
        bytes: usize,
    },
}

/// The event as JSON, its attributes in a fixed order, its data byte for byte.
///
/// # Errors
/// An attribute or data that are none; too large.
pub fn encode(event: &Event<'_>) -> Result<String, EventFault> {
    checked(event)?;
    let mut out = String::with_capacity(512 + event.data.len());
    out.push_str("{\"specversion\":\"1.0\"");
    attribute(&mut out, "id", Some(event.id));
    attribute(&mut out, "source", Some(event.source));
    attribute(&mut out, "type", Some(event.kind));
    attribute(&mut out, "subject", event.subject);
    attribute(&mut out, "time", event.time.map(timestamp).transpose()?.as_deref());
    attribute(&mut out, "datacontenttype", Some("application/json"));
    attribute(&mut out, "dataschema", event.data_schema);
    attribute(&mut out, "partitionkey", event.partition_key);
    // The extension is a string that is ordered as text is: with all its digits.
    attribute(&mut out, "sequence", event.sequence.map(|it| format!("{it:020}")).as_deref());
    write!(out, ",\"data\":{}}}", event.data.trim()).expect("a String takes every write");
    if out.len() > EVENT_BYTES_MAX {
        return Err(EventFault::TooLarge { bytes: out.len() });
    }
    Ok(out)
}

fn attribute(out: &mut String, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        let value = serde_json::Value::from(value);
        write!(out, ",\"{name}\":{value}").expect("a String takes every write");
    }
}

fn timestamp(time: Time) -> Result<String, EventFault> {
    let wrong = EventFault::Attribute { attribute: "time", fault: "is not in the years 1 to 9999" };
    let instant = jiff::Timestamp::from_microsecond(time.micros()).map_err(|_| wrong.clone())?;
    // RFC 3339 knows no year before 0.
    let text = format!("{instant:.6}");
    if text.starts_with('-') || text.starts_with("0000") { Err(wrong) } else { Ok(text) }
}

fn checked(event: &Event<'_>) -> Result<(), EventFault> {
    let fault = |attribute, fault| Err(EventFault::Attribute { attribute, fault });
    let texts = [("id", Some(event.id)), ("subject", event.subject), ("partitionkey", event.partition_key)];
    for (name, text) in texts.into_iter().filter_map(|(name, text)| text.map(|text| (name, text))) {
        if text.is_empty() {
            return fault(name, "is empty");
        }
        if !text.chars().all(of_string) {
            return fault(name, "holds a control character or none of Unicode");
        }
    }
    if event.id.len() > ID_BYTES_MAX {
        return fault("id", "has more than 256 bytes");
    }
    let uris = [("source", Some(event.source)), ("type", Some(event.kind)), ("dataschema", event.data_schema)];
    for (name, text) in uris.into_iter().filter_map(|(name, text)| text.map(|text| (name, text))) {
        if text.is_empty() || !text.bytes().all(|it| it.is_ascii_graphic() && !b"<>\"{}|\\^`".contains(&it)) {
            return fault(name, "is empty or holds what no URI does");
        }
    }
    if event.data_schema.is_some_and(|it| !it.contains(':')) {
        return fault("dataschema", "is no absolute URI");
    }
    serde_json::from_str::<IgnoredAny>(event.data).map_err(|error| EventFault::Data(error.to_string()))?;
    Ok(())
}

/// The specification's String: no control characters, no non-characters.
fn of_string(character: char) -> bool {
    let code = u32::from(character);
    !character.is_control() && !(0xfdd0..=0xfdef).contains(&code) && code & 0xfffe != 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    const RAISED: Event<'_> = Event {
        id: "01-engine/17-42-0",
        source: "//rugang/davy",
        kind: "cn.nantong.hazchem.alarm.raised.v1",
        subject: Some("e01-PI-101"),
        time: Some(Time::from_micros(1_795_912_560_000_001)),
        data_schema: Some("https://davy.example/alarm.raised.v1.json"),
        partition_key: Some("e01"),
        sequence: Some(42),
        data: "{\"limit\":2895.0,\"value\":2.9e3}",
    };

    fn fault(event: Event<'_>) -> String {
        encode(&event).unwrap_err().to_string()
    }

    #[test]
    fn an_event_is_written_in_a_fixed_order() {
        let wanted = "{\"specversion\":\"1.0\",\"id\":\"01-engine/17-42-0\",\"source\":\"//rugang/davy\",\
             \"type\":\"cn.nantong.hazchem.alarm.raised.v1\",\"subject\":\"e01-PI-101\",\"time\":\"2026-11-29T00:36:00.000001Z\",\
             \"datacontenttype\":\"application/json\",\"dataschema\":\"https://davy.example/alarm.raised.v1.json\",\
             \"partitionkey\":\"e01\",\"sequence\":\"00000000000000000042\",\"data\":{\"limit\":2895.0,\"value\":2.9e3}}";
        assert_eq!(encode(&RAISED).unwrap(), wanted);
        let least = Event {
            subject: None,
            time: None,
            data_schema: None,
            partition_key: None,
            sequence: None,
            data: " null\n",
            ..RAISED
        };
        let wanted = "{\"specversion\":\"1.0\",\"id\":\"01-engine/17-42-0\",\"source\":\"//rugang/davy\",\
             \"type\":\"cn.nantong.hazchem.alarm.raised.v1\",\"datacontenttype\":\"application/json\",\"data\":null}";
        assert_eq!(encode(&least).unwrap(), wanted);
    }

    #[test]
    fn sequences_are_ordered_as_texts() {
        let texts = [0, 9, 10, 99, 1 << 40, u64::MAX].map(|it| format!("{it:020}"));
        assert!(texts.is_sorted() && texts.iter().all(|it| it.len() == 20));
    }

    #[test]
    fn what_the_specification_rules_out_is_named() {
        for (event, wanted) in [
            (Event { id: "", ..RAISED }, "its id is empty"),
            (Event { id: "a\u{1}", ..RAISED }, "its id holds a control"),
            (Event { subject: Some("\u{fffe}"), ..RAISED }, "its subject holds"),
            (Event { partition_key: Some(""), ..RAISED }, "its partitionkey is empty"),
            (Event { source: "", ..RAISED }, "its source is empty"),
            (Event { source: "a b", ..RAISED }, "its source is empty or holds"),
            (Event { kind: "警报", ..RAISED }, "its type is empty or holds"),
            (Event { data_schema: Some("a.json"), ..RAISED }, "its dataschema is no absolute URI"),
            (Event { time: Some(Time::MIN), ..RAISED }, "its time is not in the years"),
            (Event { time: Some(Time::from_micros(-62_135_596_800_000_001)), ..RAISED }, "its time is not in the years"),
            (Event { data: "{", ..RAISED }, "its data are no JSON"),
            (Event { data: "1 2", ..RAISED }, "its data are no JSON"),
            (Event { data: "1,\"id\":2", ..RAISED }, "its data are no JSON"),
        ] {
            assert!(fault(event).contains(wanted), "{}", fault(event));
        }
        let long = "x".repeat(257);
        assert!(fault(Event { id: &long, ..RAISED }).contains("more than 256"));
        let large = format!("\"{}\"", "x".repeat(EVENT_BYTES_MAX));
        assert!(fault(Event { data: &large, ..RAISED }).contains("bytes; up to 65536"));
    }

    proptest! {
        #[test]
        fn every_event_reads_as_what_it_says(id in "[ -~氯]{1,20}", subject in "[ -~氯]{1,20}", text in "\\PC{0,20}", micros in 0..4_000_000_000_000_000_i64) {
            let data = Value::from(text).to_string();
            let event = Event { id: &id, subject: Some(&subject), time: Some(Time::from_micros(micros)), data: &data, ..RAISED };
            let read: Value = serde_json::from_str(&encode(&event).unwrap()).unwrap();
            prop_assert_eq!(read["id"].as_str(), Some(&*id));
            prop_assert_eq!(read["subject"].as_str(), Some(&*subject));
            prop_assert_eq!(read["data"].to_string(), data);
            let time: jiff::Timestamp = read["time"].as_str().unwrap().parse().unwrap();
            prop_assert_eq!(time.as_microsecond(), micros);
        }
    }
}
