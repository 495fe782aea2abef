//! Fields by name, from the command line or a file, until a body takes them.

use std::collections::BTreeMap;
use std::str::FromStr;

use anyhow::{Context, anyhow};
use prost_types::Timestamp;
use serde_json::Value;
use wire::v1;

use crate::command::moment;
use crate::exit::CommandError;

/// What was given, and what was asked for.
#[derive(Debug)]
pub(super) struct Fields {
    word: &'static str,
    given: BTreeMap<String, String>,
    known: Vec<&'static str>,
}

impl Fields {
    fn new(word: &'static str, given: BTreeMap<String, String>) -> Self {
        Self { word, given, known: Vec::new() }
    }

    pub(super) fn of_pairs(word: &'static str, pairs: &[String]) -> Result<Self, CommandError> {
        let wrong = |pair: &String| CommandError::usage(anyhow!("read --set `{pair}`; write it like gate=东门"));
        let pairs = pairs.iter().map(|pair| pair.split_once('=').ok_or_else(|| wrong(pair)));
        let given = pairs.map(|pair| pair.map(|(key, value)| (key.to_owned(), value.to_owned())));
        Ok(Self::new(word, given.collect::<Result<_, _>>()?))
    }

    /// The place on earth is an object in it, as the contract has it, or lat and lon.
    pub(super) fn of_json(word: &'static str, text: &str) -> Result<Self, CommandError> {
        let read: serde_json::Map<String, Value> =
            serde_json::from_str(text).context("read the file as a JSON object").map_err(CommandError::input)?;
        let mut given = BTreeMap::new();
        for (key, value) in read {
            match value {
                Value::Object(parts) => given.extend(parts.iter().map(|(key, value)| (key.clone(), plain(value)))),
                value => drop(given.insert(key, plain(&value))),
            }
        }
        Ok(Self::new(word, given))
    }

    pub(super) fn of_document(word: &'static str, text: String) -> Self {
        Self::new(word, BTreeMap::from([("xml".to_owned(), text)]))
    }

    fn take(&mut self, key: &'static str) -> Option<String> {
        self.known.push(key);
        self.given.remove(key)
    }

    /// A text or a word; empty where none was given, which the server judges.
    pub(super) fn text(&mut self, key: &'static str) -> String {
        self.take(key).unwrap_or_default()
    }

    /// A number, where one was given.
    pub(super) fn number<T: FromStr>(&mut self, key: &'static str) -> Result<Option<T>, CommandError> {
        let Some(text) = self.take(key) else { return Ok(None) };
        let wrong = || CommandError::usage(anyhow!("read {key} `{text}`; it is no number that may stand there"));
        text.parse().map(Some).map_err(|_| wrong())
    }

    /// A number that has to be there.
    pub(super) fn count<T: FromStr>(&mut self, key: &'static str) -> Result<T, CommandError> {
        let word = self.word;
        let missing = || CommandError::usage(anyhow!("{word} needs {key}; give it with --set {key}=NUMBER"));
        self.number(key)?.ok_or_else(missing)
    }

    /// A time to come, where one was given.
    pub(super) fn time(&mut self, key: &'static str) -> Result<Option<Timestamp>, CommandError> {
        let given = self.take(key);
        given.map(|text| moment::ahead(key, &text).map(wire::time_to_v1)).transpose()
    }

    /// A place on earth, where one was given.
    pub(super) fn location(&mut self) -> Result<Option<v1::report::Location>, CommandError> {
        let (lat, lon) = (self.number("lat")?, self.number("lon")?);
        Ok(lat.zip(lon).map(|(lat, lon)| v1::report::Location { lat, lon }))
    }

    /// Nothing may be left that nobody asked for.
    pub(super) fn finish(self) -> Result<(), CommandError> {
        let Some(key) = self.given.keys().next() else { return Ok(()) };
        let (word, known) = (self.word, self.known.join(", "));
        Err(CommandError::usage(anyhow!("{word} has no `{key}`; it has {known}")))
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
