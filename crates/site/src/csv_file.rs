//! `points.csv` and `alarms.csv` as entries: one column per key, an empty cell leaves the key out.

use crate::fault::{Place, Sink};
use crate::node::{Field, Node};
use crate::suggest;

/// Reads a table with a header and hands each row's fields to `take`.
pub(crate) fn read(
    file: u32,
    text: &str,
    known: &[&str],
    sink: &mut Sink,
    mut take: impl FnMut(u32, Vec<Field<'_>>, &mut Sink) -> bool,
) {
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let header: Vec<String> = match reader.headers() {
        Ok(header) => header.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect(),
        Err(error) => return sink.fault(Place { file, line: 1 }, "", "", format!("is no valid CSV: {error}"), ""),
    };
    check_header(file, &header, known, sink);
    let mut record = csv::StringRecord::new();
    loop {
        match reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return sink.fault(Place { file, line: 0 }, "", "", format!("is no valid CSV: {error}"), ""),
        }
        let line = record.position().map_or(0, |position| u32::try_from(position.line()).unwrap_or(u32::MAX));
        if record.len() != header.len() {
            let problem = format!("the row has {} cells, the header {}", record.len(), header.len());
            sink.fault(Place { file, line }, "", "", problem, "write one cell for each column");
            continue;
        }
        // A column that is not known has been told once, at the header.
        let cells = header.iter().zip(&record).filter(|(name, cell)| !cell.is_empty() && known.contains(&name.as_str()));
        let fields = cells.map(|(name, cell)| Field { name, line, raw: cell, node: Node::Cell(cell) }).collect();
        if !take(line, fields, sink) {
            return;
        }
    }
}

fn check_header(file: u32, header: &[String], known: &[&str], sink: &mut Sink) {
    let place = Place { file, line: 1 };
    for (at, name) in header.iter().enumerate() {
        if !known.contains(&name.as_str()) {
            let cure = match suggest::nearest(name, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`"),
                None => format!("known are {}", known.join(", ")),
            };
            sink.fault(place, name, "", "is no column of this file", cure);
        } else if header[..at].contains(name) {
            sink.fault(place, name, "", "is a column twice", "remove one");
        }
    }
}
