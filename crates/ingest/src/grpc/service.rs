//! `IngestService`.

use std::pin::Pin;

use async_trait::async_trait;
use futures_util::Stream;
use model::ErrorKind;
use service::Shutdown;
use tonic::{Request, Response, Status, Streaming};
use wire::v1::ingest_service_server::{IngestService, IngestServiceServer};
use wire::{Failure, v1};

use super::MAX_MESSAGE_BYTES;
use super::gateways::Page;
use super::stream::PushStream;
use crate::{IngestError, PushHandle};

/// The API for gateways, and about them.
#[derive(Debug)]
pub struct IngestApi {
    handle: PushHandle,
    shutdown: Shutdown,
}

/// The service for a gRPC server. At shutdown streams end with a last acknowledgement and `UNAVAILABLE`.
pub fn ingest_service(handle: PushHandle, shutdown: Shutdown) -> IngestServiceServer<IngestApi> {
    IngestServiceServer::new(IngestApi { handle, shutdown }).max_decoding_message_size(MAX_MESSAGE_BYTES)
}

#[async_trait]
impl IngestService for IngestApi {
    type PushSamplesStream = Pin<Box<dyn Stream<Item = Result<v1::PushSamplesResponse, Status>> + Send>>;

    async fn push_samples(
        &self,
        request: Request<Streaming<v1::PushSamplesRequest>>,
    ) -> Result<Response<Self::PushSamplesStream>, Status> {
        let place = self.handle.place().ok_or_else(|| {
            let message = "as many streams are open as Davy takes; let several gateways share one, and try again in a while";
            Failure::new(ErrorKind::Exhausted, "too_many_streams", message)
        })?;
        let stream = PushStream::new(request.into_inner(), self.handle.clone(), place, self.shutdown.clone());
        Ok(Response::new(Box::pin(stream.into_stream())))
    }

    async fn list_gateways(
        &self,
        request: Request<v1::ListGatewaysRequest>,
    ) -> Result<Response<v1::ListGatewaysResponse>, Status> {
        let page = Page::check(&request.into_inner())?;
        let reports = self.handle.report().await.map_err(|error| match error {
            IngestError::Busy => Failure::new(ErrorKind::Exhausted, "too_many_requests", error.to_string()),
            _ => Failure::new(ErrorKind::Unavailable, "shutting_down", "Davy is stopping or not ready; try again"),
        })?;
        Ok(Response::new(page.of(&reports)))
    }
}
