//! `HistoryService`: what was recorded. Pages are read from the store when the caller takes them, so a slow caller holds nothing.

mod aggregates;
mod aligned;
mod events;
mod export;
mod occurrences;
mod samples;
mod supervision;
mod table;
mod trend;
mod values;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::Stream;
use journal::Journal;
use store::{Store, StoreError};
use tonic::{Request, Response, Status};
use wire::v1::history_service_server::HistoryService;
use wire::{Failure, time_to_v1, v1};

use crate::complete::{Concerns, complete_to};
use crate::progress::Stored;
use crate::supervision::Folded;
use crate::{metrics, statistics};

/// A page ends early where it would grow beyond this: clients take 4 MiB by default (traps 56).
const PAGE_BYTES: usize = 3 * 1_024 * 1_024;

/// A stream of answers, each worked out when the caller takes it.
type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The service.
pub(crate) struct Api {
    journal: Arc<dyn Journal>,
    store: Arc<dyn Store>,
    stored: Arc<Stored>,
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
}

#[tonic::async_trait]
impl HistoryService for Api {
    type QuerySamplesStream = Answers<v1::QuerySamplesResponse>;

    async fn query_samples(
        &self,
        request: Request<v1::QuerySamplesRequest>,
    ) -> Result<Response<Self::QuerySamplesStream>, Status> {
        timed("query_samples", samples::query(self, request.into_inner())).await
    }

    async fn query_aggregates(
        &self,
        request: Request<v1::QueryAggregatesRequest>,
    ) -> Result<Response<v1::QueryAggregatesResponse>, Status> {
        timed("query_aggregates", aggregates::query(self, request.into_inner())).await
    }

    async fn query_trend(&self, request: Request<v1::QueryTrendRequest>) -> Result<Response<v1::QueryTrendResponse>, Status> {
        timed("query_trend", trend::query(self, request.into_inner())).await
    }

    async fn get_values_at(&self, request: Request<v1::GetValuesAtRequest>) -> Result<Response<v1::GetValuesAtResponse>, Status> {
        timed("get_values_at", values::at(self, request.into_inner())).await
    }

    type QueryAlignedStream = Answers<v1::QueryAlignedResponse>;

    async fn query_aligned(
        &self,
        request: Request<v1::QueryAlignedRequest>,
    ) -> Result<Response<Self::QueryAlignedStream>, Status> {
        timed("query_aligned", aligned::query(self, request.into_inner())).await
    }

    type ExportSamplesStream = Answers<v1::ExportSamplesResponse>;

    async fn export_samples(
        &self,
        request: Request<v1::ExportSamplesRequest>,
    ) -> Result<Response<Self::ExportSamplesStream>, Status> {
        timed("export_samples", export::samples(self, request.into_inner())).await
    }

    async fn list_events(&self, request: Request<v1::ListEventsRequest>) -> Result<Response<v1::ListEventsResponse>, Status> {
        timed("list_events", events::list(self, request.into_inner())).await
    }

    async fn list_alarm_occurrences(
        &self,
        request: Request<v1::ListAlarmOccurrencesRequest>,
    ) -> Result<Response<v1::ListAlarmOccurrencesResponse>, Status> {
        timed("list_alarm_occurrences", occurrences::list(self, request.into_inner())).await
    }

    async fn list_dead_letters(
        &self,
        request: Request<v1::ListDeadLettersRequest>,
    ) -> Result<Response<v1::ListDeadLettersResponse>, Status> {
        timed("list_dead_letters", events::list_dead(self, request.into_inner())).await
    }

    async fn get_alarm_statistics(
        &self,
        request: Request<v1::GetAlarmStatisticsRequest>,
    ) -> Result<Response<v1::AlarmStatistics>, Status> {
        timed("get_alarm_statistics", alarm_statistics(self, request.into_inner())).await
    }

    async fn query_supervision(
        &self,
        request: Request<v1::QuerySupervisionRequest>,
    ) -> Result<Response<v1::QuerySupervisionResponse>, Status> {
        timed("query_supervision", supervision::query(self, request.into_inner())).await
    }

    async fn get_online_rates(
        &self,
        request: Request<v1::GetOnlineRatesRequest>,
    ) -> Result<Response<v1::GetOnlineRatesResponse>, Status> {
        timed("get_online_rates", supervision::online_rates(self, request.into_inner())).await
    }
}

async fn alarm_statistics(api: &Api, request: v1::GetAlarmStatisticsRequest) -> Result<v1::AlarmStatistics, Failure> {
    let wanted = statistics::Wanted::of(request, api.journal.now())?;
    let complete_to = api.complete(Concerns::Events).await?;
    let figures = statistics::gather(&*api.store, &wanted).await.map_err(failure)?;
    Ok(statistics::to_v1(figures, complete_to))
}

/// Counts a request and takes its time; of a stream that to its beginning.
async fn timed<T>(method: &'static str, work: impl Future<Output = Result<T, Failure>>) -> Result<Response<T>, Status> {
    ::metrics::counter!(metrics::REQUESTS, "method" => method).increment(1);
    let started = tokio::time::Instant::now();
    let result = work.await;
    ::metrics::histogram!(metrics::REQUEST_SECONDS, "method" => method).record(started.elapsed().as_secs_f64());
    result.map(Response::new).map_err(Status::from)
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
