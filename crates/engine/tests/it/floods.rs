//! The watch over floods: kills at every point, another writer, deadlines, restarts from snapshots.

use std::sync::Arc;
use std::time::Duration;

use engine::{EngineError, FloodParts, FloodsConfig, watch_floods};
use journal::{Append, Journal, JournalId, Key};
use model::{
    AlarmId, AlarmKind, AlarmState, AlarmTransition, Event, EventBody, Priority, Quantity, RevisionNumber, Scope, Span, Time,
    Transition,
};
use service::{Health, Shutdown};
use tokio::task::JoinHandle;

use crate::mem::{Crash, MemJournal};
use crate::plant::append;

const PATIENCE: Duration = Duration::from_secs(10);

struct Run {
    task: JoinHandle<Result<(), EngineError>>,
    shutdown: Shutdown,
    health: Health,
}

fn start(journal: &Arc<MemJournal>) -> Run {
    let (health, shutdown) = (Health::new(), Shutdown::new());
    let config = FloodsConfig { snapshot_records: 3, look_every: Duration::from_millis(2), ..FloodsConfig::default() };
    let parts = FloodParts { journal: Arc::<MemJournal>::clone(journal), latch: health.latch("floods"), config };
    Run { task: tokio::spawn(watch_floods(parts, shutdown.clone())), shutdown, health }
}

impl Run {
    async fn stop(self) {
        self.shutdown.request();
        self.task.await.expect("no panic").expect("a clean end");
    }

    async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.is_err_and(|error| error.is_cancelled()));
    }
}

async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let wait = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{what}"));
}

fn at(seconds: i64) -> Time {
    Time::YEAR_2000 + Span::from_secs(seconds)
}

/// Writes a transition as an engine does, at a second of journal time; under another name, since engines crash here.
async fn put(journal: &MemJournal, seconds: i64, point: &str, transition: Transition) {
    let alarm = AlarmTransition {
        transition,
        alarm: AlarmId::new("high").expect("valid"),
        alarm_kind: AlarmKind::High,
        priority: Priority::High,
        state: AlarmState::Unacknowledged,
        occurrence: None,
        activation: 1,
        in_alarm: transition == Transition::Raised,
        value: None,
        limit: None,
        annunciated: transition == Transition::Raised,
        late: false,
        held: false,
        clock_suspect: false,
        out_of_range: false,
        reason: String::new(),
        actor: String::new(),
        request_id: None,
        unit: Arc::from(""),
        quantity: Quantity::Pressure,
        position: Arc::from("desk"),
        group: Arc::from(""),
        first_out: false,
        until: None,
        clock: None,
        advice: None,
    };
    let event = Event {
        occurred_at: at(seconds),
        subject: Arc::from(point),
        scope: Scope::default(),
        revision: RevisionNumber(1),
        body: EventBody::Alarm(Box::new(alarm)),
    };
    journal.set_now(at(seconds));
    let record = wire::EventRecord { events: vec![event], ..wire::EventRecord::default() };
    append(journal, JournalId::Events, "plant", wire::encode_event_record(&record)).await;
}

/// Three activations within a minute.
async fn chatter(journal: &MemJournal, seconds: i64, point: &str) {
    for n in 0..3 {
        put(journal, seconds + 20 * n, point, Transition::Raised).await;
        put(journal, seconds + 20 * n + 15, point, Transition::Returned).await;
    }
}

/// What was said by the watch, as kinds.
fn said(journal: &MemJournal) -> Vec<&'static str> {
    let own = journal.all(JournalId::Events).into_iter().filter(|record| record.key.as_str() == "floods");
    let events = own.flat_map(|record| wire::decode_event_record(&record.body).expect("own bytes").events);
    events.map(|event| event.body.kind()).collect()
}

#[tokio::test]
async fn a_chatter_and_a_flood_are_said_and_the_flood_ends_by_itself() {
    let journal = MemJournal::new();
    let run = start(&journal);
    eventually("ready", || run.health.is_ready()).await;
    chatter(&journal, 0, "PI-1").await;
    eventually("said", || said(&journal) == ["nuisance.chattering"]).await;
    for n in 0..11 {
        put(&journal, 1_000 + n, &format!("TI-{n}"), Transition::Raised).await;
    }
    eventually("flooded", || said(&journal) == ["nuisance.chattering", "flood.started"]).await;
    journal.set_now(at(1_605));
    journal.looked_at().await;
    assert_eq!(said(&journal).len(), 2, "five are left");
    journal.set_now(at(1_606));
    eventually("over", || said(&journal) == ["nuisance.chattering", "flood.started", "flood.ended"]).await;
    run.stop().await;
    let run = start(&journal);
    journal.set_now(at(1_000) + Span::from_secs(86_400));
    journal.looked_at().await;
    assert_eq!(said(&journal).len(), 3, "a day is not more than a day");
    journal.set_now(at(1_001) + Span::from_secs(86_400));
    eventually("standing", || said(&journal).last() == Some(&"nuisance.standing")).await;
    run.stop().await;
}

#[tokio::test]
async fn nothing_is_said_twice_wherever_it_is_killed() {
    for how in [Crash::BeforeWrite, Crash::AfterWrite] {
        for forget in [false, true] {
            let journal = MemJournal::new();
            let run = start(&journal);
            journal.crash(0, how);
            chatter(&journal, 0, "PI-1").await;
            for n in 0..11 {
                put(&journal, 100 + n, "PI-2", Transition::Raised).await;
            }
            if how == Crash::AfterWrite {
                eventually("stuck after the write", || !said(&journal).is_empty()).await;
            }
            journal.looked_at().await;
            run.kill().await;
            journal.no_crash();
            if forget {
                journal.forget_snapshots();
            }
            // Killed again after each single append that goes through.
            for _ in 0..6 {
                journal.crash(1, how);
                let run = start(&journal);
                journal.looked_at().await;
                run.kill().await;
            }
            journal.no_crash();
            let run = start(&journal);
            eventually("ready", || run.health.is_ready()).await;
            let wanted = ["flood.started", "nuisance.chattering", "nuisance.chattering"];
            eventually("said", || said(&journal).len() >= 3).await;
            run.stop().await;
            let mut kinds = said(&journal);
            kinds.sort_unstable();
            assert_eq!(kinds, wanted, "{how:?}, snapshots forgotten: {forget}");
        }
    }
}

#[tokio::test]
async fn what_a_crash_took_back_is_said_again() {
    let journal = MemJournal::new();
    chatter(&journal, 0, "PI-1").await;
    journal.hold();
    let run = start(&journal);
    eventually("written, not durable", || said(&journal) == ["nuisance.chattering"]).await;
    run.kill().await;
    journal.lose_the_rest();
    assert_eq!(said(&journal), Vec::<&str>::new());
    let run = start(&journal);
    eventually("said", || said(&journal) == ["nuisance.chattering"]).await;
    run.stop().await;
    assert_eq!(said(&journal), ["nuisance.chattering"]);
}

#[tokio::test]
async fn only_what_is_durable_counts() {
    let journal = MemJournal::new();
    let run = start(&journal);
    eventually("ready", || run.health.is_ready()).await;
    journal.hold();
    chatter(&journal, 0, "PI-1").await;
    journal.looked_at().await;
    assert_eq!(said(&journal), Vec::<&str>::new());
    journal.sync();
    eventually("said", || said(&journal) == ["nuisance.chattering"]).await;
    run.stop().await;
}

#[tokio::test]
async fn of_two_only_one_writes() {
    let journal = MemJournal::new();
    let run = start(&journal);
    eventually("ready", || run.health.is_ready()).await;
    let bodies = vec![wire::encode_event_record(&wire::EventRecord::default())];
    let other = Append { journal: JournalId::Events, key: Key::new("floods").expect("valid"), fence: None, bodies };
    journal.append(other).await.expect("appends");
    chatter(&journal, 0, "PI-1").await;
    let ended = tokio::time::timeout(PATIENCE, run.task).await.expect("in time").expect("no panic");
    assert!(matches!(ended, Err(EngineError::AnotherEngine { .. })), "{ended:?}");
    assert_eq!(said(&journal), Vec::<&str>::new());
}

#[tokio::test]
async fn unreadable_records_are_passed_over_and_told() {
    let journal = MemJournal::new();
    let run = start(&journal);
    eventually("ready", || run.health.is_ready()).await;
    append(&*journal, JournalId::Events, "engine/9", bytes::Bytes::from_static(b"\xff\xff")).await;
    chatter(&journal, 0, "PI-1").await;
    eventually("said", || said(&journal) == ["nuisance.chattering"]).await;
    eventually("degraded", || run.health.report().contains("cannot be read")).await;
    run.stop().await;
}
