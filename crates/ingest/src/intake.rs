//! Deliveries to rounds: what is appended together, and whom to tell when it is durable. Pure: no IO, no clock.
//!
//! A round holds what waited while the journal took the one before (traps 4). Everything of ingest passes here, so its order is one order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use metrics::{Counter, counter};
use model::{Batch, Body, GatewayPath, Message, Partition, Protocol, SourceId, Time};

use crate::dead::{DeadLetters, Refused};
use crate::gateway::Gateway;
use crate::hosting::{Hosting, NAMESPACE};
use crate::index::SiteIndex;
use crate::json::{Decoded, Decoder, Reason, Received, cut};
use crate::link::{Ack, Content, Delivery};
use crate::push::Streams;
use crate::redelivery::{Digest, NO_DIGEST, digest, share};
use crate::report::{Book, GatewayReport, MAX_STRANGERS, Stray};
use crate::round::{Part, Round};
use crate::sources::Absence;
use crate::{GatewayTags, metrics as names};

/// What is remembered of the gateways of one protocol, by path.
pub(crate) type Gateways = BTreeMap<Arc<str>, Gateway>;

/// Takes deliveries, gives rounds.
pub(crate) struct Intake {
    pub(crate) index: Arc<SiteIndex>,
    pub(crate) gateways: BTreeMap<Protocol, Gateways>,
    /// Gateways that no point names.
    pub(crate) strangers: BTreeMap<(Protocol, String), Book>,
    /// Which sources are up; told anew to a partition after each outage of all.
    pub(crate) up: BTreeSet<SourceId>,
    /// The session with Sparkplug nodes.
    pub(crate) hosting: Hosting,
    pub(crate) streams: Streams,
    /// Nobody may push for gateways that speak MQTT.
    pub(crate) mqtt_guarded: bool,
    /// Gateways of the site that have no stream.
    pub(crate) without_stream: BTreeMap<GatewayPath, Absence>,
    dead: DeadLetters,
    decoder: Decoder,
    pub(crate) decoded: Decoded,
    pub(crate) round: Round,
    remembered_each: usize,
    messages: Counter,
    samples: Counter,
}

/// A delivery as dead letters name it.
pub(crate) struct Origin<'a> {
    pub(crate) topic: &'a [u8],
    pub(crate) payload: &'a [u8],
    pub(crate) digest: Digest,
    /// The client counts: a repeat can be told from news without a time too.
    pub(crate) counted: bool,
}

impl Intake {
    pub(crate) fn new(index: Arc<SiteIndex>, hosting: Hosting, now: Time) -> Self {
        let remembered_each = share(index.gateway_count());
        Self {
            index,
            gateways: BTreeMap::new(),
            strangers: BTreeMap::new(),
            up: BTreeSet::new(),
            hosting,
            streams: Streams::default(),
            mqtt_guarded: false,
            without_stream: BTreeMap::new(),
            dead: DeadLetters::new(now),
            decoder: Decoder::default(),
            decoded: Decoded::default(),
            round: Round::default(),
            remembered_each,
            messages: counter!(names::MESSAGES),
            samples: counter!(names::SAMPLES),
        }
    }

    /// A source that is up from the start.
    pub(crate) fn starts_up(&mut self, protocol: Protocol) {
        self.up.insert(SourceId::of(protocol));
    }

    /// Where open streams are counted.
    pub(crate) fn watch_streams(&mut self, streams: Streams) {
        self.streams = streams;
    }

    /// From here on tags are mapped with this site. The round must be empty: a batch names one revision.
    pub(crate) fn adopt(&mut self, index: Arc<SiteIndex>) {
        self.remembered_each = share(index.gateway_count());
        for (protocol, gateways) in &mut self.gateways {
            // A gateway that moved to another enterprise starts anew, one that is gone is forgotten.
            let stays = |path: &Arc<str>, known: &Gateway| {
                index.gateway(*protocol, path).is_some_and(|tags| tags.partition == known.partition)
            };
            gateways.retain(|path, known| stays(path, known));
        }
        self.strangers.retain(|(protocol, path), _| index.gateway(*protocol, path).is_none());
        let before = std::mem::replace(&mut self.index, index);
        self.adopt_streams(&before);
        self.adopt_sparkplug(&before);
    }

    /// Remembers what an earlier run took (traps 5).
    pub(crate) fn recall(&mut self, partition: Partition, batch: &Batch, now: Time) {
        for (message, path, samples) in batch.messages() {
            self.hosting.recall(&self.index, partition, path.as_str(), message.seq);
            // A batch does not say how its gateways speak; of one path under two protocols the sequence cannot be told.
            let speaking = [Protocol::Mqtt, Protocol::Grpc].into_iter().filter_map(|it| self.index.gateway(it, path.as_str()));
            let speaking: Vec<_> = speaking.cloned().collect();
            for tags in &speaking {
                let gateway = known(&mut self.gateways, tags);
                gateway.remembered.insert(message.digest, self.remembered_each);
                if let Some(seq) = message.seq.filter(|_| speaking.len() == 1) {
                    gateway.recall_sequence(seq);
                    gateway.receipt.seq = Some(seq);
                }
                let newest = samples.iter().map(|it| it.time.min(now)).max();
                gateway.receipt.durable_time = gateway.receipt.durable_time.max(newest);
                if tags.protocol == Protocol::Mqtt {
                    // A gateway that waits for its receipt since before the stop gets it now.
                    self.round.receipts.insert(gateway.path.clone(), gateway.receipt);
                }
            }
        }
    }

    /// Goes on where earlier runs stood, once everything is recalled. Links that are up from the start begin here.
    pub(crate) fn resume(&mut self, now: Time) {
        self.hosting.resume(&self.index);
        if self.up.contains(&SourceId::of(Protocol::Sparkplug)) {
            self.hosting.begin_local(now);
            self.sparkplug_up(now);
        }
    }

    /// Takes a delivery into the round.
    pub(crate) fn take(&mut self, delivery: Delivery, now: Time) {
        let Delivery { content, at, mut ack, room } = delivery;
        let arrived = at.unwrap_or(now);
        self.round.note(arrived, content.bytes());
        match content {
            Content::Publication { topic, payload, .. } if topic.starts_with(NAMESPACE) => {
                return self.take_sparkplug((topic, payload), arrived, (ack, room), now);
            }
            Content::Publication { topic, payload, retained } => {
                self.take_json(&topic, &payload, Received { at: arrived, retained }, now);
            }
            Content::Push(pushed) => {
                let result = self.take_push(&pushed, Received { at: arrived, retained: false }, now);
                if let Ack::Push { taken, .. } = &mut ack {
                    *taken = result;
                }
            }
        }
        self.round.acks.push(ack);
        drop(room);
    }

    fn take_json(&mut self, topic: &[u8], payload: &[u8], arrival: Received, now: Time) {
        let origin = Origin { topic, payload, digest: digest(topic, payload), counted: false };
        match self.find(topic) {
            Ok(tags) => {
                let gateway = known(&mut self.gateways, &tags);
                // Whoever sends again has not seen its receipt.
                if gateway.remembered.contains(&origin.digest) {
                    counter!(names::REDELIVERED).increment(1);
                } else {
                    self.decoder.decode(payload, &tags, arrival, &mut self.decoded);
                    self.take_decoded(&tags, &origin, arrival, now);
                }
                let gateway = known(&mut self.gateways, &tags);
                self.round.receipts.insert(gateway.path.clone(), gateway.receipt);
            }
            Err((reason, topic, path)) => {
                if let Ok(path) = GatewayPath::new(&path) {
                    let tags = GatewayTags::none(Protocol::Mqtt, path.clone());
                    self.decoder.decode(payload, &tags, arrival, &mut self.decoded);
                    self.note_stranger(Protocol::Mqtt, &path, arrival);
                }
                let detail = format!("topic: {}: `{}`: {}", reason.as_str(), cut(&topic, 200), reason.cure());
                self.refuse(Refused { gateway: &path, topic: &topic, reason: reason.as_str(), detail, payload }, now);
            }
        }
    }

    fn find(&self, topic: &[u8]) -> Result<Arc<GatewayTags>, (Reason, String, String)> {
        let text = String::from_utf8_lossy(topic);
        let path = text.strip_prefix("davy/v1/").and_then(|rest| rest.strip_suffix("/telemetry"));
        if let Some(tags) = path.and_then(|path| self.index.gateway(Protocol::Mqtt, path)) {
            return Ok(Arc::clone(tags));
        }
        let Some(path) = path.filter(|path| GatewayPath::strict(path).is_ok()) else {
            return Err((Reason::BadTopic, text.into_owned(), String::new()));
        };
        Err((Reason::UnknownGateway, text.clone().into_owned(), path.to_owned()))
    }

    /// Takes what the decoder left in `decoded`.
    pub(crate) fn take_decoded(&mut self, tags: &GatewayTags, origin: &Origin<'_>, arrival: Received, now: Time) {
        let gateway = known(&mut self.gateways, tags);
        let timed = origin.counted || self.decoded.has_source_times();
        if timed {
            gateway.remembered.insert(origin.digest, self.remembered_each);
        }
        self.messages.increment(self.decoded.messages.len() as u64);
        self.samples.increment(self.decoded.samples.len() as u64);
        let digest = if timed { origin.digest } else { NO_DIGEST };
        append_messages(&mut self.round, &self.index, (gateway, tags), &self.decoded, digest, now);
        note_totals(gateway, &self.decoded, arrival, now);
        if let Some(reason) = self.decoded.faults.reason() {
            let detail = self.decoded.faults.detail();
            let topic = String::from_utf8_lossy(origin.topic);
            let gateway = tags.path.as_str();
            let refused = Refused { gateway, topic: &topic, reason: reason.as_str(), detail, payload: origin.payload };
            self.refuse(refused, now);
        }
    }

    /// Notes what a gateway sent that no point names, so that it can be seen and made part of the site.
    pub(crate) fn note_stranger(&mut self, protocol: Protocol, path: &GatewayPath, arrival: Received) {
        let decoded = std::mem::take(&mut self.decoded);
        note_book(self.stranger(protocol, path.as_str()), &decoded, arrival);
        self.decoded = decoded;
    }

    /// The book of a gateway that no point names; the one silent longest gives way.
    pub(crate) fn stranger(&mut self, protocol: Protocol, path: &str) -> &mut Book {
        let key = (protocol, path.to_owned());
        if !self.strangers.contains_key(&key) && self.strangers.len() >= MAX_STRANGERS {
            let silent = self.strangers.iter().min_by_key(|(_, book)| book.last_message()).map(|(key, _)| key.clone());
            silent.and_then(|silent| self.strangers.remove(&silent));
        }
        self.strangers.entry(key).or_default()
    }

    pub(crate) fn refuse(&mut self, refused: Refused<'_>, now: Time) {
        counter!(names::REFUSED, "reason" => refused.reason).increment(1);
        self.round.dead.extend(self.dead.admit(refused, now));
    }

    /// Adds what is due without any delivery: gateways whose streams have ended, lists of unmapped tags, dead letters withheld in a flood
    /// that has ended.
    pub(crate) fn take_due(&mut self, now: Time, end: bool) {
        if !end {
            self.look_at_streams(now);
            self.run_sparkplug(now);
        } else {
            self.end_sparkplug(now);
        }
        for gateway in self.gateways.values_mut().flat_map(BTreeMap::values_mut) {
            if let Some(tags) = gateway.unmapped_now(now) {
                self.round.part(gateway.partition).push_after(Body::Unmapped { gateway: gateway.path.clone(), tags });
            }
        }
        self.round.dead.extend(self.dead.overdue(now, end));
    }

    /// How all gateways are doing: those of the site, whether they ever sent or not, then the others.
    pub(crate) fn report(&self, now: Time) -> Vec<GatewayReport> {
        let mut reports = Vec::new();
        let nothing = Book::default();
        for protocol in [Protocol::Mqtt, Protocol::Grpc] {
            for tags in self.index.gateways(protocol) {
                let known = self.gateways.get(&protocol).and_then(|it| it.get(tags.path.as_str()));
                let book = known.map_or(&nothing, |it| &it.book);
                reports.push(book.report(protocol, tags.path.as_str(), Some(&tags.enterprise), now));
            }
        }
        let strangers = self.strangers.iter().filter(|((protocol, _), _)| *protocol != Protocol::Sparkplug);
        reports.extend(strangers.map(|((protocol, path), book)| book.report(*protocol, path, None, now)));
        reports.extend(self.sparkplug_reports(now));
        reports.sort_by(|one, other| (!one.known, one.protocol, &one.path).cmp(&(!other.known, other.protocol, &other.path)));
        reports
    }

    /// The round so far; the next begins.
    pub(crate) fn finish(&mut self) -> Round {
        self.round.finish()
    }

    pub(crate) fn round(&self) -> &Round {
        &self.round
    }

    pub(crate) fn index(&self) -> &SiteIndex {
        &self.index
    }
}

pub(crate) fn known<'a>(gateways: &'a mut BTreeMap<Protocol, Gateways>, tags: &GatewayTags) -> &'a mut Gateway {
    let gateways = gateways.entry(tags.protocol).or_default();
    let path = tags.path.as_str();
    if !gateways.contains_key(path) {
        gateways.insert(tags.path.shared(), Gateway::new(tags.path.clone(), tags.partition));
    }
    gateways.get_mut(path).expect("inserted above where it was missing")
}

fn note_totals(gateway: &mut Gateway, decoded: &Decoded, arrival: Received, now: Time) {
    gateway.note_unmapped(decoded.unmapped.iter().map(|it| it.tag.clone()), decoded.unmapped_values, now);
    note_book(&mut gateway.book, decoded, arrival);
    let receipt = &mut gateway.receipt;
    receipt.messages += decoded.messages.len() as u64;
    receipt.refused += decoded.faulty;
    let newest = decoded.samples.iter().map(|it| it.time.min(now)).max();
    receipt.durable_time = receipt.durable_time.max(newest);
    if decoded.unmapped_values > 0 {
        counter!(names::UNMAPPED).increment(decoded.unmapped_values);
    }
    if decoded.retained_dropped > 0 {
        let reason = Reason::RetainedWithoutTime.as_str();
        counter!(names::REFUSED, "reason" => reason).increment(decoded.retained_dropped);
    }
}

fn note_book(book: &mut Book, decoded: &Decoded, arrival: Received) {
    book.arrived(arrival.at, decoded.messages.len() as u64, decoded.samples.len() as u64);
    book.refused += decoded.faulty;
    book.unmapped_values += decoded.unmapped_values;
    let live = |sample: &&model::Sample| !sample.flags.historical && !sample.flags.arrival_time && !sample.flags.retained;
    if let Some(newest) = decoded.samples.iter().filter(live).map(|it| it.time).max() {
        book.offset(arrival.at, newest);
    }
    for stray in &decoded.unmapped {
        let value = stray.value.clone();
        book.stray(&Stray { tag: &stray.tag, device: None, datatype: stray.datatype, unit: "", value });
    }
}

fn append_messages(
    round: &mut Round,
    index: &SiteIndex,
    (gateway, tags): (&mut Gateway, &GatewayTags),
    decoded: &Decoded,
    digest: Digest,
    now: Time,
) {
    let mut rest = decoded.samples.as_slice();
    for message in &decoded.messages {
        let (own, after) = rest.split_at(message.samples as usize);
        rest = after;
        if let Some(seq) = message.seq {
            gateway.receipt.seq = Some(seq);
            if let Some((first_missing, count)) = gateway.sequence(seq) {
                counter!(names::SEQUENCE_GAPS).increment(count);
                let part = round.part(gateway.partition);
                part.push_before(Body::SequenceGap { gateway: gateway.path.clone(), first_missing, count });
                gateway.note_sequence_loss((first_missing, count), tags.len(), now);
            }
        }
        // A message none of whose tags is a point's says nothing to the engine; its sequence number says something to the next start.
        if !own.is_empty() || message.seq.is_some() {
            let message = Message { gateway: 0, samples: message.samples, seq: message.seq, digest };
            let part: &mut Part = round.part(gateway.partition);
            part.push(index.revision, &gateway.path, &mut gateway.slot, message, own);
        }
    }
}
