//! `davy alarm`: the operator's commands from a shell.

use wire::v1;
use wire::v1::alarm_service_client::AlarmServiceClient;

use crate::cli::{AlarmAction, AlarmArgs};
use crate::command::server;
use crate::exit::CommandError;

/// Looks the alarm up, commands what is shown, and says the outcome.
pub async fn run(action: &AlarmAction) -> Result<(), CommandError> {
    let (AlarmAction::Ack(args) | AlarmAction::Reset(args)) = action;
    let mut client = AlarmServiceClient::new(server::connect(&args.server).await?);
    let alarm = shown(&mut client, args).await?;
    let actor = args.actor.clone().unwrap_or_else(login_name);
    let outcome = match action {
        AlarmAction::Ack(_) => {
            let request = v1::AcknowledgeAlarmRequest {
                point: alarm.point,
                alarm: alarm.alarm,
                occurrence: alarm.occurrence,
                activation: alarm.activation,
                actor,
                why: args.why.clone(),
                request_id: String::new(),
            };
            client.acknowledge_alarm(request).await.map(|it| it.into_inner().outcome)
        }
        AlarmAction::Reset(_) => {
            let request = v1::ResetAlarmRequest {
                point: alarm.point,
                alarm: alarm.alarm,
                occurrence: alarm.occurrence,
                activation: alarm.activation,
                actor,
                why: args.why.clone(),
                request_id: String::new(),
            };
            client.reset_alarm(request).await.map(|it| it.into_inner().outcome)
        }
    };
    let outcome = outcome.map_err(|status| CommandError::status(&status))?.unwrap_or_default();
    let state = wire::state_from_v1(outcome.state).map_or("unknown", model::AlarmState::as_str);
    eprintln!("{} {}: {} accepted, now {state}", args.point, args.alarm, outcome.command);
    Ok(())
}

async fn shown(client: &mut AlarmServiceClient<tonic::transport::Channel>, args: &AlarmArgs) -> Result<v1::Alarm, CommandError> {
    let request = v1::GetAlarmRequest { point: args.point.clone(), alarm: args.alarm.clone() };
    client.get_alarm(request).await.map(tonic::Response::into_inner).map_err(|status| CommandError::status(&status))
}

fn login_name() -> String {
    ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok()).unwrap_or_else(|| "shell".to_owned())
}
