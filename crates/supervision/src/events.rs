//! The fold over `events`: alarms that are hidden, rules that cannot judge, and steps of this machine's clock, by recorded time.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{AlarmKind, AlarmState, AlarmTransition, ClockFaultKind, Event, EventBody, RecordedEvent, Span, Time, Transition};

use crate::gap::{Gap, Reason, Said, scope};

/// Journal time jumps to a wall clock that is further ahead than this; to others it is slewed.
const JUMP: Span = Span::from_secs(60);

/// What ends the id of the alarm that tells of a rule's fault; before it stands the rule's own.
const FAULT_ENDING: &str = ".fault";

/// The fold over `events`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventsFold {
    /// Journal time of the last event; `Time::MIN` before the first.
    pub(crate) now: Time,
    /// What came between the last event and the next one was trimmed.
    pub(crate) skipped: bool,
    /// What keeps rules from firing, by point and alarm: that they are hidden, and that they cannot judge.
    pub(crate) open: BTreeMap<(Arc<str>, Arc<str>, bool), Open>,
}

/// A gap that goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) reason: Reason,
    pub(crate) from: Time,
    pub(crate) evidence: String,
}

impl Default for EventsFold {
    fn default() -> Self {
        Self { now: Time::MIN, skipped: false, open: BTreeMap::new() }
    }
}

impl EventsFold {
    /// Applies the next event.
    pub fn apply(&mut self, recorded: &RecordedEvent, said: &mut Said) {
        let before = self.now;
        self.now = before.max(recorded.recorded_at);
        if std::mem::take(&mut self.skipped) && before > Time::MIN {
            let (scope, reason) = (scope::EVENTS.to_owned(), Reason::NotRecorded);
            said.gaps.push(Gap { scope, reason, from: before, to: Some(self.now), evidence: recorded.id.to_string() });
        }
        // Whether another Davy's rules could fire stands in its own record.
        if recorded.is_foreign() {
            return;
        }
        match &recorded.event.body {
            EventBody::Alarm(alarm) => self.alarm(recorded, alarm, said),
            EventBody::Clock(fault) if fault.fault == ClockFaultKind::Step => {
                said.gaps.push(step(recorded, &recorded.event, Span::from_micros(fault.offset_us)));
            }
            _ => {}
        }
    }

    /// What came after the last event, up to the next one to be applied, is gone from the journal.
    pub fn skip(&mut self) {
        self.skipped = true;
    }

    /// Journal time of the event applied last; `Time::MIN` before the first.
    pub fn time(&self) -> Time {
        self.now
    }

    fn alarm(&mut self, recorded: &RecordedEvent, alarm: &AlarmTransition, said: &mut Said) {
        let subject = &recorded.event.subject;
        let hidden = match alarm.state {
            AlarmState::Shelved => Some(Reason::Shelved),
            AlarmState::Suppressed => Some(Reason::Suppressed),
            AlarmState::OutOfService => Some(Reason::OutOfService),
            _ => None,
        };
        self.fit((Arc::clone(subject), alarm.alarm.shared(), false), hidden, recorded, said);
        let watched = alarm.alarm.as_str().strip_suffix(FAULT_ENDING).filter(|_| alarm.alarm_kind == AlarmKind::RuleFault);
        if let Some(watched) = watched {
            let key = (Arc::clone(subject), Arc::from(watched), true);
            match alarm.transition {
                Transition::Raised => self.fit(key, Some(Reason::RuleFault), recorded, said),
                Transition::Returned | Transition::Closed => self.fit(key, None, recorded, said),
                _ => {}
            }
        }
    }

    /// What keeps a rule from firing is this from here on.
    fn fit(&mut self, key: (Arc<str>, Arc<str>, bool), reason: Option<Reason>, recorded: &RecordedEvent, said: &mut Said) {
        if self.open.get(&key).map(|open| open.reason) == reason {
            return;
        }
        let scope = scope::rule(&key.0, &key.1);
        if let Some(Open { reason, from, evidence }) = self.open.remove(&key) {
            said.gaps.push(Gap { scope: scope.clone(), reason, from, to: Some(self.now), evidence });
        }
        if let Some(reason) = reason {
            let open = Open { reason, from: self.now, evidence: recorded.id.to_string() };
            said.gaps.push(Gap { scope, reason, from: open.from, to: None, evidence: open.evidence.clone() });
            self.open.insert(key, open);
        }
    }
}

/// A step of this machine's clock. Journal time that is jumped over never was: nothing was supervised in it. To any other step journal
/// time is slewed, five milliseconds a second: rules go on judging, and the gap has no length.
fn step(recorded: &RecordedEvent, event: &Event, offset: Span) -> Gap {
    let from = event.occurred_at;
    let to = if offset > JUMP { from.plus(offset) } else { from };
    Gap {
        scope: scope::JOURNAL.to_owned(),
        reason: Reason::ClockNotTrusted,
        from,
        to: Some(to),
        evidence: recorded.id.to_string(),
    }
}
