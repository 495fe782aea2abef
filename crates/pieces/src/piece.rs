//! What a piece is, and the format of each kind.
//!
//! Little-endian. A text is its length (u32) and its bytes; a list or a table is its length (u32) and its items; what may be missing is a
//! byte (0 or 1) and, after 1, the value; a truth is a byte; a word of a closed set is its text; times and spans are i64; a struct is its
//! parts in the order of `pieces!`. A change here is a new version of every snapshot.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::{Broken, Reader};

/// A value that is written and read the same way.
pub trait Piece: Sized {
    /// Appends it.
    fn write(&self, out: &mut Vec<u8>);
    /// Takes it from where it was written.
    fn read(read: &mut Reader<'_>) -> Result<Self, Broken>;
}

/// Structs as their fields in order.
#[macro_export]
macro_rules! pieces {
    ($($name:ident { $($field:ident),+ $(,)? })+) => {
        $(impl $crate::Piece for $name {
            fn write(&self, out: &mut Vec<u8>) {
                $($crate::Piece::write(&self.$field, out);)+
            }

            fn read(read: &mut $crate::Reader<'_>) -> Result<Self, $crate::Broken> {
                Ok(Self { $($field: $crate::Piece::read(read)?),+ })
            }
        })+
    };
}

macro_rules! numbers {
    ($($number:ty),+) => {
        $(impl Piece for $number {
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }

            fn read(read: &mut Reader<'_>) -> Result<Self, Broken> {
                read.array().map(Self::from_le_bytes)
            }
        })+
    };
}

numbers!(u16, u32, u64, i64, f64);

impl Piece for bool {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn read(read: &mut Reader<'_>) -> Result<Self, Broken> {
        match read.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(read.broken()),
        }
    }
}

/// For texts and what is made of them.
pub(crate) fn write_text(text: &str, out: &mut Vec<u8>) {
    length(text.len(), out);
    out.extend_from_slice(text.as_bytes());
}

pub(crate) fn read_text<'a>(read: &mut Reader<'a>) -> Result<&'a str, Broken> {
    let length = u32::read(read)? as usize;
    let bytes = read.take(length)?;
    std::str::from_utf8(bytes).map_err(|_| read.broken())
}

impl Piece for String {
    fn write(&self, out: &mut Vec<u8>) {
        write_text(self, out);
    }

    fn read(read: &mut Reader<'_>) -> Result<Self, Broken> {
        read_text(read).map(Self::from)
    }
}

impl Piece for Arc<str> {
    fn write(&self, out: &mut Vec<u8>) {
        write_text(self, out);
    }

    fn read(read: &mut Reader<'_>) -> Result<Self, Broken> {
        read_text(read).map(Self::from)
    }
}

impl<T: Piece> Piece for Box<T> {
    fn write(&self, out: &mut Vec<u8>) {
        (**self).write(out);
    }

    fn read(read: &mut Reader<'_>) -> Result<Self, Broken> {
        T::read(read).map(Self::new)
    }
}

impl<T: Piece> Piece for Option<T> {
    fn write(&self, out: &mut Vec<u8>) {
        self.is_some().write(out);
        if let Some(value) = self {
            value.write(out);
        }
    }

    fn read(read: &mut Reader<'_>) -> Result<Self, Broken> {
        if bool::read(read)? { T::read(read).map(Some) } else { Ok(None) }
    }
}

impl<A: Piece, B: Piece> Piece for (A, B) {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
        self.1.write(out);
    }

    fn read(read: &mut Reader<'_>) -> Result<Self, Broken> {
        Ok((A::read(read)?, B::read(read)?))
    }
}

impl<T: Piece> Piece for [T; 3] {
    fn write(&self, out: &mut Vec<u8>) {
        self.iter().for_each(|item| item.write(out));
    }

    fn read(read: &mut Reader<'_>) -> Result<Self, Broken> {
        Ok([T::read(read)?, T::read(read)?, T::read(read)?])
    }
}

impl<T: Piece> Piece for Vec<T> {
    fn write(&self, out: &mut Vec<u8>) {
        length(self.len(), out);
        self.iter().for_each(|item| item.write(out));
    }

    fn read(read: &mut Reader<'_>) -> Result<Self, Broken> {
        read.list()
    }
}

impl<T: Piece> Piece for VecDeque<T> {
    fn write(&self, out: &mut Vec<u8>) {
        length(self.len(), out);
        self.iter().for_each(|item| item.write(out));
    }

    fn read(read: &mut Reader<'_>) -> Result<Self, Broken> {
        read.list()
    }
}

impl<K: Piece + Ord, V: Piece> Piece for BTreeMap<K, V> {
    fn write(&self, out: &mut Vec<u8>) {
        length(self.len(), out);
        for (key, value) in self {
            key.write(out);
            value.write(out);
        }
    }

    fn read(read: &mut Reader<'_>) -> Result<Self, Broken> {
        read.list::<(K, V), _>()
    }
}

fn length(length: usize, out: &mut Vec<u8>) {
    u32::try_from(length).expect("what a fold holds, and the bytes of its texts, are far below").write(out);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Format;

    #[derive(Clone, Debug, PartialEq)]
    struct Thing {
        name: String,
        parts: Vec<(u32, Option<i64>)>,
        by_name: BTreeMap<Arc<str>, bool>,
        last: VecDeque<u64>,
        three: [u32; 3],
    }

    pieces!(Thing { name, parts, by_name, last, three });

    const FORMAT: Format = Format { magic: *b"DVTT", version: 1, of: "things" };

    fn thing() -> impl Strategy<Value = Thing> {
        let parts = prop::collection::vec(any::<(u32, Option<i64>)>(), 0..4);
        let by_name = prop::collection::btree_map(".{0,4}".prop_map(Arc::from), any::<bool>(), 0..4);
        let last = prop::collection::vec_deque(any::<u64>(), 0..4);
        (".{0,8}", parts, by_name, last, any::<[u32; 3]>()).prop_map(|(name, parts, by_name, last, three)| Thing {
            name,
            parts,
            by_name,
            last,
            three,
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_and_nothing_less(thing in thing(), cut in any::<prop::sample::Index>()) {
            let mut bytes = FORMAT.begin();
            thing.write(&mut bytes);
            prop_assert_eq!(FORMAT.read(&bytes, Thing::read), Ok(thing));
            prop_assert!(FORMAT.read(&bytes[..cut.index(bytes.len())], Thing::read).is_err());
        }

        #[test]
        fn any_bytes_are_a_thing_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut headed = FORMAT.begin();
            headed.extend(&bytes);
            drop(FORMAT.read(&headed, Thing::read));
        }
    }

    /// Bytes that were written stay readable.
    #[test]
    fn the_format_is_what_it_was() {
        let mut out = Vec::new();
        (Some(String::from("ab")), vec![true, false]).write(&mut out);
        (7_u32, -2_i64).write(&mut out);
        let wanted = [1, 2, 0, 0, 0, b'a', b'b', 2, 0, 0, 0, 1, 0, 7, 0, 0, 0, 254, 255, 255, 255, 255, 255, 255, 255];
        assert_eq!(out, wanted);
    }
}
