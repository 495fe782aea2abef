//! Retention: what is old goes, what figures have not seen and what is held stays.

use model::{PointNumber, Span, Time};

use super::figures_kept::{DAY, HOUR, MINUTE, SECOND, START, holding, settle, time};
use super::{batch, dated, event, every_sample, sample};
use crate::{
    EventQuery, EventRow, Figure, FigureQuery, LegalHold, OccurrenceChange, OccurrenceQuery, OccurrenceRow, Policy, Resolution,
    SampleQuery, Store,
};

const NUMBER: PointNumber = PointNumber(1);

/// Raw 10 days, minutes 20, events 30; pieces of an hour where there are pieces.
fn policy() -> Policy {
    let days = |days: i64| Span::from_secs(days * 86_400);
    Policy { raw: days(10), minutes: days(20), events: days(30), chunk: Some(Span::from_secs(3_600)), ..Policy::default() }
}

/// A sample every ten minutes for 40 days, 37 minutes apart a second point.
async fn forty_days(store: &dyn Store) {
    let mut all = batch("telemetry/1", 0, 1);
    all.points = vec![holding(1, Span::from_secs(600)), holding(2, Span::from_secs(60))];
    all.samples = (0..40 * 144).map(|n| sample(1, START + n * 10 * MINUTE, (n % 50) as f64)).collect();
    all.samples.extend((0..40 * 24 * 60 / 37).map(|n| sample(2, START + n * 37 * MINUTE, 1.0)));
    store.write(&dated(all.clone())).await.expect("a batch");
}

async fn raw(store: &dyn Store) -> Vec<i64> {
    let rows = every_sample(store, &SampleQuery::default(), 10_000).await;
    rows.into_iter().filter(|row| row.row.point == NUMBER).map(|row| row.row.time.micros() - START).collect()
}

async fn kept(store: &dyn Store, resolution: Resolution) -> Vec<Figure> {
    let query = FigureQuery { points: vec![NUMBER], resolution, from: time(-DAY), to: time(60 * DAY) };
    store.figures(&query).await.expect("figures")
}

/// Databases that drop whole pieces keep up to a day more than the policy says, and never less.
fn all_since(times: &[i64], cutoff: i64) {
    let first = times.first().copied().expect("some are left");
    assert!((cutoff - DAY..=cutoff + 10 * MINUTE).contains(&first), "the first left is {first}, the policy says {cutoff}");
}

pub(super) async fn deletes_samples_that_figures_have_seen(store: &dyn Store) {
    forty_days(store).await;
    // All figures first, so that there is something to compare with.
    let keep = Policy { raw: Span::from_secs(400 * 86_400), minutes: Span::from_secs(400 * 86_400), ..policy() };
    settle(store, &keep, time(41 * DAY)).await;
    assert_eq!(raw(store).await.len(), 40 * 144);
    let before = [kept(store, Resolution::Minute).await, kept(store, Resolution::Hour).await, kept(store, Resolution::Day).await];
    assert_eq!(before.each_ref().map(Vec::len)[1..], [40 * 24, 40]);

    let done = settle(store, &policy(), time(41 * DAY)).await;
    assert!(!done.is_empty(), "what is deleted is said");
    let left = raw(store).await;
    all_since(&left, 31 * DAY);
    assert!(left.windows(2).all(|pair| pair[1] - pair[0] == 10 * MINUTE), "and nothing behind it is lost");
    let minutes = kept(store, Resolution::Minute).await;
    let starts: Vec<_> = minutes.iter().map(|figure| figure.start.micros() - START).collect();
    all_since(&starts, 21 * DAY);
    assert_eq!(minutes, before[0][before[0].len() - minutes.len()..]);
    assert_eq!(kept(store, Resolution::Hour).await, before[1]);
    assert_eq!(kept(store, Resolution::Day).await, before[2]);
    assert_eq!(store.pending(&[NUMBER], time(0), time(39 * DAY)).await.expect("pending"), [], "what is deleted was seen");
    assert_eq!(settle(store, &policy(), time(41 * DAY)).await, Vec::<String>::new(), "nothing is left to do");
}

/// As on a first start long after the journal began: figures come first, whatever the policy says.
pub(super) async fn deletes_no_sample_that_figures_have_not_seen(store: &dyn Store) {
    forty_days(store).await;
    settle(store, &policy(), time(400 * DAY)).await;
    assert!(raw(store).await.len() < 400, "raw samples are gone but for what a value may be held from");
    assert_eq!(kept(store, Resolution::Day).await.iter().map(|day| day.samples).sum::<u64>(), 40 * 144);
    assert_eq!(kept(store, Resolution::Hour).await.iter().map(|hour| hour.samples).sum::<u64>(), 40 * 144);
}

/// The rows that made these figures are gone: what comes now must not take their place.
pub(super) async fn late_samples_spoil_no_figure_whose_ground_is_gone(store: &dyn Store) {
    forty_days(store).await;
    settle(store, &policy(), time(41 * DAY)).await;
    let before = [kept(store, Resolution::Hour).await, kept(store, Resolution::Day).await];
    let mut late = batch("telemetry/1", 1, 2);
    late.samples = [2 * DAY, 2 * DAY + MINUTE, 22 * DAY, 22 * DAY + 30].map(|at| sample(1, START + at, 1e9)).into();
    late.samples.push(sample(2, START + 25 * DAY + 5 * MINUTE, 77.0));
    store.write(&dated(late.clone())).await.expect("a batch");
    settle(store, &policy(), time(41 * DAY)).await;
    let after = [kept(store, Resolution::Hour).await, kept(store, Resolution::Day).await];
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.len(), after.len());
        for (before, after) in before.iter().zip(after) {
            assert!(after.samples >= before.samples && after.samples <= before.samples + 1, "{after:?} was {before:?}");
        }
    }
    assert_eq!(store.pending(&[NUMBER], time(0), time(39 * DAY)).await.expect("pending"), [], "nothing is waited for in vain");
}

pub(super) async fn keeps_what_is_held(store: &dyn Store) {
    forty_days(store).await;
    let mut events = batch("events", 0, 10);
    events.events = (0..10).map(|n| event(n + 1, 0, "alarm.raised", "p1", START + n as i64 * 2 * DAY)).collect();
    store.write(&events).await.expect("a batch");
    let hold = |from, to: Option<i64>| LegalHold { from: time(from), to: to.map(time), why: "court".to_owned() };
    let held = Policy { holds: vec![hold(5 * DAY, Some(6 * DAY)), hold(12 * DAY, Some(12 * DAY + HOUR))], ..policy() };
    settle(store, &held, time(45 * DAY)).await;
    let left = raw(store).await;
    let within = |from: i64, to: i64| left.iter().filter(|at| (from..to).contains(*at)).count();
    assert_eq!((within(5 * DAY, 6 * DAY), within(12 * DAY, 12 * DAY + HOUR)), (144, 6));
    assert_eq!((within(0, 3 * DAY), within(8 * DAY, 10 * DAY), within(15 * DAY, 33 * DAY)), (0, 0, 0));
    let minutes = kept(store, Resolution::Minute).await;
    let in_hold = minutes.iter().filter(|figure| time(5 * DAY) <= figure.start && figure.start < time(6 * DAY));
    assert_eq!(in_hold.count(), 1_440, "with the figures of the same time");
    let page = store.events(&EventQuery::default(), None, 100).await.expect("events");
    let days: Vec<_> = page.rows.iter().map(|row| (row.occurred_at.micros() - START) / DAY).collect();
    assert_eq!(days, [12, 16, 18], "before day 15 only what happened in a hold is left");

    let ongoing = Policy { holds: vec![hold(0, None)], ..policy() };
    assert_eq!(settle(store, &ongoing, time(300 * DAY)).await.iter().filter(|line| line.contains("deleted")).count(), 0);
    assert_eq!(raw(store).await, left);
}

pub(super) async fn deletes_old_events_and_closed_alarms(store: &dyn Store) {
    let mut all = batch("events", 0, 20_000);
    // Three a record; every hundredth happened long before it was recorded.
    all.events = (0..12_000_i64)
        .map(|n| {
            let recorded_at = START + n * 5 * MINUTE;
            let row = event(1 + n.cast_unsigned() / 3, (n % 3) as u32, "alarm.raised", "p1", recorded_at);
            let occurred_at = if n % 100 == 0 { time(-100 * DAY) } else { row.occurred_at };
            EventRow { occurred_at, recorded_at: Time::from_micros(START + n / 3 * 15 * MINUTE), ..row }
        })
        .collect();
    let alarm = |n: i64| OccurrenceRow {
        id: format!("o{n}"),
        raised_at: Some(time(n * HOUR)),
        recorded_at: Some(time(n * HOUR)),
        closed_at: (n % 4 != 0).then(|| time(n * HOUR + if n % 4 == 1 { 20 * DAY } else { SECOND })),
        ..OccurrenceRow::default()
    };
    all.occurrences = (0..960).map(|n| OccurrenceChange { row: alarm(n), raise: true }).collect();
    store.write(&dated(all.clone())).await.expect("a batch");
    settle(store, &policy(), time(50 * DAY)).await;
    let cutoff = time(20 * DAY);
    let (mut left, mut after) = (Vec::new(), None);
    loop {
        let page = store.events(&EventQuery::default(), after, 10_000).await.expect("events");
        left.extend(page.rows);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let want: Vec<_> = all.events.iter().filter(|row| row.recorded_at >= cutoff).cloned().collect();
    assert_eq!(left, want);
    let first = store.recorded_before(Time::MAX).await.expect("a position");
    assert_eq!(first, all.events.last().expect("some").position);
    let page = store.occurrences(&OccurrenceQuery::default(), None, 10_000).await.expect("occurrences");
    let want = (0..960).rev().map(alarm).filter(|row| row.closed_at.is_none_or(|end| end >= cutoff));
    assert_eq!(page.rows, want.collect::<Vec<_>>(), "open ones stay, and those closed lately");
}
