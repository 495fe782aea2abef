//! Samples in PostgreSQL's binary COPY format, both ways: the driver moves bytes and knows no rows.
//!
//! Format (PostgreSQL, COPY, binary format): a head of 11 bytes of signature, 4 of flags and 4 of the length of what else there is; per
//! row a count of fields, then for each its length (-1 for null) and its bytes; at the end -1 for a count. All numbers most significant
//! byte first; `timestamptz` is microseconds since 2000.

use model::{PointNumber, Time};

use super::rows::{Stored, quality, quality_code, read_flags};
use crate::{SampleRow, StoreError};

/// Names and order of the columns, for both ways.
pub(super) const COLUMNS: &str = "ts, recorded_at, value, point, quality, flags";

const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";
const HEAD_BYTES: usize = 19;
const FIELDS: i16 = 6;
/// What a row takes at most, its lengths included.
const ROW_BYTES: usize = 58;

/// Rows encoded for `copy samples (COLUMNS) from stdin (format binary)`.
pub(super) struct Encoder {
    bytes: Vec<u8>,
}

impl Encoder {
    /// With room for so many rows.
    pub(super) fn new(rows: usize) -> Self {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + rows * ROW_BYTES + 2);
        bytes.extend_from_slice(SIGNATURE);
        bytes.extend_from_slice(&[0; 8]);
        Self { bytes }
    }

    /// A row whose point fits into int4; see `Stored::is_strange`.
    pub(super) fn push(&mut self, sample: &Stored) {
        let row = &sample.row;
        self.bytes.extend_from_slice(&FIELDS.to_be_bytes());
        self.field(since_2000(row.time).to_be_bytes());
        self.field(since_2000(row.recorded_at).to_be_bytes());
        match row.value {
            Some(value) => self.field(value.to_be_bytes()),
            None => self.bytes.extend_from_slice(&(-1_i32).to_be_bytes()),
        }
        self.field(row.point.0.cast_signed().to_be_bytes());
        self.field(quality_code(row.quality).to_be_bytes());
        self.field(sample.flags().to_be_bytes());
    }

    /// What has been encoded so far, to be sent; the head is part of the first piece.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// The rest, with the end.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(&(-1_i16).to_be_bytes());
        self.bytes
    }

    fn field<const N: usize>(&mut self, value: [u8; N]) {
        #[expect(clippy::cast_possible_truncation, reason = "8 at most")]
        self.bytes.extend_from_slice(&(N as i32).to_be_bytes());
        self.bytes.extend_from_slice(&value);
    }
}

/// Reads what `copy (select COLUMNS ...) to stdout (format binary)` answers, in pieces of any size.
#[derive(Default)]
pub(super) struct Decoder {
    /// What has come and is no whole row yet.
    pending: Vec<u8>,
    headed: bool,
    ended: bool,
}

impl Decoder {
    /// Takes a piece, and appends the rows that are whole.
    pub(super) fn push(&mut self, piece: &[u8], rows: &mut Vec<Stored>) -> Result<(), StoreError> {
        if self.pending.is_empty() {
            let read = self.read(piece, rows)?;
            self.pending.extend_from_slice(&piece[read..]);
        } else {
            let mut pending = std::mem::take(&mut self.pending);
            pending.extend_from_slice(piece);
            let read = self.read(&pending, rows)?;
            pending.drain(..read);
            self.pending = pending;
        }
        Ok(())
    }

    /// Whether everything has come.
    pub(super) fn finish(self) -> Result<(), StoreError> {
        if self.ended && self.pending.is_empty() { Ok(()) } else { Err(broken("it ends in the middle")) }
    }

    /// How many bytes were whole rows.
    fn read(&mut self, bytes: &[u8], rows: &mut Vec<Stored>) -> Result<usize, StoreError> {
        let mut rest = Bytes(bytes);
        let mut left = bytes.len();
        if !self.headed {
            let Some(head) = rest.array::<HEAD_BYTES>() else { return Ok(0) };
            if !head.starts_with(SIGNATURE) || head[11..] != [0; 8] {
                return Err(broken("it does not begin as it should"));
            }
            self.headed = true;
            left = rest.0.len();
        }
        while !self.ended {
            match rest.row()? {
                Next::Row(row) => rows.push(row),
                Next::End => self.ended = true,
                Next::Short => break,
            }
            left = rest.0.len();
        }
        Ok(bytes.len() - left)
    }
}

enum Next {
    Row(Stored),
    End,
    /// The rest is still to come.
    Short,
}

/// What is left to read.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*array)
    }

    fn row(&mut self) -> Result<Next, StoreError> {
        let Some(count) = self.array().map(i16::from_be_bytes) else { return Ok(Next::Short) };
        match count {
            -1 => return Ok(Next::End),
            FIELDS => (),
            _ => return Err(broken("a row has another number of fields")),
        }
        self.fields()?.map_or(Ok(Next::Short), |row| row.stored().map(Next::Row))
    }

    fn fields(&mut self) -> Result<Option<Fields>, StoreError> {
        let mut fields = Fields::default();
        let Some(ts) = self.field()? else { return Ok(None) };
        let Some(recorded_at) = self.field()? else { return Ok(None) };
        (fields.ts, fields.recorded_at) = (needed(ts)?, needed(recorded_at)?);
        let Some(value) = self.field()? else { return Ok(None) };
        fields.value = value.map(f64::from_be_bytes);
        let Some(point) = self.field()? else { return Ok(None) };
        fields.point = i32::from_be_bytes(point.ok_or_else(|| broken("a field is null"))?);
        let Some(quality) = self.field()? else { return Ok(None) };
        fields.quality = i16::from_be_bytes(quality.ok_or_else(|| broken("a field is null"))?);
        let Some(flags) = self.field()? else { return Ok(None) };
        fields.flags = i16::from_be_bytes(flags.ok_or_else(|| broken("a field is null"))?);
        Ok(Some(fields))
    }

    /// `None` where the rest is still to come, `Some(None)` for null.
    fn field<const N: usize>(&mut self) -> Result<Option<Option<[u8; N]>>, StoreError> {
        let Some(length) = self.array().map(i32::from_be_bytes) else { return Ok(None) };
        match usize::try_from(length) {
            Err(_) => Ok(Some(None)),
            Ok(length) if length == N => Ok(self.array().map(Some)),
            Ok(_) => Err(broken("a field has another length")),
        }
    }
}

#[derive(Default)]
struct Fields {
    ts: i64,
    recorded_at: i64,
    value: Option<f64>,
    point: i32,
    quality: i16,
    flags: i16,
}

impl Fields {
    fn stored(&self) -> Result<Stored, StoreError> {
        let (flags, ties) = read_flags(self.flags);
        let row = SampleRow {
            point: PointNumber(self.point.cast_unsigned()),
            time: time(self.ts),
            value: self.value,
            quality: quality(self.quality)?,
            flags,
            recorded_at: time(self.recorded_at),
        };
        Ok(Stored { row, ties })
    }
}

fn needed(field: Option<[u8; 8]>) -> Result<i64, StoreError> {
    field.map(i64::from_be_bytes).ok_or_else(|| broken("a field is null"))
}

/// Microseconds since 2000, as PostgreSQL counts.
pub(super) const fn since_2000(time: Time) -> i64 {
    time.micros() - Time::YEAR_2000.micros()
}

const fn time(since_2000: i64) -> Time {
    Time::from_micros(since_2000.saturating_add(Time::YEAR_2000.micros()))
}

fn broken(how: &'static str) -> StoreError {
    StoreError::Corrupt { doing: "read the answer of COPY", source: how.into() }
}

#[cfg(test)]
mod tests {
    use model::{Quality, SampleFlags, Span};
    use proptest::prelude::*;

    use super::*;

    fn stored(time: i64, point: u32, value: Option<f64>, ties: u8) -> Stored {
        let time = Time::YEAR_2000.plus(Span::from_micros(time));
        let flags = SampleFlags { arrival_time: true, ..SampleFlags::default() };
        let recorded_at = time.plus(Span::from_micros(3));
        let row = SampleRow { point: PointNumber(point), time, value, quality: Quality::Uncertain, flags, recorded_at };
        Stored { row, ties }
    }

    fn encoded(rows: &[Stored]) -> Vec<u8> {
        let mut encoder = Encoder::new(rows.len());
        rows.iter().for_each(|row| encoder.push(row));
        encoder.finish()
    }

    /// As the manual describes it, byte for byte.
    #[test]
    fn is_the_documented_format() {
        let mut want = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
        want.extend([0, 6]);
        want.extend([0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 1, 0]);
        want.extend([0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 1, 3]);
        want.extend([0, 0, 0, 8, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]);
        want.extend([0, 0, 0, 4, 0, 0, 0, 7]);
        want.extend([0, 0, 0, 2, 0, 2]);
        want.extend([0, 0, 0, 2, 1, 2]);
        assert_eq!(want.len(), HEAD_BYTES + ROW_BYTES);
        want.extend([0, 6]);
        want.extend([0, 0, 0, 8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        want.extend([0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 2]);
        want.extend([0xff, 0xff, 0xff, 0xff]);
        want.extend([0, 0, 0, 4, 0, 0, 0, 8]);
        want.extend([0, 0, 0, 2, 0, 2]);
        want.extend([0, 0, 0, 2, 0, 2]);
        want.extend([0xff, 0xff]);
        assert_eq!(encoded(&[stored(256, 7, Some(1.5), 1), stored(-1, 8, None, 0)]), want);
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let good = encoded(&[stored(256, 7, Some(1.5), 1)]);
        for (index, byte) in [(0, b'Q'), (14, 1), (20, 5), (24, 7), (HEAD_BYTES + 2, 0xff), (HEAD_BYTES + ROW_BYTES - 7, 9)] {
            let mut bad = good.clone();
            bad[index] = byte;
            assert!(Decoder::default().push(&bad, &mut Vec::new()).is_err(), "{index}");
        }
        let mut short = Decoder::default();
        short.push(&good[..good.len() - 1], &mut Vec::new()).unwrap();
        assert!(short.finish().is_err());
    }

    fn rows() -> impl Strategy<Value = Vec<Stored>> {
        let row = (
            any::<i32>(),
            0..=u32::MAX / 2,
            prop::option::of(any::<f64>().prop_filter("finite", |it| it.is_finite())),
            0_u8..128,
        );
        prop::collection::vec(row.prop_map(|(time, point, value, ties)| stored(time.into(), point, value, ties)), 0..20)
    }

    proptest! {
        #[test]
        fn comes_back_in_pieces_of_any_size(rows in rows(), size in 1_usize..200) {
            let (mut decoder, mut read) = (Decoder::default(), Vec::new());
            for piece in encoded(&rows).chunks(size) {
                decoder.push(piece, &mut read).unwrap();
            }
            decoder.finish().unwrap();
            prop_assert_eq!(read, rows);
        }
    }
}
