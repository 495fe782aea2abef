//! What a shell can ask a server, and in which words.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::DEFAULT_SERVER;

/// What to ask a server.
#[derive(Clone, Debug, Args)]
pub struct QueryArgs {
    /// What to ask for.
    pub what: What,
    /// Of incident: its id.
    pub id: Option<String>,
    /// The server's gRPC address.
    #[arg(long, env = "DAVY_SERVER", default_value = DEFAULT_SERVER)]
    pub server: String,
    /// Only these points.
    #[arg(long)]
    pub point: Vec<String>,
    /// Only these alarms, by their ids: high, low_low ...
    #[arg(long)]
    pub alarm: Vec<String>,
    /// Only of these enterprises.
    #[arg(long)]
    pub enterprise: Vec<String>,
    /// Only of these parks.
    #[arg(long)]
    pub park: Vec<String>,
    /// Only of these departments.
    #[arg(long)]
    pub department: Vec<String>,
    /// From this time on: RFC 3339, or a span before now such as 2h.
    #[arg(long)]
    pub from: Option<String>,
    /// Before this time: RFC 3339, or a span before now; where a period is needed, now unless said.
    #[arg(long)]
    pub to: Option<String>,
    /// As it was then: RFC 3339, a span before now such as 2h, or of alarms a cursor.
    #[arg(long)]
    pub at: Option<String>,
    /// Width of a bucket, or from one row to the next: a decimal number and ms, s, m, h or d [default: 1m].
    #[arg(long)]
    pub step: Option<String>,
    /// How wide the screen is: at most so many buckets, or values, for each point [default: 1000].
    #[arg(long)]
    pub pixels: Option<i32>,
    /// How a curve is thinned out [default: min-max].
    #[arg(long)]
    pub mode: Option<Mode>,
    /// Only occurrences, warnings, cases or incidents that are open.
    #[arg(long)]
    pub open: bool,
    /// By what online rates of a period are summed [default: enterprise].
    #[arg(long)]
    pub by: Option<By>,
    /// JSON lines instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// What a server can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// Raw samples as CSV: ts,point,value,quality.
    Samples,
    /// Curves for a screen: the extremes of each bucket are kept.
    Trend,
    /// Figures of points per bucket of time, with both means.
    Aggregates,
    /// What points were at one moment.
    Values,
    /// Several points side by side at even steps, as CSV; a cell is empty where no good value was held.
    Aligned,
    /// Open and hidden alarms.
    Alarms,
    /// Open warnings and those closed lately: who was told, what was done, what is late.
    Warnings,
    /// Open joint cases and those that ended lately: who has to do what until when.
    Cases,
    /// Open incidents and those closed lately: their duties by law, what is late, what is doubtful.
    Incidents,
    /// The record of one incident: who knew what when.
    Incident,
    /// Who is on duty, now or --at; with --from the shifts and hand-overs of a period.
    Duty,
    /// Lives of alarms from the first raise to the end, newest first.
    Occurrences,
    /// How long each alarm rule could have fired, and what kept it from that; with --at, whether it could have at that moment.
    Supervision,
    /// How many points deliver, by enterprise and park; of a period with --from, the share of the time in which they did.
    Online,
    /// Recorded events.
    Events,
    /// What could not be read.
    DeadLetters,
    /// How each gateway is: connected, rate, clock, gaps, losses, what was refused and what no point claims.
    Gateways,
    /// The points of the site in force.
    Points,
    /// Who follows the feed of events, and how far each is behind.
    Subscriptions,
    /// Whose events are taken, and how far that is.
    Upstreams,
    /// The figures of the alarm system beside the targets of ISA-18.2 and EEMUA 191; the last 30 days unless --from and --to are given.
    Statistics,
}

/// How a curve is thinned out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Figures of each bucket.
    MinMax,
    /// Real samples that keep the curve's shape.
    Lttb,
}

/// By what online rates are summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// Each point.
    Point,
    /// By enterprise.
    Enterprise,
    /// By park.
    Park,
}

/// Which samples to write to which file.
#[derive(Clone, Debug, Args)]
pub struct ExportArgs {
    /// The server's gRPC address.
    #[arg(long, env = "DAVY_SERVER", default_value = DEFAULT_SERVER)]
    pub server: String,
    /// Only these points.
    #[arg(long)]
    pub point: Vec<String>,
    /// From this time on: RFC 3339, or a span before now such as 2h.
    #[arg(long)]
    pub from: String,
    /// Before this time: RFC 3339, or a span before now; now unless said.
    #[arg(long)]
    pub to: Option<String>,
    /// Kind of file.
    #[arg(long)]
    pub format: ExportFormat,
    /// The file; never over one that is there. It has its name only once it is complete.
    #[arg(long)]
    pub out: PathBuf,
}

/// Kinds of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// Apache Parquet: point, time, value, quality, flags, recorded_at.
    Parquet,
    /// Text: ts,point,value,quality.
    Csv,
}
