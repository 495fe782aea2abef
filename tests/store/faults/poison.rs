//! Rows that the database refuses: the rest is stored, and dead letters tell of them.

use harness::{Kind, Postgres};
use model::Position;
use store::conformance::{batch, event};
use store::{DeadQuery, DeadRow, EventQuery, Store};

use super::on_servers;
use crate::load::{ROWS, next, open, raw, stored, write_upto};

on_servers!(refused_samples_do_not_stop_the_others);

async fn letters(store: &dyn Store) -> Vec<DeadRow> {
    store.dead_letters(&DeadQuery::default(), None, 100).await.expect("dead letters").rows
}

async fn refused_samples_do_not_stop_the_others(kind: Kind) {
    const POISON: [f64; 3] = [0.0, 1_313.0, 4_999.0];
    let server = Postgres::start(kind).await;
    let store = open(&server.database("poison").await).await;
    assert!(write_upto(&*store, 1).await.is_empty());
    // Somebody's own rule on Davy's table: the first, a middle and the last row of a batch.
    server.execute("poison", "ALTER TABLE samples ADD CONSTRAINT ours CHECK (value NOT IN (0, 1313, 4999)) NOT VALID").await;
    // So much later that it goes into a piece of its own, which must be made under that rule.
    let mut poisoned = next(99, ROWS);
    poisoned.after = Position(1);
    store.write(&poisoned).await.expect("the others are stored");
    let (position, rows) = stored(&server, "poison").await;
    assert_eq!(position, 100);
    let mut expected = [next(0, ROWS), poisoned];
    expected[1].samples.retain(|row| row.value.is_none_or(|value| !POISON.contains(&value)));
    assert!(rows == raw(expected.into_iter()), "all but three rows");
    let letters = letters(&*store).await;
    assert_eq!(letters.iter().map(|letter| letter.count).sum::<u64>(), 3, "{letters:?}");
    assert!(letters.iter().all(|letter| letter.reason == "store_refused"), "{letters:?}");
    // What it costs is not paid again by the next one.
    server.execute("poison", "ALTER TABLE samples DROP CONSTRAINT ours").await;
    assert!(write_upto(&*store, 101).await.is_empty());
    assert_eq!(stored(&server, "poison").await.1.len() as u64, 3 * ROWS - 3);
}

#[tokio::test]
async fn a_refused_event_does_not_stop_the_others() {
    let server = Postgres::start(Kind::Plain).await;
    let store = open(&server.database("poison").await).await;
    store.prepare().await.expect("tables");
    server.execute("poison", "ALTER TABLE events ADD CONSTRAINT ours CHECK (subject <> 'p13')").await;
    let mut events = batch("events", 0, 40);
    events.events = (1..=40).map(|n| event(n, 0, "alarm.raised", &format!("p{n}"), 5)).collect();
    store.write(&events).await.expect("the others are stored");
    let page = store.events(&EventQuery::default(), None, 100).await.expect("events");
    let found: Vec<u64> = page.rows.iter().map(|row| row.position.0).collect();
    assert_eq!(found, (1..=40).filter(|&n| n != 13).collect::<Vec<_>>());
    assert_eq!(store.progress().await.expect("progress").position("events"), Position(40));
    let letters = letters(&*store).await;
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!(letters[0].reason, "store_refused");
}
