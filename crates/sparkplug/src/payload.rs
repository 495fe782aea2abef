//! What goes over the wire: the messages of `sparkplug_b.proto` (Eclipse Tahu), as far as a host reads them.
//!
//! Limits: a payload has `PAYLOAD_BYTES_MAX` bytes and `PAYLOAD_METRICS_MAX` metrics at most, counted before anything is built of it.
//! Data sets, templates and property sets inside are kept as the bytes they came in: two bytes on the wire would otherwise grow to a
//! hundred in memory, and the first two are refused by name anyway. Fields that are not listed (body, metadata, extensions) are
//! skipped; of the uuid only the word matters that says that the metrics are compressed.

use model::Time;
use prost::Message;

/// The largest payload that is read: 4 MiB, a birth of some 40,000 metrics.
pub const PAYLOAD_BYTES_MAX: usize = 4 << 20;
/// The most metrics in one payload.
pub const PAYLOAD_METRICS_MAX: usize = 50_000;

/// The `uuid` of a payload whose metrics are compressed, in `body`.
const COMPRESSED: &[u8] = b"SPBV1.0_COMPRESSED";

/// One message of an edge node.
#[derive(Clone, PartialEq, Message)]
pub struct Payload {
    /// When it was sent: milliseconds since 1970.
    #[prost(uint64, optional, tag = "1")]
    pub timestamp: Option<u64>,
    /// What it carries.
    #[prost(message, repeated, tag = "2")]
    pub metrics: Vec<Metric>,
    /// 0 to 255, over a node and its devices; deaths of nodes and commands have none.
    #[prost(uint64, optional, tag = "3")]
    pub seq: Option<u64>,
}

/// One value of one metric.
#[derive(Clone, PartialEq, Message)]
pub struct Metric {
    /// Its name; left out where an alias stands for it.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// A number that the birth tied to the name, unique in the edge node over all its devices.
    #[prost(uint64, optional, tag = "2")]
    pub alias: Option<u64>,
    /// When it was measured: milliseconds since 1970.
    #[prost(uint64, optional, tag = "3")]
    pub timestamp: Option<u64>,
    /// See `Datatype`.
    #[prost(uint32, optional, tag = "4")]
    pub datatype: Option<u32>,
    /// Stored by the node while nobody listened: history, not the present.
    #[prost(bool, optional, tag = "5")]
    pub is_historical: Option<bool>,
    /// To be judged, not to be stored.
    #[prost(bool, optional, tag = "6")]
    pub is_transient: Option<bool>,
    /// There is no value.
    #[prost(bool, optional, tag = "7")]
    pub is_null: Option<bool>,
    /// A `PropertySet` as it came; `Properties::of` reads what matters of it.
    #[prost(bytes = "vec", optional, tag = "9")]
    pub properties: Option<Vec<u8>>,
    /// The value.
    #[prost(oneof = "MetricValue", tags = "10, 11, 12, 13, 14, 15, 16, 17, 18, 19")]
    pub value: Option<MetricValue>,
}

/// The field in which a value came. What it means is decided by the declared datatype.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum MetricValue {
    /// Integers of up to 32 bits, signed ones as two's complement.
    #[prost(uint32, tag = "10")]
    Int(u32),
    /// Integers of 64 bits, and times.
    #[prost(uint64, tag = "11")]
    Long(u64),
    /// Binary32.
    #[prost(float, tag = "12")]
    Float(f32),
    /// Binary64.
    #[prost(double, tag = "13")]
    Double(f64),
    /// Yes or no.
    #[prost(bool, tag = "14")]
    Boolean(bool),
    /// Text.
    #[prost(string, tag = "15")]
    String(String),
    /// Bytes, files and arrays.
    #[prost(bytes = "vec", tag = "16")]
    Bytes(Vec<u8>),
    /// A `DataSet` as it came.
    #[prost(bytes = "vec", tag = "17")]
    DataSet(Vec<u8>),
    /// A `Template` as it came.
    #[prost(bytes = "vec", tag = "18")]
    Template(Vec<u8>),
    /// Somebody's own.
    #[prost(bytes = "vec", tag = "19")]
    Extension(Vec<u8>),
}

impl MetricValue {
    /// The name of the field in `sparkplug_b.proto`.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Int(_) => "int_value",
            Self::Long(_) => "long_value",
            Self::Float(_) => "float_value",
            Self::Double(_) => "double_value",
            Self::Boolean(_) => "boolean_value",
            Self::String(_) => "string_value",
            Self::Bytes(_) => "bytes_value",
            Self::DataSet(_) => "dataset_value",
            Self::Template(_) => "template_value",
            Self::Extension(_) => "extension_value",
        }
    }
}

/// Why a payload cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// More bytes than are read.
    #[error("read a payload of {bytes} bytes: at most {PAYLOAD_BYTES_MAX} are taken; send fewer metrics per message")]
    TooLarge {
        /// How many.
        bytes: usize,
    },
    /// More metrics than are read.
    #[error("read a payload of {metrics} metrics: at most {PAYLOAD_METRICS_MAX} are taken; spread them over several devices")]
    TooManyMetrics {
        /// How many.
        metrics: usize,
    },
    /// The metrics are in `body`, compressed.
    #[error("read a payload with uuid = SPBV1.0_COMPRESSED: its metrics are compressed; turn compression off in the edge node")]
    Compressed,
    /// Not protobuf, or not of this schema.
    #[error("read the payload as Sparkplug B protobuf ({0}): the publisher must encode org.eclipse.tahu.protobuf.Payload")]
    Protobuf(#[from] prost::DecodeError),
}

impl DecodeError {
    /// A word for counters.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "payload_too_large",
            Self::TooManyMetrics { .. } => "too_many_metrics",
            Self::Compressed => "payload_compressed",
            Self::Protobuf(_) => "not_sparkplug",
        }
    }
}

impl Payload {
    /// Reads a payload within the limits.
    ///
    /// # Errors
    /// Too many bytes or metrics, compressed, or not protobuf of this schema.
    pub fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > PAYLOAD_BYTES_MAX {
            return Err(DecodeError::TooLarge { bytes: bytes.len() });
        }
        let (metrics, compressed) = survey(bytes);
        if compressed {
            return Err(DecodeError::Compressed);
        }
        if metrics > PAYLOAD_METRICS_MAX {
            return Err(DecodeError::TooManyMetrics { metrics });
        }
        Ok(Self::decode(bytes)?)
    }

    /// The bytes of it.
    pub fn write(&self) -> Vec<u8> {
        self.encode_to_vec()
    }

    /// The value of the metric of this name, where it is a number without a fraction.
    pub fn integer(&self, name: &str) -> Option<u64> {
        let metric = self.metrics.iter().find(|metric| metric.name.as_deref() == Some(name))?;
        match metric.value.as_ref()? {
            MetricValue::Int(value) => Some(u64::from(*value)),
            MetricValue::Long(value) => Some(*value),
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "integral and in range by the guard")]
            MetricValue::Double(value) if (0.0..=255.0).contains(value) && value.fract() == 0.0 => Some(*value as u64),
            _ => None,
        }
    }
}

/// Milliseconds since 1970 as an instant; `None` beyond the range of instants.
pub fn time_of(millis: u64) -> Option<Time> {
    let millis = i64::try_from(millis).ok()?;
    millis.checked_mul(1_000).map(Time::from_micros)
}

/// An instant as milliseconds since 1970, rounded down; 0 for what lies before.
pub fn millis_of(time: Time) -> u64 {
    u64::try_from(time.micros().div_euclid(1_000)).unwrap_or(0)
}

/// How many metrics a payload has, and whether it says that they are compressed, by its outermost fields alone; it ends where they stop
/// making sense.
fn survey(mut bytes: &[u8]) -> (usize, bool) {
    const METRICS: u64 = 2;
    const UUID: u64 = 4;
    let (mut count, mut compressed) = (0, false);
    while !bytes.is_empty() {
        let Ok(key) = prost::encoding::decode_varint(&mut bytes) else { return (count, compressed) };
        let skip = match key & 7 {
            0 => prost::encoding::decode_varint(&mut bytes).map(|_| 0),
            1 => Ok(8),
            2 => prost::encoding::decode_varint(&mut bytes),
            5 => Ok(4),
            _ => return (count, compressed),
        };
        count += usize::from(key == METRICS << 3 | 2);
        let Some(rest) = skip.ok().and_then(|skip| usize::try_from(skip).ok()).and_then(|skip| bytes.get(skip..)) else {
            return (count, compressed);
        };
        if key == UUID << 3 | 2 {
            compressed = &bytes[..bytes.len() - rest.len()] == COMPRESSED;
        }
        bytes = rest;
    }
    (count, compressed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_numbers_are_those_of_the_schema() {
        // timestamp 1, metric { name "a", alias 5, timestamp 2, datatype 3, historical, transient, null, int 7 }, seq 9, uuid, body.
        let bytes = [
            &[0x08, 0x01, 0x12, 0x11, 0x0a, 0x01, b'a', 0x10, 0x05, 0x18, 0x02, 0x20, 0x03][..],
            &[0x28, 0x01, 0x30, 0x01, 0x38, 0x01, 0x50, 0x07, 0x18, 0x09, 0x22, 0x01, b'u', 0x2a, 0x01, 0xff],
        ]
        .concat();
        let payload = Payload::read(&bytes).unwrap();
        let metric = Metric {
            name: Some("a".to_owned()),
            alias: Some(5),
            timestamp: Some(2),
            datatype: Some(3),
            is_historical: Some(true),
            is_transient: Some(true),
            is_null: Some(true),
            properties: None,
            value: Some(MetricValue::Int(7)),
        };
        assert_eq!(payload, Payload { timestamp: Some(1), metrics: vec![metric], seq: Some(9) });
    }

    #[test]
    fn too_many_metrics_are_counted_before_they_are_built() {
        let empty = |count: usize| [0x12, 0x00].repeat(count);
        assert!(Payload::read(&empty(PAYLOAD_METRICS_MAX)).is_ok());
        let metrics = PAYLOAD_METRICS_MAX + 1;
        assert_eq!(Payload::read(&empty(metrics)), Err(DecodeError::TooManyMetrics { metrics }));
        let bytes = PAYLOAD_BYTES_MAX + 1;
        assert_eq!(Payload::read(&vec![0; bytes]), Err(DecodeError::TooLarge { bytes }));
    }

    #[test]
    fn compressed_metrics_are_refused_by_name() {
        let payload = Payload { timestamp: Some(1), metrics: vec![], seq: Some(1) }.write();
        let with = |uuid: &[u8]| [&payload[..], &[0x22, u8::try_from(uuid.len()).unwrap()], uuid, &[0x2a, 1, 0x1f]].concat();
        assert_eq!(Payload::read(&with(COMPRESSED)), Err(DecodeError::Compressed));
        assert_eq!(DecodeError::Compressed.reason(), "payload_compressed");
        assert!(Payload::read(&with(b"SPBV1.0_COMPRESSED?")).is_ok());
        assert!(Payload::read(&with(b"")).is_ok());
    }

    #[test]
    fn garbage_is_an_error() {
        for bytes in [&[0x12, 0xff, 0xff][..], &[0x0a], b"{\"online\":true}", &[0xff; 64], &[0x12, 0x03, 0x0a, 0x01, 0xff]] {
            assert!(matches!(Payload::read(bytes), Err(DecodeError::Protobuf(_))), "{bytes:?}");
        }
    }

    #[test]
    fn times_do_not_overflow() {
        assert_eq!(time_of(1), Some(Time::from_micros(1_000)));
        assert_eq!(time_of(u64::MAX), None);
        assert_eq!(time_of(i64::MAX as u64), None);
        assert_eq!(millis_of(Time::from_micros(-1)), 0);
        assert_eq!(millis_of(Time::from_micros(1_999)), 1);
    }
}
