//! How fast a day of 1,000 points at 1 Hz is found while rows of other points come in at 100,000 a second.
//!
//! Asked over gRPC as any client does. The day is written through the store (no journal is needed for it), packed and summed up by upkeep
//! as in a running Davy, with pieces of 10 minutes; then each question is asked again and again, first alone, then beside the load.

use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::{Disk, Kind, Postgres};
use journal::{Embedded, EmbeddedConfig, Journal};
use model::{Position, Quality, Sample, SampleFlags, Span, Time};
use service::Health;
use store::{OccurrenceChange, OccurrenceRow, PointRow, Policy, SampleQuery, SampleRow, Store, WriteBatch};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint, Server};
use wire::v1;
use wire::v1::history_service_client::HistoryServiceClient;

use super::rows;
use crate::stats::percentile;

const SECONDS: i64 = 86_400;
const COLUMNSTORE_SECONDS: i64 = 1_200;
const LOAD_S: u64 = 60;
const LOAD_ROWS_PER_S: usize = 100_000;
const OCCURRENCES: i64 = 100_000;
const JOURNAL: &str = "telemetry/17";

fn policy() -> Policy {
    Policy { chunk: Some(Span::from_secs(600)), pack_after: Span::from_secs(60), ..Policy::default() }
}

fn at(second: i64) -> Time {
    Time::from_micros(*rows::START_US + second * 1_000_000)
}

/// Everything of one measurement.
struct Bench {
    store: Arc<dyn Store>,
    journal: Arc<Embedded>,
    position: u64,
    client: HistoryServiceClient<Channel>,
    _server: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

pub(crate) async fn run() -> anyhow::Result<()> {
    let seconds = std::env::var("DAVY_BENCH_SECONDS").ok().and_then(|it| it.parse().ok()).unwrap_or(SECONDS);
    println!("queries: {} points at 1 Hz for {seconds} s, {OCCURRENCES} alarms in a year; ms", rows::POINTS);
    for kind in [Kind::Plain, Kind::Apache] {
        let settings = ["shared_buffers=4GB", "max_wal_size=8GB", "checkpoint_timeout=30min"];
        let server = Postgres::start_with(kind, Disk::None, &settings).await;
        let url = server.database("day").await;
        let mut bench = Bench::open(&url).await?;
        println!("\n{kind:?}");
        bench.fill(seconds).await?;
        bytes(&server, "rows and indexes").await?;
        bench.settle(seconds).await?;
        bytes(&server, "packed").await?;
        println!("| question | load | asked | p50 | p99 | max |");
        println!("| --- | --- | --- | --- | --- | --- |");
        bench.ask(seconds, "none", Duration::from_secs(20)).await?;
        bench.ask_under_load(seconds).await?;
    }
    columnstore(seconds.min(COLUMNSTORE_SECONDS)).await
}

/// What the columnstore makes of the same rows. The server runs in WebAssembly: its sizes are those of any other, its speed is not.
async fn columnstore(seconds: i64) -> anyhow::Result<()> {
    let server = Postgres::start(Kind::Community).await;
    let url = server.database("day").await;
    let mut bench = Bench::open(&url).await?;
    println!("\ncolumnstore, {seconds} s");
    bench.fill(seconds).await?;
    bytes(&server, "rows and indexes").await?;
    bench.settle(seconds + 3_600).await?;
    bytes(&server, "in the columnstore").await
}

async fn bytes(server: &Postgres, what: &str) -> anyhow::Result<()> {
    let mut session = server.session("day").await;
    // Pieces of each kind of server, and what the columnstore keeps beside its chunks.
    let sql = "select coalesce(sum(pg_total_relation_size(c.oid)), 0)::int8, (select count(*) from samples) from pg_class c \
               where c.relkind = 'r' and (c.relname like 'samples%' or c.relname like '\\_hyper\\_1\\_%' \
                   or c.relname like 'compress\\_hyper\\_%')";
    let (bytes, rows): (i64, i64) = sqlx::query_as(sql).fetch_one(&mut session).await?;
    #[expect(clippy::cast_precision_loss, reason = "a ratio")]
    let each = bytes as f64 / rows.max(1) as f64;
    println!("{what}: {rows} rows, {} MB, {each:.1} bytes a row", bytes / 1_000_000);
    Ok(())
}

impl Bench {
    async fn open(url: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir_in(".")?;
        let journal = Embedded::open(EmbeddedConfig::new(folder.path())).await?;
        let store = store::open(&url.parse()?).await?;
        store.prepare().await?;
        store.maintain(&policy(), at(0)).await?;
        let health = Health::new();
        let parts = historian::Parts {
            journal: Arc::<Embedded>::clone(&journal),
            store: Arc::clone(&store),
            latch: health.latch("historian"),
            upkeep: health.latch("upkeep").release(),
            policy: policy(),
        };
        let (service, _historian) = historian::build(parts);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let incoming = tonic::transport::server::TcpIncoming::from(listener).with_nodelay(Some(true));
        let server = tokio::spawn(async move {
            drop(Server::builder().add_service(service).serve_with_incoming(incoming).await);
        });
        let channel = Endpoint::from_shared(format!("http://{address}"))?.tcp_nodelay(true).connect().await?;
        let client = HistoryServiceClient::new(channel).max_decoding_message_size(64 << 20);
        Ok(Self { store, journal, position: 0, client, _server: server, _folder: folder })
    }

    fn next(&mut self, time: Time) -> WriteBatch {
        let after = Position(self.position);
        self.position += 1;
        let (journal, epoch, upto) = (JOURNAL.to_owned(), self.journal.epoch(), Position(self.position));
        WriteBatch { journal, epoch, after, upto, time, ..WriteBatch::default() }
    }

    /// The day, in transactions of 100 s, and a year of alarms.
    async fn fill(&mut self, seconds: i64) -> anyhow::Result<()> {
        let started = Instant::now();
        let mut names = self.next(at(0));
        names.points = (1..=rows::POINTS * 2).map(named).collect();
        names.occurrences = (0..OCCURRENCES).map(occurrence).collect();
        self.store.write(&names).await?;
        for first in (0..seconds).step_by(100) {
            let mut batch = self.next(at(first + 100));
            let samples = (first * i64::from(rows::POINTS)..(first + 100) * i64::from(rows::POINTS)).map(i64::cast_unsigned);
            batch.samples = samples.map(|n| row(rows::sample(n))).collect();
            self.store.write(&batch).await?;
        }
        println!("written in {:.0} s", started.elapsed().as_secs_f64());
        Ok(())
    }

    async fn settle(&mut self, seconds: i64) -> anyhow::Result<()> {
        let started = Instant::now();
        while self.store.maintain(&policy(), at(seconds)).await?.more {}
        println!("packed and summed up in {:.0} s", started.elapsed().as_secs_f64());
        Ok(())
    }

    /// Asks each question in turn until the time is up.
    async fn ask(&self, seconds: i64, load: &str, long: Duration) -> anyhow::Result<()> {
        let asker = Asker { client: self.client.clone(), store: Arc::clone(&self.store), seconds };
        for (line, answers) in asker.ask(long).await? {
            line_of(line, load, answers);
        }
        Ok(())
    }

    /// The same while another 1,000 points come in.
    async fn ask_under_load(&mut self, seconds: i64) -> anyhow::Result<()> {
        let asker = Asker { client: self.client.clone(), store: Arc::clone(&self.store), seconds };
        let asking = tokio::spawn(asker.ask(Duration::from_secs(LOAD_S)));
        let started = Instant::now();
        let mut every = tokio::time::interval(Duration::from_millis(500));
        let mut rows_written = 0;
        for half in 0..LOAD_S * 2 {
            every.tick().await;
            let from = seconds * 1_000_000 + half.cast_signed() * 500_000;
            let mut batch = self.next(Time::from_micros(*rows::START_US + from));
            batch.samples = (0..LOAD_ROWS_PER_S / 2).map(|n| other(from, n)).collect();
            rows_written += batch.samples.len();
            self.store.write(&batch).await?;
        }
        let rate = rows_written as f64 / started.elapsed().as_secs_f64();
        for (line, answers) in asking.await?? {
            line_of(line, &format!("{rate:.0} rows/s"), answers);
        }
        Ok(())
    }
}

/// A row of the load: 1,000 points more, each a hundred times a second.
fn other(from_us: i64, n: usize) -> SampleRow {
    let point = u32::try_from(n).unwrap_or_default() % rows::POINTS + rows::POINTS + 1;
    let time = Time::from_micros(*rows::START_US + from_us + n as i64 * 10);
    row(Sample::new(model::PointNumber(point), time, Some(n as f64), Quality::Good))
}

fn row(sample: Sample) -> SampleRow {
    let (point, time, value, quality) = (sample.point, sample.time, sample.value, sample.quality);
    SampleRow { point, time, value, quality, flags: SampleFlags::default(), recorded_at: time }
}

fn named(number: u32) -> PointRow {
    PointRow { number: model::PointNumber(number), id: format!("p{number}"), hold: Span::from_secs(300), ..PointRow::default() }
}

fn occurrence(n: i64) -> OccurrenceChange {
    let raised = Time::from_micros(*rows::START_US - 365 * 86_400_000_000 + n * (365 * 86_400_000_000 / OCCURRENCES));
    let row = OccurrenceRow {
        id: format!("{n:016x}-engine/17-{n}-0"),
        subject: format!("p{}", n % 1_000 + 1),
        alarm: "high".to_owned(),
        kind: "high".to_owned(),
        priority: "high".to_owned(),
        enterprise: "e01".to_owned(),
        state: "normal".to_owned(),
        activations: 1,
        raised_at: Some(raised),
        recorded_at: Some(raised),
        value: Some(91.0),
        limit: Some(90.0),
        annunciated: Some(true),
        closed_at: Some(raised.plus(Span::from_secs(60))),
        ..OccurrenceRow::default()
    };
    OccurrenceChange { row, raise: true }
}

/// Who asks.
struct Asker {
    client: HistoryServiceClient<Channel>,
    store: Arc<dyn Store>,
    seconds: i64,
}

type Answers = Vec<(&'static str, Vec<Duration>)>;

impl Asker {
    async fn ask(mut self, long: Duration) -> anyhow::Result<Answers> {
        let (mut trend, mut hour, mut read, mut alarms) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let started = Instant::now();
        let mut n = 0_u32;
        while started.elapsed() < long {
            n += 1;
            trend.push(timed(self.trend(n)).await?);
            hour.push(timed(self.last_hour(n)).await?);
            read.push(timed(self.last_hour_read(n)).await?);
            alarms.push(timed(self.alarms()).await?);
        }
        Ok(vec![
            ("trend of one point over the day, 1,000 pixels", trend),
            ("20 points over the last raw hour, every sample", hour),
            ("the same read from the store, and nothing else", read),
            ("alarm list of a year, first page of 500", alarms),
        ])
    }

    async fn trend(&mut self, n: u32) -> anyhow::Result<usize> {
        let request = v1::QueryTrendRequest {
            points: vec![format!("p{}", n * 7 % rows::POINTS + 1)],
            from: Some(wire::time_to_v1(at(0))),
            to: Some(wire::time_to_v1(at(self.seconds))),
            pixels: 1_000,
            ..v1::QueryTrendRequest::default()
        };
        let answer = self.client.query_trend(request).await?.into_inner();
        Ok(answer.series.iter().map(|series| series.buckets.len()).sum())
    }

    async fn last_hour(&mut self, n: u32) -> anyhow::Result<usize> {
        let request = v1::QuerySamplesRequest {
            points: points_of_an_hour(n),
            from: Some(wire::time_to_v1(at(self.seconds - 3_600))),
            to: Some(wire::time_to_v1(at(self.seconds))),
            ..v1::QuerySamplesRequest::default()
        };
        let mut pages = self.client.query_samples(request).await?.into_inner();
        let mut count = 0;
        while let Some(page) = pages.message().await? {
            count += page.samples.len();
        }
        anyhow::ensure!(count == 20 * 3_600.min(usize::try_from(self.seconds)?), "{count} samples of the last hour");
        Ok(count)
    }

    async fn last_hour_read(&mut self, n: u32) -> anyhow::Result<usize> {
        let (from, to) = (Some(at(self.seconds - 3_600)), Some(at(self.seconds)));
        let query = SampleQuery { points: points_of_an_hour(n), from, to };
        let (mut after, mut count) = (None, 0);
        loop {
            let page = self.store.samples(&query, after, 20_000).await?;
            count += page.rows.len();
            after = page.next;
            if after.is_none() {
                return Ok(count);
            }
        }
    }

    async fn alarms(&mut self) -> anyhow::Result<usize> {
        let selection = v1::OccurrenceSelection {
            from: Some(wire::time_to_v1(at(-365 * 86_400))),
            to: Some(wire::time_to_v1(at(0))),
            enterprises: vec!["e01".to_owned()],
            ..v1::OccurrenceSelection::default()
        };
        let request = v1::ListAlarmOccurrencesRequest { selection: Some(selection), page_size: 500, ..Default::default() };
        let count = self.client.list_alarm_occurrences(request).await?.into_inner().occurrences.len();
        anyhow::ensure!(count == 500, "{count} alarms");
        Ok(count)
    }
}

fn points_of_an_hour(n: u32) -> Vec<String> {
    (0..20).map(|i| format!("p{}", (n * 13 + i * 37) % rows::POINTS + 1)).collect()
}

async fn timed(asked: impl Future<Output = anyhow::Result<usize>>) -> anyhow::Result<Duration> {
    let started = Instant::now();
    let found = asked.await?;
    anyhow::ensure!(found > 0, "an empty answer");
    Ok(started.elapsed())
}

fn line_of(question: &str, load: &str, mut answers: Vec<Duration>) {
    let ms = |took: Duration| took.as_secs_f64() * 1e3;
    let (p50, p99) = (percentile(&mut answers, 0.5), percentile(&mut answers, 0.99));
    let (count, max) = (answers.len(), percentile(&mut answers, 1.0));
    println!("| {question} | {load} | {count} | {:.1} | {:.1} | {:.1} |", ms(p50), ms(p99), ms(max));
}
