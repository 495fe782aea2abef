//! What is known of gases: `data/gas-setpoints.csv`, read once; where its figures come from stands in the README beside it.

use std::sync::LazyLock;

const TABLE: &str = include_str!("../data/gas-setpoints.csv");

/// Litres of one mole at 25 °C and 101.325 kPa.
const MOLAR_VOLUME: f64 = 24.45;

/// One gas or vapour.
#[derive(Debug)]
pub(crate) struct Gas {
    pub(crate) cas: String,
    pub(crate) name: String,
    /// g/mol; none for mixtures.
    molar_mass: Option<f64>,
    pub(crate) oel: Option<Oel>,
    /// The Chinese figure, mg/m3, where known.
    idlh: Option<f64>,
}

/// An occupational exposure limit (GBZ 2.1-2019).
#[derive(Debug)]
pub(crate) struct Oel {
    /// MAC, PC-TWA or PC-STEL.
    pub(crate) kind: String,
    /// mg/m3
    pub(crate) limit: f64,
}

impl Gas {
    /// What level 1 may be where no instrument covers the exposure limit: 5 % of the IDLH, if that is more. The older Chinese
    /// figures of the IDLH are meant; 5 % of those of 1994 would lie below the exposure limit of nine gases.
    pub(crate) fn fallback(&self, oel: f64) -> f64 {
        self.idlh.map_or(oel, |idlh| oel.max(0.05 * idlh))
    }

    /// mg/m3 as ppm; `None` for mixtures.
    pub(crate) fn to_ppm(&self, mg_m3: f64) -> Option<f64> {
        self.molar_mass.map(|mass| mg_m3 * MOLAR_VOLUME / mass)
    }
}

/// The gas of a CAS number.
pub(crate) fn find(cas: &str) -> Option<&'static Gas> {
    all().iter().find(|gas| gas.cas == cas)
}

/// Every gas there is a row for.
pub(crate) fn all() -> &'static [Gas] {
    static GASES: LazyLock<Vec<Gas>> = LazyLock::new(|| {
        let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(TABLE.as_bytes());
        reader.records().map(|record| gas(&record.expect("the table of gases is CSV; a test reads it"))).collect()
    });
    &GASES
}

/// By place: cas, name_en, name_zh, molar_mass, oel_kind, oel_mg_m3, idlh_mg_m3, confidence, note.
fn gas(row: &csv::StringRecord) -> Gas {
    let text = |at: usize| row.get(at).unwrap_or_default().to_owned();
    let number = |at: usize| row.get(at)?.parse().ok();
    Gas {
        cas: text(0),
        name: text(1),
        molar_mass: number(3),
        oel: number(5).map(|limit| Oel { kind: text(4), limit }),
        idlh: number(6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::cas_check;

    #[test]
    fn every_row_is_whole() {
        let header = "cas,name_en,name_zh,molar_mass,oel_kind,oel_mg_m3,idlh_mg_m3,confidence,note";
        assert!(TABLE.lines().any(|line| line == header));
        assert_eq!(all().len(), 72);
        for gas in all() {
            assert_eq!(cas_check(&gas.cas), Some(true), "{gas:?}");
            assert_eq!(all().iter().filter(|other| other.cas == gas.cas).count(), 1, "{gas:?}");
            assert!(!gas.name.is_empty() && gas.molar_mass.is_none_or(|mass| mass > 2.0), "{gas:?}");
            let Some(oel) = &gas.oel else { continue };
            assert!(oel.limit > 0.0 && ["MAC", "PC-TWA", "PC-STEL"].contains(&oel.kind.as_str()), "{gas:?}");
        }
        let mut numbers = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(TABLE.as_bytes());
        for row in numbers.records() {
            let row = row.expect("CSV");
            for at in [3, 5, 6] {
                assert!(row[at].is_empty() || row[at].parse::<f64>().is_ok(), "{row:?}");
            }
            let confidence = if row[5].is_empty() { &[""][..] } else { &["high", "medium-high", "medium", "low"] };
            assert!(confidence.contains(&&row[7]), "{row:?}");
        }
    }

    #[test]
    fn figures_convert_as_published() {
        let cases = [("7783-06-4", 10.0, 7.17), ("630-08-0", 20.0, 17.46), ("7664-41-7", 20.0, 28.71), ("7782-50-5", 1.0, 0.345)];
        for (cas, mg_m3, ppm) in cases {
            let got = find(cas).and_then(|gas| gas.to_ppm(mg_m3)).expect("known");
            assert!((got - ppm).abs() < 0.005, "{cas}: {got}");
        }
    }

    #[test]
    fn the_fallback_is_never_below_the_exposure_limit() {
        for gas in all() {
            let Some(oel) = &gas.oel else { continue };
            assert!(gas.fallback(oel.limit) >= oel.limit, "{gas:?}");
        }
        let fallback = |cas, oel| find(cas).map(|gas| gas.fallback(oel));
        assert_eq!(fallback("7783-06-4", 10.0), Some(21.5));
        assert_eq!(fallback("7664-41-7", 20.0), Some(20.0), "18 would be less");
        assert_eq!(fallback("7784-42-1", 0.03), Some(0.03), "no Chinese figure is known");
    }
}
