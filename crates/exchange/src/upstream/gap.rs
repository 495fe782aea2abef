//! What is said here of another Davy whose feed has a hole. Pure.

use std::sync::Arc;

use model::{AlarmId, AlarmState, Event, EventBody, OpenAlarm, Origin, PossibleGap, RevisionNumber, Scope, Time, Transition};
use wire::Kept;

/// Names an alarm of some Davy: point, alarm, node.
pub(super) type AlarmName = (Arc<str>, AlarmId, Arc<str>);

/// Why an alarm was closed here.
const GONE: &str = "it ended where it is judged, in a part of the feed that was lost";

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

/// The alarm's name among those of all Davys.
pub(super) fn name(alarm: &OpenAlarm) -> AlarmName {
    (Arc::clone(&alarm.last.event.subject), alarm.now().alarm.clone(), Arc::from(alarm.last.node()))
}

/// The end of an alarm that stands here and no more where it is judged: nobody will say it otherwise.
pub(super) fn closed(alarm: &OpenAlarm, at: Time) -> (Event, Kept) {
    let mut event = alarm.last.event.clone();
    event.occurred_at = at;
    if let EventBody::Alarm(said) = &mut event.body {
        said.transition = Transition::Closed;
        said.state = AlarmState::Normal;
        said.in_alarm = false;
        GONE.clone_into(&mut said.reason);
        (said.value, said.until, said.request_id) = (None, None, None);
        said.actor.clear();
    }
    let origin = Arc::new(Origin { node: Arc::from(alarm.last.node()), recorded_at: at });
    (event, Kept { id: None, origin })
}
