//! Cursors: opaque to consumers; epoch, position, ordinal and the filter they are bound to (traps 50 to 52).
//!
//! Layout, before base64url without padding: version 1, flags (bit 0: any filter, bit 1: inside a snapshot), epoch u64,
//! position u64, ordinal u32, filter hash u64; integers big-endian; 30 bytes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{Epoch, Position};

/// A resume point: after event `ordinal` of the record at `position`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Epoch of the journal that gave it.
    pub epoch: Epoch,
    /// Position of the last record seen, whole or in part.
    pub position: Position,
    /// How many events of that record were seen; `WHOLE` for all.
    pub seen: u32,
    /// Which filter it belongs to.
    pub filter: FilterBinding,
    /// Given in the middle of a snapshot: resuming begins the snapshot anew.
    pub in_snapshot: bool,
}

/// Which filter a cursor belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterBinding {
    /// It stands for a place in the whole journal; any filter may start there.
    Any,
    /// Only a feed with the filter of this hash may resume there.
    Hash(u64),
}

/// A text that is no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not one that Davy gave; pass it back unchanged, or start at earliest, latest or snapshot")]
pub struct CursorError;

const BYTES: usize = 30;

impl Cursor {
    /// All events of the record were seen.
    pub const WHOLE: u32 = u32::MAX;

    /// After everything up to a position, for any filter.
    pub const fn after(epoch: Epoch, position: Position) -> Self {
        Self { epoch, position, seen: Self::WHOLE, filter: FilterBinding::Any, in_snapshot: false }
    }

    /// The cursor as consumers carry it.
    pub fn encode(&self) -> String {
        let (any, hash) = match self.filter {
            FilterBinding::Any => (1, 0),
            FilterBinding::Hash(hash) => (0, hash),
        };
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.extend([1, any | (u8::from(self.in_snapshot) << 1)]);
        bytes.extend(self.epoch.0.to_be_bytes());
        bytes.extend(self.position.0.to_be_bytes());
        bytes.extend(self.seen.to_be_bytes());
        bytes.extend(hash.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads what `encode` wrote.
    pub fn decode(text: &str) -> Result<Self, CursorError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError)?;
        let bytes: &[u8; BYTES] = bytes.as_slice().try_into().map_err(|_| CursorError)?;
        let [1, flags @ 0..=3, rest @ ..] = bytes else { return Err(CursorError) };
        let word = |at: usize| u64::from_be_bytes(std::array::from_fn(|i| rest[at + i]));
        Ok(Self {
            epoch: Epoch(word(0)),
            position: Position(word(8)),
            seen: u32::from_be_bytes(std::array::from_fn(|i| rest[16 + i])),
            filter: if flags & 1 == 1 { FilterBinding::Any } else { FilterBinding::Hash(word(20)) },
            in_snapshot: flags & 2 == 2,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn cursors_read_back(epoch: u64, position: u64, seen: u32, hash: Option<u64>, in_snapshot: bool) {
            let filter = hash.map_or(FilterBinding::Any, FilterBinding::Hash);
            let cursor = Cursor { epoch: Epoch(epoch), position: Position(position), seen, filter, in_snapshot };
            prop_assert_eq!(Cursor::decode(&cursor.encode()), Ok(cursor));
        }

        #[test]
        fn any_text_is_a_cursor_or_an_error(text in ".{0,60}") {
            if let Ok(cursor) = Cursor::decode(&text) {
                prop_assert_eq!(cursor.encode(), text);
            }
        }
    }
}
