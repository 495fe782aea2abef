//! Conditions written in CEL (Common Expression Language) over the values of points, checked before they run.
//! In: the text of an expression, the names it may use, a number for each name.
//! Out: true, false, or why it gives neither.
//! May not enter: clocks, IO, async, logging, any Davy crate.
//! Start at program.rs.
