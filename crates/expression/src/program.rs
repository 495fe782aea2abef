//! A condition from text to truth.

use std::fmt;
use std::sync::Arc;

use cel::common::ast::IdedExpr;
use cel::common::types::{CelBool, CelDouble};
use cel::common::value::CowVal;
use cel::context::VariableResolver;
use cel::{Context, Env, ExecutionError, ParseErrors, Value};

use crate::check;
use crate::error::{CompileError, EvaluateError, Place};
use crate::functions::{self, FINITE};
use crate::names;
use crate::scan;

/// A condition that passed every check.
///
/// Its variables are doubles. It has `+ - * /` on two doubles or two ints, `%` on ints, comparisons, `&& || ! ?:`, and the
/// functions `abs min max double int`. An int and a double never mix. There are no loops and no values of unbounded size, so an
/// evaluation costs at most two steps for each of [`NODES_MAX`](crate::NODES_MAX) nodes.
///
/// `&&` and `||` are those of the language: a side that decides alone decides, even if the other fails. So
/// `a > 0.0 && 1.0 / b > 2.0` is false for a = 0, b = 0, in either order of its halves.
#[derive(Clone)]
pub struct Program(Arc<Inner>);

struct Inner {
    text: String,
    expr: IdedExpr,
    names: Box<[String]>,
    used: Box<[usize]>,
    env: Arc<Env>,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").field("text", &self.0.text).field("names", &self.0.names).finish_non_exhaustive()
    }
}

impl Program {
    /// Reads a condition over `names`, each a double.
    ///
    /// # Errors
    /// What is wrong with the text, or with a name that no text could say.
    pub fn compile(text: &str, names: &[&str]) -> Result<Self, CompileError> {
        names::check(names)?;
        let plain = scan::scan(text)?;
        let env = functions::environment();
        // The parser of this environment expands no macros: what looks like a loop stays a call, and is refused as one.
        let (expr, source) = env.parser().parse_with_source_info(&plain).map_err(|errors| syntax(&errors))?;
        let checked = check::check(expr, &plain, &source, names)?;
        Ok(Self(Arc::new(Inner {
            text: text.to_owned(),
            expr: checked.expr,
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            used: checked.used.into(),
            env,
        })))
    }

    /// The text as written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Which of the names it really uses, as indices into `names`, sorted.
    #[must_use]
    pub fn used(&self) -> &[usize] {
        &self.0.used
    }

    /// The answer for one value per name, in the order of the names. Values of names that are not used do not count.
    ///
    /// # Errors
    /// Why there is no answer: a value that is no finite number, or arithmetic that leaves the numbers. A comparison never sees
    /// a NaN or an infinity.
    pub fn evaluate(&self, values: &[f64]) -> Result<bool, EvaluateError> {
        let inputs = self.inputs(values)?;
        let mut context = Context::with_env(Arc::clone(&self.0.env));
        context.set_variable_resolver(&inputs);
        let outcome = Value::resolve_val(&self.0.expr, &context).map_err(|error| self.reason(&error))?;
        let answer = outcome.downcast_ref::<CelBool>().map(|answer| *answer.inner());
        answer.ok_or_else(|| EvaluateError::Refused("the outcome is no bool".to_owned()))
    }

    fn inputs(&self, values: &[f64]) -> Result<Inputs<'_>, EvaluateError> {
        let names = &self.0.names;
        if values.len() != names.len() {
            return Err(EvaluateError::Count { wanted: names.len(), given: values.len() });
        }
        let mut inputs = Vec::with_capacity(self.0.used.len());
        for index in &*self.0.used {
            let (name, value) = (names[*index].as_str(), values[*index]);
            if !value.is_finite() {
                return Err(EvaluateError::Value { name: name.to_owned() });
            }
            inputs.push((name, CelDouble::from(value)));
        }
        Ok(Inputs(inputs))
    }

    fn reason(&self, error: &ExecutionError) -> EvaluateError {
        match error {
            ExecutionError::Overflow(FINITE, Value::Float(value), Value::Int(offset)) => self.not_finite(*value, *offset),
            ExecutionError::Overflow(..) => EvaluateError::Overflow,
            ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => EvaluateError::DivisionByZero,
            other => EvaluateError::Refused(other.to_string()),
        }
    }

    fn not_finite(&self, value: f64, offset: i64) -> EvaluateError {
        let offset = usize::try_from(offset).unwrap_or_default();
        let result = match value {
            value if value.is_nan() => "NaN",
            value if value < 0.0 => "-infinity",
            _ => "infinity",
        };
        let operator = self.0.text.chars().nth(offset).unwrap_or('?');
        EvaluateError::NotFinite { operator, place: Place::of(&self.0.text, offset), result }
    }
}

/// The values of the used names, lent to the interpreter by name. A condition has a handful of names; a walk beats a map.
struct Inputs<'a>(Vec<(&'a str, CelDouble)>);

impl VariableResolver for Inputs<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let (_, value) = self.0.iter().find(|(name, _)| *name == variable)?;
        Some(CowVal::Borrowed(value))
    }
}

/// The parser's first complaint without its list of everything that could follow.
fn syntax(errors: &ParseErrors) -> CompileError {
    let Some(first) = errors.errors.first() else {
        return CompileError::new(None, "the parser refuses the text", "");
    };
    let place = match (usize::try_from(first.pos.0), usize::try_from(first.pos.1)) {
        (Ok(line @ 1..), Ok(column @ 1..)) => Some(Place { line, column }),
        _ => None,
    };
    let said = first.msg.strip_prefix("Syntax error: ").unwrap_or(&first.msg);
    let said = said.split(" expecting ").next().unwrap_or(said);
    if said.contains("<EOF>") {
        return CompileError::new(place, "the text ends too early", "a part is missing at its end");
    }
    CompileError::new(place, said, "")
}
