//! What suppressions refuse and what they warn of.

use super::faults::faults;
use super::kinds::KINDS;
use super::*;

/// The line on which the suppression of the site with every kind begins.
fn start() -> usize {
    1 + KINDS.lines().position(|line| line == "[[suppression]]").expect("there is one")
}

/// The site with every kind and a part changed has exactly this fault, so many lines below the header of the suppression.
fn check(from: &str, to: &str, line: usize, expected: &str) {
    assert!(KINDS.contains(from), "{from}");
    assert_eq!(faults(&KINDS.replacen(from, to, 1)), [format!("site.toml:{}: {expected}", start() + line)], "{to}");
}

#[test]
fn what_is_at_fault() {
    check("id = \"shut_down\"\n", "", 0, "id: is missing from this suppression; add id = \"…\"");
    check(
        "id = \"shut_down\"",
        "id = \"shut down\"",
        1,
        "id = \"shut down\": is no valid id; write 1 to 64 of A-Z a-z 0-9 _ . -",
    );
    check(
        "when = \"closed",
        "unless = \"x\"\nwhen = \"closed",
        2,
        "unless = \"x\": a suppression has no such key; known are id, when, inputs, alarms",
    );
    check("when = \"closed == 0.0 && p < 10.0\"\n", "", 0, "when: is missing from this suppression; add when = \"a > 10.0\"");
    check(
        "&& p <",
        "&& value <",
        2,
        "when = closed == 0.0 && value < 10.0: at column 18: the name `value` is unknown; the names are `closed`, `p`",
    );
    check("p = \"PI-1\"", "p = \"PI-9\"", 3, "p = PI-9: there is no point of this id; did you mean `PI-1`");
    let example = "alarms = [\"PI-101\", \"LI-5/low\"]";
    let listed = "alarms = [\"TI-1\", \"PI-2/time_to_limit\", \"PI-1/pair.fault\"]\n";
    check(listed, "", 0, &format!("alarms: is missing from this suppression; add {example}"));
    check(listed, "alarms = []\n", 4, &format!("alarms = []: is empty; write {example}"));
    let form = "names no alarm; write \"point\" for all of it, or \"point/alarm\"";
    check("\"TI-1\", \"PI-2/", "\"a/b/c\", \"PI-2/", 4, &format!("alarms = a/b/c: {form}"));
    check("[\"TI-1\", ", "[7, ", 4, &format!("alarms: {form}"));
    check("[\"TI-1\", ", "[\"PI-2/time_to_limit\", ", 4, "alarms = PI-2/time_to_limit: is named twice; remove one");
    check("[\"TI-1\", ", "[\"TI-7\", ", 4, "alarms = TI-7: there is no point of this id; did you mean `TI-1`");
    check(
        "PI-2/time_to_limit",
        "PI-2/time",
        4,
        "alarms = PI-2/time: point `PI-2` has no such alarm; name an alarm of the point, or the point alone",
    );
    check(
        "PI-1/pair.fault",
        "PI-1/pear.fault",
        4,
        "alarms = PI-1/pear.fault: point `PI-1` has no such alarm; did you mean `pair.fault`",
    );
    let again = format!(
        "{KINDS}\n[[suppression]]\nid = \"SHUT_DOWN\"\nwhen = \"a > 1.0\"\ninputs = {{ a = \"PI-1\" }}\nalarms = [\"PI-1\"]\n"
    );
    let expected = format!(
        "site.toml:{}: id = SHUT_DOWN: differs only in case from suppression `shut_down` at site.toml:{}; give each an id of its own, or remove one",
        start() + 7,
        start() + 1
    );
    assert_eq!(faults(&again), [expected]);
}

#[test]
fn all_of_one_enterprise() {
    let far = "[[enterprise]]\nid = \"f\"\n[[installation]]\nid = \"far\"\nenterprise = \"f\"\n";
    let far = format!("{far}{}", point("FI", "flow", "t/h", "").replace("\"unit\"", "\"far\"").replace("p/e01/gw", "p/f/gw"));
    let text = |from: &str, to: &str| format!("{}{far}", KINDS.replacen(from, to, 1));
    let problem = "belongs to enterprise `f`, and a rule may not reach beyond `e`; use a point of `e`";
    let input = format!("site.toml:{}: p = FI: {problem}", start() + 3);
    assert_eq!(faults(&text("p = \"PI-1\"", "p = \"FI\"")), [input]);
    // The first in order of id says whose it is.
    let alarm = "belongs to enterprise `e`, and a rule may not reach beyond `f`; use a point of `f`";
    let got = faults(&text("alarms = [\"TI-1\"", "alarms = [\"FI\", \"TI-1\""));
    assert!(got.contains(&format!("site.toml:{}: alarms = TI-1: {alarm}", start() + 4)), "{got:?}");
}

#[test]
fn safety_alarms_that_are_hidden() {
    let hidden = "safety alarms are hidden while the condition holds; leave it out unless that is meant";
    let warned = |alarm: &str| {
        let critical = KINDS.replacen("limit = 3500.0\n", "limit = 3500.0\n  priority = \"critical\"\n", 1);
        lines(&toml(&critical.replacen("[\"TI-1\", ", &format!("[\"{alarm}\", "), 1)).expect("loads").warnings)
    };
    let line = start() + 5;
    for alarm in ["GT-1", "GT-1/high", "GT-1/calibrating", "GT-1/vote.fault"] {
        assert_eq!(warned(alarm), [format!("site.toml:{line}: alarms = {alarm}: is of a gas detector: {hidden}")]);
    }
    for alarm in ["PI-1", "PI-1/high_high"] {
        assert_eq!(warned(alarm), [format!("site.toml:{line}: alarms = {alarm}: has critical alarms (high_high): {hidden}")]);
    }
    assert_eq!(warned("PI-1/rate"), [""; 0]);
}
