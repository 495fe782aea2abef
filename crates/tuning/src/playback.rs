//! Recorded samples through the alarm core: journal time is sample time, and each point stops at its last sample.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alarm::Core;
use model::{
    Batch, Body, EnterpriseId, Epoch, Event, GatewayPath, Header, KeySeq, Message, Partition, PointNumber, Position, Quality,
    Record, Revision, RevisionNumber, Sample, Site, Time,
};

/// One value of a row: the index of its point in `site.points`, the value if it has one, and how far to trust it.
pub type Value = (usize, Option<f64>, Quality);

/// Where the samples of each point end; found by reading the rows once before they are played.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    rows: usize,
    /// By point: the row of its last sample, and the latest time of any of its samples.
    last: BTreeMap<usize, (usize, Time)>,
}

impl Ends {
    /// Takes the next row.
    pub fn row(&mut self, time: Time, values: &[Value]) {
        for (point, _, _) in values {
            let last = self.last.entry(*point).or_insert((self.rows, time));
            *last = (self.rows, last.1.max(time));
        }
        self.rows += 1;
    }

    /// The latest time of a point's samples, if it has any.
    pub fn of(&self, point: usize) -> Option<Time> {
        self.last.get(&point).map(|(_, time)| *time)
    }

    /// For each row that is the last one of some points: which.
    pub(crate) fn by_row(&self) -> BTreeMap<usize, Vec<usize>> {
        let mut rows: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (point, (row, _)) in &self.last {
            rows.entry(*row).or_default().push(*point);
        }
        rows
    }
}

/// A revision for data that was in no journal: points numbered in order.
pub fn numbered(site: Site) -> Revision {
    let count = u32::try_from(site.points.len()).unwrap_or(u32::MAX);
    Revision {
        number: RevisionNumber(1),
        numbers: (1..=count).map(PointNumber).collect(),
        next_point_number: PointNumber(count.saturating_add(1)),
        site,
        ..Revision::default()
    }
}

/// What one record caused.
#[derive(Debug)]
pub struct Said<'a> {
    /// The role that says it: `engine/17`.
    pub key: &'a Arc<str>,
    /// The role's own counter of what it said.
    pub key_seq: KeySeq,
    /// Of the record.
    pub position: Position,
    /// Of the record.
    pub time: Time,
    /// The events, to be taken or left.
    pub events: &'a mut Vec<Event>,
}

/// One core a partition, all on the same time.
pub struct Playback<'r> {
    revision: &'r Arc<Revision>,
    cores: BTreeMap<Partition, (Arc<str>, Core)>,
    ends: BTreeMap<usize, Vec<usize>>,
    partition_of: BTreeMap<EnterpriseId, Partition>,
    position: Position,
    now: Time,
    /// Rows played so far.
    rows: usize,
    events: Vec<Event>,
}

impl<'r> Playback<'r> {
    /// Ready for the first row.
    pub fn new(revision: &'r Arc<Revision>, ends: &Ends) -> Self {
        let core = |partition: Partition| {
            let key: Arc<str> = Arc::from(format!("engine/{partition}"));
            (partition, (Arc::clone(&key), Core::for_recorded_data(key)))
        };
        Self {
            revision,
            cores: revision.partitions().into_iter().map(core).collect(),
            ends: ends.by_row(),
            partition_of: revision.site.enterprises.iter().map(|it| (it.id.clone(), Partition::of(&it.id))).collect(),
            position: Position(0),
            now: Time::MIN,
            rows: 0,
            events: Vec::new(),
        }
    }

    /// Plays the next row; hands what it causes to `say`, record by record.
    pub fn row<E>(&mut self, time: Time, values: &[Value], say: &mut impl FnMut(Said<'_>) -> Result<(), E>) -> Result<(), E> {
        self.now = self.now.max(time);
        if self.rows == 0 {
            self.start(say)?;
        }
        let mut batches = self.batches(time, values);
        for partition in self.partitions() {
            let body = batches.remove(&partition).map_or(Body::Tick, Body::Batch);
            self.apply(partition, body, say)?;
        }
        for point in self.ends.remove(&self.rows).unwrap_or_default() {
            self.stop(point);
        }
        self.rows += 1;
        Ok(())
    }

    /// The site takes effect at the first sample; points without any never have a clock.
    fn start<E>(&mut self, say: &mut impl FnMut(Said<'_>) -> Result<(), E>) -> Result<(), E> {
        for partition in self.partitions() {
            let part = Arc::new(self.revision.part(partition));
            self.apply(partition, Body::Revision(part), say)?;
        }
        let sampled: BTreeSet<usize> = self.ends.values().flatten().copied().collect();
        for point in (0..self.revision.site.points.len()).filter(|point| !sampled.contains(point)) {
            self.stop(point);
        }
        Ok(())
    }

    fn stop(&mut self, point: usize) {
        let enterprise = &self.revision.site.points[point].enterprise;
        if let Some((_, core)) = self.partition_of.get(enterprise).and_then(|partition| self.cores.get_mut(partition)) {
            core.stop_clock(self.revision.numbers[point]);
        }
    }

    fn partitions(&self) -> Vec<Partition> {
        self.cores.keys().copied().collect()
    }

    /// The row as a gateway would have sent it: one message for each gateway.
    fn batches(&self, time: Time, values: &[Value]) -> BTreeMap<Partition, Batch> {
        let mut messages: BTreeMap<(Partition, &GatewayPath), Vec<Sample>> = BTreeMap::new();
        for (index, value, quality) in values {
            let (point, number) = (&self.revision.site.points[*index], self.revision.numbers[*index]);
            let mut sample = Sample::new(number, time, *value, *quality);
            sample.flags = point.flags_of(*value);
            let partition = self.partition_of[&point.enterprise];
            messages.entry((partition, &point.source.gateway)).or_default().push(sample);
        }
        let mut batches: BTreeMap<Partition, Batch> = BTreeMap::new();
        for ((partition, gateway), samples) in messages {
            let batch = batches.entry(partition).or_insert_with(|| Batch { revision: self.revision.number, ..Batch::default() });
            let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            batch.messages.push(Message {
                gateway: count(batch.gateways.len()),
                samples: count(samples.len()),
                ..Message::default()
            });
            batch.gateways.push(gateway.clone());
            batch.samples.extend(samples);
        }
        batches
    }

    fn apply<E>(&mut self, partition: Partition, body: Body, say: &mut impl FnMut(Said<'_>) -> Result<(), E>) -> Result<(), E> {
        let Some((key, core)) = self.cores.get_mut(&partition) else { return Ok(()) };
        self.position = Position(self.position.0 + 1);
        let header = Header { position: self.position, time: self.now, epoch: Epoch(0) };
        self.events.clear();
        core.apply(&Record { header, body }, &mut self.events);
        let (position, time, key_seq) = (self.position, self.now, core.key_seq());
        say(Said { key, key_seq, position, time, events: &mut self.events })
    }
}
