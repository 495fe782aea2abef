//! Samples of departments on their way to points of the site: plain JSON as a gateway would send it.

use async_trait::async_trait;
use report::Sample;
use serde_json::{Value, json};

/// Why a sample was not taken.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotTaken(pub String);

/// Takes in telemetry.
#[async_trait]
pub trait Samples: Send + Sync {
    /// Publishes under a topic; resolves when the journal has it.
    ///
    /// # Errors
    /// It is not taken any more: the process ends.
    async fn take(&self, topic: String, payload: String) -> Result<(), NotTaken>;
}

/// Where gateways of plain JSON publish.
pub(crate) fn topic(sample: &Sample) -> String {
    format!("davy/v1/{}/telemetry", sample.gateway)
}

/// With its time, so that a repeat is known as one.
pub(crate) fn payload(sample: &Sample) -> String {
    let values: serde_json::Map<String, Value> = sample.values.iter().map(|(tag, value)| (tag.clone(), json!(value))).collect();
    json!({ "ts": sample.at.micros().div_euclid(1_000), "values": values }).to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::Time;

    use super::*;

    #[test]
    fn a_sample_is_what_a_gateway_would_send() {
        let values = vec![("东\"区.people".to_owned(), 12.0)];
        let sample = Sample { gateway: Arc::from("rugang/office/reports"), at: Time::from_micros(1_732_370_000_123_999), values };
        assert_eq!(topic(&sample), "davy/v1/rugang/office/reports/telemetry");
        assert_eq!(payload(&sample), r#"{"ts":1732370000123,"values":{"东\"区.people":12.0}}"#);
    }
}
