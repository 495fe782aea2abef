//! Measurements, run by hand: each figure beside its bare limit in the same run.
//!
//! `cargo run --release -p benches -- core | journal | ingest | latency | events | feeds | history | queries`; `ingest`, `latency`, `events` and
//! `feeds` need Mosquitto and a release build of `davy`.

#![expect(clippy::print_stdout, reason = "tables are what these programs are for")]

mod core;
mod feeds;
mod history;
mod ingest;
mod journal_append;
mod latency;
mod machine;
mod plant;
mod stats;

use anyhow::{Context, bail};

fn main() -> anyhow::Result<()> {
    let what = std::env::args().nth(1).unwrap_or_default();
    if what == "bare-feed" {
        let messages = std::env::args_os().nth(2).context("name the file of messages")?;
        return tokio::runtime::Runtime::new()?.block_on(feeds::bare(messages.as_ref()));
    }
    machine::print();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match what.as_str() {
        "core" => core::run(),
        "journal" => runtime.block_on(journal_append::run()),
        "ingest" => runtime.block_on(ingest::run()),
        "latency" => runtime.block_on(latency::run(10)),
        "events" => runtime.block_on(latency::run(1)),
        "feeds" => runtime.block_on(feeds::run()),
        "history" => runtime.block_on(history::load()),
        "queries" => runtime.block_on(history::queries()),
        _ => bail!("say which: core, journal, ingest, latency, events, feeds, history or queries"),
    }
}
