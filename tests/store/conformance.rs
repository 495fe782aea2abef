//! What every backend must do, on every kind of server: one server a test, a new database a case.

use std::sync::atomic::{AtomicUsize, Ordering};

use harness::{Kind, Postgres};
use store::StoreKind;

use crate::load::open;

async fn conforms(kind: Kind, expected: StoreKind) {
    let server = Postgres::start(kind).await;
    let cases = AtomicUsize::new(0);
    let fresh = async || {
        let name = format!("case_{}", cases.fetch_add(1, Ordering::Relaxed));
        let store = open(&server.database(&name).await).await;
        let description = store.prepare().await.expect("a database that can be prepared");
        assert_eq!(description.kind, expected, "{}", description.version);
        store
    };
    store::conformance::all(fresh).await;
}

#[tokio::test]
async fn plain_postgres_conforms() {
    conforms(Kind::Plain, StoreKind::Postgres).await;
}

#[tokio::test]
async fn timescale_apache_conforms() {
    conforms(Kind::Apache, StoreKind::TimescaleApache).await;
}

#[tokio::test]
async fn timescale_community_conforms() {
    conforms(Kind::Community, StoreKind::TimescaleCommunity).await;
}
