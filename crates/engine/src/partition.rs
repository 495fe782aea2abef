//! One partition: read, judge, write; the same loop replays at a start and follows afterwards.
//!
//! Outputs for inputs that `events` covers already are compared with what stands there and dropped; the record stands.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use alarm::{CORE_VERSION, Core};
use bytes::Bytes;
use journal::{Append, Journal, JournalError, JournalId, JournalRecord, Key, Level, ReadLimit};
use metrics::{counter, histogram};
use model::{Body, Event, EventBody, Header, KeySeq, Partition, Position, Record, ReplayDifference, RevisionNumber, Scope, Time};
use service::Shutdown;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{error, info, warn};
use wire::EventRecord;

use crate::metrics::{DELAY, DIFFERENCES, EVENTS, RECORDS, SNAPSHOTS, count_samples};
use crate::recorded::{Recorded, hash, hex};
use crate::{Config, EngineError, OnlineRates, snapshot};

/// Small enough that the outputs of its first record do not wait long for those of its last.
const READ: ReadLimit = ReadLimit { records: 512, bytes: 512 * 1024 };

/// Bytes of outputs that are written at once.
const WRITE_BYTES: usize = 4 * 1024 * 1024;

/// Differences told as events in one start; the rest is counted. A new version of the core may differ in every record.
const DIFFERENCES_TOLD_MAX: u64 = 1_000;

/// How far a partition is, for health.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    position: AtomicU64,
    time: AtomicI64,
    ready: AtomicBool,
    /// The ids that the core gives and those that the journal gives have come apart.
    apart: AtomicBool,
}

impl Progress {
    fn note(&self, position: Position, time: Time) {
        self.position.store(position.0, Ordering::Relaxed);
        self.time.store(time.micros(), Ordering::Relaxed);
    }

    pub(crate) fn position(&self) -> Position {
        Position(self.position.load(Ordering::Relaxed))
    }

    pub(crate) fn time(&self) -> Time {
        Time::from_micros(self.time.load(Ordering::Relaxed))
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    pub(crate) fn is_apart(&self) -> bool {
        self.apart.load(Ordering::Relaxed)
    }
}

/// The engine of one partition.
pub(crate) struct Engine {
    journal: Arc<dyn Journal>,
    config: Config,
    partition: Partition,
    input: JournalId,
    key: Key,
    core: Core,
    /// Outputs of former runs that the replay has not met yet; `None` once it has met them all.
    recorded: Option<Recorded>,
    /// Our count in `events`, as far as it is in the state of the core.
    key_seq: KeySeq,
    /// Where that output stands in `events`.
    events_position: Position,
    differences: u64,
    progress: Arc<Progress>,
    online: Arc<OnlineRates>,
    online_due: Instant,
    /// At most one snapshot is being kept.
    saves: JoinSet<Result<(), JournalError>>,
    saved: Position,
    save_due: Instant,
}

impl Engine {
    /// Restores the partition; `Core::apply` has seen nothing newer than its snapshot yet.
    pub(crate) async fn start(
        journal: Arc<dyn Journal>,
        partition: Partition,
        config: Config,
        progress: Arc<Progress>,
        online: Arc<OnlineRates>,
    ) -> Result<Self, EngineError> {
        let (input, key) = (JournalId::Telemetry(partition), Key::engine(partition));
        let until = journal.key_seq(JournalId::Events, &key);
        let restored = snapshot::restore(&*journal, partition).await?;
        let (key_seq, events_position) = (restored.key_seq, restored.events_position);
        let recorded = (key_seq < until).then(|| Recorded::new(key.clone(), events_position, key_seq, until));
        let saved = restored.core.position();
        let stagger = config.snapshot_interval.mul_f64(f64::from(u16::from(partition.0) + 1) / 256.0);
        // A fresh partition is as late as it was noticed, no later.
        progress.note(saved, restored.core.time().max(journal.bounds(input).last_time));
        info!(partition = partition.0, position = saved.0, "partition restored");
        Ok(Self {
            core: restored.core,
            recorded,
            key_seq,
            events_position,
            differences: 0,
            saves: JoinSet::new(),
            saved,
            save_due: Instant::now() + stagger,
            journal,
            config,
            partition,
            input,
            key,
            progress,
            online,
            online_due: Instant::now(),
        })
    }

    /// Replays, then follows until shutdown; what was written by then is still judged, and the state is kept.
    pub(crate) async fn run(mut self, shutdown: Shutdown, ready: impl FnOnce()) -> Result<(), EngineError> {
        self.catch_up(&shutdown).await?;
        if !shutdown.is_requested() {
            self.take_over().await?;
            self.progress.ready.store(true, Ordering::Release);
            ready();
            self.follow(&shutdown).await?;
            let end = self.journal.bounds(self.input).appended;
            while self.core.position() < end && self.step().await? > 0 {}
        }
        self.save_at_end().await
    }

    async fn catch_up(&mut self, shutdown: &Shutdown) -> Result<(), EngineError> {
        let end = self.journal.bounds(self.input).appended;
        while self.core.position() < end && !shutdown.is_requested() {
            if self.step().await? == 0 {
                break;
            }
            self.save_if_due();
            tokio::task::yield_now().await;
        }
        if shutdown.is_requested() { Ok(()) } else { self.end_replay().await }
    }

    /// Whatever is recorded and was not given again differs; then the two counts must agree.
    async fn end_replay(&mut self) -> Result<(), EngineError> {
        while let Some(recorded) = &mut self.recorded {
            let Some(written) = recorded.peek(&*self.journal).await? else {
                self.recorded = None;
                break;
            };
            if written.input > self.core.position() {
                let (journal, covered, end) = (self.input, written.input, self.core.position());
                return Err(EngineError::InputLost { journal, covered, end });
            }
            recorded.pop();
            (self.key_seq, self.events_position) = (written.key_seq, written.position);
            self.differs(written.input, written.key_seq, Some(written.hash), None).await?;
        }
        if self.core.key_seq() != self.key_seq {
            let (core, journal) = (self.core.key_seq().0, self.key_seq.0);
            error!(partition = self.partition.0, core, journal, "replay gave another number of outputs than recorded");
            self.progress.apart.store(true, Ordering::Relaxed);
            self.core.resume_key_seq(self.key_seq);
        }
        Ok(())
    }

    /// A new version of the core takes effect at a journaled position, with a snapshot before it.
    async fn take_over(&mut self) -> Result<(), EngineError> {
        if self.core.version() == CORE_VERSION {
            return Ok(());
        }
        self.save_at_end().await?;
        let fence = Some(self.journal.key_seq(self.input, &self.key));
        let bodies = vec![wire::encode_body(&Body::CoreVersion(CORE_VERSION))];
        info!(partition = self.partition.0, from = self.core.version(), to = CORE_VERSION, "core version takes effect");
        self.append(Append { journal: self.input, key: self.key.clone(), fence, bodies }).await.map(drop)
    }

    async fn follow(&mut self, shutdown: &Shutdown) -> Result<(), EngineError> {
        self.count_online();
        while !shutdown.is_requested() {
            if self.step().await? > 0 {
                self.count_online();
                self.save_if_due();
                tokio::task::yield_now().await;
                continue;
            }
            // Every arm is cancel-safe: `wait`, a token, a timer, and a join that takes nothing out until it is ready.
            tokio::select! {
                more = self.journal.wait(self.input, self.core.position(), Level::Appended) => drop(more.map_err(EngineError::of(self.input))?),
                () = shutdown.requested() => {}
                () = tokio::time::sleep_until(self.save_due), if self.core.position() != self.saved && self.saves.is_empty() => self.save_if_due(),
                Some(kept) = self.saves.join_next() => note_kept(self.partition, kept),
            }
        }
        Ok(())
    }

    /// Counts the points that deliver, if it is time.
    fn count_online(&mut self) {
        let now = Instant::now();
        if now >= self.online_due {
            self.online.take(self.partition, &self.core);
            self.online_due = now + self.config.online_interval;
        }
    }

    /// Judges the next records that are there now; says how many.
    async fn step(&mut self) -> Result<usize, EngineError> {
        let read = self.journal.read(self.input, self.core.position(), Level::Appended, READ).await;
        let records = read.map_err(EngineError::of(self.input))?;
        let counters = self.core.counters();
        let (mut bodies, mut events) = (Vec::new(), Vec::new());
        let (mut told, mut bytes) = (0, 0);
        for record in &records {
            self.core.apply(&decode(record)?, &mut events);
            if events.is_empty() {
                continue;
            }
            let events = std::mem::take(&mut events);
            let count = events.len() as u64;
            let output = EventRecord { input_position: record.position, epoch: record.epoch, events, ..EventRecord::default() };
            let body = wire::encode_event_record(&output);
            if !self.is_recorded(record.position, &body).await? {
                told += count;
                bytes += body.len();
                bodies.push(body);
            }
            // A flood goes out as it comes: one append must not hold up those of every other partition.
            if bytes > WRITE_BYTES {
                self.write(std::mem::take(&mut bodies), std::mem::take(&mut told)).await?;
                bytes = 0;
            }
        }
        self.write(bodies, told).await?;
        if let Some(last) = records.last() {
            self.note_progress(last, records.len());
            count_samples(counters, self.core.counters());
        }
        Ok(records.len())
    }

    fn note_progress(&self, last: &JournalRecord, count: usize) {
        self.progress.note(last.position, last.time);
        counter!(RECORDS).increment(count as u64);
    }

    /// Whether `events` covers this input already. Compares; what was written stands.
    async fn is_recorded(&mut self, input: Position, body: &Bytes) -> Result<bool, EngineError> {
        while let Some(recorded) = &mut self.recorded {
            let Some(written) = recorded.peek(&*self.journal).await? else {
                self.recorded = None;
                break;
            };
            if written.input > input {
                self.differs(input, self.core.key_seq(), None, Some(hash(body))).await?;
                return Ok(true);
            }
            recorded.pop();
            (self.key_seq, self.events_position) = (written.key_seq, written.position);
            if written.input < input {
                self.differs(written.input, written.key_seq, Some(written.hash), None).await?;
                continue;
            }
            let replayed = hash(body);
            if replayed != written.hash {
                self.differs(input, written.key_seq, Some(written.hash), Some(replayed)).await?;
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// Says that a replay gave something else than what is written.
    async fn differs(
        &mut self,
        input: Position,
        key_seq: KeySeq,
        recorded: Option<[u8; 32]>,
        replayed: Option<[u8; 32]>,
    ) -> Result<(), EngineError> {
        let (recorded_hash, replayed_hash) = (hex(recorded), hex(replayed));
        self.differences += 1;
        counter!(DIFFERENCES).increment(1);
        error!(
            partition = self.partition.0,
            input = input.0,
            key_seq = key_seq.0,
            recorded_hash,
            replayed_hash,
            "replay differs"
        );
        if self.differences > DIFFERENCES_TOLD_MAX {
            return Ok(());
        }
        let body = ReplayDifference { partition: self.partition.0, input_position: input, key_seq, recorded_hash, replayed_hash };
        let event = Event {
            occurred_at: self.core.time(),
            subject: self.key.shared(),
            scope: Scope::default(),
            revision: self.core.revision().map_or(RevisionNumber(0), |it| it.number),
            body: EventBody::Replay(body),
        };
        let record = EventRecord { events: vec![event], ..EventRecord::default() };
        let key = Key::new(&format!("replay/{}", self.partition)).map_err(EngineError::of(self.input))?;
        let bodies = vec![wire::encode_event_record(&record)];
        self.append(Append { journal: JournalId::Events, key, fence: None, bodies }).await.map(drop)
    }

    /// Writes new outputs behind the fence (traps 71). Nothing waits here for durability: whoever reads `events` does.
    async fn write(&mut self, bodies: Vec<Bytes>, events: u64) -> Result<(), EngineError> {
        if bodies.is_empty() {
            return Ok(());
        }
        let append = Append { journal: JournalId::Events, key: self.key.clone(), fence: Some(self.key_seq), bodies };
        let appended = self.append(append).await?;
        (self.key_seq, self.events_position) = (appended.key_seq, appended.last);
        counter!(EVENTS).increment(events);
        let delay = self.journal.now().since(self.core.time()).micros();
        histogram!(DELAY).record(std::time::Duration::from_micros(u64::try_from(delay).unwrap_or(0)).as_secs_f64());
        Ok(())
    }

    async fn append(&self, append: Append) -> Result<journal::Appended, EngineError> {
        self.journal.append(append).await.map_err(EngineError::of(self.input))
    }

    /// Takes the state now and keeps it beside the loop: syncing a snapshot must not hold back an alarm.
    fn save_if_due(&mut self) {
        while let Some(kept) = self.saves.try_join_next() {
            note_kept(self.partition, kept);
        }
        let records = self.core.position().0 - self.saved.0;
        let due = records >= self.config.snapshot_records || Instant::now() >= self.save_due;
        if !due || records == 0 || !self.saves.is_empty() {
            return;
        }
        let snapshot = snapshot::take(&self.core, self.partition, self.key_seq, self.events_position);
        self.saves.spawn(snapshot::keep(Arc::clone(&self.journal), snapshot, self.events_position));
        self.saved = self.core.position();
        self.save_due = Instant::now() + self.config.snapshot_interval;
    }

    async fn save_at_end(&mut self) -> Result<(), EngineError> {
        while let Some(kept) = self.saves.join_next().await {
            note_kept(self.partition, kept);
        }
        if self.core.position() == self.saved {
            return Ok(());
        }
        let snapshot = snapshot::take(&self.core, self.partition, self.key_seq, self.events_position);
        let kept = snapshot::keep(Arc::clone(&self.journal), snapshot, self.events_position).await;
        kept.map_err(EngineError::of(self.input))?;
        counter!(SNAPSHOTS, "outcome" => "kept").increment(1);
        self.saved = self.core.position();
        Ok(())
    }
}

/// A snapshot that could not be kept costs a longer replay, not an alarm: the next one is tried when it is due.
fn note_kept(partition: Partition, kept: Result<Result<(), JournalError>, tokio::task::JoinError>) {
    let failed = match kept {
        Ok(Ok(())) => return counter!(SNAPSHOTS, "outcome" => "kept").increment(1),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    counter!(SNAPSHOTS, "outcome" => "failed").increment(1);
    warn!(partition = partition.0, error = failed, "a snapshot was not kept");
}

fn decode(record: &JournalRecord) -> Result<Record, EngineError> {
    let body = wire::decode_body(&record.body).map_err(|source| EngineError::Undecodable {
        journal: record.journal,
        position: record.position,
        source,
    })?;
    let header = Header { position: record.position, time: record.time, epoch: record.epoch };
    Ok(Record { header, body })
}
