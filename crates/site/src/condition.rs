//! What an alarm judges by beside limit and deadband: the keys of each kind.

use model::{AlarmKind, Condition, Direction, MissingMember, PointId, Reference, Span};

use crate::fault::{At, Sink};
use crate::formula::{self, FormulaDraft, Own};
use crate::node::{Entry, Scalar};

/// Over how much time a rate is taken, and per how much its limit is, where nothing else is said.
const RATE_WINDOW: Span = Span::from_secs(60);
/// Over how much time a slope is taken to look ahead, where nothing else is said.
const TREND_WINDOW: Span = Span::from_secs(300);

const ONE_WAY: &[Direction] = &[Direction::Up, Direction::Down];

/// A condition before other entries were looked at.
pub(crate) enum ConditionDraft {
    /// Needs nothing but itself.
    Ready(Condition),
    /// A deviation from another point.
    FromPoint { point: At<PointId>, fallback: Option<f64>, direction: Direction },
    /// States by their texts in the point's table, or by number.
    State(Vec<At<StateName>>),
    /// A vote.
    Vote { members: Vec<At<PointId>>, votes: u32, direction: Direction, missing: MissingMember },
    /// An expression that compiles.
    Expression(FormulaDraft),
}

impl Default for ConditionDraft {
    fn default() -> Self {
        Self::Ready(Condition::Plain)
    }
}

/// A state as written.
#[derive(Clone, Debug)]
pub(crate) enum StateName {
    Text(String),
    Number(f64),
    /// A piece of a cell: a text of the table, else a number.
    Cell(String),
}

/// Reads what the kind needs; `None` only where faults were told.
pub(crate) fn read(entry: Entry<'_, '_>, kind: AlarmKind, sink: &mut Sink) -> Option<ConditionDraft> {
    match kind {
        AlarmKind::Rate => Some(rate(entry, sink)),
        AlarmKind::Deviation => deviation(entry, sink),
        AlarmKind::Stuck => stuck(entry, sink),
        AlarmKind::State => states(entry, sink),
        AlarmKind::Vote => vote(entry, sink),
        AlarmKind::Expression => formula::read(entry, Own::Value, sink).map(ConditionDraft::Expression),
        AlarmKind::TimeToLimit => time_to_limit(entry, sink),
        _ => Some(ConditionDraft::default()),
    }
}

fn direction(entry: Entry<'_, '_>, allowed: &[Direction], default: Direction, sink: &mut Sink) -> Direction {
    entry.word("direction", allowed, Direction::as_str, sink).map_or(default, |direction| direction.value)
}

fn rate(entry: Entry<'_, '_>, sink: &mut Sink) -> ConditionDraft {
    ConditionDraft::Ready(Condition::Rate {
        window: entry.window("window", sink).unwrap_or(RATE_WINDOW),
        per: entry.window("per", sink).unwrap_or(RATE_WINDOW),
        direction: direction(entry, Direction::ALL, Direction::Both, sink),
    })
}

fn deviation(entry: Entry<'_, '_>, sink: &mut Sink) -> Option<ConditionDraft> {
    let direction = direction(entry, Direction::ALL, Direction::Both, sink);
    let fallback = entry.number("fallback", sink).map(|number| number.value);
    entry.required("from", "from = 50.0, or the id of a point", sink);
    let field = entry.field("from")?;
    let from = entry.scalar(field, sink)?;
    // In a cell nothing tells a number from an id, so what reads as a number is one.
    let value = match from.value {
        Scalar::Number(value) => Some(value),
        Scalar::Cell(text) => text.parse().ok().filter(|value: &f64| value.is_finite()).map(|value| value + 0.0),
        Scalar::Text(_) => None,
    };
    let Some(value) = value else {
        let point = point_id(entry, "from", &from, sink)?;
        return Some(ConditionDraft::FromPoint { point, fallback, direction });
    };
    if let Some(field) = entry.field("fallback") {
        entry.wrong(field, "means nothing beside a set value", "remove it, or write the id of a point in `from`", sink);
    }
    Some(ConditionDraft::Ready(Condition::Deviation { from: Reference::Value(value), direction }))
}

fn stuck(entry: Entry<'_, '_>, sink: &mut Sink) -> Option<ConditionDraft> {
    entry.required("window", "window = \"10m\"", sink);
    let noise = entry.magnitude("noise", sink).unwrap_or(0.0);
    let window = entry.window("window", sink)?;
    Some(ConditionDraft::Ready(Condition::Stuck { noise, window }))
}

fn states(entry: Entry<'_, '_>, sink: &mut Sink) -> Option<ConditionDraft> {
    let states = entry.list("states", "states = [\"open\"]", sink)?.into_iter().map(|state| {
        let value = match state.value {
            Scalar::Text(text) => StateName::Text(text.to_owned()),
            Scalar::Cell(text) => StateName::Cell(text.to_owned()),
            Scalar::Number(number) => StateName::Number(number),
        };
        At { value, place: state.place }
    });
    Some(ConditionDraft::State(states.collect()))
}

fn vote(entry: Entry<'_, '_>, sink: &mut Sink) -> Option<ConditionDraft> {
    let direction = direction(entry, ONE_WAY, Direction::Up, sink);
    let missing = entry.word("missing", MissingMember::ALL, MissingMember::as_str, sink);
    let members = members(entry, sink);
    entry.required("votes", "votes = 2", sink);
    let votes = entry.count("votes", sink)?;
    let members = members?;
    if votes == 0 || votes as usize > members.len() {
        let problem = format!("is no number of votes among {} members", members.len());
        entry.wrong(entry.field("votes")?, problem, format!("write 1 to {}", members.len()), sink);
        return None;
    }
    let missing = missing.map_or(MissingMember::Vote, |word| word.value);
    Some(ConditionDraft::Vote { members, votes, direction, missing })
}

/// At least two points, each once, in order of id.
fn members(entry: Entry<'_, '_>, sink: &mut Sink) -> Option<Vec<At<PointId>>> {
    const EXAMPLE: &str = "members = [\"GT-1\", \"GT-2\", \"GT-3\"]";
    let listed = entry.list("members", EXAMPLE, sink)?;
    let mut members: Vec<_> = listed.iter().map(|item| point_id(entry, "members", item, sink)).collect::<Option<_>>()?;
    members.sort_by(|a, b| (&a.value, a.place).cmp(&(&b.value, b.place)));
    let twice = members.windows(2).find(|pair| pair[0].value == pair[1].value);
    if let Some([_, again]) = twice {
        sink.fault(again.place, "members", again.value.as_str(), "is named twice", "name each member once: it has one vote");
        return None;
    }
    if members.len() < 2 {
        entry.wrong(entry.field("members")?, "is one member, and a vote is among several", format!("write {EXAMPLE}"), sink);
        return None;
    }
    Some(members)
}

fn time_to_limit(entry: Entry<'_, '_>, sink: &mut Sink) -> Option<ConditionDraft> {
    let direction = direction(entry, ONE_WAY, Direction::Up, sink);
    let window = entry.window("window", sink).unwrap_or(TREND_WINDOW);
    entry.required("within", "within = \"10m\"", sink);
    let within = entry.window("within", sink)?;
    Some(ConditionDraft::Ready(Condition::TimeToLimit { window, within, direction }))
}

/// The id of a point in a value or in one of a list.
fn point_id(entry: Entry<'_, '_>, key: &str, written: &At<Scalar<'_>>, sink: &mut Sink) -> Option<At<PointId>> {
    let text = match written.value {
        Scalar::Text(text) | Scalar::Cell(text) => text,
        Scalar::Number(_) => {
            entry.wrong(entry.field(key)?, "names a point by a number", "write its id in quotes", sink);
            return None;
        }
    };
    formula::point_id(key, &At { value: text, place: written.place }, sink)
}
