//! What a department reports, in which words.

use std::path::PathBuf;

use clap::Args;

use super::DEFAULT_SERVER;

/// What a department did or saw.
#[derive(Clone, Debug, Args)]
pub struct ReportArgs {
    /// What: waybill, route_deviation, vehicle_position, diversion, gate_pass, yard, head_count, zone_emptied, response_level, dispatch,
    /// all_clear, inspection, finding, order, penalty, credit_points, black_list, credit_repair, external_alert.
    pub kind: String,
    /// The department's id.
    #[arg(long, env = "DAVY_DEPARTMENT")]
    pub department: String,
    /// Who, in person; the login name unless said.
    #[arg(long, env = "DAVY_ACTOR")]
    pub actor: Option<String>,
    /// A field of the report, as key=value; may be given several times. A place on earth is lat=… and lon=….
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// The fields as a JSON object; of an external_alert, its CAP document.
    #[arg(long, value_name = "FILE", conflicts_with = "set")]
    pub file: Option<PathBuf>,
    /// When it happened: a time, or a span before now.
    #[arg(long)]
    pub occurred_at: Option<String>,
    /// In words.
    #[arg(long, default_value = "")]
    pub text: String,
    /// The id of an event that it refers to; may be given several times.
    #[arg(long)]
    pub about: Vec<String>,
    /// The park that it concerns, by id.
    #[arg(long, default_value = "")]
    pub park: String,
    /// The enterprise that it concerns, by id.
    #[arg(long, default_value = "")]
    pub enterprise: String,
    /// The installation that it concerns, by id.
    #[arg(long, default_value = "")]
    pub installation: String,
    /// Makes a repeat harmless; left out, every call is a new one.
    #[arg(long, default_value = "")]
    pub request_id: String,
    /// The server's gRPC address.
    #[arg(long, env = "DAVY_SERVER", default_value = DEFAULT_SERVER)]
    pub server: String,
}
