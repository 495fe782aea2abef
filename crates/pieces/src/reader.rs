//! Reads pieces one after another from bytes that may be anything.

use crate::Piece;

/// The bytes end too early, go on too long, or say what cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// At which byte.
    pub at: usize,
}

/// What is left to be read.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// What stands here cannot be.
    pub const fn broken(&self) -> Broken {
        Broken { at: self.at }
    }

    pub(crate) const fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], Broken> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = rest.get(..length).ok_or_else(|| self.broken())?;
        self.at += length;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Broken> {
        let taken = self.take(N)?;
        taken.try_into().map_err(|_| self.broken())
    }

    /// The length is not trusted with memory: items are read until they are there or the bytes end.
    pub(crate) fn list<T: Piece, C: FromIterator<T>>(&mut self) -> Result<C, Broken> {
        let length = u32::read(self)?;
        (0..length).map(|_| T::read(self)).collect()
    }
}
