//! What a host says.

use std::sync::Arc;

use model::{Quality, Time};

use crate::datatype::{Datatype, Datum};
use crate::topic::NodeId;

/// One value of one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// The metric's name.
    pub name: Arc<str>,
    /// The metric's time, else the payload's, else none.
    pub time: Option<Time>,
    /// What it says.
    pub value: Datum,
    /// Its type, of the message or of the birth; `None` where neither tells.
    pub datatype: Option<Datatype>,
    /// Of the `Quality` property; good where there is none. Bad for null. At best uncertain where `alias_only`.
    pub quality: Quality,
    /// Stored by the node while nobody listened: history only.
    pub historical: bool,
    /// To be judged, not to be stored.
    pub transient: bool,
    /// Of this message or of the birth.
    pub unit: Option<Arc<str>>,
    /// Named by an alias alone, of a table that may no longer be the node's.
    pub alias_only: bool,
}

/// What a host has to do, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Values of one message. Those of a node come in the order of its sequence.
    Values {
        /// The edge node.
        node: NodeId,
        /// The device; `None` for the node's own metrics.
        device: Option<Arc<str>>,
        /// The message's number; `None` where it has none.
        seq: Option<u8>,
        /// The caller's ticket of the message.
        delivery: u64,
        /// They come with a birth.
        birth: bool,
        /// The values, in the order of the message. Never empty.
        values: Vec<Value>,
    },
    /// Said exactly once of each delivery: it may be acknowledged once all that was said before is durable.
    Done {
        /// The caller's ticket.
        delivery: u64,
    },
    /// The node speaks.
    NodeUp {
        /// The edge node.
        node: NodeId,
    },
    /// The node is gone, with all its devices.
    NodeDown {
        /// The edge node.
        node: NodeId,
        /// Since when, by the clock of the host (traps 18).
        since: Time,
        /// A sentence's fragment.
        reason: &'static str,
    },
    /// The device was born, and was not there before.
    DeviceUp {
        /// The edge node.
        node: NodeId,
        /// The device.
        device: Arc<str>,
    },
    /// The device is gone, by its death or because a new birth of the node was not followed by its own.
    DeviceDown {
        /// The edge node.
        node: NodeId,
        /// The device.
        device: Arc<str>,
        /// Since when, by the clock of the host.
        since: Time,
        /// A sentence's fragment.
        reason: &'static str,
    },
    /// Publish `Node Control/Rebirth` to the node (`edge::rebirth_command`).
    AskRebirth {
        /// The edge node.
        node: NodeId,
        /// Why.
        cause: &'static str,
    },
    /// Persist `Host::keep` of the node.
    Keep {
        /// The edge node.
        node: NodeId,
    },
    /// The message, or a part of it, is not taken: a dead letter.
    Refused {
        /// The caller's ticket; its `Done` follows.
        delivery: u64,
        /// The edge node, where the topic tells.
        node: Option<NodeId>,
        /// A word for counters.
        reason: &'static str,
        /// Field, value and cure.
        detail: String,
    },
    /// Messages are missing.
    Gap {
        /// The edge node.
        node: NodeId,
        /// When the last message before it came.
        from: Time,
        /// When the next one came.
        to: Time,
        /// How many at least; `None` where nobody can tell.
        missing: Option<u64>,
        /// A sentence's fragment.
        reason: &'static str,
    },
    /// The node breaks a rule; said the first time only, `Host::reports` counts.
    Fault {
        /// The edge node.
        node: NodeId,
        /// The device that it concerns.
        device: Option<Arc<str>>,
        /// `sparkplug.` and a word.
        rule: &'static str,
        /// What it does, and what would be right.
        detail: String,
    },
}
