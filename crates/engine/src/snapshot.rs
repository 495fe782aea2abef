//! Snapshots of a partition's core: bytes that hold the state, the site revision it stands on, and where its outputs end.

use std::sync::Arc;

use alarm::Core;
use journal::{Journal, JournalId, Key, Snapshot};
use model::{KeySeq, Partition, Position};
use prost::Message as _;
use tracing::warn;
use wire::record_v1::CoreSnapshot;

use crate::EngineError;

/// Version of the layout of `CoreSnapshot`; the state inside has a version of its own.
const FORMAT: u32 = 1;

/// A core with the place its outputs have reached.
pub(crate) struct Restored {
    /// The core.
    pub(crate) core: Core,
    /// The writer's count of the last output that is in it.
    pub(crate) key_seq: KeySeq,
    /// Position of that output in `events`.
    pub(crate) events_position: Position,
}

/// The newest readable snapshot whose tail is there, or a fresh core where the whole journal is there; anything else is an error,
/// never a silent fresh state (traps 33).
pub(crate) async fn restore(journal: &dyn Journal, partition: Partition) -> Result<Restored, EngineError> {
    let (input, key) = (JournalId::Telemetry(partition), Key::engine(partition));
    let written = journal.key_seq(JournalId::Events, &key);
    let first = journal.bounds(input).first;
    let tail_is_there = |after: Position| first.0 <= after.0.saturating_add(1);
    let mut after = Position(0);
    for snapshot in journal.snapshots(&key).await.map_err(EngineError::of(input))? {
        match decode(&key, &snapshot) {
            Ok(restored) if restored.key_seq > written => {
                warn!(%key, position = snapshot.position.0, "a snapshot is ahead of the events; it is passed over");
            }
            Ok(restored) if tail_is_there(snapshot.position) => return Ok(restored),
            Ok(_) => after = after.max(snapshot.position),
            Err(reason) => warn!(%key, position = snapshot.position.0, reason, "a snapshot cannot be read; it is passed over"),
        }
    }
    if tail_is_there(Position(0)) {
        return Ok(Restored { core: Core::new(key.shared()), key_seq: KeySeq(0), events_position: Position(0) });
    }
    Err(EngineError::StateLost { journal: input, first, after })
}

fn decode(key: &Key, snapshot: &Snapshot) -> Result<Restored, String> {
    let body = CoreSnapshot::decode(&*snapshot.body).map_err(|error| error.to_string())?;
    if body.format != FORMAT {
        return Err(format!("its format is {}, this version reads {FORMAT}", body.format));
    }
    let revision = body.revision.as_ref().map(wire::revision_from_record).transpose().map_err(|error| error.to_string())?;
    let core = Core::restore(key.shared(), revision.map(Arc::new), &body.state).map_err(|error| error.to_string())?;
    if core.position() != snapshot.position {
        return Err(format!("it is of position {}", core.position().0));
    }
    Ok(Restored { core, key_seq: KeySeq(body.key_seq), events_position: Position(body.events_position) })
}

/// The state of a core as a snapshot, taken at once.
pub(crate) fn take(core: &Core, partition: Partition, key_seq: KeySeq, events_position: Position) -> Snapshot {
    let body = CoreSnapshot {
        format: FORMAT,
        core_version: core.version(),
        revision: core.revision().map(|it| wire::revision_to_record(it)),
        state: core.snapshot(),
        key_seq: key_seq.0,
        events_position: events_position.0,
    };
    let (key, journal) = (Key::engine(partition), JournalId::Telemetry(partition));
    Snapshot { key, journal, position: core.position(), body: body.encode_to_vec().into() }
}

/// Keeps a snapshot, after the outputs that are in it: one that survived a crash while they did not would swallow them (traps 34).
pub(crate) async fn keep(
    journal: Arc<dyn Journal>,
    snapshot: Snapshot,
    events_position: Position,
) -> Result<(), journal::JournalError> {
    journal.durable(JournalId::Events, events_position).await?;
    journal.put_snapshot(snapshot).await
}
