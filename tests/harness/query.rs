//! Questions to a running Davy, each answered whole.

use prost_types::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};
use wire::v1;
use wire::v1::alarm_service_client::AlarmServiceClient;
use wire::v1::history_service_client::HistoryServiceClient;

/// Room for any page.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// A connection of its own.
pub async fn channel(address: &str) -> Result<Channel, Status> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address makes a URI");
    endpoint.tcp_nodelay(true).connect().await.map_err(|error| Status::from_error(error.into()))
}

/// Whether `/readyz` answers 200.
pub async fn ready(http: &str) -> bool {
    get(http, "/readyz").await.is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// A page of the HTTP face, headers and all; empty where nobody answers.
pub async fn page(http: &str, path: &str) -> String {
    get(http, path).await.unwrap_or_default()
}

async fn get(http: &str, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(http).await?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: davy\r\nconnection: close\r\n\r\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// A time on the wire.
pub fn timestamp(micros: i64) -> Timestamp {
    let nanos = i32::try_from(micros.rem_euclid(1_000_000) * 1_000).expect("below a second");
    Timestamp { seconds: micros.div_euclid(1_000_000), nanos }
}

/// Every stored sample of the points, oldest first; of all points where none is named.
pub async fn samples(grpc: &str, points: &[&str]) -> Vec<v1::Sample> {
    let mut client =
        HistoryServiceClient::new(channel(grpc).await.expect("davy serves")).max_decoding_message_size(ANSWER_BYTES_MAX);
    let points = points.iter().map(|&point| point.to_owned()).collect();
    let request = v1::QuerySamplesRequest { points, ..v1::QuerySamplesRequest::default() };
    let mut pages = client.query_samples(request).await.expect("samples are served").into_inner();
    let mut all = Vec::new();
    while let Some(page) = pages.message().await.expect("a page") {
        all.extend(page.samples);
    }
    all
}

/// Every dead letter, oldest first.
pub async fn dead_letters(grpc: &str) -> Vec<v1::DeadLetter> {
    let mut client =
        HistoryServiceClient::new(channel(grpc).await.expect("davy serves")).max_decoding_message_size(ANSWER_BYTES_MAX);
    let mut request = v1::ListDeadLettersRequest { page_size: 500, ..v1::ListDeadLettersRequest::default() };
    let mut all = Vec::new();
    loop {
        let page = client.list_dead_letters(request.clone()).await.expect("dead letters are served").into_inner();
        all.extend(page.dead_letters);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return all;
        }
    }
}

/// Every stored event, oldest first.
pub async fn events(grpc: &str) -> Vec<v1::Event> {
    let mut client =
        HistoryServiceClient::new(channel(grpc).await.expect("davy serves")).max_decoding_message_size(ANSWER_BYTES_MAX);
    let mut request = v1::ListEventsRequest::default();
    let mut all = Vec::new();
    loop {
        let page = client.list_events(request.clone()).await.expect("events are served").into_inner();
        all.extend(page.events);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return all;
        }
    }
}

/// Every open occurrence.
pub async fn alarms(grpc: &str) -> Vec<v1::Alarm> {
    let mut client =
        AlarmServiceClient::new(channel(grpc).await.expect("davy serves")).max_decoding_message_size(ANSWER_BYTES_MAX);
    let mut request = v1::ListAlarmsRequest::default();
    let mut all = Vec::new();
    loop {
        let page = client.list_alarms(request.clone()).await.expect("alarms are served").into_inner();
        all.extend(page.alarms);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return all;
        }
    }
}

/// Acknowledges what was listed, under a request id.
pub async fn acknowledge(grpc: &str, alarm: &v1::Alarm, request_id: &str) -> Result<v1::AcknowledgeAlarmResponse, Status> {
    let request = v1::AcknowledgeAlarmRequest {
        point: alarm.point.clone(),
        alarm: alarm.alarm.clone(),
        occurrence: alarm.occurrence.clone(),
        activation: alarm.activation,
        actor: "李工".to_owned(),
        why: "seen".to_owned(),
        request_id: request_id.to_owned(),
    };
    Ok(AlarmServiceClient::new(channel(grpc).await?).acknowledge_alarm(request).await?.into_inner())
}

/// Resets what was listed, under a request id.
pub async fn reset(grpc: &str, alarm: &v1::Alarm, request_id: &str) -> Result<v1::ResetAlarmResponse, Status> {
    let request = v1::ResetAlarmRequest {
        point: alarm.point.clone(),
        alarm: alarm.alarm.clone(),
        occurrence: alarm.occurrence.clone(),
        activation: alarm.activation,
        actor: "李工".to_owned(),
        why: "area clear".to_owned(),
        request_id: request_id.to_owned(),
    };
    Ok(AlarmServiceClient::new(channel(grpc).await?).reset_alarm(request).await?.into_inner())
}
