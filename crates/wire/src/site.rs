//! Site revisions: model <-> records, and the same for the network.

use model::{
    Enterprise, EnterpriseId, GatewayPath, Installation, InstallationId, InstallationKind, Location, Park, ParkId, Point,
    PointId, PointNumber, PointSource, Protocol, Quantity, Range, Revision, RevisionNumber, Site, Span, Substance,
};

use crate::event::hex;
use crate::place::{
    place_from_v1, place_to_v1, plan_from_v1, plan_to_v1, resource_from_v1, resource_to_v1, wind_from_v1, wind_to_v1,
};
use crate::record::DecodeError;
use crate::rule::{rule_from_v1, rule_to_v1, suppression_from_v1, suppression_to_v1};
use crate::warning::{department_from_v1, department_to_v1, warning_rule_from_v1, warning_rule_to_v1};
use crate::{pb::record, v1};

/// A revision as it stands in journals.
pub fn revision_to_record(revision: &Revision) -> record::SiteRevision {
    record::SiteRevision {
        number: revision.number.0,
        content_hash: revision.content_hash.to_vec(),
        parks: revision.site.parks.iter().map(park_to_v1).collect(),
        enterprises: revision.site.enterprises.iter().map(enterprise_to_v1).collect(),
        installations: revision.site.installations.iter().map(installation_to_v1).collect(),
        points: revision.points().map(|(number, point)| point_to_v1(number, point)).collect(),
        next_point_number: revision.next_point_number.0,
        retired: revision
            .retired
            .iter()
            .map(|(id, number)| record::RetiredPoint { id: id.to_string(), number: number.0 })
            .collect(),
        suppressions: revision.site.suppressions.iter().map(suppression_to_v1).collect(),
        departments: revision.site.departments.iter().map(department_to_v1).collect(),
        warnings: revision.site.warnings.iter().map(warning_rule_to_v1).collect(),
        places: revision.site.places.iter().map(place_to_v1).collect(),
        resources: revision.site.resources.iter().map(resource_to_v1).collect(),
        plans: revision.site.plans.iter().map(plan_to_v1).collect(),
    }
}

/// A revision from a journal.
pub fn revision_from_record(record: &record::SiteRevision) -> Result<Revision, DecodeError> {
    let content_hash =
        record.content_hash.as_slice().try_into().map_err(|_| DecodeError::field("content_hash", "not 32 bytes"))?;
    let retired = record.retired.iter().map(|it| Ok((point_id(&it.id)?, PointNumber(it.number))));
    Ok(Revision {
        number: RevisionNumber(record.number),
        content_hash,
        site: Site {
            parks: record.parks.iter().map(park_from_v1).collect::<Result<_, _>>()?,
            enterprises: record.enterprises.iter().map(enterprise_from_v1).collect::<Result<_, _>>()?,
            installations: record.installations.iter().map(installation_from_v1).collect::<Result<_, _>>()?,
            points: record.points.iter().map(point_from_v1).collect::<Result<_, _>>()?,
            suppressions: record.suppressions.iter().map(suppression_from_v1).collect::<Result<_, _>>()?,
            departments: record.departments.iter().map(department_from_v1).collect::<Result<_, _>>()?,
            warnings: record.warnings.iter().map(warning_rule_from_v1).collect::<Result<_, _>>()?,
            places: record.places.iter().map(place_from_v1).collect::<Result<_, _>>()?,
            resources: record.resources.iter().map(resource_from_v1).collect::<Result<_, _>>()?,
            plans: record.plans.iter().map(plan_from_v1).collect::<Result<_, _>>()?,
        },
        numbers: record.points.iter().map(|it| PointNumber(it.number)).collect(),
        next_point_number: PointNumber(record.next_point_number),
        retired: retired.collect::<Result<_, DecodeError>>()?,
    })
}

/// The site in force for the network, without its points.
pub fn site_to_v1(revision: &Revision, seal_public_key: &[u8; 32]) -> v1::Site {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    v1::Site {
        revision: revision.number.0,
        content_hash: hex(&revision.content_hash),
        parks: revision.site.parks.iter().map(park_to_v1).collect(),
        enterprises: revision.site.enterprises.iter().map(enterprise_to_v1).collect(),
        installations: revision.site.installations.iter().map(installation_to_v1).collect(),
        points: count(revision.site.points.len()),
        alarms: count(revision.site.points.iter().map(|point| point.alarms.len()).sum()),
        seal_public_key: hex(seal_public_key),
        departments: revision.site.departments.iter().map(department_to_v1).collect(),
        warnings: revision.site.warnings.iter().map(warning_rule_to_v1).collect(),
        places: revision.site.places.iter().map(place_to_v1).collect(),
        resources: revision.site.resources.iter().map(resource_to_v1).collect(),
        plans: revision.site.plans.iter().map(plan_to_v1).collect(),
    }
}

fn park_to_v1(park: &Park) -> v1::Park {
    v1::Park {
        id: park.id.to_string(),
        name: park.name.clone(),
        time_zone: park.time_zone.clone(),
        district: park.district.clone(),
        wind: park.wind.as_ref().map(wind_to_v1),
    }
}

fn park_from_v1(park: &v1::Park) -> Result<Park, DecodeError> {
    Ok(Park {
        id: park_id(&park.id)?,
        name: park.name.clone(),
        time_zone: park.time_zone.clone(),
        district: park.district.clone(),
        wind: park.wind.as_ref().map(wind_from_v1).transpose()?,
    })
}

fn enterprise_to_v1(enterprise: &Enterprise) -> v1::Enterprise {
    v1::Enterprise {
        id: enterprise.id.to_string(),
        name: enterprise.name.clone(),
        park: enterprise.park.as_ref().map(ParkId::to_string).unwrap_or_default(),
        district: enterprise.district.clone(),
    }
}

fn enterprise_from_v1(enterprise: &v1::Enterprise) -> Result<Enterprise, DecodeError> {
    Ok(Enterprise {
        id: enterprise_id(&enterprise.id)?,
        name: enterprise.name.clone(),
        park: optional_park(&enterprise.park)?,
        district: enterprise.district.clone(),
    })
}

fn installation_to_v1(installation: &Installation) -> v1::Installation {
    let substance =
        |it: &Substance| v1::Substance { cas: it.cas.clone(), name: it.name.clone(), design_max_tonnes: it.design_max_tonnes };
    v1::Installation {
        id: installation.id.to_string(),
        name: installation.name.clone(),
        enterprise: installation.enterprise.to_string(),
        kind: installation.kind.as_str().to_owned(),
        exposed_people: installation.exposed_people,
        lat: installation.location.map(|it| it.lat),
        lon: installation.location.map(|it| it.lon),
        substances: installation.substances.iter().map(substance).collect(),
        wind: installation.wind.as_ref().map(wind_to_v1),
    }
}

fn installation_from_v1(installation: &v1::Installation) -> Result<Installation, DecodeError> {
    let substance =
        |it: &v1::Substance| Substance { cas: it.cas.clone(), name: it.name.clone(), design_max_tonnes: it.design_max_tonnes };
    Ok(Installation {
        id: installation_id(&installation.id)?,
        name: installation.name.clone(),
        enterprise: enterprise_id(&installation.enterprise)?,
        kind: InstallationKind::parse(&installation.kind)
            .ok_or_else(|| DecodeError::field("installation.kind", &installation.kind))?,
        exposed_people: installation.exposed_people,
        location: installation.lat.zip(installation.lon).map(|(lat, lon)| Location { lat, lon }),
        substances: installation.substances.iter().map(substance).collect(),
        wind: installation.wind.as_ref().map(wind_from_v1).transpose()?,
    })
}

/// A point with its number, for records and the network.
pub fn point_to_v1(number: PointNumber, point: &Point) -> v1::Point {
    v1::Point {
        id: point.id.to_string(),
        number: number.0,
        name: point.name.clone(),
        installation: point.installation.to_string(),
        enterprise: point.enterprise.to_string(),
        park: point.park.as_ref().map(ParkId::to_string).unwrap_or_default(),
        quantity: point.quantity.as_str().to_owned(),
        unit: point.unit.clone(),
        range_low: point.range.map(|it| it.low),
        range_high: point.range.map(|it| it.high),
        stale_after_us: point.stale_after.micros(),
        protocol: point.source.protocol.as_str().to_owned(),
        gateway: point.source.gateway.to_string(),
        tag: point.source.tag.clone(),
        states: point.states.iter().map(|(text, value)| v1::StateValue { text: text.clone(), value: *value }).collect(),
        alarms: point.alarms.iter().map(|rule| rule_to_v1(rule, point.quantity)).collect(),
        cas: point.cas.clone(),
    }
}

fn point_from_v1(point: &v1::Point) -> Result<Point, DecodeError> {
    let source = PointSource {
        protocol: Protocol::parse(&point.protocol).ok_or_else(|| DecodeError::field("point.protocol", &point.protocol))?,
        gateway: GatewayPath::new(&point.gateway).map_err(|_| DecodeError::field("point.gateway", &point.gateway))?,
        tag: point.tag.clone(),
    };
    let quantity = Quantity::parse(&point.quantity).ok_or_else(|| DecodeError::field("point.quantity", &point.quantity))?;
    Ok(Point {
        id: point_id(&point.id)?,
        name: point.name.clone(),
        installation: installation_id(&point.installation)?,
        enterprise: enterprise_id(&point.enterprise)?,
        park: optional_park(&point.park)?,
        quantity,
        unit: point.unit.clone(),
        range: point.range_low.zip(point.range_high).map(|(low, high)| Range { low, high }),
        stale_after: Span::from_micros(point.stale_after_us),
        source,
        states: point.states.iter().map(|it| (it.text.clone(), it.value)).collect(),
        alarms: point.alarms.iter().map(|it| rule_from_v1(it, quantity)).collect::<Result<_, _>>()?,
        cas: point.cas.clone(),
    })
}

fn point_id(text: &str) -> Result<PointId, DecodeError> {
    PointId::new(text).map_err(|_| DecodeError::field("point.id", text))
}

fn park_id(text: &str) -> Result<ParkId, DecodeError> {
    ParkId::new(text).map_err(|_| DecodeError::field("park.id", text))
}

fn optional_park(text: &str) -> Result<Option<ParkId>, DecodeError> {
    if text.is_empty() { Ok(None) } else { park_id(text).map(Some) }
}

fn enterprise_id(text: &str) -> Result<EnterpriseId, DecodeError> {
    EnterpriseId::new(text).map_err(|_| DecodeError::field("enterprise.id", text))
}

fn installation_id(text: &str) -> Result<InstallationId, DecodeError> {
    InstallationId::new(text).map_err(|_| DecodeError::field("installation.id", text))
}
