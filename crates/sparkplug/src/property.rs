//! The properties of a metric that a host reads: its quality and its unit.
//!
//! Limits: the first `PROPERTIES_MAX` properties of a metric are looked at; units are cut off at `UNIT_BYTES_MAX` bytes.

use std::sync::Arc;

use model::Quality;
use prost::Message;

use crate::payload::Metric;

const PROPERTIES_MAX: usize = 256;
const UNIT_BYTES_MAX: usize = 64;

/// `PropertySet` of the schema: keys and values side by side.
#[derive(Clone, PartialEq, Message)]
pub struct PropertySet {
    /// Names.
    #[prost(string, repeated, tag = "1")]
    pub keys: Vec<String>,
    /// Values, in the order of the names.
    #[prost(message, repeated, tag = "2")]
    pub values: Vec<PropertyValue>,
}

/// `PropertyValue` of the schema; sets inside of sets are skipped.
#[derive(Clone, PartialEq, Message)]
pub struct PropertyValue {
    /// See `Datatype`.
    #[prost(uint32, optional, tag = "1")]
    pub datatype: Option<u32>,
    /// There is no value.
    #[prost(bool, optional, tag = "2")]
    pub is_null: Option<bool>,
    /// The value.
    #[prost(oneof = "PropertyValueKind", tags = "3, 4, 5, 6, 7, 8")]
    pub value: Option<PropertyValueKind>,
}

/// The field in which the value of a property came.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum PropertyValueKind {
    /// Integers of up to 32 bits.
    #[prost(uint32, tag = "3")]
    Int(u32),
    /// Integers of 64 bits.
    #[prost(uint64, tag = "4")]
    Long(u64),
    /// Binary32.
    #[prost(float, tag = "5")]
    Float(f32),
    /// Binary64.
    #[prost(double, tag = "6")]
    Double(f64),
    /// Yes or no.
    #[prost(bool, tag = "7")]
    Boolean(bool),
    /// Text.
    #[prost(string, tag = "8")]
    String(String),
}

/// What the properties of a metric say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Properties {
    /// Its quality, where it is said.
    pub quality: Option<Quality>,
    /// Its engineering unit, where it is said.
    pub unit: Option<Arc<str>>,
}

impl Properties {
    /// What the properties of a metric say; those that cannot be read say nothing.
    pub fn of(metric: &Metric) -> Self {
        let Some(bytes) = metric.properties.as_deref() else { return Self::default() };
        // Each property takes four bytes at least, empty ones too; what has more is not looked at.
        if bytes.len() > PROPERTIES_MAX * 256 {
            return Self::default();
        }
        let Ok(set) = PropertySet::decode(bytes) else { return Self::default() };
        let mut said = Self::default();
        for (key, value) in set.keys.iter().zip(&set.values).take(PROPERTIES_MAX) {
            let Some(value) = value.value.as_ref().filter(|_| value.is_null != Some(true)) else { continue };
            match key.to_ascii_lowercase().as_str() {
                "quality" => said.quality = quality_of(value).or(said.quality),
                "engunit" | "engunits" | "eng_unit" | "eng_units" | "engineering unit" | "engineering units"
                | "engineeringunit" | "engineeringunits" | "unit" | "units" => said.unit = unit_of(value).or(said.unit),
                _ => {}
            }
        }
        said
    }

    /// The bytes of a `PropertySet` that says this; `None` where there is nothing to say.
    pub fn write(&self) -> Option<Vec<u8>> {
        const INT32: u32 = 3;
        const STRING: u32 = 12;
        let mut set = PropertySet::default();
        if let Some(quality) = self.quality {
            let code = match quality {
                Quality::Good => 192,
                Quality::Uncertain => 64,
                Quality::Bad | Quality::Calibrating => 0,
            };
            set.keys.push("Quality".to_owned());
            set.values.push(PropertyValue { datatype: Some(INT32), is_null: None, value: Some(PropertyValueKind::Int(code)) });
        }
        if let Some(unit) = &self.unit {
            let value = Some(PropertyValueKind::String(unit.to_string()));
            set.keys.push("engUnit".to_owned());
            set.values.push(PropertyValue { datatype: Some(STRING), is_null: None, value });
        }
        (!set.keys.is_empty()).then(|| set.encode_to_vec())
    }
}

/// 192 is good, 0 bad and 500 stale (traps 22). The others as OPC has it in its lowest byte: 192 to 255 good, 64 to 191 uncertain, below
/// bad. What is above 255 names causes of bad quality in the products that send it.
fn quality_of(value: &PropertyValueKind) -> Option<Quality> {
    let code = match value {
        PropertyValueKind::Int(code) => u64::from(*code),
        PropertyValueKind::Long(code) => *code,
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and then it is bad")]
        PropertyValueKind::Float(code) => *code as u64,
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and then it is bad")]
        PropertyValueKind::Double(code) => *code as u64,
        PropertyValueKind::Boolean(good) => return Some(if *good { Quality::Good } else { Quality::Bad }),
        PropertyValueKind::String(word) => return Quality::parse(&word.trim().to_ascii_lowercase()),
    };
    Some(match code {
        192..=255 => Quality::Good,
        64..=191 => Quality::Uncertain,
        _ => Quality::Bad,
    })
}

fn unit_of(value: &PropertyValueKind) -> Option<Arc<str>> {
    let PropertyValueKind::String(unit) = value else { return None };
    let unit = unit.trim();
    let end = (0..=UNIT_BYTES_MAX.min(unit.len())).rev().find(|end| unit.is_char_boundary(*end))?;
    (end > 0).then(|| Arc::from(&unit[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(key: &str, value: PropertyValueKind) -> Properties {
        let value = PropertyValue { datatype: None, is_null: None, value: Some(value) };
        let set = PropertySet { keys: vec![key.to_owned()], values: vec![value] };
        Properties::of(&Metric { properties: Some(set.encode_to_vec()), ..Metric::default() })
    }

    #[test]
    fn quality_codes() {
        let codes =
            [(192, Quality::Good), (0, Quality::Bad), (500, Quality::Bad), (216, Quality::Good), (64, Quality::Uncertain)];
        for (code, quality) in codes.into_iter().chain([(191, Quality::Uncertain), (63, Quality::Bad), (u32::MAX, Quality::Bad)])
        {
            assert_eq!(said("Quality", PropertyValueKind::Int(code)).quality, Some(quality), "{code}");
            assert_eq!(said("quality", PropertyValueKind::Long(code.into())).quality, Some(quality), "{code}");
        }
        assert_eq!(said("Quality", PropertyValueKind::Double(f64::NAN)).quality, Some(Quality::Bad));
        assert_eq!(said("Quality", PropertyValueKind::String("Uncertain".to_owned())).quality, Some(Quality::Uncertain));
        assert_eq!(said("Quality", PropertyValueKind::String("so so".to_owned())).quality, None);
    }

    #[test]
    fn units_under_their_many_names() {
        for key in ["engUnit", "Engineering Units", "unit", "EngUnits", "units"] {
            assert_eq!(said(key, PropertyValueKind::String(" kPa ".to_owned())).unit.as_deref(), Some("kPa"), "{key}");
        }
        assert_eq!(said("unit", PropertyValueKind::String("€".repeat(40))).unit.as_deref(), Some("€".repeat(21).as_str()));
        assert_eq!(said("unit", PropertyValueKind::Int(3)).unit, None);
        assert_eq!(said("unit", PropertyValueKind::String("  ".to_owned())).unit, None);
    }

    #[test]
    fn what_is_written_is_read() {
        let properties = Properties { quality: Some(Quality::Bad), unit: Some("kPa".into()) };
        assert_eq!(Properties::of(&Metric { properties: properties.write(), ..Metric::default() }), properties);
        assert_eq!(Properties::default().write(), None);
    }

    #[test]
    fn garbage_says_nothing() {
        let garbage = Metric { properties: Some(vec![0xff; 9]), ..Metric::default() };
        assert_eq!(Properties::of(&garbage), Properties::default());
    }
}
