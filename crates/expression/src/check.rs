//! The check of types over the parsed tree, which also sets a guard around each piece of arithmetic that can leave the numbers.
//!
//! Limits: [`NODES_MAX`], [`DEPTH_MAX`]. There are no loops, so a condition costs at most one step for each of its nodes and
//! one for each guard.

use std::fmt;

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, SourceInfo, operators};

use crate::error::{CompileError, Place};
use crate::functions::{self, FINITE, FUNCTIONS};
use crate::names;

/// The most nodes of a condition: each name, number, operator and call is one.
pub const NODES_MAX: usize = 256;

/// How deep nodes may lie in each other. `a + b + c` is three deep: the sum of a sum and a name.
pub const DEPTH_MAX: usize = 32;

/// The types of the language that conditions have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Double,
    Int,
    Bool,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Double => "a double",
            Self::Int => "an int",
            Self::Bool => "a bool",
        })
    }
}

/// A part that passed, and how it is written where that helps a message.
struct Part {
    expr: IdedExpr,
    kind: Kind,
}

/// A condition that passed: what to evaluate, and which names it uses.
pub(crate) struct Checked {
    pub(crate) expr: IdedExpr,
    pub(crate) used: Vec<usize>,
}

/// The macros of the language that loop.
const LOOPS: &[&str] = &["all", "exists", "exists_one", "existsOne", "map", "filter"];

const COMPARE: &str = "compare it, as in `a > 10.0`";

pub(crate) fn check(expr: IdedExpr, text: &str, source: &SourceInfo, names: &[&str]) -> Result<Checked, CompileError> {
    let mut check = Check { text, source, names, used: vec![false; names.len()], nodes: 0 };
    let place = check.place(expr.id);
    let part = check.part(expr, 1)?;
    if part.kind != Kind::Bool {
        return Err(CompileError::new(place, format!("the condition gives {}, not a bool", part.kind), COMPARE));
    }
    let used = (0..names.len()).filter(|index| check.used[*index]).collect();
    Ok(Checked { expr: part.expr, used })
}

struct Check<'a> {
    text: &'a str,
    source: &'a SourceInfo,
    names: &'a [&'a str],
    used: Vec<bool>,
    nodes: usize,
}

impl Check<'_> {
    fn part(&mut self, node: IdedExpr, depth: usize) -> Result<Part, CompileError> {
        self.nodes += 1;
        let id = node.id;
        if self.nodes > NODES_MAX {
            let problem = format!("the condition has more than {NODES_MAX} names, numbers and operators");
            return self.fault(id, problem, "make several conditions of it");
        }
        if depth > DEPTH_MAX {
            let problem = format!("parts lie more than {DEPTH_MAX} deep in each other");
            return self.fault(id, problem, "set brackets so that halves are joined, or make several conditions of it");
        }
        match node.expr {
            Expr::Literal(literal) => self.literal(id, literal),
            Expr::Ident(name) => self.name(id, name),
            Expr::Call(call) => self.call(id, call, depth),
            Expr::Select(select) => {
                let problem = format!("`.{}` looks into a value, which is not allowed", select.field);
                self.fault(id, problem, "every name is a number: write the name alone")
            }
            Expr::List(_) | Expr::Map(_) | Expr::Struct(_) | Expr::Comprehension(_) => {
                self.fault(id, "lists, maps, messages and loops are not allowed", "a condition is about numbers")
            }
            Expr::Unspecified => self.fault(id, "a part is missing", ""),
        }
    }

    fn literal(&self, id: u64, literal: LiteralValue) -> Result<Part, CompileError> {
        let kind = match &literal {
            LiteralValue::Double(_) => Kind::Double,
            LiteralValue::Int(_) => Kind::Int,
            LiteralValue::Boolean(_) => Kind::Bool,
            LiteralValue::UInt(number) => {
                let number = number.inner();
                return self.fault(id, format!("`{number}u` is unsigned, which is not allowed"), format!("write `{number}.0`"));
            }
            LiteralValue::Null => return self.fault(id, "`null` is not allowed", "every name has a value"),
            LiteralValue::String(_) | LiteralValue::Bytes(_) => {
                return self.fault(id, "texts are not allowed", "a condition is about numbers");
            }
        };
        Ok(Part { expr: IdedExpr { id, expr: Expr::Literal(literal) }, kind })
    }

    fn name(&mut self, id: u64, name: String) -> Result<Part, CompileError> {
        let Some(index) = self.names.iter().position(|known| *known == name) else {
            let cure = names::known(&name, "names", self.names.iter().copied());
            return self.fault(id, format!("the name `{name}` is unknown"), cure);
        };
        self.used[index] = true;
        Ok(Part { expr: IdedExpr { id, expr: Expr::Ident(name) }, kind: Kind::Double })
    }

    fn call(&mut self, id: u64, call: CallExpr, depth: usize) -> Result<Part, CompileError> {
        let CallExpr { func_name, target, args } = call;
        if target.is_some() || LOOPS.contains(&func_name.as_str()) {
            return self.member(id, &func_name);
        }
        // Refused by name before its arguments are judged: `has(a.b)` is at fault for `has`.
        if !is_operator(&func_name) && functions::find(&func_name).is_none() {
            return self.stranger(id, &func_name);
        }
        let mut parts = Vec::with_capacity(args.len());
        for arg in args {
            parts.push(self.part(arg, depth + 1)?);
        }
        let kind = self.kind_of(id, &func_name, &parts)?;
        let guarded = kind == Kind::Double && is_arithmetic(&func_name);
        let args = parts.into_iter().map(|part| part.expr).collect();
        let expr = IdedExpr { id, expr: Expr::Call(CallExpr { func_name, target: None, args }) };
        Ok(Part { expr: if guarded { self.guard(expr) } else { expr }, kind })
    }

    fn member(&self, id: u64, name: &str) -> Result<Part, CompileError> {
        if LOOPS.contains(&name) {
            return self.fault(id, format!("`{name}` is a loop, which is not allowed"), "write out each comparison");
        }
        let problem = format!("`.{name}(..)` calls on a value, which is not allowed");
        let cure = functions::find(name).map(|_| format!("write `{name}(..)` with the value inside"));
        self.fault(id, problem, cure.unwrap_or_else(|| known_functions(name)))
    }

    fn stranger(&self, id: u64, name: &str) -> Result<Part, CompileError> {
        match name {
            "has" => self.fault(id, "`has` is not allowed", "every name has a value"),
            operators::IN => self.fault(id, "`in` is not allowed", "write `a == 1.0 || a == 2.0`"),
            _ => self.fault(id, format!("the function `{name}` is unknown"), known_functions(name)),
        }
    }

    /// What an operator or a function gives for what it takes.
    fn kind_of(&self, id: u64, name: &str, parts: &[Part]) -> Result<Kind, CompileError> {
        match (name, parts) {
            (operators::CONDITIONAL, [condition, yes, no]) => self.choice(id, condition, yes, no),
            (operators::LOGICAL_AND | operators::LOGICAL_OR, [a, b]) => self.bools(id, written(name), &[a, b]),
            (operators::LOGICAL_NOT, [a]) => self.bools(id, "!", &[a]),
            (operators::NEGATE, [a]) if a.kind != Kind::Bool => Ok(a.kind),
            (operators::NEGATE, _) => self.fault(id, "`-` takes a number, not a bool", "write `!` for the opposite"),
            (operators::EQUALS | operators::NOT_EQUALS, [a, b]) if a.kind == b.kind => Ok(Kind::Bool),
            (_, [a, b]) if is_operator(name) => self.numbers(id, name, a, b),
            _ => self.function(id, name, parts),
        }
    }

    fn choice(&self, id: u64, condition: &Part, yes: &Part, no: &Part) -> Result<Kind, CompileError> {
        if condition.kind != Kind::Bool {
            return self.fault(id, format!("`?` takes a bool, not {}", condition.kind), COMPARE);
        }
        if yes.kind != no.kind {
            let cure = mix_cure(yes, no).unwrap_or_else(|| "make both the same".to_owned());
            return self.fault(id, format!("`? :` gives {} or {}", yes.kind, no.kind), cure);
        }
        Ok(yes.kind)
    }

    fn bools(&self, id: u64, operator: &str, parts: &[&Part]) -> Result<Kind, CompileError> {
        match parts.iter().find(|part| part.kind != Kind::Bool) {
            Some(part) => self.fault(id, format!("`{operator}` takes bools, not {}", part.kind), COMPARE),
            None => Ok(Kind::Bool),
        }
    }

    /// Arithmetic and order, which take two of one kind of number.
    fn numbers(&self, id: u64, name: &str, a: &Part, b: &Part) -> Result<Kind, CompileError> {
        let operator = written(name);
        if let Some(cure) = mix_cure(a, b) {
            return self.fault(id, format!("`{operator}` mixes {} and {}", a.kind, b.kind), cure);
        }
        match a.kind {
            Kind::Bool => self.fault(id, format!("`{operator}` takes numbers, not a bool"), bool_cure(name)),
            kind if b.kind != kind => self.fault(id, format!("`{operator}` takes numbers, not a bool"), bool_cure(name)),
            Kind::Double if name == operators::MODULO => {
                self.fault(id, "`%` takes ints, not doubles", "write `int(..)` around the double, as in `int(a) % 2`")
            }
            kind if is_arithmetic(name) => Ok(kind),
            _ => Ok(Kind::Bool),
        }
    }

    fn function(&self, id: u64, name: &str, parts: &[Part]) -> Result<Kind, CompileError> {
        let overloads = functions::find(name).map_or(&[][..], |function| function.overloads);
        let fits = |takes: &[Kind]| parts.iter().map(|part| part.kind).eq(takes.iter().copied());
        if let Some((_, gives)) = overloads.iter().find(|(takes, _)| fits(takes)) {
            return Ok(*gives);
        }
        let given = parts.iter().map(|part| part.kind.to_string()).collect::<Vec<_>>();
        let problem = format!("`{name}` does not take ({})", given.join(", "));
        let takes = overloads.iter().map(|(takes, _)| {
            let kinds = takes.iter().map(Kind::to_string).collect::<Vec<_>>();
            format!("({})", kinds.join(", "))
        });
        let cure = match parts {
            [a, b] => mix_cure(a, b),
            _ => None,
        };
        self.fault(id, problem, cure.unwrap_or_else(|| format!("it takes {}", takes.collect::<Vec<_>>().join(" or "))))
    }

    /// `@finite(expr, offset)`: the offset says at evaluation which operator it was.
    fn guard(&self, expr: IdedExpr) -> IdedExpr {
        let offset = self.source.offset_for(expr.id).map_or(0, |(start, _)| i64::from(start));
        let offset = IdedExpr { id: 0, expr: Expr::Literal(LiteralValue::Int(offset.into())) };
        let args = vec![expr, offset];
        IdedExpr { id: 0, expr: Expr::Call(CallExpr { func_name: FINITE.to_owned(), target: None, args }) }
    }

    fn place(&self, id: u64) -> Option<Place> {
        let (start, _) = self.source.offset_for(id)?;
        Some(Place::of(self.text, usize::try_from(start).ok()?))
    }

    fn fault<T>(&self, id: u64, problem: impl Into<String>, cure: impl Into<String>) -> Result<T, CompileError> {
        Err(CompileError::new(self.place(id), problem, cure))
    }
}

/// What to write where an int meets a double.
fn mix_cure(a: &Part, b: &Part) -> Option<String> {
    let int = match (a.kind, b.kind) {
        (Kind::Int, Kind::Double) => a,
        (Kind::Double, Kind::Int) => b,
        _ => return None,
    };
    Some(match &int.expr.expr {
        Expr::Literal(LiteralValue::Int(number)) => format!("write `{}.0`", number.inner()),
        _ => "make both doubles: write `3.0` for `3`, and `double(..)` around what is an int otherwise".to_owned(),
    })
}

fn bool_cure(name: &str) -> &'static str {
    if is_arithmetic(name) { "choose a number: `a > 1.0 ? 1.0 : 0.0`" } else { "join comparisons: `1.0 < a && a < 2.0`" }
}

fn known_functions(name: &str) -> String {
    names::known(name, "functions", FUNCTIONS.iter().map(|function| function.name))
}

/// The operators that conditions have, as the tree names them and as they are written.
const OPERATORS: &[(&str, &str)] = &[
    (operators::CONDITIONAL, "?"),
    (operators::LOGICAL_AND, "&&"),
    (operators::LOGICAL_OR, "||"),
    (operators::LOGICAL_NOT, "!"),
    (operators::NEGATE, "-"),
    (operators::EQUALS, "=="),
    (operators::NOT_EQUALS, "!="),
    (operators::GREATER_EQUALS, ">="),
    (operators::LESS_EQUALS, "<="),
    (operators::GREATER, ">"),
    (operators::LESS, "<"),
    (operators::ADD, "+"),
    (operators::SUBSTRACT, "-"),
    (operators::MULTIPLY, "*"),
    (operators::DIVIDE, "/"),
    (operators::MODULO, "%"),
];

fn is_operator(name: &str) -> bool {
    OPERATORS.iter().any(|(operator, _)| *operator == name)
}

fn written(name: &str) -> &str {
    OPERATORS.iter().find(|(operator, _)| *operator == name).map_or(name, |(_, written)| written)
}

fn is_arithmetic(name: &str) -> bool {
    matches!(name, operators::ADD | operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE | operators::MODULO)
}
