//! What each kind of message does to a session.

use std::sync::Arc;

use model::Time;

use super::ask::RESUME;
use super::output::Output;
use super::sequence::{Held, Numbered, Patience, Verdict};
use super::session::{Context, DEVICE_GRACE, Kind, Message, Session, Suspicion};
use super::table::BirthFaults;
use super::values::{self, Aliases, Taken, sent};
use crate::edge::BD_SEQ;
use crate::payload::Payload;

/// One message that is in order, as it is delivered.
pub(super) struct Said<'a> {
    pub(super) kind: Numbered,
    pub(super) device: &'a Option<Arc<str>>,
    pub(super) payload: &'a Payload,
    pub(super) seq: Option<u8>,
    pub(super) delivery: u64,
    pub(super) aliases: Aliases,
}

impl Session {
    /// NBIRTH: a new base, new tables, devices to be born again; whatever bdSeq and clock it comes with (tried: hosts that ignore a birth
    /// with a known bdSeq or an older clock stay deaf).
    pub(super) fn node_birth(&mut self, message: &Message<'_>, cx: &mut Context<'_>) {
        let payload = &message.payload;
        if self.birth_digest == Some(message.digest) && payload.timestamp.is_some() && self.just_so(payload, cx) {
            self.hear(cx);
            return self.repeat(message.delivery, cx);
        }
        // Some encoders do not write a 0, and that is what a birth should have.
        let seq = payload.seq.and_then(|_| self.number(payload, cx)).unwrap_or(0);
        let birth_sent = sent(payload);
        // What was held and goes on from this birth was overtaken by nothing but the birth itself.
        let younger =
            |held: &Held| Payload::read(&held.payload).is_ok_and(|held| birth_sent.is_some() && sent(&held) >= birth_sent);
        let ours = self.sequence.split_from(seq, younger);
        self.release_all(cx);
        (self.suspicion, self.heard_until) = (None, None);
        self.hear(cx);
        self.up(cx);
        self.counts.births += 1;
        self.bd_seq = payload.integer(BD_SEQ);
        if self.bd_seq.is_none() {
            self.fault(
                "sparkplug.birth_without_bdseq",
                None,
                "an NBIRTH without bdSeq: its deaths cannot be told from old ones",
                cx,
            );
        }
        if let Some(shown) = self.births.note(cx.now, self.bd_seq) {
            self.fault("sparkplug.duplicate_node", None, &shown, cx);
        }
        // What such a request was for is had; troubles of the sequence, or of a device, are not cured by a birth alone.
        let wholly_unknown = self.birth_at.is_none() && self.tables.is_empty();
        if self.ask.last_cause.take().is_some_and(|cause| cause == RESUME || cause == "no_birth" && wholly_unknown) {
            self.ask.cured();
        }
        self.ask.forget();
        self.sequence.rebase(seq, message.digest);
        (self.birth_at, self.birth_sent, self.birth_digest) = (Some(cx.now), birth_sent, Some(message.digest));
        (self.trusted, self.resuming) = (true, false);
        self.tables.clear();
        for device in self.devices.values_mut() {
            (device.born, device.missed) = (false, false);
            device.until = (device.presence.up != Some(false)).then(|| cx.now + DEVICE_GRACE);
        }
        self.declare(&None, payload, message.delivery, cx);
        self.say_values(&None, payload, (Some(seq), message.delivery, true), Aliases::Trusted, cx);
        cx.out.push(Output::Keep { node: self.id.clone() });
        cx.out.push(Output::Done { delivery: message.delivery });
        ours.into_iter().for_each(|held| self.sequence.hold(held));
        self.release(Patience::InOrder, cx);
    }

    /// NDEATH: at once where it fits the birth, else after a while of silence (traps 17).
    pub(super) fn node_death(&mut self, message: &Message<'_>, cx: &mut Context<'_>) {
        let said = message.payload.integer(BD_SEQ);
        let fits = said.zip(self.bd_seq).is_some_and(|(said, born)| said % 256 == born % 256);
        if fits {
            self.down(cx.now, "its death came", cx);
        } else {
            let born = self.bd_seq.map_or_else(|| "an unknown one".to_owned(), |born| born.to_string());
            let (rule, detail) = match said {
                Some(said) => (
                    "sparkplug.death_bdseq",
                    format!("an NDEATH with bdSeq {said} for a birth with {born}: use the birth's in its Will"),
                ),
                None => (
                    "sparkplug.death_without_bdseq",
                    format!("an NDEATH without bdSeq for a birth with {born}: add it to the Will"),
                ),
            };
            self.suspect(rule, detail, cx);
        }
        cx.out.push(Output::Done { delivery: message.delivery });
    }

    /// A death that may be none.
    pub(super) fn suspect(&mut self, rule: &'static str, detail: String, cx: &Context<'_>) {
        if self.presence.up != Some(false) && self.suspicion.is_none() {
            self.suspicion = Some(Suspicion { at: cx.now, until: cx.now + cx.config.death_grace, rule, detail });
        }
    }

    /// Everything that carries a number of the node's sequence.
    pub(super) fn numbered(&mut self, kind: Numbered, message: &Message<'_>, cx: &mut Context<'_>) {
        let heard = self.last_message;
        self.hear(cx);
        if self.dying(cx) {
            // The death may have been an old one that came late, of a node that does not count its deaths: let it answer.
            self.want(RESUME, cx);
        }
        let aliases = self.aliases();
        let said = |seq, aliases| Said {
            kind,
            device: &message.device,
            payload: &message.payload,
            seq,
            delivery: message.delivery,
            aliases,
        };
        let Some(seq) = self.number(&message.payload, cx) else {
            return self.deliver(&said(None, aliases), cx);
        };
        if self.sequence.judge(seq, message.digest) == Verdict::Repeat {
            return self.repeat(message.delivery, cx);
        }
        if std::mem::take(&mut self.resuming) {
            self.resume(seq, heard, cx);
        }
        match self.sequence.judge(seq, message.digest) {
            Verdict::Late => {
                self.sequence.fill(seq, message.digest);
                self.deliver(&said(Some(seq), aliases), cx);
            }
            Verdict::Stale if self.just_born(&message.payload, cx.now) => self.deliver(&said(Some(seq), Aliases::Gone), cx),
            Verdict::Early if self.of_before(&message.payload, cx) => self.deliver(&said(Some(seq), Aliases::Gone), cx),
            Verdict::Stale | Verdict::Early if self.watched() => self.hold(kind, seq, message, cx),
            _ => {
                let missing = self.sequence.advance(seq, message.digest);
                if missing != Default::default() {
                    // How many nobody can tell: this is where the sequence is not watched.
                    self.miss(heard.unwrap_or(cx.now), None, "numbers of its sequence are missing", cx);
                }
                self.deliver(&said(Some(seq), self.aliases()), cx);
                self.release(Patience::InOrder, cx);
            }
        }
    }

    /// The first number after an outage: either it goes on where the last one was, or the births may be out of date.
    fn resume(&mut self, seq: u8, heard: Option<Time>, cx: &mut Context<'_>) {
        let Some(last) = self.sequence.last() else {
            return self.want(RESUME, cx);
        };
        if seq == last.wrapping_add(1) {
            self.trusted = !self.tables.is_empty();
            return;
        }
        self.sequence.resume(seq.wrapping_sub(1));
        if let Some(from) = heard {
            // The counter may have gone round any number of times.
            self.miss(from, None, "messages while the broker could not be reached", cx);
        }
        self.want(RESUME, cx);
    }

    fn hold(&mut self, kind: Numbered, seq: u8, message: &Message<'_>, cx: &mut Context<'_>) {
        let (device, payload) = (message.device.clone(), message.raw.to_vec());
        let room = cx.held_room >= payload.len();
        self.sequence.hold(Held { seq, kind, device, payload, digest: message.digest, delivery: message.delivery, at: cx.now });
        if message.in_order || !room || self.sequence.full() {
            self.release_all(cx);
        }
    }

    /// Delivers what is held, all of it.
    pub(super) fn release_all(&mut self, cx: &mut Context<'_>) {
        self.release(Patience::AtOnce, cx);
    }

    /// Delivers what is held and in order, and beyond gaps what was waited for in vain.
    pub(super) fn release(&mut self, patience: Patience, cx: &mut Context<'_>) {
        let watched = self.watched();
        let mut broken = None;
        while let Some(held) = self.sequence.release(patience) {
            let before = self.last_message.unwrap_or(held.at).min(held.at);
            let missing = self.sequence.advance(held.seq, held.digest);
            if missing.back {
                (self.trusted, self.doubt) = (false, "sequence");
            }
            if missing != Default::default() && watched {
                let count = (!missing.back).then_some(missing.count);
                self.miss(before, count, "numbers of its sequence are missing", cx);
                broken = Some("sequence");
            }
            match Payload::read(&held.payload) {
                Ok(payload) => {
                    let (kind, device, seq) = (held.kind, &held.device, Some(held.seq));
                    let aliases = self.aliases();
                    self.deliver(&Said { kind, device, payload: &payload, seq, delivery: held.delivery, aliases }, cx);
                }
                // It was read when it came.
                Err(_) => cx.out.push(Output::Done { delivery: held.delivery }),
            }
        }
        if let Some(cause) = broken {
            self.want(cause, cx);
        }
    }

    fn deliver(&mut self, said: &Said<'_>, cx: &mut Context<'_>) {
        let numbers = (said.seq, said.delivery, said.kind == Numbered::DeviceBirth);
        match said.kind {
            Numbered::NodeData => {
                if self.tables.is_empty() {
                    self.want("no_birth", cx);
                }
                self.say_values(said.device, said.payload, numbers, said.aliases, cx);
            }
            Numbered::DeviceBirth => self.device_birth(said, cx),
            Numbered::DeviceData => {
                if self.device_speaks(said, cx) {
                    self.say_values(said.device, said.payload, numbers, said.aliases, cx);
                }
            }
            Numbered::DeviceDeath => {
                if let Some(device) = said.device {
                    self.device_down(device, cx.now, "its death came", cx);
                    self.tables.remove(said.device);
                }
            }
        }
        cx.out.push(Output::Done { delivery: said.delivery });
    }

    /// Takes the declarations of a birth.
    pub(super) fn declare(&mut self, device: &Option<Arc<str>>, payload: &Payload, delivery: u64, cx: &mut Context<'_>) {
        match self.tables.declare(device, payload, cx.table_room) {
            None => {
                let detail =
                    "metrics: the births of the node, or of all nodes, take too much room; declare fewer metrics".to_owned();
                self.refuse(delivery, "birth_too_large", detail, cx);
            }
            Some(BirthFaults { collision: Some(alias) }) => {
                let detail =
                    format!("alias = {alias} stands for two metrics: an alias is unique in an edge node over all its devices");
                self.fault("sparkplug.alias_collision", device.as_ref(), &detail, cx);
            }
            Some(BirthFaults { collision: None }) => {}
        }
    }

    pub(super) fn say_values(
        &mut self,
        device: &Option<Arc<str>>,
        payload: &Payload,
        (seq, delivery, birth): (Option<u8>, u64, bool),
        aliases: Aliases,
        cx: &mut Context<'_>,
    ) {
        let mut taken = values::read(&self.tables, device, payload, aliases, birth);
        let values = std::mem::take(&mut taken.values);
        if !values.is_empty() {
            cx.out.push(Output::Values { node: self.id.clone(), device: device.clone(), seq, delivery, birth, values });
        }
        self.judge_taken(device, &taken, delivery, cx);
    }

    /// What is wrong with the metrics of a message, each said once a message.
    fn judge_taken(&mut self, device: &Option<Arc<str>>, taken: &Taken, delivery: u64, cx: &mut Context<'_>) {
        let listed = |aliases: &[u64]| aliases.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
        if taken.unknown.count > 0 {
            self.counts.unknown_aliases += taken.unknown.count;
            let detail =
                format!("alias = {}: {} metrics that no birth names", listed(&taken.unknown.aliases), taken.unknown.count);
            self.refuse(delivery, "unknown_alias", detail + "; the node has to declare them in a birth", cx);
            self.want(if self.tables.is_empty() { "no_birth" } else { "unknown_alias" }, cx);
        }
        if taken.unreadable.count > 0 {
            let detail =
                format!("alias = {}: it stands for several names, or is older than the birth", listed(&taken.unreadable.aliases));
            self.refuse(delivery, "ambiguous_alias", detail + "; send names, or aliases that are unique in the edge node", cx);
        }
        if taken.nameless > 0 {
            let detail =
                format!("name: {} metrics without one and without alias, or with one of more than 1024 bytes", taken.nameless);
            self.refuse(delivery, "metric_name", detail, cx);
        }
        if let Some((name, _)) = &taken.undeclared {
            let detail = format!("metric `{name}` is in the data and not in the birth: it is taken as a new one; declare it");
            self.fault("sparkplug.undeclared_metric", device.as_ref(), &detail, cx);
            for (name, datatype) in &taken.new {
                self.tables.learn(device, name, *datatype, cx.table_room);
            }
        }
        if let Some((name, said, declared)) = &taken.retyped {
            let detail =
                format!("metric `{name}` comes as {said} and was declared as {declared}: the message counts; send a new birth");
            self.fault("sparkplug.datatype_changed", device.as_ref(), &detail, cx);
        }
        if taken.doubted {
            self.want(self.doubt, cx);
        }
    }

    fn repeat(&mut self, delivery: u64, cx: &mut Context<'_>) {
        self.counts.repeats += 1;
        cx.out.push(Output::Done { delivery });
    }

    /// How aliases are to be read now.
    const fn aliases(&self) -> Aliases {
        if self.trusted { Aliases::Trusted } else { Aliases::Doubtful }
    }

    /// The birth that comes again is in force still. Later, or where the births are in doubt, it is a new one: nothing else would answer.
    fn just_so(&self, payload: &Payload, cx: &Context<'_>) -> bool {
        let moved = self.sequence.last() != u8::try_from(payload.seq.unwrap_or(0) % 256).ok();
        let fresh = self.birth_at.is_some_and(|at| cx.now < at + cx.config.reorder_wait);
        self.trusted && self.presence.up == Some(true) && (fresh || !moved)
    }

    /// The node was born a moment ago, and the message may be of before.
    fn just_born(&self, payload: &Payload, now: Time) -> bool {
        let older = sent(payload).zip(self.birth_sent).is_none_or(|(sent, birth)| sent <= birth);
        older && self.birth_at.is_some_and(|at| now < at + DEVICE_GRACE)
    }

    /// The node was born this instant, and the message says that it was sent before: its number is one of the earlier session.
    fn of_before(&self, payload: &Payload, cx: &Context<'_>) -> bool {
        let older = sent(payload).zip(self.birth_sent).is_some_and(|(sent, birth)| sent < birth);
        older && self.birth_at.is_some_and(|at| cx.now < at + cx.config.death_grace)
    }

    /// The number of a message, 0 to 255. Left out it is none, but for the 0 that some encoders do not write.
    fn number(&mut self, payload: &Payload, cx: &mut Context<'_>) -> Option<u8> {
        match payload.seq {
            Some(seq) => {
                if seq > 255 {
                    let detail = format!("seq = {seq}: it counts from 0 to 255 and then from 0 again");
                    self.fault("sparkplug.seq_range", None, &detail, cx);
                }
                Some(u8::try_from(seq % 256).expect("below 256"))
            }
            None if self.sequence.last() == Some(255) => Some(0),
            None => {
                self.fault(
                    "sparkplug.no_seq",
                    None,
                    "a message without seq: what is lost before it cannot be seen; count it",
                    cx,
                );
                None
            }
        }
    }
}

impl Kind {
    /// A number of its own for digests.
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::NodeBirth => 0,
            Self::NodeDeath => 1,
            Self::Numbered(kind) => 2 + kind as u8,
        }
    }
}
