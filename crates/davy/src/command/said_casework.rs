//! What an event of a joint case, an incident or a duty book says, in a few words for a person at a terminal.

use model::{CaseChange, DutyChange, IncidentChange};

/// What follows in all of them: who did it, why it was refused, what they wrote.
fn by(actor: &str, refused: Option<String>, text: &str) -> String {
    let actor = if actor.is_empty() { String::new() } else { format!("  by {actor}") };
    let text = if text.is_empty() { String::new() } else { format!(": {text}") };
    format!("{}{actor}{text}", refused.unwrap_or_default())
}

fn late(late: bool) -> &'static str {
    if late { " late" } else { "" }
}

/// What it is about, who has to do something or did.
pub(super) fn case_said(change: &CaseChange) -> String {
    let tasks: Vec<_> = change.tasks.iter().map(|it| it.department.to_string()).collect();
    let tasks = if tasks.is_empty() { String::new() } else { format!("  tasks: {}", tasks.join(", ")) };
    let department = change.department.as_ref().map(|it| format!("  {it}")).unwrap_or_default();
    let due = change.due.map(|it| format!(" due {}", wire::format_time(it))).unwrap_or_default();
    let refused = change.refused.map(|(wanted, why)| format!(" {}: {}", wanted.as_str(), why.as_str()));
    let by = by(&change.actor, refused, &change.text);
    format!("{} of {}{tasks}{department}{due}{}{by}", change.title, change.opener, late(change.late))
}

/// What happened, how bad it is, which duty, who told whom.
pub(super) fn incident_said(change: &IncidentChange) -> String {
    let class = change.class.map(|it| format!(" {} {}", it.as_str(), it.zh())).unwrap_or_default();
    let duty = if change.duty.is_empty() { String::new() } else { format!("  {}", change.duty) };
    let due = change.due.map(|it| format!(" due {}", wire::format_time(it))).unwrap_or_default();
    let percent = if change.percent > 0 { format!(" {} % of its time over", change.percent) } else { String::new() };
    let told = change.notice.as_ref().map(|it| format!("  {} -> {} {}", it.who, it.whom, it.how)).unwrap_or_default();
    let doubts: String = change.doubts.iter().map(|it| format!("  doubt {}", it.as_str())).collect();
    let error = if change.in_error { "  in error" } else { "" };
    let department = change.department.as_ref().map(|it| format!("  {it}")).unwrap_or_default();
    let refused = change.refused.map(|(wanted, why)| format!(" {}: {}", wanted.as_str(), why.as_str()));
    let (what, name, late) = (change.kind.as_str(), change.kind.chinese(), late(change.late));
    let by = by(&change.actor, refused, &change.text);
    format!("{} [{what} {name}{class}]{duty}{due}{percent}{told}{late}{error}{doubts}{department}{by}", change.title)
}

/// Who is on duty, hands over, takes over or has seen what.
pub(super) fn duty_said(change: &DutyChange) -> String {
    let shifts: Vec<_> = change.shifts.iter().map(|it| format!("{} {}", it.role, it.person)).collect();
    let shifts = if shifts.is_empty() { String::new() } else { format!("  {} shifts: {}", shifts.len(), first(&shifts)) };
    let to = if change.to_person.is_empty() { String::new() } else { format!("  to {}", change.to_person) };
    let events = if change.events.is_empty() { String::new() } else { format!("  {} events", change.events.len()) };
    let refused = change.refused.map(|(wanted, why)| format!(" {}: {}", wanted.as_str(), why.as_str()));
    format!("{}{shifts}{to}{events}", by(&change.actor, refused, &change.text)).trim_start().to_owned()
}

fn first(items: &[String]) -> String {
    const SHOWN: usize = 4;
    let shown = items.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if items.len() > SHOWN { format!("{shown} ...") } else { shown }
}

#[cfg(test)]
mod tests {
    use model::{
        CaseTransition, CaseworkAction, CaseworkRefusal, DepartmentId, DutyTransition, IncidentDoubt, IncidentKind,
        IncidentTransition, Time, WarningPlace,
    };

    use super::*;

    #[test]
    fn they_say_who_has_to_do_what_and_what_is_late() {
        let department = |id: &str| DepartmentId::new(id).expect("valid");
        let case = CaseChange {
            title: "库存不符".to_owned(),
            department: Some(department("transport")),
            due: Some(Time::YEAR_2000),
            late: true,
            ..CaseChange::new(CaseTransition::Overdue, WarningPlace::Park, department("emergency"))
        };
        assert_eq!(case_said(&case), "库存不符 of emergency  transport due 2000-01-01T00:00:00.000000Z late");
        let refused = CaseChange {
            due: None,
            late: false,
            refused: Some((CaseworkAction::Extend, CaseworkRefusal::NotAllowed)),
            actor: "wu".to_owned(),
            text: "emergency opened it".to_owned(),
            ..case
        };
        assert_eq!(case_said(&refused), "库存不符 of emergency  transport extend: not_allowed  by wu: emergency opened it");
        let incident = IncidentChange {
            title: "泄漏".to_owned(),
            class: Some(model::AccidentClass::Larger),
            duty: "head-to-county".to_owned(),
            percent: 50,
            doubts: vec![IncidentDoubt::AlarmEarlier],
            ..IncidentChange::new(IncidentTransition::Reminder, IncidentKind::Accident, WarningPlace::Enterprise)
        };
        let wanted = "泄漏 [accident 生产安全事故 larger 较大事故]  head-to-county 50 % of its time over  doubt alarm_earlier";
        assert_eq!(incident_said(&incident), wanted);
        let duty = DutyChange {
            to_person: "qian".to_owned(),
            actor: "sun".to_owned(),
            text: "平稳".to_owned(),
            ..DutyChange::new(DutyTransition::HandedOver, department("emergency"))
        };
        assert_eq!(duty_said(&duty), "by sun: 平稳  to qian");
    }
}
