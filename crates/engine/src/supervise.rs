//! All partitions of a process: starts a loop for each, notices when one ends, tells health.

use std::collections::BTreeMap;
use std::sync::Arc;

use journal::{Journal, JournalId};
use metrics::gauge;
use model::{Partition, Span};
use service::{Component, Latch, Shutdown};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tracing::{error, info};

use crate::metrics::{LAG, PARTITIONS};
use crate::partition::{Engine, Progress};
use crate::{Config, EngineError, OnlineRates};

/// What an engine needs.
pub struct Parts {
    /// Where inputs come from and events go.
    pub journal: Arc<dyn Journal>,
    /// Held until every partition that was there at the start has caught up.
    pub latch: Latch,
    /// Where the points that deliver are counted.
    pub online: Arc<OnlineRates>,
    /// Settings.
    pub config: Config,
}

/// Evaluates every partition until shutdown. An error in one of them stops all, and is returned.
pub async fn serve(parts: Parts, shutdown: Shutdown) -> Result<(), EngineError> {
    let Parts { journal, latch, online, config } = parts;
    let mut engines = Engines {
        journal,
        config,
        online,
        stop: shutdown.child(),
        progress: BTreeMap::new(),
        tasks: JoinSet::new(),
        caught_up: Arc::new(Notify::new()),
        voice: Voice::Starting(latch),
    };
    let watched = engines.watch(&shutdown).await;
    engines.stop.request();
    let rest = engines.join_all().await;
    let outcome = watched.and(rest);
    if let Err(failure) = &outcome {
        error!(error = failure as &dyn std::error::Error, "engine stopped");
        engines.voice.component().unready(with_causes(failure));
    }
    outcome
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = format!("failed to {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

enum Voice {
    Starting(Latch),
    Serving(Component),
    /// Between the two; never seen.
    Taken,
}

impl Voice {
    fn release(&mut self) {
        *self = match std::mem::replace(self, Self::Taken) {
            Self::Starting(latch) => Self::Serving(latch.release()),
            other => other,
        };
    }

    fn component(&self) -> &Component {
        match self {
            Self::Starting(latch) => latch.component(),
            Self::Serving(component) => component,
            Self::Taken => unreachable!("`release` puts it back in the same call"),
        }
    }
}

struct Engines {
    journal: Arc<dyn Journal>,
    config: Config,
    online: Arc<OnlineRates>,
    stop: Shutdown,
    progress: BTreeMap<Partition, Arc<Progress>>,
    tasks: JoinSet<Result<(), EngineError>>,
    caught_up: Arc<Notify>,
    voice: Voice,
}

impl Engines {
    async fn watch(&mut self, shutdown: &Shutdown) -> Result<(), EngineError> {
        let mut poll = tokio::time::interval(self.config.poll_interval);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let caught_up = Arc::clone(&self.caught_up);
        loop {
            // Cancel-safe: a join that takes nothing out until it is ready, a tick, a notification, a token.
            tokio::select! {
                Some(ended) = self.tasks.join_next() => return Err(self.end_of(ended)),
                _ = poll.tick() => {
                    self.start_new();
                    self.tell_health();
                }
                () = caught_up.notified() => self.tell_health(),
                () = shutdown.requested() => return Ok(()),
            }
        }
    }

    fn start_new(&mut self) {
        for partition in self.journal.partitions() {
            if self.progress.contains_key(&partition) {
                continue;
            }
            let progress = Arc::new(Progress::default());
            self.progress.insert(partition, Arc::clone(&progress));
            let (journal, config, stop) = (Arc::clone(&self.journal), self.config.clone(), self.stop.clone());
            let (caught_up, online) = (Arc::clone(&self.caught_up), Arc::clone(&self.online));
            self.tasks.spawn(async move {
                let engine = Engine::start(journal, partition, config, progress, online).await?;
                Box::pin(engine.run(stop, || caught_up.notify_one())).await
            });
        }
        gauge!(PARTITIONS).set(u32::try_from(self.progress.len()).unwrap_or(u32::MAX));
    }

    fn tell_health(&mut self) {
        if matches!(self.voice, Voice::Starting(_)) {
            if !self.progress.values().all(|it| it.is_ready()) {
                return;
            }
            info!(partitions = self.progress.len(), "engine caught up");
            self.voice.release();
        }
        self.online.tell();
        let (lag, slowest) = self.lag();
        gauge!(LAG).set(std::time::Duration::from_micros(lag.micros().unsigned_abs()).as_secs_f64());
        let limit = i64::try_from(self.config.lag_limit.as_micros()).unwrap_or(i64::MAX);
        match slowest.filter(|_| lag.micros() > limit) {
            Some(partition) => self.voice.component().degraded(format!("telemetry/{partition} is evaluated {lag} late")),
            None => match self.progress.iter().find(|(_, it)| it.is_apart()) {
                Some((partition, _)) => {
                    let why =
                        format!("telemetry/{partition}: replay gave another number of outputs than recorded; see replay.differs");
                    self.voice.component().degraded(why);
                }
                None => self.voice.component().ready(),
            },
        }
    }

    /// How far the slowest partition is behind, and which it is.
    fn lag(&self) -> (Span, Option<Partition>) {
        let now = self.journal.now();
        let behind = self.progress.iter().filter(|(partition, progress)| {
            self.journal.bounds(JournalId::Telemetry(**partition)).appended > progress.position()
        });
        let lags = behind.map(|(partition, progress)| (now.since(progress.time()), Some(*partition)));
        lags.max_by_key(|(lag, _)| *lag).unwrap_or((Span::ZERO, None))
    }

    async fn join_all(&mut self) -> Result<(), EngineError> {
        let mut first = Ok(());
        while let Some(ended) = self.tasks.join_next().await {
            let outcome = ended.map_err(|error| EngineError::Task(error.to_string())).flatten();
            first = first.and(outcome);
        }
        first
    }

    fn end_of(&self, ended: Result<Result<(), EngineError>, tokio::task::JoinError>) -> EngineError {
        match ended {
            Ok(Err(error)) => error,
            Ok(Ok(())) => EngineError::Task("a partition ended before shutdown".to_owned()),
            Err(error) => EngineError::Task(error.to_string()),
        }
    }
}
