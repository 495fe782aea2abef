//! The binary as a shell sees it: exit codes, and what goes to which stream. It also makes cargo build the binary for other tests.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn davy(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_davy")).args(arguments).env_remove("DAVY_SITE").output().expect("start davy")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn write(folder: &Path, name: &str, content: &str) -> String {
    let file = folder.join(name);
    fs::write(&file, content).expect("write");
    file.display().to_string()
}

const SITE: &str = r#"
[park]
id = "rugang"
name = "如皋港化工新材料产业园"
[[enterprise]]
id = "e01"
park = "rugang"
name = "示例化工有限公司"
[[installation]]
id = "e01-reactor"
enterprise = "e01"
name = "合成装置"
[[point]]
id = "e01-PI-101"
installation = "e01-reactor"
quantity = "pressure"
unit = "kPa"
source = { mqtt = "rugang/e01/gw1", tag = "PI-101" }
  [[point.alarm]]
  kind = "high"
  limit = 10.0
  deadband = 2.0
  on_delay = "5s"
"#;

#[test]
fn wrong_usage_is_2() {
    assert_eq!(davy(&["fly"]).status.code(), Some(2));
    assert_eq!(davy(&["backtest"]).status.code(), Some(2));
    assert_eq!(davy(&["--help"]).status.code(), Some(0));
}

#[test]
fn queries_say_what_they_lack_before_they_look_for_a_server() {
    let period = ["--from", "2h", "--to", "1h"];
    for (words, wanted) in [
        (&["query", "trend", "--point", "p"][..], "--from"),
        (&["query", "values", "--point", "p"], "--at"),
        (&["query", "supervision", "--from", "2h", "--at", "1h"], "--at"),
        (&["query", "aligned", "--from", "tomorrow"], "--from `tomorrow`"),
        (&["query", "samples", "--alarm", "high"], "this query takes --point, --from, --to"),
        (&["export", "--from", "x", "--to", "1h", "--format", "csv", "--out", "x"], "--from `x`"),
    ] {
        // Nobody listens there: who got so far would wait for ten seconds and end with 3.
        let output = davy(&[words, &["--server", "http://127.0.0.1:9"]].concat());
        assert_eq!(output.status.code(), Some(2), "{words:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(wanted), "{words:?}: {}", text(&output.stderr));
    }
    let no_file = [&["export", "--format", "parquet"][..], &period].concat();
    assert_eq!(davy(&no_file).status.code(), Some(2));
}

#[test]
fn an_export_never_writes_over_a_file_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("folder");
    let there = write(folder.path(), "there.csv", "mine");
    let export = |out: &str| {
        let words = ["export", "--from", "2h", "--to", "1h", "--format", "csv", "--server", "http://127.0.0.1:9", "--out"];
        davy(&[&words[..], &[out]].concat())
    };
    let output = export(&there);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("there already"), "{}", text(&output.stderr));
    assert_eq!(fs::read_to_string(&there).expect("read"), "mine");
    let output = export(&folder.path().join("new.csv").display().to_string());
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    assert_eq!(fs::read_dir(folder.path()).expect("folder").count(), 1, "only what was there");
}

#[test]
fn faults_are_1_and_told_with_their_line() {
    let folder = tempfile::tempdir().expect("folder");
    let site = write(folder.path(), "site.toml", &SITE.replace("pressure", "presure"));
    let output = davy(&["check", &site]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).is_empty());
    assert!(text(&output.stderr).contains("site.toml:16"), "{}", text(&output.stderr));
    assert_eq!(davy(&["check", "/no/such/site"]).status.code(), Some(1));
}

#[test]
fn up_says_everything_that_is_wrong_with_its_settings() {
    let output = davy(&["up", "--mqtt", "http://broker", "--sparkplug-host-id", "a/b"]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    for wrong in ["--mqtt", "--sparkplug-host-id a/b", "--site is missing"] {
        assert!(said.contains(wrong), "no {wrong} in {said}");
    }
}

#[test]
fn backtest_prints_events_and_nothing_else() {
    let folder = tempfile::tempdir().expect("folder");
    let site = write(folder.path(), "site.toml", SITE);
    let samples = write(folder.path(), "samples.csv", "t_s,PI-101,XI-9\n0.5,11,1\n3,11,1\n6,12,1\n7,9,1\n8,7.5,1\n");
    let output = davy(&["backtest", "--site", &site, "--samples", &samples]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("XI-9"));
    let lines: Vec<serde_json::Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let told: Vec<_> = lines.iter().map(|it| (it["kind"].as_str(), it["occurred_at"].as_str(), it["value"].as_f64())).collect();
    let expected = [
        (Some("alarm.raised"), Some("1970-01-01T00:00:05.500000Z"), Some(11.0)),
        (Some("alarm.returned"), Some("1970-01-01T00:00:08.000000Z"), Some(7.5)),
    ];
    assert_eq!(told, expected, "{}", text(&output.stdout));
    assert!(lines.iter().all(|it| it.get("cursor").is_none() && it.get("recorded_at").is_none()));
}

#[test]
fn journals_are_proved_where_there_are_any() {
    let folder = tempfile::tempdir().expect("folder");
    let output = davy(&["journal", "verify", "--data", &folder.path().display().to_string()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("find a journal"), "{}", text(&output.stderr));
}
