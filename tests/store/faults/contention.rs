//! Others at work in the same database.

use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::{Disk, Kind, Postgres, until};
use model::ErrorKind;
use sqlx::migrate::Migrate;
use sqlx::{Connection, PgConnection, raw_sql};
use store::{Store, StoreError};
use tokio::task::JoinHandle;

use super::on_servers;
use crate::load::{ROWS, check, next, open, write_upto};

on_servers!(a_deadlock_is_tried_again, an_ended_statement_stores_nothing, an_ended_session_stores_nothing);

fn write(store: &Arc<dyn Store>, after: u64) -> JoinHandle<Result<(), StoreError>> {
    let store = Arc::clone(store);
    tokio::spawn(async move { store.write(&next(after, ROWS)).await })
}

async fn run(session: &mut PgConnection, statements: &'static str) {
    raw_sql(statements).execute(session).await.unwrap_or_else(|error| panic!("{statements}: {error}"));
}

/// Waits until a session of Davy waits for a lock, and does something to it.
async fn to_the_waiting(session: &mut PgConnection, what: &'static str) {
    until("a write waits for the lock", async || {
        let done = sqlx::query_scalar::<_, bool>(what).fetch_optional(&mut *session).await.expect("a session can be asked");
        done.filter(|&done| done)
    })
    .await;
}

/// Each holds what the other asks for. The other's patience is longer, so that it is the writer whose transaction the server ends.
async fn a_deadlock_is_tried_again(kind: Kind) {
    let server = Postgres::start_with(kind, Disk::None, &["deadlock_timeout=3s"]).await;
    let store = open(&server.database("lock").await).await;
    assert!(write_upto(&*store, 1).await.is_empty());
    let mut other = server.session("lock").await;
    run(&mut other, "SET deadlock_timeout = '1h'; BEGIN; SELECT * FROM progress FOR UPDATE").await;
    let written = write(&store, 1);
    let waits = "SELECT true FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database() LIMIT 1";
    // Within a transaction the list of sessions stays as it was.
    let mut third = server.session("lock").await;
    to_the_waiting(&mut third, waits).await;
    // The writer has its rows in the table already.
    run(&mut other, "LOCK TABLE samples IN ACCESS EXCLUSIVE MODE; ROLLBACK").await;
    written.await.expect("no panic").expect("it is tried again");
    assert!(server.log().iter().any(|line| line.contains("deadlock detected")), "{:?}", server.log());
    assert_eq!(check(&server, "lock").await, 2);
}

async fn ended(kind: Kind, end: &'static str) {
    let server = Postgres::start(kind).await;
    let store = open(&server.database("ended").await).await;
    assert!(write_upto(&*store, 1).await.is_empty());
    let mut other = server.session("ended").await;
    run(&mut other, "BEGIN; LOCK TABLE progress IN EXCLUSIVE MODE").await;
    let written = write(&store, 1);
    let mut third = server.session("ended").await;
    to_the_waiting(&mut third, end).await;
    let error = written.await.expect("no panic").expect_err("its statement was ended");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert_eq!(check(&server, "ended").await, 1);
    run(&mut other, "ROLLBACK").await;
    assert!(write_upto(&*store, 3).await.is_empty());
    assert_eq!(check(&server, "ended").await, 3);
}

async fn an_ended_statement_stores_nothing(kind: Kind) {
    ended(kind, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' LIMIT 1").await;
}

async fn an_ended_session_stores_nothing(kind: Kind) {
    ended(kind, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' LIMIT 1").await;
}

/// Two stores on one database, as two historians by mistake would be: one of each pair of writes goes through.
#[tokio::test]
async fn a_second_writer_is_refused() {
    let server = Postgres::start(Kind::Plain).await;
    let url = server.database("two").await;
    let (one, two) = (open(&url).await, open(&url).await);
    for after in 0..20 {
        let (first, second) = (write(&one, after), write(&two, after));
        let both = [first.await.expect("no panic"), second.await.expect("no panic")];
        assert_eq!(both.iter().filter(|written| written.is_ok()).count(), 1, "{both:?}");
        let refused = both.into_iter().find_map(Result::err).expect("one was refused");
        assert!(matches!(refused, StoreError::Conflict { .. }), "{refused:?}");
        assert_eq!(check(&server, "two").await, after + 1);
    }
}

/// The migrator's lock belongs to a session; one that was left open must not hold up a start for ever.
#[tokio::test]
async fn a_leaked_migration_lock_is_not_waited_for_without_end() {
    let server = Postgres::start(Kind::Plain).await;
    let url = server.database("leak").await;
    let mut leaked = server.session("leak").await;
    leaked.lock().await.expect("the migrator's lock");
    let store = open(&url).await;
    let began = Instant::now();
    let error = store.prepare().await.expect_err("the lock is held");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    leaked.close().await.expect("a session can be closed");
    store.prepare().await.expect("nobody holds the lock");
    assert!(write_upto(&*store, 1).await.is_empty());
}
