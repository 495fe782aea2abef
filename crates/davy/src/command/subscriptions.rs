//! `davy query subscriptions`: who follows the feed of events, and how far each is behind.

use serde_json::json;
use tonic::transport::Channel;
use wire::v1;
use wire::v1::exchange_service_client::ExchangeServiceClient;

use crate::cli::QueryArgs;
use crate::command::query::shown;
use crate::command::server;
use crate::exit::CommandError;
use crate::output::{Output, Reader};

/// Asks, page by page, and prints.
pub(super) async fn run(channel: Channel, args: &QueryArgs, out: &mut Output) -> Result<(), CommandError> {
    let mut client = ExchangeServiceClient::new(channel).max_decoding_message_size(server::ANSWER_BYTES_MAX);
    let mut request = v1::ListSubscriptionsRequest { page_size: 1_000, ..v1::ListSubscriptionsRequest::default() };
    if !args.json {
        out.line(&row(["subscription", "feeds", "behind", "unsent", "since", ""]))?;
    }
    loop {
        let page = client.list_subscriptions(request.clone()).await.map_err(|status| CommandError::status(&status))?.into_inner();
        for subscription in &page.subscriptions {
            out.line(&if args.json { json_line(subscription) } else { line(subscription) })?;
        }
        if page.next_page_token.is_empty() || out.reader() == Reader::Gone {
            return Ok(());
        }
        request.page_token = page.next_page_token;
    }
}

fn row([name, feeds, behind, unsent, since, note]: [&str; 6]) -> String {
    format!("{name:<32} {feeds:>5} {behind:>10} {unsent:>10} {since:<28} {note}").trim_end().to_owned()
}

fn line(it: &v1::Subscription) -> String {
    let note = match (it.expired, it.committed_cursor.is_empty()) {
        (true, _) => "retention has passed it: it has to start anew",
        (false, true) => "commits no cursor",
        (false, false) => "",
    };
    let (feeds, behind, unsent) = (it.open_feeds.to_string(), it.records_behind.to_string(), it.records_unsent.to_string());
    row([&it.name, &feeds, &behind, &unsent, &shown(it.behind_since.as_ref()), note])
}

fn json_line(it: &v1::Subscription) -> String {
    json!({
        "subscription": it.name, "committed_cursor": it.committed_cursor, "records_behind": it.records_behind,
        "behind_since": it.behind_since.as_ref().map(|time| shown(Some(time))), "expired": it.expired, "open_feeds": it.open_feeds,
        "records_unsent": it.records_unsent,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_stands_still_is_seen() {
        let since = wire::parse_time("2026-01-31T08:00:00Z").map(wire::time_to_v1);
        let behind = v1::Subscription {
            name: "transport".to_owned(),
            committed_cursor: "c".to_owned(),
            records_behind: 1_234,
            behind_since: since,
            ..v1::Subscription::default()
        };
        let said = line(&behind);
        assert!(
            said.starts_with("transport ") && said.contains("1234") && said.ends_with("2026-01-31T08:00:00.000000Z"),
            "{said}"
        );
        assert!(line(&v1::Subscription { expired: true, ..behind.clone() }).ends_with("start anew"));
        let json: serde_json::Value = serde_json::from_str(&json_line(&behind)).expect("JSON");
        assert_eq!((json["records_behind"].as_i64(), json["expired"].as_bool()), (Some(1_234), Some(false)));
    }
}
