//! What the databases do at best with the same rows: one binary COPY of a flat file, and SQLite's lists of rows.

use std::path::Path;
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnection, PgPoolCopyExt};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgPool};
use tokio::io::AsyncReadExt;

use super::rows;

/// One COPY of the whole file into a table that is cut, indexed and typed as the one of the history.
pub(crate) async fn copy(url: &str, file: &Path, hypertable: bool) -> anyhow::Result<Duration> {
    let mut connection = PgConnection::connect(url).await?;
    let columns = "(ts timestamptz not null, recorded_at timestamptz not null, value float8, point int4 not null, \
                   quality int2 not null, flags int2 not null)";
    let index = "create index bare_by_time on bare using brin (ts, point) with (pages_per_range = 4)";
    let make = if hypertable {
        format!(
            "create table bare {columns}; \
             select create_hypertable('bare', by_range('ts', interval '1 hour'), create_default_indexes => false); {index}"
        )
    } else {
        let hour = |n: i64| format!("to_timestamp({})", *rows::START_US / 1_000_000 + n * 3_600);
        let cut = |n: i64| {
            format!(
                "do $$ begin execute format('create table bare_{n} partition of bare for values from (%L) to (%L)', {}, {}); end $$",
                hour(n),
                hour(n + 1)
            )
        };
        let cuts: Vec<String> = (0..24).map(cut).collect();
        format!("create table bare {columns} partition by range (ts); {}; {index}", cuts.join("; "))
    };
    sqlx::raw_sql(AssertSqlSafe(format!("drop table if exists bare; {make}"))).execute(&mut connection).await?;
    connection.close().await?;
    let pool = PgPool::connect(url).await?;
    let started = Instant::now();
    let mut into = pool.copy_in_raw("COPY bare FROM STDIN (FORMAT binary)").await?;
    let mut from = tokio::fs::File::open(file).await?;
    let mut part = vec![0; 256 * 1_024];
    loop {
        let read = from.read(&mut part).await?;
        if read == 0 {
            break;
        }
        into.send(&part[..read]).await?;
    }
    into.finish().await?;
    let took = started.elapsed();
    sqlx::raw_sql("drop table bare").execute(&pool).await?;
    pool.close().await;
    Ok(took)
}

/// Lists of 1,000 rows, 10,000 a transaction, into a table keyed as the one of the history, in the order of the key.
pub(crate) async fn sqlite(path: &Path, count: u64) -> anyhow::Result<Duration> {
    const LIST: u64 = 1_000;
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Normal);
    let mut connection = options.pragma("cache_size", "-65536").connect().await?;
    let table = "create table samples (bucket integer not null, point integer not null, ts integer not null, value real, \
                 quality integer not null, flags integer not null, recorded_at integer not null, \
                 primary key (bucket, point, ts)) strict, without rowid";
    sqlx::raw_sql(table).execute(&mut connection).await?;
    let row = "(?,?,?,?,?,?,?)";
    let sql = format!("insert into samples values {}", vec![row; usize::try_from(LIST)?].join(","));
    let started = Instant::now();
    for first in (0..count).step_by(10_000) {
        let mut samples: Vec<_> = (first..(first + 10_000).min(count)).map(rows::sample).collect();
        samples.sort_by_key(|sample| (sample.time.micros().div_euclid(10_000_000), sample.point, sample.time));
        let mut transaction = connection.begin().await?;
        for list in samples.chunks_exact(usize::try_from(LIST)?) {
            let mut insert = sqlx::query(AssertSqlSafe(sql.clone()));
            for sample in list {
                let ts = sample.time.micros();
                insert = insert.bind(ts.div_euclid(10_000_000)).bind(i64::from(sample.point.0)).bind(ts);
                insert = insert.bind(sample.value).bind(1_i64).bind(0_i64).bind(ts);
            }
            insert.execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
    }
    let took = started.elapsed();
    connection.close().await?;
    Ok(took)
}
