//! What is appended together: one batch record a partition, and around it what must keep its place. Pure: no IO, no clock.

use std::collections::BTreeMap;

use bytes::Bytes;
use model::{Batch, Body, GatewayPath, Message, Partition, RevisionNumber, Sample, Time};
use wire::{DeadLetter, encode_body};

use crate::Receipt;
use crate::link::Ack;

/// What goes to one partition. Messages share one batch as long as nothing comes that must stand between them (traps 4).
#[derive(Debug, Default)]
pub(crate) struct Part {
    /// In order, and before what follows.
    closed: Vec<Body>,
    before: Vec<Body>,
    batch: Batch,
    after: Vec<Body>,
    /// Tells this batch from every other one of this run, for the places that gateways remember.
    batch_id: u64,
}

/// A gateway's place among the gateways of a batch: which batch, and where.
pub(crate) type Slot = Option<(u64, u32)>;

impl Part {
    fn new(batch_id: u64) -> Self {
        Self { batch_id, ..Self::default() }
    }

    /// Adds a record that stands before the batch of which the next message is part.
    pub(crate) fn push_before(&mut self, body: Body) {
        self.before.push(body);
    }

    /// Adds a record that may come after the whole batch.
    pub(crate) fn push_after(&mut self, body: Body) {
        self.after.push(body);
    }

    /// Adds a message with its samples.
    pub(crate) fn push(
        &mut self,
        revision: RevisionNumber,
        path: &GatewayPath,
        slot: &mut Slot,
        message: Message,
        samples: &[Sample],
    ) {
        self.batch.revision = revision;
        let place = match *slot {
            Some((batch, place)) if batch == self.batch_id => place,
            _ => {
                let place = u32::try_from(self.batch.gateways.len()).expect("a round holds fewer deliveries");
                self.batch.gateways.push(path.clone());
                *slot = Some((self.batch_id, place));
                place
            }
        };
        self.batch.messages.push(Message { gateway: place, ..message });
        self.batch.samples.extend_from_slice(samples);
    }

    fn close(&mut self, batch_id: u64) {
        self.batch_id = batch_id;
        self.closed.append(&mut self.before);
        self.closed.extend(split(std::mem::take(&mut self.batch)).into_iter().map(Body::Batch));
        self.closed.append(&mut self.after);
    }

    pub(crate) fn into_bodies(mut self) -> Vec<Bytes> {
        self.close(0);
        self.closed.iter().map(encode_body).collect()
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
    batches: u64,
}

impl Round {
    pub(crate) fn is_empty(&self) -> bool {
        self.acks.is_empty() && self.parts.is_empty() && self.dead.is_empty() && self.receipts.is_empty()
    }

    pub(crate) fn payload_bytes(&self) -> usize {
        self.payload_bytes
    }

    /// Notes a delivery that came.
    pub(crate) fn note(&mut self, at: Time, payload_bytes: usize) {
        self.since.get_or_insert(at);
        self.payload_bytes += payload_bytes;
    }

    /// What goes to a partition. Ask only to add something: a part that is there is appended.
    pub(crate) fn part(&mut self, partition: Partition) -> &mut Part {
        let batches = &mut self.batches;
        self.parts.entry(partition).or_insert_with(|| {
            *batches += 1;
            Part::new(*batches)
        })
    }

    /// Adds a record that keeps its place between the messages before it and those after it.
    pub(crate) fn push_in_order(&mut self, partition: Partition, body: Body) {
        self.batches += 1;
        let next = self.batches;
        let part = self.part(partition);
        part.close(next);
        part.closed.push(body);
    }

    /// This round; the next begins in its place.
    pub(crate) fn finish(&mut self) -> Self {
        let next = Self { batches: self.batches, ..Self::default() };
        std::mem::replace(self, next)
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

    #[test]
    fn what_must_keep_its_place_parts_the_batch_and_nothing_else_does() {
        let (mut round, mut slots) = (Round::default(), [None, None]);
        let paths = ["g/a", "g/b"].map(|path| GatewayPath::new(path).expect("valid"));
        let mut push = |round: &mut Round, gateway: usize| {
            let message = Message { seq: Some(1), ..Message::default() };
            round.part(Partition(3)).push(RevisionNumber(1), &paths[gateway], &mut slots[gateway], message, &[]);
        };
        push(&mut round, 0);
        push(&mut round, 1);
        push(&mut round, 0);
        round.push_in_order(Partition(3), Body::Tick);
        push(&mut round, 1);
        round.part(Partition(3)).push_before(Body::CoreVersion(1));
        push(&mut round, 1);
        let mut finished = round.finish();
        push(&mut round, 1);
        let mut bodies = finished.parts.remove(&Partition(3)).expect("there").into_bodies();
        bodies.extend(round.finish().parts.remove(&Partition(3)).expect("there").into_bodies());
        let bodies: Vec<_> = bodies.iter().map(|it| wire::decode_body(it).expect("just encoded")).collect();
        let messages = |body: &Body| {
            if let Body::Batch(batch) = body { batch.messages().map(|it| it.1.to_string()).collect() } else { vec![] }
        };
        let [first, Body::Tick, Body::CoreVersion(1), second, third] = &*bodies else { panic!("{bodies:?}") };
        assert_eq!(messages(first), ["g/a", "g/b", "g/a"]);
        assert_eq!((messages(second), messages(third)), (vec!["g/b".to_owned(); 2], vec!["g/b".to_owned()]));
    }
}
