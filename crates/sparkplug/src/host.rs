//! The host's session with every edge node: what came, in order, and what to do about it.
//!
//! `take` and `run` only say what is to be done; deadlines are instants (`next_deadline`). Commands and `STATE` are ignored here: whether
//! this host is announced as online, and that it says so again when someone else says otherwise, is its caller's business.
//!
//! Limits: `HostConfig::unknown_nodes_max` nodes beside those expected; the births of all nodes take `TABLE_BYTES_MAX`, held messages
//! `HELD_BYTES_MAX`; those of one node see table.rs, sequence.rs, faults.rs. Rebirth requests: see ask.rs.

mod ask;
mod births;
mod config;
mod device;
mod faults;
mod kept;
mod output;
mod report;
mod sequence;
mod session;
mod speak;
mod table;
#[cfg(test)]
mod tests;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use model::Time;

use self::ask::{Bucket, Jitter};
pub use self::config::HostConfig;
pub use self::output::{Output, Value};
pub use self::report::{FaultReport, NodeReport, RestoreError};
use self::sequence::{Numbered, digest};
use self::session::{Context, Kind, Message, Session};
use crate::payload::Payload;
use crate::topic::{DeviceKind, InvalidTopic, NodeId, NodeKind, Topic};

/// Bytes that the births of all nodes may take: 512 MiB.
const TABLE_BYTES_MAX: usize = 512 << 20;
/// Bytes of messages that wait for others, over all nodes: 64 MiB.
const HELD_BYTES_MAX: usize = 64 << 20;

/// The sessions of all edge nodes.
#[derive(Clone, Debug)]
pub struct Host {
    config: HostConfig,
    jitter: Jitter,
    /// The broker can be reached.
    linked: bool,
    /// The newest time that was said.
    now: Time,
    sessions: BTreeMap<NodeId, Session>,
    expected: BTreeSet<NodeId>,
    /// Ids in lower case, to find those that differ by nothing else (traps 23).
    folded: BTreeMap<String, NodeId>,
    deadlines: BTreeSet<(Time, NodeId)>,
    bucket: Bucket,
    table_bytes: usize,
    held_bytes: usize,
    /// Nodes that are not expected.
    strangers: usize,
}

impl Host {
    /// A host that knows nobody; `seed` is for the jitter of its requests.
    pub const fn new(config: HostConfig, seed: u64) -> Self {
        Self {
            config,
            jitter: Jitter(seed),
            linked: false,
            now: Time::MIN,
            sessions: BTreeMap::new(),
            expected: BTreeSet::new(),
            folded: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            bucket: Bucket::new(),
            table_bytes: 0,
            held_bytes: 0,
            strangers: 0,
        }
    }

    /// Takes in what `keep` gave of a node in an earlier run; what came of the node in this run goes before it.
    ///
    /// # Errors
    /// Bytes that `keep` did not write, or no room for them.
    pub fn restore(&mut self, kept: &[u8]) -> Result<NodeId, RestoreError> {
        let session = kept::restore(kept, TABLE_BYTES_MAX.saturating_sub(self.table_bytes))?;
        let id = session.id.clone();
        if self.sessions.get(&id).is_some_and(|known| known.last_message.is_some()) {
            return Ok(id);
        }
        if !self.sessions.contains_key(&id) && !self.has_room(&id) {
            return Err(RestoreError::NoRoom);
        }
        self.remove(&id);
        self.insert(session);
        Ok(id)
    }

    /// The last `seq` of a node in an earlier run, as the journal has it. Call it before `link_up`.
    pub fn resume_seq(&mut self, node: &NodeId, seq: u8) {
        if let Some(session) = self.sessions.get_mut(node).filter(|session| session.last_message.is_none()) {
            session.sequence.resume(seq);
        }
    }

    /// What `restore` takes: births, faults and the fall-back of a node.
    pub fn keep(&self, node: &NodeId) -> Option<Vec<u8>> {
        self.sessions.get(node).map(kept::keep)
    }

    /// The nodes that ought to be there: those that never speak are said to be down, too. Replaces the earlier set. A node that is named
    /// for the first time and is not there is awaited from now on, even if it was said to be down before.
    pub fn set_expected(&mut self, nodes: impl IntoIterator<Item = NodeId>) {
        let before = std::mem::replace(&mut self.expected, nodes.into_iter().collect());
        let named: Vec<NodeId> = self.expected.difference(&before).cloned().collect();
        let linked = self.linked;
        for id in named.iter().filter(|_| linked) {
            let mut nothing = Vec::new();
            self.touch(id, self.now, &mut nothing, Session::named);
            debug_assert!(nothing.is_empty(), "a node that is awaited says nothing yet");
        }
        let new: Vec<NodeId> = self.expected.iter().filter(|id| !self.sessions.contains_key(*id)).cloned().collect();
        for id in new {
            self.insert(Session::new(id));
        }
        self.strangers = self.sessions.keys().filter(|id| !self.expected.contains(*id)).count();
    }

    /// The broker is there, and every subscription is acknowledged.
    pub fn link_up(&mut self, now: Time, out: &mut Vec<Output>) {
        self.linked = true;
        self.touch_all(now, out, |session, cx| session.link_up(cx));
    }

    /// The broker is gone: nothing is known of any node. What was held back for order is delivered.
    pub fn link_down(&mut self, now: Time, out: &mut Vec<Output>) {
        self.linked = false;
        self.touch_all(now, out, |session, cx| session.link_down(cx));
    }

    /// Takes a message that came at `now`; `delivery` is the caller's ticket for it, of which `Done` is said once, now or later.
    pub fn take(&mut self, topic: &str, payload: &[u8], delivery: u64, now: Time, out: &mut Vec<Output>) {
        self.take_as(topic, payload, (delivery, false), now, out);
    }

    /// Takes a message over a way that keeps the order of what a node sends, as one connection does: what is missing before it will not
    /// come any more. It is never held back, so its `Done` is said at once.
    pub fn take_in_order(&mut self, topic: &str, payload: &[u8], delivery: u64, now: Time, out: &mut Vec<Output>) {
        self.take_as(topic, payload, (delivery, true), now, out);
    }

    fn take_as(&mut self, topic: &str, payload: &[u8], (delivery, in_order): (u64, bool), now: Time, out: &mut Vec<Output>) {
        let now = self.later(now);
        self.run(now, out);
        let (kind, id, device) = match Topic::parse(topic) {
            Err(error) => {
                let detail = format!("topic = {}: {error}", topic.chars().take(128).collect::<String>());
                out.push(Output::Refused { delivery, node: None, reason: refusal(&error), detail });
                return out.push(Output::Done { delivery });
            }
            Ok(Topic::State { .. }) => return out.push(Output::Done { delivery }),
            Ok(Topic::Node { kind, id }) => match kind {
                NodeKind::NBirth => (Kind::NodeBirth, id, None),
                NodeKind::NDeath => (Kind::NodeDeath, id, None),
                NodeKind::NData => (Kind::Numbered(Numbered::NodeData), id, None),
                NodeKind::NCmd => return out.push(Output::Done { delivery }),
            },
            Ok(Topic::Device { kind, id, device }) => match kind {
                DeviceKind::DBirth => (Kind::Numbered(Numbered::DeviceBirth), id, Some(device)),
                DeviceKind::DData => (Kind::Numbered(Numbered::DeviceData), id, Some(device)),
                DeviceKind::DDeath => (Kind::Numbered(Numbered::DeviceDeath), id, Some(device)),
                DeviceKind::DCmd => return out.push(Output::Done { delivery }),
            },
        };
        self.take_of(&id, (kind, device), payload, (delivery, in_order), now, out);
        self.grant(now, out);
    }

    /// When `run` has something to do.
    pub fn next_deadline(&self) -> Option<Time> {
        let sessions = self.deadlines.first().map(|(at, _)| *at);
        let bucket = self.bucket.deadline(&self.config, self.sessions.len());
        sessions.into_iter().chain(bucket).min()
    }

    /// Does what is due.
    pub fn run(&mut self, now: Time, out: &mut Vec<Output>) {
        let now = self.later(now);
        while let Some((at, id)) = self.deadlines.first().cloned().filter(|(at, _)| *at <= now) {
            let mut queue = false;
            self.touch(&id, now, out, |session, cx| queue = session.due(cx));
            if queue {
                self.bucket.queue.push_back(id.clone());
            }
            // Nothing that was due may be due still: that would never end.
            debug_assert!(!self.deadlines.contains(&(at, id)), "a deadline that does not go away");
        }
        self.grant(now, out);
    }

    /// What is known of each node, in the order of their ids.
    pub fn reports(&self) -> impl Iterator<Item = NodeReport> {
        self.sessions.values().map(report::of)
    }

    /// Nodes that wait in the queue for a rebirth request.
    pub fn waiting(&self) -> usize {
        self.bucket.queue.len()
    }

    fn take_of(
        &mut self,
        id: &NodeId,
        (kind, device): (Kind, Option<std::sync::Arc<str>>),
        raw: &[u8],
        (delivery, in_order): (u64, bool),
        now: Time,
        out: &mut Vec<Output>,
    ) {
        let read = Payload::read(raw).map_err(|error| (error.reason(), error.to_string())).and_then(|payload| {
            if self.sessions.contains_key(id) || self.has_room(id) {
                return Ok(payload);
            }
            let max = self.config.unknown_nodes_max;
            Err(("too_many_nodes", format!("node = {id}: {max} nodes that no site names are known already; name it in the site")))
        });
        let payload = match read {
            Ok(payload) => payload,
            Err((reason, detail)) => {
                if let Some(session) = self.sessions.get_mut(id) {
                    session.counts.messages += 1;
                    session.counts.refused += 1;
                }
                if kind == Kind::NodeDeath {
                    let why = format!("an NDEATH that cannot be read: {detail}");
                    self.touch(id, now, out, |session, cx| session.suspect("sparkplug.death_unreadable", why, cx));
                }
                out.push(Output::Refused { delivery, node: Some(id.clone()), reason, detail });
                return out.push(Output::Done { delivery });
            }
        };
        self.meet(id, now, out);
        let digest = digest(kind.code(), device.as_deref(), raw);
        let message = Message { kind, device, raw, payload, digest, delivery, in_order };
        self.touch(id, now, out, |session, cx| session.take(&message, cx));
    }

    /// Makes a session for a node that speaks for the first time.
    fn meet(&mut self, id: &NodeId, now: Time, out: &mut Vec<Output>) {
        if !self.sessions.contains_key(id) {
            self.insert(Session::new(id.clone()));
        }
        if self.sessions.get(id).is_none_or(|session| session.counts.messages > 0) {
            return;
        }
        let other = self.folded.entry(id.to_string().to_lowercase()).or_insert_with(|| id.clone()).clone();
        if other != *id {
            let detail = format!("edge nodes `{id}` and `{other}` differ by case alone: they are two; rename one");
            self.touch(id, now, out, |session, cx| session.fault("sparkplug.case_collision", None, &detail, cx));
        }
    }

    /// The newest time that was said: messages may be told of after timers that fired later than they came, and time does not go back.
    fn later(&mut self, now: Time) -> Time {
        self.now = self.now.max(now);
        self.now
    }

    fn has_room(&self, id: &NodeId) -> bool {
        self.expected.contains(id) || self.strangers < self.config.unknown_nodes_max
    }

    /// A node that is known from now on, and awaited while there is a link.
    fn insert(&mut self, session: Session) {
        let id = session.id.clone();
        self.strangers += usize::from(!self.expected.contains(&id));
        self.table_bytes += session.tables.bytes;
        self.sessions.insert(id.clone(), session);
        if self.linked {
            let mut nothing = Vec::new();
            self.touch(&id, self.now, &mut nothing, |session, cx| session.link_up(cx));
            debug_assert!(nothing.is_empty(), "a node that is awaited says nothing yet");
        }
    }

    fn remove(&mut self, id: &NodeId) {
        let Some(session) = self.sessions.remove(id) else { return };
        self.strangers -= usize::from(!self.expected.contains(id));
        self.table_bytes -= session.tables.bytes;
        self.held_bytes -= session.sequence.held_bytes();
        if let Some(at) = session.indexed {
            self.deadlines.remove(&(at, id.clone()));
        }
    }

    /// Lets a session do something, and keeps the sums and the index of deadlines right.
    fn touch(&mut self, id: &NodeId, now: Time, out: &mut Vec<Output>, act: impl FnOnce(&mut Session, &mut Context<'_>)) {
        let now = self.later(now);
        let Some(session) = self.sessions.get_mut(id) else { return };
        self.table_bytes -= session.tables.bytes;
        self.held_bytes -= session.sequence.held_bytes();
        let table_room = TABLE_BYTES_MAX.saturating_sub(self.table_bytes + session.tables.bytes);
        let held_room = HELD_BYTES_MAX.saturating_sub(self.held_bytes + session.sequence.held_bytes());
        act(session, &mut Context { config: &self.config, jitter: &mut self.jitter, now, table_room, held_room, out });
        self.table_bytes += session.tables.bytes;
        self.held_bytes += session.sequence.held_bytes();
        let deadline = session.deadline(&self.config);
        if deadline != session.indexed {
            if let Some(at) = session.indexed {
                self.deadlines.remove(&(at, id.clone()));
            }
            self.deadlines.extend(deadline.map(|at| (at, id.clone())));
            session.indexed = deadline;
        }
    }

    fn touch_all(&mut self, now: Time, out: &mut Vec<Output>, act: impl Fn(&mut Session, &mut Context<'_>)) {
        let ids: Vec<NodeId> = self.sessions.keys().cloned().collect();
        for id in ids {
            self.touch(&id, now, out, &act);
        }
    }

    /// Asks those at the head of the queue, as far as the bucket goes.
    fn grant(&mut self, now: Time, out: &mut Vec<Output>) {
        let (now, nodes) = (self.later(now), self.sessions.len());
        while let Some(id) = self.bucket.queue.front().cloned() {
            let linked = self.linked;
            let cause = self.sessions.get(&id).and_then(|session| session.ask.cause(now).filter(|_| linked));
            if cause.is_some() && !self.bucket.take(now, &self.config, nodes) {
                return;
            }
            self.bucket.queue.pop_front();
            self.touch(&id, now, out, |session, cx| session.turn(cause, cx));
        }
    }
}

const fn refusal(error: &InvalidTopic) -> &'static str {
    match error {
        InvalidTopic::Namespace | InvalidTopic::Levels { .. } | InvalidTopic::Kind { .. } => "topic",
        InvalidTopic::Id { .. } => "topic_id",
    }
}
