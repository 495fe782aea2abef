//! `davy incident`: incidents from a shell.

use prost_types::Timestamp;
use tonic::Response;
use wire::v1;
use wire::v1::duty_service_client::DutyServiceClient;

use crate::cli::{CorrectArgs, DeclareArgs, IncidentCommand, LossArgs, NotifyArgs, Speaker, WhatHappened};
use crate::command::case::actor;
use crate::command::{moment, server};
use crate::exit::CommandError;

enum Asked {
    Declare(v1::DeclareIncidentRequest),
    Correct(v1::CorrectIncidentRequest),
    Notify(v1::NotifyRequest),
    Close(v1::CloseIncidentRequest),
}

/// Asks, and tells the outcome.
pub async fn run(command: &IncidentCommand) -> Result<(), CommandError> {
    let (asked, speaker) = asked(command)?;
    let mut client = DutyServiceClient::new(server::connect(&speaker.server).await?);
    let (word, answer) = match asked {
        Asked::Declare(request) => ("declare", client.declare_incident(request).await),
        Asked::Correct(request) => ("correct", client.correct_incident(request).await),
        Asked::Notify(request) => ("notify", client.notify(request).await),
        Asked::Close(request) => ("close", client.close_incident(request).await),
    };
    let answer = answer.map(Response::into_inner).map_err(|status| CommandError::status(&status))?;
    let incident = answer.incident.unwrap_or_default();
    eprintln!("incident {}: {word} accepted, on record as {}", incident.id, answer.event_id);
    for duty in incident.duties.iter().filter(|it| !it.waived && it.done_at.is_none() && incident.closing.is_none()) {
        eprintln!("    {}", super::incidents::duty_line(duty));
    }
    Ok(())
}

fn asked(command: &IncidentCommand) -> Result<(Asked, &Speaker), CommandError> {
    Ok(match command {
        IncidentCommand::Declare(args) => (Asked::Declare(declare(args)?), &args.speaker),
        IncidentCommand::Correct(args) => (Asked::Correct(correct(args)), &args.speaker),
        IncidentCommand::Notify(args) => (Asked::Notify(notify(args)?), &args.speaker),
        IncidentCommand::Close(args) => {
            let request = v1::CloseIncidentRequest {
                request_id: args.speaker.request_id.clone(),
                incident: args.incident.clone(),
                department: args.department.clone(),
                actor: actor(&args.speaker),
                text: args.text.clone(),
                in_error: args.in_error,
            };
            (Asked::Close(request), &args.speaker)
        }
    })
}

fn past(flag: &str, text: Option<&String>) -> Result<Option<Timestamp>, CommandError> {
    text.map(|text| moment::past(flag, text).map(wire::time_to_v1)).transpose()
}

fn word(what: WhatHappened) -> String {
    let kind = match what {
        WhatHappened::Accident => model::IncidentKind::Accident,
        WhatHappened::TrafficOrFire => model::IncidentKind::TrafficOrFire,
        WhatHappened::Environmental => model::IncidentKind::Environmental,
        WhatHappened::LossOrTheft => model::IncidentKind::LossOrTheft,
        WhatHappened::NearMiss => model::IncidentKind::NearMiss,
    };
    kind.as_str().to_owned()
}

const fn losses(args: &LossArgs) -> Option<v1::IncidentLosses> {
    let LossArgs { dead, injured, poisoned, loss_yuan } = *args;
    Some(v1::IncidentLosses { dead, severely_injured: injured, poisoned, direct_loss_yuan: loss_yuan })
}

fn declare(args: &DeclareArgs) -> Result<v1::DeclareIncidentRequest, CommandError> {
    let (place, subject) = match (&args.installation, &args.enterprise, &args.park) {
        (Some(installation), _, _) => ("installation", installation.clone()),
        (None, Some(enterprise), _) => ("enterprise", enterprise.clone()),
        (None, None, park) => ("park", park.clone().unwrap_or_default()),
    };
    Ok(v1::DeclareIncidentRequest {
        request_id: args.speaker.request_id.clone(),
        department: args.department.clone(),
        actor: actor(&args.speaker),
        what: word(args.what),
        title: args.title.clone(),
        place: place.to_owned(),
        subject,
        happened_at: past("--happened-at", args.happened_at.as_ref())?,
        known_at: past("--known-at", args.known_at.as_ref())?,
        losses: losses(&args.losses),
        about: args.about.clone(),
        text: args.text.clone(),
    })
}

fn correct(args: &CorrectArgs) -> v1::CorrectIncidentRequest {
    v1::CorrectIncidentRequest {
        request_id: args.speaker.request_id.clone(),
        incident: args.incident.clone(),
        department: args.department.clone(),
        actor: actor(&args.speaker),
        what: args.what.map(word).unwrap_or_default(),
        losses: losses(&args.losses),
        about: args.about.clone(),
        text: args.text.clone(),
    }
}

fn notify(args: &NotifyArgs) -> Result<v1::NotifyRequest, CommandError> {
    Ok(v1::NotifyRequest {
        request_id: args.speaker.request_id.clone(),
        incident: args.incident.clone(),
        department: args.department.clone(),
        actor: actor(&args.speaker),
        duty: args.duty.clone(),
        who: args.who.clone(),
        whom: args.whom.clone(),
        told_at: past("--told-at", args.told_at.as_ref())?,
        how: args.how.clone(),
        reference: args.reference.clone(),
        known_at: past("--known-at", args.known_at.as_ref())?,
        text: args.text.clone(),
    })
}
