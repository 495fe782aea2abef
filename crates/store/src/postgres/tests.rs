//! The conformance suite on servers that the environment names; `tests/store` starts servers of every kind for itself.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, ConnectOptions, Executor};

use super::PostgresStore;
use crate::{Store, StoreUrl, conformance};

/// The servers, separated by blanks: `postgres://davy@127.0.0.1:5432/postgres`. None named, none tested.
fn servers() -> Vec<String> {
    std::env::var("DAVY_TEST_POSTGRES").unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

/// A store in a database of its own.
async fn fresh(server: &str) -> PostgresStore {
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let name = format!("davy_{}_{count}", std::process::id());
    let options: sqlx::postgres::PgConnectOptions = server.parse().unwrap();
    let mut connection = options.connect().await.unwrap();
    connection.execute(AssertSqlSafe(format!("create database {name} template template0 encoding 'UTF8'"))).await.unwrap();
    let (start, _) = server.rsplit_once('/').unwrap();
    let Ok(StoreUrl::Postgres(url)) = format!("{start}/{name}").parse() else { panic!("{server}") };
    PostgresStore::new(&url).unwrap()
}

#[tokio::test]
async fn conforms() {
    for server in servers() {
        conformance::all(async || Arc::new(fresh(&server).await) as Arc<dyn Store>).await;
    }
}
