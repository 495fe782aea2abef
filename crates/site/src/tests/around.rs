//! Places, resources, plans, winds and the wish for a picture: what loads and what is at fault.

use model::{Extent, HeadSource, Level, Location, PlaceKind, ResourceKind};

use super::faults::faults;
use super::*;

/// Places begin on line 29, the resource on line 49, the plan on line 57.
const AROUND: &str = r#"[park]
id = "p"
wind = { speed = "WS", direction = "WD" }
[[enterprise]]
id = "e01"
park = "p"
[[installation]]
id = "unit"
enterprise = "e01"
wind = { speed = "WS", direction = "WD" }
[[point]]
id = "WS"
installation = "unit"
quantity = "wind_speed"
unit = "m/s"
source = { mqtt = "p/e01/gw", tag = "WS" }
[[point]]
id = "WD"
installation = "unit"
quantity = "wind_direction"
unit = "°"
source = { mqtt = "p/e01/gw", tag = "WD" }
[[point]]
id = "HC"
installation = "unit"
quantity = "headcount"
unit = "人"
source = { mqtt = "p/e01/gw", tag = "HC" }
[[place]]
id = "school"
name = "实验小学"
kind = "school"
park = "p"
polygon = [[32.06, 120.51], [32.06, 120.52], [32.07, 120.52], [32.06, 120.51]]
heads = 860
[[place]]
id = "gate"
kind = "gate"
enterprise = "e01"
location = { lat = 32.06, lon = 120.51 }
[[place]]
id = "hall"
kind = "zone"
location = { lat = 32.06, lon = 120.51 }
heads_point = "HC"



[[resource]]
id = "team"
name = "园区应急救援队"
kind = "team"
location = { lat = 32.06, lon = 120.51 }
amount = "24 人"
contact = "0513-119"

[[plan]]
id = "ammonia"
name = "液氨泄漏专项预案"
substances = ["7783-06-4", "7664-41-7"]
places = ["school", "hospital"]
enterprise = "e01"
park = "p"
level = "park"
file = "plans/ammonia.pdf"
contact = "总值班室"
[[department]]
id = "office"
kind = "park"
[[warning]]
id = "gas"
colour = "red"
when = { kinds = ["high_high"] }
addressees = { park = ["office"] }
picture = true
"#;

#[test]
fn what_lies_around_a_plant() {
    let loaded = toml(AROUND).expect("loads");
    assert_eq!(lines(&loaded.warnings), [""; 0]);
    let site = loaded.site;
    let places: Vec<_> = site.places.iter().map(|it| (it.id.as_str(), it.name.as_str(), it.kind)).collect();
    let expected =
        [("gate", "gate", PlaceKind::Gate), ("hall", "hall", PlaceKind::Zone), ("school", "实验小学", PlaceKind::School)];
    assert_eq!(places, expected);
    let at = |lat, lon| Location { lat, lon };
    assert_eq!(site.places[0].extent, Extent::Point(at(32.06, 120.51)));
    let outline = vec![at(32.06, 120.51), at(32.06, 120.52), at(32.07, 120.52)];
    assert_eq!(site.places[2].extent, Extent::Outline(outline), "closed by hand or not");
    let point = model::PointId::new("HC").expect("valid");
    let heads: Vec<_> = site.places.iter().map(|it| it.heads.clone()).collect();
    assert_eq!(heads, [HeadSource::Unknown, HeadSource::Point(point), HeadSource::Fixed(860)]);
    let [team] = &site.resources[..] else { panic!("one") };
    assert_eq!((team.kind, team.amount.as_str(), team.contact.as_str()), (ResourceKind::Team, "24 人", "0513-119"));
    let [plan] = &site.plans[..] else { panic!("one") };
    assert_eq!(plan.substances, ["7664-41-7", "7783-06-4"]);
    assert_eq!((&plan.places[..], plan.level), (&[PlaceKind::School, PlaceKind::Hospital][..], Some(Level::Park)));
    assert_eq!((plan.document.as_str(), plan.contact.as_str()), ("plans/ammonia.pdf", "总值班室"));
    assert_eq!(site.parks[0].wind, site.installations[0].wind);
    assert_eq!(site.parks[0].wind.as_ref().map(|it| it.speed.as_str()), Some("WS"));
    assert_eq!(site.warnings[0].picture, Some(true));
}

/// A site that says nothing of them is the revision that it was.
#[test]
fn every_change_around_changes_the_content_and_nothing_is_as_before() {
    let content = |text: &str| toml(text).expect("loads").content;
    let bare = content(DESIGN);
    assert!(!bare.windows(8).any(|it| it == b"around 1"));
    let before = content(AROUND);
    for (from, to) in [
        ("wind = { speed = \"WS\", direction = \"WD\" }\n[[enterprise]]", "[[enterprise]]"),
        ("wind = { speed = \"WS\", direction = \"WD\" }\n[[point]]", "[[point]]"),
        ("kind = \"school\"", "kind = \"hospital\""),
        ("name = \"实验小学\"", ""),
        ("park = \"p\"\npolygon", "polygon"),
        ("heads = 860", "heads = 861"),
        ("heads = 860", ""),
        ("heads_point = \"HC\"", ""),
        ("[32.07, 120.52]", "[32.07, 120.53]"),
        ("kind = \"gate\"", "kind = \"road\""),
        ("kind = \"team\"", "kind = \"foam\""),
        ("amount = \"24 人\"", ""),
        ("contact = \"0513-119\"", ""),
        ("\"7783-06-4\", ", ""),
        (", \"hospital\"", ""),
        ("level = \"park\"\nfile", "file"),
        ("plans/ammonia.pdf", "plans/nh3.pdf"),
        ("contact = \"总值班室\"", ""),
        ("picture = true", "picture = false"),
        ("picture = true", ""),
    ] {
        assert!(AROUND.contains(from), "{from}");
        assert_ne!(content(&AROUND.replacen(from, to, 1)), before, "{from} -> {to}");
    }
}

fn check(from: &str, to: &str, line: usize, expected: &str) {
    assert!(AROUND.contains(from), "{from}");
    assert_eq!(faults(&AROUND.replacen(from, to, 1)), [format!("site.toml:{line}: {expected}")], "{to}");
}

#[test]
fn what_is_at_fault_in_a_place() {
    check("kind = \"gate\"\n", "", 36, "kind: is missing from this place; add kind = \"school\"");
    let words = "zone, gate, school, hospital, residential, road, water, other";
    check("kind = \"gate\"", "kind = \"castle\"", 38, &format!("kind = \"castle\": is not known; write one of {words}"));
    let add = "add location = { lat = 32.061, lon = 120.513 }, or a polygon";
    check(
        "enterprise = \"e01\"\nlocation = { lat = 32.06, lon = 120.51 }",
        "enterprise = \"e01\"",
        36,
        &format!("location: is missing from this place; {add}"),
    );
    let twice = "polygon = [[1, 2]]: says where it is a second time; keep the location or the polygon";
    check("kind = \"zone\"", "kind = \"zone\"\npolygon = [[1, 2]]", 44, twice);
    let shape = "write polygon = [[32.061, 120.513], [32.061, 120.515], [32.063, 120.515]], latitude first";
    check(
        ", [32.07, 120.52], [32.06, 120.51]]",
        "]",
        34,
        &format!("polygon = [[32.06, 120.51], [32.06, 120.52]]: has fewer than three corners; {shape}"),
    );
    let outside = "lies outside the earth; write the latitude, -90 to 90, then the longitude, -180 to 180";
    check("[32.07, 120.52]", "[120.52, 32.07]", 34, &format!("polygon = [120.52, 32.07]: {outside}"));
    check("[32.07, 120.52]", "[32.07]", 34, "polygon = [32.07]: is no corner; write [latitude, longitude]");
    check("[32.07, 120.52]", "32.07", 34, "polygon = 32.07: is no corner; write [latitude, longitude]");
    check("heads = 860", "heads = 1.5", 35, "heads = 1.5: is no count; write a whole number from 0 to 4294967295");
    let both = "heads_point = \"HC\": counts the people that `heads` says already; keep one of them";
    check("heads = 860", "heads = 860\nheads_point = \"HC\"", 36, both);
    let heads = "heads_point = WS: counts no people; use a point of quantity headcount";
    check("heads_point = \"HC\"", "heads_point = \"WS\"", 45, heads);
    check(
        "heads_point = \"HC\"",
        "heads_point = \"HX\"",
        45,
        "heads_point = HX: there is no point of this id; did you mean `HC`",
    );
    check(
        "enterprise = \"e01\"\nlo",
        "enterprise = \"e02\"\nlo",
        39,
        "enterprise = e02: there is no enterprise of this id; did you mean `e01`",
    );
    let again = "differs only in case from place `gate` at site.toml:37; give each an id of its own, or remove one";
    check("id = \"hall\"", "id = \"Gate\"", 42, &format!("id = Gate: {again}"));
}

#[test]
fn what_is_at_fault_in_resources_plans_and_winds() {
    let words = "team, vehicle, foam, shelter, hospital, other";
    check("kind = \"team\"", "kind = \"boat\"", 52, &format!("kind = \"boat\": is not known; write one of {words}"));
    check("\"7783-06-4\"", "\"7783-06-5\"", 60, "substances = 7783-06-5: has a wrong check digit; look for a typing error");
    check("\"7783-06-4\"", "\"ammonia\"", 60, "substances = ammonia: is no CAS number; write it like \"7664-41-7\"");
    check("\"hospital\"", "\"hopsital\"", 61, "places = hopsital: is not known; did you mean `hospital`");
    let nowhere =
        "file: is missing from this plan, which nobody could read then; add file = \"plans/ammonia.pdf\", or url = \"https://…\"";
    check("file = \"plans/ammonia.pdf\"\n", "", 57, nowhere);
    let address = "url = \"plans/ammonia.pdf\": is no address; write it from https:// on, or use file";
    check("file = ", "url = ", 65, address);
    check(
        "level = \"park\"",
        "level = \"province\"",
        64,
        "level = \"province\": is not known; write one of enterprise, park, county, city",
    );
    check("park = \"p\"\nlevel", "park = \"q\"\nlevel", 63, "park = q: there is no park of this id; did you mean `p`");
    let speed = "speed = HC: measures something else; use a point of quantity wind_speed";
    check("{ speed = \"WS\"", "{ speed = \"HC\"", 3, speed);
    let rad = [3, 10].map(|line| format!("site.toml:{line}: direction = WD: is in rad; use a point in ° or deg"));
    assert_eq!(faults(&AROUND.replacen("unit = \"°\"", "unit = \"rad\"", 1)), rad, "of the park and of the installation");
    check(
        ", direction = \"WD\" }\n[[point]]",
        " }\n[[point]]",
        10,
        "direction: is missing from this wind; add direction = \"…\"",
    );
    check("picture = true", "picture = \"yes\"", 75, "picture = \"yes\": is neither true nor false; write true or false");
}
