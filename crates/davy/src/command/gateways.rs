//! Gateways as a shell shows them: a line each with what is wrong indented below, or everything as JSON.

use serde_json::{Value, json};
use tonic::transport::Channel;
use wire::v1;
use wire::v1::ingest_service_client::IngestServiceClient;

use crate::command::server;
use crate::exit::CommandError;

/// Unmapped tags shown to a person.
const TAGS_SHOWN: usize = 8;

/// The line above the lines of `lines`.
pub(super) const HEAD: &str = "gateway                          protocol   connected last message         rate/s clock offset (ms)       gaps  losses refused unmapped rebirths";

/// All gateways, or the one of this path.
pub(super) async fn all(channel: Channel, path: &str) -> Result<Vec<v1::Gateway>, CommandError> {
    let mut client = IngestServiceClient::new(channel).max_decoding_message_size(server::ANSWER_BYTES_MAX);
    let mut request = v1::ListGatewaysRequest { gateway: path.to_owned(), ..v1::ListGatewaysRequest::default() };
    let mut all = Vec::new();
    loop {
        let page = client.list_gateways(request.clone()).await.map_err(|status| CommandError::status(&status))?.into_inner();
        all.extend(page.gateways);
        if page.next_page_token.is_empty() {
            return Ok(all);
        }
        request.page_token = page.next_page_token;
    }
}

/// A line for a person, and below it what is wrong.
pub(super) fn lines(gateway: &v1::Gateway) -> Vec<String> {
    let connected = match gateway.connected {
        Some(true) => "yes",
        Some(false) => "no",
        None => "-",
    };
    let last = gateway.last_message_at.as_ref().map_or_else(|| "never".to_owned(), age);
    let rebirths: u64 = gateway.rebirths.iter().map(|it| it.count).sum();
    let mut lines = vec![format!(
        "{:<32} {:<10} {connected:<9} {last:<18} {:>8.2} {:<22} {:>6} {:>7} {:>7} {:>8} {rebirths:>8}{}",
        gateway.path,
        gateway.protocol,
        gateway.messages_per_second,
        gateway.clock.as_ref().map_or_else(|| "-".to_owned(), offset),
        gateway.gaps,
        gateway.losses.len(),
        gateway.refused,
        gateway.unmapped_values,
        if gateway.known { "" } else { "  (not in the site)" },
    )];
    lines.extend(
        gateway
            .faults
            .iter()
            .map(|it| format!("    fault {} x{} since {}: {}", it.rule, it.count, shown(it.since.as_ref()), it.detail)),
    );
    lines.extend(gateway.losses.iter().map(loss));
    if rebirths > 0 {
        let causes: Vec<_> = gateway.rebirths.iter().map(|it| format!("{} x{}", it.cause, it.count)).collect();
        lines.push(format!("    rebirths asked for: {}; last {}", causes.join(", "), shown(gateway.last_rebirth_at.as_ref())));
    }
    lines.extend(unmapped(gateway));
    lines
}

fn loss(loss: &v1::GatewayLoss) -> String {
    let messages = loss.messages.map_or_else(String::new, |it| format!("{it} messages, "));
    let (from, to) = (shown(loss.from.as_ref()), shown(loss.to.as_ref()));
    format!("    loss {from} .. {to}: {messages}{} points: {}", loss.points, loss.reason)
}

fn unmapped(gateway: &v1::Gateway) -> Option<String> {
    let tags = &gateway.unmapped_tags;
    if tags.is_empty() {
        return None;
    }
    let named: Vec<_> = tags.iter().take(TAGS_SHOWN).map(tag_name).collect();
    let more = tags.len().saturating_sub(TAGS_SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(format!(
        "    no point claims {}{more}; see davy site draft --from gateways --gateway {}",
        named.join(", "),
        gateway.path
    ))
}

fn tag_name(tag: &v1::UnmappedTag) -> String {
    if tag.device.is_empty() { tag.tag.clone() } else { format!("{}/{}", tag.device, tag.tag) }
}

/// Milliseconds with their uncertainty.
fn offset(clock: &v1::ClockOffset) -> String {
    #[expect(clippy::cast_precision_loss, reason = "microseconds shown as milliseconds")]
    let ms = |micros: i64| micros as f64 / 1_000.0;
    format!("{:+.1} ± {:.1}", ms(clock.offset_us), ms(clock.uncertainty_us))
}

/// How long ago, by this machine's clock.
fn age(time: &prost_types::Timestamp) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let seconds = i64::try_from(now).unwrap_or(i64::MAX).saturating_sub(time.seconds).max(0);
    match seconds {
        0..120 => format!("{seconds} s ago"),
        120..7_200 => format!("{} min ago", seconds / 60),
        _ => shown(Some(time)).chars().take(16).collect(),
    }
}

fn shown(time: Option<&prost_types::Timestamp>) -> String {
    time.map(|time| wire::format_time(wire::time_from_v1(time))).unwrap_or_default()
}

fn optional(time: Option<&prost_types::Timestamp>) -> Value {
    time.map_or(Value::Null, |_| Value::from(shown(time)))
}

/// Everything, one object.
pub(super) fn json_line(gateway: &v1::Gateway) -> String {
    let losses: Vec<_> = gateway.losses.iter().map(|it| {
        json!({"from": shown(it.from.as_ref()), "to": shown(it.to.as_ref()), "reason": it.reason, "messages": it.messages, "points": it.points})
    }).collect();
    let tags = gateway.unmapped_tags.iter().map(|it| {
        json!({"tag": it.tag, "device": it.device, "datatype": it.datatype, "unit": it.unit, "last_value": it.last_value, "count": it.count})
    });
    let faults = gateway.faults.iter().map(|it| {
        json!({"rule": it.rule, "detail": it.detail, "since": shown(it.since.as_ref()), "last_seen_at": shown(it.last_seen_at.as_ref()), "count": it.count})
    });
    let rebirths: serde_json::Map<_, _> = gateway.rebirths.iter().map(|it| (it.cause.clone(), Value::from(it.count))).collect();
    let clock = gateway
        .clock
        .as_ref()
        .map(|it| json!({"offset_us": it.offset_us, "uncertainty_us": it.uncertainty_us, "messages": it.messages}));
    json!({
        "protocol": gateway.protocol, "path": gateway.path, "known": gateway.known, "enterprise": gateway.enterprise,
        "connected": gateway.connected, "connected_since": optional(gateway.connected_since.as_ref()),
        "last_message_at": optional(gateway.last_message_at.as_ref()), "messages_per_second": gateway.messages_per_second,
        "messages": gateway.messages, "samples": gateway.samples, "refused": gateway.refused, "gaps": gateway.gaps,
        "unmapped_values": gateway.unmapped_values, "clock": clock, "losses": losses,
        "unmapped_tags": tags.collect::<Vec<_>>(), "rebirths": rebirths, "last_rebirth_at": optional(gateway.last_rebirth_at.as_ref()),
        "last_rebirth_cause": gateway.last_rebirth_cause, "faults": faults.collect::<Vec<_>>(),
    })
    .to_string()
}
