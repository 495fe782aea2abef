//! Places, resources, plans and points of the wind: model <-> `davy.v1`.

use model::{
    EnterpriseId, Extent, HeadSource, Level, Location, ParkId, Place, PlaceId, PlaceKind, Plan, PlanId, PointId, Resource,
    ResourceId, ResourceKind, WindPoints,
};

use crate::record::DecodeError;
use crate::v1;
use crate::warning::{id, some, word};

type Read<T> = Result<T, DecodeError>;

pub(crate) const fn geo_to_v1(location: Location) -> v1::GeoPoint {
    v1::GeoPoint { lat: location.lat, lon: location.lon }
}

pub(crate) const fn geo_from_v1(point: &v1::GeoPoint) -> Location {
    Location { lat: point.lat, lon: point.lon }
}

/// A text of what may be missing.
fn text<T: ToString>(it: Option<&T>) -> String {
    it.map(T::to_string).unwrap_or_default()
}

pub(crate) fn wind_to_v1(wind: &WindPoints) -> v1::WindPoints {
    v1::WindPoints { speed: wind.speed.to_string(), direction: wind.direction.to_string() }
}

pub(crate) fn wind_from_v1(wind: &v1::WindPoints) -> Read<WindPoints> {
    Ok(WindPoints {
        speed: id("wind.speed", &wind.speed, PointId::new)?,
        direction: id("wind.direction", &wind.direction, PointId::new)?,
    })
}

pub(crate) fn place_to_v1(place: &Place) -> v1::Place {
    let outline = match &place.extent {
        Extent::Point(at) => vec![geo_to_v1(*at)],
        Extent::Outline(outline) => outline.iter().map(|at| geo_to_v1(*at)).collect(),
    };
    let (heads, heads_point) = match &place.heads {
        HeadSource::Unknown => (None, String::new()),
        HeadSource::Fixed(heads) => (Some(*heads), String::new()),
        HeadSource::Point(point) => (None, point.to_string()),
    };
    v1::Place {
        id: place.id.to_string(),
        name: place.name.clone(),
        kind: place.kind.as_str().to_owned(),
        enterprise: text(place.enterprise.as_ref()),
        park: text(place.park.as_ref()),
        outline,
        heads,
        heads_point,
    }
}

pub(crate) fn place_from_v1(place: &v1::Place) -> Read<Place> {
    let extent = match &place.outline[..] {
        [] => return Err(DecodeError::field("place.outline", &place.id)),
        [at] => Extent::Point(geo_from_v1(at)),
        outline => Extent::Outline(outline.iter().map(geo_from_v1).collect()),
    };
    let of_point = || some(&place.heads_point, |it| id("place.heads_point", it, PointId::new));
    let heads = match place.heads {
        Some(heads) => HeadSource::Fixed(heads),
        None => of_point()?.map_or(HeadSource::Unknown, HeadSource::Point),
    };
    Ok(Place {
        id: id("place.id", &place.id, PlaceId::new)?,
        name: place.name.clone(),
        kind: word("place.kind", &place.kind, PlaceKind::parse)?,
        enterprise: some(&place.enterprise, |it| id("place.enterprise", it, EnterpriseId::new))?,
        park: some(&place.park, |it| id("place.park", it, ParkId::new))?,
        extent,
        heads,
    })
}

pub(crate) fn resource_to_v1(resource: &Resource) -> v1::Resource {
    v1::Resource {
        id: resource.id.to_string(),
        name: resource.name.clone(),
        kind: resource.kind.as_str().to_owned(),
        location: resource.location.map(geo_to_v1),
        amount: resource.amount.clone(),
        contact: resource.contact.clone(),
    }
}

pub(crate) fn resource_from_v1(resource: &v1::Resource) -> Read<Resource> {
    Ok(Resource {
        id: id("resource.id", &resource.id, ResourceId::new)?,
        name: resource.name.clone(),
        kind: word("resource.kind", &resource.kind, ResourceKind::parse)?,
        location: resource.location.as_ref().map(geo_from_v1),
        amount: resource.amount.clone(),
        contact: resource.contact.clone(),
    })
}

pub(crate) fn plan_to_v1(plan: &Plan) -> v1::Plan {
    v1::Plan {
        id: plan.id.to_string(),
        name: plan.name.clone(),
        substances: plan.substances.clone(),
        places: plan.places.iter().map(|it| it.as_str().to_owned()).collect(),
        enterprise: text(plan.enterprise.as_ref()),
        park: text(plan.park.as_ref()),
        level: plan.level.map(|it| it.as_str().to_owned()).unwrap_or_default(),
        document: plan.document.clone(),
        contact: plan.contact.clone(),
    }
}

pub(crate) fn plan_from_v1(plan: &v1::Plan) -> Read<Plan> {
    Ok(Plan {
        id: id("plan.id", &plan.id, PlanId::new)?,
        name: plan.name.clone(),
        substances: plan.substances.clone(),
        places: plan.places.iter().map(|it| word("plan.places", it, PlaceKind::parse)).collect::<Read<_>>()?,
        enterprise: some(&plan.enterprise, |it| id("plan.enterprise", it, EnterpriseId::new))?,
        park: some(&plan.park, |it| id("plan.park", it, ParkId::new))?,
        level: some(&plan.level, |it| word("plan.level", it, Level::parse))?,
        document: plan.document.clone(),
        contact: plan.contact.clone(),
    })
}
