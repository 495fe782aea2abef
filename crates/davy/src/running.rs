//! The tasks of one process: owned, watched, stopped from the left within a bound.

use std::future::Future;
use std::time::Duration;

use anyhow::anyhow;
use service::Shutdown;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::exit::CommandError;

/// In which order parts stop: intake first, then what evaluates, then what stores and serves.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stage {
    Intake,
    Evaluate,
    Serve,
}

type Ended = (&'static str, anyhow::Result<()>);

/// All parts that run.
pub(crate) struct Running {
    stages: [(Shutdown, JoinSet<Ended>); 3],
}

impl Running {
    pub(crate) fn new() -> Self {
        Self { stages: std::array::from_fn(|_| (Shutdown::new(), JoinSet::new())) }
    }

    /// The word that stops a stage.
    pub(crate) fn stop(&self, stage: Stage) -> Shutdown {
        self.stages[stage as usize].0.clone()
    }

    /// Starts a part; it ends when its stage is told to stop, and any earlier end stops the process.
    pub(crate) fn start<F, E>(&mut self, stage: Stage, name: &'static str, part: impl FnOnce(Shutdown) -> F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<anyhow::Error> + 'static,
    {
        let (stop, tasks) = &mut self.stages[stage as usize];
        let running = part(stop.clone());
        tasks.spawn(async move { (name, running.await.map_err(Into::into)) });
    }

    /// Waits for shutdown or the early end of a part, then stops stage by stage until the bound.
    pub(crate) async fn run(mut self, shutdown: &Shutdown, within: Duration) -> Result<(), CommandError> {
        let early = self.early_end(shutdown).await;
        let deadline = Instant::now() + within;
        let mut failed = early;
        for (stop, mut tasks) in self.stages {
            stop.request();
            while let Ok(Some(ended)) = tokio::time::timeout_at(deadline, tasks.join_next()).await {
                if let Err(error) = outcome(ended) {
                    tracing::error!(%error, "part failed while stopping");
                    failed.get_or_insert(error);
                }
            }
            if !tasks.is_empty() {
                tracing::warn!(parts = tasks.len(), "parts did not stop in time and are cut; the next start replays");
                tasks.abort_all();
            }
        }
        failed.map_or(Ok(()), Err)
    }

    async fn early_end(&mut self, shutdown: &Shutdown) -> Option<CommandError> {
        let [(_, intake), (_, evaluate), (_, serve)] = &mut self.stages;
        let ended = tokio::select! {
            // Each arm only waits; a task's end that is not taken now is taken while stopping.
            () = shutdown.requested() => return None,
            Some(ended) = intake.join_next() => ended,
            Some(ended) = evaluate.join_next() => ended,
            Some(ended) = serve.join_next() => ended,
        };
        let error = match outcome(ended) {
            Ok(name) => CommandError::unreachable(anyhow!("keep {name} running: it ended by itself")),
            Err(error) => error,
        };
        tracing::error!(%error, "a part ended; stopping");
        Some(error)
    }
}

fn outcome(ended: Result<Ended, tokio::task::JoinError>) -> Result<&'static str, CommandError> {
    match ended {
        Ok((name, Ok(()))) => Ok(name),
        Ok((name, Err(error))) => Err(CommandError::unreachable(error.context(format!("run {name}")))),
        Err(panicked) => Err(CommandError::unreachable(anyhow!("run a part: {panicked}"))),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    const BOUND: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn stops_from_the_left() {
        let (mut running, order) = (Running::new(), Arc::new(Mutex::new(Vec::new())));
        for (stage, name) in [(Stage::Serve, "feed"), (Stage::Intake, "ingest"), (Stage::Evaluate, "engine")] {
            let order = Arc::clone(&order);
            running.start(stage, name, |stop| async move {
                stop.requested().await;
                order.lock().unwrap().push(name);
                Ok::<(), anyhow::Error>(())
            });
        }
        let shutdown = Shutdown::new();
        shutdown.request();
        running.run(&shutdown, BOUND).await.unwrap();
        assert_eq!(*order.lock().unwrap(), ["ingest", "engine", "feed"]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_early_end_stops_everything_and_is_told() {
        let mut running = Running::new();
        running.start(Stage::Serve, "feed", |stop| async move {
            stop.requested().await;
            Ok::<(), anyhow::Error>(())
        });
        running.start(Stage::Evaluate, "engine", |_| async { Err::<(), _>(anyhow!("disk full")) });
        let error = running.run(&Shutdown::new(), BOUND).await.unwrap_err().to_string();
        assert!(error.contains("engine") && error.contains("disk full"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_that_does_not_stop_is_cut() {
        let mut running = Running::new();
        running.start(Stage::Serve, "feed", |_| std::future::pending::<Result<(), anyhow::Error>>());
        let shutdown = Shutdown::new();
        shutdown.request();
        running.run(&shutdown, BOUND).await.unwrap();
    }
}
