//! The connection is cut, and the wire between has delays of its own.

use std::time::{Duration, Instant};

use harness::{Kind, Postgres, Proxy, Way};
use model::ErrorKind;
use store::Store;

use super::on_servers;
use crate::load::{ROWS, check, next, open, position, write_upto};

on_servers!(a_cut_in_the_middle_stores_all_or_nothing, a_lost_answer_stores_all_or_nothing);

/// Cuts after each of these many bytes, a write each, until one has passed before the cut.
async fn cut(kind: Kind, way: Way, after: impl Iterator<Item = u32>) {
    let server = Postgres::start(kind).await;
    server.database("cut").await;
    let proxy = Proxy::start(server.port()).await;
    let store = open(&server.url_of("cut").replace(&server.port().to_string(), &proxy.port().to_string())).await;
    assert!(write_upto(&*store, 1).await.is_empty());
    let (mut failed, mut unheard) = (0, 0);
    for bytes in after {
        let from = position(&*store).await;
        let cuts = proxy.mend();
        proxy.cut_after(bytes, way);
        let Err(error) = store.write(&next(from, ROWS)).await else {
            // The first bytes only ask whether a connection still works; where it does not, the write goes over another.
            if failed >= 5 { break } else { continue }
        };
        assert!(bytes < 500_000, "the cut is never behind a write");
        assert_eq!(error.kind(), ErrorKind::Unavailable, "after {bytes} bytes: {error:?}");
        assert!(proxy.mend() > cuts, "it failed though nothing was cut");
        failed += 1;
        if check(&server, "cut").await > from {
            unheard += 1;
        }
        write_upto(&*store, from + 1).await;
        assert_eq!(position(&*store).await, from + 1, "after {bytes} bytes");
    }
    check(&server, "cut").await;
    // Both are part of the test: cuts in the middle, and one of the word that all is committed.
    assert!(failed >= 5, "{failed} failed");
    assert!(unheard >= 1 || way == Way::There, "none was stored without its writer hearing of it");
}

/// A batch of `ROWS` rows is some 290,000 bytes.
async fn a_cut_in_the_middle_stores_all_or_nothing(kind: Kind) {
    cut(kind, Way::There, [1, 300, 2_000, 30_000, 150_000, 280_000, 289_900, 290_200, 290_700, 400_000].into_iter()).await;
}

/// Answers to a write are short, some hundred bytes; the last 17 of them say that it is committed.
async fn a_lost_answer_stores_all_or_nothing(kind: Kind) {
    cut(kind, Way::Back, (0..).map(|step| 1 + step * 16)).await;
}

/// The median of what small writes take, in a database of their own.
async fn median(store: &dyn Store, rows: u64) -> Duration {
    let mut taken = Vec::new();
    for after in 0..20 {
        let batch = next(after, rows);
        let began = Instant::now();
        store.write(&batch).await.expect("a batch");
        taken.push(began.elapsed());
    }
    taken.sort_unstable();
    taken[taken.len() / 2]
}

/// The driver leaves Nagle's algorithm on: a message in several small packets waits 40 ms for the other side on TCP, and never on a Unix
/// socket. A stall is ten times what such a write takes, so three times is a wide margin on both sides.
#[tokio::test]
async fn small_writes_do_not_stall_on_tcp() {
    let server = Postgres::start(Kind::Plain).await;
    for rows in [1, 1_000, 5_000] {
        let (tcp, socket) = (format!("tcp_{rows}"), format!("socket_{rows}"));
        let over_tcp = median(&*open(&server.database(&tcp).await).await, rows).await;
        server.database(&socket).await;
        let over_socket = median(&*open(&server.socket_url_of(&socket)).await, rows).await;
        assert!(over_tcp < 3 * over_socket.max(Duration::from_millis(5)), "{rows} rows: {over_tcp:?} over TCP, {over_socket:?}");
    }
}
