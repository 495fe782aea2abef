//! Conditions in CEL as written: the text compiles, and every name in it has a point.

use expression::{CompileError, Program};
use model::PointId;

use crate::fault::{At, Place, Sink};
use crate::node::Entry;

/// The name by which an expression means the point that it is an alarm of.
const OWN_NAME: &str = "value";

/// Whether a condition belongs to a point, whose value then has a name.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Own {
    Value,
    Nothing,
}

/// A condition that compiles; its points are not looked up yet.
pub(crate) struct FormulaDraft {
    pub(crate) text: At<String>,
    /// In order of name, those that are not used left out; `None` is the point that it is an alarm of.
    pub(crate) inputs: Vec<(String, Option<At<PointId>>)>,
}

/// Reads `when` and `inputs`; `None` where faults were told.
pub(crate) fn read(entry: Entry<'_, '_>, own: Own, sink: &mut Sink) -> Option<FormulaDraft> {
    let text = entry.filled("when", "when = \"a > 10.0\"", sink);
    let inputs = inputs(entry, own, sink);
    let place = entry.field("when").map_or(entry.place, |field| entry.at(field));
    let (text, mut inputs) = (At { value: text?, place }, inputs?);
    if own == Own::Value {
        inputs.push((OWN_NAME.to_owned(), None));
    }
    inputs.sort_by(|a, b| a.0.cmp(&b.0));
    let names: Vec<_> = inputs.iter().map(|(name, _)| name.as_str()).collect();
    let program = match Program::compile(&text.value, &names) {
        Ok(program) => program,
        Err(error) => {
            wrong(&text, &error, sink);
            return None;
        }
    };
    if program.used().is_empty() {
        let problem = "looks at no point, so it never changes";
        sink.fault(text.place, "when", &text.value, problem, "compare an input, as in `a > 10.0`");
        return None;
    }
    Some(FormulaDraft { text, inputs: used(inputs, program.used(), sink) })
}

/// What a condition does not use must not make it fail, so it is left out.
fn used(inputs: Vec<(String, Option<At<PointId>>)>, used: &[usize], sink: &mut Sink) -> Vec<(String, Option<At<PointId>>)> {
    let mut kept = Vec::with_capacity(used.len());
    for (index, (name, point)) in inputs.into_iter().enumerate() {
        if used.contains(&index) {
            kept.push((name, point));
        } else if let Some(point) = point {
            let problem = "is an input that the condition does not use";
            sink.warning(point.place, &name, point.value.as_str(), problem, "remove it, or use it");
        }
    }
    kept
}

fn inputs(entry: Entry<'_, '_>, own: Own, sink: &mut Sink) -> Option<Vec<(String, Option<At<PointId>>)>> {
    let mut inputs = Vec::new();
    for (name, point) in entry.pairs("inputs", "inputs = { a = \"PI-101\" }", sink)? {
        if own == Own::Value && name == OWN_NAME {
            let problem = "is the name of the point itself";
            sink.fault(point.place, name, point.value, problem, "give this input another name, here and in `when`");
            return None;
        }
        inputs.push((name.to_owned(), Some(point_id(name, &point, sink)?)));
    }
    Some(inputs)
}

/// A text as the id of a point.
pub(crate) fn point_id(key: &str, text: &At<&str>, sink: &mut Sink) -> Option<At<PointId>> {
    let id = PointId::new(text.value).ok();
    if id.is_none() {
        sink.fault(text.place, key, text.value, "is no valid id", "write the id of a point");
    }
    Some(At { value: id?, place: text.place })
}

fn wrong(text: &At<String>, error: &CompileError, sink: &mut Sink) {
    let problem = match error.place {
        Some(expression::Place { line: 1, column }) => format!("at column {column}: {}", error.problem),
        Some(expression::Place { line, column }) => format!("at line {line}, column {column} of it: {}", error.problem),
        None => error.problem.clone(),
    };
    let Place { file, line } = text.place;
    sink.fault(Place { file, line }, "when", &text.value, one_line(&problem), one_line(&error.cure));
}

/// What a condition says may hold any character; a fault is one line, and ends without a full stop.
fn one_line(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain.trim_end_matches(['.', ' ']).to_owned()
}
