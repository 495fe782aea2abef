//! `davy check`: validates site files.

use std::path::Path;

use crate::exit::CommandError;
use crate::site_files;

/// Says every fault, or what the site holds.
pub fn run(path: &Path) -> Result<(), CommandError> {
    let loaded = site_files::load(path)?;
    let site = &loaded.site;
    let alarms: usize = site.points.iter().map(|point| point.alarms.len()).sum();
    eprintln!(
        "{}: {} parks, {} enterprises, {} installations, {} points, {alarms} alarms, {} suppressions, {} departments, {} warning rules; {} warnings",
        path.display(),
        site.parks.len(),
        site.enterprises.len(),
        site.installations.len(),
        site.points.len(),
        site.suppressions.len(),
        site.departments.len(),
        site.warnings.len(),
        loaded.warnings.len(),
    );
    Ok(())
}
