//! Snapshots: everything the core remembers, without the site, in a format of its own.
//!
//! Version 3, little-endian; a text is its length (u16) and its bytes; a list is its length (u32) and its items:
//!   magic `DVAC`, version u32, key text, recorded u8, position u64, partition time i64, `key_seq` u64, core version u32,
//!   revision number u32 and content hash [u8; 32] (all zero where none is in force),
//!   sources of which nothing comes, those above first: list of (name text, since i64, said u8),
//!   gateways in the order of their paths: list of (path text, row u32, row since i64, ahead u8, has last message u8, last message i64),
//!   requests in the order of their ids: list of (id text, judged at i64),
//!   points in the order of their numbers: list of (number u32, last i64, anchor i64, value f64 bits u64, flags u16, cells u16), each cell
//!   (flags u16, pending u8, due i64, moved i64, occurrence epoch u64, key_seq u64 and ordinal u32, activation u32),
//!   rules over several points in the order of their points and suppressions in that of their ids, then gateways and enterprises in
//!   theirs: list of what a point has, without its number,
//!   after each gateway (offsets 16 of i64, count u32), then gateways and enterprises that are silent: list of u8 in their order,
//!   what rules over time remember: list of (rule u32, list of (time i64, value f64 bits u64)), the rule as its place in the layout,
//!   what few alarms have beside: list of (rule u32, six of (there u8, time i64)): end of shelf, of suppression, of time out of service,
//!   announced anew at, returned at, raised at.
//! Version 2 had flags u8 and nothing of what follows the points; version 1 had protocols only, and no `said`: gateways follow their
//! protocol, awaited where it is down.
//! Caches, deadlines and counters are not in it: they are made anew.

use std::sync::Arc;

use model::{KeySeq, PointNumber, Position, RequestId, Revision, RevisionNumber, SourceId, Span, Time};

use crate::apply::{Core, Gateway};
use crate::clock::Deadlines;
use crate::layout::Layout;
use crate::life::Flags;
use crate::point::{Cell, Hot};
use crate::source::Outage;
use crate::timer::{Extra, Extras};
use crate::window::Window;

/// The version of the format that is written.
pub const SNAPSHOT_VERSION: u32 = 3;

/// The oldest version that is read.
const OLDEST: u32 = 1;

/// The first version with rules over several points, windows and shelves.
const WITH_GROUPS: u32 = 3;

const MAGIC: &[u8; 4] = b"DVAC";

/// Why a snapshot cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// It does not begin like one.
    #[error("read a snapshot: this is none")]
    NotASnapshot,
    /// It is of another version.
    #[error("read a snapshot of version {found}: this program reads versions {OLDEST} to {SNAPSHOT_VERSION}")]
    Version {
        /// The version it names.
        found: u32,
    },
    /// It is of another partition.
    #[error("read a snapshot: it is of `{found}`")]
    Key {
        /// The key it names.
        found: String,
    },
    /// The revision given beside it is not the one in force in it.
    #[error("read a snapshot: it stands on site revision {wanted}, which is not the one given")]
    Revision {
        /// The revision it names, 0 for none.
        wanted: u32,
    },
    /// It ends too early, goes on too long, or says what cannot be.
    #[error("read a snapshot: {what} is broken at byte {at}")]
    Broken {
        /// Which part.
        what: &'static str,
        /// Where.
        at: usize,
    },
}

impl Core {
    /// The state after the last record applied.
    pub fn snapshot(&self) -> Vec<u8> {
        let mut out = Writer(Vec::with_capacity(256 + 40 * self.hot.len() + 48 * self.cells.len()));
        out.0.extend_from_slice(MAGIC);
        out.u32(SNAPSHOT_VERSION);
        out.text(&self.key);
        out.u8(u8::from(self.recorded));
        out.u64(self.header.position.0);
        out.time(self.now);
        out.u64(self.key_seq.0);
        out.u32(self.version);
        let (number, hash) = self.revision.as_ref().map_or((0, [0; 32]), |it| (it.number.0, it.content_hash));
        out.u32(number);
        out.0.extend_from_slice(&hash);
        self.write_sources(&mut out);
        self.write_gateways(&mut out);
        out.length(self.requests.len());
        for (id, at) in &self.requests {
            out.text(id.as_str());
            out.time(*at);
        }
        self.write_points(&mut out);
        self.write_rest(&mut out);
        out.0
    }

    fn write_sources(&self, out: &mut Writer) {
        let down = || self.sources.outages.iter().enumerate().filter_map(|(at, outage)| Some((at, (*outage)?)));
        out.length(down().count());
        for (at, Outage { since, said }) in down() {
            out.text(self.layout.tree.name(at).as_str());
            out.time(since);
            out.u8(u8::from(said));
        }
    }

    fn write_gateways(&self, out: &mut Writer) {
        out.length(self.gateways.len());
        for (path, state) in self.layout.gateways.iter().zip(&self.gateways) {
            out.text(path.as_str());
            out.u32(state.row);
            out.time(state.row_since);
            out.u8(u8::from(state.ahead));
            out.u8(u8::from(state.last_message.is_some()));
            out.time(state.last_message.unwrap_or_default());
            state.offsets.iter().for_each(|offset| out.time(Time::from_micros(offset.micros())));
            out.u32(state.offset_count);
        }
        out.length(self.silent.len());
        self.silent.iter().for_each(|silent| out.u8(u8::from(*silent)));
    }

    fn write_points(&self, out: &mut Writer) {
        out.length(self.layout.len());
        for local in 0..self.layout.len() {
            out.u32(self.layout.numbers[local].0);
            self.write_place(local, out);
        }
        out.length(self.hot.len() - self.layout.len());
        for place in self.layout.len()..self.hot.len() {
            self.write_place(place, out);
        }
    }

    fn write_place(&self, place: usize, out: &mut Writer) {
        let hot = &self.hot[place];
        let cells = &self.cells[self.layout.rules_of(place)];
        out.time(hot.last);
        out.time(hot.anchor);
        out.u64(hot.value.to_bits());
        out.u16(hot.flags);
        out.u16(short(cells.len()));
        for cell in cells {
            out.u16(cell.flags.bits());
            out.u8(u8::from(cell.pending));
            out.time(cell.due);
            out.time(cell.moved);
            out.u64(cell.occurrence.0);
            out.u64(cell.occurrence.1);
            out.u32(cell.occurrence.2);
            out.u32(cell.activation);
        }
    }

    fn write_rest(&self, out: &mut Writer) {
        out.length(self.windows.len());
        for (cell, window) in &self.windows {
            out.length(*cell);
            out.length(window.samples.len());
            for (time, value) in &window.samples {
                out.time(*time);
                out.u64(value.to_bits());
            }
        }
        out.length(self.extras.iter().count());
        for (cell, extra) in self.extras.iter() {
            out.length(cell);
            let Extra { shelved_until, suppressed_until, out_until, realarm_at, returned_at, raised_at } = extra;
            for time in [shelved_until, suppressed_until, out_until, realarm_at, returned_at, raised_at] {
                out.u8(u8::from(time.is_some()));
                out.time(time.unwrap_or_default());
            }
        }
    }

    /// The core that wrote these bytes. `revision` is the one that was in force then.
    pub fn restore(key: Arc<str>, revision: Option<Arc<Revision>>, bytes: &[u8]) -> Result<Self, RestoreError> {
        let mut read = Reader { bytes, at: 0 };
        let mut core = Self::new(key);
        let version = core.read_head(&mut read, revision)?;
        core.read_sources(&mut read, version)?;
        core.read_gateways(&mut read, version)?;
        for _ in 0..read.length("requests")? {
            let id = read.text("requests")?;
            let id = RequestId::new(id).map_err(|_| read.broken("requests"))?;
            let at = read.time("requests")?;
            core.requests.insert(id, at);
        }
        core.read_points(&mut read, version)?;
        core.read_rest(&mut read, version)?;
        if read.at < bytes.len() {
            return Err(read.broken("end"));
        }
        core.deadlines = Deadlines::new(core.layout.places());
        for local in 0..core.layout.places() {
            core.refresh(local);
        }
        Ok(core)
    }

    fn read_head(&mut self, read: &mut Reader<'_>, revision: Option<Arc<Revision>>) -> Result<u32, RestoreError> {
        if read.take(4, "head").ok() != Some(MAGIC.as_slice()) {
            return Err(RestoreError::NotASnapshot);
        }
        let found = read.u32("head")?;
        if !(OLDEST..=SNAPSHOT_VERSION).contains(&found) {
            return Err(RestoreError::Version { found });
        }
        let key = read.text("head")?;
        if *key != *self.key {
            return Err(RestoreError::Key { found: key.to_owned() });
        }
        self.recorded = read.flag("head")?;
        self.header.position = Position(read.u64("head")?);
        self.now = read.time("head")?;
        self.key_seq = KeySeq(read.u64("head")?);
        self.version = read.u32("head")?;
        let wanted = read.u32("head")?;
        let hash = read.take(32, "head")?;
        let fits = |it: &Arc<Revision>| it.number == RevisionNumber(wanted) && it.content_hash == *hash;
        let none = wanted == 0 && hash.iter().all(|byte| *byte == 0);
        // Nothing is in force before the first revision, whatever is given beside.
        self.revision = revision.filter(fits);
        if self.revision.is_none() && !none {
            return Err(RestoreError::Revision { wanted });
        }
        self.layout = self.revision.as_deref().map_or_else(Layout::default, Layout::of);
        self.sources.outages = vec![None; self.layout.tree.len()];
        Ok(found)
    }

    fn read_sources(&mut self, read: &mut Reader<'_>, version: u32) -> Result<(), RestoreError> {
        for _ in 0..read.length("sources")? {
            let name = SourceId::named(read.text("sources")?);
            let since = read.time("sources")?;
            let said = version == OLDEST || read.flag("sources")?;
            let place = self.layout.tree.find(&name).ok_or_else(|| read.broken("sources"))?;
            self.sources.outages[place] = Some(Outage { since, said });
            if version == OLDEST {
                self.sources.await_gateways(&self.layout.tree, place, since);
            }
        }
        Ok(())
    }

    fn read_gateways(&mut self, read: &mut Reader<'_>, version: u32) -> Result<(), RestoreError> {
        if read.length("gateways")? != self.layout.gateways.len() {
            return Err(read.broken("gateways"));
        }
        for path in &self.layout.gateways {
            if read.text("gateways")? != path.as_str() {
                return Err(read.broken("gateways"));
            }
            let (row, row_since, ahead) = (read.u32("gateways")?, read.time("gateways")?, read.flag("gateways")?);
            let (known, last) = (read.flag("gateways")?, read.time("gateways")?);
            let mut state = Gateway { row, row_since, ahead, last_message: known.then_some(last), ..Gateway::default() };
            if version >= WITH_GROUPS {
                for offset in &mut state.offsets {
                    *offset = Span::from_micros(read.time("gateways")?.micros());
                }
                state.offset_count = read.u32("gateways")?;
            }
            self.gateways.push(state);
        }
        self.silent = vec![false; self.layout.links.all.len()];
        if version >= WITH_GROUPS {
            if read.length("links")? != self.silent.len() {
                return Err(read.broken("links"));
            }
            for silent in &mut self.silent {
                *silent = read.flag("links")?;
            }
        }
        Ok(())
    }

    fn read_points(&mut self, read: &mut Reader<'_>, version: u32) -> Result<(), RestoreError> {
        if read.length("points")? != self.layout.len() {
            return Err(read.broken("points"));
        }
        let Some(revision) = self.revision.clone() else {
            return if version < WITH_GROUPS || read.length("groups")? == 0 { Ok(()) } else { Err(read.broken("groups")) };
        };
        self.cells = vec![Cell::NEW; self.layout.rules.len()];
        for local in 0..self.layout.len() {
            if PointNumber(read.u32("points")?) != self.layout.numbers[local] {
                return Err(read.broken("points"));
            }
            self.read_place(local, self.layout.point(&revision, local).stale_after.max(Span::ZERO), read, version)?;
        }
        if version < WITH_GROUPS {
            let new = Hot { stale_after: Span::from_micros(i64::MAX), ..Hot::new(self.now) };
            self.hot.resize(self.layout.places(), new);
            return Ok(());
        }
        if read.length("groups")? != self.layout.places() - self.layout.len() {
            return Err(read.broken("groups"));
        }
        for place in self.layout.len()..self.layout.places() {
            self.read_place(place, Span::from_micros(i64::MAX), read, version)?;
        }
        Ok(())
    }

    fn read_place(&mut self, place: usize, stale_after: Span, read: &mut Reader<'_>, version: u32) -> Result<(), RestoreError> {
        let mut hot = Hot::new(read.time("points")?);
        hot.anchor = read.time("points")?;
        hot.value = f64::from_bits(read.u64("points")?);
        hot.flags = read.u16("points")?;
        hot.stale_after = stale_after;
        if hot.flags & !Hot::ALL != 0 || !hot.value.is_finite() {
            return Err(read.broken("points"));
        }
        hot.set(Hot::MEMBER, self.layout.is_member(place));
        self.hot.push(hot);
        if read.u16("points")? != short(self.layout.rules_of(place).len()) {
            return Err(read.broken("points"));
        }
        for cell in self.layout.rules_of(place) {
            self.cells[cell] = read.cell(version)?;
        }
        Ok(())
    }

    fn read_rest(&mut self, read: &mut Reader<'_>, version: u32) -> Result<(), RestoreError> {
        if version < WITH_GROUPS {
            return Ok(());
        }
        let cell = |read: &mut Reader<'_>, what| {
            let cell = read.length(what)?;
            if cell < self.cells.len() { Ok(cell) } else { Err(read.broken(what)) }
        };
        for _ in 0..read.length("windows")? {
            let cell = cell(read, "windows")?;
            let mut window = Window::default();
            for _ in 0..read.length("windows")? {
                let (time, value) = (read.time("windows")?, f64::from_bits(read.u64("windows")?));
                if !value.is_finite() {
                    return Err(read.broken("windows"));
                }
                window.samples.push((time, value));
            }
            self.windows.insert(cell, window);
        }
        let mut kept = Vec::new();
        for _ in 0..read.length("extras")? {
            let cell = cell(read, "extras")?;
            let mut times = [None; 6];
            for time in &mut times {
                let (there, at) = (read.flag("extras")?, read.time("extras")?);
                *time = there.then_some(at);
            }
            let [shelved_until, suppressed_until, out_until, realarm_at, returned_at, raised_at] = times;
            kept.push((cell, Extra { shelved_until, suppressed_until, out_until, realarm_at, returned_at, raised_at }));
        }
        self.extras = Extras::of(kept.into_iter());
        Ok(())
    }
}

/// A count of alarms on one point; more than this is no site.
fn short(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

struct Writer(Vec<u8>);

impl Writer {
    fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    fn u16(&mut self, value: u16) {
        self.0.extend_from_slice(&value.to_le_bytes());
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
        self.u32(u32::try_from(length).expect("point numbers are u32, and so are counts of what they bring"));
    }

    fn text(&mut self, text: &str) {
        self.u16(u16::try_from(text.len()).expect("ids and keys are short"));
        self.0.extend_from_slice(text.as_bytes());
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn broken(&self, what: &'static str) -> RestoreError {
        RestoreError::Broken { what, at: self.at }
    }

    fn take(&mut self, length: usize, what: &'static str) -> Result<&'a [u8], RestoreError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = rest.get(..length).ok_or_else(|| self.broken(what))?;
        self.at += length;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], RestoreError> {
        let taken = self.take(N, what)?;
        taken.try_into().map_err(|_| self.broken(what))
    }

    fn u16(&mut self, what: &'static str) -> Result<u16, RestoreError> {
        self.array(what).map(u16::from_le_bytes)
    }

    fn u32(&mut self, what: &'static str) -> Result<u32, RestoreError> {
        self.array(what).map(u32::from_le_bytes)
    }

    fn u64(&mut self, what: &'static str) -> Result<u64, RestoreError> {
        self.array(what).map(u64::from_le_bytes)
    }

    fn time(&mut self, what: &'static str) -> Result<Time, RestoreError> {
        self.array(what).map(i64::from_le_bytes).map(Time::from_micros)
    }

    fn length(&mut self, what: &'static str) -> Result<usize, RestoreError> {
        self.u32(what).map(|length| length as usize)
    }

    fn flag(&mut self, what: &'static str) -> Result<bool, RestoreError> {
        match self.array(what)? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(self.broken(what)),
        }
    }

    fn text(&mut self, what: &'static str) -> Result<&'a str, RestoreError> {
        let length = usize::from(self.u16(what)?);
        let bytes = self.take(length, what)?;
        std::str::from_utf8(bytes).map_err(|_| self.broken(what))
    }

    fn cell(&mut self, version: u32) -> Result<Cell, RestoreError> {
        let bits = if version < WITH_GROUPS {
            let [bits] = self.array("alarms")?;
            u16::from(bits)
        } else {
            self.u16("alarms")?
        };
        let flags = Flags::from_bits(bits).ok_or_else(|| self.broken("alarms"))?;
        Ok(Cell {
            flags,
            pending: self.flag("alarms")?,
            due: self.time("alarms")?,
            moved: self.time("alarms")?,
            occurrence: (self.u64("alarms")?, self.u64("alarms")?, self.u32("alarms")?),
            activation: self.u32("alarms")?,
        })
    }
}
