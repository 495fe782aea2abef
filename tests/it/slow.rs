//! A consumer that does not read slows nobody (traps 55).

use std::fmt::Write as _;
use std::time::Duration;

use harness::{Davy, Feed, Mosquitto, Publisher, Store};
use tonic::transport::Endpoint;
use wire::v1;
use wire::v1::exchange_service_client::ExchangeServiceClient;
use wire::v1::subscribe_request::Start;

use crate::sites::{TOPIC, level, now_ms, site};

/// Enough that neither windows nor socket buffers can hold them for one who does not read.
const TRANSITIONS: usize = 40_000;
const ROWS_A_MESSAGE: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn one_that_does_not_read_slows_no_other() {
    let broker = Mosquitto::start(Store::None).await;
    let davy = Davy::start(&site(&[level("x", &["kind = \"high\"\nlimit = 80.0"])]), &broker.url()).await;
    let feed = Feed::follow(davy.addresses());
    feed.first("site.revised", "").await;

    let endpoint = Endpoint::from_shared(format!("http://{}", davy.grpc())).expect("an address makes a URI");
    let narrow = endpoint.initial_stream_window_size(65_535).initial_connection_window_size(65_535);
    let request = v1::SubscribeRequest {
        start: Some(Start::Position(v1::StartPosition::Earliest.into())),
        ..v1::SubscribeRequest::default()
    };
    let mut deaf = ExchangeServiceClient::new(narrow.connect().await.expect("davy serves"));
    let mut unread = deaf.subscribe(request).await.expect("it subscribes").into_inner();

    let mut gateway = Publisher::connect(broker.port(), "gw1");
    let start = now_ms() - i64::try_from(TRANSITIONS).expect("small");
    for first in (0..TRANSITIONS).step_by(ROWS_A_MESSAGE) {
        let mut text = String::from("[");
        for row in first..first + ROWS_A_MESSAGE {
            let (separator, value) = (if row == first { "" } else { "," }, if row % 2 == 0 { 90 } else { 10 });
            let ts = start + i64::try_from(row).expect("small");
            write!(text, "{separator}{{\"ts\":{ts},\"values\":{{\"x\":{value}}}}}").expect("a String takes every write");
        }
        gateway.publish(TOPIC, text + "]").await;
    }
    let told = feed.until(Duration::from_secs(60), "every transition reaches the one that reads", |events| {
        let told = events.iter().filter(|event| event.kind.starts_with("alarm.")).count();
        (told >= TRANSITIONS).then_some(told)
    });
    assert_eq!(told.await, TRANSITIONS);

    // The deaf one was neither dropped nor served a hole: it reads on from where it stood.
    let mut alarms = 0;
    while alarms < TRANSITIONS {
        let next = tokio::time::timeout(Duration::from_secs(60), unread.message()).await;
        let item = next.expect("the next item comes").expect("the stream goes on").expect("the stream does not end").item;
        if let Some(v1::subscribe_response::Item::Event(event)) = item {
            alarms += usize::from(event.kind.starts_with("alarm."));
        }
    }
}
