//! Days that are over: judged once, at the park's own midnight, and stored.
//!
//! A day is judged when the partition and `events` have both come `SETTLED` beyond its end: an outage is told some time after it began.

use std::collections::BTreeMap;

use ::supervision::{Gaps, Judged, PartitionFold, judge};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use model::{Partition, Span, Time};
use store::{GapRow, RuleDayRow, RuleQuery, Store, StoreError};

use super::rows::{self, Spans};

/// How long after its end a day is judged.
pub(super) const SETTLED: Span = Span::from_secs(600);

/// Subjects judged at a time: the rules of so many are a page of the store.
pub(super) const SUBJECTS: usize = 500;

/// Parks whose time zone is not known, and enterprises outside any park.
const ELSEWHERE: &str = "UTC";

/// The end of the last day that was judged, by time zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct DaysDone {
    /// Journal time of the first record: the first day is the one it lies in.
    began: Option<Time>,
    zones: BTreeMap<String, Time>,
}

/// A day of one time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Day {
    pub(super) zone: String,
    pub(super) from: Time,
    pub(super) to: Time,
}

impl DaysDone {
    /// The first record is of this time.
    pub(super) fn begin(&mut self, time: Time) {
        self.began.get_or_insert(time);
    }

    /// The next day to judge of a fold that has come to `time`.
    pub(super) fn due(&mut self, fold: &PartitionFold, time: Time) -> Option<Day> {
        let mut zones: Vec<&str> = fold.zones().map(|(_, zone)| zone).chain([ELSEWHERE]).collect();
        zones.sort_unstable();
        zones.dedup();
        // A zone that comes later begins with the day in which it came.
        let first = if self.zones.is_empty() { self.began? } else { time };
        for zone in zones {
            let from = *self.zones.entry(zone.to_owned()).or_insert_with(|| day_of(zone, first).0);
            let (_, to) = day_of(zone, from);
            if time >= to.plus(SETTLED) {
                return Some(Day { zone: zone.to_owned(), from, to });
            }
        }
        None
    }

    /// A day is judged and stored.
    pub(super) fn done(&mut self, day: &Day) {
        self.zones.insert(day.zone.clone(), day.to);
    }

    /// As lines before a fold's state: `zone=microseconds`, with no zone for the begin, then an empty line.
    pub(super) fn joined_to(&self, fold: &[u8]) -> Vec<u8> {
        let began = self.began.map(|time| ("", time));
        let zones = self.zones.iter().map(|(zone, time)| (zone.as_str(), *time));
        let lines: String = began.into_iter().chain(zones).map(|(zone, time)| format!("{zone}={}\n", time.micros())).collect();
        [lines.as_bytes(), b"\n", fold].concat()
    }

    /// Takes apart what `joined_to` joined.
    pub(super) fn split_from(mut state: &[u8]) -> Option<(Self, &[u8])> {
        let mut days = BTreeMap::new();
        loop {
            let end = state.iter().position(|byte| *byte == b'\n')?;
            let (line, rest) = (std::str::from_utf8(&state[..end]).ok()?, &state[end + 1..]);
            state = rest;
            if line.is_empty() {
                return Some((Self { began: days.remove(""), zones: days }, state));
            }
            let (zone, micros) = line.rsplit_once('=')?;
            days.insert(zone.to_owned(), Time::from_micros(micros.parse().ok()?));
        }
    }
}

/// Begin and end of the day of a time zone that a moment lies in.
pub(super) fn day_of(zone: &str, time: Time) -> (Time, Time) {
    local_day(zone, time).unwrap_or_else(|| {
        const DAY: i64 = 86_400_000_000;
        let from = time.micros().div_euclid(DAY).saturating_mul(DAY);
        (Time::from_micros(from), Time::from_micros(from.saturating_add(DAY)))
    })
}

fn local_day(zone: &str, time: Time) -> Option<(Time, Time)> {
    let zone = TimeZone::get(zone).ok()?;
    let today = zone.to_datetime(Timestamp::from_microsecond(time.micros()).ok()?).date();
    // Where midnight is skipped the day begins right after what is skipped.
    let start = |date: Date| Some(Time::from_micros(zone.to_timestamp(date.at(0, 0, 0, 0)).ok()?.as_microsecond()));
    Some((start(today)?, start(today.tomorrow().ok()?)?))
}

/// The rows of a day of some subjects of one partition: of every rule that was in force in it.
pub(super) async fn judge_day(
    store: &dyn Store,
    fold: &PartitionFold,
    subjects: &[String],
    day: &Day,
) -> Result<Vec<RuleDayRow>, StoreError> {
    let of_zone = |park: &str| {
        let zone = fold.zones().find(|(id, _)| *id == park).map_or(ELSEWHERE, |(_, zone)| zone);
        zone == day.zone
    };
    let query = RuleQuery { points: subjects.to_vec(), from: day.from, to: day.to, ..RuleQuery::default() };
    let spans: Spans = rows::spans(store, &query).await?.spans.into_iter().filter(|it| of_zone(&it.park)).collect();
    let gaps = rows::gaps(store, &spans, day.from, day.to).await?;
    Ok(days_of(&spans, &gaps, day))
}

/// What rules may be of: every point that ever was here, and the gateways and enterprises of now.
pub(super) async fn subjects(store: &dyn Store, partition: Partition, fold: &PartitionFold) -> Result<Vec<String>, StoreError> {
    let here = |enterprise: &str| model::EnterpriseId::new(enterprise).is_ok_and(|id| Partition::of(&id) == partition);
    let points = store.points().await?.into_iter().filter(|it| here(&it.enterprise)).map(|it| it.id);
    let mut subjects: Vec<String> = points.chain(fold.rules().map(|it| it.point.to_string())).collect();
    subjects.sort_unstable();
    subjects.dedup();
    Ok(subjects)
}

pub(super) fn days_of(spans: &Spans, gaps: &Gaps, day: &Day) -> Vec<RuleDayRow> {
    let mut judged: BTreeMap<(&str, &str), (RuleDayRow, Judged)> = BTreeMap::new();
    for span in spans {
        let row = || RuleDayRow {
            day: day.from,
            point: span.point.to_string(),
            alarm: span.alarm.to_string(),
            park: span.park.to_string(),
            enterprise: span.enterprise.to_string(),
            in_force: Span::ZERO,
            supervised: Span::ZERO,
            reasons: BTreeMap::new(),
        };
        let (_, so_far) = judged.entry((&span.point, &span.alarm)).or_insert_with(|| (row(), Judged::default()));
        so_far.add(judge(span, gaps, day.from, day.to));
    }
    let whole = |(row, judged): (RuleDayRow, Judged)| RuleDayRow {
        in_force: judged.in_force,
        supervised: judged.supervised,
        reasons: judged.by_reason().into_iter().map(|(reason, span)| (reason.as_str().to_owned(), span)).collect(),
        ..row
    };
    judged.into_values().map(whole).collect()
}

/// The row of a gap as the fold knows it; of reasons of a later version nothing.
pub(super) fn gap_of(row: GapRow) -> Option<::supervision::Gap> {
    let GapRow { scope, reason, from, to, evidence } = row;
    Some(::supervision::Gap { scope, reason: ::supervision::Reason::parse(&reason)?, from, to, evidence })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Time {
        Time::from_micros(text.parse::<Timestamp>().unwrap().as_microsecond())
    }

    #[test]
    fn days_begin_at_midnight_where_the_park_is() {
        let noon = time("2026-03-29T12:00:00Z");
        let day = |zone: &str| day_of(zone, noon);
        assert_eq!(day("Asia/Shanghai"), (time("2026-03-28T16:00:00Z"), time("2026-03-29T16:00:00Z")));
        assert_eq!(day("Europe/Berlin"), (time("2026-03-28T23:00:00Z"), time("2026-03-29T22:00:00Z")), "a day of 23 hours");
        let utc = (time("2026-03-29T00:00:00Z"), time("2026-03-30T00:00:00Z"));
        assert_eq!((day("UTC"), day("no/where")), (utc, utc));
        assert_eq!(day_of("Asia/Shanghai", time("2026-03-28T16:00:00Z")).0, time("2026-03-28T16:00:00Z"));
    }

    #[test]
    fn what_is_done_reads_back() {
        let mut done = DaysDone::default();
        done.begin(time("2026-03-29T12:00:00Z"));
        done.done(&Day { zone: "Asia/Shanghai".to_owned(), from: Time::MIN, to: time("2026-03-29T16:00:00Z") });
        let state = done.joined_to(b"\n=state");
        assert_eq!(DaysDone::split_from(&state), Some((done, &b"\n=state"[..])));
        assert_eq!(DaysDone::split_from(b"\n"), Some((DaysDone::default(), &b""[..])));
        for broken in [&b"x"[..], b"x\n", b"x=y\n\n"] {
            assert_eq!(DaysDone::split_from(broken), None);
        }
    }
}
