//! The canonical content of a site: the same meaning gives the same bytes, whatever the order of files, keys and entries.
//!
//! Format 1: a header line, then parks, enterprises, installations and points in order of id, each list led by its length.
//! Numbers are little-endian, texts are led by their length in bytes, binary64 goes by its bits. A revision is known by the hash
//! of these bytes, so a change of format makes every site a new revision once: raise the header's number then.

use model::{AlarmRule, Enterprise, Installation, Location, Park, Point, PointSource, Range, Site, Span, Substance};

const HEADER: &[u8] = b"davy site content 1\n";

/// Writes a checked site, whose lists are in their canonical order.
pub(crate) fn encode(site: &Site) -> Vec<u8> {
    let mut out = Writer(HEADER.to_vec());
    let Site { parks, enterprises, installations, points, suppressions: _ } = site;
    out.list(parks, Writer::park);
    out.list(enterprises, Writer::enterprise);
    out.list(installations, Writer::installation);
    out.list(points, Writer::point);
    out.0
}

struct Writer(Vec<u8>);

// Every struct is taken apart by name: a field that is added to the model and forgotten here does not compile.
impl Writer {
    fn list<T>(&mut self, items: &[T], mut each: impl FnMut(&mut Self, &T)) {
        self.0.extend((items.len() as u64).to_le_bytes());
        for item in items {
            each(self, item);
        }
    }

    fn option<T>(&mut self, value: Option<T>, some: impl FnOnce(&mut Self, T)) {
        self.0.push(u8::from(value.is_some()));
        if let Some(value) = value {
            some(self, value);
        }
    }

    fn text(&mut self, text: &str) {
        self.0.extend((text.len() as u64).to_le_bytes());
        self.0.extend(text.as_bytes());
    }

    fn number(&mut self, number: f64) {
        self.0.extend(number.to_bits().to_le_bytes());
    }

    fn span(&mut self, span: Span) {
        self.0.extend(span.micros().to_le_bytes());
    }

    fn park(&mut self, park: &Park) {
        let Park { id, name, time_zone, district } = park;
        [id.as_str(), name, time_zone, district].into_iter().for_each(|text| self.text(text));
    }

    fn enterprise(&mut self, enterprise: &Enterprise) {
        let Enterprise { id, name, park, district } = enterprise;
        [id.as_str(), name, district].into_iter().for_each(|text| self.text(text));
        self.option(park.as_ref(), |out, park| out.text(park.as_str()));
    }

    fn installation(&mut self, installation: &Installation) {
        let Installation { id, name, enterprise, kind, exposed_people, location, substances } = installation;
        [id.as_str(), name, enterprise.as_str(), kind.as_str()].into_iter().for_each(|text| self.text(text));
        self.0.extend(exposed_people.to_le_bytes());
        self.option(*location, |out, Location { lat, lon }| {
            out.number(lat);
            out.number(lon);
        });
        self.list(substances, |out, Substance { cas, name, design_max_tonnes }| {
            out.text(cas);
            out.text(name);
            out.number(*design_max_tonnes);
        });
    }

    fn point(&mut self, point: &Point) {
        let Point {
            id,
            name,
            installation,
            enterprise,
            park,
            quantity,
            unit,
            range,
            stale_after,
            source,
            states,
            alarms,
            cas: _,
        } = point;
        [id.as_str(), name, installation.as_str(), enterprise.as_str()].into_iter().for_each(|text| self.text(text));
        self.option(park.as_ref(), |out, park| out.text(park.as_str()));
        self.text(quantity.as_str());
        self.text(unit);
        self.option(*range, |out, Range { low, high }| {
            out.number(low);
            out.number(high);
        });
        self.span(*stale_after);
        let PointSource { protocol, gateway, tag } = source;
        [protocol.as_str(), gateway.as_str(), tag].into_iter().for_each(|text| self.text(text));
        self.list(states, |out, (text, number)| {
            out.text(text);
            out.number(*number);
        });
        self.list(alarms, Self::alarm);
    }

    fn alarm(&mut self, rule: &AlarmRule) {
        let AlarmRule {
            id,
            kind,
            limit,
            deadband,
            on_delay,
            off_delay,
            priority,
            latching,
            cause,
            consequence,
            action,
            respond_within,
            position,
            implied,
            ..
        } = rule;
        self.text(id.as_str());
        self.text(kind.as_str());
        self.option(*limit, Self::number);
        self.number(*deadband);
        self.span(*on_delay);
        self.span(*off_delay);
        self.text(priority.as_str());
        self.0.push(u8::from(*latching));
        [cause, consequence, action, position].into_iter().for_each(|text| self.text(text));
        self.option(*respond_within, Self::span);
        self.0.push(u8::from(*implied));
    }
}
