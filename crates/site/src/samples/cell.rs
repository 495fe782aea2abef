//! One cell of recorded samples: a number, a word for no value, or a state.

use model::{Point, Quantity};

/// What a cell says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cell {
    /// No sample.
    Empty,
    /// A finite number.
    Value(f64),
    /// A sample without a value.
    NoValue,
    /// Nothing that this point can have.
    Wrong,
}

/// Reads a trimmed cell for a point. States are looked up first, since a state may look like a number.
pub(super) fn read(text: &str, point: &Point) -> Cell {
    if text.is_empty() {
        return Cell::Empty;
    }
    if let Some((_, number)) = point.states.iter().find(|(state, _)| state == text) {
        return Cell::Value(*number);
    }
    // The standard parser also knows the words for NaN and the infinities.
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Cell::Value(number),
        Ok(_) => Cell::NoValue,
        Err(_) if text.eq_ignore_ascii_case("null") => Cell::NoValue,
        Err(_) => Cell::Wrong,
    }
}

/// What is wrong with a cell, and the cure.
pub(super) fn explain(text: &str, point: &Point) -> (String, String) {
    if point.quantity == Quantity::State {
        let states: Vec<_> = point.states.iter().map(|(state, _)| state.as_str()).collect();
        let cure = if states.is_empty() { "give the point a table of states".to_owned() } else { states.join(", ") };
        let cure = if states.is_empty() { cure } else { format!("write a number or one of {cure}") };
        return (format!("is no state of point {}", point.id), cure);
    }
    let decimal_comma = text.replacen(',', ".", 1).parse::<f64>().is_ok();
    let cure = if decimal_comma { "write a decimal point" } else { "write a decimal number, or nan where there is no value" };
    ("is no number".to_owned(), cure.to_owned())
}
