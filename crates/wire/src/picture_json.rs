//! First pictures as JSON: the same keys in events and in lists of warnings.

use serde_json::{Map, Value, json};

use crate::{format_time, time_from_v1, v1};

/// A picture as an object; what is not known is null.
pub fn picture_json(picture: &v1::Picture) -> Value {
    Value::Object(picture_fields(picture).into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}

pub(crate) fn picture_fields(picture: &v1::Picture) -> Vec<(&'static str, Value)> {
    let each = |items: &[v1::PictureItem]| items.iter().map(item).collect::<Value>();
    let mut fields = vec![
        ("warning", text(&picture.warning)),
        ("asked_by", text(&picture.asked_by)),
        ("at", time(picture.at.as_ref())),
        ("substances", picture.substances.iter().map(substance).collect()),
        ("substance_from", text(&picture.substance_from)),
        ("source_installation", text(&picture.installation)),
        ("location", json!(picture.lat.zip(picture.lon).map(|(lat, lon)| json!({ "lat": lat, "lon": lon })))),
        ("spill", text(&picture.spill)),
        ("fire", json!(picture.fire)),
        ("light", text(&picture.light)),
        ("wind", picture.wind.as_ref().map_or(Value::Null, wind)),
        ("isolate_m", json!(picture.isolate_m)),
        ("protect_km", json!(picture.protect_km)),
        ("protect_or_more", json!(picture.protect_or_more)),
        ("shape", text(&picture.shape)),
        ("towards_deg", json!(picture.towards_deg)),
        ("areas", picture.areas.iter().map(area).collect()),
        ("places", each(&picture.places)),
        ("more_places", json!(picture.more_places)),
        ("installations", each(&picture.installations)),
        ("more_installations", json!(picture.more_installations)),
    ];
    fields.extend([
        ("in_isolation", total(picture.in_isolation)),
        ("in_protective", total(picture.in_protective)),
        ("total", total(picture.total)),
        ("resources", picture.resources.iter().map(resource).collect()),
        ("plans", picture.plans.iter().map(plan).collect()),
        ("notes", picture.notes.iter().map(|it| json!({ "text": it.text, "zh": it.zh })).collect()),
        ("label", text(&picture.label)),
        ("label_zh", text(&picture.label_zh)),
    ]);
    fields
}

fn substance(it: &v1::PictureSubstance) -> Value {
    let un = (it.un > 0).then_some(it.un);
    json!({ "cas": text(&it.cas), "un": un, "name": text(&it.name), "name_zh": text(&it.name_zh), "counted": it.counted })
}

fn wind(it: &v1::PictureWind) -> Value {
    json!({
        "from_deg": it.from_deg, "speed_mps": it.speed_mps, "measured_at": time(it.measured_at.as_ref()),
        "direction_point": text(&it.direction_point), "speed_point": text(&it.speed_point), "used": it.used,
        "doubt": text(&it.doubt), "doubt_zh": text(&it.doubt_zh),
    })
}

/// Like GeoJSON: longitude first.
fn area(it: &v1::PictureArea) -> Value {
    let at = |it: &v1::GeoPoint| json!([it.lon, it.lat]);
    json!({
        "zone": text(&it.zone), "centre": it.centre.as_ref().map(at), "radius_m": it.radius_m,
        "geometry": { "type": "Polygon", "coordinates": [it.outline.iter().map(at).collect::<Value>()] },
    })
}

fn item(it: &v1::PictureItem) -> Value {
    json!({
        "id": it.id, "name": it.name, "kind": it.kind, "zone": it.zone, "distance_m": it.distance_m, "bearing_deg": it.bearing_deg,
        "heads": it.heads, "heads_measured_at": time(it.heads_measured_at.as_ref()),
        "heads_counted_with": text(&it.heads_counted_with), "heads_doubt": text(&it.heads_doubt),
        "heads_doubt_zh": text(&it.heads_doubt_zh), "substances": it.substances,
    })
}

fn total(it: Option<v1::HeadTotal>) -> Value {
    it.map_or(Value::Null, |it| json!({ "known": it.known, "places": it.places, "unknown": it.unknown }))
}

fn resource(it: &v1::PictureResource) -> Value {
    json!({
        "id": it.id, "name": it.name, "kind": it.kind, "amount": text(&it.amount), "contact": text(&it.contact),
        "distance_m": it.distance_m, "bearing_deg": it.bearing_deg, "zone": text(&it.zone),
    })
}

fn plan(it: &v1::PicturePlan) -> Value {
    json!({
        "id": it.id, "name": it.name, "level": text(&it.level), "document": text(&it.document), "contact": text(&it.contact),
        "certain": it.certain,
    })
}

fn text(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { json!(text) }
}

fn time(time: Option<&prost_types::Timestamp>) -> Value {
    time.map_or(Value::Null, |it| json!(format_time(time_from_v1(it))))
}
