//! The site files: text in, a checked site out, or every fault with file, line and the cure; and recorded samples.
//! In: the texts of site files, TOML and CSV; recorded samples from a reader that the caller opened.
//! Out: a model site in canonical order with its canonical bytes; rows of samples.
//! May not enter: files, clocks, async, any Davy crate but model and expression.
//! Start at `load` below, then point.rs (one entry) and resolve.rs (all together); samples is a room of its own.
//!
//! Limits: 200,000 points; 1,000 faults listed, the rest counted. The sizes of files are the caller's to bound.

mod alarm;
mod canonical;
mod condition;
mod csv_file;
mod decimal;
mod defaults;
mod department;
mod fault;
mod formula;
mod gas;
mod node;
mod place;
mod point;
mod references;
mod resolve;
mod retune;
mod rules;
pub mod samples;
mod spot;
mod standards;
mod suggest;
mod suppression;
#[cfg(test)]
mod tests;
mod toml_file;
mod toxic;
mod warning_rule;
mod when;
mod wind;

pub use decimal::duration;
pub use fault::{FAULTS_MAX, Fault, Severity};
pub use retune::{Retune, retune};

use fault::{Place, Sink};
use node::{Entry, Field};
use resolve::Drafts;

/// The most points that one site has.
pub const POINTS_MAX: usize = 200_000;

/// One file of a site, already read: `….toml`, `…points.csv` or `…alarms.csv`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Its name, for faults; the ending says the format.
    pub name: String,
    /// Its text.
    pub text: String,
}

impl SourceFile {
    /// Whether a file of this name is part of a site.
    pub fn is_named(name: &str) -> bool {
        Format::of(name).is_some()
    }
}

/// A site that passed every check.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The site, every list in order of id.
    pub site: model::Site,
    /// What somebody should look at, in the order of files and lines.
    pub warnings: Vec<Fault>,
    /// The canonical bytes of the site: the same meaning gives the same bytes.
    pub content: Vec<u8>,
}

enum Format {
    Toml,
    Points,
    Alarms,
}

impl Format {
    fn of(name: &str) -> Option<Self> {
        let endings = [(".toml", Self::Toml), ("points.csv", Self::Points), ("alarms.csv", Self::Alarms)];
        endings.into_iter().find(|(ending, _)| name.ends_with(ending)).map(|(_, format)| format)
    }
}

/// Merges and checks the files of a site. On failure: every fault there is, in the order of files and lines.
pub fn load(files: &[SourceFile]) -> Result<Loaded, Vec<Fault>> {
    let mut sink = Sink::new(files.iter().map(|file| file.name.clone()).collect());
    let mut drafts = Drafts::default();
    for (number, file) in (0_u32..).zip(files) {
        read(number, file, &mut drafts, &mut sink);
    }
    if sink.is_faultless() && drafts.is_empty() {
        let names: Vec<_> = files.iter().map(|file| file.name.as_str()).collect();
        let place = if names.is_empty() { "no file is given".to_owned() } else { names.join(", ") };
        let problem = format!("no park, enterprise or point in {place}");
        // Said of all files together, so of none.
        sink.fault(Place { file: u32::MAX, line: 0 }, "", "", problem, "add at least one [[enterprise]]");
    }
    let site = resolve::resolve(drafts, &mut sink);
    match site {
        Some(site) if sink.is_faultless() => {
            let content = canonical::encode(&site);
            Ok(Loaded { site, warnings: sink.into_warnings(), content })
        }
        _ => Err(sink.into_faults()),
    }
}

fn read(number: u32, file: &SourceFile, drafts: &mut Drafts, sink: &mut Sink) {
    match Format::of(&file.name) {
        Some(Format::Toml) => toml_file::read(number, &file.text, sink, |fields, sink| read_toml(number, &fields, drafts, sink)),
        Some(Format::Points) => csv_file::read(number, &file.text, point::POINT_COLUMNS, sink, |line, row, sink| {
            let fields = point::point_of_row(line, row);
            let entry = Entry { what: "point", place: Place { file: number, line }, fields: &fields };
            push_point(entry, drafts, sink)
        }),
        Some(Format::Alarms) => csv_file::read(number, &file.text, &alarm::columns(), sink, |line, row, sink| {
            let (point, fields): (Vec<_>, Vec<_>) = row.into_iter().partition(|field| field.name == "point");
            let entry = Entry { what: "alarm", place: Place { file: number, line }, fields: &point };
            drafts.alarms.extend(alarm::alarm_of_row(entry, &fields, sink));
            true
        }),
        None => {
            let place = Place { file: number, line: 0 };
            sink.fault(place, "", "", "is no site file", "name it ….toml, points.csv or alarms.csv");
        }
    }
}

/// Takes one point; false when there is no room for more.
fn push_point(entry: Entry<'_, '_>, drafts: &mut Drafts, sink: &mut Sink) -> bool {
    if drafts.points.len() >= POINTS_MAX {
        let problem = format!("is one point more than {POINTS_MAX}");
        sink.fault(entry.place, "point", "", problem, "split the deployment");
        return false;
    }
    drafts.points.extend(point::point(entry, sink));
    true
}

const KEYS: &[&str] =
    &["park", "enterprise", "installation", "point", "suppression", "department", "warning", "place", "resource", "plan"];

fn read_toml(file: u32, fields: &[Field<'_>], drafts: &mut Drafts, sink: &mut Sink) {
    let root = Entry { what: "site", place: Place { file, line: 1 }, fields };
    root.check_keys(KEYS, sink);
    drafts.parks.extend(root.entries("park", "park", sink).into_iter().filter_map(|it| place::park(it, sink)));
    let enterprises = root.entries("enterprise", "enterprise", sink);
    drafts.enterprises.extend(enterprises.into_iter().filter_map(|it| place::enterprise(it, sink)));
    let installations = root.entries("installation", "installation", sink);
    drafts.installations.extend(installations.into_iter().filter_map(|it| place::installation(it, sink)));
    let suppressions = root.entries("suppression", "suppression", sink);
    drafts.suppressions.extend(suppressions.into_iter().filter_map(|it| suppression::suppression(it, sink)));
    let departments = root.entries("department", "department", sink);
    drafts.departments.extend(departments.into_iter().filter_map(|it| department::department(it, sink)));
    let warnings = root.entries("warning", "warning", sink);
    drafts.warnings.extend(warnings.into_iter().filter_map(|it| warning_rule::warning(it, sink)));
    let places = root.entries("place", "place", sink);
    drafts.places.extend(places.into_iter().filter_map(|it| spot::place(it, sink)));
    let resources = root.entries("resource", "resource", sink);
    drafts.resources.extend(resources.into_iter().filter_map(|it| spot::resource(it, sink)));
    let plans = root.entries("plan", "plan", sink);
    drafts.plans.extend(plans.into_iter().filter_map(|it| spot::plan(it, sink)));
    for entry in root.entries("point", "point", sink) {
        if !push_point(entry, drafts, sink) {
            return;
        }
    }
}
