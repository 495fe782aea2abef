//! The host's session with every edge node: what came, in order, and what to do about it.

use std::sync::Arc;

use model::{Quality, Span, Time};

use crate::datatype::{Datatype, Datum};
use crate::topic::NodeId;

/// How patient a host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostConfig {
    /// How long a message that is missing in the sequence is waited for: 2 s.
    pub reorder_wait: Span,
    /// How long a death that does not fit the birth is doubted: 5 s.
    pub death_grace: Span,
    /// The least time between two rebirth requests to one node: 10 s; doubled with each that changes nothing.
    pub rebirth_min_interval: Span,
    /// The longest time between two rebirth requests to one node: 10 min.
    pub rebirth_max_interval: Span,
    /// Requests without an answer after which a node is no longer supervised by its sequence: 4.
    pub rebirth_attempts: u32,
    /// Rebirth requests a second, over all nodes: 5; more where that is needed for `catch_up_within`.
    pub bucket_per_s: u32,
    /// Rebirth requests at once: 10.
    pub bucket_burst: u32,
    /// Every known node can be asked within this time: 5 min.
    pub catch_up_within: Span,
    /// Edge nodes known beyond those that are expected: 5,000; others are refused.
    pub unknown_nodes_max: usize,
}

impl Default for HostConfig {
    fn default() -> Self {
        Self {
            reorder_wait: Span::from_secs(2),
            death_grace: Span::from_secs(5),
            rebirth_min_interval: Span::from_secs(10),
            rebirth_max_interval: Span::from_secs(600),
            rebirth_attempts: 4,
            bucket_per_s: 5,
            bucket_burst: 10,
            catch_up_within: Span::from_secs(300),
            unknown_nodes_max: 5_000,
        }
    }
}

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

/// A rule that a node breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultReport {
    /// The device that it concerns, newest one.
    pub device: Option<Arc<str>>,
    /// `sparkplug.` and a word.
    pub rule: Arc<str>,
    /// The newest detail.
    pub detail: String,
    /// The first time.
    pub since: Time,
    /// The newest time.
    pub last: Time,
    /// How often.
    pub count: u64,
}

/// What is known of a node.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeReport {
    /// The edge node.
    pub node: NodeId,
    /// Up; `None` while it is awaited.
    pub connected: Option<bool>,
    /// Since when that is so.
    pub since: Option<Time>,
    /// When its last message came.
    pub last_message: Option<Time>,
    /// Its devices, and whether each is born.
    pub devices: Vec<(Arc<str>, bool)>,
    /// Messages that came.
    pub messages: u64,
    /// Messages that were refused.
    pub refused: u64,
    /// Gaps in its sequence.
    pub gaps: u64,
    /// Repeats that were dropped.
    pub repeats: u64,
    /// Values that no birth names.
    pub unknown_aliases: u64,
    /// Births of the node that came.
    pub births: u64,
    /// Rebirths asked for, by cause.
    pub rebirths: Vec<(&'static str, u64)>,
    /// When a rebirth was last asked for.
    pub last_rebirth: Option<Time>,
    /// False after the fall-back: its data are taken as they come.
    pub supervised: bool,
    /// The rules it breaks.
    pub faults: Vec<FaultReport>,
}

/// Why kept bytes cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// It does not begin like what `keep` writes, or is of another version.
    #[error("read kept births: these are none of a version that is known")]
    NotKept,
    /// It ends too early, goes on too long, or says what cannot be.
    #[error("read kept births: {what} is broken at byte {at}")]
    Broken {
        /// Which part.
        what: &'static str,
        /// Where.
        at: usize,
    },
}

/// The sessions of all edge nodes.
#[derive(Debug)]
pub struct Host {
    config: HostConfig,
}

impl Host {
    /// A host that knows nobody; `seed` is for the jitter of its requests.
    pub fn new(config: HostConfig, seed: u64) -> Self {
        let _ = seed;
        Self { config }
    }

    /// Takes in what `keep` gave of a node in an earlier run.
    ///
    /// # Errors
    /// Bytes that `keep` did not write.
    pub fn restore(&mut self, _kept: &[u8]) -> Result<NodeId, RestoreError> {
        Err(RestoreError::NotKept)
    }

    /// The last `seq` of a node in an earlier run, as the journal has it.
    pub fn resume_seq(&mut self, _node: &NodeId, _seq: u8) {}

    /// What `restore` takes: births, faults and the fall-back of a node.
    pub fn keep(&self, _node: &NodeId) -> Option<Vec<u8>> {
        None
    }

    /// The nodes that ought to be there: those that never speak are said to be down, too.
    pub fn set_expected(&mut self, _nodes: impl IntoIterator<Item = NodeId>) {}

    /// The broker is there, and every subscription is acknowledged.
    pub fn link_up(&mut self, _now: Time, _out: &mut Vec<Output>) {}

    /// The broker is gone: nothing is known of any node.
    pub fn link_down(&mut self, _now: Time, _out: &mut Vec<Output>) {}

    /// Takes a message; `delivery` is the caller's ticket for it. `STATE` and commands are ignored: they are the caller's business.
    pub fn take(&mut self, _topic: &str, _payload: &[u8], delivery: u64, _now: Time, out: &mut Vec<Output>) {
        out.push(Output::Done { delivery });
    }

    /// When `run` has something to do.
    pub fn next_deadline(&self) -> Option<Time> {
        None
    }

    /// Does what is due.
    pub fn run(&mut self, _now: Time, _out: &mut Vec<Output>) {}

    /// What is known of each node, in the order of their ids.
    pub fn reports(&self) -> impl Iterator<Item = NodeReport> {
        std::iter::empty()
    }

    /// Nodes that wait for a rebirth request.
    pub fn waiting(&self) -> usize {
        let _ = self.config;
        0
    }
}
