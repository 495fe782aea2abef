//! The command line: what there is to say, and in which words.

mod casework;
mod query;
mod report;
mod warning;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use casework::{
    CaseCommand, CorrectArgs, DeclareArgs, DutyCommand, IncidentCommand, LossArgs, NotifyArgs, OpenArgs, Speaker, WhatHappened,
};
pub use query::{By, ExportArgs, ExportFormat, Mode, QueryArgs, What};
pub use report::ReportArgs;
pub use warning::{WarningArgs, WarningCommand};

/// Davy watches hazardous chemicals over their whole life.
#[derive(Debug, Parser)]
#[command(name = "davy", version, about, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What to log to standard error: error, warn, info, debug, or per part: info,ingest=debug.
    #[arg(long, global = true, env = "DAVY_LOG", default_value = "info")]
    pub log: String,
    /// How log lines look.
    #[arg(long, global = true, env = "DAVY_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For collectors.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run everything in one process.
    Up(UpArgs),
    /// Validate site files: every fault with file, line, what is wrong and what would be right.
    Check {
        /// A site file, or a folder of them.
        path: PathBuf,
    },
    /// Run the alarm core over recorded samples; prints one JSON event a line, a comparison of two sets of rules, or a proposal.
    Backtest(BacktestArgs),
    /// Play a plausible park against a broker, or replay files.
    Simulate(SimulateArgs),
    /// Live alarms and events.
    Watch {
        /// The server's gRPC address.
        #[arg(long, env = "DAVY_SERVER", default_value = DEFAULT_SERVER)]
        server: String,
        /// One JSON event a line on standard output.
        #[arg(long)]
        json: bool,
        /// earliest, latest, snapshot (what is active now, then what comes) or a cursor.
        #[arg(long, default_value = "snapshot")]
        start: String,
    },
    /// What the server knows, from a shell.
    Query(QueryArgs),
    /// Write the samples of a period to a file.
    Export(ExportArgs),
    /// Site files: drafts of what is not in them yet.
    Site {
        /// Which command.
        #[command(subcommand)]
        action: SiteAction,
    },
    /// The operator's commands.
    Alarm {
        /// Which command.
        #[command(subcommand)]
        action: AlarmAction,
    },
    /// What an addressee says of a warning.
    Warning {
        /// What.
        #[command(subcommand)]
        action: WarningCommand,
    },
    /// Joint cases: several departments have to do something about one finding.
    Case {
        /// What.
        #[command(subcommand)]
        action: CaseCommand,
    },
    /// Incidents, with the clocks of the law.
    Incident {
        /// What.
        #[command(subcommand)]
        action: IncidentCommand,
    },
    /// The duty book: who is on duty, what is handed over, what was seen.
    Duty {
        /// What.
        #[command(subcommand)]
        action: DutyCommand,
    },
    /// What a department did or saw.
    Report(ReportArgs),
    /// Proof and evidence from a data folder.
    Journal {
        /// Which.
        #[command(subcommand)]
        action: JournalAction,
    },
    /// Make the tables of a store, or bring them up to date; `up` does it at its start as well.
    Migrate {
        /// sqlite:PATH, or postgres://[user[:pass]@]host[:port]/database.
        #[arg(long, env = "DAVY_STORE")]
        store: String,
    },
    /// Hash a password, read from standard input, for a users file of the embedded broker.
    MqttPassword,
}

/// Where commands look for a server unless told otherwise.
pub const DEFAULT_SERVER: &str = "http://127.0.0.1:50051";

/// Settings of `davy up`; each also as `DAVY_…` variable and in a TOML file.
#[derive(Clone, Debug, Default, Args)]
pub struct UpArgs {
    /// Add a simulated park; its data go to a fresh temporary folder unless --data is given.
    #[arg(long)]
    pub demo: bool,
    /// Settings in TOML; the keys are the names of these flags.
    #[arg(long, env = "DAVY_CONFIG")]
    pub config: Option<PathBuf>,
    /// A site file, or a folder of them.
    #[arg(long, env = "DAVY_SITE")]
    pub site: Option<PathBuf>,
    /// Data folder [default: ./davy-data].
    #[arg(long, env = "DAVY_DATA")]
    pub data: Option<PathBuf>,
    /// MQTT broker: mqtt[s]://[user:pass@]host:port [default: the one inside, see --mqtt-listen].
    #[arg(long, env = "DAVY_MQTT", hide_env_values = true)]
    pub mqtt: Option<String>,
    /// The id under which Davy says STATE to Sparkplug B nodes; theirs is the setting "primary host id" [default: davy].
    #[arg(long, env = "DAVY_SPARKPLUG_HOST_ID")]
    pub sparkplug_host_id: Option<String>,
    /// Where the broker inside listens when there is no --mqtt [default: 127.0.0.1:1883].
    #[arg(long, env = "DAVY_MQTT_LISTEN")]
    pub mqtt_listen: Option<SocketAddr>,
    /// Who may connect to the broker inside, in TOML; without it anybody on this machine.
    #[arg(long, env = "DAVY_MQTT_USERS")]
    pub mqtt_users: Option<PathBuf>,
    /// Journal; embedded in the data folder is the only kind of this version.
    #[arg(long, env = "DAVY_JOURNAL")]
    pub journal: Option<String>,
    /// History: sqlite:PATH, or postgres://[user[:pass]@]host[:port]/database [default: history.sqlite in the data folder].
    #[arg(long, env = "DAVY_STORE", hide_env_values = true)]
    pub store: Option<String>,
    /// gRPC address [default: 127.0.0.1:50051].
    #[arg(long, env = "DAVY_GRPC_LISTEN")]
    pub grpc_listen: Option<SocketAddr>,
    /// HTTP address for /healthz, /readyz, /metrics [default: 127.0.0.1:8080].
    #[arg(long, env = "DAVY_HTTP_LISTEN")]
    pub http_listen: Option<SocketAddr>,
    /// Take the events of another Davy: [NAME=]URL, may be repeated [NAME: the host].
    #[arg(long, env = "DAVY_UPSTREAM", value_delimiter = ',')]
    pub upstream: Vec<String>,
    /// The name by which others know the events of this Davy, such as county-a; it should stay what it is.
    #[arg(long, env = "DAVY_NODE")]
    pub node: Option<String>,
    /// More new alarms than this at one operator position, within the window, begin a flood [default: 10].
    #[arg(long, env = "DAVY_FLOOD_START_ABOVE")]
    pub flood_start_above: Option<u32>,
    /// Fewer than this within the window end it [default: 5].
    #[arg(long, env = "DAVY_FLOOD_END_BELOW")]
    pub flood_end_below: Option<u32>,
    /// The window of floods, in minutes [default: 10].
    #[arg(long, env = "DAVY_FLOOD_WINDOW_MINUTES")]
    pub flood_window_minutes: Option<u32>,
}

/// What `davy backtest` runs over recorded samples.
#[derive(Clone, Debug, Args)]
pub struct BacktestArgs {
    /// A site file, or a folder of them.
    #[arg(long)]
    pub site: PathBuf,
    /// Recorded samples, CSV or CSV.gz; several are merged by time.
    #[arg(long, required = true, num_args = 1..)]
    pub samples: Vec<PathBuf>,
    /// Set the rules of this site beside those of --site: a table of what each raises, before and after.
    #[arg(long, conflicts_with = "suggest")]
    pub compare: Option<PathBuf>,
    /// Propose deadbands and delays that remove chattering; judge them on other samples with --compare.
    ///
    /// Bounds: a deadband is at most 5 % of the range; an on-delay at most 30 s (5 s for gas) and a tenth of respond_within; what the
    /// plain rule has in alarm for over 60 s is raised within 30 s; time in alarm stays below 1.2 times that of the plain rule.
    #[arg(long)]
    pub suggest: bool,
    /// Write the site with what is proposed; never over what is there. A file for a file, a folder for a folder; comments are kept.
    #[arg(long, requires = "suggest")]
    pub out: Option<PathBuf>,
    /// With --compare or --suggest: one JSON object a rule instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// What `davy simulate` plays, and where.
#[derive(Clone, Debug, Args)]
pub struct SimulateArgs {
    /// A site file, or a folder of them.
    #[arg(long, required_unless_present = "write_site", conflicts_with = "write_site")]
    pub site: Option<PathBuf>,
    /// MQTT broker: mqtt[s]://[user:pass@]host:port.
    #[arg(long, env = "DAVY_MQTT", hide_env_values = true, required_unless_present = "write_site")]
    pub mqtt: Option<String>,
    /// How to speak; gateways of the site that speak otherwise are left out.
    #[arg(long, default_value = "json")]
    pub format: Format,
    /// Messages a second and gateway.
    #[arg(long, default_value_t = 1.0)]
    pub rate: f64,
    /// normal, leak, tank_filling, sensor_fault, clock_step, gateway_flapping or flood.
    #[arg(long, default_value = "normal")]
    pub scenario: String,
    /// Replay these recorded samples instead: the first row is sent as now, the spacing is kept.
    #[arg(long, num_args = 1..)]
    pub samples: Vec<PathBuf>,
    /// Times faster than recorded; times in the messages keep their spacing divided by it.
    #[arg(long, default_value_t = 1.0)]
    pub speed: f64,
    /// Seed of the simulated park.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Stop after so many seconds.
    #[arg(long)]
    pub seconds: Option<f64>,
    /// Quality of service: 1 is acknowledged by the broker, 0 is not.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=1))]
    pub qos: u8,
    /// Sparkplug: which edge nodes send data by alias instead of by name; mixed is every other one.
    #[arg(long, default_value = "all")]
    pub alias: Alias,
    /// Sparkplug: wait until the host of this id is online before sending, and while it is away.
    #[arg(long)]
    pub primary_host: Option<String>,
    /// Write a site file of --nodes gateways for --format, and end; never over a file that is there.
    #[arg(long, requires = "nodes")]
    pub write_site: Option<PathBuf>,
    /// How many gateways the written site has, each of an enterprise of its own.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub nodes: Option<u32>,
    /// How many points each of these has.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub points_per_node: u32,
}

/// Formats of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Plain JSON.
    Json,
    /// Sparkplug B 3.0.
    Sparkplug,
}

impl Format {
    /// Its word on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Sparkplug => "sparkplug",
        }
    }
}

/// Which edge nodes send data by alias.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Alias {
    /// All.
    All,
    /// None: by name.
    None,
    /// Every other one.
    Mixed,
}

impl Alias {
    /// Whether the node of this place among all does.
    pub const fn of(self, node: usize) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Mixed => node.is_multiple_of(2),
        }
    }
}

/// What to do for site files.
#[derive(Debug, Subcommand)]
pub enum SiteAction {
    /// Print a site file of what a running Davy knows and its site does not.
    Draft(DraftArgs),
}

/// A draft of what.
#[derive(Clone, Debug, Args)]
pub struct DraftArgs {
    /// gateways: tags that no point claims, and gateways that no point names.
    #[arg(long)]
    pub from: DraftFrom,
    /// The server's gRPC address.
    #[arg(long, env = "DAVY_SERVER", default_value = DEFAULT_SERVER)]
    pub server: String,
    /// Only this gateway, by its path.
    #[arg(long)]
    pub gateway: Option<String>,
}

/// Where a draft is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DraftFrom {
    /// What gateways send.
    Gateways,
}

/// The operator's commands on one alarm.
#[derive(Debug, Subcommand)]
pub enum AlarmAction {
    /// Acknowledge: seen.
    Ack(AlarmArgs),
    /// Reset the latch of an alarm that has returned and was acknowledged.
    Reset(AlarmArgs),
    /// Silence the horn, without acknowledging.
    Silence(AlarmArgs),
    /// Hide an alarm for a time, in alarm or not.
    Shelve(ShelveArgs),
    /// Take an alarm from the shelf.
    Unshelve(AlarmArgs),
    /// Hide an alarm as its design would, until it is ended or the time is over.
    Suppress(HideArgs),
    /// End a suppression by command.
    Unsuppress(AlarmArgs),
    /// Take an alarm out of service, until it is put back or the time is over.
    OutOfService(HideArgs),
    /// Put an alarm back into service.
    Return(AlarmArgs),
}

/// Which alarm, and by whom.
#[derive(Clone, Debug, Args)]
pub struct AlarmTarget {
    /// The point's id; of gateway_down the gateway's path, of enterprise_down the enterprise's id.
    pub point: String,
    /// The alarm's id: high, low_low …
    pub alarm: String,
    /// The server's gRPC address.
    #[arg(long, env = "DAVY_SERVER", default_value = DEFAULT_SERVER)]
    pub server: String,
    /// Who; the login name unless said.
    #[arg(long, env = "DAVY_ACTOR")]
    pub actor: Option<String>,
}

/// A command that needs no reason.
#[derive(Clone, Debug, Args)]
pub struct AlarmArgs {
    /// Which alarm, and by whom.
    #[command(flatten)]
    pub target: AlarmTarget,
    /// Why.
    #[arg(long, default_value = "")]
    pub why: String,
}

/// A command that hides an alarm.
#[derive(Clone, Debug, Args)]
pub struct HideArgs {
    /// Which alarm, and by whom.
    #[command(flatten)]
    pub target: AlarmTarget,
    /// Why nobody is to be told of it.
    #[arg(long)]
    pub why: String,
    /// Until when: RFC 3339, or a span from now such as 30m or 2h; without it until it is ended.
    #[arg(long)]
    pub until: Option<String>,
}

/// A command that hides an alarm for a time.
#[derive(Clone, Debug, Args)]
pub struct ShelveArgs {
    /// Which alarm, and by whom.
    #[command(flatten)]
    pub target: AlarmTarget,
    /// Why nobody is to be told of it.
    #[arg(long)]
    pub why: String,
    /// Until when: RFC 3339, or a span from now such as 30m or 2h.
    #[arg(long)]
    pub until: String,
}

/// What to do with a data folder's journal.
#[derive(Debug, Subcommand)]
pub enum JournalAction {
    /// Prove that the journal is intact, or name the first record that is not.
    Verify {
        /// Data folder of a Davy.
        #[arg(long, env = "DAVY_DATA", default_value = "./davy-data")]
        data: PathBuf,
        /// Prove an exported copy instead.
        #[arg(long)]
        proof: Option<PathBuf>,
        /// The public key (hex) that must have signed; without it, the one in the copy is shown.
        #[arg(long)]
        public_key: Option<String>,
    },
    /// Print the recorded events, one JSON object a line.
    Export {
        /// Data folder of a Davy.
        #[arg(long, env = "DAVY_DATA", default_value = "./davy-data")]
        data: PathBuf,
        /// Also write a copy that `verify --proof` can prove.
        #[arg(long)]
        proof: Option<PathBuf>,
    },
}
