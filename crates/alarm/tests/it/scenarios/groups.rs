//! Scenarios of rules over several points (traps 38, 39).

use crate::plant::check;

const VOTE: &str =
    "p1 stale=20\n vote 10 of=p1,p2,p3 m=2 miss=MISS db=2\n rule_fault of=vote id=vote.fault\np2 stale=20\np3 stale=20 gw=g2";

fn vote(missing: &str, timeline: &str, want: &str) {
    check(&[&VOTE.replace("MISS", missing)], timeline, want);
}

#[test]
fn two_of_three_raise_and_return_at_the_newest_member_s_time() {
    vote(
        "vote",
        "0 rev 1
         1 p1=0 p2=0 ; g2: p3=0
         2 p1=10
         3 g2: p3=11@2.5        # the second vote
         4 p1=9                 # inside the deadband: still holds
         5 g2: p3=8.001
         6 p1=7.9",
        "2.5 alarm.raised p1.vote unacknowledged #1 v=2
         6 alarm.returned p1.vote returned_unacknowledged #1 v=0",
    );
}

#[test]
fn a_missing_member_votes_where_that_is_safe() {
    vote(
        "vote",
        "0 rev 1
         1 p1=0 p2=0            # p3 may still come: no alarm by a start
         2 g2: p3=0
         3 p1=bad
         4 p2=10
         5 p1=0
         6 p2=0
         30 tick                # all silent: their votes count, nothing clears",
        "3 alarm.raised p1.vote.fault unacknowledged #1 (p1 is bad)
         4 alarm.raised p1.vote unacknowledged #1 v=2
         5 alarm.returned p1.vote returned_unacknowledged #1 v=1
         5 alarm.returned p1.vote.fault returned_unacknowledged #1
         22.000001 alarm.raised p1.vote.fault unacknowledged #2 (p3 is silent)
         25.000001 alarm.raised p1.vote unacknowledged #2 v=2
         26.000001 alarm.raised e1.enterprise_down unacknowledged #1 (nothing comes from any of its gateways)",
    );
}

#[test]
fn a_missing_member_may_not_vote_and_clears_nothing() {
    vote(
        "no_vote",
        "0 rev 1
         1 p1=10 p2=10 ; g2: p3=0
         2 p1=bad
         3 p2=0                 # two are known to be clear, so no two can vote
         4 p1=10
         5 p2=10
         6 p2=bad p1=bad
         7 g2: p3=0             # one is clear, two are not known: it stays",
        "1 alarm.raised p1.vote unacknowledged #1 v=2
         2 alarm.raised p1.vote.fault unacknowledged #1 (p1 is bad)
         3 alarm.returned p1.vote returned_unacknowledged #1 v=0
         4 alarm.returned p1.vote.fault returned_unacknowledged #1
         5 alarm.raised p1.vote unacknowledged #2 v=2
         6 alarm.raised p1.vote.fault unacknowledged #2 (p1 is bad, p2 is bad)",
    );
}

#[test]
fn a_missing_member_may_degrade_the_vote() {
    vote(
        "degrade",
        "0 rev 1
         1 p1=10 p2=bad ; g2: p3=bad
         2 p1=0
         3 p2=0
         4 g2: p3=0",
        "1 alarm.raised p1.vote.fault unacknowledged #1 (p2 is bad)
         1 alarm.raised p1.vote unacknowledged #1 v=1
         3 alarm.returned p1.vote returned_unacknowledged #1 v=0
         4 alarm.returned p1.vote.fault returned_unacknowledged #1",
    );
}

#[test]
fn a_deviation_from_another_point_falls_back_or_freezes() {
    check(
        &[
            "p1\n deviation 5 from=p2 fb=50\n rule_fault of=deviation id=d.fault\n deviation 5 id=hard from=p2\n rule_fault of=hard id=h.fault\np2 stale=10",
        ],
        "0 rev 1
         1 p1=100
         2 p2=100
         3 p1=106
         4 p2=bad
         5 p1=52
         6 p2=52
         20 tick",
        "1 alarm.raised p1.deviation unacknowledged #1 v=50
         2 alarm.returned p1.deviation returned_unacknowledged #1 v=0
         3 alarm.raised p1.deviation unacknowledged #2 v=6
         3 alarm.raised p1.hard unacknowledged #1 v=6
         4 alarm.raised p1.d.fault unacknowledged #1 (p2 is bad)
         4 alarm.raised p1.h.fault unacknowledged #1 (p2 is bad)
         5 alarm.returned p1.deviation returned_unacknowledged #2 v=2
         6 alarm.returned p1.d.fault returned_unacknowledged #1
         6 alarm.returned p1.hard returned_unacknowledged #1 v=0
         6 alarm.returned p1.h.fault returned_unacknowledged #1
         16.000001 alarm.raised rugang/e1/g1.gateway_down unacknowledged #1 (nothing comes from it)",
    );
}

#[test]
fn an_expression_over_two_gateways_is_judged_once_a_message() {
    check(
        &["p1\n expression when=a>10.0&&b<3.0 a=p1 b=p2 on=2\n rule_fault of=expression id=e.fault\np2 gw=g2\n high 9"],
        "0 rev 1
         1 p1=11
         2 g2: p2=5
         3 g2: p2=2
         4 g2: p2=1 p1=12
         5 tick
         6 p1=bad
         7 p1=5",
        "5 alarm.raised p1.expression unacknowledged #1
         6 alarm.raised p1.e.fault unacknowledged #1 (p1 is bad)
         7 alarm.returned p1.expression returned_unacknowledged #1
         7 alarm.returned p1.e.fault returned_unacknowledged #1",
    );
}

#[test]
fn an_expression_that_fails_is_an_alarm_and_stops_nothing() {
    check(
        &["p1\n high 100\n expression when=a/b>2.0 a=p1 b=p2\n rule_fault of=expression id=e.fault\np2"],
        "0 rev 1
         1 p1=6 p2=2
         2 p2=0               # a division by zero
         3 p1=100
         4 p2=100",
        "1 alarm.raised p1.expression unacknowledged #1
         2 alarm.raised p1.e.fault unacknowledged #1 (`/` at 1:2 gives infinity)
         3 alarm.raised p1.high unacknowledged #1 v=100
         4 alarm.returned p1.expression returned_unacknowledged #1
         4 alarm.returned p1.e.fault returned_unacknowledged #1",
    );
}

#[test]
fn a_group_judges_anew_when_its_rule_changes() {
    check(
        &[
            "p1\n expression when=a>10.0 a=p1",
            "p1\n expression when=a>5.0 a=p1",
            "p1\n expression when=a>5.0 a=p1 on=3",
            "p1\n high 5",
        ],
        "0 rev 1
         1 p1=7
         2 rev 2
         3 rev 3
         4 p1=0
         5 p1=7
         6 rev 4
         9 tick",
        "2 alarm.raised p1.expression unacknowledged #1
         4 alarm.returned p1.expression returned_unacknowledged #1
         6 alarm.closed p1.expression normal #1 (rule_removed)
         6 alarm.raised p1.high unacknowledged #1 v=7",
    );
}

#[test]
fn a_member_that_never_comes_is_missing_once_it_is_silent() {
    vote(
        "vote",
        "0 rev 1
         1 p1=10 p2=0
         15 p1=10 p2=0
         21 tick
         22 g2: p3=0",
        "20.000001 alarm.raised p1.vote unacknowledged #1 v=2
         20.000001 alarm.raised p1.vote.fault unacknowledged #1 (p3 never sent anything)
         22 alarm.returned p1.vote returned_unacknowledged #1 v=1
         22 alarm.returned p1.vote.fault returned_unacknowledged #1",
    );
}

#[test]
fn a_dead_gateway_is_no_fault_of_each_rule_that_looks_at_it() {
    check(
        &[
            "p1 stale=10\n expression when=a>b a=p1 b=p2\n rule_fault of=expression id=e.fault\n vote 5 of=p1,p2 m=2 miss=no_vote\n \
           rule_fault of=vote id=v.fault\np2 stale=10",
        ],
        "0 rev 1
         1 p1=1 p2=2
         20 tick              # one alarm
         21 p1=1              # its gateway is back, p2 is not
         22 p2=2
         23 p1=1",
        "11.000001 alarm.raised rugang/e1/g1.gateway_down unacknowledged #1 (nothing comes from it)
         21 alarm.returned rugang/e1/g1.gateway_down returned_unacknowledged #1 (it is back)
         21 alarm.raised p1.e.fault unacknowledged #1 (p2 is silent)
         21 alarm.raised p1.v.fault unacknowledged #1 (p2 is silent)
         22 alarm.returned p1.e.fault returned_unacknowledged #1
         22 alarm.returned p1.v.fault returned_unacknowledged #1",
    );
}
