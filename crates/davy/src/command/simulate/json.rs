//! Gateways that speak plain JSON, all over one connection.

use std::time::Duration;

use service::Shutdown;
use simulator::Park;
use tokio::time::Instant;

use super::{LEAVE_WITHIN, Play, faster, now, now_in_millis, span};
use crate::broker::{BROKER_WITHIN, Broker};
use crate::exit::CommandError;
use crate::play::{self, Gateways};
use crate::recorded::Merged;

/// Plays or replays, then waits for what the broker has not acknowledged.
pub(super) async fn run(play: &Play, shutdown: &Shutdown) -> Result<(), CommandError> {
    let mut broker = tokio::select! {
        // A connection that is not there yet can be dropped.
        broker = Broker::connect(&play.broker, "davy-simulate") => broker?,
        () = shutdown.requested() => return Ok(()),
    };
    broker.set_at_least_once(play.args.qos > 0);
    let played = tokio::select! {
        // What was cut off was not sent; what was sent is waited for below.
        played = async {
            if play.args.samples.is_empty() { live(play, &mut broker).await } else { replay(play, &mut broker).await }
        } => played,
        () = shutdown.requested() => Ok(()),
    };
    let patience = if shutdown.is_requested() { LEAVE_WITHIN } else { BROKER_WITHIN };
    played.and(broker.finish(patience).await)
}

/// A gateway that the scenario cuts off is silent: as plain JSON says nothing of connections, that is all there is to see.
async fn live(play: &Play, broker: &mut Broker) -> Result<(), CommandError> {
    let site = play.played();
    let park = Park::new(&site, play.args.seed, play.scenario);
    let mut gateways = Gateways::new(&site);
    let mut step = tokio::time::interval(Duration::from_secs_f64(1.0 / play.rate));
    let started = Instant::now();
    loop {
        step.tick().await;
        let elapsed = started.elapsed();
        if play.args.seconds.is_some_and(|seconds| elapsed.as_secs_f64() > seconds) {
            return Ok(());
        }
        let (at, elapsed) = (now(), span(elapsed));
        let values = play::values(park.samples_at(at, elapsed));
        let clock = |gateway: &str| {
            let link = park.link_at(gateway, elapsed);
            link.connected.then(|| at + link.clock_offset)
        };
        for message in gateways.messages_by(clock, &values) {
            broker.send(message).await?;
        }
    }
}

async fn replay(play: &Play, broker: &mut Broker) -> Result<(), CommandError> {
    let mut gateways = Gateways::new(&play.site);
    let mut rows = Merged::open(&play.args.samples, &play.site)?;
    let (started, first_sent) = (Instant::now(), now_in_millis());
    let mut first_row = None;
    for row in rows.by_ref() {
        let offset = faster(row.time.since(*first_row.get_or_insert(row.time)), play.speed);
        let due = started + Duration::from_micros(u64::try_from(offset.micros()).unwrap_or(0));
        tokio::time::sleep_until(due).await;
        for message in gateways.messages(first_sent + offset, &row.values) {
            broker.send(message).await?;
        }
    }
    rows.finish()
}
