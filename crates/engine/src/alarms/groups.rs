//! First-out: which alarm of a group came first, and whether the clocks prove it (traps 44).

use std::collections::BTreeMap;

use model::{AlarmKey, ClockOffset, OpenAlarm, Sequence, Time, sequence};
use wire::Beside;

use super::fold::Open;

/// A Davy, an enterprise of it, and the group.
type Group<'a> = (&'a str, &'a str, &'a str);

/// The alarms of each group that are in alarm; a group is an enterprise's.
pub(crate) struct Groups<'a> {
    open: &'a Open,
    in_alarm: BTreeMap<Group<'a>, Vec<(&'a AlarmKey, &'a OpenAlarm)>>,
}

impl<'a> Groups<'a> {
    pub(crate) fn of(open: &'a Open) -> Self {
        let mut in_alarm: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (key, alarm) in open.list.iter().filter(|(_, alarm)| alarm.now().in_alarm && alarm.raise.is_some()) {
            if let Some(group) = group_of(alarm) {
                in_alarm.entry(group).or_default().push((key, alarm));
            }
        }
        Self { open, in_alarm }
    }

    /// What the list knows of an alarm beside its own events. It came first if its raise said so and none in alarm now is known to be older:
    /// late data may have brought an older one since. What came first keeps its mark after it has returned.
    pub(crate) fn beside(&self, key: &AlarmKey, alarm: &OpenAlarm) -> Beside<'a> {
        let point_name = if alarm.last.is_foreign() { "" } else { self.open.homes.name(&key.0) };
        let said = alarm.raised().is_some_and(|it| it.first_out);
        let Some(((at, clock), group)) = said.then(|| raise_of(alarm).zip(group_of(alarm))).flatten() else {
            return Beside { point_name, ..Beside::default() };
        };
        let others = || self.in_alarm.get(&group).into_iter().flatten().filter(|(other, _)| *other != key);
        let first_out = !others().filter_map(|(_, other)| raise_of(other)).any(|(other, _)| other < at);
        let before = |(other, open): &(&AlarmKey, &OpenAlarm)| {
            let same_gateway = self.open.homes.same_gateway(&key.0, &other.0);
            raise_of(open).is_some_and(|other| sequence((at, clock), other, same_gateway) == Sequence::Before)
        };
        Beside { point_name, first_out, order_certain: first_out && others().all(before) }
    }
}

fn group_of(alarm: &OpenAlarm) -> Option<Group<'_>> {
    let group = &*alarm.now().group;
    (!group.is_empty()).then(|| (alarm.last.node(), alarm.last.event.scope.enterprise.as_deref().unwrap_or_default(), group))
}

/// When it was raised, and what was known of the clock that says so.
fn raise_of(alarm: &OpenAlarm) -> Option<(Time, Option<ClockOffset>)> {
    let at = alarm.raise.as_ref()?.event.occurred_at;
    Some((at, alarm.raised()?.clock))
}
