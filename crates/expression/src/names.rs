//! The names a condition may use, and what a wrong one may have meant.

use crate::error::CompileError;
use crate::functions;

/// Words that the language keeps, or that we keep to say what is written instead.
const KEPT: &[&str] = &[
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// Words for which the first look has its own message, in any case.
const OPERATORS: &[&str] = &["and", "or", "not"];

/// Each name must be one that a text can say, and say one thing.
pub(crate) fn check(names: &[&str]) -> Result<(), CompileError> {
    for (index, name) in names.iter().enumerate() {
        let kept = KEPT.contains(name) || OPERATORS.contains(&name.to_ascii_lowercase().as_str());
        let problem = if !is_identifier(name) {
            "cannot be written in a condition"
        } else if kept {
            "is a word of the language"
        } else if functions::find(name).is_some() {
            "is a function"
        } else if names[..index].contains(name) {
            "is given twice"
        } else {
            continue;
        };
        let problem = format!("the name `{}` {problem}", name.escape_debug());
        return Err(CompileError::new(None, problem, "name it with letters, digits and `_`, such as `pressure_1`"));
    }
    Ok(())
}

fn is_identifier(name: &str) -> bool {
    let rest = name.trim_start_matches(|c: char| c.is_ascii_alphabetic() || c == '_');
    rest.len() < name.len() && rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// "did you mean" and what there is.
pub(crate) fn known<'a>(word: &str, what: &str, there: impl Iterator<Item = &'a str> + Clone) -> String {
    let list = there.clone().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let list = if list.is_empty() { format!("there are no {what}") } else { format!("the {what} are {list}") };
    // A third of the letters may be wrong; a name of which nothing is left was not meant.
    let allowed = (word.len() / 3).clamp(1, 3);
    let near = there.map(|name| (distance(word, name), name));
    let near = near.filter(|(distance, name)| *distance <= allowed && *distance < name.len());
    match near.min() {
        Some((_, near)) => format!("did you mean `{near}`? {list}"),
        None => list,
    }
}

/// Letters to insert, delete or replace between two words; the case does not count.
fn distance(from: &str, to: &str) -> usize {
    let (from, to) = (from.to_ascii_lowercase(), to.to_ascii_lowercase());
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in to.bytes().enumerate() {
            let best = (diagonal + usize::from(a != b)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], best);
        }
    }
    row[to.len()]
}
