//! Limits of toxic gases against their exposure limits, for every gas there is a row for.

use super::*;
use crate::gas;

/// The warnings of a detector with two levels, on line 13.
fn of_detector(quantity: &str, unit: &str, key: &str, levels: (f64, f64)) -> Vec<String> {
    let (high, high_high) = levels;
    let alarms =
        format!("{key}\nalarm = [{{ kind = \"high\", limit = {high:?} }}, {{ kind = \"high_high\", limit = {high_high:?} }}]\n");
    lines(&toml(&format!("{PLACE}{}", point("P", quantity, unit, &alarms))).expect("loads").warnings)
}

#[test]
fn every_gas_at_its_set_point_and_just_above() {
    let mut compared = 0;
    for gas in gas::all() {
        let cas = format!("cas = \"{}\"", gas.cas);
        let combustible = |levels| of_detector("combustible_gas", "%LEL", &cas, levels);
        assert_eq!(combustible((25.0, 50.0)), [""; 0], "{gas:?}");
        assert_eq!(combustible((25.0_f64.next_up(), 50.0_f64.next_up())).len(), 2, "{gas:?}");
        let Some(oel) = &gas.oel else {
            let warnings = of_detector("toxic_gas", "ppm", &cas, (1.0, 2.0));
            assert!(warnings.len() == 1 && warnings[0].contains("has no exposure limit in GBZ 2.1-2019"), "{warnings:?}");
            continue;
        };
        let units =
            [("mg/m3", Some(oel.limit), Some(2.0 * oel.limit)), ("ppm", gas.to_ppm(oel.limit), gas.to_ppm(2.0 * oel.limit))];
        for (unit, level_1, level_2) in units {
            let (Some(level_1), Some(level_2)) = (level_1, level_2) else { continue };
            assert_eq!(of_detector("toxic_gas", unit, &cas, (level_1, level_2)), [""; 0], "{gas:?}");
            let above = of_detector("toxic_gas", unit, &cas, (level_1.next_up(), level_2.next_up()));
            let (one, two) = ("the most for level 1 (GB/T 50493-2019 5.5)", "the most for level 2 (GB/T 50493-2019 5.5)");
            assert!(above.len() == 2 && above[0].contains(one) && above[1].contains(two), "{above:?}");
            assert!(above.iter().all(|warning| warning.contains(&gas.name) && warning.contains(&oel.kind)), "{above:?}");
            compared += 1;
        }
    }
    assert!(compared > 100, "{compared}");
}

#[test]
fn the_words() {
    let hydrogen_sulfide = "cas = \"7783-06-4\"";
    let expected = [
        "site.toml:13: limit = 15: is above 10 mg/m3, the MAC of hydrogen sulfide (GBZ 2.1-2019), the most for level 1 (GB/T 50493-2019 5.5); \
         write 10 or less; where no instrument measures that low, say oel = 21.5 (5 % of the IDLH) or less",
        "site.toml:13: limit = 50: is above 20 mg/m3, twice the MAC of hydrogen sulfide (GBZ 2.1-2019), the most for level 2 (GB/T 50493-2019 5.5); \
         write 20 or less",
    ];
    assert_eq!(of_detector("toxic_gas", "mg/m3", hydrogen_sulfide, (15.0, 50.0)), expected);
    assert_eq!(of_detector("toxic_gas", "mg/m³", "cas = \"7783-06-4\"", (10.0, 20.0)), [""; 0]);
    let expected = [
        "site.toml:13: limit = 7.2: is above 7.174 ppm, the MAC of hydrogen sulfide (GBZ 2.1-2019), the most for level 1 (GB/T 50493-2019 5.5); \
         write 7.174 or less; where no instrument measures that low, say oel = 21.5 (5 % of the IDLH) or less",
    ];
    assert_eq!(of_detector("toxic_gas", "ppm", hydrogen_sulfide, (7.2, 14.3)), expected);
    let arsine = of_detector("toxic_gas", "mg/m3", "cas = \"7784-42-1\"", (0.04, 0.06));
    let expected = [
        "site.toml:13: limit = 0.04: is above 0.03 mg/m3, the MAC of arsine (GBZ 2.1-2019), the most for level 1 (GB/T 50493-2019 5.5); write 0.03 or less",
    ];
    assert_eq!(arsine, expected);
}

#[test]
fn what_needs_a_limit_by_hand() {
    let toxic = |key: &str| of_detector("toxic_gas", "mg/m3", key, (1.0, 2.0));
    let manual = "so it needs a manual limit to be compared with GB/T 50493-2019 5.5";
    let cure = "add oel = 10.0 in mg/m3, the exposure limit that the site goes by";
    let nothing =
        format!("site.toml:7: id = P: does not say which toxic gas, {manual}; add cas = \"7783-06-4\", or oel = 10.0 in mg/m3");
    assert_eq!(toxic(""), [nothing]);
    let unknown = format!("site.toml:12: cas = 108-90-7: is no gas of the table, {manual}; {cure}");
    assert_eq!(toxic("cas = \"108-90-7\""), [unknown]);
    let none = format!("site.toml:12: cas = 463-58-1: carbonyl sulfide has no exposure limit in GBZ 2.1-2019, {manual}; {cure}");
    assert_eq!(toxic("cas = \"463-58-1\""), [none]);
    for key in ["oel = 1.0", "oel = 1.0 # and", "cas = \"463-58-1\"\noel = 1.0", "cas = \"108-90-7\"\noel = 1.0"] {
        assert_eq!(toxic(key), [""; 0], "{key}");
    }
    let unit = "site.toml:7: unit = %VOL: limits of toxic_gas in this unit are not compared with GB/T 50493-2019 5.5; \
                write mg/m3 or ppm if that is the unit";
    assert_eq!(of_detector("toxic_gas", "%VOL", "cas = \"124-38-9\"", (0.5, 1.0)), [unit]);
    let mixture = "site.toml:7: unit = ppm: limits in ppm are not compared: no molar mass is known of this gas; \
                   give its limits in mg/m3, or look them up by hand";
    assert_eq!(of_detector("toxic_gas", "ppm", "oel = 1.0", (0.5, 1.0)), [mixture]);
    assert_eq!(of_detector("toxic_gas", "ppm", "cas = \"86290-81-5\"", (0.5, 1.0)), [mixture]);
}

#[test]
fn an_exposure_limit_by_hand_replaces_the_known_one() {
    let benzene = |oel: &str, levels| of_detector("toxic_gas", "mg/m3", &format!("cas = \"71-43-2\"\noel = {oel}"), levels);
    assert_eq!(benzene("3.0", (3.0, 6.0)), [""; 0]);
    let expected = [
        "site.toml:14: limit = 6: is above 3 mg/m3, the oel of this point, the most for level 1 (GB/T 50493-2019 5.5); write 3 or less",
        "site.toml:14: limit = 12: is above 6 mg/m3, twice the oel of this point, the most for level 2 (GB/T 50493-2019 5.5); write 6 or less",
    ];
    assert_eq!(benzene("3.0", (6.0, 12.0)), expected);
    let of =
        |cas: &str, oel: f64| of_detector("toxic_gas", "mg/m3", &format!("cas = \"{cas}\"\noel = {oel:?}"), (oel, 2.0 * oel));
    assert_eq!(of("7783-06-4", 21.5), [""; 0], "no instrument measures lower");
    let expected = "site.toml:13: oel = 22: is above 10 mg/m3, the MAC of hydrogen sulfide (GBZ 2.1-2019), and above 21.5, 5 % of its IDLH; write 21.5 or less";
    assert_eq!(of("7783-06-4", 22.0), [expected]);
    let expected = "site.toml:13: oel = 0.1: is above 0.03 mg/m3, the MAC of arsine (GBZ 2.1-2019); write 0.03 or less";
    assert_eq!(of("7784-42-1", 0.1), [expected]);
}

#[test]
fn keys_of_gas_detectors_elsewhere() {
    let text = format!("{PLACE}{}", point("P", "level", "%", "cas = \"7783-06-4\"\noel = 1\n"));
    let expected = [
        "site.toml:12: cas = \"7783-06-4\": means something for gas detectors only; remove it, or correct the quantity",
        "site.toml:13: oel = 1: means something for quantity toxic_gas only; remove it, or correct the quantity",
    ];
    assert_eq!(lines(&toml(&text).expect("loads").warnings), expected);
}

#[test]
fn gas_alarms_come_without_delay() {
    let delayed = |quantity: &str, delay: &str| {
        let alarms = format!(
            "[[point.alarm]]\nkind = \"high\"\nlimit = 25\non_delay = \"{delay}\"\n[[point.alarm]]\nkind = \"high_high\"\nlimit = 50\n"
        );
        lines(&toml(&format!("{PLACE}{}", point("P", quantity, "%LEL", &alarms))).expect("loads").warnings)
    };
    assert_eq!(delayed("combustible_gas", "5s"), [""; 0]);
    let expected = "site.toml:15: on_delay = 5.001s: holds back a gas alarm for more than 5 s, after the time that the detector itself takes; \
                    write \"5s\" or less";
    assert_eq!(delayed("combustible_gas", "5.001s"), [expected]);
    assert_eq!(delayed("other", "60s"), [""; 0]);
}

#[test]
fn the_range_has_to_reach_beyond_level_2() {
    let ammonia = |range: &str| of_detector("toxic_gas", "mg/m3", &format!("cas = \"7664-41-7\"\nrange = {range}"), (20.0, 40.0));
    assert_eq!(ammonia("[0, 60]"), [""; 0]);
    let expected = "site.toml:14: limit = 40: lies above 90 % of the range 0 to 44; use a detector with a wider range";
    assert_eq!(ammonia("[0, 44]"), [expected]);
    let expected = "site.toml:14: limit = 40: lies outside the range 0 to 39; correct the limit or the range";
    assert_eq!(ammonia("[0, 39]"), [expected]);
}
