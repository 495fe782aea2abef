//! The service as a gRPC server takes it: feeds go out as shared bytes, all other calls as tonic generates them.
//!
//! Ten subscribers get an event that was encoded once. As messages, each of them would have its own copy made of a dozen strings, and the
//! allocator would be what limits a feed.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::Stream;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::server::{Grpc, NamedService, ServerStreamingService};
use tonic::{Request, Response, Status};
use wire::v1;
use wire::v1::exchange_service_server::{ExchangeServiceServer, SERVICE_NAME};

use crate::frame::{Frame, FrameCodec};
use crate::serve::Exchange;

const SUBSCRIBE: &str = "/davy.v1.ExchangeService/Subscribe";

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// `ExchangeService` for a gRPC server.
#[derive(Clone)]
pub struct ExchangeServer {
    exchange: Arc<Exchange>,
    calls: ExchangeServiceServer<Exchange>,
}

impl ExchangeServer {
    pub(crate) fn new(exchange: Exchange) -> Self {
        let exchange = Arc::new(exchange);
        Self { calls: ExchangeServiceServer::from_arc(Arc::clone(&exchange)), exchange }
    }
}

impl NamedService for ExchangeServer {
    const NAME: &'static str = SERVICE_NAME;
}

impl Service<http::Request<Body>> for ExchangeServer {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Boxed<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<http::Request<Body>>::poll_ready(&mut self.calls, context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        if request.uri().path() != SUBSCRIBE {
            return self.calls.call(request);
        }
        let feeds = Feeds(Arc::clone(&self.exchange));
        Box::pin(async move { Ok(Grpc::new(FrameCodec).server_streaming(feeds, request).await) })
    }
}

struct Feeds(Arc<Exchange>);

impl ServerStreamingService<v1::SubscribeRequest> for Feeds {
    type Response = Frame;
    type ResponseStream = Pin<Box<dyn Stream<Item = Result<Frame, Status>> + Send>>;
    type Future = Boxed<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<v1::SubscribeRequest>) -> Self::Future {
        let exchange = Arc::clone(&self.0);
        Box::pin(async move {
            let feed = exchange.feed(request.into_inner()).await?;
            let stream: Self::ResponseStream = Box::pin(feed.into_stream());
            Ok(Response::new(stream))
        })
    }
}
