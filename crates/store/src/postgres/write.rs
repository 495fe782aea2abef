//! One call, one transaction: the samples first, which wait for nobody, then in the order of the journal everything that has a key, and
//! last the positions, which decide whether any of it stands.

use std::collections::BTreeMap;
use std::time::Duration;

use model::{Epoch, Position, Time};
use sqlx::postgres::PgConnection;
use sqlx::{Connection, query};
use tokio::time::timeout;

use super::connect::{Found, Lane};
use super::errors::{Remedy, during, remedy, said, too_slow};
use super::pieces::{self, Windows};
use super::rows::{Rows, TIES_MAX};
use super::text::{read, stored};
use super::turns::Turn;
use super::{Layout, PostgresStore, column, epoch, insert, position, refuse};
use crate::figures::{Grid, KEPT_FROM};
use crate::{Progress, Resolution, StoreError, WriteBatch, metrics};

/// How long a transaction may take: a server that takes longer has lost the connection without saying so.
const TIME_MAX: Duration = Duration::from_secs(60);

/// How often a transaction that lost against another is run again at once.
const RETRIES: u32 = 5;

/// What is known of a write while it is tried.
struct Attempt<'a> {
    batches: &'a [WriteBatch],
    turn: &'a Turn<'a>,
    layout: Layout,
    /// Rows left out and the letters that tell of them, once the database has refused some.
    refused: Option<refuse::Refused>,
}

/// What has been done about a transaction that failed.
enum Next {
    Again,
    Failed(StoreError),
}

/// A transaction that did not come to its end.
enum Fault {
    /// These pieces are to be made first.
    Pieces {
        starts: Vec<i64>,
        width: i64,
    },
    Failed(StoreError),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

/// Stores all batches, or nothing.
pub(super) async fn write(store: &PostgresStore, found: &Found, batches: &[WriteBatch]) -> Result<(), StoreError> {
    check(batches)?;
    let turn = store.turns.take(batches);
    let mut attempt = Attempt { batches, turn: &turn, layout: found.layout, refused: None };
    let mut retries = 0;
    loop {
        let mut lane = Lane::acquire(&store.pools.writers).await?;
        let tried = timeout(TIME_MAX, Box::pin(attempt.run(&mut lane))).await;
        let fault = match tried.unwrap_or_else(|_| Err(too_slow("write a batch").into())) {
            Ok(()) => {
                lane.release();
                return Ok(());
            }
            Err(fault) => fault,
        };
        retries += 1;
        match attempt.mend(store, lane, fault, retries).await? {
            Next::Again => (),
            Next::Failed(error) => return Err(error),
        }
    }
}

fn check(batches: &[WriteBatch]) -> Result<(), StoreError> {
    if batches.iter().any(|batch| batch.upto <= batch.after) {
        return Err(StoreError::InvalidInput { field: "upto", reason: "a batch ends after the position it follows" });
    }
    if batches.iter().any(|batch| i64::try_from(batch.upto.0).is_err()) {
        return Err(StoreError::InvalidInput { field: "upto", reason: "positions end at 9223372036854775807" });
    }
    Ok(())
}

impl Attempt<'_> {
    /// Does what lets the transaction be run again, where something does.
    async fn mend(&mut self, store: &PostgresStore, lane: Lane, fault: Fault, retries: u32) -> Result<Next, StoreError> {
        // The connection of a transaction that failed is never used again.
        drop(lane);
        let error = match fault {
            Fault::Pieces { starts, width } if retries <= RETRIES => {
                let mut lane = Lane::acquire(&store.pools.writers).await?;
                pieces::make(&mut lane, &starts, width).await?;
                lane.release();
                return Ok(Next::Again);
            }
            Fault::Pieces { .. } => return Err(too_slow("make pieces of samples")),
            Fault::Failed(error) => error,
        };
        let code = said(&error).map_or_else(String::new, |said| said.code().to_owned());
        match remedy(&error) {
            Remedy::Retry | Remedy::Piece if retries <= RETRIES => {
                metrics::retried(&code);
                tokio::time::sleep(jitter(retries)).await;
                Ok(Next::Again)
            }
            Remedy::FindRow if self.refused.is_none() => {
                let mut lane = Lane::acquire(&store.pools.writers).await?;
                let refused = refuse::find(&mut lane, self.batches).await?;
                lane.release();
                self.refused = Some(refused);
                Ok(Next::Again)
            }
            _ => Ok(Next::Failed(error)),
        }
    }

    async fn run(&self, connection: &mut PgConnection) -> Result<(), Fault> {
        let begin = if self.is_telemetry() { "begin; set local synchronous_commit = off" } else { "begin" };
        let mut transaction = connection.begin_with(begin).await.map_err(during("begin a transaction"))?;
        let ties = self.ties(&mut transaction).await?;
        let mut rows = Rows::gather(self.batches, &ties)?;
        if let Some(refused) = &self.refused {
            refused.leave_out(&mut rows);
        }
        self.store_samples(&mut transaction, &mut rows).await?;
        self.turn.come().await;
        insert::keyed(&mut transaction, &rows).await?;
        mark_late(&mut transaction, &rows).await?;
        advance(&mut transaction, self.batches, &ties).await?;
        self.turn.done();
        transaction.commit().await.map_err(during("commit a transaction"))?;
        metrics::refused(self.refused.as_ref().map_or(0, refuse::Refused::len));
        Ok(())
    }

    /// Rows and position are one transaction and the journal still has the rest, so samples may wait for the next sync (traps 69). A
    /// dead letter and an event may not.
    fn is_telemetry(&self) -> bool {
        let only_samples = |batch: &WriteBatch| {
            batch.events.is_empty() && batch.dead.is_empty() && batch.points.is_empty() && batch.occurrences.is_empty()
        };
        self.refused.is_none() && self.batches.iter().all(only_samples)
    }

    /// Claims the epoch, checks the positions where nobody is before us, and says for each batch how many before it may hold rows of the
    /// same time of record.
    async fn ties(&self, connection: &mut PgConnection) -> Result<Vec<u8>, StoreError> {
        let mut earliest: BTreeMap<&str, Time> = BTreeMap::new();
        for batch in self.batches {
            let of_batch = batch.samples.iter().map(|row| row.recorded_at).min().unwrap_or(Time::MAX);
            earliest.entry(&batch.journal).and_modify(|time| *time = (*time).min(of_batch)).or_insert(of_batch);
        }
        self.turn.settle(&earliest).await;
        let behind = self.turn.is_behind();
        let (known, mut heads) = heads(connection, self.batches).await?;
        self.check_epoch(connection, known).await?;
        let mut ties = Vec::with_capacity(self.batches.len());
        for batch in self.batches {
            let head = heads.entry(batch.journal.clone()).or_default();
            if !behind && head.position != batch.after {
                return Err(StoreError::conflict(&batch.journal, batch.after, head.position));
            }
            let again = head.position.0 > 0 && batch.samples.iter().any(|row| row.recorded_at <= head.time);
            let count = if again { head.ties.saturating_add(1).min(TIES_MAX) } else { 0 };
            *head = Head { position: batch.upto, time: batch.time, ties: count };
            ties.push(count);
        }
        Ok(ties)
    }

    /// The first write of all claims the database for its journal.
    async fn check_epoch(&self, connection: &mut PgConnection, known: Option<String>) -> Result<(), StoreError> {
        let Some(first) = self.batches.first() else { return Ok(()) };
        let known = match known {
            Some(known) => known,
            None => {
                // The claim is a lock until the commit.
                self.turn.come().await;
                claim(connection, first.epoch).await?
            }
        };
        let stored = epoch(&known)?;
        match self.batches.iter().find(|batch| batch.epoch != stored) {
            Some(batch) => Err(StoreError::OtherEpoch { given: batch.epoch, stored }),
            None => Ok(()),
        }
    }

    async fn store_samples(&self, connection: &mut PgConnection, rows: &mut Rows) -> Result<(), Fault> {
        if rows.samples.is_empty() {
            return Ok(());
        }
        let (windows, width) = spread(connection, rows).await?;
        if self.layout == Layout::Plain {
            self.hold_pieces(connection, &windows, width).await?;
        }
        Ok(insert::samples(connection, &rows.samples).await?)
    }

    async fn hold_pieces(&self, connection: &mut PgConnection, windows: &Windows, width: i64) -> Result<(), Fault> {
        let mut held = pieces::hold_open(connection, windows).await?;
        if pieces::uncovered(windows, held.clone()).is_empty() {
            return Ok(());
        }
        // Rows of the other pieces are locked for one writer alone.
        self.turn.come().await;
        held.extend(pieces::touch_others(connection, windows).await?);
        let starts = pieces::uncovered(windows, held);
        if starts.is_empty() { Ok(()) } else { Err(Fault::Pieces { starts, width }) }
    }
}

/// The windows of the pieces that the samples belong to, and their width, after what is too scattered has been made strange.
pub(super) async fn spread(connection: &mut PgConnection, rows: &mut Rows) -> Result<(Windows, i64), StoreError> {
    let width = query("select width from history_settings").fetch_one(connection).await;
    let width: i64 = column(&width.map_err(during("read the settings"))?, 0)?;
    let mut windows = pieces::windows(&rows.samples, width);
    pieces::limit_spread(&mut windows, &mut rows.samples, &mut rows.strange);
    Ok((windows, width))
}

/// The least and most are a few milliseconds; two that met do not meet again.
fn jitter(retries: u32) -> Duration {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |now| now.subsec_nanos());
    Duration::from_micros(u64::from(now % 4_000) + 1_000 * u64::from(retries))
}

/// Where a journal stands.
#[derive(Clone, Copy, Default)]
struct Head {
    position: Position,
    time: Time,
    ties: u8,
}

/// The epoch, and where the journals stand.
async fn heads(
    connection: &mut PgConnection,
    batches: &[WriteBatch],
) -> Result<(Option<String>, BTreeMap<String, Head>), StoreError> {
    let journals: Vec<String> = batches.iter().map(|batch| stored(&batch.journal).into_owned()).collect();
    let sql = "select epoch, journal, position, time, ties from (select max(epoch) as epoch from source) s \
               left join progress on journal = any($1)";
    let rows = query(sql).bind(journals).fetch_all(connection).await.map_err(during("read the stored positions"))?;
    let mut known = None;
    let mut heads = BTreeMap::new();
    for row in &rows {
        known = column::<Option<String>>(row, 0)?;
        if let Some(journal) = column::<Option<String>>(row, 1)? {
            let ties = u8::try_from(column::<i16>(row, 4)?).unwrap_or(TIES_MAX);
            heads.insert(read(journal), Head { position: position(row, 2)?, time: super::time(row, 3)?, ties });
        }
    }
    Ok((known, heads))
}

pub(super) async fn claim(connection: &mut PgConnection, epoch: Epoch) -> Result<String, StoreError> {
    let sql = "insert into source (id, epoch) values (1, $1) on conflict (id) do update set epoch = source.epoch returning epoch";
    let row = query(sql).bind(epoch.to_string()).fetch_one(connection).await.map_err(during("claim the database"))?;
    column(&row, 0)
}

/// Samples behind what figures are claimed for make their minutes dirty. The shared lock lasts until the commit: whoever raises the claim
/// waits for us and then sees our rows, or we see the claim.
async fn mark_late(connection: &mut PgConnection, rows: &Rows) -> Result<(), StoreError> {
    let doing = "mark late samples";
    if rows.samples.is_empty() && rows.strange.is_empty() {
        return Ok(());
    }
    let sql = "select claimed_to from figures_state where id = 1 for share";
    let row = query(sql).fetch_one(&mut *connection).await.map_err(during(doing))?;
    let claimed: i64 = column(&row, 0)?;
    let late = rows.sample_keys().filter(|row| (KEPT_FROM.micros()..claimed).contains(&row.time.micros()));
    let minute = |time: Time| Grid::aligned(Resolution::Minute.width()).floor(time).micros();
    let mut minutes: Vec<(i64, i64)> = late.map(|row| (i64::from(row.point.0), minute(row.time))).collect();
    if minutes.is_empty() {
        return Ok(());
    }
    minutes.sort_unstable();
    minutes.dedup();
    let (points, minutes): (Vec<i64>, Vec<i64>) = minutes.into_iter().unzip();
    let sql = "insert into dirty_minutes as d (point, minute, mark) select point, minute, 1 from unnest($1::int8[], $2::int8[]) u (point, minute) \
               on conflict (point, minute) do update set mark = d.mark + 1";
    query(sql).bind(points).bind(minutes).execute(connection).await.map(drop).map_err(during(doing))
}

/// Moves the positions, if they stand where the batches follow.
async fn advance(connection: &mut PgConnection, batches: &[WriteBatch], ties: &[u8]) -> Result<(), StoreError> {
    let moves = moves(batches, ties)?;
    let sql = "insert into progress as p (journal, position, after, time, ties) \
               select * from unnest($1::text[], $2::int8[], $3::int8[], $4::int8[], $5::int2[]) \
               on conflict (journal) do update set position = excluded.position, after = excluded.after, time = excluded.time, \
                   ties = excluded.ties where p.position = excluded.after \
               returning journal, after, xmax = 0";
    let rows = query(sql)
        .bind(moves.keys().map(|journal| stored(journal).into_owned()).collect::<Vec<_>>())
        .bind(moves.values().map(|it| it.upto.0.cast_signed()).collect::<Vec<_>>())
        .bind(moves.values().map(|it| it.after.0.cast_signed()).collect::<Vec<_>>())
        .bind(moves.values().map(|it| it.time.micros()).collect::<Vec<_>>())
        .bind(moves.values().map(|it| i16::from(it.ties)).collect::<Vec<_>>())
        .fetch_all(&mut *connection)
        .await
        .map_err(during("write the positions"))?;
    let mut moved = BTreeMap::new();
    for row in &rows {
        moved.insert(read(column(row, 0)?), (column::<i64>(row, 1)?, column::<bool>(row, 2)?));
    }
    for (journal, it) in moves {
        match moved.get(journal) {
            Some((_, false) | (0, true)) => (),
            // A row that was not there before is none to follow a position.
            Some((_, true)) => return Err(StoreError::conflict(journal, it.after, Position(0))),
            None => {
                let head = heads(connection, batches).await?.1.get(journal).copied().unwrap_or_default();
                return Err(StoreError::conflict(journal, it.after, head.position));
            }
        }
    }
    Ok(())
}

struct Move {
    after: Position,
    upto: Position,
    time: Time,
    ties: u8,
}

/// One move a journal; batches that do not follow each other are refused.
fn moves<'a>(batches: &'a [WriteBatch], ties: &[u8]) -> Result<BTreeMap<&'a str, Move>, StoreError> {
    let mut moves: BTreeMap<&str, Move> = BTreeMap::new();
    for (batch, ties) in batches.iter().zip(ties) {
        let WriteBatch { after, upto, time, .. } = *batch;
        let whole = moves.entry(&batch.journal).or_insert(Move { after, upto: after, time, ties: *ties });
        if whole.upto != after {
            return Err(StoreError::conflict(&batch.journal, after, whole.upto));
        }
        (whole.upto, whole.time, whole.ties) = (upto, time, *ties);
    }
    Ok(moves)
}

/// How far each journal is stored.
pub(super) async fn progress(connection: &mut PgConnection) -> Result<Progress, StoreError> {
    // One statement, so that epoch and positions are of the same moment.
    let sql = "select epoch, journal, position, time from source left join progress on true";
    let rows = query(sql).fetch_all(connection).await.map_err(during("read the stored positions"))?;
    let Some(first) = rows.first() else { return Ok(Progress::default()) };
    let mut positions = BTreeMap::new();
    for row in &rows {
        if let Some(journal) = column::<Option<String>>(row, 1)? {
            positions.insert(read(journal), (position(row, 2)?, super::time(row, 3)?));
        }
    }
    Ok(Progress { epoch: Some(epoch(&column::<String>(first, 0)?)?), positions })
}
