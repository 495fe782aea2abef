//! Alarms as written, each key checked by itself; what is special to a kind is read in condition.rs.

use model::{AlarmId, AlarmKind, PointId, Priority, Span};

use crate::condition::{self, ConditionDraft};
use crate::fault::{At, Place, Sink};
use crate::node::{Entry, Field, Node};

/// The keys of every alarm.
const COMMON_KEYS: &[&str] = &[
    "kind",
    "id",
    "on_delay",
    "off_delay",
    "priority",
    "latching",
    "cause",
    "consequence",
    "action",
    "respond_within",
    "position",
    "group",
    "shelve_max",
    "realarm_after",
    "repeat_within",
];
/// The keys that some kinds have.
const KIND_KEYS: &[&str] = &[
    "limit",
    "deadband",
    "direction",
    "window",
    "per",
    "from",
    "fallback",
    "noise",
    "states",
    "members",
    "votes",
    "missing",
    "when",
    "inputs",
    "within",
];

/// The columns of `alarms.csv`; lists are parted by semicolons.
pub(crate) fn columns() -> Vec<&'static str> {
    [&["point"], COMMON_KEYS, KIND_KEYS].concat()
}

/// The keys of a kind beside the common ones.
const fn own_keys(kind: AlarmKind) -> &'static [&'static str] {
    match kind {
        AlarmKind::HighHigh | AlarmKind::High | AlarmKind::Low | AlarmKind::LowLow => &["limit", "deadband"],
        AlarmKind::Rate => &["limit", "per", "window", "direction", "deadband"],
        AlarmKind::Deviation => &["limit", "from", "fallback", "direction", "deadband"],
        AlarmKind::Stuck => &["window", "noise"],
        AlarmKind::OutOfRange => &["deadband"],
        AlarmKind::State => &["states"],
        AlarmKind::Vote => &["members", "votes", "limit", "deadband", "direction", "missing"],
        AlarmKind::Expression => &["when", "inputs"],
        AlarmKind::TimeToLimit => &["limit", "direction", "within", "window"],
        AlarmKind::Stale
        | AlarmKind::BadQuality
        | AlarmKind::Calibrating
        | AlarmKind::RuleFault
        | AlarmKind::GatewayDown
        | AlarmKind::EnterpriseDown => &[],
    }
}

pub(crate) struct AlarmDraft {
    pub(crate) place: Place,
    pub(crate) kind: At<AlarmKind>,
    pub(crate) id: At<AlarmId>,
    pub(crate) limit: Option<At<f64>>,
    pub(crate) deadband: f64,
    pub(crate) on_delay: At<Span>,
    pub(crate) off_delay: Span,
    pub(crate) priority: Option<Priority>,
    pub(crate) latching: Option<bool>,
    pub(crate) cause: String,
    pub(crate) consequence: String,
    pub(crate) action: String,
    pub(crate) respond_within: Option<Span>,
    pub(crate) position: String,
    pub(crate) condition: ConditionDraft,
    pub(crate) group: String,
    pub(crate) shelve_max: Option<Span>,
    pub(crate) realarm_after: Option<Span>,
    pub(crate) repeat_within: Span,
}

/// A row of `alarms.csv`: the alarm and the point it is for.
pub(crate) fn alarm_of_row(entry: Entry<'_, '_>, fields: &[Field<'_>], sink: &mut Sink) -> Option<(At<PointId>, AlarmDraft)> {
    let point = entry.required_id("point", PointId::new, sink);
    let alarm = alarm(Entry { fields, ..entry }, sink);
    Some((point?, alarm?))
}

pub(crate) fn alarm(entry: Entry<'_, '_>, sink: &mut Sink) -> Option<AlarmDraft> {
    entry.check_keys(&[COMMON_KEYS, KIND_KEYS].concat(), sink);
    let kind = kind(entry, sink)?;
    check_own_keys(entry, kind.value, sink);
    let id = match entry.field("id") {
        Some(_) => entry.id("id", AlarmId::new, sink),
        None => AlarmId::new(kind.value.as_str()).ok().map(|value| At { value, place: kind.place }),
    };
    let (limit, deadband) = limit_and_deadband(entry, kind.value, sink);
    let condition = condition::read(entry, kind.value, sink);
    let on_delay_place = entry.field("on_delay").map_or(entry.place, |field| entry.at(field));
    Some(AlarmDraft {
        place: entry.place,
        id: id?,
        limit,
        deadband,
        on_delay: At { value: entry.span("on_delay", sink).unwrap_or(Span::ZERO), place: on_delay_place },
        off_delay: entry.span("off_delay", sink).unwrap_or(Span::ZERO),
        priority: entry.word("priority", Priority::ALL, Priority::as_str, sink).map(|priority| priority.value),
        latching: entry.truth("latching", sink),
        cause: entry.prose("cause", sink),
        consequence: entry.prose("consequence", sink),
        action: entry.prose("action", sink),
        respond_within: entry.lasting("respond_within", sink),
        position: entry.prose("position", sink),
        condition: condition.unwrap_or_default(),
        // A group is a name among the alarms of an enterprise: an id like theirs.
        group: entry.id("group", AlarmId::new, sink).map_or_else(String::new, |group| group.value.to_string()),
        shelve_max: entry.span("shelve_max", sink),
        realarm_after: entry.lasting("realarm_after", sink),
        repeat_within: entry.span("repeat_within", sink).unwrap_or(Span::ZERO),
        kind,
    })
}

/// The kind, where it is one that a file may ask for.
fn kind(entry: Entry<'_, '_>, sink: &mut Sink) -> Option<At<AlarmKind>> {
    entry.required("kind", "kind = \"high\"", sink);
    let field = entry.field("kind")?;
    let written = match field.node {
        Node::Text(word) | Node::Cell(word) => AlarmKind::parse(word),
        _ => None,
    };
    let implied_by = match written {
        Some(AlarmKind::RuleFault) => "every vote, expression and deviation from a point",
        Some(AlarmKind::GatewayDown) => "every gateway",
        Some(AlarmKind::EnterpriseDown) => "every enterprise",
        _ => {
            let kinds: Vec<_> = AlarmKind::ALL.iter().copied().filter(|kind| kind.is_configurable()).collect();
            return entry.word("kind", &kinds, AlarmKind::as_str, sink);
        }
    };
    entry.wrong(field, "cannot be configured", format!("remove this alarm: {implied_by} has it by itself"), sink);
    None
}

/// Tells every key that means something for other kinds only.
fn check_own_keys(entry: Entry<'_, '_>, kind: AlarmKind, sink: &mut Sink) {
    let own = own_keys(kind);
    for field in entry.fields.iter().filter(|field| KIND_KEYS.contains(&field.name) && !own.contains(&field.name)) {
        let cure = match (kind, own) {
            (AlarmKind::Stale, _) => "remove it; the point's stale_after decides".to_owned(),
            (_, []) => "remove it".to_owned(),
            (_, own) => format!("remove it; {} takes {}", kind.as_str(), own.join(", ")),
        };
        entry.wrong(field, format!("means nothing for kind {}", kind.as_str()), cure, sink);
    }
}

fn limit_and_deadband(entry: Entry<'_, '_>, kind: AlarmKind, sink: &mut Sink) -> (Option<At<f64>>, f64) {
    let own = own_keys(kind);
    let has_deadband = own.contains(&"deadband");
    let deadband = if has_deadband { entry.magnitude("deadband", sink).unwrap_or(0.0) } else { 0.0 };
    if !own.contains(&"limit") {
        return (None, deadband);
    }
    entry.required("limit", "limit = 80.0", sink);
    let limit = entry.number("limit", sink);
    let is_distance = matches!(kind, AlarmKind::Rate | AlarmKind::Deviation);
    if is_distance
        && limit.as_ref().is_some_and(|limit| limit.value <= 0.0)
        && let Some(field) = entry.field("limit")
    {
        entry.wrong(field, "is not above 0", "write a number above 0; direction says which way counts", sink);
    }
    (limit, deadband)
}
