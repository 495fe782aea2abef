//! `davy query upstreams`: whose events are taken, and how far that is.

use serde_json::{Map, Value, json};
use tonic::transport::Channel;
use wire::v1;
use wire::v1::exchange_service_client::ExchangeServiceClient;

use crate::cli::QueryArgs;
use crate::command::query::shown;
use crate::exit::CommandError;
use crate::output::Output;

/// Asks and prints.
pub(super) async fn run(channel: Channel, args: &QueryArgs, out: &mut Output) -> Result<(), CommandError> {
    let mut client = ExchangeServiceClient::new(channel);
    let answer = client.list_upstreams(v1::ListUpstreamsRequest {}).await.map_err(|status| CommandError::status(&status))?;
    let v1::ListUpstreamsResponse { node, upstreams } = answer.into_inner();
    if !args.json {
        out.line(&format!("this Davy is {node}"))?;
        out.line(&row(["upstream", "node", "lag", "behind", "taken", "skipped", "complete to", ""]))?;
    }
    for upstream in &upstreams {
        out.line(&if args.json { json_line(upstream) } else { line(upstream) })?;
    }
    Ok(())
}

fn row([name, node, lag, behind, taken, skipped, complete, note]: [&str; 8]) -> String {
    let row = format!("{name:<24} {node:<24} {lag:>9} {behind:>8} {taken:>10} {skipped:>8} {complete:<28} {note}");
    row.trim_end().to_owned()
}

fn line(it: &v1::Upstream) -> String {
    let note =
        if it.connected { String::new() } else { format!("not connected since {}: {}", shown(it.since.as_ref()), it.trouble) };
    let behind = it.records_behind.map_or_else(|| "-".to_owned(), |it| it.to_string());
    let skipped: u64 = it.skipped.iter().map(|it| it.count).sum();
    let lag = if it.complete_to.is_some() { format!("{:.1} s", it.lag_seconds) } else { "-".to_owned() };
    let (taken, skipped) = (it.taken.to_string(), skipped.to_string());
    row([&it.name, &it.node, &lag, &behind, &taken, &skipped, &shown(it.complete_to.as_ref()), &note])
}

fn json_line(it: &v1::Upstream) -> String {
    let time = |time: Option<&prost_types::Timestamp>| time.map(|time| shown(Some(time)));
    let skipped: Map<String, Value> = it.skipped.iter().map(|it| (it.reason.clone(), json!(it.count))).collect();
    json!({
        "upstream": it.name, "url": it.url, "node": it.node, "connected": it.connected, "since": time(it.since.as_ref()),
        "cursor": it.cursor, "last_event_at": time(it.last_event_at.as_ref()), "complete_to": time(it.complete_to.as_ref()),
        "lag_seconds": it.lag_seconds, "records_behind": it.records_behind, "taken": it.taken, "skipped": skipped,
        "trouble": it.trouble,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_away_is_seen() {
        let time = wire::parse_time("2026-01-31T08:00:00Z").map(wire::time_to_v1);
        let away = v1::Upstream {
            name: "county-a".to_owned(),
            node: "county-a".to_owned(),
            since: time,
            complete_to: time,
            lag_seconds: 3_600.25,
            records_behind: Some(12),
            taken: 7,
            skipped: vec![v1::SkippedEvents { reason: "own".to_owned(), count: 3 }],
            trouble: "Connection refused".to_owned(),
            ..v1::Upstream::default()
        };
        let said = line(&away);
        assert!(
            said.contains("3600.2 s") && said.contains(" 12 ") && said.ends_with("08:00:00.000000Z: Connection refused"),
            "{said}"
        );
        let json: Value = serde_json::from_str(&json_line(&away)).expect("JSON");
        assert_eq!((json["skipped"]["own"].as_u64(), json["connected"].as_bool()), (Some(3), Some(false)));
        let new = line(&v1::Upstream { connected: true, ..v1::Upstream::default() });
        assert!(new.split_whitespace().collect::<Vec<_>>() == ["-", "-", "0", "0"], "{new}");
    }
}
