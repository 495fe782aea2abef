//! The site that was in force where the record that brought it is gone: `events` still has it.

use std::sync::Arc;

use journal::{Journal, JournalId, Level, ReadLimit};
use model::{Partition, Position, Revision, Time};
use store::{EventQuery, KindFilter, Store};

use crate::run::Fault;

/// Revisions looked at a time.
const ROWS: usize = 100;

/// The part of the last revision recorded up to a time, if it is still there.
pub(super) async fn in_force(
    journal: &dyn Journal,
    store: &dyn Store,
    partition: Partition,
    upto: Time,
) -> Result<Option<Arc<Revision>>, Fault> {
    let query = EventQuery { kinds: vec![KindFilter::Exact("site.revised".to_owned())], ..EventQuery::default() };
    let (mut last, mut after) = (None, None);
    loop {
        let page = store.events(&query, after, ROWS).await?;
        last = page.rows.iter().filter(|row| row.recorded_at <= upto).map(|row| row.position).next_back().or(last);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let Some(position) = last else { return Ok(None) };
    let one = ReadLimit { records: 1, bytes: 1 };
    let before = Position(position.0.saturating_sub(1));
    // Pruned or not readable: the next revision will say what the site is.
    let Ok(records) = journal.read(JournalId::Events, before, Level::Durable, one).await else { return Ok(None) };
    let record = records.first().filter(|record| record.position == position);
    let decoded = record.and_then(|record| wire::decode_event_record(&record.body).ok());
    Ok(decoded.and_then(|it| it.site).map(|site| Arc::new(site.part(partition))))
}
