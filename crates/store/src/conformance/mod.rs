//! What every backend must do, as tests that take a store: the trait's promises, spelled out.

mod answers;
mod events;
mod figures;
mod figures_kept;
mod occurrences;
mod positions;
mod queries;
mod samples;
mod supervision;
mod upkeep;

use std::sync::Arc;

pub use answers::{Asked, answers_match};
pub use figures::figures_match;
pub use figures_kept::{Standing, holding, kept_match, settle};
use model::{Epoch, PointNumber, Position, Quality, SampleFlags, Time};

use crate::{EventRow, PointRow, SampleKey, SampleQuery, SampleRow, Store, StoredSample, WriteBatch};

/// Runs every case on an empty store of its own.
pub async fn all<F: AsyncFn() -> Arc<dyn Store>>(fresh: F) {
    positions::empty(&*fresh().await).await;
    positions::move_with_the_rows(&*fresh().await).await;
    positions::refuse_what_does_not_follow(&*fresh().await).await;
    positions::refuse_another_epoch(&*fresh().await).await;
    positions::let_one_of_many_writers_through(fresh().await).await;
    samples::last_recorded_stands(&*fresh().await).await;
    samples::pages_join_up(&*fresh().await).await;
    samples::pages_join_up_where_thin_rows_turn_dense(&*fresh().await).await;
    samples::ranges_have_exact_ends(&*fresh().await).await;
    samples::points_are_named_by_revisions(&*fresh().await).await;
    samples::nothing_is_refused(&*fresh().await).await;
    figures::of_a_worked_example(&*fresh().await).await;
    figures::of_bad_input(&*fresh().await).await;
    events::come_in_journal_order(&*fresh().await).await;
    events::are_filtered(&*fresh().await).await;
    events::are_unique_by_id(&*fresh().await).await;
    events::hold_any_text(&*fresh().await).await;
    events::are_found_by_the_time_of_their_record(&*fresh().await).await;
    events::last_of_a_kind_and_subject(&*fresh().await).await;
    events::dead_letters_page_and_filter(&*fresh().await).await;
    events::dead_letters_are_forgotten_from_the_oldest(&*fresh().await).await;
    events::dead_letters_are_forgotten_in_bounded_steps(&*fresh().await).await;
    queries::points_by_id(&*fresh().await).await;
    queries::samples_by_point_and_time(&*fresh().await).await;
    queries::samples_at_a_time(&*fresh().await).await;
    queries::events_by_place(&*fresh().await).await;
    occurrences::live_as_their_events_say(&*fresh().await).await;
    occurrences::are_filtered_and_paged(&*fresh().await).await;
    occurrences::hold_whatever_an_event_holds(&*fresh().await).await;
    figures_kept::are_what_the_raw_samples_say(&*fresh().await).await;
    figures_kept::are_worked_out_when_a_minute_is_over(&*fresh().await).await;
    figures_kept::follow_late_samples(&*fresh().await).await;
    figures_kept::lose_nothing_that_is_written_meanwhile(fresh().await).await;
    figures_kept::are_not_kept_of_impossible_times(&*fresh().await).await;
    answers::are_those_of_the_raw_rows(&*fresh().await).await;
    upkeep::deletes_samples_that_figures_have_seen(&*fresh().await).await;
    upkeep::deletes_no_sample_that_figures_have_not_seen(&*fresh().await).await;
    upkeep::late_samples_spoil_no_figure_whose_ground_is_gone(&*fresh().await).await;
    upkeep::keeps_what_is_held(&*fresh().await).await;
    upkeep::deletes_old_events_and_closed_alarms(&*fresh().await).await;
    supervision_record(fresh).await;
}

/// The cases of the supervision record alone.
pub async fn supervision_record<F: AsyncFn() -> Arc<dyn Store>>(fresh: F) {
    supervision::moves_with_its_position(&*fresh().await).await;
    supervision::gaps_get_their_ends(&*fresh().await).await;
    supervision::rules_and_days_are_filtered(&*fresh().await).await;
    supervision::goes_when_it_is_old(&*fresh().await).await;
    supervision::holds_any_text(&*fresh().await).await;
}

/// The epoch of the journal in these tests.
pub const EPOCH: Epoch = Epoch(0xfeed_0000_0000_0001);

/// A batch of one journal, to be filled.
pub fn batch(journal: &str, after: u64, upto: u64) -> WriteBatch {
    WriteBatch {
        journal: journal.to_owned(),
        epoch: EPOCH,
        after: Position(after),
        upto: Position(upto),
        time: Time::YEAR_2000,
        ..WriteBatch::default()
    }
}

/// The batch as a journal would give it: none of its rows was recorded after its time.
pub(crate) fn dated(batch: WriteBatch) -> WriteBatch {
    let time = batch.samples.iter().map(|row| row.recorded_at).fold(batch.time, Time::max);
    WriteBatch { time, ..batch }
}

/// A good sample, recorded a millisecond later.
pub fn sample(point: u32, time: i64, value: f64) -> SampleRow {
    let (point, recorded_at) = (PointNumber(point), Time::from_micros(time.saturating_add(1_000)));
    let (time, flags) = (Time::from_micros(time), SampleFlags::default());
    SampleRow { point, time, value: Some(value), quality: Quality::Good, flags, recorded_at }
}

/// A point named after its number: `p7`.
pub fn point(number: u32) -> PointRow {
    PointRow { number: PointNumber(number), id: format!("p{number}"), unit: "kPa".to_owned(), ..PointRow::default() }
}

/// An event whose id says where it stands.
pub fn event(position: u64, ordinal: u32, kind: &str, subject: &str, occurred_at: i64) -> EventRow {
    EventRow {
        position: Position(position),
        ordinal,
        id: format!("{EPOCH}-engine/17-{position}-{ordinal}"),
        occurred_at: Time::from_micros(occurred_at),
        recorded_at: Time::from_micros(occurred_at),
        kind: kind.to_owned(),
        subject: subject.to_owned(),
        park: "rugang".to_owned(),
        enterprise: "e01".to_owned(),
        installation: String::new(),
        body: vec![0, 255, 1],
    }
}

/// Reads page after page until there is no more, and checks that no page breaks its promises.
pub async fn every_sample(store: &dyn Store, query: &SampleQuery, limit: usize) -> Vec<StoredSample> {
    let mut rows = Vec::new();
    let mut after = None;
    loop {
        let page = store.samples(query, after, limit).await.expect("a page");
        assert!(page.rows.len() <= limit, "a page of {limit} has {} rows", page.rows.len());
        let last = page.rows.last().map(|row| SampleKey { time: row.row.time, point: row.row.point });
        rows.extend(page.rows);
        let Some(next) = page.next else { return rows };
        assert_eq!(last, Some(next), "the next page goes on after the last row");
        after = Some(next);
    }
}
