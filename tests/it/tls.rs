//! TLS on the ways in and out: a broker, a county and a platform are taken by their certificates. Who shows a wrong one gets nothing, and
//! health says what is wrong with it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use harness::foreign::python;
use harness::tls::{Certificates, Door, Shown};
use harness::{Davy, Feed, Mosquitto, Port, Process, Publisher, Store, page, run, samples, until, until_within};
use serde_json::Value;

use crate::sites::{TOPIC, level, message, now_ms, plain, site};

const LONG: Duration = Duration::from_secs(90);

const HIGH: &str = "kind = \"high\"\nlimit = 80.0";

const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// What an operator reads of each wrong certificate.
const WRONG: [(&str, Shown, &str); 3] = [
    ("other-name", Shown::OtherName, "not valid for name \"localhost\""),
    ("expired", Shown::Expired, "certificate expired"),
    ("stranger", Shown::Stranger, "UnknownIssuer"),
];

fn port(address: &str) -> u16 {
    address.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect("an address ends with a port")
}

fn upstreams(city: &Davy) -> BTreeMap<String, Value> {
    let lines = run(["query", "upstreams", "--json", "--server", &format!("http://{}", city.grpc())]).succeeded();
    let parsed = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    parsed.map(|it| (it["upstream"].as_str().expect("a name").to_owned(), it)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_county_is_taken_by_its_certificate() {
    let certificates = Certificates::make();
    let mut county = Davy::embedded(&site(&[level("a", &[HIGH])]), &["--node", "county-a"]);
    county.start_again().await;
    let by = |file: PathBuf| format!("ca-file = \"{}\"\n", file.display());
    let (ca, strangers) = (by(certificates.authority()), by(certificates.strangers()));
    // The machine trusts the authority; where a file is named, that alone counts.
    let right =
        [("by-machine", Shown::Right, ""), ("by-file", Shown::Right, &*ca), ("by-its-file", Shown::Stranger, &*strangers)];
    let wrong = WRONG.map(|(name, shown, _)| (name, shown, &*ca)).into_iter();
    let wrong = wrong.chain([("by-another-file", Shown::Right, &*strangers), ("stranger-to-all", Shown::Stranger, "")]);
    let (mut settings, mut doors) = (String::from("node = \"city\"\n"), Vec::new());
    for (name, shown, ca) in right.into_iter().chain(wrong) {
        let door = Door::start(port(&county.grpc()), &certificates, shown).await;
        writeln!(settings, "[[upstream]]\nname = \"{name}\"\nurl = \"https://localhost:{}\"\n{ca}", door.port()).expect("a text");
        doors.push(door);
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = folder.path().join("davy.toml");
    std::fs::write(&config, settings).expect("a file");
    let city = Davy::embedded(&site(&[level("z", &[])]), &["--config", config.to_str().expect("text")]);
    let mut city = city.trusting(&certificates.authority());
    city.start_again().await;

    let mut gateway = Publisher::connect(county.mqtt(), "gw1");
    gateway.publish(TOPIC, message(now_ms(), "a", 90.0)).await;
    let here = Feed::follow(city.addresses());
    let raised = here.until(LONG, "the county's alarm is told in the city", |events| {
        events.iter().find(|it| it.kind == "alarm.raised" && it.subject == "a").cloned()
    });
    assert_eq!(raised.await.origin, "county-a");
    for (name, ..) in right {
        until_within(LONG, name, async || (upstreams(&city)[name]["connected"] == true).then_some(())).await;
    }
    let reasons = WRONG.map(|(name, _, reason)| (name, reason)).into_iter();
    for (name, reason) in reasons.chain([("by-another-file", "UnknownIssuer"), ("stranger-to-all", "UnknownIssuer")]) {
        let said = until_within(LONG, name, async || {
            let line = upstreams(&city).remove(name)?;
            assert_eq!(line["connected"], false, "{line}");
            line["trouble"].as_str().filter(|it| it.contains(reason)).map(str::to_owned)
        });
        assert!(said.await.contains("certificate"), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_is_posted_to_by_its_certificate() {
    let certificates = Certificates::make();
    let mut platform = python(".venv-formats", "tests/foreign/webhook_server.py");
    let platform = Process::start("platform", platform.args(["--secret", SECRET]));
    let listens = until("the platform listens", async || platform.out().first()?.parse().ok()).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (secret, config) = (folder.path().join("secret"), folder.path().join("davy.toml"));
    std::fs::write(&secret, SECRET).expect("a file");
    let right = Door::start(listens, &certificates, Shown::Right).await;
    for (name, shown, reason) in WRONG {
        let wrong = Door::start(listens, &certificates, shown).await;
        let mut settings = String::new();
        for (name, door) in [("city", &right), (name, &wrong)] {
            let url = format!("https://localhost:{}/in", door.port());
            let secret = secret.display();
            writeln!(
                settings,
                "[[webhook]]\nname = \"{name}\"\nurl = \"{url}\"\nsecret-file = \"{secret}\"\nkinds = [\"alarm.*\"]"
            )
            .expect("a text");
        }
        std::fs::write(&config, settings).expect("a file");
        let davy = Davy::embedded(&site(&[level("a", &[HIGH])]), &["--config", config.to_str().expect("text")]);
        let mut davy = davy.trusting(&certificates.authority());
        davy.start_again().await;
        let before = platform.out().len();
        let mut gateway = Publisher::connect(davy.mqtt(), "gw1");
        gateway.publish(TOPIC, message(now_ms(), "a", 90.0)).await;
        until_within(LONG, "the one with the right certificate has it", async || (platform.out().len() > before).then_some(()))
            .await;
        let health = until_within(LONG, "health says what is wrong with the other", async || {
            let health = page(davy.http(), "/healthz").await;
            health.contains(reason).then_some(health)
        });
        let health = health.await;
        assert!(health.contains(&format!("webhook {name}: no answer")) && health.contains("certificate"), "{health}");
        let taken: Vec<Value> = platform.out()[before..].iter().map(|it| serde_json::from_str(it).expect("JSON")).collect();
        assert_eq!(taken.len(), 1, "once, of one of the two: {taken:?}");
        assert_eq!(taken[0]["type"], "davy.alarm.raised.v1");
    }
}

/// A machine that trusts nobody: health says that nothing is posted, and the rest goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_cannot_be_served_is_said() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str| folder.path().join(name);
    let (secret, config, nobody) = (file("secret"), file("davy.toml"), file("nobody.pem"));
    std::fs::write(&secret, SECRET).expect("a file");
    std::fs::write(&nobody, "").expect("a file");
    let text = format!("[[webhook]]\nname = \"city\"\nurl = \"https://localhost/in\"\nsecret-file = \"{}\"\n", secret.display());
    std::fs::write(&config, text).expect("a file");
    let davy = Davy::embedded(&site(&[level("a", &[HIGH])]), &["--config", config.to_str().expect("text")]);
    let mut davy = davy.trusting(&nobody);
    davy.start_again().await;
    let health = until("health says it", async || {
        let health = page(davy.http(), "/healthz").await;
        health.contains("webhook city: it is not served").then_some(health)
    });
    assert!(health.await.contains("what this machine trusts cannot be read"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_is_taken_by_its_certificate() {
    let certificates = Certificates::make();
    let all: Vec<(Port, Shown)> = [Shown::Right].into_iter().chain(WRONG.map(|it| it.1)).map(|it| (Port::take(), it)).collect();
    let listeners = all.iter().fold(String::new(), |text, (port, shown)| {
        let (chain, key) = certificates.server(*shown);
        let (port, chain, key) = (port.number(), chain.display(), key.display());
        text + &format!("listener {port} 127.0.0.1\ncertfile {chain}\nkeyfile {key}\n")
    });
    let broker = Mosquitto::start_with(Store::None, &listeners).await;
    let url = |of: Shown| {
        let (port, _) = all.iter().find(|(_, shown)| *shown == of).expect("a listener for each");
        format!("mqtts://localhost:{}", port.number())
    };
    let mut davy = Davy::prepare(&site(&[plain("n")]), &url(Shown::Right)).trusting(&certificates.authority());
    davy.start_again().await;
    let mut gateway = Publisher::connect(broker.port(), "gw1");
    gateway.publish(TOPIC, message(now_ms(), "n", 1.0)).await;
    let grpc = davy.grpc();
    until("a value through TLS", async || (samples(&grpc, &["n"]).await.len() == 1).then_some(())).await;
    for (name, shown, reason) in WRONG {
        let mut davy = Davy::prepare(&site(&[plain("n")]), &url(shown)).trusting(&certificates.authority());
        davy.launch();
        davy.wait_addresses().await;
        let health = until_within(LONG, name, async || {
            let health = page(davy.http(), "/healthz").await;
            health.contains(reason).then_some(health)
        });
        assert!(health.await.contains("not ready"), "it waits, and says for what");
    }
}
