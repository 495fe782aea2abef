//! Accident classes: Order 493 of the State Council of 2007, article 3. "Above" (以上) includes the number, "below" (以下) does not.

pub use model::AccidentClass;

/// What a class is decided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    /// The dead.
    Deaths,
    /// The seriously injured, acute poisoning included.
    SeriousInjuries,
    /// Direct economic loss.
    DirectLoss,
}

/// What an accident cost, as far as known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// The dead.
    pub deaths: Option<u32>,
    /// The seriously injured, acute poisoning included.
    pub serious_injuries: Option<u32>,
    /// Direct economic loss, yuan.
    pub direct_loss_yuan: Option<u64>,
}

/// From where on a class holds, in each column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// The class.
    pub class: AccidentClass,
    /// So many dead and more.
    pub deaths: u32,
    /// So many seriously injured and more.
    pub serious_injuries: u32,
    /// So much loss and more, yuan.
    pub direct_loss_yuan: u64,
}

/// The table, the worst class first.
pub const THRESHOLDS: [Threshold; 4] = [
    Threshold { class: AccidentClass::ExtraordinarilySerious, deaths: 30, serious_injuries: 100, direct_loss_yuan: 100_000_000 },
    Threshold { class: AccidentClass::Serious, deaths: 10, serious_injuries: 50, direct_loss_yuan: 50_000_000 },
    Threshold { class: AccidentClass::Larger, deaths: 3, serious_injuries: 10, direct_loss_yuan: 10_000_000 },
    Threshold { class: AccidentClass::Ordinary, deaths: 1, serious_injuries: 1, direct_loss_yuan: 1 },
];

/// A class, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classified {
    /// The worst of the columns that are known; `None` where these are all nothing.
    pub class: Option<AccidentClass>,
    /// The columns that reach it.
    pub decided_by: Vec<Column>,
    /// The columns that are not known: the class may be worse.
    pub unknown: Vec<Column>,
}

/// The class of an accident: the worst of the three columns.
pub fn classify(losses: &Losses) -> Classified {
    let columns = [
        (Column::Deaths, losses.deaths.map(|it| of_column(|row| it >= row.deaths))),
        (Column::SeriousInjuries, losses.serious_injuries.map(|it| of_column(|row| it >= row.serious_injuries))),
        (Column::DirectLoss, losses.direct_loss_yuan.map(|it| of_column(|row| it >= row.direct_loss_yuan))),
    ];
    let class = columns.iter().filter_map(|(_, class)| class.flatten()).max();
    let decides = |found: &Option<Option<AccidentClass>>| class.is_some() && *found == Some(class);
    Classified {
        class,
        decided_by: columns.iter().filter(|(_, found)| decides(found)).map(|(column, _)| *column).collect(),
        unknown: columns.iter().filter(|(_, found)| found.is_none()).map(|(column, _)| *column).collect(),
    }
}

fn of_column(reaches: impl Fn(&Threshold) -> bool) -> Option<AccidentClass> {
    THRESHOLDS.iter().find(|row| reaches(row)).map(|row| row.class)
}

#[cfg(test)]
mod tests {
    use super::*;
    use AccidentClass::{ExtraordinarilySerious, Larger, Ordinary, Serious};
    use proptest::prelude::*;

    fn of(deaths: u32, serious_injuries: u32, direct_loss_yuan: u64) -> Classified {
        let known = (Some(deaths), Some(serious_injuries), Some(direct_loss_yuan));
        classify(&Losses { deaths: known.0, serious_injuries: known.1, direct_loss_yuan: known.2 })
    }

    #[test]
    fn the_worst_column_decides() {
        let mixed = of(2, 12, 8_000_000);
        assert_eq!((mixed.class, mixed.decided_by), (Some(Larger), vec![Column::SeriousInjuries]));
        let loss = of(0, 0, 100_000_000);
        assert_eq!((loss.class, loss.decided_by), (Some(ExtraordinarilySerious), vec![Column::DirectLoss]));
        assert_eq!(of(3, 10, 0).decided_by, [Column::Deaths, Column::SeriousInjuries]);
        assert_eq!(of(0, 0, 0), Classified { class: None, decided_by: vec![], unknown: vec![] });
    }

    #[test]
    fn above_includes_the_number_and_below_does_not() {
        for (deaths, class) in
            [(1, Ordinary), (2, Ordinary), (3, Larger), (9, Larger), (10, Serious), (29, Serious), (30, ExtraordinarilySerious)]
        {
            assert_eq!(of(deaths, 0, 0).class, Some(class), "{deaths} dead");
        }
        for (injured, class) in [
            (1, Ordinary),
            (9, Ordinary),
            (10, Larger),
            (49, Larger),
            (50, Serious),
            (99, Serious),
            (100, ExtraordinarilySerious),
        ] {
            assert_eq!(of(0, injured, 0).class, Some(class), "{injured} injured");
        }
        for (yuan, class) in [
            (1, Ordinary),
            (9_999_999, Ordinary),
            (10_000_000, Larger),
            (49_999_999, Larger),
            (50_000_000, Serious),
            (99_999_999, Serious),
            (100_000_000, ExtraordinarilySerious),
            (u64::MAX, ExtraordinarilySerious),
        ] {
            assert_eq!(of(0, 0, yuan).class, Some(class), "{yuan} yuan");
        }
    }

    #[test]
    fn what_is_unknown_is_not_nothing() {
        let found = classify(&Losses { deaths: Some(1), ..Losses::default() });
        assert_eq!((found.class, found.unknown), (Some(Ordinary), vec![Column::SeriousInjuries, Column::DirectLoss]));
        assert_eq!(classify(&Losses::default()).unknown.len(), 3);
    }

    proptest! {
        #[test]
        fn more_of_anything_is_never_better(
            a in (0..200_u32, 0..200_u32, 0..200_000_000_u64), more in (0..200_u32, 0..200_u32, 0..200_000_000_u64),
        ) {
            prop_assert!(of(a.0, a.1, a.2).class <= of(a.0 + more.0, a.1 + more.1, a.2 + more.2).class);
        }
    }
}
