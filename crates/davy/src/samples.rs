//! Samples that departments report, on their way into ingest.

use async_trait::async_trait;
use exchange::{NotTaken, Samples};
use ingest::LocalPublisher;

/// Ingest's own link for them.
pub(crate) struct ToIngest(pub(crate) LocalPublisher);

#[async_trait]
impl Samples for ToIngest {
    async fn take(&self, topic: String, payload: String) -> Result<(), NotTaken> {
        self.0.publish(&topic, payload).await.map_err(|error| NotTaken(error.to_string()))
    }
}
