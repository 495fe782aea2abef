//! `davy query cases`: the open ones and those that ended lately, oldest first.

use serde_json::{Value, json};
use tonic::transport::Channel;
use wire::v1;
use wire::v1::case_service_client::CaseServiceClient;

use crate::cli::QueryArgs;
use crate::command::query::shown;
use crate::command::server;
use crate::command::warnings::without_controls;
use crate::exit::CommandError;
use crate::output::{Output, Reader};

/// Asks, page by page, and prints.
pub(super) async fn run(channel: Channel, args: &QueryArgs, out: &mut Output) -> Result<(), CommandError> {
    let mut client = CaseServiceClient::new(channel).max_decoding_message_size(server::ANSWER_BYTES_MAX);
    let mut request = v1::ListCasesRequest {
        open_only: args.open,
        parks: args.park.clone(),
        enterprises: args.enterprise.clone(),
        departments: args.department.clone(),
        ..v1::ListCasesRequest::default()
    };
    loop {
        let page = client.list_cases(request.clone()).await.map_err(|status| CommandError::status(&status))?.into_inner();
        for case in &page.cases {
            if args.json {
                out.line(&json_line(case))?;
                continue;
            }
            for line in lines(case) {
                out.line(&line)?;
            }
        }
        if page.next_page_token.is_empty() || out.reader() == Reader::Gone {
            return Ok(());
        }
        request.page_token = page.next_page_token;
    }
}

/// A line for the case, then one for each task.
fn lines(case: &v1::Case) -> Vec<String> {
    let state = match &case.end {
        Some(end) if end.cancelled => "cancelled",
        Some(_) => "closed",
        None => "open",
    };
    let late = if case.late { ", late" } else { "" };
    let (at, subject, title, opener) = (shown(case.opened_at.as_ref()), &case.subject, &case.title, &case.opener);
    let head = format!("{at}  {subject}  {title}  by {opener}  {state}{late}  {}", case.id);
    std::iter::once(head).chain(case.tasks.iter().map(task)).map(|line| without_controls(&line)).collect()
}

fn task(task: &v1::CaseParty) -> String {
    let late = if task.late { " late" } else { "" };
    let state = match &task.answered_at {
        Some(at) => format!("answered{late} {} by {}: {}", shown(Some(at)), task.actor, task.text),
        None => format!("to answer by {}{late}", shown(task.due.as_ref())),
    };
    let extended = if task.extensions.is_empty() { String::new() } else { format!("  extended x{}", task.extensions.len()) };
    format!("    {:<20} {}  {state}{extended}", task.department, task.task)
}

fn json_line(case: &v1::Case) -> String {
    let time = |time: Option<&prost_types::Timestamp>| time.map(|time| shown(Some(time)));
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    json!({
        "id": case.id, "title": case.title, "place": case.place, "subject": case.subject, "park": some(&case.park),
        "enterprise": some(&case.enterprise), "revision": case.revision, "opener": case.opener, "actor": case.actor,
        "text": some(&case.text), "evidence": case.evidence, "opened_at": time(case.opened_at.as_ref()),
        "changed_at": time(case.changed_at.as_ref()), "late": case.late,
        "tasks": case.tasks.iter().map(task_json).collect::<Value>(),
        "end": case.end.as_ref().map(|it| json!({
            "at": time(it.at.as_ref()), "cancelled": it.cancelled, "actor": some(&it.actor), "text": some(&it.text),
        })),
    })
    .to_string()
}

fn task_json(task: &v1::CaseParty) -> Value {
    let time = |time: Option<&prost_types::Timestamp>| time.map(|time| shown(Some(time)));
    let extension = |it: &v1::TaskExtension| {
        json!({
            "at": time(it.at.as_ref()), "from": time(it.from.as_ref()), "to": time(it.to.as_ref()), "actor": it.actor,
            "text": it.text,
        })
    };
    json!({
        "department": task.department, "name": task.name, "task": task.task, "due": time(task.due.as_ref()),
        "answered_at": time(task.answered_at.as_ref()), "late": task.late, "actor": task.actor, "text": task.text,
        "evidence": task.evidence, "extensions": task.extensions.iter().map(extension).collect::<Value>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_says_who_has_to_do_what_until_when() {
        let at = |text: &str| wire::parse_time(text).map(wire::time_to_v1);
        let party = |department: &str, answered: bool| v1::CaseParty {
            department: department.to_owned(),
            task: "查运单\u{1b}".to_owned(),
            due: at("2026-01-31T08:00:00Z"),
            answered_at: at("2026-01-31T07:00:00Z").filter(|_| answered),
            late: !answered,
            actor: "wu".to_owned(),
            text: "已补".to_owned(),
            ..v1::CaseParty::default()
        };
        let case = v1::Case {
            id: "c1".to_owned(),
            title: "库存不符".to_owned(),
            subject: "e01".to_owned(),
            opener: "emergency".to_owned(),
            opened_at: at("2026-01-31T06:00:00Z"),
            tasks: vec![party("transport", true), party("ecology", false)],
            late: true,
            ..v1::Case::default()
        };
        let expected = [
            "2026-01-31T06:00:00.000000Z  e01  库存不符  by emergency  open, late  c1",
            "    transport            查运单   answered 2026-01-31T07:00:00.000000Z by wu: 已补",
            "    ecology              查运单   to answer by 2026-01-31T08:00:00.000000Z late",
        ];
        assert_eq!(lines(&case), expected);
        let json: Value = serde_json::from_str(&json_line(&case)).expect("JSON");
        assert_eq!((&json["tasks"][1]["late"], json["end"].is_null()), (&true.into(), true));
    }
}
