//! The servers themselves: that they are what they claim to be, keep what they were given and end when told.

use harness::{Disk, Kind, Postgres};
use sqlx::postgres::PgPoolCopyExt;
use sqlx::{Connection, PgConnection, PgPool};

async fn count(url: &str) -> i64 {
    let mut session = PgConnection::connect(url).await.expect("a session");
    let count = sqlx::query_scalar("SELECT count(*) FROM t").fetch_one(&mut session).await.expect("a count");
    session.close().await.expect("a session can be closed");
    count
}

async fn keeps_its_rows_over_a_stop_and_a_crash(kind: Kind) {
    let mut server = Postgres::start(kind).await;
    let url = server.database("kept").await;
    server.execute("kept", "CREATE TABLE t (n int); INSERT INTO t SELECT generate_series(1, 1000)").await;
    assert_eq!((count(&url).await, count(&server.socket_url_of("kept")).await), (1_000, 1_000));
    server.stop().await;
    assert!(PgConnection::connect(&url).await.is_err(), "it is down");
    server.start_again().await;
    assert_eq!(count(&url).await, 1_000);
    // A session is open, so that there is a child to end.
    let mut session = server.session("kept").await;
    server.kill().await;
    assert!(sqlx::query("SELECT 1").execute(&mut session).await.is_err(), "its child is gone too");
    server.start_again().await;
    assert_eq!(count(&url).await, 1_000);
}

#[tokio::test]
async fn plain_keeps_its_rows_over_a_stop_and_a_crash() {
    keeps_its_rows_over_a_stop_and_a_crash(Kind::Plain).await;
}

#[tokio::test]
async fn apache_keeps_its_rows_over_a_stop_and_a_crash() {
    keeps_its_rows_over_a_stop_and_a_crash(Kind::Apache).await;
}

/// The server in WebAssembly has one session, and its clients must not notice.
#[tokio::test]
async fn community_serves_many_sessions_in_turn() {
    let server = Postgres::start(Kind::Community).await;
    let url = server.database("first").await;
    let (a, b) = (PgPool::connect(&url).await.expect("a pool"), PgPool::connect(&url).await.expect("a pool"));
    sqlx::query("CREATE TABLE t (n int8 PRIMARY KEY)").execute(&a).await.expect("a table");
    // A transaction is not looked into and not disturbed, though both prepare statements under the same names.
    let mut one = a.begin().await.expect("a transaction");
    sqlx::query("INSERT INTO t VALUES ($1)").bind(1_i64).execute(&mut *one).await.expect("a row");
    let other =
        tokio::spawn(async move { sqlx::query_scalar::<_, i64>("SELECT count(*) FROM t").fetch_one(&b).await.map(|n| (n, b)) });
    sqlx::query("INSERT INTO t VALUES ($1)").bind(2_i64).execute(&mut *one).await.expect("a row");
    one.commit().await.expect("a commit");
    let (seen, b) = other.await.expect("no panic").expect("a count");
    assert_eq!(seen, 2);
    // Rows of COPY come in many messages; a wrong one refuses all of them and leaves the session usable.
    let text: String = (10..50_000).map(|n| format!("{n}\n")).collect();
    let mut copy = a.copy_in_raw("COPY t FROM STDIN").await.expect("a COPY");
    for part in text.as_bytes().chunks(10_000) {
        copy.send(part).await.expect("room");
    }
    assert_eq!(copy.finish().await.expect("rows"), 49_990);
    let mut copy = b.copy_in_raw("COPY t FROM STDIN").await.expect("a COPY");
    copy.send("60000\n60000\n".as_bytes()).await.expect("room");
    let error = copy.finish().await.expect_err("the same twice");
    assert_eq!(error.as_database_error().and_then(|it| it.code()).as_deref(), Some("23505"));
    // A transaction that its client left goes back.
    let mut left = b.begin().await.expect("a transaction");
    sqlx::query("DELETE FROM t").execute(&mut *left).await.expect("rows");
    drop(left);
    drop(b);
    assert_eq!(count(&url).await, 49_992);
    // Another database is empty.
    let mut session = server.session("second").await;
    let found: bool = sqlx::query_scalar("SELECT to_regclass('t') IS NOT NULL").fetch_one(&mut session).await.expect("an answer");
    assert!(!found);
    assert!(sqlx::query("SELECT 1").execute(&a).await.is_ok(), "the pool makes a new session, and finds nothing either");
}

async fn has_a_disk_that_can_be_filled(kind: Kind) {
    let mut server = Postgres::start_with(kind, Disk::Tables(32), &[]).await;
    server.execute("postgres", "CREATE TABLE t (n int, filler text) TABLESPACE small").await;
    let rows = "INSERT INTO t SELECT n, repeat('x', 1000) FROM generate_series(1, 2000) n";
    server.execute("postgres", rows).await;
    server.fill_disk();
    let mut session = server.session("postgres").await;
    let error = sqlx::query(rows).execute(&mut session).await.expect_err("the disk is full");
    assert_eq!(error.as_database_error().and_then(|it| it.code()).as_deref(), Some("53100"), "{error}");
    server.free_disk();
    server.execute("postgres", rows).await;
    // What is on the disk stays there over a crash of the server.
    server.start_again().await;
    assert_eq!(count(&server.url()).await, 4_000);
}

#[tokio::test]
async fn plain_has_a_disk_that_can_be_filled() {
    has_a_disk_that_can_be_filled(Kind::Plain).await;
}

#[tokio::test]
async fn apache_has_a_disk_that_can_be_filled() {
    has_a_disk_that_can_be_filled(Kind::Apache).await;
}
