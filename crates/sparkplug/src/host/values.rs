//! From the metrics of a message to values by name (traps 21, 22).

use std::sync::Arc;

use model::{Quality, Time};

use super::output::Value;
use super::table::{Alias, Known, NAME_BYTES_MAX, Tables};
use crate::datatype::{Datatype, Datum};
use crate::edge::{BD_SEQ, REBIRTH};
use crate::payload::{Metric, Payload, time_of};
use crate::property::Properties;

/// How many metrics a refusal names.
const NAMED_MAX: usize = 8;

/// Under what the aliases of a message may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aliases {
    /// As the births declare them.
    Trusted,
    /// The births may be out of date: uncertain at best.
    Doubtful,
    /// The message is older than the births: not at all.
    Gone,
}

/// What the metrics of a message came to.
#[derive(Clone, Debug, Default)]
pub(super) struct Taken {
    pub(super) values: Vec<Value>,
    /// Metrics whose alias no birth names.
    pub(super) unknown: Held,
    /// Metrics whose alias stands for several names, or that came after their birth was replaced.
    pub(super) unreadable: Held,
    /// Metrics without a name and alias, or with a name that is too long.
    pub(super) nameless: u64,
    /// A metric that no birth declares.
    pub(super) undeclared: Option<(Arc<str>, Option<Datatype>)>,
    /// All of these that have a type, to be learned.
    pub(super) new: Vec<(Arc<str>, Datatype)>,
    /// A metric with another type than its birth declares.
    pub(super) retyped: Option<(Arc<str>, Datatype, Datatype)>,
    /// A value by alias was named by a doubtful table.
    pub(super) doubted: bool,
}

/// Metrics that are held back, counted, the first ones by alias.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    pub(super) count: u64,
    pub(super) aliases: Vec<u64>,
}

impl Held {
    fn note(&mut self, alias: u64) {
        self.count += 1;
        if self.aliases.len() < NAMED_MAX {
            self.aliases.push(alias);
        }
    }
}

/// Reads the metrics of a message of a device, or of the node itself.
pub(super) fn read(tables: &Tables, device: &Option<Arc<str>>, payload: &Payload, aliases: Aliases, birth: bool) -> Taken {
    let mut taken = Taken::default();
    let table = tables.get(device);
    for metric in &payload.metrics {
        let by_alias = metric.name.as_deref().is_none_or(str::is_empty);
        let Some(name) = name_of(tables, device, metric, aliases, &mut taken) else { continue };
        if name.as_ref() == BD_SEQ || name.as_ref() == REBIRTH || name.starts_with("Node Control/") {
            continue;
        }
        let known = table.and_then(|table| table.metrics.get(&name));
        let doubtful = by_alias && aliases == Aliases::Doubtful;
        let value = value(&name, metric, known, payload.timestamp, doubtful);
        taken.doubted |= doubtful;
        if !birth && table.is_some() {
            compare(&mut taken, &value, known);
        }
        taken.values.push(value);
    }
    taken
}

fn name_of(tables: &Tables, device: &Option<Arc<str>>, metric: &Metric, aliases: Aliases, taken: &mut Taken) -> Option<Arc<str>> {
    if let Some(name) = metric.name.as_deref().filter(|name| !name.is_empty()) {
        if name.len() > NAME_BYTES_MAX {
            taken.nameless += 1;
            return None;
        }
        // The name of the birth, shared, where there is one.
        let shared = tables.get(device).and_then(|table| table.metrics.get_key_value(name));
        return Some(shared.map_or_else(|| Arc::from(name), |(name, _)| name.clone()));
    }
    let Some(alias) = metric.alias else {
        taken.nameless += 1;
        return None;
    };
    match tables.alias(device, alias) {
        _ if aliases == Aliases::Gone => taken.unreadable.note(alias),
        Some(Alias::Of(name)) => return Some(name.clone()),
        Some(Alias::Several) => taken.unreadable.note(alias),
        None => taken.unknown.note(alias),
    }
    None
}

fn value(name: &Arc<str>, metric: &Metric, known: Option<&Known>, sent: Option<u64>, doubtful: bool) -> Value {
    let properties = Properties::of(metric);
    let (datatype, mut value) = datum(metric, known);
    let millis = metric.timestamp.or(sent);
    let time = millis.and_then(time_of);
    if let (Some(millis), None) = (millis, time) {
        value = Datum::Refused(format!("timestamp = {millis} is no time: send milliseconds since 1970 in UTC"));
    }
    let said = if value == Datum::Null { Quality::Bad } else { properties.quality.unwrap_or(Quality::Good) };
    Value {
        name: name.clone(),
        time,
        value,
        datatype,
        // The order of qualities is from good to bad.
        quality: if doubtful { said.max(Quality::Uncertain) } else { said },
        historical: metric.is_historical == Some(true),
        transient: metric.is_transient == Some(true),
        unit: properties.unit.or_else(|| known.and_then(|known| known.unit.clone())),
        alias_only: doubtful,
    }
}

/// The value by the datatype that the message declares, else the birth, else the field itself.
fn datum(metric: &Metric, known: Option<&Known>) -> (Option<Datatype>, Datum) {
    let declared = metric.datatype.filter(|number| *number != 0);
    let datatype = declared.and_then(Datatype::of);
    if let (Some(number), None) = (declared, datatype) {
        return (None, Datum::Refused(format!("datatype = {number} is none of Sparkplug B 3.0: declare one of 1 to 34")));
    }
    let datatype = datatype.or_else(|| known.and_then(|known| known.datatype));
    let Some(value) = metric.value.as_ref().filter(|_| metric.is_null != Some(true)) else { return (datatype, Datum::Null) };
    match datatype.or_else(|| Datatype::by_field(value)) {
        Some(datatype) => (Some(datatype), datatype.read(value)),
        None => {
            let field = value.field();
            (None, Datum::Refused(format!("{field} without a datatype in the data or the birth: declare it in the birth")))
        }
    }
}

fn compare(taken: &mut Taken, value: &Value, known: Option<&Known>) {
    let Some(known) = known else {
        taken.undeclared = Some((value.name.clone(), value.datatype));
        taken.new.extend(value.datatype.map(|datatype| (value.name.clone(), datatype)));
        return;
    };
    if let (Some(said), Some(declared)) = (value.datatype, known.datatype)
        && said != declared
    {
        taken.retyped = Some((value.name.clone(), said, declared));
    }
}

/// When a payload says that it was sent.
pub(super) fn sent(payload: &Payload) -> Option<Time> {
    payload.timestamp.and_then(time_of)
}
