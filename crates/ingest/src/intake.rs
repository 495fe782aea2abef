//! Deliveries to rounds: what is appended together, and whom to tell when it is durable. Pure: no IO, no clock.
//!
//! A round holds what waited while the journal took the one before: one batch record a partition (traps 4).

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use metrics::{Counter, counter};
use model::{Batch, Body, GatewayPath, Message, Partition, Time};
use wire::{DeadLetter, encode_body};

use crate::dead::{DeadLetters, Refused};
use crate::gateway::Gateway;
use crate::index::SiteIndex;
use crate::json::{Decoded, Decoder, Reason, Received};
use crate::link::{Ack, Delivery};
use crate::redelivery::{NO_DIGEST, digest, share};
use crate::{GatewayTags, Receipt, metrics as names};

/// What goes to one partition, in this order.
#[derive(Debug, Default)]
pub(crate) struct Part {
    before: Vec<Body>,
    batch: Batch,
    after: Vec<Body>,
}

impl Part {
    pub(crate) fn into_bodies(self) -> Vec<Bytes> {
        let batches = split(self.batch).into_iter().map(Body::Batch);
        self.before.into_iter().chain(batches).chain(self.after).map(|body| encode_body(&body)).collect()
    }
}

/// Samples of one record at most, unless one message alone has more. What one record causes is one record too: a flood of alarms from a
/// megabyte of samples would be larger than the journal takes, and nothing could ever be evaluated after it.
const RECORD_SAMPLES: usize = 2_000;

/// A batch as records of bounded size; a message is never split.
fn split(batch: Batch) -> Vec<Batch> {
    let Batch { revision, gateways, messages, samples } = batch;
    let mut records: Vec<Batch> = Vec::new();
    let mut rest = samples.as_slice();
    for message in messages {
        let (own, after) = rest.split_at(message.samples as usize);
        rest = after;
        match records.last_mut() {
            Some(record) if record.samples.len() + own.len() <= RECORD_SAMPLES => {
                record.messages.push(message);
                record.samples.extend_from_slice(own);
            }
            _ => {
                records.push(Batch { revision, gateways: gateways.clone(), messages: vec![message], samples: own.to_vec() });
            }
        }
    }
    records
}

/// What is appended together.
#[derive(Debug, Default)]
pub(crate) struct Round {
    pub(crate) parts: BTreeMap<Partition, Part>,
    pub(crate) dead: Vec<DeadLetter>,
    /// In order of arrival.
    pub(crate) acks: Vec<Ack>,
    pub(crate) receipts: BTreeMap<GatewayPath, Receipt>,
    /// When its first delivery arrived.
    pub(crate) since: Option<Time>,
    payload_bytes: usize,
}

impl Round {
    pub(crate) fn is_empty(&self) -> bool {
        self.acks.is_empty() && self.parts.is_empty() && self.dead.is_empty() && self.receipts.is_empty()
    }

    pub(crate) fn payload_bytes(&self) -> usize {
        self.payload_bytes
    }
}

/// Takes deliveries, gives rounds.
pub(crate) struct Intake {
    index: Arc<SiteIndex>,
    gateways: BTreeMap<Arc<str>, Gateway>,
    dead: DeadLetters,
    decoder: Decoder,
    decoded: Decoded,
    round: Round,
    round_number: u64,
    remembered_each: usize,
    messages: Counter,
    samples: Counter,
}

impl Intake {
    pub(crate) fn new(index: Arc<SiteIndex>, now: Time) -> Self {
        let remembered_each = share(index.gateway_count());
        Self {
            index,
            gateways: BTreeMap::new(),
            dead: DeadLetters::new(now),
            decoder: Decoder::default(),
            decoded: Decoded::default(),
            round: Round::default(),
            round_number: 1,
            remembered_each,
            messages: counter!(names::MESSAGES),
            samples: counter!(names::SAMPLES),
        }
    }

    /// From here on tags are mapped with this site. The round must be empty: a batch names one revision.
    pub(crate) fn adopt(&mut self, index: Arc<SiteIndex>) {
        self.remembered_each = share(index.gateway_count());
        // A gateway that moved to another enterprise starts anew, one that is gone is forgotten.
        self.gateways.retain(|path, known| index.gateway(path).is_some_and(|tags| tags.partition == known.partition));
        self.index = index;
    }

    /// Remembers what an earlier run took (traps 5).
    pub(crate) fn recall(&mut self, batch: &Batch, now: Time) {
        for (message, path, samples) in batch.messages() {
            let Some(tags) = self.index.gateway(path.as_str()) else { continue };
            let gateway = known(&mut self.gateways, tags);
            gateway.remembered.insert(message.digest, self.remembered_each);
            if let Some(seq) = message.seq {
                gateway.recall_sequence(seq);
                gateway.receipt.seq = Some(seq);
            }
            let newest = samples.iter().map(|it| it.time.min(now)).max();
            gateway.receipt.durable_time = gateway.receipt.durable_time.max(newest);
            // A gateway that waits for its receipt since before the stop gets it now.
            self.round.receipts.insert(gateway.path.clone(), gateway.receipt);
        }
    }

    /// Takes a delivery into the round.
    pub(crate) fn take(&mut self, delivery: Delivery, now: Time) {
        let Delivery { topic, payload, retained, at, ack, room } = delivery;
        let arrival = Received { at: at.unwrap_or(now), retained };
        self.round.since.get_or_insert(arrival.at);
        self.round.payload_bytes += payload.len();
        self.round.acks.push(ack);
        match self.find(&topic) {
            Ok(tags) => self.take_from(&tags, &topic, &payload, arrival, now),
            Err((reason, topic, gateway)) => {
                let detail = format!("topic: {}: `{}`: {}", reason.as_str(), crate::json::cut(&topic, 200), reason.cure());
                self.refuse(Refused { gateway: &gateway, topic: &topic, reason, detail, payload: &payload }, now);
            }
        }
        drop(room);
    }

    fn find(&self, topic: &[u8]) -> Result<Arc<GatewayTags>, (Reason, String, String)> {
        let text = String::from_utf8_lossy(topic);
        let path = text.strip_prefix("davy/v1/").and_then(|rest| rest.strip_suffix("/telemetry"));
        if let Some(tags) = path.and_then(|path| self.index.gateway(path)) {
            return Ok(Arc::clone(tags));
        }
        let Some(path) = path.filter(|path| GatewayPath::strict(path).is_ok()) else {
            return Err((Reason::BadTopic, text.into_owned(), String::new()));
        };
        Err((Reason::UnknownGateway, text.clone().into_owned(), path.to_owned()))
    }

    fn take_from(&mut self, tags: &GatewayTags, topic: &[u8], payload: &[u8], arrival: Received, now: Time) {
        let delivery = digest(topic, payload);
        let gateway = known(&mut self.gateways, tags);
        if gateway.remembered.contains(&delivery) {
            counter!(names::REDELIVERED).increment(1);
            // Whoever sends again has not seen its receipt.
            self.round.receipts.insert(gateway.path.clone(), gateway.receipt);
            return;
        }
        self.decoder.decode(payload, tags, arrival, &mut self.decoded);
        let timed = self.decoded.has_source_times();
        if timed {
            gateway.remembered.insert(delivery, self.remembered_each);
        }
        self.messages.increment(self.decoded.messages.len() as u64);
        self.samples.increment(self.decoded.samples.len() as u64);
        note_totals(gateway, &mut self.decoded, now);
        let part = self.round.parts.entry(gateway.partition).or_default();
        part.batch.revision = self.index.revision;
        append_messages(part, gateway, &self.decoded, if timed { delivery } else { NO_DIGEST }, self.round_number);
        if part.before.is_empty() && part.batch.messages.is_empty() && part.after.is_empty() {
            self.round.parts.remove(&gateway.partition);
        }
        self.round.receipts.insert(gateway.path.clone(), gateway.receipt);
        if let Some(reason) = self.decoded.faults.reason() {
            let detail = self.decoded.faults.detail();
            let topic = String::from_utf8_lossy(topic);
            self.refuse(Refused { gateway: tags.path.as_str(), topic: &topic, reason, detail, payload }, now);
        }
    }

    fn refuse(&mut self, refused: Refused<'_>, now: Time) {
        counter!(names::REFUSED, "reason" => refused.reason.as_str()).increment(1);
        self.round.dead.extend(self.dead.admit(refused, now));
    }

    /// Adds what is due without any delivery: lists of unmapped tags, dead letters withheld in a flood that has ended.
    pub(crate) fn take_due(&mut self, now: Time, end: bool) {
        for gateway in self.gateways.values_mut() {
            if let Some(tags) = gateway.unmapped_now(now) {
                let part = self.round.parts.entry(gateway.partition).or_default();
                part.after.push(Body::Unmapped { gateway: gateway.path.clone(), tags });
            }
        }
        self.round.dead.extend(self.dead.overdue(now, end));
    }

    /// The round so far; the next begins.
    pub(crate) fn finish(&mut self) -> Round {
        self.round_number += 1;
        std::mem::take(&mut self.round)
    }

    pub(crate) fn round(&self) -> &Round {
        &self.round
    }

    pub(crate) fn index(&self) -> &SiteIndex {
        &self.index
    }
}

fn known<'a>(gateways: &'a mut BTreeMap<Arc<str>, Gateway>, tags: &GatewayTags) -> &'a mut Gateway {
    let path = tags.path.as_str();
    if !gateways.contains_key(path) {
        gateways.insert(tags.path.shared(), Gateway::new(tags.path.clone(), tags.partition));
    }
    gateways.get_mut(path).expect("inserted above where it was missing")
}

fn note_totals(gateway: &mut Gateway, decoded: &mut Decoded, now: Time) {
    gateway.note_unmapped(&mut decoded.unmapped, decoded.unmapped_values, now);
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

fn append_messages(part: &mut Part, gateway: &mut Gateway, decoded: &Decoded, digest: [u8; 16], round: u64) {
    for message in &decoded.messages {
        if let Some(seq) = message.seq {
            gateway.receipt.seq = Some(seq);
            if let Some((first_missing, count)) = gateway.sequence(seq) {
                counter!(names::SEQUENCE_GAPS).increment(count);
                part.before.push(Body::SequenceGap { gateway: gateway.path.clone(), first_missing, count });
            }
        }
        // A message none of whose tags is a point's says nothing to the engine.
        if message.samples > 0 {
            let slot = slot(&mut part.batch, gateway, round);
            part.batch.messages.push(Message { gateway: slot, samples: message.samples, seq: message.seq, digest });
        }
    }
    part.batch.samples.extend_from_slice(&decoded.samples);
}

fn slot(batch: &mut Batch, gateway: &mut Gateway, round: u64) -> u32 {
    match gateway.slot {
        Some((known, slot)) if known == round => slot,
        _ => {
            let slot = u32::try_from(batch.gateways.len()).expect("a round holds fewer deliveries");
            batch.gateways.push(gateway.path.clone());
            gateway.slot = Some((round, slot));
            slot
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{PointNumber, Quality, Sample};

    use super::*;

    #[test]
    fn large_rounds_become_several_records_and_no_message_is_split() {
        let counts: [u32; 6] = [1_999, 1, 1, 5_000, 10, 1_990];
        let sample = Sample::new(PointNumber(1), Time::YEAR_2000, Some(1.0), Quality::Good);
        let batch = Batch {
            gateways: vec![GatewayPath::new("park/e01/gw1").expect("valid")],
            messages: counts.map(|samples| Message { samples, ..Message::default() }).to_vec(),
            samples: vec![sample; 9_001],
            ..Batch::default()
        };
        let records = split(batch);
        let sizes: Vec<_> = records.iter().map(|it| (it.messages.len(), it.samples.len())).collect();
        assert_eq!(sizes, [(2, 2_000), (1, 1), (1, 5_000), (2, 2_000)]);
        for record in &records {
            assert_eq!(record.messages().map(|(_, _, own)| own.len()).sum::<usize>(), record.samples.len());
        }
        assert!(split(Batch::default()).is_empty());
    }
}
