//! The Python example that follows the feed: killed at odd moments, as Davy is, it has every event once and in order.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use harness::foreign::python;
use harness::{Davy, Feed, Process, Publisher, run_with, until_within};

use crate::sites::{Point, TOPIC, message, now_ms, site};

const LONG: Duration = Duration::from_secs(60);
const ROUNDS: usize = 30;

/// The example with its stubs, made as its README says.
fn example(folder: &Path) -> impl Fn(&str, &[&str]) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests package lies in the workspace");
    let mut protoc = python(".venv", "tests/foreign/protoc.py");
    let contract = std::fs::read_dir(root.join("proto/davy/v1")).expect("the contract");
    let files = contract.map(|file| format!("davy/v1/{}", file.expect("a file").file_name().display()));
    protoc.arg(root.join("proto")).arg(folder).args(files);
    run_with(&mut protoc).succeeded();
    let (stubs, database) = (folder.to_owned(), folder.join("events.sqlite"));
    move |server, more| {
        let mut command = python(".venv", "deploy/examples/grpc-python/follow.py");
        command.env("PYTHONPATH", &stubs).args(["--server", server, "--kind", "alarm.*", "--database"]).arg(&database).args(more);
        command
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_example_misses_nothing_and_stores_nothing_twice() {
    let alarm = ["kind = \"high\"\nlimit = 10.0"];
    let points = ["a", "b", "c"].map(|tag| Point { tag, quantity: "pressure", unit: "kPa", alarms: &alarm });
    let mut davy = Davy::embedded(&site(&points), &[]);
    davy.start_again().await;
    let feed = Feed::follow(davy.addresses());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let example = example(folder.path());
    let server = |davy: &Davy| davy.grpc().trim_start_matches("http://").to_owned();
    let mut follower = Process::start("follow.py", &mut example(&server(&davy), &[]));
    let mut gateway = Publisher::connect(davy.mqtt(), "gw1");
    let base = now_ms() - 100_000;
    for round in 0..ROUNDS {
        for (half, value) in [(0, 20.0), (1, 5.0)] {
            for tag in ["a", "b", "c"] {
                let ms = base + i64::try_from(round * 2 + half).expect("small") * 1_000;
                gateway.publish(TOPIC, message(ms, tag, value)).await;
            }
        }
        match round % 10 {
            3 | 6 => {
                drop(follower);
                follower = Process::start("follow.py", &mut example(&server(&davy), &[]));
            }
            9 => {
                gateway.flushed(LONG).await;
                davy.kill();
                davy.start_again().await;
                drop(follower);
                follower = Process::start("follow.py", &mut example(&server(&davy), &[]));
            }
            _ => {}
        }
    }
    gateway.flushed(LONG).await;
    let wanted = feed
        .until(LONG, "all have returned", |events| {
            let returned = events.iter().filter(|event| event.kind == "alarm.returned").count();
            let alarms = events.iter().filter(|event| event.kind.starts_with("alarm."));
            (returned == ROUNDS * 3).then(|| alarms.map(|event| event.id.clone()).collect::<Vec<_>>())
        })
        .await;
    let stored = until_within(LONG, "the example has all of it", async || {
        let listed = run_with(&mut example(&server(&davy), &["--list"])).succeeded();
        let ids: Vec<String> = listed.lines().filter_map(|line| line.split(' ').next().map(str::to_owned)).collect();
        (ids.last() == wanted.last()).then_some(ids)
    })
    .await;
    assert_eq!(stored, wanted, "each once, in order; {:?}", follower.err());
}
