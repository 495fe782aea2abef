//! Laws of the table: it counts what a naive recount counts.

use model::{AlarmKind, EventBody, Priority, RecordedEvent, Span, Time, Transition};
use proptest::prelude::*;

use super::{Alarm, Log, at};
use crate::Table;

const ALARMS: [Alarm; 4] = [
    Alarm::on("A"),
    Alarm::on("A").kind(AlarmKind::HighHigh).priority(Priority::Critical),
    Alarm::on("B").priority(Priority::Medium).position("other"),
    Alarm::on("C").kind(AlarmKind::Stale),
];

/// Any journal: what happens to which alarm, and how many seconds after the thing before.
fn journal() -> impl Strategy<Value = Log> {
    proptest::collection::vec((0..200_i64, 0..ALARMS.len(), 0..6_u8), 0..300).prop_map(|steps| {
        let (mut log, mut now) = (Log::default(), 0);
        for (wait, alarm, what) in steps {
            now += wait;
            let alarm = ALARMS[alarm];
            match what {
                0..=2 => log.raise(now, alarm),
                3 => log.back(now, alarm),
                4 => log.ack(now, alarm),
                _ => log.raise_hidden(now, alarm),
            }
        }
        log
    })
}

fn raises(log: &Log, from: Time, to: Time) -> Vec<&RecordedEvent> {
    let annunciated = |event: &&RecordedEvent| match &event.event.body {
        EventBody::Alarm(alarm) => alarm.transition == Transition::Raised && alarm.annunciated,
        _ => false,
    };
    log.events.iter().filter(annunciated).filter(|it| from <= it.recorded_at && it.recorded_at < to).collect()
}

/// Seconds in flood, one by one: none of the tests' events lies between two.
fn seconds_in_flood(all: &[&RecordedEvent], from: i64, to: i64) -> i64 {
    let (mut in_flood, mut seconds) = (false, 0);
    for second in 0..to {
        let window = |it: &&&RecordedEvent| it.recorded_at <= at(second) && it.recorded_at > at(second) + Span::from_secs(-600);
        let inside = all.iter().filter(window).count();
        in_flood = if in_flood { inside >= 5 } else { inside > 10 };
        seconds += i64::from(in_flood && second >= from);
    }
    seconds
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn counts_equal_a_recount(log in journal(), from in 0..3_000_i64, length in 1..20_000_i64) {
        let to = from + length;
        let mut table = Table::new(at(from), at(to));
        log.events.iter().for_each(|event| table.take(event));
        let got = table.finish();
        let inside = raises(&log, at(from), at(to));
        prop_assert_eq!(got.total.alarms, inside.len() as u64);
        prop_assert_eq!(got.positions.iter().map(|it| it.alarms).sum::<u64>(), got.total.alarms);
        prop_assert_eq!(got.total.by_priority.iter().sum::<u64>(), got.total.alarms);
        prop_assert_eq!(got.total.most_frequent.iter().map(|it| it.count).sum::<u64>(), got.total.alarms, "four alarms are among ten");
        prop_assert!(got.total.excursions <= got.total.alarms);

        let all = raises(&log, Time::MIN, at(to));
        let peak = inside.iter().map(|last| {
            all.iter().filter(|it| it.position <= last.position && last.recorded_at - it.recorded_at < Span::from_secs(600)).count()
        });
        prop_assert_eq!(got.total.peak_ten_minutes as usize, peak.max().unwrap_or(0));
        let buckets = |width: i64, limit: usize| {
            let bucket = |n: i64| (at(from + n * width), at((from + (n + 1) * width).min(to)));
            let over = |n: &i64| raises(&log, bucket(*n).0, bucket(*n).1).len() > limit;
            let count = (to - from + width - 1) / width;
            (0..count).filter(over).count() as f64 / count as f64
        };
        prop_assert_eq!(got.total.ten_minutes_over_10.to_bits(), buckets(600, 10).to_bits());
        prop_assert_eq!(got.total.hours_over_30.to_bits(), buckets(3_600, 30).to_bits());
        prop_assert_eq!(got.total.flood_time, Span::from_secs(seconds_in_flood(&all, from, to)));
    }

    #[test]
    fn two_neighbouring_periods_hold_what_one_holds(log in journal(), middle in 1..10_000_i64) {
        let of = |from, to| {
            let mut table = Table::new(at(from), at(to));
            log.events.iter().for_each(|event| table.take(event));
            table.finish().total
        };
        let (whole, first, second) = (of(0, 20_000), of(0, middle), of(middle, 20_000));
        prop_assert_eq!(whole.alarms, first.alarms + second.alarms);
        prop_assert_eq!(whole.excursions, first.excursions + second.excursions);
        prop_assert_eq!(whole.chatter_episodes, first.chatter_episodes + second.chatter_episodes);
        prop_assert_eq!(whole.hidden, first.hidden + second.hidden);
        prop_assert_eq!(whole.flood_time, first.flood_time + second.flood_time);
    }
}
