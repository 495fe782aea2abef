//! The one trait of stores, and what goes in and comes out of them.
//!
//! Limits: a page has at most `MAX_PAGE` rows; a list in a filter has at most `MAX_FILTER_TERMS` entries.
//! Order: samples by (time, point number), since numbers are for life and compare alike in every database while text does not;
//! events by (position, ordinal); dead letters by position. Paging goes by the last key seen, so no call holds anything open.

use std::collections::BTreeMap;

use async_trait::async_trait;
use model::{Epoch, PointNumber, Position, Quality, SampleFlags, Span, Time};

use crate::StoreError;

/// Most rows of a page; a larger limit is taken as this.
pub const MAX_PAGE: usize = 10_000;

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
    pub id: Option<String>,
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
    /// How far each journal is stored.
    async fn progress(&self) -> Result<Progress, StoreError>;

    /// Stores the rows of a batch and its position, both or neither. Refuses with `Conflict` where the stored position is not
    /// `after`, so that no row is ever written twice; after any other error ask `progress` before writing again.
    async fn write(&self, batch: &WriteBatch) -> Result<(), StoreError>;

    /// Every point ever named, in the order of numbers.
    async fn points(&self) -> Result<Vec<PointRow>, StoreError>;

    /// The next samples after a key.
    async fn samples(
        &self,
        query: &SampleQuery,
        after: Option<SampleKey>,
        limit: usize,
    ) -> Result<Page<StoredSample, SampleKey>, StoreError>;

    /// Figures by point number and bucket, for buckets that have samples; computed from raw samples.
    async fn aggregates(&self, query: &AggregateQuery) -> Result<Vec<Aggregate>, StoreError>;

    /// The next events after a key, in the order of the journal.
    async fn events(
        &self,
        query: &EventQuery,
        after: Option<EventKey>,
        limit: usize,
    ) -> Result<Page<EventRow, EventKey>, StoreError>;

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

    /// Finishes what is under way and lets go of the database.
    async fn close(&self);
}
