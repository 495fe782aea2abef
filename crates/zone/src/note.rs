//! What was unknown or assumed: every such thing is said beside the zone, in words that a duty officer can read out.

use std::fmt;

use model::Span;

use crate::key::{Cas, UnNumber, Variant};
use crate::release::DayNight;
use crate::table::Confidence;

/// Why a wind does not turn the zone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Doubt {
    /// Nobody measured it.
    Unknown,
    /// Too light to have a direction.
    Light {
        /// Metres a second.
        speed_mps: f64,
    },
    /// Measured too long ago.
    Old {
        /// How long.
        age: Span,
    },
    /// Measured after the time asked about: a clock is wrong.
    Ahead {
        /// By how much.
        by: Span,
    },
}

/// Something that was unknown, assumed, or less than sure.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// The wind is not used: the protective zone is a circle.
    Wind(Doubt),
    /// Nobody said how large the spill is.
    SpillUnknown,
    /// The number has several rows, and which holds is not known.
    VariantUnknown(Vec<Variant>),
    /// Named by CAS number.
    TakenAs {
        /// The number given.
        cas: Cas,
        /// The number it was looked up by.
        un: UnNumber,
        /// What that takes for granted; empty for nothing.
        note: String,
    },
    /// Day or night by the sun, not by a person.
    BySun(DayNight),
    /// Figures for cylinders; a tank needs more.
    Cylinders,
    /// The table ends at this distance.
    OrMore,
    /// A figure that only one copy shows.
    Sure {
        /// How sure.
        confidence: Confidence,
        /// Which figure.
        source: String,
    },
    /// The isolation distance is that of the fire.
    FireIsLarger {
        /// What the spill alone needs, metres; nothing where that is not listed.
        spill_m: Option<f64>,
    },
    /// A fire, and no figure for it.
    FireUnknown,
    /// A fire of a substance without figures for a spill: no protective zone.
    SpillNotListed,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("wind unknown"),
            Self::Light { speed_mps } => write!(f, "wind light ({speed_mps:.1} m/s)"),
            Self::Old { age } => write!(f, "wind measured {age} before"),
            Self::Ahead { by } => write!(f, "wind measured {by} after the time asked about"),
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wind(doubt) => write!(f, "{doubt}: circle"),
            Self::SpillUnknown => f.write_str("size of spill unknown: large"),
            Self::VariantUnknown(variants) => {
                let words: Vec<_> = variants.iter().map(|it| it.as_str()).collect();
                write!(f, "kind of spill unknown ({}): the larger figures", words.join(", "))
            }
            Self::TakenAs { cas, un, note } if note.is_empty() => write!(f, "{cas} looked up as {un}"),
            Self::TakenAs { cas, un, note } => write!(f, "{cas} looked up as {un}: {note}"),
            Self::BySun(light) => write!(f, "{} by the sun's position", light.as_str()),
            Self::Cylinders => {
                f.write_str("figures for a one-ton cylinder or several small ones: a storage, rail or road tank needs more")
            }
            Self::OrMore => f.write_str("the protective distance is this or more: the table ends here"),
            Self::Sure { confidence, source } => write!(f, "confidence {confidence}: {source}"),
            Self::FireIsLarger { spill_m: Some(metres) } => {
                write!(f, "isolation for the fire; the spill alone needs {metres:.0} m")
            }
            Self::FireIsLarger { spill_m: None } => f.write_str("isolation for the fire"),
            Self::FireUnknown => f.write_str("isolation for a fire unknown: the orange guide is not listed"),
            Self::SpillNotListed => f.write_str("no figures for a spill: protective zone unknown"),
        }
    }
}

impl Note {
    /// The same in Chinese.
    pub fn zh(&self) -> String {
        match self {
            Self::Wind(doubt) => format!("{}，按圆形区域划定", doubt.zh()),
            Self::SpillUnknown => "泄漏量不明，按大量泄漏".to_owned(),
            Self::VariantUnknown(variants) => {
                let words: Vec<_> = variants.iter().map(|it| it.zh()).collect();
                format!("泄漏情形不明（{}），取较大值", words.join("、"))
            }
            Self::TakenAs { cas, un, .. } => format!("{cas} 按 {un} 查表，请核对浓度和状态"),
            Self::BySun(light) => format!("按太阳位置为{}", light.zh()),
            Self::Cylinders => "数值适用于一吨钢瓶或数个小钢瓶；储罐、罐车所需距离更大".to_owned(),
            Self::OrMore => "防护距离为该值或更大（表中上限）".to_owned(),
            Self::Sure { confidence, source } => format!("可信度{}：{source}", confidence.zh()),
            Self::FireIsLarger { spill_m: Some(metres) } => format!("隔离距离按火灾；仅泄漏需 {metres:.0} 米"),
            Self::FireIsLarger { spill_m: None } => "隔离距离按火灾".to_owned(),
            Self::FireUnknown => "火灾隔离距离不明：未查到橙页指南号".to_owned(),
            Self::SpillNotListed => "无泄漏数据，防护区不明".to_owned(),
        }
    }
}

impl Doubt {
    /// The same in Chinese.
    pub fn zh(&self) -> String {
        match self {
            Self::Unknown => "风向风速不明".to_owned(),
            Self::Light { speed_mps } => format!("风力微弱（{speed_mps:.1} 米/秒）"),
            Self::Old { age } => format!("风的测量已过 {} 秒", age.micros() / 1_000_000),
            Self::Ahead { by } => format!("风的测量时间超前 {} 秒", by.micros() / 1_000_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_say_the_same_figures() {
        let cas = Cas::parse("7664-41-7").unwrap();
        let un = UnNumber::new(1_005).unwrap();
        for (note, figure) in [
            (Note::Wind(Doubt::Light { speed_mps: 0.54 }), "0.5"),
            (Note::Wind(Doubt::Old { age: Span::from_secs(601) }), "601"),
            (Note::Wind(Doubt::Ahead { by: Span::from_secs(9) }), "9"),
            (Note::TakenAs { cas, un, note: String::new() }, "CAS 7664-41-7"),
            (Note::FireIsLarger { spill_m: Some(29.6) }, "30"),
            (Note::Sure { confidence: Confidence::Medium, source: "ERG 2024 table 3".to_owned() }, "ERG 2024 table 3"),
        ] {
            assert!(note.to_string().contains(figure) && note.zh().contains(figure), "{note}: {}", note.zh());
        }
    }
}
