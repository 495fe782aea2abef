//! What a host knows of its nodes.

use std::sync::Arc;

use model::Time;

use super::session::Session;
use crate::topic::NodeId;

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
    /// Its devices, and whether each is up.
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
    /// It says what cannot be.
    #[error("read kept births: {what} is broken")]
    Broken {
        /// Which part.
        what: &'static str,
    },
    /// There is no room for another node, or for its metrics.
    #[error("read kept births: there is no room for more nodes or metrics")]
    NoRoom,
}

/// The report of a session.
pub(super) fn of(session: &Session) -> NodeReport {
    let up = session.presence.up == Some(true);
    NodeReport {
        node: session.id.clone(),
        connected: session.presence.up,
        since: session.presence.since,
        last_message: session.last_message,
        devices: session.devices.iter().map(|(name, device)| (name.clone(), up && device.presence.up != Some(false))).collect(),
        messages: session.counts.messages,
        refused: session.counts.refused,
        gaps: session.counts.gaps,
        repeats: session.counts.repeats,
        unknown_aliases: session.counts.unknown_aliases,
        births: session.counts.births,
        rebirths: session.ask.by_cause.iter().map(|(cause, count)| (*cause, *count)).collect(),
        last_rebirth: session.ask.last,
        supervised: session.watched(),
        faults: session.faults.iter().cloned().collect(),
    }
}
