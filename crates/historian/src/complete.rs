//! Up to when an answer is complete.
//!
//! Said from evidence and not from the clock: a record that was stamped but is not yet visible stands in the log after everything
//! visible, and journal time never falls, so it is no older than the newest visible record of any journal. If everything visible of
//! the journals concerned is stored, the answer is complete up to that time; else up to before the first record not stored.

use std::time::Duration;

use journal::{Journal, JournalId, Level, ReadLimit};
use model::{Position, Span, Time};
use store::{Progress, Store, StoreError};

use crate::progress::Stored;

/// How long a query waits for what was durable when it came, so that a caller reads what was acknowledged before.
const WAIT: Duration = Duration::from_secs(1);

/// Which journals an answer rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Concerns {
    Samples,
    Events,
    Dead,
}

/// To be asked before the rows are read: everything recorded up to the time answered is then among them. `None` where nothing was
/// ever recorded.
pub(crate) async fn complete_to(
    journal: &dyn Journal,
    store: &dyn Store,
    stored: &Stored,
    concerns: Concerns,
) -> Result<Option<Time>, StoreError> {
    let newest = newest_visible(journal);
    let journals = journals(journal, concerns);
    let durable: Vec<_> = journals.iter().map(|id| (*id, journal.bounds(*id).durable)).collect();
    stored.wait(&durable, WAIT).await;
    let progress = store.progress().await?;
    let mut complete = newest;
    for id in journals {
        complete = complete.min(complete_in(journal, id, &progress, newest).await);
    }
    Ok((complete > Time::MIN).then_some(complete))
}

pub(crate) fn newest_visible(journal: &dyn Journal) -> Time {
    let partitions = journal.partitions().into_iter().map(JournalId::Telemetry);
    let times = partitions.chain([JournalId::Events, JournalId::Dead]).map(|id| journal.bounds(id).last_time);
    times.max().unwrap_or(Time::MIN)
}

fn journals(journal: &dyn Journal, concerns: Concerns) -> Vec<JournalId> {
    match concerns {
        Concerns::Samples => journal.partitions().into_iter().map(JournalId::Telemetry).collect(),
        Concerns::Events => vec![JournalId::Events],
        Concerns::Dead => vec![JournalId::Dead],
    }
}

pub(crate) async fn complete_in(journal: &dyn Journal, id: JournalId, progress: &Progress, newest: Time) -> Time {
    let name = id.to_string();
    let (position, time) = progress.positions.get(&name).copied().unwrap_or((Position(0), Time::MIN));
    if position >= journal.bounds(id).appended {
        return newest;
    }
    let one = ReadLimit { records: 1, bytes: 1 };
    match journal.read(id, position, Level::Appended, one).await {
        Ok(records) => records.first().map_or(newest, |next| next.time.plus(Span::from_micros(-1))),
        // Dropped before it was stored, or not readable at present: what is stored is all that can be said.
        Err(_) => time.plus(Span::from_micros(-1)),
    }
}
