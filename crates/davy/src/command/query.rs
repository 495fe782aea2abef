//! `davy query`: what the gRPC API knows, from a shell. Samples as CSV, the rest as a table or JSON lines.

use model::Quality;
use serde_json::json;
use tonic::transport::Channel;
use wire::v1;
use wire::v1::history_service_client::HistoryServiceClient;
use wire::v1::registry_service_client::RegistryServiceClient;

use crate::cli::{QueryArgs, What};
use crate::command::said::said;
use crate::command::{
    alarms, aligned, cases, events as lines, gateways as reports, incidents, moment, occurrences, on_duty, online, server,
    statistics, subscriptions, supervision, trend, unused, upstreams, warnings,
};
use crate::exit::CommandError;
use crate::output::{Output, Reader};

/// Asks, page by page, and prints.
pub async fn run(args: &QueryArgs) -> Result<(), CommandError> {
    unused::refuse(args)?;
    check(args)?;
    let span = Span { from: time("--from", args.from.as_deref())?, to: time("--to", args.to.as_deref())? };
    let channel = server::connect(&args.server).await?;
    let mut out = Output::new();
    match args.what {
        What::Samples => samples(channel, args, span, &mut out).await?,
        What::Trend => trend::run(channel, args, &mut out).await?,
        What::Aggregates => trend::aggregates(channel, args, &mut out).await?,
        What::Values => aligned::values(channel, args, &mut out).await?,
        What::Aligned => aligned::run(channel, args, &mut out).await?,
        What::Alarms => alarms::run(channel, args, &mut out).await?,
        What::Warnings => warnings::run(channel, args, &mut out).await?,
        What::Cases => cases::run(channel, args, &mut out).await?,
        What::Incidents => incidents::run(channel, args, &mut out).await?,
        What::Incident => incidents::record(channel, args, &mut out).await?,
        What::Duty => on_duty::run(channel, args, &mut out).await?,
        What::Occurrences => occurrences::run(channel, args, span.from, span.to, &mut out).await?,
        What::Supervision => supervision::run(channel, args, &mut out).await?,
        What::Online if args.from.is_some() => supervision::online(channel, args, &mut out).await?,
        What::Online => online::run(channel, args, &mut out).await?,
        What::Events => events(channel, args, span, &mut out).await?,
        What::DeadLetters => dead_letters(channel, args, span, &mut out).await?,
        What::Gateways => gateways(channel, args, &mut out).await?,
        What::Points => points(channel, args, &mut out).await?,
        What::Subscriptions => subscriptions::run(channel, args, &mut out).await?,
        What::Upstreams => upstreams::run(channel, args, &mut out).await?,
        What::Statistics => statistics::run(channel, span.from, span.to, args.json, &mut out).await?,
    }
    out.flush().map(drop)
}

/// What a query lacks is said before a server is looked for.
fn check(args: &QueryArgs) -> Result<(), CommandError> {
    match args.what {
        What::Trend | What::Aggregates => moment::period(args.from.as_deref(), args.to.as_deref()).map(drop),
        What::Aligned => moment::period(args.from.as_deref(), args.to.as_deref()).and(aligned::step_of(args)).map(drop),
        What::Values => aligned::moment_of(args).map(drop),
        What::Supervision => supervision::asked(args).map(drop),
        What::Incident => incidents::asked(args).map(drop),
        What::Duty => on_duty::asked(args).map(drop),
        _ => Ok(()),
    }
}

#[derive(Clone)]
struct Span {
    from: Option<prost_types::Timestamp>,
    to: Option<prost_types::Timestamp>,
}

fn time(flag: &str, text: Option<&str>) -> Result<Option<prost_types::Timestamp>, CommandError> {
    text.map(|text| moment::past(flag, text).map(wire::time_to_v1)).transpose()
}

fn refused(status: tonic::Status) -> CommandError {
    CommandError::status(&status)
}

async fn samples(channel: Channel, args: &QueryArgs, span: Span, out: &mut Output) -> Result<(), CommandError> {
    let mut client = HistoryServiceClient::new(channel).max_decoding_message_size(server::ANSWER_BYTES_MAX);
    let request = v1::QuerySamplesRequest { points: args.point.clone(), from: span.from, to: span.to, limit: 0 };
    let mut pages = client.query_samples(request).await.map_err(refused)?.into_inner();
    out.line("ts,point,value,quality")?;
    while let Some(page) = pages.message().await.map_err(refused)? {
        if out.reader() == Reader::Gone {
            return Ok(());
        }
        for sample in &page.samples {
            let value = sample.value.map(|value| value.to_string()).unwrap_or_default();
            let quality = quality_word(sample.quality());
            out.line(&format!("{},{},{value},{quality}", shown(sample.time.as_ref()), sample.point))?;
        }
    }
    Ok(())
}

/// What is not said is not taken for good.
pub(super) fn quality_word(quality: v1::Quality) -> &'static str {
    match quality {
        v1::Quality::Good => Quality::Good.as_str(),
        v1::Quality::Uncertain => Quality::Uncertain.as_str(),
        v1::Quality::Calibrating => Quality::Calibrating.as_str(),
        v1::Quality::Bad | v1::Quality::Unspecified => Quality::Bad.as_str(),
    }
}

pub(super) fn shown(time: Option<&prost_types::Timestamp>) -> String {
    time.map(|time| wire::format_time(wire::time_from_v1(time))).unwrap_or_default()
}

async fn events(channel: Channel, args: &QueryArgs, span: Span, out: &mut Output) -> Result<(), CommandError> {
    let mut client = HistoryServiceClient::new(channel).max_decoding_message_size(server::ANSWER_BYTES_MAX);
    let selection = v1::EventSelection {
        subjects: args.point.clone(),
        parks: args.park.clone(),
        enterprises: args.enterprise.clone(),
        from: span.from,
        to: span.to,
        ..v1::EventSelection::default()
    };
    let mut request = v1::ListEventsRequest { selection: Some(selection), ..v1::ListEventsRequest::default() };
    loop {
        let page = client.list_events(request.clone()).await.map_err(refused)?.into_inner();
        for event in &page.events {
            let line = if args.json {
                lines::json_line(event)
            } else {
                let what = wire::v1_to_recorded(event).map_or_else(|_| String::new(), |it| said(&it.event.body));
                let from = from(&event.origin);
                let line =
                    format!("{:<28} {:<22} {}  {what}{from}", shown(event.occurred_at.as_ref()), event.kind, event.subject);
                line.trim_end().to_owned()
            };
            out.line(&line)?;
        }
        if page.next_page_token.is_empty() || out.reader() == Reader::Gone {
            return Ok(());
        }
        request.page_token = page.next_page_token;
    }
}

/// Who recorded it first, where that is another Davy.
pub(super) fn from(origin: &str) -> String {
    if origin.is_empty() { String::new() } else { format!("  from {origin}") }
}

async fn dead_letters(channel: Channel, args: &QueryArgs, span: Span, out: &mut Output) -> Result<(), CommandError> {
    let mut client = HistoryServiceClient::new(channel).max_decoding_message_size(server::ANSWER_BYTES_MAX);
    let mut request = v1::ListDeadLettersRequest { from: span.from, to: span.to, ..v1::ListDeadLettersRequest::default() };
    loop {
        let page = client.list_dead_letters(request.clone()).await.map_err(refused)?.into_inner();
        for dead in &page.dead_letters {
            let at = shown(dead.at.as_ref());
            let line = if args.json {
                json!({
                    "id": dead.id, "at": at, "gateway": dead.gateway, "topic": dead.topic, "reason": dead.reason, "detail": dead.detail,
                    "payload": String::from_utf8_lossy(&dead.payload), "payload_bytes": dead.payload_bytes, "count": dead.count,
                })
                .to_string()
            } else {
                format!("{at:<28} {:<24} {:<20} x{:<5} {}", dead.gateway, dead.reason, dead.count, dead.detail)
            };
            out.line(&line)?;
        }
        if page.next_page_token.is_empty() || out.reader() == Reader::Gone {
            return Ok(());
        }
        request.page_token = page.next_page_token;
    }
}

async fn gateways(channel: Channel, args: &QueryArgs, out: &mut Output) -> Result<(), CommandError> {
    let gateways = reports::all(channel, "").await?;
    if !args.json {
        out.line(reports::HEAD)?;
    }
    for gateway in &gateways {
        if args.json {
            out.line(&reports::json_line(gateway))?;
            continue;
        }
        for line in reports::lines(gateway) {
            out.line(&line)?;
        }
    }
    Ok(())
}

async fn points(channel: Channel, args: &QueryArgs, out: &mut Output) -> Result<(), CommandError> {
    let mut client = RegistryServiceClient::new(channel).max_decoding_message_size(server::ANSWER_BYTES_MAX);
    let mut request = v1::ListPointsRequest::default();
    loop {
        let page = client.list_points(request.clone()).await.map_err(refused)?.into_inner();
        for point in page.points.iter().filter(|point| args.point.is_empty() || args.point.contains(&point.id)) {
            out.line(&point_line(point, args.json))?;
        }
        if page.next_page_token.is_empty() || out.reader() == Reader::Gone {
            return Ok(());
        }
        request.page_token = page.next_page_token;
    }
}

fn point_line(point: &v1::Point, as_json: bool) -> String {
    let alarms: Vec<&str> = point.alarms.iter().map(|alarm| alarm.id.as_str()).collect();
    if as_json {
        return json!({
            "id": point.id, "number": point.number, "name": point.name, "park": point.park, "enterprise": point.enterprise,
            "installation": point.installation, "quantity": point.quantity, "unit": point.unit,
            "range": point.range_low.zip(point.range_high).map(|(low, high)| [low, high]),
            "protocol": point.protocol, "gateway": point.gateway, "tag": point.tag, "alarms": alarms,
        })
        .to_string();
    }
    let source = format!("{} {}", point.gateway, point.tag);
    format!("{:<6} {:<24} {:<16} {:<8} {source:<36} {}", point.number, point.id, point.quantity, point.unit, alarms.join(" "))
}
