//! Joint cases, incidents and duty books, in which words.

use clap::{Args, Subcommand, ValueEnum};

use super::DEFAULT_SERVER;

/// Who speaks to whom, in all of these.
#[derive(Clone, Debug, Args)]
pub struct Speaker {
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

/// Joint cases.
#[derive(Debug, Subcommand)]
pub enum CaseCommand {
    /// Open a case with a task for each department.
    Open(OpenArgs),
    /// Answer the own task; when all have answered the case closes by itself.
    Answer(AnswerArgs),
    /// Give a task more time, by the department that opened the case.
    Extend(ExtendArgs),
    /// End a case without answers, by the department that opened it.
    Cancel(CancelArgs),
}

/// A case to open.
#[derive(Clone, Debug, Args)]
pub struct OpenArgs {
    /// The id of the department that opens it.
    pub department: String,
    /// What it is about, in words.
    #[arg(long)]
    pub title: String,
    /// The enterprise that it is about.
    #[arg(long, required_unless_present = "park", conflicts_with = "park")]
    pub enterprise: Option<String>,
    /// The park that it is about.
    #[arg(long)]
    pub park: Option<String>,
    /// DEPARTMENT=WHAT, or DEPARTMENT@DUE=WHAT where one has another time than --due; once for each department.
    #[arg(long, required = true)]
    pub task: Vec<String>,
    /// Until when the tasks are to be done: RFC 3339, or a span from now such as 24h.
    #[arg(long)]
    pub due: Option<String>,
    /// The id of an event behind it; may be given several times.
    #[arg(long, required = true)]
    pub evidence: Vec<String>,
    /// What else there is to say.
    #[arg(long, default_value = "")]
    pub text: String,
    /// Who, and to whom.
    #[command(flatten)]
    pub speaker: Speaker,
}

/// An answer.
#[derive(Clone, Debug, Args)]
pub struct AnswerArgs {
    /// The id of the case, as `davy query cases` shows it.
    pub case: String,
    /// The department whose task it is.
    pub department: String,
    /// What was done and found.
    #[arg(long)]
    pub text: String,
    /// The id of an event that shows it; may be given several times.
    #[arg(long)]
    pub evidence: Vec<String>,
    /// Who, and to whom.
    #[command(flatten)]
    pub speaker: Speaker,
}

/// More time.
#[derive(Clone, Debug, Args)]
pub struct ExtendArgs {
    /// The id of the case, as `davy query cases` shows it.
    pub case: String,
    /// The department that opened it.
    pub department: String,
    /// The department whose task it is.
    #[arg(long)]
    pub task_of: String,
    /// Until when: RFC 3339, or a span from now such as 24h.
    #[arg(long)]
    pub due: String,
    /// Why.
    #[arg(long)]
    pub text: String,
    /// Who, and to whom.
    #[command(flatten)]
    pub speaker: Speaker,
}

/// An end.
#[derive(Clone, Debug, Args)]
pub struct CancelArgs {
    /// The id of the case, as `davy query cases` shows it.
    pub case: String,
    /// The department that opened it.
    pub department: String,
    /// Why.
    #[arg(long)]
    pub text: String,
    /// Who, and to whom.
    #[command(flatten)]
    pub speaker: Speaker,
}

/// Incidents.
#[derive(Debug, Subcommand)]
pub enum IncidentCommand {
    /// Declare an incident: the clocks of the law run from when it was known.
    Declare(DeclareArgs),
    /// Say what is known better.
    Correct(CorrectArgs),
    /// Put on record that somebody was told.
    Notify(NotifyArgs),
    /// End an incident whose duties are done, or that was none.
    Close(CloseArgs),
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WhatHappened {
    /// An accident at work.
    Accident,
    /// One of road traffic, or a fire.
    TrafficOrFire,
    /// An environmental event.
    Environmental,
    /// Highly toxic or precursor chemicals are lost or stolen.
    LossOrTheft,
    /// A near miss: no duties by law.
    NearMiss,
}

/// What it cost, as far as known; what is left out is not known.
#[derive(Clone, Debug, Args)]
pub struct LossArgs {
    /// The dead.
    #[arg(long)]
    pub dead: Option<u32>,
    /// The severely injured.
    #[arg(long)]
    pub injured: Option<u32>,
    /// The acutely poisoned.
    #[arg(long)]
    pub poisoned: Option<u32>,
    /// Direct loss, yuan.
    #[arg(long)]
    pub loss_yuan: Option<u64>,
}

/// An incident to declare.
#[derive(Clone, Debug, Args)]
pub struct DeclareArgs {
    /// The id of the department or enterprise that declares it.
    pub department: String,
    /// What happened.
    #[arg(long)]
    pub what: WhatHappened,
    /// The same in words.
    #[arg(long)]
    pub title: String,
    /// The installation where it happened.
    #[arg(long, group = "where")]
    pub installation: Option<String>,
    /// The enterprise where it happened.
    #[arg(long, group = "where")]
    pub enterprise: Option<String>,
    /// The park where it happened.
    #[arg(long, group = "where", required_unless_present_any = ["installation", "enterprise"])]
    pub park: Option<String>,
    /// When it happened: RFC 3339, or a span before now such as 20m; when it was known unless said.
    #[arg(long)]
    pub happened_at: Option<String>,
    /// When the first one who has to report knew: RFC 3339, or a span before now; now unless said.
    #[arg(long)]
    pub known_at: Option<String>,
    /// What it cost.
    #[command(flatten)]
    pub losses: LossArgs,
    /// The id of an alarm or warning about it; may be given several times.
    #[arg(long)]
    pub about: Vec<String>,
    /// Brief course, measures taken.
    #[arg(long, default_value = "")]
    pub text: String,
    /// Who, and to whom.
    #[command(flatten)]
    pub speaker: Speaker,
}

/// A correction.
#[derive(Clone, Debug, Args)]
pub struct CorrectArgs {
    /// The id of the incident, as `davy query incidents` shows it.
    pub incident: String,
    /// The id of the department or enterprise.
    pub department: String,
    /// What it is, if it is something else.
    #[arg(long)]
    pub what: Option<WhatHappened>,
    /// What it cost; what is left out stays.
    #[command(flatten)]
    pub losses: LossArgs,
    /// The id of one more alarm or warning about it; may be given several times.
    #[arg(long)]
    pub about: Vec<String>,
    /// What is known better, and from where.
    #[arg(long)]
    pub text: String,
    /// Who, and to whom.
    #[command(flatten)]
    pub speaker: Speaker,
}

/// A notice.
#[derive(Clone, Debug, Args)]
pub struct NotifyArgs {
    /// The id of the incident, as `davy query incidents` shows it.
    pub incident: String,
    /// The id of the department or enterprise that puts it on record.
    pub department: String,
    /// The duty that is done by it: head-to-county ...; left out, none of those by law.
    #[arg(long, default_value = "", required_unless_present = "whom")]
    pub duty: String,
    /// Who told; the actor unless said.
    #[arg(long, default_value = "")]
    pub who: String,
    /// Whom; as the duty names it unless said.
    #[arg(long, default_value = "")]
    pub whom: String,
    /// When: RFC 3339, or a span before now; now unless said.
    #[arg(long)]
    pub told_at: Option<String>,
    /// How: telephone, fax, system ...
    #[arg(long, default_value = "telephone")]
    pub how: String,
    /// The reference number.
    #[arg(long, default_value = "")]
    pub reference: String,
    /// Since when the one who told had known, where they say so: RFC 3339, or a span before now.
    #[arg(long)]
    pub known_at: Option<String>,
    /// What was said.
    #[arg(long, default_value = "")]
    pub text: String,
    /// Who, and to whom.
    #[command(flatten)]
    pub speaker: Speaker,
}

/// An end.
#[derive(Clone, Debug, Args)]
pub struct CloseArgs {
    /// The id of the incident, as `davy query incidents` shows it.
    pub incident: String,
    /// The id of the department or enterprise.
    pub department: String,
    /// How it ended.
    #[arg(long)]
    pub text: String,
    /// It was declared in error: duties need not be done.
    #[arg(long)]
    pub in_error: bool,
    /// Who, and to whom.
    #[command(flatten)]
    pub speaker: Speaker,
}

/// The duty book.
#[derive(Debug, Subcommand)]
pub enum DutyCommand {
    /// Set who is on duty when; what is not named stays.
    Roster(RosterArgs),
    /// Hand over to the next shift: the actor goes.
    HandOver(HandOverArgs),
    /// Take over: the actor is the person who was named.
    Confirm(ConfirmArgs),
    /// Say that the actor has seen events.
    Seen(SeenArgs),
}

/// A roster.
#[derive(Clone, Debug, Args)]
pub struct RosterArgs {
    /// The department's id.
    pub department: String,
    /// PERSON,ROLE,FROM,TO in RFC 3339; without a person the shift is taken back. May be given several times.
    #[arg(long, required = true)]
    pub shift: Vec<String>,
    /// What else there is to say.
    #[arg(long, default_value = "")]
    pub text: String,
    /// Who, and to whom.
    #[command(flatten)]
    pub speaker: Speaker,
}

/// A hand-over.
#[derive(Clone, Debug, Args)]
pub struct HandOverArgs {
    /// The department's id.
    pub department: String,
    /// The person who takes over.
    #[arg(long)]
    pub to: String,
    /// What the next shift has to know.
    #[arg(long)]
    pub text: String,
    /// The id of an alarm or warning that is open; may be given several times.
    #[arg(long)]
    pub event: Vec<String>,
    /// Who, and to whom.
    #[command(flatten)]
    pub speaker: Speaker,
}

/// A confirmation.
#[derive(Clone, Debug, Args)]
pub struct ConfirmArgs {
    /// The department's id.
    pub department: String,
    /// The id of the hand-over.
    pub hand_over: String,
    /// What else there is to say.
    #[arg(long, default_value = "")]
    pub text: String,
    /// Who, and to whom.
    #[command(flatten)]
    pub speaker: Speaker,
}

/// Events that were seen.
#[derive(Clone, Debug, Args)]
pub struct SeenArgs {
    /// The department's id.
    pub department: String,
    /// The id of an event; may be given several times.
    #[arg(long, required = true)]
    pub event: Vec<String>,
    /// What else there is to say.
    #[arg(long, default_value = "")]
    pub text: String,
    /// Who, and to whom.
    #[command(flatten)]
    pub speaker: Speaker,
}
