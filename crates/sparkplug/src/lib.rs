//! Sparkplug B 3.0 without IO: payloads, topics, the host's session with its edge nodes, and an edge node's side for simulated ones.
//! In: topics and payloads as they came, with the time of their arrival; time itself.
//! Out: values by metric name, births to keep, nodes and devices that came and went, rebirths to ask for, rules that a node breaks.
//! May not enter: clocks, IO, async, logging, hash order, what a value means, any Davy crate but model.
//! Start at host.rs; payload.rs reads and writes what goes over the wire.

mod datatype;
pub mod edge;
mod host;
mod payload;
mod property;
mod topic;

pub use datatype::{Datatype, Datum};
pub use host::{FaultReport, Host, HostConfig, NodeReport, Output, RestoreError, Value};
pub use payload::{DecodeError, Metric, MetricValue, PAYLOAD_BYTES_MAX, PAYLOAD_METRICS_MAX, Payload, millis_of, time_of};
pub use property::{Properties, PropertySet, PropertyValue, PropertyValueKind};
pub use topic::{DeviceKind, ID_BYTES_MAX, InvalidTopic, NodeId, NodeKind, Topic};
