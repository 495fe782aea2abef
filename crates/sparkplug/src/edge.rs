//! An edge node's side, for simulated ones: births, data and deaths as payloads, with the counters kept.
//!
//! It decides no time and sends nothing: the caller publishes what it is given, in order, each at QoS 1 and none retained.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Quality, Time};

use crate::datatype::{Datatype, Datum};
use crate::payload::{Metric, MetricValue, Payload, millis_of};
use crate::property::Properties;
use crate::topic::{DeviceKind, NodeId, NodeKind, Topic};

/// The metric of a command that asks for births.
pub const REBIRTH: &str = "Node Control/Rebirth";
/// The metric that ties a death to its birth.
pub const BD_SEQ: &str = "bdSeq";

/// How data name their metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// By name, no aliases at all.
    Names,
    /// By alias; the birth ties them to names.
    Aliases,
    /// By both.
    Both,
}

/// How an edge node behaves.
#[derive(Clone, Copy, Debug)]
pub struct EdgeOptions {
    /// How data name their metrics.
    pub naming: Naming,
    /// `bdSeq` of the first connection.
    pub bd_seq: u8,
    /// `seq` of each birth of the node.
    pub first_seq: u8,
    /// Whether data repeat the datatype that the birth declared.
    pub datatype_in_data: bool,
}

impl Default for EdgeOptions {
    fn default() -> Self {
        Self { naming: Naming::Aliases, bd_seq: 0, first_seq: 0, datatype_in_data: true }
    }
}

/// A value to send.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The metric.
    pub name: Arc<str>,
    /// Its type.
    pub datatype: Datatype,
    /// What it says; `Refused` is sent as null.
    pub value: Datum,
    /// When it was measured; left out where it is none.
    pub time: Option<Time>,
    /// Said as a property where it is there.
    pub quality: Option<Quality>,
    /// Said as a property in births.
    pub unit: Option<Arc<str>>,
    /// Stored while nobody listened.
    pub historical: bool,
    /// Not to be stored.
    pub transient: bool,
}

impl Reading {
    /// A `Double`, without time, quality and unit.
    pub fn number(name: impl Into<Arc<str>>, value: f64) -> Self {
        Self::new(name, Datatype::Double, Datum::Number(value))
    }

    /// A value of a type.
    pub fn new(name: impl Into<Arc<str>>, datatype: Datatype, value: Datum) -> Self {
        let name = name.into();
        Self { name, datatype, value, time: None, quality: None, unit: None, historical: false, transient: false }
    }

    /// With a time.
    pub fn at(self, time: Time) -> Self {
        Self { time: Some(time), ..self }
    }
}

/// A message to publish.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// Where.
    pub topic: Topic,
    /// What.
    pub payload: Vec<u8>,
}

/// One edge node with its devices.
#[derive(Clone, Debug)]
pub struct Edge {
    id: NodeId,
    options: EdgeOptions,
    bd_seq: u8,
    seq: u8,
    next_alias: u64,
    aliases: BTreeMap<(Option<Arc<str>>, Arc<str>), u64>,
    /// What was born, newest values included: what a rebirth says. `None` is the node itself.
    born: BTreeMap<Option<Arc<str>>, Vec<Reading>>,
}

impl Edge {
    /// A node that has not connected yet.
    pub fn new(id: NodeId, options: EdgeOptions) -> Self {
        let (bd_seq, seq) = (options.bd_seq, options.first_seq);
        Self { id, options, bd_seq, seq, next_alias: 1, aliases: BTreeMap::new(), born: BTreeMap::new() }
    }

    /// The node.
    pub const fn id(&self) -> &NodeId {
        &self.id
    }

    /// The `bdSeq` of this connection.
    pub const fn bd_seq(&self) -> u8 {
        self.bd_seq
    }

    /// Another `bdSeq` from now on; `Edge::will` has to be set in the next connection.
    pub const fn set_bd_seq(&mut self, bd_seq: u8) {
        self.bd_seq = bd_seq;
    }

    /// The next message's `seq`.
    pub const fn next_seq(&self) -> u8 {
        self.seq
    }

    /// Leaves a number out, as a lost message does.
    pub const fn skip_seq(&mut self) {
        self.seq = self.seq.wrapping_add(1);
    }

    /// The Will of this connection, also what a node says that leaves by itself.
    pub fn will(&self, now: Time) -> Outgoing {
        let payload = Payload { timestamp: Some(millis_of(now)), metrics: vec![self.bd_seq_metric(now)], seq: None };
        self.of_node(NodeKind::NDeath, &payload)
    }

    /// The next connection: another `bdSeq`, and its Will.
    pub fn reconnect(&mut self, now: Time) -> Outgoing {
        self.bd_seq = self.bd_seq.wrapping_add(1);
        self.will(now)
    }

    /// The node is born with these metrics of its own; its devices have to be born after it.
    pub fn node_birth(&mut self, now: Time, readings: Vec<Reading>) -> Outgoing {
        self.seq = self.options.first_seq;
        self.born.retain(|device, _| device.is_some());
        let mut payload = self.birth_payload(None, now, readings);
        payload.metrics.insert(0, self.bd_seq_metric(now));
        payload.metrics.push(control(now, false));
        self.of_node(NodeKind::NBirth, &payload)
    }

    /// A device is born with these metrics.
    pub fn device_birth(&mut self, device: &Arc<str>, now: Time, readings: Vec<Reading>) -> Outgoing {
        let payload = self.birth_payload(Some(device), now, readings);
        self.of_device(DeviceKind::DBirth, device, &payload)
    }

    /// Values of the node's own metrics.
    pub fn node_data(&mut self, now: Time, readings: &[Reading]) -> Outgoing {
        let payload = self.data_payload(None, now, readings);
        self.of_node(NodeKind::NData, &payload)
    }

    /// Values of a device's metrics.
    pub fn device_data(&mut self, device: &Arc<str>, now: Time, readings: &[Reading]) -> Outgoing {
        let payload = self.data_payload(Some(device), now, readings);
        self.of_device(DeviceKind::DData, device, &payload)
    }

    /// A device is gone.
    pub fn device_death(&mut self, device: &Arc<str>, now: Time) -> Outgoing {
        self.born.remove(&Some(device.clone()));
        let payload = Payload { timestamp: Some(millis_of(now)), metrics: Vec::new(), seq: Some(self.take_seq()) };
        self.of_device(DeviceKind::DDeath, device, &payload)
    }

    /// Whether a message is a command to this node to say its births again.
    pub fn asks_rebirth(&self, topic: &str, payload: &[u8]) -> bool {
        let Ok(Topic::Node { kind: NodeKind::NCmd, id }) = Topic::parse(topic) else { return false };
        let Ok(payload) = Payload::read(payload) else { return false };
        let yes = |metric: &Metric| {
            metric.name.as_deref() == Some(REBIRTH) && metric.value.as_ref().is_some_and(|v| *v == MetricValue::Boolean(true))
        };
        id == self.id && payload.metrics.iter().any(yes)
    }

    /// All births again, with the newest values, without a new connection: `bdSeq` stays.
    pub fn rebirth(&mut self, now: Time) -> Vec<Outgoing> {
        let born = std::mem::take(&mut self.born);
        let own = born.get(&None).cloned().unwrap_or_default();
        let mut messages = vec![self.node_birth(now, own)];
        let devices = born.into_iter().filter_map(|(device, readings)| Some((device?, readings)));
        messages.extend(devices.map(|(device, readings)| self.device_birth(&device, now, readings)));
        messages
    }

    fn birth_payload(&mut self, device: Option<&Arc<str>>, now: Time, readings: Vec<Reading>) -> Payload {
        let metrics = readings.iter().map(|reading| self.birth_metric(device, reading)).collect();
        self.born.insert(device.cloned(), readings);
        Payload { timestamp: Some(millis_of(now)), metrics, seq: Some(self.take_seq()) }
    }

    fn birth_metric(&mut self, device: Option<&Arc<str>>, reading: &Reading) -> Metric {
        let alias = (self.options.naming != Naming::Names).then(|| {
            let next = &mut self.next_alias;
            *self.aliases.entry((device.cloned(), reading.name.clone())).or_insert_with(|| {
                *next += 1;
                *next - 1
            })
        });
        let properties = Properties { quality: reading.quality, unit: reading.unit.clone() }.write();
        let datatype = Some(reading.datatype.number());
        Metric { name: Some(reading.name.to_string()), alias, datatype, properties, ..plain(reading) }
    }

    fn data_payload(&mut self, device: Option<&Arc<str>>, now: Time, readings: &[Reading]) -> Payload {
        let metrics = readings.iter().map(|reading| self.data_metric(device, reading)).collect();
        if let Some(born) = self.born.get_mut(&device.cloned()) {
            for reading in readings.iter().filter(|reading| !reading.historical) {
                if let Some(known) = born.iter_mut().find(|known| known.name == reading.name) {
                    (known.value, known.time, known.quality) = (reading.value.clone(), reading.time, reading.quality);
                }
            }
        }
        Payload { timestamp: Some(millis_of(now)), metrics, seq: Some(self.take_seq()) }
    }

    fn data_metric(&self, device: Option<&Arc<str>>, reading: &Reading) -> Metric {
        let alias = self.aliases.get(&(device.cloned(), reading.name.clone())).copied();
        let alias = alias.filter(|_| self.options.naming != Naming::Names);
        let named = alias.is_none() || self.options.naming == Naming::Both;
        let datatype = (self.options.datatype_in_data || alias.is_none()).then(|| reading.datatype.number());
        let properties = Properties { quality: reading.quality, unit: None }.write();
        Metric { name: named.then(|| reading.name.to_string()), alias, datatype, properties, ..plain(reading) }
    }

    fn bd_seq_metric(&self, now: Time) -> Metric {
        let value = Some(MetricValue::Long(self.bd_seq.into()));
        let (timestamp, datatype) = (Some(millis_of(now)), Some(Datatype::Int64.number()));
        Metric { name: Some(BD_SEQ.to_owned()), timestamp, datatype, value, ..Metric::default() }
    }

    const fn take_seq(&mut self) -> u64 {
        let seq = self.seq;
        self.seq = seq.wrapping_add(1);
        seq as u64
    }

    fn of_node(&self, kind: NodeKind, payload: &Payload) -> Outgoing {
        Outgoing { topic: Topic::Node { kind, id: self.id.clone() }, payload: payload.write() }
    }

    fn of_device(&self, kind: DeviceKind, device: &Arc<str>, payload: &Payload) -> Outgoing {
        Outgoing { topic: Topic::Device { kind, id: self.id.clone(), device: device.clone() }, payload: payload.write() }
    }
}

/// The command that asks a node for its births: what a host publishes.
pub fn rebirth_command(node: &NodeId, now: Time) -> Outgoing {
    let payload = Payload { timestamp: Some(millis_of(now)), metrics: vec![control(now, true)], seq: None };
    Outgoing { topic: Topic::Node { kind: NodeKind::NCmd, id: node.clone() }, payload: payload.write() }
}

fn control(now: Time, asked: bool) -> Metric {
    let (timestamp, datatype) = (Some(millis_of(now)), Some(Datatype::Boolean.number()));
    Metric { name: Some(REBIRTH.to_owned()), timestamp, datatype, value: Some(MetricValue::Boolean(asked)), ..Metric::default() }
}

/// What births and data say alike.
fn plain(reading: &Reading) -> Metric {
    let value = reading.datatype.write(&reading.value);
    Metric {
        timestamp: reading.time.map(millis_of),
        is_historical: reading.historical.then_some(true),
        is_transient: reading.transient.then_some(true),
        is_null: value.is_none().then_some(true),
        value,
        ..Metric::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_micros(1_732_370_000_000_000);

    fn read(message: &Outgoing) -> Payload {
        Payload::read(&message.payload).unwrap()
    }

    #[test]
    fn one_counter_over_the_node_and_its_devices() {
        let device: Arc<str> = "d".into();
        let mut edge = Edge::new(NodeId::new("g", "n").unwrap(), EdgeOptions { first_seq: 254, ..EdgeOptions::default() });
        let messages = [
            edge.node_birth(NOW, vec![Reading::number("a", 1.0)]),
            edge.device_birth(&device, NOW, vec![Reading::number("b", 1.0)]),
            edge.node_data(NOW, &[Reading::number("a", 2.0)]),
            edge.device_data(&device, NOW, &[Reading::number("b", 2.0).at(NOW)]),
            edge.device_death(&device, NOW),
        ];
        let seqs: Vec<_> = messages.iter().map(|message| read(message).seq).collect();
        assert_eq!(seqs, [Some(254), Some(255), Some(0), Some(1), Some(2)]);
        assert_eq!(messages[3].topic.to_string(), "spBv1.0/g/DDATA/n/d");
        let data = read(&messages[3]).metrics.remove(0);
        assert_eq!((data.name, data.alias, data.timestamp), (None, Some(2), Some(1_732_370_000_000)));
    }

    #[test]
    fn a_will_and_its_birth_agree() {
        let mut edge = Edge::new(NodeId::new("g", "n").unwrap(), EdgeOptions { bd_seq: 255, ..EdgeOptions::default() });
        assert_eq!(read(&edge.will(NOW)).integer(BD_SEQ), Some(255));
        let will = read(&edge.reconnect(NOW));
        assert_eq!((will.integer(BD_SEQ), will.seq), (Some(0), None));
        assert_eq!(read(&edge.node_birth(NOW, vec![])).integer(BD_SEQ), Some(0));
    }

    #[test]
    fn a_rebirth_says_the_newest_values() {
        let device: Arc<str> = "d".into();
        let mut edge = Edge::new(NodeId::new("g", "n").unwrap(), EdgeOptions::default());
        edge.node_birth(NOW, vec![]);
        edge.device_birth(&device, NOW, vec![Reading::number("b", 1.0)]);
        edge.device_data(&device, NOW, &[Reading::number("b", 2.0)]);
        let command = rebirth_command(edge.id(), NOW);
        assert!(edge.asks_rebirth(&command.topic.to_string(), &command.payload));
        assert!(!edge.asks_rebirth("spBv1.0/g/NCMD/m", &command.payload));
        let births = edge.rebirth(NOW);
        assert_eq!(births.len(), 2);
        assert_eq!(read(&births[1]).metrics[0].value, Some(MetricValue::Double(2.0)));
        assert_eq!((read(&births[0]).seq, read(&births[1]).seq), (Some(0), Some(1)));
    }
}
