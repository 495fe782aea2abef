//! Settings of `davy up`: defaults, then a TOML file, then `DAVY_…` variables, then flags.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use ingest::MqttConfig;
use serde::Deserialize;
use store::StoreUrl;

use crate::cli::UpArgs;
use crate::exit::CommandError;

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
    /// The broker; `None` means the link inside the process.
    pub mqtt: Option<MqttConfig>,
    /// The id under which Davy says STATE to Sparkplug nodes.
    pub sparkplug_host_id: String,
    /// The history.
    pub store: StoreUrl,
    /// Where gRPC listens.
    pub grpc_listen: SocketAddr,
    /// Where HTTP listens.
    pub http_listen: SocketAddr,
}

/// The same keys as the flags; unknown ones are errors.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    site: Option<PathBuf>,
    data: Option<PathBuf>,
    mqtt: Option<String>,
    sparkplug_host_id: Option<String>,
    journal: Option<String>,
    store: Option<String>,
    grpc_listen: Option<SocketAddr>,
    http_listen: Option<SocketAddr>,
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
        let mqtt = args.mqtt.clone().or(file.mqtt);
        if mqtt.is_none() && !args.demo {
            faults.push("--mqtt is missing; give the broker as mqtt://host:1883, or try `davy up --demo`".to_owned());
        }
        let mqtt = mqtt.and_then(|url| MqttConfig::parse(&url).map_err(|error| faults.push(format!("--mqtt: {error}"))).ok());
        let host_id = args.sparkplug_host_id.clone().or(file.sparkplug_host_id);
        let sparkplug_host_id = host_id.unwrap_or_else(|| ingest::DEFAULT_HOST_ID.to_owned());
        if let Err(fault) = ingest::check_host_id(&sparkplug_host_id) {
            faults.push(format!("--sparkplug-host-id {sparkplug_host_id}: {fault}"));
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
            store,
            grpc_listen: args.grpc_listen.or(file.grpc_listen).unwrap_or(SocketAddr::from(([127, 0, 0, 1], 50_051))),
            http_listen: args.http_listen.or(file.http_listen).unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8_080))),
        })
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
