//! The canonical content of a site: the same meaning gives the same bytes, whatever the order of files, keys and entries.
//!
//! Format 2: a header line, then parks, enterprises, installations, points and suppressions in order of id, each list led by its length.
//! Numbers are little-endian, texts are led by their length in bytes, binary64 goes by its bits. A revision is known by the hash
//! of these bytes, so a change of format makes every site a new revision once: raise the header's number then. Departments and warnings
//! follow only where there are any, and so do places, resources, plans, winds and rules that say whether they want a picture, led by a
//! word of their own: a site without them is still the revision that it was.

use model::{
    Addressed, AlarmFilter, AlarmRule, Condition, Department, Enterprise, Extent, Formula, HeadSource, Installation, Level,
    Location, Park, Place, PlaceKind, Plan, Point, PointSource, Range, Reference, Resource, Site, Span, StepSpans, Substance,
    Suppression, WarningRule, WindPoints,
};

const HEADER: &[u8] = b"davy site content 2\n";

/// Leads what came with pictures; as the length of a list it would be beyond any site.
const AROUND: &[u8] = b"around 1";

/// Writes a checked site, whose lists are in their canonical order.
pub(crate) fn encode(site: &Site) -> Vec<u8> {
    let mut out = Writer(HEADER.to_vec());
    let Site { parks, enterprises, installations, points, suppressions, departments, warnings, places, resources, plans } = site;
    out.list(parks, Writer::park);
    out.list(enterprises, Writer::enterprise);
    out.list(installations, Writer::installation);
    out.list(points, Writer::point);
    out.list(suppressions, Writer::suppression);
    if !departments.is_empty() || !warnings.is_empty() {
        out.list(departments, Writer::department);
        out.list(warnings, Writer::warning);
    }
    let mut around = Writer(AROUND.to_vec());
    around.list(places, Writer::place);
    around.list(resources, Writer::resource);
    around.list(plans, Writer::plan);
    let of_parks: Vec<_> = parks.iter().filter_map(|it| Some((it.id.as_str(), it.wind.as_ref()?))).collect();
    let of_installations = installations.iter().filter_map(|it| Some((it.id.as_str(), it.wind.as_ref()?)));
    let of_installations: Vec<_> = of_installations.collect();
    around.list(&of_parks, Writer::wind);
    around.list(&of_installations, Writer::wind);
    let pictures: Vec<_> = warnings.iter().filter_map(|it| Some((it.id.as_str(), it.picture?))).collect();
    around.list(&pictures, |out, (rule, picture)| {
        out.text(rule);
        out.0.push(u8::from(*picture));
    });
    // Six empty lists say nothing.
    if around.0.len() > AROUND.len() + 6 * size_of::<u64>() {
        out.0.extend(around.0);
    }
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
        let Park { id, name, time_zone, district, wind: _ } = park;
        [id.as_str(), name, time_zone, district].into_iter().for_each(|text| self.text(text));
    }

    fn enterprise(&mut self, enterprise: &Enterprise) {
        let Enterprise { id, name, park, district } = enterprise;
        [id.as_str(), name, district].into_iter().for_each(|text| self.text(text));
        self.option(park.as_ref(), |out, park| out.text(park.as_str()));
    }

    fn installation(&mut self, installation: &Installation) {
        let Installation { id, name, enterprise, kind, exposed_people, location, substances, wind: _ } = installation;
        [id.as_str(), name, enterprise.as_str(), kind.as_str()].into_iter().for_each(|text| self.text(text));
        self.0.extend(exposed_people.to_le_bytes());
        self.option(*location, |out, at| out.location(&at));
        self.list(substances, |out, Substance { cas, name, design_max_tonnes }| {
            out.text(cas);
            out.text(name);
            out.number(*design_max_tonnes);
        });
    }

    fn point(&mut self, point: &Point) {
        let Point { id, name, installation, enterprise, park, quantity, unit, range, stale_after, source, states, alarms, cas } =
            point;
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
        self.text(cas);
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
            condition,
            group,
            shelve_max,
            realarm_after,
            repeat_within,
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
        self.condition(condition);
        self.text(group);
        self.span(*shelve_max);
        self.option(*realarm_after, Self::span);
        self.span(*repeat_within);
    }

    /// The first byte says which; the numbers are part of the format.
    fn condition(&mut self, condition: &Condition) {
        match condition {
            Condition::Plain => self.0.push(0),
            Condition::Rate { window, per, direction } => {
                self.0.push(1);
                self.span(*window);
                self.span(*per);
                self.text(direction.as_str());
            }
            Condition::Deviation { from, direction } => {
                self.0.push(2);
                self.reference(from);
                self.text(direction.as_str());
            }
            Condition::Stuck { noise, window } => {
                self.0.push(3);
                self.number(*noise);
                self.span(*window);
            }
            Condition::State { values } => {
                self.0.push(4);
                self.list(values, |out, value| out.number(*value));
            }
            Condition::Vote { members, votes, direction, missing } => {
                self.0.push(5);
                self.list(members, |out, member| out.text(member.as_str()));
                self.0.extend(votes.to_le_bytes());
                self.text(direction.as_str());
                self.text(missing.as_str());
            }
            Condition::Expression(formula) => {
                self.0.push(6);
                self.formula(formula);
            }
            Condition::TimeToLimit { window, within, direction } => {
                self.0.push(7);
                self.span(*window);
                self.span(*within);
                self.text(direction.as_str());
            }
            Condition::FaultOf { alarm } => {
                self.0.push(8);
                self.text(alarm.as_str());
            }
        }
    }

    fn reference(&mut self, from: &Reference) {
        match from {
            Reference::Value(value) => {
                self.0.push(0);
                self.number(*value);
            }
            Reference::Point { point, fallback } => {
                self.0.push(1);
                self.text(point.as_str());
                self.option(*fallback, Self::number);
            }
        }
    }

    fn formula(&mut self, formula: &Formula) {
        let Formula { text, inputs } = formula;
        self.text(text);
        self.list(inputs, |out, (name, point)| {
            out.text(name);
            out.text(point.as_str());
        });
    }

    fn suppression(&mut self, suppression: &Suppression) {
        let Suppression { id, enterprise, when, alarms } = suppression;
        self.text(id);
        self.text(enterprise.as_str());
        self.formula(when);
        self.list(alarms, |out, (point, alarm)| {
            out.text(point.as_str());
            out.option(alarm.as_ref(), |out, alarm| out.text(alarm.as_str()));
        });
    }

    fn department(&mut self, department: &Department) {
        let Department { id, name, kind, level, enterprise, park, district } = department;
        [id.as_str(), name, kind.as_str(), level.as_str(), district].into_iter().for_each(|text| self.text(text));
        self.option(enterprise.as_ref(), |out, enterprise| out.text(enterprise.as_str()));
        self.option(park.as_ref(), |out, park| out.text(park.as_str()));
    }

    fn warning(&mut self, rule: &WarningRule) {
        let WarningRule {
            id,
            name,
            topic,
            colour,
            when,
            count,
            per,
            hold,
            addressees,
            level,
            action,
            deadlines: StepSpans { received, responded, resolved },
            escalate,
            close_on_return,
            picture: _,
        } = rule;
        [id.as_str(), name, topic, colour.as_str(), per.as_str(), action].into_iter().for_each(|text| self.text(text));
        self.filter(when);
        self.0.extend(count.to_le_bytes());
        [hold, received, responded, resolved].into_iter().for_each(|span| self.span(*span));
        self.list(addressees, Self::level);
        self.option(*level, |out, level| out.text(level.as_str()));
        self.0.extend([u8::from(*escalate), u8::from(*close_on_return)]);
    }

    fn location(&mut self, Location { lat, lon }: &Location) {
        self.number(*lat);
        self.number(*lon);
    }

    fn place(&mut self, place: &Place) {
        let Place { id, name, kind, enterprise, park, extent, heads } = place;
        [id.as_str(), name, kind.as_str()].into_iter().for_each(|text| self.text(text));
        self.option(enterprise.as_ref(), |out, it| out.text(it.as_str()));
        self.option(park.as_ref(), |out, it| out.text(it.as_str()));
        match extent {
            Extent::Point(at) => {
                self.0.push(0);
                self.location(at);
            }
            Extent::Outline(outline) => {
                self.0.push(1);
                self.list(outline, Self::location);
            }
        }
        match heads {
            HeadSource::Unknown => self.0.push(0),
            HeadSource::Fixed(heads) => {
                self.0.push(1);
                self.0.extend(heads.to_le_bytes());
            }
            HeadSource::Point(point) => {
                self.0.push(2);
                self.text(point.as_str());
            }
        }
    }

    fn resource(&mut self, resource: &Resource) {
        let Resource { id, name, kind, location, amount, contact } = resource;
        [id.as_str(), name, kind.as_str(), amount, contact].into_iter().for_each(|text| self.text(text));
        self.option(location.as_ref(), Self::location);
    }

    fn plan(&mut self, plan: &Plan) {
        let Plan { id, name, substances, places, enterprise, park, level, document, contact } = plan;
        [id.as_str(), name, document, contact].into_iter().for_each(|text| self.text(text));
        self.list(substances, |out, it| out.text(it));
        self.list(places, |out, it: &PlaceKind| out.text(it.as_str()));
        self.option(enterprise.as_ref(), |out, it| out.text(it.as_str()));
        self.option(park.as_ref(), |out, it| out.text(it.as_str()));
        self.option(*level, |out, it| out.text(it.as_str()));
    }

    fn wind(&mut self, (id, wind): &(&str, &WindPoints)) {
        let WindPoints { speed, direction } = wind;
        [id, speed.as_str(), direction.as_str()].into_iter().for_each(|text| self.text(text));
    }

    fn filter(&mut self, filter: &AlarmFilter) {
        let AlarmFilter { kinds, alarms, quantities, min_priority, parks, enterprises, installations, points } = filter;
        self.list(kinds, |out, it| out.text(it.as_str()));
        self.list(alarms, |out, it| out.text(it.as_str()));
        self.list(quantities, |out, it| out.text(it.as_str()));
        self.option(*min_priority, |out, it| out.text(it.as_str()));
        self.list(parks, |out, it| out.text(it.as_str()));
        self.list(enterprises, |out, it| out.text(it.as_str()));
        self.list(installations, |out, it| out.text(it.as_str()));
        self.list(points, |out, it| out.text(it.as_str()));
    }

    fn level(&mut self, (level, addressed): &(Level, Vec<Addressed>)) {
        self.text(level.as_str());
        self.list(addressed, |out, it| match it {
            Addressed::Department(id) => {
                out.0.push(0);
                out.text(id.as_str());
            }
            Addressed::Kind(kind) => {
                out.0.push(1);
                out.text(kind.as_str());
            }
        });
    }
}
