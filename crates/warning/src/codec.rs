//! Snapshots of warnings, in a format of its own.
//!
//! Version 2: magic `DVWN`, version u32, then the parts in the order of `restore` below; of each value its parts in the order of `pieces!`,
//! in the format of the crate pieces. The site is not in it: whoever restores names the revision that was in force. Counts of alarms, and
//! which warning is open where, are made anew.

use std::collections::BTreeMap;

use model::{Revision, WarningRuleId};
use pieces::{Broken, Format, Piece, Reader, RestoreError, pieces};

use crate::cells::Held;
use crate::fold::Warnings;
use crate::outcomes::Outcome;
use crate::rules::Rules;
use crate::warning::{Closing, Done, Message, Party, Place, Step, Warning};

/// The version of the format that is written and read; of another one the fold starts anew.
pub const SNAPSHOT_VERSION: u32 = 2;

const FORMAT: Format = Format { magic: *b"DVWN", version: SNAPSHOT_VERSION, of: "warnings" };

impl Warnings {
    /// The state after the last event applied.
    pub fn snapshot(&self) -> Vec<u8> {
        let mut out = FORMAT.begin();
        self.now.write(&mut out);
        self.active.write(&mut out);
        let held: BTreeMap<_, _> = self.cells.0.iter().filter_map(|(key, cell)| Some((key.clone(), cell.held?))).collect();
        held.write(&mut out);
        self.warnings.write(&mut out);
        self.closed.write(&mut out);
        self.outcomes.by_request.write(&mut out);
        self.outcomes.in_order.write(&mut out);
        self.wanted.write(&mut out);
        self.pictures.write(&mut out);
        self.origins.write(&mut out);
        out
    }

    /// The fold that wrote these bytes, under the revision that was in force then.
    pub fn restore(revision: &Revision, bytes: &[u8]) -> Result<Self, RestoreError> {
        FORMAT.read(bytes, |read| Self::parts(revision, read))
    }

    fn parts(revision: &Revision, read: &mut Reader<'_>) -> Result<Self, Broken> {
        let mut fold = Self { rules: Rules::of(revision), now: Piece::read(read)?, ..Self::default() };
        fold.active = Piece::read(read)?;
        let held: BTreeMap<(WarningRuleId, Place), Held> = Piece::read(read)?;
        fold.warnings = Piece::read(read)?;
        fold.closed = Piece::read(read)?;
        fold.outcomes.by_request = Piece::read(read)?;
        fold.outcomes.in_order = Piece::read(read)?;
        fold.wanted = Piece::read(read)?;
        fold.pictures = Piece::read(read)?;
        fold.origins = Piece::read(read)?;
        fold.index(&held);
        Ok(fold)
    }

    fn index(&mut self, held: &BTreeMap<(WarningRuleId, Place), Held>) {
        self.cells.recount(&self.rules, &self.active, self.now);
        for (key, cell) in &mut self.cells.0 {
            cell.held = held.get(key).copied();
        }
        let own = self.warnings.values().filter(|warning| !self.origins.contains_key(&warning.id));
        let open = own.filter(|warning| warning.closed.is_none());
        self.open = open.map(|it| ((it.topic.clone(), it.place.clone()), it.id.clone())).collect();
    }
}

pieces! {
    Place { kind, id }
    Held { since, told }
    Done { at, late, actor, text, evidence }
    Step { deadline, done, overdue }
    Party { department, name, level, steps }
    Closing { at, cancelled, department, actor, text, evidence }
    Message { event, at, transition }
    Outcome { event, position, at, warning, department, action, refused }
    Warning {
        id, rule, name, topic, place, scope, revision, colour, level, action, within, escalate, close_on_return, occurred_at,
        opened_at, changed_at, addressees, alarms, more_alarms, returned_at, closed, messages, gone_since
    }
}
