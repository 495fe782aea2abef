//! Kept figures are what the raw samples say, but for what is pending.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{PointNumber, Quality, Span, Time};

use super::{batch, dated, point, sample};
use crate::figures::{Grid, KEPT_FROM, cells, roll_up};
use crate::{Figure, FigureQuery, PendingSpan, PointRow, Policy, Resolution, SampleRow, Store};

/// 2026-01-01T00:00:00Z.
pub(super) const START: i64 = 1_767_225_600_000_000;
pub(super) const SECOND: i64 = 1_000_000;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

pub(super) fn time(micros: i64) -> Time {
    Time::from_micros(START + micros)
}

/// A point of this number whose values hold so long.
pub fn holding(number: u32, hold: Span) -> PointRow {
    PointRow { hold, ..point(number) }
}

/// Upkeep until nothing is left to do at a moment.
pub async fn settle(store: &dyn Store, policy: &Policy, now: Time) -> Vec<String> {
    let mut done = Vec::new();
    for _ in 0..10_000 {
        let step = store.maintain(policy, now).await.expect("upkeep");
        assert_eq!(step.concerns, Vec::<String>::new());
        done.extend(step.done);
        if !step.more {
            return done;
        }
    }
    panic!("upkeep comes to no end");
}

/// What is written, as it stands: of several rows of a point and time the last.
#[derive(Debug, Default)]
pub struct Standing(BTreeMap<(PointNumber, Time), SampleRow>);

impl Standing {
    /// Takes in what is written next.
    pub fn add(&mut self, rows: &[SampleRow]) {
        self.0.extend(rows.iter().map(|row| ((row.point, row.time), *row)));
    }

    /// Rows of a point by time.
    pub fn rows(&self, point: PointNumber) -> Vec<SampleRow> {
        self.0.values().filter(|row| row.point == point).copied().collect()
    }

    /// Figures of a point in the cells of a grid, worked out from the rows.
    pub(crate) fn figures(&self, point: &PointRow, grid: Grid, from: Time, to: Time) -> Vec<Figure> {
        let rows = self.rows(point.number);
        let (first, end) = (rows.partition_point(|row| row.time < from), rows.partition_point(|row| row.time < to));
        let before = first.checked_sub(1).map(|last| &rows[last]);
        cells((point.number, point.hold), grid, (from, to), before, &rows[first.min(end)..end])
    }
}

/// Equal, but for the last digits of sums.
pub(crate) fn near(got: &Figure, want: &Figure) -> bool {
    let close = |got: f64, want: f64| (got - want).abs() <= 1e-9 * want.abs().max(1.0) || got == want;
    let plain = |figure: &Figure| Figure { sum: 0.0, weighted: 0.0, ..*figure };
    close(got.sum, want.sum) && close(got.weighted, want.weighted) && plain(got) == plain(want)
}

/// Compares every figure that is not pending with the rows, and answers what is pending.
pub async fn kept_match(store: &dyn Store, standing: &Standing, points: &[PointRow], from: Time, to: Time) -> Vec<PendingSpan> {
    let numbers: Vec<_> = points.iter().map(|point| point.number).collect();
    let pending = store.pending(&numbers, from, to).await.expect("pending");
    for span in &pending {
        let whole = |end: Time| end == Time::MAX || end == Time::MIN || end.micros() % MINUTE == 0;
        assert!(span.from < span.to && whole(span.from) && whole(span.to), "{span:?}");
        assert!(span.point.is_none_or(|point| numbers.contains(&point)), "{span:?}");
    }
    let clean = |figure: &Figure, width: Span| {
        let touches = |span: &&PendingSpan| {
            span.point.is_none_or(|point| point == figure.point) && span.from < figure.start + width && figure.start < span.to
        };
        pending.iter().find(touches).is_none()
    };
    for resolution in Resolution::ALL {
        let grid = Grid::aligned(resolution.width());
        let query = FigureQuery { points: numbers.clone(), resolution: *resolution, from: grid.ceil(from), to: grid.floor(to) };
        let mut got = store.figures(&query).await.expect("figures");
        assert!(got.is_sorted_by_key(|figure| (figure.point, figure.start)), "{resolution:?}");
        let minutes = Grid::aligned(Resolution::Minute.width());
        let of_point = |point: &PointRow| roll_up(&standing.figures(point, minutes, query.from, query.to), grid);
        let mut want: Vec<_> = points.iter().flat_map(of_point).collect();
        got.retain(|figure| clean(figure, resolution.width()));
        want.retain(|figure| clean(figure, resolution.width()));
        for (got, want) in got.iter().zip(&want) {
            assert!(near(got, want), "{resolution:?}: {got:?} should be {want:?}");
        }
        assert_eq!(got.len(), want.len(), "{resolution:?}");
    }
    pending
}

/// Points that hold long, short and not at all, over three days: dense, thin, with gaps and with bad samples.
fn three_days() -> (Vec<PointRow>, Vec<SampleRow>) {
    let points = vec![
        holding(1, Span::from_secs(300)),
        holding(2, Span::from_secs(7_200)),
        holding(3, Span::ZERO),
        holding(4, Span::from_secs(90)),
    ];
    let dense = (0..4_000).map(|n| sample(1, START + 10 * HOUR + n * 1_700_000, (n % 97) as f64 - 40.0));
    let thin = (0..70).map(|n| sample(2, START + n * HOUR + n * n * SECOND, n as f64));
    let unheld = (0..50).map(|n| sample(3, START + n * 71 * MINUTE, 5.0));
    let bad = (0..400).map(|n| {
        let quality = [Quality::Good, Quality::Uncertain, Quality::Bad, Quality::Calibrating][(n % 4) as usize];
        let row = sample(4, START + 23 * HOUR + 50 * MINUTE + n * 37 * SECOND, n as f64);
        SampleRow { value: row.value.filter(|_| n % 5 != 0), quality, ..row }
    });
    (points, dense.chain(thin).chain(unheld).chain(bad).collect())
}

pub(super) async fn are_what_the_raw_samples_say(store: &dyn Store) {
    let policy = Policy::default();
    let everything = (Time::from_micros(START - DAY), Time::from_micros(START + 5 * DAY));
    settle(store, &policy, time(0)).await;
    let (points, rows) = three_days();
    let mut standing = Standing::default();
    // In pieces by time, with upkeep in between, as it is when it is lived through.
    let mut by_time = rows.clone();
    by_time.sort_by_key(|row| row.time);
    for (piece, written) in by_time.chunks(700).zip(0..) {
        let mut next = batch("telemetry/1", written, written + 1);
        next.points = points.clone();
        next.samples = piece.to_vec();
        store.write(&dated(next)).await.expect("a batch");
        standing.add(piece);
        let now = piece.last().expect("pieces have rows").time + Span::from_secs(15);
        settle(store, &policy, now).await;
        kept_match(store, &standing, &points, everything.0, everything.1).await;
    }
    settle(store, &policy, time(4 * DAY)).await;
    let pending = kept_match(store, &standing, &points, everything.0, time(3 * DAY)).await;
    assert!(pending.iter().all(|span| span.from >= time(2 * DAY + 22 * HOUR)), "all but the end is worked out: {pending:?}");
    let days = FigureQuery { points: vec![PointNumber(2)], resolution: Resolution::Day, from: time(0), to: time(2 * DAY) };
    assert_eq!(store.figures(&days).await.expect("figures").len(), 2, "days are kept");
}

pub(super) async fn are_worked_out_when_a_minute_is_over(store: &dyn Store) {
    let numbers = [PointNumber(1)];
    let ask = async |at: i64| -> (usize, Vec<PendingSpan>) {
        settle(store, &Policy::default(), time(at)).await;
        let query = FigureQuery { points: numbers.to_vec(), resolution: Resolution::Minute, from: time(0), to: time(DAY) };
        let pending = store.pending(&numbers, time(0), time(2 * MINUTE)).await.expect("pending");
        (store.figures(&query).await.expect("figures").len(), pending)
    };
    let mut first = batch("telemetry/1", 0, 1);
    first.points = vec![holding(1, Span::from_secs(1))];
    first.samples = vec![sample(1, START + 30 * SECOND, 1.0), sample(1, START + 61 * SECOND, 1.0)];
    store.write(&dated(first.clone())).await.expect("a batch");
    let (kept, pending) = ask(MINUTE + 9 * SECOND).await;
    assert_eq!((kept, pending.len()), (0, 1), "late samples are waited for");
    assert!(pending[0].from <= time(0) && pending[0].to == Time::MAX && pending[0].point.is_none(), "{pending:?}");
    let (kept, pending) = ask(MINUTE + 10 * SECOND).await;
    assert_eq!((kept, pending), (1, vec![PendingSpan { point: None, from: time(MINUTE), to: Time::MAX }]));
    assert_eq!(ask(2 * MINUTE + 10 * SECOND).await, (2, Vec::new()));
    let before = store.pending(&numbers, Time::MIN, time(0)).await.expect("pending");
    assert!(
        before.iter().any(|span| span.point.is_none() && span.to == KEPT_FROM),
        "no figures are kept of such times: {before:?}"
    );
}

pub(super) async fn follow_late_samples(store: &dyn Store) {
    let policy = Policy::default();
    let points = vec![holding(1, Span::from_secs(600)), holding(2, Span::from_secs(30))];
    let mut standing = Standing::default();
    let mut first = batch("telemetry/1", 0, 1);
    first.points = points.clone();
    first.samples = (0..2_000).map(|n| sample(1 + n % 2, START + i64::from(n) * 55 * SECOND, f64::from(n))).collect();
    store.write(&dated(first.clone())).await.expect("a batch");
    standing.add(&first.samples);
    let now = time(31 * HOUR);
    settle(store, &policy, now).await;
    kept_match(store, &standing, &points, time(0), time(2 * DAY)).await;

    let bad = |row: SampleRow| SampleRow { quality: Quality::Bad, ..row };
    let again = |row: SampleRow| SampleRow { recorded_at: Time::from_micros(START + DAY), ..row };
    let late = [
        vec![sample(1, START + 7 * SECOND, 1e6)],
        vec![bad(sample(1, START + HOUR - 1, 0.0)), sample(2, START + 2 * HOUR, -7.0)],
        vec![again(sample(1, START + 110 * SECOND, 555.0)), again(bad(sample(1, START + 220 * SECOND, 1.0)))],
        (0..300).map(|n| sample(2, START + 20 * HOUR + n * 3 * SECOND, n as f64)).collect(),
        vec![sample(1, START + 30 * HOUR + 33 * MINUTE + 19 * SECOND, 3.0), sample(3, START + 5 * HOUR, 1.0)],
    ];
    for (rows, after) in late.into_iter().zip(1..) {
        let mut next = batch("telemetry/1", after, after + 1);
        next.samples = rows.clone();
        store.write(&dated(next)).await.expect("a batch");
        standing.add(&rows);
        let pending = kept_match(store, &standing, &points, time(0), time(2 * DAY)).await;
        for row in rows.iter().filter(|row| row.point != PointNumber(3)) {
            let covers = |span: &PendingSpan| {
                span.point.is_none_or(|point| point == row.point) && span.from <= row.time && row.time < span.to
            };
            assert!(pending.iter().any(covers), "{row:?} is pending: {pending:?}");
        }
        if after % 2 == 1 {
            settle(store, &policy, now).await;
            kept_match(store, &standing, &points, time(0), time(2 * DAY)).await;
            let numbers = [PointNumber(1), PointNumber(2)];
            assert_eq!(store.pending(&numbers, time(0), time(30 * HOUR)).await.expect("pending"), []);
        }
    }
}

/// Rows of three points around a moment that goes on by 20 s a batch: most in time, some minutes late, none twice.
fn around(batch: i64) -> Vec<SampleRow> {
    let row = |n: i64| {
        // Numbers that look random and are the same in every run.
        let chance = (batch * 40 + n).wrapping_mul(2_654_435_761).rem_euclid(1_000_003);
        let late = if chance % 9 == 0 { chance % 900 } else { chance % 20 };
        let at = (batch * 20 - late) * SECOND + batch * 40 + n;
        let quality = if chance % 13 == 0 { Quality::Bad } else { Quality::Good };
        SampleRow {
            quality,
            ..sample(1 + u32::try_from(n.rem_euclid(3)).expect("small"), START + HOUR + at, (chance % 64) as f64)
        }
    };
    (0..40).map(row).collect()
}

/// Upkeep and the writer go on side by side: no sample falls between what is claimed and what is marked.
pub(super) async fn lose_nothing_that_is_written_meanwhile(store: Arc<dyn Store>) {
    const BATCHES: i64 = 200;
    let points = vec![holding(1, Span::from_secs(90)), holding(2, Span::from_secs(400)), holding(3, Span::from_secs(5))];
    let (writing, named) = (Arc::clone(&store), points.clone());
    let (told, written) = tokio::sync::watch::channel(-1);
    let writer = tokio::spawn(async move {
        for n in 0..BATCHES {
            let mut next = batch("telemetry/1", n.cast_unsigned(), n.cast_unsigned() + 1);
            next.points = named.clone();
            next.samples = around(n);
            writing.write(&dated(next)).await.expect("a batch");
            told.send_replace(n);
        }
    });
    while *written.borrow() < BATCHES - 1 && !writer.is_finished() {
        // Ahead of the writer, so that much is late.
        let now = time(HOUR + *written.borrow() * 20 * SECOND + 100 * SECOND);
        store.maintain(&Policy::default(), now).await.expect("upkeep beside the writer");
        tokio::task::yield_now().await;
    }
    writer.await.expect("no panic");
    let mut standing = Standing::default();
    (0..BATCHES).for_each(|n| standing.add(&around(n)));
    settle(&*store, &Policy::default(), time(DAY)).await;
    kept_match(&*store, &standing, &points, time(0), time(DAY)).await;
    let numbers = [1, 2, 3].map(PointNumber);
    assert_eq!(store.pending(&numbers, time(0), time(2 * HOUR)).await.expect("pending"), []);
}

/// A clock that was never set, and one that is far ahead, neither cost decades of upkeep nor stop it.
pub(super) async fn are_not_kept_of_impossible_times(store: &dyn Store) {
    let points = vec![holding(1, Span::from_secs(60))];
    let mut all = batch("telemetry/1", 0, 1);
    all.points = points.clone();
    let strange = [i64::MIN, -5, 0, 4_102_444_800_000_000, i64::MAX - 1].map(|at| sample(1, at, 9.0));
    all.samples = strange.into_iter().chain([sample(1, START + 5, 1.0), sample(1, START + 40 * DAY, 2.0)]).collect();
    store.write(&dated(all.clone())).await.expect("a batch");
    let mut standing = Standing::default();
    standing.add(&all.samples);
    for days in [1, 39, 41, 50] {
        settle(store, &Policy { raw: Span::from_secs(40 * 86_400 * 365), ..Policy::default() }, time(days * DAY)).await;
        kept_match(store, &standing, &points, time(-DAY), time(60 * DAY)).await;
    }
    let hours = FigureQuery { points: vec![PointNumber(1)], resolution: Resolution::Minute, from: time(0), to: time(60 * DAY) };
    let kept = store.figures(&hours).await.expect("figures");
    assert_eq!(kept.iter().map(|figure| figure.samples).sum::<u64>(), 2);
}
