//! The first picture with real processes: a gas leak over MQTT while the wind is measured by another enterprise. The zone lies downwind, with
//! the school in it and without the village upwind; it is there once, through a kill.

use harness::{Davy, Feed, Publisher, micros, run};
use wire::v1::event::Body;
use wire::v1::{self, Picture};

use crate::sites::{TOPIC, message, now_ms};

const WEATHER: &str = "davy/v1/rugang/e02/gw1/telemetry";

/// The school lies 1 km north of the unit, the village 1 km south of it.
const SITE: &str = r#"
[park]
id = "rugang"
name = "如皋港化工新材料产业园"
wind = { speed = "e02-WS", direction = "e02-WD" }

[[enterprise]]
id = "e01"
park = "rugang"
name = "示例化工有限公司"

[[enterprise]]
id = "e02"
park = "rugang"
name = "示例储运有限公司"

[[installation]]
id = "e01-reactor"
enterprise = "e01"
name = "合成装置"
location = { lat = 32.061, lon = 120.513 }
substance = [{ cas = "7783-06-4", name = "硫化氢", design_max_tonnes = 1.0 }]

[[installation]]
id = "e02-loading"
enterprise = "e02"
name = "汽车装卸站"
location = { lat = 32.30, lon = 120.513 }

[[point]]
id = "e01-AT"
installation = "e01-reactor"
quantity = "toxic_gas"
cas = "7783-06-4"
unit = "mg/m3"
source = { mqtt = "rugang/e01/gw1", tag = "AT" }
alarm = [{ kind = "high", limit = 10.0 }, { kind = "high_high", limit = 20.0 }]

[[point]]
id = "e01-HC"
installation = "e01-reactor"
quantity = "headcount"
unit = "人"
source = { mqtt = "rugang/e01/gw1", tag = "HC" }

[[point]]
id = "e02-WS"
installation = "e02-loading"
quantity = "wind_speed"
unit = "m/s"
source = { mqtt = "rugang/e02/gw1", tag = "WS" }

[[point]]
id = "e02-WD"
installation = "e02-loading"
quantity = "wind_direction"
unit = "°"
source = { mqtt = "rugang/e02/gw1", tag = "WD" }

[[place]]
id = "school"
name = "实验小学"
kind = "school"
polygon = [[32.0700, 120.5125], [32.0700, 120.5135], [32.0708, 120.5135], [32.0708, 120.5125]]
heads = 860

[[place]]
id = "village"
name = "南村"
kind = "residential"
location = { lat = 32.052, lon = 120.513 }
heads = 300

[[resource]]
id = "team"
name = "园区应急救援队"
kind = "team"
location = { lat = 32.061, lon = 120.500 }
contact = "园区应急值班室"

[[plan]]
id = "sulfide"
name = "硫化氢泄漏专项应急预案"
substances = ["7783-06-4"]
park = "rugang"
file = "plans/sulfide.pdf"

[[department]]
id = "office"
name = "园区管委会"
kind = "park"
park = "rugang"

[[warning]]
id = "gas"
name = "有毒气体泄漏"
colour = "red"
when = { quantities = ["toxic_gas"], kinds = ["high_high"] }
addressees = { park = ["office"] }
"#;

fn picture(event: &v1::Event) -> &Picture {
    match &event.body {
        Some(Body::Picture(picture)) => picture,
        other => panic!("{other:?}"),
    }
}

/// Whether an outline holds a place, by the lines that cross its parallel east of it.
fn holds(outline: &[v1::GeoPoint], lat: f64, lon: f64) -> bool {
    let crosses = |pair: &&[v1::GeoPoint]| {
        let (a, b) = (&pair[0], &pair[1]);
        (a.lat > lat) != (b.lat > lat) && lon < (b.lon - a.lon) * (lat - a.lat) / (b.lat - a.lat) + a.lon
    };
    outline.windows(2).filter(crosses).count() % 2 == 1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leak_shows_a_zone_downwind_with_the_school_in_it_and_without_the_village() {
    let mut plant = Davy::embedded(SITE, &[]);
    plant.start_again().await;
    let feed = Feed::follow(plant.addresses());
    let mut weather = Publisher::connect(plant.mqtt(), "weather");
    weather.publish(WEATHER, format!("{{\"ts\":{},\"values\":{{\"WS\":4.5,\"WD\":180}}}}", now_ms())).await;
    let mut gateway = Publisher::connect(plant.mqtt(), "gw1");
    gateway.publish(TOPIC, message(now_ms(), "HC", 17.0)).await;
    // What the broker has acknowledged is in the journal.
    weather.flushed(std::time::Duration::from_secs(10)).await;
    gateway.flushed(std::time::Duration::from_secs(10)).await;
    gateway.publish(TOPIC, message(now_ms(), "AT", 35.0)).await;
    let opened = feed.first("warning.opened", "e01-reactor").await;
    let event = feed.first("warning.picture", "e01-reactor").await;
    let picture = picture(&event);
    assert_eq!((&picture.warning, &picture.asked_by), (&opened.id, &opened.id));
    let took_ms = (micros(event.recorded_at.as_ref()) - micros(opened.recorded_at.as_ref())) / 1_000;
    assert!(took_ms < 5_000, "it came {took_ms} ms after the warning");
    assert_eq!((picture.substances[0].un, picture.substance_from.as_str()), (1_053, "detector"));
    assert_eq!((picture.isolate_m, picture.shape.as_str(), picture.towards_deg), (Some(400.0), "square", Some(0.0)));
    let zone = picture.areas.iter().find(|it| it.zone == "protective").expect("a zone");
    assert!(holds(&zone.outline, 32.0704, 120.513), "the school lies in it: {:?}", zone.outline);
    assert!(!holds(&zone.outline, 32.052, 120.513), "the village does not");
    let names: Vec<_> = picture.places.iter().chain(&picture.installations).map(|it| (it.name.as_str(), it.heads)).collect();
    assert_eq!(names, [("实验小学", Some(860)), ("合成装置", Some(17))]);
    assert_eq!(picture.total, Some(v1::HeadTotal { known: 877, places: 2, unknown: 0 }));

    plant.kill();
    plant.start_again().await;
    let ask = |words: &[&str]| {
        let server = format!("http://{}", plant.grpc());
        run([&["query", "warnings", "--server", server.as_str()], words].concat()).succeeded()
    };
    let json: serde_json::Value = serde_json::from_str(ask(&["--json"]).trim()).expect("one line of JSON");
    let shown = &json["picture"];
    assert_eq!((&shown["warning"], &json["picture_pending"]), (&opened.id.as_str().into(), &false.into()));
    assert_eq!(shown["places"][0]["name"], "实验小学");
    assert_eq!(shown["areas"][1]["geometry"]["coordinates"][0].as_array().map(Vec::len), Some(5));
    let lines = ask(&[]);
    for said in
        ["硫化氢", "UN 1053", "防护区 学校 实验小学", "860 人", "园区应急救援队", "硫化氢泄漏专项应急预案", "plans/sulfide.pdf"]
    {
        assert!(lines.contains(said), "{said}: {lines}");
    }
    assert!(!lines.contains("南村"), "{lines}");
    let pictures = feed.events().into_iter().filter(|it| it.kind == "warning.picture").count();
    assert_eq!(pictures, 1);
}
