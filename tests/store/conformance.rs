//! What every backend must do, on every kind of server: one server a test, a new database a case.

use std::sync::atomic::{AtomicUsize, Ordering};

use harness::{Kind, Postgres};
use store::StoreKind;

use crate::load::open;

async fn conforms(kind: Kind, expected: StoreKind) {
    let server = Postgres::start(kind).await;
    let cases = AtomicUsize::new(0);
    let fresh = async || {
        let case = cases.fetch_add(1, Ordering::Relaxed);
        // Half a hundred databases at once would take gigabytes; the case before is over by now.
        if let Some(over) = case.checked_sub(1) {
            server.drop_database(&format!("case_{over}")).await;
        }
        let store = open(&server.database(&format!("case_{case}")).await).await;
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
