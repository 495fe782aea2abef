//! Every fault in its words.

use super::*;

/// The faults of a text, each as it is printed.
pub(super) fn faults(text: &str) -> Vec<String> {
    lines(&toml(text).expect_err("is at fault"))
}

/// The documented example with one part changed has exactly this fault.
fn check(from: &str, to: &str, expected: &str) {
    assert!(DESIGN.contains(from), "{from}");
    assert_eq!(faults(&DESIGN.replacen(from, to, 1)), [expected], "{to}");
}

#[test]
fn each_key_by_itself() {
    let span = "write a decimal number and ms, s, m, h or d, such as \"1.5s\"";
    let words = [
        ("\"Asia/Shanghai\"", "\"CST\"", "site.toml:5: time_zone = \"CST\": is no time zone; write its IANA name, such as \"Asia/Shanghai\", or \"UTC\"".to_owned()),
        ("id = \"e01-PI-101\"", "id = \"e01 PI\"", "site.toml:22: id = \"e01 PI\": is no valid id; write 1 to 64 of A-Z a-z 0-9 _ . -".to_owned()),
        ("kind = \"process\"", "kind = \"tankfarm\"", "site.toml:16: kind = \"tankfarm\": is not known; did you mean \"tank_farm\"".to_owned()),
        ("exposed_people = 45", "exposed_people = 4.5", "site.toml:17: exposed_people = 4.5: is no count; write a whole number from 0 to 4294967295".to_owned()),
        ("exposed_people = 45", "exposed_people = -1", "site.toml:17: exposed_people = -1: is no count; write a whole number from 0 to 4294967295".to_owned()),
        ("lat = 32.061", "lat = 132.061", "site.toml:18: lat = 132.061: lies outside the earth; write degrees from -90 to 90".to_owned()),
        ("lat = 32.061, ", "", "site.toml:18: lat: is missing from this location; add lat = 32.061".to_owned()),
        ("cas = \"7664-41-7\"", "cas = \"ammonia\"", "site.toml:19: cas = \"ammonia\": is no CAS number; write it like \"7664-41-7\"".to_owned()),
        (", design_max_tonnes = 6.5", "", "site.toml:19: design_max_tonnes: is missing from this substance; add design_max_tonnes = 6.5".to_owned()),
        ("design_max_tonnes = 6.5", "design_max_tonnes = -6.5", "site.toml:19: design_max_tonnes = -6.5: is negative; write 0 or more".to_owned()),
        ("quantity = \"pressure\"", "quantity = \"presure\"", "site.toml:24: quantity = \"presure\": is not known; did you mean \"pressure\"".to_owned()),
        ("unit = \"kPa\"", "unit = \" \"", "site.toml:25: unit = \"\": is empty; write unit = \"kPa\"".to_owned()),
        ("unit = \"kPa\"", "unit = 7", "site.toml:25: unit = 7: is not text; write it in quotes".to_owned()),
        ("[0.0, 4000.0]", "[4000.0, 0]", "site.toml:26: range = [4000.0, 0]: its low end 4000 is not below its high end 0; write the lower end first".to_owned()),
        ("[0.0, 4000.0]", "[7, 7]", "site.toml:26: range = [7, 7]: its low end 7 is not below its high end 7; write the lower end first".to_owned()),
        ("[0.0, 4000.0]", "4000.0", "site.toml:26: range = 4000.0: is no pair of numbers; write both ends, such as [0.0, 4000.0]".to_owned()),
        ("[0.0, 4000.0]", "[0.0, inf]", "site.toml:26: range = inf: is not finite; write a finite number".to_owned()),
        ("stale_after = \"60s\"", "stale_after = 60", format!("site.toml:27: stale_after = 60: has no unit; {span}")),
        ("stale_after = \"60s\"", "stale_after = \"0s\"", "site.toml:27: stale_after = \"0s\": is no time at all; write more than 0s".to_owned()),
        ("on_delay = \"10s\"", "on_delay = \"-10s\"", format!("site.toml:35: on_delay = \"-10s\": is negative; {span}")),
        ("on_delay = \"10s\"", "on_delay = \"nan\"", format!("site.toml:35: on_delay = \"nan\": is no duration; {span}")),
        ("on_delay = \"10s\"", "on_delay = \"1e9d\"", format!("site.toml:35: on_delay = \"1e9d\": is no duration; {span}")),
        ("off_delay = \"0s\"", "off_delay = \"999999999d\"", format!("site.toml:36: off_delay = \"999999999d\": is longer than any time that can be recorded; {span}")),
        ("respond_within = \"10m\"", "respond_within = \"0.0000004s\"", "site.toml:42: respond_within = \"0.0000004s\": is no time at all; write more than 0s".to_owned()),
        ("limit = 2895.0", "limit = \"2895\"", "site.toml:33: limit = \"2895\": is text, not a number; write the number without quotes".to_owned()),
        ("limit = 2895.0", "limit = nan", "site.toml:33: limit = nan: is not finite; write a finite number".to_owned()),
        ("limit = 2895.0", "limit = 2025-01-01", "site.toml:33: limit = 2025-01-01: is not a number; write a decimal number".to_owned()),
        ("  limit = 2895.0\n", "", "site.toml:30: limit: is missing from this alarm; add limit = 80.0".to_owned()),
        ("deadband = 5.0", "deadband = -5.0", "site.toml:34: deadband = -5.0: is negative; write 0 or more".to_owned()),
        ("priority = \"high\"", "priority = \"urgent\"", "site.toml:37: priority = \"urgent\": is not known; write one of low, medium, high, critical".to_owned()),
        ("latching = false", "latching = \"no\"", "site.toml:38: latching = \"no\": is neither true nor false; write true or false".to_owned()),
        ("  kind = \"high\"\n", "", "site.toml:30: kind: is missing from this alarm; add kind = \"high\"".to_owned()),
        ("kind = \"high\"", "kind = \"hihi\"", "site.toml:31: kind = \"hihi\": is not known; write one of high_high, high, low, low_low, stale, bad_quality, out_of_range, calibrating, rate, deviation, stuck, state, vote, expression, time_to_limit".to_owned()),
("kind = \"high\"", "kind = \"rule_fault\"", "site.toml:31: kind = \"rule_fault\": cannot be configured; remove this alarm: every vote, expression and deviation from a point has it by itself".to_owned()),
        ("kind = \"high\"", "kind = \"gateway_down\"", "site.toml:31: kind = \"gateway_down\": cannot be configured; remove this alarm: every gateway has it by itself".to_owned()),
        ("kind = \"high\"", "kind = \"enterprise_down\"", "site.toml:31: kind = \"enterprise_down\": cannot be configured; remove this alarm: every enterprise has it by itself".to_owned()),
        ("position = \"panel-1\"", "group = \"a b\"", "site.toml:43: group = \"a b\": is no valid id; write 1 to 64 of A-Z a-z 0-9 _ . -".to_owned()),
        ("position = \"panel-1\"", "shelve_max = 8", format!("site.toml:43: shelve_max = 8: has no unit; {span}")),
        ("position = \"panel-1\"", "realarm_after = \"0s\"", "site.toml:43: realarm_after = \"0s\": is no time at all; write more than 0s".to_owned()),
        ("position = \"panel-1\"", "repeat_within = \"-1s\"", format!("site.toml:43: repeat_within = \"-1s\": is negative; {span}")),
        ("unit = \"kPa\"", "unit = \"kPa\"\ncas = \"7664-41-8\"", "site.toml:26: cas = \"7664-41-8\": has a wrong check digit; look for a typing error".to_owned()),
        ("unit = \"kPa\"", "unit = \"kPa\"\ncas = \"ammonia\"", "site.toml:26: cas = \"ammonia\": is no CAS number; write it like \"7664-41-7\"".to_owned()),
        ("unit = \"kPa\"", "unit = \"kPa\"\noel = 0", "site.toml:26: oel = 0: is not above 0; write the exposure limit in mg/m3".to_owned()),
    ];
    for (from, to, expected) in words {
        check(from, to, &expected);
    }
}

#[test]
fn sources() {
    let path = "is no gateway path; write park/enterprise/gateway: three ids, without davy/v1 and telemetry";
    for wrong in ["rugang/gw1", "davy/v1/rugang/e01/gw1/telemetry", "rugang/e01/+", ""] {
        check("mqtt = \"rugang/e01/gw1\"", &format!("mqtt = \"{wrong}\""), &format!("site.toml:28: mqtt = \"{wrong}\": {path}"));
    }
    let from = "mqtt = \"rugang/e01/gw1\"";
    check(
        from,
        "sparkplug = \"node\"",
        "site.toml:28: sparkplug = \"node\": is no gateway path; write group/node or group/node/device as the edge node does: \
         at most 128 bytes each, without + and #",
    );
    check(
        from,
        "mqtt = \"a/e01/c\", sparkplug = \"a/b\"",
        "site.toml:28: sparkplug = \"a/b\": stands beside `mqtt`; a point has one source; keep one",
    );
    check("mqtt = \"rugang/e01/gw1\", ", "", "site.toml:28: source: names no gateway; add mqtt = \"park/enterprise/gateway\"");
    check(", tag = \"PI-101\"", "", "site.toml:28: tag: is missing from this source; add tag = \"PI-101\"");
}

#[test]
fn what_is_required() {
    let expected = [
        "site.toml:1: id: is missing from this park; add id = \"…\"",
        "site.toml:2: id: is missing from this enterprise; add id = \"…\"",
        "site.toml:3: id: is missing from this installation; add id = \"…\"",
        "site.toml:3: enterprise: is missing from this installation; add enterprise = \"…\"",
        "site.toml:4: id: is missing from this point; add id = \"…\"",
        "site.toml:4: installation: is missing from this point; add installation = \"…\"",
        "site.toml:4: quantity: is missing from this point; add quantity = \"pressure\"",
        "site.toml:4: unit: is missing from this point; add unit = \"kPa\"",
        "site.toml:4: source: is missing from this point; add source = { mqtt = \"park/enterprise/gateway\", tag = \"PI-101\" }",
    ];
    assert_eq!(faults("[park]\n[enterprise]\n[[installation]]\n[[point]]\n"), expected);
}

#[test]
fn unknown_keys_say_what_was_meant() {
    check(
        "deadband = 5.0",
        "dead_band = 5.0",
        "site.toml:34: dead_band = 5.0: an alarm has no such key; did you mean `deadband`",
    );
    check(
        "unit = \"kPa\"",
        "unit = \"kPa\"\nUnit = \"kPa\"",
        "site.toml:26: Unit = \"kPa\": a point has no such key; did you mean `unit`",
    );
    check(
        "time_zone =",
        "colour =",
        "site.toml:5: colour = \"Asia/Shanghai\": a park has no such key; known are id, name, time_zone, district, wind",
    );
    check("[[park]]", "[[parks]]\nid = \"q\"\n[[park]]", "site.toml:2: parks: a site has no such key; did you mean `park`");
    check("lon = 120.513", "lon = 120.513, alt = 7", "site.toml:18: alt = 7: a location has no such key; did you mean `lat`");
}

#[test]
fn limits_that_contradict_each_other() {
    let alarm = |kind: &str, limit: f64| format!("[[point.alarm]]\nkind = \"{kind}\"\nlimit = {limit}\n");
    let order = "keep low_low < low < high < high_high";
    let cases = [
        ([("high", 80.0), ("high_high", 80.0)], "17: limit = 80: high_high is not above high 80 at site.toml:14"),
        ([("high_high", 80.0), ("high", 90.0)], "14: limit = 80: high_high is not above high 90 at site.toml:17"),
        ([("low", 10.0), ("high", 5.0)], "17: limit = 5: high is not above low 10 at site.toml:14"),
        ([("low", 10.0), ("low_low", 10.0)], "17: limit = 10: low_low is not below low 10 at site.toml:14"),
    ];
    for (alarms, expected) in cases {
        let alarms: String = alarms.iter().map(|(kind, limit)| alarm(kind, *limit)).collect();
        let text = format!("{PLACE}{}", point("P", "level", "%", &alarms));
        assert_eq!(faults(&text), [format!("site.toml:{expected}; {order}")]);
    }
}

#[test]
fn alarms_that_make_no_sense() {
    let text = |alarms: &str| format!("{PLACE}{}", point("P", "oxygen", "%", alarms));
    let stale = "alarm = [{ kind = \"stale\", limit = 5 }, { kind = \"bad_quality\", deadband = 1 }]\n";
    let expected = [
        "site.toml:12: limit = 5: means nothing for kind stale; remove it; the point's stale_after decides",
        "site.toml:12: deadband = 1: means nothing for kind bad_quality; remove it",
    ];
    assert_eq!(faults(&text(stale)), expected);
    let twice = "[[point.alarm]]\nkind = \"low\"\nlimit = 1\n[[point.alarm]]\nkind = \"low\"\nid = \"LOW\"\nlimit = 2\n";
    let expected = "site.toml:17: id = LOW: differs only in case from alarm of this point `low` at site.toml:13; \
                    give each an id of its own, or remove one";
    assert_eq!(faults(&text(twice)), [expected]);
    let taken = "[[point.alarm]]\nkind = \"low\"\nid = \"stale\"\nlimit = 1\n";
    let expected =
        "site.toml:14: id = stale: is the id of the alarm of kind stale that every gas detector has; give this alarm another id";
    assert_eq!(faults(&text(taken)), [expected]);
    let endless = "alarm = [{ kind = \"high\", limit = -1e308, deadband = 1e308 }]\n";
    let expected = "beyond all numbers, so the alarm never clears; lower the deadband";
    assert!(faults(&text(endless)).iter().all(|fault| fault.ends_with(expected)));
}

#[test]
fn states_belong_to_points_of_quantity_state() {
    let text = format!("{PLACE}{}", point("P", "level", "%", "states = { full = 1, odd = \"x\" }\n"));
    let expected = [
        "site.toml:12: states = { full = 1, odd = \"x\" }: is only for points of quantity state; remove it, or write quantity = \"state\"",
        "site.toml:12: odd = \"x\": is text, not a number; write the number without quotes",
    ];
    assert_eq!(faults(&text), expected);
}

#[test]
fn references_that_lead_nowhere() {
    check(
        "park = \"rugang\"",
        "park = \"rugan\"",
        "site.toml:9: park = rugan: there is no park of this id; did you mean `rugang`",
    );
    check(
        "enterprise = \"e01\"",
        "enterprise = \"zz\"",
        "site.toml:14: enterprise = zz: there is no enterprise of this id; add the enterprise, or correct the id",
    );
    check(
        "installation = \"e01-reactor\"",
        "installation = \"E01-reactor\"",
        "site.toml:23: installation = E01-reactor: there is no installation of this id; did you mean `e01-reactor`",
    );
}

#[test]
fn ids_are_unique_over_all_files_ignoring_case() {
    let other =
        "[[enterprise]]\nid = \"E01\"\n[[park]]\nid = \"rugang\"\n[[installation]]\nid = \"e01-reactor\"\nenterprise = \"e01\"\n";
    let faults = load(&[file("a.toml", DESIGN), file("b.toml", other)]).expect_err("is at fault");
    let cure = "give each an id of its own, or remove one";
    let expected = [
        format!("b.toml:2: id = E01: differs only in case from enterprise `e01` at a.toml:8; {cure}"),
        format!("b.toml:4: id = rugang: is already the id of another park, at a.toml:3; {cure}"),
        format!("b.toml:6: id = e01-reactor: is already the id of another installation, at a.toml:13; {cure}"),
    ];
    assert_eq!(lines(&faults), expected);
}

#[test]
fn one_gateway_serves_one_enterprise() {
    let text = "[[enterprise]]\nid = \"e01\"\n[[enterprise]]\nid = \"e02\"\n[[installation]]\nid = \"a\"\nenterprise = \"e01\"\n\
                [[installation]]\nid = \"b\"\nenterprise = \"e02\"\n";
    let point = |id: &str, installation: &str, gateway: &str| {
        format!(
            "[[point]]\nid = \"{id}\"\ninstallation = \"{installation}\"\nquantity = \"level\"\nunit = \"%\"\nsource = {{ mqtt = \"{gateway}\", tag = \"{id}\" }}\n"
        )
    };
    let two = format!("{text}{}{}", point("P1", "a", "p/e01/gw"), point("P2", "b", "p/e01/gw"));
    let expected = "site.toml:22: mqtt = p/e01/gw: serves enterprise `e01` at site.toml:16, here `e02`, \
                    and a message never splits over partitions; give each enterprise a gateway of its own";
    assert_eq!(faults(&two), [expected]);
    let case = format!("{text}{}{}", point("P1", "a", "p/e01/gw"), point("P2", "a", "p/e01/GW"));
    let expected =
        "site.toml:22: mqtt = p/e01/GW: differs only in case from gateway `p/e01/gw` at site.toml:16; write both alike";
    assert_eq!(faults(&case), [expected]);
}

#[test]
fn one_edge_node_and_its_devices_serve_one_enterprise() {
    let text = "[[enterprise]]\nid = \"e01\"\n[[enterprise]]\nid = \"e02\"\n[[installation]]\nid = \"a\"\nenterprise = \"e01\"\n\
                [[installation]]\nid = \"b\"\nenterprise = \"e02\"\n";
    let point = |id: &str, installation: &str, path: &str| {
        format!(
            "[[point]]\nid = \"{id}\"\ninstallation = \"{installation}\"\nquantity = \"level\"\nunit = \"%\"\nsource = {{ sparkplug = \"{path}\", tag = \"{id}\" }}\n"
        )
    };
    let of = |first: (&str, &str), second: (&str, &str)| {
        faults(&format!("{text}{}{}", point("P1", first.0, first.1), point("P2", second.0, second.1)))
    };
    let expected = "site.toml:22: sparkplug = g/节点 n/y: serves enterprise `e01` at site.toml:16, here `e02`, \
                    and a message never splits over partitions; give each enterprise a gateway of its own";
    assert_eq!(of(("a", "g/节点 n/x"), ("b", "g/节点 n/y")), [expected]);
    assert_eq!(of(("a", "g/节点 n"), ("b", "g/节点 n/y")), [expected], "the node itself");
    let expected = "site.toml:22: sparkplug = g/N/y: differs only in case from gateway `g/n` at site.toml:16; write both alike";
    assert_eq!(of(("a", "g/n/x"), ("a", "g/N/y")), [expected]);
    let expected = "site.toml:22: sparkplug = g/n/X: differs only in case from gateway `g/n/x` at site.toml:16; write both alike";
    assert_eq!(of(("a", "g/n/x"), ("a", "g/n/X")), [expected]);
    let loaded = toml(&format!("{text}{}{}", point("P1", "a", "g/n/x"), point("P2", "b", "g/n 2/x")));
    assert_eq!(loaded.expect("two nodes").site.points.len(), 2);
}

#[test]
fn sources_of_grpc_are_checked_like_those_of_mqtt() {
    let path = "is no gateway path; write park/enterprise/gateway: three ids";
    for wrong in ["rugang/gw1", "rugang/e01/gw 1", "rugang/e01/节点"] {
        let wrong = format!("grpc = \"{wrong}\"");
        check("mqtt = \"rugang/e01/gw1\"", &wrong, &format!("site.toml:28: {wrong}: {path}"));
    }
    let both = "grpc = \"a/e01/c\", mqtt = \"a/e01/c\"";
    let expected = "site.toml:28: grpc = \"a/e01/c\": stands beside `mqtt`; a point has one source; keep one";
    check("mqtt = \"rugang/e01/gw1\"", both, expected);
    let csv = "id,installation,quantity,unit,grpc,tag\nP1,unit,level,%,p/e01/gw,LI 1 / 液位\n";
    let loaded = load(&[file("site.toml", PLACE), file("points.csv", csv)]).expect("loads");
    let source = &loaded.site.points[0].source;
    let said = (source.protocol.as_str(), source.gateway.as_str(), source.tag.as_str());
    assert_eq!(said, ("grpc", "p/e01/gw", "LI 1 / 液位"));
}

#[test]
fn one_tag_feeds_one_point() {
    let again = point("Q", "level", "%", "").replace("tag = \"Q\"", "tag = \"P\"");
    let text = format!("{PLACE}{}{again}", point("P", "level", "%", ""));
    let expected =
        "site.toml:17: tag = P: this tag of p/e01/gw is already claimed by point `P` at site.toml:11; let one point claim it";
    assert_eq!(faults(&text), [expected]);
}

#[test]
fn texts_that_are_no_toml() {
    let cases =
        [("[[park]\nid = 1\n", 1), ("[park]\nid = \"a\nname = 1\n", 2), ("[park]\nid = \"a\"\nid = \"b\"\n", 3), ("a =", 1)];
    for (text, line) in cases {
        let faults = faults(text);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].starts_with(&format!("site.toml:{line}: ")), "{faults:?}");
        assert!(faults[0].contains("is no valid TOML: "), "{faults:?}");
    }
    let deep = format!("a = {}1{}", "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(faults(&deep).len(), 1);
}

#[test]
fn entries_that_are_no_tables() {
    assert_eq!(faults("park = 7\n"), ["site.toml:1: park = 7: is no park; write [[park]] and its keys below"]);
    assert_eq!(
        faults("point = [7, {}]\n").first().map(String::as_str),
        Some("site.toml:1: point = 7: is no point; write [[point]] and its keys below")
    );
    check(
        "location = { lat = 32.061, lon = 120.513 }",
        "location = \"here\"",
        "site.toml:18: location = \"here\": is no location; write [[location]] and its keys below",
    );
}

#[test]
fn nothing_at_all_is_a_fault() {
    let cure = "add at least one [[enterprise]]";
    assert_eq!(
        lines(&load(&[]).expect_err("is at fault")),
        [format!("no park, enterprise or point in no file is given; {cure}")]
    );
    let files = [file("a.toml", "# nothing\n"), file("points.csv", "id\n")];
    assert_eq!(
        lines(&load(&files).expect_err("is at fault")),
        [format!("no park, enterprise or point in a.toml, points.csv; {cure}")]
    );
    let strange = lines(&load(&[file("notes.txt", "")]).expect_err("is at fault"));
    assert_eq!(strange, ["notes.txt: is no site file; name it ….toml, points.csv or alarms.csv"]);
}

#[test]
fn faults_come_in_the_order_of_files_and_lines() {
    let b = "[[point]]\nid = \"b\"\ninstallation = \"nowhere\"\nquantity = \"level\"\nunit = 1\nsource = { mqtt = \"x\", tag = \"b\" }\n";
    let faults =
        load(&[file("z.toml", &format!("{PLACE}{b}")), file("a.toml", "[[park]]\ncolour = 1\n")]).expect_err("is at fault");
    let places: Vec<_> = faults.iter().map(|fault| (fault.file.as_str(), fault.line)).collect();
    assert_eq!(places, [("z.toml", 8), ("z.toml", 10), ("z.toml", 11), ("a.toml", 1), ("a.toml", 2)]);
}

#[test]
fn faults_beyond_the_bound_are_counted() {
    let text: String = (0..2_345).map(|number| format!("[[park]]\nid = \"p{number}\"\ncolour = 1\n")).collect();
    let faults = toml(&text).expect_err("is at fault");
    assert_eq!(faults.len(), FAULTS_MAX + 1);
    assert_eq!((faults[0].line, faults[FAULTS_MAX - 1].line), (3, 3_000));
    assert_eq!(faults[FAULTS_MAX].to_string(), "1345 more faults are not listed");
}

#[test]
fn csv_faults_have_lines_and_columns() {
    let points = "id,installation,quantity,unit,range_low,range_high,mqtt,tag,Tag\nP1,unit,level,%,0,x,p/e01/gw,LI,\nP2,unit,level,%\n\
                  \"P 3\",unit,,%,1,,p/e01/gw,L3,\n";
    let alarms = "point,kind,limit,latching\nP1,high,eighty,yes\nP9,high,1,\n,low,1,true\nP1,vote,,\n";
    let files = [file("site.toml", PLACE), file("points.csv", points), file("alarms.csv", alarms)];
    let expected = [
        "points.csv:1: Tag: is no column of this file; did you mean `tag`",
        "points.csv:2: range_high = x: is not a number; write a decimal number",
        "points.csv:3: the row has 4 cells, the header 9; write one cell for each column",
        "points.csv:4: id = P 3: is no valid id; write 1 to 64 of A-Z a-z 0-9 _ . -",
        "points.csv:4: quantity: is missing from this point; add quantity = \"pressure\"",
        "points.csv:4: range: is no pair of numbers; write both ends, such as [0.0, 4000.0]",
        "alarms.csv:2: limit = eighty: is not a number; write a decimal number",
        "alarms.csv:2: latching = yes: is neither true nor false; write true or false",
        "alarms.csv:3: point = P9: there is no point of this id; did you mean `P1`",
        "alarms.csv:4: point: is missing from this alarm; add point = \"…\"",
        "alarms.csv:5: limit: is missing from this alarm; add limit = 80.0",
        "alarms.csv:5: members: is missing from this alarm; add members = [\"GT-1\", \"GT-2\", \"GT-3\"]",
        "alarms.csv:5: votes: is missing from this alarm; add votes = 2",
    ];
    assert_eq!(lines(&load(&files).expect_err("is at fault")), expected);
    let twice = [file("site.toml", PLACE), file("points.csv", "id,id\n")];
    assert_eq!(lines(&load(&twice).expect_err("is at fault")), ["points.csv:1: id: is a column twice; remove one"]);
}
