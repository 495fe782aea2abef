//! `davy backtest`: the alarm core over recorded samples; journal time is sample time, and each point stops at its last sample.

mod compare;
mod proposed;
mod suggest;
mod table;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::Site;
use site::samples::Row;
use tuning::{Activations, Playback, Recorder, Said, Survey, numbered};
use wire::JsonExtras;

use crate::cli::BacktestArgs;
use crate::exit::CommandError;
use crate::output::{Output, Reader};
use crate::recorded::Merged;
use crate::site_files;

/// Prints events, a comparison or a proposal.
pub fn run(args: &BacktestArgs) -> Result<(), CommandError> {
    match &args.compare {
        Some(other) => compare::run(args, other),
        None if args.suggest => suggest::run(args),
        None => events(&args.site, &args.samples),
    }
}

/// Prints one JSON event a line.
fn events(site: &Path, samples: &[PathBuf]) -> Result<(), CommandError> {
    let revision = Arc::new(numbered(site_files::load(site)?.site));
    let survey = survey(&revision.site, samples)?;
    let mut playback = Playback::new(&revision, survey.ends());
    let mut rows = Merged::open(samples, &revision.site)?;
    let mut out = Output::new();
    for row in rows.by_ref() {
        playback.row(row.time, &row.values, &mut |said| print(said, &mut out))?;
        if out.reader() == Reader::Gone {
            return Ok(());
        }
    }
    out.flush()?;
    rows.finish()
}

fn print(said: Said<'_>, out: &mut Output) -> Result<(), CommandError> {
    let epoch = model::Epoch(0);
    let record = wire::EventRecord { events: std::mem::take(said.events), ..wire::EventRecord::default() };
    for event in wire::recorded_events(record, (epoch, said.key, said.key_seq), said.position, said.time) {
        out.line(&wire::event_json(&event, JsonExtras::Bare))?;
    }
    Ok(())
}

/// A first pass over the samples: where each point's end, and where their values lie.
fn survey(site: &Site, samples: &[PathBuf]) -> Result<Survey, CommandError> {
    let mut survey = Survey::default();
    Merged::open(samples, site)?.for_each(|Row { time, values, .. }| survey.row(time, &values));
    Ok(survey)
}

/// What each rule says over the samples; `rows` are those of this site, left at their end.
fn record(site: &Site, survey: &Survey, rows: &mut Merged<'_>) -> Activations {
    let revision = Arc::new(numbered(site.clone()));
    let mut recorder = Recorder::new(&revision, survey.ends());
    rows.for_each(|Row { time, values, .. }| recorder.row(time, &values));
    recorder.finish()
}
