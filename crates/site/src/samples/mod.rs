//! Recorded samples as CSV, wide or long, row by row in the order of the file.
//!
//! Wide: `t_s` (seconds since 1970) or `ts` (RFC 3339, or milliseconds since 1970), then one column per point, named by its id,
//! or by its tag where that is unique; an empty cell is no sample. Long: `ts,point,value[,quality]`.
//! A cell at fault is told and left out; it never stops what comes after it.
//! Limits: 1,000 faults and 1,000 skipped names are kept, the others counted.

mod cell;
mod header;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io;

use csv::ByteRecord;
use model::{Quality, Site, Time};

use crate::fault::{FAULTS_MAX, Fault, Severity, shortened};
use cell::Cell;
use header::{Layout, Names};

/// How many names that no point claims are kept.
const SKIPPED_MAX: usize = 1_000;

/// One value: the index of its point in `site.points`, the value if it has one, and how far to trust it.
pub type Value = (usize, Option<f64>, Quality);

/// What one row says at one time: of each gateway that has a sample in it, one message.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The line it begins on, from 1.
    pub line: u64,
    /// The time of its samples.
    pub time: Time,
    /// Its samples, never none.
    pub values: Vec<Value>,
}

/// Reads rows; iterate over it, by reference if faults are to be asked for afterwards.
pub struct Reader<'s, R> {
    file: String,
    input: csv::Reader<R>,
    record: ByteRecord,
    site: &'s Site,
    names: Names<'s>,
    columns: Vec<String>,
    layout: Layout,
    skipped: BTreeSet<String>,
    skipped_cells: u64,
    faults: Vec<Fault>,
    fault_count: u64,
    ended: bool,
}

impl<'s, R: io::Read> Reader<'s, R> {
    /// Reads the header. `file` is the name for faults; `input` is plain CSV, already unpacked.
    pub fn new(file: &str, input: R, site: &'s Site) -> Result<Self, Box<Fault>> {
        let mut input = csv::ReaderBuilder::new().flexible(true).from_reader(input);
        let at_header = |key: &str, problem: String, cure: &str| Box::new(fault(file, 1, key, "", problem, cure));
        let header = input.byte_headers().map_err(|error| at_header("", format!("cannot be read: {error}"), ""))?;
        let name = |cell: &[u8]| String::from_utf8_lossy(cell.trim_ascii()).trim_start_matches('\u{feff}').to_owned();
        let columns: Vec<String> = header.iter().map(name).collect();
        let names = Names::of(site);
        let (layout, skipped) = header::layout(&columns, &names).map_err(|bad| at_header(&bad.column, bad.problem, bad.cure))?;
        Ok(Self {
            file: file.to_owned(),
            input,
            record: ByteRecord::new(),
            site,
            names,
            columns,
            layout,
            skipped: skipped.into_iter().collect(),
            skipped_cells: 0,
            faults: Vec::new(),
            fault_count: 0,
            ended: false,
        })
    }

    /// Names that no point claims, or several by their tags: of columns at once, of the long form as they come.
    pub fn skipped(&self) -> impl Iterator<Item = &str> {
        self.skipped.iter().map(String::as_str)
    }

    /// How many rows of the long form were skipped for their names.
    pub fn skipped_rows(&self) -> u64 {
        self.skipped_cells
    }

    /// The first faults so far, in the order of the file.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// How many faults there were so far, also those that were not kept.
    pub fn fault_count(&self) -> u64 {
        self.fault_count
    }

    fn tell(&mut self, line: u64, column: Option<usize>, value: &str, problem: impl Into<String>, cure: &str) {
        self.fault_count += 1;
        if self.faults.len() < FAULTS_MAX {
            let key = column.and_then(|at| self.columns.get(at)).map_or("", String::as_str);
            self.faults.push(fault(&self.file, line, key, value, problem.into(), cure));
        }
    }

    /// The next record that is whole, and its line.
    fn next_record(&mut self) -> Option<(ByteRecord, u64)> {
        loop {
            if self.ended {
                return None;
            }
            let mut record = std::mem::take(&mut self.record);
            let outcome = self.input.read_byte_record(&mut record);
            let line = record.position().map_or(0, csv::Position::line);
            match outcome {
                Ok(true) if record.len() == self.columns.len() => return Some((record, line)),
                Ok(true) => {
                    let problem = format!("the row has {} cells, the header {}", record.len(), self.columns.len());
                    self.tell(line, None, "", problem, "write one cell for each column");
                }
                Ok(false) => self.ended = true,
                Err(error) => {
                    // What cannot be read once cannot be read on: a broken archive, a failing disk.
                    self.ended = true;
                    self.tell(line, None, "", format!("cannot be read further: {error}"), "give the whole file");
                }
            }
            self.record = record;
        }
    }

    fn row(&mut self, record: &ByteRecord, line: u64) -> Option<Row> {
        let (time_column, unit) = self.layout.time();
        let text = text_of(record, time_column);
        let time = match unit.parse(&text) {
            Ok(time) => time,
            Err(problem) => {
                self.tell(line, Some(time_column), &text, problem, unit.cure());
                return None;
            }
        };
        let values = match &self.layout {
            Layout::Wide { .. } => self.wide_values(record, line),
            Layout::Long { point, value, quality, .. } => {
                let (point, value, quality) = (*point, *value, *quality);
                self.long_value(record, line, point, value, quality).into_iter().collect()
            }
        };
        (!values.is_empty()).then_some(Row { line, time, values })
    }

    fn wide_values(&mut self, record: &ByteRecord, line: u64) -> Vec<Value> {
        // Taken out and put back, so that faults can be told while the columns are walked.
        let Layout::Wide { points, .. } = &mut self.layout else { return Vec::new() };
        let points = std::mem::take(points);
        let mut values = Vec::with_capacity(points.len());
        for (column, point) in &points {
            let text = text_of(record, *column);
            match cell::read(&text, &self.site.points[*point]) {
                Cell::Empty => {}
                Cell::Value(value) => values.push((*point, Some(value), Quality::Good)),
                Cell::NoValue => values.push((*point, None, Quality::Bad)),
                Cell::Wrong => self.tell_cell(line, *column, &text, *point),
            }
        }
        if let Layout::Wide { points: place, .. } = &mut self.layout {
            *place = points;
        }
        values
    }

    fn long_value(
        &mut self,
        record: &ByteRecord,
        line: u64,
        point: usize,
        value: usize,
        quality: Option<usize>,
    ) -> Option<Value> {
        let name = text_of(record, point);
        let Some(found) = self.names.find(&name) else {
            self.skipped_cells += 1;
            if self.skipped.len() < SKIPPED_MAX {
                self.skipped.insert(shortened(&name));
            }
            return None;
        };
        let word = quality.map(|column| text_of(record, column)).unwrap_or_default();
        let trust = if word.is_empty() { Some(Quality::Good) } else { Quality::parse(&word) };
        let Some(trust) = trust else {
            self.tell(line, quality, &word, "is no quality", "write good, uncertain or bad");
            return None;
        };
        let text = text_of(record, value);
        match cell::read(&text, &self.site.points[found]) {
            // So the answer of a query can be read back: a bad sample may have no value.
            Cell::Empty if trust >= Quality::Bad => Some((found, None, trust)),
            Cell::Empty => None,
            Cell::Value(number) => Some((found, Some(number), trust)),
            Cell::NoValue => Some((found, None, trust.max(Quality::Bad))),
            Cell::Wrong => {
                self.tell_cell(line, value, &text, found);
                None
            }
        }
    }

    fn tell_cell(&mut self, line: u64, column: usize, text: &str, point: usize) {
        let (problem, cure) = cell::explain(text, &self.site.points[point]);
        self.tell(line, Some(column), text, problem, &cure);
    }
}

impl<R: io::Read> Iterator for Reader<'_, R> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        loop {
            let (record, line) = self.next_record()?;
            let row = self.row(&record, line);
            self.record = record;
            if row.is_some() {
                return row;
            }
        }
    }
}

fn text_of(record: &ByteRecord, column: usize) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(record.get(column).unwrap_or_default().trim_ascii())
}

fn fault(file: &str, line: u64, key: &str, value: &str, problem: String, cure: &str) -> Fault {
    let (key, value) = (shortened(key), shortened(value));
    Fault { file: file.to_owned(), line, key, value, problem, cure: cure.to_owned(), severity: Severity::Error }
}
