//! `davy backtest --compare`: a table, rule by rule, of what two sets of rules say over the same samples.

use std::cmp::Reverse;
use std::path::Path;

use serde_json::{Value, json};
use tuning::{Compared, Figures, compare};

use super::table::{self, count, in_alarm, lasting, lines, row};
use super::{record, survey};
use crate::cli::BacktestArgs;
use crate::exit::CommandError;
use crate::output::Output;
use crate::recorded::Merged;
use crate::site_files;

/// Prints the table.
pub(super) fn run(args: &BacktestArgs, other: &Path) -> Result<(), CommandError> {
    let (before, after) = (site_files::load(&args.site)?.site, site_files::load(other)?.site);
    let mut rows = Merged::open(&args.samples, &before)?;
    let was = record(&before, &survey(&before, &args.samples)?, &mut rows);
    let is = record(&after, &survey(&after, &args.samples)?, &mut Merged::open(&args.samples, &after)?);
    let compared = compare((&before, &was), (&after, &is));
    let mut out = Output::new();
    let text = if args.json { compared.iter().map(|it| json(it).to_string()).collect() } else { shown(compared) };
    for line in text {
        out.line(&line)?;
    }
    out.flush()?;
    // What no point claims and what cannot be read is the same for both.
    rows.finish()
}

/// The rules that are raised most first; those that neither set raises are counted.
fn shown(mut compared: Vec<Compared>) -> Vec<String> {
    let raised = |it: &Compared| (it.before.map_or(0, |it| it.raised), it.after.map_or(0, |it| it.raised));
    let all = compared.len();
    compared.retain(|it| raised(it) != (0, 0) || it.before.is_none() || it.after.is_none());
    compared.sort_by_key(|it| Reverse(raised(it)));
    let mut rows = vec![
        row(["", "raised", "", "in alarm", "", "chattering", "", "delay added", "", "missed", ""]),
        row(["rule", "before", "after", "before", "after", "before", "after", "median", "max", "all", ">60s"]),
    ];
    rows.extend(compared.iter().map(line));
    rows.push(total(&compared, all));
    let mut text = lines(&rows, table::LEFT);
    if compared.len() < all {
        text.push(format!("{} rules are raised by neither", all - compared.len()));
    }
    text
}

fn line(it: &Compared) -> Vec<String> {
    let delay =
        |of: fn(&tuning::DelayAdded) -> model::Span| it.delay.as_ref().map_or_else(|| "-".to_owned(), |it| lasting(of(it)));
    vec![
        it.rule.to_string(),
        count(it.before, |it| it.raised),
        count(it.after, |it| it.raised),
        in_alarm(it.before),
        in_alarm(it.after),
        count(it.before, |it| it.chattering),
        count(it.after, |it| it.chattering),
        delay(|it| it.median),
        delay(|it| it.max),
        it.missed.to_string(),
        it.missed_long.to_string(),
    ]
}

fn total(compared: &[Compared], rules: usize) -> Vec<String> {
    let sum = |of: fn(&Compared) -> Option<Figures>| compared.iter().filter_map(of).fold(Figures::default(), Figures::and);
    let (before, after) = (Some(sum(|it| it.before)), Some(sum(|it| it.after)));
    let missed = |of: fn(&Compared) -> usize| compared.iter().map(of).sum::<usize>().to_string();
    vec![
        format!("all {rules} rules"),
        count(before, |it| it.raised),
        count(after, |it| it.raised),
        in_alarm(before),
        in_alarm(after),
        count(before, |it| it.chattering),
        count(after, |it| it.chattering),
        String::new(),
        String::new(),
        missed(|it| it.missed),
        missed(|it| it.missed_long),
    ]
}

fn json(it: &Compared) -> Value {
    let delay =
        it.delay.map_or(Value::Null, |it| json!({ "median_s": table::seconds(it.median), "max_s": table::seconds(it.max) }));
    json!({
        "point": it.rule.point.as_str(),
        "alarm": it.rule.alarm.as_str(),
        "before": table::figures(it.before),
        "after": table::figures(it.after),
        "delay_added": delay,
        "missed": it.missed,
        "missed_long": it.missed_long,
    })
}
