//! `davy query online`: how many points deliver, by enterprise, by park and in all.

use serde_json::json;
use tonic::transport::Channel;
use wire::v1;
use wire::v1::alarm_service_client::AlarmServiceClient;

use crate::cli::QueryArgs;
use crate::command::server;
use crate::exit::CommandError;
use crate::output::Output;

/// Asks and prints.
pub(super) async fn run(channel: Channel, args: &QueryArgs, out: &mut Output) -> Result<(), CommandError> {
    let mut client = AlarmServiceClient::new(channel).max_decoding_message_size(server::ANSWER_BYTES_MAX);
    let answer = client.list_online_rates(v1::ListOnlineRatesRequest::default()).await;
    let answer = answer.map_err(|status| CommandError::status(&status))?.into_inner();
    if !args.json {
        out.line(&format!("{:<24} {:<24} {:>7} {:>7} {:>7}", "park", "enterprise", "points", "online", "rate"))?;
    }
    for rate in answer.enterprises.iter().chain(&answer.parks).chain(&answer.total) {
        out.line(&if args.json { json_line(rate) } else { line(rate) })?;
    }
    Ok(())
}

/// A sum has a `*` for all that it is of; an enterprise outside any park a `-` for its park.
fn line(rate: &v1::OnlineRate) -> String {
    let park = match (rate.park.as_str(), rate.enterprise.as_str()) {
        ("", "") => "*",
        ("", _) => "-",
        (park, _) => park,
    };
    let enterprise = if rate.enterprise.is_empty() { "*" } else { &rate.enterprise };
    let share = rate.rate.map_or_else(|| "-".to_owned(), |rate| format!("{:.1} %", rate * 100.0));
    format!("{park:<24} {enterprise:<24} {:>7} {:>7} {share:>7}", rate.points, rate.online)
}

fn json_line(rate: &v1::OnlineRate) -> String {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let time = rate.time.as_ref().map(|time| wire::format_time(wire::time_from_v1(time)));
    json!({
        "park": some(&rate.park), "enterprise": some(&rate.enterprise), "points": rate.points, "online": rate.online,
        "rate": rate.rate, "time": time,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_told_from_enterprises() {
        let rate = v1::OnlineRate { points: 3, online: 2, rate: Some(2.0 / 3.0), ..v1::OnlineRate::default() };
        let of = |park: &str, enterprise: &str| {
            let rate = v1::OnlineRate { park: park.to_owned(), enterprise: enterprise.to_owned(), ..rate.clone() };
            line(&rate).split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(of("rugang", "e01"), ["rugang", "e01", "3", "2", "66.7", "%"]);
        assert_eq!(of("", "e01")[..2], ["-", "e01"]);
        assert_eq!(of("rugang", "")[..2], ["rugang", "*"]);
        assert_eq!(of("", "")[..2], ["*", "*"]);
    }
}
