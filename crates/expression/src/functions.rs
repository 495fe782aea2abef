//! The functions a condition may call, and all that the interpreter knows of functions.

use std::sync::Arc;

use cel::common::types::{CelDouble, CelInt};
use cel::{DeclarationError, Env, ExecutionError, Value};

use crate::check::Kind;

/// The guard around arithmetic of doubles. Its name cannot be written in a text.
pub(crate) const FINITE: &str = "@finite";

/// A function as the check sees it: its name, and what it takes and gives, one row for each overload.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) overloads: &'static [(&'static [Kind], Kind)],
}

const ONE: &[(&[Kind], Kind)] = &[(&[Kind::Double], Kind::Double), (&[Kind::Int], Kind::Int)];
const TWO: &[(&[Kind], Kind)] = &[(&[Kind::Double, Kind::Double], Kind::Double), (&[Kind::Int, Kind::Int], Kind::Int)];

/// Everything that can be called; [`environment`] declares the same.
pub(crate) const FUNCTIONS: &[Function] = &[
    Function { name: "abs", overloads: ONE },
    Function { name: "min", overloads: TWO },
    Function { name: "max", overloads: TWO },
    Function { name: "double", overloads: &[(&[Kind::Int], Kind::Double)] },
    Function { name: "int", overloads: &[(&[Kind::Double], Kind::Int)] },
];

pub(crate) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// Not the standard library: what is not here cannot run, whatever the check lets through.
pub(crate) fn environment() -> Arc<Env> {
    let mut env = Env::default().with_optional_support(false);
    declare(&mut env).expect("each overload is declared once");
    Arc::new(env)
}

fn declare(env: &mut Env) -> Result<(), DeclarationError> {
    cel::add_overload!(env, fn finite: (CelDouble, CelInt) -> Result<CelDouble>, name = "@finite", id = "finite")?;
    cel::add_overload!(env, fn abs_double: (CelDouble) -> CelDouble, name = "abs", id = "abs_double")?;
    cel::add_overload!(env, fn abs_int: (CelInt) -> Result<CelInt>, name = "abs", id = "abs_int")?;
    cel::add_overload!(env, fn min_double: (CelDouble, CelDouble) -> CelDouble, name = "min", id = "min_double")?;
    cel::add_overload!(env, fn min_int: (CelInt, CelInt) -> CelInt, name = "min", id = "min_int")?;
    cel::add_overload!(env, fn max_double: (CelDouble, CelDouble) -> CelDouble, name = "max", id = "max_double")?;
    cel::add_overload!(env, fn max_int: (CelInt, CelInt) -> CelInt, name = "max", id = "max_int")?;
    cel::add_overload!(env, fn int_to_double: (CelInt) -> CelDouble, name = "double", id = "int_to_double")?;
    cel::add_overload!(env, fn double_to_int: (CelDouble) -> Result<CelInt>, name = "int", id = "double_to_int")
}

/// The value, unless it left the finite numbers; `offset` says which operator in the text gave it.
fn finite(value: &CelDouble, offset: &CelInt) -> Result<CelDouble, ExecutionError> {
    if value.is_finite() {
        return Ok(*value);
    }
    // The one error of the interpreter that carries numbers; the program reads them back.
    Err(ExecutionError::Overflow(FINITE, Value::Float(**value), Value::Int(**offset)))
}

fn abs_double(value: &CelDouble) -> CelDouble {
    value.abs().into()
}

fn abs_int(value: &CelInt) -> Result<CelInt, ExecutionError> {
    value.checked_abs().map(CelInt::from).ok_or(ExecutionError::Overflow("abs", Value::Int(**value), Value::Null))
}

// Not `f64::min`: which of the two zeros that gives is left open.
fn min_double(a: &CelDouble, b: &CelDouble) -> CelDouble {
    if **a <= **b { *a } else { *b }
}

fn min_int(a: &CelInt, b: &CelInt) -> CelInt {
    (**a).min(**b).into()
}

fn max_double(a: &CelDouble, b: &CelDouble) -> CelDouble {
    if **a >= **b { *a } else { *b }
}

fn max_int(a: &CelInt, b: &CelInt) -> CelInt {
    (**a).max(**b).into()
}

fn int_to_double(value: &CelInt) -> CelDouble {
    // To the nearest double: above 2^53 not every int is one. That is the language's rule.
    (**value as f64).into()
}

/// Towards zero. As in the language's standard library, both ends of the range are outside.
#[expect(clippy::cast_possible_truncation, reason = "the fraction is what goes, and the range is checked")]
fn double_to_int(value: &CelDouble) -> Result<CelInt, ExecutionError> {
    let inside = **value > i64::MIN as f64 && **value < i64::MAX as f64;
    let overflow = ExecutionError::Overflow("int", Value::Float(**value), Value::Null);
    if inside { Ok((**value as i64).into()) } else { Err(overflow) }
}
