//! The fold against a reference that looks at every millisecond, and its laws.

use model::SampleFlags;
use proptest::prelude::*;

use super::*;
use crate::Resolution;

const POINT: PointNumber = PointNumber(7);
const MINUTE: i64 = 60_000_000;

fn row(millis: i64, value: Option<f64>, quality: Quality) -> SampleRow {
    let time = Time::from_micros(millis * 1_000);
    SampleRow { point: POINT, time, value, quality, flags: SampleFlags::default(), recorded_at: time }
}

fn minutes(hold: Span, (from, to): (i64, i64), before: Option<&SampleRow>, rows: &[SampleRow]) -> Vec<Figure> {
    let range = (Time::from_micros(from * MINUTE), Time::from_micros(to * MINUTE));
    cells((POINT, hold), Grid::aligned(Resolution::Minute.width()), range, before, rows)
}

#[test]
fn a_value_is_held_over_the_border_and_no_longer_than_it_holds() {
    let rows =
        [row(50_000, Some(2.0), Quality::Good), row(130_000, Some(4.0), Quality::Uncertain), row(140_000, None, Quality::Bad)];
    let got = minutes(Span::from_secs(30), (0, 4), None, &rows);
    let figure = |start: i64| Figure::empty(POINT, Time::from_micros(start * MINUTE));
    let some = |value| (Some(value), Some(value), Some(value), Some(value));
    let with = |figure: Figure, (min, max, first, last)| Figure { min, max, first, last, ..figure };
    let want = [
        with(Figure { samples: 1, count: 1, sum: 2.0, weighted: 20.0, good: Span::from_secs(10), ..figure(0) }, some(2.0)),
        Figure { weighted: 40.0, good: Span::from_secs(20), ..figure(1) },
        with(Figure { samples: 2, count: 1, sum: 4.0, weighted: 40.0, good: Span::from_secs(10), ..figure(2) }, some(4.0)),
    ];
    assert_eq!(got, want);
    assert_eq!(got[1].mean(), Some(2.0));
    assert_eq!(figure(3).mean(), None);
}

#[test]
fn the_sample_before_holds_from_the_start() {
    let before = row(-10_000, Some(3.0), Quality::Good);
    let got = minutes(Span::from_secs(15), (0, 2), Some(&before), &[]);
    assert_eq!(got.len(), 1);
    assert_eq!((got[0].samples, got[0].weighted, got[0].good), (0, 15.0, Span::from_secs(5)));
    assert_eq!(minutes(Span::from_secs(10), (0, 2), Some(&before), &[]), [], "it holds to just before its end");
    assert_eq!(minutes(Span::ZERO, (0, 2), Some(&before), &[row(0, Some(1.0), Quality::Good)])[0].good, Span::ZERO);
    let bad = row(-10_000, Some(3.0), Quality::Bad);
    assert_eq!(minutes(Span::from_secs(15), (0, 2), Some(&bad), &[]), []);
}

#[test]
fn the_ends_of_time_are_no_trap() {
    let at = |time: Time| SampleRow { time, recorded_at: time, ..row(0, Some(1.0), Quality::Good) };
    let ends = [at(Time::MIN), at(Time::from_micros(i64::MAX - 1))];
    let grid = Grid::aligned(Span::from_micros(i64::MAX));
    let got = cells((POINT, Span::from_micros(i64::MAX)), grid, (Time::MIN, Time::MAX), None, &ends);
    assert_eq!(got.iter().map(|figure| figure.samples).sum::<u64>(), 2);
    let grid = Grid { origin: Time::from_micros(5), width: Span::from_micros(10) };
    let floor = |time| grid.floor(Time::from_micros(time)).micros();
    assert_eq!([floor(4), floor(5), floor(14), floor(-5), floor(-6)], [-5, 5, 5, -5, -15]);
    assert_eq!((grid.ceil(Time::from_micros(5)).micros(), grid.ceil(Time::from_micros(6)).micros()), (5, 15));
}

/// Values of few digits and times of whole milliseconds: sums are exact, whatever their order.
fn rows() -> impl Strategy<Value = Vec<SampleRow>> {
    let quality = prop_oneof![3 => Just(Quality::Good), 1 => Just(Quality::Uncertain), 1 => Just(Quality::Bad), 1 => Just(Quality::Calibrating)];
    let value = prop_oneof![1 => Just(None), 6 => (-64_i32..64).prop_map(|value| Some(f64::from(value) * 125.0))];
    let one = (-30_000_i64..300_000, value, quality);
    prop::collection::btree_map(-30_000_i64..300_000, one, 0..40)
        .prop_map(|rows| rows.into_iter().map(|(millis, (_, value, quality))| row(millis, value, quality)).collect())
}

/// What the documentation of `Figure` says, a millisecond at a time.
fn reference(hold: Span, (from, to): (i64, i64), before: Option<&SampleRow>, rows: &[SampleRow]) -> Vec<Figure> {
    let mut figures = Vec::new();
    let mut newest = before;
    let mut rest = rows.iter().peekable();
    for minute in from..to {
        let mut figure = Figure::empty(POINT, Time::from_micros(minute * MINUTE));
        for millis in minute * 60_000..(minute + 1) * 60_000 {
            let now = Time::from_micros(millis * 1_000);
            if let Some(row) = rest.next_if(|row| row.time == now) {
                newest = Some(row);
                figure.samples += 1;
                if let Some(value) = judged(row) {
                    let (min, max) = (figure.min.unwrap_or(value), figure.max.unwrap_or(value));
                    let (first, last) = (figure.first.or(Some(value)), Some(value));
                    let (count, sum) = (figure.count + 1, figure.sum + value);
                    figure = Figure { count, sum, min: Some(min.min(value)), max: Some(max.max(value)), first, last, ..figure };
                }
            }
            if let Some((row, value)) = newest.and_then(|row| judged(row).map(|value| (row, value)))
                && now < row.time.plus(hold)
            {
                figure.weighted += value;
                figure.good = figure.good + Span::from_millis(1);
            }
        }
        figure.weighted /= 1_000.0;
        if figure.samples > 0 || figure.good > Span::ZERO {
            figures.push(figure);
        }
    }
    figures
}

/// Weighted sums may differ in their last digit.
fn near(got: &[Figure], want: &[Figure]) -> Result<(), TestCaseError> {
    prop_assert_eq!(got.len(), want.len());
    for (got, want) in got.iter().zip(want) {
        prop_assert!((got.weighted - want.weighted).abs() <= 1e-9 * want.weighted.abs().max(1.0), "{:?} {:?}", got, want);
        prop_assert_eq!(Figure { weighted: 0.0, ..*got }, Figure { weighted: 0.0, ..*want });
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn is_what_each_millisecond_says(rows in rows(), hold in 0_i64..200_000) {
        let hold = Span::from_millis(hold);
        let cut = rows.partition_point(|row| row.time < Time::from_micros(0));
        let before = cut.checked_sub(1).map(|last| &rows[last]);
        near(&minutes(hold, (0, 5), before, &rows[cut..]), &reference(hold, (0, 5), before, &rows[cut..]))?;
    }

    #[test]
    fn in_pieces_is_as_a_whole(rows in rows(), hold in 0_i64..200_000, width in 1_i64..90_000, cut in 0_i64..300_000) {
        let (hold, grid) = (Span::from_millis(hold), Grid::aligned(Span::from_millis(width)));
        let (from, middle, to) = (Time::from_micros(-30_000_000), Time::from_micros(cut * 1_000), Time::from_micros(300_000_000));
        let whole = cells((POINT, hold), grid, (from, to), None, &rows);
        let cut = rows.partition_point(|row| row.time < middle);
        let mut pieces = cells((POINT, hold), grid, (from, middle), None, &rows[..cut]);
        pieces.extend(cells((POINT, hold), grid, (middle, to), cut.checked_sub(1).map(|last| &rows[last]), &rows[cut..]));
        near(&roll_up(&pieces, grid), &whole)?;
    }

    #[test]
    fn minutes_make_hours(rows in rows(), hold in 0_i64..200_000, width in 1_i64..8) {
        let (hold, wide) = (Span::from_millis(hold), Grid::aligned(Span::from_secs(60 * width)));
        let range = (Time::from_micros(-MINUTE), Time::from_micros(5 * MINUTE));
        let narrow = cells((POINT, hold), Grid::aligned(Span::from_secs(60)), range, None, &rows);
        near(&roll_up(&narrow, wide), &cells((POINT, hold), wide, range, None, &rows))?;
    }

    #[test]
    fn the_mean_lies_between_the_values(rows in rows(), hold in 0_i64..200_000) {
        let values = || rows.iter().filter_map(judged);
        let (least, most) = (values().fold(f64::MAX, f64::min), values().fold(f64::MIN, f64::max));
        for figure in minutes(Span::from_millis(hold), (-1, 5), None, &rows) {
            let within = |mean: f64| least - 1e-6 <= mean && mean <= most + 1e-6;
            prop_assert!(figure.mean().is_none_or(within), "{:?}", figure);
            prop_assert!(figure.good <= Span::from_secs(60) && figure.count <= figure.samples);
        }
    }

    /// A late row changes the minute it lies in and those it may be held into, and no other.
    #[test]
    fn a_late_row_changes_no_more_than_it_may_be_held_into(rows in rows(), late in 0_i64..300_000, hold in 0_i64..200_000) {
        let span = Span::from_millis(hold);
        let mut more: Vec<_> = rows.iter().filter(|row| row.time != Time::from_micros(late * 1_000)).copied().collect();
        more.push(row(late, Some(77.0), Quality::Good));
        more.sort_by_key(|row| row.time);
        let (from, to) = (late.div_euclid(60_000), (late + hold).div_euclid(60_000));
        let touched = |figure: &Figure| (from..=to).contains(&figure.start.micros().div_euclid(MINUTE));
        let of = |rows: &[SampleRow]| minutes(span, (-1, 9), None, rows).into_iter().filter(|it| !touched(it)).collect::<Vec<_>>();
        prop_assert_eq!(of(&more), of(&rows));
    }
}
