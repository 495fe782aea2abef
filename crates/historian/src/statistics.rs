//! The figures of the alarm system over a period, gathered from stored events page by page; nothing is held open between pages.
//!
//! Limits: a period of at most `DAYS_MAX` days; `POSITIONS_MAX` positions in an answer.

use std::collections::BTreeSet;

use figures::{DurationFigures, Figures, Frequent, Judged, LEAD_IN, Statistics, Table, position_of};
use model::{EventBody, RecordedEvent, Span, Time, Transition};
use prost::Message as _;
use prost_types::Timestamp;
use store::{EventKey, EventQuery, EventRow, KindFilter, Store, StoreError};
use wire::{Failure, time_to_v1, v1};

use crate::request;

/// Longest period.
const DAYS_MAX: i64 = 400;

/// The period where only its end is given, and the least that the standard judges.
const DAYS_USUAL: i64 = 30;

/// Most positions of an answer: it stays below 4 MiB, which clients take by default (traps 56).
const POSITIONS_MAX: usize = 1_000;

/// Rows read at a time.
const ROWS: usize = 1_000;

const fn days(count: i64) -> Span {
    Span::from_secs(count * 86_400)
}

/// A checked request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    from: Time,
    to: Time,
    parks: BTreeSet<String>,
    enterprises: BTreeSet<String>,
    positions: BTreeSet<String>,
}

impl Wanted {
    pub(crate) fn of(request: v1::GetAlarmStatisticsRequest, now: Time) -> Result<Self, Failure> {
        let (from, to) = request::times(request.from.as_ref(), request.to.as_ref())?;
        let to = to.map_or(now, |to| to.min(now));
        let from = from.unwrap_or_else(|| to.plus(Span::from_micros(-days(DAYS_USUAL).micros())));
        if from >= to {
            return Err(Failure::field(
                "from",
                "from is not before to, or not before now; give an earlier time, or leave it out",
            ));
        }
        if to.since(from) > days(DAYS_MAX) {
            let message = format!("from lies more than {DAYS_MAX} days before to; give a shorter period");
            return Err(Failure::field("from", message));
        }
        Ok(Self {
            from,
            to,
            parks: listed("parks", request.parks)?,
            enterprises: listed("enterprises", request.enterprises)?,
            positions: listed("positions", request.positions)?,
        })
    }

    fn concerns(&self, row: &EventRow) -> bool {
        allows(&self.parks, &row.park) && allows(&self.enterprises, &row.enterprise)
    }

    fn is_of_position(&self, recorded: &RecordedEvent) -> bool {
        match &recorded.event.body {
            EventBody::Alarm(alarm) => allows(&self.positions, &position_of(&recorded.event, alarm)),
            _ => false,
        }
    }
}

fn listed(field: &'static str, names: Vec<String>) -> Result<BTreeSet<String>, Failure> {
    Ok(request::listed(field, names)?.into_iter().collect())
}

/// None listed means all.
fn allows(listed: &BTreeSet<String>, name: &str) -> bool {
    listed.is_empty() || listed.contains(name)
}

/// Reads what was recorded from a week before the period to its end.
pub(crate) async fn gather(store: &dyn Store, wanted: &Wanted) -> Result<Statistics, StoreError> {
    let kinds = Transition::ALL.iter().map(|kind| KindFilter::Exact(kind.as_str().to_owned())).collect();
    let query = EventQuery { kinds, ..EventQuery::default() };
    let lead_in = wanted.from.plus(Span::from_micros(-LEAD_IN.micros()));
    let mut table = Table::new(wanted.from, wanted.to);
    let mut after = Some(EventKey { position: store.recorded_before(lead_in).await?, ordinal: u32::MAX });
    while after.is_some() {
        let page = store.events(&query, after, ROWS).await?;
        after = page.next.filter(|_| page.rows.last().is_some_and(|last| last.recorded_at < wanted.to));
        for row in page.rows.iter().filter(|row| wanted.concerns(row)) {
            let recorded = decode(row)?;
            if wanted.is_of_position(&recorded) {
                table.take(&recorded);
            }
        }
    }
    Ok(table.finish())
}

fn decode(row: &EventRow) -> Result<RecordedEvent, StoreError> {
    let corrupt = |source| StoreError::Corrupt { doing: "read an event", source };
    let event = v1::Event::decode(row.body.as_slice()).map_err(|error| corrupt(Box::new(error)))?;
    wire::v1_to_recorded(&event).map_err(|error| corrupt(Box::new(error)))
}

/// The answer.
pub(crate) fn to_v1(statistics: Statistics, complete_to: Option<Timestamp>) -> v1::AlarmStatistics {
    let Statistics { from, to, total, positions } = statistics;
    let more = positions.len().saturating_sub(POSITIONS_MAX);
    v1::AlarmStatistics {
        from: Some(time_to_v1(from)),
        to: Some(time_to_v1(to)),
        complete_to,
        shorter_than_30_days: to.since(from) < days(DAYS_USUAL),
        total: Some(figures_to_v1(total)),
        positions: positions.into_iter().take(POSITIONS_MAX).map(figures_to_v1).collect(),
        more_positions: u32::try_from(more).unwrap_or(u32::MAX),
    }
}

fn figures_to_v1(figures: Figures) -> v1::PositionStatistics {
    v1::PositionStatistics {
        position: figures.position.to_string(),
        alarms: figures.alarms,
        excursions: figures.excursions,
        hidden: figures.hidden,
        by_priority: figures.by_priority.to_vec(),
        judgements: figures.judged().into_iter().map(judgement_to_v1).collect(),
        eemua_class: figures.class().as_str().to_owned(),
        most_frequent: figures.most_frequent.into_iter().map(frequent_to_v1).collect(),
        floods: figures.floods,
        flood_us: figures.flood_time.micros(),
        chattering_alarms: figures.chattering_alarms,
        chatter_episodes: figures.chatter_episodes,
        fleeting: figures.fleeting,
        standing: figures.standing,
        standing_at_end: figures.standing_at_end,
        not_cleared_in_24_h: figures.not_cleared,
        shelved: figures.shelved,
        suppressed: figures.suppressed,
        out_of_service: figures.out_of_service,
        time_to_acknowledge: Some(durations_to_v1(figures.to_acknowledge)),
        time_to_return: Some(durations_to_v1(figures.to_return)),
    }
}

fn judgement_to_v1(judged: Judged) -> v1::Judgement {
    let Judged { target, value, verdict } = judged;
    v1::Judgement {
        figure: target.figure.as_str().to_owned(),
        value,
        target: target.target,
        below: target.below,
        maximum: target.maximum,
        verdict: verdict.as_str().to_owned(),
        clause: target.clause.to_owned(),
    }
}

fn frequent_to_v1(frequent: Frequent) -> v1::FrequentAlarm {
    let Frequent { alarm: (point, alarm), count, share } = frequent;
    v1::FrequentAlarm { point: point.to_string(), alarm: alarm.to_string(), count, share }
}

fn durations_to_v1(durations: DurationFigures) -> v1::DurationFigures {
    let DurationFigures { count, mean, median, p90, max } = durations;
    v1::DurationFigures { count, mean_us: mean.micros(), median_us: median.micros(), p90_us: p90.micros(), max_us: max.micros() }
}
