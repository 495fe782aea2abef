//! States as bytes: what is broken is told, never taken.

use model::{AlarmKind, AlarmState, Body, Protocol, Quality, Transition};

use super::{PARTITION, Run, at, message, point, recorded, revision, sample, transition};
use crate::{EventsFold, Needs, PartitionFold, RestoreError, STATE_VERSION, Said};

fn some_state() -> Vec<u8> {
    let mut run = Run::new();
    run.apply(at(0), Body::Revision(revision(1, vec![point("p", Protocol::Sparkplug, "g/n/d", 5)])));
    run.apply(at(2), message("g/n/d", vec![sample(1, at(70), Quality::Bad)]));
    run.apply(at(20), Body::Tick);
    run.fold.snapshot()
}

#[test]
fn a_broken_state_is_told() {
    let state = some_state();
    assert_eq!(PartitionFold::restore(&state).unwrap().snapshot(), state);
    for length in 0..state.len() {
        assert!(PartitionFold::restore(&state[..length]).is_err(), "cut at {length}");
    }
    for at in 0..state.len() {
        let mut other = state.clone();
        other[at] ^= 0xff;
        // It may be another state; then it is read as that, and nothing else happens.
        if let Ok(fold) = PartitionFold::restore(&other) {
            assert_eq!(fold.snapshot().len(), other.len(), "byte {at}");
        }
    }
    let more = [&state[..], &[0]].concat();
    assert_eq!(PartitionFold::restore(&more).unwrap_err(), RestoreError::Broken { at: state.len() });
    assert_eq!(PartitionFold::restore(b"DVSE").unwrap_err(), RestoreError::NotAState);
    let mut newer = state;
    newer[4] = 9;
    assert_eq!(PartitionFold::restore(&newer).unwrap_err(), RestoreError::Version { found: 9 });
}

#[test]
fn a_state_is_small() {
    let points = (0..1_000).map(|it| point(&format!("e01-LI-{it}"), Protocol::Mqtt, "rugang/e01/gw1", 60)).collect();
    let mut run = Run::new();
    run.apply(at(0), Body::Revision(revision(1, points)));
    let bytes = run.fold.snapshot().len() / 1_000;
    assert!(bytes < 700, "{bytes} bytes a point with three rules");
}

#[test]
fn what_is_hidden_at_another_davy_hides_nothing_here() {
    let shelved = recorded(1, at(1), "p", transition(Transition::Shelved, "high", AlarmKind::High, AlarmState::Shelved));
    let origin = model::Origin { node: std::sync::Arc::from("county-a"), recorded_at: at(0) };
    let theirs = model::RecordedEvent { origin: Some(std::sync::Arc::new(origin)), ..shelved.clone() };
    let gaps = |event| {
        let (mut fold, mut said) = (EventsFold::default(), Said::default());
        fold.apply(event, &mut said);
        (said.gaps.len(), fold.time())
    };
    assert_eq!((gaps(&shelved), gaps(&theirs)), ((1, at(1)), (0, at(1))));
}

#[test]
fn what_is_hidden_outlives_a_restart() {
    let hidden = |seq, moved, state| recorded(seq, at(seq.cast_signed()), "p", transition(moved, "high", AlarmKind::High, state));
    let fault = |seq, moved| {
        recorded(seq, at(seq.cast_signed()), "p", transition(moved, "x.fault", AlarmKind::RuleFault, AlarmState::Unacknowledged))
    };
    let events = [
        hidden(1, Transition::Shelved, AlarmState::Shelved),
        fault(2, Transition::Raised),
        hidden(3, Transition::Suppressed, AlarmState::Suppressed),
        fault(4, Transition::Acknowledged),
        fault(5, Transition::Returned),
        hidden(6, Transition::Closed, AlarmState::Normal),
    ];
    let (mut whole, mut all) = (EventsFold::default(), Said::default());
    events.iter().for_each(|event| whole.apply(event, &mut all));
    let (mut fold, mut said) = (EventsFold::default(), Said::default());
    for event in &events {
        fold = EventsFold::restore(&fold.snapshot()).unwrap();
        fold.apply(event, &mut said);
    }
    assert_eq!((&said, &fold), (&all, &whole));
    let told: Vec<_> = said
        .gaps
        .iter()
        .filter(|it| it.to.is_some())
        .map(|it| (it.scope.as_str(), it.reason.as_str(), it.from, it.to.unwrap()))
        .collect();
    let wanted = [
        ("rule/p/high", "shelved", at(1), at(3)),
        ("rule/p/x", "rule_fault", at(2), at(5)),
        ("rule/p/high", "suppressed", at(3), at(6)),
    ];
    assert_eq!(told, wanted);
}

#[test]
fn formats_have_versions() {
    assert_eq!(Needs::decode(&9_u32.to_le_bytes()).unwrap_err(), RestoreError::Version { found: 9 });
    assert!(matches!(Needs::decode(&[&STATE_VERSION.to_le_bytes()[..], &[1]].concat()), Err(RestoreError::Broken { .. })));
    assert_eq!(EventsFold::restore(&PartitionFold::new(PARTITION).snapshot()).unwrap_err(), RestoreError::NotAState);
}
