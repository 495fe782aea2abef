//! Laws: one meaning has one content, CSV says the same as TOML, and no text makes it panic.

use proptest::prelude::*;

use super::*;

const CSV_POINTS: &str = "\u{feff}id,name,installation,quantity,unit,range_low,range_high,stale_after,mqtt,sparkplug,tag\n\
    GT-1,\"罐区, 北\",unit,combustible_gas,%LEL,0,100,30s,p/e01/gw,,GT-1\n\
    LI-1,,unit,level,%,,,,p/e01/gw,,LI-1\n";
const CSV_ALARMS: &str = "point,kind,id,limit,deadband,on_delay,off_delay,priority,latching,cause,consequence,action,respond_within,position\n\
    LI-1,low,,5,,,,,,,,,,\n\
    GT-1,high,,25,5,,1s,,,leak,fire,\"go, now\",3m,panel-1\n\
    GT-1,high_high,hh,50,5,0s,1.5s,critical,true,,,,,\n";
const SAME_POINTS: &str = r#"
[[point]]
id = "LI-1"
installation = "unit"
quantity = "level"
unit = "%"
source = { mqtt = "p/e01/gw", tag = "LI-1" }
alarm = [{ kind = "low", limit = 5 }]
[[point]]
alarm = [
  { id = "hh", kind = "high_high", limit = 50, deadband = 5.0, off_delay = "1500ms" }, # another order
  { kind = "high", limit = 25.0, deadband = 5, off_delay = "1s", cause = "leak", consequence = "fire", action = "go, now", respond_within = "180s", position = "panel-1" },
]
source.tag = "GT-1"
source.mqtt = "p/e01/gw"
unit = "%LEL"
quantity = "combustible_gas"
stale_after = "0.5m"
range = [-0.0, 100]
installation = "unit"
name = "罐区, 北"
id = "GT-1"
"#;

#[test]
fn csv_says_the_same_as_toml() {
    let csv = [file("alarms.csv", CSV_ALARMS), file("site.toml", PLACE), file("points.csv", CSV_POINTS)];
    let csv = load(&csv).expect("loads");
    let toml = toml(&format!("{PLACE}{SAME_POINTS}")).expect("loads");
    assert_eq!(csv, toml);
}

#[test]
fn alarms_of_a_table_join_points_of_toml() {
    let bare = point("LI-1", "level", "%", "");
    let joined = load(&[file("site.toml", &format!("{PLACE}{bare}")), file("alarms.csv", "kind,limit,point\nlow,5,LI-1\n")]);
    let alone = toml(&format!("{PLACE}{}", point("LI-1", "level", "%", "alarm = [{ kind = \"low\", limit = 5 }]\n")));
    assert_eq!(joined.expect("loads"), alone.expect("loads"));
}

/// A revision is known by its content: what this pins must not change without a new number in the header.
#[test]
fn the_content_of_the_documented_example_is_pinned() {
    let content = toml(DESIGN).expect("loads").content;
    let fnv =
        content.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    assert_eq!((content.len(), fnv), (687, 1_678_011_972_561_937_348));
}

/// The blocks of the documented example, which may stand in any order and any file.
fn blocks() -> Vec<String> {
    let text = DESIGN.replace("\n[[", "\u{0}[[");
    text.split('\u{0}').filter(|block| !block.trim().is_empty()).map(|block| format!("{block}\n")).collect()
}

#[test]
fn every_change_of_meaning_changes_the_content() {
    let content = |text: &str| toml(text).expect("loads").content;
    let before = content(DESIGN);
    let changes = [
        ("name = \"合成装置\"", "name = \"合成\""),
        ("exposed_people = 45", "exposed_people = 46"),
        ("lat = 32.061", "lat = 32.062"),
        ("design_max_tonnes = 6.5", "design_max_tonnes = 6.6"),
        ("unit = \"kPa\"", "unit = \"MPa\""),
        ("stale_after = \"60s\"", "stale_after = \"61s\""),
        ("range = [0.0, 4000.0]", ""),
        ("tag = \"PI-101\"", "tag = \"PI-102\""),
        ("limit = 2895.0", "limit = 2896.0"),
        ("deadband = 5.0", "deadband = 6.0"),
        ("on_delay = \"10s\"", "on_delay = \"11s\""),
        ("off_delay = \"0s\"", "off_delay = \"1us\""),
        ("latching = false", "latching = true"),
        ("cause = \"\"", "cause = \"x\""),
        ("action = \"\"", "action = \"x\""),
        ("respond_within = \"10m\"", ""),
        ("position = \"panel-1\"", "position = \"panel-2\""),
    ];
    for (from, to) in changes {
        let to = to.replace("1us", "0.001ms");
        assert_ne!(content(&DESIGN.replacen(from, &to, 1)), before, "{from}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_content_knows_no_order_of_files(order in Just(blocks()).prop_shuffle(), cut in 0_usize..4) {
        let (head, tail) = order.split_at(cut.min(order.len()));
        // The alarm belongs to the block before it, so it is one block with its point.
        let files = [file("b.toml", &tail.concat()), file("a.toml", &format!("# a comment\n{}", head.concat()))];
        let loaded = load(&files).expect("loads");
        prop_assert_eq!(loaded, toml(DESIGN).expect("loads"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn mutated_toml_never_panics(at in any::<prop::sample::Index>(), length in 0_usize..40, put in "[-\\[\\]{}=\"'#\n,.0-9a-e\u{feff}é\\\\]{0,12}") {
        let text = everything();
        let mut chars: Vec<char> = text.chars().collect();
        let from = at.index(chars.len());
        let to = (from + length).min(chars.len());
        chars.splice(from..to, put.chars());
        check_outcome(&[file("site.toml", &chars.into_iter().collect::<String>())])?;
    }

    #[test]
    fn mutated_rules_never_panic(at in any::<prop::sample::Index>(), length in 0_usize..40, put in "[-\\[\\]{}=\"'#\n,.0-9a-e&|<>()é]{0,12}") {
        let mut chars: Vec<char> = super::kinds::KINDS.chars().collect();
        let from = at.index(chars.len());
        let to = (from + length).min(chars.len());
        chars.splice(from..to, put.chars());
        check_outcome(&[file("site.toml", &chars.into_iter().collect::<String>())])?;
    }

    #[test]
    fn mutated_csv_never_panics(at in any::<prop::sample::Index>(), length in 0_usize..20, put in "[,\"\n\r0-9a-z%é]{0,8}", alarms in any::<bool>()) {
        let (points, other) = if alarms { (CSV_ALARMS, CSV_POINTS) } else { (CSV_POINTS, CSV_ALARMS) };
        let mut chars: Vec<char> = points.chars().collect();
        let from = at.index(chars.len());
        let to = (from + length).min(chars.len());
        chars.splice(from..to, put.chars());
        let names = if alarms { ["alarms.csv", "points.csv"] } else { ["points.csv", "alarms.csv"] };
        let text: String = chars.into_iter().collect();
        check_outcome(&[file("site.toml", PLACE), file(names[0], &text), file(names[1], other)])?;
    }

    #[test]
    fn any_text_at_all_never_panics(text in "\\PC{0,200}") {
        check_outcome(&[file("a.toml", &text), file("points.csv", &text), file("alarms.csv", &text)])?;
    }
}

/// The example and a site of other forms in one text.
fn everything() -> String {
    let place = PLACE.replace("[installation]", "[[installation]]").replace("[enterprise]", "[[enterprise]]");
    // The installations of both belong to the second enterprise.
    format!("{}{place}{SAME_POINTS}", DESIGN.replacen("id = \"e01\"", "id = \"e02\"", 1))
}

#[test]
fn the_text_to_mutate_is_sound() {
    assert_eq!(toml(&everything()).map(|loaded| loaded.site.points.len()), Ok(3));
}

/// Either a site that says the same when loaded again, or faults in order, each with a cure that is one line.
fn check_outcome(files: &[SourceFile]) -> Result<(), TestCaseError> {
    match load(files) {
        Ok(loaded) => prop_assert_eq!(load(files), Ok(loaded)),
        Err(faults) => {
            prop_assert!(!faults.is_empty());
            for fault in &faults {
                let text = fault.to_string();
                prop_assert!(!text.contains(['\n', '\r']), "{}", text);
                prop_assert!(!text.ends_with('.'), "{}", text);
            }
            let number = |fault: &Fault| files.iter().position(|file| file.name == fault.file).unwrap_or(usize::MAX);
            prop_assert!(faults.is_sorted_by_key(|fault| (number(fault), fault.line)));
        }
    }
    Ok(())
}
