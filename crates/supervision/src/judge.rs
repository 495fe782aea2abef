//! Gaps to answers: when could this rule have fired?

use std::collections::BTreeMap;

use model::{Span, Time};

use crate::gap::{Gap, Reason};
use crate::needs::{Quorum, RuleSpan};

/// A stretch of time: from, inclusive, and to, exclusive.
type Stretch = (Time, Time);

/// Gaps by scope.
#[derive(Clone, Debug, Default)]
pub struct Gaps(BTreeMap<String, BTreeMap<(Time, Reason), Gap>>);

impl Extend<Gap> for Gaps {
    /// Of two of the same name the later one stands: it has the end.
    fn extend<T: IntoIterator<Item = Gap>>(&mut self, gaps: T) {
        for gap in gaps {
            self.0.entry(gap.scope.clone()).or_default().insert((gap.from, gap.reason), gap);
        }
    }
}

impl FromIterator<Gap> for Gaps {
    fn from_iter<T: IntoIterator<Item = Gap>>(gaps: T) -> Self {
        let mut all = Self::default();
        all.extend(gaps);
        all
    }
}

impl Gaps {
    /// Those of some scopes.
    fn of(&self, scopes: &[String]) -> impl Iterator<Item = &Gap> {
        scopes.iter().filter_map(|scope| self.0.get(scope)).flat_map(BTreeMap::values)
    }

    /// Every one, by scope and start.
    pub fn iter(&self) -> impl Iterator<Item = &Gap> {
        self.0.values().flat_map(BTreeMap::values)
    }
}

/// A gap as far as it kept a rule from firing, within the time asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JudgedGap {
    /// Inclusive.
    pub from: Time,
    /// Exclusive.
    pub to: Time,
    /// Why.
    pub reason: Reason,
    /// What it concerns.
    pub scope: String,
    /// What proves it.
    pub evidence: String,
}

/// What is known of a rule over a range of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// How long it was in force.
    pub in_force: Span,
    /// How long it could have fired: in force less the union of all that kept it from that.
    pub supervised: Span,
    /// When it could have fired, in order.
    pub stretches: Vec<(Time, Time)>,
    /// What kept it from that, by start; where several did at once, each is here.
    pub gaps: Vec<JudgedGap>,
}

impl Judged {
    /// Whether it could have fired at a moment of the range.
    pub fn could_have_fired(&self, at: Time) -> bool {
        self.stretches.iter().any(|(from, to)| *from <= at && at < *to)
    }

    /// How long each reason kept it from firing; where several did at once, each counts.
    pub fn by_reason(&self) -> BTreeMap<Reason, Span> {
        let mut stretches: BTreeMap<Reason, Vec<Stretch>> = BTreeMap::new();
        for gap in &self.gaps {
            stretches.entry(gap.reason).or_default().push((gap.from, gap.to));
        }
        stretches.into_iter().map(|(reason, list)| (reason, length(&union(list)))).collect()
    }

    /// Adds what is known of the same rule under another revision.
    pub fn add(&mut self, other: Self) {
        self.in_force = self.in_force + other.in_force;
        self.supervised = self.supervised + other.supervised;
        self.stretches.extend(other.stretches);
        self.gaps.extend(other.gaps);
        self.stretches = union(std::mem::take(&mut self.stretches));
        self.gaps.sort();
    }
}

/// Judges a rule over a range of time; gaps are all that concern its scopes.
pub fn judge(rule: &RuleSpan, gaps: &Gaps, from: Time, to: Time) -> Judged {
    let range = (from.max(rule.from), to.min(rule.to.unwrap_or(Time::MAX)));
    if range.0 >= range.1 {
        return Judged::default();
    }
    let counts = |gap: &&Gap| !rule.needs.ignores(gap.reason);
    let mut kept: Vec<JudgedGap> = Vec::new();
    kept.extend(gaps.of(&rule.own_scopes()).filter(counts).filter_map(|gap| clip(gap, range)));
    let members: Vec<Vec<&Gap>> =
        rule.needs.inputs.iter().map(|input| gaps.of(&rule.needs.scopes_of(input)).filter(counts).collect()).collect();
    if rule.needs.quorum == Quorum::All {
        kept.extend(members.iter().flatten().filter_map(|gap| clip(gap, range)));
    } else {
        let blocked = blocked(rule.needs.quorum, &members, range);
        for stretch in blocked {
            kept.extend(members.iter().flatten().filter_map(|gap| clip(gap, stretch)));
        }
    }
    kept.sort();
    kept.dedup();
    let taken = union(kept.iter().map(|gap| (gap.from, gap.to)).collect());
    let stretches = rest(&taken, range);
    Judged { in_force: range.1.since(range.0), supervised: length(&stretches), stretches, gaps: kept }
}

/// Whether a rule could have fired at one moment, and what kept it from that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// It could.
    pub could_have_fired: bool,
    /// Why not: gaps as a whole, not cut; an end that lies open is none.
    pub gaps: Vec<Gap>,
}

/// Judges a rule at one moment; `None` where it was not in force.
pub fn at(rule: &RuleSpan, gaps: &Gaps, moment: Time) -> Option<Moment> {
    let judged = judge(rule, gaps, moment, moment.plus(crate::gap::TICK));
    if judged.in_force == Span::ZERO {
        return None;
    }
    let why = |gap: &&Gap| {
        let names =
            |it: &JudgedGap| it.from < it.to && it.scope == gap.scope && it.reason == gap.reason && it.evidence == gap.evidence;
        gap.from <= moment && gap.to.is_none_or(|to| moment < to) && judged.gaps.iter().any(names)
    };
    let gaps = gaps.of(&rule.scopes()).filter(why).cloned().collect();
    Some(Moment { could_have_fired: judged.could_have_fired(moment), gaps })
}

/// The part of a gap within a stretch; one without length is kept where it lies inside, for what it proves.
fn clip(gap: &Gap, (from, to): Stretch) -> Option<JudgedGap> {
    let (begin, end) = (gap.from.max(from), gap.to.unwrap_or(Time::MAX).min(to));
    let instant = gap.to == Some(gap.from) && from <= gap.from && gap.from < to;
    (begin < end || instant).then(|| JudgedGap {
        from: begin,
        to: end,
        reason: gap.reason,
        scope: gap.scope.clone(),
        evidence: gap.evidence.clone(),
    })
}

/// What an input lacks while a gap lasts: the core counts a value that is not to be judged otherwise than one that may be old.
const fn is_absent(reason: Reason) -> bool {
    matches!(reason, Reason::Stale | Reason::BadQuality | Reason::Calibrating)
}

/// When fewer inputs than needed could be used.
fn blocked(quorum: Quorum, members: &[Vec<&Gap>], range: Stretch) -> Vec<Stretch> {
    // Begins and ends of gaps by time: which member, whether it is absent, and one more or less.
    let mut turns: Vec<(Time, usize, bool, i32)> = Vec::new();
    for (member, gaps) in members.iter().enumerate() {
        for gap in gaps.iter().filter_map(|gap| clip(gap, range)).filter(|gap| gap.from < gap.to) {
            turns.push((gap.from, member, is_absent(gap.reason), 1));
            turns.push((gap.to, member, is_absent(gap.reason), -1));
        }
    }
    turns.sort_unstable();
    let mut open = vec![(0, 0); members.len()];
    let (mut blocked, mut from) = (Vec::new(), range.0);
    let mut turns = turns.into_iter().peekable();
    while from < range.1 {
        while let Some((_, member, absent, step)) = turns.next_if(|(time, ..)| *time <= from) {
            let (absences, others): &mut (i32, i32) = &mut open[member];
            *(if absent { absences } else { others }) += step;
        }
        let absent = open.iter().filter(|(absences, _)| *absences > 0).count();
        let away = open.iter().filter(|(absences, others)| *absences == 0 && *others > 0).count();
        let to = turns.peek().map_or(range.1, |(time, ..)| *time);
        if !quorum.is_met(members.len() - absent - away, absent, away) {
            blocked.push((from, to));
        }
        from = to;
    }
    union(blocked)
}

/// The same stretches without overlaps, in order; those without length are gone.
pub(crate) fn union(mut list: Vec<Stretch>) -> Vec<Stretch> {
    list.retain(|(from, to)| from < to);
    list.sort_unstable();
    let mut whole: Vec<Stretch> = Vec::with_capacity(list.len());
    for (from, to) in list {
        match whole.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => whole.push((from, to)),
        }
    }
    whole
}

/// What is left of a range.
fn rest(taken: &[Stretch], range: Stretch) -> Vec<Stretch> {
    let mut left = Vec::new();
    let mut from = range.0;
    for taken in taken {
        left.push((from, taken.0));
        from = taken.1;
    }
    left.push((from, range.1));
    union(left)
}

pub(crate) fn length(stretches: &[Stretch]) -> Span {
    stretches.iter().fold(Span::ZERO, |sum, (from, to)| sum + to.since(*from))
}
