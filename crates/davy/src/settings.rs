//! Settings of `davy up`: defaults, then a TOML file, then `DAVY_…` variables, then flags.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use exchange::{Upstream, Webhook};
use figures::FloodConfig;
use ingest::MqttConfig;
use model::Span;
use serde::Deserialize;
use store::{Policy, StoreUrl};

use crate::cli::UpArgs;
use crate::exit::CommandError;
use crate::history::History;
use crate::upstreams::{Written as WrittenUpstream, upstreams};
use crate::webhooks::{Written as WrittenWebhook, webhooks};

/// What `up` runs with.
#[derive(Debug)]
pub struct Settings {
    /// Whether a simulated park is added.
    pub demo: bool,
    /// Site files; `None` in the demo means the one that comes with Davy.
    pub site: Option<PathBuf>,
    /// Data folder.
    pub data: PathBuf,
    /// Whether the data folder is a temporary one of this run.
    pub temporary: bool,
    /// The broker; `None` means the one inside.
    pub mqtt: Option<MqttConfig>,
    /// The id under which Davy says STATE to Sparkplug nodes.
    pub sparkplug_host_id: String,
    /// Where the broker inside listens.
    pub mqtt_listen: SocketAddr,
    /// Whether that was said, or is the default.
    pub mqtt_listen_given: bool,
    /// Who may connect to it; `None`: anybody on this machine.
    pub mqtt_users: Option<PathBuf>,
    /// The history.
    pub store: StoreUrl,
    /// How long what of it is kept.
    pub history: Policy,
    /// Where gRPC listens.
    pub grpc_listen: SocketAddr,
    /// Where HTTP listens.
    pub http_listen: SocketAddr,
    /// When an operator position is flooded.
    pub flood: FloodConfig,
    /// Whose HTTP servers get the feed pushed.
    pub webhooks: Vec<Webhook>,
    /// Whose events are taken.
    pub upstreams: Vec<Upstream>,
    /// The name by which others know events of this Davy; `None`: one of its own making.
    pub node: Option<String>,
}

/// The same keys as the flags; unknown ones are errors.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    site: Option<PathBuf>,
    data: Option<PathBuf>,
    mqtt: Option<String>,
    sparkplug_host_id: Option<String>,
    mqtt_listen: Option<SocketAddr>,
    mqtt_users: Option<PathBuf>,
    journal: Option<String>,
    store: Option<String>,
    grpc_listen: Option<SocketAddr>,
    http_listen: Option<SocketAddr>,
    flood_start_above: Option<u32>,
    flood_end_below: Option<u32>,
    flood_window_minutes: Option<u32>,
    history: Option<History>,
    webhook: Option<Vec<WrittenWebhook>>,
    upstream: Option<Vec<WrittenUpstream>>,
    node: Option<String>,
}

impl Settings {
    /// Puts the layers together and checks every setting before any port is bound; says all faults at once.
    pub fn resolve(args: &UpArgs) -> Result<Self, CommandError> {
        let file = args.config.as_deref().map(read).transpose()?.unwrap_or_default();
        let mut faults = Vec::new();
        let journal = args.journal.clone().or(file.journal);
        if let Some(journal) = journal.filter(|journal| journal != "embedded") {
            faults.push(format!("--journal {journal}: this version has the embedded journal only; leave it out"));
        }
        // One layer says which broker there is: a flag for one kind puts aside what the file says about the other.
        let inside = args.mqtt_listen.is_some() || args.mqtt_users.is_some();
        let mqtt = args.mqtt.clone().or(file.mqtt.filter(|_| !inside));
        let file_inside = args.mqtt.is_none();
        let mqtt_listen = args.mqtt_listen.or(file.mqtt_listen.filter(|_| file_inside));
        let mqtt_users = args.mqtt_users.clone().or(file.mqtt_users.filter(|_| file_inside));
        check_embedded(mqtt.is_some(), mqtt_listen, mqtt_users.as_deref(), &mut faults);
        let mqtt = mqtt.and_then(|url| MqttConfig::parse(&url).map_err(|error| faults.push(format!("--mqtt: {error}"))).ok());
        let host_id = args.sparkplug_host_id.clone().or(file.sparkplug_host_id);
        let sparkplug_host_id = host_id.unwrap_or_else(|| ingest::DEFAULT_HOST_ID.to_owned());
        if let Err(fault) = ingest::check_host_id(&sparkplug_host_id) {
            faults.push(format!("--sparkplug-host-id {sparkplug_host_id}: {fault}"));
        }
        let given = |flag: Option<u32>, file: Option<u32>| flag.or(file);
        let flood = flood(
            given(args.flood_start_above, file.flood_start_above),
            given(args.flood_end_below, file.flood_end_below),
            given(args.flood_window_minutes, file.flood_window_minutes),
            &mut faults,
        );
        let history = file.history.unwrap_or_default().policy(&mut faults);
        let webhooks = webhooks(file.webhook.unwrap_or_default(), &mut faults);
        let upstreams = upstreams(file.upstream.unwrap_or_default(), &args.upstream, &mut faults);
        let node = args.node.clone().or(file.node);
        if let Some(Err(fault)) = node.as_deref().map(exchange::check_node) {
            faults.push(format!("--node {}: {}", node.as_deref().unwrap_or_default(), fault.message));
        }
        let site = args.site.clone().or(file.site);
        if site.is_none() && !args.demo {
            faults.push("--site is missing; give a site file or a folder of them, or try `davy up --demo`".to_owned());
        }
        let given = args.data.clone().or(file.data);
        let temporary = args.demo && given.is_none();
        let data = given.unwrap_or_else(|| if temporary { temporary_folder() } else { PathBuf::from("./davy-data") });
        let store =
            args.store.clone().or(file.store).unwrap_or_else(|| format!("sqlite:{}", data.join("history.sqlite").display()));
        let store = store.parse::<StoreUrl>().map_err(|error| faults.push(format!("--store: {error}"))).ok();
        let (Some(store), true) = (store, faults.is_empty()) else {
            return Err(CommandError::usage(anyhow!("take the settings: {}", faults.join("; "))));
        };
        Ok(Self {
            demo: args.demo,
            site,
            data,
            temporary,
            mqtt,
            sparkplug_host_id,
            mqtt_listen: mqtt_listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 1_883))),
            mqtt_listen_given: mqtt_listen.is_some(),
            mqtt_users,
            store,
            history,
            grpc_listen: args.grpc_listen.or(file.grpc_listen).unwrap_or(SocketAddr::from(([127, 0, 0, 1], 50_051))),
            http_listen: args.http_listen.or(file.http_listen).unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8_080))),
            flood,
            webhooks,
            upstreams,
            node,
        })
    }
}

/// A flood that ends below what begins it, over a window that somebody can look back on.
fn flood(start: Option<u32>, end: Option<u32>, minutes: Option<u32>, faults: &mut Vec<String>) -> FloodConfig {
    let standard = FloodConfig::default();
    let window = minutes.map_or(standard.window, |minutes| Span::from_secs(60 * i64::from(minutes)));
    let flood =
        FloodConfig { window, start_above: start.unwrap_or(standard.start_above), end_below: end.unwrap_or(standard.end_below) };
    if flood.end_below == 0 || flood.end_below > flood.start_above.saturating_add(1) {
        let (start, end) = (flood.start_above, flood.end_below);
        faults
            .push(format!("--flood-end-below {end}: a flood that begins above {start} ends below 1 to {}", u64::from(start) + 1));
    }
    if minutes.is_some_and(|minutes| !(1..=1_440).contains(&minutes)) {
        faults.push("--flood-window-minutes: 1 to 1440 minutes".to_owned());
    }
    flood
}

/// What the broker inside cannot be told.
fn check_embedded(external: bool, listen: Option<SocketAddr>, users: Option<&Path>, faults: &mut Vec<String>) {
    if external && (listen.is_some() || users.is_some()) {
        faults.push(
            "--mqtt names a broker, --mqtt-listen and --mqtt-users are for the one inside; give one or the other".to_owned(),
        );
    }
    if let Some(listen) = listen.filter(|listen| users.is_none() && !listen.ip().is_loopback()) {
        faults.push(format!(
            "--mqtt-listen {listen}: more than this machine reaches it; say who may connect with --mqtt-users FILE"
        ));
    }
}

fn temporary_folder() -> PathBuf {
    // Fresh even where process ids come again, as in a container.
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    std::env::temp_dir().join(format!("davy-demo-{}-{}", std::process::id(), since.as_micros()))
}

fn read(path: &Path) -> Result<File, CommandError> {
    let doing = || format!("read the settings {}", path.display());
    let text = fs::read_to_string(path).with_context(doing).map_err(CommandError::usage)?;
    toml::from_str(&text).with_context(doing).map_err(CommandError::usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_win_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("davy.toml");
        fs::write(
            &config,
            "mqtt = 'mqtt://broker:1883'\nsite = 'site.toml'\ngrpc-listen = '127.0.0.1:1'\nhttp-listen = '127.0.0.1:2'",
        )
        .unwrap();
        let args = UpArgs { config: Some(config), http_listen: Some(SocketAddr::from(([127, 0, 0, 1], 3))), ..UpArgs::default() };
        let settings = Settings::resolve(&args).unwrap();
        assert_eq!((settings.grpc_listen.port(), settings.http_listen.port()), (1, 3));
        assert_eq!(settings.data, PathBuf::from("./davy-data"));
    }

    #[test]
    fn a_flag_for_one_broker_wins_over_the_file_for_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("davy.toml");
        let resolve = |text: &str, args: UpArgs| {
            fs::write(&config, format!("site = 'site.toml'\n{text}")).unwrap();
            Settings::resolve(&UpArgs { config: Some(config.clone()), ..args })
        };
        let inside = "mqtt-listen = '127.0.0.1:1'\nmqtt-users = 'users.toml'";
        let settings = resolve(inside, UpArgs { mqtt: Some("mqtt://b".to_owned()), ..UpArgs::default() }).unwrap();
        assert!(settings.mqtt.is_some() && settings.mqtt_users.is_none());
        let listen = Some(SocketAddr::from(([127, 0, 0, 1], 2)));
        let settings = resolve("mqtt = 'mqtt://b'", UpArgs { mqtt_listen: listen, ..UpArgs::default() }).unwrap();
        assert!(settings.mqtt.is_none() && settings.mqtt_listen.port() == 2);
        let both = format!("mqtt = 'mqtt://b'\n{inside}");
        let error = resolve(&both, UpArgs::default()).unwrap_err().to_string();
        assert!(error.contains("one or the other"), "{error}");
    }

    #[test]
    fn the_broker_inside_is_for_this_machine_unless_users_are_named() {
        let resolve = |args: UpArgs| Settings::resolve(&UpArgs { site: Some(PathBuf::from("site.toml")), ..args });
        let settings = resolve(UpArgs::default()).unwrap();
        assert_eq!((settings.mqtt, settings.mqtt_listen.to_string()), (None, "127.0.0.1:1883".to_owned()));
        let everywhere = Some(SocketAddr::from(([0, 0, 0, 0], 1_883)));
        let error = resolve(UpArgs { mqtt_listen: everywhere, ..UpArgs::default() }).unwrap_err().to_string();
        assert!(error.contains("--mqtt-users"), "{error}");
        let users = Some(PathBuf::from("users.toml"));
        assert!(resolve(UpArgs { mqtt_listen: everywhere, mqtt_users: users.clone(), ..UpArgs::default() }).is_ok());
        let error = resolve(UpArgs { mqtt: Some("mqtt://b".to_owned()), mqtt_users: users, ..UpArgs::default() }).unwrap_err();
        assert!(error.to_string().contains("one or the other"), "{error}");
    }

    #[test]
    fn a_flood_ends_below_where_it_begins() {
        let resolve = |start, end, minutes| {
            let flags =
                UpArgs { flood_start_above: start, flood_end_below: end, flood_window_minutes: minutes, ..UpArgs::default() };
            Settings::resolve(&UpArgs { demo: true, ..flags }).map(|it| it.flood).map_err(|error| error.to_string())
        };
        assert_eq!(resolve(None, None, None), Ok(FloodConfig::default()));
        let wanted = FloodConfig { window: Span::from_secs(300), start_above: 20, end_below: 21 };
        assert_eq!(resolve(Some(20), Some(21), Some(5)), Ok(wanted));
        assert!(resolve(Some(20), Some(22), None).unwrap_err().contains("1 to 21"));
        assert!(resolve(None, Some(0), Some(1_441)).unwrap_err().contains("1 to 1440"));
    }

    #[test]
    fn unknown_keys_and_missing_settings_are_told_together() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("davy.toml");
        fs::write(&config, "grpc_listen = '127.0.0.1:1'").unwrap();
        let error = Settings::resolve(&UpArgs { config: Some(config), ..UpArgs::default() }).unwrap_err().to_string();
        assert!(error.contains("grpc_listen"), "{error}");
        let error =
            Settings::resolve(&UpArgs { journal: Some("nats://x".to_owned()), ..UpArgs::default() }).unwrap_err().to_string();
        assert!(error.contains("--journal") && error.contains("--site"), "{error}");
    }
}
