//! Faults: where, what was written, what is wrong with it, and what would be right.
//!
//! Limits: 1,000 faults and 1,000 warnings are kept, the first in the order of files and lines; the rest is counted in one line.

use std::fmt;

/// How many faults, and how many warnings, are told one by one.
pub const FAULTS_MAX: usize = 1_000;

/// The longest written value that a fault repeats, in characters.
const VALUE_CHARS_MAX: usize = 80;

/// What a fault does to the text it is found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The text cannot be used.
    Error,
    /// The text can be used, and somebody should look at it.
    Warning,
}

/// One thing that is wrong, or looks wrong, in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file as the caller named it; empty where it concerns none.
    pub file: String,
    /// The line, from 1; 0 where it concerns the whole file.
    pub line: u64,
    /// The key or the column; empty where it concerns none.
    pub key: String,
    /// The value as written, shortened; empty where there is none.
    pub value: String,
    /// What is wrong: a lower-case fragment without a full stop.
    pub problem: String,
    /// What would be right; may be empty.
    pub cure: String,
    /// Whether the text can still be used.
    pub severity: Severity,
}

impl fmt::Display for Fault {
    /// `file:line: key = value: problem; cure`, each part only where there is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.file.as_str(), self.line) {
            ("", _) => {}
            (file, 0) => write!(f, "{file}: ")?,
            (file, line) => write!(f, "{file}:{line}: ")?,
        }
        match (self.key.as_str(), self.value.as_str()) {
            ("", "") => {}
            ("", value) => write!(f, "{value}: ")?,
            (key, "") => write!(f, "{key}: ")?,
            (key, value) => write!(f, "{key} = {value}: ")?,
        }
        f.write_str(&self.problem)?;
        if self.cure.is_empty() { Ok(()) } else { write!(f, "; {}", self.cure) }
    }
}

impl std::error::Error for Fault {}

/// One line of a written value, short enough to be repeated.
pub(crate) fn shortened(raw: &str) -> String {
    let mut lines = raw.trim().lines();
    let first = lines.next().unwrap_or_default();
    let mut text: String = first.chars().map(|c| if c.is_control() { ' ' } else { c }).take(VALUE_CHARS_MAX).collect();
    if lines.next().is_some() || first.chars().nth(VALUE_CHARS_MAX).is_some() {
        text.push('…');
    }
    text
}

/// A place in the texts: the file by its number, and the line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) file: u32,
    pub(crate) line: u32,
}

/// A value and where it was written.
#[derive(Clone, Debug)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
}

/// Collects what is wrong, in bounded memory.
pub(crate) struct Sink {
    files: Vec<String>,
    faults: Kept,
    warnings: Kept,
    /// How many suggestions out of long lists are still worth their time.
    pub(crate) suggestions_left: u32,
}

impl Sink {
    pub(crate) fn new(files: Vec<String>) -> Self {
        Self { files, faults: Kept::default(), warnings: Kept::default(), suggestions_left: 100 }
    }

    /// The place as `file:line`.
    pub(crate) fn name(&self, place: Place) -> String {
        format!("{}:{}", self.file(place), place.line)
    }

    fn file(&self, place: Place) -> &str {
        self.files.get(place.file as usize).map_or("", String::as_str)
    }

    pub(crate) fn fault(&mut self, place: Place, key: &str, raw: &str, problem: impl Into<String>, cure: impl Into<String>) {
        let fault = self.make(place, key, raw, problem.into(), cure.into(), Severity::Error);
        self.faults.push(place, fault);
    }

    pub(crate) fn warning(&mut self, place: Place, key: &str, raw: &str, problem: impl Into<String>, cure: impl Into<String>) {
        let fault = self.make(place, key, raw, problem.into(), cure.into(), Severity::Warning);
        self.warnings.push(place, fault);
    }

    fn make(&self, place: Place, key: &str, raw: &str, problem: String, cure: String, severity: Severity) -> Fault {
        let (key, value) = (shortened(key), shortened(raw));
        Fault { file: self.file(place).to_owned(), line: u64::from(place.line), key, value, problem, cure, severity }
    }

    pub(crate) fn is_faultless(&self) -> bool {
        self.faults.kept.is_empty()
    }

    pub(crate) fn into_faults(self) -> Vec<Fault> {
        self.faults.into_vec("faults", Severity::Error)
    }

    pub(crate) fn into_warnings(self) -> Vec<Fault> {
        self.warnings.into_vec("warnings", Severity::Warning)
    }
}

/// The first so many in order, and a count of the others.
#[derive(Default)]
struct Kept {
    kept: Vec<(Place, Fault)>,
    others: u64,
}

impl Kept {
    fn push(&mut self, place: Place, fault: Fault) {
        self.kept.push((place, fault));
        if self.kept.len() >= 2 * FAULTS_MAX {
            self.cut();
        }
    }

    fn cut(&mut self) {
        // Stable: what was found first in a line is told first.
        self.kept.sort_by_key(|(place, _)| *place);
        self.others += self.kept.len().saturating_sub(FAULTS_MAX) as u64;
        self.kept.truncate(FAULTS_MAX);
    }

    fn into_vec(mut self, noun: &str, severity: Severity) -> Vec<Fault> {
        self.cut();
        let mut faults: Vec<_> = self.kept.into_iter().map(|(_, fault)| fault).collect();
        if self.others > 0 {
            let problem = format!("{} more {noun} are not listed", self.others);
            let (file, key, value, cure) = (String::new(), String::new(), String::new(), String::new());
            faults.push(Fault { file, line: 0, key, value, problem, cure, severity });
        }
        faults
    }
}
