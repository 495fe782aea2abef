//! Scenarios of limits, delays, quality and silence: a plant and a timeline in, events out.

use crate::plant::check;

#[test]
fn a_limit_is_inclusive_and_clears_below_the_deadband() {
    check(
        &["p1\n high 100 db=5\n low 10 db=2 prio=low"],
        "0 rev 1
         1 p1=99.999
         2 p1=100
         3 p1=95          # not below 100 - 5
         4 p1=94.999
         5 p1=10
         6 p1=12
         7 p1=12.001",
        "2 alarm.raised p1.high unacknowledged #1 v=100
         4 alarm.returned p1.high returned_unacknowledged #1 v=94.999
         5 alarm.raised p1.low unacknowledged #1 v=10
         7 alarm.returned p1.low returned_unacknowledged #1 v=12.001",
    );
}

#[test]
fn a_delay_fires_at_its_due_time_before_the_sample_of_that_time() {
    check(
        &["p1\n high 100 on=10"],
        "0 rev 1
         1 p1=100
         11 p1=0
         20 p1=100
         29 p1=99.9
         30 p1=100
         41.5 tick",
        "11 alarm.raised p1.high unacknowledged #1 v=100
         11 alarm.returned p1.high returned_unacknowledged #1 v=0
         40 alarm.raised p1.high unacknowledged #2 v=100",
    );
}

#[test]
fn an_on_delay_is_broken_inside_the_deadband_and_an_off_delay_too() {
    check(
        &["p1\n high 100 db=5 on=2 off=3"],
        "0 rev 1
         1 p1=100
         2 p1=99          # inside the deadband: no longer active
         3 p1=100
         5.5 p1=94
         7 p1=97          # not clear: broken
         8 p1=94
         10.999 p1=94
         11.001 p1=94",
        "5 alarm.raised p1.high unacknowledged #1 v=100
         11 alarm.returned p1.high returned_unacknowledged #1 v=94",
    );
}

#[test]
fn an_on_delay_runs_through_bad_quality_and_silence() {
    check(
        &["p1 stale=5\n high 100 on=10", "p1 stale=60\n high 100 on=10"],
        "0 rev 1
         1 p1=100
         11.5 tick",
        "11 alarm.raised p1.high unacknowledged #1 held",
    );
    check(
        &["p1\n high 100 on=10\n bad_quality"],
        "0 rev 1
         1 p1=100
         4 p1=100!b
         12 p1=50",
        "4 alarm.raised p1.bad_quality unacknowledged #1 v=100
         11 alarm.raised p1.high unacknowledged #1 held
         12 alarm.returned p1.high returned_unacknowledged #1 v=50
         12 alarm.returned p1.bad_quality returned_unacknowledged #1 v=50",
    );
}

#[test]
fn silence_and_bad_quality_never_clear() {
    check(
        &["p1 stale=5\n high 100 off=10"],
        "0 rev 1
         1 p1=100
         2 p1=0           # would return at 12
         20 p1=0          # but was silent from 7 on
         24 p1=0
         28 p1=bad        # breaks it once more
         29 p1=0
         33 p1=0
         38 p1=0
         40 tick",
        "1 alarm.raised p1.high unacknowledged #1 v=100
         39 alarm.returned p1.high returned_unacknowledged #1 v=0",
    );
}

#[test]
fn an_off_delay_due_at_the_last_moment_before_silence_returns() {
    check(
        &["p1 stale=5\n high 100 off=5"],
        "0 rev 1
         1 p1=100
         2 p1=0
         30 tick",
        "1 alarm.raised p1.high unacknowledged #1 v=100
         7 alarm.returned p1.high returned_unacknowledged #1 v=0",
    );
}

#[test]
fn silence_is_strictly_more_than_stale_after() {
    check(
        &["p1 stale=5\n stale"],
        "0 rev 1
         5 p1=1
         10 p1=1
         15 tick
         15.000001 tick
         16 p1=bad",
        "15 alarm.raised p1.stale unacknowledged #1
         16 alarm.returned p1.stale returned_unacknowledged #1",
    );
    check(
        &["p1 stale=5\n stale on=3 off=2"],
        "0 rev 1
         1 p1=1
         8.999 p1=1
         17 tick          # 8.999 + 5 + 3 = 16.999
         18 p1=1
         22 p1=1",
        "16.999 alarm.raised p1.stale unacknowledged #1
         20 alarm.returned p1.stale returned_unacknowledged #1",
    );
}

#[test]
fn a_point_never_seen_goes_stale_from_its_revision_on() {
    check(
        &["p1 stale=5\n stale", "p1 stale=5\n stale\np2 stale=5\n stale"],
        "0 rev 1
         3 rev 2
         5.5 tick
         9 p2=1",
        "5 alarm.raised rugang/e1/g1.gateway_down unacknowledged #1 (nothing comes from it)
         9 alarm.returned rugang/e1/g1.gateway_down returned_unacknowledged #1 (it is back)",
    );
}

#[test]
fn silence_that_the_next_sample_reveals_is_raised_and_ends() {
    check(
        &["p1 stale=5\n stale"],
        "0 rev 1
         1 p1=1
         2 p1=1@20        # the gateway's clock runs 18 s ahead: it says it was silent",
        "6 alarm.raised p1.stale unacknowledged #1
         20 alarm.returned p1.stale returned_unacknowledged #1",
    );
}

#[test]
fn uncertain_is_judged_and_values_out_of_range_are_marked() {
    check(
        &["p1\n high 100 on=2\n bad_quality on=3"],
        "0 rev 1
         1 p1=100!uo
         3 p1=7!b
         5 p1=8!b
         7 tick",
        "3 alarm.raised p1.high unacknowledged #1 v=100 range
         6 alarm.raised p1.bad_quality unacknowledged #1 v=8",
    );
}

#[test]
fn what_is_due_together_fires_in_order_of_time_point_and_rule() {
    check(
        &["p2\n high 1 on=5 id=a\n high 1 on=5 id=b\n high 1 on=4 id=c\np1\n high 1 on=5"],
        "0 rev 1
         1 p2=1 p1=1
         3 p2=1
         20 tick",
        "5 alarm.raised p2.c unacknowledged #1 v=1
         6 alarm.raised p1.high unacknowledged #1 v=1
         6 alarm.raised p2.a unacknowledged #1 v=1
         6 alarm.raised p2.b unacknowledged #1 v=1",
    );
}

#[test]
fn an_off_delay_breaks_on_silence_and_not_a_moment_before() {
    check(
        &["p1 stale=5\n high 100 off=10"],
        "0 rev 1
         1 p1=100
         2 p1=0
         7 p1=0           # 5 s are no silence yet
         12 p1=0
         13 p1=100
         14 p1=0
         21 p1=0@18       # by its clock it was silent from 19 on: anew from 18
         22 p1=0@23
         26 p1=0@27
         28 p1=0@28.5",
        "1 alarm.raised p1.high unacknowledged #1 v=100
         12 alarm.returned p1.high returned_unacknowledged #1 v=0
         13 alarm.raised p1.high unacknowledged #2 v=100
         28 alarm.returned p1.high returned_unacknowledged #2 v=0",
    );
}

#[test]
fn the_first_sample_of_a_point_tells_nothing_of_silence() {
    check(
        &["p1 stale=30\n stale"],
        "0 rev 1
         1 p1=1@51
         2 p1=1@52",
        "",
    );
}

#[test]
fn silence_counts_from_the_newest_sample_however_old_it_is() {
    check(
        &["p1 stale=2\n stale"],
        "0 rev 1
         100 p1=0@50            # the first of all; 2 s later it is silent
         102 tick
         103 tick",
        "2 alarm.raised p1.stale unacknowledged #1
         50 alarm.returned p1.stale returned_unacknowledged #1
         52 alarm.raised p1.stale unacknowledged #2",
    );
    check(
        &["p1 stale=2\n stale"],
        "0 rev 1
         3 p1=0@-50
         3.5 p1=0@-49.5
         5.4 tick
         5.6 tick",
        "2 alarm.raised p1.stale unacknowledged #1
         2 alarm.returned p1.stale returned_unacknowledged #1
         2 alarm.raised p1.stale unacknowledged #2",
    );
}
