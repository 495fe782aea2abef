//! Rows into tables: many a statement as arrays, or as one binary COPY where there are many samples.
//!
//! Measured (one connection, no index): arrays 665,000 rows/s, COPY 1,770,000; but COPY is three writes and answers more.

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgConnection, PgHasArrayType, PgTypeInfo};
use sqlx::{Encode, Postgres, Type, query};

use super::copy::{COLUMNS, Encoder, since_2000};
use super::errors::during;
use super::rows::{Rows, Stored, quality_code};
use super::text::stored;
use crate::{DeadRow, EventRow, PointRow, StoreError, metrics};

/// From so many samples on a COPY is worth its three writes.
pub(super) const COPY_ROWS: usize = 4_000;

/// Rows of a statement with arrays.
const ARRAY_ROWS: usize = 5_000;

/// Bytes handed to the driver at a time.
const PIECE_ROWS: usize = 16_384;

/// A `timestamptz` as microseconds since 2000: the driver knows the type only with a crate for calendars.
#[derive(Clone, Copy)]
struct Timestamp(i64);

impl Type<Postgres> for Timestamp {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(1184))
    }
}

impl PgHasArrayType for Timestamp {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(1185))
    }
}

impl Encode<'_, Postgres> for Timestamp {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        <i64 as Encode<'_, Postgres>>::encode_by_ref(&self.0, buffer)
    }
}

/// Samples, whichever way is faster.
pub(super) async fn samples(connection: &mut PgConnection, rows: &[Stored]) -> Result<(), StoreError> {
    if rows.len() >= COPY_ROWS { copy(connection, rows).await } else { arrays(connection, rows).await }
}

async fn copy(connection: &mut PgConnection, rows: &[Stored]) -> Result<(), StoreError> {
    let sql = format!("copy samples ({COLUMNS}) from stdin (format binary)");
    let doing = "copy samples";
    let mut copy = connection.copy_in_raw(&sql).await.map_err(during(doing))?;
    let mut encoder = Encoder::new(PIECE_ROWS.min(rows.len()));
    let mut pieces = rows.chunks(PIECE_ROWS).peekable();
    while let Some(piece) = pieces.next() {
        piece.iter().for_each(|row| encoder.push(row));
        if pieces.peek().is_some()
            && let Err(error) = copy.send(encoder.take()).await
        {
            return Err(ended(copy, error, doing).await);
        }
    }
    if let Err(error) = copy.send(encoder.finish()).await {
        return Err(ended(copy, error, doing).await);
    }
    let copied = copy.finish().await.map_err(during(doing))?;
    if copied == rows.len() as u64 { Ok(()) } else { Err(lost(copied, rows.len())) }
}

/// A COPY is always ended in words, be it that the server no longer hears them.
async fn ended(copy: sqlx::postgres::PgCopyIn<&mut PgConnection>, error: sqlx::Error, doing: &'static str) -> StoreError {
    if let Err(error) = copy.abort("the rows could not be sent").await {
        tracing::debug!(%error, "copy not ended either");
    }
    during(doing)(error)
}

fn lost(copied: u64, sent: usize) -> StoreError {
    StoreError::Internal { doing: "copy samples", source: format!("{copied} of {sent} rows were taken").into() }
}

/// Samples as arrays.
pub(super) async fn arrays(connection: &mut PgConnection, rows: &[Stored]) -> Result<(), StoreError> {
    let sql = "insert into samples (ts, recorded_at, value, point, quality, flags) \
               select * from unnest($1::timestamptz[], $2::timestamptz[], $3::float8[], $4::int4[], $5::int2[], $6::int2[])";
    for rows in rows.chunks(ARRAY_ROWS) {
        let insert = query(sql)
            .bind(each(rows, |row| Timestamp(since_2000(row.row.time))))
            .bind(each(rows, |row| Timestamp(since_2000(row.row.recorded_at))))
            .bind(each(rows, |row| row.row.value))
            .bind(each(rows, |row| row.row.point.0.cast_signed()))
            .bind(each(rows, |row| quality_code(row.row.quality)))
            .bind(each(rows, Stored::flags));
        insert.execute(&mut *connection).await.map_err(during("write samples"))?;
    }
    Ok(())
}

fn each<R, T>(rows: &[R], of: impl Fn(&R) -> T) -> Vec<T> {
    rows.iter().map(of).collect()
}

/// A text column.
fn texts<R>(rows: &[R], of: impl Fn(&R) -> &str) -> Vec<String> {
    rows.iter().map(|row| stored(of(row)).into_owned()).collect()
}

/// Everything that has a key and may wait for another write; the samples of `samples` do not.
pub(super) async fn keyed(connection: &mut PgConnection, rows: &Rows) -> Result<(), StoreError> {
    points(connection, &rows.points).await?;
    strange(connection, &rows.strange).await?;
    events(connection, &rows.events).await?;
    super::occurrences::change(connection, &rows.occurrences).await?;
    dead(connection, &rows.dead).await
}

async fn points(connection: &mut PgConnection, rows: &[PointRow]) -> Result<(), StoreError> {
    let sql = "insert into points (number, id, unit, quantity, park, enterprise, installation, hold) \
               select * from unnest($1::int8[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::int8[]) \
               on conflict (number) do update set id = excluded.id, unit = excluded.unit, quantity = excluded.quantity, \
                   park = excluded.park, enterprise = excluded.enterprise, installation = excluded.installation, hold = excluded.hold";
    for rows in rows.chunks(ARRAY_ROWS) {
        let insert = query(sql)
            .bind(each(rows, |row| i64::from(row.number.0)))
            .bind(texts(rows, |row| &row.id))
            .bind(texts(rows, |row| &row.unit))
            .bind(texts(rows, |row| &row.quantity))
            .bind(texts(rows, |row| &row.park))
            .bind(texts(rows, |row| &row.enterprise))
            .bind(texts(rows, |row| &row.installation))
            .bind(each(rows, |row| row.hold.micros()));
        insert.execute(&mut *connection).await.map_err(during("write points"))?;
    }
    Ok(())
}

async fn strange(connection: &mut PgConnection, rows: &[Stored]) -> Result<(), StoreError> {
    let sql = "insert into samples_strange as s (ts, point, recorded_at, value, quality, flags) \
               select * from unnest($1::int8[], $2::int8[], $3::int8[], $4::float8[], $5::int2[], $6::int2[]) \
               on conflict (ts, point) do update set recorded_at = excluded.recorded_at, value = excluded.value, \
                   quality = excluded.quality, flags = excluded.flags \
                   where (excluded.recorded_at, excluded.flags >> 8) >= (s.recorded_at, s.flags >> 8)";
    for rows in rows.chunks(ARRAY_ROWS) {
        let insert = query(sql)
            .bind(each(rows, |row| row.row.time.micros()))
            .bind(each(rows, |row| i64::from(row.row.point.0)))
            .bind(each(rows, |row| row.row.recorded_at.micros()))
            .bind(each(rows, |row| row.row.value))
            .bind(each(rows, |row| quality_code(row.row.quality)))
            .bind(each(rows, Stored::flags));
        insert.execute(&mut *connection).await.map_err(during("write strange samples"))?;
    }
    Ok(())
}

/// A repeated id must not stop the pipeline (traps 60): the first row stands, and the repeat is counted.
async fn events(connection: &mut PgConnection, rows: &[EventRow]) -> Result<(), StoreError> {
    let sql = "insert into events (position, ordinal, id, occurred_at, recorded_at, kind, subject, park, enterprise, installation, body) \
               select * from unnest($1::int8[], $2::int8[], $3::text[], $4::int8[], $5::int8[], $6::text[], $7::text[], $8::text[], \
                   $9::text[], $10::text[], $11::bytea[]) on conflict do nothing";
    for rows in rows.chunks(ARRAY_ROWS) {
        let insert = query(sql)
            .bind(each(rows, |row| row.position.0.cast_signed()))
            .bind(each(rows, |row| i64::from(row.ordinal)))
            .bind(texts(rows, |row| &row.id))
            .bind(each(rows, |row| row.occurred_at.micros()))
            .bind(each(rows, |row| row.recorded_at.micros()))
            .bind(texts(rows, |row| &row.kind))
            .bind(texts(rows, |row| &row.subject))
            .bind(texts(rows, |row| &row.park))
            .bind(texts(rows, |row| &row.enterprise))
            .bind(texts(rows, |row| &row.installation))
            .bind(rows.iter().map(|row| row.body.as_slice()).collect::<Vec<_>>());
        let inserted = insert.execute(&mut *connection).await.map_err(during("write events"))?;
        let repeated = (rows.len() as u64).saturating_sub(inserted.rows_affected());
        if repeated > 0 {
            tracing::error!(repeated, "events left out: their ids were stored before");
            metrics::repeated_events(repeated);
        }
    }
    Ok(())
}

async fn dead(connection: &mut PgConnection, rows: &[DeadRow]) -> Result<(), StoreError> {
    let sql = "insert into dead_letters (position, at, gateway, topic, reason, detail, payload, payload_bytes, count) \
               select coalesce(position, nextval('refused_letters')), at, gateway, topic, reason, detail, payload, payload_bytes, count \
               from unnest($1::int8[], $2::int8[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[], $8::int8[], $9::int8[]) \
                   d (position, at, gateway, topic, reason, detail, payload, payload_bytes, count) on conflict do nothing";
    let count = |count| i64::try_from(count).unwrap_or(i64::MAX);
    for rows in rows.chunks(ARRAY_ROWS) {
        let insert = query(sql)
            // Position 0, which no letter of the journal has, is that of a row refused: it gets the next one of its own.
            .bind(each(rows, |row| Some(row.position.0.cast_signed()).filter(|position| *position > 0)))
            .bind(each(rows, |row| row.at.micros()))
            .bind(texts(rows, |row| &row.gateway))
            .bind(texts(rows, |row| &row.topic))
            .bind(texts(rows, |row| &row.reason))
            .bind(texts(rows, |row| &row.detail))
            .bind(rows.iter().map(|row| row.payload.as_slice()).collect::<Vec<_>>())
            .bind(each(rows, |row| count(row.payload_bytes)))
            .bind(each(rows, |row| count(row.count)));
        insert.execute(&mut *connection).await.map_err(during("write dead letters"))?;
    }
    Ok(())
}
