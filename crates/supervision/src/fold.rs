//! The fold over one partition: takes records one after the other, says when what could not be supervised.
//!
//! It keeps as much of the core's state as tells whether a point is heard of, by the same rules; everything is in journal time. What it
//! says of a point's silence is what the core's clock of that point says.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Body, Header, Partition, Position, Record, RevisionNumber, SourceId, Time};

use crate::UNSUPERVISED;
use crate::due::Due;
use crate::gap::{Gap, Reason, Said, record, scope};
use crate::layout::Place;
use crate::needs::RuleSpan;
use crate::point::Hot;
use crate::sources::Sources;

/// The fold over one partition.
#[derive(Clone, Debug)]
pub struct PartitionFold {
    pub(crate) partition: Partition,
    /// Of the record at hand, or applied last.
    pub(crate) header: Header,
    /// Some record was applied.
    pub(crate) begun: bool,
    /// What came between the record applied last and the next one was trimmed.
    pub(crate) skipped: bool,
    /// All sources are down since a start of Davy and nothing has come since.
    pub(crate) starting: bool,
    /// Partition time: the greatest journal time so far.
    pub(crate) now: Time,
    /// The version of the core that judges, as the journal says; 0 where it said nothing yet.
    pub(crate) version: u32,
    /// The revision in force; 0 for none.
    pub(crate) revision: RevisionNumber,
    pub(crate) points: Vec<Place>,
    /// By point.
    pub(crate) hot: Vec<Hot>,
    pub(crate) gateways: Vec<Gateway>,
    pub(crate) sources: Sources,
    /// In force.
    pub(crate) rules: BTreeMap<(Arc<str>, Arc<str>), RuleSpan>,
    /// The time zone of each park.
    pub(crate) zones: BTreeMap<Arc<str>, Arc<str>>,
    pub(crate) due: Due,
}

/// What is remembered of a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gateway {
    pub(crate) path: Arc<str>,
    /// Its source, as a place among them.
    pub(crate) source: usize,
    /// Its clock is ahead: since which record.
    pub(crate) ahead: Option<(Time, Position)>,
    /// Messages in a row without a newer sample.
    pub(crate) row: u32,
    /// Journal time of the first of them.
    pub(crate) row_since: Time,
}

impl PartitionFold {
    /// A fold that has seen nothing.
    pub fn new(partition: Partition) -> Self {
        Self {
            partition,
            header: Header::default(),
            begun: false,
            skipped: false,
            starting: false,
            now: Time::MIN,
            version: 0,
            revision: RevisionNumber(0),
            points: Vec::new(),
            hot: Vec::new(),
            gateways: Vec::new(),
            sources: Sources::default(),
            rules: BTreeMap::new(),
            zones: BTreeMap::new(),
            due: Due::default(),
        }
    }

    /// Applies the next record.
    pub fn apply(&mut self, record: &Record, said: &mut Said) {
        let before = self.begun.then_some(self.header);
        (self.header, self.begun) = (record.header, true);
        if let Some(before) = before {
            self.look_back(before, &record.body, said);
        }
        self.note_start(&record.body);
        if !matches!(record.body, Body::SourceDown { .. }) {
            self.run(record.header.time, said);
        }
        match &record.body {
            Body::Batch(batch) => self.batch(batch, said),
            Body::Revision(revision) => self.revise(revision, said),
            Body::CoreVersion(version) => self.version = *version,
            body => self.source_record(body, said),
        }
        self.run(self.now, said);
    }

    /// What came after the last record, up to the next one to be applied, is gone from the journal. Nothing is claimed of that stretch
    /// but that it is not known.
    pub fn skip(&mut self) {
        self.skipped = self.begun;
    }

    /// Journal time of the record applied last; `Time::MIN` before the first.
    pub fn time(&self) -> Time {
        if self.begun { self.header.time } else { Time::MIN }
    }

    /// The revision in force; 0 for none.
    pub fn revision(&self) -> RevisionNumber {
        self.revision
    }

    /// The rules in force, by point and alarm.
    pub fn rules(&self) -> impl Iterator<Item = &RuleSpan> {
        self.rules.values()
    }

    /// The IANA time zone of each park that any enterprise here is of.
    pub fn zones(&self) -> impl Iterator<Item = (&str, &str)> {
        self.zones.iter().map(|(park, zone)| (&**park, &**zone))
    }

    /// The ids of the points, in the order of their numbers.
    pub fn points(&self) -> impl Iterator<Item = &str> {
        self.points.iter().map(|it| &*it.id)
    }

    /// What lies between two records is silent as a whole where it is long, or where the second one begins a run.
    fn look_back(&mut self, before: Header, body: &Body, said: &mut Said) {
        let (from, to) = (before.time, self.header.time);
        let starts = !self.starting && is_start(body);
        let reason = match (std::mem::take(&mut self.skipped), to.since(from) > UNSUPERVISED || starts) {
            (true, _) => {
                self.stand_still(from, to);
                Reason::NotRecorded
            }
            (_, true) => Reason::EngineDown,
            _ => return,
        };
        if to > from {
            let number = self.partition.0;
            let evidence = format!("{} to {}", record(number, before.position), self.header.position.0);
            said.gaps.push(Gap { scope: scope::partition(number), reason, from, to: Some(to), evidence });
        }
    }

    /// Samples of a stretch that is gone may have come: no clock runs through it.
    fn stand_still(&mut self, from: Time, to: Time) {
        for hot in self.hot.iter_mut().filter(|hot| !hot.has(Hot::DOWN)) {
            hot.anchor = hot.anchor.plus(to.since(from));
        }
    }

    /// A start says so several times: it is one start until something comes.
    fn note_start(&mut self, body: &Body) {
        if is_start(body) {
            self.starting = true;
        } else if matches!(body, Body::Batch(_) | Body::SourceUp { .. }) {
            self.starting = false;
        }
    }

    /// Runs the clocks to `target`, never backwards, and says which points fell silent.
    pub(crate) fn run(&mut self, target: Time, said: &mut Said) {
        self.now = self.now.max(target);
        let mut silent: Vec<(Time, usize)> = Vec::new();
        while let Some(local) = self.due.pop(self.now) {
            let at = self.hot[local].silent_at(self.points[local].stale_after);
            if at > self.now {
                self.due.at_the_latest(local, at);
            } else if self.hot[local].stale.is_none() {
                silent.push((at, local));
            }
        }
        // In the order in which it happens, whatever stood in the heap.
        silent.sort_unstable();
        for (at, local) in silent {
            self.fall_silent(local, at, said);
        }
    }

    pub(crate) fn fall_silent(&mut self, local: usize, at: Time, said: &mut Said) {
        self.hot[local].stale = Some(at);
        said.gaps.push(self.point_gap(local, Reason::Stale, at, self.hot[local].at));
    }

    /// Sees to it that a point's silence is noticed.
    pub(crate) fn register(&mut self, local: usize) {
        let hot = &self.hot[local];
        if hot.stale.is_none() {
            self.due.at_the_latest(local, hot.silent_at(self.points[local].stale_after));
        }
    }

    /// A gap of a point that goes on; its end is another one with `to`.
    pub(crate) fn point_gap(&self, local: usize, reason: Reason, from: Time, at: Position) -> Gap {
        let evidence = record(self.partition.0, at);
        Gap { scope: scope::point(&self.points[local].id), reason, from, to: None, evidence }
    }
}

fn is_start(body: &Body) -> bool {
    matches!(body, Body::SourceDown { source, .. } if *source == SourceId::all())
}
