//! `davy query supervision` and `davy query online --from`: whether alarms could have fired, and which points were online.

use anyhow::anyhow;
use serde_json::{Value, json};
use tonic::transport::Channel;
use wire::v1;
use wire::v1::history_service_client::HistoryServiceClient;

use crate::cli::{By, QueryArgs};
use crate::command::query::shown;
use crate::command::{moment, server};
use crate::exit::CommandError;
use crate::output::Output;

/// Asks for a period or a moment, and prints.
pub(super) async fn run(channel: Channel, args: &QueryArgs, out: &mut Output) -> Result<(), CommandError> {
    let request = asked(args)?;
    let at = shown(request.at.as_ref());
    let mut client = HistoryServiceClient::new(channel).max_decoding_message_size(server::ANSWER_BYTES_MAX);
    let answer = client.query_supervision(request).await.map_err(|status| CommandError::status(&status))?.into_inner();
    let complete_to = shown(answer.complete_to.as_ref());
    for moment in &answer.moments {
        if args.json {
            out.line(&moment_json(moment, &at, &complete_to))?;
            continue;
        }
        out.line(&moment_said(moment, &at))?;
        gaps(&moment.gaps, out)?;
    }
    for rule in &answer.rules {
        if args.json {
            out.line(&rule_json(rule, &complete_to))?;
            continue;
        }
        out.line(&rule_said(rule))?;
        gaps(&rule.gaps, out)?;
        if rule.more_gaps > 0 {
            out.line(&format!("    and {} more gaps", rule.more_gaps))?;
        }
    }
    finish(answer.more, &complete_to, args.json, out)
}

/// The request, or what is wrong with it.
pub(super) fn asked(args: &QueryArgs) -> Result<v1::QuerySupervisionRequest, CommandError> {
    let (from, to, at) = match &args.at {
        Some(_) if args.from.is_some() || args.to.is_some() => {
            return Err(CommandError::usage(anyhow!("use --at together with --from or --to: give a moment or a period")));
        }
        Some(at) => (None, None, Some(wire::time_to_v1(moment::past("--at", at)?))),
        None => {
            let (from, to) = moment::period(args.from.as_deref(), args.to.as_deref())?;
            (Some(from), Some(to), None)
        }
    };
    Ok(v1::QuerySupervisionRequest {
        points: args.point.clone(),
        alarms: args.alarm.clone(),
        enterprises: args.enterprise.clone(),
        parks: args.park.clone(),
        from,
        to,
        at,
    })
}

/// What is left out, and how far the record goes; of JSON each line says the latter, and the former goes beside it.
fn finish(more: bool, complete_to: &str, as_json: bool, out: &mut Output) -> Result<(), CommandError> {
    if more {
        eprintln!("davy: there is more than one answer holds; ask for fewer with --point, --alarm, --enterprise or --park");
    }
    let complete_to = if complete_to.is_empty() { "nothing: nothing was ever recorded" } else { complete_to };
    if as_json { Ok(()) } else { out.line(&format!("complete to {complete_to}")).map(drop) }
}

/// Could it have fired?
fn moment_said(moment: &v1::RuleAtMoment, at: &str) -> String {
    let v1::RuleAtMoment { point, alarm, .. } = moment;
    match (moment.could_have_fired, moment.not_in_force) {
        (None, _) => format!("{point} {alarm}: not known yet at {at}"),
        (Some(true), _) => format!("{point} {alarm}: yes, it could have fired at {at}"),
        (Some(false), true) => format!("{point} {alarm}: no, there was no such rule at {at}"),
        (Some(false), false) => format!("{point} {alarm}: no, it could not have fired at {at}"),
    }
}

fn rule_said(rule: &v1::RuleSupervision) -> String {
    let v1::RuleSupervision { point, alarm, in_force_us, supervised_us, .. } = rule;
    let share = percent(*supervised_us, *in_force_us).unwrap_or_else(|| "-".to_owned());
    let (supervised, in_force) = (seconds(*supervised_us), seconds(*in_force_us));
    format!("{point:<24} {alarm:<12} could have fired {supervised} of {in_force} s in force ({share})")
}

fn gaps(gaps: &[v1::SupervisionGap], out: &mut Output) -> Result<(), CommandError> {
    for gap in gaps {
        let (from, to) = (shown(gap.from.as_ref()), shown(gap.to.as_ref()));
        out.line(&format!("    {:<18} {from} to {to}  {}, see {}", gap.reason, gap.scope, gap.evidence))?;
    }
    Ok(())
}

fn gap_json(gap: &v1::SupervisionGap) -> Value {
    let (from, to) = (shown(gap.from.as_ref()), shown(gap.to.as_ref()));
    json!({ "reason": gap.reason, "from": from, "to": to, "scope": gap.scope, "evidence": gap.evidence })
}

fn moment_json(it: &v1::RuleAtMoment, at: &str, complete_to: &str) -> String {
    json!({
        "point": it.point, "alarm": it.alarm, "at": at, "could_have_fired": it.could_have_fired, "not_in_force": it.not_in_force,
        "gaps": it.gaps.iter().map(gap_json).collect::<Vec<_>>(), "complete_to": complete_to,
    })
    .to_string()
}

fn rule_json(it: &v1::RuleSupervision, complete_to: &str) -> String {
    json!({
        "point": it.point, "alarm": it.alarm, "alarm_kind": it.alarm_kind, "park": it.park, "enterprise": it.enterprise,
        "installation": it.installation, "in_force_us": it.in_force_us, "supervised_us": it.supervised_us,
        "gaps": it.gaps.iter().map(gap_json).collect::<Vec<_>>(), "more_gaps": it.more_gaps, "complete_to": complete_to,
    })
    .to_string()
}

/// Asks for online rates of a period, and prints.
pub(super) async fn online(channel: Channel, args: &QueryArgs, out: &mut Output) -> Result<(), CommandError> {
    let (from, to) = moment::period(args.from.as_deref(), args.to.as_deref())?;
    let by = match args.by {
        Some(By::Point) => v1::OnlineBy::Point,
        None | Some(By::Enterprise) => v1::OnlineBy::Enterprise,
        Some(By::Park) => v1::OnlineBy::Park,
    };
    let request = v1::GetOnlineRatesRequest {
        from: Some(from),
        to: Some(to),
        by: by.into(),
        points: args.point.clone(),
        enterprises: args.enterprise.clone(),
        parks: args.park.clone(),
    };
    let mut client = HistoryServiceClient::new(channel).max_decoding_message_size(server::ANSWER_BYTES_MAX);
    let answer = client.get_online_rates(request).await.map_err(|status| CommandError::status(&status))?.into_inner();
    let complete_to = shown(answer.complete_to.as_ref());
    if !args.json {
        let head = by.as_str_name().trim_start_matches("ONLINE_BY_").to_lowercase();
        out.line(&format!("{head:<24} {:>7} {:>16} {:>16} {:>8}", "points", "online s", "in force s", "rate"))?;
    }
    for rate in &answer.rates {
        out.line(&if args.json { rate_json(rate, &complete_to) } else { rate_said(rate) })?;
    }
    finish(answer.more, &complete_to, args.json, out)
}

fn rate_said(rate: &v1::PeriodOnlineRate) -> String {
    let id = if rate.id.is_empty() { "-" } else { &rate.id };
    let share = percent(rate.online_us, rate.in_force_us).unwrap_or_else(|| "-".to_owned());
    let (online, in_force) = (seconds(rate.online_us), seconds(rate.in_force_us));
    format!("{id:<24} {:>7} {online:>16} {in_force:>16} {share:>8}", rate.points)
}

fn rate_json(it: &v1::PeriodOnlineRate, complete_to: &str) -> String {
    json!({
        "id": it.id, "points": it.points, "online_us": it.online_us, "in_force_us": it.in_force_us, "rate": it.rate,
        "complete_to": complete_to,
    })
    .to_string()
}

fn seconds(micros: i64) -> String {
    format!("{}.{:03}", micros / 1_000_000, micros % 1_000_000 / 1_000)
}

/// Rounded down: what is not whole never looks so.
fn percent(part: i64, whole: i64) -> Option<String> {
    let thousandths = (whole > 0).then(|| i128::from(part) * 100_000 / i128::from(whole))?;
    Some(format!("{}.{:03} %", thousandths / 1_000, thousandths % 1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_yes_no_or_not_known() {
        let said = |could_have_fired, not_in_force| {
            let (point, alarm) = ("p1".to_owned(), "high".to_owned());
            moment_said(&v1::RuleAtMoment { point, alarm, could_have_fired, not_in_force, gaps: Vec::new() }, "03:12")
        };
        assert_eq!(said(Some(true), false), "p1 high: yes, it could have fired at 03:12");
        assert_eq!(said(Some(false), false), "p1 high: no, it could not have fired at 03:12");
        assert_eq!(said(Some(false), true), "p1 high: no, there was no such rule at 03:12");
        assert_eq!(said(None, false), "p1 high: not known yet at 03:12");
    }

    #[test]
    fn a_share_below_the_whole_is_never_shown_as_the_whole() {
        assert_eq!(percent(86_399_999_999, 86_400_000_000).as_deref(), Some("99.999 %"));
        assert_eq!(percent(5, 5).as_deref(), Some("100.000 %"));
        assert_eq!(percent(0, 0), None);
        let rule = v1::RuleSupervision {
            point: "p1".to_owned(),
            alarm: "high".to_owned(),
            in_force_us: 86_400_000_000,
            supervised_us: 85_980_000_000,
            ..v1::RuleSupervision::default()
        };
        let said = rule_said(&rule);
        assert!(said.ends_with("could have fired 85980.000 of 86400.000 s in force (99.513 %)"), "{said}");
    }
}
