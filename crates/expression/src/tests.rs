//! Good and bad texts, the limits, and what evaluation answers.

mod laws;

use super::*;

const NAMES: &[&str] = &["a", "b", "pressure_1"];

fn compile(text: &str) -> Program {
    Program::compile(text, NAMES).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refusal(text: &str) -> String {
    match Program::compile(text, NAMES) {
        Ok(program) => panic!("{text}: passed as {program:?}"),
        Err(error) => error.to_string(),
    }
}

fn evaluate(text: &str, a: f64, b: f64) -> Result<bool, String> {
    compile(text).evaluate(&[a, b, 0.0]).map_err(|error| error.to_string())
}

#[test]
fn a_condition_answers() {
    let cases: &[(&str, f64, f64, bool)] = &[
        ("a > 10.0", 10.0, 0.0, false),
        ("a > 10.0", 10.5, 0.0, true),
        ("a >= 10.0", 10.0, 0.0, true),
        ("a<b", 1.0, 2.0, true),
        ("a <= b", 2.0, 2.0, true),
        ("a == b", 0.1, 0.1, true),
        ("a != b", 0.1, 0.1, false),
        ("a + b > 3.0", 1.0, 2.0, false),
        ("a - b == -1.0", 1.0, 2.0, true),
        ("a * b == 6.0 && a / b == 1.5", 3.0, 2.0, true),
        ("-a > 1.0", -0.0, 0.0, false),
        ("- a == -(a)", 4.0, 0.0, true),
        ("!(a > b)", 1.0, 2.0, true),
        ("a > 1.0 ? b > 1.0 : b < -1.0", 0.0, -2.0, true),
        ("(a > b ? a : b) == max(a, b)", 3.0, 4.0, true),
        ("abs(a) == 5.0 && min(a, b) == a", -5.0, 2.0, true),
        ("int(a) % 2 == 1", 7.9, 0.0, true),
        ("int(a) / 2 == -3 && abs(int(a)) == 7", -7.9, 0.0, true),
        ("double(int(a)) == 7.0 && max(int(a), 3) == 7 && min(int(a), 3) == 3", 7.9, 0.0, true),
        ("(a > 1.0) == (b > 1.0)", 2.0, 2.0, true),
        ("(a > 1.0) != (b > 1.0)", 2.0, 2.0, false),
        ("a > 1e3 || a < 1.5e-3 || a == .5", 0.5, 0.0, true),
        ("true || false", 0.0, 0.0, true),
        ("int(a) == 0x1F", 31.0, 0.0, true),
        ("int(a) == -9223372036854775807 - 1", 1.0, 0.0, false),
        ("a > 1.0 // 超过一, and [more]\n && b > 1.0\r\n\t// the end", 2.0, 2.0, true),
    ];
    for (text, a, b, answer) in cases {
        assert_eq!(evaluate(text, *a, *b), Ok(*answer), "{text} with {a}, {b}");
    }
}

#[test]
fn a_failure_is_told_and_never_an_answer() {
    let cases: &[(&str, f64, f64, &str)] = &[
        ("a / b > 1.0", 0.0, 0.0, "`/` at 1:3 gives NaN"),
        ("a / b == a / b", 0.0, 0.0, "`/` at 1:3 gives NaN"),
        ("a / b != 1.0", 0.0, 0.0, "`/` at 1:3 gives NaN"),
        ("!(a / b < 1.0)", 0.0, 0.0, "`/` at 1:5 gives NaN"),
        ("a / b > 1.0", 1.0, 0.0, "`/` at 1:3 gives infinity"),
        ("a / b > 1.0", 1.0, -0.0, "`/` at 1:3 gives -infinity"),
        ("// 压力\na > 0.0 &&\n  1.0 < a * b", 1e200, 1e200, "`*` at 3:11 gives infinity"),
        ("a + b > 0.0", 1e308, 1e308, "`+` at 1:3 gives infinity"),
        ("a - b > 0.0", -1e308, 1e308, "`-` at 1:3 gives -infinity"),
        ("1.0 / (a / b) < 1.0", 1.0, 0.0, "`/` at 1:10 gives infinity"),
        ("max(a / b, 1.0) > 0.0", 0.0, 0.0, "`/` at 1:7 gives NaN"),
        ("(a > 0.0 ? a / b : 1.0) > 0.0", 1.0, 0.0, "`/` at 1:14 gives infinity"),
        ("int(a) / int(b) == 1", 1.0, 0.5, "an int is divided by zero"),
        ("int(a) % int(b) == 1", 1.0, -0.5, "an int is divided by zero"),
        ("int(a) == 1", 9_223_372_036_854_775_808.0, 0.0, "an int overflows"),
        ("int(a) == 1", -9_223_372_036_854_775_808.0, 0.0, "an int overflows"),
        ("int(a) * int(a) == 1", 1e18, 0.0, "an int overflows"),
        ("int(a) + 9223372036854775807 == 1", 1.0, 0.0, "an int overflows"),
        ("int(a) - 9223372036854775807 == 1", -2.0, 0.0, "an int overflows"),
        ("abs(-9223372036854775808) == int(a)", 0.0, 0.0, "an int overflows"),
        ("-(-9223372036854775808) == int(a)", 0.0, 0.0, "an int overflows"),
        ("-9223372036854775808 / -1 == int(a)", 0.0, 0.0, "an int overflows"),
        ("-9223372036854775808 % -1 == int(a)", 0.0, 0.0, "an int overflows"),
    ];
    for (text, a, b, reason) in cases {
        assert_eq!(evaluate(text, *a, *b), Err((*reason).to_owned()), "{text} with {a}, {b}");
    }
}

#[test]
fn a_side_that_decides_hides_the_failure_of_the_other() {
    for (text, a, answer) in [
        ("a > 0.0 && 1.0 / b > 2.0", 0.0, Some(false)),
        ("1.0 / b > 2.0 && a > 0.0", 0.0, Some(false)),
        ("a > 0.0 || 1.0 / b > 2.0", 1.0, Some(true)),
        ("1.0 / b > 2.0 || a > 0.0", 1.0, Some(true)),
        ("b != 0.0 ? 1.0 / b > 2.0 : false", 1.0, Some(false)),
        ("a > 0.0 && 1.0 / b > 2.0", 1.0, None),
        ("1.0 / b > 2.0 && a > 0.0", 1.0, None),
        ("a > 0.0 || 1.0 / b > 2.0", 0.0, None),
        ("1.0 / b > 2.0 || a > 0.0", 0.0, None),
    ] {
        assert_eq!(evaluate(text, a, 0.0).ok(), answer, "{text}");
    }
}

#[test]
fn values_are_checked_where_they_are_used() {
    let program = compile("a > 1.0");
    assert_eq!(program.evaluate(&[2.0, f64::NAN, f64::INFINITY]), Ok(true));
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(program.evaluate(&[value, 0.0, 0.0]), Err(EvaluateError::Value { name: "a".to_owned() }));
    }
    for given in [0, 2, 4] {
        assert_eq!(program.evaluate(&vec![2.0; given]), Err(EvaluateError::Count { wanted: 3, given }));
    }
    assert_eq!(compile("true").evaluate(&[f64::NAN; 3]), Ok(true));
}

#[test]
fn a_program_knows_its_text_and_what_it_uses() {
    let text = "pressure_1 > 1.0 // high\n || a > 1.0 && pressure_1 > a";
    let program = compile(text);
    assert_eq!((program.text(), program.used()), (text, &[0, 2][..]));
    assert!(compile("true").used().is_empty());
    fn shared<T: Clone + Send + Sync + std::fmt::Debug>(_: &T) {}
    shared(&program);
}

/// Each text is refused with exactly this message.
fn refused(cases: &[(&str, &str)]) {
    for (text, message) in cases {
        assert_eq!(refusal(text), *message, "{text}");
    }
}

#[test]
fn types_that_do_not_fit() {
    refused(&[
        ("a > 10", "1:3: `>` mixes a double and an int; write `10.0`"),
        ("10 > a", "1:4: `>` mixes an int and a double; write `10.0`"),
        ("a == -5", "1:3: `==` mixes a double and an int; write `-5.0`"),
        ("a * 2 > 1.0", "1:3: `*` mixes a double and an int; write `2.0`"),
        (
            "a > int(b)",
            "1:3: `>` mixes a double and an int; make both doubles: write `3.0` for `3`, and `double(..)` around what is an int otherwise",
        ),
        ("min(a, 1) > 1.0", "1:4: `min` does not take (a double, an int); write `1.0`"),
        ("(a > 1.0 ? a : 0) > 1.0", "1:10: `? :` gives a double or an int; write `0.0`"),
        ("(a > 1.0 ? a : true) == true", "1:10: `? :` gives a double or a bool; make both the same"),
        ("a ? true : false", "1:3: `?` takes a bool, not a double; compare it, as in `a > 10.0`"),
        ("a % 2.0 == 1.0", "1:3: `%` takes ints, not doubles; write `int(..)` around the double, as in `int(a) % 2`"),
        ("1.0 < a < 2.0", "1:9: `<` takes numbers, not a bool; join comparisons: `1.0 < a && a < 2.0`"),
        ("a + (b > 1.0) > 1.0", "1:3: `+` takes numbers, not a bool; choose a number: `a > 1.0 ? 1.0 : 0.0`"),
        ("true < false", "1:6: `<` takes numbers, not a bool; join comparisons: `1.0 < a && a < 2.0`"),
        ("a == true", "1:3: `==` takes numbers, not a bool; join comparisons: `1.0 < a && a < 2.0`"),
        ("a && b > 1.0", "1:3: `&&` takes bools, not a double; compare it, as in `a > 10.0`"),
        ("a > 1.0 || 1", "1:9: `||` takes bools, not an int; compare it, as in `a > 10.0`"),
        ("!a", "1:1: `!` takes bools, not a double; compare it, as in `a > 10.0`"),
        ("-(a > 1.0)", "1:1: `-` takes a number, not a bool; write `!` for the opposite"),
        ("a + b", "1:3: the condition gives a double, not a bool; compare it, as in `a > 10.0`"),
        ("1", "1:1: the condition gives an int, not a bool; compare it, as in `a > 10.0`"),
        ("abs() > 1.0", "1:4: `abs` does not take (); it takes (a double) or (an int)"),
        ("max(a) > 1.0", "1:4: `max` does not take (a double); it takes (a double, a double) or (an int, an int)"),
        ("int(1) == 1", "1:4: `int` does not take (an int); it takes (a double)"),
    ]);
}

#[test]
fn names_that_are_unknown() {
    refused(&[
        ("c > 1.0", "1:1: the name `c` is unknown; the names are `a`, `b`, `pressure_1`"),
        (
            "a > 1.0 &&\n presure_1 > 1.0",
            "2:2: the name `presure_1` is unknown; did you mean `pressure_1`? the names are `a`, `b`, `pressure_1`",
        ),
        (".a > 1.0", "1:2: the name `.a` is unknown; the names are `a`, `b`, `pressure_1`"),
        ("abs > 1.0", "1:1: the name `abs` is unknown; the names are `a`, `b`, `pressure_1`"),
        (
            "mim(a, b) > 1.0",
            "1:4: the function `mim` is unknown; did you mean `min`? the functions are `abs`, `min`, `max`, `double`, `int`",
        ),
        (
            "a.b(1.0) > 1.0",
            "1:4: `.b(..)` calls on a value, which is not allowed; the functions are `abs`, `min`, `max`, `double`, `int`",
        ),
        ("size(a) > 1", "1:5: the function `size` is unknown; the functions are `abs`, `min`, `max`, `double`, `int`"),
    ]);
}

#[test]
fn what_the_language_has_and_conditions_do_not() {
    refused(&[
        ("has(a.b)", "1:4: `has` is not allowed; every name has a value"),
        ("a.all(x, x > 1.0)", "1:6: `all` is a loop, which is not allowed; write out each comparison"),
        ("exists(a, b)", "1:7: `exists` is a loop, which is not allowed; write out each comparison"),
        ("a.map(x, x)", "1:6: `map` is a loop, which is not allowed; write out each comparison"),
        ("a.filter(x, x)", "1:9: `filter` is a loop, which is not allowed; write out each comparison"),
        ("a.abs() > 1.0", "1:6: `.abs(..)` calls on a value, which is not allowed; write `abs(..)` with the value inside"),
        ("a.b > 1.0", "1:2: `.b` looks into a value, which is not allowed; every name is a number: write the name alone"),
        ("a in b", "1:3: `in` is not allowed; write `a == 1.0 || a == 2.0`"),
        ("[a][0] > 1.0", "1:1: lists and indexes are not allowed; a condition is about numbers: write `a > 1.0 || b > 1.0`"),
        ("a > 1.0 && {} == {}", "1:12: maps and messages are not allowed; a condition is about numbers"),
        ("'a' == a", "1:1: texts are not allowed; a condition is about numbers"),
        ("a == null", "1:6: `null` is not allowed; every name has a value"),
        ("a > 1u", "1:5: `1u` is unsigned, which is not allowed; write `1.0`"),
    ]);
}

#[test]
fn what_is_not_of_the_language() {
    refused(&[
        ("", "the text is empty; write a comparison such as `a > 10.0`"),
        (" \n// nothing", "the text is empty; write a comparison such as `a > 10.0`"),
        ("a = 1.0", "1:3: `=` is not of the language; write `==`"),
        ("a => 1.0", "1:3: `=>` is no operator; write `>=`"),
        ("a =< 1.0", "1:3: `=<` is no operator; write `<=`"),
        ("a > 1.0 & b > 1.0", "1:9: `&` is not of the language; write `&&`"),
        ("a > 1.0 AND b > 1.0", "1:9: `AND` is no operator; write `&&`"),
        ("not (a > 1.0)", "1:1: `not` is no operator; write `!`"),
        ("a ≥ 1.0", "1:3: `≥` is not of the language; write `>=`"),
        ("压力 > 1.0", "1:1: `压` is not of the language"),
        ("a > 1.0 \u{0}", "1:9: `\\0` is not of the language"),
        ("a > (1.0", "1:5: `(` is never closed; write a `)`"),
        ("a > 1.0)", "1:8: `)` closes nothing; write a `(` before it, or leave it out"),
        ("a >", "1:4: the text ends too early; a part is missing at its end"),
        ("a > 1.0 b", "1:9: extraneous input 'b'"),
        ("a > > b", "1:5: extraneous input '>'"),
        ("a > 1e999", "1:5: invalid double literal"),
        ("a > 1.0 && int(a) > 9223372036854775808", "1:21: invalid int literal"),
        ("for > 1.0", "1:1: reserved identifier: for"),
    ]);
}

#[test]
fn names_are_checked_too() {
    for (name, why) in [
        ("", "cannot be written in a condition"),
        ("1a", "cannot be written in a condition"),
        ("a-b", "cannot be written in a condition"),
        ("a.b", "cannot be written in a condition"),
        ("压力", "cannot be written in a condition"),
        ("@finite", "cannot be written in a condition"),
        ("in", "is a word of the language"),
        ("true", "is a word of the language"),
        ("Or", "is a word of the language"),
        ("abs", "is a function"),
        ("a", "is given twice"),
    ] {
        let error = Program::compile("a > 1.0", &["a", name]).unwrap_err();
        let cure = "name it with letters, digits and `_`, such as `pressure_1`";
        assert_eq!(error.to_string(), format!("the name `{name}` {why}; {cure}"));
    }
    let strange = Program::compile("__ > 1.0 && A9_ > 1.0", &["__", "A9_"]).unwrap();
    assert_eq!(strange.evaluate(&[2.0, 2.0]), Ok(true));
    let none = Program::compile("a > 1.0", &[]).unwrap_err();
    assert_eq!(none.to_string(), "1:1: the name `a` is unknown; there are no names");
}

#[test]
fn the_limits_are_where_they_are_said_to_be() {
    let bytes = |count: usize| format!("{:count$}", "a > 1.0");
    compile(&bytes(TEXT_BYTES_MAX));
    assert_eq!(
        refusal(&bytes(TEXT_BYTES_MAX + 1)),
        "the text has 2001 bytes, and 2000 are allowed; make several conditions of it"
    );

    let brackets = |count: usize| format!("{}a > 1.0{}", "(".repeat(count), ")".repeat(count));
    compile(&brackets(BRACKETS_MAX));
    let refused = "1:33: brackets lie more than 32 deep in each other; make several conditions of it";
    assert_eq!(refusal(&brackets(BRACKETS_MAX + 1)), refused);
    assert_eq!(refusal(&"(".repeat(TEXT_BYTES_MAX)), refused);

    // 64 comparisons of three nodes and 63 `&&` are 255.
    let nodes = |nots: usize| format!("{}a>b{}", "!(".repeat(nots), ")".repeat(nots)) + &"&&a>b".repeat(63);
    compile(&nodes(NODES_MAX - 255));
    let refused = "1:324: the condition has more than 256 names, numbers and operators; make several conditions of it";
    assert_eq!(refusal(&nodes(NODES_MAX - 254)), refused);

    let sum = |terms: usize| format!("a{} > 1.0", "+a".repeat(terms - 1));
    compile(&sum(DEPTH_MAX - 1));
    assert!(refusal(&sum(DEPTH_MAX)).contains("parts lie more than 32 deep in each other"));
}

#[test]
fn deep_and_long_texts_end_without_harm() {
    for text in [
        "(".repeat(100_000),
        "a > 1.0 && ".repeat(100_000),
        "!".repeat(1_990) + "true",
        "-".repeat(1_990) + "a",
        "a+".repeat(999) + "a",
        "a+".repeat(255) + "a",
        "a&&".repeat(255) + "a",
        "true?true:".repeat(170) + "true",
        "true?".repeat(255) + "true" + &":true".repeat(140),
        "abs(".repeat(33) + "a" + &")".repeat(33),
        "abs(".repeat(32) + "a" + &")".repeat(32),
        "a.".repeat(255) + "a",
        "(a+".repeat(32) + "a" + &")".repeat(32),
        "(true?true:".repeat(32) + "true" + &")".repeat(32),
        "a<".repeat(255) + "a",
        "min(a,".repeat(32) + "a" + &")".repeat(32),
        ",".repeat(1_999),
        "min(".to_owned() + &"a,".repeat(500) + "a)",
        ":".repeat(1_999),
    ] {
        assert!(Program::compile(&text, NAMES).is_err(), "{}", &text[..20]);
    }
    // Signs in pairs are no nodes.
    assert_eq!(evaluate(&("!".repeat(400) + "true"), 0.0, 0.0), Ok(true));
}
