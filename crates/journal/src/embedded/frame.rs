//! The frame: how one record stands in a file.
//!
//! Little endian, aligned to 8 bytes:
//! ```text
//!  0  u32  length of the whole frame, padding included: a multiple of 8, at most MAX_FRAME_BYTES
//!  4  u32  CRC-32C over the salt of the file, the length, and everything from byte 8 on
//!  8  u8   0xDA
//!  9  u8   flags; bit 0: the body was lawfully erased, its bytes are zero; bit 1: the body was left out of an export, its bytes are not here
//! 10  u16  the upper 16 bits of the salt: in a search for frames it spares the checksum of most bytes that only look like one, so that no body
//!          can be made to slow a start down
//! 12  u32  how much of this file was known to be synced when the frame was written
//! 16       header; with the hash of the body it is what the chain binds
//!     16 u8 journal (1 telemetry, 2 events, 3 dead)   17 u8 partition   18 u8 kind (1 data, 2 seal)   19 u8 length of the key
//!     20 u32 length of the body   24 u64 position   32 u64 epoch   40 i64 journal time, us   48 u64 key_seq   56 key
//!          only in `events`: 32 bytes SHA-256 of the body, 32 bytes chain of the key
//!          body
//!          zeros up to the length
//! ```
//! The chain of a key is SHA-256 over (chain of the record of that key before, zeros for the first; header; SHA-256 of the body).
//! The salt keeps bytes of another file, or a frame inside a body, from passing for a frame of this file.

use std::fmt;

use bytes::Bytes;
use model::{Epoch, KeySeq, Partition, Position, Time};
use sha2::{Digest, Sha256};

use crate::{JournalId, JournalRecord, Key, MAX_BODY_BYTES, RecordKind};

/// Longest frame.
pub(crate) const MAX_FRAME_BYTES: usize = MAX_BODY_BYTES + 256;
/// Bytes before the header.
pub(crate) const PREFIX_BYTES: usize = 16;
const FIXED_BYTES: usize = 56;
const MARK: u8 = 0xDA;
const ERASED: u8 = 1;
const LEFT_OUT: u8 = 2;

/// A SHA-256.
pub(crate) type Hash = [u8; 32];

/// The hash of some bytes.
pub(crate) fn sha256(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

/// What stands before the body and is bound by the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Which journal.
    pub journal: JournalId,
    /// Data or seal.
    pub kind: RecordKind,
    /// Epoch of the append.
    pub epoch: Epoch,
    /// Place in the journal.
    pub position: Position,
    /// Journal time of the append.
    pub time: Time,
    /// Who wrote it.
    pub key: Key,
    /// The writer's own count.
    pub key_seq: KeySeq,
    /// Length of the body, bytes.
    pub body_bytes: u32,
}

impl Header {
    /// The bytes that stand in the frame and go into the chain.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let (journal, partition) = match self.journal {
            JournalId::Telemetry(partition) => (1, partition.0),
            JournalId::Events => (2, 0),
            JournalId::Dead => (3, 0),
        };
        let kind = match self.kind {
            RecordKind::Data => 1,
            RecordKind::Seal => 2,
        };
        let key = self.key.as_str().as_bytes();
        let key_bytes = u8::try_from(key.len()).expect("a key has at most 64 bytes");
        out.extend_from_slice(&[journal, partition, kind, key_bytes]);
        out.extend_from_slice(&self.body_bytes.to_le_bytes());
        out.extend_from_slice(&self.position.0.to_le_bytes());
        out.extend_from_slice(&self.epoch.0.to_le_bytes());
        out.extend_from_slice(&self.time.micros().to_le_bytes());
        out.extend_from_slice(&self.key_seq.0.to_le_bytes());
        out.extend_from_slice(key);
    }

    /// The next link of this key's chain.
    pub(crate) fn chain(&self, previous: &Hash, body_hash: &Hash) -> Hash {
        let mut header = Vec::with_capacity(FIXED_BYTES + 64);
        self.write(&mut header);
        let mut hash = Sha256::new();
        hash.update(previous);
        hash.update(&header);
        hash.update(body_hash);
        hash.finalize().into()
    }
}

/// What only frames of `events` have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// SHA-256 of the body.
    pub body_hash: [u8; 32],
    /// The chain of the key after this record.
    pub chain: [u8; 32],
}

/// What a frame has of its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// All of it.
    Whole(&'a [u8]),
    /// Zeros: it was lawfully erased, in the file it was written to.
    Erased,
    /// Nothing: it is no part of this export.
    LeftOut,
}

/// A frame as it stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// How much of the file was known to be synced when it was written.
    pub synced: u32,
    /// The header.
    pub header: Header,
    /// The chain, in `events`.
    pub link: Option<Link>,
    /// The body.
    pub content: Content<'a>,
    /// Length of the whole frame.
    pub frame_bytes: usize,
}

impl Frame<'_> {
    /// The record that it holds; an erased body reads as empty.
    pub(crate) fn record(&self) -> JournalRecord {
        let header = self.header.clone();
        JournalRecord {
            journal: header.journal,
            position: header.position,
            epoch: header.epoch,
            time: header.time,
            key: header.key,
            key_seq: header.key_seq,
            kind: header.kind,
            body: Bytes::copy_from_slice(self.body().unwrap_or_default()),
        }
    }

    /// The body, where it is here.
    pub(crate) fn body(&self) -> Option<&[u8]> {
        match self.content {
            Content::Whole(body) => Some(body),
            Content::Erased | Content::LeftOut => None,
        }
    }
}

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameFault {
    /// It goes on for this many bytes; fewer were given.
    Short(usize),
    /// It is none.
    Bad(&'static str),
}

impl fmt::Display for FrameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short(_) => f.write_str("the file ends inside a frame"),
            Self::Bad(reason) => f.write_str(reason),
        }
    }
}

/// Length of the frame of a record.
pub(crate) fn frame_bytes(journal: JournalId, key: &Key, body: usize) -> usize {
    let link = if journal == JournalId::Events { 64 } else { 0 };
    (FIXED_BYTES + key.as_str().len() + link + body).next_multiple_of(8)
}

/// Adds a frame to a buffer.
pub(crate) fn encode_frame(
    out: &mut Vec<u8>,
    salt: u64,
    synced: u32,
    header: &Header,
    link: Option<&Link>,
    content: Content<'_>,
) {
    let start = out.len();
    let (flags, stored) = match content {
        Content::Whole(_) => (0, header.body_bytes),
        Content::Erased => (ERASED, header.body_bytes),
        Content::LeftOut => (LEFT_OUT, 0),
    };
    let length = frame_bytes(header.journal, &header.key, stored as usize);
    out.reserve(length);
    out.extend_from_slice(&u32::try_from(length).expect("bodies are bounded").to_le_bytes());
    out.extend_from_slice(&[0, 0, 0, 0, MARK, flags]);
    out.extend_from_slice(&tag(salt));
    out.extend_from_slice(&synced.to_le_bytes());
    header.write(out);
    if let Some(link) = link {
        out.extend_from_slice(&link.body_hash);
        out.extend_from_slice(&link.chain);
    }
    if let Content::Whole(body) = content {
        out.extend_from_slice(body);
    }
    out.resize(start + length, 0);
    let crc = checksum(salt, &out[start..]);
    out[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
}

fn tag(salt: u64) -> [u8; 2] {
    let [.., low, high] = salt.to_le_bytes();
    [low, high]
}

fn checksum(salt: u64, frame: &[u8]) -> u32 {
    let seeded = crc32c::crc32c(&salt.to_le_bytes());
    crc32c::crc32c_append(crc32c::crc32c_append(seeded, &frame[..4]), &frame[8..])
}

/// Reads the frame that bytes start with. Never panics, whatever the bytes.
pub fn decode_frame(bytes: &[u8], salt: u64) -> Result<Frame<'_>, FrameFault> {
    let length = frame_length(bytes, salt)?;
    let frame = bytes.get(..length).ok_or(FrameFault::Short(length))?;
    if checksum(salt, frame) != u32_at(frame, 4) {
        return Err(FrameFault::Bad("the checksum of the frame does not hold"));
    }
    parse(frame)
}

/// The length of the frame that bytes start with, by its first bytes alone.
pub(crate) fn frame_length(bytes: &[u8], salt: u64) -> Result<usize, FrameFault> {
    let prefix = bytes.get(..PREFIX_BYTES).ok_or(FrameFault::Short(PREFIX_BYTES))?;
    let length = u32_at(prefix, 0) as usize;
    let plausible = (FIXED_BYTES..=MAX_FRAME_BYTES).contains(&length) && length.is_multiple_of(8);
    if !plausible || prefix[8] != MARK || prefix[10..12] != tag(salt) {
        return Err(FrameFault::Bad("no frame starts here"));
    }
    Ok(length)
}

fn parse(frame: &[u8]) -> Result<Frame<'_>, FrameFault> {
    let journal = match (frame[16], frame[17]) {
        (1, partition) => JournalId::Telemetry(Partition(partition)),
        (2, 0) => JournalId::Events,
        (3, 0) => JournalId::Dead,
        _ => return Err(FrameFault::Bad("no such journal")),
    };
    let kind = match frame[18] {
        1 => RecordKind::Data,
        2 => RecordKind::Seal,
        _ => return Err(FrameFault::Bad("no such kind of record")),
    };
    let body_bytes = u32_at(frame, 20);
    let link_at = FIXED_BYTES + usize::from(frame[19]);
    let key = frame.get(FIXED_BYTES..link_at).and_then(|key| std::str::from_utf8(key).ok());
    let key = key.and_then(|key| Key::new(key).ok()).ok_or(FrameFault::Bad("no valid key"))?;
    let stored = if frame[9] & LEFT_OUT == 0 { body_bytes as usize } else { 0 };
    if frame_bytes(journal, &key, stored) != frame.len() {
        return Err(FrameFault::Bad("the lengths of frame and body do not fit"));
    }
    let link = (journal == JournalId::Events)
        .then(|| Link { body_hash: array_at(frame, link_at), chain: array_at(frame, link_at + 32) });
    let body_at = if link.is_some() { link_at + 64 } else { link_at };
    let header = Header {
        journal,
        kind,
        epoch: Epoch(u64::from_le_bytes(array_at(frame, 32))),
        position: Position(u64::from_le_bytes(array_at(frame, 24))),
        time: Time::from_micros(i64::from_le_bytes(array_at(frame, 40))),
        key,
        key_seq: KeySeq(u64::from_le_bytes(array_at(frame, 48))),
        body_bytes,
    };
    let content = match frame[9] {
        0 => Content::Whole(&frame[body_at..body_at + stored]),
        ERASED => Content::Erased,
        LEFT_OUT => Content::LeftOut,
        _ => return Err(FrameFault::Bad("its flags are unknown")),
    };
    Ok(Frame { synced: u32_at(frame, 12), header, link, content, frame_bytes: frame.len() })
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

/// The caller has checked that the bytes are there.
fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("the slice has this length")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(journal: JournalId, body: &[u8]) -> Header {
        Header {
            journal,
            kind: RecordKind::Data,
            epoch: Epoch(u64::MAX),
            position: Position(3),
            time: Time::from_micros(-1),
            key: Key::new("engine/7").expect("valid"),
            key_seq: KeySeq(2),
            body_bytes: u32::try_from(body.len()).expect("small"),
        }
    }

    fn encoded(journal: JournalId, body: &[u8], salt: u64) -> (Header, Vec<u8>) {
        let header = header(journal, body);
        let body_hash = sha256(body);
        let link = (journal == JournalId::Events).then(|| Link { body_hash, chain: header.chain(&[0; 32], &body_hash) });
        let mut bytes = Vec::new();
        encode_frame(&mut bytes, salt, 77, &header, link.as_ref(), Content::Whole(body));
        (header, bytes)
    }

    #[test]
    fn the_layout_stays_what_it_is() {
        let (_, bytes) = encoded(JournalId::Telemetry(Partition(9)), b"abc", 0x0201_0000_0000_0005);
        let mut expected = vec![72, 0, 0, 0];
        expected.extend_from_slice(&bytes[4..8]);
        expected.extend_from_slice(&[0xDA, 0, 1, 2, 77, 0, 0, 0, 1, 9, 1, 8, 3, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]);
        expected.extend_from_slice(&[0xFF; 16]);
        expected.extend_from_slice(&[2, 0, 0, 0, 0, 0, 0, 0]);
        expected.extend_from_slice(b"engine/7abc");
        expected.resize(72, 0);
        assert_eq!(bytes, expected);
        assert_eq!(u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]), checksum(0x0201_0000_0000_0005, &bytes));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn what_is_written_is_read(body in proptest::collection::vec(any::<u8>(), 0..300), lane in 0_usize..258, salt: u64) {
            let journal = super::super::lane::journal_of(lane).expect("a lane");
            let (header, bytes) = encoded(journal, &body, salt);
            let frame = decode_frame(&bytes, salt).expect("reads");
            prop_assert_eq!((&frame.header, frame.body(), frame.synced), (&header, Some(body.as_slice()), 77));
            prop_assert_eq!(frame.frame_bytes, bytes.len());
            prop_assert!(decode_frame(&bytes, salt ^ 1).is_err(), "of another file");
            for cut in [0, 1, 15, 16, bytes.len() - 1] {
                prop_assert!(matches!(decode_frame(&bytes[..cut], salt), Err(FrameFault::Short(_))));
            }
        }

        #[test]
        fn no_flipped_bit_goes_unseen(body in proptest::collection::vec(any::<u8>(), 0..60), at: prop::sample::Index, bit in 0_u8..8) {
            let (_, mut bytes) = encoded(JournalId::Events, &body, 1);
            let at = at.index(bytes.len());
            bytes[at] ^= 1_u8 << bit;
            prop_assert!(decode_frame(&bytes, 1).is_err());
        }

        #[test]
        fn no_bytes_make_it_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), fix: bool) {
            // With a right length and checksum, so that what is behind them is reached.
            if fix && bytes.len() >= FIXED_BYTES {
                let length = bytes.len() / 8 * 8;
                bytes.truncate(length);
                bytes[..4].copy_from_slice(&u32::try_from(length).expect("small").to_le_bytes());
                (bytes[8], bytes[10], bytes[11]) = (MARK, 0, 0);
                bytes[9] &= 3;
                bytes[16] = 1 + bytes[16] % 3;
                let crc = checksum(9, &bytes);
                bytes[4..8].copy_from_slice(&crc.to_le_bytes());
            }
            drop(decode_frame(&bytes, 9));
        }
    }
}
