//! `davy report`: what a department did or saw, from a shell.

mod body;
mod fields;

use anyhow::{Context, anyhow};
use model::ReportKind;
use tonic::Response;
use wire::v1;
use wire::v1::exchange_service_client::ExchangeServiceClient;

use self::fields::Fields;
use crate::cli::ReportArgs;
use crate::command::alarm::login_name;
use crate::command::{moment, server};
use crate::exit::CommandError;

/// Reports it, and tells the outcome.
pub async fn run(args: &ReportArgs) -> Result<(), CommandError> {
    let request = request(args)?;
    let mut client = ExchangeServiceClient::new(server::connect(&args.server).await?);
    let answer = client.submit_report(request).await.map(Response::into_inner);
    let answer = answer.map_err(|status| CommandError::status(&status))?;
    let what = if answer.event_id.is_empty() { "no news".to_owned() } else { format!("on record as {}", answer.event_id) };
    let sampled = if answer.sampled { ", taken as a sample" } else { "" };
    eprintln!("{} by {}: {what}{sampled}", args.kind, args.department);
    Ok(())
}

fn request(args: &ReportArgs) -> Result<v1::SubmitReportRequest, CommandError> {
    let kind = ReportKind::of_word(&args.kind).ok_or_else(|| {
        let all: Vec<_> = ReportKind::ALL.iter().map(|it| it.word()).collect();
        CommandError::usage(anyhow!("`{}` is no kind of report; use one of {}", args.kind, all.join(", ")))
    })?;
    let occurred_at = args.occurred_at.as_deref().map(|it| moment::past("--occurred-at", it)).transpose()?;
    Ok(v1::SubmitReportRequest {
        request_id: args.request_id.clone(),
        department: args.department.clone(),
        actor: args.actor.clone().unwrap_or_else(login_name),
        occurred_at: occurred_at.map(wire::time_to_v1),
        text: args.text.clone(),
        about: args.about.clone(),
        park: args.park.clone(),
        enterprise: args.enterprise.clone(),
        installation: args.installation.clone(),
        body: Some(wire::body_to_submit(body::build(kind, given(kind, args)?)?)),
    })
}

/// The fields as they were given.
fn given(kind: ReportKind, args: &ReportArgs) -> Result<Fields, CommandError> {
    let Some(file) = &args.file else { return Fields::of_pairs(kind.word(), &args.set) };
    let text = std::fs::read_to_string(file);
    let text = text.with_context(|| format!("read {}", file.display())).map_err(CommandError::input)?;
    match kind {
        ReportKind::ExternalAlert => Ok(Fields::of_document(kind.word(), text)),
        _ => Fields::of_json(kind.word(), &text),
    }
}
