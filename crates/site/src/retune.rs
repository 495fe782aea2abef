//! Other deadbands and delays in the texts of a site, which otherwise stay as people wrote them: order, comments and blanks of TOML are
//! kept; a CSV file gets the columns it lacks.

use std::collections::BTreeMap;
use std::ops::Range;

use model::{AlarmId, PointId, Span};
use toml_edit::{Document, Item, TableLike, Value};

use crate::{Format, SourceFile};

/// What to set on one alarm; what is `None` stays as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Retune {
    /// The point.
    pub point: PointId,
    /// The alarm's id on it.
    pub alarm: AlarmId,
    /// In the point's unit.
    pub deadband: Option<f64>,
    /// How long the condition must hold.
    pub on_delay: Option<Span>,
    /// How long it must be clear.
    pub off_delay: Option<Span>,
}

type Changes<'c> = BTreeMap<(&'c str, &'c str), &'c Retune>;

/// The files with these changes made. What is not found in them, or written in a way that cannot be changed, is left as it is: load the
/// result and compare.
pub fn retune(files: &[SourceFile], changes: &[Retune]) -> Vec<SourceFile> {
    let changes: Changes<'_> = changes.iter().map(|it| ((it.point.as_str(), it.alarm.as_str()), it)).collect();
    let changed = |file: &SourceFile| {
        let text = match Format::of(&file.name) {
            Some(Format::Toml) => toml(&file.text, &changes),
            Some(Format::Alarms) => alarms(&file.text, &changes),
            Some(Format::Points) | None => None,
        };
        SourceFile { name: file.name.clone(), text: text.unwrap_or_else(|| file.text.clone()) }
    };
    files.iter().map(changed).collect()
}

impl Retune {
    /// The keys to be set and their values as CSV has them, and TOML but for quotes.
    fn keys(&self) -> impl Iterator<Item = (&'static str, String)> {
        let deadband = self.deadband.map(|it| ("deadband", format!("{it:?}")));
        let delays = [("on_delay", self.on_delay), ("off_delay", self.off_delay)];
        deadband.into_iter().chain(delays.into_iter().filter_map(|(key, span)| Some((key, span?.to_string()))))
    }
}

/// Which change is for an alarm; its id is its kind where it has no other.
fn change_for<'c>(changes: &Changes<'c>, point: &str, id: Option<&str>, kind: Option<&str>) -> Option<&'c Retune> {
    changes.get(&(point, id.or(kind)?)).copied()
}

type Edit = (Range<usize>, String);

fn toml(text: &str, changes: &Changes<'_>) -> Option<String> {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let document = Document::parse(body).ok()?;
    let mut edits = Vec::new();
    for (_, point) in tables(document.as_table().get("point")) {
        let Some(id) = point.get("id").and_then(Item::as_str) else { continue };
        for (inline, alarm) in tables(point.get("alarm")) {
            let word = |key: &str| alarm.get(key).and_then(Item::as_str);
            if let Some(change) = change_for(changes, id, word("id"), word("kind")) {
                edits.extend(edits_of(body, alarm, inline, change));
            }
        }
    }
    let mut edited = body.to_owned();
    // From the back, so that what is still to be changed stays where it was; the sort is stable, and so is the order of new keys.
    edits.sort_by_key(|(range, _)| range.start);
    edits.into_iter().rev().for_each(|(range, new)| edited.replace_range(range, &new));
    Some(text[..text.len() - body.len()].to_owned() + &edited)
}

/// The tables of a key, in every form that TOML has for them, and whether they are written inline.
fn tables(item: Option<&Item>) -> Vec<(bool, &dyn TableLike)> {
    match item {
        Some(Item::Table(table)) => vec![(false, table)],
        Some(Item::ArrayOfTables(tables)) => tables.iter().map(|it| (false, it as &dyn TableLike)).collect(),
        Some(Item::Value(Value::InlineTable(table))) => vec![(true, table)],
        Some(Item::Value(Value::Array(items))) => {
            items.iter().filter_map(Value::as_inline_table).map(|it| (true, it as &dyn TableLike)).collect()
        }
        _ => Vec::new(),
    }
}

fn edits_of(text: &str, alarm: &dyn TableLike, inline: bool, change: &Retune) -> Vec<Edit> {
    let (mut edits, mut added) = (Vec::new(), String::new());
    // Every rule that has a deadband has a limit: what is new comes after it.
    let after = alarm.get("limit").and_then(Item::span);
    let key_start = alarm.key("limit").and_then(toml_edit::Key::span).map(|span| span.start);
    let (Some(after), Some(key_start)) = (after, key_start) else { return edits };
    let line_start = text[..key_start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = text[after.end..].find(['\r', '\n']).map_or(text.len(), |at| after.end + at);
    let (before_key, place) = if inline { (", ", after.end) } else { (&text[line_start..key_start], line_end) };
    for (key, value) in change.keys() {
        let value = if key == "deadband" { value } else { format!("\"{value}\"") };
        match alarm.get(key).map(Item::span) {
            Some(Some(span)) => edits.push((span, value)),
            Some(None) => {}
            None => {
                let line_break = if inline { "" } else { "\n" };
                added += &format!("{line_break}{before_key}{key} = {value}");
            }
        }
    }
    if !added.is_empty() {
        edits.push((place..place, added));
    }
    edits
}

fn alarms(text: &str, changes: &Changes<'_>) -> Option<String> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let mut header: Vec<String> = reader.headers().ok()?.iter().map(str::to_owned).collect();
    let bare = |name: &String| name.trim_start_matches('\u{feff}').to_owned();
    let mut names: Vec<String> = header.iter().map(bare).collect();
    let mut rows: Vec<Vec<String>> =
        reader.records().map(|row| Some(row.ok()?.iter().map(str::to_owned).collect())).collect::<Option<_>>()?;
    for row in &mut rows {
        let cell = |name: &str| {
            let cell = row.get(names.iter().position(|it| it == name)?)?.as_str();
            (!cell.is_empty()).then_some(cell)
        };
        let Some(change) = cell("point").and_then(|point| change_for(changes, point, cell("id"), cell("kind"))) else { continue };
        for (key, value) in change.keys() {
            let column = names.iter().position(|it| it == key).unwrap_or_else(|| {
                names.push(key.to_owned());
                header.push(key.to_owned());
                names.len() - 1
            });
            row.resize(row.len().max(column + 1), String::new());
            row[column] = value;
        }
    }
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    writer.write_record(&header).ok()?;
    for mut row in rows {
        row.resize(row.len().max(header.len()), String::new());
        writer.write_record(&row).ok()?;
    }
    String::from_utf8(writer.into_inner().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load;

    fn change(point: &str, alarm: &str) -> Retune {
        Retune {
            point: PointId::new(point).expect("an id"),
            alarm: AlarmId::new(alarm).expect("an id"),
            deadband: Some(2.0),
            on_delay: Some(Span::from_millis(7_500)),
            off_delay: None,
        }
    }

    fn file(name: &str, text: &str) -> SourceFile {
        SourceFile { name: name.to_owned(), text: text.to_owned() }
    }

    const HEAD: &str = "[[enterprise]]\nid = \"e01\"\ndistrict = \"320682\"\nname = \"e\"\n\
        [[installation]]\nid = \"e01-a\"\nenterprise = \"e01\"\nname = \"a\"\n";

    fn point(alarms: &str) -> String {
        let point = "[[point]]\nid = \"p\"\ninstallation = \"e01-a\"\nquantity = \"level\"\nunit = \"%\"\n\
            source = { grpc = \"a/e01/g\", tag = \"p\" }\n";
        format!("{HEAD}{point}{alarms}")
    }

    /// Changes alarms of point p, checks that the site says so and that nothing else changed, and gives the text after the point's head.
    fn changed(alarms: &str, ids: &[&str]) -> String {
        let before = vec![file("site.toml", &point(alarms))];
        let changes: Vec<_> = ids.iter().map(|id| change("p", id)).collect();
        let after = retune(&before, &changes);
        let mut expected = load(&before).expect("a site").site;
        for rule in &mut expected.points[0].alarms {
            if ids.contains(&rule.id.as_str()) {
                (rule.deadband, rule.on_delay) = (2.0, Span::from_millis(7_500));
            }
        }
        assert_eq!(load(&after).expect("still a site").site, expected);
        after[0].text[point("").len()..].to_owned()
    }

    #[test]
    fn new_keys_stand_below_the_limit_and_comments_stay() {
        let alarms =
            "\n  # why\n  [[point.alarm]]\n  kind = \"high\"\n  limit = 80 # from the safety case\n  priority = \"high\"\n";
        let expected = "\n  # why\n  [[point.alarm]]\n  kind = \"high\"\n  limit = 80 # from the safety case\n  deadband = 2.0\n  \
            on_delay = \"7.5s\"\n  priority = \"high\"\n";
        assert_eq!(changed(alarms, &["high"]), expected);
    }

    #[test]
    fn keys_that_are_there_change_in_place() {
        let alarms = "[[point.alarm]]\non_delay = \"1s\"     # short\nkind = \"high\"\nlimit = 80\ndeadband = 0.25 # small\n";
        let expected = "[[point.alarm]]\non_delay = \"7.5s\"     # short\nkind = \"high\"\nlimit = 80\ndeadband = 2.0 # small\n";
        assert_eq!(changed(alarms, &["high"]), expected);
    }

    #[test]
    fn only_the_alarm_that_is_meant_changes() {
        let alarms = "[[point.alarm]]\nkind = \"high\"\nlimit = 80\n[[point.alarm]]\nid = \"first\"\nkind = \"high\"\nlimit = 70";
        let after = changed(alarms, &["first"]);
        assert!(after.starts_with("[[point.alarm]]\nkind = \"high\"\nlimit = 80\n[[point.alarm]]\n"), "{after}");
        changed(alarms, &["first", "high"]);
        assert_eq!(changed(alarms, &["low"]), alarms);
    }

    #[test]
    fn inline_dotted_and_windows_forms_change_too() {
        let inline = "alarm = [{ kind = \"high\", limit = 80 }, { kind = \"low\", limit = 10, deadband = 1 }]\n";
        let expected = "alarm = [{ kind = \"high\", limit = 80, deadband = 2.0, on_delay = \"7.5s\" }, \
            { kind = \"low\", limit = 10, on_delay = \"7.5s\", deadband = 2.0 }]\n";
        assert_eq!(changed(inline, &["high", "low"]), expected);
        changed("alarm = { kind = \"high\", limit = 80 }\n", &["high"]);
        changed("alarm.kind = \"high\"\nalarm.limit = 80\n", &["high"]);
        changed("[[point.alarm]]\r\nkind = \"high\"\r\nlimit = 80\r\n", &["high"]);
        let with_mark = retune(&[file("a.toml", &format!("\u{feff}{}", point(inline)))], &[change("p", "high")]);
        assert!(load(&with_mark).expect("a site").site.points[0].alarms[0].deadband == 2.0);
    }

    #[test]
    fn csv_gets_the_columns_it_lacks() {
        let files = [
            file("site.toml", &point("")),
            file("alarms.csv", "point,kind,limit,on_delay,cause\np,high,80,,\"full, \"\"very\"\"\"\np,low,10,1s,\n"),
        ];
        let after = retune(&files, &[change("p", "high")]);
        let expected = "point,kind,limit,on_delay,cause,deadband\np,high,80,7.5s,\"full, \"\"very\"\"\",2.0\np,low,10,1s,,\n";
        assert_eq!(after[1].text, expected);
        let site = load(&after).expect("a site").site;
        assert!(site.points[0].alarms[0].deadband == 2.0 && site.points[0].alarms[1].deadband == 0.0);
        assert_eq!(after[0], files[0]);
    }
}
