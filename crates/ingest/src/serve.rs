//! Puts the parts together: site, recall, the start's outage, and then the tasks, each owned and awaited.

use std::path::Path;
use std::sync::Arc;

use journal::{Append, Follower, Journal, JournalId, Key, Level};
use model::{Body, Protocol, SourceId};
use service::{Latch, Shutdown};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tracing::{error, info};

use crate::acks::{Outbox, Outlets, ROUNDS_WAITING, acknowledge, publish_receipts};
use crate::hosting::births::{self, write_births};
use crate::hosting::{Commands, HostState, Hosting};
use crate::inbox::Inbox;
use crate::index::{NewestSite, SiteIndex};
use crate::intake::Intake;
use crate::link::{Arrival, Link};
use crate::mqtt::{ARRIVALS_WAITING, Dropped, MqttLink, Reading, Role, Say, Voice, client_id, host_client_id, keep_dropped};
use crate::push::Streams;
use crate::writer::Writer;
use crate::{IngestConfig, IngestError, MqttConfig, metrics, rebuild};

/// Under which ingest writes its records.
const KEY: &str = "ingest";
/// Under which it keeps the site it follows, and after how many records of `events` anew.
const SITE_KEY: &str = "ingest/site";
const SITE_SNAPSHOT_EVERY: u64 = 10_000;
/// Commands to Sparkplug nodes that may wait for the connection; the session's token bucket is far slower.
const COMMANDS_WAITING: usize = 1_024;

/// What ingest works with.
pub struct Parts {
    /// Where everything goes.
    pub journal: Arc<dyn Journal>,
    /// Where deliveries come from: one of a kind at most, but any number beside a broker.
    pub links: Vec<Link>,
    /// Let go when the source is up.
    pub latch: Latch,
    /// The rest.
    pub config: IngestConfig,
}

/// Says that nothing was supervised since the last record of each partition. A start of Davy does so before anything else is appended: a
/// record that came earlier would run the clocks of points through the time in which Davy was away.
pub async fn mark_start(journal: &dyn Journal) -> Result<(), IngestError> {
    let key = Key::new(KEY).map_err(IngestError::journal("name the key of ingest"))?;
    for partition in journal.partitions() {
        let id = JournalId::Telemetry(partition);
        let since = journal.bounds(id).last_time;
        let down = Body::SourceDown { source: SourceId::all(), since, reason: "start".to_owned() };
        let append = Append { journal: id, key: key.clone(), fence: None, bodies: vec![wire::encode_body(&down)] };
        journal.append(append).await.map_err(IngestError::journal("say that this is a start"))?;
    }
    Ok(())
}

/// Takes telemetry in until shutdown is requested, or something cannot go on.
pub async fn serve(parts: Parts, shutdown: Shutdown) -> Result<(), IngestError> {
    metrics::describe();
    let Parts { journal, links, latch, config } = parts;
    let site_key = Key::new(SITE_KEY).map_err(IngestError::journal("name the key of the site"))?;
    let mut site = Follower::start(&*journal, JournalId::Events, site_key, Level::Durable, NewestSite::default)
        .await
        .map_err(IngestError::journal("read the site"))?;
    let Some(index) = first_index(&*journal, &mut site, &latch, &shutdown).await? else { return Ok(()) };
    let mut hosting = Hosting::new(&config.sparkplug_host_id, getrandom::u64().unwrap_or_default());
    hosting.expect(&index);
    restore_births(&mut hosting, &config.data).await?;
    let births = hosting.births.clone();
    let mut intake = Intake::new(Arc::clone(&index), hosting, journal.now());
    intake.mqtt_guarded = config.mqtt_guarded;
    rebuild::recall(&journal, &mut intake).await?;
    let (sites, site_changes) = watch::channel(index);
    let (settled, rounds) = mpsc::channel(ROUNDS_WAITING);
    let key = Key::new(KEY).map_err(IngestError::journal("name the key of ingest"))?;

    let component = latch.component().clone();
    let around = Around { journal: Arc::clone(&journal), sites: site_changes.clone(), voice: Voice::new(component.clone()) };
    let links = open_links(links, &config, &around)?;
    for protocol in links.up {
        intake.starts_up(protocol);
    }
    if let Some(streams) = links.streams {
        intake.watch_streams(streams);
    }
    intake.hosting.commands = links.commands;
    let mut writer = Writer::new((Arc::clone(&journal), key), intake, links.arrivals, site_changes, settled);
    writer.start().await?;
    if links.mqtt.is_empty() {
        component.ready();
    }

    let (outbox, drained) = (Arc::new(Outbox::default()), Shutdown::new());
    let mut tasks = JoinSet::new();
    tasks.spawn(named("writing", Box::pin(writer.run(shutdown.clone()))));
    tasks.spawn(named("acknowledging", acknowledge(Arc::clone(&journal), rounds, Arc::clone(&outbox), drained.clone())));
    tasks.spawn(named("receipts", publish_receipts(outbox, links.outlets, drained.clone())));
    tasks.spawn(named("births", write_births(config.data.clone(), births, drained.clone())));
    if let Some(readings) = links.readings {
        tasks.spawn(named("the broker's counter", keep_dropped(config.data, readings, drained)));
    }
    tasks.spawn(named("the site", follow(journal, site, sites, shutdown.clone())));
    for link in links.mqtt {
        tasks.spawn(named("the link", Box::pin(link.run(shutdown.clone()))));
    }
    join(tasks, &shutdown).await
}

/// One file after the other, for all together may be large; the newest first, for there may not be room for all.
async fn restore_births(hosting: &mut Hosting, data: &Path) -> Result<(), IngestError> {
    let ended = |_| IngestError::Ended { part: "reading births" };
    let data = data.to_owned();
    let files = tokio::task::spawn_blocking(move || births::files(&data)).await.map_err(ended)?;
    if !files.is_empty() {
        info!(nodes = files.len(), "births of Sparkplug nodes are restored");
    }
    for file in files {
        let kept = tokio::task::spawn_blocking(move || births::load(&file)).await.map_err(ended)?;
        if let Some(kept) = kept {
            hosting.restore(&kept);
        }
    }
    Ok(())
}

/// All links, opened.
#[derive(Default)]
struct Opened {
    arrivals: Inbox,
    outlets: Outlets,
    /// Sources that are up from the start.
    up: Vec<Protocol>,
    streams: Option<Streams>,
    commands: Commands,
    mqtt: Vec<MqttLink>,
    /// Readings of the broker's counter of dropped messages.
    readings: Option<watch::Receiver<Option<Reading>>>,
}

/// What every link to a broker shares.
struct Around {
    journal: Arc<dyn Journal>,
    sites: watch::Receiver<Arc<SiteIndex>>,
    voice: Voice,
}

impl Opened {
    fn mqtt_link(&mut self, config: MqttConfig, client_id: String, role: Role, around: &Around) -> MqttLink {
        let (queue, arrivals) = mpsc::channel::<Arrival>(ARRIVALS_WAITING);
        let (clients, changes) = watch::channel(None);
        let connecting = format!("broker {}:{}, {}: connecting", config.host, config.port, role.name());
        around.voice.say(role.name(), Say::Unready(connecting));
        self.arrivals.add(arrivals);
        self.outlets.leaving.push(changes);
        MqttLink {
            config,
            client_id,
            role,
            journal: Arc::clone(&around.journal),
            arrivals: queue,
            clients,
            commands: None,
            sites: around.sites.clone(),
            voice: around.voice.clone(),
        }
    }
}

fn open_links(links: Vec<Link>, config: &IngestConfig, around: &Around) -> Result<Opened, IngestError> {
    let mut opened = Opened::default();
    for link in links {
        match link {
            Link::Local(receiver) => {
                opened.arrivals.add(receiver.queue);
                opened.commands.local = Some(receiver.outlet.clone());
                opened.outlets.local = Some((receiver.receipts, receiver.outlet));
                opened.up.extend([Protocol::Mqtt, Protocol::Sparkplug]);
            }
            Link::Beside(receiver) => opened.arrivals.add(receiver.queue),
            Link::Push(receiver) => {
                opened.arrivals.add(receiver.queue);
                opened.streams = Some(receiver.streams);
                opened.up.push(Protocol::Grpc);
            }
            Link::Mqtt(mqtt) => {
                let (client_id, session_expected) = client_id(&config.data)?;
                let (dropped, readings) = Dropped::load(&config.data);
                opened.readings = Some(readings);
                let link = opened.mqtt_link(mqtt, client_id, Role::json(session_expected, dropped), around);
                opened.outlets.mqtt = Some(link.clients.subscribe());
                opened.mqtt.push(link);
            }
            Link::Sparkplug(mqtt) => {
                let client_id = host_client_id(&client_id(&config.data)?.0);
                let role = Role::Sparkplug(HostState::new(&config.sparkplug_host_id));
                let (commands, to_nodes) = mpsc::channel(COMMANDS_WAITING);
                opened.commands.mqtt = Some(commands);
                let link = opened.mqtt_link(mqtt, client_id, role, around);
                opened.mqtt.push(MqttLink { commands: Some(to_nodes), ..link });
            }
        }
    }
    Ok(opened)
}

/// The index of the site in force; waits for the first one. `None` at shutdown.
async fn first_index(
    journal: &dyn Journal,
    site: &mut Follower<NewestSite>,
    latch: &Latch,
    shutdown: &Shutdown,
) -> Result<Option<Arc<SiteIndex>>, IngestError> {
    loop {
        if let Some(revision) = &site.fold.revision {
            info!(revision = revision.number.0, points = revision.numbers.len(), "site taken");
            return Ok(Some(Arc::new(SiteIndex::new(revision))));
        }
        latch.component().unready("no site revision yet");
        // Both arms are cancel-safe: the journal's wait and a token.
        tokio::select! {
            more = site.more(journal) => more.map_err(IngestError::journal("wait for a site"))?,
            () = shutdown.requested() => return Ok(None),
        }
        site.catch_up(journal).await.map_err(IngestError::journal("read the site"))?;
    }
}

/// Follows the site and hands on each newer one.
async fn follow(
    journal: Arc<dyn Journal>,
    mut site: Follower<NewestSite>,
    sites: watch::Sender<Arc<SiteIndex>>,
    shutdown: Shutdown,
) -> Result<(), IngestError> {
    loop {
        // Both arms are cancel-safe: the journal's wait and a token.
        tokio::select! {
            more = site.more(&*journal) => more.map_err(IngestError::journal("wait for the site"))?,
            () = shutdown.requested() => return Ok(()),
        }
        site.catch_up(&*journal).await.map_err(IngestError::journal("read the site"))?;
        if let Some(revision) = site.fold.revision.as_ref().filter(|it| it.number != sites.borrow().revision) {
            sites.send_replace(Arc::new(SiteIndex::new(revision)));
        }
        site.snapshot_every(&*journal, SITE_SNAPSHOT_EVERY).await.map_err(IngestError::journal("keep the site"))?;
    }
}

type Ended = (&'static str, Result<(), IngestError>);

async fn named(part: &'static str, task: impl Future<Output = Result<(), IngestError>>) -> Ended {
    (part, task.await)
}

/// Waits for all tasks; the first that fails, or ends on its own, ends all.
async fn join(mut tasks: JoinSet<Ended>, shutdown: &Shutdown) -> Result<(), IngestError> {
    while let Some(ended) = tasks.join_next().await {
        let failure = match ended {
            Ok((_, Ok(()))) if shutdown.is_requested() => continue,
            Ok((part, Ok(()))) => IngestError::Ended { part },
            Ok((part, Err(failure))) => {
                error!(part, error = %failure, "ingest stops");
                failure
            }
            Err(panic) => {
                error!(%panic, "ingest stops");
                IngestError::Ended { part: "a task" }
            }
        };
        // Whatever else runs is dropped: nothing that is not durable is acknowledged.
        tasks.shutdown().await;
        return Err(failure);
    }
    Ok(())
}
