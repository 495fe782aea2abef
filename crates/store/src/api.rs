//! The one trait of stores, and what goes in and comes out of them.
//!
//! Limits: a page has at most `MAX_PAGE` rows, of samples `MAX_SAMPLES`; a list in a filter has at most `MAX_FILTER_TERMS` entries.
//! Order: samples by (time, point number), since numbers are for life and compare alike in every database while text does not;
//! events by (position, ordinal); dead letters by position. Paging goes by the last key seen, so no call holds anything open.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use model::{Epoch, PointNumber, Position, Quality, SampleFlags, Span, Time};

use crate::StoreError;

/// Most rows of a page; a larger limit is taken as this.
pub const MAX_PAGE: usize = 10_000;

/// Samples of a page at most.
pub const MAX_SAMPLES: usize = 80_000;

/// Most dead letters, and most bytes of their payloads but for the last one, that one `forget_dead_before` deletes: more rows than a
/// batch brings, and few enough that what waits for the write is not held up.
pub const FORGET_ROWS: usize = 5_000;
/// See `FORGET_ROWS`.
pub const FORGET_BYTES: usize = 4 * 1_024 * 1_024;

/// Most entries of one list in a filter.
pub const MAX_FILTER_TERMS: usize = 10_000;

/// How far the store has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The epoch of the journal it holds; `None` in an empty store.
    pub epoch: Option<Epoch>,
    /// By journal (`telemetry/17`, `events`, `dead`): everything up to this position is stored, and the journal time of it.
    pub positions: BTreeMap<String, (Position, Time)>,
}

impl Progress {
    /// The last stored position of a journal; 0 where nothing is.
    pub fn position(&self, journal: &str) -> Position {
        self.positions.get(journal).map_or(Position(0), |(position, _)| *position)
    }
}

/// Rows of one stretch of one journal, stored as a whole or not at all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WriteBatch {
    /// Which journal: `telemetry/17`, `events`, `dead`.
    pub journal: String,
    /// The epoch of the journal.
    pub epoch: Epoch,
    /// The batch holds what came after this position: it must be the stored one.
    pub after: Position,
    /// Everything up to here is in the batch; more than `after`.
    pub upto: Position,
    /// Journal time of the record at `upto`.
    pub time: Time,
    /// In the order of the journal: of two with the same point and time, the later stands.
    pub samples: Vec<SampleRow>,
    /// In the order of the journal.
    pub events: Vec<EventRow>,
    /// In the order of the journal.
    pub dead: Vec<DeadRow>,
    /// Points as they are from here on.
    pub points: Vec<PointRow>,
    /// What the events did to occurrences of alarms, in the order of the journal.
    pub occurrences: Vec<OccurrenceChange>,
}

/// One sample to store.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampleRow {
    /// The point.
    pub point: PointNumber,
    /// Source time.
    pub time: Time,
    /// The value; what is not finite is stored as none.
    pub value: Option<f64>,
    /// How far to trust it.
    pub quality: Quality,
    /// What else is known.
    pub flags: SampleFlags,
    /// Journal time of its record. For each point and time the row recorded last is the one that stands.
    pub recorded_at: Time,
}

/// One event; what a query reads is what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// Its record's place in `events`.
    pub position: Position,
    /// Which event of the record.
    pub ordinal: u32,
    /// Unique for ever; a second event of the same id is not stored.
    pub id: String,
    /// When it happened.
    pub occurred_at: Time,
    /// Journal time of the record.
    pub recorded_at: Time,
    /// `alarm.raised`, `source.down` ...
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// Empty where it concerns no park.
    pub park: String,
    /// Empty where it concerns no enterprise.
    pub enterprise: String,
    /// Empty where it concerns no installation.
    pub installation: String,
    /// The encoded event; opaque here.
    pub body: Vec<u8>,
}

/// One message that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadRow {
    /// Its place in `dead`.
    pub position: Position,
    /// Journal time.
    pub at: Time,
    /// Whose, as far as known.
    pub gateway: String,
    /// Where it came in.
    pub topic: String,
    /// A word for programs.
    pub reason: String,
    /// In words.
    pub detail: String,
    /// Its beginning.
    pub payload: Vec<u8>,
    /// How long it was.
    pub payload_bytes: u64,
    /// How many it stands for, itself included.
    pub count: u64,
}

/// What is known of a point number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PointRow {
    /// The number.
    pub number: PointNumber,
    /// The point's id.
    pub id: String,
    /// The unit of its values.
    pub unit: String,
    /// What it measures.
    pub quantity: String,
    /// Empty outside any park.
    pub park: String,
    /// Whose it is.
    pub enterprise: String,
    /// Where it is.
    pub installation: String,
    /// How long a value holds where nothing newer comes: figures by time go no further (the point's `stale_after`).
    pub hold: Span,
}

/// Which samples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SampleQuery {
    /// Point ids; none means all.
    pub points: Vec<String>,
    /// Inclusive.
    pub from: Option<Time>,
    /// Exclusive.
    pub to: Option<Time>,
}

/// A place in the order of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SampleKey {
    /// First by time.
    pub time: Time,
    /// Then by the number of the point.
    pub point: PointNumber,
}

/// One sample as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredSample {
    /// The point's id; `None` while no revision has named the number.
    pub id: Option<Arc<str>>,
    /// What was written.
    pub row: SampleRow,
}

/// Figures for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AggregateQuery {
    /// Point ids; none means all that have an id.
    pub points: Vec<String>,
    /// Inclusive.
    pub from: Time,
    /// Exclusive.
    pub to: Time,
    /// Width of a bucket, at least 1 us; buckets are aligned to 1970.
    pub bucket: Span,
    /// Most buckets to answer with.
    pub limit: usize,
}

/// Figures of one point and bucket that has samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// The point's id.
    pub id: String,
    /// Start of the bucket.
    pub start: Time,
    /// Samples that are good or uncertain and have a value; the figures below are over these.
    pub count: u64,
    /// All samples.
    pub samples: u64,
    /// Least value.
    pub min: Option<f64>,
    /// Greatest value.
    pub max: Option<f64>,
    /// Plain mean, not weighted by time (traps 68); none where the sum is beyond what a number holds.
    pub mean: Option<f64>,
    /// Value of the earliest.
    pub first: Option<f64>,
    /// Value of the latest.
    pub last: Option<f64>,
}

/// Width of the buckets that figures are kept for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resolution {
    /// 60 s.
    Minute,
    /// 3,600 s.
    Hour,
    /// 86,400 s, from midnight UTC.
    Day,
}

impl Resolution {
    /// Every one, finest first.
    pub const ALL: &'static [Self] = &[Self::Minute, Self::Hour, Self::Day];

    /// The width of a bucket; buckets are aligned to 1970.
    pub const fn width(self) -> Span {
        Span::from_secs(match self {
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        })
    }

    /// The next finer one.
    pub const fn finer(self) -> Option<Self> {
        match self {
            Self::Minute => None,
            Self::Hour => Some(Self::Minute),
            Self::Day => Some(Self::Hour),
        }
    }
}

/// What is kept of a point for one bucket; buckets without a sample and without a value held have none (traps 68).
///
/// A value holds from its sample to the point's next one, or for the point's `hold`, whichever is less; it is good while its sample is
/// good or uncertain and has a value. Sums over wider buckets are sums of these.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// The point.
    pub point: PointNumber,
    /// Start of the bucket.
    pub start: Time,
    /// All samples in it.
    pub samples: u64,
    /// Those that are good or uncertain and have a value; `sum` to `last` are over these.
    pub count: u64,
    /// Sum of the values; may be infinite.
    pub sum: f64,
    /// Least value.
    pub min: Option<f64>,
    /// Greatest value.
    pub max: Option<f64>,
    /// Value of the earliest.
    pub first: Option<f64>,
    /// Value of the latest.
    pub last: Option<f64>,
    /// The integral of the held value over the good time, value times seconds.
    pub weighted: f64,
    /// How long a good value was held.
    pub good: Span,
}

/// Which figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FigureQuery {
    /// The points.
    pub points: Vec<PointNumber>,
    /// Which width.
    pub resolution: Resolution,
    /// Start of the first bucket, inclusive.
    pub from: Time,
    /// Start of the last bucket, exclusive.
    pub to: Time,
}

/// A stretch of time whose figures are not what the raw samples say, whole minutes: late samples came, or it was not yet worked out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PendingSpan {
    /// Which point; `None` means every one.
    pub point: Option<PointNumber>,
    /// Inclusive.
    pub from: Time,
    /// Exclusive; `Time::MAX` where it has no end.
    pub to: Time,
}

/// How long what is kept, and what must not go: the settings of `[history]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Raw samples; by default 90 days.
    pub raw: Span,
    /// Figures of minutes; by default 365 days. Those of hours and days stay.
    pub minutes: Span,
    /// Alarms, events and the supervision record; by default 3 x 365 days.
    pub events: Span,
    /// Samples older than this are packed by point; by default 1 h.
    pub pack_after: Span,
    /// Width of a piece of raw samples; `None` derives it from the rate.
    pub chunk: Option<Span>,
    /// Stretches of time of which nothing is deleted, whatever else is said (legal hold).
    pub holds: Vec<LegalHold>,
}

impl Default for Policy {
    fn default() -> Self {
        let days = |days: i64| Span::from_secs(days * 86_400);
        Self {
            raw: days(90),
            minutes: days(365),
            events: days(3 * 365),
            pack_after: Span::from_secs(3_600),
            chunk: None,
            holds: Vec::new(),
        }
    }
}

impl Policy {
    /// Whether a stretch may be deleted as far as legal holds go.
    pub fn may_delete(&self, from: Time, to: Time) -> bool {
        self.holds.iter().all(|hold| to <= hold.from || hold.to.is_some_and(|end| end <= from))
    }
}

/// A stretch of time that a court, an authority or an investigation wants kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegalHold {
    /// Inclusive.
    pub from: Time,
    /// Exclusive; `None` while it goes on.
    pub to: Option<Time>,
    /// Who asked for it, and why.
    pub why: String,
}

/// What one step of upkeep did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// More is to be done now.
    pub more: bool,
    /// What was done that an operator may want to read: `packed samples of 2026-11-28 10:00 to 10:10: 600000 rows, 36 MB to 4 MB`.
    pub done: Vec<String>,
    /// What this database cannot do, or a person has to look at; empty where all is well.
    pub concerns: Vec<String>,
}

/// What kind of database it is and what it does for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StoreKind {
    /// A file of SQLite.
    Sqlite,
    /// PostgreSQL without TimescaleDB: native partitions.
    Postgres,
    /// TimescaleDB, Apache edition: hypertables; packing and figures are Davy's own.
    TimescaleApache,
    /// TimescaleDB, community edition: hypertables, columnstore, continuous aggregates.
    TimescaleCommunity,
}

/// What was found out about the database at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Its kind.
    pub kind: StoreKind,
    /// `PostgreSQL 15.18, TimescaleDB 2.19.3 (Apache)`.
    pub version: String,
    /// What it lacks, and what Davy does instead.
    pub without: Vec<&'static str>,
}

/// What one event says of an occurrence of an alarm. The first one of an occurrence is its raise.
#[derive(Clone, Debug, PartialEq)]
pub struct OccurrenceChange {
    /// The occurrence as it is after the event, as far as the event knows: `None` leaves what is stored. `raised_at` is that of this
    /// activation; the earliest stays.
    pub row: OccurrenceRow,
    /// A raise: what stood of return is of the activation before, and goes.
    pub raise: bool,
}

/// One occurrence of an alarm, from its first raise to its end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OccurrenceRow {
    /// Id of the event that raised it first.
    pub id: String,
    /// Position in `events` of the last event that concerned it.
    pub position: Position,
    /// The point, or what else it is about.
    pub subject: String,
    /// The alarm's id on it.
    pub alarm: String,
    /// The kind of its rule.
    pub kind: String,
    /// `low` to `critical`.
    pub priority: String,
    /// Empty where it concerns no park.
    pub park: String,
    /// Empty where it concerns no enterprise.
    pub enterprise: String,
    /// Empty where it concerns no installation.
    pub installation: String,
    /// The operator position; empty where none was given.
    pub operator: String,
    /// The state after the last event.
    pub state: String,
    /// How often it was raised.
    pub activations: u32,
    /// First raise, source time.
    pub raised_at: Option<Time>,
    /// Journal time of the first raise.
    pub recorded_at: Option<Time>,
    /// Value of the last raise.
    pub value: Option<f64>,
    /// Limit of the last raise.
    pub limit: Option<f64>,
    /// Whether an operator was told of any activation.
    pub annunciated: Option<bool>,
    /// Last return, source time; `None` while it is in alarm.
    pub returned_at: Option<Time>,
    /// Last acknowledgement, source time.
    pub acknowledged_at: Option<Time>,
    /// By whom.
    pub acknowledged_by: Option<String>,
    /// Its end; `None` while it is open.
    pub closed_at: Option<Time>,
}

/// Which occurrences; each empty list means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OccurrenceQuery {
    /// Points.
    pub subjects: Vec<String>,
    /// Ids of alarms.
    pub alarms: Vec<String>,
    /// `low` to `critical`.
    pub priorities: Vec<String>,
    /// Parks.
    pub parks: Vec<String>,
    /// Enterprises.
    pub enterprises: Vec<String>,
    /// Installations.
    pub installations: Vec<String>,
    /// Operator positions.
    pub operators: Vec<String>,
    /// Only those that are open, or only those that are not.
    pub open: Option<bool>,
    /// By `raised_at`, inclusive.
    pub from: Option<Time>,
    /// By `raised_at`, exclusive.
    pub to: Option<Time>,
}

/// A place in the order of occurrences: newest raise first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OccurrenceKey {
    /// First by the first raise, falling.
    pub raised_at: Time,
    /// Then by id, falling.
    pub id: String,
}

/// A stretch of time in which something could not be supervised.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GapRow {
    /// What it concerns: `partition/17`, `source/17/mqtt`, `gateway/17/rugang/e01/gw1`, `point/e01-PI-101`, `rule/e01-PI-101/high`,
    /// `journal`, `events`.
    pub scope: String,
    /// `engine_down`, `gateway_offline`, `stale`, `bad_quality`, `shelved` ...
    pub reason: String,
    /// Journal time, inclusive; with scope and reason the name of the row.
    pub from: Time,
    /// Journal time, exclusive; `None` while it goes on.
    pub to: Option<Time>,
    /// What proves it: the position of the record that began it, an event's id.
    pub evidence: String,
}

/// A rule and when it was in force. A row whose alarm is empty stands for a point itself: online rates are taken from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleRow {
    /// Its point.
    pub point: String,
    /// Its id on the point.
    pub alarm: String,
    /// Journal time from which it was in force so; with point and alarm the name of the row.
    pub from: Time,
    /// Until when; `None` while it is.
    pub to: Option<Time>,
    /// Its kind.
    pub kind: String,
    /// Empty outside any park.
    pub park: String,
    /// Whose.
    pub enterprise: String,
    /// Where.
    pub installation: String,
    /// What it takes to judge, as the owner encodes it; opaque here.
    pub body: Vec<u8>,
}

/// One rule's day, or that of a point where the alarm is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleDayRow {
    /// Start of the day (of the park's time zone); with point and alarm the name of the row.
    pub day: Time,
    /// Its point.
    pub point: String,
    /// Its id on the point.
    pub alarm: String,
    /// Empty outside any park.
    pub park: String,
    /// Whose.
    pub enterprise: String,
    /// How long it was in force.
    pub in_force: Span,
    /// How long it could have fired.
    pub supervised: Span,
    /// How long each reason kept it from that; where several did, each counts.
    pub reasons: BTreeMap<String, Span>,
}

/// What one fold of the supervision record has to say, stored as a whole or not at all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SupervisionBatch {
    /// Whose: `supervision/telemetry/17`, `supervision/events`; a position of its own in `progress`.
    pub key: String,
    /// The epoch of the journal.
    pub epoch: Epoch,
    /// The batch holds what came after this position: it must be the stored one.
    pub after: Position,
    /// Everything up to here is in it; at least `after`.
    pub upto: Position,
    /// Journal time of the record at `upto`.
    pub time: Time,
    /// The fold's state at `upto`; opaque here.
    pub state: Vec<u8>,
    /// Gaps that began or ended; one known by its name gets the new end.
    pub gaps: Vec<GapRow>,
    /// Rules that came into force or went out of it.
    pub rules: Vec<RuleRow>,
    /// Days that are over.
    pub days: Vec<RuleDayRow>,
}

/// Which gaps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GapQuery {
    /// Of these scopes; none means all.
    pub scopes: Vec<String>,
    /// That end after this, or have no end.
    pub from: Time,
    /// That begin before this.
    pub to: Time,
}

/// Which rules, or days of rules; each empty list means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleQuery {
    /// Points.
    pub points: Vec<String>,
    /// Ids of alarms.
    pub alarms: Vec<String>,
    /// Enterprises.
    pub enterprises: Vec<String>,
    /// Parks.
    pub parks: Vec<String>,
    /// In force (or days that begin) at or after this ...
    pub from: Time,
    /// ... and before this.
    pub to: Time,
}

/// Which kinds of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KindFilter {
    /// This kind.
    Exact(String),
    /// Every kind that begins so: `alarm.`.
    Prefix(String),
}

impl KindFilter {
    /// Reads `alarm.raised` or `alarm.*`.
    pub fn parse(text: &str) -> Self {
        match text.strip_suffix('*') {
            Some(prefix) if prefix.ends_with('.') => Self::Prefix(prefix.to_owned()),
            _ => Self::Exact(text.to_owned()),
        }
    }
}

/// Which events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// None means all.
    pub kinds: Vec<KindFilter>,
    /// None means all.
    pub subjects: Vec<String>,
    /// None means all.
    pub parks: Vec<String>,
    /// None means all.
    pub enterprises: Vec<String>,
    /// None means all.
    pub installations: Vec<String>,
    /// By `occurred_at`, inclusive.
    pub from: Option<Time>,
    /// By `occurred_at`, exclusive.
    pub to: Option<Time>,
}

/// A place in the order of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventKey {
    /// First by position.
    pub position: Position,
    /// Then by place in the record.
    pub ordinal: u32,
}

/// Which dead letters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadQuery {
    /// `None` means all.
    pub gateway: Option<String>,
    /// `None` means all.
    pub reason: Option<String>,
    /// By journal time, inclusive.
    pub from: Option<Time>,
    /// By journal time, exclusive.
    pub to: Option<Time>,
}

/// Some rows, and where to go on.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T, K> {
    /// In order.
    pub rows: Vec<T>,
    /// The key to go on after; `None` where there was nothing more when it was read.
    pub next: Option<K>,
}

/// History and read models. What the writer itself asks (`progress`, `points`, `last_event`) never waits for the queries of others.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Reaches the database, brings its tables up to date and finds out what it is. Everything else does this first where it was not
    /// done; until it has gone well every call may be `Unavailable`.
    async fn prepare(&self) -> Result<Description, StoreError>;

    /// How many writes may be under way at once; of one journal they are carried out in the order of their positions.
    fn lanes(&self) -> usize;

    /// How far each journal is stored.
    async fn progress(&self) -> Result<Progress, StoreError>;

    /// Stores the rows of all batches and their positions, or nothing. Refuses with `Conflict` where a stored position is not the
    /// batch's `after`, so that no row is ever written twice; after any other error ask `progress` before writing again.
    /// A row that the database refuses as such does not stop the others: it becomes a dead letter of reason `store_refused` (traps 60).
    async fn write_all(&self, batches: &[WriteBatch]) -> Result<(), StoreError>;

    /// The same for one batch.
    async fn write(&self, batch: &WriteBatch) -> Result<(), StoreError> {
        self.write_all(std::slice::from_ref(batch)).await
    }

    /// Every point ever named, in the order of numbers.
    async fn points(&self) -> Result<Vec<PointRow>, StoreError>;

    /// The points of these ids, in the order of numbers; unknown ids are left out.
    async fn points_named(&self, ids: &[String]) -> Result<Vec<PointRow>, StoreError>;

    /// The next samples after a key.
    async fn samples(
        &self,
        query: &SampleQuery,
        after: Option<SampleKey>,
        limit: usize,
    ) -> Result<Page<StoredSample, SampleKey>, StoreError>;

    /// Samples of some points from a time to before another, by (point number, time): the way in which they are packed.
    async fn samples_by_point(&self, points: &[PointNumber], from: Time, to: Time) -> Result<Vec<SampleRow>, StoreError>;

    /// For each point the last sample at or before a time and not before another, where there is one; in the order of numbers.
    async fn samples_at(&self, points: &[PointNumber], not_before: Time, at: Time) -> Result<Vec<SampleRow>, StoreError>;

    /// Figures by point number and bucket, for buckets that have samples; computed from raw samples.
    async fn aggregates(&self, query: &AggregateQuery) -> Result<Vec<Aggregate>, StoreError>;

    /// Figures as they are kept, by point number and start; not those of `pending` stretches.
    async fn figures(&self, query: &FigureQuery) -> Result<Vec<Figure>, StoreError>;

    /// Where kept figures are not what the raw samples say, for these points and from one time to before another; spans that only touch
    /// the range are whole. What is dated before 2000 always is: no figures are kept of it (traps 65).
    async fn pending(&self, points: &[PointNumber], from: Time, to: Time) -> Result<Vec<PendingSpan>, StoreError>;

    /// The next events after a key, in the order of the journal.
    async fn events(
        &self,
        query: &EventQuery,
        after: Option<EventKey>,
        limit: usize,
    ) -> Result<Page<EventRow, EventKey>, StoreError>;

    /// The next occurrences of alarms after a key, newest raise first.
    async fn occurrences(
        &self,
        query: &OccurrenceQuery,
        after: Option<OccurrenceKey>,
        limit: usize,
    ) -> Result<Page<OccurrenceRow, OccurrenceKey>, StoreError>;

    /// The position of the last record of `events` that has events and was recorded before a time; 0 where there is none. Journal time
    /// never falls from position to position, so everything recorded from that time on stands behind it.
    async fn recorded_before(&self, time: Time) -> Result<Position, StoreError>;

    /// The next dead letters after a position.
    async fn dead_letters(
        &self,
        query: &DeadQuery,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Page<DeadRow, Position>, StoreError>;

    /// The last event of a kind on a subject, in the order of the journal.
    async fn last_event(&self, kind: &str, subject: &str) -> Result<Option<EventRow>, StoreError>;

    /// Deletes the oldest dead letters before a position, `FORGET_ROWS` or about `FORGET_BYTES` at a time; true where more are left.
    /// How far the journal is stored does not change. The journal keeps dead letters in a ring: without this the store keeps all there
    /// ever were.
    async fn forget_dead_before(&self, position: Position) -> Result<bool, StoreError>;

    /// Stores what a fold of the supervision record says, with its state and its position, or nothing; refuses as `write_all` does.
    async fn write_supervision(&self, batch: &SupervisionBatch) -> Result<(), StoreError>;

    /// Position and state of a fold of the supervision record, as stored last.
    async fn supervision_state(&self, key: &str) -> Result<Option<(Position, Vec<u8>)>, StoreError>;

    /// Gaps by scope, reason and start; `MAX_PAGE` at most.
    async fn gaps(&self, query: &GapQuery) -> Result<Vec<GapRow>, StoreError>;

    /// Rules by point, alarm and start; `MAX_PAGE` at most.
    async fn rules(&self, query: &RuleQuery) -> Result<Vec<RuleRow>, StoreError>;

    /// Days of rules by day, point and alarm; `MAX_PAGE` at most.
    async fn rule_days(&self, query: &RuleQuery) -> Result<Vec<RuleDayRow>, StoreError>;

    /// One bounded step of upkeep at a moment of journal time: pieces made ahead, packed and dropped, figures worked out, what is older
    /// than the policy says deleted. To be called every few seconds, and at once where more is to be done. Never in the way of a write
    /// for longer than a lock takes; a failure leaves everything as it was.
    async fn maintain(&self, policy: &Policy, now: Time) -> Result<Upkeep, StoreError>;

    /// Finishes what is under way and lets go of the database.
    async fn close(&self);
}
