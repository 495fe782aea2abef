//! The command line: exit codes, and who may write to standard output.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use harness::{Davy, Feed, Mosquitto, Process, Publisher, Store, binary, data, run, samples, until, until_within};

use crate::sites::{TOPIC, level, message, now_ms, site};

fn one_level() -> String {
    site(&[level("LI-1", &["kind = \"high\"\nlimit = 80.0"])])
}

#[test]
fn check_says_every_fault_with_file_and_line_on_standard_error() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let good = run(["check".as_ref(), data("plant.toml").as_os_str()]);
    assert_eq!((good.code(), good.out.as_str()), (0, ""), "{}", good.err);

    let bad = folder.path().join("bad.toml");
    let text = one_level().replace("limit = 80.0", "limit = \"eighty\"").replace("quantity = \"level\"", "quantity = \"levle\"");
    let line = |word: &str| 1 + text.lines().position(|line| line.contains(word)).expect("the fault is there");
    std::fs::write(&bad, &text).expect("a site file can be written");
    let faulty = run(["check".as_ref(), bad.as_os_str()]);
    assert_eq!((faulty.code(), faulty.out.as_str()), (1, ""), "{}", faulty.err);
    for word in ["eighty", "levle"] {
        let place = format!("bad.toml:{}", line(word));
        assert!(faulty.err.lines().any(|it| it.contains(&place) && it.contains(word)), "{place}, {word}:\n{}", faulty.err);
    }
    assert_eq!(run(["check", "/nowhere/at/all.toml"]).code(), 1);
}

#[test]
fn wrong_usage_is_two_and_nobody_there_is_three() {
    for arguments in
        [&["check"][..], &["chekc", "x"], &["backtest", "--site", "x"], &["query", "everything"], &["up", "--nonsense"]]
    {
        let wrong = run(arguments);
        assert_eq!((wrong.code(), wrong.out.as_str()), (2, ""), "{arguments:?}: {}", wrong.err);
    }
    let nobody = run(["query", "alarms", "--server", "http://127.0.0.1:9"]);
    assert_eq!((nobody.code(), nobody.out.as_str()), (3, ""), "{}", nobody.err);
    assert!(nobody.err.contains("127.0.0.1:9"), "it names whom it did not reach: {}", nobody.err);
    let site = data("plant.toml");
    let missing = run(["backtest".as_ref(), "--site".as_ref(), site.as_os_str(), "--samples".as_ref(), "/nowhere.csv".as_ref()]);
    assert_eq!((missing.code(), missing.out.as_str()), (1, ""), "{}", missing.err);
    assert!(missing.err.contains("/nowhere.csv"), "{}", missing.err);
    let incomplete = run(["up", "--mqtt", "127.0.0.1"]);
    assert_eq!(incomplete.code(), 2, "{}", incomplete.err);
    assert!(incomplete.err.contains("--site") && incomplete.err.contains("--mqtt"), "both faults at once: {}", incomplete.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn query_answers_on_standard_output_and_the_journal_is_proved() {
    let broker = Mosquitto::start(Store::None).await;
    let mut davy = Davy::start(&one_level(), &broker.url()).await;
    let feed = Feed::follow(davy.addresses());
    let mut gateway = Publisher::connect(broker.port(), "gw1");
    let start = now_ms() - 60_000;
    for (index, value) in [10.0, 80.0, 81.5].into_iter().enumerate() {
        gateway.publish(TOPIC, message(start + i64::try_from(index).expect("small"), "LI-1", value)).await;
    }
    gateway.publish("davy/v1/rugang/e01/nobody/telemetry", "x").await;
    feed.first("alarm.raised", "LI-1").await;
    let grpc = davy.grpc();
    until("all is stored", async || {
        let (stored, dead) = (samples(&grpc, &["LI-1"]).await, harness::dead_letters(&grpc).await);
        let events = harness::events(&grpc).await;
        (stored.len() == 3 && dead.len() == 1 && events.iter().any(|event| event.kind == "alarm.raised")).then_some(())
    })
    .await;
    queries(&format!("http://{grpc}"), start);
    let watched = watch(&grpc).await;
    assert_eq!(watched["limit"].as_f64(), Some(80.0), "{watched}");

    let (status, took) = davy.terminate().await;
    assert_eq!(status.code(), Some(0));
    assert!(took < Duration::from_secs(5), "SIGTERM ended it after {took:?}, with a feed open");
    journal_is_proved(&davy.data());
}

fn queries(server: &str, start: i64) {
    let ask = |what: &str, more: &[&str]| {
        let answer = run([&["query", what, "--server", server], more].concat());
        assert_eq!(answer.code(), 0, "{what}: {}", answer.err);
        answer.out
    };
    let csv = ask("samples", &[]);
    let lines: Vec<_> = csv.lines().collect();
    assert_eq!((lines.len(), lines[0]), (4, "ts,point,value,quality"));
    assert!(lines[3].ends_with("Z,LI-1,81.5,good"), "{csv}");
    let of_time = |line: &str| line.split(',').next().and_then(wire::parse_time).expect("RFC 3339").micros();
    assert_eq!(of_time(lines[1]), start * 1_000);
    let from = lines[2].split(',').next().expect("a time");
    assert_eq!(ask("samples", &["--from", from, "--point", "LI-1"]).lines().count(), 3, "from is inclusive");
    assert_eq!(ask("samples", &["--to", from]).lines().count(), 2, "to is exclusive");
    for (what, key, wanted) in [
        ("alarms", "point", "LI-1"),
        ("events", "subject", "LI-1"),
        ("points", "id", "LI-1"),
        ("dead-letters", "reason", "unknown_gateway"),
    ] {
        let out = ask(what, &["--json"]);
        let parsed = out
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|error| panic!("{error}: {line}")));
        assert!(parsed.into_iter().any(|it| it[key] == wanted), "{what}: {out}");
        assert!(ask(what, &[]).contains(wanted), "{what} as a table");
    }
}

/// The alarm as `davy watch` shows it.
async fn watch(grpc: &str) -> serde_json::Value {
    let server = format!("http://{grpc}");
    let watching =
        Process::start("watch", Command::new(binary()).args(["watch", "--json", "--start", "earliest", "--server", &server]));
    until("the alarm is watched", async || {
        let lines = watching.out();
        let mut events = lines.iter().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")));
        events.find(|event: &serde_json::Value| event["kind"] == "alarm.raised")
    })
    .await
}

fn journal_is_proved(folder: &Path) {
    let verify = || run(["journal".as_ref(), "verify".as_ref(), "--data".as_ref(), folder.as_os_str()]);
    let intact = verify();
    assert_eq!(intact.code(), 0, "{}{}", intact.out, intact.err);
    flip_a_byte_of_an_alarm(&folder.join("journal"));
    let broken = verify();
    assert_eq!(broken.code(), 1, "{}{}", broken.out, broken.err);
    let said = broken.err.to_lowercase();
    assert!(
        (said.contains("record") || said.contains("position")) && said.contains(|it: char| it.is_ascii_digit()),
        "it names the record: {said}"
    );
}

fn flip_a_byte_of_an_alarm(folder: &Path) {
    const WORD: &[u8] = b"alarm.raised";
    // Snapshots are no evidence: they can be made again from the records, and are when they are broken.
    for path in files(folder).into_iter().filter(|path| !path.starts_with(folder.join("snapshots"))) {
        let mut bytes = std::fs::read(&path).expect("a journal's file");
        if let Some(place) = bytes.windows(WORD.len()).position(|window| window == WORD) {
            bytes[place] ^= 1;
            std::fs::write(&path, bytes).expect("it can be written");
            return;
        }
    }
    panic!("no file of {} holds the alarm", folder.display());
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_shows_a_whole_alarm_within_ten_seconds() {
    const STORY: [&str; 4] = ["alarm.raised", "alarm.acknowledged", "alarm.reset", "alarm.closed"];
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = Command::new(binary());
    command.current_dir(folder.path()).env("TMPDIR", folder.path());
    command.args([
        "up",
        "--demo",
        "--grpc-listen",
        "127.0.0.1:0",
        "--http-listen",
        "127.0.0.1:0",
        "--mqtt-listen",
        "127.0.0.1:0",
    ]);
    let mut demo = Process::start("demo", &mut command);
    let server = until("the demo says its address", async || {
        let lines = [demo.out(), demo.err()].concat();
        lines
            .iter()
            .find(|line| line.trim_start().to_lowercase().starts_with("grpc"))
            .and_then(|line| line.split_whitespace().find(|word| word.starts_with("http://")).map(str::to_owned))
    })
    .await;
    let watching =
        Process::start("watch", Command::new(binary()).args(["watch", "--json", "--start", "earliest", "--server", &server]));
    let within = Duration::from_secs(10);
    until_within(within, "a gas alarm is raised, acknowledged, reset and closed", async || {
        let lines = watching.out();
        let events = lines.iter().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON lines only"));
        let gas: Vec<_> = events.filter(|event| event["quantity"] == "combustible_gas").collect();
        let told = |alarm: &serde_json::Value| {
            let of_it = gas.iter().filter(|event| event["occurrence"] == alarm["occurrence"]);
            let kinds: Vec<_> = of_it.filter_map(|event| event["kind"].as_str()).collect();
            STORY.iter().all(|kind| kinds.contains(kind))
        };
        gas.iter().any(told).then_some(())
    })
    .await;
    let (status, took) = demo.terminate(Duration::from_secs(30)).await;
    assert_eq!(status.code(), Some(0));
    assert!(took < Duration::from_secs(5), "SIGTERM ended it after {took:?}");
}
