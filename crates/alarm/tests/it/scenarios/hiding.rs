//! Scenarios of shelves, suppressions and times out of service (traps 42, 43, 46).

use crate::plant::check;

#[test]
fn a_shelf_hides_and_its_end_annunciates_anew() {
    check(
        &["p1\n high 100 shelve=3600"],
        "0 rev 1
         1 p1=100
         2 ack a1 p1 high
         3 shelve s1 p1 high until=10
         4 p1=0
         5 p1=100
         6 ack a2 p1 high
         9.9 tick
         12 tick",
        "1 alarm.raised p1.high unacknowledged #1 v=100
         2 command.accepted p1.high a1 acknowledged
         2 alarm.acknowledged p1.high acknowledged #1 (seen)
         3 command.accepted p1.high s1 shelved
         3 alarm.shelved p1.high shelved #1 until 10 (seen)
         4 alarm.returned p1.high shelved #1 v=0
         4 alarm.closed p1.high shelved #1 v=0
         5 alarm.raised p1.high shelved #1 v=100 quiet
         6 command.refused p1.high a2 shelved wrong_state: the alarm is hidden
         10 alarm.unshelved p1.high unacknowledged #1 (its time is over)
         10 alarm.raised p1.high unacknowledged #2 (its time is over)",
    );
}

#[test]
fn a_shelf_has_bounds() {
    check(
        &["p1\n high 100 shelve=60\n low 10 shelve=0"],
        "0 rev 1
         1 p1=50
         2 shelve s1 p1 high
         3 shelve s2 p1 high until=3
         4 shelve s3 p1 high until=64.000001
         5 shelve s4 p1 high until=65
         6 shelve s5 p1 high until=66
         7 shelve s6 p1 low until=8
         8 unshelve u1 p1 low
         9 unshelve u2 p1 high
         10 unshelve u3 p1 high
         100 tick",
        "2 command.refused p1.high s1 normal not_allowed: a shelf needs an end, at most 60s ahead
         3 command.refused p1.high s2 normal not_allowed: the time it should end has passed by 0s
         4 command.refused p1.high s3 normal not_allowed: this alarm may be shelved for 60s at most
         5 command.accepted p1.high s4 shelved
         5 alarm.shelved p1.high shelved #0 until 65 (seen)
         6 command.accepted p1.high s5 shelved
         6 alarm.shelved p1.high shelved #0 until 66 (seen)
         7 command.refused p1.low s6 normal not_allowed: this alarm may not be shelved
         8 command.refused p1.low u1 normal wrong_state: the alarm is not shelved
         9 command.accepted p1.high u2 normal
         9 alarm.unshelved p1.high normal #0 (seen)
         10 command.refused p1.high u3 normal wrong_state: the alarm is not shelved",
    );
}

#[test]
fn nobody_s_acknowledgement_is_invented() {
    check(
        &["p1\n high 100 shelve=3600"],
        "0 rev 1
         1 p1=100
         2 p1=0
         3 shelve s1 p1 high until=100
         4 unshelve u1 p1 high
         5 ack a1 p1 high
         6 shelve s2 p1 high until=100
         7 p1=100
         8 p1=0
         9 unshelve u2 p1 high",
        "1 alarm.raised p1.high unacknowledged #1 v=100
         2 alarm.returned p1.high returned_unacknowledged #1 v=0
         3 command.accepted p1.high s1 shelved
         3 alarm.shelved p1.high shelved #1 until 100 (seen)
         4 command.accepted p1.high u1 returned_unacknowledged
         4 alarm.unshelved p1.high returned_unacknowledged #1 (seen)
         5 command.accepted p1.high a1 normal
         5 alarm.acknowledged p1.high normal #1 (seen)
         5 alarm.closed p1.high normal #1 (seen)
         6 command.accepted p1.high s2 shelved
         6 alarm.shelved p1.high shelved #0 until 100 (seen)
         7 alarm.raised p1.high shelved #1 v=100 quiet
         8 alarm.returned p1.high shelved #1 v=0
         8 alarm.closed p1.high shelved #1 v=0
         9 command.accepted p1.high u2 normal
         9 alarm.unshelved p1.high normal #0 (seen)",
    );
}

#[test]
fn a_latched_alarm_that_came_and_went_unseen_is_unacknowledged() {
    check(
        &["p1\n high 100 latch shelve=3600"],
        "0 rev 1
         1 oos o1 p1 high
         2 p1=100
         3 p1=0
         4 rts r1 p1 high
         5 ack a1 p1 high
         6 reset x1 p1 high",
        "1 command.accepted p1.high o1 out_of_service
         1 alarm.out_of_service p1.high out_of_service #0 (seen)
         2 alarm.raised p1.high out_of_service #1 v=100 quiet
         3 alarm.returned p1.high out_of_service #1 v=0
         4 command.accepted p1.high r1 latched_unacknowledged
         4 alarm.in_service p1.high latched_unacknowledged #1 (seen)
         5 command.accepted p1.high a1 latched_acknowledged
         5 alarm.acknowledged p1.high latched_acknowledged #1 (seen)
         6 command.accepted p1.high x1 normal
         6 alarm.reset p1.high normal #1 (seen)
         6 alarm.closed p1.high normal #1 (seen)",
    );
}

#[test]
fn what_hides_has_a_precedence() {
    check(
        &["p1\n high 100 shelve=3600"],
        "0 rev 1
         1 shelve s1 p1 high until=50
         2 suppress h1 p1 high until=40
         3 shelve s2 p1 high until=60
         4 oos o1 p1 high until=30
         5 suppress h2 p1 high
         6 p1=100
         30 tick
         40 tick
         50 tick",
        "1 command.accepted p1.high s1 shelved
         1 alarm.shelved p1.high shelved #0 until 50 (seen)
         2 command.accepted p1.high h1 suppressed
         2 alarm.suppressed p1.high suppressed #0 until 40 (seen)
         3 command.refused p1.high s2 suppressed wrong_state: the alarm is suppressed
         4 command.accepted p1.high o1 out_of_service
         4 alarm.out_of_service p1.high out_of_service #0 until 30 (seen)
         5 command.accepted p1.high h2 out_of_service
         6 alarm.raised p1.high out_of_service #1 v=100 quiet
         30 alarm.in_service p1.high suppressed #1 (its time is over)
         40 alarm.unsuppressed p1.high shelved #1 (its time is over)
         50 alarm.unshelved p1.high unacknowledged #1 (its time is over)
         50 alarm.raised p1.high unacknowledged #2 (its time is over)",
    );
}

#[test]
fn alarms_are_suppressed_by_design_while_it_is_known_to_hold() {
    check(
        &["p1\n low 10\n high 100\np2 stale=20\n state in=1 id=tripped\nsuppress shutdown when=u==0.0 u=p2 alarms=p1/low"],
        "0 rev 1
         1 p1=50 p2=1
         2 p2=0
         3 p1=5
         4 unsuppress h1 p1 low
         5 p2=1
         6 p2=0
         7 p1=150
         8 p2=bad             # not known: shown
         9 p2=0
         10 p1=50
         30 tick              # p2 fell silent: shown",
        "1 alarm.raised p2.tripped unacknowledged #1 v=1
         2 alarm.returned p2.tripped returned_unacknowledged #1 v=0
         2 alarm.suppressed p1.low suppressed #0 (by design: shutdown)
         3 alarm.raised p1.low suppressed #1 v=5 quiet
         4 command.refused p1.low h1 suppressed wrong_state: it is suppressed by design, while its condition holds
         5 alarm.raised p2.tripped unacknowledged #2 v=1
         5 alarm.unsuppressed p1.low unacknowledged #1 (its condition no longer holds)
         5 alarm.raised p1.low unacknowledged #2 (its condition no longer holds)
         6 alarm.returned p2.tripped returned_unacknowledged #2 v=0
         6 alarm.suppressed p1.low suppressed #2 (by design: shutdown)
         7 alarm.returned p1.low suppressed #2 v=150
         7 alarm.raised p1.high unacknowledged #1 v=150
         8 alarm.unsuppressed p1.low returned_unacknowledged #2 (its condition no longer holds)
         9 alarm.suppressed p1.low suppressed #2 (by design: shutdown)
         10 alarm.returned p1.high returned_unacknowledged #1 v=50
         29.000001 alarm.unsuppressed p1.low returned_unacknowledged #2 (its condition no longer holds)",
    );
}

#[test]
fn a_revision_that_drops_a_suppression_shows_what_it_hid() {
    check(
        &[
            "p1\n low 10\np2\n high 9\nsuppress shutdown when=u==0.0 u=p2 alarms=p1",
            "p1\n low 10\np2\n high 9",
            "p1\n low 10\np2\n high 9\nsuppress other when=u<1.0 u=p2 alarms=p1",
        ],
        "0 rev 1
         1 p2=0
         2 p1=5
         3 rev 2
         4 rev 3
         5 p2=1",
        "1 alarm.suppressed p1.low suppressed #0 (by design: shutdown)
         2 alarm.raised p1.low suppressed #1 v=5 quiet
         3 alarm.unsuppressed p1.low unacknowledged #1 (its condition no longer holds)
         3 alarm.raised p1.low unacknowledged #2 (its condition no longer holds)
         4 alarm.suppressed p1.low suppressed #2 (by design: other)
         5 alarm.unsuppressed p1.low unacknowledged #2 (its condition no longer holds)
         5 alarm.raised p1.low unacknowledged #3 (its condition no longer holds)",
    );
}

#[test]
fn the_horn_is_silenced_apart_from_the_acknowledgement() {
    check(
        &["p1\n high 100"],
        "0 rev 1
         1 silence x1 p1 high
         2 p1=100
         3 silence x2 p1 high act=1
         4 ack a1 p1 high
         5 silence x3 p1 high
         6 p1=0
         7 silence x4 p1 high act=1 occ=1.0",
        "1 command.refused p1.high x1 normal not_found: nothing is open
         2 alarm.raised p1.high unacknowledged #1 v=100
         3 command.accepted p1.high x2 unacknowledged
         3 alarm.silenced p1.high unacknowledged #1 (seen)
         4 command.accepted p1.high a1 acknowledged
         4 alarm.acknowledged p1.high acknowledged #1 (seen)
         5 command.refused p1.high x3 acknowledged wrong_state: acknowledged alarms are silent
         6 alarm.returned p1.high normal #1 v=0
         6 alarm.closed p1.high normal #1 v=0
         7 command.refused p1.high x4 normal stale_activation: that occurrence has ended",
    );
}

#[test]
fn a_rule_that_is_gone_takes_its_shelf_with_it() {
    check(
        &["p1\n high 100 shelve=600\n low 10", "p1\n low 10", "p1\n high 100 shelve=600\n low 10"],
        "0 rev 1
         1 shelve s1 p1 high until=100
         2 rev 2
         3 rev 3
         4 p1=100
         5 shelve s2 p1 high until=200
         100 tick
         250 tick",
        "1 command.accepted p1.high s1 shelved
         1 alarm.shelved p1.high shelved #0 until 100 (seen)
         2 alarm.closed p1.high normal #0 (rule_removed)
         4 alarm.raised p1.high unacknowledged #1 v=100
         5 command.accepted p1.high s2 shelved
         5 alarm.shelved p1.high shelved #1 until 200 (seen)
         200 alarm.unshelved p1.high unacknowledged #1 (its time is over)
         200 alarm.raised p1.high unacknowledged #2 (its time is over)",
    );
}
