//! The disk is full.

use harness::{Disk, Kind, Postgres};
use model::ErrorKind;

use super::on_servers;
use crate::load::{ROWS, check, next, open, write_upto};

on_servers!(a_full_disk_stores_nothing_and_then_everything, a_full_log_loses_nothing);

async fn a_full_disk_stores_nothing_and_then_everything(kind: Kind) {
    let server = Postgres::start_with(kind, Disk::Tables(48), &[]).await;
    server.execute("postgres", "CREATE DATABASE small TABLESPACE small").await;
    if kind == Kind::Apache {
        server.execute("small", "CREATE EXTENSION timescaledb").await;
    }
    let store = open(&server.url_of("small")).await;
    assert!(write_upto(&*store, 3).await.is_empty());
    server.fill_disk();
    // More than the last pages of the tables have room for.
    let big = next(3, 10 * ROWS);
    for _ in 0..3 {
        let error = store.write(&big).await.expect_err("the disk is full");
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
        assert_eq!(check(&server, "small").await, 3);
    }
    server.free_disk();
    assert!(write_upto(&*store, 6).await.is_empty(), "there is room again");
    assert_eq!(check(&server, "small").await, 6);
}

/// A server that cannot write its log stops. Somebody makes room and starts it.
async fn a_full_log_loses_nothing(kind: Kind) {
    let mut server = Postgres::start_with(kind, Disk::Log(64), &["max_wal_size=32MB", "min_wal_size=2MB"]).await;
    let store = open(&server.database("small").await).await;
    assert!(write_upto(&*store, 3).await.is_empty());
    server.fill_disk();
    let mut after = 3;
    let error = loop {
        match store.write(&next(after, ROWS)).await {
            Ok(()) => after += 1,
            Err(error) => break error,
        }
        assert!(after < 200, "the log is never full");
    };
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    server.free_disk();
    server.start_again().await;
    write_upto(&*store, after + 3).await;
    assert_eq!(check(&server, "small").await, after + 3);
}
