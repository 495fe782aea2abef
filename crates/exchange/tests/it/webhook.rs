//! Webhooks against a real HTTP server: signed, in order by subject, again after a failure, and on from where it was (traps 45, 47, 48).

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use cloudevents::{Headers, Secret};
use exchange::{Config, Webhook};
use futures_util::stream::pending;
use journal::{Journal, JournalId};
use model::Time;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::watch;
use wire::{DeadLetter, v1};

use crate::mem::MemJournal;
use crate::server::{Served, put, raise, serve_with, transition};

/// Answered with a body that never ends.
const ENDLESS: u16 = 202;

/// What came, and what is answered: the statuses in turn, then 204.
struct Receiver {
    answers: Mutex<VecDeque<u16>>,
    came: watch::Sender<Vec<(Headers, String)>>,
    url: String,
}

impl Receiver {
    async fn start(answers: &[u16]) -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let url = format!("http://{}/in", listener.local_addr().expect("bound"));
        let answers = Mutex::new(answers.iter().copied().collect());
        let receiver = Arc::new(Self { answers, came: watch::channel(Vec::new()).0, url });
        let router = Router::new().route("/in", post(take)).with_state(Arc::clone(&receiver));
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    /// Waits until so many have come; what they were.
    async fn came(&self, count: usize) -> Vec<Value> {
        let mut came = self.came.subscribe();
        let came = tokio::time::timeout(Duration::from_secs(20), came.wait_for(|came| came.len() >= count)).await;
        let came = came.expect("in time").expect("the receiver is there").clone();
        came.iter().map(|(_, body)| serde_json::from_str(body).expect("JSON")).collect()
    }
}

async fn take(State(receiver): State<Arc<Receiver>>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers[name].to_str().expect("text").to_owned();
    assert_eq!(header("content-type"), cloudevents::CONTENT_TYPE);
    let signed = Headers {
        id: header(cloudevents::ID_HEADER),
        timestamp: header(cloudevents::TIMESTAMP_HEADER),
        signature: header(cloudevents::SIGNATURE_HEADER),
    };
    let answer = receiver.answers.lock().pop_front().unwrap_or(204);
    receiver.came.send_modify(|came| came.push((signed, String::from_utf8(body.to_vec()).expect("text"))));
    let body = if answer == ENDLESS { Body::from_stream(pending::<Result<Bytes, Infallible>>()) } else { Body::empty() };
    (StatusCode::from_u16(answer).expect("a status"), body).into_response()
}

fn secret() -> Secret {
    Secret::new(&[7; 32]).expect("long enough")
}

fn config(receiver: &Receiver, kinds: &[&str]) -> Config {
    let filter = v1::EventFilter { kinds: kinds.iter().map(|it| (*it).to_owned()).collect(), ..v1::EventFilter::default() };
    let webhook = Webhook::new("city", &receiver.url, vec![secret()], filter).expect("a webhook");
    Config { webhooks: vec![webhook], ..Config::default() }
}

/// A journal whose time is now: an attempt is signed with it.
fn journal() -> Arc<MemJournal> {
    let journal = MemJournal::new();
    journal.set_now(now());
    journal
}

fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("past 1970");
    Time::from_micros(i64::try_from(since.as_micros()).expect("fits"))
}

fn subjects(came: &[Value]) -> Vec<&str> {
    came.iter().map(|event| event["subject"].as_str().expect("a subject")).collect()
}

/// Waits until the webhook has committed everything there is.
async fn committed(served: &mut Served) {
    let committed = async {
        loop {
            let request = v1::ListSubscriptionsRequest::default();
            let list = served.client.list_subscriptions(request).await.expect("lists").into_inner().subscriptions;
            if list.iter().any(|it| it.name == "webhook.city" && !it.committed_cursor.is_empty() && it.records_behind == 0) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), committed).await.expect("it is committed in time");
}

#[tokio::test]
async fn events_come_signed_and_go_on_after_a_restart() {
    let journal = journal();
    put(&*journal, vec![raise("a"), raise("b")]).await;
    let receiver = Receiver::start(&[]).await;
    let mut served = serve_with(Arc::clone(&journal) as _, config(&receiver, &[])).await;
    // What is active, and then what comes.
    receiver.came(2).await;
    put(&*journal, vec![raise("c")]).await;
    let came = receiver.came(3).await;
    assert_eq!(subjects(&came)[2], "c");
    let (event, (headers, body)) = (&came[2], receiver.came.borrow()[2].clone());
    assert_eq!((event["specversion"].as_str(), event["type"].as_str()), (Some("1.0"), Some("davy.alarm.raised.v1")));
    assert_eq!((event["id"].as_str(), event["partitionkey"].as_str()), (Some(headers.id.as_str()), Some("e01")));
    assert_eq!((event["data"]["kind"].as_str(), event["data"]["id"].as_str()), (Some("alarm.raised"), event["id"].as_str()));
    cloudevents::verify(&secret(), &headers, body.as_bytes(), now()).expect("it is genuine");
    let other = Secret::new(&[8; 32]).expect("long enough");
    cloudevents::verify(&other, &headers, body.as_bytes(), now()).expect_err("not with another secret");
    committed(&mut served).await;
    served.stop().await;

    put(&*journal, vec![raise("d")]).await;
    let again = serve_with(Arc::clone(&journal) as _, config(&receiver, &[])).await;
    let came = receiver.came(4).await;
    assert_eq!(subjects(&came)[3..], ["d"], "and nothing twice");
    again.stop().await;
}

#[tokio::test]
async fn a_subject_waits_for_its_own_and_no_other_does() {
    let journal = journal();
    let receiver = Receiver::start(&[500]).await;
    let served = serve_with(Arc::clone(&journal) as _, config(&receiver, &["alarm.*"])).await;
    let (high, raised) = (model::Priority::High, model::Transition::Raised);
    let first = |subject| transition(subject, "e01", high, raised);
    put(&*journal, vec![first("a")]).await;
    receiver.came(1).await;
    put(&*journal, vec![transition("a", "e01", high, model::Transition::Returned), first("b"), first("c")]).await;
    let came = receiver.came(3).await;
    let mut others = subjects(&came)[1..].to_vec();
    others.sort_unstable();
    assert_eq!(others, ["b", "c"], "the second of a waits for the first");
    // Five seconds later, by the journal's clock and by that of the wait.
    journal.set_now(now() + model::Span::from_secs(6));
    let came = receiver.came(5).await;
    let of_a: Vec<_> = came.iter().filter(|event| event["subject"] == "a").map(|event| event["type"].as_str()).collect();
    assert_eq!(of_a, [Some("davy.alarm.raised.v1"), Some("davy.alarm.raised.v1"), Some("davy.alarm.returned.v1")]);
    assert_eq!(came[0]["id"], came[3]["id"], "the same event once more");
    served.stop().await;
}

/// What was answered is answered, however long the rest of it takes: the event is not sent again.
#[tokio::test]
async fn an_answer_counts_before_its_body_has_ended() {
    let journal = journal();
    put(&*journal, vec![raise("a"), transition("a", "e01", model::Priority::High, model::Transition::Closed)]).await;
    let receiver = Receiver::start(&[ENDLESS]).await;
    let mut served = serve_with(Arc::clone(&journal) as _, config(&receiver, &["alarm.*"])).await;
    put(&*journal, vec![raise("b")]).await;
    committed(&mut served).await;
    let came = receiver.came(1).await;
    let ids: std::collections::BTreeSet<&str> = came.iter().map(|event| event["id"].as_str().expect("an id")).collect();
    assert_eq!(ids.len(), came.len(), "each once: {came:?}");
    served.stop().await;
}

#[tokio::test]
async fn a_receiver_that_wants_no_more_gets_no_more() {
    let journal = journal();
    put(&*journal, vec![raise("a")]).await;
    let receiver = Receiver::start(&[410]).await;
    let served = serve_with(Arc::clone(&journal) as _, config(&receiver, &[])).await;
    receiver.came(1).await;
    let letter = loop {
        if let Some(record) = journal.all(JournalId::Dead).first() {
            break DeadLetter::decode(&record.body).expect("a dead letter");
        }
        journal.wait(JournalId::Dead, model::Position(0), journal::Level::Durable).await.expect("it is written");
    };
    assert_eq!(
        (letter.gateway.as_str(), letter.reason.as_str(), letter.topic.as_str()),
        ("webhook/city", "webhook_gone", "alarm.raised")
    );
    assert!(letter.detail.contains("status 410"), "{}", letter.detail);
    let event: Value = serde_json::from_slice(&letter.payload).expect("the event");
    assert_eq!(event["subject"], "a");
    put(&*journal, vec![raise("b")]).await;
    served.stop().await;
    assert_eq!(receiver.came.borrow().len(), 1, "nothing after that");
}
