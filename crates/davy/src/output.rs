//! Standard output: lines of data and nothing else. A reader that goes away (`| head`) ends a command well.

use std::io::{BufWriter, ErrorKind, Stdout, Write};

use anyhow::Context;

use crate::exit::CommandError;

/// Whether the reader still reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    There,
    Gone,
}

/// Lines to standard output.
pub(crate) struct Output {
    out: BufWriter<Stdout>,
    reader: Reader,
}

impl Output {
    pub(crate) fn new() -> Self {
        Self { out: BufWriter::new(std::io::stdout()), reader: Reader::There }
    }

    /// Whether anybody reads.
    pub(crate) fn reader(&self) -> Reader {
        self.reader
    }

    /// Writes a line; after the reader has gone it writes nothing and says so.
    pub(crate) fn line(&mut self, line: &str) -> Result<Reader, CommandError> {
        if self.reader == Reader::There {
            let written = writeln!(self.out, "{line}");
            self.note(written)?;
        }
        Ok(self.reader)
    }

    /// Hands everything over.
    pub(crate) fn flush(&mut self) -> Result<Reader, CommandError> {
        if self.reader == Reader::There {
            let flushed = self.out.flush();
            self.note(flushed)?;
        }
        Ok(self.reader)
    }

    fn note(&mut self, written: std::io::Result<()>) -> Result<(), CommandError> {
        match written {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => self.reader = Reader::Gone,
            written => written.context("write to standard output").map_err(CommandError::input)?,
        }
        Ok(())
    }
}
