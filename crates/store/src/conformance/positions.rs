//! Rows and positions move together, and for one writer only.

use std::sync::Arc;

use model::{Epoch, ErrorKind, Position, Time};

use super::{EPOCH, batch, event, every_sample, sample};
use crate::{AggregateQuery, DeadQuery, EventQuery, Progress, SampleQuery, Store, StoreError};

pub(super) async fn empty(store: &dyn Store) {
    assert_eq!(store.progress().await.expect("progress"), Progress::default());
    assert!(every_sample(store, &SampleQuery::default(), 10).await.is_empty());
    assert!(store.events(&EventQuery::default(), None, 10).await.expect("events").rows.is_empty());
    assert!(store.dead_letters(&DeadQuery::default(), None, 10).await.expect("dead letters").rows.is_empty());
    assert!(store.points().await.expect("points").is_empty());
    let figures = AggregateQuery {
        points: Vec::new(),
        from: Time::from_micros(0),
        to: Time::YEAR_2000,
        bucket: model::Span::from_secs(1),
        limit: 10,
    };
    assert!(store.aggregates(&figures).await.expect("figures").is_empty());
}

pub(super) async fn move_with_the_rows(store: &dyn Store) {
    let mut first = batch("telemetry/17", 0, 3);
    first.samples = vec![sample(1, 10, 1.0)];
    store.write(&first).await.expect("a first batch");
    let mut second = batch("telemetry/17", 3, 90);
    second.time = Time::from_micros(77);
    store.write(&second).await.expect("positions may skip, and a batch may have no rows");
    store.write(&batch("telemetry/255", 0, 1)).await.expect("journals do not know of each other");

    let progress = store.progress().await.expect("progress");
    assert_eq!(progress.epoch, Some(EPOCH));
    let positions: Vec<_> = progress.positions.iter().map(|(name, at)| (name.as_str(), *at)).collect();
    let (skipped, other) = ((Position(90), Time::from_micros(77)), (Position(1), Time::YEAR_2000));
    assert_eq!(positions, [("telemetry/17", skipped), ("telemetry/255", other)]);
    assert_eq!((progress.position("telemetry/17"), progress.position("events")), (Position(90), Position(0)));
}

pub(super) async fn refuse_what_does_not_follow(store: &dyn Store) {
    let mut written = batch("events", 0, 3);
    written.events = vec![event(3, 0, "alarm.raised", "p1", 5)];
    store.write(&written).await.expect("a batch");
    let before = store.progress().await.expect("progress");

    // The same again, an older one, one that leaves a hole: each with rows that must not be stored.
    for (after, upto) in [(0, 3), (2, 9), (4, 9)] {
        let mut wrong = batch("events", after, upto);
        wrong.events = vec![event(upto, 7, "alarm.raised", "p1", 5)];
        wrong.samples = vec![sample(1, 10, 1.0)];
        let error = store.write(&wrong).await.expect_err("it does not follow");
        assert!(matches!(error, StoreError::Conflict { .. }), "{error:?}");
        assert_eq!(error.kind(), ErrorKind::Conflict);
    }
    for upto in [0, 2, 3] {
        let error = store.write(&batch("events", 3, upto)).await.expect_err("it leads nowhere");
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidInput, Some("upto")));
    }
    assert_eq!(store.progress().await.expect("progress"), before);
    assert!(every_sample(store, &SampleQuery::default(), 10).await.is_empty());
    assert_eq!(store.events(&EventQuery::default(), None, 10).await.expect("events").rows, written.events);
    store.write(&batch("events", 3, 4)).await.expect("a refusal breaks nothing");
}

pub(super) async fn refuse_another_epoch(store: &dyn Store) {
    store.write(&batch("events", 0, 1)).await.expect("a batch");
    let mut other = batch("dead", 0, 1);
    other.epoch = Epoch(1);
    let error = store.write(&other).await.expect_err("of another journal");
    assert!(matches!(error, StoreError::OtherEpoch { given: Epoch(1), stored: EPOCH }), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(store.progress().await.expect("progress").positions.len(), 1);
}

pub(super) async fn let_one_of_many_writers_through(store: Arc<dyn Store>) {
    let write = |writer: u32| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut one = batch("telemetry/1", 0, 1);
            one.samples = vec![sample(writer, 10, 1.0)];
            store.write(&one).await
        })
    };
    let writers: Vec<_> = (1..=8).map(write).collect();
    let mut won = 0;
    for writer in writers {
        match writer.await.expect("no panic") {
            Ok(()) => won += 1,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error:?}"),
        }
    }
    assert_eq!(won, 1);
    assert_eq!(every_sample(&*store, &SampleQuery::default(), 10).await.len(), 1);
}
