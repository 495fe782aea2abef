//! A table that keeps what was touched last.

use std::collections::BTreeMap;

/// At most so many entries; the one that was set longest ago goes first.
#[derive(Clone, Debug)]
pub(crate) struct Recent<K, V> {
    most: usize,
    turn: u64,
    by_key: BTreeMap<K, (u64, V)>,
    by_turn: BTreeMap<u64, K>,
}

impl<K: Ord + Clone, V> Recent<K, V> {
    pub(crate) const fn new(most: usize) -> Self {
        Self { most, turn: 0, by_key: BTreeMap::new(), by_turn: BTreeMap::new() }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.by_key.get(key).map(|(_, value)| value)
    }

    pub(crate) fn set(&mut self, key: K, value: V) {
        self.turn += 1;
        self.by_turn.insert(self.turn, key.clone());
        if let Some((turn, _)) = self.by_key.insert(key, (self.turn, value)) {
            self.by_turn.remove(&turn);
        }
        while self.by_key.len() > self.most
            && let Some((_, oldest)) = self.by_turn.pop_first()
        {
            self.by_key.remove(&oldest);
        }
    }

    /// From the one set longest ago.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.by_turn.values().filter_map(|key| self.by_key.get(key).map(|(_, value)| (key, value)))
    }
}

/// Turns are counted anew by whoever restores.
impl<K: Ord + Clone, V: PartialEq> PartialEq for Recent<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_set_longest_ago_goes_first() {
        let mut recent = Recent::new(2);
        recent.set("a", 1);
        recent.set("b", 2);
        recent.set("a", 3);
        recent.set("c", 4);
        assert_eq!(recent.iter().collect::<Vec<_>>(), [(&"a", &3), (&"c", &4)]);
        assert_eq!((recent.get(&"b"), recent.by_turn.len()), (None, 2));
    }
}
