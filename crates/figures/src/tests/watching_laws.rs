//! Laws of the watch: nothing is said twice whenever it is asked, stopped and started again.

use std::collections::BTreeMap;

use model::{AlarmKind, Event, EventBody, Time};
use proptest::prelude::*;

use super::{Alarm, Log, at};
use crate::{FloodConfig, Watch};

const ALARMS: [Alarm; 3] = [Alarm::on("A"), Alarm::on("A").kind(AlarmKind::HighHigh), Alarm::on("B").position("other")];

#[derive(Clone, Copy, Debug)]
enum Step {
    Pulse(i64, usize),
    Raise(usize),
    Back(usize),
    /// What is due is appended.
    Say,
    /// The process ends here and starts again, from a snapshot or from the beginning.
    Restart(bool),
}

fn step() -> impl Strategy<Value = (i64, Step)> {
    let alarm = 0..ALARMS.len();
    let step = prop_oneof![
        4 => (0..15_i64, alarm.clone()).prop_map(|(lasting, alarm)| Step::Pulse(lasting, alarm)),
        2 => alarm.clone().prop_map(Step::Raise),
        2 => alarm.prop_map(Step::Back),
        3 => Just(Step::Say),
        1 => any::<bool>().prop_map(Step::Restart),
    ];
    (prop_oneof![8 => 0..60_i64, 1 => 0..100_000_i64], step)
}

fn replay(log: &Log) -> Watch {
    let mut watch = Watch::new(FloodConfig::default());
    log.events.iter().for_each(|event| watch.apply(event));
    watch
}

/// Drives a watch like the runner: what is due is appended, and then read.
fn run(steps: &[(i64, Step)]) -> Log {
    let (mut log, mut read, mut now) = (Log::default(), 0, 0);
    let mut watch = Watch::new(FloodConfig::default());
    for (wait, step) in steps {
        now += wait;
        match *step {
            Step::Pulse(lasting, alarm) => {
                log.pulse(now, lasting, ALARMS[alarm]);
                now += lasting;
            }
            Step::Raise(alarm) => log.raise(now, ALARMS[alarm]),
            Step::Back(alarm) => log.back(now, ALARMS[alarm]),
            Step::Say => {
                read_on(&mut watch, &log, &mut read);
                watch.due(at(now)).into_iter().for_each(|event| log.put(at(now), event));
                read_on(&mut watch, &log, &mut read);
            }
            Step::Restart(true) => watch = Watch::restore(FloodConfig::default(), &watch.snapshot()).unwrap(),
            Step::Restart(false) => {
                watch = replay(&log);
                read = log.events.len();
            }
        }
    }
    log
}

fn read_on(watch: &mut Watch, log: &Log, read: &mut usize) {
    log.events[*read..].iter().for_each(|event| watch.apply(event));
    *read = log.events.len();
}

fn is_own(event: &Event) -> bool {
    matches!(event.body, EventBody::Nuisance(_) | EventBody::Flood(_))
}

fn sayings(log: &Log) -> BTreeMap<(String, &'static str, Time), u32> {
    let mut said = BTreeMap::new();
    for event in log.events.iter().map(|it| &it.event).filter(|event| is_own(event)) {
        let alarm = match &event.body {
            EventBody::Nuisance(nuisance) => nuisance.alarm.as_str(),
            _ => "",
        };
        *said.entry((format!("{} {alarm}", event.subject), event.body.kind(), event.occurred_at)).or_default() += 1;
    }
    said
}

proptest! {
    #[test]
    fn nothing_is_said_twice(steps in proptest::collection::vec(step(), 0..150)) {
        let log = run(&steps);
        for (what, times) in sayings(&log) {
            prop_assert_eq!(times, 1, "{:?}", what);
        }
    }

    #[test]
    fn floods_begin_and_end_in_turn(steps in proptest::collection::vec(step(), 0..150)) {
        let log = run(&steps);
        let mut open = BTreeMap::new();
        for event in &log.events {
            let EventBody::Flood(change) = &event.event.body else { continue };
            let before = open.insert(event.event.subject.clone(), change.ended.is_none()).unwrap_or(false);
            prop_assert_eq!(before, change.ended.is_some());
            prop_assert!(change.alarms >= 11);
            prop_assert_eq!(change.by_priority.iter().sum::<u32>(), change.alarms);
            prop_assert!(change.ended.is_none_or(|ended| ended > change.since));
        }
    }

    #[test]
    fn a_snapshot_and_its_tail_equal_the_whole(steps in proptest::collection::vec(step(), 0..100), cut in 0..200_usize) {
        let log = run(&steps);
        let cut = cut.min(log.events.len());
        let mut watch = Watch::new(FloodConfig::default());
        log.events[..cut].iter().for_each(|event| watch.apply(event));
        let mut restored = Watch::restore(FloodConfig::default(), &watch.snapshot()).unwrap();
        prop_assert_eq!(&restored, &watch);
        log.events[cut..].iter().for_each(|event| restored.apply(event));
        prop_assert_eq!(restored, replay(&log));
    }

    #[test]
    fn broken_snapshots_are_refused_and_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut bytes = bytes;
        bytes.splice(0..0, *b"DVFW\x01\0\0\0");
        // Either refused or read; what was read gives its own bytes.
        if let Ok(watch) = Watch::restore(FloodConfig::default(), &bytes) {
            prop_assert_eq!(watch.snapshot(), bytes);
        }
    }
}
