//! What is said here of another Davy whose feed has a hole. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{
    AlarmId, AlarmState, Event, EventBody, EventId, OpenAlarm, Origin, PossibleGap, RecordedEvent, RevisionNumber, Scope, Time,
    Transition, WarningChange, WarningTransition,
};
use wire::Kept;

use crate::open::Open;

/// Names an alarm of some Davy: point, alarm, node.
pub(super) type AlarmName = (Arc<str>, AlarmId, Arc<str>);

/// What an upstream's feed opened with.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Standing {
    /// Each with what the opening told of it and was taken before, oldest first.
    pub(super) alarms: BTreeMap<AlarmName, Vec<Told>>,
    pub(super) warnings: BTreeSet<EventId>,
}

/// An event and who recorded it first.
pub(super) type Told = (Event, Arc<Origin>);

impl Standing {
    /// Notes an event of the feed.
    pub(super) fn note(&mut self, recorded: RecordedEvent, node: &Arc<str>, seen: Seen) {
        let RecordedEvent { id, recorded_at, event, origin, .. } = recorded;
        let origin = origin.unwrap_or_else(|| Arc::new(Origin { node: Arc::clone(node), recorded_at }));
        match &event.body {
            EventBody::Alarm(alarm) => {
                let name = (Arc::clone(&event.subject), alarm.alarm.clone(), Arc::clone(&origin.node));
                let told = self.alarms.entry(name).or_default();
                match seen {
                    Seen::OpeningAgain => told.push((event, origin)),
                    Seen::Opening => {}
                    Seen::Live => told.clear(),
                }
            }
            EventBody::Warning(change) => {
                self.warnings.insert(change.warning.clone().unwrap_or(id));
            }
            _ => {}
        }
    }
}

/// Where in a feed an event came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// In its opening, and taken before.
    OpeningAgain,
    /// In its opening.
    Opening,
    /// After it.
    Live,
}

/// Why an alarm or a warning was closed here.
const GONE: &str = "it ended where it is judged, in a part of the feed that was lost or is not asked for any more";

/// Events of an upstream may be lost: its feed goes on elsewhere than where it stopped.
pub(super) fn possible(upstream: &str, (from, to): (Time, Time), reason: &str) -> Event {
    let gap = PossibleGap {
        source: Arc::from(format!("upstream/{upstream}")),
        from,
        to,
        reason: reason.to_owned(),
        messages: None,
        points: Vec::new(),
        more_points: 0,
    };
    Event {
        occurred_at: to,
        subject: Arc::from(upstream),
        scope: Scope::default(),
        revision: RevisionNumber(0),
        body: EventBody::Gap(gap),
    }
}

/// In what the open alarms and warnings here differ from what stands there, of Davys that are heard this way alone.
#[derive(Debug, Default)]
pub(super) struct Differences {
    /// Ended there and not here.
    pub(super) gone: Vec<(Event, Kept)>,
    /// Alarms that stand there, and were closed here for a narrower filter. Warnings are not told again: what was done about them since could
    /// not be told in order.
    pub(super) back: Vec<(Event, Kept)>,
}

impl Differences {
    pub(super) fn between(open: &Open, standing: &Standing, at: Time, is_only_way: impl Fn(&str) -> bool) -> Self {
        let here: BTreeSet<AlarmName> = open.alarms.iter().map(|(_, alarm)| name(alarm)).collect();
        let is_gone = |name: &AlarmName| !name.2.is_empty() && !standing.alarms.contains_key(name) && is_only_way(&name.2);
        let alarms = open.alarms.iter().filter(|(_, alarm)| is_gone(&name(alarm)));
        let gone = alarms.map(|(_, alarm)| closed_alarm(alarm, at));
        let warnings = open.warnings.iter().filter(|(id, warning)| {
            warning.opening.is_foreign() && !standing.warnings.contains(id) && is_only_way(warning.opening.node())
        });
        let gone = gone.chain(warnings.filter_map(|(id, warning)| closed_warning(id, warning.latest(), at))).collect();
        let alarms = standing.alarms.iter().filter(|(name, _)| !here.contains(name) && is_only_way(&name.2));
        let back = alarms.flat_map(|(_, told)| told).map(|(event, origin)| (event.clone(), said_here(origin))).collect();
        Self { gone, back }
    }
}

/// Said by us of what another Davy judges: it has an id of our own.
fn said_here(origin: &Arc<Origin>) -> Kept {
    Kept { id: None, origin: Arc::clone(origin) }
}

/// The alarm's name among those of all Davys.
fn name(alarm: &OpenAlarm) -> AlarmName {
    (Arc::clone(&alarm.last.event.subject), alarm.now().alarm.clone(), Arc::from(alarm.last.node()))
}

fn origin(event: &RecordedEvent, at: Time) -> Arc<Origin> {
    Arc::new(Origin { node: Arc::from(event.node()), recorded_at: at })
}

/// The end of an alarm that stands here and no more where it is judged: nobody will say it otherwise.
fn closed_alarm(alarm: &OpenAlarm, at: Time) -> (Event, Kept) {
    let mut event = Event { occurred_at: at, ..alarm.last.event.clone() };
    if let EventBody::Alarm(said) = &mut event.body {
        said.transition = Transition::Closed;
        said.state = AlarmState::Normal;
        said.in_alarm = false;
        GONE.clone_into(&mut said.reason);
        (said.value, said.until, said.request_id) = (None, None, None);
        said.actor.clear();
    }
    (event, said_here(&origin(&alarm.last, at)))
}

/// The end of a warning likewise.
fn closed_warning(id: &EventId, latest: &RecordedEvent, at: Time) -> Option<(Event, Kept)> {
    let EventBody::Warning(last) = &latest.event.body else { return None };
    let change = WarningChange {
        warning: Some(id.clone()),
        name: last.name.clone(),
        topic: last.topic.clone(),
        colour: last.colour,
        place: last.place,
        level: last.level,
        action: last.action.clone(),
        within: last.within,
        escalate: last.escalate,
        close_on_return: last.close_on_return,
        text: GONE.to_owned(),
        ..WarningChange::new(WarningTransition::Closed, last.rule.clone())
    };
    let body = EventBody::Warning(Box::new(change));
    Some((Event { occurred_at: at, body, ..latest.event.clone() }, said_here(&origin(latest, at))))
}
