//! `davy query incidents` and `davy query incident ID`: duties with their times, and the record of who knew what when.

use anyhow::anyhow;
use serde_json::{Value, json};
use tonic::Response;
use tonic::transport::Channel;
use wire::v1;
use wire::v1::duty_service_client::DutyServiceClient;

use crate::cli::QueryArgs;
use crate::command::query::shown;
use crate::command::warnings::without_controls;
use crate::command::{on_duty, server};
use crate::exit::CommandError;
use crate::output::{Output, Reader};

fn client(channel: Channel) -> DutyServiceClient<Channel> {
    DutyServiceClient::new(channel).max_decoding_message_size(server::ANSWER_BYTES_MAX)
}

/// Asks for the list, page by page, and prints.
pub(super) async fn run(channel: Channel, args: &QueryArgs, out: &mut Output) -> Result<(), CommandError> {
    let mut client = client(channel);
    let mut request = v1::ListIncidentsRequest {
        open_only: args.open,
        parks: args.park.clone(),
        enterprises: args.enterprise.clone(),
        ..v1::ListIncidentsRequest::default()
    };
    loop {
        let page = client.list_incidents(request.clone()).await.map_err(|status| CommandError::status(&status))?.into_inner();
        for incident in &page.incidents {
            if args.json {
                out.line(&incident_json(incident).to_string())?;
                continue;
            }
            for line in lines(incident) {
                out.line(&line)?;
            }
        }
        if page.next_page_token.is_empty() || out.reader() == Reader::Gone {
            return Ok(());
        }
        request.page_token = page.next_page_token;
    }
}

/// The id of the incident whose record is wanted.
pub(super) fn asked(args: &QueryArgs) -> Result<&str, CommandError> {
    let wrong = || anyhow!("say which incident: davy query incident ID, with the id as davy query incidents shows it");
    args.id.as_deref().ok_or_else(wrong).map_err(CommandError::usage)
}

/// Asks for the record of one incident, and prints it.
pub(super) async fn record(channel: Channel, args: &QueryArgs, out: &mut Output) -> Result<(), CommandError> {
    let request = v1::GetIncidentRecordRequest { incident: asked(args)?.to_owned() };
    let record = client(channel).get_incident_record(request).await.map(Response::into_inner);
    let record = record.map_err(|status| CommandError::status(&status))?;
    let incident = record.incident.unwrap_or_default();
    if args.json {
        let mut json = incident_json(&incident);
        json["entries"] = record.entries.iter().map(entry_json).collect();
        json["more_entries"] = record.more_entries.into();
        json["on_duty"] = record.on_duty.iter().map(on_duty::shift_json).collect();
        return out.line(&json.to_string()).map(drop);
    }
    for line in lines(&incident) {
        out.line(&line)?;
    }
    out.line("on duty when it was known")?;
    for shift in &record.on_duty {
        out.line(&without_controls(&on_duty::shift_line(shift)))?;
    }
    out.line("who knew what when")?;
    for entry in &record.entries {
        out.line(&without_controls(&entry_line(entry)))?;
    }
    if record.more_entries > 0 {
        out.line(&format!("    and {} more", record.more_entries))?;
    }
    Ok(())
}

/// A line for the incident, then one for each duty.
fn lines(incident: &v1::Incident) -> Vec<String> {
    let state = match &incident.closing {
        Some(closing) if closing.in_error => "declared in error",
        Some(_) => "closed",
        None => "open",
    };
    let late = if incident.late { ", late" } else { "" };
    let class = match (incident.class.as_str(), incident.what.as_str()) {
        ("", "near_miss" | "loss_or_theft") => String::new(),
        ("", _) => " class unknown".to_owned(),
        (class, _) => format!(" {class} {}", incident.class_name),
    };
    let doubts = if incident.doubts.is_empty() { String::new() } else { format!("  DOUBT {}", incident.doubts.join(", ")) };
    let head = format!(
        "{}  {} {}{class}  {}  {}  known {}  {state}{late}{doubts}  {}",
        shown(incident.happened_at.as_ref()),
        incident.what,
        incident.what_name,
        incident.subject,
        incident.title,
        shown(incident.known_at.as_ref()),
        incident.id,
    );
    let duties = incident.duties.iter().map(|it| format!("    {}", duty_line(it)));
    std::iter::once(head).chain(duties).map(|line| without_controls(&line)).collect()
}

/// A duty and what became of it.
pub(super) fn duty_line(duty: &v1::DutyRow) -> String {
    let state = match (&duty.done_at, duty.waived) {
        (Some(at), _) => format!("told {}{}", shown(Some(at)), if duty.late { " LATE" } else { "" }),
        (None, true) => "not asked for any more".to_owned(),
        (None, false) if duty.if_of_class => format!("by {} if it is of a worse class", shown(duty.due.as_ref())),
        (None, false) => format!("by {}{}", shown(duty.due.as_ref()), if duty.late { " LATE" } else { "" }),
    };
    format!("{:<26} {} -> {}  {state}", duty.duty, duty.who_name, duty.whom_name)
}

fn entry_line(entry: &v1::IncidentEntry) -> String {
    let duty = if entry.duty.is_empty() { String::new() } else { format!("  {}", entry.duty) };
    let late = if entry.late { " late" } else { "" };
    let who = match (entry.department.as_str(), entry.actor.as_str()) {
        ("", "") => String::new(),
        (department, actor) => format!("  {department} {actor}"),
    };
    let recorded = if entry.at == entry.recorded_at {
        String::new()
    } else {
        format!("  (on record {})", shown(entry.recorded_at.as_ref()))
    };
    let text = if entry.text.is_empty() { String::new() } else { format!("  {}", entry.text) };
    format!("    {} {:<20}{duty}{late}{who}{text}{recorded}", shown(entry.at.as_ref()), entry.kind)
}

fn time(time: Option<&prost_types::Timestamp>) -> Option<String> {
    time.map(|time| shown(Some(time)))
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn incident_json(incident: &v1::Incident) -> Value {
    let losses = incident.losses.unwrap_or_default();
    json!({
        "id": incident.id, "what": incident.what, "what_name": incident.what_name, "title": incident.title,
        "place": incident.place, "subject": incident.subject, "park": some(&incident.park),
        "enterprise": some(&incident.enterprise), "installation": some(&incident.installation), "revision": incident.revision,
        "happened_at": time(incident.happened_at.as_ref()), "known_at": time(incident.known_at.as_ref()),
        "declared_at": time(incident.declared_at.as_ref()), "changed_at": time(incident.changed_at.as_ref()),
        "losses": {
            "dead": losses.dead, "severely_injured": losses.severely_injured, "poisoned": losses.poisoned,
            "direct_loss_yuan": losses.direct_loss_yuan,
        },
        "class": some(&incident.class), "class_name": some(&incident.class_name), "late": incident.late,
        "doubts": incident.doubts, "about": incident.about, "department": some(&incident.department), "actor": incident.actor,
        "text": some(&incident.text), "duties": incident.duties.iter().map(duty_json).collect::<Value>(),
        "notices": incident.notices.iter().map(notice_json).collect::<Value>(),
        "closing": incident.closing.as_ref().map(|it| json!({
            "at": time(it.at.as_ref()), "in_error": it.in_error, "department": some(&it.department), "actor": it.actor,
            "text": some(&it.text),
        })),
    })
}

fn duty_json(duty: &v1::DutyRow) -> Value {
    json!({
        "duty": duty.duty, "who": duty.who, "who_name": duty.who_name, "whom": duty.whom, "whom_name": duty.whom_name,
        "from": time(duty.from.as_ref()), "due": time(duty.due.as_ref()), "if_of_class": duty.if_of_class,
        "waived": duty.waived, "done_at": time(duty.done_at.as_ref()), "recorded_at": time(duty.recorded_at.as_ref()),
        "late": duty.late, "source": duty.source,
    })
}

fn notice_json(recorded: &v1::RecordedNotice) -> Value {
    let notice = recorded.notice.clone().unwrap_or_default();
    json!({
        "event_id": recorded.event_id, "recorded_at": time(recorded.recorded_at.as_ref()), "duty": some(&recorded.duty),
        "late": recorded.late, "department": some(&recorded.department), "actor": recorded.actor, "text": some(&recorded.text),
        "who": notice.who, "whom": notice.whom, "told_at": time(notice.told_at.as_ref()), "how": some(&notice.how),
        "reference": some(&notice.reference), "known_at": time(notice.known_at.as_ref()),
    })
}

fn entry_json(entry: &v1::IncidentEntry) -> Value {
    json!({
        "at": time(entry.at.as_ref()), "recorded_at": time(entry.recorded_at.as_ref()), "event_id": entry.event_id,
        "kind": entry.kind, "duty": some(&entry.duty), "late": entry.late, "department": some(&entry.department),
        "actor": some(&entry.actor), "text": some(&entry.text),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incident_says_what_is_due_and_what_is_doubtful() {
        let at = |text: &str| wire::parse_time(text).map(wire::time_to_v1);
        let row = |duty: &str, done: bool, if_of_class: bool| v1::DutyRow {
            duty: duty.to_owned(),
            who_name: "单位负责人".to_owned(),
            whom_name: "县级应急管理部门".to_owned(),
            due: at("2026-01-31T08:00:00Z"),
            done_at: at("2026-01-31T09:00:00Z").filter(|_| done),
            late: done,
            if_of_class,
            ..v1::DutyRow::default()
        };
        let incident = v1::Incident {
            id: "i1".to_owned(),
            what: "accident".to_owned(),
            what_name: "生产安全事故".to_owned(),
            title: "泄漏\u{1b}[2J".to_owned(),
            subject: "e01".to_owned(),
            happened_at: at("2026-01-31T06:50:00Z"),
            known_at: at("2026-01-31T07:00:00Z"),
            doubts: vec!["alarm_earlier".to_owned()],
            duties: vec![row("head-to-county", true, false), row("city-to-province", false, true)],
            ..v1::Incident::default()
        };
        let known = "known 2026-01-31T07:00:00.000000Z";
        let expected = [
            format!("2026-01-31T06:50:00.000000Z  accident 生产安全事故 class unknown  e01  泄漏 [2J  {known}  open  DOUBT alarm_earlier  i1"),
            "    head-to-county             单位负责人 -> 县级应急管理部门  told 2026-01-31T09:00:00.000000Z LATE".to_owned(),
            "    city-to-province           单位负责人 -> 县级应急管理部门  by 2026-01-31T08:00:00.000000Z if it is of a worse class".to_owned(),
        ];
        assert_eq!(lines(&incident), expected);
        let json = incident_json(&incident);
        assert_eq!((&json["duties"][0]["late"], json["losses"]["dead"].is_null()), (&true.into(), true));
    }
}
