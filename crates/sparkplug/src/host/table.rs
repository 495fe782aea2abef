//! What births declare: the names, aliases, types and units of a node and its devices (traps 21).
//!
//! An alias is looked up in the birth of the very device that sends it: for a node that keeps the rule (unique over all its devices) that
//! is the same, and one that numbers each device anew is understood as it means it. A name always goes before an alias.
//!
//! Limits: `NODE_METRICS_MAX` metrics and `NODE_TABLE_BYTES_MAX` bytes in a node, `DEVICES_MAX` devices, names of `NAME_BYTES_MAX` bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::datatype::Datatype;
use crate::payload::{Metric, Payload};
use crate::property::Properties;

pub(super) const NODE_METRICS_MAX: usize = 100_000;
pub(super) const NODE_TABLE_BYTES_MAX: usize = 32 << 20;
pub(super) const DEVICES_MAX: usize = 1_024;
pub(super) const NAME_BYTES_MAX: usize = 1_024;

/// What one entry takes beside its texts, about.
const ENTRY_BYTES: usize = 192;

/// What is declared of a metric.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Known {
    pub(super) datatype: Option<Datatype>,
    pub(super) unit: Option<Arc<str>>,
    pub(super) alias: Option<u64>,
}

/// What an alias stands for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Alias {
    Of(Arc<str>),
    /// Several names of one birth.
    Several,
}

/// The metrics of the node itself, or of one device.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub(super) metrics: BTreeMap<Arc<str>, Known>,
    aliases: BTreeMap<u64, Alias>,
    bytes: usize,
}

/// All tables of a node; `None` is the node itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Tables {
    by_device: BTreeMap<Option<Arc<str>>, Table>,
    /// Who declared an alias.
    owners: BTreeMap<u64, Option<Arc<str>>>,
    pub(super) bytes: usize,
    metrics: usize,
}

/// What is wrong with a birth that was taken all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct BirthFaults {
    /// An alias that stands for two metrics.
    pub(super) collision: Option<u64>,
}

impl Table {
    /// What a birth declares.
    fn of(birth: &Payload) -> (Self, BirthFaults) {
        let mut table = Self::default();
        let mut faults = BirthFaults::default();
        for metric in &birth.metrics {
            let Some(name) = metric.name.as_deref().filter(|name| (1..=NAME_BYTES_MAX).contains(&name.len())) else { continue };
            let name: Arc<str> = name.into();
            if let Some(alias) = metric.alias {
                let known = table.aliases.entry(alias).or_insert_with(|| Alias::Of(name.clone()));
                if *known != Alias::Of(name.clone()) {
                    *known = Alias::Several;
                    faults.collision = Some(alias);
                }
            }
            table.learn(name, known(metric));
        }
        (table, faults)
    }

    fn learn(&mut self, name: Arc<str>, known: Known) -> usize {
        let bytes = ENTRY_BYTES + name.len() + known.unit.as_ref().map_or(0, |unit| unit.len());
        if self.metrics.insert(name, known).is_some() {
            return 0;
        }
        self.bytes += bytes;
        bytes
    }
}

impl Tables {
    /// Whether anything was ever declared.
    pub(super) fn is_empty(&self) -> bool {
        self.by_device.is_empty()
    }

    pub(super) fn get(&self, device: &Option<Arc<str>>) -> Option<&Table> {
        self.by_device.get(device)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Option<Arc<str>>, &Table)> {
        self.by_device.iter()
    }

    /// A birth of the node: everything declared before is gone.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Forgets what a device declared.
    pub(super) fn remove(&mut self, device: &Option<Arc<str>>) {
        let Some(table) = self.by_device.remove(device) else { return };
        self.bytes -= table.bytes;
        self.metrics -= table.metrics.len();
        for alias in table.aliases.keys() {
            if self.owners.get(alias) == Some(device) {
                self.owners.remove(alias);
            }
        }
    }

    /// Takes a birth; `None` where the limits leave no room for it, and then nothing of the device is known.
    pub(super) fn declare(&mut self, device: &Option<Arc<str>>, birth: &Payload, room: usize) -> Option<BirthFaults> {
        self.remove(device);
        let (table, mut faults) = Table::of(birth);
        let (bytes, metrics) = (self.bytes + table.bytes, self.metrics + table.metrics.len());
        if bytes > NODE_TABLE_BYTES_MAX || table.bytes > room || metrics > NODE_METRICS_MAX || self.by_device.len() > DEVICES_MAX
        {
            return None;
        }
        for alias in table.aliases.keys() {
            if self.owners.insert(*alias, device.clone()).is_some() {
                faults.collision = Some(*alias);
            }
        }
        (self.bytes, self.metrics) = (bytes, metrics);
        self.by_device.insert(device.clone(), table);
        Some(faults)
    }

    /// Learns a metric that no birth declared, while there is room.
    pub(super) fn learn(&mut self, device: &Option<Arc<str>>, name: &Arc<str>, datatype: Datatype, room: usize) {
        let full = self.metrics >= NODE_METRICS_MAX || self.bytes + ENTRY_BYTES + name.len() > NODE_TABLE_BYTES_MAX;
        if full || ENTRY_BYTES + name.len() > room {
            return;
        }
        let Some(table) = self.by_device.get_mut(device) else { return };
        let grown = table.learn(name.clone(), Known { datatype: Some(datatype), unit: None, alias: None });
        self.bytes += grown;
        self.metrics += usize::from(grown > 0);
    }

    /// What an alias of a device stands for.
    pub(super) fn alias(&self, device: &Option<Arc<str>>, alias: u64) -> Option<&Alias> {
        self.by_device.get(device)?.aliases.get(&alias)
    }
}

fn known(metric: &Metric) -> Known {
    let datatype = metric.datatype.and_then(Datatype::of);
    Known { datatype, unit: Properties::of(metric).unit, alias: metric.alias }
}
