//! What is kept of a node from one run to the next: its births as far as they declare metrics, its faults, its fall-back.
//!
//! A protobuf message of our own, version 1: the births are payloads of Sparkplug B, without values. Fields are only added.

use std::sync::Arc;

use model::Time;
use prost::Message;

use super::report::{FaultReport, RestoreError};
use super::session::{Device, Session};
use super::table::{DEVICES_MAX, Table};
use crate::payload::{Metric, Payload};
use crate::property::Properties;
use crate::topic::NodeId;

const VERSION: u32 = 0x5344_0001;
/// The most bytes that are read.
const KEPT_BYTES_MAX: usize = 64 << 20;

#[derive(Clone, PartialEq, Message)]
struct Kept {
    #[prost(fixed32, tag = "1")]
    version: u32,
    #[prost(string, tag = "2")]
    node: String,
    #[prost(uint64, optional, tag = "3")]
    bd_seq: Option<u64>,
    #[prost(bool, tag = "4")]
    unsupervised: bool,
    #[prost(message, repeated, tag = "5")]
    births: Vec<KeptBirth>,
    #[prost(message, repeated, tag = "6")]
    faults: Vec<KeptFault>,
}

#[derive(Clone, PartialEq, Message)]
struct KeptBirth {
    #[prost(string, optional, tag = "1")]
    device: Option<String>,
    #[prost(bytes = "vec", tag = "2")]
    payload: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct KeptFault {
    #[prost(string, optional, tag = "1")]
    device: Option<String>,
    #[prost(string, tag = "2")]
    rule: String,
    #[prost(string, tag = "3")]
    detail: String,
    #[prost(int64, tag = "4")]
    since: i64,
    #[prost(int64, tag = "5")]
    last: i64,
    #[prost(uint64, tag = "6")]
    count: u64,
}

/// The bytes of a session.
pub(super) fn keep(session: &Session) -> Vec<u8> {
    let births = session
        .tables
        .iter()
        .map(|(device, table)| KeptBirth { device: device.as_ref().map(ToString::to_string), payload: birth(table).write() });
    let faults = session.faults.iter().map(|fault| KeptFault {
        device: fault.device.as_ref().map(ToString::to_string),
        rule: fault.rule.to_string(),
        detail: fault.detail.clone(),
        since: fault.since.micros(),
        last: fault.last.micros(),
        count: fault.count,
    });
    let kept = Kept {
        version: VERSION,
        node: session.id.to_string(),
        bd_seq: session.bd_seq,
        unsupervised: !session.supervised,
        births: births.collect(),
        faults: faults.collect(),
    };
    kept.encode_to_vec()
}

/// The session of such bytes.
pub(super) fn restore(bytes: &[u8], room: usize) -> Result<Session, RestoreError> {
    if bytes.len() > KEPT_BYTES_MAX {
        return Err(RestoreError::NoRoom);
    }
    let kept = Kept::decode(bytes).map_err(|_| RestoreError::NotKept)?;
    if kept.version != VERSION {
        return Err(RestoreError::NotKept);
    }
    let mut session = Session::new(NodeId::parse(&kept.node).map_err(|_| RestoreError::Broken { what: "the node" })?);
    (session.bd_seq, session.supervised) = (kept.bd_seq, !kept.unsupervised);
    for birth in kept.births {
        let payload = Payload::read(&birth.payload).map_err(|_| RestoreError::Broken { what: "a birth" })?;
        let device: Option<Arc<str>> = birth.device.map(Arc::from);
        let room = room.saturating_sub(session.tables.bytes);
        session.tables.declare(&device, &payload, room).ok_or(RestoreError::NoRoom)?;
        if let Some(device) = device {
            session.devices.insert(device, Device { born: true, ..Device::default() });
        }
    }
    if session.devices.len() > DEVICES_MAX {
        return Err(RestoreError::NoRoom);
    }
    for fault in kept.faults {
        let (since, last) = (Time::from_micros(fault.since), Time::from_micros(fault.last));
        let (device, rule) = (fault.device.map(Arc::from), Arc::from(fault.rule));
        session.faults.restore(FaultReport { device, rule, detail: fault.detail, since, last, count: fault.count });
    }
    Ok(session)
}

/// A birth that declares what a table has.
fn birth(table: &Table) -> Payload {
    let metrics = table.metrics.iter().map(|(name, known)| Metric {
        name: Some(name.to_string()),
        alias: known.alias,
        datatype: known.datatype.map(crate::datatype::Datatype::number),
        properties: Properties { quality: None, unit: known.unit.clone() }.write(),
        ..Metric::default()
    });
    Payload { timestamp: None, metrics: metrics.collect(), seq: None }
}
