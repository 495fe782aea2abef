//! `davy simulate`: plays a plausible park against a broker, or replays recorded samples.

use std::time::Duration;

use anyhow::anyhow;
use ingest::MqttConfig;
use model::{Site, Span, Time};
use service::Shutdown;
use simulator::{Park, Scenario};
use tokio::time::Instant;

use crate::broker::Broker;
use crate::cli::{Format, SimulateArgs};
use crate::exit::CommandError;
use crate::play::{self, Gateways};
use crate::recorded::Merged;
use crate::site_files;

/// Sends until the files, the time or the user's patience end; every message at QoS 1.
pub async fn run(args: &SimulateArgs, shutdown: &Shutdown) -> Result<(), CommandError> {
    let Format::Json = args.format;
    let site = site_files::load(&args.site)?.site;
    let config = MqttConfig::parse(&args.mqtt).map_err(CommandError::input)?;
    let mut broker = Broker::connect(&config, "davy-simulate").await?;
    let played = if args.samples.is_empty() {
        play(args, &site, &mut broker, shutdown).await
    } else {
        replay(args, &site, &mut broker, shutdown).await
    };
    let acknowledged = broker.finish().await;
    played.and(acknowledged)
}

async fn play(args: &SimulateArgs, site: &Site, broker: &mut Broker, shutdown: &Shutdown) -> Result<(), CommandError> {
    let scenario =
        Scenario::parse(&args.scenario).ok_or_else(|| anyhow!("play scenario `{}`; there are {}", args.scenario, names()));
    let park = Park::new(site, args.seed, scenario.map_err(CommandError::input)?);
    let mut gateways = Gateways::new(site);
    let period = positive("--rate", args.rate)?;
    let mut step = tokio::time::interval(Duration::from_secs_f64(1.0 / period));
    let started = Instant::now();
    loop {
        tokio::select! {
            // Waiting for a step or the end.
            _ = step.tick() => {}
            () = shutdown.requested() => return Ok(()),
        }
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

async fn replay(args: &SimulateArgs, site: &Site, broker: &mut Broker, shutdown: &Shutdown) -> Result<(), CommandError> {
    let speed = positive("--speed", args.speed)?;
    let mut gateways = Gateways::new(site);
    let mut rows = Merged::open(&args.samples, site)?;
    let (started, first_sent) = (Instant::now(), now());
    let mut first_row = None;
    for row in rows.by_ref() {
        let recorded = row.time.since(*first_row.get_or_insert(row.time)).micros();
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a recording is shorter than 285 years")]
        let offset = Span::from_micros((recorded as f64 / speed).round_ties_even() as i64);
        let due = started + Duration::from_micros(u64::try_from(offset.micros()).unwrap_or(0));
        tokio::select! {
            // Waiting for the row's time or the end.
            () = tokio::time::sleep_until(due) => {}
            () = shutdown.requested() => return Ok(()),
        }
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
        Err(CommandError::input(anyhow!("use {flag} {value}; give a number above 0")))
    }
}

fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Time::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
