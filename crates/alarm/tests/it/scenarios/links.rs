//! Scenarios of gateways that fall silent: one alarm, not one for every point (traps 18, 27).

use crate::plant::check;

#[test]
fn a_dead_gateway_is_one_alarm() {
    check(
        &["p1 stale=10\n stale\np2 stale=10\n stale\np3 stale=20\n stale prio=high\np4 stale=60\n stale"],
        "0 rev 1
         1 p1=1 p2=1 p3=1 p4=1
         100 tick
         101 p1=1 p2=1 p3=1
         110 p1=1 p2=1 p3=1
         120 p1=1 p2=1 p3=1
         155 p1=1 p2=1 p3=1
         160 tick
         161.5 tick           # p4 never came back: one patience after its gateway did",
        "11 alarm.raised rugang/e1/g1.gateway_down unacknowledged #1 (nothing comes from it)
         101 alarm.returned rugang/e1/g1.gateway_down returned_unacknowledged #1 (it is back)
         130 alarm.raised rugang/e1/g1.gateway_down unacknowledged #2 (nothing comes from it)
         155 alarm.returned rugang/e1/g1.gateway_down returned_unacknowledged #2 (it is back)
         161 alarm.raised p4.stale unacknowledged #1",
    );
}

#[test]
fn a_point_that_is_silent_alone_is_its_own_alarm() {
    check(
        &["p1 stale=10\n stale\np2 stale=10\n stale"],
        "0 rev 1
         1 p1=1 p2=1
         8 p1=1
         15 p1=1
         16 p2=1",
        "11 alarm.raised p2.stale unacknowledged #1
         16 alarm.returned p2.stale returned_unacknowledged #1",
    );
}

#[test]
fn gateways_that_die_together_are_one_alarm_of_their_enterprise() {
    check(
        &["p1 stale=10\n stale\np2 stale=10\n stale\np3 stale=10 gw=g2\n stale\np4 stale=10 gw=g2\n stale"],
        "0 rev 1
         1 p1=1 p2=1
         2 g2: p3=1 p4=1
         40 tick
         41 p1=1 p2=1          # one is back, the other is told by itself
         42 ack a1 e1 enterprise_down
         45 g2: p3=1 p4=1
         46 ack a2 rugang/e1/g2 gateway_down",
        "11 alarm.raised e1.enterprise_down unacknowledged #1 (nothing comes from any of its gateways)
         41 alarm.returned e1.enterprise_down returned_unacknowledged #1 (it is back)
         41 alarm.raised rugang/e1/g2.gateway_down unacknowledged #1 (nothing comes from it)
         42 command.accepted e1.enterprise_down a1 normal
         42 alarm.acknowledged e1.enterprise_down normal #1 (seen)
         42 alarm.closed e1.enterprise_down normal #1 (seen)
         45 alarm.returned rugang/e1/g2.gateway_down returned_unacknowledged #1 (it is back)
         46 command.accepted rugang/e1/g2.gateway_down a2 normal
         46 alarm.acknowledged rugang/e1/g2.gateway_down normal #1 (seen)
         46 alarm.closed rugang/e1/g2.gateway_down normal #1 (seen)",
    );
}

#[test]
fn a_start_of_davy_is_no_alarm_and_an_outage_is_one() {
    check(
        &["p1 stale=10\n stale\np2 stale=10\n stale"],
        "0 rev 1
         1 p1=1 p2=1
         5 down * 2
         6 up *
         7 p1=1 p2=1
         8 down mqtt
         18 tick
         30 up mqtt",
        "2 source.down mqtt e1 since 2
         6 source.up mqtt e1 since 2
         8 source.down mqtt e1 since 8
         18 alarm.raised e1.enterprise_down unacknowledged #1 (its connection is down)
         30 source.up mqtt e1 since 8
         30 alarm.returned e1.enterprise_down returned_unacknowledged #1 (it is back)",
    );
}

#[test]
fn a_node_and_its_devices_are_one_alarm() {
    check(
        &["p1 source=sparkplug gw=g/n/d1 stale=10\n stale\np2 source=sparkplug gw=g/n/d2 stale=10\n stale"],
        "0 rev 1
         1 up sparkplug/g/n
         2 g/n/d1: p1=1 ; g/n/d2: p2=1
         3 down sparkplug/g/n
         20 up sparkplug/g/n
         21 g/n/d1: p1=1 ; g/n/d2: p2=1",
        "3 gateway.down g/n e1 since 3
         13 alarm.raised g/n.gateway_down unacknowledged #1 (its link is down)
         20 gateway.up g/n e1 since 3
         20 alarm.returned g/n.gateway_down returned_unacknowledged #1 (it is back)",
    );
}
