//! Scenarios of rules that change (traps 40).

use crate::plant::check;

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
