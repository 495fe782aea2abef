//! Scenarios: a plant and a timeline in, events out.

use std::sync::Arc;

use alarm::{Core, Counters};
use model::PointNumber;

use crate::plant::{Player, check};

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
        "5 alarm.raised p1.stale unacknowledged #1
         8 alarm.raised p2.stale unacknowledged #1
         9 alarm.returned p2.stale returned_unacknowledged #1",
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
fn acknowledged_and_returned_in_either_order_closes() {
    check(
        &["p1\n high 100"],
        "0 rev 1
         1 p1=100
         2 ack r1 p1 high
         3 p1=0
         4 p1=100
         5 p1=0
         6 p1=100
         7 p1=0
         8 ack r2 p1 high",
        "1 alarm.raised p1.high unacknowledged #1 v=100
         2 command.accepted p1.high r1 acknowledged
         2 alarm.acknowledged p1.high acknowledged #1 (seen)
         3 alarm.returned p1.high normal #1 v=0
         3 alarm.closed p1.high normal #1 v=0
         4 alarm.raised p1.high unacknowledged #1 v=100
         5 alarm.returned p1.high returned_unacknowledged #1 v=0
         6 alarm.raised p1.high unacknowledged #2 v=100
         7 alarm.returned p1.high returned_unacknowledged #2 v=0
         8 command.accepted p1.high r2 normal
         8 alarm.acknowledged p1.high normal #2 (seen)
         8 alarm.closed p1.high normal #2 (seen)",
    );
}

#[test]
fn a_latch_holds_until_it_is_acknowledged_and_reset() {
    check(
        &["p1\n high 100 latch"],
        "0 rev 1
         1 p1=100
         2 reset r1 p1 high
         3 p1=0
         4 reset r2 p1 high
         5 ack r3 p1 high
         6 ack r4 p1 high
         7 reset r5 p1 high
         8 reset r6 p1 high",
        "1 alarm.raised p1.high unacknowledged #1 v=100
         2 command.refused p1.high r1 unacknowledged wrong_state: the value has not returned
         3 alarm.returned p1.high latched_unacknowledged #1 v=0
         4 command.refused p1.high r2 latched_unacknowledged wrong_state: acknowledge first
         5 command.accepted p1.high r3 latched_acknowledged
         5 alarm.acknowledged p1.high latched_acknowledged #1 (seen)
         6 command.refused p1.high r4 latched_acknowledged wrong_state: already acknowledged
         7 command.accepted p1.high r5 normal
         7 alarm.reset p1.high normal #1 (seen)
         7 alarm.closed p1.high normal #1 (seen)
         8 command.refused p1.high r6 normal not_found: nothing is open",
    );
}

#[test]
fn a_command_on_what_the_operator_did_not_see_is_refused() {
    check(
        &["p1\n high 100"],
        "0 rev 1
         1 p1=100              # record 1 of this writer
         2 p1=0
         3 p1=100
         4 ack r1 p1 high act=1
         4 ack r2 p1 high act=2 occ=9.0
         5 ack r3 p1 high act=2 occ=1.0
         6 ack r3 p1 high act=2
         7 ack r4 p1 low
         7 ack r5 p9 high
         86404 tick
         86405 ack r3 p1 high  # 24 h to the microsecond: still remembered
         86405.000001 ack r3 p1 high",
        "1 alarm.raised p1.high unacknowledged #1 v=100
         2 alarm.returned p1.high returned_unacknowledged #1 v=0
         3 alarm.raised p1.high unacknowledged #2 v=100
         4 command.refused p1.high r1 unacknowledged stale_activation: it has been raised again since
         4 command.refused p1.high r2 unacknowledged stale_activation: that occurrence has ended; another is open
         5 command.accepted p1.high r3 acknowledged
         5 alarm.acknowledged p1.high acknowledged #2 (seen)
         7 command.refused p1.low r4 normal not_found: there is no such alarm
         7 command.refused p9.high r5 normal not_found: there is no such alarm
         86405.000001 command.refused p1.high r3 acknowledged wrong_state: already acknowledged",
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
fn while_a_source_is_down_its_clocks_stand_still() {
    check(
        &["p1 stale=5\n stale\n high 100 on=10\np2 source=sparkplug gw=g2 stale=5\n stale"],
        "0 rev 1
         1 p1=100 ; g2: p2=1
         3 down mqtt 2
         3 down mqtt 2          # down twice is down once
         100 up mqtt lost       # p1 stands 1 s after its sample
         103.9 tick
         104.5 tick
         109.5 tick",
        "2 source.down mqtt e1 since 2
         6 alarm.raised p2.stale unacknowledged #1
         100 source.up mqtt e1 since 2
         100 gap.possible mqtt e1 2 to 100
         6 alarm.raised p1.stale unacknowledged #1 late
         11 alarm.raised p1.high unacknowledged #1 late held",
    );
}

#[test]
fn no_storm_after_an_outage() {
    check(
        &["p1 stale=5\n stale\n high 100 on=10\n low 10 off=4\n low 10 off=6 id=slow"],
        "0 rev 1
         1 p1=5
         2 p1=50                # low returns at 6, before silence at 7; slow would at 8
         3 down * 2
         1000 p1=200            # the first of the backlog: after silence, and no stale
         1003 up *
         1004 p1=200
         1008 p1=200
         1011 p1=200",
        "1 alarm.raised p1.low unacknowledged #1 v=5
         1 alarm.raised p1.slow unacknowledged #1 v=5
         2 source.down mqtt e1 since 2
         6 alarm.returned p1.low returned_unacknowledged #1 v=50 late
         1003 source.up mqtt e1 since 2
         1006 alarm.returned p1.slow returned_unacknowledged #1 v=200
         1010 alarm.raised p1.high unacknowledged #1 v=200",
    );
}

#[test]
fn a_delay_that_an_outage_hid_fires_with_the_next_sample() {
    check(
        &["p1 stale=5\n stale\n high 100 on=10"],
        "0 rev 1
         1 p1=100
         2 down mqtt
         60 up mqtt
         61 p1=0",
        "2 source.down mqtt e1 since 2
         60 source.up mqtt e1 since 2
         11 alarm.raised p1.high unacknowledged #1 held
         61 alarm.returned p1.high returned_unacknowledged #1 v=0",
    );
}

#[test]
fn enterprises_hear_of_outages_that_concern_them() {
    check(
        &["p1\n high 1", "p1\n high 1\np2 of=e2\n high 1\np3 source=sparkplug of=e2\n high 1"],
        "0 rev 1
         5 down * 4
         6 rev 2                # e2 comes while all is down
         7 up mqtt
         8 up sparkplug lost",
        "4 source.down mqtt e1 since 4
         6 source.down mqtt e2 since 4
         6 source.down sparkplug e2 since 4
         7 source.up mqtt e1 since 4
         7 source.up mqtt e2 since 4
         8 source.up sparkplug e2 since 4
         8 gap.possible sparkplug e2 4 to 8",
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

#[test]
fn other_records_are_told_once_each() {
    check(
        &["p1\n high 1"],
        "0 rev 1
         1 core 1
         2 core 1
         3 core 2
         4 p1=0
         5 unmapped rugang/e1/g1 X
         6 unmapped rugang/e2/g7 X
         7 gap rugang/e1/g1 3
         8 gap rugang/e2/g7 4",
        "1 core.version 1
         3 core.version 2
         5 gateway.unmapped rugang/e1/g1 e1 [\"X\"]
         6 gateway.unmapped rugang/e2/g7 e2 [\"X\"]
         7 gap.possible rugang/e1/g1 e1 4 to 7 3 messages
         8 gap.possible rugang/e2/g7 e2 8 to 8 4 messages",
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
fn what_became_silent_while_the_clock_stood_is_said_when_it_goes_on() {
    check(
        &["p1 stale=30\n high 100", "p1 stale=2\n high 100\n stale"],
        "0 rev 1
         1 p1=0
         5 down mqtt
         6 rev 2                # stale by its clock, which stands still
         7 tick
         9 up mqtt",
        "5 source.down mqtt e1 since 5
         9 source.up mqtt e1 since 5
         5 alarm.raised p1.stale unacknowledged #1",
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
