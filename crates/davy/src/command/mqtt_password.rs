//! `davy mqtt-password`: the hash of a password, for a users file of the embedded broker.

use std::io::BufRead;

use anyhow::{Context, anyhow};

use crate::exit::CommandError;
use crate::output::Output;

/// Reads one line from standard input and prints its hash.
pub fn run() -> Result<(), CommandError> {
    let mut password = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut password)
        .context("read the password from standard input")
        .map_err(CommandError::input)?;
    let password = password.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(CommandError::usage(anyhow!("read a password: standard input is empty; try `davy mqtt-password < FILE`")));
    }
    let hash = ingest::hash_password(password).map_err(|error| CommandError::of(error.kind(), error))?;
    let mut output = Output::new();
    output.line(&hash)?;
    output.flush().map(drop)
}
