//! Rules of warnings: which alarms open one, who is told, and until when who has to do what.

use std::collections::BTreeSet;
use std::fmt::Display;

use model::{
    Addressed, AlarmFilter, AlarmId, AlarmKind, Colour, Department, DepartmentId, DepartmentKind, EnterpriseId, InstallationId,
    Level, ParkId, PointId, Priority, Quantity, Span, StepSpans, WarningPlace, WarningRule, WarningRuleId,
};

use crate::defaults;
use crate::fault::{At, Place, Sink};
use crate::node::{Entry, Scalar};
use crate::place::name_or;
use crate::resolve::{Drafts, refer};
use crate::suggest;

const KEYS: &[&str] = &[
    "id",
    "name",
    "topic",
    "colour",
    "when",
    "addressees",
    "level",
    "action",
    "deadlines",
    "escalate",
    "close_on_return",
    "picture",
];
const WHEN_KEYS: &[&str] =
    &["kinds", "alarms", "quantities", "min_priority", "parks", "enterprises", "installations", "points", "count", "per", "for"];
const DEADLINE_KEYS: &[&str] = &["received", "responded", "resolved"];
const LEVELS: &[&str] = &["enterprise", "park", "county", "city"];

const WHEN: &str = "when = { kinds = [\"high_high\"] }";
const ADDRESSEES: &str = "addressees = { enterprise = [\"enterprise\"], park = [\"rugang-office\", \"fire\"] }";

/// The topic of rules that name none: they share the open warning of a place.
const TOPIC: &str = "alarm";

/// A rule before its references were looked up.
pub(crate) struct WarningDraft {
    pub(crate) id: At<WarningRuleId>,
    rule: WarningRule,
    parks: Vec<At<ParkId>>,
    enterprises: Vec<At<EnterpriseId>>,
    installations: Vec<At<InstallationId>>,
    points: Vec<At<PointId>>,
    alarms: Vec<At<AlarmId>>,
    /// By level, each with its place.
    addressed: Vec<(Level, Vec<At<Addressed>>)>,
}

pub(crate) fn warning(entry: Entry<'_, '_>, sink: &mut Sink) -> Option<WarningDraft> {
    entry.check_keys(KEYS, sink);
    let id = entry.required_id("id", WarningRuleId::new, sink);
    let name = name_or(entry, id.as_ref().map(|id| id.value.as_str()), sink);
    let topic = entry.prose("topic", sink);
    entry.required("colour", "colour = \"yellow\"", sink);
    let colour = entry.word("colour", Colour::ALL, Colour::as_str, sink);
    let when = when(entry, sink);
    let addressed = addressees(entry, sink);
    let level = entry.word("level", Level::ALL, Level::as_str, sink);
    if let (Some(level), Some(addressed)) = (&level, &addressed) {
        check_level(level, addressed, sink);
    }
    let action = entry.prose("action", sink);
    let deadlines = deadlines(entry, sink);
    let escalate = entry.truth("escalate", sink).unwrap_or(true);
    let close_on_return = entry.truth("close_on_return", sink).unwrap_or(false);
    let picture = entry.truth("picture", sink);
    let (id, When { parks, enterprises, installations, points, alarms, filter, count, per, hold }) = (id?, when?);
    let rule = WarningRule {
        id: id.value.clone(),
        name,
        topic: if topic.trim().is_empty() { TOPIC.to_owned() } else { topic },
        colour: colour?.value,
        when: filter,
        count,
        per,
        hold,
        addressees: Vec::new(),
        level: level.map(|level| level.value),
        action,
        deadlines: deadlines?,
        escalate,
        close_on_return,
        picture,
    };
    Some(WarningDraft { id, rule, parks, enterprises, installations, points, alarms, addressed: addressed? })
}

struct When {
    parks: Vec<At<ParkId>>,
    enterprises: Vec<At<EnterpriseId>>,
    installations: Vec<At<InstallationId>>,
    points: Vec<At<PointId>>,
    alarms: Vec<At<AlarmId>>,
    filter: AlarmFilter,
    count: u32,
    per: WarningPlace,
    hold: Span,
}

fn when(entry: Entry<'_, '_>, sink: &mut Sink) -> Option<When> {
    entry.required("when", WHEN, sink);
    let field = entry.field("when")?;
    let when = entry.entries("when", "condition", sink).into_iter().next()?;
    when.check_keys(WHEN_KEYS, sink);
    let kinds = words(when, "kinds", AlarmKind::ALL, AlarmKind::as_str, sink);
    let quantities = words(when, "quantities", Quantity::ALL, Quantity::as_str, sink);
    let min_priority = when.word("min_priority", Priority::ALL, Priority::as_str, sink).map(|it| it.value);
    let (parks, enterprises) = (ids(when, "parks", ParkId::new, sink), ids(when, "enterprises", EnterpriseId::new, sink));
    let installations = ids(when, "installations", InstallationId::new, sink);
    let (points, alarms) = (ids(when, "points", PointId::new, sink), ids(when, "alarms", AlarmId::new, sink));
    let count = count(when, sink);
    let per = when.word("per", WarningPlace::ALL, WarningPlace::as_str, sink);
    let hold = if when.field("for").is_some() { when.span("for", sink) } else { Some(Span::ZERO) };
    let (parks, enterprises, installations, points, alarms) = (parks?, enterprises?, installations?, points?, alarms?);
    let filter = AlarmFilter {
        kinds: kinds?,
        alarms: values(&alarms),
        quantities: quantities?,
        min_priority,
        parks: values(&parks),
        enterprises: values(&enterprises),
        installations: values(&installations),
        points: values(&points),
    };
    if filter.is_open() && when.field("min_priority").is_none() {
        let problem = "lets every alarm through, so that each would be a warning";
        entry.wrong(field, problem, format!("write {WHEN}, or another thing that an alarm has to be"), sink);
        return None;
    }
    let per = per.map_or(WarningPlace::Installation, |per| per.value);
    Some(When { parks, enterprises, installations, points, alarms, filter, count: count?, per, hold: hold? })
}

fn count(when: Entry<'_, '_>, sink: &mut Sink) -> Option<u32> {
    if when.field("count").is_none() {
        return Some(1);
    }
    let count = when.count("count", sink)?;
    if count == 0 {
        when.wrong(when.field("count")?, "is met by no alarm at all", "write 1 or more", sink);
        return None;
    }
    Some(count)
}

/// Ids of a list, in order and each once; left out is empty, `None` only where faults were told.
fn ids<T: Ord, E>(entry: Entry<'_, '_>, key: &str, make: impl Fn(&str) -> Result<T, E>, sink: &mut Sink) -> Option<Vec<At<T>>> {
    if entry.field(key).is_none() {
        return Some(Vec::new());
    }
    let mut ids = Vec::new();
    for item in entry.list(key, &format!("{key} = [\"…\"]"), sink)? {
        let made = text(&item).and_then(|text| make(text).ok());
        let Some(value) = made else {
            sink.fault(item.place, key, text(&item).unwrap_or_default(), "is no valid id", "write 1 to 64 of A-Z a-z 0-9 _ . -");
            return None;
        };
        ids.push(At { value, place: item.place });
    }
    ids.sort_by(|a, b| (&a.value, a.place).cmp(&(&b.value, b.place)));
    ids.dedup_by(|a, b| a.value == b.value);
    Some(ids)
}

pub(crate) fn text<'e>(item: &At<Scalar<'e>>) -> Option<&'e str> {
    match item.value {
        Scalar::Text(text) | Scalar::Cell(text) => Some(text),
        Scalar::Number(_) => None,
    }
}

/// Words of a closed set, in order and each once.
pub(crate) fn words<T: Copy + Ord>(
    entry: Entry<'_, '_>,
    key: &str,
    all: &[T],
    name: impl Fn(T) -> &'static str,
    sink: &mut Sink,
) -> Option<Vec<T>> {
    if entry.field(key).is_none() {
        return Some(Vec::new());
    }
    let example = all.first().map(|first| format!("{key} = [\"{}\"]", name(*first))).unwrap_or_default();
    let mut found = Vec::new();
    for item in entry.list(key, &example, sink)? {
        let written = text(&item).unwrap_or_default();
        let Some(word) = all.iter().find(|word| name(**word) == written) else {
            let names: Vec<_> = all.iter().map(|word| name(*word)).collect();
            let near = suggest::hint(written, names.iter().copied());
            let cure = if near.is_empty() { format!("write one of {}", names.join(", ")) } else { near };
            sink.fault(item.place, key, written, "is not known", cure);
            return None;
        };
        found.push(*word);
    }
    found.sort_unstable();
    found.dedup();
    Some(found)
}

fn values<T: Clone>(ids: &[At<T>]) -> Vec<T> {
    ids.iter().map(|id| id.value.clone()).collect()
}

/// Whom to tell by level, from the nearest; a word of a kind is the kind, anything else the id of a department.
fn addressees(entry: Entry<'_, '_>, sink: &mut Sink) -> Option<Vec<(Level, Vec<At<Addressed>>)>> {
    entry.required("addressees", ADDRESSEES, sink);
    let field = entry.field("addressees")?;
    let table = entry.entries("addressees", "table of addressees", sink).into_iter().next()?;
    table.check_keys(LEVELS, sink);
    let mut levels = Vec::new();
    for level in Level::ALL {
        let addressed = ids(table, level.as_str(), DepartmentId::new, sink)?;
        if !addressed.is_empty() {
            levels.push((*level, addressed.into_iter().map(meant).collect()));
        }
    }
    if levels.is_empty() && table.fields.is_empty() {
        entry.wrong(field, "names nobody", format!("write {ADDRESSEES}"), sink);
    }
    (!levels.is_empty()).then_some(levels)
}

fn meant(At { value, place }: At<DepartmentId>) -> At<Addressed> {
    let value = DepartmentKind::parse(value.as_str()).map_or(Addressed::Department(value), Addressed::Kind);
    At { value, place }
}

fn check_level(level: &At<Level>, addressed: &[(Level, Vec<At<Addressed>>)], sink: &mut Sink) {
    if !addressed.iter().any(|(own, _)| *own == level.value) {
        let word = level.value.as_str();
        let problem = "is a level at which nobody is addressed";
        sink.fault(level.place, "level", word, problem, format!("add {word} = [\"…\"] to the addressees, or name another level"));
    }
}

/// Received before responded before resolved; what is left out has its default, or the limit before it where that is later.
fn deadlines(entry: Entry<'_, '_>, sink: &mut Sink) -> Option<StepSpans> {
    let default = StepSpans::default();
    let Some(table) = entry.entries("deadlines", "table of deadlines", sink).into_iter().next() else {
        return entry.field("deadlines").is_none().then_some(default);
    };
    table.check_keys(DEADLINE_KEYS, sink);
    let mut least = Span::ZERO;
    let mut read = |key, usual: Span| {
        if table.field(key).is_none() {
            least = least.max(usual);
            return Some(least);
        }
        let span = table.lasting(key, sink)?;
        if span < least {
            table.wrong(table.field(key)?, "is sooner than the step before it", format!("write {least} or more"), sink);
            return None;
        }
        least = span;
        Some(span)
    };
    let (received, responded) = (read("received", default.received), read("responded", default.responded));
    let resolved = read("resolved", default.resolved);
    Some(StepSpans { received: received?, responded: responded?, resolved: resolved? })
}

/// Looks everything up; in order of id.
pub(crate) fn resolve(drafts: &Drafts, departments: &[Department], sink: &mut Sink) -> Vec<WarningRule> {
    let alarms = if drafts.warnings.iter().all(|it| it.alarms.is_empty()) { BTreeSet::new() } else { alarm_ids(drafts) };
    let mut rules: Vec<_> = drafts
        .warnings
        .iter()
        .map(|draft| {
            check_places(draft, drafts, sink);
            check_alarms(draft, &alarms, sink);
            check_addressed(draft, departments, sink);
            let plain = |(level, addressed): &(Level, Vec<At<Addressed>>)| (*level, values(addressed));
            WarningRule { addressees: draft.addressed.iter().map(plain).collect(), ..draft.rule.clone() }
        })
        .collect();
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    rules
}

fn check_places(draft: &WarningDraft, drafts: &Drafts, sink: &mut Sink) {
    let known: Vec<_> = drafts.parks.iter().map(|it| it.id.value.as_str()).collect();
    check_all("park", "parks", &draft.parks, &known, sink);
    let known: Vec<_> = drafts.enterprises.iter().map(|it| it.id.value.as_str()).collect();
    check_all("enterprise", "enterprises", &draft.enterprises, &known, sink);
    let known: Vec<_> = drafts.installations.iter().map(|it| it.id.value.as_str()).collect();
    check_all("installation", "installations", &draft.installations, &known, sink);
    let known: Vec<_> = drafts.points.iter().map(|it| it.id.value.as_str()).collect();
    check_all("point", "points", &draft.points, &known, sink);
}

fn check_all<T: Display>(what: &str, key: &str, ids: &[At<T>], known: &[&str], sink: &mut Sink) {
    for id in ids {
        refer(what, key, &id.value.to_string(), id.place, known, sink);
    }
}

/// The ids that alarms of this site have, those of gateways and enterprises that are down among them.
fn alarm_ids(drafts: &Drafts) -> BTreeSet<String> {
    let implied = [AlarmKind::GatewayDown, AlarmKind::EnterpriseDown].map(|kind| kind.as_str().to_owned());
    let own = drafts.points.iter().flat_map(defaults::outlines).map(|outline| outline.id);
    implied.into_iter().chain(own).collect()
}

fn check_alarms(draft: &WarningDraft, known: &BTreeSet<String>, sink: &mut Sink) {
    for alarm in draft.alarms.iter().filter(|alarm| !known.contains(alarm.value.as_str())) {
        let near = suggest::hint(alarm.value.as_str(), known.iter().map(String::as_str));
        let cure = if near.is_empty() { "write the id of an alarm, such as \"high_high\"".to_owned() } else { near };
        sink.warning(alarm.place, "alarms", alarm.value.as_str(), "is the id of no alarm of this site", cure);
    }
}

fn check_addressed(draft: &WarningDraft, departments: &[Department], sink: &mut Sink) {
    let ids: Vec<_> = departments.iter().map(|it| it.id.as_str()).collect();
    for (level, At { value, place }) in draft.addressed.iter().flat_map(|(level, all)| all.iter().map(|it| (*level, it))) {
        match value {
            Addressed::Department(id) => {
                refer("department", level.as_str(), id.as_str(), *place, &ids, sink);
            }
            Addressed::Kind(kind) => check_kind(*kind, level, *place, departments, sink),
        }
    }
}

/// A kind that nobody is of tells nobody.
fn check_kind(kind: DepartmentKind, level: Level, place: Place, departments: &[Department], sink: &mut Sink) {
    if !departments.iter().any(|it| it.kind == kind && it.level == level) {
        let (kind, level) = (kind.as_str(), level.as_str());
        let problem = format!("tells nobody: there is no department of kind {kind} and of the level {level}");
        sink.warning(place, level, kind, problem, "add a [[department]], or name one of another level by its id");
    }
}
