//! The nouns of the model as pieces.

use model::{
    AccidentClass, AlarmFacts, AlarmId, AlarmKind, CaseworkAction, CaseworkRefusal, Colour, DepartmentId, Epoch, EventId,
    IncidentDoubt, IncidentDuty, IncidentKind, IncidentLosses, IncidentNotice, KeySeq, Level, Position, Priority, Quantity,
    RequestId, RevisionNumber, Scope, Span, StepSpans, Time, WarningAction, WarningCause, WarningPlace, WarningRefusal,
    WarningRuleId, WarningTransition,
};

use crate::piece::{read_text, write_text};
use crate::pieces;
use crate::{Broken, Piece, Reader};

pieces! {
    EventId { epoch, key, key_seq, ordinal }
    Scope { park, enterprise, installation }
    AlarmFacts { point, alarm, kind, quantity, priority, scope, occurrence }
    StepSpans { received, responded, resolved }
    WarningCause { point, alarm, occurrence }
    IncidentLosses { dead, severely_injured, poisoned, direct_loss_yuan }
    IncidentDuty { duty, who, whom, from, due, if_of_class, source }
    IncidentNotice { who, whom, told_at, how, reference, known_at }
}

/// What is made of one number.
macro_rules! made_of {
    ($($name:ident of $inner:ty),+) => {
        $(impl Piece for $name {
            fn write(&self, out: &mut Vec<u8>) {
                self.0.write(out);
            }

            fn read(read: &mut Reader<'_>) -> Result<Self, Broken> {
                <$inner>::read(read).map(Self)
            }
        })+
    };
}

made_of!(Epoch of u64, KeySeq of u64, Position of u64, RevisionNumber of u32);

/// What has a text and is checked when it is made of one.
macro_rules! texts {
    ($($name:ident by $make:expr),+ $(,)?) => {
        $(impl Piece for $name {
            fn write(&self, out: &mut Vec<u8>) {
                write_text(self.as_str(), out);
            }

            fn read(read: &mut Reader<'_>) -> Result<Self, Broken> {
                let make: fn(&str) -> Option<Self> = $make;
                let text = read_text(read)?;
                make(text).ok_or_else(|| read.broken())
            }
        })+
    };
}

pub(crate) use texts;

texts!(
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
    WarningTransition by Self::parse,
    WarningRefusal by Self::parse,
    CaseworkAction by Self::parse,
    CaseworkRefusal by Self::parse,
    IncidentKind by Self::parse,
    IncidentDoubt by Self::parse,
    AccidentClass by Self::parse,
);

/// What counts microseconds.
macro_rules! micros {
    ($($name:ident),+) => {
        $(impl Piece for $name {
            fn write(&self, out: &mut Vec<u8>) {
                self.micros().write(out);
            }

            fn read(read: &mut Reader<'_>) -> Result<Self, Broken> {
                i64::read(read).map(Self::from_micros)
            }
        })+
    };
}

micros!(Time, Span);
