//! All links and the inlet, for as long as the exchange runs.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::error;

use super::ARRIVALS_MAX;
use super::inlet::Inlet;
use super::link::Link;
use crate::ExchangeError;
use crate::runner::Hub;

/// Runs until shutdown; without an upstream there is nothing to do.
pub(crate) async fn run(hub: Arc<Hub>) -> Result<(), ExchangeError> {
    let shutdown = hub.shutdown.clone();
    if hub.config.upstreams.is_empty() {
        return Ok(());
    }
    // Cancel-safe: a start that is dropped has written nothing.
    let (inlet, beginnings) = tokio::select! {
        started = Inlet::start(Arc::clone(&hub)) => started.map_err(ExchangeError::Journal)?,
        () = shutdown.requested() => return Ok(()),
    };
    let (sender, inbox) = mpsc::channel(ARRIVALS_MAX);
    let mut links = JoinSet::new();
    for (at, beginning) in beginnings.into_iter().enumerate() {
        links.spawn(Link::new(Arc::clone(&hub), at, sender.clone(), beginning).run());
    }
    drop(sender);
    let ended = inlet.run(inbox, &shutdown).await.map_err(ExchangeError::Journal);
    if ended.is_err() {
        links.abort_all();
    }
    while let Some(link) = links.join_next().await {
        if let Err(error) = link
            && !error.is_cancelled()
        {
            error!(%error, "a link to an upstream broke off");
        }
    }
    ended
}
