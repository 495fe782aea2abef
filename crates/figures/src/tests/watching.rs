//! Nuisances and floods of the present, by the boundary tests of the standard.

use std::sync::Arc;

use model::{AlarmState, Event, EventBody, NuisanceKind, Priority, Scope, Span, Time, Transition};

use super::{Alarm, Log, at};
use crate::{FloodConfig, RestoreError, SNAPSHOT_VERSION, Watch};

const HIGH: Alarm = Alarm::on("PI-1");
const DAY: i64 = 86_400;

fn watch(log: &Log) -> Watch {
    let mut watch = Watch::new(FloodConfig::default());
    log.events.iter().for_each(|event| watch.apply(event));
    watch
}

/// What is due at a second, as kind and occurred-at second.
fn due(log: &Log, seconds: i64) -> Vec<(&'static str, i64)> {
    watch(log).due(at(seconds)).iter().map(said).collect()
}

fn said(event: &Event) -> (&'static str, i64) {
    (event.body.kind(), (event.occurred_at - at(0)).micros() / 1_000_000)
}

/// Appends what is due, as the runner does.
fn say(log: &mut Log, seconds: i64) -> Vec<(&'static str, i64)> {
    let events = watch(log).due(at(seconds));
    let said = events.iter().map(said).collect();
    events.into_iter().for_each(|event| log.put(at(seconds), event));
    said
}

fn pulses(seconds: &[i64]) -> Log {
    let mut log = Log::default();
    seconds.iter().for_each(|second| log.pulse(*second, 20, HIGH));
    log
}

#[test]
fn three_activations_in_a_minute_chatter() {
    assert_eq!(due(&pulses(&[0, 30, 60]), 80), [("nuisance.chattering", 60)]);
    assert_eq!(due(&pulses(&[0, 30, 61]), 81), []);
}

#[test]
fn what_another_davy_watches_is_not_watched_again() {
    let mut log = pulses(&[0, 30, 60]).of_another();
    assert_eq!(due(&log, DAY), []);
    [100, 130, 160].into_iter().for_each(|second| log.pulse(second, 20, HIGH));
    assert_eq!(due(&log, 180), [("nuisance.chattering", 160)], "an own point of the same name");
    let figures = |log: &Log| {
        let mut table = crate::Table::new(at(0), at(DAY));
        log.events.iter().for_each(|event| table.take(event));
        table.finish().total.alarms
    };
    assert_eq!((figures(&log), figures(&log.of_another())), (3, 0));
}

#[test]
fn a_chatter_is_said_once_an_episode() {
    let mut log = pulses(&[0, 30, 60]);
    assert_eq!(say(&mut log, 80), [("nuisance.chattering", 60)]);
    assert_eq!(say(&mut log, 80), []);
    [90, 120, 150].into_iter().for_each(|second| log.pulse(second, 20, HIGH));
    assert_eq!(say(&mut log, 170), [], "it goes on");
    [300, 330, 360].into_iter().for_each(|second| log.pulse(second, 20, HIGH));
    assert_eq!(say(&mut log, 380), [("nuisance.chattering", 360)]);
    assert_eq!(say(&mut log, 380), []);
}

#[test]
fn a_shelf_is_proposed_unless_it_is_gas() {
    let nuisance = |log: &Log| match watch(log).due(at(100)).remove(0).body {
        EventBody::Nuisance(nuisance) => nuisance,
        body => panic!("{body:?}"),
    };
    let pressure = nuisance(&pulses(&[0, 30, 60]));
    assert_eq!((pressure.kind, pressure.activations, pressure.span), (NuisanceKind::Chattering, 3, Span::from_secs(60)));
    assert_eq!(pressure.propose_shelve, Some(Span::from_secs(3_600)));
    assert!(pressure.advice.contains("davy backtest --suggest"), "{}", pressure.advice);
    let mut log = Log::default();
    [0, 30, 60].into_iter().for_each(|second| log.pulse(second, 20, HIGH.gas()));
    let gas = nuisance(&log);
    assert_eq!(gas.propose_shelve, None);
    assert!(gas.advice.contains("a gas alarm is not shelved"), "{}", gas.advice);
}

#[test]
fn old_news_is_none() {
    let log = pulses(&[0, 30, 60]);
    assert_eq!(due(&log, 3_660), [("nuisance.chattering", 60)]);
    assert_eq!(due(&log, 3_661), []);
}

#[test]
fn the_third_fleeting_within_an_hour_is_said_once_an_hour() {
    let mut log = Log::default();
    [0, 1_000].into_iter().for_each(|second| log.pulse(second, 9, HIGH));
    log.pulse(1_500, 10, HIGH);
    assert_eq!(say(&mut log, 2_000), [], "10 s are not fleeting");
    log.pulse(3_600, 9, HIGH);
    assert_eq!(say(&mut log, 3_700), [("nuisance.fleeting", 3_609)]);
    [4_000, 5_000, 6_000, 7_000].into_iter().for_each(|second| log.pulse(second, 1, HIGH));
    assert_eq!(say(&mut log, 7_100), [], "said within the hour");
    log.pulse(7_300, 1, HIGH);
    assert_eq!(say(&mut log, 7_400), [("nuisance.fleeting", 7_301)]);
    let mut sparse = Log::default();
    [0, 1_800, 3_601].into_iter().for_each(|second| sparse.pulse(second, 1, HIGH));
    assert_eq!(due(&sparse, 3_700), [], "not within an hour");
}

#[test]
fn chatter_is_not_said_to_be_fleeting() {
    let mut log = Log::default();
    [0, 20, 40, 60, 80].into_iter().for_each(|second| log.pulse(second, 1, HIGH));
    assert_eq!(due(&log, 100), [("nuisance.chattering", 40)]);
}

#[test]
fn what_stands_for_more_than_a_day_is_said_once_an_activation() {
    let mut log = Log::default();
    log.raise(0, HIGH);
    assert_eq!(watch(&log).next_deadline(), Some(at(DAY) + Span::from_micros(1)));
    assert_eq!(due(&log, DAY), []);
    let mut now = watch(&log);
    assert_eq!(now.due(at(DAY) + Span::from_micros(1)).len(), 1);
    assert_eq!(say(&mut log, DAY + 10), [("nuisance.standing", DAY)]);
    assert_eq!((say(&mut log, 3 * DAY), watch(&log).next_deadline()), (vec![], None));
    log.back(3 * DAY, HIGH);
    log.raise(3 * DAY + 1, HIGH);
    assert_eq!(say(&mut log, 4 * DAY + 2), [("nuisance.standing", 4 * DAY + 1)]);
}

#[test]
fn what_is_hidden_does_not_stand() {
    let mut log = Log::default();
    log.raise(0, HIGH);
    log.moved(100, HIGH, Transition::Shelved, AlarmState::Shelved);
    assert_eq!((due(&log, 2 * DAY), watch(&log).next_deadline()), (vec![], None));
    log.moved(2 * DAY, HIGH, Transition::Unshelved, AlarmState::Unacknowledged);
    assert_eq!(due(&log, 2 * DAY), [("nuisance.standing", DAY)]);
    log.close(2 * DAY + 1, HIGH);
    assert_eq!(due(&log, 2 * DAY + 2), [], "its rule was removed");
}

fn flood_of(count: i64) -> Log {
    let mut log = Log::default();
    (0..count).for_each(|n| log.raise(n, Alarm::on("P").priority(if n == 0 { Priority::Critical } else { Priority::Low })));
    log
}

fn floods(events: &[Event]) -> Vec<&model::FloodChange> {
    events.iter().filter_map(change).collect()
}

fn change(event: &Event) -> Option<&model::FloodChange> {
    match &event.body {
        EventBody::Flood(change) => Some(change),
        _ => None,
    }
}

#[test]
fn ten_are_no_flood_and_the_eleventh_begins_one() {
    assert_eq!(floods(&watch(&flood_of(10)).due(at(10))), Vec::<&model::FloodChange>::new());
    let events = watch(&flood_of(11)).due(at(10));
    let change = floods(&events)[0];
    assert_eq!((change.since, change.ended, change.alarms, change.by_priority), (at(10), None, 11, [10, 0, 0, 1]));
    assert_eq!(change.window, Span::from_secs(600));
}

#[test]
fn a_flood_ends_by_its_deadline_with_all_its_alarms() {
    let mut log = flood_of(13);
    let first = say(&mut log, 12);
    assert!(first.contains(&("flood.started", 10)), "{first:?}");
    assert_eq!(watch(&log).floods(), 1);
    // The alarm at 8 s is the fifth from behind.
    assert_eq!(watch(&log).next_deadline(), Some(at(608)));
    assert!(floods(&watch(&log).due(at(607))).is_empty());
    let events = watch(&log).due(at(700));
    let change = floods(&events)[0];
    assert_eq!((change.since, change.ended, change.alarms, change.by_priority), (at(10), Some(at(608)), 13, [12, 0, 0, 1]));
    assert_eq!(events.iter().find(|it| it.body.kind() == "flood.ended").unwrap().occurred_at, at(608));
    say(&mut log, 700);
    assert_eq!(watch(&log).floods(), 0);
    assert!(floods(&watch(&log).due(at(701))).is_empty());
}

#[test]
fn floods_of_the_past_are_not_told_but_a_told_one_is_ended() {
    let log = flood_of(11);
    assert!(floods(&watch(&log).due(at(5_000))).is_empty(), "over before anybody could tell");
    let mut log = flood_of(11);
    say(&mut log, 11);
    (0..11).for_each(|n| log.raise(2_000 + n, Alarm::on("P")));
    (0..11).for_each(|n| log.raise(4_000 + n, Alarm::on("P")));
    let events = watch(&log).due(at(4_011));
    let changes: Vec<_> = floods(&events).iter().map(|it| (it.since, it.ended)).collect();
    assert_eq!(changes, [(at(10), Some(at(606))), (at(4_010), None)], "the one between is not told");
}

#[test]
fn what_was_told_stands() {
    let mut log = flood_of(11);
    say(&mut log, 11);
    let ended = watch(&log).due(at(606));
    // An alarm that was recorded just before had not been seen when the end was told.
    (0..2).for_each(|_| log.raise(605, Alarm::on("P")));
    ended.into_iter().for_each(|event| log.put(at(606), event));
    let mut watch = watch(&log);
    assert!(floods(&watch.due(at(606))).is_empty());
    assert_eq!(watch.floods(), 0);
}

#[test]
fn a_flood_concerns_what_its_alarms_have_in_common() {
    let mut log = Log::default();
    for n in 0..11 {
        log.raise(n, HIGH);
        let scope = &mut log.events.last_mut().unwrap().event.scope;
        *scope = Scope { park: Some(Arc::from("p")), enterprise: Some(Arc::from(format!("e{n}"))), installation: None };
    }
    let flood = watch(&log).due(at(10)).into_iter().find(|it| it.body.kind() == "flood.started").unwrap();
    assert_eq!((&*flood.subject, flood.scope.park.as_deref(), flood.scope.enterprise), ("desk", Some("p"), None));
}

#[test]
fn settings_of_floods_are_kept_sane() {
    let config = FloodConfig { window: Span::ZERO, start_above: 0, end_below: 9 };
    let mut watch = Watch::new(config);
    let mut log = Log::default();
    (0..3).for_each(|_| log.raise(0, HIGH));
    log.events.iter().for_each(|event| watch.apply(event));
    assert_eq!(floods(&watch.due(at(0))).len(), 1);
    assert!(floods(&watch.due(at(1))).is_empty());
}

#[test]
fn what_is_quiet_is_forgotten() {
    let mut log = Log::default();
    log.pulse(0, 100, Alarm::on("quiet"));
    log.raise(1, Alarm::on("standing"));
    (0..4_096).for_each(|n| log.raise(10_000 + n, HIGH));
    let watch = watch(&log);
    let points: Vec<_> = watch.tracks.keys().map(|(point, _)| &**point).collect();
    assert_eq!(points, ["PI-1", "standing"]);
}

#[test]
fn snapshots_are_checked() {
    let mut log = flood_of(11);
    say(&mut log, 11);
    log.pulse(2_000, 3, HIGH);
    log.raise(2_010, HIGH.gas());
    let bytes = watch(&log).snapshot();
    let restore = |bytes: &[u8]| Watch::restore(FloodConfig::default(), bytes);
    assert_eq!(restore(&bytes), Ok(watch(&log)));
    assert_eq!(restore(b"DVAC"), Err(RestoreError::NotASnapshot));
    assert_eq!(restore(b""), Err(RestoreError::NotASnapshot));
    let mut newer = bytes.clone();
    newer[4] = 9;
    assert_eq!(restore(&newer), Err(RestoreError::Version { found: 9 }));
    assert_eq!(bytes[4..8], SNAPSHOT_VERSION.to_le_bytes());
    for end in 8..bytes.len() {
        assert!(matches!(restore(&bytes[..end]), Err(RestoreError::Broken { .. })), "{end}");
    }
    let mut longer = bytes;
    longer.push(0);
    assert!(restore(&longer).is_err());
    assert_eq!(restore(&Watch::new(FloodConfig::default()).snapshot()), Ok(Watch::new(FloodConfig::default())));
    assert!(restore(&[b"DVFW", &1_u32.to_le_bytes()[..], &[0xff; 64]].concat()).is_err());
    assert_eq!(Watch::new(FloodConfig::default()).next_deadline(), None::<Time>);
}
