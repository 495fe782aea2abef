//! What TOML and CSV have in common: entries of named fields, each with its line and its text as written.

use std::fmt::Display;

use model::Span;

use crate::decimal;
use crate::fault::{At, Place, Sink};
use crate::suggest;

/// The longest time that a rule looks back or ahead.
const WINDOW_MAX: Span = Span::from_secs(24 * 3_600);

/// A written value.
#[derive(Debug)]
pub(crate) enum Node<'a> {
    /// Text.
    Text(&'a str),
    /// A cell of a CSV file: whatever its column asks for.
    Cell(&'a str),
    /// A number.
    Number(f64),
    /// A truth value.
    Bool(bool),
    /// A date or a time; no key takes one.
    Datetime,
    /// Several values.
    List(Vec<Field<'a>>),
    /// Named values.
    Table(Vec<Field<'a>>),
}

/// A value with its name, its line and how it was written.
#[derive(Debug)]
pub(crate) struct Field<'a> {
    pub(crate) name: &'a str,
    pub(crate) line: u32,
    pub(crate) raw: &'a str,
    pub(crate) node: Node<'a>,
}

/// One value of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scalar<'e> {
    /// Text.
    Text(&'e str),
    /// A piece of a cell: whatever its column asks for.
    Cell(&'e str),
    /// A finite number.
    Number(f64),
}

/// One park, enterprise, installation, substance, point or alarm as written.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'e, 'a> {
    /// What it is, for messages.
    pub(crate) what: &'static str,
    pub(crate) place: Place,
    pub(crate) fields: &'e [Field<'a>],
}

impl<'e, 'a> Entry<'e, 'a> {
    /// Tells every key that this entry does not have.
    pub(crate) fn check_keys(self, known: &[&str], sink: &mut Sink) {
        for field in self.fields.iter().filter(|field| !known.contains(&field.name)) {
            let cure = match suggest::nearest(field.name, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`"),
                None => format!("known are {}", known.join(", ")),
            };
            sink.fault(self.at(field), field.name, field.raw, format!("{} has no such key", article(self.what)), cure);
        }
    }

    pub(crate) fn at(self, field: &Field<'_>) -> Place {
        Place { line: field.line, ..self.place }
    }

    pub(crate) fn field(self, key: &str) -> Option<&'e Field<'a>> {
        self.fields.iter().find(|field| field.name == key)
    }

    /// Tells that a field is wrong.
    pub(crate) fn wrong(self, field: &Field<'_>, problem: impl Into<String>, cure: impl Into<String>, sink: &mut Sink) {
        sink.fault(self.at(field), field.name, field.raw, problem, cure);
    }

    /// Tells that a key is missing, where it is.
    pub(crate) fn required(self, key: &str, example: &str, sink: &mut Sink) {
        if self.field(key).is_none() {
            sink.fault(self.place, key, "", format!("is missing from this {}", self.what), format!("add {example}"));
        }
    }

    pub(crate) fn text(self, key: &str, sink: &mut Sink) -> Option<At<&'e str>> {
        let field = self.field(key)?;
        let place = self.at(field);
        match &field.node {
            Node::Text(text) | Node::Cell(text) => Some(At { value: text, place }),
            _ => {
                self.wrong(field, "is not text", "write it in quotes", sink);
                None
            }
        }
    }

    /// Free text; left out is empty.
    pub(crate) fn prose(self, key: &str, sink: &mut Sink) -> String {
        self.text(key, sink).map_or_else(String::new, |text| text.value.to_owned())
    }

    /// A text that has to be something.
    pub(crate) fn filled(self, key: &str, example: &str, sink: &mut Sink) -> Option<String> {
        self.required(key, example, sink);
        let text = self.text(key, sink)?;
        if text.value.trim().is_empty() {
            sink.fault(text.place, key, "\"\"", "is empty", format!("write {example}"));
            return None;
        }
        Some(text.value.to_owned())
    }

    /// A text that a checked constructor takes.
    pub(crate) fn checked<T, E>(
        self,
        key: &str,
        make: impl Fn(&str) -> Result<T, E>,
        cure: &str,
        sink: &mut Sink,
    ) -> Option<At<T>> {
        let text = self.text(key, sink)?;
        match make(text.value) {
            Ok(value) => Some(At { value, place: text.place }),
            Err(_) => {
                let field = self.field(key)?;
                self.wrong(field, "is no valid id", cure, sink);
                None
            }
        }
    }

    pub(crate) fn id<T, E>(self, key: &str, make: impl Fn(&str) -> Result<T, E>, sink: &mut Sink) -> Option<At<T>> {
        self.checked(key, make, "write 1 to 64 of A-Z a-z 0-9 _ . -", sink)
    }

    pub(crate) fn required_id<T, E>(self, key: &str, make: impl Fn(&str) -> Result<T, E>, sink: &mut Sink) -> Option<At<T>> {
        self.required(key, &format!("{key} = \"…\""), sink);
        self.id(key, make, sink)
    }

    /// A finite number.
    pub(crate) fn number(self, key: &str, sink: &mut Sink) -> Option<At<f64>> {
        self.field(key).and_then(|field| self.number_in(field, sink))
    }

    pub(crate) fn number_in(self, field: &Field<'_>, sink: &mut Sink) -> Option<At<f64>> {
        let number = match &field.node {
            Node::Number(number) => Some(*number),
            Node::Cell(text) => text.parse().ok(),
            _ => None,
        };
        let (problem, cure) = match number {
            // Adding zero turns -0.0 into 0.0, so that both have one canonical form.
            Some(number) if number.is_finite() => return Some(At { value: number + 0.0, place: self.at(field) }),
            Some(_) => ("is not finite", "write a finite number"),
            None if matches!(field.node, Node::Text(_)) => ("is text, not a number", "write the number without quotes"),
            None => ("is not a number", "write a decimal number"),
        };
        self.wrong(field, problem, cure, sink);
        None
    }

    /// A number that is not negative.
    pub(crate) fn magnitude(self, key: &str, sink: &mut Sink) -> Option<f64> {
        let number = self.number(key, sink)?;
        if number.value < 0.0 {
            self.wrong(self.field(key)?, "is negative", "write 0 or more", sink);
            return None;
        }
        Some(number.value)
    }

    /// A whole number of things.
    pub(crate) fn count(self, key: &str, sink: &mut Sink) -> Option<u32> {
        let number = self.number(key, sink)?.value;
        if !(0.0..=f64::from(u32::MAX)).contains(&number) || number.fract() != 0.0 {
            self.wrong(self.field(key)?, "is no count", "write a whole number from 0 to 4294967295", sink);
            return None;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and in range by the lines before")]
        Some(number as u32)
    }

    pub(crate) fn truth(self, key: &str, sink: &mut Sink) -> Option<bool> {
        let field = self.field(key)?;
        match field.node {
            Node::Bool(truth) => Some(truth),
            Node::Cell("true") => Some(true),
            Node::Cell("false") => Some(false),
            _ => {
                self.wrong(field, "is neither true nor false", "write true or false", sink);
                None
            }
        }
    }

    pub(crate) fn span(self, key: &str, sink: &mut Sink) -> Option<Span> {
        let field = self.field(key)?;
        let problem = match &field.node {
            Node::Text(text) | Node::Cell(text) => match decimal::duration(text) {
                Ok(span) => return Some(span),
                Err(problem) => problem,
            },
            Node::Number(_) => "has no unit",
            _ => "is no duration",
        };
        self.wrong(field, problem, decimal::CURE_DURATION, sink);
        None
    }

    /// A duration longer than nothing.
    pub(crate) fn lasting(self, key: &str, sink: &mut Sink) -> Option<Span> {
        let span = self.span(key, sink)?;
        if span <= Span::ZERO {
            self.wrong(self.field(key)?, "is no time at all", "write more than 0s", sink);
            return None;
        }
        Some(span)
    }

    /// One of a closed set of words.
    pub(crate) fn word<T: Copy>(self, key: &str, all: &[T], name: impl Fn(T) -> &'static str, sink: &mut Sink) -> Option<At<T>> {
        let text = self.text(key, sink)?;
        if let Some(found) = all.iter().find(|word| name(**word) == text.value) {
            return Some(At { value: *found, place: text.place });
        }
        let names: Vec<_> = all.iter().map(|word| name(*word)).collect();
        let cure = match suggest::nearest(text.value, names.iter().copied()) {
            Some(near) => format!("did you mean \"{near}\""),
            None => format!("write one of {}", names.join(", ")),
        };
        self.wrong(self.field(key)?, "is not known", cure, sink);
        None
    }

    /// A duration up to a day, and longer than nothing: what is looked back over or ahead.
    pub(crate) fn window(self, key: &str, sink: &mut Sink) -> Option<Span> {
        let span = self.lasting(key, sink)?;
        if span > WINDOW_MAX {
            self.wrong(self.field(key)?, "is longer than a day", "write \"24h\" or less", sink);
            return None;
        }
        Some(span)
    }

    /// The values of a list, at least one; in a cell they are parted by semicolons.
    pub(crate) fn list(self, key: &str, example: &str, sink: &mut Sink) -> Option<Vec<At<Scalar<'e>>>> {
        self.required(key, example, sink);
        let field = self.field(key)?;
        let place = self.at(field);
        let values = match &field.node {
            Node::List(items) => items.iter().map(|item| self.scalar(item, sink)).collect::<Option<Vec<_>>>()?,
            Node::Cell(text) => pieces(text).map(|piece| At { value: Scalar::Cell(piece), place }).collect(),
            _ => {
                self.wrong(field, "is no list", format!("write {example}"), sink);
                return None;
            }
        };
        if values.is_empty() {
            self.wrong(field, "is empty", format!("write {example}"), sink);
            return None;
        }
        Some(values)
    }

    /// One text or one finite number.
    pub(crate) fn scalar(self, field: &'e Field<'a>, sink: &mut Sink) -> Option<At<Scalar<'e>>> {
        let place = self.at(field);
        match &field.node {
            Node::Text(text) => Some(At { value: Scalar::Text(text), place }),
            Node::Cell(text) => Some(At { value: Scalar::Cell(text), place }),
            Node::Number(_) => self.number_in(field, sink).map(|number| At { value: Scalar::Number(number.value), place }),
            _ => {
                self.wrong(field, "is neither text nor a number", "write text in quotes, or a number", sink);
                None
            }
        }
    }

    /// The named texts of a table; in a cell `name=text`, parted by semicolons. `None` where that is at fault.
    pub(crate) fn pairs(self, key: &str, example: &str, sink: &mut Sink) -> Option<Vec<(&'e str, At<&'e str>)>> {
        let Some(field) = self.field(key) else { return Some(Vec::new()) };
        let place = self.at(field);
        let of_item = |item: &'e Field<'a>| match &item.node {
            Node::Text(text) => Some((item.name, At { value: *text, place: self.at(item) })),
            _ => None,
        };
        let of_piece = |piece: &'e str| {
            let (name, text) = piece.split_once('=')?;
            Some((name.trim(), At { value: text.trim(), place }))
        };
        let pairs: Option<Vec<_>> = match &field.node {
            Node::Table(items) => items.iter().map(of_item).collect(),
            Node::Cell(text) => pieces(text).map(of_piece).collect(),
            _ => None,
        };
        if pairs.is_none() {
            self.wrong(field, "is no table of names and ids", format!("write {example}"), sink);
        }
        pairs
    }

    /// The entries under a key: one table, or a list of tables.
    pub(crate) fn entries(self, key: &str, what: &'static str, sink: &mut Sink) -> Vec<Entry<'e, 'a>> {
        let Some(field) = self.field(key) else { return Vec::new() };
        let of = |field: &Field<'_>, fields| Entry { what, place: self.at(field), fields };
        let items: &[Field<'_>] = match &field.node {
            Node::Table(fields) => return vec![of(field, fields)],
            Node::List(items) => items,
            _ => std::slice::from_ref(field),
        };
        let mut entries = Vec::with_capacity(items.len());
        for item in items {
            match &item.node {
                Node::Table(fields) => entries.push(of(item, fields)),
                _ => self.wrong(item, format!("is no {what}"), format!("write [[{key}]] and its keys below"), sink),
            }
        }
        entries
    }
}

fn pieces(cell: &str) -> impl Iterator<Item = &str> {
    cell.split(';').map(str::trim).filter(|piece| !piece.is_empty())
}

fn article(noun: &str) -> impl Display {
    let vowel = noun.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {noun}", if vowel { "an" } else { "a" })
}
