//! `davy query statistics`: the figures of the alarm system, a table for each operator position.

use prost_types::Timestamp;
use serde_json::{Value, json};
use tonic::transport::Channel;
use wire::v1;
use wire::v1::history_service_client::HistoryServiceClient;

use crate::command::server;
use crate::exit::CommandError;
use crate::output::Output;

/// Asks and prints: the total, then the positions.
pub(crate) async fn run(
    channel: Channel,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    as_json: bool,
    out: &mut Output,
) -> Result<(), CommandError> {
    let mut client = HistoryServiceClient::new(channel).max_decoding_message_size(server::ANSWER_BYTES_MAX);
    let request = v1::GetAlarmStatisticsRequest { from, to, ..v1::GetAlarmStatisticsRequest::default() };
    let answer = client.get_alarm_statistics(request).await.map_err(|status| CommandError::status(&status))?.into_inner();
    if as_json {
        return out.line(&in_json(&answer).to_string()).map(drop);
    }
    for line in lines(&answer) {
        out.line(&line)?;
    }
    Ok(())
}

fn shown(time: Option<&Timestamp>) -> String {
    time.map(|time| wire::format_time(wire::time_from_v1(time))).unwrap_or_default()
}

fn lines(answer: &v1::AlarmStatistics) -> Vec<String> {
    let short = if answer.shorter_than_30_days { "  (the standard judges at least 30 days)" } else { "" };
    let mut lines = vec![format!("from {} to {}{short}", shown(answer.from.as_ref()), shown(answer.to.as_ref()))];
    for figures in answer.total.iter().chain(&answer.positions) {
        lines.push(String::new());
        position(figures, &mut lines);
    }
    if answer.more_positions > 0 {
        lines.push(format!("and {} more positions", answer.more_positions));
    }
    lines
}

fn position(figures: &v1::PositionStatistics, lines: &mut Vec<String>) {
    let name = if figures.position.is_empty() { "all positions together" } else { &figures.position };
    let v1::PositionStatistics { alarms, excursions, hidden, eemua_class, .. } = figures;
    lines.push(format!("{name}: {alarms} alarms of {excursions} excursions, {hidden} hidden; EEMUA 191: {eemua_class}"));
    lines.push(format!("  {:<22} {:>10} {:>9} {:>9}  verdict", "figure", "value", "target", "maximum"));
    lines.extend(figures.judgements.iter().map(judgement));
    let priorities = ["low", "medium", "high", "critical"].into_iter().zip(&figures.by_priority);
    let priorities: Vec<_> = priorities.map(|(name, count)| format!("{count} {name}")).collect();
    let flood = seconds(figures.flood_us);
    lines.push(format!("  by priority {}; {} floods, {flood} in all", priorities.join(", "), figures.floods));
    let v1::PositionStatistics { chatter_episodes, standing_at_end, not_cleared_in_24_h, .. } = figures;
    lines.push(format!(
        "  {chatter_episodes} chatters, {standing_at_end} standing now, {not_cleared_in_24_h} not cleared in 24 h"
    ));
    let v1::PositionStatistics { shelved, suppressed, out_of_service, .. } = figures;
    lines.push(format!("  shelved {shelved}, suppressed {suppressed}, out of service {out_of_service}"));
    lines.extend(durations("time to acknowledge", figures.time_to_acknowledge.as_ref()));
    lines.extend(durations("time to return", figures.time_to_return.as_ref()));
    let frequent = |it: &v1::FrequentAlarm| format!("  {:>6} {:>6}  {} {}", it.count, percent(it.share), it.point, it.alarm);
    lines.extend(figures.most_frequent.iter().map(frequent));
}

fn judgement(judgement: &v1::Judgement) -> String {
    let share = judgement.figure.ends_with("share");
    let number = |value: f64| if share { percent(value) } else { plain(value) };
    let below = if judgement.below { "<" } else { "<=" };
    let target = format!("{below}{}", number(judgement.target));
    let maximum = judgement.maximum.map_or_else(|| "-".to_owned(), number);
    let (figure, value) = (&judgement.figure, number(judgement.value));
    format!("  {figure:<22} {value:>10} {target:>9} {maximum:>9}  {}", judgement.verdict)
}

fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

/// With two decimals where it is no whole number.
fn plain(value: f64) -> String {
    let text = format!("{value:.2}");
    text.strip_suffix(".00").map_or(text.clone(), str::to_owned)
}

fn seconds(micros: i64) -> String {
    let tenths = micros.max(0) / 100_000;
    format!("{}.{} s", tenths / 10, tenths % 10)
}

fn durations(what: &str, durations: Option<&v1::DurationFigures>) -> Option<String> {
    let it = durations.filter(|it| it.count > 0)?;
    let [mean, median, p90, max] = [it.mean_us, it.median_us, it.p90_us, it.max_us].map(seconds);
    Some(format!("  {what}: mean {mean}, median {median}, p90 {p90}, max {max} ({} times)", it.count))
}

fn in_json(answer: &v1::AlarmStatistics) -> Value {
    json!({
        "from": shown(answer.from.as_ref()), "to": shown(answer.to.as_ref()), "complete_to": shown(answer.complete_to.as_ref()),
        "shorter_than_30_days": answer.shorter_than_30_days,
        "total": answer.total.as_ref().map(position_in_json),
        "positions": answer.positions.iter().map(position_in_json).collect::<Vec<_>>(),
        "more_positions": answer.more_positions,
    })
}

fn position_in_json(it: &v1::PositionStatistics) -> Value {
    let judgement = |it: &v1::Judgement| {
        json!({
            "figure": it.figure, "value": it.value, "target": it.target, "below": it.below, "maximum": it.maximum,
            "verdict": it.verdict, "clause": it.clause,
        })
    };
    let frequent = |it: &v1::FrequentAlarm| json!({ "point": it.point, "alarm": it.alarm, "count": it.count, "share": it.share });
    let durations = |it: &v1::DurationFigures| {
        json!({
            "count": it.count, "mean_us": it.mean_us, "median_us": it.median_us, "p90_us": it.p90_us, "max_us": it.max_us,
        })
    };
    json!({
        "position": it.position, "alarms": it.alarms, "excursions": it.excursions, "hidden": it.hidden,
        "by_priority": it.by_priority, "judgements": it.judgements.iter().map(judgement).collect::<Vec<_>>(),
        "eemua_class": it.eemua_class, "most_frequent": it.most_frequent.iter().map(frequent).collect::<Vec<_>>(),
        "floods": it.floods, "flood_us": it.flood_us, "chattering_alarms": it.chattering_alarms,
        "chatter_episodes": it.chatter_episodes, "fleeting": it.fleeting, "standing": it.standing,
        "standing_at_end": it.standing_at_end, "not_cleared_in_24_h": it.not_cleared_in_24_h, "shelved": it.shelved,
        "suppressed": it.suppressed, "out_of_service": it.out_of_service,
        "time_to_acknowledge": it.time_to_acknowledge.as_ref().map(durations),
        "time_to_return": it.time_to_return.as_ref().map(durations),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_readable() {
        let rate = v1::Judgement {
            figure: "alarms_per_day".to_owned(),
            value: 151.234,
            target: 150.0,
            maximum: Some(300.0),
            verdict: "over_target".to_owned(),
            ..Default::default()
        };
        let flood = v1::Judgement {
            figure: "flood_share".to_owned(),
            value: 0.0012,
            target: 0.01,
            below: true,
            verdict: "ok".to_owned(),
            ..Default::default()
        };
        let figures = v1::PositionStatistics {
            alarms: 4_537,
            excursions: 4_000,
            by_priority: vec![4_000, 500, 30, 7],
            judgements: vec![rate, flood],
            eemua_class: "stable".to_owned(),
            most_frequent: vec![v1::FrequentAlarm { point: "p".to_owned(), alarm: "high".to_owned(), count: 9, share: 0.5 }],
            time_to_return: Some(v1::DurationFigures { count: 2, mean_us: 1_250_000, ..Default::default() }),
            ..Default::default()
        };
        let answer = v1::AlarmStatistics { total: Some(figures), more_positions: 2, ..Default::default() };
        let wanted = [
            "from  to ",
            "",
            "all positions together: 4537 alarms of 4000 excursions, 0 hidden; EEMUA 191: stable",
            "  figure                      value    target   maximum  verdict",
            "  alarms_per_day             151.23     <=150       300  over_target",
            "  flood_share                  0.1%     <1.0%         -  ok",
            "  by priority 4000 low, 500 medium, 30 high, 7 critical; 0 floods, 0.0 s in all",
            "  0 chatters, 0 standing now, 0 not cleared in 24 h",
            "  shelved 0, suppressed 0, out of service 0",
            "  time to return: mean 1.2 s, median 0.0 s, p90 0.0 s, max 0.0 s (2 times)",
            "       9  50.0%  p high",
            "and 2 more positions",
        ];
        assert_eq!(lines(&answer), wanted);
        assert_eq!(in_json(&answer)["total"]["judgements"][0]["value"], 151.234);
    }
}
