//! `davy backtest`: the alarm core over recorded samples; journal time is sample time, and each point stops at its last sample.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use alarm::Core;
use model::{
    Batch, Body, EnterpriseId, Epoch, Event, GatewayPath, Header, Message, Partition, PointNumber, Position, Record, Revision,
    RevisionNumber, Sample, Site, Time,
};
use site::samples::Row;
use wire::JsonExtras;

use crate::exit::CommandError;
use crate::output::{Output, Reader};
use crate::recorded::Merged;
use crate::site_files;

/// Prints one JSON event a line.
pub fn run(site: &Path, samples: &[PathBuf]) -> Result<(), CommandError> {
    let loaded = site_files::load(site)?;
    let revision = Arc::new(numbered(loaded.site));
    let ends = last_rows(samples, &revision.site)?;
    let mut cores = Cores::new(&revision, ends);
    let mut rows = Merged::open(samples, &revision.site)?;
    let mut out = Output::new();
    for (index, row) in rows.by_ref().enumerate() {
        if cores.row(index, &row, &mut out)? == Reader::Gone {
            return Ok(());
        }
    }
    out.flush()?;
    rows.finish()
}

/// A revision for data that was in no journal: points numbered in order.
fn numbered(site: Site) -> Revision {
    let count = u32::try_from(site.points.len()).unwrap_or(u32::MAX);
    Revision {
        number: RevisionNumber(1),
        numbers: (1..=count).map(PointNumber).collect(),
        next_point_number: PointNumber(count.saturating_add(1)),
        site,
        ..Revision::default()
    }
}

/// For each row that is the last one of some points: which.
fn last_rows(samples: &[PathBuf], site: &Site) -> Result<BTreeMap<usize, Vec<usize>>, CommandError> {
    let mut last: BTreeMap<usize, usize> = BTreeMap::new();
    for (index, row) in Merged::open(samples, site)?.enumerate() {
        last.extend(row.values.iter().map(|(point, _, _)| (*point, index)));
    }
    let mut rows: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (point, row) in last {
        rows.entry(row).or_default().push(point);
    }
    Ok(rows)
}

/// One core a partition, all on the same time.
struct Cores<'r> {
    revision: &'r Arc<Revision>,
    cores: BTreeMap<Partition, Core>,
    ends: BTreeMap<usize, Vec<usize>>,
    partition_of: BTreeMap<EnterpriseId, Partition>,
    position: Position,
    now: Time,
    started: bool,
    events: Vec<Event>,
}

impl<'r> Cores<'r> {
    fn new(revision: &'r Arc<Revision>, ends: BTreeMap<usize, Vec<usize>>) -> Self {
        let core = |partition: Partition| (partition, Core::for_recorded_data(Arc::from(format!("engine/{partition}"))));
        Self {
            revision,
            cores: revision.partitions().into_iter().map(core).collect(),
            ends,
            partition_of: revision.site.enterprises.iter().map(|it| (it.id.clone(), Partition::of(&it.id))).collect(),
            position: Position(0),
            now: Time::MIN,
            started: false,
            events: Vec::new(),
        }
    }

    fn row(&mut self, index: usize, row: &Row, out: &mut Output) -> Result<Reader, CommandError> {
        self.now = self.now.max(row.time);
        if !self.started {
            self.start(out)?;
        }
        let mut batches = self.batches(row);
        for partition in self.partitions() {
            let body = batches.remove(&partition).map_or(Body::Tick, Body::Batch);
            self.apply(partition, body, out)?;
        }
        for point in self.ends.remove(&index).unwrap_or_default() {
            self.stop(point);
        }
        Ok(out.reader())
    }

    /// The site takes effect at the first sample; points without any never have a clock.
    fn start(&mut self, out: &mut Output) -> Result<(), CommandError> {
        self.started = true;
        for partition in self.partitions() {
            let part = Arc::new(self.revision.part(partition));
            self.apply(partition, Body::Revision(part), out)?;
        }
        let sampled: BTreeSet<usize> = self.ends.values().flatten().copied().collect();
        for point in (0..self.revision.site.points.len()).filter(|point| !sampled.contains(point)) {
            self.stop(point);
        }
        Ok(())
    }

    fn stop(&mut self, point: usize) {
        let enterprise = &self.revision.site.points[point].enterprise;
        if let Some(core) = self.partition_of.get(enterprise).and_then(|partition| self.cores.get_mut(partition)) {
            core.stop_clock(self.revision.numbers[point]);
        }
    }

    fn partitions(&self) -> Vec<Partition> {
        self.cores.keys().copied().collect()
    }

    /// The row as a gateway would have sent it: one message for each gateway.
    fn batches(&self, row: &Row) -> BTreeMap<Partition, Batch> {
        let mut messages: BTreeMap<(Partition, &GatewayPath), Vec<Sample>> = BTreeMap::new();
        for (index, value, quality) in &row.values {
            let (point, number) = (&self.revision.site.points[*index], self.revision.numbers[*index]);
            let mut sample = Sample::new(number, row.time, *value, *quality);
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

    fn apply(&mut self, partition: Partition, body: Body, out: &mut Output) -> Result<(), CommandError> {
        let Some(core) = self.cores.get_mut(&partition) else { return Ok(()) };
        self.position = Position(self.position.0 + 1);
        let header = Header { position: self.position, time: self.now, epoch: Epoch(0) };
        self.events.clear();
        core.apply(&Record { header, body }, &mut self.events);
        let key = Arc::from(format!("engine/{partition}"));
        let record = wire::EventRecord { events: std::mem::take(&mut self.events), ..wire::EventRecord::default() };
        for event in wire::recorded_events(record, (Epoch(0), &key, core.key_seq()), self.position, self.now) {
            out.line(&wire::event_json(&event, JsonExtras::Bare))?;
        }
        Ok(())
    }
}
