//! Points and alarms as written, each field checked by itself.

use model::{AlarmId, AlarmKind, GatewayPath, InstallationId, PointId, PointSource, Priority, Protocol, Quantity, Range, Span};

use crate::fault::{At, Place, Sink};
use crate::node::{Entry, Field, Node};
use crate::place::name_or;

const POINT_KEYS: &[&str] =
    &["id", "name", "installation", "quantity", "unit", "range", "stale_after", "source", "states", "alarm"];
const SOURCE_KEYS: &[&str] = &["mqtt", "sparkplug", "grpc", "tag"];
const ALARM_KEYS: &[&str] = &[
    "kind",
    "id",
    "limit",
    "deadband",
    "on_delay",
    "off_delay",
    "priority",
    "latching",
    "cause",
    "consequence",
    "action",
    "respond_within",
    "position",
];
/// The columns of `points.csv`.
pub(crate) const POINT_COLUMNS: &[&str] = &[
    "id",
    "name",
    "installation",
    "quantity",
    "unit",
    "range_low",
    "range_high",
    "stale_after",
    "mqtt",
    "sparkplug",
    "grpc",
    "tag",
];
/// The columns of `alarms.csv`.
pub(crate) const ALARM_COLUMNS: &[&str] = &[
    "point",
    "kind",
    "id",
    "limit",
    "deadband",
    "on_delay",
    "off_delay",
    "priority",
    "latching",
    "cause",
    "consequence",
    "action",
    "respond_within",
    "position",
];

/// Words of the language that this version does not judge.
const LATER_KINDS: &[&str] = &["rate", "deviation", "stuck", "state", "expression", "vote", "time_to_limit"];

const STALE_AFTER: Span = Span::from_secs(300);

pub(crate) struct PointDraft {
    pub(crate) id: At<PointId>,
    pub(crate) name: String,
    pub(crate) installation: Option<At<InstallationId>>,
    pub(crate) quantity: Option<Quantity>,
    pub(crate) unit: Option<String>,
    pub(crate) range: Option<Range>,
    pub(crate) stale_after: Span,
    pub(crate) source: Option<At<PointSource>>,
    pub(crate) states: Vec<(String, f64)>,
    pub(crate) alarms: Vec<AlarmDraft>,
}

pub(crate) struct AlarmDraft {
    pub(crate) place: Place,
    pub(crate) kind: AlarmKind,
    pub(crate) id: At<AlarmId>,
    pub(crate) limit: Option<At<f64>>,
    pub(crate) deadband: f64,
    pub(crate) on_delay: Span,
    pub(crate) off_delay: Span,
    pub(crate) priority: Option<Priority>,
    pub(crate) latching: Option<bool>,
    pub(crate) cause: String,
    pub(crate) consequence: String,
    pub(crate) action: String,
    pub(crate) respond_within: Option<Span>,
    pub(crate) position: String,
}

pub(crate) fn point(entry: Entry<'_, '_>, sink: &mut Sink) -> Option<PointDraft> {
    entry.check_keys(POINT_KEYS, sink);
    let id = entry.required_id("id", PointId::new, sink);
    let installation = entry.required_id("installation", InstallationId::new, sink);
    entry.required("quantity", "quantity = \"pressure\"", sink);
    let quantity = entry.word("quantity", Quantity::ALL, Quantity::as_str, sink).map(|quantity| quantity.value);
    let unit = entry.filled("unit", "unit = \"kPa\"", sink);
    let range = range(entry, sink);
    let stale_after = entry.lasting("stale_after", sink).unwrap_or(STALE_AFTER);
    let source = source(entry, sink);
    let states = states(entry, quantity, sink);
    let alarms = entry.entries("alarm", "alarm", sink).into_iter().filter_map(|entry| alarm(entry, sink)).collect();
    let name = name_or(entry, id.as_ref().map(|id| id.value.as_str()), sink);
    Some(PointDraft { id: id?, name, installation, quantity, unit, range, stale_after, source, states, alarms })
}

/// Puts the flat columns of a row into the shape of a point: `range` and `source` are one key each.
pub(crate) fn point_of_row<'a>(line: u32, row: Vec<Field<'a>>) -> Vec<Field<'a>> {
    let (ends, row): (Vec<_>, Vec<_>) = row.into_iter().partition(|field| field.name.starts_with("range_"));
    let (source, mut fields): (Vec<_>, Vec<_>) = row.into_iter().partition(|field| SOURCE_KEYS.contains(&field.name));
    if !ends.is_empty() {
        let mut ends = ends;
        ends.sort_by_key(|end| end.name != "range_low");
        fields.push(Field { name: "range", line, raw: "", node: Node::List(ends) });
    }
    fields.push(Field { name: "source", line, raw: "", node: Node::Table(source) });
    fields
}

fn range(entry: Entry<'_, '_>, sink: &mut Sink) -> Option<Range> {
    let field = entry.field("range")?;
    let ends: &[Field<'_>] = if let Node::List(ends) = &field.node { ends } else { &[] };
    let [low, high] = ends else {
        entry.wrong(field, "is no pair of numbers", "write both ends, such as [0.0, 4000.0]", sink);
        return None;
    };
    let (low, high) = (entry.number_in(low, sink), entry.number_in(high, sink));
    let (low, high) = (low?.value, high?.value);
    if low >= high {
        entry.wrong(field, format!("its low end {low} is not below its high end {high}"), "write the lower end first", sink);
        return None;
    }
    Some(Range { low, high })
}

fn source(entry: Entry<'_, '_>, sink: &mut Sink) -> Option<At<PointSource>> {
    const EXAMPLE: &str = "source = { mqtt = \"park/enterprise/gateway\", tag = \"PI-101\" }";
    entry.required("source", EXAMPLE, sink);
    let entry = entry.entries("source", "source", sink).into_iter().next()?;
    entry.check_keys(SOURCE_KEYS, sink);
    let tag = entry.filled("tag", "tag = \"PI-101\"", sink);
    let mut named = Protocol::ALL.iter().copied().filter(|it| entry.field(it.as_str()).is_some());
    let Some(protocol) = named.next() else {
        sink.fault(entry.place, "source", "", "names no gateway", "add mqtt = \"park/enterprise/gateway\"");
        return None;
    };
    if let Some(second) = named.next().and_then(|it| entry.field(it.as_str())) {
        entry.wrong(second, format!("stands beside `{}`", protocol.as_str()), "a point has one source; keep one", sink);
        return None;
    }
    let gateway = gateway(entry, protocol, sink);
    let gateway = gateway?;
    Some(At { value: PointSource { protocol, gateway: gateway.value, tag: tag? }, place: gateway.place })
}

fn gateway(entry: Entry<'_, '_>, protocol: Protocol, sink: &mut Sink) -> Option<At<GatewayPath>> {
    let key = protocol.as_str();
    let text = entry.text(key, sink)?;
    let (path, cure) = match protocol {
        Protocol::Mqtt => {
            (GatewayPath::strict(text.value), "write park/enterprise/gateway: three ids, without davy/v1 and telemetry")
        }
        Protocol::Grpc => (GatewayPath::strict(text.value), "write park/enterprise/gateway: three ids"),
        Protocol::Sparkplug => (
            GatewayPath::new(text.value),
            "write group/node or group/node/device as the edge node does: at most 128 bytes each, without + and #",
        ),
    };
    if path.is_err() {
        entry.wrong(entry.field(key)?, "is no gateway path", cure, sink);
    }
    Some(At { value: path.ok()?, place: text.place })
}

fn states(entry: Entry<'_, '_>, quantity: Option<Quantity>, sink: &mut Sink) -> Vec<(String, f64)> {
    let Some(field) = entry.field("states") else { return Vec::new() };
    if quantity.is_some_and(|quantity| quantity != Quantity::State) {
        entry.wrong(field, "is only for points of quantity state", "remove it, or write quantity = \"state\"", sink);
    }
    let Node::Table(fields) = &field.node else {
        entry.wrong(field, "is no table of states", "write states = { closed = 0, open = 1 }", sink);
        return Vec::new();
    };
    let number = |field: &Field<'_>| entry.number_in(field, sink).map(|number| (field.name.to_owned(), number.value));
    let mut states: Vec<_> = fields.iter().filter_map(number).collect();
    states.sort_by(|a, b| a.0.cmp(&b.0));
    states
}

/// A row of `alarms.csv`: the alarm and the point it is for.
pub(crate) fn alarm_of_row(entry: Entry<'_, '_>, fields: &[Field<'_>], sink: &mut Sink) -> Option<(At<PointId>, AlarmDraft)> {
    let point = entry.required_id("point", PointId::new, sink);
    let alarm = alarm(Entry { fields, ..entry }, sink);
    Some((point?, alarm?))
}

fn alarm(entry: Entry<'_, '_>, sink: &mut Sink) -> Option<AlarmDraft> {
    if is_later_kind(entry, sink) {
        return None;
    }
    entry.check_keys(ALARM_KEYS, sink);
    entry.required("kind", "kind = \"high\"", sink);
    let kind = entry.word("kind", AlarmKind::ALL, AlarmKind::as_str, sink)?;
    let place = entry.place;
    let id = match entry.field("id") {
        Some(_) => entry.id("id", AlarmId::new, sink),
        None => AlarmId::new(kind.value.as_str()).ok().map(|value| At { value, place: kind.place }),
    };
    let (limit, deadband) = limit_and_deadband(entry, kind.value, sink);
    let on_delay = entry.span("on_delay", sink).unwrap_or(Span::ZERO);
    let off_delay = entry.span("off_delay", sink).unwrap_or(Span::ZERO);
    let priority = entry.word("priority", Priority::ALL, Priority::as_str, sink).map(|priority| priority.value);
    let latching = entry.truth("latching", sink);
    let (cause, consequence) = (entry.prose("cause", sink), entry.prose("consequence", sink));
    let (action, position) = (entry.prose("action", sink), entry.prose("position", sink));
    let respond_within = entry.lasting("respond_within", sink);
    Some(AlarmDraft {
        place,
        kind: kind.value,
        id: id?,
        limit,
        deadband,
        on_delay,
        off_delay,
        priority,
        latching,
        cause,
        consequence,
        action,
        respond_within,
        position,
    })
}

/// Tells of a kind that only a later version judges; its keys are not known here.
fn is_later_kind(entry: Entry<'_, '_>, sink: &mut Sink) -> bool {
    let Some(field) = entry.field("kind") else { return false };
    let later = matches!(field.node, Node::Text(word) | Node::Cell(word) if LATER_KINDS.contains(&word));
    if later {
        let supported: Vec<_> = AlarmKind::ALL.iter().map(|kind| kind.as_str()).collect();
        let cure = format!("use one of {}", supported.join(", "));
        entry.wrong(field, "is not supported by this version", cure, sink);
    }
    later
}

fn limit_and_deadband(entry: Entry<'_, '_>, kind: AlarmKind, sink: &mut Sink) -> (Option<At<f64>>, f64) {
    if kind.has_limit() {
        entry.required("limit", "limit = 80.0", sink);
        return (entry.number("limit", sink), entry.magnitude("deadband", sink).unwrap_or(0.0));
    }
    for key in ["limit", "deadband"] {
        if let Some(field) = entry.field(key) {
            let problem = format!("means nothing for kind {}", kind.as_str());
            let cure = if kind == AlarmKind::Stale { "remove it; the point's stale_after decides" } else { "remove it" };
            entry.wrong(field, problem, cure, sink);
        }
    }
    (None, 0.0)
}
