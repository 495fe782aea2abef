//! Set points of toxic gases against their exposure limits (GB/T 50493-2019): level 1 at most the limit, level 2 at most twice that.

use model::AlarmKind;

use crate::fault::{Place, Sink};
use crate::gas::{self, Gas};
use crate::point::PointDraft;
use crate::standards::{SET_POINTS, of_kind};

/// Where the exposure limits come from.
const OELS: &str = "GBZ 2.1-2019";

/// Units that are compared, as `plain_unit` leaves them.
const MG_PER_M3: &[&str] = &["mg/m3", "mg/m³", "mg/m^3"];
const PPM: &[&str] = &["ppm", "ppmv", "μmol/mol", "µmol/mol", "umol/mol"];

const MANUAL: &str = "add oel = 10.0 in mg/m3, the exposure limit that the site goes by";

/// What the levels of one point are compared with.
struct Limits<'a> {
    gas: Option<&'static Gas>,
    /// mg/m3
    oel: f64,
    /// mg/m3; the OEL where there is nothing beyond it.
    fallback: f64,
    /// Whose figure it is, for messages.
    origin: String,
    /// As written.
    unit: &'a str,
    is_ppm: bool,
}

/// `unit` as `plain_unit` leaves it.
pub(crate) fn check(point: &PointDraft, unit: &str, sink: &mut Sink) {
    let gas = gas::find(&point.cas.value);
    check_override(point, gas, sink);
    let Some((oel, origin)) = oel(point, gas, sink) else { return };
    // What a site states by hand is its last word; the standard's way out is for the figure of the table.
    let fallback = gas.filter(|_| point.oel.is_none()).map_or(oel, |gas| gas.fallback(oel));
    let is_ppm = PPM.contains(&unit);
    let written = point.unit.as_deref().unwrap_or_default();
    if !is_ppm && !MG_PER_M3.contains(&unit) {
        if !unit.is_empty() {
            let problem = format!("limits of toxic_gas in this unit are not compared with {SET_POINTS}");
            sink.warning(point.id.place, "unit", written, problem, "write mg/m3 or ppm if that is the unit");
        }
        return;
    }
    let limits = Limits { gas, oel, fallback, origin, unit: written, is_ppm };
    if is_ppm && limits.in_unit(oel).is_none() {
        let problem = "limits in ppm are not compared: no molar mass is known of this gas";
        sink.warning(point.id.place, "unit", written, problem, "give its limits in mg/m3, or look them up by hand");
        return;
    }
    check_level(point, AlarmKind::High, 1.0, "level 1", &limits, sink);
    check_level(point, AlarmKind::HighHigh, 2.0, "level 2", &limits, sink);
}

/// The exposure limit to compare with, or a warning that there is none.
fn oel(point: &PointDraft, gas: Option<&'static Gas>, sink: &mut Sink) -> Option<(f64, String)> {
    if let Some(oel) = &point.oel {
        return Some((oel.value, "the oel of this point".to_owned()));
    }
    let cas = point.cas.value.as_str();
    let Some(gas) = gas else {
        let (place, key, written, what, cure) = if cas.is_empty() {
            let cure = "add cas = \"7783-06-4\", or oel = 10.0 in mg/m3";
            (point.id.place, "id", point.id.value.as_str(), "does not say which toxic gas", cure)
        } else {
            (point.cas.place, "cas", cas, "is no gas of the table", MANUAL)
        };
        let problem = format!("{what}, so it needs a manual limit to be compared with {SET_POINTS}");
        sink.warning(place, key, written, problem, cure);
        return None;
    };
    let Some(oel) = &gas.oel else {
        let what = format!("{} has no exposure limit in {OELS}", gas.name);
        let problem = format!("{what}, so it needs a manual limit to be compared with {SET_POINTS}");
        sink.warning(point.cas.place, "cas", cas, problem, MANUAL);
        return None;
    };
    Some((oel.limit, format!("the {} of {} ({OELS})", oel.kind, gas.name)))
}

/// A limit by hand beyond everything that the standard allows is worth a second look.
fn check_override(point: &PointDraft, gas: Option<&'static Gas>, sink: &mut Sink) {
    let Some((gas, known)) = gas.and_then(|gas| Some((gas, gas.oel.as_ref()?))) else { return };
    let most = gas.fallback(known.limit);
    if let Some(oel) = point.oel.as_ref().filter(|oel| oel.value > most) {
        let figure = format!("{} mg/m3, the {} of {} ({OELS})", known.limit, known.kind, gas.name);
        let problem = if most > known.limit {
            format!("is above {figure}, and above {most}, 5 % of its IDLH")
        } else {
            format!("is above {figure}")
        };
        sink.warning(oel.place, "oel", &oel.value.to_string(), problem, format!("write {most} or less"));
    }
}

impl Limits<'_> {
    /// mg/m3 in the unit of the point.
    fn in_unit(&self, mg_m3: f64) -> Option<f64> {
        if self.is_ppm { self.gas.and_then(|gas| gas.to_ppm(mg_m3)) } else { Some(mg_m3) }
    }
}

/// The strictest alarm of the kind counts: others beside it take nothing away.
fn check_level(point: &PointDraft, kind: AlarmKind, times: f64, level: &str, limits: &Limits<'_>, sink: &mut Sink) {
    let strictest = of_kind(point, kind).min_by(|a, b| a.1.total_cmp(&b.1));
    let (Some((alarm, value)), Some(most)) = (strictest, limits.in_unit(times * limits.oel)) else { return };
    if value <= most {
        return;
    }
    let place: Place = alarm.limit.as_ref().map_or(alarm.place, |limit| limit.place);
    let of = if times > 1.0 { "twice " } else { "" };
    let figure = shown(most);
    let problem = format!("is above {figure} {}, {of}{}, the most for {level} ({SET_POINTS})", limits.unit, limits.origin);
    let beyond = limits.in_unit(times * limits.fallback).filter(|beyond| *beyond > most && value <= *beyond);
    let cure = match beyond {
        Some(_) => format!(
            "write {figure} or less; where no instrument measures that low, say oel = {} (5 % of the IDLH) or less",
            limits.fallback
        ),
        None => format!("write {figure} or less"),
    };
    sink.warning(place, "limit", &value.to_string(), problem, cure);
}

/// A figure to be written as a limit: cut, never rounded up, after four digits that count.
fn shown(figure: f64) -> f64 {
    let mut scale = 1.0;
    while figure * scale < 1_000.0 && scale < 1e9 {
        scale *= 10.0;
    }
    let cut = (figure * scale).floor() / scale;
    // A figure of few digits stays what it is, though its product may lie a hair below a whole number.
    if ((figure * scale).round() / scale - figure).abs() < 1e-12 * figure { figure } else { cut }
}
