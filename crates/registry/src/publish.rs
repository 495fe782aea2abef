//! Journals a site: first whole to `events`, fenced, then to each partition its part, idempotent by the revision's number.

use std::sync::Arc;

use journal::{Append, Follower, Journal, JournalId, Key, Level, Snapshot};
use model::{Body, Event, EventBody, KeySeq, Partition, Revision, Scope, Site, SiteRevised};
use prost::Message as _;
use sha2::{Digest, Sha256};

use crate::number::next_revision;
use crate::{RegistryError, SiteFold};

/// The registry's key in every journal, and of the snapshot that says which revision reached all partitions.
pub(crate) const KEY: &str = "registry";

/// Puts a site in force and returns its revision, durable in every partition. The same content is no new revision; a revision that
/// a crash kept from some partitions is completed.
pub async fn publish(journal: &dyn Journal, site: Site, content: &[u8]) -> Result<Arc<Revision>, RegistryError> {
    let key = Key::new(KEY)?;
    // The fence is older than what is read behind it: whoever publishes in between makes the append below fail.
    let fence = journal.key_seq(JournalId::Events, &key);
    journal.durable(JournalId::Events, journal.bounds(JournalId::Events).appended).await?;
    let follower = Follower::start(journal, JournalId::Events, key.clone(), Level::Durable, SiteFold::default).await?;
    if let Some(fault) = follower.fold.fault {
        return Err(fault.into());
    }
    let current = follower.fold.revision;
    let content_hash: [u8; 32] = Sha256::digest(content).into();
    if current.number.0 > 0 && current.content_hash == content_hash {
        complete(journal, &key, &current, &[]).await?;
        return Ok(current);
    }
    let revision = Arc::new(next_revision(&current, site, content_hash)?);
    append_whole(journal, (&key, fence), &revision).await?;
    complete(journal, &key, &revision, &current.partitions()).await?;
    tracing::info!(revision = revision.number.0, points = revision.site.points.len(), "site revision in force");
    Ok(revision)
}

async fn append_whole(
    journal: &dyn Journal,
    (key, fence): (&Key, KeySeq),
    revision: &Arc<Revision>,
) -> Result<(), RegistryError> {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let event = Event {
        occurred_at: journal.now(),
        subject: Arc::from("site"),
        scope: Scope::default(),
        revision: revision.number,
        body: EventBody::Site(SiteRevised {
            revision: revision.number,
            content_hash: revision.content_hash,
            points: count(revision.site.points.len()),
            alarms: count(revision.site.points.iter().map(|point| point.alarms.len()).sum()),
        }),
    };
    let record = wire::EventRecord { events: vec![event], site: Some(Arc::clone(revision)), ..wire::EventRecord::default() };
    let append = Append {
        journal: JournalId::Events,
        key: key.clone(),
        fence: Some(fence),
        bodies: vec![wire::encode_event_record(&record)],
    };
    let appended = journal.append(append).await?;
    journal.durable(JournalId::Events, appended.last).await?;
    Ok(())
}

/// Brings the revision to every partition it concerns, unless the registry's snapshot says that it is there.
async fn complete(journal: &dyn Journal, key: &Key, revision: &Revision, before: &[Partition]) -> Result<(), RegistryError> {
    if reached_all(journal, key, revision).await? {
        return Ok(());
    }
    let mut partitions = revision.partitions();
    partitions.extend(before);
    partitions.extend(journal.partitions());
    partitions.sort_unstable();
    partitions.dedup();
    for partition in partitions {
        let body = wire::encode_body(&Body::Revision(Arc::new(revision.part(partition))));
        let id = JournalId::Telemetry(partition);
        let appended = journal.append(Append { journal: id, key: key.clone(), fence: None, bodies: vec![body] }).await?;
        journal.durable(id, appended.last).await?;
    }
    let position = journal.bounds(JournalId::Events).durable;
    let body = wire::revision_to_record(revision).encode_to_vec().into();
    journal.put_snapshot(Snapshot { key: key.clone(), journal: JournalId::Events, position, body }).await?;
    Ok(())
}

async fn reached_all(journal: &dyn Journal, key: &Key, revision: &Revision) -> Result<bool, RegistryError> {
    let newest = journal.snapshots(key).await?.into_iter().next();
    let record = newest.and_then(|snapshot| wire::record_v1::SiteRevision::decode(snapshot.body).ok());
    Ok(record.is_some_and(|record| record.number == revision.number.0 && record.content_hash == revision.content_hash))
}
