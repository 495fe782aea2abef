//! Parks, enterprises and installations as written, each field checked by itself.

use model::{EnterpriseId, InstallationId, InstallationKind, Location, ParkId, Substance};

use crate::fault::{At, Sink};
use crate::node::Entry;
use crate::wind::{self, WindDraft};

const PARK_KEYS: &[&str] = &["id", "name", "time_zone", "district", "wind"];
const ENTERPRISE_KEYS: &[&str] = &["id", "park", "district", "name"];
const INSTALLATION_KEYS: &[&str] = &["id", "enterprise", "name", "kind", "exposed_people", "location", "substance", "wind"];
const LOCATION_KEYS: &[&str] = &["lat", "lon"];
const SUBSTANCE_KEYS: &[&str] = &["cas", "name", "design_max_tonnes"];

pub(crate) struct ParkDraft {
    pub(crate) id: At<ParkId>,
    pub(crate) name: String,
    pub(crate) time_zone: String,
    pub(crate) district: String,
    pub(crate) wind: Option<WindDraft>,
}

pub(crate) struct EnterpriseDraft {
    pub(crate) id: At<EnterpriseId>,
    pub(crate) name: String,
    pub(crate) park: Option<At<ParkId>>,
    pub(crate) district: String,
}

pub(crate) struct InstallationDraft {
    pub(crate) id: At<InstallationId>,
    pub(crate) name: String,
    pub(crate) enterprise: Option<At<EnterpriseId>>,
    pub(crate) kind: InstallationKind,
    pub(crate) exposed_people: u32,
    pub(crate) location: Option<Location>,
    pub(crate) substances: Vec<Substance>,
    pub(crate) wind: Option<WindDraft>,
}

/// The name, or the id where none is given.
pub(crate) fn name_or(entry: Entry<'_, '_>, id: Option<&str>, sink: &mut Sink) -> String {
    let name = entry.prose("name", sink);
    if name.is_empty() { id.unwrap_or_default().to_owned() } else { name }
}

pub(crate) fn park(entry: Entry<'_, '_>, sink: &mut Sink) -> Option<ParkDraft> {
    entry.check_keys(PARK_KEYS, sink);
    let id = entry.required_id("id", ParkId::new, sink);
    let name = name_or(entry, id.as_ref().map(|id| id.value.as_str()), sink);
    let time_zone = time_zone(entry, sink);
    let district = district(entry, sink);
    let wind = wind::wind(entry, sink);
    Some(ParkDraft { id: id?, name, time_zone, district, wind })
}

/// Names are taken as they are: a list of zones ages faster than a park.
fn time_zone(entry: Entry<'_, '_>, sink: &mut Sink) -> String {
    let Some(zone) = entry.text("time_zone", sink) else { return "Asia/Shanghai".to_owned() };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte);
    let plausible = zone.value == "UTC" || (zone.value.contains('/') && zone.value.bytes().all(allowed));
    if !plausible && let Some(field) = entry.field("time_zone") {
        entry.wrong(field, "is no time zone", "write its IANA name, such as \"Asia/Shanghai\", or \"UTC\"", sink);
    }
    zone.value.to_owned()
}

pub(crate) fn district(entry: Entry<'_, '_>, sink: &mut Sink) -> String {
    let district = entry.prose("district", sink);
    let six_digits = district.len() == 6 && district.bytes().all(|byte| byte.is_ascii_digit());
    if !district.is_empty()
        && !six_digits
        && let Some(field) = entry.field("district")
    {
        entry.wrong(field, "is no district code", "write the six digits of GB/T 2260, such as \"320682\"", sink);
    }
    district
}

pub(crate) fn enterprise(entry: Entry<'_, '_>, sink: &mut Sink) -> Option<EnterpriseDraft> {
    entry.check_keys(ENTERPRISE_KEYS, sink);
    let id = entry.required_id("id", EnterpriseId::new, sink);
    let name = name_or(entry, id.as_ref().map(|id| id.value.as_str()), sink);
    let park = entry.id("park", ParkId::new, sink);
    let district = district(entry, sink);
    Some(EnterpriseDraft { id: id?, name, park, district })
}

pub(crate) fn installation(entry: Entry<'_, '_>, sink: &mut Sink) -> Option<InstallationDraft> {
    entry.check_keys(INSTALLATION_KEYS, sink);
    let id = entry.required_id("id", InstallationId::new, sink);
    let enterprise = entry.required_id("enterprise", EnterpriseId::new, sink);
    let name = name_or(entry, id.as_ref().map(|id| id.value.as_str()), sink);
    let kind = entry.word("kind", InstallationKind::ALL, InstallationKind::as_str, sink);
    let exposed_people = entry.count("exposed_people", sink).unwrap_or(0);
    let location = location(entry, sink);
    let substances = entry.entries("substance", "substance", sink);
    let substances = substances.into_iter().filter_map(|entry| substance(entry, sink)).collect();
    let kind = kind.map_or(InstallationKind::Process, |kind| kind.value);
    let wind = wind::wind(entry, sink);
    Some(InstallationDraft { id: id?, name, enterprise, kind, exposed_people, location, substances, wind })
}

pub(crate) fn location(entry: Entry<'_, '_>, sink: &mut Sink) -> Option<Location> {
    let entry = entry.entries("location", "location", sink).into_iter().next()?;
    entry.check_keys(LOCATION_KEYS, sink);
    entry.required("lat", "lat = 32.061", sink);
    entry.required("lon", "lon = 120.513", sink);
    let mut degrees = |key, limit: f64| {
        let number = entry.number(key, sink)?.value;
        if number.abs() > limit {
            entry.wrong(entry.field(key)?, "lies outside the earth", format!("write degrees from -{limit} to {limit}"), sink);
            return None;
        }
        Some(number)
    };
    let (lat, lon) = (degrees("lat", 90.0), degrees("lon", 180.0));
    Some(Location { lat: lat?, lon: lon? })
}

fn substance(entry: Entry<'_, '_>, sink: &mut Sink) -> Option<Substance> {
    entry.check_keys(SUBSTANCE_KEYS, sink);
    let (cas, name) = (entry.prose("cas", sink), entry.prose("name", sink));
    if cas.is_empty() && name.is_empty() {
        let cure = "add cas = \"7664-41-7\", or a name where it has no number";
        sink.fault(entry.place, "cas", "", "is missing from this substance", cure);
    }
    if !cas.is_empty()
        && let Some(field) = entry.field("cas")
    {
        match cas_check(&cas) {
            Some(true) => {}
            Some(false) => {
                sink.warning(entry.at(field), "cas", field.raw, "has a wrong check digit", "look for a typing error");
            }
            None => entry.wrong(field, "is no CAS number", "write it like \"7664-41-7\"", sink),
        }
    }
    entry.required("design_max_tonnes", "design_max_tonnes = 6.5", sink);
    let design_max_tonnes = entry.magnitude("design_max_tonnes", sink)?;
    Some(Substance { cas, name, design_max_tonnes })
}

/// Whether the check digit of a CAS number is right; `None` for what is none.
pub(crate) fn cas_check(cas: &str) -> Option<bool> {
    let mut parts = cas.split('-');
    let (head, middle, check) = (parts.next()?, parts.next()?, parts.next()?);
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let shaped = (2..=7).contains(&head.len()) && middle.len() == 2 && check.len() == 1 && parts.next().is_none();
    if !shaped || ![head, middle, check].into_iter().all(digits) {
        return None;
    }
    let digit = |byte: u8| u32::from(byte - b'0');
    let weighted = head.bytes().chain(middle.bytes()).rev().zip(1_u32..).map(|(byte, weight)| digit(byte) * weight);
    Some(weighted.sum::<u32>() % 10 == check.bytes().map(digit).sum::<u32>())
}

#[cfg(test)]
mod tests {
    use super::cas_check;

    #[test]
    fn cas_numbers() {
        for (cas, verdict) in [
            ("7664-41-7", Some(true)),
            ("74-98-6", Some(true)),
            ("7664-41-8", Some(false)),
            ("7664417", None),
            ("7664-41-7-1", None),
            ("766a-41-7", None),
            ("1-41-7", None),
        ] {
            assert_eq!(cas_check(cas), verdict, "{cas}");
        }
    }
}
