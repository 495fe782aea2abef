//! The loop: set after set of records from all journals into the store, each set one transaction with the positions it reaches.
//!
//! While a set is being written the next one is read and decoded, and as many are under way as the store takes at once. A set that names
//! points goes alone: no sample is stored before its point has a name.
//! Limits: pace.rs says how much a set holds. A set of little begins 50 ms after the last one, or later where one takes long, 500 ms at
//! most; after a set that could not take all there was the next begins at once. A store that fails is asked again after 100 ms, and then
//! after twice as long each time up to 5 s.

use std::sync::Arc;
use std::time::Duration;

use journal::{Journal, JournalError, JournalId};
use model::{Position, Time};
use service::{Component, Latch, Shutdown};
use store::{Store, StoreError, WriteBatch};
use tokio::time::Instant;

use crate::forget::Forgetting;
use crate::gather::{Gathered, Gatherer, Set};
use crate::lost::{self, Gap};
use crate::pace::{Backlog, Pace};
use crate::progress::Stored;
use crate::watch::{Place, Places, Watch, every_journal};
use crate::writes::{Writes, Written};
use crate::{HistorianError, metrics};

const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_millis(500);
const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// How long what is left may take at a stop; the next start goes on where this ends.
const DRAIN_WITHIN: Duration = Duration::from_secs(2);

/// From this lag on the health page says it.
const LAG_WORTH_SAYING_S: f64 = 30.0;

/// What stops a round.
#[derive(Debug)]
pub(crate) enum Fault {
    /// To be tried again.
    Store(StoreError),
    /// Not to be.
    Fatal(HistorianError),
}

/// The loop that brings journals into the store.
pub(crate) struct Rows {
    journal: Arc<dyn Journal>,
    store: Arc<dyn Store>,
    stored: Arc<Stored>,
    /// `None` where only the store knows: at the start, and after every failure.
    places: Option<Places>,
    gatherer: Gatherer,
    writes: Writes,
    pace: Pace,
    watch: Watch,
    forgetting: Forgetting,
    backlog: Backlog,
    latch: Option<Latch>,
    health: Component,
}

impl Rows {
    pub(crate) fn new(journal: Arc<dyn Journal>, store: Arc<dyn Store>, stored: Arc<Stored>, latch: Latch) -> Self {
        let health = latch.component().clone();
        Self {
            gatherer: Gatherer::new(Arc::clone(&journal)),
            writes: Writes::new(Arc::clone(&store)),
            watch: Watch::new(store.lanes()),
            journal,
            store,
            stored,
            places: None,
            pace: Pace::default(),
            forgetting: Forgetting::default(),
            backlog: Backlog::default(),
            latch: Some(latch),
            health,
        }
    }

    /// Stores what is durable until shutdown, and then what is left, for two seconds at most. Ends early only where the journal is
    /// gone or the store holds the history of another one.
    pub(crate) async fn serve(mut self, shutdown: Shutdown) -> Result<(), HistorianError> {
        metrics::describe();
        store::describe_metrics();
        let mut failing = Failing::default();
        let mut drain_until = None;
        loop {
            if shutdown.is_requested() {
                drain_until.get_or_insert(Instant::now() + DRAIN_WITHIN);
            }
            let started = Instant::now();
            match self.round().await {
                Ok(behind) => {
                    failing.over();
                    self.backlog.took(behind, started.into_std());
                    self.look();
                    if drain_until.is_some_and(|until| !behind || Instant::now() >= until) {
                        return Ok(());
                    }
                    if !behind {
                        self.pause(started.elapsed(), &shutdown).await;
                    }
                }
                Err(Fault::Fatal(HistorianError::Journal(JournalError::Closed))) if drain_until.is_some() => return Ok(()),
                Err(Fault::Fatal(error)) => return Err(error),
                Err(Fault::Store(error)) => {
                    self.look();
                    let wait = failing.again(&error, &self.health, self.latch.is_none(), self.watch.risk());
                    if drain_until.is_some() {
                        tracing::warn!("stopping with records not yet stored; the next start goes on there");
                        return Ok(());
                    }
                    sleep(wait, &shutdown).await;
                }
            }
        }
    }

    /// Takes one set; true where more is there.
    async fn round(&mut self) -> Result<bool, Fault> {
        let round = self.try_round().await;
        if round.is_err() {
            // A write may have been carried out all the same: the store says how far it is.
            self.places = None;
            self.pace.failed();
        }
        round
    }

    async fn try_round(&mut self) -> Result<bool, Fault> {
        if self.places.is_none() {
            self.load().await?;
        }
        let more = match self.gatherer.gather(self.pace.rows()).await? {
            Gathered::Gap(gap) => {
                self.settle_all().await?;
                self.step_over(&gap).await?;
                true
            }
            Gathered::Set(set) if set.batches.is_empty() => {
                self.settle_all().await?;
                false
            }
            Gathered::Set(set) => self.begin(set).await?,
        };
        // Last: the store has to keep up with what comes before it looks after what is old.
        self.forgetting.step(&*self.journal, &*self.store).await;
        Ok(more)
    }

    async fn begin(&mut self, set: Set) -> Result<bool, Fault> {
        let (more, alone) = (set.more, set.names_points());
        let room = if alone { 0 } else { self.watch.lanes - 1 };
        while self.writes.len() > room {
            self.settle().await?;
        }
        self.writes.begin(set);
        #[expect(clippy::cast_precision_loss, reason = "a gauge of a handful")]
        ::metrics::gauge!(metrics::UNDER_WAY).set(self.writes.len() as f64);
        if alone || !more {
            self.settle_all().await?;
        }
        Ok(more)
    }

    async fn settle_all(&mut self) -> Result<(), Fault> {
        while self.writes.len() > 0 {
            self.settle().await?;
        }
        Ok(())
    }

    async fn settle(&mut self) -> Result<(), Fault> {
        let Some(settled) = self.writes.settle().await else { return Ok(()) };
        let Written { reached, rows, took } = settled?;
        self.pace.took(rows, took);
        for (journal, position, time, records) in reached {
            ::metrics::counter!(metrics::RECORDS, "journal" => metrics::label(journal)).increment(records);
            self.reached(journal, position, time);
        }
        Ok(())
    }

    /// Says what retention has dropped, and goes on behind it.
    async fn step_over(&mut self, gap: &Gap) -> Result<(), Fault> {
        lost::tell(&*self.journal, &*self.store, gap).await?;
        let Gap { journal, stored: after, time, .. } = *gap;
        let (name, epoch) = (journal.to_string(), self.journal.epoch());
        let batch = WriteBatch { journal: name, epoch, after, upto: gap.last(), time, ..WriteBatch::default() };
        self.store.write(&batch).await?;
        self.gatherer.reached(journal, batch.upto, time);
        self.reached(journal, batch.upto, time);
        Ok(())
    }

    /// Asks the store how far it is, and whether it belongs to this journal.
    async fn load(&mut self) -> Result<(), Fault> {
        let progress = self.store.progress().await?;
        let journal = self.journal.epoch();
        if let Some(stored) = progress.epoch.filter(|stored| *stored != journal) {
            return Err(Fault::Fatal(HistorianError::OtherEpoch { stored, journal }));
        }
        self.places = Some(Places::new());
        self.gatherer.restart();
        for id in every_journal() {
            let name = id.to_string();
            let Some(&(stored, time)) = progress.positions.get(&name) else { continue };
            let end = self.journal.bounds(id).appended;
            if stored > end {
                return Err(Fault::Fatal(HistorianError::Ahead { name, stored, end }));
            }
            self.gatherer.reached(id, stored, time);
            self.reached(id, stored, time);
        }
        if let Some(latch) = self.latch.take() {
            latch.release();
            self.say_store(progress.positions.len()).await?;
        }
        Ok(())
    }

    async fn say_store(&self, journals: usize) -> Result<(), Fault> {
        let store::Description { version, without, .. } = self.store.prepare().await?;
        tracing::info!(store = version, journals, "historian goes on where the store ends");
        for missing in without {
            tracing::warn!(missing, "the database does not do everything by itself");
        }
        Ok(())
    }

    fn place(&self, journal: JournalId) -> Place {
        self.places.as_ref().and_then(|places| places.get(&journal).copied()).unwrap_or(Place::START)
    }

    fn reached(&mut self, journal: JournalId, position: Position, time: Time) {
        let whole = position >= self.journal.bounds(journal).durable;
        let whole_at = if whole { self.journal.now() } else { self.place(journal).whole_at };
        if let Some(places) = &mut self.places {
            places.insert(journal, Place { position, time, whole_at });
        }
        self.stored.reached(journal, position);
    }

    /// Looks at how far behind the history is, and says it where somebody has to know.
    fn look(&mut self) {
        // After a failure only the store knows its places: what was known last is still the best there is.
        if let Some(places) = &self.places {
            self.watch.known.clone_from(places);
        }
        self.watch.look(&*self.journal);
        self.stored.samples_reached(self.watch.samples_to);
        self.stored.catches_up(self.backlog.is_there(self.watch.lag_s, Instant::now().into_std()));
        if self.places.is_none() {
            return;
        }
        if let Some((journal, why)) = self.gatherer.stuck() {
            self.health.degraded(format!("cannot read {journal}: {why}; alarms are not concerned"));
        } else if let Some(risk) = self.watch.risk() {
            self.health.degraded(risk);
        } else if self.watch.lag_s >= LAG_WORTH_SAYING_S {
            self.health.degraded(format!("history is {:.0} s behind; alarms are not concerned", self.watch.lag_s));
        } else {
            self.health.ready();
        }
    }

    async fn pause(&self, took: Duration, shutdown: &Shutdown) {
        let pause = (took * 3).clamp(PAUSE_MIN, PAUSE_MAX);
        // Every arm is cancel-safe: waits that change nothing when dropped.
        tokio::select! {
            () = shutdown.requested() => {}
            () = self.stored.wanted() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

pub(crate) async fn sleep(wait: Duration, shutdown: &Shutdown) {
    // Both arms are cancel-safe: waits that change nothing when dropped.
    tokio::select! {
        () = shutdown.requested() => {}
        () = tokio::time::sleep(wait) => {}
    }
}

/// A store that fails: said when it begins, changes its kind or ends, and not at every try.
#[derive(Default)]
struct Failing {
    since: Option<(Instant, Duration, model::ErrorKind)>,
}

impl Failing {
    /// How long to wait this time.
    fn again(&mut self, error: &StoreError, health: &Component, started: bool, risk: Option<String>) -> Duration {
        let kind = error.kind();
        let label = format!("{kind:?}").to_ascii_lowercase();
        ::metrics::counter!(metrics::STORE_FAILURES, "kind" => label).increment(1);
        let (since, wait, before) = self.since.unwrap_or((Instant::now(), RETRY_MIN, kind));
        if self.since.is_none() || before != kind {
            let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            tracing::error!(%error, cause, "store fails; history waits in the journal and is tried again, alarms go on");
        }
        let risk = risk.map(|risk| format!("; {risk}")).unwrap_or_default();
        let why = format!("history waits in the journal for {} s: {error}{risk}", since.elapsed().as_secs());
        // Never yet reached: the service would have nothing to answer from.
        if started {
            health.degraded(why)
        } else {
            health.unready(why)
        }
        self.since = Some((since, (wait * 2).min(RETRY_MAX), kind));
        wait
    }

    fn over(&mut self) {
        if let Some((since, ..)) = self.since.take() {
            tracing::warn!(after_s = since.elapsed().as_secs(), "store is back; history catches up");
        }
    }
}
