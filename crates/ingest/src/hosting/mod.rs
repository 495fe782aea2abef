//! Sparkplug B in ingest: the host's session beside the journal. What the session says becomes records, in the order it is said.
//!
//! A node's own sequence number travels in the messages of its home partition, so that the next start knows where it stood. While the
//! births of a node are not on disk its messages carry none: a restart then doubts it, which is right, for its aliases may be others.

pub(crate) mod births;
mod keeping;
mod missed;
mod records;
mod state;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use metrics::{counter, gauge};
use model::{GatewayPath, Message, Partition, Protocol, Time};
use sparkplug::{Host, HostConfig, NodeId, Output, Payload, Topic, Value};
use tokio::sync::mpsc;
use tracing::warn;

use crate::dead::Refused;
use crate::index::{SiteIndex, node_of};
use crate::intake::{Intake, known};
use crate::json::Faults;
use crate::link::{Ack, LocalOutlet, Outgoing, Room};
use crate::metrics as names;
use crate::report::{Book, Stray};
use crate::round::Slot;
use births::Births;
use keeping::Keeping;
use missed::Missed;
pub(crate) use state::HostState;

/// What begins like this is Sparkplug's.
pub(crate) const NAMESPACE: &[u8] = b"spBv1.0/";

/// Where commands to nodes go: every link that has nodes behind it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Commands {
    /// To the connection's own task (traps 10).
    pub(crate) mqtt: Option<mpsc::Sender<Outgoing>>,
    pub(crate) local: Option<LocalOutlet>,
}

impl Commands {
    /// What finds no room is dropped and counted: the session asks again by itself.
    fn publish(&self, outgoing: Outgoing) {
        if let Some(local) = &self.local
            && !local.publish(outgoing.topic.clone(), outgoing.payload.clone(), outgoing.retain)
        {
            counter!(names::COMMANDS_DROPPED).increment(1);
        }
        if let Some(mqtt) = &self.mqtt
            && mqtt.try_send(outgoing).is_err()
        {
            counter!(names::COMMANDS_DROPPED).increment(1);
        }
    }
}

/// The host and what is kept beside it.
pub(crate) struct Hosting {
    host: Host,
    state: HostState,
    pub(crate) births: Births,
    keeping: Keeping,
    pub(crate) missed: Missed,
    pub(crate) commands: Commands,
    /// Nodes of the site.
    nodes: BTreeMap<NodeId, Node>,
    /// Paths of nodes and devices that are there, of the site or not.
    present: BTreeSet<String>,
    /// Paths of those that were said to be gone since the link came up: since when, and why.
    gone: BTreeMap<String, (Time, String)>,
    /// Deliveries that the session holds, by ticket.
    held: BTreeMap<u64, Held>,
    ticket: u64,
    /// Where the sequence of each node stood in the journal; `None` where its last message carried no number.
    resumed: BTreeMap<NodeId, Option<u8>>,
    out: Vec<Output>,
    /// The newest time the session was told: of deliveries, or of a look at what is due.
    newest: Time,
}

/// What is kept of a node of the site.
#[derive(Debug, Default)]
struct Node {
    book: Book,
    slot: Slot,
}

/// A delivery the session has not done with.
#[derive(Debug)]
struct Held {
    topic: Bytes,
    payload: Bytes,
    at: Time,
    ack: Ack,
    /// The journal has its sequence number.
    numbered: bool,
    /// Of a publisher in this process; over a broker the session itself bounds what it holds.
    _room: Option<Room>,
}

/// Values of one message, as the session tells them.
struct Told<'a> {
    node: &'a NodeId,
    device: Option<&'a str>,
    seq: Option<u8>,
    delivery: u64,
    birth: bool,
    values: &'a [Value],
}

impl Hosting {
    pub(crate) fn new(host_id: &str, seed: u64) -> Self {
        Self {
            host: Host::new(HostConfig::default(), seed),
            state: HostState::new(host_id),
            births: Births::default(),
            keeping: Keeping::default(),
            missed: Missed::default(),
            commands: Commands::default(),
            nodes: BTreeMap::new(),
            present: BTreeSet::new(),
            gone: BTreeMap::new(),
            held: BTreeMap::new(),
            ticket: 0,
            resumed: BTreeMap::new(),
            out: Vec::new(),
            newest: Time::MIN,
        }
    }

    /// Takes in what an earlier run kept of a node; after `expect`, so that nodes of no site do not take the place of those of one.
    pub(crate) fn restore(&mut self, kept: &[u8]) {
        if let Err(error) = self.host.restore(kept) {
            warn!(%error, "births of a node left out; it is asked for them");
        }
    }

    /// Notes a message of an earlier run, oldest first. A batch does not say how its gateways speak: a path of plain JSON or gRPC may
    /// begin like a node, and its number is no node's.
    pub(crate) fn recall(&mut self, index: &SiteIndex, partition: Partition, path: &str, seq: Option<u64>) {
        let node = node_of(path);
        let other = [Protocol::Mqtt, Protocol::Grpc].into_iter().any(|it| index.gateway(it, path).is_some());
        if other && path != node && index.gateway(Protocol::Sparkplug, path).is_none() {
            return;
        }
        let seq = seq.filter(|_| !other);
        if index.node(node).is_some_and(|it| it.home == partition)
            && let Ok(node) = NodeId::parse(node)
        {
            self.resumed.insert(node, seq.and_then(|seq| u8::try_from(seq).ok()));
        }
    }

    /// Goes on where earlier runs stood.
    pub(crate) fn resume(&mut self, index: &SiteIndex) {
        for (node, seq) in std::mem::take(&mut self.resumed) {
            if let Some(seq) = seq {
                self.host.resume_seq(&node, seq);
            }
        }
        self.expect(index);
    }

    /// Tells the session which nodes ought to be there.
    pub(crate) fn expect(&mut self, index: &SiteIndex) {
        self.host.set_expected(index.nodes().filter_map(|(name, _)| NodeId::parse(name).ok()));
    }

    /// The link inside the process begins: the host is there.
    pub(crate) fn begin_local(&mut self, now: Time) {
        self.state.reconnect(u64::try_from(now.micros() / 1_000).unwrap_or_default());
        self.say_state(true);
    }

    /// The link inside the process ends: the host says so itself.
    pub(crate) fn end_local(&self) {
        self.say_state(false);
    }

    fn say_state(&self, online: bool) {
        if let Some(local) = &self.commands.local
            && !local.publish(self.state.topic().to_owned(), self.state.payload(online), true)
        {
            warn!(online, "STATE not published: too much waits to go out");
        }
    }
}

impl Intake {
    /// Takes a publication under `spBv1.0/`.
    pub(crate) fn take_sparkplug(
        &mut self,
        (topic, payload): (Bytes, Bytes),
        at: Time,
        (ack, room): (Ack, Option<Room>),
        now: Time,
    ) {
        let Ok(text) = std::str::from_utf8(&topic).map(str::to_owned) else {
            self.round.acks.push(ack);
            return;
        };
        if self.hosting.state.is_denied_by(&topic, &payload) {
            self.hosting.say_state(true);
        }
        // Over a broker the session is clean: what is unacknowledged would never come again, and acknowledgements keep the order of arrival.
        let ack = match ack {
            Ack::Mqtt(_) => {
                self.round.acks.push(ack);
                Ack::Nobody
            }
            ack => ack,
        };
        let hosting = &mut self.hosting;
        hosting.ticket += 1;
        let ticket = hosting.ticket;
        // One connection brings a node's messages in its order, and is not read on while one of them is held (traps 16).
        let in_order = matches!(ack, Ack::Local(_));
        let (kept_room, _let_go) = if in_order { (room, None) } else { (None, room) };
        hosting.held.insert(ticket, Held { topic, payload: payload.clone(), at, ack, numbered: false, _room: kept_room });
        // At the time it came: what was due later must not be done before it.
        hosting.newest = hosting.newest.max(at);
        let take = if in_order { sparkplug::Host::take_in_order } else { sparkplug::Host::take };
        take(&mut hosting.host, &text, &payload, ticket, hosting.newest, &mut hosting.out);
        self.apply_session(now);
    }

    /// The broker is there, with every subscription.
    pub(crate) fn sparkplug_up(&mut self, now: Time) {
        self.say_missed(now);
        self.hosting.newest = self.hosting.newest.max(now);
        self.hosting.host.link_up(now, &mut self.hosting.out);
        self.apply_session(now);
    }

    /// The broker is gone, and with it every node; the record that says so follows.
    pub(crate) fn sparkplug_down(&mut self, now: Time) {
        self.hosting.host.link_down(now, &mut self.hosting.out);
        self.apply_session(now);
        self.hosting.present.clear();
        self.hosting.gone.clear();
    }

    /// Does what is due in the session.
    pub(crate) fn run_sparkplug(&mut self, now: Time) {
        if self.hosting.host.next_deadline().is_some_and(|due| due <= now) {
            self.hosting.newest = self.hosting.newest.max(now);
            self.hosting.host.run(now, &mut self.hosting.out);
            self.apply_session(now);
        }
        self.keep_births(now, false);
    }

    /// The end of this run: what the session holds back for its order was acknowledged long ago, so it is taken now.
    pub(crate) fn end_sparkplug(&mut self, now: Time) {
        self.hosting.host.link_down(now, &mut self.hosting.out);
        self.apply_session(now);
        self.keep_births(now, true);
    }

    fn apply_session(&mut self, now: Time) {
        let mut out = std::mem::take(&mut self.hosting.out);
        // First of all, so that nothing of the same message counts as kept.
        for output in &out {
            if let Output::Keep { node } = output {
                self.hosting.keeping.want(node);
            }
        }
        for output in out.drain(..) {
            self.apply_output(&output, now);
        }
        self.hosting.out = out;
        #[expect(clippy::cast_precision_loss, reason = "a number of nodes")]
        gauge!(names::PRESENT).set(self.hosting.present.len() as f64);
    }

    fn apply_output(&mut self, output: &Output, now: Time) {
        match output {
            Output::Values { node, device, seq, delivery, birth, values } => {
                let told = Told { node, device: device.as_deref(), seq: *seq, delivery: *delivery, birth: *birth, values };
                self.take_values(&told, now);
            }
            Output::Done { delivery } => self.done(*delivery),
            Output::NodeUp { node } => self.present(&node.to_string(), now),
            Output::DeviceUp { node, device } => self.present(&format!("{node}/{device}"), now),
            Output::NodeDown { node, since, reason } => self.absent(&node.to_string(), *since, reason, now),
            Output::DeviceDown { node, device, since, reason } => self.absent(&format!("{node}/{device}"), *since, reason, now),
            Output::AskRebirth { node, cause } => self.ask_rebirth(node, cause, now),
            Output::Keep { .. } => {}
            Output::Refused { delivery, node, reason, detail } => {
                self.refuse_message(*delivery, node.as_ref(), (reason, detail), now)
            }
            Output::Gap { node, from, to, missing, reason } => self.session_gap(node, (*from, *to), *missing, reason),
            Output::Fault { node, device, rule, detail } => self.session_fault(node, device.as_deref(), rule, detail),
        }
    }

    fn take_values(&mut self, told: &Told<'_>, now: Time) {
        let node = told.node.to_string();
        let path = told.device.map_or_else(|| node.clone(), |device| format!("{node}/{device}"));
        let arrived = self.hosting.held.get(&told.delivery).map_or(now, |held| held.at);
        let tags = self.index.gateway(Protocol::Sparkplug, &path).cloned();
        let (mut faults, mut samples, mut strays) = (Faults::default(), Vec::new(), Vec::new());
        for value in told.values {
            match tags.as_ref().and_then(|tags| Some((tags, tags.index_of(&value.name)?))) {
                Some((tags, point)) => samples.extend(values::sample(tags.point(point), value, arrived, &mut faults)),
                None if values::is_protocols_own(&value.name) => {}
                None => strays.push(value),
            }
        }
        samples.sort_by_key(|sample| sample.time);
        let seq = told.seq.filter(|_| !self.hosting.is_unkept(told.node)).map(u64::from);
        let home = self.index.node(&node).map(|it| it.home);
        let mut messages = 0;
        if let Some(tags) = &tags {
            let gateway = known(&mut self.gateways, tags);
            for own in samples.chunk_by(|one, other| one.time == other.time) {
                let count = u32::try_from(own.len()).expect("a payload holds fewer");
                let message = Message { samples: count, seq, ..Message::default() };
                self.round.part(gateway.partition).push(self.index.revision, &gateway.path, &mut gateway.slot, message, own);
                messages += 1;
            }
            gateway.note_unmapped(strays.iter().map(|it| it.name.chars().take(128).collect()), strays.len() as u64, now);
            let numbered = messages > 0 && home == Some(gateway.partition);
            self.number(told.node, seq.filter(|_| !numbered));
        } else {
            self.number(told.node, seq);
        }
        if let Some(held) = self.hosting.held.get_mut(&told.delivery) {
            held.numbered = true;
        }
        counter!(names::MESSAGES).increment(messages);
        counter!(names::SAMPLES).increment(samples.len() as u64);
        counter!(names::UNMAPPED).increment(strays.len() as u64);
        let live = |sample: &&model::Sample| !sample.flags.historical && !sample.flags.arrival_time;
        let newest = samples.iter().filter(live).map(|it| it.time).max().filter(|_| !told.birth);
        let book = self.book(told.node);
        book.arrived(arrived, messages.max(1), samples.len() as u64);
        book.unmapped_values += strays.len() as u64;
        if let Some(newest) = newest {
            book.offset(arrived, newest);
        }
        for value in strays {
            let (datatype, unit) =
                (value.datatype.map_or("", sparkplug::Datatype::as_str), value.unit.as_deref().unwrap_or_default());
            book.stray(&Stray { tag: &value.name, device: told.device, datatype, unit, value: values::text_of(value) });
        }
        if let Some(reason) = faults.reason() {
            self.book(told.node).refused += 1;
            self.refuse_payload(told.delivery, &path, (reason.as_str(), &faults.detail()), now);
        }
    }

    /// Journals where the sequence of a node stands, where no message of its home partition does.
    fn number(&mut self, node: &NodeId, seq: Option<u64>) {
        let name = node.to_string();
        let (Some(seq), Some(tags), Ok(path)) = (seq, self.index.node(&name), GatewayPath::new(&name)) else { return };
        let kept = self.hosting.nodes.entry(node.clone()).or_default();
        let message = Message { seq: Some(seq), ..Message::default() };
        self.round.part(tags.home).push(self.index.revision, &path, &mut kept.slot, message, &[]);
    }

    fn done(&mut self, delivery: u64) {
        let Some(held) = self.hosting.held.remove(&delivery) else { return };
        // A death of a device has a number and no values.
        if !held.numbered
            && let Ok(Topic::Device { kind: sparkplug::DeviceKind::DDeath, id, .. }) =
                Topic::parse(&String::from_utf8_lossy(&held.topic))
            && let Ok(Payload { seq: Some(seq), .. }) = Payload::read(&held.payload)
            && !self.hosting.is_unkept(&id)
        {
            self.number(&id, Some(seq).filter(|seq| *seq < 256));
        }
        if !matches!(held.ack, Ack::Nobody) {
            self.round.acks.push(held.ack);
        }
    }

    fn refuse_message(&mut self, delivery: u64, node: Option<&NodeId>, (reason, detail): (&'static str, &str), now: Time) {
        let name = node.map(ToString::to_string).unwrap_or_default();
        if let Some(node) = node {
            self.book(node).refused += 1;
        }
        self.refuse_payload(delivery, &name, (reason, detail), now);
    }

    fn refuse_payload(&mut self, delivery: u64, gateway: &str, (reason, detail): (&'static str, &str), now: Time) {
        let (topic, payload) = match self.hosting.held.get(&delivery) {
            Some(held) => (String::from_utf8_lossy(&held.topic).into_owned(), held.payload.clone()),
            None => (String::new(), Bytes::new()),
        };
        self.refuse(Refused { gateway, topic: &topic, reason, detail: detail.to_owned(), payload: &payload }, now);
    }
}
