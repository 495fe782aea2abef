//! Tests of recorded samples, both forms.

use proptest::prelude::*;

use super::*;
use crate::{SourceFile, load};

const SITE: &str = r#"
[[enterprise]]
id = "e01"
[[installation]]
id = "unit"
enterprise = "e01"
[[point]]
id = "P1"
installation = "unit"
quantity = "pressure"
unit = "kPa"
source = { mqtt = "x/e01/gw1", tag = "PI-1" }
[[point]]
id = "P2"
installation = "unit"
quantity = "level"
unit = "%"
source = { mqtt = "x/e01/gw2", tag = "LI" }
[[point]]
id = "P3"
installation = "unit"
quantity = "level"
unit = "%"
source = { mqtt = "x/e01/gw1", tag = "LI" }
[[point]]
id = "V1"
installation = "unit"
quantity = "state"
unit = "state"
states = { closed = 0, open = 1, "7" = 2 }
source = { mqtt = "x/e01/gw1", tag = "XV-1" }
"#;

fn site() -> Site {
    load(&[SourceFile { name: "site.toml".into(), text: SITE.into() }]).expect("loads").site
}

/// Reads everything: rows, faults as text, skipped names.
fn read(text: &str) -> (Vec<Row>, Vec<String>, Vec<String>) {
    let site = site();
    let mut reader = Reader::new("run.csv", text.as_bytes(), &site).expect("header");
    let rows: Vec<_> = reader.by_ref().collect();
    assert_eq!(reader.fault_count(), reader.faults().len() as u64);
    let skipped = reader.skipped().map(ToOwned::to_owned).collect();
    (rows, reader.faults().iter().map(ToString::to_string).collect(), skipped)
}

fn row(line: u64, micros: i64, values: &[Value]) -> Row {
    Row { line, time: Time::from_micros(micros), values: values.to_vec() }
}

const fn good(point: usize, value: f64) -> Value {
    (point, Some(value), Quality::Good)
}

#[test]
fn wide_rows_by_id_and_unique_tag() {
    let (rows, faults, skipped) =
        read("\u{feff}t_s,PI-1,P2,stranger,LI,V1\n1.8, 2.5 ,,7,8,open\n5.4000005,,,,,\n-0.5,-1e3,NaN,,,7\n");
    let expected = [
        row(2, 1_800_000, &[good(0, 2.5), good(3, 1.0)]),
        row(4, -500_000, &[good(0, -1e3), (1, None, Quality::Bad), good(3, 2.0)]),
    ];
    assert_eq!(rows, expected);
    assert_eq!(faults, Vec::<String>::new());
    // `LI` is a tag of two gateways.
    assert_eq!(skipped, ["LI", "stranger"]);
}

#[test]
fn every_word_for_no_value() {
    for word in ["nan", "NULL", "inf", "-Infinity", "1e999"] {
        let (rows, faults, _) = read(&format!("ts,P1\n0,{word}\n"));
        assert_eq!((rows, faults.len()), (vec![row(2, 0, &[(0, None, Quality::Bad)])], 0), "{word}");
    }
}

#[test]
fn stamps_are_rfc_3339_or_milliseconds() {
    let (rows, faults, _) = read("ts,P1\n2025-03-01T08:00:00.25+08:00,1\n1740787200250,1\n1740787200250.0005,1\n1e3,1\n");
    let times: Vec<_> = rows.iter().map(|row| row.time.micros()).collect();
    assert_eq!(times, [1_740_787_200_250_000, 1_740_787_200_250_000, 1_740_787_200_250_000, 1_000_000]);
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn long_rows_with_qualities() {
    let text = "ts,point,value,quality\n1,P1,2,\n1,PI-1,3,uncertain\n2,P2,,bad\n3,P2,,\n4,nobody,1,good\n5,nobody,1,\n6,V1,closed,good\n\
                7,P1,nan,good\n8,P1,4,bad\n";
    let (rows, faults, skipped) = read(text);
    let expected = [
        row(2, 1_000, &[good(0, 2.0)]),
        row(3, 1_000, &[(0, Some(3.0), Quality::Uncertain)]),
        row(4, 2_000, &[(1, None, Quality::Bad)]),
        row(8, 6_000, &[good(3, 0.0)]),
        row(9, 7_000, &[(0, None, Quality::Bad)]),
        row(10, 8_000, &[(0, Some(4.0), Quality::Bad)]),
    ];
    assert_eq!(rows, expected);
    assert_eq!((faults.len(), skipped), (0, vec!["nobody".to_owned()]));
}

#[test]
fn a_faulty_cell_stops_nothing() {
    let text = "ts,P1,P2,V1\n1,x,5,ajar\n2,\"1,5\",6,\nyesterday,1,1,\n2025-03-01T08:00:00,1,1,\n3,1\n4,1,7,open\n";
    let (rows, faults, _) = read(text);
    let expected = [
        row(2, 1_000, &[good(1, 5.0)]),
        row(3, 2_000, &[good(1, 6.0)]),
        row(7, 4_000, &[good(0, 1.0), good(1, 7.0), good(3, 1.0)]),
    ];
    assert_eq!(rows, expected);
    let stamp = "write RFC 3339 with an offset, such as 2025-03-01T08:00:00+08:00, or milliseconds since 1970";
    let expected = [
        "run.csv:2: P1 = x: is no number; write a decimal number, or nan where there is no value".to_owned(),
        "run.csv:2: V1 = ajar: is no state of point V1; write a number or one of 7, closed, open".to_owned(),
        "run.csv:3: P1 = 1,5: is no number; write a decimal point".to_owned(),
        format!("run.csv:4: ts = yesterday: is no time; {stamp}"),
        format!("run.csv:5: ts = 2025-03-01T08:00:00: has no offset from UTC; {stamp}"),
        "run.csv:6: the row has 2 cells, the header 4; write one cell for each column".to_owned(),
    ];
    assert_eq!(faults, expected);
}

#[test]
fn faults_of_long_rows_name_their_column() {
    let (rows, faults, _) = read("ts,point,value,quality\n1,P1,abc,good\n2,P1,1,fine\n");
    assert_eq!(rows, []);
    let expected = [
        "run.csv:2: value = abc: is no number; write a decimal number, or nan where there is no value",
        "run.csv:3: quality = fine: is no quality; write good, uncertain or bad",
    ];
    assert_eq!(faults, expected);
}

#[test]
fn headers_that_cannot_be_used() {
    let site = site();
    let cases = [
        ("", "run.csv:1: the header has no column of times; name one `ts` or `t_s`"),
        ("P1,P2\n", "run.csv:1: the header has no column of times; name one `ts` or `t_s`"),
        ("ts,P1,t_s\n", "run.csv:1: t_s: is a second column of times; keep one"),
        ("ts,P1,PI-1\n", "run.csv:1: PI-1: is the same point as column P1; remove one of the two"),
    ];
    for (text, expected) in cases {
        let fault = Reader::new("run.csv", text.as_bytes(), &site).err().expect("refused");
        assert_eq!(fault.to_string(), expected);
    }
}

#[test]
fn faults_beyond_the_bound_are_counted() {
    let site = site();
    let text = format!("ts,P1\n{}9,1\n", "1,x\n".repeat(1_500));
    let mut reader = Reader::new("run.csv", text.as_bytes(), &site).expect("header");
    assert_eq!(reader.by_ref().count(), 1);
    assert_eq!((reader.fault_count(), reader.faults().len()), (1_500, FAULTS_MAX));
}

/// A reader that breaks off with an error after some bytes.
struct Broken<'a>(&'a [u8]);

impl io::Read for Broken<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() { Err(io::Error::other("archive ends early")) } else { self.0.read(buffer) }
    }
}

#[test]
fn a_file_that_breaks_off_is_told_and_ends() {
    let site = site();
    let mut reader = Reader::new("run.csv", Broken(b"ts,P1\n1,2\n2,3\n"), &site).expect("header");
    let rows: Vec<_> = reader.by_ref().take(10).collect();
    assert_eq!(rows.len(), 2);
    assert!(reader.faults()[0].to_string().ends_with("cannot be read further: archive ends early; give the whole file"));
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in "(ts|t_s|point|value),(P1|point|LI|quality),(value|V1)\n(([-0-9.eTZ:,\"]|open|nan){0,12}\n?){0,20}") {
        let site = site();
        if let Ok(reader) = Reader::new("any.csv", text.as_bytes(), &site) {
            prop_assert!(reader.count() <= 21);
        }
    }
}
