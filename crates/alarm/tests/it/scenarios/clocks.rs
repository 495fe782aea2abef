//! Scenarios of wrong clocks, late and recorded data (traps 24, 25).

use std::sync::Arc;

use alarm::{Core, Counters};
use model::PointNumber;

use crate::plant::{Player, check};

#[test]
fn the_clock_between_samples_runs_with_journal_time() {
    check(
        &["p1\n high 100 on=10"],
        "0 rev 1
         100 p1=100@50    # 50 s behind: due at source time 60, journal time 110
         109.999999 tick
         110 tick",
        "60 alarm.raised p1.high unacknowledged #1 v=100",
    );
}

#[test]
fn a_sample_behind_the_clock_is_judged_and_dated_after_what_was_said() {
    check(
        &["p1\n high 100 on=10"],
        "0 rev 1
         1 p1=100
         20 p1=50@5       # it had returned before the delay was over, but that was said already
         21 p1=100@5      # not newer
         22 p1=100@6
         32.5 tick",
        "11 alarm.raised p1.high unacknowledged #1 v=100
         11 alarm.returned p1.high returned_unacknowledged #1 v=50
         16 alarm.raised p1.high unacknowledged #2 v=100",
    );
}

#[test]
fn late_samples_are_judged_and_marked() {
    check(
        &["p1\n high 100"],
        "0 rev 1
         100 p1=100@40
         101 p1=0@40.999999",
        "40 alarm.raised p1.high unacknowledged #1 v=100
         40.999999 alarm.returned p1.high returned_unacknowledged #1 v=0 late",
    );
}

#[test]
fn not_newer_historical_and_unknown_samples_change_nothing() {
    check(
        &["p1 stale=5\n high 100\n stale"],
        "0 rev 1
         1 p1=1
         2 p1=100@1
         3 p1=100@0.5
         4 p1=100!h
         5 p2=100
         6.5 tick",
        "6 alarm.raised p1.stale unacknowledged #1",
    );
}

#[test]
fn a_clock_that_runs_ahead_is_judged_at_journal_time() {
    check(
        &["p1\n high 100\np2\n high 100"],
        "0 rev 1
         1 p1=100@61            # 60 s exactly: only early
         2 p1=0@63 p2=100@90000
         3 p1=100@90000
         3 p1=0@90000           # a microsecond after the one before
         4 p1=100@5
         5 p1=0@6",
        "61 alarm.raised p1.high unacknowledged #1 v=100
         2 gateway.clock rugang/e1/g1 ahead 61s
         61.000001 alarm.returned p1.high returned_unacknowledged #1 v=0 suspect
         2 alarm.raised p2.high unacknowledged #1 v=100 suspect
         61.000002 alarm.raised p1.high unacknowledged #2 v=100 suspect
         61.000003 alarm.returned p1.high returned_unacknowledged #2 v=0 suspect
         4 gateway.clock rugang/e1/g1 recovered 1s",
    );
}

#[test]
fn a_clock_set_back_is_followed_after_five_messages() {
    check(
        &["p1\n high 100 on=10\np2\n high 100"],
        "0 rev 1
         100 p1=0 p2=0
         101 p1=100
         102 p1=0@52
         103 p1=0@53
         104 p1=100@54!h          # does not count
         104 p9=1                 # nor this
         105 p1=100@55
         106 p1=100@56
         106.5 tick
         107 p1=100@57            # the fifth, 5 s after the first: its delay has 4 s to go
         108 p2=100@58
         111.5 tick",
        "107 gateway.clock rugang/e1/g1 set_back -50s
         58 alarm.raised p2.high unacknowledged #1 v=100
         61 alarm.raised p1.high unacknowledged #1 v=100",
    );
}

#[test]
fn a_gateway_that_repeats_its_last_sample_falls_silent_and_was_not_set_back() {
    check(
        &["p1 stale=10\n stale"],
        "0 rev 1
         1 p1=5
         3 p1=5@1
         5 p1=5@1
         7 p1=5@1
         9 p1=5@1
         11 p1=5@1
         13 p1=6@1
         15 tick",
        "11 alarm.raised p1.stale unacknowledged #1",
    );
}

#[test]
fn five_messages_in_a_moment_or_with_one_newer_are_no_step_back() {
    check(
        &["p1\n high 100\np2\n high 100"],
        "0 rev 1
         100 p1=0 p2=0
         101 p1=100@50 ; p1=100@51 ; p1=100@52 ; p1=100@53 ; p1=100@54 ; p1=100@55
         105.999 p1=100@56
         105.9995 p2=0            # newer: the row begins anew
         107 p1=100@57
         108 p1=100@58
         109 p1=100@59
         111.9 p1=100@60
         112 p1=100@61",
        "112 gateway.clock rugang/e1/g1 set_back -51s
         61 alarm.raised p1.high unacknowledged #1 v=100",
    );
}

#[test]
fn a_stopped_clock_lets_nothing_fall_due() {
    let mut player = Player::new(&["p1 stale=5\n stale\n high 100 on=10\np2\n high 100 on=10"]);
    player.play(
        "0 rev 1
         1 p1=100 p2=100",
    );
    player.core.stop_clock(PointNumber(1));
    player.core.stop_clock(PointNumber(99));
    player.play("100 tick");
    assert_eq!(player.said, ["11 alarm.raised p2.high unacknowledged #1 v=100"]);
}

#[test]
fn recorded_data_know_no_wrong_clocks() {
    let timeline = "0 rev 1
         1 p1=100@90000
         2 p1=0@50 ; p1=0@51
         4 p1=0@52
         6 p1=0@53
         8 p1=0@54";
    let mut live = Player::new(&["p1\n high 100"]);
    live.play(timeline);
    assert_eq!(
        live.said,
        [
            "1 gateway.clock rugang/e1/g1 ahead 89999s",
            "1 alarm.raised p1.high unacknowledged #1 v=100 suspect",
            "50 alarm.returned p1.high returned_unacknowledged #1 v=0",
            "2 gateway.clock rugang/e1/g1 recovered 48s",
        ]
    );
    let mut recorded = Player::new(&["p1\n high 100"]);
    recorded.core = Core::for_recorded_data(Arc::from("engine/7"));
    recorded.play(timeline);
    assert_eq!(recorded.said, ["90000 alarm.raised p1.high unacknowledged #1 v=100"]);
}

#[test]
fn every_sample_is_counted_once() {
    let mut player = Player::new(&["p1\n high 100\np2\n high 100"]);
    player.play(
        "0 rev 1
         1 p1=5 p2=bad
         2 p1=6 ; p1=6 p1=7 p1=6@1 p1=8!h p9=1
         3 g9: p9=1 p8=1
         4 p2=bad@1 p2=1@1 p1=9@90",
    );
    let counters = player.core.counters();
    assert_eq!(counters, Counters { judged: 4, not_newer: 3, repeated: 2, historical: 1, unknown_point: 3, ahead: 1 });
    assert_eq!(player.said.len(), 1, "{:?}", player.said);
}

#[test]
fn a_clock_ahead_is_seen_on_a_value_that_changes_nothing() {
    check(
        &["p1 stale=600\n high 100"],
        "0 rev 1
         1 p1=0
         2 p1=0@62.000001
         3 p1=0",
        "2 gateway.clock rugang/e1/g1 ahead 60.000001s
         3 gateway.clock rugang/e1/g1 recovered 0s",
    );
}

#[test]
fn after_a_set_back_only_the_next_sample_of_a_point_counts_whatever_its_time() {
    check(
        &["p1 stale=30\n high 100\np2 stale=30\n stale"],
        "0 rev 1
         100 p1=0@140 p2=0@140
         102 p1=0@101
         103 p1=0@102
         104 p1=0@103
         105 p1=0@104
         107 p1=100@105
         107 p1=0@104           # not newer any more
         108 p2=0@166           # whatever its time: no silence between",
        "30 alarm.raised rugang/e1/g1.gateway_down unacknowledged #1 (nothing comes from it)
         100 alarm.returned rugang/e1/g1.gateway_down returned_unacknowledged #1 (it is back)
         107 gateway.clock rugang/e1/g1 set_back -42s
         105 alarm.raised p1.high unacknowledged #1 v=100",
    );
}
