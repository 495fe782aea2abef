//! Sets of alarm rules against each other over recorded samples, and better deadbands and delays.
//! In: recorded samples, one set of rules or two.
//! Out: a table of what each rule would have said; rules that say less and miss nothing.
//! May not enter: clocks, IO, async, logging, any Davy crate but model and alarm.
//! Start at compare.rs, then suggest.rs; playback.rs is how recorded samples pass the core.

mod activation;
mod bounds;
mod compare;
mod playback;
mod score;
mod spread;
mod suggest;
#[cfg(test)]
mod testing;
mod trial;

pub use activation::{Activation, Activations, CHATTER_COUNT, CHATTER_SPAN, Figures, Recorder, RuleName};
pub use bounds::{Bounds, LONG, RAISED_WITHIN, bounds};
pub use compare::{Compared, DelayAdded, compare};
pub use playback::{Ends, Playback, Said, Value, numbered};
pub use suggest::{Kept, Suggestion, Survey, Tuner, Verdict};
pub use trial::Setting;
