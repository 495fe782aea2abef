//! A site file as text, of tags that no point claims; loadable as it is, beside the site's own files.
//!
//! What is not known is left as it must be corrected by somebody who knows the plant: `# fill in` stands there. A quantity is guessed
//! only where the unit leaves no choice, for gas detectors get alarms by themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use wire::v1;

/// Ids are 1 to 64 of A-Z a-z 0-9 _ . -, and unique ignoring case.
const ID_CHARS: usize = 64;
/// Tags that are longer than this may have been cut by whoever listed them.
const TAG_CHARS: usize = 64;

/// The draft of everything that the gateways send and the site does not have.
pub(super) fn draft(gateways: &[v1::Gateway], site: &v1::Site, points: &[v1::Point]) -> String {
    let mut draft = Draft::new(site, points);
    for gateway in gateways.iter().filter(|it| !it.unmapped_tags.is_empty()) {
        draft.gateway(gateway);
    }
    draft.text()
}

struct Draft<'a> {
    points: &'a [v1::Point],
    parks: Ids,
    enterprises: Ids,
    installations: BTreeMap<String, String>,
    installation_ids: Ids,
    point_ids: Ids,
    places: String,
    entries: String,
    count: usize,
}

/// Ids in use, in lower case.
#[derive(Default)]
struct Ids(BTreeSet<String>);

impl Ids {
    fn of<'a>(ids: impl IntoIterator<Item = &'a str>) -> Self {
        Self(ids.into_iter().map(str::to_ascii_lowercase).collect())
    }

    fn has(&self, id: &str) -> bool {
        self.0.contains(&id.to_ascii_lowercase())
    }

    /// The text as an id that nothing else has.
    fn make(&mut self, text: &str) -> String {
        let base = valid_id(text);
        let numbered = (2..).map(|n| {
            let end = format!("-{n}");
            format!("{}{end}", &base[..base.len().min(ID_CHARS - end.len())])
        });
        let free = std::iter::once(base.clone()).chain(numbered).find(|id| !self.has(id)).expect("numbers do not end");
        self.0.insert(free.to_ascii_lowercase());
        free
    }
}

fn valid_id(text: &str) -> String {
    let kept = text.chars().map(|c| if c.is_ascii_alphanumeric() || "_.-".contains(c) { c } else { '-' });
    let id: String = kept.take(ID_CHARS).collect();
    if id.is_empty() { "x".to_owned() } else { id }
}

/// A text as TOML.
fn quoted(text: &str) -> String {
    // JSON escapes as TOML's basic strings do, but for one character; a string over several lines would be no key.
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007F")
}

/// A text in a comment.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl<'a> Draft<'a> {
    fn new(site: &v1::Site, points: &'a [v1::Point]) -> Self {
        let mut installations = BTreeMap::new();
        for installation in &site.installations {
            installations.entry(installation.enterprise.clone()).or_insert_with(|| installation.id.clone());
        }
        Self {
            points,
            parks: Ids::of(site.parks.iter().map(|it| it.id.as_str())),
            enterprises: Ids::of(site.enterprises.iter().map(|it| it.id.as_str())),
            installations,
            installation_ids: Ids::of(site.installations.iter().map(|it| it.id.as_str())),
            point_ids: Ids::of(points.iter().map(|it| it.id.as_str())),
            places: String::new(),
            entries: String::new(),
            count: 0,
        }
    }

    fn gateway(&mut self, gateway: &v1::Gateway) {
        let (enterprise, installation) = self.place(gateway);
        self.say(format_args!("\n# {} {}", gateway.protocol, plain(&gateway.path)));
        for tag in &gateway.unmapped_tags {
            self.point(gateway, tag, &enterprise, &installation);
        }
    }

    fn say(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.entries, "{line}").expect("a String takes every write");
    }

    /// Whose the gateway is: where its other points are, or what its path says.
    fn place(&mut self, gateway: &v1::Gateway) -> (String, String) {
        let of_gateway = |point: &&v1::Point| {
            point.protocol == gateway.protocol
                && (point.gateway == gateway.path
                    || point.gateway.strip_prefix(&gateway.path).is_some_and(|it| it.starts_with('/')))
        };
        if let Some(point) = self.points.iter().find(of_gateway) {
            return (point.enterprise.clone(), point.installation.clone());
        }
        let parts: Vec<&str> = gateway.path.split('/').collect();
        let (park, enterprise) = match (gateway.protocol.as_str(), parts.as_slice()) {
            // A group of Sparkplug is the nearest there is to an enterprise.
            ("sparkplug", [group, ..]) => (None, valid_id(group)),
            (_, [park, enterprise, ..]) => (Some(valid_id(park)), valid_id(enterprise)),
            _ => (None, valid_id(&gateway.path)),
        };
        self.enterprise(park.as_deref(), &enterprise);
        let known = self.installations.iter().find(|(of, _)| of.eq_ignore_ascii_case(&enterprise));
        if let Some((enterprise, installation)) = known {
            return (enterprise.clone(), installation.clone());
        }
        let installation = self.installation_ids.make(&format!("{enterprise}-installation"));
        write!(
            self.places,
            "\n[[installation]]\nid = {}\nenterprise = {}\nname = {} # fill in: the major hazard source\n",
            quoted(&installation),
            quoted(&enterprise),
            quoted(&installation),
        )
        .expect("a String takes every write");
        self.installations.insert(enterprise.clone(), installation.clone());
        (enterprise, installation)
    }

    fn enterprise(&mut self, park: Option<&str>, enterprise: &str) {
        if self.enterprises.has(enterprise) {
            return;
        }
        if let Some(park) = park.filter(|park| !self.parks.has(park)) {
            self.parks.make(park);
            write!(self.places, "\n[[park]]\nid = {id}\nname = {id} # fill in: its name\n", id = quoted(park))
                .expect("a String takes every write");
        }
        self.enterprises.make(enterprise);
        let park = park.map_or_else(String::new, |park| format!("park = {}\n", quoted(park)));
        write!(self.places, "\n[[enterprise]]\nid = {id}\n{park}name = {id} # fill in: its name\n", id = quoted(enterprise))
            .expect("a String takes every write");
    }

    fn point(&mut self, gateway: &v1::Gateway, tag: &v1::UnmappedTag, enterprise: &str, installation: &str) {
        let shown = plain(&tag.tag);
        if tag.tag.trim().is_empty() {
            return self.say(format_args!("# a tag without a name: give it one at the gateway"));
        }
        let path = if tag.device.is_empty() { gateway.path.clone() } else { format!("{}/{}", gateway.path, tag.device) };
        let named = if tag.device.is_empty() { tag.tag.clone() } else { format!("{}-{}", tag.device, tag.tag) };
        let id = self.point_ids.make(&format!("{enterprise}-{named}"));
        let (quantity, remark) = quantity(tag);
        let unit = if tag.unit.trim().is_empty() { "1" } else { tag.unit.trim() };
        let unit_remark =
            if tag.unit.trim().is_empty() && quantity != "state" { " # fill in: the gateway does not tell it" } else { "" };
        self.count += 1;
        self.say(format_args!("\n[[point]]\nid = {}\ninstallation = {}", quoted(&id), quoted(installation)));
        self.say(format_args!("quantity = {}{remark}\nunit = {}{unit_remark}", quoted(quantity), quoted(unit)));
        self.say(format_args!("source = {{ {} = {}, tag = {} }}", gateway.protocol, quoted(&path), quoted(&tag.tag)));
        if tag.tag.chars().count() >= TAG_CHARS {
            self.say(format_args!("# the tag may be longer than {TAG_CHARS} characters: check it"));
        }
        if quantity == "state" {
            self.states(tag);
        }
        let datatype = if tag.datatype.is_empty() { String::new() } else { format!(", {}", plain(&tag.datatype)) };
        self.say(format_args!("# {shown}: last value {}{datatype}, {} values", plain(&tag.last_value), tag.count));
    }

    /// The last text is one of the states; a truth value is a number already.
    fn states(&mut self, tag: &v1::UnmappedTag) {
        if is_boolean(tag) {
            self.say(format_args!("states = {{ false = 0, true = 1 }}"));
        } else if tag.last_value.trim().is_empty() {
            self.say(format_args!("states = {{ off = 0, on = 1 }} # fill in: the texts it sends, and their numbers"));
        } else {
            self.say(format_args!(
                "states = {{ {} = 0 }} # fill in: the other texts it sends, and their numbers",
                quoted(&tag.last_value)
            ));
        }
    }

    fn text(self) -> String {
        if self.count == 0 {
            return "# Nothing to draft: every tag of every gateway is a point's.\n".to_owned();
        }
        format!(
            "# A draft of {} points that gateways send and the site does not have.\n\
             # Check it, delete what is not wanted, add names, ranges and alarms, and put it beside the site's files.\n{}{}",
            self.count, self.places, self.entries
        )
    }
}

fn is_boolean(tag: &v1::UnmappedTag) -> bool {
    tag.datatype.eq_ignore_ascii_case("boolean")
}

/// The quantity that the unit, or the type, leaves no doubt of; otherwise `other`, and what it might be.
fn quantity(tag: &v1::UnmappedTag) -> (&'static str, &'static str) {
    if is_boolean(tag) || ["text", "string", "uuid"].iter().any(|it| tag.datatype.eq_ignore_ascii_case(it)) {
        return ("state", "");
    }
    let unit: String = tag.unit.chars().filter(|it| !it.is_whitespace()).flat_map(char::to_lowercase).collect();
    match unit.as_str() {
        "pa" | "kpa" | "mpa" | "hpa" | "bar" | "mbar" | "psi" | "kg/cm2" | "mmh2o" => ("pressure", ""),
        "℃" | "°c" | "degc" | "k" | "°f" | "degf" => ("temperature", ""),
        "%lel" | "lel%" | "lel.m" | "lel·m" => ("combustible_gas", ""),
        "m3/h" | "m³/h" | "nm3/h" | "nm³/h" | "t/h" | "kg/h" | "kg/s" | "l/min" | "l/h" | "m3/s" | "m³/s" => ("flow", ""),
        "ppm" | "ppb" | "mg/m3" | "mg/m³" => ("other", " # toxic_gas with its cas, if it is a gas detector"),
        "%vol" | "vol%" | "%o2" => ("other", " # oxygen or combustible_gas, if it is a gas detector"),
        "%" | "m" | "mm" | "cm" => ("other", " # level, if it is one"),
        "m/s" => ("other", " # wind_speed, if it is"),
        "°" | "deg" => ("other", " # wind_direction, if it is"),
        _ => ("other", " # fill in: what it measures"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_is_a_key_and_reads_back() {
        for text in ["run", "RUN\r\n", "\"a\" \\ b", "停止", "\u{7f}\u{1}\t", ""] {
            let table: toml::Table = format!("states = {{ {} = 0 }}", quoted(text)).parse().expect("TOML");
            let keys: Vec<_> = table["states"].as_table().expect("a table").keys().collect();
            assert_eq!(keys, [text]);
        }
    }

    fn tag(tag: &str, datatype: &str, unit: &str, last_value: &str) -> v1::UnmappedTag {
        let text = str::to_owned;
        v1::UnmappedTag {
            tag: text(tag),
            device: String::new(),
            datatype: text(datatype),
            unit: text(unit),
            last_value: text(last_value),
            count: 3,
        }
    }

    fn gateway(protocol: &str, path: &str, tags: Vec<v1::UnmappedTag>) -> v1::Gateway {
        v1::Gateway { protocol: protocol.to_owned(), path: path.to_owned(), unmapped_tags: tags, ..v1::Gateway::default() }
    }

    #[track_caller]
    fn load(texts: &[&str]) -> site::Loaded {
        let file = |(index, text): (usize, &&str)| site::SourceFile { name: format!("{index}.toml"), text: (*text).to_owned() };
        let files: Vec<_> = texts.iter().enumerate().map(file).collect();
        site::load(&files).unwrap_or_else(|faults| panic!("{faults:#?}\n{}", texts.join("\n")))
    }

    #[test]
    fn an_unknown_gateway_becomes_a_site_of_its_own() {
        let mut device = tag("Pressure", "Double", "kPa", "1.5");
        device.device = "D 1".to_owned();
        let tags = vec![
            tag("PI-101", "number", "", "2710.5"),
            tag("罐区 \"T\" 1/液位", "number", "%", "50"),
            tag("XV", "text", "", "open"),
            tag("xv", "boolean", "", "true"),
            tag("GT", "number", "%LEL", "3\n[[point]]"),
            tag("\u{7}\t", "number", "", ""),
            tag("", "number", "", ""),
            tag(&"long".repeat(16), "", "ppm", ""),
            tag(&"long".repeat(15), "text", "", ""),
        ];
        let text = draft(
            &[
                gateway("grpc", "nowhere/e9/gw1", tags),
                gateway("sparkplug", "工厂/node 1", vec![device, tag("Run", "Boolean", "", "1")]),
            ],
            &v1::Site::default(),
            &[],
        );
        let loaded = load(&[&text]);
        let site = &loaded.site;
        assert_eq!((site.parks.len(), site.enterprises.len(), site.installations.len()), (1, 2, 2), "{text}");
        let find =
            |tag: &str| site.points.iter().find(|it| it.source.tag.as_str() == tag).unwrap_or_else(|| panic!("{tag}\n{text}"));
        assert_eq!((find("PI-101").id.as_str(), find("PI-101").source.gateway.as_str()), ("e9-PI-101", "nowhere/e9/gw1"));
        assert_eq!(find("罐区 \"T\" 1/液位").unit, "%");
        assert_eq!((find("XV").id.as_str(), find("xv").id.as_str()), ("e9-XV", "e9-xv-2"), "ids are unique ignoring case");
        assert_eq!(find("XV").states, [("open".to_owned(), 0.0)]);
        assert_eq!((find("GT").quantity, find("PI-101").quantity), (model::Quantity::CombustibleGas, model::Quantity::Other));
        assert_eq!(
            (find("Pressure").source.gateway.as_str(), find("Pressure").quantity),
            ("工厂/node 1/D 1", model::Quantity::Pressure)
        );
        assert_eq!(find("Run").source.gateway.as_str(), "工厂/node 1");
        assert!(!text.contains("TODO"));
    }

    #[test]
    fn a_known_gateway_s_tags_merge_with_its_site() {
        let file = simulator::DEMO_SITE;
        let known = load(&[file]);
        let point = &known.site.points[0];
        let revision = v1::Site {
            parks: known.site.parks.iter().map(|it| v1::Park { id: it.id.as_str().to_owned(), ..v1::Park::default() }).collect(),
            enterprises: known
                .site
                .enterprises
                .iter()
                .map(|it| v1::Enterprise { id: it.id.as_str().to_owned(), ..v1::Enterprise::default() })
                .collect(),
            ..v1::Site::default()
        };
        let points: Vec<_> = known
            .site
            .points
            .iter()
            .map(|it| v1::Point {
                id: it.id.as_str().to_owned(),
                protocol: it.source.protocol.as_str().to_owned(),
                gateway: it.source.gateway.as_str().to_owned(),
                installation: it.installation.as_str().to_owned(),
                enterprise: it.enterprise.as_str().to_owned(),
                ..v1::Point::default()
            })
            .collect();
        // The tag makes the id of a point that is there.
        let taken = point.id.as_str().strip_prefix(&format!("{}-", point.enterprise)).unwrap_or(point.id.as_str()).to_lowercase();
        let tags = vec![tag(&taken, "number", "", "1"), tag("NEW", "number", "MPa", "1")];
        let text = draft(&[gateway(point.source.protocol.as_str(), point.source.gateway.as_str(), tags)], &revision, &points);
        let merged = load(&[file, &text]);
        assert_eq!(merged.site.points.len(), known.site.points.len() + 2);
        assert_eq!(
            (merged.site.parks.len(), merged.site.installations.len()),
            (known.site.parks.len(), known.site.installations.len())
        );
        let new = merged.site.points.iter().find(|it| it.source.tag.as_str() == "NEW").expect("it is there");
        assert_eq!((&new.installation, new.quantity), (&point.installation, model::Quantity::Pressure));
    }

    #[test]
    fn nothing_to_draft_is_said() {
        assert!(draft(&[gateway("mqtt", "p/e/g", Vec::new())], &v1::Site::default(), &[]).starts_with("# Nothing"));
    }
}
