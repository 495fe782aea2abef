//! What a write is about to store: the rows of all its batches, each once and in the order that suits the tables.

use std::collections::BTreeMap;
use std::ops::Range;

use model::{Quality, SampleFlags, Time};

use crate::{DeadRow, EventRow, OccurrenceChange, PointRow, SampleRow, StoreError, WriteBatch, occurrences};

/// The times that `samples` holds, microseconds since 1970: the years 2000 to 2099; others are strange.
pub(super) const USUAL: Range<i64> = Time::YEAR_2000.micros()..4_102_444_800_000_000;

/// Ties counted; more stay at this.
pub(super) const TIES_MAX: u8 = 127;

/// A sample with what decides between two of the same point, time and time of record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stored {
    pub(super) row: SampleRow,
    /// How many batches before this one may hold rows of the same time of record.
    pub(super) ties: u8,
}

impl Stored {
    /// The column `flags`.
    pub(super) fn flags(&self) -> i16 {
        let SampleFlags { historical, arrival_time, out_of_range, retained, transient } = self.row.flags;
        let bits = [historical, arrival_time, out_of_range, retained, transient];
        let flags: i16 = bits.into_iter().enumerate().map(|(bit, set)| i16::from(set) << bit).sum();
        flags | i16::from(self.ties.min(TIES_MAX)) << 8
    }

    /// Whether it belongs into `samples_strange`: neither its times nor its number would do `samples` good.
    fn is_strange(&self) -> bool {
        let usual = |time: Time| USUAL.contains(&time.micros());
        !usual(self.row.time) || !usual(self.row.recorded_at) || i32::try_from(self.row.point.0).is_err()
    }

    /// The greater of those with the same point and time is the one that stands.
    pub(super) fn rank(&self) -> (Time, i16) {
        (self.row.recorded_at, self.flags())
    }
}

/// The flags and the ties of a column `flags`.
pub(super) fn read_flags(bits: i16) -> (SampleFlags, u8) {
    let flags = SampleFlags {
        historical: bits & 1 != 0,
        arrival_time: bits & 2 != 0,
        out_of_range: bits & 4 != 0,
        retained: bits & 8 != 0,
        transient: bits & 16 != 0,
    };
    (flags, bits.to_be_bytes()[0])
}

pub(super) const fn quality_code(quality: Quality) -> i16 {
    match quality {
        Quality::Good => 1,
        Quality::Uncertain => 2,
        Quality::Bad => 3,
        Quality::Calibrating => 4,
    }
}

pub(super) fn quality(code: i16) -> Result<Quality, StoreError> {
    match code {
        1 => Ok(Quality::Good),
        2 => Ok(Quality::Uncertain),
        3 => Ok(Quality::Bad),
        4 => Ok(Quality::Calibrating),
        _ => Err(StoreError::Corrupt { doing: "read a quality", source: format!("{code} is none").into() }),
    }
}

/// The samples that stand, by point and time: of several with the same key the one recorded last.
pub(super) fn standing(mut rows: Vec<Stored>) -> Vec<Stored> {
    let key = |row: &Stored| (row.row.point, row.row.time);
    rows.sort_unstable_by(|one, other| key(one).cmp(&key(other)).then_with(|| other.rank().cmp(&one.rank())));
    rows.dedup_by_key(|row| key(row));
    rows
}

/// The samples that stand, by time and point.
pub(super) fn standing_by_time(mut rows: Vec<Stored>) -> Vec<Stored> {
    let key = |row: &Stored| (row.row.time, row.row.point);
    // Stable, for the rows come in runs, which that one uses.
    rows.sort_by(|one, other| key(one).cmp(&key(other)).then_with(|| other.rank().cmp(&one.rank())));
    rows.dedup_by_key(|row| key(row));
    rows
}

/// The rows of a write.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    pub(super) points: Vec<PointRow>,
    /// For `samples`, by point and time: neighbours in a block, so that its index of extremes can leave blocks out.
    pub(super) samples: Vec<Stored>,
    /// For `samples_strange`.
    pub(super) strange: Vec<Stored>,
    pub(super) events: Vec<EventRow>,
    pub(super) occurrences: Vec<OccurrenceChange>,
    pub(super) dead: Vec<DeadRow>,
}

impl Rows {
    /// Takes the rows out of the batches; `ties` has one count for each batch.
    pub(super) fn gather(batches: &[WriteBatch], ties: &[u8]) -> Result<Self, StoreError> {
        let mut samples: Vec<Vec<Stored>> =
            batches.iter().zip(ties).map(|(batch, ties)| of_batch(&batch.samples, *ties)).collect();
        samples.retain(|rows| !rows.is_empty());
        let mut samples = if samples.len() > 1 { across_batches(samples) } else { samples.pop().unwrap_or_default() };
        let strange = samples.extract_if(.., |row| row.is_strange()).collect();
        // Of a point named twice the later stands: one statement cannot change a row twice (traps 59).
        let points: BTreeMap<_, _> = batches.iter().flat_map(|batch| &batch.points).map(|row| (row.number, row)).collect();
        let rows = Self {
            points: points.into_values().cloned().collect(),
            samples,
            strange,
            events: batches.iter().flat_map(|batch| &batch.events).cloned().collect(),
            occurrences: occurrences::fold(batches.iter().flat_map(|batch| &batch.occurrences)),
            dead: batches.iter().flat_map(|batch| &batch.dead).cloned().collect(),
        };
        rows.check()?;
        Ok(rows)
    }

    /// Positions end where the database's numbers end.
    fn check(&self) -> Result<(), StoreError> {
        let beyond = |field| StoreError::InvalidInput { field, reason: "positions end at 9223372036854775807" };
        if self.events.iter().any(|row| i64::try_from(row.position.0).is_err()) {
            return Err(beyond("events"));
        }
        if self.dead.iter().any(|row| i64::try_from(row.position.0).is_err()) {
            return Err(beyond("dead"));
        }
        Ok(())
    }

    /// Times of the samples of both tables.
    pub(super) fn sample_keys(&self) -> impl Iterator<Item = &SampleRow> {
        self.samples.iter().chain(&self.strange).map(|row| &row.row)
    }
}

/// Within a batch the later stands, whatever its time of record says.
fn of_batch(samples: &[SampleRow], ties: u8) -> Vec<Stored> {
    let finite = |row: &SampleRow| SampleRow { value: row.value.filter(|value| value.is_finite()), ..*row };
    let mut rows: Vec<Stored> = samples.iter().map(|row| Stored { row: finite(row), ties }).collect();
    // Stable: of two with one key the later still comes later.
    rows.sort_by_key(|row| (row.row.point, row.row.time));
    rows.dedup_by(|later, kept| {
        let same = (later.row.point, later.row.time) == (kept.row.point, kept.row.time);
        if same {
            *kept = *later;
        }
        same
    });
    rows
}

/// Of several batches the row recorded last stands, of equal ones the later.
fn across_batches(batches: Vec<Vec<Stored>>) -> Vec<Stored> {
    let mut rows = batches.concat();
    // Stable: of two with one key that of the later batch still comes later.
    rows.sort_by_key(|row| (row.row.point, row.row.time));
    rows.dedup_by(|row, standing| {
        let same = (row.row.point, row.row.time) == (standing.row.point, standing.row.time);
        if same && row.row.recorded_at >= standing.row.recorded_at {
            *standing = *row;
        }
        same
    });
    rows
}
