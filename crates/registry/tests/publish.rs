//! Publishing a site on a real journal: the same content is no new revision, gaps are completed, another writer is noticed.

use std::sync::Arc;

use journal::{Embedded, EmbeddedConfig, Journal, JournalId, Level, ReadLimit};
use model::{
    Body, Enterprise, EnterpriseId, GatewayPath, Installation, InstallationId, InstallationKind, Partition, Point, PointId,
    PointSource, Position, Protocol, Quantity, Revision, Site, Span,
};

fn site(enterprises: &[&str]) -> Site {
    let enterprise = |id: &&str| Enterprise {
        id: EnterpriseId::new(id).expect("valid"),
        name: String::new(),
        park: None,
        district: String::new(),
    };
    let installation = |id: &&str| Installation {
        id: InstallationId::new(&format!("{id}-i")).expect("valid"),
        name: String::new(),
        enterprise: EnterpriseId::new(id).expect("valid"),
        kind: InstallationKind::Process,
        exposed_people: 0,
        location: None,
        substances: Vec::new(),
        wind: None,
    };
    let point = |id: &&str| Point {
        id: PointId::new(&format!("{id}-p")).expect("valid"),
        name: String::new(),
        installation: InstallationId::new(&format!("{id}-i")).expect("valid"),
        enterprise: EnterpriseId::new(id).expect("valid"),
        park: None,
        quantity: Quantity::Other,
        unit: "-".to_owned(),
        range: None,
        stale_after: Span::from_secs(300),
        source: PointSource {
            protocol: Protocol::Mqtt,
            gateway: GatewayPath::new(&format!("a/{id}/g")).expect("valid"),
            tag: "t".to_owned(),
        },
        states: Vec::new(),
        alarms: Vec::new(),
        cas: String::new(),
    };
    Site {
        parks: Vec::new(),
        enterprises: enterprises.iter().map(enterprise).collect(),
        installations: enterprises.iter().map(installation).collect(),
        points: enterprises.iter().map(point).collect(),
        ..Site::default()
    }
}

async fn revisions(journal: &Embedded, enterprise: &str) -> Vec<Revision> {
    let partition = Partition::of(&EnterpriseId::new(enterprise).expect("valid"));
    let read = journal.read(JournalId::Telemetry(partition), Position(0), Level::Durable, ReadLimit::default());
    let bodies = read.await.expect("read").into_iter().map(|record| wire::decode_body(&record.body).expect("own record"));
    bodies
        .filter_map(|body| if let Body::Revision(revision) = body { Some(Arc::unwrap_or_clone(revision)) } else { None })
        .collect()
}

#[tokio::test]
async fn the_same_content_is_no_new_revision_and_parts_reach_their_partitions() {
    let folder = tempfile::tempdir().expect("folder");
    let journal = Embedded::open(EmbeddedConfig::new(folder.path())).await.expect("open");
    let first = registry::publish(&*journal, site(&["e01", "e02"]), b"one").await.expect("publish");
    let again = registry::publish(&*journal, site(&["e01", "e02"]), b"one").await.expect("publish");
    assert_eq!((first.number.0, again.number.0), (1, 1));
    assert_eq!(revisions(&journal, "e01").await.len(), 1, "complete: nothing is said twice");
    let second = registry::publish(&*journal, site(&["e02"]), b"two").await.expect("publish");
    assert_eq!(second.number.0, 2);
    let gone = revisions(&journal, "e01").await;
    assert_eq!(gone.last().map(|it| (it.number.0, it.site.points.len())), Some((2, 0)), "what is gone is told where it was");
    let kept = revisions(&journal, "e02").await;
    assert_eq!(kept.iter().map(|it| it.numbers[0]).collect::<Vec<_>>(), vec![kept[0].numbers[0]; 2], "a number for life");
    journal.close().await.expect("close");
}

#[tokio::test]
async fn a_revision_that_a_crash_kept_from_its_partitions_is_completed_at_the_next_start() {
    let (whole, crashed) = (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
    let journal = Embedded::open(EmbeddedConfig::new(whole.path())).await.expect("open");
    registry::publish(&*journal, site(&["e01"]), b"one").await.expect("publish");
    let read = journal.read(JournalId::Events, Position(0), Level::Durable, ReadLimit::default()).await.expect("read");
    journal.close().await.expect("close");
    // Only what is in `events` survived, and no snapshot says that the partitions have it.
    let journal = Embedded::open(EmbeddedConfig::new(crashed.path())).await.expect("open");
    for record in read.into_iter().filter(|record| record.key.as_str() == "registry") {
        let append = journal::Append { journal: JournalId::Events, key: record.key, fence: None, bodies: vec![record.body] };
        journal.append(append).await.expect("append");
    }
    assert!(revisions(&journal, "e01").await.is_empty());
    let completed = registry::publish(&*journal, site(&["e01"]), b"one").await.expect("publish");
    assert_eq!(completed.number.0, 1, "the same revision");
    assert_eq!(revisions(&journal, "e01").await.len(), 1);
    journal.close().await.expect("close");
}
