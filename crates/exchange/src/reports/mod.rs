//! Reports of departments: the clerk that takes them, and `SubmitReport`.

mod alert;
mod clerk;
mod samples;
mod submit;

use std::sync::Arc;

use desk::{Counter, DeskRunner};
use journal::Journal;
use metrics::counter;
use model::ErrorKind;
use service::Latch;
use tokio::time::timeout;
use wire::{Failure, v1};

use crate::Config;
use crate::metrics::REPORT_SAMPLES;
pub(crate) use clerk::ReportClerk;
pub use samples::{NotTaken, Samples};

/// What calls are answered from.
pub(crate) struct ReportApi {
    counter: Counter<ReportClerk>,
    journal: Arc<dyn Journal>,
    samples: Option<Arc<dyn Samples>>,
    config: Config,
}

/// The calls, and the loop that keeps what they are answered from.
pub(crate) fn reports(
    journal: &Arc<dyn Journal>,
    latch: Latch,
    samples: Option<Arc<dyn Samples>>,
    config: &Config,
) -> (ReportApi, DeskRunner<ReportClerk>) {
    let (counter, runner) = desk::desk(Arc::clone(journal), latch, config.desk(), ReportClerk::default);
    (ReportApi { counter, journal: Arc::clone(journal), samples, config: config.clone() }, runner)
}

impl ReportApi {
    /// Waits until what is news is on record, and what is a sample is in the telemetry journal.
    pub(crate) async fn submit(&self, request: v1::SubmitReportRequest) -> Result<v1::SubmitReportResponse, Failure> {
        let answered = self.counter.ask(submit::check(request, self.journal.now())?).await?;
        if let Some((sample, taker)) = answered.sample.as_ref().zip(self.samples.as_ref()) {
            let taking = taker.take(samples::topic(sample), samples::payload(sample));
            match timeout(self.config.wait_limit, taking).await {
                Ok(Ok(())) => counter!(REPORT_SAMPLES).increment(1),
                Ok(Err(error)) => return Err(not_taken(&error.to_string())),
                Err(_) => return Err(not_taken("it takes too long")),
            }
        }
        Ok(answered.response)
    }
}

fn not_taken(why: &str) -> Failure {
    let message = format!("the sample is not in the journal yet: {why}; repeat with the same request_id");
    Failure::new(ErrorKind::Unavailable, "sample_not_taken", message)
}
