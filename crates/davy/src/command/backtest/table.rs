//! Figures of rules as people read them.

use model::Span;
use serde_json::{Value, json};
use tuning::{Figures, Setting};

/// A column's texts start at the left; all others end at the right.
pub(super) const LEFT: &[usize] = &[0];

/// Lines of a table: each column as wide as its longest text, two blanks between them.
pub(super) fn lines(rows: &[Vec<String>], left: &[usize]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|text| text.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cell = |(column, (text, width)): (usize, (&String, &usize))| {
            if left.contains(&column) { format!("{text:<width$}") } else { format!("{text:>width$}") }
        };
        let cells: Vec<String> = row.iter().zip(&widths).enumerate().map(cell).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// Texts as a row.
pub(super) fn row<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}

/// A count that may be missing.
pub(super) fn count(figures: Option<Figures>, of: impl Fn(Figures) -> usize) -> String {
    figures.map_or_else(|| "-".to_owned(), |it| of(it).to_string())
}

/// A time in alarm that may be missing.
pub(super) fn in_alarm(figures: Option<Figures>) -> String {
    figures.map_or_else(|| "-".to_owned(), |it| lasting(it.in_alarm))
}

/// `3.6s`, `12m25s`, `6h03m`: as exact as one wants to know.
pub(super) fn lasting(span: Span) -> String {
    let (sign, micros) = (if span < Span::ZERO { "-" } else { "" }, span.micros().unsigned_abs());
    let tenths = micros.saturating_add(50_000) / 100_000;
    let seconds = micros.saturating_add(500_000) / 1_000_000;
    match seconds {
        _ if tenths < 600 && tenths.is_multiple_of(10) => format!("{sign}{}s", tenths / 10),
        _ if tenths < 600 => format!("{sign}{}.{}s", tenths / 10, tenths % 10),
        ..3_600 => format!("{sign}{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{sign}{}h{:02}m", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// Seconds as a number of JSON.
pub(super) fn seconds(span: Span) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "for reading; microseconds of 285 years fit")]
    let seconds = span.micros() as f64 / 1e6;
    json!(seconds)
}

/// Figures as JSON.
pub(super) fn figures(figures: Option<Figures>) -> Value {
    figures.map_or(Value::Null, |it| {
        json!({
            "raised": it.raised,
            "in_alarm_s": seconds(it.in_alarm),
            "chattering": it.chattering,
            "chatters": it.chatters,
        })
    })
}

/// A setting as JSON.
pub(super) fn setting(it: Setting) -> Value {
    json!({ "deadband": it.deadband, "on_delay_s": seconds(it.on_delay), "off_delay_s": seconds(it.off_delay) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_longest() {
        let rows = [row(["rule", "raised"]), row(["e01-PI-101 high", "7"]), row(["x", ""])];
        assert_eq!(lines(&rows, LEFT), ["rule             raised", "e01-PI-101 high       7", "x"]);
    }

    #[test]
    fn times_are_as_exact_as_one_wants_to_know() {
        let texts = [0, 3_600, 30_000, 59_940, 59_960, 745_200, 3_599_499, 3_599_500, 21_799_000, -5_000]
            .map(|millis| lasting(Span::from_millis(millis)));
        assert_eq!(texts, ["0s", "3.6s", "30s", "59.9s", "1m00s", "12m25s", "59m59s", "1h00m", "6h03m", "-5s"]);
    }
}
