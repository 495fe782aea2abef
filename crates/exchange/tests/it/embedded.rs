//! The same on the embedded journal, through a restart.

use std::sync::Arc;

use journal::{Embedded, EmbeddedConfig, Journal as _};
use wire::v1;
use wire::v1::StartPosition::{Earliest, Snapshot};

use crate::server::{put, raise, serve, subjects};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn feeds_commits_and_snapshots_survive_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = Embedded::open(EmbeddedConfig::new(folder.path())).await.expect("opens");
    let mut served = serve(Arc::clone(&journal) as _).await;
    let mut feed = served.at(Earliest).await;
    put(&*journal, vec![raise("a"), raise("b")]).await;
    let events = feed.events(2).await;
    for event in &events {
        // Both at the same position of the journal.
        let request = v1::CommitCursorRequest { subscription: "s".to_owned(), cursor: event.cursor.clone() };
        served.client.commit_cursor(request).await.expect("commits");
    }
    let back = v1::CommitCursorRequest { subscription: "s".to_owned(), cursor: events[0].cursor.clone() };
    served.client.commit_cursor(back).await.expect("commits");
    assert_eq!(journal.seal().await.expect("seals").expect("something to seal").first.0, 2);
    assert_eq!(feed.event().await.kind, "journal.seal");
    drop(feed);
    served.stop().await;
    journal.close().await.expect("closes");
    drop(journal);

    let journal = reopen(folder.path()).await;
    let mut served = serve(Arc::clone(&journal) as _).await;
    let named = v1::SubscribeRequest { subscription: "s".to_owned(), ..v1::SubscribeRequest::default() };
    let rest = served.subscribe(named).await.expect("resumes").events(2).await;
    assert_eq!((rest[0].subject.as_str(), rest[1].kind.as_str()), ("b", "journal.seal"));
    assert_eq!(subjects(&served.at(Snapshot).await.events(2).await), ["a", "b"]);
    served.stop().await;
}

/// Server tasks of the run before may hold the journal a moment longer.
async fn reopen(folder: &std::path::Path) -> Arc<Embedded> {
    loop {
        match Embedded::open(EmbeddedConfig::new(folder)).await {
            Ok(journal) => return journal,
            Err(journal::JournalError::Locked { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}
