//! The header of recorded samples: where the time is, and which column is which point.

use std::collections::BTreeMap;

use model::{Site, Time};

use crate::when;

/// How a column writes times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum TimeUnit {
    /// `t_s`: seconds since 1970.
    Seconds,
    /// `ts`: RFC 3339, or milliseconds since 1970.
    Stamp,
}

impl TimeUnit {
    fn of(column: &str) -> Option<Self> {
        match column {
            "t_s" => Some(Self::Seconds),
            "ts" => Some(Self::Stamp),
            _ => None,
        }
    }

    pub(super) fn parse(self, text: &str) -> Result<Time, &'static str> {
        match self {
            Self::Seconds => when::number(text, 1_000_000),
            // A date has a dash after its year, a number at most before its digits or its exponent.
            Self::Stamp if text.as_bytes().get(4) == Some(&b'-') => when::rfc3339(text),
            Self::Stamp => when::number(text, 1_000),
        }
    }

    pub(super) const fn cure(self) -> &'static str {
        match self {
            Self::Seconds => "write seconds since 1970, such as 1732370000.25",
            Self::Stamp => "write RFC 3339 with an offset, such as 2025-03-01T08:00:00+08:00, or milliseconds since 1970",
        }
    }
}

/// What the columns are.
#[derive(Debug)]
pub(super) enum Layout {
    /// One column per point: column and point.
    Wide { time: (usize, TimeUnit), points: Vec<(usize, usize)> },
    /// One row per sample.
    Long { time: (usize, TimeUnit), point: usize, value: usize, quality: Option<usize> },
}

impl Layout {
    pub(super) const fn time(&self) -> (usize, TimeUnit) {
        match self {
            Self::Wide { time, .. } | Self::Long { time, .. } => *time,
        }
    }
}

/// A header that cannot be used.
pub(super) struct BadHeader {
    pub(super) column: String,
    pub(super) problem: String,
    pub(super) cure: &'static str,
}

/// Points by id, and by tag where one point alone has it.
pub(super) struct Names<'s> {
    by_id: BTreeMap<&'s str, usize>,
    by_tag: BTreeMap<&'s str, Option<usize>>,
}

impl<'s> Names<'s> {
    pub(super) fn of(site: &'s Site) -> Self {
        let (mut by_id, mut by_tag) = (BTreeMap::new(), BTreeMap::new());
        for (index, point) in site.points.iter().enumerate() {
            by_id.insert(point.id.as_str(), index);
            by_tag.entry(point.source.tag.as_str()).and_modify(|only| *only = None).or_insert(Some(index));
        }
        Self { by_id, by_tag }
    }

    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.by_id.get(name).copied().or_else(|| self.by_tag.get(name).copied().flatten())
    }
}

/// Reads the header; beside the layout come the names that no point claims.
pub(super) fn layout(columns: &[String], names: &Names<'_>) -> Result<(Layout, Vec<String>), BadHeader> {
    let time = time_column(columns)?;
    let position = |name: &str| columns.iter().position(|column| column == name);
    if let (Some(point), Some(value)) = (position("point"), position("value")) {
        let quality = position("quality");
        let known = [Some(time.0), Some(point), Some(value), quality];
        let others = columns.iter().enumerate().filter(|(at, _)| !known.contains(&Some(*at)));
        let skipped = others.map(|(_, name)| name.clone()).collect();
        return Ok((Layout::Long { time, point, value, quality }, skipped));
    }
    let (mut points, mut skipped, mut taken) = (Vec::new(), Vec::new(), BTreeMap::new());
    for (at, name) in columns.iter().enumerate().filter(|(at, _)| *at != time.0) {
        let Some(point) = names.find(name) else {
            skipped.push(name.clone());
            continue;
        };
        if let Some(before) = taken.insert(point, name) {
            let problem = format!("is the same point as column {before}");
            return Err(BadHeader { column: name.clone(), problem, cure: "remove one of the two" });
        }
        points.push((at, point));
    }
    Ok((Layout::Wide { time, points }, skipped))
}

fn time_column(columns: &[String]) -> Result<(usize, TimeUnit), BadHeader> {
    let mut times = columns.iter().enumerate().filter_map(|(at, name)| TimeUnit::of(name).map(|unit| (at, unit)));
    let bad = |at: Option<usize>, problem: &str, cure| {
        let column = at.map_or_else(String::new, |at| columns[at].clone());
        BadHeader { column, problem: problem.to_owned(), cure }
    };
    let first = times.next();
    let first = first.ok_or_else(|| bad(None, "the header has no column of times", "name one `ts` or `t_s`"))?;
    match times.next() {
        Some((at, _)) => Err(bad(Some(at), "is a second column of times", "keep one")),
        None => Ok(first),
    }
}
