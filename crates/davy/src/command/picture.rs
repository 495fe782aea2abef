//! The first picture of a warning, in a few lines for people; all of it is in `--json`.

use model::{PlaceKind, ResourceKind};
use wire::v1;

use crate::command::query::shown;

/// So many places, and so many resources, have a line; the others are counted.
const PLACES_SHOWN: usize = 8;
const RESOURCES_SHOWN: usize = 3;

/// What, how far, who, what helps, which plan, what is not known.
pub(super) fn lines(picture: &v1::Picture) -> Vec<String> {
    let mut lines = vec![
        format!("    初期态势 first picture of {}  （{}）", shown(picture.at.as_ref()), picture.label_zh),
        format!("      物质 {}", substance(picture)),
        format!("      距离 {}", distances(picture)),
        format!("      风   {}", picture.wind.as_ref().map(wind).unwrap_or_default()),
    ];
    if picture.isolate_m.is_some() {
        lines.push(format!("      人员 {}", people(picture)));
    }
    let all: Vec<_> = picture.places.iter().chain(&picture.installations).collect();
    lines.extend(all.iter().take(PLACES_SHOWN).map(|it| format!("      {}", item(it))));
    let hidden = all.len().saturating_sub(PLACES_SHOWN) + (picture.more_places + picture.more_installations) as usize;
    if hidden > 0 {
        lines.push(format!("      另有 {hidden} 处 and {hidden} more"));
    }
    lines.extend(picture.resources.iter().take(RESOURCES_SHOWN).map(|it| format!("      资源 {}", resource(it))));
    lines.extend(picture.plans.iter().map(|it| format!("      预案 {}", plan(it))));
    let notes: Vec<_> = picture.notes.iter().map(|it| it.zh.as_str()).collect();
    if !notes.is_empty() {
        lines.push(format!("      注   {}", notes.join("；")));
    }
    lines
}

fn substance(picture: &v1::Picture) -> String {
    let Some(first) = picture.substances.first() else { return "不明 unknown".to_owned() };
    let un = if first.un > 0 { format!("UN {:04}", first.un) } else { "UN 不明".to_owned() };
    let names = [&first.name_zh, &first.name].into_iter().filter(|it| !it.is_empty());
    let names: Vec<_> = names.map(String::as_str).collect();
    let how = match picture.substance_from.as_str() {
        "detector" => "按探测器 by its detector",
        _ => "假定 assumed",
    };
    let cas = if first.cas.is_empty() { String::new() } else { format!("  CAS {}", first.cas) };
    format!("{}  {un}{cas}  {how}", names.join(" "))
}

fn distances(picture: &v1::Picture) -> String {
    let Some(isolate_m) = picture.isolate_m else { return "不明 unknown".to_owned() };
    let light = match picture.light.as_str() {
        "day" => "白天",
        "night" => "夜间",
        _ => "",
    };
    let more = if picture.protect_or_more { " 或更远" } else { "" };
    let protect = match (picture.protect_km, picture.towards_deg) {
        (Some(km), Some(deg)) => format!("下风向 {deg:.0}° 防护 protect {km:.1} km{more}"),
        (Some(km), None) => format!("四周防护 protect {km:.1} km{more}"),
        (None, _) => "防护距离不明 protective distance unknown".to_owned(),
    };
    format!("隔离 isolate {isolate_m:.0} m，{protect}  {light}").trim_end().to_owned()
}

fn wind(wind: &v1::PictureWind) -> String {
    let from = wind.from_deg.map_or_else(|| "风向不明".to_owned(), |deg| format!("来自 from {deg:.0}°"));
    let speed = wind.speed_mps.map_or_else(|| "风速不明".to_owned(), |mps| format!("{mps:.1} m/s"));
    let doubt = if wind.doubt_zh.is_empty() { String::new() } else { format!("  {}", wind.doubt_zh) };
    let at = wind.measured_at.as_ref().map(|at| format!("  {}", shown(Some(at)))).unwrap_or_default();
    format!("{from} {speed}{at}{doubt}")
}

fn people(picture: &v1::Picture) -> String {
    let total = |it: Option<v1::HeadTotal>| {
        let it = it.unwrap_or_default();
        if it.unknown == 0 {
            format!("{} 人", it.known)
        } else {
            format!("至少 {} 人，另有 {} 处人数不明", it.known, it.unknown)
        }
    };
    format!("{}（隔离区 {}）", total(picture.total), total(picture.in_isolation))
}

fn item(item: &v1::PictureItem) -> String {
    let zone = if item.zone == "isolation" { "隔离区" } else { "防护区" };
    let kind = PlaceKind::parse(&item.kind).map_or("装置", PlaceKind::chinese);
    let heads = match (item.heads, item.heads_counted_with.is_empty()) {
        (Some(heads), _) => format!("{heads} 人"),
        (None, true) => format!("人数不明（{}）", item.heads_doubt_zh),
        (None, false) => format!("人数计入 {}", item.heads_counted_with),
    };
    let bearing = item.bearing_deg.map(|deg| format!(" {deg:.0}°")).unwrap_or_default();
    let substances = if item.substances.is_empty() { String::new() } else { format!("  {}", item.substances.join("、")) };
    format!("{zone} {kind} {}  {:.0} m{bearing}  {heads}{substances}", item.name, item.distance_m)
}

fn resource(resource: &v1::PictureResource) -> String {
    let kind = ResourceKind::parse(&resource.kind).map_or("其他资源", ResourceKind::chinese);
    let far = resource.distance_m.map_or_else(|| "位置不明".to_owned(), |metres| format!("{metres:.0} m"));
    let inside = if resource.zone.is_empty() { "" } else { "  在区域内 in a zone itself" };
    let some = [&resource.amount, &resource.contact].into_iter().filter(|it| !it.is_empty());
    let some: Vec<_> = some.map(String::as_str).collect();
    format!("{kind} {}  {far}{inside}  {}", resource.name, some.join("  ")).trim_end().to_owned()
}

fn plan(plan: &v1::PicturePlan) -> String {
    let perhaps = if plan.certain { "" } else { "（可能适用 may apply）" };
    let some = [&plan.level, &plan.document, &plan.contact].into_iter().filter(|it| !it.is_empty());
    let some: Vec<_> = some.map(String::as_str).collect();
    format!("{}{perhaps}  {}", plan.name, some.join("  "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_said_in_few_lines_and_what_is_not_is_said_to_be_unknown() {
        let school = v1::PictureItem {
            name: "实验小学".to_owned(),
            kind: "school".to_owned(),
            zone: "protective".to_owned(),
            distance_m: 990.2,
            bearing_deg: Some(224.6),
            heads: Some(860),
            ..v1::PictureItem::default()
        };
        let gate = v1::PictureItem {
            name: "北门".to_owned(),
            kind: "gate".to_owned(),
            zone: "isolation".to_owned(),
            heads: None,
            heads_doubt_zh: "未提供人数".to_owned(),
            ..school.clone()
        };
        let picture = v1::Picture {
            substances: vec![v1::PictureSubstance {
                cas: "7783-06-4".to_owned(),
                un: 1_053,
                name: "Hydrogen sulfide".to_owned(),
                name_zh: "硫化氢".to_owned(),
                counted: true,
            }],
            substance_from: "detector".to_owned(),
            light: "day".to_owned(),
            wind: Some(v1::PictureWind { from_deg: Some(45.0), speed_mps: Some(3.0), ..v1::PictureWind::default() }),
            isolate_m: Some(400.0),
            protect_km: Some(2.4),
            towards_deg: Some(225.0),
            places: vec![gate, school],
            total: Some(v1::HeadTotal { known: 860, places: 2, unknown: 1 }),
            in_isolation: Some(v1::HeadTotal { known: 0, places: 1, unknown: 1 }),
            plans: vec![v1::PicturePlan {
                name: "专项预案".to_owned(),
                document: "a.pdf".to_owned(),
                ..v1::PicturePlan::default()
            }],
            notes: vec![v1::PictureNote { text: String::new(), zh: "泄漏量不明，按大量泄漏".to_owned() }],
            label_zh: "指南".to_owned(),
            ..v1::Picture::default()
        };
        let expected = [
            "      物质 硫化氢 Hydrogen sulfide  UN 1053  CAS 7783-06-4  按探测器 by its detector",
            "      距离 隔离 isolate 400 m，下风向 225° 防护 protect 2.4 km  白天",
            "      风   来自 from 45° 3.0 m/s",
            "      人员 至少 860 人，另有 1 处人数不明（隔离区 至少 0 人，另有 1 处人数不明）",
            "      隔离区 出入口 北门  990 m 225°  人数不明（未提供人数）",
            "      防护区 学校 实验小学  990 m 225°  860 人",
            "      预案 专项预案（可能适用 may apply）  a.pdf",
            "      注   泄漏量不明，按大量泄漏",
        ];
        assert_eq!(lines(&picture)[1..], expected);
        let unknown = lines(&v1::Picture { wind: Some(v1::PictureWind::default()), ..v1::Picture::default() });
        assert_eq!(unknown[1..], ["      物质 不明 unknown", "      距离 不明 unknown", "      风   风向不明 风速不明"]);
    }
}
