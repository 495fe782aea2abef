//! The head of a snapshot: whose it is, and of which version.

use crate::{Broken, Piece, Reader};

/// A kind of snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// Its first bytes.
    pub magic: [u8; 4],
    /// The version that is written and read.
    pub version: u32,
    /// Of what, in words: `warnings`.
    pub of: &'static str,
}

/// Why a snapshot cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// It does not begin like one.
    #[error("read a snapshot of {of}: this is none")]
    NotASnapshot {
        /// Of what.
        of: &'static str,
    },
    /// It is of another version.
    #[error("read a snapshot of {of} of version {found}: this program reads version {known}")]
    Version {
        /// Of what.
        of: &'static str,
        /// The version it names.
        found: u32,
        /// The version that is read.
        known: u32,
    },
    /// It ends too early, goes on too long, or says what cannot be.
    #[error("read a snapshot of {of}: it is broken at byte {at}")]
    Broken {
        /// Of what.
        of: &'static str,
        /// Where.
        at: usize,
    },
}

impl Format {
    /// The bytes of a snapshot, so far its head: magic, version.
    pub fn begin(self) -> Vec<u8> {
        let mut out = self.magic.to_vec();
        self.version.write(&mut out);
        out
    }

    /// Reads a snapshot as a whole: its head here, its parts by `parts`, and nothing behind them.
    pub fn read<T>(self, bytes: &[u8], parts: impl FnOnce(&mut Reader<'_>) -> Result<T, Broken>) -> Result<T, RestoreError> {
        let Self { magic, version: known, of } = self;
        let broken = |Broken { at }| RestoreError::Broken { of, at };
        let mut read = Reader::new(bytes);
        if read.take(4).ok() != Some(magic.as_slice()) {
            return Err(RestoreError::NotASnapshot { of });
        }
        let found = u32::read(&mut read).map_err(broken)?;
        if found != known {
            return Err(RestoreError::Version { of, found, known });
        }
        let whole = parts(&mut read).map_err(broken)?;
        if read.is_at_end() { Ok(whole) } else { Err(broken(read.broken())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMAT: Format = Format { magic: *b"DVXX", version: 3, of: "things" };

    #[test]
    fn a_head_says_whose_it_is() {
        let of = "things";
        let mut bytes = FORMAT.begin();
        7_u64.write(&mut bytes);
        assert_eq!(FORMAT.read(&bytes, u64::read), Ok(7));
        assert_eq!(FORMAT.read(&bytes, u32::read), Err(RestoreError::Broken { of, at: 12 }), "something is left");
        assert_eq!(FORMAT.read(&bytes[..12], u64::read), Err(RestoreError::Broken { of, at: 8 }));
        assert_eq!(FORMAT.read(b"DVYY", u64::read), Err(RestoreError::NotASnapshot { of }));
        bytes[4] = 9;
        assert_eq!(FORMAT.read(&bytes, u64::read), Err(RestoreError::Version { of, found: 9, known: 3 }));
    }
}
