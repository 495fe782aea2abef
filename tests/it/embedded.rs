//! Davy as its own broker: nothing acknowledged is lost, only who may says something, everybody finds the port.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use harness::{Davy, Process, run, run_with, samples, until, until_within};

use crate::sites::{TOPIC, message, now_ms, plain, site};

/// Messages of the test with kill -9, and how often it is killed.
const MESSAGES: usize = 3_000;
const KILLS: usize = 4;
/// Sent and not yet acknowledged at most.
const WINDOW: usize = 20;

/// A gateway with a store of its own: what no PUBACK came for is sent again over the next connection (traps 7).
async fn publish_all(port: u16, base: i64, acknowledged: tokio::sync::watch::Sender<usize>) {
    use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
    let mut open: BTreeSet<usize> = (0..MESSAGES).collect();
    let mut pause = tokio::time::interval(Duration::from_millis(50));
    pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !open.is_empty() {
        let mut options = MqttOptions::new("gw1", "127.0.0.1", port);
        options.set_keep_alive(Duration::from_secs(5));
        let (client, mut events) = AsyncClient::new(options, WINDOW * 2);
        let mut unsent: std::collections::VecDeque<usize> = open.iter().copied().collect();
        // In the order sent: the broker answers in that order.
        let mut in_flight = std::collections::VecDeque::new();
        loop {
            match events.poll().await {
                Ok(Event::Incoming(Packet::PubAck(_))) => {
                    let done: usize = in_flight.pop_front().expect("a PUBACK for something sent");
                    open.remove(&done);
                    acknowledged.send_replace(MESSAGES - open.len());
                }
                Ok(Event::Incoming(Packet::ConnAck(_)) | Event::Outgoing(_) | Event::Incoming(_)) => {}
                Err(_) => break,
            }
            if open.is_empty() {
                return;
            }
            while in_flight.len() < WINDOW
                && let Some(number) = unsent.pop_front()
            {
                let payload = message(base + i64::try_from(number).expect("small"), "n", number as f64);
                client.try_publish(TOPIC, QoS::AtLeastOnce, false, payload).expect("room for the window");
                in_flight.push_back(number);
            }
        }
        // Davy is being started again.
        pause.tick().await;
    }
}

/// kill -9 under load: what was acknowledged is there, what was not comes again (traps 1, 2).
#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost() {
    let mut davy = Davy::embedded(&site(&[plain("n")]), &[]);
    davy.start_again().await;
    let (sender, acknowledged) = tokio::sync::watch::channel(0);
    let base = now_ms() - 3_600_000;
    let publishing = tokio::spawn(publish_all(davy.mqtt(), base, sender));
    for kill in 1..=KILLS {
        let moment = MESSAGES * kill / (KILLS + 1);
        until_within(Duration::from_secs(60), "some are acknowledged", async || (*acknowledged.borrow() >= moment).then_some(()))
            .await;
        davy.kill();
        davy.start_again().await;
    }
    tokio::time::timeout(Duration::from_secs(90), publishing).await.expect("all acknowledged in time").expect("no panic");
    let grpc = davy.grpc();
    let stored = until_within(Duration::from_secs(60), "all are stored", async || {
        Some(samples(&grpc, &["n"]).await).filter(|stored| stored.len() >= MESSAGES)
    })
    .await;
    let values: BTreeSet<u64> = stored.iter().filter_map(|sample| sample.value).map(f64::to_bits).collect();
    let numbers = 0..u32::try_from(MESSAGES).expect("small");
    assert_eq!(values, numbers.map(|number| f64::from(number).to_bits()).collect(), "none missing");
    assert_eq!(stored.len(), MESSAGES, "none twice");
    let (status, took) = davy.terminate().await;
    assert_eq!(status.code(), Some(0));
    assert!(took < Duration::from_secs(5), "SIGTERM ended it after {took:?}");
}

fn mosquitto_pub(davy: &Davy, arguments: &[&str]) -> harness::Run {
    run_with(Command::new("mosquitto_pub").args(["-h", "127.0.0.1", "-p", &davy.mqtt().to_string()]).args(arguments))
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_asked_for_their_password() {
    let mut hashing = Command::new(harness::binary())
        .arg("mqtt-password")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("davy runs");
    hashing.stdin.take().expect("piped").write_all(b"s3cret\n").expect("it reads");
    let hash = String::from_utf8(hashing.wait_with_output().expect("it ends").stdout).expect("text");
    assert!(hash.starts_with("$argon2id$"), "{hash}");
    let mut davy = Davy::embedded(&site(&[plain("n")]), &["--mqtt-users", "users.toml"]);
    let users = format!("[[user]]\nname = \"gw1\"\npassword_hash = \"{}\"\ngateways = [\"rugang/e01/gw1\"]\n", hash.trim());
    std::fs::write(davy.folder().join("users.toml"), users).expect("a users file can be written");
    davy.start_again().await;
    let text = message(now_ms(), "n", 1.0);
    for version in ["mqttv311", "mqttv5"] {
        let common = ["-V", version, "-q", "1", "-m", text.as_str()];
        let stranger = mosquitto_pub(&davy, &[&common[..], &["-t", TOPIC]].concat());
        assert_ne!(stranger.code(), 0, "{}", stranger.err);
        let wrong = mosquitto_pub(&davy, &[&common[..], &["-t", TOPIC, "-u", "gw1", "-P", "secret"]].concat());
        assert_ne!(wrong.code(), 0, "{}", wrong.err);
        mosquitto_pub(&davy, &[&common[..], &["-t", TOPIC, "-u", "gw1", "-P", "s3cret"]].concat()).succeeded();
    }
    let grpc = davy.grpc();
    until("the sample is stored", async || (!samples(&grpc, &["n"]).await.is_empty()).then_some(())).await;
}

#[test]
fn wrong_settings_of_the_broker_are_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("site.toml");
    std::fs::write(&file, site(&[plain("n")])).expect("a site file can be written");
    let up = |arguments: &[&str]| {
        let site = file.to_str().expect("a plain path");
        let common = ["up", "--site", site, "--grpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"];
        run_with(Command::new(harness::binary()).current_dir(folder.path()).args(common).args(arguments))
    };
    let everywhere = up(&["--mqtt-listen", "0.0.0.0:0"]);
    assert_eq!(everywhere.code(), 2, "{}", everywhere.err);
    assert!(everywhere.err.contains("--mqtt-users"), "{}", everywhere.err);
    let both = up(&["--mqtt", "mqtt://127.0.0.1:1883", "--mqtt-listen", "127.0.0.1:0"]);
    assert_eq!(both.code(), 2, "{}", both.err);
    std::fs::write(folder.path().join("users.toml"), "\n[[user]]\nnmae = \"x\"\n").expect("a users file can be written");
    let faulty = up(&["--mqtt-listen", "127.0.0.1:0", "--mqtt-users", "users.toml"]);
    assert_eq!(faulty.code(), 1, "{}", faulty.err);
    assert!(faulty.err.contains("users.toml:3: nmae"), "{}", faulty.err);
    let holder = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = up(&["--mqtt-listen", &holder.local_addr().expect("an address").to_string()]);
    assert_eq!(taken.code(), 3, "{}", taken.err);
    assert!(taken.err.contains("--mqtt-listen"), "{}", taken.err);
    assert_eq!(run(["mqtt-password"]).code(), 2, "nothing on standard input");
}

/// Who has no broker and asks for none is told where to publish, and nothing is written beside the data folder.
#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_publishes_where_davy_says() {
    let mut davy = Davy::embedded(&site(&[plain("n")]), &[]);
    davy.start_again().await;
    mosquitto_pub(&davy, &["-q", "1", "-t", TOPIC, "-m", &message(now_ms(), "n", 1.0)]).succeeded();
    let grpc = davy.grpc();
    until("the sample is stored", async || (samples(&grpc, &["n"]).await.len() == 1).then_some(())).await;
    let receipt = "davy/v1/rugang/e01/gw1/receipt";
    let mut listening = Command::new("mosquitto_sub");
    listening.args(["-h", "127.0.0.1", "-p", &davy.mqtt().to_string(), "-t", receipt, "-C", "1"]);
    let listening = Process::start("mosquitto_sub", &mut listening);
    until("the receipt is heard", async || listening.out().iter().any(|line| line.contains("\"messages\":1")).then_some(()))
        .await;
    let entries = std::fs::read_dir(davy.folder()).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let names: BTreeSet<_> = entries.filter_map(|name| name.into_string().ok()).collect();
    assert_eq!(names, ["data", "site.toml"].map(str::to_owned).into());
}
