//! Scenarios of outages and silence around them (traps 18, 27).

use crate::plant::check;

#[test]
fn while_a_source_is_down_its_clocks_stand_still() {
    check(
        &["p1 stale=5\n stale\n high 100 on=10\np2 source=sparkplug gw=g2 stale=5\n stale"],
        "0 rev 1
         0 up sparkplug/rugang/e1
         1 p1=100 ; g2: p2=1
         3 down mqtt 2
         3 down mqtt 2          # down twice is down once
         100 up mqtt lost       # p1 stands 1 s after its sample
         103.9 tick
         104.5 tick
         109.5 tick",
        "2 source.down mqtt e1 since 2
         6 alarm.raised p2.stale unacknowledged #1
         13 alarm.raised e1.enterprise_down unacknowledged #1 (its connection is down)
         100 source.up mqtt e1 since 2
         100 gap.possible mqtt e1 2 to 100 [\"p1\"]
         100 alarm.returned e1.enterprise_down returned_unacknowledged #1 (it is back)
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
         13 alarm.raised e1.enterprise_down unacknowledged #1 (its connection is down)
         6 alarm.returned p1.low returned_unacknowledged #1 v=50 late
         1003 source.up mqtt e1 since 2
         1003 alarm.returned e1.enterprise_down returned_unacknowledged #1 (it is back)
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
         12 alarm.raised e1.enterprise_down unacknowledged #1 (its connection is down)
         60 source.up mqtt e1 since 2
         60 alarm.returned e1.enterprise_down returned_unacknowledged #1 (it is back)
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
         8 gap.possible sparkplug e2 4 to 8 [\"p3\"]",
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
fn a_backlog_while_the_source_is_down_makes_nothing_stale() {
    check(
        &["p1 stale=5\n stale\n high 100"],
        "0 rev 1
         1 p1=0
         2 down mqtt
         100 p1=0@20
         100 p1=100@40
         101 up mqtt
         102 p1=0@60            # the step over the outage
         102 p1=0@70",
        "2 source.down mqtt e1 since 2
         12 alarm.raised e1.enterprise_down unacknowledged #1 (its connection is down)
         40 alarm.raised p1.high unacknowledged #1 v=100
         101 source.up mqtt e1 since 2
         101 alarm.returned e1.enterprise_down returned_unacknowledged #1 (it is back)
         60 alarm.returned p1.high returned_unacknowledged #1 v=0
         65 alarm.raised p1.stale unacknowledged #1
         70 alarm.returned p1.stale returned_unacknowledged #1",
    );
}

#[test]
fn a_point_that_comes_while_its_source_is_down_stands_still() {
    check(
        &["p1 source=sparkplug\n high 1", "p1 source=sparkplug\n high 1\np2 stale=5\n stale"],
        "0 rev 1
         1 down *
         2 rev 2
         20 up mqtt
         24.9 tick
         26 tick",
        "1 source.down sparkplug e1 since 1
         2 source.down mqtt e1 since 1
         11 alarm.raised e1.enterprise_down unacknowledged #1 (its connection is down)
         20 source.up mqtt e1 since 1
         25 alarm.raised rugang/e1.gateway_down unacknowledged #1 (nothing comes from it)",
    );
}

#[test]
fn silence_that_was_stays_silence_under_a_new_revision() {
    check(
        &[
            "p1 stale=5\n high 100 off=10\n stale",
            "p1 stale=60\n high 100 off=10\n stale",
            "p1 stale=60\n high 100 off=10\n stale on=1",
        ],
        "0 rev 1
         1 p1=100
         2 p1=0
         9 rev 2                # stale returns, for 60 s are not over; what silence broke stays broken
         20 p1=0
         29 p1=0
         31 tick
         90 tick
         91 rev 3               # still silent: stays raised
         92 tick",
        "1 alarm.raised p1.high unacknowledged #1 v=100
         7 alarm.raised p1.stale unacknowledged #1
         9 alarm.returned p1.stale returned_unacknowledged #1
         30 alarm.returned p1.high returned_unacknowledged #1 v=0
         89 alarm.raised p1.stale unacknowledged #2",
    );
}
