//! `davy warning`: what an addressee says of a warning, from a shell.

use model::WarningAction;
use tonic::Response;
use wire::v1;
use wire::v1::exchange_service_client::ExchangeServiceClient;

use crate::cli::{WarningArgs, WarningCommand};
use crate::command::alarm::login_name;
use crate::command::server;
use crate::exit::CommandError;

/// Says it, and tells the outcome.
pub async fn run(command: &WarningCommand) -> Result<(), CommandError> {
    let (action, args) = said(command);
    let mut client = ExchangeServiceClient::new(server::connect(&args.server).await?);
    let answer = client.respond_to_warning(request(action, args)).await.map(Response::into_inner);
    let answer = answer.map_err(|status| CommandError::status(&status))?;
    let (word, event) = (action.as_str(), answer.event_id);
    eprintln!("{} by {}: {word} accepted, on record as {event}", args.warning, args.department);
    Ok(())
}

const fn said(command: &WarningCommand) -> (WarningAction, &WarningArgs) {
    match command {
        WarningCommand::Receive(args) => (WarningAction::Receive, args),
        WarningCommand::Respond(args) => (WarningAction::Respond, args),
        WarningCommand::Resolve(args) => (WarningAction::Resolve, args),
        WarningCommand::Close(args) => (WarningAction::Close, args),
        WarningCommand::Cancel(args) => (WarningAction::Cancel, args),
    }
}

fn request(action: WarningAction, args: &WarningArgs) -> v1::RespondToWarningRequest {
    v1::RespondToWarningRequest {
        request_id: args.request_id.clone(),
        warning: args.warning.clone(),
        department: args.department.clone(),
        action: action.as_str().to_owned(),
        actor: args.actor.clone().unwrap_or_else(login_name),
        text: args.text.clone(),
        evidence: args.evidence.clone(),
    }
}
