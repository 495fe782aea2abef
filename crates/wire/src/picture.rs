//! First pictures of warnings: model <-> `davy.v1`.

use std::sync::Arc;

use model::{
    Daylight, EventId, HeadCount, HeadTotal, InZone, InstallationKind, Level, Lies, Location, Picture, PictureArea, PictureNote,
    PicturePlan, PictureResource, PictureShape, PictureSubstance, PictureWind, PictureZone, PlaceKind, ResourceKind, SpillSize,
    SubstanceFrom, Time,
};

use crate::place::{geo_from_v1, geo_to_v1};
use crate::record::DecodeError;
use crate::warning::{some, word};
use crate::{time_from_v1, time_to_v1, v1};

type Read<T> = Result<T, DecodeError>;

/// A picture for journals and the network.
pub fn picture_to_v1(picture: &Picture) -> v1::Picture {
    v1::Picture {
        warning: picture.warning.to_string(),
        asked_by: picture.asked_by.to_string(),
        at: Some(time_to_v1(picture.at)),
        substances: picture.substances.iter().map(substance_to_v1).collect(),
        substance_from: picture.substance_from.as_str().to_owned(),
        installation: picture.installation.clone(),
        lat: picture.location.map(|it| it.lat),
        lon: picture.location.map(|it| it.lon),
        spill: picture.spill.as_str().to_owned(),
        fire: picture.fire,
        light: picture.light.map(|it| it.as_str().to_owned()).unwrap_or_default(),
        wind: Some(wind_to_v1(&picture.wind)),
        isolate_m: picture.isolate_m,
        protect_km: picture.protect_km,
        protect_or_more: picture.protect_or_more,
        shape: picture.shape.as_str().to_owned(),
        towards_deg: picture.towards_deg,
        areas: picture.areas.iter().map(area_to_v1).collect(),
        places: picture.places.iter().map(|it| item_to_v1(it, it.kind.as_str())).collect(),
        more_places: picture.more_places,
        installations: picture.installations.iter().map(|it| item_to_v1(it, it.kind.as_str())).collect(),
        more_installations: picture.more_installations,
        in_isolation: Some(total_to_v1(picture.in_isolation)),
        in_protective: Some(total_to_v1(picture.in_protective)),
        total: Some(total_to_v1(picture.total)),
        resources: picture.resources.iter().map(resource_to_v1).collect(),
        plans: picture.plans.iter().map(plan_to_v1).collect(),
        notes: picture.notes.iter().map(|it| v1::PictureNote { text: it.text.clone(), zh: it.zh.clone() }).collect(),
        label: picture.label.clone(),
        label_zh: picture.label_zh.clone(),
    }
}

/// A picture from a journal or the network.
pub(crate) fn picture_from_v1(picture: &v1::Picture) -> Read<Picture> {
    let event = |field, text: &str| EventId::parse(text).ok_or_else(|| DecodeError::field(field, text));
    let places = |it| item_from_v1(it, word("picture.place.kind", &it.kind, PlaceKind::parse)?);
    let installations = |it| item_from_v1(it, word("picture.installation.kind", &it.kind, InstallationKind::parse)?);
    Ok(Picture {
        warning: event("picture.warning", &picture.warning)?,
        asked_by: event("picture.asked_by", &picture.asked_by)?,
        at: picture.at.as_ref().map_or(Time::MIN, time_from_v1),
        substances: picture.substances.iter().map(substance_from_v1).collect(),
        substance_from: word("picture.substance_from", &picture.substance_from, SubstanceFrom::parse)?,
        installation: picture.installation.clone(),
        location: picture.lat.zip(picture.lon).map(|(lat, lon)| Location { lat, lon }),
        spill: word("picture.spill", &picture.spill, SpillSize::parse)?,
        fire: picture.fire,
        light: some(&picture.light, |it| word("picture.light", it, Daylight::parse))?,
        wind: picture.wind.as_ref().map(wind_from_v1).unwrap_or_default(),
        isolate_m: picture.isolate_m,
        protect_km: picture.protect_km,
        protect_or_more: picture.protect_or_more,
        shape: word("picture.shape", &picture.shape, PictureShape::parse)?,
        towards_deg: picture.towards_deg,
        areas: picture.areas.iter().map(area_from_v1).collect::<Read<_>>()?,
        places: picture.places.iter().map(places).collect::<Read<_>>()?,
        more_places: picture.more_places,
        installations: picture.installations.iter().map(installations).collect::<Read<_>>()?,
        more_installations: picture.more_installations,
        in_isolation: total_from_v1(picture.in_isolation),
        in_protective: total_from_v1(picture.in_protective),
        total: total_from_v1(picture.total),
        resources: picture.resources.iter().map(resource_from_v1).collect::<Read<_>>()?,
        plans: picture.plans.iter().map(plan_from_v1).collect::<Read<_>>()?,
        notes: picture.notes.iter().map(|it| PictureNote { text: it.text.clone(), zh: it.zh.clone() }).collect(),
        label: picture.label.clone(),
        label_zh: picture.label_zh.clone(),
    })
}

fn substance_to_v1(substance: &PictureSubstance) -> v1::PictureSubstance {
    v1::PictureSubstance {
        cas: substance.cas.clone(),
        un: substance.un.map_or(0, u32::from),
        name: substance.name.clone(),
        name_zh: substance.name_zh.clone(),
        counted: substance.counted,
    }
}

fn substance_from_v1(substance: &v1::PictureSubstance) -> PictureSubstance {
    PictureSubstance {
        cas: substance.cas.clone(),
        un: u16::try_from(substance.un).ok().filter(|un| *un > 0),
        name: substance.name.clone(),
        name_zh: substance.name_zh.clone(),
        counted: substance.counted,
    }
}

fn wind_to_v1(wind: &PictureWind) -> v1::PictureWind {
    v1::PictureWind {
        from_deg: wind.from_deg,
        speed_mps: wind.speed_mps,
        measured_at: wind.measured_at.map(time_to_v1),
        direction_point: wind.direction_point.clone(),
        speed_point: wind.speed_point.clone(),
        used: wind.used,
        doubt: wind.doubt.clone(),
        doubt_zh: wind.doubt_zh.clone(),
    }
}

fn wind_from_v1(wind: &v1::PictureWind) -> PictureWind {
    PictureWind {
        from_deg: wind.from_deg,
        speed_mps: wind.speed_mps,
        measured_at: wind.measured_at.as_ref().map(time_from_v1),
        direction_point: wind.direction_point.clone(),
        speed_point: wind.speed_point.clone(),
        used: wind.used,
        doubt: wind.doubt.clone(),
        doubt_zh: wind.doubt_zh.clone(),
    }
}

fn area_to_v1(area: &PictureArea) -> v1::PictureArea {
    v1::PictureArea {
        zone: area.zone.as_str().to_owned(),
        centre: area.circle.map(|(centre, _)| geo_to_v1(centre)),
        radius_m: area.circle.map(|(_, radius_m)| radius_m),
        outline: area.outline.iter().map(|it| geo_to_v1(*it)).collect(),
    }
}

fn area_from_v1(area: &v1::PictureArea) -> Read<PictureArea> {
    Ok(PictureArea {
        zone: word("picture.area.zone", &area.zone, PictureZone::parse)?,
        circle: area.centre.as_ref().map(geo_from_v1).zip(area.radius_m),
        outline: area.outline.iter().map(geo_from_v1).collect(),
    })
}

fn item_to_v1<K>(item: &InZone<K>, kind: &str) -> v1::PictureItem {
    v1::PictureItem {
        id: item.id.to_string(),
        name: item.name.clone(),
        kind: kind.to_owned(),
        zone: item.lies.zone.as_str().to_owned(),
        distance_m: item.lies.distance_m,
        bearing_deg: item.lies.bearing_deg,
        heads: item.people.heads,
        heads_measured_at: item.people.measured_at.map(time_to_v1),
        heads_counted_with: item.people.counted_with.clone(),
        heads_doubt: item.people.doubt.clone(),
        heads_doubt_zh: item.people.doubt_zh.clone(),
        substances: item.substances.clone(),
    }
}

fn item_from_v1<K>(item: &v1::PictureItem, kind: K) -> Read<InZone<K>> {
    Ok(InZone {
        id: Arc::from(item.id.as_str()),
        name: item.name.clone(),
        kind,
        lies: Lies {
            zone: word("picture.zone", &item.zone, PictureZone::parse)?,
            distance_m: item.distance_m,
            bearing_deg: item.bearing_deg,
        },
        people: HeadCount {
            heads: item.heads,
            measured_at: item.heads_measured_at.as_ref().map(time_from_v1),
            counted_with: item.heads_counted_with.clone(),
            doubt: item.heads_doubt.clone(),
            doubt_zh: item.heads_doubt_zh.clone(),
        },
        substances: item.substances.clone(),
    })
}

const fn total_to_v1(total: HeadTotal) -> v1::HeadTotal {
    v1::HeadTotal { known: total.known, places: total.places, unknown: total.unknown }
}

fn total_from_v1(total: Option<v1::HeadTotal>) -> HeadTotal {
    total.map(|it| HeadTotal { known: it.known, places: it.places, unknown: it.unknown }).unwrap_or_default()
}

fn resource_to_v1(resource: &PictureResource) -> v1::PictureResource {
    v1::PictureResource {
        id: resource.id.to_string(),
        name: resource.name.clone(),
        kind: resource.kind.as_str().to_owned(),
        amount: resource.amount.clone(),
        contact: resource.contact.clone(),
        distance_m: resource.distance_m,
        bearing_deg: resource.bearing_deg,
        zone: resource.zone.map(|it| it.as_str().to_owned()).unwrap_or_default(),
    }
}

fn resource_from_v1(resource: &v1::PictureResource) -> Read<PictureResource> {
    Ok(PictureResource {
        id: Arc::from(resource.id.as_str()),
        name: resource.name.clone(),
        kind: word("picture.resource.kind", &resource.kind, ResourceKind::parse)?,
        amount: resource.amount.clone(),
        contact: resource.contact.clone(),
        distance_m: resource.distance_m,
        bearing_deg: resource.bearing_deg,
        zone: some(&resource.zone, |it| word("picture.resource.zone", it, PictureZone::parse))?,
    })
}

fn plan_to_v1(plan: &PicturePlan) -> v1::PicturePlan {
    v1::PicturePlan {
        id: plan.id.to_string(),
        name: plan.name.clone(),
        level: plan.level.map(|it| it.as_str().to_owned()).unwrap_or_default(),
        document: plan.document.clone(),
        contact: plan.contact.clone(),
        certain: plan.certain,
    }
}

fn plan_from_v1(plan: &v1::PicturePlan) -> Read<PicturePlan> {
    Ok(PicturePlan {
        id: Arc::from(plan.id.as_str()),
        name: plan.name.clone(),
        level: some(&plan.level, |it| word("picture.plan.level", it, Level::parse))?,
        document: plan.document.clone(),
        contact: plan.contact.clone(),
        certain: plan.certain,
    })
}
