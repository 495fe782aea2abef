//! What the law asks after an accident: its class, and who has to report to whom by when.
//! In: deaths, injuries and loss as far as known; what happened and when it became known.
//! Out: the class and what decided it; duties with their latest times, their sources and how sure these are.
//! May not enter: clocks, IO, async, logging, hash order, any Davy crate but model.
//! Start at limit.rs (the time limits as a table); class.rs holds the classes.

mod class;
mod limit;
mod words;

pub use class::{AccidentClass, Classified, Column, Losses, THRESHOLDS, Threshold, classify};
pub use limit::{Case, Confidence, Duty, Event, LIMITS, Limit, Party, REMINDERS_PERCENT, Within, duties};
pub use words::party_zh;
