//! The session of one edge node: whether it is there, what it declared, what of its sequence is missing, what it has to be asked.
//!
//! Every message comes through `take`; timers are instants that `deadline` names and `due` acts on.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Span, Time};

use super::ask::{Ask, Jitter, RESUME, SILENT};
use super::births::Births;
use super::config::HostConfig;
use super::faults::Faults;
use super::output::Output;
use super::sequence::{Numbered, Patience, Sequence};
use super::table::Tables;
use crate::payload::Payload;
use crate::topic::NodeId;

/// How long the devices of a node have to be born again after it, before they are said to be gone.
pub(super) const DEVICE_GRACE: Span = Span::from_secs(30);
/// Gaps within this time are said together.
pub(super) const GAP_QUIET: Span = Span::from_secs(10);
/// The same for a node whose sequence is given up: its numbers may count for others, too.
const GAP_QUIET_UNWATCHED: Span = Span::from_secs(600);
/// How often a node that is awaited and says nothing is asked: a request may get lost.
const SILENT_ASKS: u8 = 3;
/// So many messages in order without a fault, and earlier requests are forgotten.
const CURED_RUN: u32 = 64;
/// So many, and a node whose sequence was given up is supervised again.
const RECOVERED_RUN: u32 = 256;

/// What a session works with: the time, the limits that all share, and where to say things.
pub(super) struct Context<'a> {
    pub(super) config: &'a HostConfig,
    pub(super) jitter: &'a mut Jitter,
    pub(super) now: Time,
    /// Bytes left for births of all nodes.
    pub(super) table_room: usize,
    /// Bytes left for held messages of all nodes.
    pub(super) held_room: usize,
    pub(super) out: &'a mut Vec<Output>,
}

/// A message of the node, read.
pub(super) struct Message<'a> {
    pub(super) kind: Kind,
    pub(super) device: Option<Arc<str>>,
    pub(super) raw: &'a [u8],
    pub(super) payload: Payload,
    pub(super) digest: u64,
    pub(super) delivery: u64,
    /// Nothing that comes later was sent before it.
    pub(super) in_order: bool,
}

/// What it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    NodeBirth,
    NodeDeath,
    Numbered(Numbered),
}

/// Whether something is there, and since when that is known. `None` is awaited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Presence {
    pub(super) up: Option<bool>,
    pub(super) since: Option<Time>,
}

/// A device of the node.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Device {
    pub(super) presence: Presence,
    /// Born since the node's last birth.
    pub(super) born: bool,
    /// It spoke without, and the node is to be asked for that.
    pub(super) missed: bool,
    /// If it is not born until then it is gone.
    pub(super) until: Option<Time>,
}

/// A death that does not fit the birth.
#[derive(Clone, Debug)]
pub(super) struct Suspicion {
    pub(super) at: Time,
    pub(super) until: Time,
    pub(super) rule: &'static str,
    pub(super) detail: String,
}

/// Missing messages that are not said yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnsaidGap {
    pub(super) from: Time,
    pub(super) to: Time,
    pub(super) missing: Option<u64>,
    pub(super) reason: &'static str,
}

#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) id: NodeId,
    pub(super) presence: Presence,
    pub(super) last_message: Option<Time>,
    pub(super) sequence: Sequence,
    /// The next number decides whether the births are still the node's.
    pub(super) resuming: bool,
    /// The births are the node's own, of this session.
    pub(super) trusted: bool,
    /// Why they are not trusted: the cause of a request.
    pub(super) doubt: &'static str,
    /// False after the fall-back.
    pub(super) supervised: bool,
    pub(super) bd_seq: Option<u64>,
    /// The newest birth of the node.
    pub(super) birth_at: Option<Time>,
    pub(super) birth_sent: Option<Time>,
    pub(super) birth_digest: Option<u64>,
    pub(super) births: Births,
    pub(super) tables: Tables,
    pub(super) devices: BTreeMap<Arc<str>, Device>,
    pub(super) suspicion: Option<Suspicion>,
    /// If it is not heard until then it is gone since the link came up.
    pub(super) heard_until: Option<(Time, Time)>,
    /// How often it was asked since.
    silent_asks: u8,
    pub(super) gap: Option<UnsaidGap>,
    pub(super) gap_said: Option<Time>,
    pub(super) ask: Ask,
    pub(super) faults: Faults,
    pub(super) counts: Counts,
    /// Its place in the host's index of deadlines.
    pub(super) indexed: Option<Time>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) messages: u64,
    pub(super) refused: u64,
    pub(super) gaps: u64,
    pub(super) repeats: u64,
    pub(super) unknown_aliases: u64,
    pub(super) births: u64,
}

impl Session {
    pub(super) fn new(id: NodeId) -> Self {
        Self {
            id,
            presence: Presence::default(),
            last_message: None,
            sequence: Sequence::default(),
            resuming: false,
            trusted: false,
            doubt: RESUME,
            supervised: true,
            bd_seq: None,
            birth_at: None,
            birth_sent: None,
            birth_digest: None,
            births: Births::default(),
            tables: Tables::default(),
            devices: BTreeMap::new(),
            suspicion: None,
            heard_until: None,
            silent_asks: 0,
            gap: None,
            gap_said: None,
            ask: Ask::default(),
            faults: Faults::default(),
            counts: Counts::default(),
            indexed: None,
        }
    }

    /// Takes one message. Its delivery is done at once, unless it is held back.
    pub(super) fn take(&mut self, message: &Message<'_>, cx: &mut Context<'_>) {
        self.counts.messages += 1;
        match message.kind {
            Kind::NodeBirth => self.node_birth(message, cx),
            Kind::NodeDeath => self.node_death(message, cx),
            Kind::Numbered(kind) => self.numbered(kind, message, cx),
        }
        self.settle();
    }

    /// The next instant at which something is to be done.
    pub(super) fn deadline(&self, config: &HostConfig) -> Option<Time> {
        let devices = self.devices.values().filter_map(|device| device.until).min();
        let gap = self.gap.and_then(|_| self.gap_said.map(|said| said + self.gap_quiet()));
        let suspicion = self.suspicion.as_ref().map(|suspicion| suspicion.until);
        let heard = self.heard_until.map(|(_, until)| until);
        let held = self.sequence.deadline(config.reorder_wait);
        [held, suspicion, heard, devices, gap, self.ask.deadline()].into_iter().flatten().min()
    }

    /// Does what is due; true if the node wants its turn in the queue for a rebirth request.
    pub(super) fn due(&mut self, cx: &mut Context<'_>) -> bool {
        let waited = Patience::Waited { wait: cx.config.reorder_wait, now: cx.now };
        if self.sequence.due(waited) {
            self.release(waited, cx);
        }
        if let Some(suspicion) = self.suspicion.take_if(|suspicion| suspicion.until <= cx.now) {
            // Only a death that was one is a fault: an old Will that comes late is the broker's doing (traps 17).
            self.fault(suspicion.rule, None, &suspicion.detail, cx);
            self.down(suspicion.at, "its death does not fit its birth, and nothing came after it", cx);
        }
        if let Some((since, _)) = self.heard_until.take_if(|(_, until)| *until <= cx.now) {
            self.down(since, "not heard since the broker could be reached", cx);
        }
        self.late_devices(cx);
        if self.gap_said.is_some_and(|said| said + self.gap_quiet() <= cx.now) {
            self.say_gap(cx);
        }
        self.settle();
        self.ask.enqueue(cx.now)
    }

    /// Its turn in the queue: asks, if there still is a cause.
    pub(super) fn turn(&mut self, cause: Option<&'static str>, cx: &mut Context<'_>) {
        self.ask.turn(cx.now);
        let Some(cause) = cause else { return };
        self.ask.asked(cause, cx.now, cx.config, cx.jitter);
        cx.out.push(Output::AskRebirth { node: self.id.clone(), cause });
        if cause == SILENT && self.heard_until.is_some() {
            self.silent_asks += 1;
            if self.silent_asks < SILENT_ASKS {
                // By then every other node has its place in the queue for its first request.
                self.ask.want_at(SILENT, cx.now + Span::from_micros(cx.config.catch_up_within.micros() / 4));
            }
        }
    }

    /// The broker is there: the node is awaited.
    pub(super) fn link_up(&mut self, cx: &mut Context<'_>) {
        self.resuming = self.sequence.last().is_some() || !self.tables.is_empty();
        self.expect(cx);
    }

    /// A site names it from now on.
    pub(super) fn named(&mut self, cx: &mut Context<'_>) {
        if self.presence.up != Some(true) && self.heard_until.is_none() {
            self.expect(cx);
        }
    }

    /// It is awaited from now on, and said to be gone if it does not come.
    pub(super) fn expect(&mut self, cx: &mut Context<'_>) {
        let config = cx.config;
        (self.presence, self.silent_asks) = (Presence::default(), 0);
        self.heard_until = Some((cx.now, cx.now + config.catch_up_within + config.death_grace));
        // Nodes that say nothing by themselves are asked early enough that their answer comes within the time.
        let part = Span::from_micros(config.catch_up_within.micros() / 10);
        self.ask.want_at(SILENT, cx.now + part + cx.jitter.within(part));
    }

    /// The broker is gone: nothing is known any more, and nothing is waited for.
    pub(super) fn link_down(&mut self, cx: &mut Context<'_>) {
        self.release_all(cx);
        self.say_gap(cx);
        self.presence = Presence::default();
        for device in self.devices.values_mut() {
            (device.presence, device.until) = (Presence::default(), None);
        }
        (self.suspicion, self.heard_until) = (None, None);
        (self.trusted, self.doubt, self.resuming) = (false, RESUME, true);
        self.ask.forget();
    }

    /// A message of the node itself, whatever it is, but its death.
    pub(super) fn hear(&mut self, cx: &mut Context<'_>) {
        self.suspicion = None;
        self.heard_until = None;
        self.ask.forget_if(SILENT);
        self.births.forget(cx.now);
        if self.presence.up != Some(true) && !self.dying(cx) {
            self.up(cx);
        }
        self.last_message = Some(cx.now);
    }

    /// What comes just after a death may have been on its way before it.
    pub(super) fn dying(&self, cx: &Context<'_>) -> bool {
        self.presence.up == Some(false) && self.presence.since.is_some_and(|at| cx.now < at + cx.config.reorder_wait)
    }

    pub(super) fn up(&mut self, cx: &mut Context<'_>) {
        if self.presence.up == Some(true) {
            return;
        }
        self.presence = Presence { up: Some(true), since: Some(cx.now) };
        cx.out.push(Output::NodeUp { node: self.id.clone() });
    }

    /// The node is gone, and its devices with it.
    pub(super) fn down(&mut self, since: Time, reason: &'static str, cx: &mut Context<'_>) {
        self.release_all(cx);
        (self.suspicion, self.heard_until) = (None, None);
        self.ask.forget();
        (self.trusted, self.doubt) = (false, RESUME);
        // A device that is down by itself stays so; the others come back with the node, or are missed after its birth.
        for device in self.devices.values_mut() {
            let alone = device.presence.up == Some(false);
            let presence = if alone { device.presence } else { Presence::default() };
            *device = Device { presence, ..Device::default() };
        }
        if self.presence.up == Some(false) {
            return;
        }
        self.presence = Presence { up: Some(false), since: Some(since) };
        cx.out.push(Output::NodeDown { node: self.id.clone(), since, reason });
    }

    /// Whether the sequence is watched: not after the fall-back, and not while two nodes speak under one id.
    pub(super) fn watched(&self) -> bool {
        self.supervised && !self.births.duplicate()
    }

    /// Something is wrong that a rebirth would cure: wants one, or gives the sequence up where that was tried (traps 15).
    pub(super) fn want(&mut self, cause: &'static str, cx: &mut Context<'_>) {
        self.sequence.run = 0;
        if !self.watched() || self.ask.want(cause, cx.now, cx.config) {
            return;
        }
        self.supervised = false;
        let attempts = cx.config.rebirth_attempts;
        let detail = format!(
            "{attempts} rebirth requests did not cure `{cause}`: its data are taken as they come, without supervision of their sequence; \
             answer `{}` with all births, and count `seq` once per edge node",
            crate::edge::REBIRTH
        );
        self.fault("sparkplug.no_rebirth", None, &detail, cx);
        self.release_all(cx);
        cx.out.push(Output::Keep { node: self.id.clone() });
    }

    pub(super) fn fault(&mut self, rule: &'static str, device: Option<&Arc<str>>, detail: &str, cx: &mut Context<'_>) {
        if self.faults.note(rule, device, detail, cx.now) {
            let (node, device, detail) = (self.id.clone(), device.cloned(), detail.to_owned());
            cx.out.push(Output::Fault { node: node.clone(), device, rule, detail });
            cx.out.push(Output::Keep { node });
        }
    }

    pub(super) fn refuse(&mut self, delivery: u64, reason: &'static str, detail: String, cx: &mut Context<'_>) {
        self.counts.refused += 1;
        cx.out.push(Output::Refused { delivery, node: Some(self.id.clone()), reason, detail });
    }

    /// Notes missing messages; said at once, or a little later together with those that follow.
    pub(super) fn miss(&mut self, from: Time, missing: Option<u64>, reason: &'static str, cx: &mut Context<'_>) {
        self.counts.gaps += 1;
        let to = cx.now;
        self.gap = Some(match self.gap {
            None => UnsaidGap { from, to, missing, reason },
            Some(gap) => {
                let missing = gap.missing.zip(missing).map(|(before, more)| before.saturating_add(more));
                UnsaidGap { from: gap.from, to, missing, reason: gap.reason }
            }
        });
        if self.gap_said.is_none_or(|said| said + self.gap_quiet() <= cx.now) {
            self.say_gap(cx);
        }
    }

    fn gap_quiet(&self) -> Span {
        if self.watched() { GAP_QUIET } else { GAP_QUIET_UNWATCHED }
    }

    fn say_gap(&mut self, cx: &mut Context<'_>) {
        let Some(UnsaidGap { from, to, missing, reason }) = self.gap.take() else { return };
        self.gap_said = Some(cx.now);
        cx.out.push(Output::Gap { node: self.id.clone(), from, to, missing, reason });
    }

    fn late_devices(&mut self, cx: &mut Context<'_>) {
        let late: Vec<Arc<str>> = self
            .devices
            .iter()
            .filter(|(_, device)| device.until.is_some_and(|until| until <= cx.now))
            .map(|(name, _)| name.clone())
            .collect();
        for name in late {
            self.device_down(&name, cx.now, "not born again after its node", cx);
        }
    }

    /// Long without a fault: what was tried and given up before may be tried again.
    fn settle(&mut self) {
        if self.sequence.run >= CURED_RUN {
            self.ask.cured();
        }
        if self.sequence.run >= RECOVERED_RUN {
            self.supervised = true;
        }
    }
}
