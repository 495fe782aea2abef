//! Measurements, run by hand: each figure beside its bare limit in the same run.
//!
//! `cargo run --release -p benches -- core | journal | ingest | latency | history | queries`; `ingest` and `latency` need Mosquitto and a release
//! build of `davy`.

#![expect(clippy::print_stdout, reason = "tables are what these programs are for")]

mod core;
mod history;
mod ingest;
mod journal_append;
mod latency;
mod machine;
mod plant;
mod stats;

use anyhow::bail;

fn main() -> anyhow::Result<()> {
    let what = std::env::args().nth(1).unwrap_or_default();
    machine::print();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match what.as_str() {
        "core" => core::run(),
        "journal" => runtime.block_on(journal_append::run()),
        "ingest" => runtime.block_on(ingest::run()),
        "latency" => runtime.block_on(latency::run()),
        "history" => runtime.block_on(history::load()),
        "queries" => runtime.block_on(history::queries()),
        _ => bail!("say which: core, journal, ingest, latency, history or queries"),
    }
}
