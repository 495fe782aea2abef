//! One batch, one transaction.

use std::collections::{BTreeMap, BTreeSet};

use model::{PointNumber, Position, Quality, SampleFlags, Time};
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, query};

use super::errors::during;
use super::insert::Insert;
use super::{column, epoch, kept, occurrences, position, signed, time};
use crate::figures::{Grid, KEPT_FROM};
use crate::{
    DeadRow, EventRow, FORGET_BYTES, FORGET_ROWS, PointRow, Progress, Resolution, SampleRow, StoreError, WriteBatch, metrics,
};

/// Width of a bucket of samples, microseconds; part of the stored format.
///
/// A key led by the point makes every insert a random one, a key led by time makes a query of one point read everything. Measured
/// (as in insert.rs, 10,000 points): time first 1,100,000 rows/s, buckets of 10 s 560,000, of 60 s 140,000, of 600 s 140,000, point
/// first 140,000; one point's samples of a minute among 600,000: time first 24 ms, buckets of 10 s 0.4 ms.
pub(super) const BUCKET_US: i64 = 10_000_000;

const POINTS: Insert = Insert {
    into: "insert into points (number, id, unit, quantity, park, enterprise, installation, hold)",
    columns: 8,
    conflict: "on conflict do update set id = excluded.id, unit = excluded.unit, quantity = excluded.quantity, \
               park = excluded.park, enterprise = excluded.enterprise, installation = excluded.installation, hold = excluded.hold",
};

/// Partitions are stored at their own pace, and a point may have moved: the row recorded last stands, whichever comes first here.
const SAMPLES: Insert = Insert {
    into: "insert into samples (bucket, point, ts, value, quality, flags, recorded_at)",
    columns: 7,
    conflict: "on conflict do update set value = excluded.value, quality = excluded.quality, flags = excluded.flags, \
               recorded_at = excluded.recorded_at where excluded.recorded_at >= recorded_at",
};

/// A minute marked again while it is worked out stays marked: upkeep takes away the mark it has seen.
const DIRTY: Insert = Insert {
    into: "insert into dirty_minutes (point, minute, mark)",
    columns: 3,
    conflict: "on conflict do update set mark = mark + 1",
};

/// A repeated id must not stop the pipeline (traps 60): the first row stands, and the repeat is counted.
const EVENTS: Insert = Insert {
    into: "insert into events (position, ordinal, id, occurred_at, recorded_at, kind, subject, park, enterprise, installation, body)",
    columns: 11,
    conflict: "on conflict do nothing",
};

const DEAD: Insert = Insert {
    into: "insert into dead_letters (position, at, gateway, topic, reason, detail, payload, payload_bytes, count)",
    columns: 9,
    conflict: "on conflict do nothing",
};

/// The oldest rows that together make less than the bytes allowed, and the one after. The length of a payload is read without it.
pub(super) const FORGET: &str = "delete from dead_letters where position in (select position from ( \
         select position, sum(bytes) over (order by position) - bytes as older from ( \
             select position, length(payload) as bytes from dead_letters where position < ? order by position limit ?)) \
     where older < ?)";

/// Stores all batches, or nothing.
pub(super) async fn write(connection: &mut SqliteConnection, batches: &[WriteBatch]) -> Result<(), StoreError> {
    if batches.iter().any(|batch| batch.upto <= batch.after) {
        return Err(StoreError::InvalidInput { field: "upto", reason: "a batch ends after the position it follows" });
    }
    // Immediate: the check of the position and the writes that rest on it see the same database.
    let mut transaction = connection.begin_with("begin immediate").await.map_err(during("begin a transaction"))?;
    mark_late(&mut transaction, batches).await?;
    for batch in batches {
        claim_epoch(&mut transaction, batch).await?;
        advance(&mut transaction, batch).await?;
        insert_points(&mut transaction, &batch.points).await.map_err(during("write points"))?;
        insert_samples(&mut transaction, &batch.samples).await.map_err(during("write samples"))?;
        insert_events(&mut transaction, &batch.events).await?;
        insert_dead(&mut transaction, &batch.dead).await?;
    }
    occurrences::upsert(&mut transaction, batches).await?;
    transaction.commit().await.map_err(during("commit a transaction"))
}

/// Deletes some of the oldest dead letters before a position; true where more are left.
pub(super) async fn forget_dead_before(connection: &mut SqliteConnection, before: Position) -> Result<bool, StoreError> {
    // Positions end where SQLite's numbers end.
    let before = i64::try_from(before.0).unwrap_or(i64::MAX);
    let (rows, bytes) = (FORGET_ROWS.cast_signed() as i64, FORGET_BYTES.cast_signed() as i64);
    let deleted = query(FORGET).bind(before).bind(rows).bind(bytes).execute(&mut *connection).await;
    if deleted.map_err(during("delete dead letters"))?.rows_affected() == 0 {
        return Ok(false);
    }
    let left = query("select 1 from dead_letters where position < ? limit 1").bind(before).fetch_optional(connection).await;
    left.map(|row| row.is_some()).map_err(during("look for dead letters"))
}

/// How far each journal is stored.
pub(super) async fn progress(connection: &mut SqliteConnection) -> Result<Progress, StoreError> {
    // One statement, so that epoch and positions are of the same moment.
    let sql = "select epoch, journal, position, time from source left join progress on true";
    let rows = query(sql).fetch_all(connection).await.map_err(during("read the stored positions"))?;
    let Some(first) = rows.first() else { return Ok(Progress::default()) };
    let mut positions = BTreeMap::new();
    for row in &rows {
        if let Some(journal) = column::<Option<String>>(row, 1)? {
            positions.insert(journal, (position(row, 2)?, time(row, 3)?));
        }
    }
    Ok(Progress { epoch: Some(epoch(column(first, 0)?)?), positions })
}

pub(super) async fn claim_epoch(connection: &mut SqliteConnection, batch: &WriteBatch) -> Result<(), StoreError> {
    let sql = "insert into source (id, epoch) values (1, ?) on conflict do update set epoch = epoch returning epoch";
    let row = query(sql).bind(batch.epoch.to_string()).fetch_one(connection).await.map_err(during("read the stored epoch"))?;
    let stored = epoch(column(&row, 0)?)?;
    if stored == batch.epoch { Ok(()) } else { Err(StoreError::OtherEpoch { given: batch.epoch, stored }) }
}

pub(super) async fn advance(connection: &mut SqliteConnection, batch: &WriteBatch) -> Result<(), StoreError> {
    let doing = during("read the stored position");
    let stored = query("select position from progress where journal = ?").bind(batch.journal.clone());
    let stored = match stored.fetch_optional(&mut *connection).await.map_err(doing)? {
        Some(row) => position(&row, 0)?,
        None => Position(0),
    };
    if stored != batch.after {
        return Err(StoreError::conflict(&batch.journal, batch.after, stored));
    }
    let sql = "insert into progress (journal, position, time) values (?, ?, ?) \
               on conflict do update set position = excluded.position, time = excluded.time";
    let upto = signed("upto", batch.upto.0)?;
    let moved = query(sql).bind(batch.journal.clone()).bind(upto).bind(batch.time.micros()).execute(connection).await;
    moved.map(drop).map_err(during("write the position"))
}

async fn insert_points(connection: &mut SqliteConnection, points: &[PointRow]) -> Result<(), sqlx::Error> {
    let bind = |binding: super::insert::Binding, row: &PointRow| {
        let PointRow { number, id, unit, quantity, park, enterprise, installation, hold } = row.clone();
        let what = binding.bind(i64::from(number.0)).bind(id).bind(unit).bind(quantity);
        what.bind(park).bind(enterprise).bind(installation).bind(hold.micros())
    };
    POINTS.rows(connection, points, bind).await.map(drop)
}

async fn insert_samples(connection: &mut SqliteConnection, samples: &[SampleRow]) -> Result<(), sqlx::Error> {
    // In the order of the key, neighbours go to the same page: twice as fast where a batch has several samples of a point. Stable: of two
    // with one key the later still comes later.
    let mut rows: Vec<(i64, &SampleRow)> = samples.iter().map(|row| (bucket(row.time.micros()), row)).collect();
    rows.sort_by_key(|(bucket, row)| (*bucket, row.point, row.time));
    // Two of one key and batch: the later stands whatever its time of record says. Other databases refuse them (traps 59).
    rows.dedup_by(|later, kept| {
        let same = (later.1.point, later.1.time) == (kept.1.point, kept.1.time);
        if same {
            *kept = *later;
        }
        same
    });
    let bind = |binding: super::insert::Binding, (bucket, row): &(i64, &SampleRow)| {
        let value = row.value.filter(|value| value.is_finite());
        let place = binding.bind(*bucket).bind(i64::from(row.point.0)).bind(row.time.micros());
        place.bind(value).bind(quality(row.quality)).bind(flags(row.flags)).bind(row.recorded_at.micros())
    };
    SAMPLES.rows(connection, &rows, bind).await.map(drop)
}

/// Marks the minutes whose figures upkeep has worked out, or is about to, without these samples.
async fn mark_late(connection: &mut SqliteConnection, batches: &[WriteBatch]) -> Result<(), StoreError> {
    if batches.iter().all(|batch| batch.samples.is_empty()) {
        return Ok(());
    }
    let claimed_to = kept::state(connection).await?.claimed_to;
    let minutes = Grid::aligned(Resolution::Minute.width());
    let samples = batches.iter().flat_map(|batch| &batch.samples);
    let late = samples.filter(|row| KEPT_FROM <= row.time && row.time < claimed_to);
    let late: BTreeSet<(PointNumber, Time)> = late.map(|row| (row.point, minutes.floor(row.time))).collect();
    let late: Vec<_> = late.into_iter().collect();
    let bind = |binding: super::insert::Binding, (point, minute): &(PointNumber, Time)| {
        binding.bind(i64::from(point.0)).bind(minute.micros()).bind(0_i64)
    };
    DIRTY.rows(connection, &late, bind).await.map(drop).map_err(during("mark what late samples came to"))
}

async fn insert_events(connection: &mut SqliteConnection, events: &[EventRow]) -> Result<(), StoreError> {
    for row in events {
        signed("events", row.position.0)?;
    }
    let bind = |binding: super::insert::Binding, row: &EventRow| {
        let row = row.clone();
        let place = binding.bind(row.position.0.cast_signed()).bind(i64::from(row.ordinal)).bind(row.id);
        let what = place.bind(row.occurred_at.micros()).bind(row.recorded_at.micros()).bind(row.kind).bind(row.subject);
        what.bind(row.park).bind(row.enterprise).bind(row.installation).bind(row.body)
    };
    let stored = EVENTS.rows(connection, events, bind).await.map_err(during("write events"))?;
    let repeated = (events.len() as u64).saturating_sub(stored);
    if repeated > 0 {
        tracing::error!(repeated, "events left out: their ids were stored before");
        metrics::repeated_events(repeated);
    }
    Ok(())
}

async fn insert_dead(connection: &mut SqliteConnection, dead: &[DeadRow]) -> Result<(), StoreError> {
    for row in dead {
        signed("dead", row.position.0)?;
    }
    let bind = |binding: super::insert::Binding, row: &DeadRow| {
        let row = row.clone();
        let place = binding.bind(row.position.0.cast_signed()).bind(row.at.micros()).bind(row.gateway).bind(row.topic);
        let counts = [row.payload_bytes, row.count].map(|count| i64::try_from(count).unwrap_or(i64::MAX));
        place.bind(row.reason).bind(row.detail).bind(row.payload).bind(counts[0]).bind(counts[1])
    };
    DEAD.rows(connection, dead, bind).await.map(drop).map_err(during("write dead letters"))
}

/// The bucket that a time lies in.
pub(super) const fn bucket(ts: i64) -> i64 {
    ts.div_euclid(BUCKET_US)
}

const fn quality(quality: Quality) -> i64 {
    match quality {
        Quality::Good => 1,
        Quality::Uncertain => 2,
        Quality::Bad => 3,
        Quality::Calibrating => 4,
    }
}

fn flags(flags: SampleFlags) -> i64 {
    let bits = [flags.historical, flags.arrival_time, flags.out_of_range, flags.retained, flags.transient];
    bits.into_iter().enumerate().map(|(bit, set)| i64::from(set) << bit).sum()
}
