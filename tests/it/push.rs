//! Gateways that push over gRPC: nothing lost, nothing twice, and whoever does wrong is told and stops nobody (traps 1, 2, 36, 54, 55).

use std::collections::BTreeSet;
use std::time::Duration;

use harness::{Davy, Mosquitto, Store, channel, dead_letters, events, micros, run, samples, timestamp, until, until_within};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt;
use wire::v1;
use wire::v1::ingest_service_client::IngestServiceClient;
use wire::v1::tag_value::Value;

use crate::sites::now_ms;

pub(crate) const GATEWAY: &str = "rugang/e01/gw1";
const BOUND: Duration = Duration::from_secs(30);

const SITE: &str = r#"
[[park]]
id = "rugang"
[[enterprise]]
id = "e01"
park = "rugang"
[[installation]]
id = "e01-reactor"
enterprise = "e01"
[[point]]
id = "n"
installation = "e01-reactor"
quantity = "other"
unit = "1"
source = { grpc = "rugang/e01/gw1", tag = "N" }
[[point]]
id = "valve"
installation = "e01-reactor"
quantity = "state"
unit = "1"
states = { closed = 0, open = 1 }
source = { grpc = "rugang/e01/gw1", tag = "XV" }
"#;

/// A stream to Davy.
pub(crate) struct Push {
    pub(crate) requests: mpsc::Sender<v1::PushSamplesRequest>,
    pub(crate) answers: Streaming<v1::PushSamplesResponse>,
}

impl Push {
    pub(crate) async fn open(grpc: &str) -> Result<Self, Status> {
        let mut client = IngestServiceClient::new(channel(grpc).await?);
        let (requests, sent) = mpsc::channel(16);
        let answers = client.push_samples(ReceiverStream::new(sent)).await?.into_inner();
        Ok(Self { requests, answers })
    }

    async fn send(&self, request: v1::PushSamplesRequest) {
        self.requests.send(request).await.expect("the stream is open");
    }

    async fn answer(&mut self) -> Result<Option<v1::PushSamplesResponse>, Status> {
        timeout(BOUND, self.answers.message()).await.expect("an answer comes")
    }

    /// Reads until this number is acknowledged; gives all refusals on the way.
    async fn acknowledged(&mut self, sequence: u64) -> Vec<v1::Refusal> {
        let mut refusals = Vec::new();
        loop {
            let answer = self.answer().await.expect("the stream goes on").expect("it does not end");
            refusals.extend(answer.refusals);
            if answer.acknowledged_sequence >= sequence {
                return refusals;
            }
        }
    }
}

fn value(tag: &str, value: Value) -> v1::TagValue {
    v1::TagValue { tag: tag.to_owned(), value: Some(value), ..v1::TagValue::default() }
}

/// A message of a minute ago, each of its own millisecond: of two values of one point and time the history shows one.
fn request(sequence: u64, values: Vec<v1::TagValue>) -> v1::PushSamplesRequest {
    let ms = now_ms() - 60_000 + i64::try_from(sequence).expect("small");
    let time = Some(timestamp(ms * 1_000));
    v1::PushSamplesRequest { gateway: GATEWAY.to_owned(), sequence, time, values, ..v1::PushSamplesRequest::default() }
}

/// The k-th of a run: dated, and its value is its number.
fn numbered(base: i64, k: u64) -> v1::PushSamplesRequest {
    let at = base * 1_000 + i64::try_from(k).expect("small") * 1_000;
    let values = vec![value("N", Value::Integer(i64::try_from(k).expect("small")))];
    v1::PushSamplesRequest { time: Some(timestamp(at)), ..request(k, values) }
}

async fn davy() -> (Mosquitto, Davy) {
    let broker = Mosquitto::start(Store::None).await;
    let davy = Davy::start(SITE, &broker.url()).await;
    (broker, davy)
}

async fn gateways(grpc: &str) -> Vec<v1::Gateway> {
    let mut client = IngestServiceClient::new(channel(grpc).await.expect("davy serves"));
    client.list_gateways(v1::ListGatewaysRequest::default()).await.expect("they are listed").into_inner().gateways
}

const MESSAGES: u64 = 6_000;
const KILLS: u64 = 4;

/// A client that keeps what is not acknowledged and sends it again on the next stream, until all is.
async fn push_all(addresses: tokio::sync::watch::Receiver<String>, base: i64, told: tokio::sync::watch::Sender<u64>) -> u32 {
    let (mut acknowledged, mut streams) = (0, 0);
    while acknowledged < MESSAGES {
        let address = addresses.borrow().clone();
        let Ok(mut push) = Push::open(&address).await else {
            tokio::task::yield_now().await;
            continue;
        };
        streams += 1;
        let (requests, first) = (push.requests.clone(), acknowledged + 1);
        let mut pace = tokio::time::interval(Duration::from_millis(2));
        let sending = async {
            for k in first..=MESSAGES {
                if k % 4 == 0 {
                    pace.tick().await;
                }
                if requests.send(numbered(base, k)).await.is_err() {
                    return;
                }
            }
            std::future::pending::<()>().await;
        };
        let reading = async {
            while acknowledged < MESSAGES
                && let Ok(Some(answer)) = push.answers.message().await
            {
                assert!(answer.refusals.is_empty(), "{answer:?}");
                acknowledged = answer.acknowledged_sequence.max(acknowledged);
                told.send_replace(acknowledged);
            }
        };
        // Either may be dropped: what is not acknowledged is sent again.
        tokio::select! {
            () = sending => {}
            () = reading => {}
        }
    }
    streams
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_lose_nothing_and_double_nothing() {
    let (_broker, mut davy) = davy().await;
    let base = now_ms() - 60_000;
    let (told, mut acknowledged) = tokio::sync::watch::channel(0);
    let pushing = tokio::spawn(push_all(davy.addresses(), base, told));
    for kill in 1..=KILLS {
        let moment = MESSAGES / (KILLS + 1) * kill + getrandom::u64().expect("the system has random numbers") % 300;
        acknowledged.wait_for(|it| *it >= moment).await.expect("the client goes on");
        davy.kill();
        davy.start_again().await;
    }
    let streams = timeout(Duration::from_secs(120), pushing).await.expect("all is acknowledged in the end").expect("no panic");
    assert!(u64::from(streams) > KILLS, "{streams} streams");
    let grpc = davy.grpc();
    let stored = until_within(Duration::from_secs(60), "the history has caught up", async || {
        Some(samples(&grpc, &["n"]).await).filter(|stored| stored.len() as u64 >= MESSAGES)
    })
    .await;
    let times: BTreeSet<_> = stored.iter().map(|it| micros(it.time.as_ref())).collect();
    assert_eq!((stored.len() as u64, times.len() as u64), (MESSAGES, MESSAGES), "each once");
    for sample in &stored {
        let k = (micros(sample.time.as_ref()) - base * 1_000) / 1_000;
        assert_eq!(sample.value, Some(k as f64), "what was sent at that time");
    }
    let gaps = events(&grpc).await.into_iter().filter(|event| event.kind == "gap.possible").count();
    assert_eq!(gaps, 0, "nothing was missing");
    // A client that lost its place learns it from Davy, over a restart too.
    davy.kill();
    davy.start_again().await;
    let mut push = Push::open(&davy.grpc()).await.expect("davy serves");
    push.send(numbered(base, MESSAGES)).await;
    let standing = push.answer().await.expect("the stream goes on").expect("where the gateway stands");
    assert_eq!((standing.gateway.as_str(), standing.last_sequence, standing.acknowledged_sequence), (GATEWAY, MESSAGES, 0));
    push.acknowledged(MESSAGES).await;
    assert_eq!(samples(&davy.grpc(), &["n"]).await.len() as u64, MESSAGES, "the repeat is acknowledged and dropped");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_named_and_the_stream_goes_on() {
    let (_broker, davy) = davy().await;
    let grpc = davy.grpc();
    let mut push = Push::open(&grpc).await.expect("davy serves");
    push.send(request(1, vec![value("N", Value::Number(f64::NAN)), value("XV", Value::Text("ajar".to_owned()))])).await;
    push.send(request(2, vec![value("N", Value::Text("1".to_owned())), value("XV", Value::Boolean(true))])).await;
    let old = v1::PushSamplesRequest { time: Some(timestamp(1)), ..request(3, vec![value("N", Value::Number(1.0))]) };
    push.send(old).await;
    push.send(request(4, vec![value("NEW", Value::Number(4.5)), value("N", Value::Null(0))])).await;
    let refusals = push.acknowledged(4).await;
    let told: Vec<_> = refusals.iter().map(|it| (it.sequence, it.tag.as_str(), it.field.as_str(), it.reason.as_str())).collect();
    let wanted = [
        (1, "N", "values[0].number", "not_a_number"),
        (1, "XV", "values[1].text", "unknown_state"),
        (2, "N", "values[0].text", "wrong_type"),
        (3, "", "time", "time_out_of_range"),
    ];
    assert_eq!(told, wanted);
    assert!(refusals[1].detail.starts_with("`ajar`: send "), "{}", refusals[1].detail);
    let stranger =
        v1::PushSamplesRequest { gateway: "rugang/e01/nobody".to_owned(), ..request(1, vec![value("A", Value::Number(1.0))]) };
    push.send(stranger).await;
    let opened = push.answer().await.expect("the stream goes on").expect("the other gateway");
    assert_eq!((opened.gateway.as_str(), opened.last_sequence), ("rugang/e01/nobody", 0));
    assert_eq!(push.acknowledged(1).await[0].reason, "unknown_gateway");
    push.send(request(6, vec![value("N", Value::Number(6.0))])).await;
    assert_eq!(push.acknowledged(6).await, []);
    let stored = until("what was right is stored", async || Some(samples(&grpc, &[]).await).filter(|it| it.len() >= 4)).await;
    let mut stored: Vec<_> = stored.iter().map(|it| (it.point.as_str(), it.value)).collect();
    stored.sort_by_key(|it| it.0);
    assert_eq!(stored, [("n", None), ("n", None), ("n", Some(6.0)), ("valve", Some(1.0))]);
    let letters = until("dead letters", async || Some(dead_letters(&grpc).await).filter(|it| it.len() >= 4)).await;
    assert!(letters.iter().all(|it| it.topic.starts_with("grpc/rugang/e01/") && !it.payload.is_empty()), "{letters:?}");
    listed(&grpc).await;
    drafted(&davy);
    drop(push.requests);
    assert!(push.answers.message().await.expect("it ends well").is_none());
    closed_with_the_field(&grpc).await;
}

/// How a person sees it.
async fn listed(grpc: &str) {
    let gateways = gateways(grpc).await;
    let of = |path: &str| gateways.iter().find(|it| it.path == path).unwrap_or_else(|| panic!("{path} in {gateways:?}"));
    let known = of(GATEWAY);
    assert_eq!((known.connected, known.known, known.enterprise.as_str()), (Some(true), true, "e01"));
    assert_eq!((known.gaps, known.refused, known.unmapped_values, known.losses.len()), (1, 3, 1, 1), "{known:?}");
    assert!(known.messages_per_second > 0.0 && known.last_message_at.is_some());
    assert_eq!((known.unmapped_tags[0].tag.as_str(), known.unmapped_tags[0].last_value.as_str()), ("NEW", "4.5"));
    assert!(!of("rugang/e01/nobody").known);
    let server = format!("http://{grpc}");
    let table = run(["query", "gateways", "--server", &server]).succeeded();
    assert!(table.lines().any(|line| line.starts_with(GATEWAY) && line.contains(" yes ")), "{table}");
    assert!(table.contains("no point claims NEW"), "{table}");
    let json = run(["query", "gateways", "--json", "--server", &server]).succeeded();
    let objects: Vec<serde_json::Value> = json.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(objects.len(), gateways.len());
}

/// What no point claims becomes a file beside the site, and loads with it.
fn drafted(davy: &Davy) {
    let server = format!("http://{}", davy.grpc());
    let folder = davy.folder().join("merged");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::copy(davy.site(), folder.join("site.toml")).expect("the site");
    let draft = run(["site", "draft", "--from", "gateways", "--server", &server]).succeeded();
    std::fs::write(folder.join("draft.toml"), &draft).expect("the draft");
    let checked = run(["check", folder.to_str().expect("UTF-8")]);
    assert!(checked.status.success() && checked.err.contains("4 points"), "{}\n{draft}", checked.err);
    let one = run(["site", "draft", "--from", "gateways", "--gateway", GATEWAY, "--server", &server]).succeeded();
    assert!(one.contains("tag = \"NEW\"") && !one.contains("nobody"), "{one}");
}

/// Where no progress is possible the stream ends, and says which field is at fault.
async fn closed_with_the_field(grpc: &str) {
    let large = v1::TagValue { tag: "x".repeat(2 << 20), ..v1::TagValue::default() };
    let nameless = v1::PushSamplesRequest { gateway: String::new(), ..request(1, Vec::new()) };
    let wild = v1::PushSamplesRequest { gateway: "a/+/c".to_owned(), ..request(1, Vec::new()) };
    for (first, field) in [(nameless, "gateway"), (wild, "gateway"), (request(1, vec![large]), "message")] {
        let mut push = Push::open(grpc).await.expect("davy serves");
        push.send(first).await;
        let status = push.answer().await.expect_err("it ends");
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        let details = status.get_error_details();
        assert_eq!(details.bad_request().map(|it| it.field_violations[0].field.as_str()), Some(field), "{status:?}");
    }
}

/// Bytes a message, and so many messages that no window and no queue holds them for one who is not read.
const HEAVY: usize = 16 * 1024;
const MANY: u64 = 20_000;
const GROWTH_MAX_KIB: u64 = 200 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn one_that_reads_no_acknowledgements_is_not_read_either() {
    let (_broker, davy) = davy().await;
    let grpc = davy.grpc();
    let mut deaf = Push::open(&grpc).await.expect("davy serves");
    let before = memory_kib(davy.process().id());
    let heavy = |k| {
        let wrong = value("N", Value::Text("x".repeat(HEAVY)));
        request(k, vec![wrong, value("N", Value::Integer(i64::try_from(k).expect("small")))])
    };
    let mut sent = 0;
    while sent < MANY && timeout(Duration::from_secs(3), deaf.requests.send(heavy(sent + 1))).await.is_ok() {
        sent += 1;
    }
    assert!((100..MANY).contains(&sent), "{sent} messages were taken from one who reads nothing");
    let grown = memory_kib(davy.process().id()).saturating_sub(before);
    assert!(grown < GROWTH_MAX_KIB, "{grown} KiB more");
    let mut other = Push::open(&grpc).await.expect("davy serves");
    other.send(request(100_000, vec![value("XV", Value::Boolean(true))])).await;
    other.acknowledged(100_000).await;
    // It reads after all: everything it had sent is acknowledged, in order.
    deaf.acknowledged(sent).await;
}

/// A Davy that stands still takes nothing more; afterwards everything arrives.
#[tokio::test(flavor = "multi_thread")]
async fn a_davy_that_stands_still_slows_its_clients() {
    let (_broker, davy) = davy().await;
    let mut push = Push::open(&davy.grpc()).await.expect("davy serves");
    push.send(request(1, vec![value("N", Value::Integer(1))])).await;
    push.acknowledged(1).await;
    davy.process().signal("STOP");
    let heavy = |k| request(k, vec![value(&"x".repeat(HEAVY), Value::Integer(1)), value("N", Value::Integer(1))]);
    let mut sent = 1;
    while sent < MANY && timeout(Duration::from_secs(2), push.requests.send(heavy(sent + 1))).await.is_ok() {
        sent += 1;
    }
    davy.process().signal("CONT");
    assert!(sent < MANY, "{sent} messages were taken while nothing ran");
    push.acknowledged(sent).await;
    let grpc = davy.grpc();
    let stored = async || (samples(&grpc, &["n"]).await.len() as u64 >= sent).then_some(());
    until("all is stored", stored).await;
}

fn memory_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("the process lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("every process has some");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

const GARBAGE: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn garbage_on_the_port_and_cut_streams_disturb_no_other() {
    let (_broker, mut davy) = davy().await;
    let grpc = davy.grpc();
    let mut push = Push::open(&grpc).await.expect("davy serves");
    for k in 1..=GARBAGE {
        let mut bytes = vec![0; 4_096];
        getrandom::fill(&mut bytes).expect("the system has random numbers");
        if k % 2 == 0 {
            bytes.splice(..0, *b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        }
        let mut stream = tokio::net::TcpStream::connect(&grpc).await.expect("the port is open");
        // Davy may have closed it already.
        drop(stream.write_all(&bytes).await);
        if k % 20 == 0 {
            // Cut in the midst of a message.
            let cut = Push::open(&grpc).await.expect("davy serves");
            cut.send(request(0, vec![value("N", Value::Integer(-1))])).await;
        }
        push.send(request(k as u64, vec![value("XV", Value::Boolean(k % 2 == 0))])).await;
        assert_eq!(push.acknowledged(k as u64).await, []);
    }
    // At a stop in good order the stream ends with everything answered.
    push.send(request(GARBAGE as u64 + 1, vec![value("XV", Value::Boolean(true))])).await;
    push.acknowledged(GARBAGE as u64 + 1).await;
    let ending = async {
        loop {
            match push.answers.message().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("it ends with a status"),
                Err(status) => return status,
            }
        }
    };
    let (status, (exit, _)) = tokio::join!(ending, davy.terminate());
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert!(exit.success());
}
