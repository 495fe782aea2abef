//! The core of one partition: takes records one after the other, says what they cause.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{
    Body, ClockOffset, Event, EventBody, Header, KeySeq, PointNumber, Position, Record, RequestId, Revision, Scope, Span, Time,
};

use crate::clock::Deadlines;
use crate::gap::Gap;
use crate::layout::Layout;
use crate::point::{Cell, Hot};
use crate::source::Sources;
use crate::timer::Extras;
use crate::window::Window;

/// The alarm core of one partition.
#[derive(Debug)]
pub struct Core {
    pub(crate) key: Arc<str>,
    /// Recorded data: rules against wrong clocks do not hold.
    pub(crate) recorded: bool,
    /// Of the record being applied, or applied last.
    pub(crate) header: Header,
    /// Partition time: the greatest journal time so far.
    pub(crate) now: Time,
    pub(crate) key_seq: KeySeq,
    /// The version that judges, as the journal says; 0 where it said nothing yet.
    pub(crate) version: u32,
    pub(crate) revision: Option<Arc<Revision>>,
    pub(crate) layout: Layout,
    /// By local point.
    pub(crate) hot: Vec<Hot>,
    /// By rule, as in the layout.
    pub(crate) cells: Vec<Cell>,
    /// By gateway, as in the layout.
    pub(crate) gateways: Vec<Gateway>,
    /// By link, as in the layout: what it stands for fell silent.
    pub(crate) silent: Vec<bool>,
    /// What rules over time remember, by rule.
    pub(crate) windows: BTreeMap<usize, Window>,
    /// What few alarms have beside their state.
    pub(crate) extras: Extras,
    /// Groups that the message at hand touched.
    pub(crate) touched: Vec<usize>,
    pub(crate) deadlines: Deadlines,
    pub(crate) sources: Sources,
    /// Requests judged in the last 24 h, and when.
    pub(crate) requests: BTreeMap<RequestId, Time>,
    pub(crate) counters: Counters,
    /// The gateways of the batch at hand; kept to reuse its memory.
    pub(crate) batch_gateways: Vec<Option<usize>>,
}

/// What is remembered of a gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gateway {
    /// Messages in a row without a newer sample.
    pub(crate) row: u32,
    /// Journal time of the first of them.
    pub(crate) row_since: Time,
    /// Its clock is known to run ahead.
    pub(crate) ahead: bool,
    /// Journal time of its last message.
    pub(crate) last_message: Option<Time>,
    /// Journal time less source time of its last messages, in a ring.
    pub(crate) offsets: [Span; OFFSETS],
    /// Messages counted for it, the ring's next place.
    pub(crate) offset_count: u32,
}

/// Messages that the offset of a gateway's clock is taken from.
pub(crate) const OFFSETS: usize = 16;
const OFFSET_COUNT: u32 = 16;
const _: () = assert!(OFFSETS == OFFSET_COUNT as usize);

impl Gateway {
    /// Takes one message's difference between journal time and source time.
    pub(crate) fn note_offset(&mut self, difference: Span) {
        self.offsets[self.offset_count as usize % OFFSETS] = difference;
        // Wraps to where the ring is full, so that the count says how much of it is.
        self.offset_count = if self.offset_count == 2 * OFFSET_COUNT - 1 { OFFSET_COUNT } else { self.offset_count + 1 };
    }

    /// What its last messages say of its clock; nothing before there are three.
    pub(crate) fn offset(&self) -> Option<ClockOffset> {
        let known = OFFSETS.min(self.offset_count as usize);
        if known < 3 {
            return None;
        }
        let mut sorted = self.offsets;
        sorted[..known].sort_unstable();
        let spread = sorted[known - 1].micros().saturating_sub(sorted[0].micros());
        Some(ClockOffset { offset: sorted[known / 2], uncertainty: Span::from_micros(spread / 2) })
    }
}

/// What became of samples since this core was made or restored; not part of its state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Newer than their point's last, and so counted for its alarms; bad ones too.
    pub judged: u64,
    /// Not newer than their point's last.
    pub not_newer: u64,
    /// Equal to their point's last in time, value and quality.
    pub repeated: u64,
    /// Marked historical by their gateway.
    pub historical: u64,
    /// Of a point that does not live here.
    pub unknown_point: u64,
    /// Judged at journal time, for their clock ran ahead.
    pub ahead: u64,
}

impl Core {
    /// A core that has seen nothing; `key` names its role as a writer: `engine/17`.
    pub fn new(key: Arc<str>) -> Self {
        Self {
            key,
            recorded: false,
            header: Header::default(),
            now: Time::MIN,
            key_seq: KeySeq(0),
            version: 0,
            revision: None,
            layout: Layout::default(),
            hot: Vec::new(),
            cells: Vec::new(),
            gateways: Vec::new(),
            silent: Vec::new(),
            windows: BTreeMap::new(),
            extras: Extras::default(),
            touched: Vec::new(),
            deadlines: Deadlines::default(),
            sources: Sources::default(),
            requests: BTreeMap::new(),
            counters: Counters::default(),
            batch_gateways: Vec::new(),
        }
    }

    /// A core for recorded data: any sample time is taken as it is, no clock is ahead and none was set back.
    pub fn for_recorded_data(key: Arc<str>) -> Self {
        Self { recorded: true, ..Self::new(key) }
    }

    /// Applies the next record; appends the events it causes to `events`, which the caller has cleared. If there are any, they are one output
    /// record: `key_seq` has grown by one, and their ids are (epoch of the record's header, key, `key_seq`, index in `events`).
    pub fn apply(&mut self, record: &Record, events: &mut Vec<Event>) {
        self.header = record.header;
        let before = events.len();
        if let Body::SourceDown { source, since, reason } = &record.body {
            self.source_down(source, *since, reason, events);
        } else {
            self.run(record.header.time, events);
            self.apply_body(&record.body, events);
            // A clock that goes on again, or a rule judged anew, may be due at once: nothing due is left behind.
            self.run(self.now, events);
        }
        if events.len() > before {
            self.key_seq = KeySeq(self.key_seq.0.saturating_add(1));
        }
    }

    fn apply_body(&mut self, body: &Body, events: &mut Vec<Event>) {
        match body {
            Body::Batch(batch) => self.batch(batch, events),
            Body::Command(command) => self.command(command, events),
            Body::Revision(revision) => self.revise(revision, events),
            Body::SourceUp { source, session_lost } => self.source_up(source, *session_lost, events),
            Body::CoreVersion(version) => self.core_version(*version, events),
            Body::Unmapped { gateway, tags } => self.unmapped(gateway, tags, events),
            Body::SequenceGap { gateway, count, .. } => self.sequence_gap(gateway, *count, events),
            Body::Loss { source, from, to, reason, messages } => {
                let gap = Gap { source: source.as_str(), from: *from, to: *to, reason, messages: *messages };
                self.loss(source, &gap, events);
            }
            Body::Fault { gateway, rule, detail } => self.fault(gateway, rule, detail, events),
            // `apply` has taken the first; the clocks have run, and a tick is no more than that.
            Body::SourceDown { .. } | Body::Tick => {}
        }
    }

    fn core_version(&mut self, version: u32, events: &mut Vec<Event>) {
        if self.version != version {
            self.version = version;
            events.push(self.event(self.now, Arc::clone(&self.key), Scope::default(), EventBody::CoreVersion(version)));
        }
    }

    /// The first version knew protocols only and named no points in gaps: replayed, its records give what they gave.
    pub(crate) fn judges_like_the_first(&self) -> bool {
        self.version == 1
    }

    /// The second version knew no alarms of gateways, and its events said less.
    pub(crate) fn judges_like_the_second(&self) -> bool {
        matches!(self.version, 1 | 2)
    }

    /// Journal time at which something may fall due by itself: never later than the true one, sometimes earlier.
    pub fn next_deadline(&self) -> Option<Time> {
        self.deadlines.next().into_iter().chain(self.extras.next()).min()
    }

    /// Of the last output record.
    pub fn key_seq(&self) -> KeySeq {
        self.key_seq
    }

    /// Counts on from the last record that stands in the journal: where a replay gave another number of outputs than is written there,
    /// the written ones stand, and the next id must not be one of theirs.
    pub fn resume_key_seq(&mut self, last: KeySeq) {
        self.key_seq = last;
    }

    /// Of the last record applied.
    pub fn position(&self) -> Position {
        self.header.position
    }

    /// Partition time: the greatest journal time so far; `Time::MIN` before the first record.
    pub fn time(&self) -> Time {
        self.now
    }

    /// The core version in force by the journal; 0 where it said nothing yet.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The revision in force.
    pub fn revision(&self) -> Option<&Arc<Revision>> {
        self.revision.as_ref()
    }

    /// What became of samples since this core was made or restored.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// For recorded data: this point's clock moves no further. Nothing falls due on it by itself any more, silence ends nothing.
    pub fn stop_clock(&mut self, point: PointNumber) {
        if let Some(local) = self.layout.local(point) {
            self.hot[local].freeze(Hot::STOPPED, self.now);
            self.fit_group_clocks();
        }
    }
}

/// How long a request id is remembered, in journal time.
pub(crate) const REQUESTS_KEPT: Span = Span::from_secs(24 * 3_600);
