//! `davy backtest --suggest` tuned on one plant trace and judged on others: every bound is computed here anew, from the site files and
//! the traces alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use harness::reference::Rule;
use harness::{Run, Trace, rules, run};

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/examples/backtest").join(name)
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn trace(name: &str) -> Trace {
    Trace::read(example(name).to_str().expect("a path of the project is text"))
}

fn backtest(site: &Path, trace: &str, more: &[&str]) -> Run {
    let (site, samples) = (site.display().to_string(), example(trace).display().to_string());
    let arguments = ["backtest", "--site", site.as_str(), "--samples", samples.as_str()];
    run(arguments.into_iter().chain(more.iter().copied()))
}

/// Raised and returned, microseconds; what did not return ends with the trace.
fn activations(rule: &Rule, tag: &str, trace: &Trace) -> Vec<(i64, i64)> {
    let mut all: Vec<(i64, i64)> = Vec::new();
    for transition in rule.judge(trace.samples(tag)) {
        if transition.raised {
            all.push((transition.at, trace.end()));
        } else {
            all.last_mut().expect("it was raised").1 = transition.at;
        }
    }
    all
}

fn in_alarm(activations: &[(i64, i64)]) -> i64 {
    activations.iter().map(|(raised, ended)| ended - raised).sum()
}

const SECOND: i64 = 1_000_000;

/// No activation of the plain rule that lasted over 60 s is lost, each is raised within 30 s of its onset; not much longer in alarm.
fn assert_in_time(what: &str, plain: &[(i64, i64)], calm: &[(i64, i64)]) {
    for (onset, end) in plain.iter().filter(|(onset, end)| end - onset > 60 * SECOND) {
        let covers = |(raised, ended): &(i64, i64)| *raised <= onset + 30 * SECOND && ended > onset && raised < end;
        assert!(calm.iter().any(covers), "{what}: {onset}..{end} is lost in {calm:?}");
    }
    let (before, after) = (in_alarm(plain), in_alarm(calm));
    assert!(after * 5 <= before * 6, "{what}: {after} us in alarm instead of {before}");
}

/// Each point's range, and each alarm's time to respond in seconds.
fn limits_of(site: &str) -> BTreeMap<(String, String), (f64, Option<f64>)> {
    let site: toml::Table = site.parse().expect("a site is TOML");
    let mut limits = BTreeMap::new();
    for point in site["point"].as_array().expect("points") {
        let end = |at: usize| point["range"].as_array().expect("a range")[at].as_float().expect("a number");
        for alarm in point["alarm"].as_array().expect("alarms") {
            let name = |value: &toml::Value| value.as_str().expect("a text").to_owned();
            let respond = alarm.get("respond_within").map(|it| {
                let span = it.as_str().expect("a span");
                let unit = if span.ends_with('m') { 60.0 } else { 1.0 };
                span.trim_end_matches(['m', 's']).parse::<f64>().expect("a number") * unit
            });
            limits.insert((name(&point["id"]), name(&alarm["kind"])), (end(1) - end(0), respond));
        }
    }
    limits
}

fn assert_settings_inside(calm: &[(String, Rule)], site: &str) {
    let limits = limits_of(site);
    for (_, rule) in calm {
        let (range, respond) = limits[&(rule.point.clone(), rule.alarm.clone())];
        assert!(rule.deadband >= 0.0 && rule.deadband <= range / 20.0, "{rule:?}");
        assert!(rule.on_delay <= 30 * SECOND, "{rule:?}");
        #[expect(clippy::cast_precision_loss, reason = "seconds")]
        let part = rule.on_delay as f64 / 1e6 * 10.0;
        assert!(respond.is_none_or(|respond| part <= respond), "{rule:?}: more than a tenth of {respond:?} s");
    }
}

/// The site but for what may be proposed.
fn untouched(site: &str) -> toml::Table {
    let mut site: toml::Table = site.parse().expect("a site is TOML");
    for point in site["point"].as_array_mut().expect("points") {
        for alarm in point["alarm"].as_array_mut().expect("alarms") {
            let alarm = alarm.as_table_mut().expect("a table");
            ["deadband", "on_delay", "off_delay"].into_iter().for_each(|key| drop(alarm.remove(key)));
        }
    }
    site
}

/// Judges what was proposed on another trace; the same as `--compare` says.
fn judge(plain: &Path, calm: &Path, name: &str) {
    let trace = trace(name);
    let (plain_rules, calm_rules) = (rules(&text(plain)), rules(&text(calm)));
    let lines = backtest(plain, name, &["--compare", calm.to_str().expect("text"), "--json"]).succeeded();
    let told: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
    assert_eq!(told.len(), plain_rules.len());
    let (mut before, mut after, mut chattering) = (0, 0, 0);
    for ((tag, was), (_, is)) in plain_rules.iter().zip(&calm_rules) {
        let (plain, calm) = (activations(was, tag, &trace), activations(is, tag, &trace));
        let what = format!("{name}: {} {}", was.point, was.alarm);
        assert_in_time(&what, &plain, &calm);
        let line = told.iter().find(|it| it["point"] == was.point.as_str() && it["alarm"] == was.alarm.as_str()).expect("a line");
        for (side, all) in [("before", &plain), ("after", &calm)] {
            assert_eq!(line[side]["raised"], all.len(), "{what} {side}");
            #[expect(clippy::cast_precision_loss, reason = "microseconds of hours")]
            let seconds = in_alarm(all) as f64 / 1e6;
            assert_eq!(line[side]["in_alarm_s"].as_f64(), Some(seconds), "{what} {side}");
        }
        let missed = plain.iter().filter(|(raised, ended)| !calm.iter().any(|it| it.0 <= *ended && *raised <= it.1)).count();
        assert_eq!(line["missed"], missed, "{what}");
        assert_eq!(line["missed_long"], 0, "{what}");
        before += plain.len();
        after += calm.len();
        chattering += line["before"]["chattering"].as_u64().expect("a count");
    }
    assert!(before >= 1_000 && chattering >= 1_000, "{name}: only {before} alarms, {chattering} of them chattering");
    assert!(after * 20 <= before, "{name}: {after} alarms instead of {before} are not 95 % fewer");
}

fn tuned_on(tuned: &str, judged: [&str; 2]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (plain, calm) = (example("site.toml"), folder.path().join("calm.toml"));
    let out = calm.to_str().expect("text");
    let table = backtest(&plain, tuned, &["--suggest", "--out", out]).succeeded();
    assert!(table.lines().any(|line| line.starts_with("all 32 rules")), "{table}");

    let check = run(["check", out]);
    assert_eq!(check.code(), 0, "{}", check.err);
    assert!(check.err.contains("0 warnings"), "{}", check.err);
    assert_eq!(untouched(&text(&calm)), untouched(&text(&plain)), "nothing else is changed");
    assert!(text(&calm).starts_with("# The site of the plant traces"), "comments stay");
    assert_settings_inside(&rules(&text(&calm)), &text(&plain));
    judged.into_iter().for_each(|name| judge(&plain, &calm, name));

    let again = backtest(&plain, tuned, &["--suggest", "--out", out]);
    assert_eq!((again.code(), again.out.as_str()), (2, ""), "never over what is there: {}", again.err);
}

#[test]
fn rules_tuned_on_a_normal_run_are_calm_and_in_time_in_upsets() {
    tuned_on("normal.csv.gz", ["idv01.csv.gz", "idv06.csv.gz"]);
}

#[test]
fn rules_tuned_on_an_upset_are_calm_and_in_time_elsewhere() {
    tuned_on("idv01.csv.gz", ["normal.csv.gz", "idv06.csv.gz"]);
}

#[test]
fn rules_tuned_on_a_run_that_ends_in_a_trip_are_calm_and_in_time_elsewhere() {
    tuned_on("idv06.csv.gz", ["normal.csv.gz", "idv01.csv.gz"]);
}

#[test]
fn a_folder_with_tables_is_proposed_as_a_folder() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (site, calm) = (folder.path().join("site"), folder.path().join("calm"));
    std::fs::create_dir(&site).expect("a folder");
    let head = "[[enterprise]]\nid = \"e01\"\ndistrict = \"320682\"\nname = \"e\"\n\n[[installation]]\nid = \"e01-a\"\n\
        enterprise = \"e01\"\nname = \"a\"\n";
    let points = "id,installation,quantity,unit,range_low,range_high,grpc,tag\nLI-1,e01-a,level,%,0,100,a/e01/g,reactor_level\n";
    for (name, text) in [("site.toml", head), ("points.csv", points), ("alarms.csv", "point,kind,limit\nLI-1,high,75.0\n")] {
        std::fs::write(site.join(name), text).expect("a site file can be written");
    }
    backtest(&site, "normal.csv.gz", &["--suggest", "--out", calm.to_str().expect("text")]).succeeded();
    let alarms = text(&calm.join("alarms.csv"));
    assert!(alarms.lines().next().is_some_and(|line| line.contains("on_delay")), "{alarms}");
    assert_eq!(text(&calm.join("points.csv")), points);
    let check = run(["check".as_ref(), calm.as_os_str()]);
    assert_eq!(check.code(), 0, "{}", check.err);
}

/// A rule of one set alone has no figures in the other.
#[test]
fn rules_of_one_site_alone_are_compared_too() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (plain, fewer) = (example("site.toml"), folder.path().join("fewer.toml"));
    let site = text(&plain);
    let removed = site.find("\n  [[point.alarm]]\n  kind = \"low\"").expect("a low alarm");
    let end = removed + site[removed..].find("\n[[point]]").expect("another point");
    std::fs::write(&fewer, format!("{}{}", &site[..removed], &site[end..])).expect("a site file can be written");
    let table = backtest(&plain, "normal.csv.gz", &["--compare", fewer.to_str().expect("text")]).succeeded();
    let line = table.lines().find(|line| line.starts_with("e01-FI-102 low")).expect("the rule that is gone");
    let cells: Vec<_> = line.split_whitespace().collect();
    assert_eq!((cells[3], cells[5]), ("-", "-"), "raised and in alarm after: {line}");
    assert_eq!(cells[2], cells[10], "all are missed: {line}");
}

#[test]
fn what_excludes_each_other_is_wrong_usage() {
    let site = example("site.toml");
    let other = site.display().to_string();
    for more in [&["--suggest", "--compare", other.as_str()][..], &["--out", "x.toml"], &["--suggest", "--out", other.as_str()]] {
        let wrong = backtest(&site, "normal.csv.gz", more);
        assert_eq!((wrong.code(), wrong.out.as_str()), (2, ""), "{more:?}: {}", wrong.err);
    }
}
