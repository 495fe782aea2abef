//! Crashes, restarts, and starts that must be refused (traps 33, 34, 71).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use engine::{Config, EngineError, Parts, serve};
use journal::{Journal as _, JournalId};
use model::{Body, EventBody, Position, Time};
use proptest::prelude::*;
use service::{Health, Shutdown};
use tokio::task::JoinHandle;

use crate::mem::{Crash, MemJournal};
use crate::plant::{append, happenings, input, partition, put, records, revision, sample};

type Running = (JoinHandle<Result<(), EngineError>>, Shutdown, Health);

fn start(journal: &Arc<MemJournal>, snapshot_records: u64) -> Running {
    let (health, shutdown) = (Health::new(), Shutdown::new());
    let config = Config { snapshot_records, ..Config::default() };
    let parts = Parts { journal: Arc::clone(journal) as _, latch: health.latch("engine"), online: Arc::default(), config };
    (tokio::spawn(serve(parts, shutdown.clone())), shutdown, health)
}

/// Lets everything run until nothing moves; on the paused clock this takes no time.
async fn settle() {
    tokio::time::sleep(Duration::from_secs(2)).await;
}

async fn run_to_end(journal: &Arc<MemJournal>) -> Result<(), EngineError> {
    let (engine, shutdown, health) = start(journal, 7);
    settle().await;
    assert!(engine.is_finished() || health.is_ready());
    shutdown.request();
    engine.await.expect("no panic")
}

fn written(journal: &MemJournal) -> Vec<(String, u64, Bytes)> {
    journal.all(JournalId::Events).into_iter().map(|it| (it.key.to_string(), it.key_seq.0, it.body)).collect()
}

fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime")
}

async fn uninterrupted(records: &[(Time, Body)]) -> Vec<(String, u64, Bytes)> {
    let journal = MemJournal::new();
    for (at, body) in records {
        put(&journal, *at, body).await;
    }
    run_to_end(&journal).await.expect("runs");
    written(&journal)
}

/// Every `every` records the engine is killed: right after it read, or in an append before or after it was written.
async fn interrupted(records: &[(Time, Body)], every: usize, snapshots: u64) -> Arc<MemJournal> {
    let journal = MemJournal::new();
    for (round, chunk) in records.chunks(every).enumerate() {
        for (at, body) in chunk {
            put(&journal, *at, body).await;
        }
        match round % 4 {
            0 => journal.crash(0, Crash::BeforeWrite),
            1 => journal.crash(0, Crash::AfterWrite),
            2 => journal.crash(1, Crash::BeforeWrite),
            _ => journal.no_crash(),
        }
        let (engine, _, _) = start(&journal, snapshots);
        settle().await;
        engine.abort();
        assert!(engine.await.is_err_and(|it| it.is_cancelled()), "it ran until it was killed");
        journal.no_crash();
    }
    run_to_end(&journal).await.expect("runs");
    journal
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_run_with_crashes_writes_what_one_without_writes(happenings in happenings(), every in 1_usize..9, snapshots in 1_u64..12) {
        let records = records(&happenings);
        let (expected, journal) = paused().block_on(async {
            (uninterrupted(&records).await, interrupted(&records, every, snapshots).await)
        });
        prop_assert_eq!(written(&journal), expected);
        let mut ids = BTreeSet::new();
        for record in journal.all(JournalId::Events) {
            let decoded = wire::decode_event_record(&record.body).expect("own bytes");
            let place = (record.epoch, &record.key.shared(), record.key_seq);
            for event in wire::recorded_events(decoded, place, record.position, record.time) {
                prop_assert!(ids.insert(event.id.clone()), "{} twice", event.id);
            }
        }
    }
}

/// A journal with a raise, the engine's record of it at position 2 (after the core version at 1).
async fn with_a_raise() -> Arc<MemJournal> {
    let journal = MemJournal::new();
    put(&journal, Time::YEAR_2000, &Body::CoreVersion(alarm::CORE_VERSION)).await;
    put(&journal, Time::YEAR_2000, &Body::Revision(revision(1))).await;
    put(&journal, Time::YEAR_2000, &sample(2, Time::YEAR_2000, 30.0)).await;
    journal
}

fn events(journal: &MemJournal) -> Vec<(String, EventBody)> {
    let decode = |it: &journal::JournalRecord| {
        let key = it.key.to_string();
        let events = wire::decode_event_record(&it.body).expect("own bytes").events;
        events.into_iter().map(move |event| (key.clone(), event.body))
    };
    journal.all(JournalId::Events).iter().flat_map(decode).collect()
}

#[tokio::test(start_paused = true)]
async fn a_second_engine_is_fenced_off() {
    let journal = with_a_raise().await;
    let (engine, _, health) = start(&journal, 100);
    settle().await;
    assert!(health.is_ready());
    // Another engine of the same partition writes.
    append(&*journal, JournalId::Events, &format!("engine/{}", partition()), Bytes::new()).await;
    put(&journal, Time::YEAR_2000, &sample(2, Time::YEAR_2000 + model::Span::from_secs(1), 55.0)).await;
    let stopped = tokio::time::timeout(Duration::from_secs(60), engine).await.expect("it stops").expect("no panic");
    assert!(matches!(stopped, Err(EngineError::AnotherEngine { .. })), "{stopped:?}");
    assert!(!health.is_ready() && health.report().contains("another engine"), "{}", health.report());
}

#[tokio::test(start_paused = true)]
async fn a_trimmed_tail_without_a_snapshot_stops_the_start() {
    let journal = with_a_raise().await;
    run_to_end(&journal).await.expect("runs");
    journal.trim(input(), 4);
    run_to_end(&journal).await.expect("the snapshot holds what was trimmed");
    journal.forget_snapshots();
    let stopped = run_to_end(&journal).await;
    assert!(matches!(stopped, Err(EngineError::StateLost { first: Position(4), .. })), "{stopped:?}");
}

#[tokio::test(start_paused = true)]
async fn a_changed_output_is_told_and_the_written_one_stands() {
    let journal = with_a_raise().await;
    run_to_end(&journal).await.expect("runs");
    let before = written(&journal);
    let mut changed = wire::decode_event_record(&before[1].2).expect("own bytes");
    changed.events[0].occurred_at = Time::YEAR_2000 + model::Span::from_secs(9);
    let changed = wire::encode_event_record(&changed);
    journal.replace(JournalId::Events, 2, changed.clone());
    journal.forget_snapshots();
    run_to_end(&journal).await.expect("runs on");
    let after = written(&journal);
    assert_eq!((after.len(), &after[1].2), (before.len() + 1, &changed));
    let Some((key, EventBody::Replay(difference))) = events(&journal).pop() else { panic!("no replay.differs") };
    assert_eq!(key, format!("replay/{}", partition()));
    assert_eq!((difference.input_position, difference.key_seq.0), (Position(3), 2));
    assert!(difference.recorded_hash != difference.replayed_hash && difference.recorded_hash.len() == 64);
}

#[tokio::test(start_paused = true)]
async fn an_output_that_does_not_come_again_is_told() {
    let journal = with_a_raise().await;
    run_to_end(&journal).await.expect("runs");
    // The recorded history has a raise that these inputs do not give.
    journal.replace(input(), 3, wire::encode_body(&sample(2, Time::YEAR_2000, 3.0)));
    journal.forget_snapshots();
    let (engine, shutdown, health) = start(&journal, 100);
    settle().await;
    assert!(health.is_ready() && health.report().contains("degraded"), "{}", health.report());
    shutdown.request();
    engine.await.expect("no panic").expect("runs on");
    assert!(matches!(events(&journal).pop(), Some((_, EventBody::Replay(it))) if it.replayed_hash.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn events_of_inputs_that_are_not_there_stop_the_start() {
    let journal = with_a_raise().await;
    run_to_end(&journal).await.expect("runs");
    let other = MemJournal::new();
    put(&other, Time::YEAR_2000, &Body::Tick).await;
    for record in journal.all(JournalId::Events) {
        append(&*other, JournalId::Events, record.key.as_str(), record.body).await;
    }
    let stopped = run_to_end(&other).await;
    assert!(matches!(stopped, Err(EngineError::InputLost { covered: Position(1 | 3), .. })), "{stopped:?}");
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_record_stops_with_its_place() {
    let journal = with_a_raise().await;
    append(&*journal, input(), "ingest", Bytes::from_static(b"\xff\xff")).await;
    let stopped = run_to_end(&journal).await;
    assert!(matches!(stopped, Err(EngineError::Undecodable { position: Position(4), .. })), "{stopped:?}");
}

#[tokio::test(start_paused = true)]
async fn a_new_core_version_takes_effect_at_a_journaled_position() {
    let journal = MemJournal::new();
    put(&journal, Time::YEAR_2000, &Body::Revision(revision(1))).await;
    run_to_end(&journal).await.expect("runs");
    let telemetry = journal.all(input());
    assert_eq!(telemetry.len(), 2, "the version was appended once");
    assert_eq!(wire::decode_body(&telemetry[1].body).expect("own bytes"), Body::CoreVersion(alarm::CORE_VERSION));
    assert_eq!(telemetry[1].key.as_str(), format!("engine/{}", partition()));
    run_to_end(&journal).await.expect("runs");
    assert_eq!(journal.all(input()).len(), 2, "and not again");
    assert!(matches!(events(&journal).as_slice(), [(_, EventBody::CoreVersion(alarm::CORE_VERSION))]));
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_waits_for_the_outputs_in_it() {
    let journal = with_a_raise().await;
    journal.hold();
    let (engine, _, _) = start(&journal, 1);
    settle().await;
    assert_eq!(written(&journal).len(), 2, "it judges what is not durable yet");
    let key = journal::Key::engine(partition());
    assert!(journal.snapshots(&key).await.expect("reads").is_empty(), "a crash now would swallow the outputs");
    journal.sync();
    settle().await;
    assert!(!journal.snapshots(&key).await.expect("reads").is_empty());
    engine.abort();
}

#[tokio::test(start_paused = true)]
async fn partitions_that_appear_later_are_found() {
    let journal = MemJournal::new();
    let (_engine, shutdown, health) = start(&journal, 100);
    settle().await;
    assert!(health.is_ready(), "nothing to catch up with");
    put(&journal, Time::YEAR_2000, &Body::Revision(revision(1))).await;
    put(&journal, Time::YEAR_2000, &sample(2, Time::YEAR_2000, 30.0)).await;
    settle().await;
    assert!(events(&journal).iter().any(|(_, body)| body.kind() == "alarm.raised"));
    shutdown.request();
}
