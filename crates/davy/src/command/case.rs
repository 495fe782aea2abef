//! `davy case`: joint cases from a shell.

use anyhow::anyhow;
use tonic::Response;
use wire::v1;
use wire::v1::case_service_client::CaseServiceClient;

use crate::cli::{CaseCommand, OpenArgs, Speaker};
use crate::command::alarm::login_name;
use crate::command::{moment, server};
use crate::exit::CommandError;

/// Asks, and tells the outcome.
pub async fn run(command: &CaseCommand) -> Result<(), CommandError> {
    let speaker = speaker(command);
    let opening = if let CaseCommand::Open(args) = command { Some(opening(args)?) } else { None };
    let due = if let CaseCommand::Extend(args) = command { Some(moment::ahead("--due", &args.due)?) } else { None };
    let mut client = CaseServiceClient::new(server::connect(&speaker.server).await?);
    let (request_id, actor) = (speaker.request_id.clone(), actor(speaker));
    let (word, answer) = match command {
        CaseCommand::Open(_) => ("open", client.open_case(opening.unwrap_or_default()).await),
        CaseCommand::Answer(args) => {
            let (case, department, text) = (args.case.clone(), args.department.clone(), args.text.clone());
            let evidence = args.evidence.clone();
            let request = v1::AnswerTaskRequest { request_id, case, department, actor, text, evidence };
            ("answer", client.answer_task(request).await)
        }
        CaseCommand::Extend(args) => {
            let (case, department, text) = (args.case.clone(), args.department.clone(), args.text.clone());
            let (task_of, due) = (args.task_of.clone(), due.map(wire::time_to_v1));
            let request = v1::ExtendTaskRequest { request_id, case, department, actor, task_of, due, text };
            ("extend", client.extend_task(request).await)
        }
        CaseCommand::Cancel(args) => {
            let (case, department, text) = (args.case.clone(), args.department.clone(), args.text.clone());
            ("cancel", client.cancel_case(v1::CancelCaseRequest { request_id, case, department, actor, text }).await)
        }
    };
    let answer = answer.map(Response::into_inner).map_err(|status| CommandError::status(&status))?;
    let case = answer.case.map(|it| it.id).unwrap_or_default();
    eprintln!("case {case}: {word} accepted, on record as {}", answer.event_id);
    Ok(())
}

const fn speaker(command: &CaseCommand) -> &Speaker {
    match command {
        CaseCommand::Open(args) => &args.speaker,
        CaseCommand::Answer(args) => &args.speaker,
        CaseCommand::Extend(args) => &args.speaker,
        CaseCommand::Cancel(args) => &args.speaker,
    }
}

/// Who speaks, in person.
pub(super) fn actor(speaker: &Speaker) -> String {
    speaker.actor.clone().unwrap_or_else(login_name)
}

fn opening(args: &OpenArgs) -> Result<v1::OpenCaseRequest, CommandError> {
    let (place, subject) = match (&args.enterprise, &args.park) {
        (Some(enterprise), _) => ("enterprise", enterprise.clone()),
        (None, park) => ("park", park.clone().unwrap_or_default()),
    };
    Ok(v1::OpenCaseRequest {
        request_id: args.speaker.request_id.clone(),
        department: args.department.clone(),
        actor: actor(&args.speaker),
        title: args.title.clone(),
        place: place.to_owned(),
        subject,
        tasks: args.task.iter().map(|it| task(it, args.due.as_deref())).collect::<Result<_, _>>()?,
        evidence: args.evidence.clone(),
        text: args.text.clone(),
    })
}

/// `DEPARTMENT=WHAT` or `DEPARTMENT@DUE=WHAT`.
fn task(text: &str, due: Option<&str>) -> Result<v1::NewTask, CommandError> {
    let wrong = || CommandError::usage(anyhow!("read --task `{text}`; write it like transport=查运单 or transport@24h=查运单"));
    let (head, task) = text.split_once('=').ok_or_else(wrong)?;
    let (department, own) = head.split_once('@').map_or((head, None), |(department, due)| (department, Some(due)));
    let due = own
        .or(due)
        .ok_or_else(|| CommandError::usage(anyhow!("say until when with --due: the task of {department} has no time")))?;
    let due = Some(wire::time_to_v1(moment::ahead("--due", due)?));
    Ok(v1::NewTask { department: department.to_owned(), task: task.to_owned(), due })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_has_its_own_time_or_that_of_all() {
        let due = |text: &str, due: Option<&str>| task(text, due).map(|it| (it.department, it.task, it.due));
        let time = wire::parse_time("2026-01-31T08:00:00Z").map(wire::time_to_v1);
        let wanted = ("transport".to_owned(), "查=运单".to_owned(), time);
        assert_eq!(due("transport=查=运单", Some("2026-01-31T08:00:00Z")).ok(), Some(wanted.clone()));
        assert_eq!(due("transport@2026-01-31T08:00:00Z=查=运单", Some("24h")).ok(), Some(wanted));
        assert!(
            due("transport", Some("24h")).is_err() && due("transport=a", None).is_err() && due("transport@soon=a", None).is_err()
        );
    }
}
