//! What a picture says of what it does not know, in English and Chinese.

use model::{PictureNote, Span};

use crate::guide::GuideError;
use crate::picture::{READING_AGE_MAX, Reading};

pub(crate) fn note(text: impl Into<String>, zh: impl Into<String>) -> PictureNote {
    PictureNote { text: text.into(), zh: zh.into() }
}

/// Why a reading is no use now; `None` where it is.
pub(crate) fn doubt(reading: Option<&Reading>, age: impl Fn(model::Time) -> Span) -> Option<PictureNote> {
    match reading {
        Some(Reading::Value { value, .. }) if !value.is_finite() => Some(note("no number", "数值无效")),
        Some(Reading::Value { at, .. }) if age(*at) > READING_AGE_MAX => {
            let age = age(*at);
            Some(note(format!("measured {age} before"), format!("测量已过 {} 秒", age.micros() / 1_000_000)))
        }
        Some(Reading::Value { .. }) => None,
        Some(Reading::Bad) => Some(note("bad quality", "数据质量差")),
        Some(Reading::NotSeen) => Some(note("nothing measured in the last 10 minutes", "近 10 分钟内无数据")),
        Some(Reading::NotRead) | None => Some(note("not read in time", "未能及时读取")),
    }
}

/// Why there are no zones for a substance.
pub(crate) fn no_zones(called: &str, error: &GuideError) -> PictureNote {
    let zh = match error {
        GuideError::NotListed(_) => "指南表中未列出，不等于无害".to_owned(),
        GuideError::NoLargeFigures { .. } => "指南表中无大量泄漏数据".to_owned(),
        GuideError::Place(_) => "位置无效".to_owned(),
        GuideError::Sun(_) => "无法判断昼夜".to_owned(),
        GuideError::Wind { .. } => "风的数值无效".to_owned(),
        GuideError::NoVariant { .. } => "无相应泄漏情形的数据".to_owned(),
        GuideError::Antimeridian => "区域跨越 180 度经线".to_owned(),
    };
    note(format!("{called}: {error}"), format!("{called}：{zh}"))
}
