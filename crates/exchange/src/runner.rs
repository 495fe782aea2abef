//! What feeds share, and the loops beside them: one keeps what is open, loads the committed cursors and tells how far feeds are
//! behind, others keep the warnings, make their pictures, take reports, and take the events of upstreams.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use desk::DeskRunner;
use journal::{Follower, Journal, JournalError, JournalId, Key, Level};
use metrics::gauge;
use model::{Epoch, ErrorKind, Position};
use parking_lot::{Mutex, RwLock};
use service::{Component, Latch, Shutdown};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::MissedTickBehavior;
use tracing::{error, info, warn};
use wire::Failure;

use crate::committed::Committed;
use crate::metrics::{FEEDS, LAG};
use crate::open::{Open, SharedOpen};
use crate::reports::ReportClerk;
use crate::tail::Tail;
use crate::upstream::Board;
use crate::warnings::WarningRunner;
use crate::{Config, ExchangeError, upstream, webhook};

/// What feeds share.
pub(crate) struct Hub {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) config: Config,
    pub(crate) shutdown: Shutdown,
    pub(crate) tail: Tail,
    pub(crate) open: Arc<RwLock<Open>>,
    pub(crate) committed: Committed,
    /// How far what is open is known; `None` before it is there.
    pub(crate) folded: watch::Sender<Option<Position>>,
    /// Whether the committed cursors are there.
    pub(crate) loaded: watch::Sender<bool>,
    seats: Mutex<Seats>,
    /// How it is with each upstream.
    pub(crate) upstreams: Board,
    /// What is wrong with webhooks, by name.
    troubles: Mutex<BTreeMap<String, String>>,
}

#[derive(Default)]
struct Seats {
    last: u64,
    taken: BTreeMap<u64, Taken>,
}

/// A seat that is taken.
struct Taken {
    /// The subscription's name; empty where it has none.
    name: String,
    position: Arc<AtomicU64>,
}

/// The open feeds of one subscription.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OpenFeeds {
    pub(crate) count: usize,
    /// How far the slowest is.
    pub(crate) slowest: Position,
}

/// A feed's place among the feeds; free again when it is dropped.
pub(crate) struct Seat {
    hub: Arc<Hub>,
    position: Arc<AtomicU64>,
    /// Which one, for logs.
    pub(crate) number: u64,
}

impl Seat {
    /// Notes how far the feed is.
    pub(crate) fn at(&self, position: Position) {
        self.position.store(position.0, Ordering::Relaxed);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.hub.seats.lock();
        seats.taken.remove(&self.number);
        tell_feeds(seats.taken.len());
    }
}

fn tell_feeds(feeds: usize) {
    gauge!(FEEDS).set(u32::try_from(feeds).unwrap_or(u32::MAX));
}

impl Hub {
    /// A seat for one more feed, if there is one.
    pub(crate) fn seat(self: &Arc<Self>, name: &str, position: Position) -> Result<Seat, Failure> {
        let mut seats = self.seats.lock();
        if seats.taken.len() >= self.config.feeds_max {
            let message = format!("{} feeds are open, more are not served; try again later", self.config.feeds_max);
            return Err(Failure::new(ErrorKind::Exhausted, "too_many_feeds", message));
        }
        seats.last += 1;
        let (number, position) = (seats.last, Arc::new(AtomicU64::new(position.0)));
        seats.taken.insert(number, Taken { name: name.to_owned(), position: Arc::clone(&position) });
        tell_feeds(seats.taken.len());
        Ok(Seat { hub: Arc::clone(self), position, number })
    }

    /// Notes what is wrong with a webhook, or that nothing is any more; true where that is news.
    pub(crate) fn trouble(&self, webhook: &str, trouble: Option<String>) -> bool {
        let mut troubles = self.troubles.lock();
        match trouble {
            Some(trouble) => troubles.insert(webhook.to_owned(), trouble).is_none(),
            None => troubles.remove(webhook).is_some(),
        }
    }

    /// What is wrong with webhooks and upstreams, in words.
    fn troubled(&self) -> Option<String> {
        let webhooks = self.troubles.lock();
        let webhooks = webhooks.iter().map(|(webhook, trouble)| format!("webhook {webhook}: {trouble}"));
        in_words(webhooks.chain(self.upstreams.troubled()).collect())
    }

    /// Records that the slowest feed is behind.
    fn lag(&self) -> u64 {
        let durable = self.journal.bounds(JournalId::Events).durable.0;
        let seats = self.seats.lock();
        seats.taken.values().map(|it| durable.saturating_sub(it.position.load(Ordering::Relaxed))).max().unwrap_or(0)
    }

    /// The open feeds that have a name, by it.
    pub(crate) fn open_feeds(&self) -> BTreeMap<String, OpenFeeds> {
        let mut open: BTreeMap<String, OpenFeeds> = BTreeMap::new();
        for taken in self.seats.lock().taken.values().filter(|it| !it.name.is_empty()) {
            let position = Position(taken.position.load(Ordering::Relaxed));
            let feeds = open.entry(taken.name.clone()).or_insert(OpenFeeds { count: 0, slowest: position });
            feeds.count += 1;
            feeds.slowest = feeds.slowest.min(position);
        }
        open
    }
}

/// The loops beside the feeds.
pub struct ExchangeRunner {
    hub: Arc<Hub>,
    latch: Latch,
    desks: Desks,
}

/// The loops that say something themselves.
pub(crate) struct Desks {
    pub(crate) warnings: WarningRunner,
    pub(crate) reports: DeskRunner<ReportClerk>,
}

impl ExchangeRunner {
    pub(crate) fn new(
        journal: Arc<dyn Journal>,
        latch: Latch,
        desks: Desks,
        config: Config,
        shutdown: Shutdown,
    ) -> (Self, Arc<Hub>) {
        let committed = Committed::new(Arc::clone(&journal), config.subscriptions_max);
        let upstreams = Board::new(node(&config, journal.epoch()), &config.upstreams, journal.now());
        let hub = Arc::new(Hub {
            journal,
            config,
            shutdown,
            tail: Tail::default(),
            open: Arc::default(),
            committed,
            folded: watch::channel(None).0,
            loaded: watch::channel(false).0,
            seats: Mutex::default(),
            upstreams,
            troubles: Mutex::default(),
        });
        (Self { hub: Arc::clone(&hub), latch, desks }, hub)
    }

    /// Runs until the shutdown that the service was made with.
    pub async fn run(self) -> Result<(), ExchangeError> {
        let Self { hub, latch, desks } = self;
        let shutdown = hub.shutdown.clone();
        // Where one of them fails the others are dropped: what it has not kept as a snapshot it reads again.
        let warnings = async { desks.warnings.run(&shutdown).await.map_err(ExchangeError::Journal) };
        let reports = async { desks.reports.run(&shutdown).await.map_err(ExchangeError::Journal) };
        let upstreams = Box::pin(upstream::run(Arc::clone(&hub)));
        tokio::try_join!(Box::pin(Self::feed(hub, latch)), Box::pin(warnings), Box::pin(reports), upstreams).map(drop)
    }

    async fn feed(hub: Arc<Hub>, latch: Latch) -> Result<(), ExchangeError> {
        hub.committed.load().await?;
        hub.loaded.send_replace(true);
        let key = Key::new("exchange/open").map_err(ExchangeError::Journal)?;
        let starting = Follower::start(&*hub.journal, JournalId::Events, key, Level::Durable, || SharedOpen::anew(&hub.open));
        // Cancel-safe: a start that is dropped has changed nothing but the lists, which nobody was shown.
        let mut follower = tokio::select! {
            follower = starting => follower.map_err(ExchangeError::Journal)?,
            () = hub.shutdown.requested() => return Ok(()),
        };
        // The snapshot of the lists does not say where it stands; the follower does.
        hub.open.write().position = follower.position;
        hub.folded.send_replace(Some(follower.position));
        info!(position = follower.position.0, "exchange ready");
        let health = latch.release();
        let mut webhooks = JoinSet::new();
        for webhook in &hub.config.webhooks {
            webhooks.spawn(webhook::run(Arc::clone(&hub), webhook.clone()));
        }
        let followed = follow(&hub, &mut follower, &health).await.map_err(ExchangeError::Journal);
        if followed.is_err() {
            webhooks.abort_all();
        }
        while let Some(ended) = webhooks.join_next().await {
            if let Err(error) = ended.map_err(|error| (!error.is_cancelled()).then_some(error))
                && let Some(error) = error
            {
                error!(%error, "a webhook broke off");
            }
        }
        followed
    }
}

/// As the settings say, or by the journal: the same over restarts.
fn node(config: &Config, epoch: Epoch) -> String {
    config.node.clone().unwrap_or_else(|| format!("davy-{:08x}", epoch.0 >> 32))
}

async fn follow(hub: &Hub, follower: &mut Follower<SharedOpen>, health: &Component) -> Result<(), JournalError> {
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // At most one snapshot is being kept, beside the loop: who subscribes must not wait for a disk that is busy with the engines' snapshots.
    let mut saves = JoinSet::new();
    while !hub.shutdown.is_requested() {
        // Cancel-safe: waiting and ticking change nothing, and a snapshot that is kept is kept either way.
        tokio::select! {
            more = follower.more(&*hub.journal) => more?,
            Some(kept) = saves.join_next() => {
                note_kept(kept);
                continue;
            }
            _ = tick.tick() => {
                tell_health(hub, health);
                continue;
            }
            () = hub.shutdown.requested() => break,
        }
        follower.step(&*hub.journal).await?;
        hub.folded.send_replace(Some(follower.position));
        if saves.is_empty()
            && let Some(snapshot) = follower.snapshot_due(hub.config.snapshot_records)
        {
            let journal = Arc::clone(&hub.journal);
            saves.spawn(async move { journal.put_snapshot(snapshot).await });
        }
    }
    while let Some(kept) = saves.join_next().await {
        note_kept(kept);
    }
    follower.snapshot_every(&*hub.journal, 1).await
}

fn note_kept(kept: Result<Result<(), JournalError>, JoinError>) {
    let error = match kept {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    warn!(error, "a snapshot of open alarms and warnings was not kept");
}

/// Troubles that health says one by one.
const TROUBLES_SAID: usize = 8;

fn in_words(mut troubles: Vec<String>) -> Option<String> {
    let more = troubles.len().saturating_sub(TROUBLES_SAID);
    troubles.truncate(TROUBLES_SAID);
    if more > 0 {
        troubles.push(format!("and {more} more"));
    }
    (!troubles.is_empty()).then(|| troubles.join("; "))
}

fn tell_health(hub: &Hub, health: &Component) {
    gauge!(LAG).set(u32::try_from(hub.lag()).unwrap_or(u32::MAX));
    hub.upstreams.tell(hub.journal.now());
    match hub.tail.unreadable() {
        0 => hub.troubled().map_or_else(|| health.ready(), |trouble| health.degraded(trouble)),
        unreadable => health.degraded(format!("{unreadable} records of events could not be read and were passed over")),
    }
}

#[cfg(test)]
mod tests {
    use super::{TROUBLES_SAID, in_words};

    #[test]
    fn troubles_are_said_one_by_one_up_to_a_bound() {
        let troubles = |count: usize| (1..=count).map(|n| format!("webhook {n}: away")).collect();
        assert_eq!(in_words(troubles(0)), None);
        assert_eq!(in_words(troubles(2)).as_deref(), Some("webhook 1: away; webhook 2: away"));
        let all = in_words(troubles(TROUBLES_SAID)).expect("some");
        assert!(all.ends_with("webhook 8: away"), "{all}");
        let more = in_words(troubles(TROUBLES_SAID + 3)).expect("some");
        assert!(more.starts_with(&all) && more.ends_with("; and 3 more"), "{more}");
    }
}
