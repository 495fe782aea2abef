//! `davy alarm`: the operator's commands from a shell.

use tonic::Response;
use tonic::transport::Channel;
use wire::v1;
use wire::v1::alarm_service_client::AlarmServiceClient;

use crate::cli::{AlarmAction, AlarmArgs, AlarmTarget, HideArgs, ShelveArgs};
use crate::command::{moment, server};
use crate::exit::CommandError;

/// What all commands say.
struct Said<'a> {
    target: &'a AlarmTarget,
    why: &'a str,
    until: Option<&'a str>,
}

impl<'a> Said<'a> {
    fn of(action: &'a AlarmAction) -> Self {
        match action {
            AlarmAction::Ack(args)
            | AlarmAction::Reset(args)
            | AlarmAction::Silence(args)
            | AlarmAction::Unshelve(args)
            | AlarmAction::Unsuppress(args)
            | AlarmAction::Return(args) => {
                let AlarmArgs { target, why } = args;
                Self { target, why, until: None }
            }
            AlarmAction::Suppress(args) | AlarmAction::OutOfService(args) => {
                let HideArgs { target, why, until } = args;
                Self { target, why, until: until.as_deref() }
            }
            AlarmAction::Shelve(args) => {
                let ShelveArgs { target, why, until } = args;
                Self { target, why, until: Some(until) }
            }
        }
    }
}

/// Commands, and says the outcome. What is about one occurrence is about the one that is shown now.
pub async fn run(action: &AlarmAction) -> Result<(), CommandError> {
    let said = Said::of(action);
    let until = said.until.map(|text| moment::ahead("--until", text)).transpose()?;
    let mut client = AlarmServiceClient::new(server::connect(&said.target.server).await?);
    let about_one = matches!(action, AlarmAction::Ack(_) | AlarmAction::Reset(_) | AlarmAction::Silence(_));
    let seen = if about_one { shown(&mut client, said.target).await? } else { v1::Alarm::default() };
    let outcome = send(&mut client, action, &said, seen, until).await;
    let outcome = outcome.map_err(|status| CommandError::status(&status))?.unwrap_or_default();
    let state = wire::state_from_v1(outcome.state).map_or("unknown", model::AlarmState::as_str);
    eprintln!("{} {}: {} accepted, now {state}", said.target.point, said.target.alarm, outcome.command);
    Ok(())
}

/// One request of a kind: they differ in their names, and in whether they have an end.
macro_rules! send {
    ($client:ident, $method:ident, $request:ident, $said:ident, $seen:ident $(, $until:ident)?) => {{
        let request = v1::$request {
            point: $said.target.point.clone(),
            alarm: $said.target.alarm.clone(),
            occurrence: $seen.occurrence,
            activation: $seen.activation,
            actor: $said.target.actor.clone().unwrap_or_else(login_name),
            why: $said.why.to_owned(),
            request_id: String::new(),
            $($until: $until.map(wire::time_to_v1),)?
        };
        $client.$method(request).await.map(Response::into_inner).map(|it| it.outcome)
    }};
}

async fn send(
    client: &mut AlarmServiceClient<Channel>,
    action: &AlarmAction,
    said: &Said<'_>,
    seen: v1::Alarm,
    until: Option<model::Time>,
) -> Result<Option<v1::CommandOutcome>, tonic::Status> {
    match action {
        AlarmAction::Ack(_) => send!(client, acknowledge_alarm, AcknowledgeAlarmRequest, said, seen),
        AlarmAction::Reset(_) => send!(client, reset_alarm, ResetAlarmRequest, said, seen),
        AlarmAction::Silence(_) => send!(client, silence_alarm, SilenceAlarmRequest, said, seen),
        AlarmAction::Shelve(_) => send!(client, shelve_alarm, ShelveAlarmRequest, said, seen, until),
        AlarmAction::Unshelve(_) => send!(client, unshelve_alarm, UnshelveAlarmRequest, said, seen),
        AlarmAction::Suppress(_) => send!(client, suppress_alarm, SuppressAlarmRequest, said, seen, until),
        AlarmAction::Unsuppress(_) => send!(client, unsuppress_alarm, UnsuppressAlarmRequest, said, seen),
        AlarmAction::OutOfService(_) => send!(client, set_out_of_service, SetOutOfServiceRequest, said, seen, until),
        AlarmAction::Return(_) => send!(client, return_to_service, ReturnToServiceRequest, said, seen),
    }
}

async fn shown(client: &mut AlarmServiceClient<Channel>, target: &AlarmTarget) -> Result<v1::Alarm, CommandError> {
    let request = v1::GetAlarmRequest { point: target.point.clone(), alarm: target.alarm.clone() };
    client.get_alarm(request).await.map(Response::into_inner).map_err(|status| CommandError::status(&status))
}

pub(super) fn login_name() -> String {
    ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok()).unwrap_or_else(|| "shell".to_owned())
}
