//! The HTTP face: `/healthz` (the process lives), `/readyz` (every part serves), `/metrics` (Prometheus text), and pages of other parts.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::{Health, MetricsHandle, Shutdown};

/// Serves the three pages and others on a bound listener until shutdown.
pub async fn serve_http(
    listener: TcpListener,
    health: Health,
    metrics: MetricsHandle,
    others: Router,
    shutdown: Shutdown,
) -> Result<(), std::io::Error> {
    let app = Router::new()
        .route("/healthz", get(async |State((health, _)): State<(Health, MetricsHandle)>| health.report()))
        .route("/readyz", get(async |State((health, _)): State<(Health, MetricsHandle)>| readyz(&health)))
        .route("/metrics", get(async |State((_, metrics)): State<(Health, MetricsHandle)>| metrics.render()))
        .with_state((health, metrics))
        .merge(others);
    axum::serve(listener, app).with_graceful_shutdown(async move { shutdown.requested().await }).await
}

fn readyz(health: &Health) -> (StatusCode, String) {
    let status = if health.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, health.report())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    async fn get(address: std::net::SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: davy\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn readiness_follows_the_latches_and_shutdown_ends_it() {
        let (health, shutdown) = (Health::new(), Shutdown::new());
        let latch = health.latch("engine");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let others = Router::new().route("/other", axum::routing::get(async || "other"));
        let server = tokio::spawn(serve_http(listener, health, MetricsHandle::default(), others, shutdown.clone()));
        assert!(get(address, "/readyz").await.starts_with("HTTP/1.1 503"));
        assert!(get(address, "/healthz").await.starts_with("HTTP/1.1 200"));
        assert!(get(address, "/other").await.ends_with("other"));
        latch.release();
        assert!(get(address, "/readyz").await.starts_with("HTTP/1.1 200"));
        shutdown.request();
        server.await.unwrap().unwrap();
    }
}
