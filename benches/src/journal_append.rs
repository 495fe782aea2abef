//! Journal append with sync, against a bare write and fdatasync of the same bytes, alternated.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::Bytes;
use journal::{Append, Embedded, EmbeddedConfig, Journal, JournalId, Key};
use model::Partition;

use crate::stats::{median, percentile};

const BODY: usize = 16 * 1024;
const ROUNDS: usize = 5;
const COMMITS: usize = 300;

struct Round {
    p50: Duration,
    p99: Duration,
    megabytes_per_second: f64,
}

pub(crate) async fn run() -> anyhow::Result<()> {
    println!("journal: {BODY}-byte records, k records a commit, {COMMITS} commits a round, {ROUNDS} rounds alternated; medians");
    println!("| k | bare p50/p99 ms | bare MB/s | journal p50/p99 ms | journal MB/s | MB/s ratio | p50 ratio |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for k in [1, 8, 64] {
        let (mut bare_rounds, mut journal_rounds) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let folder = tempfile::tempdir_in(".").context("make a folder for the measurement")?;
            bare_rounds.push(bare(folder.path(), k)?);
            journal_rounds.push(appended(folder.path(), k).await?);
        }
        row(k, &bare_rounds, &journal_rounds);
    }
    Ok(())
}

fn row(k: usize, bare: &[Round], journal: &[Round]) {
    let of = |rounds: &[Round], pick: fn(&Round) -> f64| median(&mut rounds.iter().map(pick).collect::<Vec<_>>());
    let p50 = |round: &Round| round.p50.as_secs_f64() * 1e3;
    let p99 = |round: &Round| round.p99.as_secs_f64() * 1e3;
    let rate = |round: &Round| round.megabytes_per_second;
    println!(
        "| {k} | {:.2} / {:.2} | {:.0} | {:.2} / {:.2} | {:.0} | {:.2} | {:.2} |",
        of(bare, p50),
        of(bare, p99),
        of(bare, rate),
        of(journal, p50),
        of(journal, p99),
        of(journal, rate),
        of(journal, rate) / of(bare, rate),
        of(journal, p50) / of(bare, p50),
    );
}

fn round(mut commits: Vec<Duration>, k: usize, whole: Duration) -> Round {
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let megabytes = (commits.len() * k * BODY) as f64 / 1e6;
    Round {
        p50: percentile(&mut commits, 0.5),
        p99: percentile(&mut commits, 0.99),
        megabytes_per_second: megabytes / whole.as_secs_f64(),
    }
}

fn bare(folder: &Path, k: usize) -> anyhow::Result<Round> {
    let mut file = File::create(folder.join("bare"))?;
    let bytes = vec![7_u8; BODY * k];
    let started = Instant::now();
    let mut commits = Vec::with_capacity(COMMITS);
    for _ in 0..COMMITS {
        let commit = Instant::now();
        file.write_all(&bytes)?;
        file.sync_data()?;
        commits.push(commit.elapsed());
    }
    Ok(round(commits, k, started.elapsed()))
}

async fn appended(folder: &Path, k: usize) -> anyhow::Result<Round> {
    let journal = Embedded::open(EmbeddedConfig::new(folder.join("journal"))).await?;
    let id = JournalId::Telemetry(Partition(1));
    let key = Key::new("ingest")?;
    let body = Bytes::from(vec![7_u8; BODY]);
    let started = Instant::now();
    let mut commits = Vec::with_capacity(COMMITS);
    for _ in 0..COMMITS {
        let commit = Instant::now();
        let append = Append { journal: id, key: key.clone(), fence: None, bodies: vec![body.clone(); k] };
        let appended = journal.append(append).await?;
        journal.durable(id, appended.last).await?;
        commits.push(commit.elapsed());
    }
    let whole = started.elapsed();
    journal.close().await?;
    Ok(round(commits, k, whole))
}
