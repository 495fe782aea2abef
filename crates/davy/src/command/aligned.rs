//! `davy query values` and `davy query aligned`: what points were at one moment, and at even steps of time.

use anyhow::anyhow;
use model::{Span, Time};
use serde_json::{Map, json};
use tonic::transport::Channel;
use wire::v1;
use wire::v1::history_service_client::HistoryServiceClient;

use crate::cli::QueryArgs;
use crate::command::query::{quality_word, shown};
use crate::command::{moment, server};
use crate::exit::CommandError;
use crate::output::{Output, Reader};

/// From one row to the next unless said.
const STEP: Span = Span::from_secs(60);

/// The moment that is asked for.
pub(super) fn moment_of(args: &QueryArgs) -> Result<Time, CommandError> {
    let wrong = || CommandError::usage(anyhow!("choose a moment: say --at, like --at 2026-01-31T08:00:00Z or --at 2h"));
    moment::past("--at", args.at.as_deref().ok_or_else(wrong)?)
}

/// Asks and prints a line for each point.
pub(super) async fn values(channel: Channel, args: &QueryArgs, out: &mut Output) -> Result<(), CommandError> {
    let at = moment_of(args)?;
    let request = v1::GetValuesAtRequest { points: args.point.clone(), at: Some(wire::time_to_v1(at)) };
    let mut client = HistoryServiceClient::new(channel).max_decoding_message_size(server::ANSWER_BYTES_MAX);
    let answer = client.get_values_at(request).await.map_err(|status| CommandError::status(&status))?.into_inner();
    let complete_to = shown(answer.complete_to.as_ref());
    if !args.json {
        out.line(&row(["point", "value", "quality", "sampled", "unit"]))?;
    }
    for value in &answer.values {
        out.line(&if args.json { value_json(value, &complete_to) } else { value_line(value) })?;
    }
    if args.json { Ok(()) } else { out.line(&format!("complete to {complete_to}")).map(drop) }
}

fn row([point, value, quality, sampled, unit]: [&str; 5]) -> String {
    format!("{point:<24} {value:>20} {quality:<18} {sampled:<28} {unit}").trim_end().to_owned()
}

fn value_line(it: &v1::ValueAt) -> String {
    let value = it.value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    let quality = match (&it.time, it.held) {
        (None, _) => "-".to_owned(),
        (Some(_), true) => quality_word(it.quality()).to_owned(),
        (Some(_), false) => format!("{}, stale", quality_word(it.quality())),
    };
    let sampled = it.time.as_ref().map_or_else(|| "-".to_owned(), |time| shown(Some(time)));
    row([&it.point, &value, &quality, &sampled, &it.unit])
}

fn value_json(it: &v1::ValueAt, complete_to: &str) -> String {
    let quality = it.time.as_ref().map(|_| quality_word(it.quality()));
    let sampled = it.time.as_ref().map(|time| shown(Some(time)));
    json!({
        "point": it.point, "unit": it.unit, "ts": sampled, "value": it.value, "quality": quality, "held": it.held, "complete_to": complete_to,
    })
    .to_string()
}

/// From one row to the next.
pub(super) fn step_of(args: &QueryArgs) -> Result<Span, CommandError> {
    args.step.as_deref().map_or(Ok(STEP), |text| moment::span("--step", text))
}

/// Asks, page by page, and prints.
pub(super) async fn run(channel: Channel, args: &QueryArgs, out: &mut Output) -> Result<(), CommandError> {
    let (from, to) = moment::period(args.from.as_deref(), args.to.as_deref())?;
    let (points, step_us) = (args.point.clone(), step_of(args)?.micros());
    let request = v1::QueryAlignedRequest { points, from: Some(from), to: Some(to), step_us };
    let mut client = HistoryServiceClient::new(channel).max_decoding_message_size(server::ANSWER_BYTES_MAX);
    let refused = |status: tonic::Status| CommandError::status(&status);
    let mut pages = client.query_aligned(request).await.map_err(refused)?.into_inner();
    let mut headed = args.json;
    while let Some(page) = pages.message().await.map_err(refused)? {
        if !headed {
            out.line(&format!("ts,{}", page.points.join(",")))?;
            headed = true;
        }
        let complete_to = shown(page.complete_to.as_ref());
        for aligned in &page.rows {
            out.line(&if args.json { row_json(&page.points, aligned, &complete_to) } else { row_csv(aligned) })?;
        }
        if out.reader() == Reader::Gone {
            return Ok(());
        }
    }
    Ok(())
}

fn row_csv(row: &v1::AlignedRow) -> String {
    let cell = |it: &v1::AlignedValue| it.value.map(|value| value.to_string()).unwrap_or_default();
    let cells: Vec<_> = row.values.iter().map(cell).collect();
    format!("{},{}", shown(row.time.as_ref()), cells.join(","))
}

fn row_json(points: &[String], row: &v1::AlignedRow, complete_to: &str) -> String {
    let values: Map<_, _> = points.iter().cloned().zip(row.values.iter().map(|it| json!(it.value))).collect();
    json!({ "ts": shown(row.time.as_ref()), "values": values, "complete_to": complete_to }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_held_is_an_empty_cell() {
        let values = [Some(1.5), None, Some(-3.0)].map(|value| v1::AlignedValue { value }).to_vec();
        let time = wire::parse_time("2026-01-31T08:00:00Z").map(wire::time_to_v1);
        let row = v1::AlignedRow { time, values };
        assert_eq!(row_csv(&row), "2026-01-31T08:00:00.000000Z,1.5,,-3");
        let points = ["a", "b", "c"].map(str::to_owned);
        let json: serde_json::Value =
            serde_json::from_str(&row_json(&points, &row, "2026-01-31T09:00:00.000000Z")).expect("JSON");
        assert_eq!((json["values"]["a"].as_f64(), json["values"]["b"].is_null()), (Some(1.5), true));
        assert_eq!(json["complete_to"], "2026-01-31T09:00:00.000000Z");
    }
}
