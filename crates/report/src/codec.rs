//! Snapshots of reports, in a format of its own.
//!
//! Version 1, little-endian: magic `DVRP`, version u32, the time of the last event i64, then three lists, each its length (u32) and its
//! items, from the oldest: outcomes (request, event id, position u64, time, time when it happened, park, enterprise, installation, digest
//! u128), counts (kind, department, place, filling u8, time), vehicles (plate, waybill, time). A text is its length (u32) and its bytes; an
//! empty one stands for what is missing. The site is not in it: whoever restores names the revision that was in force.

use std::sync::Arc;

use model::{DepartmentId, EventId, Position, ReportKind, RequestId, Revision, Scope, Time};

use crate::changes::{Count, Filling, Sighting};
use crate::fold::Reports;
use crate::outcomes::Outcome;
use crate::places::Places;

/// The version of the format that is written and read.
pub const SNAPSHOT_VERSION: u32 = 1;

const MAGIC: &[u8; 4] = b"DVRP";

/// Why a snapshot cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// It does not begin like one.
    #[error("read a snapshot of reports: this is none")]
    NotASnapshot,
    /// It is of another version.
    #[error("read a snapshot of reports of version {found}: this program reads version {SNAPSHOT_VERSION}")]
    Version {
        /// The version it names.
        found: u32,
    },
    /// It ends too early, goes on too long, or says what cannot be.
    #[error("read a snapshot of reports: it is broken at byte {at}")]
    Broken {
        /// Where.
        at: usize,
    },
}

type Read<T> = Result<T, RestoreError>;

impl Reports {
    /// The state after the last event applied.
    pub fn snapshot(&self) -> Vec<u8> {
        let mut out = Writer(MAGIC.to_vec());
        out.bytes(&SNAPSHOT_VERSION.to_le_bytes());
        out.time(self.now);
        let outcomes: Vec<_> = self.outcomes.in_order.iter().filter_map(|id| Some((id, self.outcome(id)?))).collect();
        out.list(outcomes.into_iter(), |out, (request, outcome)| out.outcome(request, outcome));
        out.list(self.changes.counts.iter(), |out, ((kind, department, place), count)| {
            out.text(kind.as_str());
            out.text(department.as_str());
            out.text(place);
            out.bytes(&[count.filling as u8]);
            out.time(count.at);
        });
        out.list(self.changes.vehicles.iter(), |out, (vehicle, sighting)| {
            out.text(vehicle);
            out.text(&sighting.waybill);
            out.time(sighting.at);
        });
        out.0
    }

    /// The fold that wrote these bytes, under the revision that was in force then.
    ///
    /// # Errors
    /// Bytes that are no snapshot of this version.
    pub fn restore(revision: &Revision, bytes: &[u8]) -> Result<Self, RestoreError> {
        let mut read = Reader { bytes, at: 0 };
        if read.take(4).ok() != Some(MAGIC.as_slice()) {
            return Err(RestoreError::NotASnapshot);
        }
        let found = u32::from_le_bytes(read.array()?);
        if found != SNAPSHOT_VERSION {
            return Err(RestoreError::Version { found });
        }
        let mut fold = Self { places: Places::of(revision), now: read.time()?, ..Self::default() };
        for _ in 0..read.length()? {
            let (request, outcome) = read.outcome()?;
            fold.outcomes.take(request, outcome);
        }
        for _ in 0..read.length()? {
            let kind = read.made(ReportKind::parse)?;
            let department = read.made(|it| DepartmentId::new(it).ok())?;
            let place = read.text()?;
            let [filling] = read.array()?;
            let filling = *Filling::ALL.get(usize::from(filling)).ok_or_else(|| read.broken())?;
            fold.changes.counts.set((kind, department, place), Count { filling, at: read.time()? });
        }
        for _ in 0..read.length()? {
            let vehicle = read.text()?;
            fold.changes.vehicles.set(vehicle, Sighting { waybill: read.text()?, at: read.time()? });
        }
        if read.at < bytes.len() {
            return Err(read.broken());
        }
        Ok(fold)
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn length(&mut self, length: usize) {
        self.bytes(&u32::try_from(length).expect("counts of reports and of bytes of their texts are far below").to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.length(text.len());
        self.bytes(text.as_bytes());
    }

    fn time(&mut self, time: Time) {
        self.bytes(&time.micros().to_le_bytes());
    }

    fn list<T>(&mut self, items: impl Iterator<Item = T>, mut write: impl FnMut(&mut Self, T)) {
        let items: Vec<T> = items.collect();
        self.length(items.len());
        items.into_iter().for_each(|item| write(self, item));
    }

    fn outcome(&mut self, request: &RequestId, outcome: &Outcome) {
        self.text(request.as_str());
        self.text(&outcome.event.to_string());
        self.bytes(&outcome.position.0.to_le_bytes());
        self.time(outcome.at);
        self.time(outcome.occurred_at);
        let Scope { park, enterprise, installation } = &outcome.scope;
        [park, enterprise, installation].into_iter().for_each(|it| self.text(it.as_deref().unwrap_or_default()));
        self.bytes(&outcome.digest.to_le_bytes());
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

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

    /// Not trusted with memory: items are read until they are there or the bytes end.
    fn length(&mut self) -> Read<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn text(&mut self) -> Read<Arc<str>> {
        let length = self.length()? as usize;
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map(Arc::from).map_err(|_| self.broken())
    }

    fn made<T>(&mut self, make: impl Fn(&str) -> Option<T>) -> Read<T> {
        let text = self.text()?;
        make(&text).ok_or_else(|| self.broken())
    }

    fn some(&mut self) -> Read<Option<Arc<str>>> {
        self.text().map(|text| Some(text).filter(|it| !it.is_empty()))
    }

    fn time(&mut self) -> Read<Time> {
        self.array().map(i64::from_le_bytes).map(Time::from_micros)
    }

    fn outcome(&mut self) -> Read<(RequestId, Outcome)> {
        let request = self.made(|it| RequestId::new(it).ok())?;
        let outcome = Outcome {
            event: self.made(EventId::parse)?,
            position: Position(u64::from_le_bytes(self.array()?)),
            at: self.time()?,
            occurred_at: self.time()?,
            scope: Scope { park: self.some()?, enterprise: self.some()?, installation: self.some()? },
            digest: u128::from_le_bytes(self.array()?),
        };
        Ok((request, outcome))
    }
}
