//! Where rules count alarms: one cell for a rule and a place, and since when the rule's condition holds there.

use std::collections::{BTreeMap, BTreeSet};

use model::{AlarmFacts, AlarmKey, Time, WarningRuleId};

use crate::rules::Rules;
use crate::warning::Place;

pub(crate) type CellKey = (WarningRuleId, Place);

/// Since when a condition holds, without a break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) since: Time,
    /// A warning has been opened or adjusted for it, or was closed while it held: it has to go and come back to be news.
    pub(crate) told: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cell {
    /// In alarm there now.
    pub(crate) alarms: BTreeSet<AlarmKey>,
    /// `None` while there are too few.
    pub(crate) held: Option<Held>,
}

/// All cells that have an alarm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cells(pub(crate) BTreeMap<CellKey, Cell>);

impl Cells {
    /// An alarm is as it is now instead of as it was; gives the places where something changed.
    pub(crate) fn change(
        &mut self,
        rules: &Rules,
        key: &AlarmKey,
        (before, after): (Option<&AlarmFacts>, Option<&AlarmFacts>),
        now: Time,
    ) -> Vec<Place> {
        let of = |alarm: Option<&AlarmFacts>| alarm.map(|alarm| rules.cells_of(alarm)).unwrap_or_default();
        let (before, after) = (of(before), of(after));
        let mut places = Vec::new();
        for cell in before.iter().filter(|it| !after.contains(it)) {
            self.without(rules, cell, key);
            places.push(cell.1.clone());
        }
        for cell in after.into_iter().filter(|it| !before.contains(it)) {
            places.push(cell.1.clone());
            self.with(rules, cell, key, now);
        }
        places
    }

    fn with(&mut self, rules: &Rules, cell: CellKey, key: &AlarmKey, now: Time) {
        let Some(rule) = rules.rules.get(&cell.0) else { return };
        let cell = self.0.entry(cell).or_default();
        cell.alarms.insert(key.clone());
        if cell.held.is_none() && cell.alarms.len() >= rule.count as usize {
            cell.held = Some(Held { since: now, told: false });
        }
    }

    fn without(&mut self, rules: &Rules, cell_key: &CellKey, key: &AlarmKey) {
        let Some(cell) = self.0.get_mut(cell_key) else { return };
        cell.alarms.remove(key);
        if rules.rules.get(&cell_key.0).is_none_or(|rule| cell.alarms.len() < rule.count as usize) {
            cell.held = None;
        }
        if cell.alarms.is_empty() {
            self.0.remove(cell_key);
        }
    }

    /// Counts all alarms anew under other rules; what held and still holds, holds since then.
    pub(crate) fn recount(&mut self, rules: &Rules, active: &BTreeMap<AlarmKey, AlarmFacts>, now: Time) {
        let before = std::mem::take(self);
        for (key, alarm) in active {
            self.change(rules, key, (None, Some(alarm)), now);
        }
        for (key, cell) in &mut self.0 {
            let kept = before.0.get(key).and_then(|it| it.held);
            cell.held = cell.held.map(|held| kept.unwrap_or(held));
        }
    }

    /// Whether any rule of a topic holds at a place.
    pub(crate) fn holds(&self, rules: &Rules, topic: &str, place: &Place) -> bool {
        rules.of_topic(topic).any(|rule| self.0.get(&(rule.id.clone(), place.clone())).is_some_and(|cell| cell.held.is_some()))
    }

    /// What held long enough at a place for a topic is news no more.
    pub(crate) fn spend(&mut self, rules: &Rules, topic: &str, place: &Place, now: Time) {
        for rule in rules.of_topic(topic) {
            let held = self.0.get_mut(&(rule.id.clone(), place.clone())).and_then(|cell| cell.held.as_mut());
            if let Some(held) = held.filter(|held| held.since.plus(rule.hold) <= now) {
                held.told = true;
            }
        }
    }

    /// A warning was opened or adjusted by a rule at a place.
    pub(crate) fn told(&mut self, rule: &WarningRuleId, place: &Place) {
        if let Some(held) = self.0.get_mut(&(rule.clone(), place.clone())).and_then(|cell| cell.held.as_mut()) {
            held.told = true;
        }
    }
}
