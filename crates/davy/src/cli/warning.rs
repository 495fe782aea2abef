//! What addressees say of warnings, in which words.

use clap::{Args, Subcommand};

use super::DEFAULT_SERVER;

/// What an addressee says of a warning.
#[derive(Debug, Subcommand)]
pub enum WarningCommand {
    /// Say that it was received.
    Receive(WarningArgs),
    /// Say what is done about it; may be said again as feedback.
    Respond(WarningArgs),
    /// Say that this department has done its part.
    Resolve(WarningArgs),
    /// End it, by the level that answers for it: with a text and at least one event that shows it.
    Close(WarningArgs),
    /// Take it back: it was issued in error.
    Cancel(WarningArgs),
}

/// Which warning, and by whom.
#[derive(Clone, Debug, Args)]
pub struct WarningArgs {
    /// The warning's id, as `davy query warnings` shows it.
    pub warning: String,
    /// The department's id: an addressee that the warning has reached.
    pub department: String,
    /// What is done, was done or was found; why it is taken back.
    #[arg(long, default_value = "")]
    pub text: String,
    /// The id of an event that shows it; may be given several times.
    #[arg(long)]
    pub evidence: Vec<String>,
    /// Makes a repeat harmless; left out, every call is a new one.
    #[arg(long, default_value = "")]
    pub request_id: String,
    /// Who, in person; the login name unless said.
    #[arg(long, env = "DAVY_ACTOR")]
    pub actor: Option<String>,
    /// The server's gRPC address.
    #[arg(long, env = "DAVY_SERVER", default_value = DEFAULT_SERVER)]
    pub server: String,
}
