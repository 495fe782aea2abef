//! Journal to rows: the historian on a journal that is already written, against the bare database, alternated in one run.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use harness::{Disk, Kind, Postgres};
use journal::{Journal, JournalId};
use service::{Health, Shutdown};
use store::Policy;

use super::{bare, rows};
use crate::stats::median;

const ROUNDS: usize = 3;
const POSTGRES_ROWS: u64 = 4_000_000;
const SQLITE_ROWS: u64 = 1_000_000;

/// A server tuned as a small installation would be, both sides alike.
const SETTINGS: &[&str] = &["shared_buffers=2GB", "max_wal_size=8GB", "checkpoint_timeout=30min"];

pub(crate) async fn run() -> anyhow::Result<()> {
    println!("history: {} points at 1 Hz, rounds alternated, {ROUNDS} of them; rows/s", rows::POINTS);
    println!("| store | rows | bare | journal to rows | bare, each round | Davy, each round | ratio of medians |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for (kind, over_socket) in [(Kind::Plain, true), (Kind::Plain, false), (Kind::Apache, false)] {
        postgres(kind, over_socket).await?;
    }
    sqlite().await
}

async fn postgres(kind: Kind, over_socket: bool) -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(".").context("make a folder for the measurement")?;
    let flat = folder.path().join("flat");
    rows::flat_file(&flat, POSTGRES_ROWS)?;
    let server = Postgres::start_with(kind, Disk::None, SETTINGS).await;
    let (mut bare_rates, mut davy_rates) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let name = format!("round_{round}");
        let tcp = server.database(&name).await;
        let url = if over_socket { server.socket_url_of(&name) } else { tcp };
        bare_rates.push(rate(POSTGRES_ROWS, bare::copy(&url, &flat, kind != Kind::Plain).await?));
        davy_rates.push(rate(POSTGRES_ROWS, stored(folder.path(), &url, POSTGRES_ROWS).await?));
        server.execute("postgres", &format!("DROP DATABASE {name} WITH (FORCE)")).await;
    }
    let way = if over_socket { "Unix socket" } else { "TCP" };
    row(&format!("{kind:?}, {way}"), POSTGRES_ROWS, &mut bare_rates, &mut davy_rates);
    Ok(())
}

async fn sqlite() -> anyhow::Result<()> {
    let (mut bare_rates, mut davy_rates) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let folder = tempfile::tempdir_in(".").context("make a folder for the measurement")?;
        bare_rates.push(rate(SQLITE_ROWS, bare::sqlite(&folder.path().join("bare.db"), SQLITE_ROWS).await?));
        let url = format!("sqlite:{}", folder.path().join("davy.db").display());
        davy_rates.push(rate(SQLITE_ROWS, stored(folder.path(), &url, SQLITE_ROWS).await?));
    }
    row("SQLite", SQLITE_ROWS, &mut bare_rates, &mut davy_rates);
    Ok(())
}

/// From the start of the historian until everything is stored; the journal was written before.
async fn stored(folder: &Path, url: &str, count: u64) -> anyhow::Result<Duration> {
    let own = tempfile::tempdir_in(folder)?;
    let journal = rows::journal(own.path(), count).await?;
    let store = store::open(&url.parse()?).await?;
    store.prepare().await?;
    let end = journal.bounds(JournalId::Telemetry(rows::PARTITION)).durable;
    let (health, shutdown) = (Health::new(), Shutdown::new());
    let parts = historian::Parts {
        journal: Arc::<journal::Embedded>::clone(&journal),
        store: Arc::clone(&store),
        latch: health.latch("historian"),
        upkeep: health.latch("upkeep").release(),
        policy: Policy::default(),
    };
    let (_service, historian) = historian::build(parts);
    let started = Instant::now();
    let serving = tokio::spawn(historian.serve(shutdown.clone()));
    while store.progress().await?.position(&format!("telemetry/{}", rows::PARTITION)) < end {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = started.elapsed();
    shutdown.request();
    serving.await??;
    store.close().await;
    journal.close().await?;
    Ok(took)
}

#[expect(clippy::cast_precision_loss, reason = "a rate")]
fn rate(rows: u64, took: Duration) -> f64 {
    rows as f64 / took.as_secs_f64()
}

fn row(what: &str, rows: u64, bare: &mut [f64], davy: &mut [f64]) {
    let each = |rates: &[f64]| rates.iter().map(|rate| format!("{rate:.0}")).collect::<Vec<_>>().join(" ");
    let (bare_each, davy_each) = (each(bare), each(davy));
    let (bare, davy) = (median(bare), median(davy));
    println!("| {what} | {rows} | {bare:.0} | {davy:.0} | {bare_each} | {davy_each} | {:.2} |", davy / bare);
}
