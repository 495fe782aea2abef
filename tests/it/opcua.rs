//! The example OPC UA gateway, as shipped: server, gateway, broker and Davy, with each of the first three stopped once.

use std::path::Path;

use harness::foreign::python;
use harness::{Davy, Mosquitto, Port, Process, Store, samples, until};
use wire::v1::{Quality, Sample};

use crate::sites::{level, site};

const EXAMPLE: &str = "deploy/examples/opcua-gateway";

fn demo_server(port: &Port) -> Process {
    let mut command = python(".venv", &format!("{EXAMPLE}/demo_server.py"));
    Process::start("demo_server", command.arg(port.number().to_string()).arg("0.1"))
}

/// The shipped configuration with this test's ports and folder.
fn gateway(folder: &Path, opcua: &Port, mqtt: u16) -> Process {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests package lies in the workspace");
    let text = std::fs::read_to_string(root.join(EXAMPLE).join("gateway.toml")).expect("the example's configuration");
    let changes = [
        ("127.0.0.1:4840".to_owned(), format!("127.0.0.1:{}", opcua.number())),
        ("port = 1883".to_owned(), format!("port = {mqtt}")),
        ("sampling_ms = 500".to_owned(), "sampling_ms = 50".to_owned()),
        ("reconnect_s = 2".to_owned(), "reconnect_s = 0.2".to_owned()),
        ("\"buffer.sqlite\"".to_owned(), format!("\"{}\"", folder.join("buffer.sqlite").display())),
    ];
    let text = changes.iter().fold(text, |text, (from, to)| {
        assert!(text.contains(from), "gateway.toml holds no {from}");
        text.replace(from, to)
    });
    let file = folder.join("gateway.toml");
    std::fs::write(&file, text).expect("a configuration can be written");
    Process::start("gateway", python(".venv", &format!("{EXAMPLE}/gateway.py")).arg(file))
}

/// The stored values of the counter, once there are this many.
async fn counted(grpc: &str, at_least: usize) -> Vec<Sample> {
    until(&format!("{at_least} samples are stored"), async || {
        Some(samples(grpc, &["PI-101"]).await).filter(|stored| stored.len() >= at_least)
    })
    .await
}

fn values(stored: &[Sample]) -> Vec<f64> {
    stored.iter().filter_map(|sample| sample.value).collect()
}

fn assert_counts(values: &[f64]) {
    let first_hole = values.windows(2).find(|pair| pair[1] - pair[0] != 1.0);
    assert!(first_hole.is_none(), "the demo server counts up by one, but here: {first_hole:?}");
}

fn said(process: &Process, words: &str) -> bool {
    process.out().iter().any(|line| line.contains(words))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_opcua_gateway_has_read_arrives_whatever_stops() {
    let mut broker = Mosquitto::start(Store::Kept).await;
    let davy = Davy::start(&site(&[level("PI-101", &[]), level("TI-103", &[])]), &broker.url()).await;
    let port = Port::take();
    let mut server = demo_server(&port);
    let mut gateway_process = gateway(davy.folder(), &port, broker.port());
    let grpc = davy.grpc();

    // Values, the time of their source, and the quality of their status.
    let stored = counted(&grpc, 10).await;
    assert_counts(&values(&stored));
    let qualities = [Quality::Good, Quality::Uncertain, Quality::Bad];
    until("each quality is stored", async || {
        let stored = samples(&grpc, &["TI-103"]).await;
        let seen = |quality: &Quality| stored.iter().any(|sample| sample.quality() == *quality);
        qualities.iter().all(seen).then_some(())
    })
    .await;
    until("a receipt trims the buffer", async || said(&gateway_process, "on Davy's disk up to").then_some(())).await;

    // The broker stops: what is read meanwhile waits in the file, even through a kill of the gateway itself.
    broker.stop().await;
    let before = counted(&grpc, 1).await.len();
    until("the gateway sees it", async || said(&gateway_process, "broker lost").then_some(())).await;
    gateway_process.kill();
    let gateway_process = gateway(davy.folder(), &port, broker.port());
    until("the gateway reads again", async || said(&gateway_process, "subscribed").then_some(())).await;
    broker.start_again().await;
    let stored = counted(&grpc, before + 30).await;
    let values_stored = values(&stored);
    // While it was dead the gateway read nothing: one hole there at most, and none around it.
    let holes = values_stored.windows(2).filter(|pair| pair[1] - pair[0] != 1.0).count();
    assert!(holes <= 1, "{holes} holes in {values_stored:?}");
    let mut times: Vec<_> = stored.iter().map(|sample| harness::micros(sample.time.as_ref())).collect();
    times.dedup();
    assert_eq!(times.len(), stored.len(), "what was sent again is stored once");

    // The server stops: its tags are said to be bad, once; and it comes back.
    server.kill();
    until("the lost server makes its values bad", async || {
        let last = samples(&grpc, &["PI-101"]).await.pop().expect("there are samples");
        (last.quality() == Quality::Bad && last.value.is_none()).then_some(())
    })
    .await;
    let before = samples(&grpc, &["PI-101"]).await.len();
    let _server = demo_server(&port);
    let stored = counted(&grpc, before + 10).await;
    let last = stored.last().expect("there are samples");
    assert_eq!((last.quality(), last.value.is_some()), (Quality::Good, true));
}

/// A stop of the broker alone, with everything else running: not one value is missing.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_of_the_broker_costs_the_opcua_gateway_nothing() {
    let mut broker = Mosquitto::start(Store::Kept).await;
    let davy = Davy::start(&site(&[level("PI-101", &[]), level("TI-103", &[])]), &broker.url()).await;
    let port = Port::take();
    let _server = demo_server(&port);
    let gateway_process = gateway(davy.folder(), &port, broker.port());
    let grpc = davy.grpc();
    counted(&grpc, 5).await;
    broker.stop().await;
    until("the gateway sees it", async || said(&gateway_process, "broker lost").then_some(())).await;
    let log = davy.folder().join("buffer.sqlite-wal");
    let (mut writes, mut last) = (0, None);
    until("it has buffered for a while", async || {
        let written = std::fs::metadata(&log).and_then(|it| it.modified()).ok();
        writes += usize::from(std::mem::replace(&mut last, written) != written);
        (writes > 20).then_some(())
    })
    .await;
    let before = samples(&grpc, &["PI-101"]).await.len();
    broker.start_again().await;
    let stored = counted(&grpc, before + 40).await;
    assert_counts(&values(&stored));
}

/// The broker's queue runs over while Davy is away: acknowledged and dropped, said by the receipt, and sent again (traps 8).
#[tokio::test(flavor = "multi_thread")]
async fn what_a_full_broker_dropped_the_opcua_gateway_sends_again() {
    let broker = Mosquitto::start_with(Store::Kept, "max_queued_messages 5").await;
    let mut davy = Davy::start(&site(&[level("PI-101", &[]), level("TI-103", &[])]), &broker.url()).await;
    let port = Port::take();
    let _server = demo_server(&port);
    let gateway_process = gateway(davy.folder(), &port, broker.port());
    counted(&davy.grpc(), 5).await;
    davy.kill();
    // Nothing from outside tells what waits in the broker: what the gateway has read meanwhile does.
    let mut heard = broker.client("mosquitto_sub");
    let heard = Process::start("mosquitto_sub", heard.args(["-q", "1", "-t", "davy/v1/+/+/+/telemetry"]));
    until("far more is sent than the broker keeps", async || (heard.out().len() > 30).then_some(())).await;
    davy.start_again().await;
    until("the receipt tells the gateway", async || said(&gateway_process, "sent again").then_some(())).await;
    let grpc = davy.grpc();
    // Live values may be ahead of what is sent again, so it is the whole that must become right.
    until("not one value is missing", async || {
        let values = values(&samples(&grpc, &["PI-101"]).await);
        (values.len() > 40 && values.windows(2).all(|pair| pair[1] - pair[0] == 1.0)).then_some(())
    })
    .await;
}
