//! Where a warning is: names for people, shapes and codes for programs.

use cap::{Circle, Locality, Named, Point, Polygon, Text, WarningError};
use model::{Enterprise, Installation, Park, Picture, PictureArea, Site};
use warning::Warning;

/// The circle around an installation where no zones are known: the 500 m within which GB 18218 counts people.
const RADIUS_KM: f64 = 0.5;

pub(super) fn park<'a>(warning: &Warning, site: &'a Site) -> Option<&'a Park> {
    let id = warning.scope.park.as_deref()?;
    site.parks.iter().find(|it| it.id.as_str() == id)
}

fn enterprise<'a>(warning: &Warning, site: &'a Site) -> Option<&'a Enterprise> {
    let id = warning.scope.enterprise.as_deref()?;
    site.enterprises.iter().find(|it| it.id.as_str() == id)
}

fn installation<'a>(warning: &Warning, site: &'a Site) -> Option<&'a Installation> {
    let id = warning.scope.installation.as_deref()?;
    site.installations.iter().find(|it| it.id.as_str() == id)
}

/// The names of park, enterprise and installation, from the widest; the id of its place where none has a name.
pub(super) fn place(warning: &Warning, site: &Site) -> String {
    let names = [
        park(warning, site).map(|it| it.name.as_str()),
        enterprise(warning, site).map(|it| it.name.as_str()),
        installation(warning, site).map(|it| it.name.as_str()),
    ];
    let names: Vec<_> = names.into_iter().flatten().filter(|name| !name.trim().is_empty()).collect();
    if names.is_empty() { warning.place.id.to_string() } else { names.join(" ") }
}

/// The zones of the first picture, or what is known without one, the district's code, and the id of the place, which is always there.
pub(super) fn locality(warning: &Warning, picture: Option<&Picture>, site: &Site) -> Result<Locality, WarningError> {
    let mut codes = vec![named(warning.place.kind.as_str(), &warning.place.id)?];
    let own = enterprise(warning, site).map(|it| it.district.as_str()).filter(|it| !it.is_empty());
    let district = own.or_else(|| park(warning, site).map(|it| it.district.as_str())).filter(|it| !it.is_empty());
    if let Some(district) = district {
        codes.push(named("GB/T 2260", district)?);
    }
    let areas = picture.map_or(&[][..], |it| &it.areas);
    let polygons = areas.iter().map(polygon).collect::<Result<Vec<_>, _>>()?;
    let circles = if polygons.is_empty() { circle(warning, site)?.into_iter().collect() } else { Vec::new() };
    Ok(Locality { polygons, circles, codes })
}

fn polygon(area: &PictureArea) -> Result<Polygon, WarningError> {
    let points = area.outline.iter().map(|it| Point::new(it.lat, it.lon)).collect::<Result<_, _>>()?;
    Ok(Polygon::new(points)?)
}

fn circle(warning: &Warning, site: &Site) -> Result<Option<Circle>, WarningError> {
    let Some(at) = installation(warning, site).and_then(|it| it.location) else { return Ok(None) };
    Ok(Some(Circle::new(Point::new(at.lat, at.lon)?, RADIUS_KM)?))
}

fn named(name: &str, value: &str) -> Result<Named, WarningError> {
    Ok(Named { name: Text::new(name)?, value: Text::new(value)? })
}
