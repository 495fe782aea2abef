//! `davy simulate` on a real broker: what its edge nodes say, as any other subscriber hears it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use harness::{Mosquitto, Process, Store, binary, run, until, until_within};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use sparkplug::edge::{BD_SEQ, REBIRTH, rebirth_command};
use sparkplug::{MetricValue, NodeId, Payload, Topic, time_of};

use crate::sites::now_ms;

/// One message as heard.
#[derive(Clone, Debug)]
struct Heard {
    topic: Topic,
    payload: Payload,
}

impl Heard {
    /// `NBIRTH`, `DDATA` …
    fn kind(&self) -> &'static str {
        match &self.topic {
            Topic::Node { kind, .. } => kind.as_str(),
            Topic::Device { kind, .. } => kind.as_str(),
            Topic::State { .. } => "STATE",
        }
    }

    fn is_of(&self, node: &str) -> bool {
        self.topic.node().is_some_and(|id| id.node() == node)
    }

    fn bd_seq(&self) -> Option<u64> {
        self.payload.integer(BD_SEQ)
    }
}

/// A subscriber to everything of Sparkplug.
struct Listener {
    client: AsyncClient,
    heard: Arc<Mutex<Vec<Heard>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Listener {
    async fn on(broker: &Mosquitto) -> Self {
        let mut options = MqttOptions::new("listener", "127.0.0.1", broker.port());
        options.set_max_packet_size(1 << 20, 1 << 20);
        let (client, mut events) = AsyncClient::new(options, 100);
        client.subscribe("spBv1.0/#", QoS::AtLeastOnce).await.expect("the queue has room");
        let (heard, subscribed) = (Arc::new(Mutex::new(Vec::new())), Arc::new(tokio::sync::Notify::new()));
        let (kept, told) = (Arc::clone(&heard), Arc::clone(&subscribed));
        let task = tokio::spawn(async move {
            loop {
                match events.poll().await.expect("the broker stays") {
                    Event::Incoming(Packet::SubAck(_)) => told.notify_one(),
                    Event::Incoming(Packet::Publish(publish)) => {
                        let topic = Topic::parse(&publish.topic).expect("a Sparkplug topic");
                        if !matches!(topic, Topic::State { .. }) {
                            let payload = Payload::read(&publish.payload).expect("a Sparkplug payload");
                            kept.lock().expect("nobody panics with it").push(Heard { topic, payload });
                        }
                    }
                    _ => {}
                }
            }
        });
        subscribed.notified().await;
        Self { client, heard, task }
    }

    fn heard(&self) -> Vec<Heard> {
        self.heard.lock().expect("nobody panics with it").clone()
    }

    fn of(&self, node: &str, kind: &str) -> Vec<Heard> {
        self.heard().into_iter().filter(|it| it.is_of(node) && it.kind() == kind).collect()
    }

    async fn wait(&self, what: &str, node: &str, kind: &str, count: usize) -> Vec<Heard> {
        until(what, async || Some(self.of(node, kind)).filter(|found| found.len() >= count)).await
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A folder with a generated site in it.
fn generated(nodes: u32, points: u32, format: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("site.toml");
    let (nodes, points) = (nodes.to_string(), points.to_string());
    let written = run([
        "simulate".as_ref(),
        "--nodes".as_ref(),
        nodes.as_ref(),
        "--points-per-node".as_ref(),
        points.as_ref(),
        "--format".as_ref(),
        format.as_ref(),
        "--write-site".as_ref(),
        path.as_os_str(),
    ]);
    assert_eq!((written.code(), written.out.as_str()), (0, ""), "{}", written.err);
    (folder, path)
}

fn simulate(broker: &Mosquitto, site: &Path, more: &[&str]) -> Process {
    let mut command = Command::new(binary());
    command.args(["simulate", "--format", "sparkplug", "--mqtt", &broker.url(), "--site"]).arg(site).args(more);
    Process::start("simulate", &mut command)
}

/// The sequence numbers of a node from each birth on: none missing, none twice, 255 before 0 (traps 16).
fn assert_consecutive(heard: &[Heard], node: &str) {
    let mut last: Option<u64> = None;
    for it in heard.iter().filter(|it| it.is_of(node) && !matches!(it.kind(), "NDEATH" | "NCMD")) {
        let seq = it.payload.seq.expect("births and data have one");
        let expected = if it.kind() == "NBIRTH" { 0 } else { (last.expect("a birth comes first") + 1) % 256 };
        assert_eq!(seq, expected, "{:?}", it.topic);
        last = Some(seq);
    }
    assert!(last.is_some(), "{node} said nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn edge_nodes_are_born_send_in_sequence_answer_a_rebirth_and_die_by_their_will() {
    let broker = Mosquitto::start(Store::None).await;
    let listener = Listener::on(&broker).await;
    let (_folder, site) = generated(2, 9, "sparkplug");
    let mut nodes = simulate(&broker, &site, &["--rate", "50", "--alias", "mixed"]);
    let (first, second) = ("e00001-gw1", "e00002-gw1");
    // Three messages a step: past 255 soon.
    for node in [first, second] {
        listener.wait("enough data to wrap around", node, "DDATA", 300).await;
    }
    let now = time_of(u64::try_from(now_ms()).expect("after 1970")).expect("a time of this age");
    let command = rebirth_command(&NodeId::new("p001", first).expect("an id"), now);
    listener.client.publish(command.topic.to_string(), QoS::AtLeastOnce, false, command.payload).await.expect("there is room");
    let births = listener.wait("the rebirth is answered", first, "NBIRTH", 2).await;
    assert_eq!((births[0].bd_seq(), births[1].bd_seq()), (Some(0), Some(0)), "a rebirth without a new connection (traps 17)");
    listener.wait("its devices are born again", first, "DBIRTH", 4).await;
    assert!(births[0].payload.metrics.iter().any(|metric| metric.name.as_deref() == Some(REBIRTH)));
    assert_eq!(listener.of(second, "NBIRTH").len(), 1, "who was not asked stays as it is");

    nodes.kill();
    for node in [first, second] {
        let deaths = listener.wait("its Will", node, "NDEATH", 1).await;
        assert_eq!((deaths[0].bd_seq(), deaths[0].payload.seq), (Some(0), None));
    }
    let heard = listener.heard();
    for node in [first, second] {
        assert_consecutive(&heard, node);
        let named = |it: &Heard| it.payload.metrics.iter().all(|metric| metric.name.is_some());
        let aliased = |it: &Heard| it.payload.metrics.iter().all(|metric| metric.alias.is_some() && metric.name.is_none());
        let data: Vec<_> = heard.iter().filter(|it| it.is_of(node) && it.kind() == "DDATA").collect();
        assert!(if node == first { data.iter().all(|it| aliased(it)) } else { data.iter().all(|it| named(it)) }, "{node}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_in_good_order_says_so_once_and_counts_what_was_done() {
    let broker = Mosquitto::start(Store::None).await;
    let listener = Listener::on(&broker).await;
    let (_folder, site) = generated(3, 3, "sparkplug");
    let mut nodes = simulate(&broker, &site, &["--rate", "20"]);
    for node in ["e00001-gw1", "e00002-gw1", "e00003-gw1"] {
        listener.wait("data", node, "DDATA", 10).await;
    }
    let (status, _) = nodes.terminate(Duration::from_secs(10)).await;
    assert_eq!(status.code(), Some(0));
    let last = nodes.err().pop().expect("it says what was done");
    for node in ["e00001-gw1", "e00002-gw1", "e00003-gw1"] {
        let deaths = listener.wait("it says that it leaves", node, "NDEATH", 1).await;
        assert_eq!(deaths.len(), 1);
        assert_consecutive(&listener.heard(), node);
    }
    let sent = listener.heard().len();
    assert!(last.contains(&format!("{sent} messages sent, {sent} acknowledged, 3 births, 0 rebirths")), "{sent}: {last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flapping_gateway_dies_by_its_will_and_comes_back_with_the_next_bd_seq() {
    let broker = Mosquitto::start(Store::None).await;
    let listener = Listener::on(&broker).await;
    let (_folder, site) = generated(2, 3, "sparkplug");
    let _nodes = simulate(&broker, &site, &["--rate", "10", "--scenario", "gateway_flapping"]);
    let deaths = listener.wait("it is cut off", "e00001-gw1", "NDEATH", 1).await;
    let births = until_within(Duration::from_secs(30), "it comes back", async || {
        Some(listener.of("e00001-gw1", "NBIRTH")).filter(|births| births.len() >= 2)
    });
    let births = births.await;
    assert_eq!(deaths[0].bd_seq(), Some(0));
    assert_eq!((births[0].bd_seq(), births[1].bd_seq()), (Some(0), Some(1)));
    assert_eq!(listener.of("e00002-gw1", "NDEATH").len(), 0, "the others are well");
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_wait_for_their_primary_host_and_keep_what_comes_meanwhile() {
    let broker = Mosquitto::start(Store::None).await;
    let listener = Listener::on(&broker).await;
    let (_folder, site) = generated(1, 3, "sparkplug");
    let state = async |online: bool, timestamp: u64| {
        let text = format!("{{\"online\":{online},\"timestamp\":{timestamp}}}");
        listener.client.publish("spBv1.0/STATE/davy", QoS::AtLeastOnce, true, text).await.expect("there is room");
    };
    state(true, 1).await;
    let _nodes = simulate(&broker, &site, &["--rate", "20", "--primary-host", "davy"]);
    listener.wait("data", "e00001-gw1", "DDATA", 10).await;
    state(false, 2).await;
    listener.wait("it says its death", "e00001-gw1", "NDEATH", 1).await;
    let before = listener.of("e00001-gw1", "DDATA").len();
    state(true, 3).await;
    let births = listener.wait("it is born again", "e00001-gw1", "NBIRTH", 2).await;
    assert_eq!(births[1].bd_seq(), Some(1));
    let historical = |it: &Heard| it.payload.metrics.iter().all(|metric| metric.is_historical == Some(true));
    let data = until("what was kept comes, then what is new", async || {
        let data = listener.of("e00001-gw1", "DDATA").split_off(before);
        data.iter().any(|it| !historical(it)).then_some(data)
    });
    let data = data.await;
    let kept = data.iter().take_while(|it| historical(it)).count();
    assert!(data[kept..].iter().all(|it| !historical(it)), "no history after live data");
    assert_consecutive(&listener.heard(), "e00001-gw1");
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_rows_arrive_bit_by_bit_with_their_spacing() {
    let broker = Mosquitto::start(Store::None).await;
    let listener = Listener::on(&broker).await;
    let (folder, site) = generated(1, 2, "sparkplug");
    let samples = folder.path().join("samples.csv");
    let values = [0.1, 1.0 / 3.0, 1e-7, 1_234.567_891_011, 2.5];
    let lines: Vec<_> =
        values.iter().enumerate().map(|(row, value)| format!("{}.25,{value:?}", 1_700_000_000 + 4 * row)).collect();
    std::fs::write(&samples, format!("t_s,e00001-PI-101\n{}\n", lines.join("\n"))).expect("it can be written");
    let mut replay = simulate(&broker, &site, &["--speed", "20", "--samples", &samples.display().to_string()]);
    let ended = until("the replay ends by itself", async || replay.ended()).await;
    assert_eq!(ended.code(), Some(0), "{}", replay.err().join("\n"));
    let heard = listener.heard();
    let births: Vec<_> = heard.iter().filter(|it| it.kind() == "NBIRTH" || it.kind() == "DBIRTH").collect();
    assert_eq!(births.len(), 2, "no device and no metric that the file does not have");
    let said = heard.iter().filter(|it| ["DBIRTH", "DDATA"].contains(&it.kind())).flat_map(|it| &it.payload.metrics);
    let said: Vec<_> =
        said.map(|metric| (metric.timestamp.expect("its own time"), metric.value.clone(), metric.is_historical)).collect();
    let first = said[0].0;
    let wanted = values.iter().zip(0..).map(|(value, row)| (first + 200 * row, Some(MetricValue::Double(*value)), None));
    assert_eq!(said, wanted.collect::<Vec<_>>());
}

#[test]
fn written_sites_pass_the_check_and_nothing_is_written_over() {
    for format in ["json", "sparkplug"] {
        let (_folder, site) = generated(60, 12, format);
        let checked = run(["check".as_ref(), site.as_os_str()]);
        assert_eq!(checked.code(), 0, "{}", checked.err);
        let again = run(["simulate".as_ref(), "--nodes".as_ref(), "1".as_ref(), "--write-site".as_ref(), site.as_os_str()]);
        assert_eq!(again.code(), 1, "{}", again.err);
        assert!(again.err.contains("site.toml"), "{}", again.err);
    }
}

#[test]
fn what_cannot_be_played_is_told_by_its_kind() {
    let (_folder, site) = generated(1, 1, "json");
    let ask = |more: &[&str]| {
        let begin = ["simulate", "--mqtt", "mqtt://127.0.0.1:9", "--site"].map(std::ffi::OsStr::new);
        run(begin.into_iter().chain([site.as_os_str()]).chain(more.iter().map(std::ffi::OsStr::new)))
    };
    for usage in [
        &["--scenario", "earthquake"][..],
        &["--rate", "0"],
        &["--qos", "2"],
        &["--alias", "some"],
        &["--primary-host", "davy"],
        &["--format", "sparkplug", "--primary-host", "a/b"],
        &["--nodes", "5"],
    ] {
        let told = ask(usage);
        assert_eq!((told.code(), told.out.as_str()), (2, ""), "{usage:?}: {}", told.err);
    }
    assert!(ask(&["--scenario", "earthquake"]).err.contains("gateway_flapping"), "it names those that there are");
    let nobody = ask(&["--format", "sparkplug"]);
    assert_eq!(nobody.code(), 1, "{}", nobody.err);
    assert!(nobody.err.contains("sparkplug = ") && nobody.err.contains("--format json"), "{}", nobody.err);
}
