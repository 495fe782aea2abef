//! Small sites for tests, as site files.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

/// The topic of the one gateway of these sites.
pub(crate) const TOPIC: &str = "davy/v1/rugang/e01/gw1/telemetry";

const HEAD: &str = r#"
[[park]]
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
kind = "process"
"#;

/// A point of the one gateway: its id is its tag; `alarms` are lines of TOML.
pub(crate) struct Point<'a> {
    pub(crate) tag: &'a str,
    pub(crate) quantity: &'a str,
    pub(crate) unit: &'a str,
    pub(crate) alarms: &'a [&'a str],
}

/// A point that only counts.
pub(crate) fn plain(tag: &str) -> Point<'_> {
    Point { tag, quantity: "other", unit: "1", alarms: &[] }
}

/// A level with limit alarms.
pub(crate) fn level<'a>(tag: &'a str, alarms: &'a [&'a str]) -> Point<'a> {
    Point { tag, quantity: "level", unit: "%", alarms }
}

/// A site file with these points.
pub(crate) fn site(points: &[Point<'_>]) -> String {
    let mut text = HEAD.to_owned();
    for Point { tag, quantity, unit, alarms } in points {
        text += &point(tag, quantity, unit);
        for alarm in *alarms {
            write!(text, "\n[[point.alarm]]\n{alarm}\n").expect("a String takes every write");
        }
    }
    text
}

fn point(tag: &str, quantity: &str, unit: &str) -> String {
    format!(
        "\n[[point]]\nid = \"{tag}\"\ninstallation = \"e01-reactor\"\nquantity = \"{quantity}\"\nunit = \"{unit}\"\n\
         source = {{ mqtt = \"rugang/e01/gw1\", tag = \"{tag}\" }}\n"
    )
}

/// Milliseconds since 1970, now.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    i64::try_from(since.as_millis()).expect("fits for ages")
}

/// One message with one value.
pub(crate) fn message(ms: i64, tag: &str, value: f64) -> String {
    format!("{{\"ts\":{ms},\"values\":{{\"{tag}\":{value}}}}}")
}

/// A number that whoever runs a test by hand may give.
pub(crate) fn from_environment(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|it| it.parse().ok()).unwrap_or(otherwise)
}

/// One message with a value for each of these.
pub(crate) fn message_of_all(tags: &[String], ms: i64, value: f64) -> String {
    let mut text = format!("{{\"ts\":{ms},\"values\":{{");
    for (n, tag) in tags.iter().enumerate() {
        let comma = if n == 0 { "" } else { "," };
        write!(text, "{comma}\"{tag}\":{value}").expect("a String takes every write");
    }
    text + "}}"
}
