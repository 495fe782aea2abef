//! Scenarios of single gateways and devices whose link is known: Sparkplug B and gRPC (traps 18, 27).

use crate::plant::{Player, check};

const PLANT: &str = "p1 source=sparkplug gw=g/n/d stale=5\n stale\n high 100\np2 source=sparkplug gw=g/n/d stale=5\n stale\n high 100\n\
                     p3 source=sparkplug gw=g/n stale=5\n stale\n low 10\n high 100 on=3 id=slow\np4\n high 1";

#[test]
fn a_node_that_dies_leaves_its_alarms_as_they_are() {
    check(
        &[PLANT],
        "0 rev 1
         0 up sparkplug/g/n
         1 g/n/d: p1=100 p2=200 ; g/n: p3=5
         2 g/n: p3=100@2        # slow would rise at 5
         3 down sparkplug/g/n
         3 down sparkplug/g/n   # down twice is down once
         1000 tick              # nothing goes stale, nothing falls due, nothing clears
         1001 up sparkplug/g/n
         1002 g/n: p3=5@1002",
        "1 alarm.raised p1.high unacknowledged #1 v=100
         1 alarm.raised p2.high unacknowledged #1 v=200
         1 alarm.raised p3.low unacknowledged #1 v=5
         2 alarm.returned p3.low returned_unacknowledged #1 v=100
         3 gateway.down g/n e1 since 3
         13 alarm.raised g/n.gateway_down unacknowledged #1 (its link is down)
         1001 gateway.up g/n e1 since 3
         1001 alarm.returned g/n.gateway_down returned_unacknowledged #1 (it is back)
         5 alarm.raised p3.slow unacknowledged #1 v=100 late
         1002 alarm.raised p3.low unacknowledged #2 v=5
         1002 alarm.returned p3.slow returned_unacknowledged #1 v=5",
    );
}

#[test]
fn three_active_alarms_stay_active_and_one_event_says_it() {
    check(
        &["p1 source=sparkplug gw=g/n\n high 1\np2 source=sparkplug gw=g/n\n high 1\np3 source=sparkplug gw=g/n/d\n high 1"],
        "0 rev 1
         0 up sparkplug/g/n
         1 g/n: p1=1 p2=1 ; g/n/d: p3=1
         5 down sparkplug/g/n 4
         5000 tick",
        "1 alarm.raised p1.high unacknowledged #1 v=1
         1 alarm.raised p2.high unacknowledged #1 v=1
         1 alarm.raised p3.high unacknowledged #1 v=1
         4 gateway.down g/n e1 since 4
         15 alarm.raised g/n.gateway_down unacknowledged #1 (its link is down)",
    );
}

#[test]
fn a_link_that_comes_back_says_nothing_of_gateways_that_are_heard_again() {
    check(
        &[PLANT],
        "0 rev 1
         0 up sparkplug/g/n
         1 g/n: p3=50 ; g/n/d: p1=0 p2=0
         3 down sparkplug 2
         10 up sparkplug        # the gateway is awaited: its clocks stand
         500 tick
         600 up sparkplug/g/n
         601 g/n: p3=50 ; g/n/d: p1=0 p2=0",
        "2 source.down sparkplug e1 since 2
         10 source.up sparkplug e1 since 2",
    );
}

#[test]
fn an_awaited_gateway_that_does_not_come_is_said_down_since_it_was_not_heard() {
    check(
        &[PLANT],
        "0 rev 1
         0 up sparkplug/g/n
         1 g/n: p3=50 ; g/n/d: p1=0 p2=0
         3 down sparkplug 2
         10 up sparkplug
         60 down sparkplug/g/n
         70 down sparkplug      # a gateway said down stays so
         80 up sparkplug
         90 up sparkplug/g/n lost
         96 tick",
        "2 source.down sparkplug e1 since 2
         10 source.up sparkplug e1 since 2
         60 gateway.down g/n e1 since 2
         70 alarm.raised g/n.gateway_down unacknowledged #1 (its link is down)
         70 source.down sparkplug e1 since 70
         80 alarm.raised e1.enterprise_down unacknowledged #1 (its connection is down)
         80 source.up sparkplug e1 since 70
         80 alarm.returned e1.enterprise_down returned_unacknowledged #1 (it is back)
         90 gateway.up g/n e1 since 2
         90 gap.possible g/n e1 2 to 90 [\"p1\", \"p2\", \"p3\"]
         90 alarm.returned g/n.gateway_down returned_unacknowledged #1 (it is back)
         94 alarm.raised e1.enterprise_down unacknowledged #2 (nothing comes from any of its gateways)",
    );
}

#[test]
fn a_device_is_down_by_itself() {
    check(
        &[PLANT],
        "0 rev 1
         0 up sparkplug/g/n
         1 g/n: p3=50 ; g/n/d: p1=0 p2=0
         2 down sparkplug/g/n/d
         5 g/n: p3=50
         8 g/n: p3=50
         9 down sparkplug/g/n
         10 up sparkplug/g/n    # its device is still down
         20 g/n: p3=50
         30 up sparkplug/g/n/d
         30 g/n: p3=50
         30 g/n/d: p1=0@25",
        "2 gateway.down g/n/d e1 since 2
         9 gateway.down g/n e1 since 9
         10 gateway.up g/n e1 since 9
         12 alarm.raised g/n/d.gateway_down unacknowledged #1 (its link is down)
         14 alarm.raised e1.enterprise_down unacknowledged #1 (nothing comes from any of its gateways)
         20 alarm.returned e1.enterprise_down returned_unacknowledged #1 (it is back)
         25 alarm.raised e1.enterprise_down unacknowledged #2 (nothing comes from any of its gateways)
         30 gateway.up g/n/d e1 since 2
         30 alarm.returned g/n/d.gateway_down returned_unacknowledged #1 (it is back)
         30 alarm.returned e1.enterprise_down returned_unacknowledged #2 (it is back)",
    );
}

#[test]
fn a_restart_is_no_storm() {
    let mut plant = String::new();
    let mut ups = String::new();
    for number in 1..=500 {
        plant.push_str(&format!("p{number} source=grpc gw=park/e1/g{number} stale=5\n stale\n high 1\n"));
        ups.push_str(&format!("20 up grpc/park/e1/g{number}\n"));
    }
    let mut player = Player::new(&[&plant]);
    player.play("0 rev 1");
    player.play(&ups.replace("20 ", "0 "));
    player.play("1 down * 1\n2 up mqtt\n2 up grpc\n10 tick\n");
    player.play(&ups);
    player.play("24 tick");
    assert_eq!(player.said, ["1 source.down grpc e1 since 1", "2 source.up grpc e1 since 1"]);
    player.play("25 tick");
    assert_eq!(player.said.len(), 502, "the clocks go on from where they stood");
}

#[test]
fn a_gateway_that_a_revision_brings_is_awaited_until_it_speaks() {
    check(
        &["p1\n high 1", "p1\n high 1\np2 source=sparkplug gw=g/n stale=5\n stale", "p1\n high 1"],
        "0 rev 1
         1 up sparkplug/g/n     # nobody here
         2 down sparkplug/g/n
         3 rev 2
         60 tick
         61 g/n: p2=1
         67 tick
         68 down sparkplug/g/n
         69 rev 3
         70 up sparkplug/g/n    # gone: nothing to say",
        "66 alarm.raised p2.stale unacknowledged #1
         68 gateway.down g/n e1 since 68
         68 alarm.closed p2.stale normal #1 (rule_removed)",
    );
}

#[test]
fn points_that_come_while_their_gateway_is_down_stand_still() {
    check(
        &[
            "p1 source=sparkplug gw=g/n\n high 1",
            "p1 source=sparkplug gw=g/n\n high 1\np2 source=sparkplug gw=g/n/d stale=5\n stale",
        ],
        "0 rev 1
         1 up sparkplug/g/n
         2 down sparkplug/g/n
         3 rev 2
         60 tick
         61 up sparkplug/g/n
         65 tick
         67 tick",
        "2 gateway.down g/n e1 since 2
         12 alarm.raised g/n.gateway_down unacknowledged #1 (its link is down)
         61 gateway.up g/n e1 since 2
         61 alarm.returned g/n.gateway_down returned_unacknowledged #1 (it is back)
         66 alarm.raised g/n.gateway_down unacknowledged #2 (nothing comes from it)",
    );
}

#[test]
fn samples_of_a_gateway_that_is_down_are_judged() {
    check(
        &[PLANT],
        "0 rev 1
         0 up sparkplug/g/n
         1 down sparkplug/g/n
         2 g/n: p3=5 p3=5@3!t
         3 g/n: p3=50@4!t       # transient ones too
         60 tick",
        "1 gateway.down g/n e1 since 1
         2 alarm.raised p3.low unacknowledged #1 v=5
         4 alarm.returned p3.low returned_unacknowledged #1 v=50
         11 alarm.raised g/n.gateway_down unacknowledged #1 (its link is down)",
    );
}

#[test]
fn losses_and_faults_name_whom_they_concern() {
    let many: String = (1..=103).map(|number| format!("p{number} source=sparkplug gw=g/n/d{}\n", number % 2)).collect();
    let mut player = Player::new(&[&format!("{many}p200 source=sparkplug gw=g/n2 of=e2\np201")]);
    player.play(
        "0 rev 1
         5 loss sparkplug/g/n/d1 1 4 7
         6 gap g/n2 3
         7 loss mqtt/rugang/e1/g1 1 2
         8 loss sparkplug/g/gone 1 2
         9 fault g/n sparkplug.bdseq_mismatch
         10 loss sparkplug 1 2",
    );
    let short = |line: &String| {
        let (head, tail) = line.split_once('[').unwrap_or((line, ""));
        let (points, more) = tail.split_once(']').unwrap_or(("", ""));
        format!("{head}{}{more}", points.split(", ").filter(|it| !it.is_empty()).count())
    };
    let said: Vec<String> = player.said.iter().map(short).collect();
    let wanted = [
        "5 gap.possible g/n/d1 e1 1 to 4 7 messages 52",
        "6 gap.possible g/n2 e2 6 to 6 3 messages 1",
        "7 gap.possible rugang/e1/g1 e1 1 to 2 1",
        "8 gap.possible g/gone - 1 to 2 0",
        "9 gateway.fault g/n e1 sparkplug.bdseq_mismatch0",
        "10 gap.possible sparkplug e1 1 to 2 100 +3",
        "10 gap.possible sparkplug e2 1 to 2 1",
    ];
    assert_eq!(said, wanted);
}

#[test]
fn what_the_first_version_judged_comes_out_as_it_did() {
    check(
        &["p1 source=sparkplug gw=g/n stale=5\n stale"],
        "0 core 1
         0 rev 1
         6 tick
         7 down *
         8 up sparkplug lost    # brought its gateways up too
         9 g/n: p1=1
         15 tick",
        "0 core.version 1
         5 alarm.raised p1.stale unacknowledged #1
         7 source.down sparkplug e1 since 7
         8 source.up sparkplug e1 since 7
         8 gap.possible sparkplug e1 7 to 8 []
         9 alarm.returned p1.stale returned_unacknowledged #1
         14 alarm.raised p1.stale unacknowledged #2",
    );
}
