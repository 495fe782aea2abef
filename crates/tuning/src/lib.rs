//! Sets of alarm rules against each other over recorded samples, and better deadbands and delays.
//! In: recorded samples, one set of rules or two.
//! Out: a table of what each rule would have said; rules that say less and miss nothing.
//! May not enter: clocks, IO, async, logging, any Davy crate but model and alarm.
//! Start at compare.rs.
