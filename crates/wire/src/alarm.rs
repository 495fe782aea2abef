//! Open alarms for the network.

use model::{AlarmKey, OpenAlarm};

use crate::{priority_to_v1, state_to_v1, time_to_v1, v1};

/// An open alarm as `AlarmService` shows it.
pub fn alarm_to_v1((point, alarm): &AlarmKey, open: &OpenAlarm) -> v1::Alarm {
    let (now, raised) = (open.now(), open.raised());
    let scope = &open.last.event.scope;
    let text = |it: &Option<std::sync::Arc<str>>| it.as_deref().unwrap_or_default().to_owned();
    v1::Alarm {
        point: point.to_string(),
        alarm: alarm.to_string(),
        alarm_kind: now.alarm_kind.as_str().to_owned(),
        priority: priority_to_v1(now.priority).into(),
        state: state_to_v1(now.state).into(),
        occurrence: now.occurrence.as_ref().map(model::EventId::to_string).unwrap_or_default(),
        activation: now.activation,
        first_raised_at: open.first_raised_at().map(time_to_v1),
        raised_at: open.raise.as_ref().map(|it| time_to_v1(it.event.occurred_at)),
        changed_at: Some(time_to_v1(open.last.event.occurred_at)),
        value: raised.and_then(|it| it.value),
        limit: raised.and_then(|it| it.limit),
        unit: now.unit.to_string(),
        quantity: now.quantity.as_str().to_owned(),
        park: text(&scope.park),
        enterprise: text(&scope.enterprise),
        installation: text(&scope.installation),
        revision: open.last.event.revision.0,
        acknowledged_by: open.acknowledged_by().unwrap_or_default().to_owned(),
    }
}
