//! Laws over random reports: wherever it is restarted, and however often things are said.

use proptest::prelude::*;

use super::*;
use crate::RestoreError;

/// One of those that are right, under one of few request ids.
fn acts() -> impl Strategy<Value = Vec<(i64, usize, usize)>> {
    prop::collection::vec((prop::sample::select(vec![0, 1, 61, 700, 90_000]), 0_usize..12, 0_usize..30), 1..40)
}

fn some(which: usize) -> (&'static str, ReportBody) {
    let samples = [
        ("office", head_count("unit", 0).into()),
        ("office", head_count("unit", 4).into()),
        ("office", yard(0, 2).into()),
        ("office", yard(2, 2).into()),
        ("transport", position("v", "W1").into()),
        ("transport", position("v", "W2").into()),
    ];
    let all = all();
    samples.get(which).cloned().unwrap_or_else(|| all[which % all.len()].clone())
}

/// Everything is said so many times; the fold is restored there where `stops` says so. Only what is news is compared after a stop, for
/// positions between events are not kept.
fn live(acts: &[(i64, usize, usize)], times: usize, stops: &[bool]) -> Desk {
    let mut desk = Desk::new();
    let mut now = 10;
    for (index, (after, request, which)) in acts.iter().enumerate() {
        now += after;
        let (who, body) = some(*which);
        let body = if let ReportBody::Finding(it) = body { Finding { due: None, ..it }.into() } else { body };
        let draft = draft(&format!("r{request}"), who, body);
        let first = desk.submit(now, &draft);
        for _ in 1..times {
            assert_eq!(desk.submit(now, &draft), first, "a repeat is answered the same");
        }
        if stops.get(index).copied().unwrap_or_default() {
            let restored = Reports::restore(&desk.revision, &desk.fold.snapshot()).expect("own bytes");
            assert_eq!(restored, desk.fold, "a snapshot is the whole state");
            desk.fold = restored;
        }
    }
    desk
}

proptest! {
    #[test]
    fn repeats_change_nothing(acts in acts()) {
        prop_assert_eq!(live(&acts, 1, &[]).journal, live(&acts, 3, &[]).journal);
    }

    #[test]
    fn a_restart_anywhere_changes_nothing(acts in acts(), stops in prop::collection::vec(any::<bool>(), 40)) {
        let (whole, stopped) = (live(&acts, 1, &[]), live(&acts, 1, &stops));
        prop_assert_eq!(&whole.journal, &stopped.journal);
        let mut replayed = Reports::default();
        replayed.revise(&whole.revision, at(0));
        whole.journal.iter().for_each(|it| replayed.apply(it));
        prop_assert_eq!(&replayed, &stopped.fold);
    }

    #[test]
    fn broken_snapshots_are_refused(acts in acts(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let desk = live(&acts, 1, &[]);
        let bytes = desk.fold.snapshot();
        let cut = at.index(bytes.len());
        prop_assert!(Reports::restore(&desk.revision, &bytes[..cut]).is_err());
        let mut longer = bytes.clone();
        longer.push(byte);
        prop_assert!(Reports::restore(&desk.revision, &longer).is_err());
        let mut other = bytes;
        other[cut] ^= byte;
        // It may still be a snapshot; it must not be the end of the program.
        drop(Reports::restore(&desk.revision, &other));
    }
}

#[test]
fn another_version_is_told() {
    let mut bytes = Reports::default().snapshot();
    bytes[4] = 9;
    assert_eq!(Reports::restore(&Revision::default(), &bytes), Err(RestoreError::Version { found: 9 }));
    assert_eq!(Reports::restore(&Revision::default(), b"DVWN1234"), Err(RestoreError::NotASnapshot));
}

/// Part of snapshots: two programs have to agree on whether a repeat says the same.
#[test]
fn digests_stay_what_they_are() {
    let (_, body) = all().swap_remove(0);
    let who = DepartmentId::new("transport").expect("valid");
    assert_eq!(crate::digest::digest((&who, "li"), "x", &[], &body), PINNED);
}

// Worked out once.
const PINNED: u128 = 271_927_274_113_646_094_560_306_729_113_543_467_441;
