//! Snapshots of warnings, in a format of its own.
//!
//! Version 2, little-endian: magic `DVWN`, version u32, then the parts in the order of `restore` below; of each value its parts in the order
//! of `pieces!`. A text is its length (u32) and its bytes; a list or a table is its length (u32) and its items; what may be missing is a byte
//! (0 or 1) and, after 1, the value; a truth is a byte; a word of a closed set is its text; times and spans are i64. The site is not in it:
//! whoever restores names the revision that was in force. Counts of alarms, and which warning is open where, are made anew.
//! Version 1 ends before the origins of warnings, and is read.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use model::{
    AlarmFacts, AlarmId, AlarmKind, Colour, DepartmentId, Epoch, EventId, KeySeq, Level, Position, Priority, Quantity, RequestId,
    Revision, RevisionNumber, Scope, Span, StepSpans, Time, WarningAction, WarningCause, WarningPlace, WarningRefusal,
    WarningRuleId,
};

use crate::cells::Held;
use crate::fold::Warnings;
use crate::outcomes::Outcome;
use crate::rules::Rules;
use crate::warning::{Closing, Done, Party, Place, Step, Warning};

/// The version of the format that is written; it and the one before are read.
pub const SNAPSHOT_VERSION: u32 = 2;

const MAGIC: &[u8; 4] = b"DVWN";

/// Why a snapshot cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// It does not begin like one.
    #[error("read a snapshot of warnings: this is none")]
    NotASnapshot,
    /// It is of another version.
    #[error("read a snapshot of warnings of version {found}: this program reads version {SNAPSHOT_VERSION}")]
    Version {
        /// The version it names.
        found: u32,
    },
    /// It ends too early, goes on too long, or says what cannot be.
    #[error("read a snapshot of warnings: it is broken at byte {at}")]
    Broken {
        /// Where.
        at: usize,
    },
}

impl Warnings {
    /// The state after the last event applied.
    pub fn snapshot(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        SNAPSHOT_VERSION.write(&mut out);
        self.now.write(&mut out);
        self.active.write(&mut out);
        let held: BTreeMap<_, _> = self.cells.0.iter().filter_map(|(key, cell)| Some((key.clone(), cell.held?))).collect();
        held.write(&mut out);
        self.warnings.write(&mut out);
        self.closed.write(&mut out);
        self.outcomes.by_request.write(&mut out);
        self.outcomes.in_order.write(&mut out);
        self.origins.write(&mut out);
        out
    }

    /// The fold that wrote these bytes, under the revision that was in force then.
    pub fn restore(revision: &Revision, bytes: &[u8]) -> Result<Self, RestoreError> {
        let mut read = Reader { bytes, at: 0 };
        if read.take(4).ok() != Some(MAGIC.as_slice()) {
            return Err(RestoreError::NotASnapshot);
        }
        let found = u32::read(&mut read)?;
        if !(1..=SNAPSHOT_VERSION).contains(&found) {
            return Err(RestoreError::Version { found });
        }
        let mut fold = Self { rules: Rules::of(revision), now: Piece::read(&mut read)?, ..Self::default() };
        fold.active = Piece::read(&mut read)?;
        let held: BTreeMap<(WarningRuleId, Place), Held> = Piece::read(&mut read)?;
        fold.warnings = Piece::read(&mut read)?;
        fold.closed = Piece::read(&mut read)?;
        fold.outcomes.by_request = Piece::read(&mut read)?;
        fold.outcomes.in_order = Piece::read(&mut read)?;
        if found > 1 {
            fold.origins = Piece::read(&mut read)?;
        }
        if read.at < bytes.len() {
            return Err(read.broken());
        }
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

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

type Read<T> = Result<T, RestoreError>;

impl<'a> Reader<'a> {
    const fn broken(&self) -> RestoreError {
        RestoreError::Broken { at: self.at }
    }

    fn take(&mut self, length: usize) -> Read<&'a [u8]> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = rest.get(..length).ok_or_else(|| self.broken())?;
        self.at += length;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let taken = self.take(N)?;
        taken.try_into().map_err(|_| self.broken())
    }

    /// The length is not trusted with memory: items are read until they are there or the bytes end.
    fn list<T: Piece, C: FromIterator<T>>(&mut self) -> Read<C> {
        let length = u32::read(self)?;
        (0..length).map(|_| T::read(self)).collect()
    }
}

/// A value that is written and read the same way.
trait Piece: Sized {
    fn write(&self, out: &mut Vec<u8>);
    fn read(read: &mut Reader<'_>) -> Read<Self>;
}

/// Structs as their fields in order.
macro_rules! pieces {
    ($($name:ident { $($field:ident),+ })+) => {
        $(impl Piece for $name {
            fn write(&self, out: &mut Vec<u8>) {
                $(self.$field.write(out);)+
            }

            fn read(read: &mut Reader<'_>) -> Read<Self> {
                Ok(Self { $($field: Piece::read(read)?),+ })
            }
        })+
    };
}

pieces! {
    EventId { epoch, key, key_seq, ordinal }
    Scope { park, enterprise, installation }
    Place { kind, id }
    AlarmFacts { point, alarm, kind, quantity, priority, scope, occurrence }
    Held { since, told }
    Done { at, late, actor, text, evidence }
    Step { deadline, done, overdue }
    Party { department, name, level, steps }
    StepSpans { received, responded, resolved }
    Closing { at, cancelled, department, actor, text, evidence }
    WarningCause { point, alarm, occurrence }
    Outcome { event, position, at, warning, department, action, refused }
    Warning {
        id, rule, name, topic, place, scope, revision, colour, level, action, within, escalate, close_on_return, occurred_at,
        opened_at, changed_at, addressees, alarms, more_alarms, returned_at, closed, gone_since
    }
}

/// Numbers in their bytes, and what is made of one number.
macro_rules! numbers {
    ($($number:ty),+; $($name:ident = $inner:ty),+) => {
        $(impl Piece for $number {
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }

            fn read(read: &mut Reader<'_>) -> Read<Self> {
                read.array().map(Self::from_le_bytes)
            }
        })+
        $(impl Piece for $name {
            fn write(&self, out: &mut Vec<u8>) {
                self.0.write(out);
            }

            fn read(read: &mut Reader<'_>) -> Read<Self> {
                <$inner>::read(read).map(Self)
            }
        })+
    };
}

numbers!(u32, u64, i64; Epoch = u64, KeySeq = u64, Position = u64, RevisionNumber = u32);

/// What has a text and is checked when it is made of one.
macro_rules! texts {
    ($($name:ident by $make:expr),+) => {
        $(impl Piece for $name {
            fn write(&self, out: &mut Vec<u8>) {
                Arc::<str>::from(self.as_str()).write(out);
            }

            fn read(read: &mut Reader<'_>) -> Read<Self> {
                let text = Arc::<str>::read(read)?;
                let make: fn(&str) -> Option<Self> = $make;
                make(&text).ok_or_else(|| read.broken())
            }
        })+
    };
}

texts!(
    String by |text| Some(text.to_owned()),
    AlarmId by |text| Self::new(text).ok(),
    DepartmentId by |text| Self::new(text).ok(),
    WarningRuleId by |text| Self::new(text).ok(),
    RequestId by |text| Self::new(text).ok(),
    AlarmKind by Self::parse,
    Quantity by Self::parse,
    Priority by Self::parse,
    Colour by Self::parse,
    Level by Self::parse,
    WarningPlace by Self::parse,
    WarningAction by Self::parse,
    WarningRefusal by Self::parse
);

impl Piece for Time {
    fn write(&self, out: &mut Vec<u8>) {
        self.micros().write(out);
    }

    fn read(read: &mut Reader<'_>) -> Read<Self> {
        i64::read(read).map(Self::from_micros)
    }
}

impl Piece for Span {
    fn write(&self, out: &mut Vec<u8>) {
        self.micros().write(out);
    }

    fn read(read: &mut Reader<'_>) -> Read<Self> {
        i64::read(read).map(Self::from_micros)
    }
}

impl Piece for bool {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn read(read: &mut Reader<'_>) -> Read<Self> {
        match read.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(read.broken()),
        }
    }
}

impl Piece for Arc<str> {
    fn write(&self, out: &mut Vec<u8>) {
        length(self.len(), out);
        out.extend_from_slice(self.as_bytes());
    }

    fn read(read: &mut Reader<'_>) -> Read<Self> {
        let length = u32::read(read)? as usize;
        let bytes = read.take(length)?;
        std::str::from_utf8(bytes).map(Self::from).map_err(|_| read.broken())
    }
}

impl<T: Piece> Piece for Option<T> {
    fn write(&self, out: &mut Vec<u8>) {
        self.is_some().write(out);
        if let Some(value) = self {
            value.write(out);
        }
    }

    fn read(read: &mut Reader<'_>) -> Read<Self> {
        if bool::read(read)? { T::read(read).map(Some) } else { Ok(None) }
    }
}

impl<A: Piece, B: Piece> Piece for (A, B) {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
        self.1.write(out);
    }

    fn read(read: &mut Reader<'_>) -> Read<Self> {
        Ok((A::read(read)?, B::read(read)?))
    }
}

impl<T: Piece> Piece for [T; 3] {
    fn write(&self, out: &mut Vec<u8>) {
        self.iter().for_each(|item| item.write(out));
    }

    fn read(read: &mut Reader<'_>) -> Read<Self> {
        Ok([T::read(read)?, T::read(read)?, T::read(read)?])
    }
}

impl<T: Piece> Piece for Vec<T> {
    fn write(&self, out: &mut Vec<u8>) {
        length(self.len(), out);
        self.iter().for_each(|item| item.write(out));
    }

    fn read(read: &mut Reader<'_>) -> Read<Self> {
        read.list()
    }
}

impl<T: Piece> Piece for VecDeque<T> {
    fn write(&self, out: &mut Vec<u8>) {
        length(self.len(), out);
        self.iter().for_each(|item| item.write(out));
    }

    fn read(read: &mut Reader<'_>) -> Read<Self> {
        read.list()
    }
}

impl<K: Piece + Ord, V: Piece> Piece for BTreeMap<K, V> {
    fn write(&self, out: &mut Vec<u8>) {
        length(self.len(), out);
        for (key, value) in self {
            key.write(out);
            value.write(out);
        }
    }

    fn read(read: &mut Reader<'_>) -> Read<Self> {
        read.list::<(K, V), _>()
    }
}

fn length(length: usize, out: &mut Vec<u8>) {
    u32::try_from(length).expect("counts of warnings and of bytes of their texts are far below").write(out);
}
