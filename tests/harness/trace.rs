//! Plant traces: the cuts under data/, their rules, and the same trace as JSON messages and as CSV, moved to another time.

use std::fmt::Write as _;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::reference::{Rule, Side};

/// A recorded trace: one row a moment, one column a tag; values as they are written.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The tags, in order.
    pub tags: Vec<String>,
    /// Milliseconds and the texts of the values.
    pub rows: Vec<(i64, Vec<String>)>,
}

/// A file under data/.
pub fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(name)
}

impl Trace {
    /// Reads a cut.
    pub fn read(name: &str) -> Self {
        let file = std::fs::File::open(data(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut text = String::new();
        flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("a trace is gzipped text");
        let mut lines = text.lines();
        let header = lines.next().expect("a header");
        let tags = header.split(',').skip(1).map(str::to_owned).collect();
        let rows = lines.map(|line| {
            let (time, values) = line.split_once(',').expect("a time and values");
            (milliseconds(time), values.split(',').map(str::to_owned).collect())
        });
        Self { tags, rows: rows.collect() }
    }

    /// The same trace with its last row at a time.
    #[must_use]
    pub fn ending_at(mut self, ms: i64) -> Self {
        let shift = ms - self.rows.last().expect("a trace has rows").0;
        for row in &mut self.rows {
            row.0 += shift;
        }
        self
    }

    /// One JSON message a row, as a gateway sends it.
    pub fn messages(&self) -> impl Iterator<Item = String> + '_ {
        self.rows.iter().map(|(ts, values)| {
            let values: Vec<_> = self.tags.iter().zip(values).map(|(tag, value)| format!("\"{tag}\":{value}")).collect();
            format!("{{\"ts\":{ts},\"values\":{{{}}}}}", values.join(","))
        })
    }

    /// Recorded samples as `davy backtest` reads them.
    pub fn csv(&self) -> String {
        let mut text = format!("ts,{}\n", self.tags.join(","));
        for (ts, values) in &self.rows {
            writeln!(text, "{ts},{}", values.join(",")).expect("a String takes every write");
        }
        text
    }

    /// One tag's samples: microseconds and value.
    pub fn samples(&self, tag: &str) -> impl Iterator<Item = (i64, f64)> + '_ {
        let column = self.tags.iter().position(|it| it == tag).unwrap_or_else(|| panic!("no column {tag}"));
        self.rows.iter().map(move |(ms, values)| (ms * 1_000, values[column].parse().expect("a number")))
    }

    /// Microseconds of the last row.
    pub fn end(&self) -> i64 {
        self.rows.last().expect("a trace has rows").0 * 1_000
    }
}

/// The limit rules of a site file, each with the tag it judges.
pub fn rules(site: &str) -> Vec<(String, Rule)> {
    let site: toml::Table = site.parse().expect("a site is TOML");
    let mut rules = Vec::new();
    for point in site["point"].as_array().expect("points") {
        let tag = text(&point["source"]["tag"]);
        for alarm in point.get("alarm").and_then(toml::Value::as_array).into_iter().flatten() {
            let kind = text(&alarm["kind"]);
            let delay = |key| alarm.get(key).map_or(0, |it| microseconds(&text(it)));
            let rule = Rule {
                point: text(&point["id"]),
                alarm: alarm.get("id").map_or_else(|| kind.clone(), text),
                side: if kind.starts_with("high") { Side::High } else { Side::Low },
                limit: alarm["limit"].as_float().expect("a limit with a point"),
                deadband: alarm.get("deadband").map_or(0.0, |it| it.as_float().expect("a deadband with a point")),
                on_delay: delay("on_delay"),
                off_delay: delay("off_delay"),
            };
            rules.push((tag.clone(), rule));
        }
    }
    rules
}

fn text(value: &toml::Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// Whole and tenths of seconds, as the traces write them, without passing through binary fractions.
fn milliseconds(text: &str) -> i64 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    assert_eq!(fraction.len(), 1, "the traces have tenths of seconds: {text}");
    let parse = |text: &str| text.parse::<i64>().unwrap_or_else(|error| panic!("{text}: {error}"));
    parse(whole) * 1_000 + parse(fraction) * 100
}

/// `10s`, `1.8s`: seconds only, as plant.toml writes them.
fn microseconds(text: &str) -> i64 {
    let number = text.strip_suffix('s').unwrap_or_else(|| panic!("seconds: {text}"));
    let with_tenths = if number.contains('.') { number.to_owned() } else { format!("{number}.0") };
    milliseconds(&with_tenths) * 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_of_the_plant_are_read_whole() {
        let rules = rules(&std::fs::read_to_string(data("plant.toml")).expect("the site"));
        assert_eq!(rules.len(), 13);
        let (tag, rule) = rules.iter().find(|(_, rule)| rule.alarm == "very-high").expect("a rule with an id of its own");
        assert_eq!((tag.as_str(), rule.point.as_str()), ("separator_level", "e01-LI-104"));
        assert_eq!((rule.side, rule.on_delay, rule.off_delay), (Side::High, 500_000, 0));
    }

    #[test]
    fn a_trace_moves_without_bending() {
        let trace = Trace::read("idv06.csv.gz").ending_at(1_732_370_000_000);
        assert_eq!(trace.rows.len(), 3_000);
        assert_eq!(trace.end(), 1_732_370_000_000_000);
        assert!(trace.rows.windows(2).all(|pair| pair[1].0 - pair[0].0 == 3_600));
        let first = trace.messages().next().expect("a row");
        assert!(first.starts_with("{\"ts\":1732359203600,\"values\":{\"reactor_pressure\":"), "{first}");
    }
}
