//! Points as written, each field checked by itself.

use model::{GatewayPath, InstallationId, PointId, PointSource, Protocol, Quantity, Range, Span};

use crate::alarm::{self, AlarmDraft};
use crate::fault::{At, Sink};
use crate::node::{Entry, Field, Node};
use crate::place::{cas_check, name_or};

const POINT_KEYS: &[&str] =
    &["id", "name", "installation", "quantity", "unit", "range", "stale_after", "source", "states", "cas", "oel", "alarm"];
const SOURCE_KEYS: &[&str] = &["mqtt", "sparkplug", "grpc", "tag"];
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
    "cas",
    "oel",
];

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
    /// Of what a gas detector measures; empty where not given.
    pub(crate) cas: At<String>,
    /// The exposure limit that the site goes by instead of the one known, mg/m3.
    pub(crate) oel: Option<At<f64>>,
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
    let alarms = entry.entries("alarm", "alarm", sink).into_iter().filter_map(|entry| alarm::alarm(entry, sink)).collect();
    let (cas, oel) = (cas(entry, quantity, sink), oel(entry, quantity, sink));
    let name = name_or(entry, id.as_ref().map(|id| id.value.as_str()), sink);
    Some(PointDraft { id: id?, name, installation, quantity, unit, range, stale_after, source, states, alarms, cas, oel })
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

/// A wrong digit is a fault here: it would compare the limits with those of nothing, or of another gas.
fn cas(entry: Entry<'_, '_>, quantity: Option<Quantity>, sink: &mut Sink) -> At<String> {
    let (Some(cas), Some(field)) = (entry.text("cas", sink), entry.field("cas")) else {
        return At { value: String::new(), place: entry.place };
    };
    match cas_check(cas.value) {
        Some(true) => {}
        Some(false) => entry.wrong(field, "has a wrong check digit", "look for a typing error", sink),
        None => entry.wrong(field, "is no CAS number", "write it like \"7664-41-7\"", sink),
    }
    if quantity.is_some_and(|quantity| !quantity.is_gas_detector()) {
        let problem = "means something for gas detectors only";
        sink.warning(cas.place, "cas", field.raw, problem, "remove it, or correct the quantity");
    }
    At { value: cas.value.to_owned(), place: cas.place }
}

fn oel(entry: Entry<'_, '_>, quantity: Option<Quantity>, sink: &mut Sink) -> Option<At<f64>> {
    let oel = entry.number("oel", sink)?;
    let field = entry.field("oel")?;
    if oel.value <= 0.0 {
        entry.wrong(field, "is not above 0", "write the exposure limit in mg/m3", sink);
        return None;
    }
    if quantity.is_some_and(|quantity| quantity != Quantity::ToxicGas) {
        let problem = "means something for quantity toxic_gas only";
        sink.warning(oel.place, "oel", field.raw, problem, "remove it, or correct the quantity");
    }
    Some(oel)
}
