//! The broker's own counter of messages it dropped (Mosquitto): a rise is a possible loss, also over a restart of Davy (traps 8).

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use model::Time;
use service::Shutdown;
use tokio::sync::watch;
use tracing::warn;

use crate::IngestError;

/// Where Mosquitto counts; other brokers have no such topic, which is fine.
pub(super) const TOPIC: &str = "$SYS/broker/publish/messages/dropped";
const FILE: &str = "mqtt-dropped";

/// A reading of the counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    count: u64,
    at: Time,
}

/// A rise of the counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rise {
    pub(super) messages: u64,
    pub(super) from: Time,
    pub(super) to: Time,
}

/// The counter as it was last read; each reading is handed on to be kept.
#[derive(Debug)]
pub(crate) struct Dropped {
    last: Option<Reading>,
    keep: watch::Sender<Option<Reading>>,
}

impl Dropped {
    /// Goes on from what an earlier run kept.
    pub(crate) fn load(data: &Path) -> (Self, watch::Receiver<Option<Reading>>) {
        let last = fs::read_to_string(data.join(FILE)).ok().and_then(|text| parse(&text));
        let (keep, kept) = watch::channel(None);
        (Self { last, keep }, kept)
    }

    /// Takes a reading. A smaller one is of a broker that began anew, and the first one of all says nothing.
    pub(super) fn read(&mut self, payload: &[u8], now: Time) -> Option<Rise> {
        let count = std::str::from_utf8(payload).ok()?.trim().parse().ok()?;
        let reading = Reading { count, at: now };
        let before = self.last.replace(reading);
        self.keep.send_replace(Some(reading));
        let before = before.filter(|before| before.count < count)?;
        Some(Rise { messages: count - before.count, from: before.at, to: now })
    }
}

fn parse(text: &str) -> Option<Reading> {
    let (count, at) = text.trim().split_once(' ')?;
    Some(Reading { count: count.parse().ok()?, at: Time::from_micros(at.parse().ok()?) })
}

/// Keeps readings in the data folder until nothing more can come.
pub(crate) async fn keep_dropped(
    data: PathBuf,
    mut readings: watch::Receiver<Option<Reading>>,
    shutdown: Shutdown,
) -> Result<(), IngestError> {
    let mut failing = false;
    loop {
        // Both arms are cancel-safe: a watch's version and a token.
        let more = tokio::select! {
            changed = readings.changed() => changed.is_ok(),
            () = shutdown.requested() => false,
        };
        let reading = *readings.borrow_and_update();
        if let Some(reading) = reading {
            let data = data.clone();
            let written = tokio::task::spawn_blocking(move || write(&data, reading)).await;
            let written = written.map_err(|_| IngestError::Ended { part: "keeping the broker's counter" })?;
            if let Err(error) = &written
                && !failing
            {
                warn!(%error, "the broker's counter of dropped messages not kept: a rise over a restart may go unseen");
            }
            failing = written.is_err();
        }
        if !more {
            return Ok(());
        }
    }
}

fn write(data: &Path, reading: Reading) -> io::Result<()> {
    let file = data.join(FILE);
    let new = file.with_extension("new");
    let mut writing = File::create(&new)?;
    writeln!(writing, "{} {}", reading.count, reading.at.micros())?;
    writing.sync_data()?;
    fs::rename(&new, &file)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_micros(1_732_370_000_000_000);

    #[tokio::test]
    async fn a_rise_is_told_also_over_a_restart_and_a_new_broker_is_a_new_base() {
        let data = tempfile::tempdir().unwrap();
        let later = |seconds| NOW + model::Span::from_secs(seconds);
        let (mut dropped, kept) = Dropped::load(data.path());
        assert_eq!(dropped.read(b"7", NOW), None, "nobody knows since when");
        assert_eq!(dropped.read(b"7", later(10)), None);
        assert_eq!(dropped.read(b"nonsense", later(15)), None);
        assert_eq!(dropped.read(b"9", later(20)), Some(Rise { messages: 2, from: later(10), to: later(20) }));
        let end = Shutdown::new();
        end.request();
        keep_dropped(data.path().to_owned(), kept, end).await.unwrap();

        let (mut dropped, _kept) = Dropped::load(data.path());
        assert_eq!(dropped.read(b"12", later(900)), Some(Rise { messages: 3, from: later(20), to: later(900) }));
        assert_eq!(dropped.read(b"1", later(910)), None, "the broker was started anew");
        assert_eq!(dropped.read(b"2", later(920)).map(|it| it.messages), Some(1));
    }
}
