//! The rows that both sides store: the same points, times and values, in the journal and in a flat file.

use std::path::Path;

use bytes::Bytes;
use journal::{Append, Embedded, EmbeddedConfig, Journal, JournalId, Key};
use model::{Batch, Body, GatewayPath, Message, Partition, PointNumber, Quality, RevisionNumber, Sample, Time};
use std::io::Write;
use std::sync::{Arc, LazyLock};
use std::time::{SystemTime, UNIX_EPOCH};

/// Points of the plant.
pub(crate) const POINTS: u32 = 1_000;

/// Samples of one journal record: what a busy ingest joins.
const RECORD: usize = 1_000;

/// An hour before this one began, microseconds since 1970: samples of a time long gone would be packed while they still come.
pub(crate) static START_US: LazyLock<i64> = LazyLock::new(|| {
    const HOUR_S: u64 = 3_600;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    ((since / HOUR_S).saturating_sub(1) * HOUR_S * 1_000_000).cast_signed()
});

/// The partition they lie in.
pub(crate) const PARTITION: Partition = Partition(17);

/// Sample `n` of a plant whose points speak once a second, one after the other.
pub(crate) fn sample(n: u64) -> Sample {
    let (second, point) = (n / u64::from(POINTS), n % u64::from(POINTS));
    let time = Time::from_micros(*START_US + second.cast_signed() * 1_000_000 + point.cast_signed() * 137);
    #[expect(clippy::cast_precision_loss, reason = "a value")]
    let value = 50.0 + ((n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64) / 1e6;
    let number = u32::try_from(point).unwrap_or_default() + 1;
    Sample::new(PointNumber(number), time, Some(value), Quality::Good)
}

/// A journal with that many samples, all durable.
pub(crate) async fn journal(folder: &Path, count: u64) -> anyhow::Result<Arc<Embedded>> {
    let journal = Embedded::open(EmbeddedConfig::new(folder.join("journal"))).await?;
    let (id, key) = (JournalId::Telemetry(PARTITION), Key::new("ingest")?);
    let mut last = None;
    for first in (0..count).step_by(RECORD * 64) {
        let end = (first + (RECORD * 64) as u64).min(count);
        let bodies = (first..end).step_by(RECORD).map(|at| record(at, (at + RECORD as u64).min(end)));
        let append = Append { journal: id, key: key.clone(), fence: None, bodies: bodies.collect() };
        last = Some(journal.append(append).await?.last);
    }
    if let Some(last) = last {
        journal.durable(id, last).await?;
    }
    Ok(journal)
}

fn record(first: u64, end: u64) -> Bytes {
    let samples: Vec<Sample> = (first..end).map(sample).collect();
    let count = u32::try_from(samples.len()).unwrap_or_default();
    let message = Message { gateway: 0, samples: count, seq: None, digest: [0; 16] };
    let gateways = GatewayPath::new("rugang/e01/gw1").into_iter().collect();
    wire::encode_body(&Body::Batch(Batch { revision: RevisionNumber(1), gateways, messages: vec![message], samples }))
}

/// The same rows as PostgreSQL's binary COPY reads them, columns as in `samples`, in one file.
pub(crate) fn flat_file(path: &Path, count: u64) -> anyhow::Result<()> {
    const TO_2000_US: i64 = 946_684_800_000_000;
    let mut file = std::io::BufWriter::with_capacity(1 << 20, std::fs::File::create(path)?);
    file.write_all(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0")?;
    for n in 0..count {
        let sample = sample(n);
        let ts = (sample.time.micros() - TO_2000_US).to_be_bytes();
        let point = i32::try_from(sample.point.0)?.to_be_bytes();
        file.write_all(&6_i16.to_be_bytes())?;
        for field in [&ts[..], &ts, &sample.value.unwrap_or_default().to_be_bytes(), &point, &1_i16.to_be_bytes(), &[0, 0]] {
            file.write_all(&i32::try_from(field.len())?.to_be_bytes())?;
            file.write_all(field)?;
        }
    }
    file.write_all(&(-1_i16).to_be_bytes())?;
    file.flush()?;
    Ok(())
}
