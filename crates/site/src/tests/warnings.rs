//! What loads, and yet somebody should look at it.

use super::*;

fn warnings(text: &str) -> Vec<String> {
    let loaded = toml(text).expect("loads");
    assert!(loaded.warnings.iter().all(|warning| warning.severity == Severity::Warning));
    lines(&loaded.warnings)
}

/// The warnings of one point that begins on line 6; its alarms, as inline tables, are on line 12.
fn of_point(quantity: &str, unit: &str, alarms: &str) -> Vec<String> {
    warnings(&format!("{PLACE}{}", point("P", quantity, unit, alarms)))
}

#[test]
fn limits_that_break_the_gas_standard() {
    let gas = |high: f64, high_high: f64| {
        format!("alarm = [{{ kind = \"high\", limit = {high} }}, {{ kind = \"high_high\", limit = {high_high} }}]\n")
    };
    assert_eq!(of_point("combustible_gas", "%LEL", &gas(25.0, 50.0)), Vec::<String>::new());
    let expected = [
        "site.toml:12: limit = 25.1: is above 25, the limit for level 1 of combustible gas in %LEL (GB/T 50493-2019 5.5); write 25 or less",
        "site.toml:12: limit = 50.1: is above 50, the limit for level 2 of combustible gas in %LEL (GB/T 50493-2019 5.5); write 50 or less",
    ];
    assert_eq!(of_point("combustible_gas", "% lel", &gas(25.1, 50.1)), expected);
    assert_eq!(of_point("combustible_gas", "LEL.m", &gas(1.0, 2.0)), Vec::<String>::new());
    assert_eq!(of_point("combustible_gas", "LEL·m", &gas(1.5, 2.5)).len(), 2);
    let expected = "site.toml:7: unit = ppm: limits of combustible_gas in this unit are not compared with GB/T 50493-2019 5.5; \
                    write %LEL or LEL.m if that is the unit";
    assert_eq!(of_point("combustible_gas", "ppm", &gas(500.0, 1000.0)), [expected]);
    assert_eq!(of_point("combustible_gas", "％LEL", &gas(25.0, 50.0)), Vec::<String>::new());
}

#[test]
fn the_strictest_alarm_of_a_kind_counts() {
    let alarms = "alarm = [{ kind = \"high\", limit = 20 }, { kind = \"high\", id = \"late\", limit = 40 }, { kind = \"high_high\", limit = 50 }]\n";
    assert_eq!(of_point("combustible_gas", "%LEL", alarms), Vec::<String>::new());
}

#[test]
fn oxygen_has_two_sides() {
    let oxygen =
        |low: f64, high: f64| format!("alarm = [{{ kind = \"low\", limit = {low} }}, {{ kind = \"high\", limit = {high} }}]\n");
    assert_eq!(of_point("oxygen", "%VOL", &oxygen(19.5, 23.5)), Vec::<String>::new());
    let expected = [
        "site.toml:12: limit = 19.4: is below 19.5, the limit for too little oxygen in vol-% (GB/T 50493-2019 5.5); write 19.5 or more",
        "site.toml:12: limit = 23.6: is above 23.5, the limit for too much oxygen in vol-% (GB/T 50493-2019 5.5); write 23.5 or less",
    ];
    let mut got = of_point("oxygen", "vol-%", &oxygen(19.4, 23.6));
    got.sort();
    assert_eq!(got, expected);
    let expected = ["site.toml:7: id = P: oxygen has no alarm of kind low and high (GB/T 50493-2019 5.5); add what is missing"];
    assert_eq!(of_point("oxygen", "%", ""), expected);
}

#[test]
fn limits_the_instrument_never_shows() {
    let alarms = |alarms: &str| format!("range = [0, 100]\nalarm = [{alarms}]\n");
    let cases = [
        (
            "{ kind = \"high\", limit = 100.5 }",
            vec!["site.toml:13: limit = 100.5: lies outside the range 0 to 100; correct the limit or the range"],
        ),
        ("{ kind = \"high\", limit = 100 }", vec![]),
        (
            "{ kind = \"high\", limit = 5, deadband = 5 }",
            vec![
                "site.toml:13: limit = 5: clears only beyond 0, which is outside the range 0 to 100; lower the deadband or correct the limit",
            ],
        ),
        ("{ kind = \"high\", limit = 5, deadband = 4.9 }", vec![]),
        (
            "{ kind = \"low\", limit = 95, deadband = 5 }",
            vec![
                "site.toml:13: limit = 95: clears only beyond 100, which is outside the range 0 to 100; lower the deadband or correct the limit",
            ],
        ),
    ];
    for (alarm, expected) in cases {
        assert_eq!(of_point("level", "%", &alarms(alarm)), expected, "{alarm}");
    }
    let headroom = "oel = 80.0\n".to_owned() + &alarms("{ kind = \"high\", limit = 50 }, { kind = \"high_high\", limit = 91 }");
    let expected = ["site.toml:14: limit = 91: lies above 90 % of the range 0 to 100; use a detector with a wider range"];
    assert_eq!(of_point("toxic_gas", "mg/m3", &headroom), expected);
}

#[test]
fn deadbands_wider_than_the_distance() {
    let alarms = |deadband: f64| {
        format!("alarm = [{{ kind = \"high\", limit = 80 }}, {{ kind = \"high_high\", limit = 90, deadband = {deadband} }}]\n")
    };
    assert_eq!(of_point("level", "%", &alarms(9.9)), Vec::<String>::new());
    let expected = [
        "site.toml:12: deadband = 10: reaches from limit 90 to high at 80, so both return together at best; keep it smaller than the distance",
    ];
    assert_eq!(of_point("level", "%", &alarms(10.0)), expected);
    let low = "alarm = [{ kind = \"low\", limit = 10, deadband = 1 }, { kind = \"low_low\", limit = 5, deadband = 6 }]\n";
    let expected = [
        "site.toml:12: deadband = 6: reaches from limit 5 to low at 10, so both return together at best; keep it smaller than the distance",
    ];
    assert_eq!(of_point("level", "%", low), expected);
}

#[test]
fn sparkplug_names_are_taken_as_they_are() {
    let sparkplug = |text: String| text.replace("mqtt = \"p/e01/gw\"", "sparkplug = \"My Group/节点 1/p e01\"");
    let text = format!("{PLACE}{}", sparkplug(point("P", "level", "%", "")));
    assert_eq!(warnings(&text), [""; 0]);
    let source = toml(&text).expect("loads").site.points.remove(0).source;
    assert_eq!((source.protocol, source.gateway.as_str()), (Protocol::Sparkplug, "My Group/节点 1/p e01"));
}

#[test]
fn a_gateway_that_names_another_enterprise() {
    let text = format!("{PLACE}{}", point("P", "level", "%", "").replace("p/e01/gw", "p/e07/gw"));
    let expected = [
        "site.toml:11: mqtt = p/e07/gw: names enterprise `e07`, but its points belong to `e01`; write park/enterprise/gateway as the gateway does",
    ];
    assert_eq!(warnings(&text), expected);
}

#[test]
fn a_site_without_points() {
    assert_eq!(
        warnings("[enterprise]\nid = \"e01\"\n"),
        ["the site has no points, so nothing is watched; add [[point]] entries"]
    );
}

#[test]
fn a_cas_number_with_a_typing_error() {
    let text = DESIGN.replace("7664-41-7", "7664-47-1");
    assert_eq!(warnings(&text), ["site.toml:19: cas = \"7664-47-1\": has a wrong check digit; look for a typing error"]);
}
