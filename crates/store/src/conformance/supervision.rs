//! The supervision record: what a fold says moves with its position and its state.

use std::collections::BTreeMap;

use model::{Epoch, ErrorKind, Position, Span, Time};

use super::EPOCH;
use super::figures_kept::settle;
use crate::{
    GapQuery, GapRow, LegalHold, MAX_FILTER_TERMS, Policy, RuleDayRow, RuleQuery, RuleRow, Store, StoreError, SupervisionBatch,
};

const KEY: &str = "supervision/telemetry/17";

fn batch(after: u64, upto: u64) -> SupervisionBatch {
    SupervisionBatch {
        key: KEY.to_owned(),
        epoch: EPOCH,
        after: Position(after),
        upto: Position(upto),
        time: Time::YEAR_2000,
        state: format!("at {upto}").into_bytes(),
        ..SupervisionBatch::default()
    }
}

fn at(micros: i64) -> Time {
    Time::from_micros(micros)
}

fn gap(scope: &str, reason: &str, from: i64, to: Option<i64>) -> GapRow {
    GapRow { scope: scope.to_owned(), reason: reason.to_owned(), from: at(from), to: to.map(at), evidence: format!("{from}") }
}

fn rule(point: &str, alarm: &str, from: i64, to: Option<i64>) -> RuleRow {
    RuleRow {
        point: point.to_owned(),
        alarm: alarm.to_owned(),
        from: at(from),
        to: to.map(at),
        kind: "high".to_owned(),
        park: "rugang".to_owned(),
        enterprise: format!("of {point}"),
        installation: "i1".to_owned(),
        body: vec![0, 255],
    }
}

fn day(day: i64, point: &str, alarm: &str) -> RuleDayRow {
    let reasons = [("stale", 5), ("shelved", 7)].map(|(reason, span)| (reason.to_owned(), Span::from_micros(span)));
    RuleDayRow {
        day: at(day),
        point: point.to_owned(),
        alarm: alarm.to_owned(),
        park: "rugang".to_owned(),
        enterprise: format!("of {point}"),
        in_force: Span::from_secs(86_400),
        supervised: Span::from_micros(77),
        reasons: BTreeMap::from(reasons),
    }
}

fn gaps_between(from: i64, to: i64, scopes: &[&str]) -> GapQuery {
    GapQuery { scopes: scopes.iter().map(ToString::to_string).collect(), from: at(from), to: at(to) }
}

fn rules_between(from: i64, to: i64) -> RuleQuery {
    RuleQuery { from: at(from), to: at(to), ..RuleQuery::default() }
}

pub(super) async fn moves_with_its_position(store: &dyn Store) {
    assert_eq!(store.supervision_state(KEY).await.expect("a state"), None);
    let mut first = batch(0, 7);
    first.gaps = vec![gap("point/a", "stale", 10, None)];
    store.write_supervision(&first).await.expect("a first batch");
    assert_eq!(store.supervision_state(KEY).await.expect("a state"), Some((Position(7), b"at 7".to_vec())));
    assert_eq!(store.progress().await.expect("progress").position(KEY), Position(7));
    let mut same = batch(7, 7);
    same.state = b"another".to_vec();
    store.write_supervision(&same).await.expect("a batch may stay where it is");

    for (after, upto) in [(0, 9), (6, 9), (8, 9)] {
        let mut wrong = batch(after, upto);
        wrong.gaps = vec![gap("point/b", "stale", 10, None)];
        wrong.rules = vec![rule("b", "high", 1, None)];
        wrong.days = vec![day(0, "b", "high")];
        let error = store.write_supervision(&wrong).await.expect_err("it does not follow");
        assert!(matches!(error, StoreError::Conflict { .. }), "{error:?}");
    }
    let error = store.write_supervision(&batch(7, 6)).await.expect_err("it leads back");
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidInput, Some("upto")));
    let mut other = batch(7, 8);
    other.epoch = Epoch(1);
    let error = store.write_supervision(&other).await.expect_err("of another journal");
    assert!(matches!(error, StoreError::OtherEpoch { .. }), "{error:?}");

    assert_eq!(store.supervision_state(KEY).await.expect("a state"), Some((Position(7), b"another".to_vec())));
    assert_eq!(store.gaps(&gaps_between(0, 100, &[])).await.expect("gaps"), first.gaps);
    assert!(store.rules(&rules_between(0, 100)).await.expect("rules").is_empty());
    assert!(store.rule_days(&rules_between(0, 100)).await.expect("days").is_empty());
    store
        .write_supervision(&SupervisionBatch { key: "supervision/events".to_owned(), ..batch(0, 3) })
        .await
        .expect("a key of its own");
}

pub(super) async fn gaps_get_their_ends(store: &dyn Store) {
    let mut first = batch(0, 1);
    // Begun and ended in one batch, as two rows of one name.
    first.gaps = vec![
        gap("b", "stale", 5, None),
        gap("a", "stale", 10, None),
        gap("a", "shelved", 10, None),
        gap("b", "stale", 5, Some(9)),
    ];
    store.write_supervision(&first).await.expect("a batch");
    let mut second = batch(1, 2);
    second.gaps = vec![GapRow { evidence: "later".to_owned(), ..gap("a", "stale", 10, Some(20)) }];
    store.write_supervision(&second).await.expect("a batch");

    let (open, ended, early) = (gap("a", "shelved", 10, None), gap("a", "stale", 10, Some(20)), gap("b", "stale", 5, Some(9)));
    let ask = async |from, to, scopes: &[&str]| store.gaps(&gaps_between(from, to, scopes)).await.expect("gaps");
    assert_eq!(ask(0, 100, &[]).await, [open.clone(), ended.clone(), early.clone()]);
    assert_eq!(ask(0, 100, &["b", "c"]).await, std::slice::from_ref(&early));
    assert_eq!(ask(9, 11, &[]).await, [open.clone(), ended.clone()], "the end is exclusive");
    assert_eq!(ask(8, 10, &[]).await, std::slice::from_ref(&early), "the range's end is exclusive");
    assert_eq!(ask(20, 30, &[]).await, std::slice::from_ref(&open), "what lies open has no end");
    let many = GapQuery { scopes: vec!["a".to_owned(); MAX_FILTER_TERMS + 1], ..gaps_between(0, 100, &[]) };
    assert_eq!(store.gaps(&many).await.expect_err("too many").kind(), ErrorKind::InvalidInput);
}

pub(super) async fn rules_and_days_are_filtered(store: &dyn Store) {
    let mut first = batch(0, 1);
    first.rules = vec![
        rule("p2", "high", 10, None),
        rule("p1", "low", 10, None),
        rule("p1", "high", 10, Some(20)),
        rule("p1", "high", 20, None),
    ];
    first.days = vec![day(86_400, "p1", "low"), day(0, "p2", "high"), day(0, "p1", "low")];
    store.write_supervision(&first).await.expect("a batch");
    let mut second = batch(1, 2);
    second.rules = vec![rule("p2", "high", 10, Some(30))];
    second.days = vec![RuleDayRow { supervised: Span::ZERO, reasons: BTreeMap::new(), ..day(0, "p2", "high") }];
    store.write_supervision(&second).await.expect("a batch");

    let named = async |query: RuleQuery| {
        let rows = store.rules(&query).await.expect("rules");
        rows.into_iter().map(|row| (row.point, row.alarm, row.from.micros(), row.to.map(Time::micros))).collect::<Vec<_>>()
    };
    let name = |point: &str, alarm: &str, from, to| (point.to_owned(), alarm.to_owned(), from, to);
    let all = [
        name("p1", "high", 10, Some(20)),
        name("p1", "high", 20, None),
        name("p1", "low", 10, None),
        name("p2", "high", 10, Some(30)),
    ];
    assert_eq!(named(rules_between(0, 100)).await, all);
    assert_eq!(named(rules_between(30, 100)).await, all[1..3]);
    assert_eq!(named(rules_between(0, 20)).await, [all[0].clone(), all[2].clone(), all[3].clone()]);
    let listed = |it: &str| vec![it.to_owned(), "other".to_owned()];
    assert_eq!(named(RuleQuery { points: listed("p2"), ..rules_between(0, 100) }).await, all[3..]);
    assert_eq!(named(RuleQuery { alarms: listed("low"), ..rules_between(0, 100) }).await, all[2..3]);
    assert_eq!(named(RuleQuery { enterprises: listed("of p2"), ..rules_between(0, 100) }).await, all[3..]);
    assert_eq!(named(RuleQuery { parks: vec!["other".to_owned()], ..rules_between(0, 100) }).await, []);
    assert_eq!(store.rules(&rules_between(0, 11)).await.expect("rules")[0], rule("p1", "high", 10, Some(20)));

    let days = store.rule_days(&rules_between(0, 86_401)).await.expect("days");
    assert_eq!(days, [day(0, "p1", "low"), second.days[0].clone(), day(86_400, "p1", "low")]);
    assert_eq!(store.rule_days(&rules_between(1, 86_400)).await.expect("days"), []);
    let of_point = RuleQuery { points: listed("p2"), alarms: listed("high"), ..rules_between(0, 100) };
    assert_eq!(store.rule_days(&of_point).await.expect("days"), second.days);
}

/// What has ended goes by the policy's time for events; what lies open, or in a legal hold, stays.
pub(super) async fn goes_when_it_is_old(store: &dyn Store) {
    const DAY: i64 = 86_400_000_000;
    const START: i64 = 1_767_225_600_000_000;
    let of = |n: i64| START + n * DAY;
    let mut all = batch(0, 9);
    all.gaps = (0..40).map(|n| gap(&format!("point/p{n}"), "stale", of(n), (n % 10 != 0).then(|| of(n) + 5))).collect();
    all.rules = (0..40).map(|n| rule(&format!("p{n}"), "high", of(n), (n % 10 != 0).then(|| of(n) + 5))).collect();
    all.days = (0..40).map(|n| day(of(n), "p", "high")).collect();
    store.write_supervision(&all).await.expect("a batch");
    let hold = LegalHold { from: at(of(7)), to: Some(at(of(9))), why: "court".to_owned() };
    let policy = Policy { events: Span::from_secs(30 * 86_400), holds: vec![hold], ..Policy::default() };
    settle(store, &policy, at(of(55))).await;
    let kept = |n: &i64| *n >= 25 || n % 10 == 0 || (7..9).contains(n);
    let want: Vec<i64> = (0..40).filter(kept).map(of).collect();
    let mut gaps: Vec<i64> =
        store.gaps(&gaps_between(0, i64::MAX, &[])).await.expect("gaps").iter().map(|gap| gap.from.micros()).collect();
    gaps.sort_unstable();
    assert_eq!(gaps, want);
    let mut rules: Vec<i64> =
        store.rules(&rules_between(0, i64::MAX)).await.expect("rules").iter().map(|rule| rule.from.micros()).collect();
    rules.sort_unstable();
    assert_eq!(rules, want);
    let days: Vec<i64> =
        store.rule_days(&rules_between(0, i64::MAX)).await.expect("days").iter().map(|day| day.day.micros()).collect();
    assert_eq!(days, (0..40).filter(|n| *n >= 25 || (7..9).contains(n)).map(of).collect::<Vec<_>>());
}

pub(super) async fn holds_any_text(store: &dyn Store) {
    let text = "a'b\"\0\u{1F9EA}错;=:";
    let mut any = batch(0, 1);
    any.state = vec![0, 1, 255];
    any.gaps = vec![GapRow { evidence: text.to_owned(), ..gap(text, text, i64::MIN, Some(i64::MAX)) }];
    any.rules = vec![RuleRow { kind: text.to_owned(), body: Vec::new(), ..rule(text, text, -5, None) }];
    any.days = vec![RuleDayRow { reasons: BTreeMap::from([(text.to_owned(), Span::from_micros(-1))]), ..day(-5, text, text) }];
    store.write_supervision(&any).await.expect("nothing is refused");
    assert_eq!(store.supervision_state(KEY).await.expect("a state").map(|(_, state)| state), Some(any.state));
    assert_eq!(store.gaps(&gaps_between(i64::MIN, i64::MAX, &[text])).await.expect("gaps"), any.gaps);
    assert_eq!(
        store.rules(&RuleQuery { points: vec![text.to_owned()], ..rules_between(-5, 0) }).await.expect("rules"),
        any.rules
    );
    assert_eq!(store.rule_days(&rules_between(-5, 0)).await.expect("days"), any.days);
}
