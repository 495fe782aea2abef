//! The list as it was: `events` folded anew up to a cursor or a time, from the newest state known before it.
//!
//! One such question at a time: it reads what may be millions of records from the disk that alarms go to. The last answer is kept, so that its
//! pages, and questions about what comes after it, are cheap.

use std::sync::Arc;
use std::time::Duration;

use journal::{Journal, JournalError, JournalId, JournalRecord, Key, Level, ReadLimit};
use model::{ErrorKind, Position, Time};
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::error;
use wire::{Cursor, Failure};

use super::fold::Open;
use super::list::Moment;

/// A list of the past and what it stands for.
#[derive(Debug)]
pub(crate) struct Then {
    pub(crate) open: Open,
    pub(crate) cursor: Cursor,
    pub(crate) time: Option<Time>,
}

/// Answers questions about the past.
pub(crate) struct Past {
    journal: Arc<dyn Journal>,
    wait_limit: Duration,
    seat: Semaphore,
    kept: Mutex<Option<Arc<Then>>>,
}

/// Where a fold ends.
#[derive(Clone, Copy)]
enum End {
    /// After so many events of the record at the position.
    Place(Position, u32),
    /// Before the first record that is later.
    Time(Time),
}

impl End {
    fn of(cursor: &Cursor) -> Self {
        match cursor.seen {
            0 => Self::Place(Position(cursor.position.0.saturating_sub(1)), Cursor::WHOLE),
            seen => Self::Place(cursor.position, seen),
        }
    }

    /// Whether a state that holds all records up to a place is not beyond it.
    fn holds(self, position: Position, time: Option<Time>) -> bool {
        match self {
            Self::Place(end, seen) => position < end || (position == end && seen == Cursor::WHOLE),
            Self::Time(end) => time.is_some_and(|time| time <= end),
        }
    }

    /// How many events of a record come before the end.
    fn events_of(self, record: &JournalRecord) -> u32 {
        match self {
            Self::Place(end, seen) if record.position == end => seen,
            Self::Place(end, _) if record.position < end => Cursor::WHOLE,
            Self::Time(end) if record.time <= end => Cursor::WHOLE,
            Self::Place(..) | Self::Time(_) => 0,
        }
    }
}

impl Past {
    pub(crate) fn new(journal: Arc<dyn Journal>, wait_limit: Duration) -> Self {
        Self { journal, wait_limit, seat: Semaphore::new(1), kept: Mutex::default() }
    }

    /// The list as it was. A caller who goes away ends the work at the next read.
    pub(crate) async fn at(&self, moment: Moment) -> Result<Arc<Then>, Failure> {
        let end = match moment {
            Moment::Now => End::Place(self.journal.bounds(JournalId::Events).durable, Cursor::WHOLE),
            Moment::Cursor(cursor) => {
                self.check(&cursor)?;
                End::of(&cursor)
            }
            Moment::Time(time) => self.check_time(time).await?,
        };
        if let Some(kept) = self.kept(end) {
            return Ok(kept);
        }
        let _seat = self.seat.try_acquire().map_err(|_| {
            let message = "one list of the past is made at a time, and another is asked for; try again in a while";
            Failure::new(ErrorKind::Exhausted, "busy_with_the_past", message)
        })?;
        let mut open = self.start(end).await?;
        self.fold(&mut open, end).await?;
        let then = Arc::new(self.stands_for(open, end).await?);
        *self.kept.lock() = Some(Arc::clone(&then));
        Ok(then)
    }

    /// The last answer, where it is that of the same place.
    fn kept(&self, end: End) -> Option<Arc<Then>> {
        let End::Place(position, seen) = end else { return None };
        self.kept.lock().as_ref().filter(|it| (it.cursor.position, it.cursor.seen) == (position, seen)).cloned()
    }

    fn check(&self, cursor: &Cursor) -> Result<(), Failure> {
        let durable = self.journal.bounds(JournalId::Events).durable;
        if cursor.epoch != self.journal.epoch() {
            let (of, is) = (cursor.epoch, self.journal.epoch());
            let message = format!("the cursor is of epoch {of}, the journal is of epoch {is}: it was restored; ask by time");
            return Err(Failure::new(ErrorKind::OutOfRange, "cursor_epoch", message));
        }
        if cursor.position > durable {
            let message =
                format!("the cursor is at {}, the journal ends at {}; leave it out for now", cursor.position.0, durable.0);
            return Err(Failure::new(ErrorKind::OutOfRange, "cursor_ahead", message));
        }
        Ok(())
    }

    /// A time must have passed, and all that was recorded until then must be durable: its list never changes again.
    async fn check_time(&self, time: Time) -> Result<End, Failure> {
        let now = self.journal.now();
        if time >= now {
            let now = wire::format_time(now);
            return Err(Failure::field(
                "time",
                format!("it must lie before {now}, the journal's time now; leave it out for now"),
            ));
        }
        let appended = self.journal.bounds(JournalId::Events).appended;
        match timeout(self.wait_limit, self.journal.durable(JournalId::Events, appended)).await {
            Ok(waited) => waited.map(|()| End::Time(time)).map_err(|error| of_journal(&error)),
            Err(_) => Err(Failure::new(ErrorKind::Unavailable, "list_lags", "the journal is not synced so far yet; try again")),
        }
    }

    /// The newest state known that is not beyond the end: the last answer, a snapshot of the list, or nothing.
    async fn start(&self, end: End) -> Result<Open, Failure> {
        let mut best = Open::new(0);
        if let Some(kept) = self.kept.lock().clone()
            && kept.cursor.seen == Cursor::WHOLE
            && end.holds(kept.open.position, kept.open.time)
        {
            best = kept.open.clone();
        }
        let key = Key::new("alarms").map_err(|error| of_journal(&error))?;
        for snapshot in self.journal.snapshots(&key).await.map_err(|error| of_journal(&error))? {
            let mut open = Open::new(0);
            if snapshot.position <= best.position || open.restore(&snapshot.body).is_none() {
                continue;
            }
            open.time = self.time_of(snapshot.position).await?;
            if end.holds(open.position, open.time) {
                best = open;
            }
        }
        Ok(best)
    }

    async fn fold(&self, open: &mut Open, end: End) -> Result<(), Failure> {
        loop {
            if let End::Place(position, _) = end
                && open.position >= position
            {
                return Ok(());
            }
            let records = self.read(open.position, ReadLimit::default()).await?;
            if records.is_empty() {
                return Ok(());
            }
            for record in &records {
                match end.events_of(record) {
                    0 => return Ok(()),
                    events => open.apply_until(record, events),
                }
            }
            // Alarms come first; and a caller who went away is noticed here.
            tokio::task::yield_now().await;
        }
    }

    async fn stands_for(&self, open: Open, end: End) -> Result<Then, Failure> {
        let (seen, time) = match end {
            End::Place(_, seen) if open.time.is_some() => (seen, open.time),
            End::Place(_, seen) => (seen, self.time_of(open.position).await?),
            End::Time(time) => (Cursor::WHOLE, Some(time)),
        };
        let cursor = Cursor { seen, ..Cursor::after(self.journal.epoch(), open.position) };
        Ok(Then { open, cursor, time })
    }

    /// Journal time of a record; `None` where it is not kept.
    pub(crate) async fn time_of(&self, position: Position) -> Result<Option<Time>, Failure> {
        let Some(before) = position.0.checked_sub(1) else { return Ok(None) };
        let limit = ReadLimit { records: 1, bytes: 1 };
        match self.journal.read(JournalId::Events, Position(before), Level::Durable, limit).await {
            Ok(records) => Ok(records.first().filter(|it| it.position == position).map(|it| it.time)),
            Err(JournalError::Trimmed { .. }) => Ok(None),
            Err(error) => Err(of_journal(&error)),
        }
    }

    async fn read(&self, after: Position, limit: ReadLimit) -> Result<Vec<JournalRecord>, Failure> {
        match self.journal.read(JournalId::Events, after, Level::Durable, limit).await {
            Ok(records) => Ok(records),
            Err(JournalError::Trimmed { first, .. }) => Err(self.not_kept(first)),
            Err(error) => Err(of_journal(&error)),
        }
    }

    fn not_kept(&self, first: Position) -> Failure {
        let message = format!(
            "events before position {} are no longer kept here, and no list of then is; ask for a later moment, or read the events of then \
             from the history",
            first.0
        );
        let earliest = Cursor::after(self.journal.epoch(), Position(first.0.saturating_sub(1)));
        Failure::new(ErrorKind::OutOfRange, "past_not_kept", message).with("earliest_cursor", earliest.encode())
    }
}

fn of_journal(error: &JournalError) -> Failure {
    error!(%error, "a list of the past was not made");
    Failure::new(ErrorKind::Unavailable, "journal", "the journal cannot be read at present; try again")
}
