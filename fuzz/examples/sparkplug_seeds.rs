//! Writes the seeds of the targets `sparkplug` and `sparkplug_session`: `cargo run --example sparkplug_seeds`, in this folder.

use std::fs;
use std::sync::Arc;

use model::{Quality, Time};
use sparkplug::edge::{Edge, EdgeOptions, Naming, Outgoing, Reading};
use sparkplug::{Datatype, Datum, Metric, MetricValue, NodeId, Payload};

const NOW: Time = Time::from_micros(1_732_370_000_000_000);

fn main() -> std::io::Result<()> {
    for (name, naming) in [("aliases", Naming::Aliases), ("names", Naming::Names), ("both", Naming::Both)] {
        let messages = story(naming);
        let mut steps = Vec::new();
        for (index, (time, message)) in messages.iter().enumerate() {
            fs::write(format!("corpus/sparkplug/{name}_{index}"), &message.payload)?;
            steps.extend(step(*time, message));
        }
        fs::write(format!("corpus/sparkplug_session/{name}"), &steps)?;
        // An outage in the middle, and a restart.
        let middle: usize = messages[..4].iter().map(|(time, message)| step(*time, message).len()).sum();
        for (word, extra) in [("outage", &[12_u8, 0, 13, 50][..]), ("restart", &[14, 9]), ("long", &[15, 100])] {
            let whole = [&steps[..middle], extra, &steps[middle..]].concat();
            fs::write(format!("corpus/sparkplug_session/{name}_{word}"), whole)?;
        }
    }
    fs::write("corpus/sparkplug/every_type", every_type().write())
}

/// A birth, a device, data in and out of order, deaths and a rebirth.
fn story(naming: Naming) -> Vec<(u8, Outgoing)> {
    let device: Arc<str> = "d".into();
    let mut edge = Edge::new(NodeId::new("g", "n").expect("an id"), EdgeOptions { naming, ..EdgeOptions::default() });
    let mut level = Reading::new("level", Datatype::Int8, Datum::Number(-4.0));
    (level.quality, level.unit) = (Some(Quality::Good), Some("m".into()));
    let will = edge.will(NOW);
    let mut messages = vec![
        (0, edge.node_birth(NOW, vec![Reading::number("a", 1.0), level.clone()])),
        (1, edge.device_birth(&device, NOW, vec![Reading::number("b", 1.0)])),
        (1, edge.node_data(NOW, &[Reading::number("a", 2.0), level])),
        (1, edge.device_data(&device, NOW, &[Reading::number("b", 2.0).at(NOW)])),
    ];
    let early = edge.node_data(NOW, &[Reading::number("a", 3.0)]);
    messages.push((1, edge.node_data(NOW, &[Reading::new("a", Datatype::Double, Datum::Null)])));
    messages.push((2, early));
    edge.skip_seq();
    messages.push((1, edge.device_data(&device, NOW, &[Reading::number("undeclared", 2.0)])));
    messages.push((30, edge.device_death(&device, NOW)));
    messages.extend(edge.rebirth(NOW).into_iter().map(|message| (1, message)));
    edge.reconnect(NOW);
    messages.push((1, edge.node_birth(NOW, vec![Reading::number("a", 1.0)])));
    messages.push((1, will));
    messages.push((60, edge.will(NOW)));
    messages
}

fn step(time: u8, message: &Outgoing) -> Vec<u8> {
    let topics = ["/NBIRTH/", "/NDATA/", "/NDEATH/", "/DBIRTH/", "/DDATA/", "/DDEATH/"];
    let topic = message.topic.to_string();
    let kind = topics.iter().position(|word| topic.contains(word)).expect("a message of a node");
    let length = u16::try_from(message.payload.len()).expect("small");
    let head = [u8::try_from(kind).expect("six"), time];
    [&head[..], &length.to_le_bytes(), &message.payload].concat()
}

/// What clients send in each datatype: in its own field, and some in others.
fn every_type() -> Payload {
    let values = |datatype: Datatype| match datatype {
        Datatype::Int8 => vec![MetricValue::Int(252), MetricValue::Int(4_294_967_292), MetricValue::Long(1)],
        Datatype::Int64 | Datatype::UInt64 | Datatype::DateTime => vec![MetricValue::Long(u64::MAX), MetricValue::Int(7)],
        Datatype::Float => vec![MetricValue::Float(f32::NAN), MetricValue::Double(0.1)],
        Datatype::Double => vec![MetricValue::Double(f64::MIN), MetricValue::Int(7)],
        Datatype::Boolean => vec![MetricValue::Boolean(true), MetricValue::Int(1)],
        Datatype::String | Datatype::Text | Datatype::Uuid => vec![MetricValue::String("压力".to_owned())],
        Datatype::DataSet => vec![MetricValue::DataSet(vec![8, 1, 18, 1, 97])],
        Datatype::Template => vec![MetricValue::Template(vec![10, 1, 49])],
        Datatype::Int16 | Datatype::Int32 | Datatype::UInt8 | Datatype::UInt16 | Datatype::UInt32 => vec![MetricValue::Int(9)],
        _ => vec![MetricValue::Bytes(vec![1, 2, 3, 4])],
    };
    let metrics = (1..=34).filter_map(Datatype::of).flat_map(|datatype| {
        values(datatype).into_iter().map(move |value| Metric {
            name: Some(datatype.to_string()),
            alias: Some(datatype.number().into()),
            datatype: Some(datatype.number()),
            timestamp: Some(1_732_370_000_000),
            value: Some(value),
            ..Metric::default()
        })
    });
    Payload { timestamp: Some(1_732_370_000_000), metrics: metrics.collect(), seq: Some(255) }
}
