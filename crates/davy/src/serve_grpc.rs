//! The gRPC face: every service, reflection and health on one bound listener.

use std::time::Duration;

use anyhow::Context;
use service::{Health, Shutdown};
use tokio::net::TcpListener;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic_health::ServingStatus;

/// Streams at most on one connection.
const STREAMS_MAX: u32 = 1_024;

/// Whose health can be asked for; the empty name is the whole.
const SERVICES: [&str; 8] = [
    "",
    "davy.v1.AlarmService",
    "davy.v1.CaseService",
    "davy.v1.DutyService",
    "davy.v1.ExchangeService",
    "davy.v1.HistoryService",
    "davy.v1.IngestService",
    "davy.v1.RegistryService",
];

/// Serves until shutdown; streams end by themselves when their services are told to stop.
pub(crate) async fn serve_grpc(listener: TcpListener, routes: Routes, health: Health, shutdown: Shutdown) -> anyhow::Result<()> {
    let (reporter, health_service) = tonic_health::server::health_reporter();
    let reflection =
        || tonic_reflection::server::Builder::configure().register_encoded_file_descriptor_set(wire::FILE_DESCRIPTOR_SET);
    let routes = routes
        .add_service(health_service)
        .add_service(reflection().build_v1().context("serve reflection")?)
        .add_service(reflection().build_v1alpha().context("serve reflection")?);
    // Keep-alive finds consumers whose machine vanished (traps 54).
    let server = Server::builder()
        .tcp_nodelay(true)
        .http2_keepalive_interval(Some(Duration::from_secs(15)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
        .max_concurrent_streams(STREAMS_MAX)
        .add_routes(routes);
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let serving = server.serve_with_incoming_shutdown(incoming, async { shutdown.requested().await });
    tokio::pin!(serving);
    let mut look = tokio::time::interval(Duration::from_millis(250));
    loop {
        // The server's future is polled again and again, never dropped; a tick that is dropped looks a little later.
        tokio::select! {
            ended = &mut serving => return ended.context("serve gRPC"),
            _ = look.tick() => {
                let status = if health.is_ready() { ServingStatus::Serving } else { ServingStatus::NotServing };
                for service in SERVICES {
                    reporter.set_service_status(service, status).await;
                }
            }
        }
    }
}
