//! Alarms of the list for the network.

use model::{AlarmKey, AlarmState, AlarmTransition, EventBody, OpenAlarm, RecordedEvent};

use crate::{priority_to_v1, state_to_v1, time_to_v1, v1};

/// What the list knows of an alarm beside the alarm's own events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beside<'a> {
    /// The point's name as people read it; empty where not known.
    pub point_name: &'a str,
    /// It came first of its group.
    pub first_out: bool,
    /// The clocks prove it.
    pub order_certain: bool,
}

/// An open or hidden alarm as `AlarmService` shows it.
pub fn alarm_to_v1((point, alarm): &AlarmKey, open: &OpenAlarm, beside: Beside<'_>) -> v1::Alarm {
    let (now, raised) = (open.now(), open.raised());
    let scope = &open.last.event.scope;
    let text = |it: &Option<std::sync::Arc<str>>| it.as_deref().unwrap_or_default().to_owned();
    let advice = raised.and_then(|it| it.advice.as_deref()).cloned().unwrap_or_default();
    let clock = raised.and_then(|it| it.clock);
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
        point_name: beside.point_name.to_owned(),
        position: now.position.to_string(),
        group: now.group.to_string(),
        first_out: beside.first_out,
        order_certain: beside.order_certain,
        in_alarm: now.in_alarm,
        annunciated: raised.is_some_and(|it| it.annunciated),
        silenced: open.silence.is_some(),
        silenced_by: open.silence.as_ref().and_then(transition).map(|it| it.actor.clone()).unwrap_or_default(),
        hidden: hidden_to_v1(open),
        clock_offset_us: clock.map(|it| it.offset.micros()),
        clock_uncertainty_us: clock.map(|it| it.uncertainty.micros()),
        cause: advice.cause,
        consequence: advice.consequence,
        action: advice.action,
        respond_within_us: advice.respond_within.map(model::Span::micros),
        origin: open.last.node().to_owned(),
    }
}

/// The strongest of what hides an alarm.
fn hidden_to_v1(open: &OpenAlarm) -> Option<v1::Hidden> {
    let by = [
        (AlarmState::OutOfService, &open.outage),
        (AlarmState::Suppressed, &open.suppression),
        (AlarmState::Shelved, &open.shelf),
    ];
    let (state, event) = by.into_iter().find_map(|(state, event)| Some((state, event.as_ref()?)))?;
    let said = transition(event)?;
    Some(v1::Hidden {
        state: state_to_v1(state).into(),
        since: Some(time_to_v1(event.event.occurred_at)),
        until: said.until.map(time_to_v1),
        by: said.actor.clone(),
        why: said.reason.clone(),
    })
}

fn transition(event: &RecordedEvent) -> Option<&AlarmTransition> {
    match &event.event.body {
        EventBody::Alarm(alarm) => Some(alarm),
        _ => None,
    }
}
