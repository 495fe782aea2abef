//! `davy simulate`: plays a plausible park against a broker, or replays recorded samples.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use ingest::MqttConfig;
use model::{Site, Span, Time};
use service::Shutdown;
use simulator::{Park, Scenario};
use tokio::time::Instant;

use crate::broker::{BROKER_WITHIN, Broker};
use crate::cli::{Format, SimulateArgs};
use crate::exit::CommandError;
use crate::play::{self, Gateways};
use crate::recorded::Merged;
use crate::site_files;

/// How long the last acknowledgements may take once the user wants to leave.
const LEAVE_WITHIN: Duration = Duration::from_secs(3);

/// Sends until the files, the time or the user's patience end; every message at QoS 1.
pub async fn run(args: &SimulateArgs, shutdown: &Shutdown) -> Result<(), CommandError> {
    let Format::Json = args.format;
    let config = MqttConfig::parse(&args.mqtt).map_err(CommandError::usage)?;
    let scenario =
        Scenario::parse(&args.scenario).ok_or_else(|| anyhow!("play scenario `{}`; there are {}", args.scenario, names()));
    let (scenario, rate) = (scenario.map_err(CommandError::usage)?, positive("--rate", args.rate)?);
    let speed = positive("--speed", args.speed)?;
    let site = site_files::load(&args.site)?.site;
    let mut broker = tokio::select! {
        // A connection that is not there yet can be dropped.
        broker = Broker::connect(&config, "davy-simulate") => broker?,
        () = shutdown.requested() => return Ok(()),
    };
    let played = tokio::select! {
        // What was cut off was not sent; what was sent is waited for below.
        played = async {
            if args.samples.is_empty() {
                play(args, &site, (scenario, rate), &mut broker).await
            } else {
                replay(&args.samples, &site, speed, &mut broker).await
            }
        } => played,
        () = shutdown.requested() => Ok(()),
    };
    let patience = if shutdown.is_requested() { LEAVE_WITHIN } else { BROKER_WITHIN };
    played.and(broker.finish(patience).await)
}

async fn play(
    args: &SimulateArgs,
    site: &Site,
    (scenario, rate): (Scenario, f64),
    broker: &mut Broker,
) -> Result<(), CommandError> {
    let park = Park::new(site, args.seed, scenario);
    let mut gateways = Gateways::new(site);
    let mut step = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
    let started = Instant::now();
    loop {
        step.tick().await;
        let elapsed = started.elapsed();
        if args.seconds.is_some_and(|seconds| elapsed.as_secs_f64() > seconds) {
            return Ok(());
        }
        let at = now();
        let values = park.samples_at(at, Span::from_micros(i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX)));
        let values = play::values(values);
        for message in gateways.messages(at, &values) {
            broker.send(message).await?;
        }
    }
}

fn names() -> String {
    Scenario::ALL.iter().map(|scenario| scenario.as_str()).collect::<Vec<_>>().join(", ")
}

async fn replay(samples: &[PathBuf], site: &Site, speed: f64, broker: &mut Broker) -> Result<(), CommandError> {
    let mut gateways = Gateways::new(site);
    let mut rows = Merged::open(samples, site)?;
    let (started, first_sent) = (Instant::now(), now());
    let mut first_row = None;
    for row in rows.by_ref() {
        let recorded = row.time.since(*first_row.get_or_insert(row.time)).micros();
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a recording is shorter than 285 years")]
        let offset = Span::from_micros((recorded as f64 / speed).round_ties_even() as i64);
        let due = started + Duration::from_micros(u64::try_from(offset.micros()).unwrap_or(0));
        tokio::time::sleep_until(due).await;
        for message in gateways.messages(first_sent + offset, &row.values) {
            broker.send(message).await?;
        }
    }
    rows.finish()
}

fn positive(flag: &str, value: f64) -> Result<f64, CommandError> {
    if value.is_finite() && value > 0.0 {
        Ok(value)
    } else {
        Err(CommandError::usage(anyhow!("use {flag} {value}; give a number above 0")))
    }
}

fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Time::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
