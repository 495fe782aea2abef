//! `davy query trend` and `davy query aggregates`: figures of points per bucket of time.

use anyhow::anyhow;
use model::Span;
use serde_json::{Value, json};
use tonic::transport::Channel;
use wire::v1;
use wire::v1::history_service_client::HistoryServiceClient;

use crate::cli::{Mode, QueryArgs};
use crate::command::query::shown;
use crate::command::{moment, server};
use crate::exit::CommandError;
use crate::output::Output;

/// Width of a bucket unless said.
const STEP: Span = Span::from_secs(60);

/// Asks for a curve and prints its buckets, or its values.
pub(super) async fn run(channel: Channel, args: &QueryArgs, out: &mut Output) -> Result<(), CommandError> {
    let (from, to) = moment::period(args.from.as_deref(), args.to.as_deref())?;
    let mode = match args.mode {
        None | Some(Mode::MinMax) => v1::TrendMode::MinMax,
        Some(Mode::Lttb) => v1::TrendMode::Lttb,
    };
    let request = v1::QueryTrendRequest {
        points: args.point.clone(),
        from: Some(from),
        to: Some(to),
        pixels: args.pixels.unwrap_or_default(),
        mode: mode.into(),
    };
    let mut client = HistoryServiceClient::new(channel).max_decoding_message_size(server::ANSWER_BYTES_MAX);
    let answer = client.query_trend(request).await.map_err(|status| CommandError::status(&status))?.into_inner();
    let complete_to = shown(answer.complete_to.as_ref());
    if mode == v1::TrendMode::Lttb {
        return values(&answer, &complete_to, args.json, out);
    }
    let named = |series: v1::TrendSeries| {
        let point = series.point;
        series.buckets.into_iter().map(move |bucket| v1::Aggregate { point: point.clone(), ..bucket })
    };
    let buckets: Vec<_> = answer.series.into_iter().flat_map(named).collect();
    figures(&buckets, &complete_to, args.json, out)?;
    if !args.json {
        let resolution = v1::Resolution::try_from(answer.resolution).unwrap_or_default();
        out.line(&format!("buckets of {} s, from {}", seconds(answer.bucket_us), source(resolution)))?;
    }
    Ok(())
}

fn values(answer: &v1::QueryTrendResponse, complete_to: &str, as_json: bool, out: &mut Output) -> Result<(), CommandError> {
    for series in &answer.series {
        for v1::TrendValue { time, value } in &series.values {
            let time = shown(time.as_ref());
            let line = json!({ "point": series.point, "ts": time, "value": value, "complete_to": complete_to });
            out.line(&if as_json {
                line.to_string()
            } else {
                format!("{time:<28} {:<24} {value} {}", series.point, series.unit)
            })?;
        }
    }
    if as_json { Ok(()) } else { out.line(&format!("complete to {complete_to}")).map(drop) }
}

/// Asks for figures of buckets of the width asked for.
pub(super) async fn aggregates(channel: Channel, args: &QueryArgs, out: &mut Output) -> Result<(), CommandError> {
    let (from, to) = moment::period(args.from.as_deref(), args.to.as_deref())?;
    let step = args.step.as_deref().map_or(Ok(STEP), |text| moment::span("--step", text))?;
    let whole = || CommandError::usage(anyhow!("use --step here: a bucket is a whole number of seconds wide, up to 365d"));
    let seconds = Some(step.micros()).filter(|micros| micros % 1_000_000 == 0).map(|micros| micros / 1_000_000);
    let bucket_seconds = seconds.and_then(|seconds| u32::try_from(seconds).ok()).ok_or_else(whole)?;
    let request = v1::QueryAggregatesRequest {
        points: args.point.clone(),
        from: Some(from),
        to: Some(to),
        bucket_seconds,
        include_held: true,
    };
    let mut client = HistoryServiceClient::new(channel).max_decoding_message_size(server::ANSWER_BYTES_MAX);
    let answer = client.query_aggregates(request).await.map_err(|status| CommandError::status(&status))?.into_inner();
    figures(&answer.aggregates, &shown(answer.complete_to.as_ref()), args.json, out)
}

fn figures(buckets: &[v1::Aggregate], complete_to: &str, as_json: bool, out: &mut Output) -> Result<(), CommandError> {
    if !as_json {
        let head = ["start", "point", "samples", "min", "max", "mean", "by time", "first", "last"];
        out.line(&row(head.map(str::to_owned)))?;
    }
    for bucket in buckets {
        out.line(&if as_json { json_line(bucket, complete_to) } else { line(bucket) })?;
    }
    if as_json { Ok(()) } else { out.line(&format!("complete to {complete_to}")).map(drop) }
}

fn row([start, point, samples, min, max, mean, by_time, first, last]: [String; 9]) -> String {
    format!("{start:<28} {point:<24} {samples:>8} {min:>12} {max:>12} {mean:>12} {by_time:>12} {first:>12} {last:>12}")
}

fn line(bucket: &v1::Aggregate) -> String {
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{}", Short(value)));
    row([
        shown(bucket.start.as_ref()),
        bucket.point.clone(),
        bucket.samples.to_string(),
        number(bucket.min),
        number(bucket.max),
        number(bucket.mean),
        number(bucket.time_weighted_mean),
        number(bucket.first),
        number(bucket.last),
    ])
}

/// A number in the width of a column; JSON has all its digits.
struct Short(f64);

impl std::fmt::Display for Short {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(value) = *self;
        let whole = value.to_string();
        match value.abs() {
            _ if whole.len() <= 12 => f.write_str(&whole),
            size if (1e-3..1e7).contains(&size) => write!(f, "{value:.3}"),
            _ => write!(f, "{value:.4e}"),
        }
    }
}

fn json_line(bucket: &v1::Aggregate, complete_to: &str) -> String {
    let line: Value = json!({
        "point": bucket.point, "start": shown(bucket.start.as_ref()), "samples": bucket.samples, "count": bucket.count,
        "min": bucket.min, "max": bucket.max, "mean": bucket.mean, "time_weighted_mean": bucket.time_weighted_mean,
        "good_us": bucket.good_us, "first": bucket.first, "last": bucket.last, "complete_to": complete_to,
    });
    line.to_string()
}

fn source(resolution: v1::Resolution) -> &'static str {
    match resolution {
        v1::Resolution::Raw => "samples",
        v1::Resolution::Minute => "figures of minutes",
        v1::Resolution::Hour => "figures of hours",
        v1::Resolution::Day => "figures of days",
        v1::Resolution::Unspecified => "what this version does not know",
    }
}

fn seconds(micros: i64) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_keep_their_columns() {
        let bucket = v1::Aggregate {
            point: "p1".to_owned(),
            samples: 3,
            min: Some(-1.5),
            max: Some(1.0 / 3.0),
            mean: Some(123_456.789_012_345),
            time_weighted_mean: Some(-1.234_567_89e300),
            ..v1::Aggregate::default()
        };
        let line = line(&bucket);
        let words: Vec<_> = line.split_whitespace().collect();
        assert_eq!(words, ["p1", "3", "-1.5", "0.333", "123456.789", "-1.2346e300", "-", "-"]);
        assert_eq!((seconds(86_400_000_000), seconds(250_000)), ("86400".to_owned(), "0.25".to_owned()));
    }
}
