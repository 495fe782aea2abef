//! CAP as the server really serves it: a warning is opened, lifted to the next level and closed, and each message is held against the OASIS
//! schema and read by other people's bindings; the feed by Python's own XML.

use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use harness::foreign::python;
use harness::{Davy, Feed, Publisher, page, run, until_within};
use serde_json::{Value, json};
use wire::v1;

use crate::sites::{TOPIC, level, message, now_ms, site};

const WITHIN: Duration = Duration::from_secs(60);

/// Nobody has to answer long: the level rises by itself after a second.
const WARNINGS: &str = r#"
[[department]]
id = "office"
name = "园区 <管委会> & 应急"
kind = "park"
park = "rugang"

[[warning]]
id = "level"
name = "液位预警"
colour = "red"
when = { kinds = ["high"], per = "installation" }
addressees = { enterprise = ["enterprise"], park = ["office"] }
action = "停止进料"
deadlines = { received = "1s", responded = "1h" }
"#;

/// The site with a place on the map and a district.
fn located() -> String {
    let alarm = ["kind = \"high\"\nlimit = 80.0"];
    let text = site(&[level("a", &alarm)]) + WARNINGS;
    let text = text.replacen("kind = \"process\"\n", "kind = \"process\"\nlocation = { lat = 32.061, lon = 120.513 }\n", 1);
    text.replacen("id = \"rugang\"\n", "id = \"rugang\"\ndistrict = \"320682\"\n", 1)
}

/// What a page holds; it has to be there.
async fn body(plant: &Davy, path: &str, kind: &str) -> String {
    let answer = page(plant.http(), path).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer}"));
    assert!(head.starts_with("HTTP/1.1 200") && head.contains(kind), "{head}");
    body.to_owned()
}

/// What the foreign reader of CAP makes of the latest message.
async fn latest(plant: &Davy, warning: &str) -> Value {
    let xml = body(plant, &format!("/cap/{warning}"), "application/cap+xml").await;
    let file = plant.folder().join("alert.xml");
    std::fs::write(&file, &xml).expect("a file can be written");
    let output = python(".venv-formats", "tests/foreign/cap_reader.py").arg(&file).output().expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen: Value = serde_json::from_slice(&output.stdout).expect("a line of JSON");
    assert_eq!(seen["schema"], json!(true), "{xml}");
    seen["alert"].clone()
}

/// What the foreign reader of Atom makes of the feed.
async fn feed(plant: &Davy) -> Value {
    let xml = body(plant, "/cap", "application/atom+xml").await;
    let mut reader = python(".venv-formats", "tests/foreign/atom_reader.py");
    let mut reader = reader.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python runs");
    reader.stdin.take().expect("it is piped").write_all(xml.as_bytes()).expect("it reads");
    let output = reader.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{xml}");
    serde_json::from_slice(&output.stdout).expect("a line of JSON")
}

/// What a later message calls an earlier one.
fn reference(alert: &Value) -> Value {
    json!([alert["sender"], alert["identifier"], alert["sent"]])
}

fn sent(event: &v1::Event) -> i64 {
    harness::micros(event.recorded_at.as_ref()).div_euclid(1_000_000)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_message_of_a_chain_follows_the_schema_and_names_those_before_it() {
    let mut plant = Davy::embedded(&located(), &[]);
    plant.start_again().await;
    assert_eq!(feed(&plant).await["entries"], json!([]));
    let events = Feed::follow(plant.addresses());
    let mut gateway = Publisher::connect(plant.mqtt(), "gw1");
    gateway.publish(TOPIC, message(now_ms(), "a", 90.0)).await;
    let opened = events.first("warning.opened", "e01-reactor").await;
    let escalated = events.first("warning.escalated", "e01-reactor").await;
    let id = opened.id.clone();
    let second = until_within(WITHIN, "the second message is served", async || {
        let alert = latest(&plant, &id).await;
        (alert["identifier"] == json!(escalated.id)).then_some(alert)
    })
    .await;
    assert_eq!(second["kind"], json!(["Actual", "Update", "Restricted"]));
    assert_eq!(second["references"], json!([["davy@rugang", id, [sent(&opened), 480]]]));
    let info = &second["info"][0];
    assert_eq!((&info["language"], &info["grade"]), (&json!("zh-CN"), &json!(["Immediate", "Extreme", "Likely"])));
    let area = &info["area"][0];
    assert_eq!(area["areaDesc"], json!("如皋港化工新材料产业园 示例化工有限公司 合成装置"));
    assert_eq!(area["circle"], json!([[32.061, 120.513, 0.5]]));
    assert_eq!(area["geocode"], json!([["installation", "e01-reactor"], ["GB/T 2260", "320682"]]));
    assert!(info["texts"][2].as_str().is_some_and(|it| it.contains("园区 <管委会> & 应急")), "{info}");

    // Over a restart the chain is the same.
    plant.kill();
    plant.start_again().await;
    assert_eq!(latest(&plant, &id).await, second);
    let server = format!("http://{}", plant.grpc());
    let close = ["warning", "close", &id, "office", "--text", "阀门已关 <&>", "--evidence", &id, "--server", &server];
    run(close).succeeded();
    let third = latest(&plant, &id).await;
    assert_eq!(third["references"], json!([second["references"][0], reference(&second)]));
    assert_eq!((&third["kind"][1], &third["info"][1]["responseType"]), (&json!("Update"), &json!(["AllClear"])));
    assert_eq!(third["info"][1]["grade"][0], json!("Past"));

    let feed = feed(&plant).await;
    let entry = &feed["entries"][0];
    assert_eq!((feed["entries"].as_array().map(Vec::len), &entry["href"]), (Some(1), &json!(format!("/cap/{id}"))));
    assert_eq!(entry["id"], json!(format!("urn:davy:cap:{}", third["identifier"].as_str().expect("a text"))));
    assert!(page(plant.http(), "/cap/none").await.starts_with("HTTP/1.1 404"));
}
