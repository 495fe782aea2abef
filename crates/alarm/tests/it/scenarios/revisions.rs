//! Scenarios of rules that change (traps 40).

use std::sync::Arc;

use alarm::Core;

use crate::plant::{Player, check};

#[test]
fn cosmetic_changes_leave_everything_as_it_is() {
    check(
        &["p1\n high 100 on=10\n low 10", "p1\n high 100 on=10 prio=critical cause=pump\n low 10 latch"],
        "0 rev 1
         1 p1=5
         2 p1=100
         3 rev 2
         3 rev 1                  # older than what is in force
         12.5 tick
         13 p1=5
         14 p1=50",
        "1 alarm.raised p1.low unacknowledged #1 v=5
         2 alarm.returned p1.low returned_unacknowledged #1 v=100
         12 alarm.raised p1.high unacknowledged #1 v=100
         13 alarm.returned p1.high returned_unacknowledged #1 v=5
         13 alarm.raised p1.low unacknowledged #2 v=5
         14 alarm.returned p1.low latched_unacknowledged #2 v=50",
    );
}

#[test]
fn changed_rules_judge_the_held_value_anew() {
    check(
        &["p1\n high 100\n low 10 on=10", "p1\n high 50\n low 60 on=5\n high_high 70", "p1\n high 80\n high_high 70 off=2"],
        "0 rev 1
         1 p1=70
         3 rev 2
         7.5 tick
         8.5 tick
         9 p1=70
         10 rev 3
         11 p1=60
         13 tick",
        "3 alarm.raised p1.high unacknowledged #1 v=70
         3 alarm.raised p1.high_high unacknowledged #1 v=70
         10 alarm.returned p1.high returned_unacknowledged #1 v=70
         13 alarm.returned p1.high_high returned_unacknowledged #1 v=60",
    );
}

#[test]
fn a_rule_or_point_that_is_gone_closes_what_is_open() {
    check(
        &["p1\n high 100\n low 10\np2\n high 100", "p1\n low 10", "p1\n low 10\n high 100\np2\n high 100"],
        "0 rev 1
         1 p1=100 p2=100
         5 rev 2
         6 p2=100
         7 rev 3
         8 p2=100",
        "1 alarm.raised p1.high unacknowledged #1 v=100
         1 alarm.raised p2.high unacknowledged #1 v=100
         5 alarm.closed p1.high normal #1 (rule_removed)
         5 alarm.closed p2.high normal #1 (rule_removed)
         7 alarm.raised p1.high unacknowledged #1 v=100
         8 alarm.raised p2.high unacknowledged #1 v=100",
    );
}

#[test]
fn what_waits_through_bad_quality_waits_anew_under_a_changed_rule() {
    check(
        &["p1\n high 100 on=10", "p1\n high 90 on=10"],
        "0 rev 1
         1 p1=100
         2 p1=bad
         5 rev 2
         20 tick",
        "15 alarm.raised p1.high unacknowledged #1 held",
    );
}

#[test]
fn a_longer_silence_is_judged_anew() {
    check(
        &["p1 stale=5\n stale", "p1 stale=30\n stale", "p1 stale=3\n stale on=1"],
        "0 rev 1
         1 p1=1
         10 rev 2
         20 rev 3
         22 p1=1",
        "6 alarm.raised p1.stale unacknowledged #1
         10 alarm.returned p1.stale returned_unacknowledged #1
         21 alarm.raised p1.stale unacknowledged #2
         22 alarm.returned p1.stale returned_unacknowledged #2",
    );
}

/// How each state is reached, with the value it is held at.
const STATES: [(char, &str); 9] = [
    ('A', "1 p1=50"),
    ('B', "1 p1=150"),
    ('C', "1 p1=150\n2 ack a p1 x"),
    ('D', "1 p1=150\n2 p1=50"),
    ('E', "1 p1=150\n2 p1=50"),
    ('F', "1 p1=150\n2 p1=50\n3 ack a p1 x"),
    ('G', "1 p1=150\n2 ack a p1 x\n3 shelve s p1 x until=500"),
    ('H', "1 p1=50\n2 suppress s p1 x"),
    ('I', "1 p1=150\n2 oos s p1 x"),
];

/// What a revision changes of `high 100 id=x db=2 shelve=600`, which latches for E and F.
const CHANGES: [(&str, &str); 9] = [
    ("text", "high 100 id=x db=2 shelve=600 cause=why prio=critical"),
    ("higher", "high 200 id=x db=2 shelve=600"),
    ("lower", "high 40 id=x db=2 shelve=600"),
    ("delay", "high 40 id=x db=2 on=10 off=10 shelve=600"),
    ("latch", "high 100 id=x db=2 shelve=600 latch"),
    ("kind", "low 100 id=x shelve=600"),
    ("rate", "rate 5 id=x shelve=600"),
    ("gone", "high 100 id=y"),
    ("point", ""),
];

/// Rules change while an alarm is in each of its states (traps 40): what is said at once, and the letter it is in then. Kept and restored
/// just before, it says the same.
#[test]
fn every_change_of_a_rule_in_every_state() {
    let mut table = String::new();
    for (state, way) in STATES {
        for (name, after) in CHANGES {
            let latch = if "EF".contains(state) { " latch" } else { "" };
            let keeps = !matches!(name, "gone" | "point" | "latch");
            let before = format!("p1\n high 100 id=x db=2 shelve=600{latch}\np2\n high 1");
            let after = match name {
                "point" => "p2\n high 1".to_owned(),
                _ => format!("p1\n {after}{}\np2\n high 1", if keeps { latch } else { "" }),
            };
            let said = changed(&before, &after, way, false);
            assert_eq!(said, changed(&before, &after, way, true), "{state} {name}: restored");
            let line = format!("{state} {name}: {}", said.join(", "));
            table.push_str(line.trim_end());
            table.push('\n');
        }
    }
    let want = include_str!("../../golden/rule-changes.txt");
    assert!(table == want, "\n--- is\n{table}--- wanted\n{want}");
}

fn changed(before: &str, after: &str, way: &str, restore: bool) -> Vec<String> {
    let mut player = Player::new(&[before, after]);
    player.play("0 rev 1");
    player.play(way);
    if restore {
        let bytes = player.core.snapshot();
        player.core = Core::restore(Arc::from("engine/7"), player.core.revision().cloned(), &bytes).expect("its own snapshot");
    }
    player.said.clear();
    // Ten seconds later what waits has waited long enough.
    player.play("10 rev 2\n20 tick");
    player.said.clone()
}

/// A delay that runs while its rule changes starts anew if the rule judges otherwise, and runs on if it does not.
#[test]
fn a_delay_that_runs_while_its_rule_changes() {
    check(
        &["p1\n high 100 on=10", "p1\n high 100 on=10 cause=why", "p1\n high 90 on=10", "p1\n high 90 on=2"],
        "0 rev 1
         1 p1=150
         5 rev 2
         9 rev 3
         15 rev 4
         30 tick",
        "17 alarm.raised p1.high unacknowledged #1 v=150",
    );
}
