//! `CaseService` and `DutyService`.

use std::sync::Arc;

use async_trait::async_trait;
use casework::Ask;
use metrics::counter;
use tonic::{Request, Response, Status};
use wire::{Failure, v1};

use super::clerk::Answer;
use super::duty::{DutyRequest, check_record, record};
use super::lists::{CaseList, IncidentList};
use super::{Api, check, check_incident};
use crate::metrics::REFUSED;

/// The calls about joint cases.
pub struct CaseApi(pub(super) Arc<Api>);

/// The calls about incidents and duty books.
pub struct DutyApi(pub(super) Arc<Api>);

fn refused(failure: Failure) -> Status {
    counter!(REFUSED, "reason" => failure.reason).increment(1);
    failure.into()
}

/// Asks, and shows the answer as the call gives it.
async fn asked<T>(api: &Api, ask: Result<Ask, Failure>, show: fn(Answer) -> T) -> Result<Response<T>, Status> {
    let answer = match ask {
        Ok(ask) => api.ask(ask).await,
        Err(failure) => Err(failure),
    };
    answer.map(|answer| Response::new(show(answer))).map_err(refused)
}

fn case(answer: Answer) -> v1::CaseResponse {
    let Answer { case, event_id, cursor, .. } = answer;
    v1::CaseResponse { case, event_id, cursor }
}

fn incident(answer: Answer) -> v1::IncidentResponse {
    let Answer { incident, event_id, cursor, .. } = answer;
    v1::IncidentResponse { incident, event_id, cursor }
}

fn duty(answer: Answer) -> v1::DutyResponse {
    let Answer { event_id, cursor, .. } = answer;
    v1::DutyResponse { event_id, cursor }
}

#[async_trait]
impl v1::case_service_server::CaseService for CaseApi {
    async fn open_case(&self, request: Request<v1::OpenCaseRequest>) -> Result<Response<v1::CaseResponse>, Status> {
        asked(&self.0, check::open(request.into_inner(), self.0.now()), case).await
    }

    async fn answer_task(&self, request: Request<v1::AnswerTaskRequest>) -> Result<Response<v1::CaseResponse>, Status> {
        asked(&self.0, check::answer(request.into_inner(), self.0.now()), case).await
    }

    async fn extend_task(&self, request: Request<v1::ExtendTaskRequest>) -> Result<Response<v1::CaseResponse>, Status> {
        asked(&self.0, check::extend(request.into_inner(), self.0.now()), case).await
    }

    async fn cancel_case(&self, request: Request<v1::CancelCaseRequest>) -> Result<Response<v1::CaseResponse>, Status> {
        asked(&self.0, check::cancel(request.into_inner(), self.0.now()), case).await
    }

    async fn list_cases(&self, request: Request<v1::ListCasesRequest>) -> Result<Response<v1::ListCasesResponse>, Status> {
        let list = CaseList::check(request.into_inner()).map_err(refused)?;
        let page = self.0.read(|casework, standing| list.page(casework, standing)).await;
        page.map(Response::new).map_err(refused)
    }
}

#[async_trait]
impl v1::duty_service_server::DutyService for DutyApi {
    async fn declare_incident(
        &self,
        request: Request<v1::DeclareIncidentRequest>,
    ) -> Result<Response<v1::IncidentResponse>, Status> {
        asked(&self.0, check_incident::declare(request.into_inner(), self.0.now()), incident).await
    }

    async fn correct_incident(
        &self,
        request: Request<v1::CorrectIncidentRequest>,
    ) -> Result<Response<v1::IncidentResponse>, Status> {
        asked(&self.0, check_incident::correct(request.into_inner(), self.0.now()), incident).await
    }

    async fn notify(&self, request: Request<v1::NotifyRequest>) -> Result<Response<v1::IncidentResponse>, Status> {
        asked(&self.0, check_incident::notify(request.into_inner(), self.0.now()), incident).await
    }

    async fn close_incident(&self, request: Request<v1::CloseIncidentRequest>) -> Result<Response<v1::IncidentResponse>, Status> {
        asked(&self.0, check_incident::close(request.into_inner(), self.0.now()), incident).await
    }

    async fn list_incidents(
        &self,
        request: Request<v1::ListIncidentsRequest>,
    ) -> Result<Response<v1::ListIncidentsResponse>, Status> {
        let list = IncidentList::check(request.into_inner()).map_err(refused)?;
        let page = self.0.read(|casework, standing| list.page(casework, standing)).await;
        page.map(Response::new).map_err(refused)
    }

    async fn set_roster(&self, request: Request<v1::SetRosterRequest>) -> Result<Response<v1::DutyResponse>, Status> {
        asked(&self.0, check::roster(request.into_inner(), self.0.now()), duty).await
    }

    async fn hand_over(&self, request: Request<v1::HandOverRequest>) -> Result<Response<v1::DutyResponse>, Status> {
        asked(&self.0, check::hand_over(request.into_inner(), self.0.now()), duty).await
    }

    async fn confirm_hand_over(
        &self,
        request: Request<v1::ConfirmHandOverRequest>,
    ) -> Result<Response<v1::DutyResponse>, Status> {
        asked(&self.0, check::confirm(request.into_inner(), self.0.now()), duty).await
    }

    async fn mark_seen(&self, request: Request<v1::MarkSeenRequest>) -> Result<Response<v1::DutyResponse>, Status> {
        asked(&self.0, check::see(request.into_inner(), self.0.now()), duty).await
    }

    async fn get_duty(&self, request: Request<v1::GetDutyRequest>) -> Result<Response<v1::GetDutyResponse>, Status> {
        let request = DutyRequest::check(request.into_inner()).map_err(refused)?;
        let answer = self.0.read(|casework, standing| request.answer(casework, standing)).await;
        answer.map(Response::new).map_err(refused)
    }

    async fn get_incident_record(
        &self,
        request: Request<v1::GetIncidentRecordRequest>,
    ) -> Result<Response<v1::GetIncidentRecordResponse>, Status> {
        let id = check_record(&request.into_inner()).map_err(refused)?;
        let answer = self.0.read(|casework, standing| record(casework, &id, standing)).await;
        answer.and_then(|it| it).map(Response::new).map_err(refused)
    }
}
