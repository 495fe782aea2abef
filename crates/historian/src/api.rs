//! `HistoryService`: what was recorded. Pages are read from the store when the caller takes them, so a slow caller holds nothing.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::Stream;
use futures_util::stream::unfold;
use journal::Journal;
use model::Position;
use prost::Message as _;
use store::{
    DeadQuery, DeadRow, EventKey, EventQuery, EventRow, KindFilter, MAX_PAGE, SampleKey, SampleQuery, Store, StoreError,
    StoredSample,
};
use tonic::{Request, Response, Status};
use wire::v1::history_service_server::HistoryService;
use wire::{Cursor, Failure, FilterBinding, time_to_v1, v1};

use crate::complete::{Concerns, complete_to};
use crate::progress::Stored;
use crate::supervision::Folded;
use crate::{metrics, request, statistics};

/// Samples of one message of the stream.
const STREAM_PAGE: usize = 1_000;

/// A page ends early where it would grow beyond this: clients take 4 MiB by default (traps 56).
const PAGE_BYTES: usize = 3 * 1_024 * 1_024;

/// Rows taken from the store at a time for a page of events and of dead letters, which may be large each.
const EVENT_ROWS: usize = 1_000;
const DEAD_ROWS: usize = 32;

/// The service.
pub(crate) struct Api {
    journal: Arc<dyn Journal>,
    store: Arc<dyn Store>,
    stored: Arc<Stored>,
    #[expect(dead_code, reason = "the calls that ask the supervision record come with their messages")]
    folded: Arc<Folded>,
}

impl Api {
    pub(crate) fn new(journal: Arc<dyn Journal>, store: Arc<dyn Store>, stored: Arc<Stored>, folded: Arc<Folded>) -> Self {
        Self { journal, store, stored, folded }
    }

    async fn complete(&self, concerns: Concerns) -> Result<Option<prost_types::Timestamp>, Failure> {
        let complete = complete_to(&*self.journal, &*self.store, &self.stored, concerns).await;
        complete.map(|time| time.map(time_to_v1)).map_err(failure)
    }

    async fn event_page(
        &self,
        query: EventQuery,
        size: usize,
        start: Option<EventKey>,
    ) -> Result<(Vec<EventRow>, Option<EventKey>), Failure> {
        let mut page = Filling::new(size, start);
        while !page.full {
            let read = self.store.events(&query, page.after, page.wanted(EVENT_ROWS)).await.map_err(failure)?;
            page.take(read, |row| row.body.len() + 64, |row| EventKey { position: row.position, ordinal: row.ordinal });
        }
        Ok((page.rows, page.next))
    }

    async fn dead_page(
        &self,
        query: DeadQuery,
        size: usize,
        start: Option<Position>,
    ) -> Result<(Vec<DeadRow>, Option<Position>), Failure> {
        let mut page = Filling::new(size, start);
        while !page.full {
            let read = self.store.dead_letters(&query, page.after, page.wanted(DEAD_ROWS)).await.map_err(failure)?;
            let bytes = |row: &DeadRow| row.payload.len() + row.detail.len() + row.topic.len() + row.gateway.len() + 64;
            page.take(read, bytes, |row| row.position);
        }
        Ok((page.rows, page.next))
    }
}

#[tonic::async_trait]
impl HistoryService for Api {
    type QuerySamplesStream = Pin<Box<dyn Stream<Item = Result<v1::QuerySamplesResponse, Status>> + Send>>;

    async fn query_samples(
        &self,
        request: Request<v1::QuerySamplesRequest>,
    ) -> Result<Response<Self::QuerySamplesStream>, Status> {
        count("query_samples");
        let request = request.into_inner();
        let (from, to) = request::times(request.from.as_ref(), request.to.as_ref())?;
        let query = SampleQuery { points: request::points(request.points)?, from, to };
        let complete_to = self.complete(Concerns::Samples).await?;
        let pages = Pages { store: Arc::clone(&self.store), query, complete_to, read: VecDeque::new(), next: Next::First };
        Ok(Response::new(Box::pin(unfold(pages, Pages::next_page))))
    }

    async fn query_aggregates(
        &self,
        request: Request<v1::QueryAggregatesRequest>,
    ) -> Result<Response<v1::QueryAggregatesResponse>, Status> {
        count("query_aggregates");
        let query = request::aggregates(request.into_inner())?;
        let complete_to = self.complete(Concerns::Samples).await?;
        let found = self.store.aggregates(&query).await.map_err(failure)?;
        if found.len() > request::BUCKETS_MAX {
            return Err(request::too_many_buckets().into());
        }
        let aggregates = found.into_iter().map(aggregate_to_v1).collect();
        Ok(Response::new(v1::QueryAggregatesResponse { aggregates, complete_to }))
    }

    async fn list_events(&self, request: Request<v1::ListEventsRequest>) -> Result<Response<v1::ListEventsResponse>, Status> {
        count("list_events");
        let v1::ListEventsRequest { selection, page_size, page_token } = request.into_inner();
        let size = request::page_size(page_size, 1_000, 10_000)?;
        let selection = selection.unwrap_or_default();
        let (epoch, hash) = (self.journal.epoch(), request::filter_hash("ListEvents", &selection));
        let start = request::page_start(&page_token, epoch, hash)?;
        let start = start.map(|(position, ordinal)| EventKey { position, ordinal });
        let (from, to) = request::times(selection.from.as_ref(), selection.to.as_ref())?;
        let kinds = selection.kinds.iter().map(|kind| KindFilter::parse(kind)).collect();
        let complete_to = self.complete(Concerns::Events).await?;
        let query = EventQuery { kinds, subjects: selection.subjects, from, to, ..EventQuery::default() };
        let (rows, next) = self.event_page(query, size, start).await?;
        let next = next.map(|key| request::page_token(epoch, hash, (key.position, key.ordinal)));
        let events = rows.iter().map(|row| event_to_v1(row, epoch)).collect::<Result<_, _>>()?;
        Ok(Response::new(v1::ListEventsResponse { events, next_page_token: next.unwrap_or_default(), complete_to }))
    }

    async fn list_dead_letters(
        &self,
        request: Request<v1::ListDeadLettersRequest>,
    ) -> Result<Response<v1::ListDeadLettersResponse>, Status> {
        count("list_dead_letters");
        let mut request = request.into_inner();
        let size = request::page_size(std::mem::take(&mut request.page_size), 100, 1_000)?;
        let token = std::mem::take(&mut request.page_token);
        let (epoch, hash) = (self.journal.epoch(), request::filter_hash("ListDeadLetters", &request));
        let start = request::page_start(&token, epoch, hash)?.map(|(position, _)| position);
        let (from, to) = request::times(request.from.as_ref(), request.to.as_ref())?;
        let text = |text: String| (!text.is_empty()).then_some(text);
        let query = DeadQuery { gateway: text(request.gateway), reason: text(request.reason), from, to };
        let complete_to = self.complete(Concerns::Dead).await?;
        let (rows, next) = self.dead_page(query, size, start).await?;
        let next_page_token = next.map(|position| request::page_token(epoch, hash, (position, 0))).unwrap_or_default();
        let dead_letters = rows.into_iter().map(dead_to_v1).collect();
        Ok(Response::new(v1::ListDeadLettersResponse { dead_letters, next_page_token, complete_to }))
    }

    async fn get_alarm_statistics(
        &self,
        request: Request<v1::GetAlarmStatisticsRequest>,
    ) -> Result<Response<v1::AlarmStatistics>, Status> {
        count("get_alarm_statistics");
        let wanted = statistics::Wanted::of(request.into_inner(), self.journal.now())?;
        let complete_to = self.complete(Concerns::Events).await?;
        let figures = statistics::gather(&*self.store, &wanted).await.map_err(failure)?;
        Ok(Response::new(statistics::to_v1(figures, complete_to)))
    }
}

/// A page being filled, bounded in rows and in bytes.
struct Filling<T, K> {
    size: usize,
    rows: Vec<T>,
    bytes: usize,
    after: Option<K>,
    next: Option<K>,
    full: bool,
}

impl<T, K: Copy> Filling<T, K> {
    fn new(size: usize, start: Option<K>) -> Self {
        Self { size, rows: Vec::new(), bytes: 0, after: start, next: None, full: false }
    }

    fn wanted(&self, at_a_time: usize) -> usize {
        (self.size - self.rows.len()).min(at_a_time)
    }

    fn take(&mut self, read: store::Page<T, K>, bytes: impl Fn(&T) -> usize, key: impl Fn(&T) -> K) {
        self.next = read.next;
        for row in read.rows {
            self.bytes += bytes(&row);
            if self.bytes > PAGE_BYTES && !self.rows.is_empty() {
                self.next = self.after;
                self.full = true;
                return;
            }
            self.after = Some(key(&row));
            self.rows.push(row);
        }
        self.full = self.next.is_none() || self.rows.len() >= self.size;
    }
}

/// Where a stream of samples stands.
enum Next {
    First,
    After(SampleKey),
    End,
}

/// A stream of samples, read from the store as the caller takes it.
struct Pages {
    store: Arc<dyn Store>,
    query: SampleQuery,
    complete_to: Option<prost_types::Timestamp>,
    read: VecDeque<StoredSample>,
    next: Next,
}

impl Pages {
    /// The next message; one at least, since that says up to when nothing is there.
    async fn next_page(mut self) -> Option<(Result<v1::QuerySamplesResponse, Status>, Self)> {
        if self.read.is_empty() {
            let (after, first) = match self.next {
                Next::First => (None, true),
                Next::After(key) => (Some(key), false),
                Next::End => return None,
            };
            match self.store.samples(&self.query, after, MAX_PAGE).await {
                Ok(page) => {
                    self.next = page.next.map_or(Next::End, Next::After);
                    self.read = page.rows.into();
                }
                Err(error) => {
                    self.next = Next::End;
                    return Some((Err(failure(error).into()), self));
                }
            }
            if self.read.is_empty() && !first {
                return None;
            }
        }
        let samples = self.read.drain(..self.read.len().min(STREAM_PAGE)).map(sample_to_v1).collect();
        Some((Ok(v1::QuerySamplesResponse { samples, complete_to: self.complete_to }), self))
    }
}

fn count(method: &'static str) {
    ::metrics::counter!(metrics::REQUESTS, "method" => method).increment(1);
}

/// The caller learns the kind, the field and a number to quote; the log knows the cause under that number.
fn failure(error: StoreError) -> Failure {
    static FAILURES: AtomicU64 = AtomicU64::new(1);
    if let Some(field) = error.field() {
        return Failure::field(field, error.to_string());
    }
    let failure_id = format!("history-{}", FAILURES.fetch_add(1, Ordering::Relaxed));
    let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    tracing::warn!(%error, cause, failure_id, "request for history failed");
    let message = format!("the store cannot answer at present; try again, or quote {failure_id}");
    Failure::new(error.kind(), "store_failed", message).with("failure_id", failure_id)
}

fn sample_to_v1(stored: StoredSample) -> v1::Sample {
    let row = stored.row;
    v1::Sample {
        time: Some(time_to_v1(row.time)),
        // A number that no revision has named yet is shown as it is: no id begins like that.
        point: stored.id.unwrap_or_else(|| format!("#{}", row.point.0)),
        value: row.value,
        quality: wire::quality_to_v1(row.quality).into(),
        historical: row.flags.historical,
        arrival_time: row.flags.arrival_time,
        out_of_range: row.flags.out_of_range,
        recorded_at: Some(time_to_v1(row.recorded_at)),
    }
}

fn aggregate_to_v1(aggregate: store::Aggregate) -> v1::Aggregate {
    let store::Aggregate { id, start, count, samples, min, max, mean, first, last } = aggregate;
    v1::Aggregate { point: id, start: Some(time_to_v1(start)), count, samples, min, max, mean, first, last }
}

fn event_to_v1(row: &EventRow, epoch: model::Epoch) -> Result<v1::Event, Failure> {
    let event = v1::Event::decode(row.body.as_slice())
        .map_err(|error| failure(StoreError::Corrupt { doing: "read an event", source: Box::new(error) }))?;
    let cursor = Cursor {
        epoch,
        position: row.position,
        seen: row.ordinal.saturating_add(1),
        filter: FilterBinding::Any,
        in_snapshot: false,
    };
    Ok(v1::Event { cursor: cursor.encode(), ..event })
}

fn dead_to_v1(row: DeadRow) -> v1::DeadLetter {
    v1::DeadLetter {
        id: format!("dead-{}", row.position.0),
        at: Some(time_to_v1(row.at)),
        gateway: row.gateway,
        topic: row.topic,
        reason: row.reason,
        detail: row.detail,
        payload: row.payload.into(),
        payload_bytes: row.payload_bytes,
        count: row.count,
    }
}
