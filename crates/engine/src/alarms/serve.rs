//! `AlarmService`: answers from the list; a command is answered by its recorded outcome, whoever wrote it.

use std::sync::Arc;

use async_trait::async_trait;
use journal::{Append, Journal, JournalError, JournalId, Key};
use metrics::counter;
use model::{Body, Command, ErrorKind, Position};
use parking_lot::RwLock;
use tokio::sync::watch;
use tokio::time::timeout;
use tonic::{Request, Response, Status};
use tracing::error;
use wire::{Failure, v1};

use super::command::{Answer, CommandRequest, answer, check_target};
use super::fold::Open;
use super::list::ListRequest;
use crate::AlarmConfig;
use crate::metrics::COMMANDS;

/// The alarm API.
pub struct AlarmApi {
    journal: Arc<dyn Journal>,
    config: AlarmConfig,
    open: Arc<RwLock<Open>>,
    folded: watch::Receiver<Position>,
}

impl AlarmApi {
    pub(crate) fn new(
        journal: Arc<dyn Journal>,
        config: AlarmConfig,
        open: Arc<RwLock<Open>>,
        folded: watch::Receiver<Position>,
    ) -> Self {
        Self { journal, config, open, folded }
    }

    /// Waits until everything that was durable at the call is in the list.
    async fn up_to_date(&self) -> Result<(), Failure> {
        let target = self.journal.bounds(JournalId::Events).durable;
        let mut folded = self.folded.clone();
        let waited = timeout(self.config.wait_limit, folded.wait_for(|position| *position >= target)).await;
        match waited {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => {
                let message = "the list of alarms is not up to date yet; try again";
                Err(Failure::new(ErrorKind::Unavailable, "list_lags", message))
            }
        }
    }

    async fn command(&self, request: CommandRequest) -> Result<Answer, Failure> {
        let command = request.check()?;
        self.up_to_date().await?;
        if let Some(known) = self.recorded(&command) {
            return known;
        }
        self.append(&command).await?;
        self.outcome(&command).await
    }

    async fn append(&self, command: &Command) -> Result<(), Failure> {
        let partition = self.open.read().partition_of(command.subject.as_str()).ok_or_else(|| {
            let message = format!("the site has no point {}", command.subject);
            Failure::new(ErrorKind::NotFound, "no_such_point", message).with("point", command.subject.as_str())
        })?;
        let bodies = vec![wire::encode_body(&Body::Command(command.clone()))];
        let key = Key::new("alarm_api").map_err(|error| of_journal(&error))?;
        let append = Append { journal: JournalId::Telemetry(partition), key, fence: None, bodies };
        self.journal.append(append).await.map_err(|error| of_journal(&error)).map(drop)
    }

    /// Waits for the durable outcome; a caller who gives up repeats with the same request id.
    async fn outcome(&self, command: &Command) -> Result<Answer, Failure> {
        let mut folded = self.folded.clone();
        let wait = async {
            loop {
                // Marked as seen first, so that no step between the look and the wait is missed.
                folded.borrow_and_update();
                if let Some(known) = self.recorded(command) {
                    return Some(known);
                }
                if folded.changed().await.is_err() {
                    return None;
                }
            }
        };
        if let Ok(Some(known)) = timeout(self.config.wait_limit, wait).await {
            return known;
        }
        let request_id = command.request_id.as_str();
        let message = format!("outcome not known yet; repeat with the same request_id `{request_id}`");
        Err(Failure::new(ErrorKind::Unavailable, "outcome_unknown", message).with("request_id", request_id))
    }

    fn recorded(&self, command: &Command) -> Option<Result<Answer, Failure>> {
        let open = self.open.read();
        let (event, outcome) = open.outcomes.get(&command.request_id)?;
        Some(answer(command, event, outcome, self.journal.epoch()))
    }

    async fn answered(&self, request: impl Into<CommandRequest>) -> Result<Answer, Status> {
        let answer = Box::pin(self.command(request.into())).await;
        let outcome = answer.as_ref().map_or_else(|failure| failure.reason, |_| "accepted");
        counter!(COMMANDS, "outcome" => outcome).increment(1);
        answer.map_err(Status::from)
    }
}

fn of_journal(error: &JournalError) -> Failure {
    error!(%error, "a command was not taken");
    Failure::new(ErrorKind::Unavailable, "journal", "the journal takes no commands at present; try again")
}

#[async_trait]
impl v1::alarm_service_server::AlarmService for AlarmApi {
    async fn list_alarms(&self, request: Request<v1::ListAlarmsRequest>) -> Result<Response<v1::ListAlarmsResponse>, Status> {
        let epoch = self.journal.epoch();
        let list = ListRequest::check(request.into_inner(), epoch)?;
        self.up_to_date().await?;
        Ok(Response::new(list.page(&self.open.read(), epoch)))
    }

    async fn get_alarm(&self, request: Request<v1::GetAlarmRequest>) -> Result<Response<v1::Alarm>, Status> {
        let request = request.into_inner();
        let (point, alarm) = check_target(&request.point, &request.alarm)?;
        self.up_to_date().await?;
        let open = self.open.read();
        let found = open.list.get(point.as_str(), &alarm).ok_or_else(|| {
            let message = format!("alarm {alarm} of point {point} is not open");
            Failure::new(ErrorKind::NotFound, "not_open", message)
        })?;
        Ok(Response::new(wire::alarm_to_v1(&(point.shared(), alarm), found)))
    }

    async fn acknowledge_alarm(
        &self,
        request: Request<v1::AcknowledgeAlarmRequest>,
    ) -> Result<Response<v1::AcknowledgeAlarmResponse>, Status> {
        let Answer { outcome, event_id, cursor } = self.answered(request.into_inner()).await?;
        Ok(Response::new(v1::AcknowledgeAlarmResponse { outcome, event_id, cursor }))
    }

    async fn reset_alarm(&self, request: Request<v1::ResetAlarmRequest>) -> Result<Response<v1::ResetAlarmResponse>, Status> {
        let Answer { outcome, event_id, cursor } = self.answered(request.into_inner()).await?;
        Ok(Response::new(v1::ResetAlarmResponse { outcome, event_id, cursor }))
    }
}
