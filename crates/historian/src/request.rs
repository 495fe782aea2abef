//! What callers ask: checked, with the field named, before the store is touched.

use model::{Epoch, PointId, Position, Time};
use prost::Message;
use prost_types::Timestamp;
use store::MAX_FILTER_TERMS;
use wire::{Cursor, Failure, FilterBinding, v1};

/// Most buckets of one answer.
pub(crate) const BUCKETS_MAX: usize = 100_000;

/// Widest bucket: 365 days.
const BUCKET_SECONDS_MAX: u32 = 31_536_000;

/// 0001-01-01 and 10000-01-01: the ends of what a timestamp may say.
const SECONDS: std::ops::Range<i64> = -62_135_596_800..253_402_300_800;

/// A range of times, `from` inclusive, `to` exclusive.
pub(crate) fn times(from: Option<&Timestamp>, to: Option<&Timestamp>) -> Result<(Option<Time>, Option<Time>), Failure> {
    let from = from.map(|time| self::time("from", time)).transpose()?;
    let to = to.map(|time| self::time("to", time)).transpose()?;
    if from.zip(to).is_some_and(|(from, to)| to < from) {
        return Err(Failure::field("to", "to is before from; give a later time, or leave it out"));
    }
    Ok((from, to))
}

/// A moment that a calendar holds.
pub(crate) fn time(field: &'static str, time: &Timestamp) -> Result<Time, Failure> {
    if SECONDS.contains(&time.seconds) && (0..1_000_000_000).contains(&time.nanos) {
        Ok(wire::time_from_v1(time))
    } else {
        let (seconds, nanos) = (time.seconds, time.nanos);
        Err(Failure::field(
            field,
            format!("{field} is no time: {seconds} s and {nanos} ns; years 1 to 9999 and 0 to 999999999 ns are allowed"),
        ))
    }
}

/// Point ids, each once.
pub(crate) fn points(mut points: Vec<String>) -> Result<Vec<String>, Failure> {
    for id in &points {
        PointId::new(id).map_err(|error| Failure::field("points", format!("points: {error}")))?;
    }
    points.sort_unstable();
    points.dedup();
    Ok(points)
}

/// Point ids that have to be said, each once.
pub(crate) fn some_points(points: Vec<String>, most: usize) -> Result<Vec<String>, Failure> {
    let points = self::points(points)?;
    if points.is_empty() || points.len() > most {
        return Err(Failure::field("points", format!("points has {} entries; name 1 to {most}", points.len())));
    }
    Ok(points)
}

/// A list of a filter.
pub(crate) fn listed(field: &'static str, names: Vec<String>) -> Result<Vec<String>, Failure> {
    if names.len() > MAX_FILTER_TERMS {
        let message = format!("{field} has {} entries; at most {MAX_FILTER_TERMS} are allowed", names.len());
        return Err(Failure::field(field, message));
    }
    Ok(names)
}

/// A range of times of which both ends have to be said, and which is not empty.
pub(crate) fn period(from: Option<&Timestamp>, to: Option<&Timestamp>) -> Result<(Time, Time), Failure> {
    let (from, to) = times(from, to)?;
    let (from, to) = (from.ok_or_else(|| required("from"))?, to.ok_or_else(|| required("to"))?);
    if from == to {
        return Err(Failure::field("to", "to is the same as from; give a later time"));
    }
    Ok((from, to))
}

/// A field that has to be said is not.
pub(crate) fn required(field: &'static str) -> Failure {
    Failure::field(field, format!("{field} is required"))
}

/// Most rows of an answer: 0 means all.
pub(crate) fn limit(limit: i64) -> Result<usize, Failure> {
    match usize::try_from(limit) {
        Ok(0) => Ok(usize::MAX),
        Ok(limit) => Ok(limit),
        Err(_) => Err(Failure::field("limit", format!("limit {limit} is below 0; give how many rows you want, or 0 for all"))),
    }
}

/// A page size: 0 means the default.
pub(crate) fn page_size(asked: i32, default: usize, most: usize) -> Result<usize, Failure> {
    match usize::try_from(asked) {
        Ok(0) => Ok(default),
        Ok(size) if size <= most => Ok(size),
        _ => Err(Failure::field("page_size", format!("page_size {asked} is out of range; give 1 to {most}, or 0 for {default}"))),
    }
}

/// A checked request for figures.
pub(crate) fn aggregates(request: v1::QueryAggregatesRequest) -> Result<store::AggregateQuery, Failure> {
    let width = request.bucket_seconds;
    if !(1..=BUCKET_SECONDS_MAX).contains(&width) {
        return Err(Failure::field(
            "bucket_seconds",
            format!("bucket_seconds {width} is out of range; give 1 to {BUCKET_SECONDS_MAX}"),
        ));
    }
    let (from, to) = times(request.from.as_ref(), request.to.as_ref())?;
    let (from, to) = (from.ok_or_else(|| required("from"))?, to.ok_or_else(|| required("to"))?);
    let points = points(request.points)?;
    let bucket = model::Span::from_secs(i64::from(width));
    let first = from.micros().div_euclid(bucket.micros());
    let buckets = if to > from { (to.micros() - 1).div_euclid(bucket.micros()) - first + 1 } else { 0 };
    let most = i64::try_from(BUCKETS_MAX / points.len().max(1)).unwrap_or(0);
    if buckets > most {
        return Err(too_many_buckets());
    }
    Ok(store::AggregateQuery { points, from, to, bucket, limit: BUCKETS_MAX + 1 })
}

/// The answer would be too long.
pub(crate) fn too_many_buckets() -> Failure {
    Failure::field(
        "bucket_seconds",
        format!(
            "bucket_seconds gives more than {BUCKETS_MAX} buckets in all; make them wider, or ask for fewer points or less time"
        ),
    )
}

/// What ties a page token to its request: everything but the page itself.
pub(crate) fn filter_hash(method: &str, filter: &impl Message) -> u64 {
    // FNV-1a; a token is a convenience against mistakes, not against malice: it can only name a place in what is readable anyway.
    let bytes = method.bytes().chain(filter.encode_to_vec());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The place after which the next page begins: position and place in the record.
pub(crate) fn page_start(token: &str, epoch: Epoch, hash: u64) -> Result<Option<(Position, u32)>, Failure> {
    if token.is_empty() {
        return Ok(None);
    }
    let cursor = Cursor::decode(token).map_err(|_| other_page_token())?;
    if cursor.epoch != epoch || cursor.filter != FilterBinding::Hash(hash) {
        return Err(other_page_token());
    }
    Ok(Some((cursor.position, cursor.seen.saturating_sub(1))))
}

/// What was given as page token belongs to something else.
pub(crate) fn other_page_token() -> Failure {
    Failure::field("page_token", "page_token is of another request; leave it empty to start anew")
}

/// The token of the page after this place.
pub(crate) fn page_token(epoch: Epoch, hash: u64, (position, ordinal): (Position, u32)) -> String {
    let seen = ordinal.saturating_add(1);
    Cursor { epoch, position, seen, filter: FilterBinding::Hash(hash), in_snapshot: false }.encode()
}
