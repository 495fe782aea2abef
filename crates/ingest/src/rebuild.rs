//! At the start: what earlier runs took, from the tail of telemetry.

use std::collections::VecDeque;
use std::sync::Arc;

use journal::{Journal, JournalId, Level, ReadLimit};
use model::{Batch, Body, Partition, Position};
use tracing::{debug, warn};

use crate::IngestError;
use crate::intake::Intake;
use crate::redelivery::MAX_REMEMBERED;

/// Positions read at once, newest window first.
const WINDOW: u64 = 256;
/// Body bytes read of all partitions together; each has its share, but at least `MIN_BYTES`.
const TOTAL_BYTES: usize = 512 * 1024 * 1024;
const MIN_BYTES: usize = 4 * 1024 * 1024;

/// Recalls the deliveries of the newest records of each partition: as many as a gateway's ring holds, or as the bytes allow.
/// A broker can redeliver no more than the Receive Maximum of them.
pub(crate) async fn recall(journal: &Arc<dyn Journal>, intake: &mut Intake) -> Result<(), IngestError> {
    let partitions = intake.index().partitions.clone();
    let bytes = (TOTAL_BYTES / partitions.len().max(1)).max(MIN_BYTES);
    for partition in partitions {
        let batches = tail(journal, partition, bytes).await.map_err(IngestError::journal("read what was taken before"))?;
        debug!(%partition, batches = batches.len(), "deliveries recalled");
        for batch in batches {
            intake.recall(partition, &batch, journal.now());
        }
    }
    Ok(())
}

/// The newest batches, oldest first.
async fn tail(
    journal: &Arc<dyn Journal>,
    partition: Partition,
    mut bytes: usize,
) -> Result<VecDeque<Batch>, journal::JournalError> {
    let id = JournalId::Telemetry(partition);
    let bounds = journal.bounds(id);
    // A repeat may be acknowledged at once, so what it repeats must be durable.
    journal.durable(id, bounds.appended).await?;
    let (mut batches, mut messages) = (VecDeque::new(), 0);
    let mut end = bounds.appended.0;
    while end >= bounds.first.0 && end > 0 && messages < MAX_REMEMBERED && bytes > 0 {
        let start = end.saturating_sub(WINDOW).max(bounds.first.0.saturating_sub(1));
        let mut window = Vec::new();
        let mut after = start;
        while after < end {
            let limit = ReadLimit { records: usize::try_from(end - after).unwrap_or(usize::MAX), ..ReadLimit::default() };
            let records = match journal.read(id, Position(after), Level::Appended, limit).await {
                // Retention may pass while this reads.
                Err(journal::JournalError::Trimmed { .. }) => break,
                // What cannot be read cannot be recalled; alarms do not wait for that.
                Err(error @ journal::JournalError::Corrupt { .. }) => {
                    warn!(%error, %partition, "a damaged record: deliveries before it are not recalled, repeats of them may be taken again");
                    return Ok(batches);
                }
                read => read?,
            };
            let Some(last) = records.last() else { break };
            after = last.position.0;
            for record in records.iter().filter(|it| it.position.0 <= end) {
                bytes = bytes.saturating_sub(record.body.len());
                match wire::decode_body(&record.body) {
                    Ok(Body::Batch(batch)) => window.push(batch),
                    Ok(_) => {}
                    Err(error) => warn!(%error, %partition, position = record.position.0, "telemetry record skipped"),
                }
            }
        }
        messages += window.iter().map(|it| it.messages.len()).sum::<usize>();
        for batch in window.into_iter().rev() {
            batches.push_front(batch);
        }
        end = start;
    }
    Ok(batches)
}
