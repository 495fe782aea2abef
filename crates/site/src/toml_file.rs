//! TOML text as entries: every form that TOML has for tables and lists, with the line of each key.

use toml_edit::{Document, Item, TableLike, Value};

use crate::fault::{Place, Sink};
use crate::node::{Field, Node};

/// Turns offsets into lines and written text.
struct Source<'a> {
    text: &'a str,
    line_starts: Vec<usize>,
}

impl<'a> Source<'a> {
    fn new(text: &'a str) -> Self {
        let line_starts = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1).collect();
        Self { text, line_starts }
    }

    fn line(&self, offset: usize) -> u32 {
        let line = self.line_starts.partition_point(|start| *start <= offset) + 1;
        u32::try_from(line).unwrap_or(u32::MAX)
    }

    fn raw(&self, span: Option<std::ops::Range<usize>>) -> &'a str {
        span.and_then(|span| self.text.get(span)).unwrap_or_default()
    }
}

/// Reads a document and hands its top-level fields to `take`; a syntax error is a fault.
pub(crate) fn read(file: u32, text: &str, sink: &mut Sink, take: impl FnOnce(Vec<Field<'_>>, &mut Sink)) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let source = Source::new(text);
    match Document::parse(text) {
        Ok(document) => take(fields_of(document.as_table(), 1, &source), sink),
        Err(error) => {
            // At the end of the text the parser points one past it.
            let offset = error.span().map_or(0, |span| span.start.min(text.len()));
            let line = source.line(offset);
            let written = text.lines().nth(line as usize - 1).unwrap_or_default();
            let problem = format!("is no valid TOML: {}", error.message().trim().trim_end_matches('.').replace('\n', ", "));
            sink.fault(
                Place { file, line },
                "",
                written,
                problem,
                "correct the syntax; other faults of this file show after that",
            );
        }
    }
}

fn fields_of<'d>(table: &'d dyn TableLike, outer_line: u32, source: &Source<'d>) -> Vec<Field<'d>> {
    let field = |(name, item): (&'d str, &'d Item)| {
        let key_line = table.key(name).and_then(toml_edit::Key::span).map(|span| source.line(span.start));
        // A table's own header says more than the key inside it.
        let header = if item.is_value() { None } else { item.span().map(|span| source.line(span.start)) };
        let line = header.or(key_line).unwrap_or(outer_line);
        Field { name, line, raw: raw_of(item, source), node: node_of(name, item, line, source) }
    };
    table.iter().map(field).collect()
}

fn raw_of<'d>(item: &Item, source: &Source<'d>) -> &'d str {
    if item.is_value() { source.raw(item.span()) } else { "" }
}

fn node_of<'d>(name: &'d str, item: &'d Item, line: u32, source: &Source<'d>) -> Node<'d> {
    match item {
        Item::None => Node::Table(Vec::new()),
        Item::Value(value) => node_of_value(name, value, line, source),
        Item::Table(table) => Node::Table(fields_of(table, line, source)),
        Item::ArrayOfTables(tables) => {
            let field = |table: &'d toml_edit::Table| {
                let line = table.span().map_or(line, |span| source.line(span.start));
                Field { name, line, raw: "", node: Node::Table(fields_of(table, line, source)) }
            };
            Node::List(tables.iter().map(field).collect())
        }
    }
}

fn node_of_value<'d>(name: &'d str, value: &'d Value, line: u32, source: &Source<'d>) -> Node<'d> {
    match value {
        Value::String(text) => Node::Text(text.value()),
        #[expect(clippy::cast_precision_loss, reason = "every number of a site is judged as binary64")]
        Value::Integer(number) => Node::Number(*number.value() as f64),
        Value::Float(number) => Node::Number(*number.value()),
        Value::Boolean(truth) => Node::Bool(*truth.value()),
        Value::Datetime(_) => Node::Datetime,
        Value::Array(items) => {
            let field = |item: &'d Value| {
                let line = item.span().map_or(line, |span| source.line(span.start));
                Field { name, line, raw: source.raw(item.span()), node: node_of_value(name, item, line, source) }
            };
            Node::List(items.iter().map(field).collect())
        }
        Value::InlineTable(table) => Node::Table(fields_of(table, line, source)),
    }
}
