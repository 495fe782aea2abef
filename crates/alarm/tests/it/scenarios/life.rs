//! Scenarios of commands, latches and other records.

use crate::plant::check;

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
fn a_second_acknowledgement_of_what_has_ended_is_stale() {
    check(
        &["p1\n high 100"],
        "0 rev 1
         1 p1=100
         2 p1=0
         3 ack r1 p1 high act=1 occ=1.0
         4 ack r2 p1 high act=1 occ=1.0
         5 ack r3 p1 high",
        "1 alarm.raised p1.high unacknowledged #1 v=100
         2 alarm.returned p1.high returned_unacknowledged #1 v=0
         3 command.accepted p1.high r1 normal
         3 alarm.acknowledged p1.high normal #1 (seen)
         3 alarm.closed p1.high normal #1 (seen)
         4 command.refused p1.high r2 normal stale_activation: that occurrence has ended
         5 command.refused p1.high r3 normal not_found: nothing is open",
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
         7 gap.possible rugang/e1/g1 e1 4 to 7 3 messages [\"p1\"]
         8 gap.possible rugang/e2/g7 e2 8 to 8 4 messages []",
    );
}
