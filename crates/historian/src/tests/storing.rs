//! What the journals hold comes into the store: all of it, once, whatever fails in between.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use journal::{Embedded, EmbeddedConfig, Journal, JournalId, Key, Snapshot};
use model::{ErrorKind, EventBody, Partition, Position, Span, Time};
use prost::Message as _;
use store::{Store, WriteBatch};
use wire::v1::event::Body;

use super::faulty::{Fate, Faulty};
use super::{E01, Plant, Run, event, letter, sample, telemetry};

/// A few partitions with a few records each, and events and dead letters among them; every sample is another one.
async fn fill(plant: &Plant, round: u32) {
    for n in 0..20 {
        let record = round * 20 + n;
        let samples = (0..5).map(|i| sample(record * 5 + i + 1, i64::from(record) * 1_000_000, f64::from(i))).collect();
        plant.samples((record % 3) as u8, samples).await;
        if n % 5 == 0 {
            plant.event(event("p1", i64::from(record), EventBody::CoreVersion(record))).await;
            plant.append(JournalId::Dead, "ingest", vec![letter("a/b", vec![1])]).await;
        }
    }
}

async fn assert_all_there(plant: &Plant, rounds: u32) {
    let mut points: Vec<_> = plant.every_sample().await.iter().map(|row| row.row.point.0).collect();
    points.sort_unstable();
    assert_eq!(points, (1..=rounds * 100).collect::<Vec<_>>());
    let kinds = plant.every_event().await.into_iter().filter(|row| row.kind == "core.version");
    assert_eq!(kinds.map(|row| row.occurred_at).collect::<Vec<_>>(), versions(rounds));
    let letters = plant.store.dead_letters(&store::DeadQuery::default(), None, 10_000).await.unwrap();
    assert_eq!(
        letters.rows.iter().map(|row| row.position.0).collect::<Vec<_>>(),
        (1..=u64::from(rounds) * 4).collect::<Vec<_>>()
    );
}

fn versions(rounds: u32) -> Vec<Time> {
    (0..rounds * 20).step_by(5).map(|record| Time::from_micros(i64::from(record))).collect()
}

#[tokio::test]
async fn everything_is_stored_once_over_restarts() {
    let plant = Plant::new().await;
    for round in 0..12 {
        let run = plant.start();
        fill(&plant, round).await;
        match round % 3 {
            // Cut anywhere, drained, or stopped only when all is there.
            0 => run.task.abort(),
            1 => run.stop().await,
            _ => {
                run.stored_all(&plant).await;
                run.stop().await;
            }
        }
    }
    plant.store_all().await;
    assert_all_there(&plant, 12).await;
}

#[tokio::test]
async fn what_a_gateway_marks_transient_is_not_stored() {
    let plant = Plant::new().await;
    let mut passing = sample(1, 2, 0.5);
    passing.flags.transient = true;
    plant.samples(E01, vec![sample(1, 1, 0.5), passing, sample(1, 3, 0.5)]).await;
    plant.store_all().await;
    let times: Vec<_> = plant.every_sample().await.iter().map(|it| it.row.time.micros()).collect();
    assert_eq!(times, [1, 3]);
}

#[tokio::test]
async fn a_stop_stores_what_is_left() {
    let plant = Plant::new().await;
    fill(&plant, 0).await;
    plant.start().stop().await;
    assert_all_there(&plant, 1).await;
}

#[tokio::test]
async fn a_store_that_fails_loses_and_doubles_nothing() {
    let plant = Plant::new().await;
    let fates = [Fate::FailsBefore, Fate::Works, Fate::FailsAfter, Fate::Works, Fate::Works, Fate::FailsAfter, Fate::FailsBefore];
    let run = plant.start_on(Faulty::new(Arc::clone(&plant.store), fates));
    for round in 0..3 {
        fill(&plant, round).await;
    }
    run.stored_all(&plant).await;
    run.stop().await;
    assert_all_there(&plant, 3).await;
}

#[tokio::test]
async fn health_says_what_is_wrong_and_that_it_is_over() {
    let plant = Plant::new().await;
    let faulty = Faulty::new(Arc::clone(&plant.store), [Fate::FailsBefore]);
    faulty.gate.forget_permits(usize::MAX);
    let run = plant.start_on(Arc::clone(&faulty) as Arc<dyn Store>);
    fill(&plant, 0).await;
    faulty.gate.add_permits(1);
    until(|| run.health.report().contains("degraded: history waits in the journal")).await;
    assert!(run.health.is_ready(), "what is stored can still be asked for");
    faulty.gate.add_permits(1_000);
    run.stored_all(&plant).await;
    until(|| run.health.report() == "historian: ready\n").await;
    run.stop().await;
}

/// Waits for a condition that another task brings about.
async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(super::LONG, waiting).await.expect("the condition comes about");
}

#[tokio::test]
async fn points_are_named_before_their_samples() {
    let plant = Plant::new().await;
    plant.samples(E01, vec![sample(7, 10, 1.0), sample(9, 10, 1.0)]).await;
    plant.revise(&[(7, "e01-PI-101")]).await;
    let faulty = Faulty::new(Arc::clone(&plant.store), []);
    faulty.gate.forget_permits(usize::MAX);
    let run = plant.start_on(Arc::clone(&faulty) as Arc<dyn Store>);
    faulty.gate.add_permits(1);
    run.stored.wait(&[(JournalId::Events, Position(1))], super::LONG).await;
    assert_eq!(plant.store.points().await.unwrap()[0].id, "e01-PI-101");
    assert!(plant.every_sample().await.is_empty(), "events come first");
    faulty.gate.add_permits(1_000);
    run.stored_all(&plant).await;
    let ids: Vec<_> = plant.every_sample().await.into_iter().map(|row| row.id).collect();
    assert_eq!(ids, [Some("e01-PI-101".into()), None]);
    run.stop().await;
}

#[tokio::test]
async fn what_cannot_be_read_stops_nothing() {
    let plant = Plant::new().await;
    plant.append(telemetry(1), "ingest", vec![vec![0xff; 9].into(), b"".as_slice().into()]).await;
    plant.append(JournalId::Events, "engine/1", vec![vec![0xff; 9].into()]).await;
    plant.append(JournalId::Dead, "ingest", vec![vec![0xff; 9].into()]).await;
    fill(&plant, 0).await;
    let seal = plant.journal.seal().await.unwrap().expect("a seal");
    plant.journal.durable(JournalId::Events, seal.last).await.unwrap();
    plant.store_all().await;
    assert_eq!(plant.every_sample().await.len(), 100);
    let events = plant.every_event().await;
    let seal = events.last().unwrap();
    assert_eq!((seal.kind.as_str(), seal.subject.as_str(), events.len()), ("journal.seal", "journal", 5));
    assert!(model::EventId::parse(&seal.id).is_some_and(|id| &*id.key == "journal"), "{}", seal.id);
}

#[tokio::test]
async fn a_database_of_another_journal_is_refused() {
    let (plant, other) = (Plant::new().await, Plant::new().await);
    other.samples(1, vec![sample(1, 1, 1.0)]).await;
    plant.samples(1, vec![sample(1, 1, 1.0)]).await;
    plant.store_all().await;
    let run = other.start_on(Arc::clone(&plant.store));
    let error = run.task.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains(&other.journal.epoch().to_string()), "{error}");
    assert!(!run.health.is_ready());
}

#[tokio::test]
async fn a_database_ahead_of_its_journal_is_refused() {
    let plant = Plant::new().await;
    let epoch = plant.journal.epoch();
    let ahead = WriteBatch { journal: "telemetry/9".to_owned(), epoch, upto: Position(4), ..WriteBatch::default() };
    plant.store.write(&ahead).await.unwrap();
    let error = plant.start().task.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("telemetry/9"), "{error}");
}

/// A journal that keeps next to nothing, with more in it than it keeps and a revision that names two points of the partition.
pub(super) async fn trimmed() -> Plant {
    let plant = Plant::with(|config: &mut EmbeddedConfig| {
        config.segment_bytes = 4_096;
        config.telemetry_bytes = 1;
        config.telemetry_keep = Span::ZERO;
    })
    .await;
    plant.revise(&[(1, "e01-PI-101"), (2, "e01-PI-102")]).await;
    plant.samples(E01, vec![sample(1, 0, 1.0)]).await;
    plant.store_all().await;
    for n in 1..400 {
        let position = plant.samples(E01, vec![sample(1, n * 1_000, 1.0); 20]).await;
        if n % 150 == 0 {
            // Retention goes no further than the older of two snapshots.
            let (key, journal) = (Key::engine(Partition(E01)), telemetry(E01));
            plant.journal.put_snapshot(Snapshot { key, journal, position, body: Bytes::new() }).await.unwrap();
        }
    }
    plant.journal.retain().await.unwrap();
    assert!(plant.journal.bounds(telemetry(E01)).first > Position(2), "nothing was trimmed");
    plant
}

async fn losses(plant: &Plant) -> Vec<wire::v1::HistoryLoss> {
    let events = plant.every_event().await.into_iter().filter(|row| row.kind == "history.lost");
    let decoded = events.map(|row| wire::v1::Event::decode(row.body.as_slice()).unwrap());
    decoded.map(|event| if let Some(Body::HistoryLoss(loss)) = event.body { loss } else { panic!("{event:?}") }).collect()
}

#[tokio::test]
async fn what_retention_dropped_is_said_once() {
    let plant = trimmed().await;
    let first = plant.journal.bounds(telemetry(E01)).first;
    // The crash between saying it and stepping over it: the event is there, and the first try to step over is not stored.
    let fates = [Fate::FailsBefore];
    let run: Run = plant.start_on(Faulty::new(Arc::clone(&plant.store), fates));
    run.stored_all(&plant).await;
    run.stop().await;
    plant.store_all().await;

    let losses = losses(&plant).await;
    assert_eq!(losses.len(), 1);
    let loss = &losses[0];
    assert_eq!((loss.partition, loss.from_position, loss.to_position), (u32::from(E01), 2, first.0 - 1));
    assert_eq!(loss.points, ["e01-PI-101", "e01-PI-102"]);
    let time = |time: &Option<_>| wire::time_from_v1(time.as_ref().unwrap());
    assert!(time(&loss.from) <= time(&loss.to));
    let kept = plant.every_sample().await.iter().map(|row| row.row.time.micros() / 1_000).collect::<Vec<_>>();
    let first = i64::try_from(first.0).unwrap() - 1;
    assert_eq!(kept, [0].into_iter().chain(first..400).collect::<Vec<_>>(), "what was kept is stored");
}

/// A journal whose ring of dead letters is small.
async fn small_ring() -> Plant {
    Plant::with(|config: &mut EmbeddedConfig| {
        config.segment_bytes = 4_096;
        config.telemetry_bytes = 1;
        config.telemetry_keep = Span::ZERO;
        config.dead_bytes = 20_000;
    })
    .await
}

/// Letters until the ring has dropped some more; gives what it keeps.
async fn overflow(plant: &Plant) -> std::ops::RangeInclusive<u64> {
    let before = plant.journal.bounds(JournalId::Dead).first;
    for _ in 0..100 {
        plant.append(JournalId::Dead, "ingest", vec![letter("a/b", vec![1; 1_000])]).await;
    }
    plant.journal.retain().await.unwrap();
    let bounds = plant.journal.bounds(JournalId::Dead);
    assert!(bounds.first > before, "nothing was dropped");
    bounds.first.0..=bounds.durable.0
}

async fn letters(plant: &Plant) -> Vec<u64> {
    let page = plant.store.dead_letters(&store::DeadQuery::default(), None, 10_000).await.unwrap();
    page.rows.iter().map(|row| row.position.0).collect()
}

#[tokio::test]
async fn dead_letters_that_the_ring_dropped_go_from_the_store() {
    let plant = small_ring().await;
    plant.append(JournalId::Dead, "ingest", vec![letter("a/b", vec![1])]).await;
    plant.store_all().await;
    let faulty = Faulty::new(Arc::clone(&plant.store), []);
    let forgets = || faulty.forgets.load(Ordering::Relaxed);
    for round in 1..=3 {
        let kept = overflow(&plant).await;
        assert!(letters(&plant).await[0] < *kept.start(), "the store has what the ring has dropped");
        let run = plant.start_on(Arc::clone(&faulty) as Arc<dyn Store>);
        run.stored_all(&plant).await;
        until(|| forgets() >= round).await;
        // Rounds that follow find nothing new.
        for at in 0..3 {
            plant.event(event("p1", at, EventBody::CoreVersion(1))).await;
            run.stored_all(&plant).await;
        }
        run.stop().await;
        assert_eq!(forgets(), round, "the store is asked only where the ring has moved");
        assert_eq!(letters(&plant).await, kept.collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_store_that_cannot_forget_still_stores() {
    let plant = small_ring().await;
    plant.append(JournalId::Dead, "ingest", vec![letter("a/b", vec![1])]).await;
    plant.store_all().await;
    overflow(&plant).await;
    let faulty = Faulty::that_cannot_forget(Arc::clone(&plant.store));
    let run = plant.start_on(Arc::clone(&faulty) as Arc<dyn Store>);
    for round in 0..3 {
        fill(&plant, round).await;
        run.stored_all(&plant).await;
    }
    run.stop().await;
    assert_eq!(plant.every_sample().await.len(), 300);
    assert_eq!(faulty.forgets.load(Ordering::Relaxed), 1, "it is not asked in every round");
    assert_eq!(letters(&plant).await[0], 1);
}

#[tokio::test]
async fn a_restart_goes_on_with_the_same_journal_files() {
    let plant = Plant::new().await;
    fill(&plant, 0).await;
    plant.store_all().await;
    let Plant { folder, journal, store } = plant;
    journal.close().await.unwrap();
    drop(journal);
    let journal = Embedded::open(EmbeddedConfig::new(folder.path().join("journal"))).await.unwrap();
    let plant = Plant { folder, journal, store };
    fill(&plant, 1).await;
    plant.store_all().await;
    assert_all_there(&plant, 2).await;
}
