//! Departments and rules of warnings: what loads, what is at fault, and what somebody should look at.

use model::{Addressed, AlarmFilter, Colour, DepartmentKind, Level, StepSpans, WarningPlace};

use super::faults::faults;
use super::*;

/// A park with one enterprise, its departments and a rule that says everything; departments begin on line 22.
const WARNED: &str = r#"[[park]]
id = "p"
district = "320682"
[[enterprise]]
id = "e01"
park = "p"
name = "示例化工"
[[enterprise]]
id = "e02"
park = "p"
[[installation]]
id = "unit"
enterprise = "e01"
[[point]]
id = "GT-1"
installation = "unit"
quantity = "combustible_gas"
unit = "%LEL"
source = { mqtt = "p/e01/gw", tag = "GT-1" }
alarm = [{ kind = "high", limit = 10 }, { kind = "high_high", id = "hh", limit = 25 }]

[[department]]
id = "office"
name = "园区管委会"
kind = "park"
park = "p"

[[department]]
id = "e02-duty"
kind = "enterprise"
enterprise = "e02"

[[department]]
id = "fire-1"
kind = "fire"
level = "park"
district = "320600"

[[warning]]
id = "toxic"
name = "有毒气体泄漏"
topic = "gas"
colour = "red"
when = { quantities = ["toxic_gas", "oxygen"], alarms = ["hh"], min_priority = "high", count = 2, per = "enterprise", for = "30s", parks = ["p"] }
addressees = { park = ["office", "fire"], enterprise = ["enterprise"] }
level = "park"
action = "evacuate"
deadlines = { received = "5m", responded = "20m", resolved = "8h" }
escalate = false
close_on_return = true

[[warning]]
id = "any-high"
colour = "yellow"
when = { kinds = ["high"] }
addressees = { enterprise = ["enterprise"] }
"#;

/// The line on which the rule that says everything begins.
const RULE: usize = 39;

#[test]
fn what_a_rule_says() {
    let loaded = toml(WARNED).expect("loads");
    assert_eq!(loaded.warnings, []);
    let [any, toxic] = &loaded.site.warnings[..] else { panic!("two rules") };
    assert_eq!((toxic.id.as_str(), toxic.name.as_str(), toxic.topic.as_str()), ("toxic", "有毒气体泄漏", "gas"));
    let filter = AlarmFilter {
        alarms: model::AlarmId::new("hh").into_iter().collect(),
        quantities: vec![Quantity::ToxicGas, Quantity::Oxygen],
        min_priority: Some(Priority::High),
        parks: model::ParkId::new("p").into_iter().collect(),
        ..AlarmFilter::default()
    };
    assert_eq!((&toxic.when, toxic.colour, toxic.count), (&filter, Colour::Red, 2));
    assert_eq!((toxic.per, toxic.hold, toxic.level), (WarningPlace::Enterprise, Span::from_secs(30), Some(Level::Park)));
    let (enterprise, fire) = (Addressed::Kind(DepartmentKind::Enterprise), Addressed::Kind(DepartmentKind::Fire));
    let office = Addressed::Department(model::DepartmentId::new("office").expect("valid"));
    let addressees = vec![(Level::Enterprise, vec![enterprise.clone()]), (Level::Park, vec![fire, office])];
    assert_eq!((&toxic.addressees, toxic.escalate, toxic.close_on_return), (&addressees, false, true));
    let seconds = |it: StepSpans| [it.received, it.responded, it.resolved].map(|it| it.micros() / 1_000_000);
    assert_eq!((seconds(toxic.deadlines), toxic.action.as_str()), ([300, 1_200, 28_800], "evacuate"));

    assert_eq!((any.name.as_str(), any.topic.as_str(), any.count, any.per), ("any-high", "alarm", 1, WarningPlace::Installation));
    assert_eq!((any.hold, any.level, any.escalate, any.close_on_return), (Span::ZERO, None, true, false));
    assert_eq!((any.deadlines, &any.addressees), (StepSpans::default(), &vec![(Level::Enterprise, vec![enterprise])]));
}

#[test]
fn an_enterprise_without_an_office_is_a_department_itself() {
    let departments = toml(WARNED).expect("loads").site.departments;
    let got: Vec<_> = departments.iter().map(|it| (it.id.as_str(), it.name.as_str(), it.kind, it.level)).collect();
    let expected = [
        ("e01", "示例化工", DepartmentKind::Enterprise, Level::Enterprise),
        ("e02-duty", "e02-duty", DepartmentKind::Enterprise, Level::Enterprise),
        ("fire-1", "fire-1", DepartmentKind::Fire, Level::Park),
        ("office", "园区管委会", DepartmentKind::Park, Level::Park),
    ];
    assert_eq!(got, expected);
    assert_eq!(departments[0].enterprise.as_ref().map(model::EnterpriseId::as_str), Some("e01"));
}

/// A site that says nothing of warnings is the revision that it was before there were any.
#[test]
fn a_site_without_warnings_has_neither() {
    let site = toml(DESIGN).expect("loads").site;
    assert_eq!((site.departments, site.warnings), (Vec::new(), Vec::new()));
}

#[test]
fn every_change_of_a_rule_changes_the_content() {
    let content = |text: &str| toml(text).expect("loads").content;
    let before = content(WARNED);
    let changes = [
        ("kind = \"park\"", "kind = \"emergency\"\nlevel = \"park\""),
        ("name = \"园区管委会\"", ""),
        ("district = \"320600\"", ""),
        ("topic = \"gas\"", ""),
        ("colour = \"red\"", "colour = \"orange\""),
        ("\"toxic_gas\", \"oxygen\"", "\"toxic_gas\""),
        ("min_priority = \"high\", ", ""),
        ("count = 2", "count = 3"),
        ("per = \"enterprise\"", "per = \"park\""),
        ("for = \"30s\"", "for = \"31s\""),
        (", parks = [\"p\"]", ", points = [\"GT-1\"]"),
        ("[\"office\", \"fire\"]", "[\"office\"]"),
        ("[\"office\", \"fire\"]", "[\"office\", \"fire-1\"]"),
        ("level = \"park\"\naction", "action"),
        ("action = \"evacuate\"", ""),
        ("received = \"5m\"", "received = \"4m\""),
        ("escalate = false", ""),
        ("close_on_return = true", ""),
    ];
    for (from, to) in changes {
        assert!(WARNED.contains(from), "{from}");
        assert_ne!(content(&WARNED.replacen(from, to, 1)), before, "{from} -> {to}");
    }
    let other_order = WARNED.replace(
        "{ park = [\"office\", \"fire\"], enterprise = [\"enterprise\"] }",
        "{ enterprise = [\"enterprise\"], park = [\"fire\", \"office\", \"fire\"] }",
    );
    assert_eq!(content(&other_order), before);
}

/// The site with a part changed has exactly this fault, so many lines below the header of the rule that says everything.
fn check(from: &str, to: &str, line: usize, expected: &str) {
    assert!(WARNED.contains(from), "{from}");
    assert_eq!(faults(&WARNED.replacen(from, to, 1)), [format!("site.toml:{}: {expected}", RULE + line)], "{to}");
}

#[test]
fn what_is_at_fault_in_a_rule() {
    assert_eq!(WARNED.lines().nth(RULE - 1), Some("[[warning]]"));
    check("id = \"toxic\"\n", "", 0, "id: is missing from this warning; add id = \"…\"");
    check(
        "colour = \"red\"",
        "color = \"red\"\ncolour = \"red\"",
        4,
        "color = \"red\": a warning has no such key; did you mean `colour`",
    );
    check(
        "colour = \"red\"",
        "colour = \"purple\"",
        4,
        "colour = \"purple\": is not known; write one of blue, yellow, orange, red",
    );
    check("colour = \"red\"\n", "", 0, "colour: is missing from this warning; add colour = \"yellow\"");
    check(
        "min_priority = \"high\"",
        "min_priority = \"hihg\"",
        5,
        "min_priority = \"hihg\": is not known; did you mean \"high\"",
    );
    check("\"oxygen\"", "\"oxigen\"", 5, "quantities = oxigen: is not known; did you mean `oxygen`");
    check("count = 2", "count = 0", 5, "count = 0: is met by no alarm at all; write 1 or more");
    check("for = \"30s\"", "for = 30", 5, "for = 30: has no unit; write a decimal number and ms, s, m, h or d, such as \"1.5s\"");
    check("for = \"30s\"", "four = \"30s\"", 5, "four = \"30s\": a condition has no such key; did you mean `for`");
    check("parks = [\"p\"]", "parks = [\"q\"]", 5, "parks = q: there is no park of this id; did you mean `p`");
    check("parks = [\"p\"]", "points = [\"GT-2\"]", 5, "points = GT-2: there is no point of this id; did you mean `GT-1`");
    check(
        "park = [\"office\", \"fire\"]",
        "park = [\"ofice\"]",
        6,
        "park = ofice: there is no department of this id; did you mean `office`",
    );
    check("park = [\"office\", \"fire\"]", "park = []", 6, "park = []: is empty; write park = [\"…\"]");
    check("\"office\", \"fire\"]", "\"office\", 7]", 6, "park: is no valid id; write 1 to 64 of A-Z a-z 0-9 _ . -");
    check(
        "level = \"park\"\naction",
        "level = \"city\"\naction",
        7,
        "level = city: is a level at which nobody is addressed; add city = [\"…\"] to the addressees, or name another level",
    );
    check(
        "responded = \"20m\"",
        "responded = \"2m\"",
        9,
        "responded = \"2m\": is sooner than the step before it; write 300s or more",
    );
    check("received = \"5m\"", "received = \"0s\"", 9, "received = \"0s\": is no time at all; write more than 0s");
    check(
        "close_on_return = true",
        "close_on_return = \"yes\"",
        11,
        "close_on_return = \"yes\": is neither true nor false; write true or false",
    );
    let all = "lets every alarm through, so that each would be a warning; write when = { kinds = [\"high_high\"] }, or another thing that an alarm has to be";
    let empty = faults(&WARNED.replacen("when = { kinds = [\"high\"] }", "when = { count = 3 }", 1));
    assert_eq!(empty, [format!("site.toml:{}: when = {{ count = 3 }}: {all}", RULE + 16)]);
    let nobody = faults(&WARNED.replacen("addressees = { enterprise = [\"enterprise\"] }\n", "", 1));
    let example = "addressees = { enterprise = [\"enterprise\"], park = [\"rugang-office\", \"fire\"] }";
    assert_eq!(nobody, [format!("site.toml:{}: addressees: is missing from this warning; add {example}", RULE + 13)]);
}

#[test]
fn what_is_at_fault_in_a_department() {
    let check = |from: &str, to: &str, line: usize, expected: &str| {
        assert!(WARNED.contains(from), "{from}");
        assert_eq!(faults(&WARNED.replacen(from, to, 1)), [format!("site.toml:{line}: {expected}")], "{to}");
    };
    check("kind = \"fire\"\n", "", 33, "kind: is missing from this department; add kind = \"emergency\"");
    check(
        "level = \"park\"\nd",
        "level = \"province\"\nd",
        36,
        "level = \"province\": is not known; write one of enterprise, park, county, city",
    );
    check(
        "district = \"320600\"",
        "district = \"3206\"",
        37,
        "district = \"3206\": is no district code; write the six digits of GB/T 2260, such as \"320682\"",
    );
    check("enterprise = \"e02\"\n", "", 28, "enterprise: is missing from this office of an enterprise; add enterprise = \"…\"");
    check(
        "enterprise = \"e02\"\n",
        "enterprise = \"e03\"\n",
        31,
        "enterprise = e03: there is no enterprise of this id; did you mean `e01`",
    );
    check(
        "kind = \"park\"\npark = \"p\"",
        "kind = \"park\"\npark = \"q\"",
        26,
        "park = q: there is no park of this id; did you mean `p`",
    );
    let kind = "is the word of a kind, which addresses all departments of the kind; choose another id, such as \"rugang-office\"";
    check("id = \"fire-1\"", "id = \"police\"", 34, &format!("id = police: {kind}"));
    let taken = "is the id of an enterprise at site.toml:5, which is a department under its own id; choose another id, or give the enterprise an office of its own";
    check("id = \"fire-1\"", "id = \"E01\"", 34, &format!("id = E01: {taken}"));
    let again = "differs only in case from department `office` at site.toml:23; give each an id of its own, or remove one";
    check("id = \"fire-1\"", "id = \"Office\"", 34, &format!("id = Office: {again}"));
}

#[test]
fn what_somebody_should_look_at() {
    let warned = |from: &str, to: &str| lines(&toml(&WARNED.replacen(from, to, 1)).expect("loads").warnings);
    let nobody = "tells nobody: there is no department of kind police and of the level park; add a [[department]], or name one of another level by its id";
    assert_eq!(warned("\"fire\"]", "\"police\"]"), [format!("site.toml:{}: park = police: {nobody}", RULE + 6)]);
    let alarm = "is the id of no alarm of this site; did you mean `high`";
    assert_eq!(warned("[\"hh\"]", "[\"hihg\"]"), [format!("site.toml:{}: alarms = hihg: {alarm}", RULE + 5)]);
    assert_eq!(warned("[\"hh\"]", "[\"gateway_down\"]"), [""; 0]);
}
