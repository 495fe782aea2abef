//! The figures by which an alarm system is judged (ISA-18.2, EEMUA 191), and the floods and nuisances of the present.
//! In: alarm events in the order of their journal, a period.
//! Out: tables beside the standard's targets; floods that begin and end, alarms that chatter, are fleeting or stand too long.
//! May not enter: clocks, IO, async, logging, any Davy crate but model.
//! Start at table.rs (a period, looked back at) and watch.rs (the present).

mod chatter;
mod codec;
mod durations;
mod flood;
mod report;
mod table;
mod tally;
mod targets;
#[cfg(test)]
mod tests;
mod watch;

use std::sync::Arc;

use model::{AlarmTransition, Event, EventBody, Span};

pub use codec::{RestoreError, SNAPSHOT_VERSION};
pub use durations::{DurationFigures, EXACT_MAX};
pub use flood::{Flood, FloodConfig};
pub use report::{Figures, Frequent, Statistics};
pub use table::{LEAD_IN, Table};
pub use targets::{CLASSES, Class, Figure, Judged, TARGETS, Target, Verdict};
pub use watch::Watch;

/// Shorter than this no person can act: an alarm that comes and goes so fast is fleeting (ISA-18.2-2016, 16.5).
pub const FLEETING: Span = Span::from_secs(10);

/// An alarm in alarm for longer stands (stale in ISA-18.2-2016, 16.5), and an occurrence open for longer counts as not cleared.
pub const STANDING: Span = Span::from_secs(24 * 3_600);

/// The position of alarms that have neither a position nor an enterprise.
pub const UNASSIGNED: &str = "unassigned";

/// The transition that an event says, if it says one.
fn transition(event: &Event) -> Option<&AlarmTransition> {
    match &event.body {
        EventBody::Alarm(alarm) => Some(alarm),
        _ => None,
    }
}

/// Who has to answer the alarm: its operator position, or its enterprise's id where none was given.
pub fn position_of(event: &Event, alarm: &AlarmTransition) -> Arc<str> {
    if !alarm.position.is_empty() {
        return Arc::clone(&alarm.position);
    }
    event.scope.enterprise.clone().unwrap_or_else(|| Arc::from(UNASSIGNED))
}

/// The place of a priority in counts, from low to critical.
const fn rank(priority: model::Priority) -> usize {
    match priority {
        model::Priority::Low => 0,
        model::Priority::Medium => 1,
        model::Priority::High => 2,
        model::Priority::Critical => 3,
    }
}
