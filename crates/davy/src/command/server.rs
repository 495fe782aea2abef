//! Reaching a running Davy over gRPC.

use std::time::Duration;

use anyhow::Context;
use tonic::transport::{Channel, Endpoint};

use crate::exit::CommandError;

/// How long a command waits for a server before it gives up with exit code 3.
pub const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// The longest answer that is taken, bytes; larger ones come in pages or streams (traps 56).
pub const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Connects, trying again until the server is there or time is up.
pub async fn connect(server: &str) -> Result<Channel, CommandError> {
    let endpoint = endpoint(server)?;
    let tried = tokio::time::timeout(CONNECT_WITHIN, async {
        loop {
            match endpoint.connect().await {
                Ok(channel) => return channel,
                Err(error) => tracing::debug!(%error, server, "server not reached yet"),
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    tried
        .await
        .with_context(|| format!("reach {server}: no answer in {} s", CONNECT_WITHIN.as_secs()))
        .map_err(CommandError::unreachable)
}

fn endpoint(server: &str) -> Result<Endpoint, CommandError> {
    let endpoint = Endpoint::from_shared(server.to_owned())
        .with_context(|| format!("use `{server}` as server; write it like {}", crate::cli::DEFAULT_SERVER))
        .map_err(CommandError::usage)?;
    Ok(endpoint
        .connect_timeout(Duration::from_secs(3))
        .tcp_nodelay(true)
        .http2_keep_alive_interval(Duration::from_secs(15))
        .keep_alive_timeout(Duration::from_secs(10))
        .keep_alive_while_idle(true))
}
