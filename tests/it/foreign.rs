//! Sparkplug B from other people's libraries through Mosquitto: exact values, the same alarms, and their quirks survived and named.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use harness::foreign::{End, Library, Peer};
use harness::{Davy, Feed, Mosquitto, Process, Store, Trace, data, micros, run, samples, until};
use wire::v1;
use wire::v1::event::Body;

use crate::plant::{SENTINEL, assert_same, computed, fed, printed};
use crate::sites::{level, message, now_ms, site};

/// What a death that the host only suspects may take: the wait for reordered messages and the grace after it, on a busy machine.
///
/// A rebirth request ends the network thread of mqtt-spb-wrapper; its Will then comes only when the broker misses its pings, after 90 s.
const DOWN_WITHIN: Duration = Duration::from_secs(120);
/// Commands that a node which breaks the rules may cost; a loop would be dozens.
const COMMANDS_MAX: usize = 3;

const PATH: &str = "mqtt = \"rugang/e01/gw1\"";

/// The same site with its one gateway replaced by a device behind an edge node.
fn by_sparkplug(site: &str, path: &str) -> String {
    assert!(site.contains(PATH), "the site has another gateway");
    site.replace(PATH, &format!("sparkplug = \"{path}\""))
}

fn rows(davy: &Davy, lines: impl IntoIterator<Item = String>) -> PathBuf {
    let file = davy.folder().join(format!("rows-{}.jsonl", now_ms()));
    let text: Vec<_> = lines.into_iter().collect();
    std::fs::write(&file, text.join("\n") + "\n").expect("the rows can be written");
    file
}

/// So many rows of a rising level that ends above its limit of 50, a second apart, up to now.
fn rising(count: i64) -> impl Iterator<Item = String> {
    let start = now_ms() - count * 1_000;
    (0..count).map(move |n| message(start + n * 1_000, "n", 100.0 / count as f64 * n as f64))
}

/// A site with one level `n` behind a device `reactor` of each node.
fn nodes(names: &[&str]) -> String {
    let one = site(&[level("n", &["kind = \"high\"\nlimit = 50.0"])]);
    let (head, point) = one.split_once("\n[[point]]").expect("a site with a point");
    let mut text = head.to_owned();
    for name in names {
        let point = by_sparkplug(point, &format!("rugang/{name}/reactor")).replace("id = \"n\"", &format!("id = \"{name}\""));
        write!(text, "\n[[point]]{point}").expect("a String takes every write");
    }
    text
}

/// Counts the commands that anybody sends to edge nodes.
struct Commands(Process);

impl Commands {
    async fn listen(broker: &Mosquitto) -> Self {
        let mut command = broker.client("mosquitto_sub");
        command.args(["-q", "1", "-t", "spBv1.0/+/NCMD/#", "-t", "spBv1.0/+/DCMD/#", "-t", "listening", "-F", "%t"]);
        let listener = Self(Process::start("mosquitto_sub", &mut command));
        // It listens once it hears.
        until("the listener hears", async || {
            let said = broker.client("mosquitto_pub").args(["-t", "listening", "-m", "x"]).status();
            assert!(said.expect("mosquitto_pub runs").success(), "the broker takes a message");
            listener.0.out().iter().any(|line| line == "listening").then_some(())
        })
        .await;
        listener
    }

    fn count(&self) -> usize {
        self.0.out().iter().filter(|line| line.contains("/NCMD/") || line.contains("/DCMD/")).count()
    }
}

fn about<'a>(events: &'a [v1::Event], kind: &'a str, subject: &'a str) -> impl Iterator<Item = &'a v1::Event> {
    events.iter().filter(move |event| event.kind == kind && event.subject == subject)
}

async fn values(grpc: &str, point: &str, at_least: usize) -> Vec<f64> {
    let what = format!("{at_least} samples of {point} are stored");
    let stored = until(&what, async || Some(samples(grpc, &[point]).await).filter(|stored| stored.len() >= at_least));
    stored.await.iter().map(|sample| sample.value.unwrap_or(f64::NAN)).collect()
}

/// A trace as Sparkplug from a library: backtest, reference and feed agree, and what is stored is what was sent, once.
async fn lives_as_backtested(library: Library, name: &str) {
    let trace = Trace::read(name).ending_at(now_ms() - 1_000);
    let plant = by_sparkplug(&std::fs::read_to_string(data("plant.toml")).expect("the site"), "rugang/tep/reactor");
    let site = plant.clone() + &by_sparkplug(SENTINEL, "rugang/tep/reactor");
    let broker = Mosquitto::start(Store::None).await;
    let davy = Davy::start(&site, &broker.url()).await;
    let feed = Feed::follow(davy.addresses());

    let csv = davy.folder().join("trace.csv");
    std::fs::write(&csv, trace.csv()).expect("the shifted trace can be written");
    let wanted = computed(&plant, &trace);
    let count: usize = wanted.values().map(Vec::len).sum();
    assert!(count >= 500, "{name} holds only {count} transitions");
    let backtest = run(["backtest".as_ref(), "--site".as_ref(), davy.site().as_os_str(), "--samples".as_ref(), csv.as_os_str()]);
    assert_same("backtest and reference", &printed(&backtest.succeeded()), &wanted);

    let file = rows(&davy, trace.messages().chain([message(now_ms(), "end", 1.0)]));
    let mut peer = Peer::start(library, broker.port(), ["rugang", "tep", "reactor"], &file, End::Stays, &[]);
    peer.says("acked").await;
    let ended = |events: &[v1::Event]| about(events, "alarm.raised", "e01-END").next().map(drop);
    feed.until(Duration::from_secs(60), "the sentinel's alarm is in the feed", ended).await;
    assert_same("feed and reference", &fed(&feed.transitions(), trace.end()), &wanted);

    let grpc = davy.grpc();
    let stored = until("every sample is stored", async || {
        Some(samples(&grpc, &["e01-PI-101"]).await).filter(|stored| stored.len() >= trace.rows.len())
    });
    let stored: Vec<_> = stored.await.iter().map(|it| (micros(it.time.as_ref()), it.value.unwrap_or(f64::NAN))).collect();
    assert_eq!(stored, trace.samples("reactor_pressure").collect::<Vec<_>>(), "stored as sent, once, to the last bit");
    assert_eq!(peer.rebirths(), 0, "nothing was wrong, so nothing was asked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_composition_step_from_pysparkplug_alarms_as_backtested() {
    lives_as_backtested(Library::PySparkplug, "idv01.csv.gz").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_feed_from_sparkplug_client_alarms_as_backtested() {
    lives_as_backtested(Library::SparkplugClient, "idv06.csv.gz").await;
}

/// The rules that a node or its devices break, as the feed says them, in order of the first time.
fn rules<'a>(events: &'a [v1::Event], node: &str) -> Vec<&'a str> {
    let device = format!("{node}/");
    let of_node = events.iter().filter(|event| event.subject == node || event.subject.starts_with(&device));
    of_node.filter_map(|event| if let Some(Body::Fault(it)) = &event.body { Some(&*it.rule) } else { None }).collect()
}

/// Graceful and killed: the node is said to be down in time, and its alarm stands (traps 17, 18). `misfits` are the ends whose death
/// does not fit the birth, which is named.
async fn is_said_down(library: Library, misfits: &[&str]) {
    let broker = Mosquitto::start(Store::None).await;
    let davy = Davy::start(&nodes(&["graceful", "killed"]), &broker.url()).await;
    let feed = Feed::follow(davy.addresses());
    for (node, end) in [("graceful", End::Graceful), ("killed", End::Killed)] {
        let file = rows(&davy, rising(20));
        let mut peer = Peer::start(library, broker.port(), ["rugang", node, "reactor"], &file, end, &[]);
        peer.ended().await;
        let path = format!("rugang/{node}");
        let what = format!("{library:?} {node} is said to be down");
        let down = feed.until(DOWN_WITHIN, &what, |events| about(events, "gateway.down", &path).next().cloned()).await;
        let Some(Body::Source(change)) = &down.body else { panic!("a source change: {down:?}") };
        assert_eq!(change.source, format!("sparkplug/{path}"), "{down:?}");
        assert_eq!(values(&davy.grpc(), node, 20).await.len(), 20, "what it sent before is kept");
    }
    let events = feed.events();
    for node in ["graceful", "killed"] {
        assert_eq!(about(&events, "gateway.down", &format!("rugang/{node}")).count(), 1, "down is said once");
        assert_eq!(about(&events, "alarm.raised", node).count(), 1);
        assert_eq!(about(&events, "alarm.returned", node).count(), 0, "silence clears nothing");
        let misfit = rules(&events, &format!("rugang/{node}")).contains(&"sparkplug.death_bdseq");
        assert_eq!(misfit, misfits.contains(&node), "{library:?} {node}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pysparkplug_is_said_down_when_it_leaves_and_when_it_is_killed() {
    is_said_down(Library::PySparkplug, &["graceful"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sparkplug_client_is_said_down_when_it_leaves_and_when_it_is_killed() {
    is_said_down(Library::SparkplugClient, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mqtt_spb_wrapper_is_said_down_when_it_leaves_and_when_it_is_killed() {
    is_said_down(Library::SpbWrapper, &["graceful", "killed"]).await;
}

/// The Will of an earlier connection comes after the birth of the next, and data go on (traps 17).
#[tokio::test(flavor = "multi_thread")]
async fn a_stale_will_takes_no_living_node_down() {
    let broker = Mosquitto::start(Store::None).await;
    let davy = Davy::start(&nodes(&["py1"]), &broker.url()).await;
    let feed = Feed::follow(davy.addresses());
    let file = rows(&davy, rising(400));
    let path = ["rugang", "py1", "reactor"];
    let mut peer = Peer::start(Library::PySparkplug, broker.port(), path, &file, End::Stays, &["--pace", "20"]);
    peer.says("born").await;
    values(&davy.grpc(), "py1", 20).await;

    // A recorded NDEATH of the same node whose bdSeq is not that of this birth.
    let recorded = std::fs::read_to_string(data("sparkplug/pysparkplug-graceful.txt")).expect("a capture");
    let death = recorded.lines().find(|line| line.contains("/NDEATH/py1 ")).expect("the capture holds a death");
    let (topic, payload) = death.split_once(' ').expect("a topic and a payload");
    let will = davy.folder().join("will");
    let bytes: Vec<u8> =
        (0..payload.len()).step_by(2).map(|at| u8::from_str_radix(&payload[at..at + 2], 16).expect("hex")).collect();
    std::fs::write(&will, bytes).expect("the Will can be written");
    let said = broker.client("mosquitto_pub").args(["-q", "1", "-t", topic, "-f"]).arg(&will).status();
    assert!(said.expect("mosquitto_pub runs").success(), "the broker takes the Will");

    peer.says("acked").await;
    assert_eq!(values(&davy.grpc(), "py1", 400).await.len(), 400, "every row is kept");
    let events = feed.events();
    assert_eq!(about(&events, "gateway.down", "rugang/py1").count(), 0, "it lives: {events:?}");
    // It really leaves now, and that is heard.
    peer.process().signal("TERM");
    let what = "the real end is said";
    feed.until(DOWN_WITHIN, what, |events| about(events, "gateway.down", "rugang/py1").next().cloned()).await;
}

/// `DATA/n` in the birth, `n` in the data: taken as they come, said once, and no rebirth is asked for again and again (traps 21).
#[tokio::test(flavor = "multi_thread")]
async fn names_that_differ_between_birth_and_data_are_a_fault_and_no_storm() {
    let broker = Mosquitto::start(Store::None).await;
    let commands = Commands::listen(&broker).await;
    let davy = Davy::start(&nodes(&["spb1"]), &broker.url()).await;
    let feed = Feed::follow(davy.addresses());
    let file = rows(&davy, rising(200));
    let path = ["rugang", "spb1", "reactor"];
    let mut peer = Peer::start(Library::SpbWrapper, broker.port(), path, &file, End::Stays, &["--pace", "40"]);
    peer.says("acked").await;
    let sent: Vec<_> = (0..200).map(|n| 100.0 / 200.0 * f64::from(n)).collect();
    assert_eq!(values(&davy.grpc(), "spb1", 200).await, sent, "every row is kept, in order");
    let events = feed.events();
    assert_eq!(rules(&events, "rugang/spb1"), ["sparkplug.undeclared_metric"], "named, and once for all rows");
    assert_eq!(about(&events, "gap.possible", "rugang/spb1").count(), 0);
    assert_eq!(commands.count(), 0, "another birth would bring the same names");
}

/// One process, two nodes, one counter: each shows a gap at every message (traps 15).
#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_with_one_sequence_counter_keep_their_data() {
    let broker = Mosquitto::start(Store::None).await;
    let commands = Commands::listen(&broker).await;
    let davy = Davy::start(&nodes(&["spb1", "spb2"]), &broker.url()).await;
    let feed = Feed::follow(davy.addresses());
    let file = rows(&davy, rising(200));
    let path = ["rugang", "spb1", "reactor"];
    let more = ["--second", "spb2", "--pace", "40"];
    let mut peer = Peer::start(Library::SpbWrapper, broker.port(), path, &file, End::Stays, &more);
    peer.says("acked").await;
    let sent: Vec<_> = (0..200).map(|n| 100.0 / 200.0 * f64::from(n)).collect();
    for node in ["spb1", "spb2"] {
        assert_eq!(values(&davy.grpc(), node, 200).await, sent, "every row of {node} is kept, in order");
        let what = format!("the gaps of {node} are said");
        let path = format!("rugang/{node}");
        let gap = feed.until(Duration::from_secs(30), &what, |events| about(events, "gap.possible", &path).next().cloned()).await;
        let Some(Body::Gap(gap)) = gap.body else { panic!("a gap: {gap:?}") };
        assert_eq!((gap.points, gap.source), (vec![node.to_owned()], format!("sparkplug/{path}")));
    }
    // It was asked: the library's own handler of that command stops its node's network thread, and the data go on all the same.
    let asked = commands.count();
    assert!((1..=2 * COMMANDS_MAX).contains(&asked), "{asked} commands");
}

/// What two libraries make of each datatype at its edges: Davy reads the same numbers, and a null is a value that is not there (traps 22).
#[tokio::test(flavor = "multi_thread")]
async fn datatypes_of_two_libraries_are_read_alike() {
    let float = Some(f64::from(0.1_f32));
    let most = Some(4_294_967_295.0);
    // Six rounds, or as many as the two scripts have in common.
    let cases: [(&str, &[Option<f64>]); 5] = [
        ("Int32", &[Some(-2_147_483_648.0), Some(-4.0)]),
        ("UInt32", &[Some(0.0), most, None, Some(0.0), most, None]),
        ("UInt8", &[Some(0.0), Some(255.0), None, Some(0.0), Some(255.0), None]),
        ("Boolean", &[Some(1.0), Some(0.0), None, Some(1.0), Some(0.0), None]),
        ("Float", &[Some(-1.5), float, None, Some(-1.5), float, None]),
    ];
    let libraries = [(Library::PySparkplug, "py"), (Library::SparkplugClient, "js")];
    let broker = Mosquitto::start(Store::None).await;
    let one = site(&[level("n", &[])]);
    let (head, point) = one.split_once("\n[[point]]").expect("a site with a point");
    let mut text = head.to_owned();
    for (library, node) in libraries {
        for (datatype, _) in &cases {
            let spelled = if library == Library::PySparkplug { datatype.to_uppercase() } else { (*datatype).to_owned() };
            let point =
                by_sparkplug(point, &format!("rugang/{node}")).replace("id = \"n\"", &format!("id = \"{node}-{datatype}\""));
            write!(text, "\n[[point]]{}", point.replace("tag = \"n\"", &format!("tag = \"types/{spelled}\""))).expect("written");
        }
    }
    let davy = Davy::start(&text, &broker.url()).await;
    let file = rows(&davy, rising(3));
    for (library, node) in libraries {
        let mut peer = Peer::start(library, broker.port(), ["rugang", node, "reactor"], &file, End::Stays, &["--types"]);
        peer.says("acked").await;
        for (datatype, wanted) in &cases {
            let point = format!("{node}-{datatype}");
            values(&davy.grpc(), &point, 6).await;
            let stored = samples(&davy.grpc(), &[&point]).await;
            let stored: Vec<_> = stored.iter().map(|sample| sample.value).collect();
            assert_eq!(&stored[..wanted.len()], *wanted, "{library:?} {datatype}");
        }
    }
}
