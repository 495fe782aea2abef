//! Events and dead letters, page by page.

use model::{Epoch, Position};
use prost::Message as _;
use store::{DeadQuery, DeadRow, EventKey, EventQuery, EventRow, KindFilter, Store, StoreError};
use wire::{Cursor, Failure, FilterBinding, time_to_v1, v1};

use crate::api::{Api, PAGE_BYTES, failure};
use crate::complete::Concerns;
use crate::request;

/// Rows taken from the store at a time for a page of events and of dead letters, which may be large each.
const EVENT_ROWS: usize = 1_000;
const DEAD_ROWS: usize = 32;

/// `ListEvents`.
pub(super) async fn list(api: &Api, request: v1::ListEventsRequest) -> Result<v1::ListEventsResponse, Failure> {
    let v1::ListEventsRequest { selection, page_size, page_token } = request;
    let size = request::page_size(page_size, 1_000, 10_000)?;
    let selection = selection.unwrap_or_default();
    let (epoch, hash) = (api.journal.epoch(), request::filter_hash("ListEvents", &selection));
    let start = request::page_start(&page_token, epoch, hash)?;
    let start = start.map(|(position, ordinal)| EventKey { position, ordinal });
    let query = selected(selection)?;
    let complete_to = api.complete(Concerns::Events).await?;
    let (rows, next) = event_page(&*api.store, query, size, start).await?;
    let next = next.map(|key| request::page_token(epoch, hash, (key.position, key.ordinal)));
    let events = rows.iter().map(|row| event_to_v1(row, epoch)).collect::<Result<_, _>>()?;
    Ok(v1::ListEventsResponse { events, next_page_token: next.unwrap_or_default(), complete_to })
}

fn selected(selection: v1::EventSelection) -> Result<EventQuery, Failure> {
    let v1::EventSelection { kinds, subjects, from, to, parks, enterprises, installations } = selection;
    let (from, to) = request::times(from.as_ref(), to.as_ref())?;
    let kinds = request::listed("kinds", kinds)?;
    Ok(EventQuery {
        kinds: kinds.iter().map(|kind| KindFilter::parse(kind)).collect(),
        subjects: request::listed("subjects", subjects)?,
        parks: request::listed("parks", parks)?,
        enterprises: request::listed("enterprises", enterprises)?,
        installations: request::listed("installations", installations)?,
        from,
        to,
    })
}

async fn event_page(
    store: &dyn Store,
    query: EventQuery,
    size: usize,
    start: Option<EventKey>,
) -> Result<(Vec<EventRow>, Option<EventKey>), Failure> {
    let mut page = Filling::new(size, start);
    while !page.full {
        let read = store.events(&query, page.after, page.wanted(EVENT_ROWS)).await.map_err(failure)?;
        page.take(read, |row| row.body.len() + 64, |row| EventKey { position: row.position, ordinal: row.ordinal });
    }
    Ok((page.rows, page.next))
}

/// `ListDeadLetters`.
pub(super) async fn list_dead(
    api: &Api,
    mut request: v1::ListDeadLettersRequest,
) -> Result<v1::ListDeadLettersResponse, Failure> {
    let size = request::page_size(std::mem::take(&mut request.page_size), 100, 1_000)?;
    let token = std::mem::take(&mut request.page_token);
    let (epoch, hash) = (api.journal.epoch(), request::filter_hash("ListDeadLetters", &request));
    let start = request::page_start(&token, epoch, hash)?.map(|(position, _)| position);
    let (from, to) = request::times(request.from.as_ref(), request.to.as_ref())?;
    let text = |text: String| (!text.is_empty()).then_some(text);
    let query = DeadQuery { gateway: text(request.gateway), reason: text(request.reason), from, to };
    let complete_to = api.complete(Concerns::Dead).await?;
    let (rows, next) = dead_page(&*api.store, query, size, start).await?;
    let next_page_token = next.map(|position| request::page_token(epoch, hash, (position, 0))).unwrap_or_default();
    let dead_letters = rows.into_iter().map(dead_to_v1).collect();
    Ok(v1::ListDeadLettersResponse { dead_letters, next_page_token, complete_to })
}

async fn dead_page(
    store: &dyn Store,
    query: DeadQuery,
    size: usize,
    start: Option<Position>,
) -> Result<(Vec<DeadRow>, Option<Position>), Failure> {
    let mut page = Filling::new(size, start);
    while !page.full {
        let read = store.dead_letters(&query, page.after, page.wanted(DEAD_ROWS)).await.map_err(failure)?;
        let bytes = |row: &DeadRow| row.payload.len() + row.detail.len() + row.topic.len() + row.gateway.len() + 64;
        page.take(read, bytes, |row| row.position);
    }
    Ok((page.rows, page.next))
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

fn event_to_v1(row: &EventRow, epoch: Epoch) -> Result<v1::Event, Failure> {
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
