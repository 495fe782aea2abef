//! Reads site files from disk: one file, or a folder of them; says every fault at once.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use site::{Fault, Loaded, SourceFile};

use crate::exit::CommandError;

/// The longest site file that is read, bytes.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Reads and checks a site; faults and warnings go to standard error.
pub(crate) fn load(path: &Path) -> Result<Loaded, CommandError> {
    let files = read(path).map_err(CommandError::input)?;
    match site::load(&files) {
        Ok(loaded) => {
            loaded.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
            Ok(loaded)
        }
        Err(faults) => {
            faults.iter().for_each(say);
            let count = faults.iter().filter(|fault| fault.severity == site::Severity::Error).count();
            Err(CommandError::input(anyhow!("accept the site {}: {count} faults, listed above", path.display())))
        }
    }
}

fn say(fault: &Fault) {
    match fault.severity {
        site::Severity::Error => eprintln!("error: {fault}"),
        site::Severity::Warning => eprintln!("warning: {fault}"),
    }
}

/// The texts of a site, unchecked.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<SourceFile>> {
    let metadata = fs::metadata(path).with_context(|| format!("read the site {}", path.display()))?;
    let files = if metadata.is_dir() { listing(path)? } else { vec![path.to_owned()] };
    if files.is_empty() {
        return Err(anyhow!("read the site {}: no *.toml, points.csv or alarms.csv in it", path.display()));
    }
    files.iter().map(|file| read_one(file)).collect()
}

fn listing(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, std::io::Error>>()?;
    files.retain(|file| file.file_name().and_then(|name| name.to_str()).is_some_and(SourceFile::is_named));
    files.sort();
    Ok(files)
}

fn read_one(file: &Path) -> anyhow::Result<SourceFile> {
    let doing = || format!("read the site file {}", file.display());
    let bytes = fs::metadata(file).with_context(doing)?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(anyhow!("{}: {bytes} bytes are more than {FILE_BYTES_MAX}; split it", doing()));
    }
    let text = fs::read_to_string(file).with_context(doing)?;
    Ok(SourceFile { name: file.display().to_string(), text })
}
