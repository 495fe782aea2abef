//! What a rule needs so that it can fire, by its kind.
//!
//! A rule of a point needs its point, its gateway and its source; one over several points theirs. What a rule judges does not keep it from
//! firing: silence does not keep `stale` from it, nor bad quality `bad_quality`, nor an outage of a gateway `gateway_down`. An outage of
//! the whole protocol does keep the last one: then the enterprise is down, and nobody knows of the gateway.

use std::sync::Arc;

use model::{AlarmKind, AlarmRule, Condition, GatewayPath, MissingMember, Partition, Point, Protocol, Reference, Time};

use crate::gap::{Reason, scope};

/// The kind of the row that stands for a point itself, whose alarm has no id: what online rates are taken from.
pub const ONLINE: &str = "online";

/// A rule and when it was in force so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleSpan {
    /// Its point; of the alarm that a gateway or an enterprise is down, its path or id.
    pub point: Arc<str>,
    /// Its id on the point; empty for the point itself.
    pub alarm: Arc<str>,
    /// Inclusive.
    pub from: Time,
    /// Exclusive; `None` while it is.
    pub to: Option<Time>,
    /// The word of its kind, or `ONLINE`.
    pub kind: &'static str,
    /// Empty outside any park.
    pub park: Arc<str>,
    /// Whose.
    pub enterprise: Arc<str>,
    /// Where; empty for gateways and enterprises.
    pub installation: Arc<str>,
    /// What it takes to judge.
    pub needs: Needs,
}

impl RuleSpan {
    /// Whether two rows say the same but for their times.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.park == other.park
            && self.enterprise == other.enterprise
            && self.installation == other.installation
            && self.needs == other.needs
    }

    /// The scopes whose gaps concern it.
    pub fn scopes(&self) -> Vec<String> {
        let mut scopes = self.own_scopes();
        for input in &self.needs.inputs {
            scopes.extend(self.needs.scopes_of(input));
        }
        scopes.sort_unstable();
        scopes.dedup();
        scopes
    }

    /// Those that concern it as a whole, whatever its inputs.
    pub(crate) fn own_scopes(&self) -> Vec<String> {
        let partition = scope::partition(self.needs.partition.0);
        vec![scope::JOURNAL.to_owned(), scope::EVENTS.to_owned(), partition, scope::rule(&self.point, &self.alarm)]
    }
}

/// What a rule needs so that it can fire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Where it lives.
    pub(crate) partition: Partition,
    /// Reasons that do not keep it from firing, as bits.
    pub(crate) ignores: u16,
    /// How many of its inputs it needs.
    pub(crate) quorum: Quorum,
    /// What it looks at.
    pub(crate) inputs: Vec<Input>,
}

/// One of what a rule looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Input {
    /// Empty where it is no point.
    pub(crate) point: Arc<str>,
    /// Its source, whose outages and those of all above it concern it.
    pub(crate) source: Arc<str>,
    /// The gateway whose clock concerns it; empty for none.
    pub(crate) gateway: Arc<str>,
}

/// How many inputs a rule needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quorum {
    /// Every one.
    All,
    /// Any.
    One,
    /// So many, where missing ones count like this (traps 38).
    Votes(u32, MissingMember),
}

impl Quorum {
    /// Whether a rule can fire on so many inputs that can be used, while others are bad, calibrated or silent (`absent`), or unknown for
    /// another reason (`away`): as the core counts them.
    pub(crate) fn is_met(self, usable: usize, absent: usize, away: usize) -> bool {
        match self {
            Self::All => absent + away == 0,
            Self::One => usable > 0,
            Self::Votes(votes, MissingMember::Vote) => usable + absent >= votes as usize,
            Self::Votes(votes, MissingMember::NoVote) => usable >= votes as usize,
            Self::Votes(votes, MissingMember::Degrade) => usable > 0 && usable >= (votes as usize).min(usable + away),
        }
    }
}

const fn bits(reasons: &[Reason]) -> u16 {
    let (mut bits, mut at) = (0, 0);
    while at < reasons.len() {
        bits |= reasons[at].bit();
        at += 1;
    }
    bits
}

/// For what judges silence itself: neither value, quality nor source time count.
const OF_SILENCE: u16 =
    bits(&[Reason::Stale, Reason::NeverSeen, Reason::BadQuality, Reason::Calibrating, Reason::ClockNotTrusted]);
/// For what judges quality itself.
const OF_QUALITY: u16 = bits(&[Reason::BadQuality, Reason::Calibrating]);
/// For what goes on judging although something is missing: the members say whether it can.
const OF_FAULT: u16 = bits(&[Reason::RuleFault]);
/// For whether a point is heard of.
const OF_ONLINE: u16 = bits(&[Reason::BadQuality, Reason::Calibrating, Reason::ClockNotTrusted]);

impl Needs {
    /// Of a rule of a point; `find` knows the points of the partition by id.
    pub(crate) fn of_rule<'a>(
        partition: Partition,
        point: &Point,
        rule: &AlarmRule,
        find: &impl Fn(&str) -> Option<&'a Point>,
    ) -> Self {
        let inputs = inputs(point, &rule.condition, find);
        let (ignores, quorum) = match (rule.kind, &rule.condition) {
            (AlarmKind::Stale, _) => (OF_SILENCE, Quorum::All),
            (AlarmKind::BadQuality | AlarmKind::Calibrating, _) => (OF_QUALITY, Quorum::All),
            (AlarmKind::RuleFault, _) => (OF_SILENCE | OF_FAULT, Quorum::One),
            (_, Condition::Vote { votes, missing, .. }) => (OF_FAULT, Quorum::Votes(*votes, *missing)),
            (_, Condition::Deviation { from: Reference::Point { fallback: Some(_), .. }, .. }) => (OF_FAULT, Quorum::All),
            _ => (0, Quorum::All),
        };
        Self { partition, ignores, quorum, inputs }
    }

    /// Of a point that is to be heard of.
    pub(crate) fn of_point(partition: Partition, point: &Point) -> Self {
        Self { partition, ignores: OF_ONLINE, quorum: Quorum::All, inputs: vec![Input::of(point)] }
    }

    /// Of the alarm that a gateway is down: that its protocol is there.
    pub(crate) fn of_gateway(partition: Partition, protocol: Protocol) -> Self {
        let none: Arc<str> = Arc::from("");
        let input = Input { point: Arc::clone(&none), source: Arc::from(protocol.as_str()), gateway: none };
        Self { partition, ignores: OF_SILENCE, quorum: Quorum::All, inputs: vec![input] }
    }

    /// Of the alarm that an enterprise is down: nothing but that Davy runs.
    pub(crate) fn of_enterprise(partition: Partition) -> Self {
        Self { partition, ignores: OF_SILENCE, quorum: Quorum::All, inputs: Vec::new() }
    }

    pub(crate) const fn ignores(&self, reason: Reason) -> bool {
        self.ignores & reason.bit() != 0
    }

    /// The scopes whose gaps concern one input.
    pub(crate) fn scopes_of(&self, input: &Input) -> Vec<String> {
        let number = self.partition.0;
        let mut scopes = Vec::new();
        if !input.point.is_empty() {
            scopes.push(scope::point(&input.point));
        }
        if !input.gateway.is_empty() {
            scopes.push(scope::gateway(number, &input.gateway));
        }
        let above = input.source.match_indices('/').map(|(at, _)| &input.source[..at]);
        scopes.extend(above.chain([&*input.source]).map(|name| scope::source(number, name)));
        scopes
    }
}

impl Input {
    fn of(point: &Point) -> Self {
        let source = point.source_id();
        let gateway: &GatewayPath = &point.source.gateway;
        Self { point: point.id.shared(), source: Arc::from(source.as_str()), gateway: gateway.shared() }
    }
}

/// What a rule looks at; a point that is not there is none, `site` lets no such rule through.
fn inputs<'a>(point: &Point, condition: &Condition, find: &impl Fn(&str) -> Option<&'a Point>) -> Vec<Input> {
    let named = |id: &model::PointId| find(id.as_str()).map(Input::of);
    match condition {
        Condition::Vote { members, .. } => members.iter().filter_map(named).collect(),
        Condition::Expression(formula) => formula.inputs.iter().filter_map(|(_, id)| named(id)).collect(),
        Condition::Deviation { from: Reference::Point { point: other, fallback: None }, .. } => {
            [Input::of(point)].into_iter().chain(named(other)).collect()
        }
        Condition::FaultOf { alarm } => {
            let watched = point.alarms.iter().find(|it| it.id == *alarm && it.kind != AlarmKind::RuleFault);
            match watched.map(|it| &it.condition) {
                Some(Condition::Deviation { from: Reference::Point { point: other, .. }, .. }) => {
                    [Input::of(point)].into_iter().chain(named(other)).collect()
                }
                Some(condition) => inputs(point, condition, find),
                None => vec![Input::of(point)],
            }
        }
        _ => vec![Input::of(point)],
    }
}
