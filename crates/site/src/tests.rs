//! Tests of whole sites: what loads, what does not, and in which words.

use crate::*;
use model::{AlarmKind, Priority, Protocol, Quantity, Span};

const DESIGN: &str = r#"
[[park]]                            # [park] for a single one
id = "rugang"                       # ids: [A-Za-z0-9_.-]{1,64}
name = "如皋港化工新材料产业园"
time_zone = "Asia/Shanghai"

[[enterprise]]
id = "e01"
park = "rugang"
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

fn file(name: &str, text: &str) -> SourceFile {
    SourceFile { name: name.to_owned(), text: text.to_owned() }
}

fn toml(text: &str) -> Result<Loaded, Vec<Fault>> {
    load(&[file("site.toml", text)])
}

#[test]
fn the_documented_example_loads() {
    let loaded = toml(DESIGN).expect("loads");
    assert_eq!(loaded.warnings, []);
    let point = &loaded.site.points[0];
    assert_eq!(point.alarms[0].respond_within, Some(Span::from_secs(600)));
    assert_eq!((point.stale_after, point.alarms.len()), (Span::from_secs(60), 1));
}
