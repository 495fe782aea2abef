//! Reads the tables: every column by name, every figure checked, every fault told with its line.

use std::collections::BTreeMap;

use crate::key::{Cas, UnNumber, Variant};
use crate::table::{CasRow, Confidence, Cylinders, Distances, Fire, GuideRow, Reach, Row, TableFault, TableTexts, Tables};

/// No figure of the book is larger; a larger one is in another unit.
const ISOLATE_M_MAX: f64 = 3_000.0;
const REACH_KM_MAX: f64 = 30.0;

const INITIAL: &[&str] = &[
    "un_number",
    "variant",
    "name",
    "small_isolate_m",
    "small_day_km",
    "small_night_km",
    "large_isolate_m",
    "large_day_km",
    "large_night_km",
    "confidence",
    "source",
];
const CYLINDERS: &[&str] = &[
    "un_number",
    "name",
    "isolate_m",
    "day_low_km",
    "day_moderate_km",
    "day_high_km",
    "night_low_km",
    "night_moderate_km",
    "night_high_km",
    "confidence",
    "source",
];
const FIRE: &[&str] = &["guide", "isolate_m", "confidence", "source"];
const GUIDES: &[&str] = &["un_number", "guide", "confidence", "source"];
const CAS: &[&str] = &["cas", "un_number", "note", "confidence", "source"];

pub(crate) fn tables(texts: &TableTexts<'_>) -> Result<Tables, Vec<TableFault>> {
    let mut faults = Vec::new();
    let mut rows: BTreeMap<UnNumber, Vec<Row>> = BTreeMap::new();
    let read = File::new("initial-isolation.csv", INITIAL, &mut faults).rows(texts.initial, initial);
    for (line, (un, row)) in read {
        let known = rows.entry(un).or_default();
        if !known.iter().all(|it| it.variant.is_some() && row.variant.is_some() && it.variant != row.variant) {
            faults.push(fault(
                "initial-isolation.csv",
                line,
                "variant",
                format!("{un} is listed before; each row needs its own variant"),
            ));
        }
        known.push(row);
    }
    let cylinders = keyed(&mut faults, "large-cylinders.csv", CYLINDERS, texts.cylinders, cylinder);
    let fire = keyed(&mut faults, "fire-isolation.csv", FIRE, texts.fire, fire_row);
    let guides = keyed(&mut faults, "guides.csv", GUIDES, texts.guides, guide_row);
    let cas = keyed(&mut faults, "cas.csv", CAS, texts.cas, cas_row);
    if faults.is_empty() { Ok(Tables { rows, cylinders, fire, guides, cas }) } else { Err(faults) }
}

/// Rows by their first column, each once.
fn keyed<K: Ord + Clone, V>(
    faults: &mut Vec<TableFault>,
    name: &'static str,
    columns: &'static [&'static str],
    text: &str,
    read: impl Fn(&mut Line<'_>) -> Option<(K, V)>,
) -> BTreeMap<K, V> {
    let mut map = BTreeMap::new();
    for (line, (key, value)) in File::new(name, columns, faults).rows(text, read) {
        if map.insert(key, value).is_some() {
            faults.push(fault(name, line, columns[0], "it is listed before".to_owned()));
        }
    }
    map
}

fn initial(line: &mut Line<'_>) -> Option<(UnNumber, Row)> {
    let un = line.un();
    let variant = line.variant();
    let name = line.text("name");
    let small = line.distances(["small_isolate_m", "small_day_km", "small_night_km"]);
    let blank = ["large_isolate_m", "large_day_km", "large_night_km"].iter().all(|column| line.cell(column).is_empty());
    let large = if blank { None } else { line.distances(["large_isolate_m", "large_day_km", "large_night_km"]) };
    let (confidence, source) = (line.confidence(), line.text("source"));
    let small = small?;
    if large.is_some_and(|large| large.larger(small) != large) {
        line.fault("large_isolate_m", "a large spill needs no less than a small one".to_owned());
    }
    Some((un?, Row { variant: variant?, name: name?, small, large, confidence: confidence?, source: source? }))
}

fn cylinder(line: &mut Line<'_>) -> Option<(UnNumber, Cylinders)> {
    let (un, name, isolate_m) = (line.un(), line.text("name"), line.metres("isolate_m"));
    let day = ["day_low_km", "day_moderate_km", "day_high_km"].map(|column| line.reach(column));
    let night = ["night_low_km", "night_moderate_km", "night_high_km"].map(|column| line.reach(column));
    let (confidence, source) = (line.confidence(), line.text("source"));
    let (day, night) = (all(day)?, all(night)?);
    if [day, night].iter().any(|by_wind| by_wind.windows(2).any(|pair| pair[0].km < pair[1].km)) {
        line.fault("day_low_km", "more wind needs no longer distance".to_owned());
    }
    if day.iter().zip(&night).any(|(day, night)| day.km > night.km) {
        line.fault("night_low_km", "the night needs no shorter distance than the day".to_owned());
    }
    Some((un?, Cylinders { name: name?, isolate_m: isolate_m?, day, night, confidence: confidence?, source: source? }))
}

fn fire_row(line: &mut Line<'_>) -> Option<(u16, Fire)> {
    let (guide, isolate_m) = (line.guide(), line.metres("isolate_m"));
    let (confidence, source) = (line.confidence(), line.text("source"));
    Some((guide?, Fire { isolate_m: isolate_m?, confidence: confidence?, source: source? }))
}

fn guide_row(line: &mut Line<'_>) -> Option<(UnNumber, GuideRow)> {
    let (un, guide, confidence, source) = (line.un(), line.guide(), line.confidence(), line.text("source"));
    Some((un?, GuideRow { guide: guide?, confidence: confidence?, source: source? }))
}

fn cas_row(line: &mut Line<'_>) -> Option<(Cas, CasRow)> {
    let cas = Cas::parse(line.cell("cas")).map_err(|error| line.fault("cas", error.to_string())).ok();
    let (un, confidence, source) = (line.un(), line.confidence(), line.text("source"));
    let note = line.cell("note").to_owned();
    Some((cas?, CasRow { un: un?, note, confidence: confidence?, source: source? }))
}

fn all([a, b, c]: [Option<Reach>; 3]) -> Option<[Reach; 3]> {
    Some([a?, b?, c?])
}

fn fault(file: &'static str, line: u64, column: &'static str, fault: String) -> TableFault {
    TableFault { file, line, column, fault }
}

struct File<'a> {
    name: &'static str,
    columns: &'static [&'static str],
    faults: &'a mut Vec<TableFault>,
}

/// A row under its columns.
struct Line<'a> {
    file: &'static str,
    columns: &'static [&'static str],
    cells: csv::StringRecord,
    number: u64,
    faults: &'a mut Vec<TableFault>,
}

impl<'a> File<'a> {
    fn new(name: &'static str, columns: &'static [&'static str], faults: &'a mut Vec<TableFault>) -> Self {
        Self { name, columns, faults }
    }

    fn rows<T>(self, text: &str, read: impl Fn(&mut Line<'_>) -> Option<T>) -> Vec<(u64, T)> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        let mut rows = Vec::new();
        for (index, record) in reader.records().enumerate() {
            let cells = match record {
                Ok(cells) => cells,
                Err(error) => {
                    let number = error.position().map_or(0, csv::Position::line);
                    self.faults.push(fault(self.name, number, "", error.to_string()));
                    continue;
                }
            };
            let number = cells.position().map_or(0, csv::Position::line);
            if index > 0 {
                let mut line = Line { file: self.name, columns: self.columns, cells, number, faults: self.faults };
                rows.extend(read(&mut line).map(|row| (number, row)));
            } else if !cells.iter().eq(self.columns.iter().copied()) {
                self.faults.push(fault(self.name, number, "", format!("the columns have to be {}", self.columns.join(","))));
                return Vec::new();
            }
        }
        if rows.is_empty() && self.faults.is_empty() {
            self.faults.push(fault(self.name, 1, "", "it holds no row".to_owned()));
        }
        rows
    }
}

impl Line<'_> {
    fn fault(&mut self, column: &'static str, text: String) {
        self.faults.push(fault(self.file, self.number, column, text));
    }

    fn cell(&self, column: &str) -> &str {
        let index = self.columns.iter().position(|it| *it == column);
        index.and_then(|index| self.cells.get(index)).unwrap_or_default()
    }

    fn text(&mut self, column: &'static str) -> Option<String> {
        let text = self.cell(column).to_owned();
        if text.is_empty() {
            self.fault(column, "it is empty".to_owned());
            return None;
        }
        Some(text)
    }

    fn un(&mut self) -> Option<UnNumber> {
        UnNumber::parse(self.cell("un_number")).map_err(|error| self.fault("un_number", error.to_string())).ok()
    }

    fn guide(&mut self) -> Option<u16> {
        let guide = self.cell("guide").parse().ok().filter(|guide| (111..=175).contains(guide));
        if guide.is_none() {
            self.fault("guide", "orange guides are numbered 111 to 175".to_owned());
        }
        guide
    }

    fn variant(&mut self) -> Option<Option<Variant>> {
        let word = self.cell("variant");
        let variant = Variant::parse(word);
        if variant.is_none() && !word.is_empty() {
            self.fault("variant", "it is land, water, zone_a, zone_b or empty".to_owned());
            return None;
        }
        Some(variant)
    }

    fn confidence(&mut self) -> Option<Confidence> {
        match self.cell("confidence") {
            "high" => Some(Confidence::High),
            "medium" => Some(Confidence::Medium),
            _ => {
                self.fault("confidence", "it is high or medium".to_owned());
                None
            }
        }
    }

    fn figure(&mut self, column: &'static str, text: &str, max: f64) -> Option<f64> {
        // Digits and a point: `parse` would also take `inf`, `NaN` and `1e9`.
        let plain = !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit() || it == b'.');
        let figure = text.parse().ok().filter(|figure| plain && *figure > 0.0 && *figure <= max);
        if figure.is_none() {
            self.fault(column, format!("`{text}` is no number above 0 and up to {max}"));
        }
        figure
    }

    fn metres(&mut self, column: &'static str) -> Option<f64> {
        let text = self.cell(column).to_owned();
        self.figure(column, &text, ISOLATE_M_MAX)
    }

    fn reach(&mut self, column: &'static str) -> Option<Reach> {
        let text = self.cell(column).to_owned();
        let (digits, or_more) = text.strip_suffix('+').map_or((text.as_str(), false), |digits| (digits, true));
        self.figure(column, digits, REACH_KM_MAX).map(|km| Reach { km, or_more })
    }

    fn distances(&mut self, [isolate, day, night]: [&'static str; 3]) -> Option<Distances> {
        let (isolate_m, day_km, night_km) = (self.metres(isolate), self.reach(day), self.reach(night));
        let distances = Distances { isolate_m: isolate_m?, day: day_km?, night: night_km? };
        if distances.day.km > distances.night.km {
            self.fault(night, "the night needs no shorter distance than the day".to_owned());
        }
        Some(distances)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults_of(initial: &str) -> Vec<String> {
        let texts = TableTexts { initial, ..TableTexts::SHIPPED };
        tables(&texts).err().unwrap_or_default().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_shipped_tables_hold() {
        let tables = tables(&TableTexts::SHIPPED).unwrap();
        assert_eq!(tables.rows.len(), 36);
        assert_eq!(tables.rows.values().map(Vec::len).sum::<usize>(), 39);
        let un = |number| UnNumber::new(number).unwrap();
        let sulfide = tables.rows(un(1_053))[0].large.unwrap();
        assert_eq!(sulfide.isolate_m, 400.0, "not the invented 100 to 200");
        assert_eq!(sulfide.night, Reach { km: 6.3, or_more: false });
        let or_more: Vec<_> = (tables.rows.iter())
            .filter(|(_, rows)| rows.iter().any(|row| row.large.is_some_and(|it| it.night.or_more)))
            .map(|(un, _)| un.get())
            .collect();
        assert_eq!(or_more, [1_836, 2_202, 2_480]);
        let in_table_3: Vec<_> =
            tables.rows.iter().filter(|(_, rows)| rows.iter().any(|row| row.large.is_none())).map(|(un, _)| un.get()).collect();
        assert_eq!(in_table_3, [1_005, 1_017, 1_040, 1_050, 1_052, 1_079], "the six gases of table 3");
        assert!(tables.cas.values().all(|row| tables.rows.contains_key(&row.un)), "every CAS number leads to a row");
        assert!(tables.guides.values().all(|row| tables.fire.contains_key(&row.guide)));
        assert!(tables.cylinders.keys().all(|un| in_table_3.contains(&un.get())));
    }

    #[test]
    fn a_wrong_figure_is_told_with_its_line_and_column() {
        let head = INITIAL.join(",");
        let with = |row: &str| faults_of(&format!("{head}\n{row}\n"));
        assert_eq!(with("1053,,x,30,0.1,0.5,400,2.4,6.3,high,s"), [""; 0]);
        for (row, column) in [
            ("0,,x,30,0.1,0.5,400,2.4,6.3,high,s", "un_number"),
            ("1053,sea,x,30,0.1,0.5,400,2.4,6.3,high,s", "variant"),
            ("1053,,,30,0.1,0.5,400,2.4,6.3,high,s", "name"),
            ("1053,,x,NaN,0.1,0.5,400,2.4,6.3,high,s", "small_isolate_m"),
            ("1053,,x,30,inf,0.5,400,2.4,6.3,high,s", "small_day_km"),
            ("1053,,x,30,0.1,-1,400,2.4,6.3,high,s", "small_night_km"),
            ("1053,,x,30,0.1,0.5,9000,2.4,6.3,high,s", "large_isolate_m"),
            ("1053,,x,30,0.1,0.5,400,,6.3,high,s", "large_day_km"),
            ("1053,,x,30,0.1,0.5,400,2.4,2.3,high,s", "large_night_km"),
            ("1053,,x,30,0.1,0.5,400,2.4,6.3,low,s", "confidence"),
            ("1053,,x,30,0.1,0.5,20,2.4,6.3,high,s", "large_isolate_m"),
        ] {
            let faults = with(row);
            assert!(
                faults.len() == 1 && faults[0].starts_with(&format!("read initial-isolation.csv, line 2, {column}: ")),
                "{faults:?}"
            );
        }
    }

    #[test]
    fn columns_rows_and_repeats_are_checked() {
        assert!(faults_of("")[0].contains("no row"));
        assert!(faults_of("un,name\n1,x\n")[0].contains("columns have to be"));
        let head = INITIAL.join(",");
        let row = "1053,,x,30,0.1,0.5,400,2.4,6.3,high,s";
        assert!(faults_of(&format!("{head}\n{row}\n{row}\n"))[0].contains("listed before"));
        assert!(!faults_of(&format!("{head}\n{row},more\n")).is_empty());
        let twice =
            TableTexts { fire: "guide,isolate_m,confidence,source\n115,1600,high,s\n115,800,high,s\n", ..TableTexts::SHIPPED };
        assert!(tables(&twice).unwrap_err()[0].to_string().contains("line 3, guide: it is listed before"));
    }
}
