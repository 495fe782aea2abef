//! The server goes and comes back while rows are written.

use std::cell::Cell;

use harness::{Kind, Postgres, until};
use model::ErrorKind;
use store::Store;

use super::on_servers;
use crate::load::{JOURNAL, check, next, open, position, write_upto};

on_servers!(a_killed_server_loses_and_doubles_nothing, a_restarted_server_loses_and_doubles_nothing);

const ROUNDS: u64 = 5;
const STEP: u64 = 8;

async fn reached(store: &dyn Store, position: u64) {
    until(&format!("position {position} is stored"), async || {
        let progress = store.progress().await.ok()?;
        (progress.position(JOURNAL).0 >= position).then_some(())
    })
    .await;
}

async fn goes_and_comes(kind: Kind, mut go: impl AsyncFnMut(&mut Postgres)) {
    let mut server = Postgres::start(kind).await;
    let store = open(&server.database("load").await).await;
    // The writer goes on until the server is left alone: what it was told is stored may be taken back by the next crash.
    let alone = Cell::new(false);
    let written = async {
        let (mut errors, mut upto) = (Vec::new(), 0);
        while !alone.get() {
            upto = position(&*store).await + STEP;
            errors.extend(write_upto(&*store, upto).await);
        }
        errors.extend(write_upto(&*store, upto).await);
        (errors, upto)
    };
    let disturbed = async {
        for round in 1..=ROUNDS {
            reached(&*store, round * STEP).await;
            go(&mut server).await;
            server.start_again().await;
            check(&server, "load").await;
        }
        alone.set(true);
    };
    let ((errors, upto), ()) = tokio::join!(written, disturbed);
    assert!(!errors.is_empty(), "it noticed");
    for error in &errors {
        // A conflict: the server had acknowledged what a crash then took back, and `progress` says from where to write again.
        assert!(matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Conflict), "{error:?}");
    }
    assert_eq!(check(&server, "load").await, upto);
}

async fn a_killed_server_loses_and_doubles_nothing(kind: Kind) {
    goes_and_comes(kind, async |server| server.kill().await).await;
}

async fn a_restarted_server_loses_and_doubles_nothing(kind: Kind) {
    goes_and_comes(kind, async |server| server.stop().await).await;
}

#[tokio::test]
async fn a_store_may_be_opened_before_its_server() {
    let mut server = Postgres::start(Kind::Plain).await;
    let url = server.database("later").await;
    server.stop().await;
    let store = open(&url).await;
    for _ in 0..2 {
        let error = store.write(&next(0, 10)).await.expect_err("there is no server");
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
        assert_eq!(store.prepare().await.expect_err("there is no server").kind(), ErrorKind::Unavailable);
    }
    server.start_again().await;
    assert!(write_upto(&*store, 2).await.is_empty());
    assert_eq!(check(&server, "later").await, 2);
}
