//! The figures: initial isolation and protective distances, fire isolation, and which numbers name which substance.
//!
//! Formats: the CSV files under data/, whose README names the sources. A deployment may hand in its own with the same columns.

use std::collections::BTreeMap;
use std::fmt;

use crate::key::{Cas, SubstanceKey, UnNumber, Variant};
use crate::read;

/// How sure a figure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Two or more copies agree.
    High,
    /// One copy.
    Medium,
}

/// A distance downwind.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Reach {
    /// Kilometres.
    pub km: f64,
    /// Or more: the table ends here.
    pub or_more: bool,
}

/// What one kind of spill needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distances {
    /// Radius of the circle that everybody leaves, metres.
    pub isolate_m: f64,
    /// How far downwind people need protection by day.
    pub day: Reach,
    /// The same by night.
    pub night: Reach,
}

/// A row of table 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Which of the rows of a number it is, if there is more than one.
    pub variant: Option<Variant>,
    /// The name in the table.
    pub name: String,
    /// 208 L and less.
    pub small: Distances,
    /// More; `None` for the gases of table 3.
    pub large: Option<Distances>,
    /// How sure.
    pub confidence: Confidence,
    /// Where it is from.
    pub source: String,
}

/// A row of table 3: a large spill from a one-ton cylinder or several small ones. Reaches are by low, moderate and high wind.
#[derive(Clone, Debug, PartialEq)]
pub struct Cylinders {
    /// The name in the table.
    pub name: String,
    /// Radius of the circle, metres.
    pub isolate_m: f64,
    /// By day.
    pub day: [Reach; 3],
    /// By night.
    pub night: [Reach; 3],
    /// How sure.
    pub confidence: Confidence,
    /// Where it is from.
    pub source: String,
}

/// How far to stay from a burning tank.
#[derive(Clone, Debug, PartialEq)]
pub struct Fire {
    /// Radius of the circle, metres.
    pub isolate_m: f64,
    /// How sure.
    pub confidence: Confidence,
    /// Where it is from.
    pub source: String,
}

/// The orange guide of a UN number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuideRow {
    /// Its number.
    pub guide: u16,
    /// How sure.
    pub confidence: Confidence,
    /// Where it is from.
    pub source: String,
}

/// The UN number of a CAS number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CasRow {
    /// The UN number.
    pub un: UnNumber,
    /// What is taken for granted by it; empty for nothing.
    pub note: String,
    /// How sure.
    pub confidence: Confidence,
    /// Where it is from.
    pub source: String,
}

/// The five files.
#[derive(Clone, Copy, Debug)]
pub struct TableTexts<'a> {
    /// `initial-isolation.csv`.
    pub initial: &'a str,
    /// `large-cylinders.csv`.
    pub cylinders: &'a str,
    /// `fire-isolation.csv`.
    pub fire: &'a str,
    /// `guides.csv`.
    pub guides: &'a str,
    /// `cas.csv`.
    pub cas: &'a str,
}

/// What is wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read {file}, line {line}, {column}: {fault}")]
pub struct TableFault {
    /// Which file.
    pub file: &'static str,
    /// Where in it, from 1.
    pub line: u64,
    /// Which column; empty for the row as a whole.
    pub column: &'static str,
    /// What is wrong and what would be right.
    pub fault: String,
}

/// All figures, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Tables {
    pub(crate) rows: BTreeMap<UnNumber, Vec<Row>>,
    pub(crate) cylinders: BTreeMap<UnNumber, Cylinders>,
    pub(crate) fire: BTreeMap<u16, Fire>,
    pub(crate) guides: BTreeMap<UnNumber, GuideRow>,
    pub(crate) cas: BTreeMap<Cas, CasRow>,
}

impl TableTexts<'static> {
    /// The files that come with Davy.
    pub const SHIPPED: Self = Self {
        initial: include_str!("../data/initial-isolation.csv"),
        cylinders: include_str!("../data/large-cylinders.csv"),
        fire: include_str!("../data/fire-isolation.csv"),
        guides: include_str!("../data/guides.csv"),
        cas: include_str!("../data/cas.csv"),
    };
}

impl Tables {
    /// Reads and checks five files.
    ///
    /// # Errors
    /// Every fault of every file.
    pub fn parse(texts: &TableTexts<'_>) -> Result<Self, Vec<TableFault>> {
        read::tables(texts)
    }

    /// The tables that come with Davy.
    pub fn shipped() -> Self {
        Self::parse(&TableTexts::SHIPPED).expect("the shipped tables are checked by a test")
    }

    /// The UN number of a substance, and the row of `cas.csv` that gave it.
    pub fn un_number(&self, key: &SubstanceKey) -> Option<(UnNumber, Option<&CasRow>)> {
        match key {
            SubstanceKey::Un(un) => Some((*un, None)),
            SubstanceKey::Cas(cas) => self.cas.get(cas).map(|row| (row.un, Some(row))),
        }
    }

    /// The rows of table 1 for a number; none where it is not listed.
    pub fn rows(&self, un: UnNumber) -> &[Row] {
        self.rows.get(&un).map_or(&[], Vec::as_slice)
    }

    /// The row of table 3 for a number.
    pub fn cylinders(&self, un: UnNumber) -> Option<&Cylinders> {
        self.cylinders.get(&un)
    }

    /// The orange guide of a number, where known.
    pub fn orange_guide(&self, un: UnNumber) -> Option<&GuideRow> {
        self.guides.get(&un)
    }

    /// What an orange guide says of a burning tank, where known.
    pub fn fire(&self, orange_guide: u16) -> Option<&Fire> {
        self.fire.get(&orange_guide)
    }

    /// Every number of table 1.
    pub fn numbers(&self) -> impl Iterator<Item = UnNumber> {
        self.rows.keys().copied()
    }
}

impl Reach {
    /// The farther of two.
    pub(crate) fn farther(self, other: Self) -> Self {
        if other.km > self.km || (other.km >= self.km && other.or_more) { other } else { self }
    }
}

impl Distances {
    /// The larger of each figure.
    pub(crate) fn larger(self, other: Self) -> Self {
        Self {
            isolate_m: self.isolate_m.max(other.isolate_m),
            day: self.day.farther(other.day),
            night: self.night.farther(other.night),
        }
    }
}

impl Reach {
    /// In Chinese.
    pub fn zh(self) -> String {
        format!("{:.1} 公里{}", self.km, if self.or_more { "或更远" } else { "" })
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} km{}", self.km, if self.or_more { " or more" } else { "" })
    }
}

impl Confidence {
    /// In Chinese.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::High => "高",
            Self::Medium => "中",
        }
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::High => "high",
            Self::Medium => "medium",
        })
    }
}
