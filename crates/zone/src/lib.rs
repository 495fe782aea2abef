//! Who has to be away first: isolation and protective zones around a release, by the table of the Emergency Response Guidebook 2024.
//! In: a substance, the size of the spill, fire or not, wind, place and time; places with the people in them; what a site knows around it.
//! Out: circle and square downwind in WGS 84, what was assumed, who lies inside and how many; a warning's first picture of all that.
//! May not enter: clocks, IO, async, logging, hash order, any Davy crate but model.
//! Start at guide.rs; survey.rs counts the people, table.rs reads the figures under data/; picture.rs puts a warning's picture together.

mod guide;
mod key;
mod note;
mod picture;
mod plane;
mod read;
mod release;
mod sun;
mod survey;
mod table;
#[cfg(test)]
mod tests;

pub use guide::{Area, Guide, GuideError, Shape, guide};
pub use key::{Cas, InvalidKey, SubstanceKey, UnNumber, Variant};
pub use note::{Doubt, Note};
pub use picture::{Asked, Draft, Reading, Readings, Source};
pub use plane::InvalidPlace;
pub use release::{Bounds, DayNight, Light, Release, Spill, Wind};
pub use sun::{SUN_YEARS, SunError, day_or_night};
pub use survey::{Extent, Heads, Inside, POLYGON_VERTICES_MAX, Place, PlaceFault, Survey, Within, survey};
pub use table::{CasRow, Confidence, Cylinders, Distances, Fire, GuideRow, Reach, Row, TableFault, TableTexts, Tables};

/// What every output of this crate has to be labelled with.
pub const LABEL: &str = "guide for the first 30 minutes, not a consequence model";

/// The same in Chinese.
pub const LABEL_ZH: &str = "仅为事故初期30分钟的应急指南，不是后果模型";
