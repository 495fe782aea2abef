//! Rows that the database refuses as such: found by halves and told of in dead letters, so that the others can be stored (traps 60).
//!
//! What Davy writes fits its tables. What does not is somebody's trigger or constraint, or a text too long for an index.

use std::collections::BTreeSet;

use model::{PointNumber, Position, Time};
use sqlx::postgres::PgConnection;
use sqlx::{Connection, query};

use super::errors::{Remedy, during, remedy};
use super::rows::Rows;
use super::{insert, write};
use crate::{DeadRow, StoreError, WriteBatch};

/// Refused rows of one write; more are no matter of rows but of the table, and a person has to look.
const REFUSED_MAX: usize = 1_000;

/// Most bytes of a row in its letter.
const PAYLOAD_MAX: usize = 65_536;

/// The rows that are to be left out, by their keys, and the letters that tell of them.
#[derive(Debug, Default)]
pub(super) struct Refused {
    keys: BTreeSet<Key>,
    letters: Vec<DeadRow>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Point(PointNumber),
    Sample(PointNumber, Time),
    Strange(PointNumber, Time),
    Event(Position, u32),
    Occurrence(String),
    Dead(Position),
}

impl Refused {
    pub(super) fn len(&self) -> usize {
        self.letters.len()
    }

    /// Takes the refused rows out and puts their letters in.
    pub(super) fn leave_out(&self, rows: &mut Rows) {
        keep(rows, |key| !self.keys.contains(key));
        rows.dead.extend(self.letters.iter().cloned());
    }
}

/// Keeps the rows whose keys are wanted.
fn keep(rows: &mut Rows, wanted: impl Fn(&Key) -> bool) {
    rows.points.retain(|row| wanted(&Key::Point(row.number)));
    rows.samples.retain(|row| wanted(&Key::Sample(row.row.point, row.row.time)));
    rows.strange.retain(|row| wanted(&Key::Strange(row.row.point, row.row.time)));
    rows.events.retain(|row| wanted(&Key::Event(row.position, row.ordinal)));
    rows.occurrences.retain(|change| wanted(&Key::Occurrence(change.row.id.clone())));
    rows.dead.retain(|row| wanted(&Key::Dead(row.position)));
}

fn keys(rows: &Rows) -> Vec<Key> {
    let mut keys: Vec<Key> = rows.points.iter().map(|row| Key::Point(row.number)).collect();
    keys.extend(rows.samples.iter().map(|row| Key::Sample(row.row.point, row.row.time)));
    keys.extend(rows.strange.iter().map(|row| Key::Strange(row.row.point, row.row.time)));
    keys.extend(rows.events.iter().map(|row| Key::Event(row.position, row.ordinal)));
    keys.extend(rows.occurrences.iter().map(|change| Key::Occurrence(change.row.id.clone())));
    keys.extend(rows.dead.iter().map(|row| Key::Dead(row.position)));
    keys.sort();
    keys
}

/// Tries halves of the rows, and halves of those that are refused, until single rows are left.
pub(super) async fn find(connection: &mut PgConnection, batches: &[WriteBatch]) -> Result<Refused, StoreError> {
    let mut rows = Rows::gather(batches, &vec![0; batches.len()])?;
    write::spread(connection, &mut rows).await?;
    let (keys, at) = (keys(&rows), batches.iter().map(|batch| batch.time).max().unwrap_or_default());
    let mut refused = Refused::default();
    let mut open = vec![keys.as_slice()];
    while let Some(part) = open.pop() {
        let (Some(first), Some(last)) = (part.first(), part.last()) else { continue };
        let mut some = rows.clone();
        keep(&mut some, |key| (first..=last).contains(&key));
        let Some(error) = probe(connection, &some).await? else { continue };
        if part.len() > 1 {
            let (left, right) = part.split_at(part.len() / 2);
            open.extend([right, left]);
        } else if refused.letters.len() < REFUSED_MAX {
            tracing::error!(%error, row = ?first, "row refused by the database");
            refused.keys.insert(first.clone());
            refused.letters.push(letter(&some, &error, at));
        } else {
            return Err(error);
        }
    }
    Ok(refused)
}

/// What the database says against these rows; they are not stored.
async fn probe(connection: &mut PgConnection, rows: &Rows) -> Result<Option<StoreError>, StoreError> {
    let mut transaction = connection.begin().await.map_err(during("begin a transaction"))?;
    let tried = Box::pin(async {
        insert::arrays(&mut transaction, &rows.samples).await?;
        insert::keyed(&mut transaction, rows).await?;
        let checked = query("set constraints all immediate").execute(&mut *transaction).await;
        checked.map(drop).map_err(during("check constraints"))
    })
    .await;
    transaction.rollback().await.map_err(during("roll back"))?;
    match tried {
        Ok(()) => Ok(None),
        Err(error) if remedy(&error) == Remedy::FindRow => Ok(Some(error)),
        Err(error) => Err(error),
    }
}

/// The letter of the one row; its position is given by the database.
fn letter(row: &Rows, error: &StoreError, at: Time) -> DeadRow {
    let (table, text) = match row {
        Rows { samples, .. } if !samples.is_empty() => ("samples", format!("{:?}", samples[0].row)),
        Rows { strange, .. } if !strange.is_empty() => ("samples", format!("{:?}", strange[0].row)),
        Rows { points, .. } if !points.is_empty() => ("points", format!("{:?}", points[0])),
        Rows { events, .. } if !events.is_empty() => ("events", format!("{:?}", events[0])),
        Rows { occurrences, .. } if !occurrences.is_empty() => ("occurrences", format!("{:?}", occurrences[0].row)),
        Rows { dead, .. } => ("dead_letters", format!("{dead:?}")),
    };
    let mut payload = text.into_bytes();
    let payload_bytes = payload.len() as u64;
    payload.truncate(PAYLOAD_MAX);
    let detail = super::errors::said(error).map_or_else(String::new, |said| format!("{}: {}", said.code(), said.message()));
    DeadRow {
        position: Position(0),
        at,
        gateway: String::new(),
        topic: table.to_owned(),
        reason: "store_refused".to_owned(),
        detail,
        payload,
        payload_bytes,
        count: 1,
    }
}
