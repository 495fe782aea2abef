//! `ExchangeService`, but for how its feeds go out (server.rs).

use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{Stream, StreamExt};
use metrics::counter;
use tonic::{Request, Response, Status};
use tracing::debug;
use wire::{Failure, v1};

use crate::feed::{Feed, binding_of};
use crate::metrics::REFUSED;
use crate::reports::ReportApi;
use crate::request::{Subscription, check_cursor, check_name};
use crate::runner::Hub;
use crate::start::{begin, check};
use crate::subscriptions;
use crate::warnings::WarningApi;

/// The exchange's API.
pub(crate) struct Exchange {
    hub: Arc<Hub>,
    warnings: Arc<WarningApi>,
    reports: ReportApi,
}

impl Exchange {
    pub(crate) const fn new(hub: Arc<Hub>, warnings: Arc<WarningApi>, reports: ReportApi) -> Self {
        Self { hub, warnings, reports }
    }

    /// A feed for a consumer.
    pub(crate) async fn feed(&self, request: v1::SubscribeRequest) -> Result<Feed, Status> {
        self.open(request).await.map_err(refused)
    }

    async fn open(&self, request: v1::SubscribeRequest) -> Result<Feed, Failure> {
        let subscription = Subscription::check(request)?;
        let binding = binding_of(&subscription.filter);
        let beginning = begin(&self.hub, &subscription, binding).await?;
        let seat = self.hub.seat(&subscription.name, beginning.cursor.position)?;
        debug!(subscriber = seat.number, subscription = subscription.name, start = ?subscription.start, "feed opened");
        Ok(Feed::new(Arc::clone(&self.hub), seat, subscription.filter, subscription.heartbeat, beginning))
    }

    async fn commit(&self, request: v1::CommitCursorRequest) -> Result<(), Failure> {
        check_name(&request.subscription)?;
        let cursor = check_cursor(&request.cursor)?;
        check(&*self.hub.journal, &cursor, None)?;
        self.hub.loaded().await?;
        self.hub.committed.commit(request.subscription, cursor).await
    }
}

fn refused(failure: Failure) -> Status {
    counter!(REFUSED, "reason" => failure.reason).increment(1);
    failure.into()
}

#[async_trait]
impl v1::exchange_service_server::ExchangeService for Exchange {
    type SubscribeStream = Pin<Box<dyn Stream<Item = Result<v1::SubscribeResponse, Status>> + Send>>;

    async fn subscribe(&self, request: Request<v1::SubscribeRequest>) -> Result<Response<Self::SubscribeStream>, Status> {
        let feed = self.feed(request.into_inner()).await?;
        Ok(Response::new(Box::pin(feed.into_stream().map(|frame| frame.map(|it| it.message())))))
    }

    async fn commit_cursor(
        &self,
        request: Request<v1::CommitCursorRequest>,
    ) -> Result<Response<v1::CommitCursorResponse>, Status> {
        self.commit(request.into_inner()).await.map_err(refused)?;
        Ok(Response::new(v1::CommitCursorResponse {}))
    }

    async fn list_subscriptions(
        &self,
        request: Request<v1::ListSubscriptionsRequest>,
    ) -> Result<Response<v1::ListSubscriptionsResponse>, Status> {
        subscriptions::list(&self.hub, &request.into_inner()).await.map(Response::new).map_err(refused)
    }

    async fn list_upstreams(
        &self,
        _request: Request<v1::ListUpstreamsRequest>,
    ) -> Result<Response<v1::ListUpstreamsResponse>, Status> {
        Ok(Response::new(self.hub.upstreams.list(self.hub.journal.now())))
    }

    async fn list_warnings(
        &self,
        request: Request<v1::ListWarningsRequest>,
    ) -> Result<Response<v1::ListWarningsResponse>, Status> {
        self.warnings.list(request.into_inner()).await.map(Response::new).map_err(refused)
    }

    async fn respond_to_warning(
        &self,
        request: Request<v1::RespondToWarningRequest>,
    ) -> Result<Response<v1::RespondToWarningResponse>, Status> {
        self.warnings.respond(request.into_inner()).await.map(Response::new).map_err(refused)
    }

    async fn submit_report(
        &self,
        request: Request<v1::SubmitReportRequest>,
    ) -> Result<Response<v1::SubmitReportResponse>, Status> {
        self.reports.submit(request.into_inner()).await.map(Response::new).map_err(refused)
    }
}
