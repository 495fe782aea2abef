//! What can be wrong with a condition: when it is read, and when it is evaluated.

use std::fmt;

use thiserror::Error;

/// A place in the text of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
}

impl Place {
    /// The place of a character, counted from 0.
    pub(crate) fn of(text: &str, offset: usize) -> Self {
        let before = || text.chars().take(offset);
        let line = 1 + before().filter(|c| *c == '\n').count();
        let column = 1 + before().collect::<Vec<_>>().iter().rev().take_while(|c| **c != '\n').count();
        Self { line, column }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Why a text is no condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError {
    /// Where, if it concerns one place.
    pub place: Option<Place>,
    /// What is wrong: a lower-case fragment without a full stop.
    pub problem: String,
    /// What would be right; may be empty.
    pub cure: String,
}

impl CompileError {
    pub(crate) fn new(place: Option<Place>, problem: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { place, problem: problem.into(), cure: cure.into() }
    }
}

impl fmt::Display for CompileError {
    /// `line:column: problem; cure`, each part only where there is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.problem)?;
        if self.cure.is_empty() { Ok(()) } else { write!(f, "; {}", self.cure) }
    }
}

impl std::error::Error for CompileError {}

/// Why a condition gives neither true nor false for these values.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EvaluateError {
    /// Not one value for each name.
    #[error("{given} values are given for {wanted} names")]
    Count {
        /// How many names there are.
        wanted: usize,
        /// How many values came.
        given: usize,
    },
    /// A value is infinite or not a number.
    #[error("the value of `{name}` is not finite")]
    Value {
        /// Whose value it is.
        name: String,
    },
    /// Arithmetic of doubles left the finite numbers, for example by a division by zero.
    #[error("`{operator}` at {place} gives {result}")]
    NotFinite {
        /// The operator: one of + - * /
        operator: char,
        /// Where it stands in the text.
        place: Place,
        /// `NaN`, `infinity` or `-infinity`.
        result: &'static str,
    },
    /// An int was divided by zero.
    #[error("an int is divided by zero")]
    DivisionByZero,
    /// The arithmetic or the conversion of an int left its 64 bits.
    #[error("an int overflows")]
    Overflow,
    /// The interpreter refused what the check had let through: a fault of this crate, told rather than hidden.
    #[error("the interpreter refused: {0}")]
    Refused(String),
}
