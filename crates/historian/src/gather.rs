//! What the next transaction brings: records of as many journals as it has room for, `events` first, then the partitions in turn.
//!
//! Limits: one read takes `READ_BYTES_MIN` to `READ_BYTES_MAX` of one journal, so that no partition keeps the others waiting; more than
//! `DECODE_HERE_BYTES` are decoded on a thread of their own, so that the loops of others go on.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use journal::{Journal, JournalError, JournalId, JournalRecord, Level, ReadLimit};
use model::{Position, Time};
use store::WriteBatch;

use crate::lost::Gap;
use crate::{HistorianError, convert};

/// A sample takes about so many bytes in the journal; a set has room for a number of samples, whatever it holds.
const SAMPLE_BYTES: usize = 20;

const READ_RECORDS: usize = 16_384;
const READ_BYTES_MIN: usize = 192 * 1_024;
const READ_BYTES_MAX: usize = 1_024 * 1_024;
const DECODE_HERE_BYTES: usize = 16 * 1_024;

/// What one transaction brings.
#[derive(Debug, Default)]
pub(crate) struct Set {
    /// By journal, each what follows what was taken before.
    pub(crate) batches: BTreeMap<JournalId, WriteBatch>,
    /// Records of each journal.
    pub(crate) records: BTreeMap<JournalId, u64>,
    /// Bytes of their bodies.
    pub(crate) bytes: usize,
    /// More is there already.
    pub(crate) more: bool,
}

impl Set {
    /// Whether points are named in it: their samples must not overtake them.
    pub(crate) fn names_points(&self) -> bool {
        self.batches.values().any(|batch| !batch.points.is_empty())
    }

    /// As many samples as its bytes would hold.
    pub(crate) const fn rows(&self) -> usize {
        self.bytes / SAMPLE_BYTES
    }

    fn add(&mut self, journal: JournalId, batch: WriteBatch, records: u64, bytes: usize) {
        self.bytes += bytes;
        *self.records.entry(journal).or_default() += records;
        match self.batches.get_mut(&journal) {
            Some(before) => convert::join(before, batch),
            None => drop(self.batches.insert(journal, batch)),
        }
    }
}

/// What is to be done next.
#[derive(Debug)]
pub(crate) enum Gathered {
    /// Store this.
    Set(Set),
    /// Retention has dropped what would come next.
    Gap(Gap),
}

/// What one look at a journal found.
enum Taken {
    /// Some, and more is there.
    More,
    /// All there is, or nothing that can be read.
    All,
    Gap(Gap),
}

/// Goes through the journals, ahead of what is stored.
pub(crate) struct Gatherer {
    journal: Arc<dyn Journal>,
    /// Up to where each journal was taken, and the journal time of the record there.
    taken: BTreeMap<JournalId, (Position, Time)>,
    /// Journals that could not be read last time, and why.
    stuck: BTreeMap<JournalId, String>,
    /// The partition that was looked at last.
    last: Option<JournalId>,
}

impl Gatherer {
    pub(crate) fn new(journal: Arc<dyn Journal>) -> Self {
        Self { journal, taken: BTreeMap::new(), stuck: BTreeMap::new(), last: None }
    }

    /// Goes on after what is stored.
    pub(crate) fn restart(&mut self) {
        self.taken.clear();
    }

    /// Everything up to here is stored, or about to be.
    pub(crate) fn reached(&mut self, journal: JournalId, position: Position, time: Time) {
        self.taken.insert(journal, (position, time));
    }

    /// A journal that cannot be read, and why.
    pub(crate) fn stuck(&self) -> Option<(JournalId, &str)> {
        self.stuck.first_key_value().map(|(journal, why)| (*journal, why.as_str()))
    }

    /// The next set, with room for so many samples; an empty one where nothing is there.
    pub(crate) async fn gather(&mut self, rows: usize) -> Result<Gathered, HistorianError> {
        let (mut set, room) = (Set::default(), rows * SAMPLE_BYTES);
        // As far as it goes now: events that keep coming must not keep the samples waiting.
        let events = self.journal.bounds(JournalId::Events).durable;
        while self.at(JournalId::Events).0 < events {
            match self.take(&mut set, JournalId::Events, READ_BYTES_MIN).await? {
                Taken::Gap(gap) if set.batches.is_empty() => return Ok(Gathered::Gap(gap)),
                Taken::All | Taken::Gap(_) => break,
                Taken::More => {}
            }
            if set.names_points() || set.bytes >= room {
                break;
            }
        }
        if set.names_points() || set.bytes >= room {
            set.more = true;
            return Ok(Gathered::Set(set));
        }
        self.take_in_turn(&mut set, room).await
    }

    async fn take_in_turn(&mut self, set: &mut Set, room: usize) -> Result<Gathered, HistorianError> {
        let mut waiting = self.waiting();
        while let Some(id) = waiting.pop_front() {
            if set.bytes >= room {
                set.more = true;
                break;
            }
            let share = room / (waiting.len() + 1);
            self.last = Some(id);
            match self.take(set, id, share.clamp(READ_BYTES_MIN, READ_BYTES_MAX)).await? {
                Taken::More => waiting.push_back(id),
                Taken::All => {}
                Taken::Gap(gap) if set.batches.is_empty() => return Ok(Gathered::Gap(gap)),
                // What was taken is stored first.
                Taken::Gap(_) => set.more = true,
            }
        }
        Ok(Gathered::Set(std::mem::take(set)))
    }

    /// Journals with records not yet taken, beginning after the one looked at last.
    fn waiting(&self) -> VecDeque<JournalId> {
        let partitions = self.journal.partitions().into_iter().map(JournalId::Telemetry);
        let all = partitions.chain([JournalId::Dead]).filter(|id| self.journal.bounds(*id).durable > self.at(*id).0);
        let (before, after): (Vec<_>, Vec<_>) = all.partition(|id| self.last.is_some_and(|last| *id <= last));
        after.into_iter().chain(before).collect()
    }

    fn at(&self, journal: JournalId) -> (Position, Time) {
        self.taken.get(&journal).copied().unwrap_or((Position(0), Time::MIN))
    }

    /// Takes the next records of one journal.
    async fn take(&mut self, set: &mut Set, journal: JournalId, bytes: usize) -> Result<Taken, HistorianError> {
        let (after, time) = self.at(journal);
        let limit = ReadLimit { records: READ_RECORDS, bytes };
        let records = match self.journal.read(journal, after, Level::Durable, limit).await {
            Ok(records) if records.is_empty() => return Ok(Taken::All),
            Ok(records) => records,
            Err(JournalError::Trimmed { first, .. }) => return Ok(Taken::Gap(Gap { journal, stored: after, time, first })),
            Err(error @ (JournalError::Corrupt { .. } | JournalError::Storage { .. })) => {
                self.pass_over(journal, &error);
                return Ok(Taken::All);
            }
            Err(error) => return Err(error.into()),
        };
        self.stuck.remove(&journal);
        let records = whole_moments(records, self.journal.bounds(journal).durable);
        let (count, bytes) = (records.len() as u64, records.iter().map(|record| record.body.len()).sum());
        let batch = self.decode(journal, after, records, bytes).await;
        self.reached(journal, batch.upto, batch.time);
        let more = batch.upto < self.journal.bounds(journal).durable;
        set.add(journal, batch, count, bytes);
        Ok(if more { Taken::More } else { Taken::All })
    }

    async fn decode(&self, journal: JournalId, after: Position, records: Vec<JournalRecord>, bytes: usize) -> WriteBatch {
        let epoch = self.journal.epoch();
        let decode = move || convert::batch(journal, epoch, after, &records);
        if bytes < DECODE_HERE_BYTES {
            return decode();
        }
        tokio::task::spawn_blocking(decode).await.expect("decoding neither panics nor is it cancelled")
    }

    /// A journal that cannot be read is passed over: the others go on, and so does the process. It is tried again each round, until it
    /// can be read or retention has passed it.
    fn pass_over(&mut self, journal: JournalId, error: &JournalError) {
        if !self.stuck.contains_key(&journal) {
            let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            tracing::error!(%error, cause, %journal, "journal cannot be read; its history waits, alarms go on");
        }
        self.stuck.insert(journal, error.to_string());
    }
}

/// All records of the last moment, or none of them where more of it may follow: of two writes under way the later one, if it shared a moment
/// with the earlier, would have to wait for that one's end.
fn whole_moments(mut records: Vec<JournalRecord>, durable: Position) -> Vec<JournalRecord> {
    if let Some(last) = records.last().filter(|last| last.position < durable) {
        let time = last.time;
        let earlier = records.partition_point(|record| record.time < time);
        // One moment that is larger than a read is taken in parts.
        records.truncate(if earlier > 0 { earlier } else { records.len() });
    }
    records
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use journal::{Key, RecordKind};
    use model::{Epoch, KeySeq, Partition, Span};

    use super::*;

    #[test]
    fn a_moment_is_taken_whole_or_not_at_all() {
        let record = |(position, second): (u64, i64)| JournalRecord {
            journal: JournalId::Telemetry(Partition(1)),
            position: Position(position),
            epoch: Epoch(1),
            time: Time::YEAR_2000.plus(Span::from_secs(second)),
            key: Key::new("ingest").expect("valid"),
            key_seq: KeySeq(position),
            kind: RecordKind::Data,
            body: Bytes::new(),
        };
        let taken = |seconds: &[i64], durable| {
            let records = (1..).zip(seconds.iter().copied()).map(record).collect();
            whole_moments(records, Position(durable)).len()
        };
        assert_eq!(taken(&[1, 2, 3, 3], 9), 2, "more of the third may follow");
        assert_eq!(taken(&[1, 2, 3, 3], 4), 4, "it is the end of the journal");
        assert_eq!(taken(&[3, 3, 3], 9), 3, "larger than a read");
        assert_eq!(taken(&[], 9), 0);
    }
}
