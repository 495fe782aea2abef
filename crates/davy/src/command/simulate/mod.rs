//! `davy simulate`: plays a plausible park against a broker, or replays recorded samples; also writes sites to play.

mod connection;
mod counts;
mod feed;
mod json;
mod node;
mod nodes;
mod speech;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow};
use ingest::MqttConfig;
use model::{Protocol, Site, Span, Time};
use service::Shutdown;
use simulator::{Scenario, gateway_of, generated_site};
use sparkplug::Topic;

use crate::cli::{Format, SimulateArgs};
use crate::exit::CommandError;
use crate::site_files;

/// How long the last acknowledgements may take once the user wants to leave.
const LEAVE_WITHIN: Duration = Duration::from_secs(3);

/// What is to be played, checked.
struct Play {
    site: Site,
    broker: MqttConfig,
    scenario: Scenario,
    /// Messages a second and gateway, above 0.
    rate: f64,
    /// Times faster than recorded, above 0.
    speed: f64,
    args: SimulateArgs,
}

/// Sends until the files, the time or the user's patience end.
pub async fn run(args: &SimulateArgs, shutdown: &Shutdown) -> Result<(), CommandError> {
    if let Some(path) = &args.write_site {
        return write_site(args, path);
    }
    let play = Play::of(args)?;
    match args.format {
        Format::Json => json::run(&play, shutdown).await,
        Format::Sparkplug => nodes::run(&play, shutdown).await,
    }
}

impl Play {
    fn of(args: &SimulateArgs) -> Result<Self, CommandError> {
        if args.nodes.is_some() {
            return Err(CommandError::usage(anyhow!("play --nodes; they go with --write-site, and what that wrote with --site")));
        }
        let needed = |flag: &str| CommandError::usage(anyhow!("simulate without {flag}"));
        let url = args.mqtt.as_deref().ok_or_else(|| needed("--mqtt"))?;
        let broker = MqttConfig::parse(url).map_err(CommandError::usage)?;
        let scenario =
            Scenario::parse(&args.scenario).ok_or_else(|| anyhow!("play scenario `{}`; there are {}", args.scenario, names()));
        let scenario = scenario.map_err(CommandError::usage)?;
        let (rate, speed) = (positive("--rate", args.rate)?, positive("--speed", args.speed)?);
        positive("--seconds", args.seconds.unwrap_or(1.0))?;
        if args.primary_host.is_some() && args.format == Format::Json {
            return Err(CommandError::usage(anyhow!(
                "wait for a primary host in JSON; --primary-host goes with --format sparkplug"
            )));
        }
        if let Some(id) = &args.primary_host {
            Topic::parse(&host_topic(id)).map_err(|error| CommandError::usage(anyhow!("use --primary-host `{id}`: {error}")))?;
        }
        let path = args.site.as_deref().ok_or_else(|| needed("--site"))?;
        let site = site_files::load(path)?.site;
        check_gateways(&site, args.format)?;
        Ok(Self { site, broker, scenario, rate, speed, args: args.clone() })
    }

    fn protocol(&self) -> Protocol {
        protocol(self.args.format)
    }

    /// The site with those points alone that speak the format, so that scenarios happen to what is played.
    fn played(&self) -> Site {
        let protocol = self.protocol();
        let points = self.site.points.iter().filter(|point| point.source.protocol == protocol).cloned().collect();
        Site { points, ..self.site.clone() }
    }
}

/// Where a host says whether it is there.
fn host_topic(id: &str) -> String {
    format!("spBv1.0/STATE/{id}")
}

fn protocol(format: Format) -> Protocol {
    match format {
        Format::Json => Protocol::Mqtt,
        Format::Sparkplug => Protocol::Sparkplug,
    }
}

/// Says how many gateways speak otherwise; fails where none speaks the format.
fn check_gateways(site: &Site, format: Format) -> Result<(), CommandError> {
    let mut gateways: Vec<_> = site.points.iter().map(|point| (point.source.protocol, gateway_of(&point.source))).collect();
    gateways.sort_unstable();
    gateways.dedup();
    let (played, left_out): (Vec<_>, Vec<_>) = gateways.into_iter().partition(|(it, _)| *it == protocol(format));
    let (word, key) = (format.as_str(), protocol(format).as_str());
    if played.is_empty() {
        let (other, example) = match format {
            Format::Json => (Format::Sparkplug, "mqtt = \"park/enterprise/gateway\""),
            Format::Sparkplug => (Format::Json, "sparkplug = \"group/node/device\""),
        };
        let cure = if left_out.is_empty() { String::new() } else { format!(", or use --format {}", other.as_str()) };
        let problem =
            format!("no point of the site has a source of key `{key}`; write source = {{ {example}, tag = \"…\" }}{cure}");
        return Err(CommandError::input(anyhow!("play in format {word}: {problem}")));
    }
    if !left_out.is_empty() {
        eprintln!("davy: {} gateways of other protocols are left out, {} are played", left_out.len(), played.len());
    }
    Ok(())
}

/// Writes a generated site; never over a file that is there.
fn write_site(args: &SimulateArgs, path: &Path) -> Result<(), CommandError> {
    use std::io::Write as _;
    let nodes = args.nodes.ok_or_else(|| CommandError::usage(anyhow!("write a site without --nodes")))?;
    let points = u64::from(nodes) * u64::from(args.points_per_node);
    let most = site::POINTS_MAX as u64;
    if points > most {
        let problem = anyhow!("write {points} points; a site has {most} at most: use fewer --nodes or --points-per-node");
        return Err(CommandError::usage(problem));
    }
    let text = generated_site(nodes, args.points_per_node, protocol(args.format));
    let doing = || format!("write the site {}, which must not be there yet", path.display());
    let mut file = std::fs::File::create_new(path).with_context(doing).map_err(CommandError::input)?;
    file.write_all(text.as_bytes()).with_context(doing).map_err(CommandError::input)?;
    eprintln!("davy: {nodes} gateways with {points} points in {}", path.display());
    Ok(())
}

fn names() -> String {
    Scenario::ALL.iter().map(|scenario| scenario.as_str()).collect::<Vec<_>>().join(", ")
}

fn positive(flag: &str, value: f64) -> Result<f64, CommandError> {
    if (1e-6..=1e9).contains(&value) {
        Ok(value)
    } else {
        Err(CommandError::usage(anyhow!("use {flag} {value}; give a number above 0 and up to 1e9")))
    }
}

/// A row's distance from the first when played so many times faster.
fn faster(recorded: Span, speed: f64) -> Span {
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a recording is shorter than 285 years")]
    Span::from_micros((recorded.micros() as f64 / speed).round_ties_even() as i64)
}

fn span(duration: Duration) -> Span {
    Span::from_micros(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX))
}

fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Time::from_micros(span(since).micros())
}

/// Now in whole milliseconds: Sparkplug has no finer, and times recorded in milliseconds then keep their spacing.
fn now_in_millis() -> Time {
    Time::from_micros(now().micros().div_euclid(1_000) * 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generated(format: Format) -> Site {
        let file = site::SourceFile { name: "site.toml".to_owned(), text: generated_site(3, 9, protocol(format)) };
        site::load(&[file]).expect("a generated site loads").site
    }

    #[test]
    fn a_site_without_a_gateway_of_the_format_is_told_with_the_cure() {
        assert!(check_gateways(&generated(Format::Json), Format::Json).is_ok());
        assert!(check_gateways(&generated(Format::Sparkplug), Format::Sparkplug).is_ok());
        let told = check_gateways(&generated(Format::Json), Format::Sparkplug).expect_err("nobody speaks it").to_string();
        assert!(told.contains("sparkplug = ") && told.contains("--format json"), "{told}");
        let told = check_gateways(&Site::default(), Format::Json).expect_err("nobody at all").to_string();
        assert!(told.contains("mqtt = ") && !told.contains("--format"), "{told}");
    }

    #[test]
    fn spacing_is_divided_by_the_speed() {
        assert_eq!(faster(Span::from_secs(3), 1.0), Span::from_secs(3));
        assert_eq!(faster(Span::from_secs(3), 8.0), Span::from_millis(375));
        assert_eq!(faster(Span::from_micros(-5), 2.0), Span::from_micros(-2));
    }

    #[test]
    fn only_numbers_above_zero_are_rates() {
        assert!(positive("--rate", 0.5).is_ok());
        for wrong in [0.0, -1.0, 1e-300, 1e300, f64::NAN, f64::INFINITY] {
            assert!(positive("--rate", wrong).is_err(), "{wrong}");
        }
    }
}
