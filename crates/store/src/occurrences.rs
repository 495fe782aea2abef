//! What several events of one write say of one occurrence of an alarm, as one change.
//!
//! An upsert that names a row twice is an error in PostgreSQL and slow in SQLite (traps 59), so a write folds its changes first. The
//! rules of two changes are those of a change and the stored row; every database follows them in its upsert:
//!
//! | column                                         | afterwards                                                            |
//! |------------------------------------------------|-----------------------------------------------------------------------|
//! | `position`, `activations`                      | the greater                                                           |
//! | `subject` to `operator`, `state`               | the new one, unless it is empty                                       |
//! | `raised_at`, `recorded_at`                     | the earlier; what is not known is later than every time               |
//! | `value`, `limit`, `acknowledged_*`, `closed_at`| the new one, unless it is none                                        |
//! | `annunciated`                                  | true where either is; none where both are none                        |
//! | `returned_at`                                  | of a raise the new one, even none; otherwise the new one unless none  |
//!
//! The list goes by `raised_at`, which is known unless the raise was lost; then the row is listed last, as if raised at `UNKNOWN`.

use std::collections::BTreeMap;

use model::Time;

use crate::{OccurrenceChange, OccurrenceRow};

/// What stands for a `raised_at` that is not known in the order of occurrences.
pub(crate) const UNKNOWN: Time = Time::MIN;

/// One change per occurrence, in the order in which they first appear.
pub(crate) fn fold<'a>(changes: impl Iterator<Item = &'a OccurrenceChange>) -> Vec<OccurrenceChange> {
    let mut folded: Vec<OccurrenceChange> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for change in changes {
        match places.get(change.row.id.as_str()) {
            Some(place) => merge(&mut folded[*place], change),
            None => {
                places.insert(&change.row.id, folded.len());
                folded.push(finite(change));
            }
        }
    }
    folded
}

/// What is not finite is stored as none, as in samples.
fn finite(change: &OccurrenceChange) -> OccurrenceChange {
    let mut change = change.clone();
    change.row.value = change.row.value.filter(|value| value.is_finite());
    change.row.limit = change.row.limit.filter(|limit| limit.is_finite());
    change
}

fn merge(into: &mut OccurrenceChange, next: &OccurrenceChange) {
    let next = finite(next);
    into.raise |= next.raise;
    merge_row(&mut into.row, next.row, next.raise);
}

fn merge_row(row: &mut OccurrenceRow, new: OccurrenceRow, raise: bool) {
    row.position = row.position.max(new.position);
    row.activations = row.activations.max(new.activations);
    for (text, new) in [
        (&mut row.subject, new.subject),
        (&mut row.alarm, new.alarm),
        (&mut row.kind, new.kind),
        (&mut row.priority, new.priority),
        (&mut row.park, new.park),
        (&mut row.enterprise, new.enterprise),
        (&mut row.installation, new.installation),
        (&mut row.operator, new.operator),
        (&mut row.state, new.state),
    ] {
        if !new.is_empty() {
            *text = new;
        }
    }
    row.raised_at = earlier(row.raised_at, new.raised_at);
    row.recorded_at = earlier(row.recorded_at, new.recorded_at);
    row.value = new.value.or(row.value);
    row.limit = new.limit.or(row.limit);
    row.annunciated = row.annunciated.max(new.annunciated);
    row.returned_at = if raise { new.returned_at } else { new.returned_at.or(row.returned_at) };
    row.acknowledged_at = new.acknowledged_at.or(row.acknowledged_at);
    row.acknowledged_by = new.acknowledged_by.or(row.acknowledged_by.take());
    row.closed_at = new.closed_at.or(row.closed_at);
}

fn earlier(one: Option<Time>, other: Option<Time>) -> Option<Time> {
    one.into_iter().chain(other).min()
}

#[cfg(test)]
mod tests {
    use model::Position;
    use proptest::prelude::*;

    use super::*;

    fn row(id: &str, position: u64) -> OccurrenceRow {
        OccurrenceRow { id: id.to_owned(), position: Position(position), ..OccurrenceRow::default() }
    }

    fn at(second: i64) -> Option<Time> {
        Some(Time::from_micros(second * 1_000_000))
    }

    #[test]
    fn a_life_in_one_write() {
        let raised = OccurrenceRow {
            subject: "e01-PI-101".to_owned(),
            state: "active".to_owned(),
            activations: 1,
            raised_at: at(10),
            recorded_at: at(11),
            value: Some(3.0),
            limit: Some(2.0),
            annunciated: Some(false),
            ..row("a", 1)
        };
        let returned = OccurrenceRow { state: "returned".to_owned(), returned_at: at(20), ..row("a", 2) };
        let again = OccurrenceRow {
            state: "active".to_owned(),
            activations: 2,
            raised_at: at(30),
            recorded_at: at(31),
            value: Some(5.0),
            annunciated: Some(true),
            ..row("a", 4)
        };
        let told = OccurrenceRow {
            acknowledged_at: at(40),
            acknowledged_by: Some("li".to_owned()),
            annunciated: Some(false),
            ..row("a", 5)
        };
        let other = row("b", 3);
        let change = |row: &OccurrenceRow, raise| OccurrenceChange { row: row.clone(), raise };
        let all =
            [change(&raised, true), change(&returned, false), change(&other, false), change(&again, true), change(&told, false)];

        let first = fold(all[..2].iter());
        assert_eq!((first.len(), first[0].row.returned_at), (1, at(20)));
        let got = fold(all.iter());
        let want = OccurrenceRow {
            position: Position(5),
            state: "active".to_owned(),
            activations: 2,
            value: Some(5.0),
            annunciated: Some(true),
            returned_at: None,
            acknowledged_at: at(40),
            acknowledged_by: Some("li".to_owned()),
            ..raised
        };
        assert_eq!(got, [OccurrenceChange { row: want, raise: true }, change(&other, false)]);
    }

    #[test]
    fn what_is_not_finite_is_none() {
        let with = |value| OccurrenceChange { row: OccurrenceRow { value, limit: value, ..row("a", 1) }, raise: true };
        let all = [with(Some(f64::INFINITY)), with(Some(1.0)), with(Some(f64::NAN))];
        assert_eq!(fold(all[..1].iter())[0].row.value, None);
        assert_eq!(fold(all.iter())[0].row.limit, Some(1.0));
    }

    fn changes() -> impl Strategy<Value = Vec<OccurrenceChange>> {
        let time = || prop::option::of((0_i64..9).prop_map(Time::from_micros));
        let text = || prop_oneof![Just(String::new()), "[a-c]"];
        let texts = (0_u64..9, "[xyz]", text(), text(), prop::option::of(text()));
        let times = (time(), time(), time(), time(), time());
        let rest = (0_u32..4, prop::option::of(-9_i32..9), prop::option::of(any::<bool>()), any::<bool>());
        let change =
            (texts, times, rest).prop_map(|((position, id, state, priority, by), times, (activations, value, told, raise))| {
                let row = OccurrenceRow {
                    state,
                    priority,
                    acknowledged_by: by,
                    raised_at: times.0,
                    recorded_at: times.1,
                    returned_at: times.2,
                    acknowledged_at: times.3,
                    closed_at: times.4,
                    activations,
                    value: value.map(f64::from),
                    annunciated: told,
                    ..row(&id, position)
                };
                OccurrenceChange { row, raise }
            });
        prop::collection::vec(change, 0..30)
    }

    proptest! {
        #[test]
        fn in_pieces_is_as_a_whole(changes in changes(), cut in 0_usize..30) {
            let cut = cut.min(changes.len());
            let pieces = [fold(changes[..cut].iter()), fold(changes[cut..].iter())].concat();
            let whole = fold(changes.iter());
            prop_assert_eq!(fold(pieces.iter()), whole.clone());
            let one_by_one = changes.iter().fold(Vec::new(), |folded: Vec<_>, change| fold(folded.iter().chain([change])));
            prop_assert_eq!(one_by_one, whole);
        }
    }
}
