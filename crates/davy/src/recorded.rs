//! Recorded samples from files, plain or gzip, merged by time.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use flate2::bufread::MultiGzDecoder;
use model::{Site, Time};
use site::samples::{Reader, Row};

use crate::exit::CommandError;

type FileReader<'s> = Reader<'s, Box<dyn Read>>;

/// Rows of several files in order of time; rows of one file stay in its order, and files in the order given where times are equal.
pub(crate) struct Merged<'s> {
    files: Vec<(FileReader<'s>, Option<Row>)>,
    last: Time,
}

/// Which points of the site the files have any sample of, by index.
pub(crate) fn points(files: &[PathBuf], site: &Site) -> Result<BTreeSet<usize>, CommandError> {
    Ok(Merged::open(files, site)?.flat_map(|row| row.values).map(|(point, ..)| point).collect())
}

impl<'s> Merged<'s> {
    pub(crate) fn open(files: &[PathBuf], site: &'s Site) -> Result<Self, CommandError> {
        let open = |file: &PathBuf| {
            let mut reader =
                Reader::new(&file.display().to_string(), input(file)?, site).map_err(|fault| CommandError::input(*fault))?;
            let first = reader.next();
            Ok((reader, first))
        };
        Ok(Self { files: files.iter().map(open).collect::<Result<_, CommandError>>()?, last: Time::MIN })
    }

    /// Says on standard error what was skipped; fails where a cell or row was at fault.
    pub(crate) fn finish(self) -> Result<(), CommandError> {
        let mut faults = 0;
        for (reader, _) in &self.files {
            let skipped: Vec<&str> = reader.skipped().collect();
            if !skipped.is_empty() {
                eprintln!("davy: no point claims, skipped: {}", skipped.join(" "));
            }
            reader.faults().iter().for_each(|fault| eprintln!("error: {fault}"));
            faults += reader.fault_count();
        }
        if faults > 0 {
            Err(CommandError::input(anyhow!("read all samples: {faults} faults, the first of them above")))
        } else {
            Ok(())
        }
    }
}

impl Iterator for Merged<'_> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        // A row behind its own file's time is due at once: it must not wait for the other files.
        let due = |row: &Row| row.time.max(self.last);
        let (_, at) = self.files.iter().enumerate().filter_map(|(at, (_, row))| row.as_ref().map(|row| (due(row), at))).min()?;
        let (reader, row) = self.files.get_mut(at)?;
        let row = std::mem::replace(row, reader.next())?;
        self.last = self.last.max(row.time);
        Some(row)
    }
}

fn input(file: &Path) -> Result<Box<dyn Read>, CommandError> {
    let doing = || format!("read the samples {}", file.display());
    let metadata = std::fs::metadata(file).with_context(doing).map_err(CommandError::input)?;
    if !metadata.is_file() {
        return Err(CommandError::input(anyhow!("{}: it is read twice, so it must be a regular file, not a pipe", doing())));
    }
    let reader = BufReader::with_capacity(1 << 20, File::open(file).with_context(doing).map_err(CommandError::input)?);
    let packed = file.extension().is_some_and(|ending| ending == "gz");
    Ok(if packed { Box::new(MultiGzDecoder::new(reader)) } else { Box::new(reader) })
}
