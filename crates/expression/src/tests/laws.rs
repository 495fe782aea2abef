//! Laws: no text does harm, and what passes means what it says.

use proptest::prelude::*;

use super::NAMES;
use crate::{EvaluateError, Program};

/// A typed expression, of which the test knows text and meaning.
#[derive(Clone, Debug)]
enum Tree {
    Double(f64),
    Int(i64),
    Bool(bool),
    Name(usize),
    Node(&'static str, Vec<Tree>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Truth {
    Double(f64),
    Int(i64),
    Bool(bool),
}

#[derive(Clone, Copy)]
enum Sort {
    Double,
    Int,
    Bool,
}

impl Tree {
    fn text(&self) -> String {
        let texts = |parts: &[Tree]| parts.iter().map(Tree::text).collect::<Vec<_>>();
        match self {
            Tree::Double(value) => format!("({value:?})"),
            Tree::Int(value) => format!("({value})"),
            Tree::Bool(value) => value.to_string(),
            Tree::Name(index) => NAMES[*index].to_owned(),
            Tree::Node("?", parts) => format!("({} ? {} : {})", parts[0].text(), parts[1].text(), parts[2].text()),
            Tree::Node(name, parts) if name.starts_with(|c: char| c.is_ascii_alphabetic()) => {
                format!("{name}({})", texts(parts).join(", "))
            }
            Tree::Node(operator, parts) if parts.len() == 1 => format!("({operator}({}))", parts[0].text()),
            Tree::Node(operator, parts) => format!("({})", texts(parts).join(operator)),
        }
    }

    /// The meaning, or `None` where there is none.
    fn truth(&self, values: &[f64]) -> Option<Truth> {
        match self {
            Tree::Double(value) => Some(Truth::Double(*value)),
            Tree::Int(value) => Some(Truth::Int(*value)),
            Tree::Bool(value) => Some(Truth::Bool(*value)),
            Tree::Name(index) => Some(Truth::Double(values[*index])),
            Tree::Node("?", parts) => {
                let chosen = if parts[0].truth(values)? == Truth::Bool(true) { &parts[1] } else { &parts[2] };
                chosen.truth(values)
            }
            Tree::Node(name @ ("&&" | "||"), parts) => {
                let decides = Some(Truth::Bool(*name == "||"));
                let (a, b) = (parts[0].truth(values), parts[1].truth(values));
                if a == decides || b == decides { decides } else { a.and(b) }
            }
            Tree::Node(name, parts) => {
                let truths: Option<Vec<Truth>> = parts.iter().map(|part| part.truth(values)).collect();
                strict(name, &truths?)
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the range is checked beside it")]
fn strict(name: &str, parts: &[Truth]) -> Option<Truth> {
    use Truth::{Bool, Double, Int};
    match *parts {
        [Bool(a)] => Some(Bool(!a)),
        [Bool(a), Bool(b)] => Some(Bool((a == b) == (name == "=="))),
        [Double(a)] => match name {
            "-" => Some(Double(-a)),
            "abs" => Some(Double(a.abs())),
            _ => (a.abs() < 9_223_372_036_854_775_808.0).then_some(Int(a as i64)),
        },
        [Int(a)] => match name {
            "-" => a.checked_neg().map(Int),
            "abs" => a.checked_abs().map(Int),
            _ => Some(Double(a as f64)),
        },
        [Double(a), Double(b)] => doubles(name, a, b),
        [Int(a), Int(b)] => ints(name, a, b),
        _ => panic!("{name} of {parts:?}"),
    }
}

fn doubles(name: &str, a: f64, b: f64) -> Option<Truth> {
    let value = match name {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" => a / b,
        "min" => {
            if b < a {
                b
            } else {
                a
            }
        }
        "max" => {
            if b > a {
                b
            } else {
                a
            }
        }
        _ => return Some(Truth::Bool(ordered(name, a.partial_cmp(&b).expect("no NaN comes this far")))),
    };
    value.is_finite().then_some(Truth::Double(value))
}

fn ints(name: &str, a: i64, b: i64) -> Option<Truth> {
    let value = match name {
        "+" => a.checked_add(b),
        "-" => a.checked_sub(b),
        "*" => a.checked_mul(b),
        "/" => a.checked_div(b),
        "%" => a.checked_rem(b),
        "min" => Some(a.min(b)),
        "max" => Some(a.max(b)),
        _ => return Some(Truth::Bool(ordered(name, a.cmp(&b)))),
    };
    value.map(Truth::Int)
}

fn ordered(name: &str, order: std::cmp::Ordering) -> bool {
    match name {
        "==" => order.is_eq(),
        "!=" => order.is_ne(),
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        ">=" => order.is_ge(),
        other => panic!("no operator {other}"),
    }
}

const COMPARISONS: &[&str] = &["==", "!=", "<", "<=", ">", ">="];

/// Ordinary values, and those at which arithmetic breaks.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-40i32..40).prop_map(|quarters| f64::from(quarters) / 4.0),
        1 => prop::sample::select(vec![0.0, -0.0, 1e308, -1e308, 5e-324, f64::MAX, f64::MIN_POSITIVE, 9_223_372_036_854_775_807.0]),
        1 => prop::num::f64::NORMAL,
    ]
}

fn leaf(sort: Sort) -> BoxedStrategy<Tree> {
    match sort {
        Sort::Double => prop_oneof![number().prop_map(Tree::Double), (0..NAMES.len()).prop_map(Tree::Name)].boxed(),
        Sort::Int => {
            let edges = prop::sample::select(vec![i64::MIN, i64::MIN + 1, i64::MAX, 1 << 53, 0, -1]);
            prop_oneof![4 => (-5i64..6).prop_map(Tree::Int), 1 => edges.prop_map(Tree::Int)].boxed()
        }
        Sort::Bool => any::<bool>().prop_map(Tree::Bool).boxed(),
    }
}

fn node(names: &'static [&'static str], sorts: &[Sort], depth: u32) -> BoxedStrategy<Tree> {
    let parts: Vec<_> = sorts.iter().map(|sort| tree(*sort, depth - 1)).collect();
    (prop::sample::select(names), parts).prop_map(|(name, parts)| Tree::Node(name, parts)).boxed()
}

fn tree(sort: Sort, depth: u32) -> BoxedStrategy<Tree> {
    use Sort::{Bool, Double, Int};
    if depth == 0 {
        return leaf(sort);
    }
    let choice = node(&["?"], &[Bool, sort, sort], depth);
    match sort {
        Double => prop_oneof![
            2 => leaf(sort),
            6 => node(&["+", "-", "*", "/", "min", "max"], &[Double, Double], depth),
            1 => node(&["-", "abs"], &[Double], depth),
            1 => node(&["double"], &[Int], depth),
            1 => choice,
        ]
        .boxed(),
        Int => prop_oneof![
            2 => leaf(sort),
            4 => node(&["+", "-", "*", "/", "%", "min", "max"], &[Int, Int], depth),
            1 => node(&["-", "abs"], &[Int], depth),
            2 => node(&["int"], &[Double], depth),
            1 => choice,
        ]
        .boxed(),
        Bool => prop_oneof![
            1 => leaf(sort),
            5 => node(COMPARISONS, &[Double, Double], depth),
            2 => node(COMPARISONS, &[Int, Int], depth),
            5 => node(&["&&", "||"], &[Bool, Bool], depth),
            1 => node(&["==", "!="], &[Bool, Bool], depth),
            1 => node(&["!"], &[Bool], depth),
            1 => choice,
        ]
        .boxed(),
    }
}

/// Whatever comes of a text, it comes without a panic, and the same twice.
fn harmless(text: &str) {
    let first = Program::compile(text, NAMES);
    let second = Program::compile(text, NAMES);
    match (first, second) {
        (Ok(program), Ok(again)) => {
            for values in [[0.0; 3], [1.0, -2.5, 1e308], [f64::NAN; 3]] {
                let answer = program.evaluate(&values);
                assert!(!matches!(answer, Err(EvaluateError::Refused(_))), "{text}: {answer:?}");
                assert_eq!(answer, again.evaluate(&values), "{text}");
            }
        }
        (Err(error), Err(again)) => {
            assert!(!error.problem.is_empty(), "{text}");
            assert_eq!(error, again, "{text}");
        }
        (first, second) => panic!("{text}: {first:?}, then {second:?}"),
    }
}

const WORDS: &[&str] = &[
    "a",
    "b",
    "pressure_1",
    "x",
    "1.0",
    "2",
    "0x1F",
    "1e3",
    ".5",
    "1.",
    "1u",
    "true",
    "false",
    "null",
    "(",
    ")",
    "(",
    ")",
    "+",
    "-",
    "*",
    "/",
    "%",
    "<",
    "<=",
    ">",
    ">=",
    "==",
    "!=",
    "&&",
    "||",
    "!",
    "?",
    ":",
    ",",
    ".",
    "in",
    "abs(",
    "min(",
    "int(",
    "double(",
    "has(",
    "all(",
    "optional",
    "[",
    "]",
    "{",
    "}",
    "'",
    "\"",
    "`",
    "\n",
    "//",
    "≥",
    "e",
    "_",
    "@",
    "r'",
    "b\"",
];

proptest! {
    #[test]
    fn any_text_is_harmless(text in any::<String>()) {
        harmless(&text);
    }

    #[test]
    fn any_text_of_the_alphabet_is_harmless(text in "[ab01.e()+*/%<>=!&|?:, _-]{0,60}") {
        harmless(&text);
    }

    #[test]
    fn any_words_are_harmless(words in prop::collection::vec(prop::sample::select(WORDS), 0..40), joint in "[ ]?") {
        harmless(&words.join(&joint));
    }

    #[test]
    fn a_text_with_one_wrong_character_is_harmless(tree in tree(Sort::Bool, 3), at in any::<prop::sample::Index>(), with in "[a0.()+<=!&?:,u-]?") {
        let mut text = tree.text();
        let at = at.index(text.len());
        text.replace_range(at..=at, &with);
        harmless(&text);
    }

    #[test]
    fn a_condition_means_what_it_says(tree in tree(Sort::Bool, 4), values in prop::array::uniform3(number())) {
        let text = tree.text();
        // A tree of many long numbers can pass the limit of bytes; everything else must compile.
        prop_assume!(text.len() <= crate::TEXT_BYTES_MAX);
        let program = Program::compile(&text, NAMES).unwrap_or_else(|error| panic!("{text}: {error}"));
        let answer = program.evaluate(&values);
        prop_assert!(!matches!(answer, Err(EvaluateError::Refused(_))), "{text}: {answer:?}");
        let expected = tree.truth(&values).map(|truth| truth == Truth::Bool(true));
        prop_assert_eq!(answer.clone().ok(), expected, "{} with {:?}: {:?}", text, values, answer);
    }
}
