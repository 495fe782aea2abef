//! Tests of whole sites: what loads, what does not, and in which words.

mod around;
mod faults;
mod gas;
mod kind_faults;
mod kinds;
mod laws;
mod suppressions;
mod warning_rules;
mod warnings;

use crate::*;
use model::{AlarmKind, Priority, Protocol, Quantity, Span};

/// The example that the documentation gives; the park is on line 2.
const DESIGN: &str = r#"
[[park]]                            # [park] for a single one
id = "rugang"                       # ids: [A-Za-z0-9_.-]{1,64}
name = "如皋港化工新材料产业园"
time_zone = "Asia/Shanghai"

[[enterprise]]
id = "e01"
park = "rugang"                     # left out: an enterprise outside any park, with `district = "320682"`
name = "示例化工有限公司"

[[installation]]                    # a major hazard source (重大危险源)
id = "e01-reactor"
enterprise = "e01"
name = "合成装置"
kind = "process"                    # process | tank_farm | warehouse | loading
exposed_people = 45
location = { lat = 32.061, lon = 120.513 }
substance = [{ cas = "7664-41-7", design_max_tonnes = 6.5 }]

[[point]]
id = "e01-PI-101"                   # unique in the deployment
installation = "e01-reactor"
quantity = "pressure"
unit = "kPa"
range = [0.0, 4000.0]
stale_after = "60s"                 # default 5m
source = { mqtt = "rugang/e01/gw1", tag = "PI-101" }            # plain JSON: gateway path and tag

  [[point.alarm]]
  kind = "high"
  id = "high"                       # default: the kind
  limit = 2895.0
  deadband = 5.0
  on_delay = "10s"
  off_delay = "0s"
  priority = "high"
  latching = false
  cause = ""
  consequence = ""
  action = ""
  respond_within = "10m"
  position = "panel-1"
"#;

/// A place to put points in; the first line after it is line 6.
const PLACE: &str = "[enterprise]\nid = \"e01\"\n[installation]\nid = \"unit\"\nenterprise = \"e01\"\n";

fn file(name: &str, text: &str) -> SourceFile {
    SourceFile { name: name.to_owned(), text: text.to_owned() }
}

fn toml(text: &str) -> Result<Loaded, Vec<Fault>> {
    load(&[file("site.toml", text)])
}

fn lines(faults: &[Fault]) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}

/// A point of a quantity with alarms below.
fn point(id: &str, quantity: &str, unit: &str, alarms: &str) -> String {
    let source = format!("source = {{ mqtt = \"p/e01/gw\", tag = \"{id}\" }}");
    format!("[[point]]\nid = \"{id}\"\ninstallation = \"unit\"\nquantity = \"{quantity}\"\nunit = \"{unit}\"\n{source}\n{alarms}")
}

#[test]
fn the_documented_example_loads() {
    let loaded = toml(DESIGN).expect("loads");
    assert_eq!(loaded.warnings, []);
    let site = &loaded.site;
    assert_eq!((site.parks.len(), site.enterprises.len(), site.installations.len(), site.points.len()), (1, 1, 1, 1));
    let point = &site.points[0];
    assert_eq!(point.park.as_ref().map(model::ParkId::as_str), Some("rugang"));
    assert_eq!((point.enterprise.as_str(), point.name.as_str()), ("e01", "e01-PI-101"));
    assert_eq!((point.source.protocol, point.source.gateway.as_str()), (Protocol::Mqtt, "rugang/e01/gw1"));
    assert_eq!((point.stale_after, point.alarms.len()), (Span::from_secs(60), 1));
    let alarm = &point.alarms[0];
    assert_eq!((alarm.kind, alarm.limit, alarm.deadband, alarm.priority), (AlarmKind::High, Some(2895.0), 5.0, Priority::High));
    assert_eq!((alarm.on_delay, alarm.respond_within), (Span::from_secs(10), Some(Span::from_secs(600))));
    assert_eq!((alarm.position.as_str(), alarm.latching, alarm.implied), ("panel-1", false, false));
    assert_eq!(site.installations[0].substances[0].design_max_tonnes, 6.5);
}

#[test]
fn what_is_left_out_has_its_default() {
    let alarms = "[[point.alarm]]\nkind = \"high\"\nlimit = 1\n[[point.alarm]]\nkind = \"low_low\"\nlimit = 0\n[[point.alarm]]\nkind = \"stale\"\n";
    let loaded = toml(&format!("[park]\nid = \"p\"\n{PLACE}{}", point("TI", "temperature", "C", alarms))).expect("loads");
    let (park, point) = (&loaded.site.parks[0], &loaded.site.points[0]);
    assert_eq!((park.name.as_str(), park.time_zone.as_str(), park.district.as_str()), ("p", "Asia/Shanghai", ""));
    assert_eq!((point.stale_after, point.range, point.park.is_none()), (Span::from_secs(300), None, true));
    assert_eq!(loaded.site.installations[0].kind, model::InstallationKind::Process);
    let got: Vec<_> = point.alarms.iter().map(|it| (it.id.as_str(), it.priority, it.latching, it.implied)).collect();
    let expected = [
        ("high", Priority::Medium, false, false),
        ("low_low", Priority::High, false, false),
        ("stale", Priority::Medium, false, false),
    ];
    assert_eq!(got, expected);
    assert_eq!((point.alarms[0].deadband, point.alarms[0].on_delay, point.alarms[0].off_delay), (0.0, Span::ZERO, Span::ZERO));
}

#[test]
fn gas_detectors_latch_and_watch_themselves() {
    let alarms = "alarm = [{ kind = \"high\", limit = 25 }, { kind = \"high_high\", limit = 50 }, { kind = \"stale\", id = \"silent\", priority = \"low\", latching = false }]\n";
    let loaded = toml(&format!("{PLACE}{}", point("GT", "combustible_gas", "%LEL", alarms))).expect("loads");
    let point = &loaded.site.points[0];
    assert_eq!((loaded.warnings.len(), point.quantity), (0, Quantity::CombustibleGas));
    let got: Vec<_> = point.alarms.iter().map(|it| (it.id.as_str(), it.priority, it.latching, it.implied)).collect();
    let expected = [
        ("bad_quality", Priority::High, true, true),
        ("calibrating", Priority::Low, false, true),
        ("high", Priority::High, true, false),
        ("high_high", Priority::Critical, true, false),
        ("silent", Priority::Low, false, false),
    ];
    assert_eq!(got, expected);
}

#[test]
fn every_form_of_toml_says_the_same() {
    let head = "[[point]]\nid = \"P\"\ninstallation = \"unit\"\nquantity = \"level\"\nunit = \"%\"\n";
    let forms = [
        "source = { mqtt = \"p/e01/gw\", tag = \"LI\" }\nalarm = [{ kind = \"high\", limit = 80 }]\n",
        "source.mqtt = \"p/e01/gw\"\nsource.tag = \"LI\"\n[[point.alarm]]\nkind = \"high\"\nlimit = 80.0\n",
        "[point.source]\nmqtt = \"p/e01/gw\"\ntag = 'LI'\n[[point.alarm]]\nkind = \"\"\"high\"\"\"\nlimit = 8e1\n",
        "[point.alarm]\nkind = \"high\"\nlimit = +80\n[point.source]\ntag = \"LI\"\nmqtt = \"p/e01/gw\"\n",
    ];
    let loaded: Vec<_> = forms.iter().map(|form| toml(&format!("{PLACE}{head}{form}")).expect("loads")).collect();
    assert!(loaded.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn a_byte_order_mark_and_crlf_do_no_harm() {
    let text = format!("\u{feff}{}", DESIGN.replace('\n', "\r\n"));
    assert_eq!(toml(&text).expect("loads"), toml(DESIGN).expect("loads"));
}

#[test]
fn states_are_kept_in_order_of_their_text() {
    let text = format!("{PLACE}{}", point("XV", "state", "state", "states = { open = 1, closed = 0, moving = 0.5 }\n"));
    let states = toml(&text).expect("loads").site.points.remove(0).states;
    assert_eq!(states, [("closed".to_owned(), 0.0), ("moving".to_owned(), 0.5), ("open".to_owned(), 1.0)]);
}
