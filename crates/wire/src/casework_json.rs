//! Joint cases, incidents and duty books as JSON. An event that opens a case or declares an incident is its name, as is a hand-over.

use model::{
    CaseChange, CaseTask, CaseworkAction, CaseworkRefusal, DutyChange, DutyShift, DutyTransition, EventId, IncidentChange,
    IncidentDuty, IncidentNotice, RequestId, Time,
};
use serde_json::{Value, json};

use crate::format_time;
use crate::json::text;

type Fields = Vec<(&'static str, Value)>;

pub(crate) fn case_fields(id: &EventId, change: &CaseChange) -> Fields {
    let mut fields = vec![
        ("case", named(change.case.as_ref(), id, change.refused)),
        ("title", text(&change.title)),
        ("place", json!(change.place.as_str())),
        ("opener", json!(change.opener.as_str())),
        ("tasks", change.tasks.iter().map(task).collect()),
        ("department", json!(change.department.as_ref().map(model::DepartmentId::as_str))),
        ("due", time(change.due)),
        ("late", json!(change.late)),
        ("evidence", events(&change.evidence)),
    ];
    fields.extend(asked((&change.actor, &change.text), change.request_id.as_ref(), change.refused));
    fields
}

pub(crate) fn incident_fields(id: &EventId, change: &IncidentChange) -> Fields {
    let known = |it: Time| time(Some(it).filter(|it| *it > Time::MIN));
    let losses = &change.losses;
    let mut fields = vec![
        ("incident", named(change.incident.as_ref(), id, change.refused)),
        ("what", json!(change.kind.as_str())),
        ("what_name", json!(change.kind.chinese())),
        ("title", text(&change.title)),
        ("place", json!(change.place.as_str())),
        ("happened_at", known(change.happened_at)),
        ("known_at", known(change.known_at)),
        (
            "losses",
            json!({
                "dead": losses.dead, "severely_injured": losses.severely_injured, "poisoned": losses.poisoned,
                "direct_loss_yuan": losses.direct_loss_yuan,
            }),
        ),
        ("class", json!(change.class.map(model::AccidentClass::as_str))),
        ("class_name", json!(change.class.map(model::AccidentClass::zh))),
        ("duties", change.duties.iter().map(duty).collect()),
        ("about", events(&change.about)),
        ("about_since", time(change.about_since)),
    ];
    fields.extend([
        ("duty", text(&change.duty)),
        ("due", time(change.due)),
        ("percent", json!(Some(change.percent).filter(|it| *it > 0))),
        ("notice", change.notice.as_ref().map_or(Value::Null, notice)),
        ("late", json!(change.late)),
        ("doubts", change.doubts.iter().map(|it| it.as_str()).collect()),
        ("in_error", json!(change.in_error)),
        ("department", json!(change.department.as_ref().map(model::DepartmentId::as_str))),
    ]);
    fields.extend(asked((&change.actor, &change.text), change.request_id.as_ref(), change.refused));
    fields
}

pub(crate) fn duty_fields(id: &EventId, change: &DutyChange) -> Fields {
    let own = Some(id).filter(|_| change.transition == DutyTransition::HandedOver);
    let mut fields = vec![
        ("department", json!(change.department.as_str())),
        ("shifts", change.shifts.iter().map(shift).collect()),
        ("hand_over", json!(change.hand_over.as_ref().or(own).map(EventId::to_string))),
        ("to_person", text(&change.to_person)),
        ("events", events(&change.events)),
    ];
    fields.extend(asked((&change.actor, &change.text), change.request_id.as_ref(), change.refused));
    fields
}

/// The name of a case or an incident; what was refused has none of its own.
fn named(name: Option<&EventId>, id: &EventId, refused: Option<(CaseworkAction, CaseworkRefusal)>) -> Value {
    json!(name.or_else(|| refused.is_none().then_some(id)).map(EventId::to_string))
}

fn asked(
    (actor, said): (&str, &str),
    request_id: Option<&RequestId>,
    refused: Option<(CaseworkAction, CaseworkRefusal)>,
) -> Fields {
    vec![
        ("text", text(said)),
        ("actor", text(actor)),
        ("request_id", json!(request_id.map(RequestId::as_str))),
        ("wanted", json!(refused.map(|(wanted, _)| wanted.as_str()))),
        ("refusal", json!(refused.map(|(_, refusal)| refusal.as_str()))),
    ]
}

fn time(time: Option<Time>) -> Value {
    json!(time.map(format_time))
}

fn events(events: &[EventId]) -> Value {
    events.iter().map(EventId::to_string).collect()
}

fn task(task: &CaseTask) -> Value {
    json!({ "department": task.department.as_str(), "name": task.name, "task": task.task, "due": format_time(task.due) })
}

fn duty(duty: &IncidentDuty) -> Value {
    json!({
        "duty": duty.duty, "who": duty.who, "whom": duty.whom, "from": format_time(duty.from), "due": format_time(duty.due),
        "if_of_class": duty.if_of_class, "source": duty.source,
    })
}

fn notice(notice: &IncidentNotice) -> Value {
    json!({
        "who": notice.who, "whom": notice.whom, "told_at": format_time(notice.told_at), "how": text(&notice.how),
        "reference": text(&notice.reference), "known_at": time(notice.known_at),
    })
}

fn shift(shift: &DutyShift) -> Value {
    json!({ "person": text(&shift.person), "role": shift.role, "from": format_time(shift.from), "to": format_time(shift.to) })
}
