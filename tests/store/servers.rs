//! The servers themselves: that they are what they claim to be, keep what they were given and end when told.

use harness::{Kind, Postgres};
use sqlx::{Connection, PgConnection};

async fn count(url: &str) -> i64 {
    let mut session = PgConnection::connect(url).await.expect("a session");
    sqlx::query_scalar("SELECT count(*) FROM t").fetch_one(&mut session).await.expect("a count")
}

#[tokio::test]
async fn a_server_keeps_its_rows_over_a_stop_and_a_crash() {
    let mut server = Postgres::start(Kind::Plain).await;
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
