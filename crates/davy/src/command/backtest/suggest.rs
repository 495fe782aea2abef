//! `davy backtest --suggest`: deadbands and delays that remove chattering, as a table and as a site.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use model::{Site, Span};
use serde_json::{Value, json};
use site::samples::Row;
use tuning::{Activations, Compared, Figures, Suggestion, Survey, Tuner, Verdict, compare};

use super::table::{self, count, in_alarm, lines, row};
use super::{proposed, record, survey};
use crate::cli::BacktestArgs;
use crate::exit::CommandError;
use crate::output::Output;
use crate::recorded::Merged;
use crate::site_files;

/// Prints the table and writes the site.
pub(super) fn run(args: &BacktestArgs) -> Result<(), CommandError> {
    if let Some(out) = &args.out {
        proposed::check_out(&args.site, out)?;
    }
    let site = site_files::load(&args.site)?.site;
    let survey = survey(&site, &args.samples)?;
    let mut rows = Merged::open(&args.samples, &site)?;
    let was = record(&site, &survey, &mut rows);
    let suggestions = suggestions(args, &site, &survey, &was)?;
    let proposed = proposed::site_of(&site, &suggestions);
    let is = record(&proposed, &survey, &mut Merged::open(&args.samples, &site)?);
    print(args, &suggestions, compare((&site, &was), (&proposed, &is)))?;
    if let Some(out) = &args.out {
        proposed::write(&args.site, out, &proposed, &suggestions)?;
        eprintln!("davy: the proposed site is {}; judge it on other samples with --compare", out.display());
    }
    rows.finish()
}

fn suggestions(args: &BacktestArgs, site: &Site, survey: &Survey, was: &Activations) -> Result<Vec<Suggestion>, CommandError> {
    let mut tuner = Tuner::new(site, survey, was);
    while tuner.begin_pass() {
        Merged::open(&args.samples, site)?.for_each(|Row { time, values, .. }| tuner.row(time, &values));
        tuner.end_pass();
    }
    Ok(tuner.finish())
}

fn print(args: &BacktestArgs, suggestions: &[Suggestion], compared: Vec<Compared>) -> Result<(), CommandError> {
    let mut figures: BTreeMap<_, _> = compared.into_iter().map(|it| (it.rule.clone(), it)).collect();
    let both: Both<'_> = suggestions.iter().filter_map(|it| Some((it, figures.remove(&it.rule)?))).collect();
    let text = if args.json { json_lines(&both) } else { shown(both) };
    let mut out = Output::new();
    for line in text {
        out.line(&line)?;
    }
    out.flush().map(drop)
}

type Both<'s> = Vec<(&'s Suggestion, Compared)>;

/// The rules that are raised most first; those that are not raised and stay are counted.
fn shown(mut both: Both<'_>) -> Vec<String> {
    let all = both.len();
    let raised = |it: &Compared| it.before.map_or(0, |it| it.raised);
    let sum = |of: fn(&Compared) -> Option<Figures>, both: &[(&Suggestion, Compared)]| {
        Some(both.iter().filter_map(|(_, it)| of(it)).fold(Figures::default(), Figures::and))
    };
    both.retain(|(suggestion, it)| raised(it) > 0 || matches!(suggestion.verdict, Verdict::Proposed(_)));
    both.sort_by_key(|(_, it)| Reverse(raised(it)));
    let mut rows = vec![
        row(["", "raised", "", "in alarm", "", "chattering", "", "proposed", "", "", ""]),
        row(["rule", "before", "after", "before", "after", "before", "after", "deadband", "on-delay", "off-delay", ""]),
    ];
    rows.extend(both.iter().map(|(suggestion, it)| line(suggestion, it)));
    let (before, after) = (sum(|it| it.before, &both), sum(|it| it.after, &both));
    rows.push([vec![format!("all {all} rules")], columns(before, after)].concat());
    let mut text = lines(&rows, &[0, 10]);
    if both.len() < all {
        text.push(format!("{} rules are not raised here and stay as they are", all - both.len()));
    }
    text
}

fn line(suggestion: &Suggestion, it: &Compared) -> Vec<String> {
    let was = suggestion.was;
    let moved = |from: String, to: String| if from == to { from } else { format!("{from} -> {to}") };
    let delay = |from: Span, to: Span| moved(from.to_string(), to.to_string());
    let mut cells = [vec![it.rule.to_string()], columns(it.before, it.after)].concat();
    match suggestion.verdict {
        Verdict::Proposed(is) => {
            cells.push(moved(was.deadband.to_string(), is.deadband.to_string()));
            cells.push(delay(was.on_delay, is.on_delay));
            cells.push(delay(was.off_delay, is.off_delay));
            let quiet = suggestion.quiet.then_some("does not chatter here, but would at other limits");
            let no_range = suggestion.no_range.then_some("no range, so no deadband");
            cells.push(quiet.into_iter().chain(no_range).collect::<Vec<_>>().join("; "));
        }
        Verdict::Kept(why) => {
            cells.extend([was.deadband.to_string(), was.on_delay.to_string(), was.off_delay.to_string()]);
            cells.push(format!("stays: {why}"));
        }
    }
    cells
}

fn columns(before: Option<Figures>, after: Option<Figures>) -> Vec<String> {
    vec![
        count(before, |it| it.raised),
        count(after, |it| it.raised),
        in_alarm(before),
        in_alarm(after),
        count(before, |it| it.chattering),
        count(after, |it| it.chattering),
    ]
}

fn json_lines(both: &[(&Suggestion, Compared)]) -> Vec<String> {
    let line = |(suggestion, it): &(&Suggestion, Compared)| {
        let (proposed, why) = match suggestion.verdict {
            Verdict::Proposed(setting) => (table::setting(setting), Value::Null),
            Verdict::Kept(why) => (Value::Null, json!(why.to_string())),
        };
        let line = json!({
            "point": it.rule.point.as_str(),
            "alarm": it.rule.alarm.as_str(),
            "was": table::setting(suggestion.was),
            "proposed": proposed,
            "why_not": why,
            "quiet": suggestion.quiet,
            "before": table::figures(it.before),
            "after": table::figures(it.after),
        });
        line.to_string()
    };
    both.iter().map(line).collect()
}
