//! Datatypes, and the value that the bytes of a metric stand for by its declared type (traps 22).

use std::fmt;
use std::sync::Arc;

use crate::payload::MetricValue;

/// The datatypes of Sparkplug B 3.0, by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are those of the specification, section 6.4.16")]
pub enum Datatype {
    Int8 = 1,
    Int16 = 2,
    Int32 = 3,
    Int64 = 4,
    UInt8 = 5,
    UInt16 = 6,
    UInt32 = 7,
    UInt64 = 8,
    Float = 9,
    Double = 10,
    Boolean = 11,
    String = 12,
    DateTime = 13,
    Text = 14,
    Uuid = 15,
    DataSet = 16,
    Bytes = 17,
    File = 18,
    Template = 19,
    PropertySet = 20,
    PropertySetList = 21,
    Int8Array = 22,
    Int16Array = 23,
    Int32Array = 24,
    Int64Array = 25,
    UInt8Array = 26,
    UInt16Array = 27,
    UInt32Array = 28,
    UInt64Array = 29,
    FloatArray = 30,
    DoubleArray = 31,
    BooleanArray = 32,
    StringArray = 33,
    DateTimeArray = 34,
}

/// Every datatype with its name, in the order of the numbers from 1.
const TABLE: [(Datatype, &str); 34] = [
    (Datatype::Int8, "Int8"),
    (Datatype::Int16, "Int16"),
    (Datatype::Int32, "Int32"),
    (Datatype::Int64, "Int64"),
    (Datatype::UInt8, "UInt8"),
    (Datatype::UInt16, "UInt16"),
    (Datatype::UInt32, "UInt32"),
    (Datatype::UInt64, "UInt64"),
    (Datatype::Float, "Float"),
    (Datatype::Double, "Double"),
    (Datatype::Boolean, "Boolean"),
    (Datatype::String, "String"),
    (Datatype::DateTime, "DateTime"),
    (Datatype::Text, "Text"),
    (Datatype::Uuid, "UUID"),
    (Datatype::DataSet, "DataSet"),
    (Datatype::Bytes, "Bytes"),
    (Datatype::File, "File"),
    (Datatype::Template, "Template"),
    (Datatype::PropertySet, "PropertySet"),
    (Datatype::PropertySetList, "PropertySetList"),
    (Datatype::Int8Array, "Int8Array"),
    (Datatype::Int16Array, "Int16Array"),
    (Datatype::Int32Array, "Int32Array"),
    (Datatype::Int64Array, "Int64Array"),
    (Datatype::UInt8Array, "UInt8Array"),
    (Datatype::UInt16Array, "UInt16Array"),
    (Datatype::UInt32Array, "UInt32Array"),
    (Datatype::UInt64Array, "UInt64Array"),
    (Datatype::FloatArray, "FloatArray"),
    (Datatype::DoubleArray, "DoubleArray"),
    (Datatype::BooleanArray, "BooleanArray"),
    (Datatype::StringArray, "StringArray"),
    (Datatype::DateTimeArray, "DateTimeArray"),
];

/// What a metric says.
#[derive(Clone, Debug, PartialEq)]
pub enum Datum {
    /// A number; yes is 1 and no is 0, a `DateTime` is milliseconds since 1970. Integers beyond 2^53 are rounded. May be NaN or infinite.
    Number(f64),
    /// Text, verbatim.
    Text(Arc<str>),
    /// There is no value; never 0.
    Null,
    /// A value that is not taken: which field, what it is, and what would be right.
    Refused(String),
}

impl Datatype {
    /// The datatype of this number; `None` for 0 (unknown) and what no version names.
    pub fn of(number: u32) -> Option<Self> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        TABLE.get(index).map(|(datatype, _)| *datatype)
    }

    /// Its number.
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// Its name in the specification.
    pub fn as_str(self) -> &'static str {
        TABLE[self as usize - 1].1
    }

    /// The range of an integer type.
    pub const fn integers(self) -> Option<(i128, i128)> {
        Some(match self {
            Self::Int8 => (i8::MIN as i128, i8::MAX as i128),
            Self::Int16 => (i16::MIN as i128, i16::MAX as i128),
            Self::Int32 => (i32::MIN as i128, i32::MAX as i128),
            Self::Int64 => (i64::MIN as i128, i64::MAX as i128),
            Self::UInt8 => (0, u8::MAX as i128),
            Self::UInt16 => (0, u16::MAX as i128),
            Self::UInt32 => (0, u32::MAX as i128),
            Self::UInt64 | Self::DateTime => (0, u64::MAX as i128),
            _ => return None,
        })
    }

    /// The datatype that a value without a declared one has by its field alone; none for integers, whose sign only a type can tell.
    pub const fn by_field(value: &MetricValue) -> Option<Self> {
        match value {
            MetricValue::Float(_) => Some(Self::Float),
            MetricValue::Double(_) => Some(Self::Double),
            MetricValue::Boolean(_) => Some(Self::Boolean),
            MetricValue::String(_) => Some(Self::String),
            MetricValue::Bytes(_) => Some(Self::Bytes),
            MetricValue::DataSet(_) => Some(Self::DataSet),
            MetricValue::Template(_) => Some(Self::Template),
            MetricValue::Int(_) | MetricValue::Long(_) | MetricValue::Extension(_) => None,
        }
    }

    /// What a value of this type says. A value in another field than the type's own is taken where it means exactly the same.
    pub fn read(self, value: &MetricValue) -> Datum {
        let taken = match self {
            Self::Boolean => truth(value).map(Datum::Number),
            Self::Float | Self::Double => real(value).map(Datum::Number),
            Self::String | Self::Text | Self::Uuid => match value {
                MetricValue::String(text) => Some(Datum::Text(Arc::from(text.as_str()))),
                _ => None,
            },
            _ => match self.integers() {
                Some((min, max)) => self.integer(value, min, max).map(Datum::Number),
                None => return self.refuse_kind(value),
            },
        };
        taken.unwrap_or_else(|| self.refuse_value(value))
    }

    /// The number that stands in an integer field for this type. Two's complement of the type's own width or of the field's: -4 as `Int8`
    /// comes as 252 from one client and as 4294967292 from the next.
    #[expect(clippy::cast_precision_loss, reason = "integers beyond 2^53 are rounded, as documented at Datum")]
    fn integer(self, value: &MetricValue, min: i128, max: i128) -> Option<f64> {
        let (raw, width): (i128, i128) = match value {
            MetricValue::Int(raw) => (i128::from(*raw), 1 << 32),
            MetricValue::Long(raw) => (i128::from(*raw), 1 << 64),
            MetricValue::Boolean(raw) => (i128::from(*raw), 1 << 64),
            MetricValue::Float(raw) => return whole(f64::from(*raw), min, max),
            MetricValue::Double(raw) => return whole(*raw, min, max),
            _ => return None,
        };
        // An `Int64` in the small field with its highest bit set may be either number: refused.
        let ambiguous = self == Self::Int64 && width == 1 << 32 && raw > i128::from(i32::MAX);
        let own = max - min + 1;
        let extended = [raw, raw - own, raw - (1 << 32), raw - width].into_iter().enumerate().find(|(index, candidate)| {
            let in_range = (min..=max).contains(candidate);
            let complement = min < 0 && raw > max;
            match index {
                0 => in_range,
                1 => in_range && complement && raw < own,
                _ => in_range && complement && *candidate < 0,
            }
        });
        extended.filter(|_| !ambiguous).map(|(_, value)| value as f64)
    }

    fn refuse_kind(self, value: &MetricValue) -> Datum {
        let name = self.as_str();
        let cure = match self {
            Self::DataSet | Self::Template => "send its parts as metrics of their own, each with a name",
            Self::Bytes | Self::File => "send numbers, booleans or texts",
            Self::PropertySet | Self::PropertySetList => "it is a type of properties, not of metrics",
            _ => "send each element as a metric of its own",
        };
        Datum::Refused(format!("{} of datatype {name} is not taken: {cure}", value.field()))
    }

    fn refuse_value(self, value: &MetricValue) -> Datum {
        let (name, shown) = (self.as_str(), Shown(value));
        let cure = match self {
            Self::Boolean => "true or false in boolean_value",
            Self::Float => "a number in float_value",
            Self::Double => "a number in double_value",
            Self::String | Self::Text | Self::Uuid => "a text in string_value",
            Self::Int64 | Self::UInt64 | Self::DateTime => "an integer within the range of the type in long_value",
            _ => "an integer within the range of the type in int_value",
        };
        Datum::Refused(format!(
            "{} = {shown} does not fit datatype {name}: send {cure}, or declare the right datatype",
            value.field()
        ))
    }

    /// The field and bytes in which a well-behaved client sends a value of this type; `None` where there is none for it.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "two's complement within the type's range, checked"
    )]
    pub fn write(self, datum: &Datum) -> Option<MetricValue> {
        match (self, datum) {
            (Self::String | Self::Text | Self::Uuid, Datum::Text(text)) => Some(MetricValue::String(text.to_string())),
            (Self::Boolean, Datum::Number(value)) => Some(MetricValue::Boolean(*value != 0.0)),
            (Self::Float, Datum::Number(value)) => Some(MetricValue::Float(*value as f32)),
            (Self::Double, Datum::Number(value)) => Some(MetricValue::Double(*value)),
            (_, Datum::Number(value)) => {
                let (min, max) = self.integers()?;
                let value = (value.round_ties_even() as i128).clamp(min, max);
                let small = max <= i128::from(u32::MAX);
                Some(if small { MetricValue::Int(value as u32) } else { MetricValue::Long(value as u64) })
            }
            _ => None,
        }
    }
}

impl fmt::Display for Datatype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A value for a message, cut off where it is long.
struct Shown<'a>(&'a MetricValue);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            MetricValue::Int(value) => write!(f, "{value}"),
            MetricValue::Long(value) => write!(f, "{value}"),
            MetricValue::Float(value) => write!(f, "{value:?}"),
            MetricValue::Double(value) => write!(f, "{value:?}"),
            MetricValue::Boolean(value) => write!(f, "{value}"),
            MetricValue::String(value) => write!(f, "{:?}", value.chars().take(64).collect::<String>()),
            MetricValue::Bytes(value)
            | MetricValue::DataSet(value)
            | MetricValue::Template(value)
            | MetricValue::Extension(value) => write!(f, "{} bytes", value.len()),
        }
    }
}

fn truth(value: &MetricValue) -> Option<f64> {
    match value {
        MetricValue::Boolean(value) => Some(f64::from(u8::from(*value))),
        MetricValue::Int(0) | MetricValue::Long(0) => Some(0.0),
        MetricValue::Int(1) | MetricValue::Long(1) => Some(1.0),
        _ => None,
    }
}

/// Integers are taken where they are exact and cannot be the two's complement of something else.
fn real(value: &MetricValue) -> Option<f64> {
    const EXACT: u64 = 1 << 53;
    match value {
        MetricValue::Float(value) => Some(f64::from(*value)),
        MetricValue::Double(value) => Some(*value),
        MetricValue::Int(value) => i32::try_from(*value).ok().map(f64::from),
        #[expect(clippy::cast_precision_loss, reason = "exact by the guard")]
        MetricValue::Long(value) if *value <= EXACT => Some(*value as f64),
        _ => None,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the bounds of the 64-bit types round outwards by one, where no exact integer is lost"
)]
fn whole(value: f64, min: i128, max: i128) -> Option<f64> {
    (value.fract() == 0.0 && value >= min as f64 && value <= max as f64).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(datatype: Datatype, value: MetricValue) -> f64 {
        match datatype.read(&value) {
            Datum::Number(number) => number,
            other => panic!("{datatype} {value:?}: {other:?}"),
        }
    }

    fn refusal(datatype: Datatype, value: MetricValue) -> String {
        match datatype.read(&value) {
            Datum::Refused(why) => why,
            other => panic!("{datatype} {value:?}: {other:?}"),
        }
    }

    #[test]
    fn numbers_and_names_agree() {
        for (index, (datatype, name)) in TABLE.into_iter().enumerate() {
            assert_eq!(datatype.number() as usize, index + 1);
            assert_eq!(Datatype::of(datatype.number()), Some(datatype));
            assert_eq!(datatype.to_string(), name);
        }
        assert_eq!((Datatype::of(0), Datatype::of(35), Datatype::of(u32::MAX)), (None, None, None));
    }

    /// traps 22: one of each datatype at its least, -1, 0 and its most, as the specification encodes it.
    #[test]
    fn every_number_at_its_bounds() {
        use MetricValue::{Boolean, Double, Float, Int, Long};
        let vector: &[(Datatype, MetricValue, f64)] = &[
            (Datatype::Int8, Int(0xffff_ff80), -128.0),
            (Datatype::Int8, Int(0x80), -128.0),
            (Datatype::Int8, Int(0xffff_ffff), -1.0),
            (Datatype::Int8, Int(0xff), -1.0),
            (Datatype::Int8, Int(0), 0.0),
            (Datatype::Int8, Int(127), 127.0),
            (Datatype::Int16, Int(0xffff_8000), -32_768.0),
            (Datatype::Int16, Int(0x8000), -32_768.0),
            (Datatype::Int16, Int(0xffff), -1.0),
            (Datatype::Int16, Int(32_767), 32_767.0),
            (Datatype::Int32, Int(0x8000_0000), -2_147_483_648.0),
            (Datatype::Int32, Int(u32::MAX), -1.0),
            (Datatype::Int32, Int(0), 0.0),
            (Datatype::Int32, Int(0x7fff_ffff), 2_147_483_647.0),
            (Datatype::Int64, Long(1 << 63), -9_223_372_036_854_775_808.0),
            (Datatype::Int64, Long(u64::MAX), -1.0),
            (Datatype::Int64, Long(0), 0.0),
            (Datatype::Int64, Long(i64::MAX as u64), 9_223_372_036_854_775_807.0),
            (Datatype::UInt8, Int(255), 255.0),
            (Datatype::UInt16, Int(65_535), 65_535.0),
            (Datatype::UInt32, Int(u32::MAX), 4_294_967_295.0),
            (Datatype::UInt64, Long(u64::MAX), 18_446_744_073_709_551_615.0),
            (Datatype::Float, Float(f32::MIN), f64::from(f32::MIN)),
            (Datatype::Float, Float(-1.0), -1.0),
            (Datatype::Double, Double(f64::MAX), f64::MAX),
            (Datatype::Boolean, Boolean(false), 0.0),
            (Datatype::Boolean, Boolean(true), 1.0),
            (Datatype::DateTime, Long(1_732_370_000_000), 1_732_370_000_000.0),
        ];
        for (datatype, value, expected) in vector {
            assert_eq!(number(*datatype, value.clone()).to_bits(), expected.to_bits(), "{datatype} {value:?}");
        }
        assert!(number(Datatype::Double, Double(f64::NAN)).is_nan());
    }

    /// traps 22: -4 as `Int8`, as pysparkplug and as others send it, and small signed integers in the large field.
    #[test]
    fn small_signed_integers_as_clients_send_them() {
        for value in [MetricValue::Int(252), MetricValue::Int(4_294_967_292), MetricValue::Long(252)] {
            assert_eq!(number(Datatype::Int8, value), -4.0);
        }
        for value in [MetricValue::Long(u64::MAX - 3), MetricValue::Long(4_294_967_292), MetricValue::Double(-4.0)] {
            assert_eq!(number(Datatype::Int8, value.clone()), -4.0);
            assert_eq!(number(Datatype::Int32, value), -4.0);
        }
    }

    #[test]
    fn exact_values_in_the_wrong_field_are_taken() {
        assert_eq!(number(Datatype::Double, MetricValue::Int(7)), 7.0);
        assert_eq!(number(Datatype::Float, MetricValue::Double(0.1)), 0.1);
        assert_eq!(number(Datatype::UInt64, MetricValue::Int(7)), 7.0);
        assert_eq!(number(Datatype::Int64, MetricValue::Int(7)), 7.0);
        assert_eq!(number(Datatype::Boolean, MetricValue::Int(1)), 1.0);
        assert_eq!(number(Datatype::Int32, MetricValue::Boolean(true)), 1.0);
    }

    #[test]
    fn others_are_refused_by_name() {
        for (datatype, value, part) in [
            (Datatype::Int8, MetricValue::Int(300), "int_value = 300 does not fit datatype Int8"),
            (Datatype::Int64, MetricValue::Int(u32::MAX), "long_value"),
            (Datatype::UInt8, MetricValue::Int(256), "range"),
            (Datatype::UInt32, MetricValue::Long(1 << 32), "range"),
            (Datatype::UInt16, MetricValue::Double(-1.0), "double_value = -1.0"),
            (Datatype::Int32, MetricValue::Double(0.5), "0.5"),
            (Datatype::Double, MetricValue::Int(u32::MAX), "double_value"),
            (Datatype::Double, MetricValue::String("7".repeat(900)), "string_value = \"7777"),
            (Datatype::Boolean, MetricValue::Int(2), "true or false"),
            (Datatype::String, MetricValue::Int(2), "a text"),
            (Datatype::DataSet, MetricValue::DataSet(vec![]), "dataset_value of datatype DataSet is not taken"),
            (Datatype::Template, MetricValue::Template(vec![]), "metrics of their own"),
            (Datatype::Bytes, MetricValue::Bytes(vec![1]), "datatype Bytes"),
            (Datatype::File, MetricValue::Bytes(vec![1]), "datatype File"),
            (Datatype::Int8Array, MetricValue::Bytes(vec![1]), "datatype Int8Array is not taken: send each element"),
        ] {
            let why = refusal(datatype, value);
            assert!(why.contains(part) && why.len() < 256, "{why}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for (datatype, value) in
            [(Datatype::Int8, -4.0), (Datatype::Int64, -1.0), (Datatype::UInt64, 9.0), (Datatype::Float, 0.5)]
        {
            let written = datatype.write(&Datum::Number(value)).unwrap();
            assert_eq!(number(datatype, written), value);
        }
        assert_eq!(Datatype::Text.write(&Datum::Text("a".into())), Some(MetricValue::String("a".to_owned())));
        assert_eq!(Datatype::DataSet.write(&Datum::Number(0.0)), None);
    }
}
