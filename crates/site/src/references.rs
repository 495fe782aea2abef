//! What rules and suppressions name: points of one enterprise, units that agree, states that are in the table.

use model::{Condition, EnterpriseId, Formula, PointId, Quantity, Reference};

use crate::alarm::AlarmDraft;
use crate::condition::{ConditionDraft, StateName};
use crate::fault::{At, Place, Sink};
use crate::formula::FormulaDraft;
use crate::point::PointDraft;
use crate::resolve::{Drafts, Owners, refer};
use crate::suggest;

/// All points, to look one up by its id.
pub(crate) struct Points<'a> {
    drafts: &'a Drafts,
    owners: &'a Owners,
    /// In order.
    ids: Vec<&'a str>,
}

impl<'a> Points<'a> {
    /// Of drafts that are in order of id.
    pub(crate) fn new(drafts: &'a Drafts, owners: &'a Owners) -> Self {
        Self { drafts, owners, ids: drafts.points.iter().map(|point| point.id.value.as_str()).collect() }
    }

    /// Finds a point, or tells under `key` that there is none.
    pub(crate) fn find(&self, key: &str, id: &str, place: Place, sink: &mut Sink) -> Option<usize> {
        refer("point", key, id, place, &self.ids, sink)
    }

    pub(crate) fn draft(&self, point: usize) -> &'a PointDraft {
        &self.drafts.points[point]
    }

    /// Whose it is; `None` where that is at fault.
    pub(crate) fn enterprise(&self, point: usize) -> Option<&'a EnterpriseId> {
        self.owners.enterprise_of_point(point).map(|found| &self.drafts.enterprises[found].id.value)
    }

    fn installation(&self, point: usize) -> Option<&'a str> {
        let found = self.owners.installation_of_point[point]?;
        Some(self.drafts.installations[found].id.value.as_str())
    }

    /// A partition knows the points of its enterprises alone, so a rule cannot see others.
    pub(crate) fn find_of(&self, home: Option<&EnterpriseId>, key: &str, id: &At<PointId>, sink: &mut Sink) -> Option<usize> {
        let found = self.find(key, id.value.as_str(), id.place, sink)?;
        if let (Some(home), Some(other)) = (home, self.enterprise(found))
            && home != other
        {
            let problem = format!("belongs to enterprise `{other}`, and a rule may not reach beyond `{home}`");
            sink.fault(id.place, key, id.value.as_str(), problem, format!("use a point of `{home}`"));
            return None;
        }
        Some(found)
    }

    /// The condition with its points, each of one enterprise. `own` is the point that it is an alarm of.
    pub(crate) fn formula(
        &self,
        draft: &FormulaDraft,
        own: Option<&PointId>,
        home: Option<&EnterpriseId>,
        sink: &mut Sink,
    ) -> Option<Formula> {
        let mut inputs = Some(Vec::with_capacity(draft.inputs.len()));
        for (name, point) in &draft.inputs {
            let id = match point {
                Some(point) => self.find_of(home, name, point, sink).map(|_| &point.value),
                None => own,
            };
            // Every input that is wrong is told, not the first alone.
            inputs = inputs.zip(id).map(|(mut inputs, id)| {
                inputs.push((name.clone(), id.clone()));
                inputs
            });
        }
        Some(Formula { text: draft.text.value.clone(), inputs: inputs? })
    }
}

/// The conditions that need other entries, with the indices of their points and alarms.
pub(crate) fn conditions(points: &Points<'_>, sink: &mut Sink) -> Vec<(usize, usize, Condition)> {
    let mut found = Vec::new();
    for (index, point) in points.drafts.points.iter().enumerate() {
        for (at, alarm) in point.alarms.iter().enumerate() {
            let rule = Rule { points, index, point, alarm };
            found.extend(rule.condition(sink).map(|condition| (index, at, condition)));
        }
    }
    found
}

/// One alarm and the point that has it.
struct Rule<'a> {
    points: &'a Points<'a>,
    index: usize,
    point: &'a PointDraft,
    alarm: &'a AlarmDraft,
}

impl Rule<'_> {
    fn condition(&self, sink: &mut Sink) -> Option<Condition> {
        match &self.alarm.condition {
            ConditionDraft::Ready(_) => None,
            ConditionDraft::FromPoint { point, fallback, direction } => {
                self.check_other(point, sink)?;
                let from = Reference::Point { point: point.value.clone(), fallback: *fallback };
                Some(Condition::Deviation { from, direction: *direction })
            }
            ConditionDraft::State(states) => self.states(states, sink),
            ConditionDraft::Vote { members, votes, direction, missing } => {
                members.iter().for_each(|member| self.check_member(member, sink));
                let members = members.iter().map(|member| member.value.clone()).collect();
                Some(Condition::Vote { members, votes: *votes, direction: *direction, missing: *missing })
            }
            ConditionDraft::Expression(draft) => {
                let home = self.points.enterprise(self.index);
                self.points.formula(draft, Some(&self.point.id.value), home, sink).map(Condition::Expression)
            }
        }
    }

    fn check_other(&self, other: &At<PointId>, sink: &mut Sink) -> Option<()> {
        if other.value == self.point.id.value {
            let problem = "is this point itself, from which it never differs";
            sink.fault(other.place, "from", other.value.as_str(), problem, "write another point, or a set value");
            return None;
        }
        let found = self.points.find_of(self.points.enterprise(self.index), "from", other, sink)?;
        self.check_unit("from", other, found, sink);
        Some(())
    }

    /// Members stand for one place that is watched several times over: the point's own installation, one unit.
    fn check_member(&self, member: &At<PointId>, sink: &mut Sink) {
        let home = self.points.enterprise(self.index);
        let Some(found) = self.points.find_of(home, "members", member, sink) else { return };
        if let (Some(own), Some(other)) = (self.points.installation(self.index), self.points.installation(found))
            && own != other
        {
            let problem = format!("belongs to installation `{other}`, the vote to `{own}`");
            sink.fault(member.place, "members", member.value.as_str(), problem, format!("vote among points of `{own}`"));
        }
        self.check_unit("members", member, found, sink);
    }

    fn check_unit(&self, key: &str, other: &At<PointId>, found: usize, sink: &mut Sink) {
        if let (Some(own), Some(unit)) = (&self.point.unit, &self.points.draft(found).unit)
            && own != unit
        {
            let problem = format!("is in {unit}, point `{}` in {own}", self.point.id.value);
            let cure = format!("compare values of one unit; if it is the same, write both `{own}`");
            sink.fault(other.place, key, other.value.as_str(), problem, cure);
        }
    }

    /// Ascending numbers, each once.
    fn states(&self, states: &[At<StateName>], sink: &mut Sink) -> Option<Condition> {
        if self.point.quantity.is_some_and(|quantity| quantity != Quantity::State) {
            let cure = "use high or low, or write quantity = \"state\"";
            let problem = "is only for points of quantity state";
            sink.fault(self.alarm.kind.place, "kind", self.alarm.kind.value.as_str(), problem, cure);
            return None;
        }
        let numbers: Vec<_> = states.iter().map(|state| self.state(state, sink)).collect();
        let mut values = numbers.into_iter().collect::<Option<Vec<f64>>>()?;
        values.sort_by(f64::total_cmp);
        values.dedup();
        Some(Condition::State { values })
    }

    fn state(&self, state: &At<StateName>, sink: &mut Sink) -> Option<f64> {
        let table = &self.point.states;
        let known = |text: &str| table.iter().find(|(name, _)| name == text).map(|(_, number)| *number);
        let (text, number) = match &state.value {
            StateName::Number(number) => return Some(*number),
            StateName::Text(text) => (text, known(text)),
            StateName::Cell(text) => {
                let number = || text.parse().ok().filter(|number: &f64| number.is_finite()).map(|number| number + 0.0);
                (text, known(text).or_else(number))
            }
        };
        if number.is_none() {
            let near = suggest::hint(text, table.iter().map(|(name, _)| name.as_str()));
            let cure = if near.is_empty() { "add it to the states of the point, with its number".to_owned() } else { near };
            sink.fault(state.place, "states", text, "is no state of this point", cure);
        }
        number
    }
}
