//! Suppressions by design: which alarms, while what is true.

use model::{AlarmId, EnterpriseId, PointId, Priority, Quantity, Suppression};

use crate::defaults::{self, Outline};
use crate::fault::{At, Place, Sink};
use crate::formula::{self, FormulaDraft, Own};
use crate::node::{Entry, Scalar};
use crate::point::PointDraft;
use crate::references::Points;
use crate::suggest;

const KEYS: &[&str] = &["id", "when", "inputs", "alarms"];

/// One alarm of a point, or all of it.
type Target = (PointId, Option<AlarmId>);

/// A suppression before its points were looked up.
pub(crate) struct SuppressionDraft {
    pub(crate) id: At<String>,
    when: FormulaDraft,
    /// In order, each once.
    alarms: Vec<At<Target>>,
}

pub(crate) fn suppression(entry: Entry<'_, '_>, sink: &mut Sink) -> Option<SuppressionDraft> {
    entry.check_keys(KEYS, sink);
    // The id of an alarm and that of a suppression have one form.
    let id = entry.required_id("id", AlarmId::new, sink);
    let when = formula::read(entry, Own::Nothing, sink);
    let alarms = alarms(entry, sink);
    let id = id.map(|id| At { value: id.value.to_string(), place: id.place });
    Some(SuppressionDraft { id: id?, when: when?, alarms: alarms? })
}

fn alarms(entry: Entry<'_, '_>, sink: &mut Sink) -> Option<Vec<At<Target>>> {
    let mut alarms = Vec::new();
    for item in entry.list("alarms", "alarms = [\"PI-101\", \"LI-5/low\"]", sink)? {
        let alarm = match item.value {
            Scalar::Text(text) | Scalar::Cell(text) => (text, path(text)),
            Scalar::Number(_) => ("", None),
        };
        let (text, Some(value)) = alarm else {
            sink.fault(item.place, "alarms", alarm.0, "names no alarm", "write \"point\" for all of it, or \"point/alarm\"");
            return None;
        };
        alarms.push((At { value, place: item.place }, text));
    }
    alarms.sort_by(|(a, _), (b, _)| (&a.value, a.place).cmp(&(&b.value, b.place)));
    if let Some([_, (again, text)]) = alarms.windows(2).find(|pair| pair[0].0.value == pair[1].0.value) {
        sink.fault(again.place, "alarms", text, "is named twice", "remove one");
        return None;
    }
    Some(alarms.into_iter().map(|(alarm, _)| alarm).collect())
}

fn path(text: &str) -> Option<Target> {
    match text.split_once('/') {
        Some((point, alarm)) => Some((PointId::new(point).ok()?, Some(AlarmId::new(alarm).ok()?))),
        None => Some((PointId::new(text).ok()?, None)),
    }
}

/// Looks everything up; in order of id. Shorter only where faults were told.
pub(crate) fn resolve(points: &Points<'_>, drafts: &[SuppressionDraft], sink: &mut Sink) -> Vec<Suppression> {
    let mut found: Vec<_> = drafts.iter().filter_map(|draft| one(points, draft, sink)).collect();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found
}

/// The first alarm says whose it is.
fn one(points: &Points<'_>, draft: &SuppressionDraft, sink: &mut Sink) -> Option<Suppression> {
    let mut home: Option<&EnterpriseId> = None;
    for At { value: (point, alarm), place } in &draft.alarms {
        let id = At { value: point.clone(), place: *place };
        let Some(found) = points.find_of(home, "alarms", &id, sink) else { continue };
        home = home.or_else(|| points.enterprise(found));
        check_alarm(points.draft(found), alarm.as_ref(), *place, sink);
    }
    let when = points.formula(&draft.when, None, home, sink)?;
    let alarms = draft.alarms.iter().map(|alarm| alarm.value.clone()).collect();
    Some(Suppression { id: draft.id.value.clone(), enterprise: home?.clone(), when, alarms })
}

fn check_alarm(point: &PointDraft, alarm: Option<&AlarmId>, place: Place, sink: &mut Sink) {
    let all = defaults::outlines(point);
    let meant: Vec<&Outline> = all.iter().filter(|it| alarm.is_none_or(|id| it.id == id.as_str())).collect();
    let id = point.id.value.as_str();
    let Some(alarm) = alarm else { return warn_of_safety(point, &meant, id, place, sink) };
    let written = format!("{id}/{alarm}");
    if meant.is_empty() {
        let near = suggest::hint(alarm.as_str(), all.iter().map(|it| it.id.as_str()));
        let cure = if near.is_empty() { "name an alarm of the point, or the point alone".to_owned() } else { near };
        sink.fault(place, "alarms", &written, format!("point `{id}` has no such alarm"), cure);
    }
    warn_of_safety(point, &meant, &written, place, sink);
}

/// Allowed, since a detector may stand in a unit that is shut down, and worth a second look.
fn warn_of_safety(point: &PointDraft, alarms: &[&Outline], written: &str, place: Place, sink: &mut Sink) {
    let critical: Vec<_> = alarms.iter().filter(|it| it.priority == Priority::Critical).map(|it| it.id.as_str()).collect();
    let what = if point.quantity.is_some_and(Quantity::is_gas_detector) && !alarms.is_empty() {
        "is of a gas detector".to_owned()
    } else if !critical.is_empty() {
        format!("has critical alarms ({})", critical.join(", "))
    } else {
        return;
    };
    let problem = format!("{what}: safety alarms are hidden while the condition holds");
    sink.warning(place, "alarms", written, problem, "leave it out unless that is meant");
}
