//! One attempt: an event as a CloudEvent, signed, posted, and what the receiver answered.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cloudevents::{ANSWER_WITHIN, Answer, CONTENT_TYPE, EventFault, ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER};
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::builderstates::WantsSchemes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use model::{RecordedEvent, Time};
use rustls::{ClientConfig, RootCertStore};
use tracing::debug;
use wire::{Cursor, JsonExtras};

use super::Webhook;
use super::window::Message;
use crate::error::cause;

/// An answer's body is of no interest; read to its end, the connection can be used again.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// How long it is waited for.
const BODY_WITHIN: Duration = Duration::from_secs(2);

/// Connections that wait for the next event.
const IDLE_MAX: usize = 8;

/// Where events are posted; a server's certificate is checked against what this machine trusts.
#[derive(Clone)]
pub(super) struct Sender {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    webhook: Webhook,
}

/// How an attempt ended.
pub(super) struct Attempt {
    /// As the rules of trying again take it.
    pub(super) answer: Answer,
    /// In words, with the cause where no answer came.
    pub(super) said: String,
}

impl Sender {
    pub(super) fn new(webhook: Webhook) -> std::io::Result<Self> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(Duration::from_secs(10)));
        let tls = if webhook.url.scheme_str() == Some("https") { trusting_this_machine()? } else { trusting_nobody()? };
        let connector = tls.https_or_http().enable_http1().wrap_connector(http);
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(IDLE_MAX).build(connector);
        Ok(Self { client, webhook })
    }

    /// Posts an event; an answer that does not come in time is none.
    pub(super) async fn attempt(&self, message: &Message, at: Time) -> Attempt {
        let within = Duration::from_micros(ANSWER_WITHIN.micros().unsigned_abs());
        let none = |why: &str| Attempt { answer: Answer::None, said: format!("no answer: {why}") };
        let request = match self.request(message, at) {
            Ok(request) => request,
            Err(why) => return none(&why),
        };
        match tokio::time::timeout(within, self.post(request)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(why)) => {
                debug!(webhook = self.webhook.name, why, "no answer of a receiver");
                none(&why)
            }
            Err(_) => none(&format!("nothing came within {} s", within.as_secs())),
        }
    }

    fn request(&self, message: &Message, at: Time) -> Result<Request<Full<Bytes>>, String> {
        let headers = cloudevents::sign(&self.webhook.secrets, &message.id, at, message.body.as_bytes());
        let headers = headers.map_err(|fault| fault.to_string())?;
        let request = Request::post(self.webhook.url.clone())
            .header(header::CONTENT_TYPE, CONTENT_TYPE)
            .header(header::USER_AGENT, "davy")
            .header(ID_HEADER, headers.id)
            .header(TIMESTAMP_HEADER, headers.timestamp)
            .header(SIGNATURE_HEADER, headers.signature);
        request.body(Full::new(Bytes::copy_from_slice(message.body.as_bytes()))).map_err(|error| error.to_string())
    }

    async fn post(&self, request: Request<Full<Bytes>>) -> Result<Attempt, String> {
        let answer = self.client.request(request).await.map_err(|error| cause(&error))?;
        let status = answer.status();
        let asked = answer.headers().get(header::RETRY_AFTER).and_then(|it| it.to_str().ok());
        let retry_after = asked.and_then(cloudevents::retry_after);
        if status != StatusCode::NO_CONTENT {
            // What is too long, too slow or breaks off has answered all the same.
            let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect();
            drop(tokio::time::timeout(BODY_WITHIN, body).await);
        }
        let status = status.as_u16();
        Ok(Attempt {
            answer: Answer::Status { status, retry_after },
            said: format!("the receiver answered with status {status}"),
        })
    }
}

fn trusting_this_machine() -> std::io::Result<HttpsConnectorBuilder<WantsSchemes>> {
    let tls = HttpsConnectorBuilder::new().with_provider_and_native_roots(rustls::crypto::ring::default_provider());
    tls.map_err(|error| std::io::Error::other(format!("what this machine trusts cannot be read: {error}")))
}

/// For a receiver without TLS: the machine need not have any certificates.
fn trusting_nobody() -> std::io::Result<HttpsConnectorBuilder<WantsSchemes>> {
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().map_err(std::io::Error::other)?;
    let config = config.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    Ok(HttpsConnectorBuilder::new().with_tls_config(config))
}

/// An event as what is posted, or why it cannot be; its data are what `davy watch --json` prints.
pub(super) fn message(recorded: &RecordedEvent, cursor: &Cursor) -> (Message, Result<(), EventFault>) {
    let (id, kind, event) = (recorded.id.to_string(), recorded.event.body.kind(), &recorded.event);
    let data = wire::event_json(recorded, JsonExtras::Recorded(cursor));
    let source = format!("//davy/{}", recorded.id.epoch);
    let encoded = cloudevents::encode(&cloudevents::Event {
        id: &id,
        source: &source,
        kind: &format!("davy.{kind}.v1"),
        subject: Some(&*event.subject).filter(|subject| !subject.is_empty()),
        time: Some(event.occurred_at),
        data_schema: None,
        partition_key: event.scope.enterprise.as_deref().filter(|it| !it.is_empty()),
        sequence: Some(recorded.position.0),
        data: &data,
    });
    let message =
        |body: &str| Message { id: id.clone(), kind: kind.to_owned(), subject: event.subject.to_string(), body: body.into() };
    match encoded {
        Ok(body) => (message(&body), Ok(())),
        Err(fault) => (message(&data), Err(fault)),
    }
}
