//! Alarm rules and suppressions: model <-> `davy.v1`.

use model::{
    AlarmId, AlarmKind, AlarmRule, Condition, Direction, EnterpriseId, Formula, MissingMember, PointId, Quantity, Reference,
    SHELVE_MAX, Span, Suppression,
};

use crate::record::DecodeError;
use crate::v1::alarm_rule::Condition as Wire;
use crate::v1::deviation_condition::From;
use crate::{priority_from_v1, priority_to_v1, v1};

pub(crate) fn rule_to_v1(rule: &AlarmRule, quantity: Quantity) -> v1::AlarmRule {
    // Left out of a gas alarm it reads as none at all: there it is always said.
    let says_shelve_max = quantity.is_gas_detector() || rule.shelve_max != SHELVE_MAX;
    v1::AlarmRule {
        id: rule.id.to_string(),
        kind: rule.kind.as_str().to_owned(),
        limit: rule.limit,
        deadband: rule.deadband,
        on_delay_us: rule.on_delay.micros(),
        off_delay_us: rule.off_delay.micros(),
        priority: priority_to_v1(rule.priority).into(),
        latching: rule.latching,
        cause: rule.cause.clone(),
        consequence: rule.consequence.clone(),
        action: rule.action.clone(),
        respond_within_us: rule.respond_within.map(Span::micros),
        position: rule.position.clone(),
        implied: rule.implied,
        group: rule.group.clone(),
        shelve_max_us: says_shelve_max.then_some(rule.shelve_max.micros()),
        realarm_after_us: rule.realarm_after.map(Span::micros),
        repeat_within_us: rule.repeat_within.micros(),
        condition: condition_to_v1(&rule.condition),
    }
}

pub(crate) fn rule_from_v1(rule: &v1::AlarmRule, quantity: Quantity) -> Result<AlarmRule, DecodeError> {
    // What was written before shelves were known holds to the rule for gas alarms too: they are not shelved.
    let implied_max = if quantity.is_gas_detector() { Span::ZERO } else { SHELVE_MAX };
    Ok(AlarmRule {
        id: alarm_id(&rule.id)?,
        kind: AlarmKind::parse(&rule.kind).ok_or_else(|| DecodeError::field("alarm.kind", &rule.kind))?,
        limit: rule.limit,
        deadband: rule.deadband,
        on_delay: Span::from_micros(rule.on_delay_us),
        off_delay: Span::from_micros(rule.off_delay_us),
        priority: priority_from_v1(rule.priority).ok_or_else(|| DecodeError::field("alarm.priority", "unspecified"))?,
        latching: rule.latching,
        cause: rule.cause.clone(),
        consequence: rule.consequence.clone(),
        action: rule.action.clone(),
        respond_within: rule.respond_within_us.map(Span::from_micros),
        position: rule.position.clone(),
        implied: rule.implied,
        condition: rule.condition.as_ref().map_or(Ok(Condition::Plain), condition_from_v1)?,
        group: rule.group.clone(),
        shelve_max: rule.shelve_max_us.map_or(implied_max, Span::from_micros),
        realarm_after: rule.realarm_after_us.map(Span::from_micros),
        repeat_within: Span::from_micros(rule.repeat_within_us),
    })
}

fn condition_to_v1(condition: &Condition) -> Option<Wire> {
    Some(match condition {
        Condition::Plain => return None,
        Condition::Rate { window, per, direction } => Wire::Rate(v1::RateCondition {
            window_us: window.micros(),
            per_us: per.micros(),
            direction: direction.as_str().to_owned(),
        }),
        Condition::Deviation { from, direction } => {
            let (from, fallback) = match from {
                Reference::Value(value) => (From::Value(*value), None),
                Reference::Point { point, fallback } => (From::Point(point.to_string()), *fallback),
            };
            Wire::Deviation(v1::DeviationCondition { from: Some(from), fallback, direction: direction.as_str().to_owned() })
        }
        Condition::Stuck { noise, window } => Wire::Stuck(v1::StuckCondition { noise: *noise, window_us: window.micros() }),
        Condition::State { values } => Wire::State(v1::StateCondition { values: values.clone() }),
        Condition::Vote { members, votes, direction, missing } => Wire::Vote(v1::VoteCondition {
            members: members.iter().map(PointId::to_string).collect(),
            votes: *votes,
            direction: direction.as_str().to_owned(),
            missing: missing.as_str().to_owned(),
        }),
        Condition::Expression(formula) => Wire::Expression(formula_to_v1(formula)),
        Condition::TimeToLimit { window, within, direction } => Wire::TimeToLimit(v1::TimeToLimitCondition {
            window_us: window.micros(),
            within_us: within.micros(),
            direction: direction.as_str().to_owned(),
        }),
        Condition::FaultOf { alarm } => Wire::FaultOf(alarm.to_string()),
    })
}

fn condition_from_v1(condition: &Wire) -> Result<Condition, DecodeError> {
    Ok(match condition {
        Wire::Rate(rate) => Condition::Rate {
            window: Span::from_micros(rate.window_us),
            per: Span::from_micros(rate.per_us),
            direction: direction(&rate.direction)?,
        },
        Wire::Deviation(deviation) => {
            let from = match &deviation.from {
                Some(From::Value(value)) => Reference::Value(*value),
                Some(From::Point(point)) => Reference::Point { point: point_id(point)?, fallback: deviation.fallback },
                None => return Err(DecodeError::field("deviation.from", "unspecified")),
            };
            Condition::Deviation { from, direction: direction(&deviation.direction)? }
        }
        Wire::Stuck(stuck) => Condition::Stuck { noise: stuck.noise, window: Span::from_micros(stuck.window_us) },
        Wire::State(state) => Condition::State { values: state.values.clone() },
        Wire::Vote(vote) => Condition::Vote {
            members: vote.members.iter().map(|it| point_id(it)).collect::<Result<_, _>>()?,
            votes: vote.votes,
            direction: direction(&vote.direction)?,
            missing: MissingMember::parse(&vote.missing).ok_or_else(|| DecodeError::field("vote.missing", &vote.missing))?,
        },
        Wire::Expression(formula) => Condition::Expression(formula_from_v1(formula)?),
        Wire::TimeToLimit(rule) => Condition::TimeToLimit {
            window: Span::from_micros(rule.window_us),
            within: Span::from_micros(rule.within_us),
            direction: direction(&rule.direction)?,
        },
        Wire::FaultOf(alarm) => Condition::FaultOf { alarm: alarm_id(alarm)? },
    })
}

fn formula_to_v1(formula: &Formula) -> v1::Formula {
    let input = |(name, point): &(String, PointId)| v1::FormulaInput { name: name.clone(), point: point.to_string() };
    v1::Formula { text: formula.text.clone(), inputs: formula.inputs.iter().map(input).collect() }
}

fn formula_from_v1(formula: &v1::Formula) -> Result<Formula, DecodeError> {
    let input = |it: &v1::FormulaInput| Ok::<_, DecodeError>((it.name.clone(), point_id(&it.point)?));
    Ok(Formula { text: formula.text.clone(), inputs: formula.inputs.iter().map(input).collect::<Result<_, _>>()? })
}

/// A suppression for records and the network.
pub(crate) fn suppression_to_v1(suppression: &Suppression) -> v1::Suppression {
    let alarm = |(point, alarm): &(PointId, Option<AlarmId>)| v1::SuppressedAlarm {
        point: point.to_string(),
        alarm: alarm.as_ref().map(AlarmId::to_string).unwrap_or_default(),
    };
    v1::Suppression {
        id: suppression.id.clone(),
        enterprise: suppression.enterprise.to_string(),
        when: Some(formula_to_v1(&suppression.when)),
        alarms: suppression.alarms.iter().map(alarm).collect(),
    }
}

/// A suppression from a record.
pub(crate) fn suppression_from_v1(suppression: &v1::Suppression) -> Result<Suppression, DecodeError> {
    let alarm = |it: &v1::SuppressedAlarm| {
        let alarm = if it.alarm.is_empty() { None } else { Some(alarm_id(&it.alarm)?) };
        Ok::<_, DecodeError>((point_id(&it.point)?, alarm))
    };
    let when = suppression.when.as_ref().ok_or_else(|| DecodeError::field("suppression.when", "unspecified"))?;
    Ok(Suppression {
        id: suppression.id.clone(),
        enterprise: EnterpriseId::new(&suppression.enterprise)
            .map_err(|_| DecodeError::field("suppression.enterprise", &suppression.enterprise))?,
        when: formula_from_v1(when)?,
        alarms: suppression.alarms.iter().map(alarm).collect::<Result<_, _>>()?,
    })
}

fn direction(word: &str) -> Result<Direction, DecodeError> {
    Direction::parse(word).ok_or_else(|| DecodeError::field("direction", word))
}

fn point_id(text: &str) -> Result<PointId, DecodeError> {
    PointId::new(text).map_err(|_| DecodeError::field("point", text))
}

fn alarm_id(text: &str) -> Result<AlarmId, DecodeError> {
    AlarmId::new(text).map_err(|_| DecodeError::field("alarm", text))
}
