//! All edge nodes of a site, each a task with a connection of its own.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use model::{Protocol, Site};
use service::Shutdown;
use simulator::{Park, gateway_of};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::counts::Counts;
use super::feed::{Feed, Played, Row, ticks};
use super::node::{Common, Node};
use super::speech::Speech;
use super::{LEAVE_WITHIN, Play, faster, now_in_millis};
use crate::broker::BROKER_WITHIN;
use crate::exit::CommandError;
use crate::recorded::{self, Merged};

/// Between the starts of two nodes: hundreds connect at about 100 a second.
const START_EVERY: Duration = Duration::from_millis(10);

/// Connects under way at once.
const CONNECTING: usize = 50;

/// Recorded rows that wait for one node; beyond it the replay waits.
const ROWS: usize = 100;

/// Plays or replays until the end, then waits for what the broker has not acknowledged.
pub(super) async fn run(play: &Play, shutdown: &Shutdown) -> Result<(), CommandError> {
    let common = Arc::new(Common {
        broker: play.broker.clone(),
        qos: play.args.qos,
        primary_host: play.args.primary_host.clone(),
        counts: Arc::default(),
        connecting: Semaphore::new(CONNECTING),
    });
    let mut tasks = JoinSet::new();
    let played = tokio::select! {
        // What was cut off is ended below, by the tasks themselves.
        played = async {
            if play.args.samples.is_empty() {
                live(play, &common, &mut tasks, shutdown).await
            } else {
                replay(play, &common, &mut tasks).await
            }
        } => played,
        () = shutdown.requested() => Ok(()),
    };
    let ended = if common.counts.connects.get() > 0 {
        let patience = if shutdown.is_requested() { LEAVE_WITHIN } else { BROKER_WITHIN };
        finish(&mut tasks, &common, patience).await
    } else {
        Ok(())
    };
    tasks.shutdown().await;
    eprintln!("davy: {}", common.counts);
    played.and(ended)
}

/// Points by node, then by index in the site.
fn nodes_of(site: &Site, wanted: impl Fn(usize) -> bool) -> BTreeMap<String, Vec<usize>> {
    let mut nodes: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, point) in site.points.iter().enumerate() {
        if point.source.protocol == Protocol::Sparkplug && wanted(index) {
            nodes.entry(gateway_of(&point.source).to_owned()).or_default().push(index);
        }
    }
    nodes
}

async fn live(play: &Play, common: &Arc<Common>, tasks: &mut JoinSet<()>, shutdown: &Shutdown) -> Result<(), CommandError> {
    let site = play.played();
    let park = Arc::new(Park::new(&site, play.args.seed, play.scenario));
    let started = Instant::now();
    let until = play.args.seconds.map(Duration::from_secs_f64);
    for (index, (gateway, points)) in nodes_of(&site, |_| true).into_iter().enumerate() {
        let played = Played {
            park: Arc::clone(&park),
            gateway: gateway.clone(),
            points: points.clone(),
            started,
            until,
            ticks: ticks(started, play.rate, index),
            shutdown: shutdown.clone(),
        };
        start(play, &site, (index, &gateway, &points), Feed::Played(played), common, tasks);
    }
    reached(common, 1, BROKER_WITHIN).await?;
    while let Some(ended) = tasks.join_next().await {
        ended.map_err(CommandError::unreachable)?;
    }
    Ok(())
}

async fn replay(play: &Play, common: &Arc<Common>, tasks: &mut JoinSet<()>) -> Result<(), CommandError> {
    // Births name every metric that will come, and none that will not.
    let recorded = recorded::points(&play.args.samples, &play.site)?;
    let nodes = nodes_of(&play.site, |point| recorded.contains(&point));
    if nodes.is_empty() {
        let problem = "no column of the samples is a point with a sparkplug source; name columns by point id or tag";
        return Err(CommandError::input(anyhow!("replay: {problem}")));
    }
    let mut senders = Vec::with_capacity(nodes.len());
    let mut node_of = BTreeMap::new();
    for (index, (gateway, points)) in nodes.iter().enumerate() {
        let (sender, rows) = mpsc::channel(ROWS);
        senders.push(sender);
        node_of.extend(points.iter().map(|point| (*point, index)));
        start(play, &play.site, (index, gateway, points), Feed::Recorded(rows), common, tasks);
    }
    // The first row is to be sent as now, so nothing begins before everybody can send.
    let starting = START_EVERY * u32::try_from(nodes.len()).unwrap_or(u32::MAX);
    reached(common, nodes.len() as u64, BROKER_WITHIN + starting).await?;
    // Without a host to wait for this follows at once; with one, it takes as long as the host does.
    until(&common.counts, |counts| counts.ready.get() >= nodes.len() as u64).await;
    let mut rows = Merged::open(&play.args.samples, &play.site)?;
    let (started, first_sent) = (Instant::now(), now_in_millis());
    let mut first_row = None;
    for row in rows.by_ref() {
        let offset = faster(row.time.since(*first_row.get_or_insert(row.time)), play.speed);
        tokio::time::sleep_until(started + Duration::from_micros(u64::try_from(offset.micros()).unwrap_or(0))).await;
        let mut by_node: BTreeMap<usize, Vec<_>> = BTreeMap::new();
        for value in row.values {
            if let Some(node) = node_of.get(&value.0) {
                by_node.entry(*node).or_default().push(value);
            }
        }
        for (node, values) in by_node {
            let sent = senders[node].send(Row { time: first_sent + offset, values }).await;
            sent.map_err(|_| CommandError::unreachable(anyhow!("replay to the end: an edge node gave up")))?;
        }
    }
    rows.finish()
}

fn start(
    play: &Play,
    site: &Site,
    (index, gateway, points): (usize, &str, &[usize]),
    feed: Feed,
    common: &Arc<Common>,
    tasks: &mut JoinSet<()>,
) {
    let speech = Speech::new(site, gateway, points, play.args.alias.of(index));
    let node = Node {
        index,
        common: Arc::clone(common),
        speech,
        feed,
        kept: VecDeque::new(),
        unacknowledged: VecDeque::new(),
        was_ready: false,
    };
    let turn = START_EVERY * u32::try_from(index).unwrap_or(u32::MAX);
    tasks.spawn(async move {
        tokio::time::sleep(turn).await;
        Box::pin(node.live()).await;
    });
}

/// Waits until so many nodes have reached the broker.
async fn reached(common: &Common, nodes: u64, patience: Duration) -> Result<(), CommandError> {
    let counts = &common.counts;
    let all = timeout(patience, until(counts, |counts| counts.connects.get() >= nodes));
    all.await.map_err(|_| {
        let (host, port, count, error) = (&common.broker.host, common.broker.port, counts.connects.get(), counts.last_error());
        let problem = format!("reach the broker {host}:{port}: {count} of {nodes} edge nodes could, {error}");
        CommandError::unreachable(anyhow!("{}", problem.trim_end_matches([',', ' '])))
    })
}

async fn until(counts: &Counts, done: impl Fn(&Counts) -> bool) {
    loop {
        let mut changed = std::pin::pin!(counts.changed.notified());
        // Enabled before the look, so that no change between look and wait is missed.
        changed.as_mut().enable();
        if done(counts) {
            return;
        }
        changed.await;
    }
}

/// Waits until every node has said everything and left.
async fn finish(tasks: &mut JoinSet<()>, common: &Common, patience: Duration) -> Result<(), CommandError> {
    let counts = &common.counts;
    let all = timeout(patience, async {
        while let Some(ended) = tasks.join_next().await {
            ended.map_err(CommandError::unreachable)?;
        }
        Ok(())
    });
    all.await.unwrap_or_else(|_| {
        let error = counts.last_error();
        let answered = counts.acknowledged.get() + counts.refused.get();
        if patience == LEAVE_WITHIN && (common.qos == 0 || answered >= counts.sent.get()) {
            // Who never came to say anything has nothing to wait for once the user wants to leave.
            return Ok(());
        }
        let problem = format!("say everything to the broker: some edge nodes did not come back, {error}");
        Err(CommandError::unreachable(anyhow!("{}", problem.trim_end_matches([',', ' ']))))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use simulator::generated_site;

    use super::*;

    #[test]
    fn devices_go_with_their_node() {
        let file = site::SourceFile { name: "site.toml".to_owned(), text: generated_site(3, 9, Protocol::Sparkplug) };
        let site = site::load(&[file]).expect("a generated site loads").site;
        let nodes = nodes_of(&site, |_| true);
        let sizes: Vec<_> = nodes.iter().map(|(name, points)| (name.as_str(), points.len())).collect();
        assert_eq!(sizes, [("p001/e00001-gw1", 9), ("p001/e00002-gw1", 9), ("p001/e00003-gw1", 9)]);
        let some: BTreeSet<usize> = nodes["p001/e00002-gw1"].iter().copied().take(2).collect();
        assert_eq!(nodes_of(&site, |point| some.contains(&point)).len(), 1);
    }
}
