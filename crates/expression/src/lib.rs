//! Conditions written in CEL (Common Expression Language) over the values of points, checked before they run.
//! In: the text of an expression, the names it may use, a number for each name.
//! Out: true, false, or why it gives neither.
//! May not enter: clocks, IO, async, logging, any Davy crate.
//! Start at program.rs.

mod check;
mod error;
mod functions;
mod names;
mod program;
mod scan;
#[cfg(test)]
mod tests;

pub use check::{DEPTH_MAX, NODES_MAX};
pub use error::{CompileError, EvaluateError, Place};
pub use program::Program;
pub use scan::{BRACKETS_MAX, TEXT_BYTES_MAX};
