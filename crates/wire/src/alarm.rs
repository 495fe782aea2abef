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
        occurrence: now.occurrence.to_string(),
        activation: now.activation,
        first_raised_at: Some(time_to_v1(open.first_raised_at)),
        raised_at: Some(time_to_v1(open.raise.event.occurred_at)),
        changed_at: Some(time_to_v1(open.last.event.occurred_at)),
        value: raised.value,
        limit: raised.limit,
        unit: now.unit.to_string(),
        quantity: now.quantity.as_str().to_owned(),
        park: text(&scope.park),
        enterprise: text(&scope.enterprise),
        installation: text(&scope.installation),
        revision: open.last.event.revision.0,
        acknowledged_by: open.acknowledged_by().unwrap_or_default().to_owned(),
    }
}
