//! CloudEvents and their signatures: the specification's own libraries take them for genuine and read what was said.

use std::io::Write as _;
use std::process::Stdio;
use std::time::{SystemTime, UNIX_EPOCH};

use cloudevents::{CONTENT_TYPE, Event, ID_HEADER, SIGNATURE_HEADER, Secret, TIMESTAMP_HEADER, encode, sign};
use harness::foreign::python;
use model::{Span, Time};
use serde_json::{Value, json};

/// What the foreign receiver makes of messages, a line of JSON for each.
fn received(messages: &[Value]) -> Vec<Value> {
    let mut command = python(".venv-formats", "tests/foreign/webhook_reader.py");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut reader = command.spawn().expect("python runs");
    let lines: Vec<_> = messages.iter().map(|message| format!("{message}\n")).collect();
    // It reads all before it ends; the lines are few enough for a pipe.
    reader.stdin.take().expect("a pipe").write_all(lines.concat().as_bytes()).expect("it listens");
    let output = reader.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("JSON is UTF-8");
    let lines: Vec<_> = text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    assert_eq!(lines.len(), messages.len(), "a line for each message");
    lines
}

/// The library compares with its own clock.
fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    Time::from_micros(i64::try_from(since.as_micros()).expect("this millennium"))
}

fn secret(byte: u8) -> Secret {
    Secret::new(&[byte; 32]).expect("long enough")
}

fn message(known: &Secret, signed_with: &[Secret], at: Time, body: &str) -> Value {
    let headers = sign(signed_with, "01-engine/17-42-0", at, body.as_bytes()).expect("it can be signed");
    let headers = json!({
        "content-type": CONTENT_TYPE,
        ID_HEADER: headers.id,
        TIMESTAMP_HEADER: headers.timestamp,
        SIGNATURE_HEADER: headers.signature,
    });
    json!({ "secret": known.reveal(), "headers": headers, "body": body })
}

fn body() -> String {
    let event = Event {
        id: "01-engine/17-42-0",
        source: "//rugang/davy",
        kind: "cn.nantong.hazchem.alarm.raised.v1",
        subject: Some("e01-罐区 \"1\""),
        time: Some(Time::from_micros(1_795_912_560_000_001)),
        data_schema: Some("https://davy.example/alarm.raised.v1.json"),
        partition_key: Some("e01"),
        sequence: Some(42),
        data: r#"{"point": "e01-GD-12", "value": 2.60, "text": "氯气 \u2014 上升"}"#,
    };
    encode(&event).expect("an event")
}

#[test]
fn what_davy_signs_is_genuine_and_reads_as_it_was_said() {
    let (old, new) = (secret(1), secret(2));
    let body = body();
    let both = [new.clone(), old.clone()];
    let messages = [message(&new, &both[..1], now(), &body), message(&old, &both, now(), &body)];
    for seen in received(&messages) {
        assert_eq!(seen["genuine"], json!(true), "{seen}");
        let wanted = json!({
            "specversion": "1.0",
            "id": "01-engine/17-42-0",
            "source": "//rugang/davy",
            "type": "cn.nantong.hazchem.alarm.raised.v1",
            "subject": "e01-罐区 \"1\"",
            "time": "2026-11-29T00:36:00.000001+00:00",
            "datacontenttype": "application/json",
            "dataschema": "https://davy.example/alarm.raised.v1.json",
            "partitionkey": "e01",
            "sequence": "00000000000000000042",
        });
        assert_eq!(seen["event"]["attributes"], wanted);
        assert_eq!(seen["event"]["data"], json!({ "point": "e01-GD-12", "value": 2.6, "text": "氯气 — 上升" }));
    }
}

#[test]
fn another_secret_an_old_attempt_and_a_changed_body_are_not_genuine() {
    let body = body();
    let mut changed = message(&secret(1), &[secret(1)], now(), &body);
    changed["body"] = json!(body.replace("2.60", "0.60"));
    let old = Time::from_micros(now().micros() - Span::from_secs(400).micros());
    let messages = [message(&secret(1), &[secret(2)], now(), &body), message(&secret(1), &[secret(1)], old, &body), changed];
    assert!(received(&messages).iter().all(|seen| seen["genuine"] == json!(false)));
}
