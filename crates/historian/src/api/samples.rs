//! Raw samples as a stream: while one page is sent, the next is read.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::stream::unfold;
use model::{ErrorKind, PointNumber};
use store::{Page, SampleKey, SampleQuery, Store, StoreError, StoredSample};
use tokio::task::JoinSet;
use tonic::Status;
use wire::{Failure, time_to_v1, v1};

use crate::api::{Answers, Api, failure};
use crate::complete::Concerns;
use crate::request;

/// Samples of one message of the stream.
const STREAM_PAGE: usize = 1_000;

/// Samples read first: the answer begins soon.
const FIRST_READ: usize = 10_000;

/// Samples read then; a stream holds two such pages at most, and no transaction while its caller does not read.
const READ: usize = 20_000;

/// `QuerySamples`.
pub(super) async fn query(api: &Api, request: v1::QuerySamplesRequest) -> Result<Answers<v1::QuerySamplesResponse>, Failure> {
    let v1::QuerySamplesRequest { points, from, to, limit } = request;
    let (from, to) = request::times(from.as_ref(), to.as_ref())?;
    let query = SampleQuery { points: request::points(points)?, from, to };
    let left = request::limit(limit)?;
    let complete_to = api.complete(Concerns::Samples).await?;
    let store = Arc::clone(&api.store);
    let mut pages = Pages { store, query, left, complete_to, ready: VecDeque::new(), reading: JoinSet::new(), is_first: true };
    pages.read(None, FIRST_READ);
    Ok(Box::pin(unfold(pages, Pages::next_page)))
}

type Read = Result<Page<StoredSample, SampleKey>, StoreError>;

/// A stream of samples, read from the store as the caller takes it.
struct Pages {
    store: Arc<dyn Store>,
    query: SampleQuery,
    /// How many samples are still wanted behind those that are read or being read.
    left: usize,
    complete_to: Option<prost_types::Timestamp>,
    ready: VecDeque<StoredSample>,
    /// The next page, if there may be one; it ends with the stream.
    reading: JoinSet<Read>,
    is_first: bool,
}

impl Pages {
    fn read(&mut self, after: Option<SampleKey>, most: usize) {
        let (store, query, limit) = (Arc::clone(&self.store), self.query.clone(), self.left.min(most));
        self.reading.spawn(async move { store.samples(&query, after, limit).await });
    }

    /// The next message; one at least, since that says up to when nothing is there.
    async fn next_page(mut self) -> Option<(Result<v1::QuerySamplesResponse, Status>, Self)> {
        if self.ready.is_empty() {
            // A stream that is dropped ends what it reads.
            let page = match self.reading.join_next().await? {
                Ok(Ok(page)) => page,
                Ok(Err(error)) => return Some((Err(failure(error).into()), self)),
                Err(error) => return Some((Err(Failure::new(ErrorKind::Internal, "broke_off", error.to_string()).into()), self)),
            };
            self.left = self.left.saturating_sub(page.rows.len());
            if let Some(after) = page.next.filter(|_| self.left > 0) {
                self.read(Some(after), READ);
            }
            self.ready = page.rows.into();
            if self.ready.is_empty() && !self.is_first {
                return None;
            }
            self.is_first = false;
        }
        let samples = self.ready.drain(..self.ready.len().min(STREAM_PAGE)).map(sample_to_v1).collect();
        Some((Ok(v1::QuerySamplesResponse { samples, complete_to: self.complete_to }), self))
    }
}

fn sample_to_v1(stored: StoredSample) -> v1::Sample {
    let row = stored.row;
    v1::Sample {
        time: Some(time_to_v1(row.time)),
        point: stored.id.map_or_else(|| unnamed(row.point), |id| String::from(&*id)),
        value: row.value,
        quality: wire::quality_to_v1(row.quality).into(),
        historical: row.flags.historical,
        arrival_time: row.flags.arrival_time,
        out_of_range: row.flags.out_of_range,
        recorded_at: Some(time_to_v1(row.recorded_at)),
    }
}

/// A number that no revision has named yet is shown as it is: no id begins like that.
pub(super) fn unnamed(point: PointNumber) -> String {
    format!("#{}", point.0)
}
