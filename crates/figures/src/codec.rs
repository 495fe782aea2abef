//! Snapshots of a watch, in a format of its own.
//!
//! Version 1, little-endian; a text is its length (u32) and its bytes; a list is its length (u32) and its items; what may be missing is a
//! byte (0 or 1) and, after 1, the value; an event's id is (epoch u64, key text, `key_seq` u64, ordinal u32); a scope is three texts that may
//! be missing; a flood is (since i64, missing or ended i64, alarms u32, by priority 4 x u32):
//!   magic `DVFW`, version u32, journal time i64, transitions u64,
//!   alarms in order: list of (point text, alarm text, 2 x recent activation that may be missing i64, episode that may be missing (i64, i64),
//!   list of fleeting i64, fleeting said that may be missing i64, raise that may be missing (occurred i64, recorded i64, occurrence that
//!   may be missing, standing said u8), hidden u8, gas u8, scope, revision u32, touched i64),
//!   owed: list of (point text, alarm text, kind u8, seen i64, occurred i64, occurrence that may be missing, span i64),
//!   positions in order: list of (position text, list of (at i64, 4 x u32), open, told and over that may be missing, scope, revision u32).
//! Settings are not in it, nor deadlines: these are made anew.

use std::collections::VecDeque;
use std::sync::Arc;

use model::{AlarmId, AlarmKey, Epoch, EventId, KeySeq, NuisanceKind, RevisionNumber, Scope, Span, Time};

use crate::chatter::{Chatter, Episode};
use crate::flood::{Entry, Flood, FloodConfig, Meter};
use crate::watch::{Owed, Place, Raise, Track, Watch};

/// The version of the format that is written and read.
pub const SNAPSHOT_VERSION: u32 = 1;

const MAGIC: &[u8; 4] = b"DVFW";

/// Why a snapshot cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// It does not begin like one.
    #[error("read a snapshot of floods: this is none")]
    NotASnapshot,
    /// It is of another version.
    #[error("read a snapshot of floods of version {found}: this program reads version {SNAPSHOT_VERSION}")]
    Version {
        /// The version it names.
        found: u32,
    },
    /// It ends too early, goes on too long, or says what cannot be.
    #[error("read a snapshot of floods: it is broken at byte {at}")]
    Broken {
        /// Where.
        at: usize,
    },
}

impl Watch {
    /// The state after the last event applied.
    pub fn snapshot(&self) -> Vec<u8> {
        let mut out = Writer(Vec::with_capacity(256 + 160 * self.tracks.len()));
        out.0.extend_from_slice(MAGIC);
        out.u32(SNAPSHOT_VERSION);
        out.time(self.now);
        out.u64(self.transitions);
        out.list(&self.tracks, |out, (key, track)| {
            out.key(key);
            out.track(track);
        });
        out.list(&self.owed, |out, ((key, kind), owed)| {
            out.key(key);
            out.u8(kind_to_u8(*kind));
            out.time(owed.seen);
            out.time(owed.occurred_at);
            out.maybe(owed.occurrence.as_ref(), Writer::event_id);
            out.time(Time::from_micros(owed.span.micros()));
        });
        out.list(&self.places, |out, (position, place)| {
            out.text(position);
            out.list(&place.meter.entries, |out, entry| {
                out.time(entry.at);
                out.priorities(entry.by_priority);
            });
            for flood in [place.meter.open, place.told, place.over] {
                out.maybe(flood.as_ref(), Writer::flood);
            }
            out.scope(&place.scope);
            out.u32(place.revision.0);
        });
        out.0
    }

    /// The fold that wrote these bytes, under the settings given.
    pub fn restore(config: FloodConfig, bytes: &[u8]) -> Result<Self, RestoreError> {
        let mut read = Reader { bytes, at: 0 };
        if read.take(4).ok() != Some(MAGIC.as_slice()) {
            return Err(RestoreError::NotASnapshot);
        }
        let found = read.u32()?;
        if found != SNAPSHOT_VERSION {
            return Err(RestoreError::Version { found });
        }
        let mut watch = Self::new(config);
        watch.now = read.time()?;
        watch.transitions = read.u64()?;
        watch.tracks = read.list(|read| Ok((read.key()?, read.track()?)))?.into_iter().collect();
        watch.owed = read.list(Reader::owed)?.into_iter().collect();
        watch.places = read.list(|read| Ok((read.text()?, read.place(config)?)))?.into_iter().collect();
        if read.at < bytes.len() {
            return Err(read.broken());
        }
        watch.index();
        Ok(watch)
    }
}

const fn kind_to_u8(kind: NuisanceKind) -> u8 {
    match kind {
        NuisanceKind::Chattering => 1,
        NuisanceKind::Fleeting => 2,
        NuisanceKind::Standing => 3,
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn time(&mut self, value: Time) {
        self.0.extend_from_slice(&value.micros().to_le_bytes());
    }

    fn length(&mut self, length: usize) {
        self.u32(u32::try_from(length).expect("counts of alarms and of bytes of their names are far below"));
    }

    fn text(&mut self, text: &str) {
        self.length(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn list<I>(&mut self, items: I, mut write: impl FnMut(&mut Self, I::Item))
    where
        I: IntoIterator<IntoIter: ExactSizeIterator>,
    {
        let items = items.into_iter();
        self.length(items.len());
        items.for_each(|item| write(self, item));
    }

    fn maybe<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.u8(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    fn key(&mut self, (point, alarm): &AlarmKey) {
        self.text(point);
        self.text(alarm.as_str());
    }

    fn event_id(&mut self, id: &EventId) {
        self.u64(id.epoch.0);
        self.text(&id.key);
        self.u64(id.key_seq.0);
        self.u32(id.ordinal);
    }

    fn scope(&mut self, scope: &Scope) {
        for text in [&scope.park, &scope.enterprise, &scope.installation] {
            self.maybe(text.as_deref(), Self::text);
        }
    }

    fn priorities(&mut self, by_priority: [u32; 4]) {
        by_priority.into_iter().for_each(|count| self.u32(count));
    }

    fn flood(&mut self, flood: &Flood) {
        self.time(flood.since);
        self.maybe(flood.ended, Self::time);
        self.u32(flood.alarms);
        self.priorities(flood.by_priority);
    }

    fn track(&mut self, track: &Track) {
        for at in track.chatter.recent {
            self.maybe(at, Self::time);
        }
        self.maybe(track.chatter.episode, |out, episode| {
            out.time(episode.first);
            out.time(episode.trigger);
        });
        self.list(&track.fleeting, |out, at| out.time(*at));
        self.maybe(track.fleeting_said, Self::time);
        self.maybe(track.raise.as_ref(), |out, raise| {
            out.time(raise.occurred_at);
            out.time(raise.recorded_at);
            out.maybe(raise.occurrence.as_ref(), Self::event_id);
            out.u8(u8::from(raise.standing_said));
        });
        self.u8(u8::from(track.hidden));
        self.u8(u8::from(track.gas));
        self.scope(&track.scope);
        self.u32(track.revision.0);
        self.time(track.touched);
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

type Read<T> = Result<T, RestoreError>;

impl<'a> Reader<'a> {
    const fn broken(&self) -> RestoreError {
        RestoreError::Broken { at: self.at }
    }

    fn take(&mut self, length: usize) -> Read<&'a [u8]> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = rest.get(..length).ok_or_else(|| self.broken())?;
        self.at += length;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let taken = self.take(N)?;
        taken.try_into().map_err(|_| self.broken())
    }

    fn u32(&mut self) -> Read<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Read<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn time(&mut self) -> Read<Time> {
        self.array().map(i64::from_le_bytes).map(Time::from_micros)
    }

    fn flag(&mut self) -> Read<bool> {
        match self.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(self.broken()),
        }
    }

    fn text(&mut self) -> Read<Arc<str>> {
        let length = self.u32()? as usize;
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map(Arc::from).map_err(|_| self.broken())
    }

    /// The length is not trusted with memory: items are read until they are there or the bytes end.
    fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let length = self.u32()?;
        (0..length).map(|_| read(self)).collect()
    }

    fn maybe<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<Option<T>> {
        if self.flag()? { read(self).map(Some) } else { Ok(None) }
    }

    fn key(&mut self) -> Read<AlarmKey> {
        let (point, alarm) = (self.text()?, self.text()?);
        Ok((point, AlarmId::new(&alarm).map_err(|_| self.broken())?))
    }

    fn event_id(&mut self) -> Read<EventId> {
        Ok(EventId { epoch: Epoch(self.u64()?), key: self.text()?, key_seq: KeySeq(self.u64()?), ordinal: self.u32()? })
    }

    fn scope(&mut self) -> Read<Scope> {
        Ok(Scope { park: self.maybe(Self::text)?, enterprise: self.maybe(Self::text)?, installation: self.maybe(Self::text)? })
    }

    fn priorities(&mut self) -> Read<[u32; 4]> {
        Ok([self.u32()?, self.u32()?, self.u32()?, self.u32()?])
    }

    fn flood(&mut self) -> Read<Flood> {
        Ok(Flood { since: self.time()?, ended: self.maybe(Self::time)?, alarms: self.u32()?, by_priority: self.priorities()? })
    }

    fn track(&mut self) -> Read<Track> {
        let recent = [self.maybe(Self::time)?, self.maybe(Self::time)?];
        let episode = self.maybe(|read| Ok(Episode { first: read.time()?, trigger: read.time()? }))?;
        Ok(Track {
            chatter: Chatter { recent, episode },
            fleeting: self.list(Self::time)?.into(),
            fleeting_said: self.maybe(Self::time)?,
            raise: self.maybe(|read| {
                Ok(Raise {
                    occurred_at: read.time()?,
                    recorded_at: read.time()?,
                    occurrence: read.maybe(Self::event_id)?,
                    standing_said: read.flag()?,
                })
            })?,
            hidden: self.flag()?,
            gas: self.flag()?,
            scope: self.scope()?,
            revision: RevisionNumber(self.u32()?),
            touched: self.time()?,
        })
    }

    fn owed(&mut self) -> Read<((AlarmKey, NuisanceKind), Owed)> {
        let key = self.key()?;
        let [kind] = self.array()?;
        let kind = NuisanceKind::ALL.iter().copied().find(|it| kind_to_u8(*it) == kind).ok_or_else(|| self.broken())?;
        let owed = Owed {
            seen: self.time()?,
            occurred_at: self.time()?,
            occurrence: self.maybe(Self::event_id)?,
            span: Span::from_micros(self.time()?.micros()),
        };
        Ok(((key, kind), owed))
    }

    fn place(&mut self, config: FloodConfig) -> Read<Place> {
        let entries = self.list(|read| Ok(Entry { at: read.time()?, by_priority: read.priorities()? }))?;
        let [open, told, over] = [self.maybe(Self::flood)?, self.maybe(Self::flood)?, self.maybe(Self::flood)?];
        let meter = Meter::restore(config, VecDeque::from(entries), open);
        Ok(Place { meter, told, over, scope: self.scope()?, revision: RevisionNumber(self.u32()?) })
    }
}
