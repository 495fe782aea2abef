//! The registry's loop: follows the site, seals the event journal, reports steps of this machine's clock.

use std::sync::Arc;
use std::time::Duration;

use journal::{Append, ClockStep, Follower, Journal, JournalId, Key, Level};
use model::{ClockFault, ClockFaultKind, Event, EventBody, RevisionNumber, Scope};
use service::{Latch, Shutdown};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::fold::SiteFold;
use crate::{RegistryError, api, metrics, publish};

/// What the registry runs on.
pub struct Parts {
    /// Where sites and seals are journaled.
    pub journal: Arc<dyn Journal>,
    /// Its say in readiness.
    pub latch: Latch,
    /// Where `registry_service` looks.
    pub site: watch::Sender<Arc<model::Revision>>,
    /// How often the event journal is sealed.
    pub seal_every: Duration,
}

/// Under which steps of the clock are told: another writer than the one of sites, whose fence they must not move.
const CLOCK_KEY: &str = "clock";

/// A start reads no more of `events` than this to find the site.
const SNAPSHOT_EVERY: u64 = 10_000;

/// Runs until shutdown; seals once more at the end.
pub async fn serve(parts: Parts, shutdown: Shutdown) -> Result<(), RegistryError> {
    let Parts { journal, latch, site, seal_every } = parts;
    metrics::describe();
    let (key, clock_key) = (Key::new(publish::KEY)?, Key::new(CLOCK_KEY)?);
    let mut follower = Follower::start(&*journal, JournalId::Events, key, Level::Durable, SiteFold::default).await?;
    api::show(&site, &follower.fold.revision);
    latch.release();
    let mut seal = tokio::time::interval(seal_every);
    seal.set_missed_tick_behavior(MissedTickBehavior::Delay);
    seal.reset();
    loop {
        // Every arm is cancel-safe: waits that change nothing when dropped; the work is done in the bodies.
        tokio::select! {
            () = shutdown.requested() => break,
            more = follower.more(&*journal) => {
                more?;
                follower.catch_up(&*journal).await?;
                // Whatever is folded here was published whole before this began, which is what a snapshot of this key says.
                follower.snapshot_every(&*journal, SNAPSHOT_EVERY).await?;
                api::show(&site, &follower.fold.revision);
            }
            step = journal.clock_step() => report_step(&*journal, &clock_key, step, follower.fold.revision.number).await?,
            _ = seal.tick() => make_seal(&*journal).await?,
        }
    }
    follower.snapshot_every(&*journal, 1).await?;
    make_seal(&*journal).await
}

async fn make_seal(journal: &dyn Journal) -> Result<(), RegistryError> {
    if let Some(appended) = journal.seal().await? {
        ::metrics::counter!(metrics::SEALS).increment(1);
        tracing::debug!(position = appended.last.0, "event journal sealed");
    }
    Ok(())
}

async fn report_step(journal: &dyn Journal, key: &Key, step: ClockStep, revision: RevisionNumber) -> Result<(), RegistryError> {
    tracing::warn!(offset_us = step.offset_us, "this machine's clock stepped; journal time follows it");
    let event = Event {
        occurred_at: step.at,
        subject: Arc::from("journal"),
        scope: Scope::default(),
        revision,
        body: EventBody::Clock(ClockFault { fault: ClockFaultKind::Step, offset_us: step.offset_us }),
    };
    let record = wire::EventRecord { events: vec![event], ..wire::EventRecord::default() };
    let bodies = vec![wire::encode_event_record(&record)];
    journal.append(Append { journal: JournalId::Events, key: key.clone(), fence: None, bodies }).await?;
    Ok(())
}
