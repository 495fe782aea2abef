//! The bytes of states and of what rules need: little-endian; a text is its length (u32) and its bytes, a list its length (u32) and its
//! items, what may be missing a byte (0 or 1) and, after 1, the value.

use std::sync::Arc;

use model::{MissingMember, Partition, Position, Time};

use crate::needs::{Input, Needs, Quorum};

/// The version of the formats that is written and read.
pub const STATE_VERSION: u32 = 1;

/// Why bytes cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// They do not begin as they should.
    #[error("read a state of the supervision record: this is none")]
    NotAState,
    /// They are of another version.
    #[error("read a state of the supervision record of version {found}: this program reads version {STATE_VERSION}")]
    Version {
        /// The version they name.
        found: u32,
    },
    /// They end too early, go on too long, or say what cannot be.
    #[error("read a state of the supervision record: it is broken at byte {at}")]
    Broken {
        /// Where.
        at: usize,
    },
}

/// Writes values one after the other.
#[derive(Default)]
pub(crate) struct Writer(pub(crate) Vec<u8>);

impl Writer {
    pub(crate) fn header(magic: [u8; 4]) -> Self {
        let mut out = Self(magic.to_vec());
        out.u32(STATE_VERSION);
        out
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn place(&mut self, at: usize) {
        self.u32(u32::try_from(at).expect("less than 4 billion of anything fit into memory"));
    }

    pub(crate) fn time(&mut self, time: Time) {
        self.0.extend_from_slice(&time.micros().to_le_bytes());
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.place(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    pub(crate) fn maybe<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.u8(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    pub(crate) fn list<T>(&mut self, items: impl ExactSizeIterator<Item = T>, mut write: impl FnMut(&mut Self, T)) {
        self.place(items.len());
        items.for_each(|item| write(self, item));
    }
}

/// Reads what `Writer` wrote.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) fn header(bytes: &'a [u8], magic: [u8; 4]) -> Result<Self, RestoreError> {
        let mut reader = Self::new(bytes);
        if reader.take(4).ok() != Some(&magic[..]) {
            return Err(RestoreError::NotAState);
        }
        match reader.u32()? {
            STATE_VERSION => Ok(reader),
            found => Err(RestoreError::Version { found }),
        }
    }

    pub(crate) const fn broken(&self) -> RestoreError {
        RestoreError::Broken { at: self.at }
    }

    /// Nothing may be left.
    pub(crate) fn end(&self) -> Result<(), RestoreError> {
        if self.at == self.bytes.len() { Ok(()) } else { Err(self.broken()) }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], RestoreError> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len()).ok_or_else(|| self.broken())?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], RestoreError> {
        let at = self.at;
        self.take(N)?.try_into().map_err(|_| RestoreError::Broken { at })
    }

    pub(crate) fn u8(&mut self) -> Result<u8, RestoreError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn flag(&mut self) -> Result<bool, RestoreError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.broken()),
        }
    }

    pub(crate) fn u32(&mut self) -> Result<u32, RestoreError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, RestoreError> {
        self.array().map(u64::from_le_bytes)
    }

    /// A place among so many.
    pub(crate) fn place(&mut self, among: usize) -> Result<usize, RestoreError> {
        let at = self.u32()? as usize;
        if at < among { Ok(at) } else { Err(self.broken()) }
    }

    pub(crate) fn time(&mut self) -> Result<Time, RestoreError> {
        self.array().map(|it| Time::from_micros(i64::from_le_bytes(it)))
    }

    pub(crate) fn position(&mut self) -> Result<Position, RestoreError> {
        self.u64().map(Position)
    }

    pub(crate) fn text(&mut self) -> Result<Arc<str>, RestoreError> {
        let length = self.u32()? as usize;
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map(Arc::from).map_err(|_| self.broken())
    }

    pub(crate) fn maybe<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, RestoreError>,
    ) -> Result<Option<T>, RestoreError> {
        if self.flag()? { read(self).map(Some) } else { Ok(None) }
    }

    pub(crate) fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Result<T, RestoreError>) -> Result<Vec<T>, RestoreError> {
        let length = self.u32()? as usize;
        // A length that lies must not take memory: each item is a byte at least.
        let mut items = Vec::with_capacity(length.min(self.bytes.len() - self.at));
        for _ in 0..length {
            items.push(read(self)?);
        }
        Ok(items)
    }
}

impl Needs {
    /// As bytes, with a version of their own.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.u32(STATE_VERSION);
        self.write(&mut out);
        out.0
    }

    /// Reads what `encode` wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, RestoreError> {
        let mut reader = Reader::new(bytes);
        match reader.u32()? {
            STATE_VERSION => {}
            found => return Err(RestoreError::Version { found }),
        }
        let needs = Self::read(&mut reader)?;
        reader.end()?;
        Ok(needs)
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.u8(self.partition.0);
        out.u32(u32::from(self.ignores));
        match self.quorum {
            Quorum::All => out.u8(0),
            Quorum::One => out.u8(1),
            Quorum::Votes(votes, missing) => {
                out.u8(match missing {
                    MissingMember::Vote => 2,
                    MissingMember::NoVote => 3,
                    MissingMember::Degrade => 4,
                });
                out.u32(votes);
            }
        }
        out.list(self.inputs.iter(), |out, input| {
            out.text(&input.point);
            out.text(&input.source);
            out.text(&input.gateway);
        });
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, RestoreError> {
        let partition = Partition(reader.u8()?);
        let ignores = u16::try_from(reader.u32()?).map_err(|_| reader.broken())?;
        let quorum = match reader.u8()? {
            0 => Quorum::All,
            1 => Quorum::One,
            2 => Quorum::Votes(reader.u32()?, MissingMember::Vote),
            3 => Quorum::Votes(reader.u32()?, MissingMember::NoVote),
            4 => Quorum::Votes(reader.u32()?, MissingMember::Degrade),
            _ => return Err(reader.broken()),
        };
        let inputs =
            reader.list(|reader| Ok(Input { point: reader.text()?, source: reader.text()?, gateway: reader.text()? }))?;
        Ok(Self { partition, ignores, quorum, inputs })
    }
}
