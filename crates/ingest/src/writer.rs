//! The one task that appends to telemetry for ingest: rounds, source outages, idle ticks; so their order is one order.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::try_join_all;
use journal::{Append, Journal, JournalError, JournalId, Key, Level, ReadLimit};
use model::{Body, Partition, Position, SourceId, Span, Time};
use service::Shutdown;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{debug, info, warn};

use crate::IngestError;
use crate::acks::Settled;
use crate::inbox::Inbox;
use crate::index::SiteIndex;
use crate::intake::Intake;
use crate::link::Arrival;
use crate::report::GatewayReport;

/// Deliveries of one round at most.
const ROUND_DELIVERIES: usize = 2_000;
/// Payload bytes after which a round is closed.
const ROUND_BYTES: usize = 1024 * 1024;
/// A partition silent for this long gets a tick.
const SILENCE: Span = Span::from_secs(1);
/// A partition in which nothing was journaled for longer than this was not supervised: this process stood still.
const UNSUPERVISED: Span = Span::from_secs(3);
/// How often silence is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(200);

pub(crate) struct Writer {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) key: Key,
    pub(crate) intake: Intake,
    pub(crate) arrivals: Inbox,
    pub(crate) sites: watch::Receiver<Arc<SiteIndex>>,
    /// Bounded: while rounds wait for durability the next one grows (group commit by nature).
    pub(crate) settled: mpsc::Sender<Settled>,
    partitions: BTreeSet<Partition>,
    /// Who asked how gateways are doing since the last look; `push` bounds them.
    asking: Vec<oneshot::Sender<Arc<[GatewayReport]>>>,
}

impl Writer {
    pub(crate) fn new(
        (journal, key): (Arc<dyn Journal>, Key),
        intake: Intake,
        arrivals: Inbox,
        sites: watch::Receiver<Arc<SiteIndex>>,
        settled: mpsc::Sender<Settled>,
    ) -> Self {
        Self { journal, key, intake, arrivals, sites, settled, partitions: BTreeSet::new(), asking: Vec::new() }
    }

    /// Writes until the link ends or shutdown is requested, then what still waits.
    pub(crate) async fn run(mut self, shutdown: Shutdown) -> Result<(), IngestError> {
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut arrived, mut open, mut more) = (Vec::with_capacity(ROUND_DELIVERIES), true, true);
        while open || more {
            // Every arm is cancel-safe: a token, a watch's version, an interval and `recv_many` lose nothing when dropped.
            // In this order, so that deliveries without end hold back neither ticks nor sites.
            tokio::select! {
                biased;
                () = shutdown.requested(), if open => {
                    open = false;
                    self.arrivals.close();
                }
                Ok(()) = self.sites.changed() => {
                    let index = self.sites.borrow_and_update().clone();
                    self.adopt(index).await?;
                }
                _ = look.tick() => self.look_after(&mut arrived).await?,
                // A link without publishers ends, supervision by ticks does not.
                count = self.arrivals.recv_many(&mut arrived, ROUND_DELIVERIES), if more => {
                    more = count > 0;
                    self.take(&mut arrived).await?;
                }
            }
        }
        let now = self.journal.now();
        self.intake.take_due(now, true);
        self.intake.hosting.end_local();
        self.flush().await
    }

    /// A start counts as down for every source, before anything else of this run.
    pub(crate) async fn start(&mut self) -> Result<(), IngestError> {
        let partitions = self.intake.index().partitions.clone();
        for partition in &partitions {
            if let Some(since) = self.last_supervised(*partition).await? {
                self.intake.hosting.missed.note([*partition], since);
            }
        }
        self.cover(partitions).await?;
        self.intake.resume(self.journal.now());
        self.flush().await
    }

    /// When an earlier run was last there; `None` where there was none. A start may be said already (`mark_start`).
    async fn last_supervised(&self, partition: Partition) -> Result<Option<Time>, IngestError> {
        let id = JournalId::Telemetry(partition);
        let bounds = self.journal.bounds(id);
        let after = Position(bounds.appended.0.saturating_sub(1));
        let limit = ReadLimit { records: 1, ..ReadLimit::default() };
        let newest = match self.journal.read(id, after, Level::Appended, limit).await {
            // The time alone is known then.
            Err(JournalError::Trimmed { .. } | JournalError::Corrupt { .. }) => Vec::new(),
            read => read.map_err(IngestError::journal("read when an earlier run ended"))?,
        };
        let since = match newest.first().map(|it| wire::decode_body(&it.body)) {
            Some(Ok(Body::SourceDown { source, since, .. })) if source == SourceId::all() => since,
            _ => bounds.last_time,
        };
        Ok(Some(since).filter(|since| *since > Time::MIN))
    }

    async fn adopt(&mut self, index: Arc<SiteIndex>) -> Result<(), IngestError> {
        self.flush().await?;
        let partitions = index.partitions.clone();
        info!(revision = index.revision.0, gateways = index.gateway_count(), "site revision taken");
        self.intake.adopt(index);
        self.cover(partitions).await
    }

    /// Tells partitions that are new to this run where the sources stand.
    async fn cover(&mut self, partitions: BTreeSet<Partition>) -> Result<(), IngestError> {
        let now = self.journal.now();
        for partition in partitions.difference(&self.partitions) {
            let last = self.journal.bounds(JournalId::Telemetry(*partition)).last_time;
            let since = if last == Time::MIN { now } else { last };
            self.outage(*partition, since, "start").await?;
        }
        self.partitions = partitions;
        Ok(())
    }

    async fn take(&mut self, arrived: &mut Vec<Arrival>) -> Result<(), IngestError> {
        self.own_up_to_standstill().await?;
        let now = self.journal.now();
        for arrival in arrived.drain(..) {
            match arrival {
                Arrival::Delivery(delivery) => {
                    self.intake.take(delivery, now);
                    if self.intake.round().payload_bytes() >= ROUND_BYTES {
                        self.flush().await?;
                    }
                }
                Arrival::Up { source, session_lost } => self.intake.source_up(&source, session_lost, now),
                Arrival::Down { source, since, reason } => self.intake.source_down(&source, since, &reason, now),
                Arrival::Loss { source, from, to, reason, messages } => self.intake.loss(&source, (from, to), &reason, messages),
                Arrival::Report(asked) => self.asking.push(asked),
            }
        }
        self.flush().await
    }

    /// Ticks come after what already waits: a delay must not run out while the sample that breaks it stands in the queue.
    async fn look_after(&mut self, arrived: &mut Vec<Arrival>) -> Result<(), IngestError> {
        self.arrivals.take_waiting(arrived);
        self.take(arrived).await?;
        let now = self.journal.now();
        self.intake.take_due(now, false);
        self.flush().await?;
        self.answer(now);
        let silent =
            |partition: &&Partition| now.since(self.journal.bounds(JournalId::Telemetry(**partition)).last_time) >= SILENCE;
        let silent: BTreeSet<_> = self.partitions.iter().filter(silent).copied().collect();
        self.append_to_all(&silent, &Body::Tick).await
    }

    /// One report for all who asked: it goes through all that is known of every gateway, and alarms wait meanwhile.
    fn answer(&mut self, now: Time) {
        self.asking.retain(|asked| !asked.is_closed());
        if self.asking.is_empty() {
            return;
        }
        let report: Arc<[GatewayReport]> = self.intake.report(now).into();
        for asked in self.asking.drain(..) {
            if asked.send(Arc::clone(&report)).is_err() {
                debug!("a report was asked for and not awaited");
            }
        }
    }

    /// Where nothing was journaled for more than three seconds nothing was supervised: neither silence nor delays count there, so it is
    /// told as an outage before anything else is.
    async fn own_up_to_standstill(&self) -> Result<(), IngestError> {
        let now = self.journal.now();
        for partition in &self.partitions {
            let id = JournalId::Telemetry(*partition);
            let since = self.journal.bounds(id).last_time;
            if now.since(since) <= UNSUPERVISED {
                continue;
            }
            warn!(
                partition = partition.0,
                since = since.micros(),
                now = now.micros(),
                "not supervised for a while: this process stood still"
            );
            self.outage(*partition, since, "davy stood still").await?;
        }
        Ok(())
    }

    /// Tells a partition that nothing was supervised since then, and which sources are up now.
    async fn outage(&self, partition: Partition, since: Time, reason: &str) -> Result<(), IngestError> {
        let down = Body::SourceDown { source: SourceId::all(), since, reason: reason.to_owned() };
        let bodies = std::iter::once(down).chain(self.intake.ups(partition)).map(|body| wire::encode_body(&body)).collect();
        self.append(JournalId::Telemetry(partition), bodies).await.map(drop)
    }

    async fn append_to_all(&self, partitions: &BTreeSet<Partition>, body: &Body) -> Result<(), IngestError> {
        let body = wire::encode_body(body);
        let append = |partition: &Partition| self.append(JournalId::Telemetry(*partition), vec![body.clone()]);
        try_join_all(partitions.iter().map(append)).await.map(drop)
    }

    /// Appends the round and hands its acknowledgements on.
    async fn flush(&mut self) -> Result<(), IngestError> {
        if self.intake.round().is_empty() {
            return Ok(());
        }
        let round = self.intake.finish();
        let parts = round.parts.into_iter().map(|(partition, part)| (JournalId::Telemetry(partition), part.into_bodies()));
        let dead = round.dead.iter().map(wire::DeadLetter::encode).collect::<Vec<_>>();
        let appends = parts.chain([(JournalId::Dead, dead)]).filter(|(_, bodies)| !bodies.is_empty());
        let waits = try_join_all(appends.map(|(journal, bodies)| self.append(journal, bodies))).await?;
        let settled = Settled { waits, acks: round.acks, receipts: round.receipts, since: round.since };
        self.settled.send(settled).await.map_err(|_| {
            warn!("acknowledging ended before writing");
            IngestError::Ended { part: "acknowledging" }
        })
    }

    async fn append(&self, journal: JournalId, bodies: Vec<Bytes>) -> Result<(JournalId, Position), IngestError> {
        let append = Append { journal, key: self.key.clone(), fence: None, bodies };
        let appended = self.journal.append(append).await.map_err(IngestError::journal("append what came in"))?;
        Ok((journal, appended.last))
    }
}
