//! Snapshots of casework, in a format of its own.
//!
//! Version 1: magic `DVCW`, version u32, then the parts in the order of `parts` below; of each value its parts in the order of `pieces!`, in
//! the format of the crate pieces. The site is not in it: whoever restores names the revision that was in force. When something is to be
//! said next is made anew.

use model::Revision;
use pieces::{Broken, Format, Piece, Reader, RestoreError, pieces};

use crate::book::{HandOver, Seen, ShiftKey};
use crate::cases::{Answer, Case, Ended, Extension, Task};
use crate::fold::Casework;
use crate::incidents::{About, Closing, Done, Entry, Incident, Notice, Row, Sighting};
use crate::outcomes::Outcome;
use crate::sites::{Place, Sites};

/// The version of the format that is written and read.
pub const SNAPSHOT_VERSION: u32 = 1;

const FORMAT: Format = Format { magic: *b"DVCW", version: SNAPSHOT_VERSION, of: "casework" };

impl Casework {
    /// The state after the last event applied.
    pub fn snapshot(&self) -> Vec<u8> {
        let mut out = FORMAT.begin();
        self.now.write(&mut out);
        self.cases.all.write(&mut out);
        self.cases.ended.write(&mut out);
        self.incidents.all.write(&mut out);
        self.incidents.closed.write(&mut out);
        self.incidents.sightings.by_event.write(&mut out);
        self.incidents.sightings.in_order.write(&mut out);
        self.book.shifts.write(&mut out);
        self.book.hand_overs.write(&mut out);
        self.book.in_order.write(&mut out);
        self.book.seen.write(&mut out);
        self.outcomes.by_request.write(&mut out);
        self.outcomes.in_order.write(&mut out);
        out
    }

    /// The fold that wrote these bytes, under the revision that was in force then.
    pub fn restore(revision: &Revision, bytes: &[u8]) -> Result<Self, RestoreError> {
        FORMAT.read(bytes, |read| Self::parts(revision, read))
    }

    fn parts(revision: &Revision, read: &mut Reader<'_>) -> Result<Self, Broken> {
        let mut fold = Self { sites: Sites::of(revision), now: Piece::read(read)?, ..Self::default() };
        fold.cases.all = Piece::read(read)?;
        fold.cases.ended = Piece::read(read)?;
        fold.incidents.all = Piece::read(read)?;
        fold.incidents.closed = Piece::read(read)?;
        fold.incidents.sightings.by_event = Piece::read(read)?;
        fold.incidents.sightings.in_order = Piece::read(read)?;
        fold.book.shifts = Piece::read(read)?;
        fold.book.hand_overs = Piece::read(read)?;
        fold.book.in_order = Piece::read(read)?;
        fold.book.seen = Piece::read(read)?;
        fold.outcomes.by_request = Piece::read(read)?;
        fold.outcomes.in_order = Piece::read(read)?;
        fold.cases.index();
        fold.incidents.index();
        Ok(fold)
    }
}

pieces! {
    Place { kind, id }
    Outcome { event, position, at, action, of, department, refused }
    Answer { at, late, actor, text, evidence }
    Extension { at, from, to, actor, text }
    Task { department, name, task, due, answer, overdue, extensions }
    Ended { at, cancelled, actor, text }
    Case {
        id, title, place, scope, revision, opener, actor, text, evidence, opened_at, changed_at, tasks, ended
    }
    Sighting { at, warning, subject }
    About { event, at, warning, subject }
    Done { event, told_at, recorded_at, late }
    Row { duty, waived, reminded, overdue, done }
    Notice { event, recorded_at, duty, notice, late, department, actor, text }
    Closing { at, in_error, department, actor, text }
    Entry { at, recorded_at, event, kind, duty, late, department, actor, text }
    Incident {
        id, kind, title, place, scope, revision, happened_at, known_at, losses, class, rows, notices, about, doubts, declared_at,
        changed_at, department, actor, text, closing, entries, more_entries
    }
    ShiftKey { to, from, department, role }
    HandOver { id, department, at, from_person, to_person, text, events, confirmed_at, confirmed_text }
    Seen { at, by, department, person, event }
}
