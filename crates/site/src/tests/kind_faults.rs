//! What each kind of rule refuses, in which words.

use super::faults::faults;
use super::*;

/// The faults of point P (level, %), whose one alarm, an inline table, is on line 12; Q (level, %) and R (pressure, kPa) stand
/// beside it, Z belongs to another enterprise and Y to another installation.
fn of_alarm(alarm: &str) -> Vec<String> {
    of_point("level", "", &format!("alarm = [{{ {alarm} }}]\n"))
}

fn of_point(quantity: &str, keys: &str, alarms: &str) -> Vec<String> {
    faults(&world(quantity, keys, alarms))
}

fn world(quantity: &str, keys: &str, alarms: &str) -> String {
    let place = PLACE.replace("[installation]", "[[installation]]").replace("[enterprise]", "[[enterprise]]");
    let elsewhere = "[[enterprise]]\nid = \"e02\"\n[[installation]]\nid = \"far\"\nenterprise = \"e02\"\n\
                     [[installation]]\nid = \"next\"\nenterprise = \"e01\"\n";
    [
        place,
        point("P", quantity, "%", &format!("{alarms}{keys}")),
        point("Q", "level", "%", ""),
        point("R", "pressure", "kPa", ""),
        point("Y", "level", "%", "").replace("\"unit\"", "\"next\""),
        point("Z", "level", "%", "").replace("\"unit\"", "\"far\"").replace("p/e01/gw", "p/e02/gw"),
        elsewhere.to_owned(),
    ]
    .concat()
}

/// The alarm has exactly this fault.
fn check(alarm: &str, expected: &str) {
    assert_eq!(of_alarm(alarm), [format!("site.toml:12: {expected}")], "{alarm}");
}

/// A right alarm of each kind, and its own keys.
const RIGHT: &[(&str, &str, &[&str])] = &[
    ("high", "limit = 1", &["limit", "deadband"]),
    ("high_high", "limit = 1", &["limit", "deadband"]),
    ("low", "limit = 1", &["limit", "deadband"]),
    ("low_low", "limit = 1", &["limit", "deadband"]),
    ("stale", "", &[]),
    ("bad_quality", "", &[]),
    ("calibrating", "", &[]),
    ("out_of_range", "", &["deadband"]),
    ("rate", "limit = 1", &["limit", "per", "window", "direction", "deadband"]),
    ("deviation", "limit = 1, from = 5", &["limit", "from", "fallback", "direction", "deadband"]),
    ("stuck", "window = \"10m\"", &["window", "noise"]),
    ("state", "states = [1]", &["states"]),
    (
        "vote",
        "members = [\"P\", \"Q\"], votes = 1, limit = 1",
        &["members", "votes", "limit", "deadband", "direction", "missing"],
    ),
    ("expression", "when = \"value > 1.0\"", &["when", "inputs"]),
    ("time_to_limit", "limit = 1, within = \"10m\"", &["limit", "direction", "within", "window"]),
];

/// Each key with a value that is right where the key is.
const KEYS: &[(&str, &str)] = &[
    ("limit", "1"),
    ("deadband", "0.5"),
    ("direction", "\"up\""),
    ("window", "\"1m\""),
    ("per", "\"1m\""),
    ("from", "5"),
    ("fallback", "5"),
    ("noise", "1"),
    ("states", "[1]"),
    ("members", "[\"P\", \"Q\"]"),
    ("votes", "1"),
    ("missing", "\"vote\""),
    ("when", "\"value > 1.0\""),
    ("inputs", "{ }"),
    ("within", "\"1m\""),
];

#[test]
fn each_kind_takes_its_own_keys_and_no_others() {
    assert_eq!(RIGHT.len(), AlarmKind::ALL.iter().filter(|kind| kind.is_configurable()).count());
    for (kind, right, own) in RIGHT {
        let quantity = if *kind == "state" { "state" } else { "level" };
        let text = |alarm: &str| {
            let alarm = alarm.trim_end_matches(", ");
            world(quantity, "range = [0, 100]\n", &format!("alarm = [{{ {alarm} }}]\n"))
        };
        let right = format!("kind = \"{kind}\", {right}");
        toml(&text(&right)).unwrap_or_else(|faults| panic!("{kind}: {faults:?}"));
        for (key, value) in KEYS {
            if own.contains(key) {
                continue;
            }
            let cure = match (*kind, own) {
                ("stale", _) => "remove it; the point's stale_after decides".to_owned(),
                (_, []) => "remove it".to_owned(),
                (kind, own) => format!("remove it; {kind} takes {}", own.join(", ")),
            };
            let expected = format!("site.toml:12: {key} = {value}: means nothing for kind {kind}; {cure}");
            let wrong = format!("{}, {key} = {value}", right.trim_end_matches(", "));
            assert_eq!(faults(&text(&wrong)), [expected], "{kind} {key}");
        }
    }
}

#[test]
fn what_each_kind_requires() {
    let cases: &[(&str, &[&str])] = &[
        ("rate", &["limit: is missing from this alarm; add limit = 80.0"]),
        (
            "deviation",
            &[
                "limit: is missing from this alarm; add limit = 80.0",
                "from: is missing from this alarm; add from = 50.0, or the id of a point",
            ],
        ),
        ("stuck", &["window: is missing from this alarm; add window = \"10m\""]),
        ("state", &["states: is missing from this alarm; add states = [\"open\"]"]),
        (
            "vote",
            &[
                "limit: is missing from this alarm; add limit = 80.0",
                "members: is missing from this alarm; add members = [\"GT-1\", \"GT-2\", \"GT-3\"]",
                "votes: is missing from this alarm; add votes = 2",
            ],
        ),
        ("expression", &["when: is missing from this alarm; add when = \"a > 10.0\""]),
        (
            "time_to_limit",
            &["limit: is missing from this alarm; add limit = 80.0", "within: is missing from this alarm; add within = \"10m\""],
        ),
        (
            "out_of_range",
            &["kind = out_of_range: needs the range of the point; add range = [0.0, 4000.0] to the point, or remove this alarm"],
        ),
    ];
    for (kind, expected) in cases {
        let expected: Vec<_> = expected.iter().map(|fault| format!("site.toml:12: {fault}")).collect();
        assert_eq!(of_alarm(&format!("kind = \"{kind}\"")), expected, "{kind}");
    }
}

#[test]
fn rates_and_deviations() {
    for kind in ["kind = \"rate\"", "kind = \"deviation\", from = 5"] {
        for limit in ["0", "-1"] {
            let expected = format!("limit = {limit}: is not above 0; write a number above 0; direction says which way counts");
            check(&format!("{kind}, limit = {limit}"), &expected);
        }
        let endless = "deadband = 1: is not below the limit 1, so the alarm never clears; lower the deadband";
        check(&format!("{kind}, limit = 1, deadband = 1"), endless);
        toml(&world("level", "", &format!("alarm = [{{ {kind}, limit = 1, deadband = 1, direction = \"up\" }}]\n")))
            .expect("loads");
    }
    let rate = "kind = \"rate\", limit = 1";
    check(&format!("{rate}, window = \"25h\""), "window = \"25h\": is longer than a day; write \"24h\" or less");
    check(&format!("{rate}, window = \"0s\""), "window = \"0s\": is no time at all; write more than 0s");
    check(&format!("{rate}, per = \"86400.000001s\""), "per = \"86400.000001s\": is longer than a day; write \"24h\" or less");
    check(&format!("{rate}, direction = \"sideways\""), "direction = \"sideways\": is not known; write one of up, down, both");
    let deviation = "kind = \"deviation\", limit = 1";
    check(
        &format!("{deviation}, from = \"XI-900\""),
        "from = XI-900: there is no point of this id; add the point, or correct the id",
    );
    check(&format!("{deviation}, from = \"a b\""), "from = a b: is no valid id; write the id of a point");
    check(&format!("{deviation}, from = true"), "from = true: is neither text nor a number; write text in quotes, or a number");
    check(&format!("{deviation}, from = nan"), "from = nan: is not finite; write a finite number");
    check(
        &format!("{deviation}, from = \"P\""),
        "from = P: is this point itself, from which it never differs; write another point, or a set value",
    );
    check(
        &format!("{deviation}, from = \"Z\""),
        "from = Z: belongs to enterprise `e02`, and a rule may not reach beyond `e01`; use a point of `e01`",
    );
    check(
        &format!("{deviation}, from = \"R\""),
        "from = R: is in kPa, point `P` in %; compare values of one unit; if it is the same, write both `%`",
    );
    check(
        &format!("{deviation}, from = 5, fallback = 6"),
        "fallback = 6: means nothing beside a set value; remove it, or write the id of a point in `from`",
    );
    toml(&world("level", "", &format!("alarm = [{{ {deviation}, from = \"Y\" }}]\n"))).expect("another installation is fine");
}

#[test]
fn stuck_values_states_and_ranges() {
    check("kind = \"stuck\", window = \"10m\", noise = -1", "noise = -1: is negative; write 0 or more");
    check("kind = \"stuck\", window = \"2d\"", "window = \"2d\": is longer than a day; write \"24h\" or less");
    check(
        "kind = \"state\", states = [1]",
        "kind = state: is only for points of quantity state; use high or low, or write quantity = \"state\"",
    );
    let state = |states: &str| {
        of_point(
            "state",
            "states = { open = 1, closed = 0 }\n",
            &format!("alarm = [{{ kind = \"state\", states = {states} }}]\n"),
        )
    };
    let expected = [
        "site.toml:12: states = opne: is no state of this point; did you mean `open`",
        "site.toml:12: states = moving: is no state of this point; add it to the states of the point, with its number",
    ];
    assert_eq!(state("[\"opne\", \"open\", \"moving\"]"), expected);
    assert_eq!(state("[]"), ["site.toml:12: states = []: is empty; write states = [\"open\"]"]);
    assert_eq!(state("\"open\""), ["site.toml:12: states = \"open\": is no list; write states = [\"open\"]"]);
    assert_eq!(state("[inf]"), ["site.toml:12: states = inf: is not finite; write a finite number"]);
    let range = |deadband: &str| {
        let alarm = format!("alarm = [{{ kind = \"out_of_range\", deadband = {deadband} }}]\n");
        toml(&world("level", "range = [0, 100]\n", &alarm)).map_err(|faults| lines(&faults))
    };
    let endless =
        "site.toml:12: deadband = 50: leaves nothing of the range 0 to 100, so the alarm never clears; lower the deadband";
    assert_eq!(range("50").map(drop), Err(vec![endless.to_owned()]));
    range("49.9").expect("loads");
}

#[test]
fn votes() {
    let vote = |members: &str, votes: &str| format!("kind = \"vote\", limit = 1, members = {members}, votes = {votes}");
    check(&vote("[\"P\", \"Q\", \"P\"]", "1"), "members = P: is named twice; name each member once: it has one vote");
    check(
        &vote("[\"P\"]", "1"),
        "members = [\"P\"]: is one member, and a vote is among several; write members = [\"GT-1\", \"GT-2\", \"GT-3\"]",
    );
    check(&vote("[1, 2]", "1"), "members = [1, 2]: names a point by a number; write its id in quotes");
    check(&vote("[\"P\", \"Q\"]", "0"), "votes = 0: is no number of votes among 2 members; write 1 to 2");
    check(&vote("[\"P\", \"Q\"]", "3"), "votes = 3: is no number of votes among 2 members; write 1 to 2");
    check(&vote("[\"P\", \"Q\"]", "1.5"), "votes = 1.5: is no count; write a whole number from 0 to 4294967295");
    check(&vote("[\"P\", \"XI-900\"]", "1"), "members = XI-900: there is no point of this id; add the point, or correct the id");
    check(
        &vote("[\"P\", \"Z\"]", "1"),
        "members = Z: belongs to enterprise `e02`, and a rule may not reach beyond `e01`; use a point of `e01`",
    );
    check(
        &vote("[\"P\", \"Y\"]", "1"),
        "members = Y: belongs to installation `next`, the vote to `unit`; vote among points of `unit`",
    );
    check(
        &vote("[\"P\", \"R\"]", "1"),
        "members = R: is in kPa, point `P` in %; compare values of one unit; if it is the same, write both `%`",
    );
    let right = vote("[\"P\", \"Q\"]", "2");
    check(&format!("{right}, direction = \"both\""), "direction = \"both\": is not known; write one of up, down");
    check(&format!("{right}, missing = \"novote\""), "missing = \"novote\": is not known; did you mean \"no_vote\"");
    check(&format!("{right}, missing = \"ignored\""), "missing = \"ignored\": is not known; write one of vote, no_vote, degrade");
}

#[test]
fn expressions() {
    let when = |when: &str, inputs: &str| format!("kind = \"expression\", when = \"{when}\", inputs = {{ {inputs} }}");
    check(&when("a >", "a = \"Q\""), "when = a >: at column 4: the text ends too early; a part is missing at its end");
    check(&when("a > 10", "a = \"Q\""), "when = a > 10: at column 3: `>` mixes a double and an int; write `10.0`");
    check(&when("b > 1.0", "a = \"Q\""), "when = b > 1.0: at column 1: the name `b` is unknown; the names are `a`, `value`");
    check(
        &when("a + 1.0", "a = \"Q\""),
        "when = a + 1.0: at column 3: the condition gives a double, not a bool; compare it, as in `a > 10.0`",
    );
    check(&when("1.0 < 2.0", ""), "when = 1.0 < 2.0: looks at no point, so it never changes; compare an input, as in `a > 10.0`");
    check(&when(" ", ""), "when = \"\": is empty; write when = \"a > 10.0\"");
    check(
        &when("value > 1.0", "value = \"Q\""),
        "value = Q: is the name of the point itself; give this input another name, here and in `when`",
    );
    check(
        &when("value > 1.0", "if = \"Q\""),
        "when = value > 1.0: the name `if` is a word of the language; name it with letters, digits and `_`, such as `pressure_1`",
    );
    check(&when("a > 1.0", "a = \"XI-900\""), "a = XI-900: there is no point of this id; add the point, or correct the id");
    check(&when("a > 1.0", "a = \"a b\""), "a = a b: is no valid id; write the id of a point");
    check(
        &when("a > 1.0", "a = \"Z\""),
        "a = Z: belongs to enterprise `e02`, and a rule may not reach beyond `e01`; use a point of `e01`",
    );
    let example = "write inputs = { a = \"PI-101\" }";
    check(&when("a > 1.0", "a = 7"), &format!("inputs = {{ a = 7 }}: is no table of names and ids; {example}"));
    let list = "kind = \"expression\", when = \"value > 1.0\", inputs = [\"Q\"]";
    check(list, &format!("inputs = [\"Q\"]: is no table of names and ids; {example}"));
    let lines = "[[point.alarm]]\nkind = \"expression\"\nwhen = \"\"\"\nvalue > 1.0\n  && b\"\"\"\n";
    let expected = "site.toml:14: when = value > 1.0…: at line 2, column 6 of it: the name `b` is unknown; the names are `value`";
    assert_eq!(of_point("level", "", lines), [expected]);
}

#[test]
fn inputs_that_are_not_used_are_left_out() {
    let alarm = "alarm = [{ kind = \"expression\", when = \"a > 1.0\", inputs = { a = \"Q\", b = \"R\" } }]\n";
    let loaded = toml(&world("level", "", alarm)).expect("loads");
    let expected = ["site.toml:12: b = R: is an input that the condition does not use; remove it, or use it"];
    assert_eq!(lines(&loaded.warnings), expected);
    let model::Condition::Expression(formula) = &loaded.site.points[0].alarms[0].condition else { panic!("an expression") };
    assert_eq!(formula.inputs.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["a"]);
}

#[test]
fn times_to_a_limit() {
    let right = "kind = \"time_to_limit\", limit = 1";
    check(&format!("{right}, within = \"0s\""), "within = \"0s\": is no time at all; write more than 0s");
    check(&format!("{right}, within = \"25h\""), "within = \"25h\": is longer than a day; write \"24h\" or less");
    check(
        &format!("{right}, within = 10"),
        "within = 10: has no unit; write a decimal number and ms, s, m, h or d, such as \"1.5s\"",
    );
    check(
        &format!("{right}, within = \"1m\", direction = \"both\""),
        "direction = \"both\": is not known; write one of up, down",
    );
    toml(&world("level", "", &format!("alarm = [{{ {right}, within = \"24h\", window = \"1d\" }}]\n"))).expect("loads");
    let outside = format!("alarm = [{{ {right}01, within = \"1m\" }}]\n");
    let loaded = toml(&world("level", "range = [0, 100]\n", &outside)).expect("loads");
    let expected = ["site.toml:12: limit = 101: lies outside the range 0 to 100; correct the limit or the range"];
    assert_eq!(lines(&loaded.warnings), expected);
}

#[test]
fn ids_of_what_is_implied() {
    let long = "x".repeat(59);
    let expression = |id: &str| format!("kind = \"expression\", id = \"{id}\", when = \"value > 1.0\"");
    check(
        &expression(&long),
        &format!(
            "id = {long}: is too long for `{long}.fault`, the alarm that says that this rule cannot judge; give this alarm a shorter id"
        ),
    );
    toml(&world("level", "", &format!("alarm = [{{ {} }}]\n", expression(&long[1..])))).expect("64 bytes are an id");
    let taken = format!("{} }}, {{ kind = \"high\", id = \"Sum.Fault\", limit = 1", expression("sum"));
    check(&taken, "id = Sum.Fault: is the id of the alarm that says that rule `sum` cannot judge; give this alarm another id");
    let text =
        format!("{PLACE}{}", point("P", "oxygen", "%", "alarm = [{ kind = \"low\", id = \"calibrating\", limit = 19.5 }]\n"));
    let expected = "site.toml:12: id = calibrating: is the id of the alarm of kind calibrating that every gas detector has; give this alarm another id";
    assert_eq!(faults(&text), [expected]);
}
