//! The newest values of a few points, read backwards from the end of their partitions.
//!
//! Limits: 10 minutes of journal time and 20,000 records of each partition, in reads of 256 records, until a deadline of the caller. What
//! was not found by then is said to be so.

use std::collections::BTreeMap;

use journal::{Journal, JournalError, JournalId, JournalRecord, Level, ReadLimit};
use model::{Body, Partition, PointId, PointNumber, Position, Sample, Span, Time};
use tokio::time::{Instant, timeout_at};
use tracing::warn;
use zone::{Reading, Readings};

/// Older records say nothing of now.
const LOOK_BACK: Span = Span::from_secs(600);
const RECORDS_MAX: u64 = 20_000;
const CHUNK: u64 = 256;

/// A point, and where its samples stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tap {
    pub(crate) point: PointId,
    pub(crate) number: PointNumber,
    pub(crate) partition: Partition,
}

/// The newest values at a moment of journal time.
pub(crate) async fn read(journal: &dyn Journal, taps: &[Tap], now: Time, deadline: Instant) -> Readings {
    let mut partitions: BTreeMap<u8, BTreeMap<PointNumber, PointId>> = BTreeMap::new();
    for tap in taps {
        partitions.entry(tap.partition.0).or_default().insert(tap.number, tap.point.clone());
    }
    let mut readings: Readings = taps.iter().map(|tap| (tap.point.clone(), Reading::NotRead)).collect();
    for (partition, points) in partitions {
        let mut search = Search { missing: points, now };
        let journal_id = JournalId::Telemetry(Partition(partition));
        let end = timeout_at(deadline, search.back(journal, journal_id, &mut readings)).await;
        match end {
            Ok(Ok(())) => readings.extend(search.missing.into_values().map(|point| (point, Reading::NotSeen))),
            Ok(Err(error)) => warn!(%error, partition, "telemetry cannot be read for a picture; its values are unknown"),
            Err(_) => warn!(partition, "telemetry was not read in time for a picture; what was not found yet is unknown"),
        }
    }
    readings
}

/// One partition, and what of it was not found yet.
struct Search {
    missing: BTreeMap<PointNumber, PointId>,
    now: Time,
}

impl Search {
    /// Reads backwards until everything is found, or there is nothing more to find.
    async fn back(&mut self, journal: &dyn Journal, id: JournalId, readings: &mut Readings) -> Result<(), JournalError> {
        let bounds = journal.bounds(id);
        let lowest = bounds.first.0.max(bounds.durable.0.saturating_sub(RECORDS_MAX).saturating_add(1));
        let mut end = bounds.durable.0;
        while end >= lowest && end > 0 && !self.missing.is_empty() {
            let start = end.saturating_sub(CHUNK - 1).max(lowest);
            let records = match chunk(journal, id, start, end).await {
                Ok(records) => records,
                // Retention went past it meanwhile: there is nothing older.
                Err(JournalError::Trimmed { .. }) => return Ok(()),
                Err(error) => return Err(error),
            };
            for record in records.iter().rev() {
                if self.now.since(record.time) > LOOK_BACK || self.missing.is_empty() {
                    return Ok(());
                }
                self.look(record, readings);
            }
            end = start - 1;
        }
        Ok(())
    }

    fn look(&mut self, record: &JournalRecord, readings: &mut Readings) {
        // What cannot be read is the engine's to tell; an older record may still say something.
        let Ok(Body::Batch(batch)) = wire::decode_body(&record.body) else { return };
        for sample in batch.samples.iter().rev() {
            if let Some(reading) = reading(sample, record.time)
                && let Some(point) = self.missing.remove(&sample.point)
            {
                readings.insert(point, reading);
            }
        }
    }
}

/// What a sample says of now; `None` for what was back-filled.
fn reading(sample: &Sample, recorded_at: Time) -> Option<Reading> {
    if sample.flags.historical {
        return None;
    }
    // A gateway's clock that is ahead does not make a value newer than its arrival.
    let at = sample.time.min(recorded_at);
    Some(sample.judged_value().map_or(Reading::Bad, |value| Reading::Value { value, at }))
}

/// The records from one position to another.
async fn chunk(journal: &dyn Journal, id: JournalId, start: u64, end: u64) -> Result<Vec<JournalRecord>, JournalError> {
    let mut records: Vec<JournalRecord> = Vec::new();
    let mut after = start - 1;
    while after < end {
        let more = journal.read(id, Position(after), Level::Durable, ReadLimit::default()).await?;
        let Some(last) = more.last() else { break };
        after = last.position.0;
        records.extend(more.into_iter().filter(|it| it.position.0 <= end));
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use model::{Quality, SampleFlags};

    use super::*;

    #[test]
    fn what_a_sample_says_of_now() {
        let at = |seconds| Time::YEAR_2000.plus(Span::from_secs(seconds));
        let sample = Sample::new(PointNumber(1), at(5), Some(2.5), Quality::Uncertain);
        assert_eq!(reading(&sample, at(7)), Some(Reading::Value { value: 2.5, at: at(5) }));
        assert_eq!(reading(&sample, at(3)), Some(Reading::Value { value: 2.5, at: at(3) }), "its clock is ahead");
        let bad = Sample { quality: Quality::Bad, ..sample };
        assert_eq!(reading(&bad, at(7)), Some(Reading::Bad), "an older good value is not the newest");
        let historical = Sample { flags: SampleFlags { historical: true, ..SampleFlags::default() }, ..sample };
        assert_eq!(reading(&historical, at(7)), None);
    }
}
