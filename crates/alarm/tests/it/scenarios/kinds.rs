//! Scenarios of rules that look at one point and are no limits.

use crate::plant::check;

#[test]
fn a_rate_is_judged_over_its_window_in_source_time() {
    check(
        &["p1 stale=300\n rate 60 per=60 win=10 db=6"],
        "0 rev 1
         1 p1=0
         4 p1=3           # less than half of the window: says nothing
         6 p1=5           # 1 a second is 60 a minute
         11 p1=5
         16 p1=5
         17 p1=5@12 p1=7@13.5!h
         26 p1=-10
         27 p1=-12",
        "6 alarm.raised p1.rate unacknowledged #1 v=60
         11 alarm.returned p1.rate returned_unacknowledged #1 v=28.867924528301888
         26 alarm.raised p1.rate unacknowledged #2 v=-90",
    );
}

#[test]
fn a_rate_forgets_what_came_before_bad_quality_and_gaps() {
    check(
        &["p1 stale=60\n rate 60 per=60 win=10"],
        "0 rev 1
         1 p1=0
         6 p1=1
         7 p1=bad
         8 p1=500         # no baseline: a new one begins
         13 p1=500
         80 p1=0          # silent for more than 60 s
         86 p1=0
         92 p1=60",
        "92 alarm.raised p1.rate unacknowledged #1 v=300",
    );
}

#[test]
fn a_deviation_from_a_set_value_has_sides_and_a_deadband() {
    check(
        &["p1\n deviation 5 from=50 db=1\n deviation 5 id=over from=50 dir=up\n deviation 5 id=under from=50 dir=down on=2"],
        "0 rev 1
         1 p1=55
         2 p1=54.001       # inside the deadband of the first
         3 p1=53.999
         4 p1=45
         5.5 p1=44
         7 p1=50",
        "1 alarm.raised p1.deviation unacknowledged #1 v=55
         1 alarm.raised p1.over unacknowledged #1 v=55
         2 alarm.returned p1.over returned_unacknowledged #1 v=54.001
         3 alarm.returned p1.deviation returned_unacknowledged #1 v=53.999
         4 alarm.raised p1.deviation unacknowledged #2 v=45
         6 alarm.raised p1.under unacknowledged #1 v=44
         7 alarm.returned p1.deviation returned_unacknowledged #2 v=50
         7 alarm.returned p1.under returned_unacknowledged #1 v=50",
    );
}

#[test]
fn a_value_that_does_not_move_is_stuck_at_an_exact_time() {
    check(
        &["p1 stale=100\n stuck win=30 noise=0.5 on=5"],
        "0 rev 1
         1 p1=10
         5 p1=10.5
         6 p1=10.6         # has moved: farther than the noise from the lowest
         20 p1=10.3
         40.9 tick
         41 tick           # 6 + 30 + 5, without another sample
         50 p1=10.4
         60 p1=12
         70 p1=12.1",
        "41 alarm.raised p1.stuck unacknowledged #1 v=10.6
         60 alarm.returned p1.stuck returned_unacknowledged #1 v=12",
    );
}

#[test]
fn silence_and_bad_quality_are_no_standstill() {
    check(
        &["p1 stale=10\n stuck win=30\n stale"],
        "0 rev 1
         1 p1=10
         9 p1=10
         17 p1=10
         40 tick            # it would be stuck at 31, but nothing came since 17
         41 p1=10
         50 p1=10
         59 p1=10
         60 p1=bad
         61 p1=10
         70 p1=10
         79 p1=10
         88 p1=10
         92 p1=10",
        "27 alarm.raised p1.stale unacknowledged #1
         41 alarm.returned p1.stale returned_unacknowledged #1
         91 alarm.raised p1.stuck unacknowledged #1 v=10",
    );
}

#[test]
fn a_state_is_one_of_a_set() {
    check(
        &["p1\n state in=2,4 on=1 off=1"],
        "0 rev 1
         1 p1=2
         1.5 p1=4           # still one of them
         2 tick
         3 p1=3
         4 p1=3
         5 p1=1",
        "2 alarm.raised p1.state unacknowledged #1 v=4
         4 alarm.returned p1.state returned_unacknowledged #1 v=3",
    );
}

#[test]
fn out_of_range_and_calibration_are_alarms_of_their_own() {
    check(
        &["p1 range=0..100\n high 90\n out_of_range db=1\n bad_quality\n calibrating"],
        "0 rev 1
         1 p1=50
         2 p1=100!o
         3 p1=101!o
         4 p1=99.5          # inside the deadband
         5 p1=99
         6 p1=20!c          # neither bad nor judged
         7 p1=95!c
         8 p1=bad
         9 p1=20",
        "2 alarm.raised p1.high unacknowledged #1 v=100 range
         3 alarm.raised p1.out_of_range unacknowledged #1 v=101 range
         5 alarm.returned p1.out_of_range returned_unacknowledged #1 v=99
         6 alarm.raised p1.calibrating unacknowledged #1 v=20
         8 alarm.raised p1.bad_quality unacknowledged #1
         8 alarm.returned p1.calibrating returned_unacknowledged #1
         9 alarm.returned p1.high returned_unacknowledged #1 v=20
         9 alarm.returned p1.bad_quality returned_unacknowledged #1 v=20",
    );
}

#[test]
fn a_calibration_freezes_limits_and_is_not_silent() {
    check(
        &["p1 stale=5\n high 50 on=4 off=2\n stale\n calibrating"],
        "0 rev 1
         1 p1=60
         3 p1=0!c           # the on-delay runs on, as through bad quality
         5 tick
         8 p1=0!c
         12 p1=0!c
         14 p1=10
         15 p1=0!c          # the off-delay is broken
         20 tick
         20.5 p1=0!c
         26 tick",
        "3 alarm.raised p1.calibrating unacknowledged #1 v=0
         5 alarm.raised p1.high unacknowledged #1 held
         14 alarm.returned p1.calibrating returned_unacknowledged #1 v=10
         15 alarm.raised p1.calibrating unacknowledged #2 v=0
         20 alarm.raised p1.stale unacknowledged #1
         20.5 alarm.returned p1.stale returned_unacknowledged #1
         25.5 alarm.raised p1.stale unacknowledged #2",
    );
}

#[test]
fn a_trend_warns_before_the_limit() {
    check(
        &["p1 stale=300\n high 100\n time_to_limit 100 win=20 within=60"],
        "0 rev 1
         1 p1=50
         5 p1=52
         9 p1=54
         13 p1=56
         17 p1=58            # 0.5 a second: 84 s to go
         21 p1=62
         25 p1=66
         29 p1=70            # 1 a second: 30 s
         33 p1=74
         37 p1=74
         41 p1=74
         45 p1=74
         49 p1=74
         53 p1=74",
        "25 alarm.raised p1.time_to_limit unacknowledged #1 v=66 (reaches the limit in 53 s)
         49 alarm.returned p1.time_to_limit returned_unacknowledged #1 v=74",
    );
}

#[test]
fn what_stands_is_announced_anew() {
    check(
        &["p1\n high 10 realarm=60"],
        "0 rev 1
         1 p1=10
         20 ack a1 p1 high
         61 tick
         70 ack a2 p1 high
         100 p1=5
         200 tick",
        "1 alarm.raised p1.high unacknowledged #1 v=10
         20 command.accepted p1.high a1 acknowledged
         20 alarm.acknowledged p1.high acknowledged #1 (seen)
         61 alarm.raised p1.high unacknowledged #2 (it still stands)
         70 command.accepted p1.high a2 acknowledged
         70 alarm.acknowledged p1.high acknowledged #2 (seen)
         100 alarm.returned p1.high normal #2 v=5
         100 alarm.closed p1.high normal #2 v=5",
    );
}

#[test]
fn a_repeat_is_listed_and_not_annunciated() {
    check(
        &["p1\n high 10 repeat=5"],
        "0 rev 1
         1 p1=10
         2 p1=5
         7 p1=10             # five seconds after it returned
         8 p1=5
         13.000001 p1=10",
        "1 alarm.raised p1.high unacknowledged #1 v=10
         2 alarm.returned p1.high returned_unacknowledged #1 v=5
         7 alarm.raised p1.high unacknowledged #2 v=10 quiet
         8 alarm.returned p1.high returned_unacknowledged #2 v=5
         13.000001 alarm.raised p1.high unacknowledged #3 v=10",
    );
}

#[test]
fn the_first_of_a_group_is_marked_by_source_time() {
    check(
        &["p1\n high 10 group=trip\np2\n high 10 group=trip on=1\np3 gw=g2\n high 10 group=trip\np4\n high 10"],
        "0 rev 1
         5 p1=10@4 p4=10
         6 g2: p3=10@3.5     # comes later and was first
         7 p2=10@3
         8 p1=0 p2=0 p4=0 ; g2: p3=0
         9 p2=10
         11 p1=10",
        "4 alarm.raised p1.high unacknowledged #1 v=10 first
         5 alarm.raised p4.high unacknowledged #1 v=10
         3.5 alarm.raised p3.high unacknowledged #1 v=10 first
         4 alarm.raised p2.high unacknowledged #1 v=10
         8 alarm.returned p1.high returned_unacknowledged #1 v=0
         8 alarm.returned p2.high returned_unacknowledged #1 v=0
         8 alarm.returned p4.high returned_unacknowledged #1 v=0
         8 alarm.returned p3.high returned_unacknowledged #1 v=0
         10 alarm.raised p2.high unacknowledged #2 v=10 first
         11 alarm.raised p1.high unacknowledged #2 v=10",
    );
}
