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
use wire::{Cursor, Failure, v1};

use super::command::{Answer, CommandRequest, answer, check_target, check_until, judged_elsewhere};
use super::fold::Open;
use super::groups::Groups;
use super::list::{ListRequest, Moment, View};
use super::online::list_rates;
use super::past::Past;
use crate::metrics::COMMANDS;
use crate::{AlarmConfig, OnlineRates};

/// The alarm API.
pub struct AlarmApi {
    journal: Arc<dyn Journal>,
    config: AlarmConfig,
    open: Arc<RwLock<Open>>,
    folded: watch::Receiver<Position>,
    past: Past,
    online: Arc<OnlineRates>,
}

impl AlarmApi {
    pub(crate) fn new(
        journal: Arc<dyn Journal>,
        config: AlarmConfig,
        open: Arc<RwLock<Open>>,
        folded: watch::Receiver<Position>,
        online: Arc<OnlineRates>,
    ) -> Self {
        let past = Past::new(Arc::clone(&journal), config.wait_limit);
        Self { journal, config, open, folded, past, online }
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
        check_until(&command, self.journal.now())?;
        if let Some(node) = self.open.read().judged_elsewhere(&command) {
            return Err(judged_elsewhere(&command, node));
        }
        self.append(&command).await?;
        self.outcome(&command).await
    }

    async fn append(&self, command: &Command) -> Result<(), Failure> {
        let partition = self.open.read().partition_of(command.subject.as_str()).ok_or_else(|| {
            let message = format!("the site has no point, gateway or enterprise {}", command.subject);
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

    async fn list_now(&self, list: &ListRequest) -> Result<v1::ListAlarmsResponse, Failure> {
        self.up_to_date().await?;
        let (position, time) = {
            let open = self.open.read();
            (open.position, open.time)
        };
        // After a restart nothing new may have come yet.
        let time = if time.is_some() { time } else { self.past.time_of(position).await? };
        let open = self.open.read();
        let cursor = Cursor::after(self.journal.epoch(), open.position);
        Ok(list.page(&View { open: &open, cursor, time: open.time.or(time) }))
    }

    async fn list_then(&self, list: &ListRequest, moment: Moment) -> Result<v1::ListAlarmsResponse, Failure> {
        let then = self.past.at(moment).await?;
        Ok(list.page(&View { open: &then.open, cursor: then.cursor, time: then.time }))
    }
}

fn of_journal(error: &JournalError) -> Failure {
    error!(%error, "a command was not taken");
    Failure::new(ErrorKind::Unavailable, "journal", "the journal takes no commands at present; try again")
}

/// One command's method: they differ in their messages alone.
macro_rules! command {
    ($self:ident, $request:ident, $response:ident) => {{
        let Answer { outcome, event_id, cursor } = $self.answered($request.into_inner()).await?;
        Ok(Response::new(v1::$response { outcome, event_id, cursor }))
    }};
}

#[async_trait]
impl v1::alarm_service_server::AlarmService for AlarmApi {
    async fn list_alarms(&self, request: Request<v1::ListAlarmsRequest>) -> Result<Response<v1::ListAlarmsResponse>, Status> {
        let list = ListRequest::check(request.into_inner(), self.journal.epoch())?;
        let page = match list.moment() {
            Moment::Now => self.list_now(&list).await?,
            moment => Box::pin(self.list_then(&list, moment)).await?,
        };
        Ok(Response::new(page))
    }

    async fn get_alarm(&self, request: Request<v1::GetAlarmRequest>) -> Result<Response<v1::Alarm>, Status> {
        let request = request.into_inner();
        let (subject, alarm) = check_target(&request.point, &request.alarm)?;
        self.up_to_date().await?;
        let open = self.open.read();
        let found = open.list.get(subject.as_str(), &alarm).ok_or_else(|| {
            let message = format!("alarm {alarm} of {subject} is neither open nor hidden");
            Failure::new(ErrorKind::NotFound, "not_open", message)
        })?;
        let key = (subject.shared(), alarm);
        Ok(Response::new(wire::alarm_to_v1(&key, found, Groups::of(&open).beside(&key, found))))
    }

    async fn list_online_rates(
        &self,
        request: Request<v1::ListOnlineRatesRequest>,
    ) -> Result<Response<v1::ListOnlineRatesResponse>, Status> {
        Ok(Response::new(list_rates(&self.online, request.into_inner())?))
    }

    async fn acknowledge_alarm(
        &self,
        request: Request<v1::AcknowledgeAlarmRequest>,
    ) -> Result<Response<v1::AcknowledgeAlarmResponse>, Status> {
        command!(self, request, AcknowledgeAlarmResponse)
    }

    async fn reset_alarm(&self, request: Request<v1::ResetAlarmRequest>) -> Result<Response<v1::ResetAlarmResponse>, Status> {
        command!(self, request, ResetAlarmResponse)
    }

    async fn silence_alarm(
        &self,
        request: Request<v1::SilenceAlarmRequest>,
    ) -> Result<Response<v1::SilenceAlarmResponse>, Status> {
        command!(self, request, SilenceAlarmResponse)
    }

    async fn shelve_alarm(&self, request: Request<v1::ShelveAlarmRequest>) -> Result<Response<v1::ShelveAlarmResponse>, Status> {
        command!(self, request, ShelveAlarmResponse)
    }

    async fn unshelve_alarm(
        &self,
        request: Request<v1::UnshelveAlarmRequest>,
    ) -> Result<Response<v1::UnshelveAlarmResponse>, Status> {
        command!(self, request, UnshelveAlarmResponse)
    }

    async fn suppress_alarm(
        &self,
        request: Request<v1::SuppressAlarmRequest>,
    ) -> Result<Response<v1::SuppressAlarmResponse>, Status> {
        command!(self, request, SuppressAlarmResponse)
    }

    async fn unsuppress_alarm(
        &self,
        request: Request<v1::UnsuppressAlarmRequest>,
    ) -> Result<Response<v1::UnsuppressAlarmResponse>, Status> {
        command!(self, request, UnsuppressAlarmResponse)
    }

    async fn set_out_of_service(
        &self,
        request: Request<v1::SetOutOfServiceRequest>,
    ) -> Result<Response<v1::SetOutOfServiceResponse>, Status> {
        command!(self, request, SetOutOfServiceResponse)
    }

    async fn return_to_service(
        &self,
        request: Request<v1::ReturnToServiceRequest>,
    ) -> Result<Response<v1::ReturnToServiceResponse>, Status> {
        command!(self, request, ReturnToServiceResponse)
    }
}
