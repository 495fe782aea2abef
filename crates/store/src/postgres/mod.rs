//! PostgreSQL behind the trait, with and without TimescaleDB: the store of a plant that outgrows one file.
//!
//! Nothing is connected before the first call, so that a database that is away stops nobody. Writers, readers, the writer's own questions
//! and upkeep have connections of their own, so that none can take another's place.
//!
//! Samples have no unique index, which would cost more than half of the speed: positions and the ingest's digests keep a record from
//! being stored twice, and of several rows with one point and time the one recorded last is read.

mod aggregates;
mod connect;
mod copy;
mod errors;
mod events;
mod ground;
mod insert;
mod kept;
mod migrations;
mod occurrences;
mod pack;
mod pieces;
mod refuse;
mod relay;
mod retention;
mod rows;
mod samples;
mod statistics;
mod supervision;
mod text;
mod turns;
mod walk;
mod width;
mod write;

use std::time::Instant;

use async_trait::async_trait;
use model::{Epoch, PointNumber, Position, Time};
use sqlx::postgres::{PgConnectOptions, PgPool, PgRow, Postgres};
use sqlx::{Decode, Row, Type};
use tokio::sync::OnceCell;

use self::connect::{Found, LANES, Lane, Pools};
use self::errors::{corrupt, during};
use self::ground::Tables;
use self::relay::Relay;
use self::turns::Turns;
use crate::{
    Aggregate, AggregateQuery, DeadQuery, DeadRow, Description, EventKey, EventQuery, EventRow, Figure, FigureQuery, GapQuery,
    GapRow, MAX_FILTER_TERMS, OccurrenceKey, OccurrenceQuery, OccurrenceRow, Page, PendingSpan, PointRow, Policy, Progress,
    RuleDayRow, RuleQuery, RuleRow, SampleKey, SampleQuery, SampleRow, Store, StoreError, StoredSample, SupervisionBatch, Upkeep,
    WriteBatch, metrics, url::PostgresUrl,
};

/// Which tables a database has; chosen when they are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// Native partitions.
    Plain,
    /// A hypertable of TimescaleDB's Apache edition.
    Apache,
    /// A hypertable of its community edition, with columnstore and continuous aggregates.
    Community,
}

/// A layout that no version of Davy has written.
#[derive(Debug, thiserror::Error)]
#[error("the layout is `{0}`, which is none")]
struct UnknownLayout(String);

impl Layout {
    fn parse(text: &str) -> Result<Self, UnknownLayout> {
        match text {
            "plain" => Ok(Self::Plain),
            "apache" => Ok(Self::Apache),
            "community" => Ok(Self::Community),
            _ => Err(UnknownLayout(text.to_owned())),
        }
    }
}

/// A database of a server.
pub(crate) struct PostgresStore {
    options: PgConnectOptions,
    pools: Pools,
    turns: Turns,
    found: OnceCell<Found>,
    /// Under the pools, where the server is reached by TCP.
    _relay: Option<Relay>,
}

impl PostgresStore {
    pub(crate) fn new(url: &PostgresUrl) -> Result<Self, StoreError> {
        let options = url.options()?;
        let relay = relay(&options)?;
        let wired = relay.as_ref().map_or_else(|| options.clone(), |relay| options.clone().socket(relay.folder()));
        let pools = Pools::new(&wired);
        Ok(Self { options, pools, turns: Turns::new(), found: OnceCell::new(), _relay: relay })
    }

    /// What the server is, found out and made ready once.
    async fn found(&self) -> Result<&Found, StoreError> {
        self.found.get_or_try_init(|| connect::prepare(&self.options)).await
    }

    async fn lane(&self, pool: &PgPool) -> Result<(Layout, Lane), StoreError> {
        let layout = self.found().await?.layout;
        Ok((layout, Lane::acquire(pool).await?))
    }

    async fn reader(&self) -> Result<(Layout, Lane), StoreError> {
        self.lane(&self.pools.readers).await.inspect_err(|error| metrics::failed("read", error))
    }

    async fn own(&self) -> Result<Lane, StoreError> {
        let own = self.lane(&self.pools.own).await.inspect_err(|error| metrics::failed("read", error));
        own.map(|(_, lane)| lane)
    }

    async fn try_write(&self, batches: &[WriteBatch]) -> Result<(), StoreError> {
        let found = self.found().await?;
        write::write(self, found, batches).await
    }

    /// One step of everything; the connection goes back only where all went well.
    async fn try_maintain(&self, policy: &Policy, now: Time) -> Result<Upkeep, StoreError> {
        let (layout, lane) = self.lane(&self.pools.upkeep).await?;
        let mut tables = Tables { lane, layout };
        let mut upkeep = Upkeep::default();
        width::follow(&mut tables.lane, layout, policy, now, &mut upkeep).await?;
        pieces::summarize(&mut tables.lane, layout).await?;
        statistics::first(&mut tables.lane).await?;
        crate::upkeep::figures(&mut tables, now, &mut upkeep).await?;
        pack::step(&mut tables.lane, layout, policy, now, &mut upkeep).await?;
        retention::step(&mut tables.lane, layout, policy, now, &mut upkeep).await?;
        tables.lane.release();
        Ok(upkeep)
    }

    async fn try_forget(&self, position: Position) -> Result<bool, StoreError> {
        let (_, mut lane) = self.lane(&self.pools.upkeep).await?;
        let forgotten = events::forget_dead_before(&mut lane, position).await?;
        lane.release();
        Ok(forgotten)
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn prepare(&self) -> Result<Description, StoreError> {
        self.found().await.map(|found| found.description.clone())
    }

    fn lanes(&self) -> usize {
        LANES as usize
    }

    async fn progress(&self) -> Result<Progress, StoreError> {
        let mut lane = self.own().await?;
        let progress = write::progress(&mut lane).await;
        read(lane, progress)
    }

    async fn write_all(&self, batches: &[WriteBatch]) -> Result<(), StoreError> {
        let started = Instant::now();
        let written = self.try_write(batches).await;
        match &written {
            Ok(()) => metrics::wrote(batches, started.elapsed().as_secs_f64()),
            Err(error) => metrics::failed("write", error),
        }
        written
    }

    async fn points(&self) -> Result<Vec<PointRow>, StoreError> {
        let mut lane = self.own().await?;
        let points = samples::points(&mut lane).await;
        read(lane, points)
    }

    async fn points_named(&self, ids: &[String]) -> Result<Vec<PointRow>, StoreError> {
        let (_, mut lane) = self.reader().await?;
        let points = samples::points_named(&mut lane, ids).await;
        read(lane, points)
    }

    async fn samples(
        &self,
        query: &SampleQuery,
        after: Option<SampleKey>,
        limit: usize,
    ) -> Result<Page<StoredSample, SampleKey>, StoreError> {
        let (layout, mut lane) = self.reader().await?;
        let page = samples::page(&mut lane, layout, query, after, limit).await;
        if !page.as_ref().is_err_and(errors::is_gone) {
            return read(lane, page);
        }
        // Which pieces there are is looked up anew.
        let (layout, mut lane) = self.reader().await?;
        let page = samples::page(&mut lane, layout, query, after, limit).await;
        read(lane, page)
    }

    async fn samples_by_point(&self, points: &[PointNumber], from: Time, to: Time) -> Result<Vec<SampleRow>, StoreError> {
        let (_, mut lane) = self.reader().await?;
        let rows = samples::by_point(&mut lane, points, from, to).await;
        read(lane, rows)
    }

    async fn samples_at(&self, points: &[PointNumber], not_before: Time, at: Time) -> Result<Vec<SampleRow>, StoreError> {
        let (layout, mut lane) = self.reader().await?;
        let rows = samples::at(&mut lane, layout, points, not_before, at).await;
        read(lane, rows)
    }

    async fn aggregates(&self, query: &AggregateQuery) -> Result<Vec<Aggregate>, StoreError> {
        let (layout, mut lane) = self.reader().await?;
        let figures = aggregates::aggregates(&mut lane, layout, query).await;
        if !figures.as_ref().is_err_and(errors::is_gone) {
            return read(lane, figures);
        }
        let (layout, mut lane) = self.reader().await?;
        let figures = aggregates::aggregates(&mut lane, layout, query).await;
        read(lane, figures)
    }

    async fn figures(&self, query: &FigureQuery) -> Result<Vec<Figure>, StoreError> {
        let (layout, mut lane) = self.reader().await?;
        let figures = kept::figures(&mut lane, layout, query).await;
        read(lane, figures)
    }

    async fn pending(&self, points: &[PointNumber], from: Time, to: Time) -> Result<Vec<PendingSpan>, StoreError> {
        let (_, mut lane) = self.reader().await?;
        let pending = kept::pending(&mut lane, points, from, to).await;
        read(lane, pending)
    }

    async fn events(
        &self,
        query: &EventQuery,
        after: Option<EventKey>,
        limit: usize,
    ) -> Result<Page<EventRow, EventKey>, StoreError> {
        let (_, mut lane) = self.reader().await?;
        let page = events::page(&mut lane, query, after, limit).await;
        read(lane, page)
    }

    async fn occurrences(
        &self,
        query: &OccurrenceQuery,
        after: Option<OccurrenceKey>,
        limit: usize,
    ) -> Result<Page<OccurrenceRow, OccurrenceKey>, StoreError> {
        let (_, mut lane) = self.reader().await?;
        let page = occurrences::page(&mut lane, query, after, limit).await;
        read(lane, page)
    }

    async fn recorded_before(&self, time: Time) -> Result<Position, StoreError> {
        let (_, mut lane) = self.reader().await?;
        let position = events::recorded_before(&mut lane, time).await;
        read(lane, position)
    }

    async fn dead_letters(
        &self,
        query: &DeadQuery,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Page<DeadRow, Position>, StoreError> {
        let (_, mut lane) = self.reader().await?;
        let page = events::dead_page(&mut lane, query, after, limit).await;
        read(lane, page)
    }

    async fn last_event(&self, kind: &str, subject: &str) -> Result<Option<EventRow>, StoreError> {
        let mut lane = self.own().await?;
        let event = events::last(&mut lane, kind, subject).await;
        read(lane, event)
    }

    async fn forget_dead_before(&self, position: Position) -> Result<bool, StoreError> {
        self.try_forget(position).await.inspect_err(|error| metrics::failed("write", error))
    }

    async fn write_supervision(&self, batch: &SupervisionBatch) -> Result<(), StoreError> {
        let (_, mut lane) = self.lane(&self.pools.writers).await.inspect_err(|error| metrics::failed("write", error))?;
        supervision::write(&mut lane, batch).await.inspect_err(|error| metrics::failed("write", error))?;
        lane.release();
        Ok(())
    }

    async fn supervision_state(&self, key: &str) -> Result<Option<(Position, Vec<u8>)>, StoreError> {
        let mut lane = self.own().await?;
        let state = supervision::state(&mut lane, key).await;
        read(lane, state)
    }

    async fn gaps(&self, query: &GapQuery) -> Result<Vec<GapRow>, StoreError> {
        let (_, mut lane) = self.reader().await?;
        let gaps = supervision::gaps(&mut lane, query).await;
        read(lane, gaps)
    }

    async fn rules(&self, query: &RuleQuery) -> Result<Vec<RuleRow>, StoreError> {
        let (_, mut lane) = self.reader().await?;
        let rules = supervision::rules(&mut lane, query).await;
        read(lane, rules)
    }

    async fn rule_days(&self, query: &RuleQuery) -> Result<Vec<RuleDayRow>, StoreError> {
        let (_, mut lane) = self.reader().await?;
        let days = supervision::rule_days(&mut lane, query).await;
        read(lane, days)
    }

    async fn maintain(&self, policy: &Policy, now: Time) -> Result<Upkeep, StoreError> {
        self.try_maintain(policy, now).await.inspect_err(|error| metrics::failed("maintain", error))
    }

    async fn close(&self) {
        self.pools.close().await;
    }
}

/// Over a Unix socket none is needed.
fn relay(options: &PgConnectOptions) -> Result<Option<Relay>, StoreError> {
    if options.get_socket().is_some() || options.get_host().starts_with('/') {
        return Ok(None);
    }
    let made = Relay::start(options.get_host(), options.get_port());
    made.map(Some)
        .map_err(|error| StoreError::Unavailable { doing: "make a socket in the temporary folder", source: Box::new(error) })
}

/// Gives the connection back where all went well.
fn read<T>(lane: Lane, result: Result<T, StoreError>) -> Result<T, StoreError> {
    match result {
        Ok(answer) => {
            lane.release();
            Ok(answer)
        }
        // The caller's own mistake is found before the server is asked.
        Err(error @ StoreError::InvalidInput { .. }) => {
            lane.release();
            Err(error)
        }
        Err(error) => {
            metrics::failed("read", &error);
            Err(error)
        }
    }
}

/// The rows asked for, at least one and at most a page.
fn page_limit(limit: usize) -> usize {
    limit.clamp(1, crate::MAX_PAGE)
}

/// Both ends inclusive; `None` where nothing can lie between. A time without an end includes the greatest there is.
fn range(from: Option<Time>, to: Option<Time>) -> Option<(i64, i64)> {
    let low = from.map_or(i64::MIN, Time::micros);
    let high = to.map_or(Some(i64::MAX), |to| to.micros().checked_sub(1))?;
    (low <= high).then_some((low, high))
}

fn signed(field: &'static str, number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::InvalidInput { field, reason: "positions end at 9223372036854775807" })
}

fn check_terms(field: &'static str, terms: usize) -> Result<(), StoreError> {
    if terms <= MAX_FILTER_TERMS { Ok(()) } else { Err(StoreError::InvalidInput { field, reason: "at most 10000 are allowed" }) }
}

fn column<'r, T>(row: &'r PgRow, index: usize) -> Result<T, StoreError>
where
    T: Decode<'r, Postgres> + Type<Postgres>,
{
    row.try_get(index).map_err(during("read a row"))
}

fn position(row: &PgRow, index: usize) -> Result<Position, StoreError> {
    u64::try_from(column::<i64>(row, index)?).map(Position).map_err(corrupt("read a position"))
}

fn time(row: &PgRow, index: usize) -> Result<Time, StoreError> {
    column(row, index).map(Time::from_micros)
}

fn number(row: &PgRow, index: usize) -> Result<PointNumber, StoreError> {
    u32::try_from(column::<i64>(row, index)?).map(PointNumber).map_err(corrupt("read a point number"))
}

fn epoch(text: &str) -> Result<Epoch, StoreError> {
    u64::from_str_radix(text, 16).map(Epoch).map_err(corrupt("read the epoch"))
}
