//! Warnings: departments, rules and events, model <-> `davy.v1`.

use std::sync::Arc;

use model::{
    Addressed, Addressee, AlarmFilter, AlarmId, AlarmKind, Colour, Department, DepartmentId, DepartmentKind, EnterpriseId,
    EventId, InstallationId, Level, ParkId, PointId, Quantity, RequestId, Span, StepSpans, StepTimes, Time, WarningAction,
    WarningCause, WarningChange, WarningPlace, WarningRefusal, WarningRule, WarningRuleId, WarningStep, WarningTransition,
};

use crate::event::{occurrence, request_to_v1};
use crate::record::DecodeError;
use crate::{priority_from_v1, priority_to_v1, time_from_v1, time_to_v1, v1};

pub(crate) type Read<T> = Result<T, DecodeError>;

/// A word of a closed set.
pub(crate) fn word<T>(field: &'static str, text: &str, parse: impl Fn(&str) -> Option<T>) -> Read<T> {
    parse(text).ok_or_else(|| DecodeError::field(field, text))
}

/// An id, or any other text that is checked.
pub(crate) fn id<T, E>(field: &'static str, text: &str, make: impl Fn(&str) -> Result<T, E>) -> Read<T> {
    make(text).map_err(|_| DecodeError::field(field, text))
}

pub(crate) fn ids<T, E>(field: &'static str, texts: &[String], make: impl Fn(&str) -> Result<T, E>) -> Read<Vec<T>> {
    texts.iter().map(|text| id(field, text, &make)).collect()
}

/// What an empty text stands for.
pub(crate) fn some<T>(text: &str, read: impl FnOnce(&str) -> Read<T>) -> Read<Option<T>> {
    if text.is_empty() { Ok(None) } else { read(text).map(Some) }
}

pub(crate) fn texts<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(T::to_string).collect()
}

/// A department for records and the network.
pub(crate) fn department_to_v1(department: &Department) -> v1::Department {
    v1::Department {
        id: department.id.to_string(),
        name: department.name.clone(),
        kind: department.kind.as_str().to_owned(),
        level: department.level.as_str().to_owned(),
        enterprise: department.enterprise.as_ref().map(EnterpriseId::to_string).unwrap_or_default(),
        park: department.park.as_ref().map(ParkId::to_string).unwrap_or_default(),
        district: department.district.clone(),
    }
}

/// A department from a record.
pub(crate) fn department_from_v1(department: &v1::Department) -> Read<Department> {
    Ok(Department {
        id: id("department.id", &department.id, DepartmentId::new)?,
        name: department.name.clone(),
        kind: word("department.kind", &department.kind, DepartmentKind::parse)?,
        level: word("department.level", &department.level, Level::parse)?,
        enterprise: some(&department.enterprise, |it| id("department.enterprise", it, EnterpriseId::new))?,
        park: some(&department.park, |it| id("department.park", it, ParkId::new))?,
        district: department.district.clone(),
    })
}

/// A rule for records and the network.
pub(crate) fn warning_rule_to_v1(rule: &WarningRule) -> v1::WarningRule {
    v1::WarningRule {
        id: rule.id.to_string(),
        name: rule.name.clone(),
        topic: rule.topic.clone(),
        colour: rule.colour.as_str().to_owned(),
        when: Some(filter_to_v1(&rule.when)),
        count: rule.count,
        per: rule.per.as_str().to_owned(),
        for_us: rule.hold.micros(),
        levels: rule.addressees.iter().map(level_to_v1).collect(),
        level: rule.level.map(|it| it.as_str().to_owned()).unwrap_or_default(),
        action: rule.action.clone(),
        received_within_us: rule.deadlines.received.micros(),
        responded_within_us: rule.deadlines.responded.micros(),
        resolved_within_us: rule.deadlines.resolved.micros(),
        escalate: rule.escalate,
        close_on_return: rule.close_on_return,
        picture: rule.picture,
    }
}

/// A rule from a record.
pub(crate) fn warning_rule_from_v1(rule: &v1::WarningRule) -> Read<WarningRule> {
    Ok(WarningRule {
        id: id("warning.id", &rule.id, WarningRuleId::new)?,
        name: rule.name.clone(),
        topic: rule.topic.clone(),
        colour: word("warning.colour", &rule.colour, Colour::parse)?,
        when: filter_from_v1(&rule.when.clone().unwrap_or_default())?,
        count: rule.count,
        per: word("warning.per", &rule.per, WarningPlace::parse)?,
        hold: Span::from_micros(rule.for_us),
        addressees: rule.levels.iter().map(level_from_v1).collect::<Read<_>>()?,
        level: some(&rule.level, |it| word("warning.level", it, Level::parse))?,
        action: rule.action.clone(),
        deadlines: spans(rule.received_within_us, rule.responded_within_us, rule.resolved_within_us),
        escalate: rule.escalate,
        close_on_return: rule.close_on_return,
        picture: rule.picture,
    })
}

const fn spans(received: i64, responded: i64, resolved: i64) -> StepSpans {
    StepSpans {
        received: Span::from_micros(received),
        responded: Span::from_micros(responded),
        resolved: Span::from_micros(resolved),
    }
}

fn filter_to_v1(filter: &AlarmFilter) -> v1::AlarmFilter {
    v1::AlarmFilter {
        kinds: filter.kinds.iter().map(|it| it.as_str().to_owned()).collect(),
        alarms: texts(&filter.alarms),
        quantities: filter.quantities.iter().map(|it| it.as_str().to_owned()).collect(),
        min_priority: filter.min_priority.map(|it| priority_to_v1(it).into()).unwrap_or_default(),
        parks: texts(&filter.parks),
        enterprises: texts(&filter.enterprises),
        installations: texts(&filter.installations),
        points: texts(&filter.points),
    }
}

fn filter_from_v1(filter: &v1::AlarmFilter) -> Read<AlarmFilter> {
    Ok(AlarmFilter {
        kinds: filter.kinds.iter().map(|it| word("when.kinds", it, AlarmKind::parse)).collect::<Read<_>>()?,
        alarms: ids("when.alarms", &filter.alarms, AlarmId::new)?,
        quantities: filter.quantities.iter().map(|it| word("when.quantities", it, Quantity::parse)).collect::<Read<_>>()?,
        min_priority: priority_from_v1(filter.min_priority),
        parks: ids("when.parks", &filter.parks, ParkId::new)?,
        enterprises: ids("when.enterprises", &filter.enterprises, EnterpriseId::new)?,
        installations: ids("when.installations", &filter.installations, InstallationId::new)?,
        points: ids("when.points", &filter.points, PointId::new)?,
    })
}

fn level_to_v1((level, addressed): &(Level, Vec<Addressed>)) -> v1::WarningLevel {
    let department = |it: &Addressed| match it {
        Addressed::Department(id) => Some(id.to_string()),
        Addressed::Kind(_) => None,
    };
    let kind = |it: &Addressed| match it {
        Addressed::Kind(kind) => Some(kind.as_str().to_owned()),
        Addressed::Department(_) => None,
    };
    v1::WarningLevel {
        level: level.as_str().to_owned(),
        departments: addressed.iter().filter_map(department).collect(),
        kinds: addressed.iter().filter_map(kind).collect(),
    }
}

fn level_from_v1(level: &v1::WarningLevel) -> Read<(Level, Vec<Addressed>)> {
    let departments = ids("addressees", &level.departments, DepartmentId::new)?.into_iter().map(Addressed::Department);
    let kinds = level.kinds.iter().map(|it| word("addressees", it, DepartmentKind::parse).map(Addressed::Kind));
    let addressed = departments.map(Ok).chain(kinds).collect::<Read<_>>()?;
    Ok((word("addressees", &level.level, Level::parse)?, addressed))
}

/// An event's body for journals and feeds.
pub(crate) fn warning_to_v1(change: &WarningChange) -> v1::WarningChange {
    let (wanted, refusal) = change.refused.map(|(action, why)| (action.as_str(), why.as_str())).unwrap_or_default();
    v1::WarningChange {
        warning: change.warning.as_ref().map(EventId::to_string).unwrap_or_default(),
        rule: change.rule.to_string(),
        name: change.name.clone(),
        topic: change.topic.clone(),
        colour: change.colour.as_str().to_owned(),
        place: change.place.as_str().to_owned(),
        level: change.level.as_str().to_owned(),
        action: change.action.clone(),
        received_within_us: change.within.received.micros(),
        responded_within_us: change.within.responded.micros(),
        resolved_within_us: change.within.resolved.micros(),
        escalate: change.escalate,
        close_on_return: change.close_on_return,
        alarms: change.alarms.iter().map(cause_to_v1).collect(),
        more_alarms: change.more_alarms,
        addressees: change.addressees.iter().map(addressee_to_v1).collect(),
        department: change.department.as_ref().map(DepartmentId::to_string).unwrap_or_default(),
        step: change.step.map(|it| it.as_str().to_owned()).unwrap_or_default(),
        deadline: change.deadline.map(time_to_v1),
        late: change.late,
        actor: change.actor.clone(),
        text: change.text.clone(),
        evidence: texts(&change.evidence),
        request_id: request_to_v1(change.request_id.as_ref()),
        wanted: wanted.to_owned(),
        refusal: refusal.to_owned(),
        picture: change.picture,
    }
}

/// An event's body from a journal or a feed.
pub(crate) fn warning_from_v1(kind: &str, change: &v1::WarningChange) -> Read<WarningChange> {
    let wanted = some(&change.wanted, |it| word("warning.wanted", it, WarningAction::parse))?;
    let refusal = some(&change.refusal, |it| word("warning.refusal", it, WarningRefusal::parse))?;
    let event = |it: &String| EventId::parse(it).ok_or_else(|| DecodeError::field("warning.evidence", it));
    Ok(WarningChange {
        transition: word("event.kind", kind, WarningTransition::parse)?,
        warning: occurrence(&change.warning)?,
        rule: id("warning.rule", &change.rule, WarningRuleId::new)?,
        name: change.name.clone(),
        topic: change.topic.clone(),
        colour: word("warning.colour", &change.colour, Colour::parse)?,
        place: word("warning.place", &change.place, WarningPlace::parse)?,
        level: word("warning.level", &change.level, Level::parse)?,
        action: change.action.clone(),
        within: spans(change.received_within_us, change.responded_within_us, change.resolved_within_us),
        escalate: change.escalate,
        close_on_return: change.close_on_return,
        alarms: change.alarms.iter().map(cause_from_v1).collect::<Read<_>>()?,
        more_alarms: change.more_alarms,
        addressees: change.addressees.iter().map(addressee_from_v1).collect::<Read<_>>()?,
        department: some(&change.department, |it| id("warning.department", it, DepartmentId::new))?,
        step: some(&change.step, |it| word("warning.step", it, WarningStep::parse))?,
        deadline: change.deadline.as_ref().map(time_from_v1),
        late: change.late,
        actor: change.actor.clone(),
        text: change.text.clone(),
        evidence: change.evidence.iter().map(event).collect::<Read<_>>()?,
        request_id: some(&change.request_id, |it| id("warning.request_id", it, RequestId::new))?,
        refused: wanted.zip(refusal),
        picture: change.picture,
    })
}

/// An alarm behind a warning.
pub fn cause_to_v1(cause: &WarningCause) -> v1::WarningCause {
    v1::WarningCause {
        point: cause.point.to_string(),
        alarm: cause.alarm.to_string(),
        occurrence: cause.occurrence.as_ref().map(EventId::to_string).unwrap_or_default(),
    }
}

fn cause_from_v1(cause: &v1::WarningCause) -> Read<WarningCause> {
    let alarm = id("cause.alarm", &cause.alarm, AlarmId::new)?;
    Ok(WarningCause { point: Arc::from(cause.point.as_str()), alarm, occurrence: occurrence(&cause.occurrence)? })
}

fn addressee_to_v1(addressee: &Addressee) -> v1::WarningAddressee {
    let by = |of: fn(StepTimes) -> Time| addressee.deadlines.map(|it| time_to_v1(of(it)));
    v1::WarningAddressee {
        department: addressee.department.to_string(),
        name: addressee.name.clone(),
        level: addressee.level.as_str().to_owned(),
        receive_by: by(|it| it.received),
        respond_by: by(|it| it.responded),
        resolve_by: by(|it| it.resolved),
    }
}

fn addressee_from_v1(addressee: &v1::WarningAddressee) -> Read<Addressee> {
    let by = addressee.receive_by.as_ref().zip(addressee.respond_by.as_ref()).zip(addressee.resolve_by.as_ref());
    Ok(Addressee {
        department: id("addressee.department", &addressee.department, DepartmentId::new)?,
        name: addressee.name.clone(),
        level: word("addressee.level", &addressee.level, Level::parse)?,
        deadlines: by.map(|((received, responded), resolved)| StepTimes {
            received: time_from_v1(received),
            responded: time_from_v1(responded),
            resolved: time_from_v1(resolved),
        }),
    })
}
