//! Which filters a query takes. One that changes nothing would mislead, so it is refused.

use anyhow::anyhow;

use crate::cli::{QueryArgs, What};
use crate::exit::CommandError;

/// Refuses what the query would not heed.
pub(super) fn refuse(args: &QueryArgs) -> Result<(), CommandError> {
    let taken = taken(args.what, args.from.is_some());
    let Some(flag) = given(args).into_iter().find(|flag| !taken.contains(flag)) else { return Ok(()) };
    let why = match (flag, args.what) {
        ("--from" | "--to", What::Alarms) => "what is open is so at a moment; alarms take --at".to_owned(),
        ("--point", What::Statistics) => "the figures are of operator positions".to_owned(),
        ("--point", What::DeadLetters | What::Gateways) => {
            "what could not be read, and a gateway, belong to no single point".to_owned()
        }
        (_, What::Online) if args.from.is_none() => "the rates of now take none; those of a period take --from".to_owned(),
        _ if taken.is_empty() => "this query takes no filter".to_owned(),
        _ => format!("this query takes {}", taken.join(", ")),
    };
    Err(CommandError::usage(anyhow!("use {flag} here: {why}")))
}

fn taken(what: What, of_period: bool) -> &'static [&'static str] {
    match what {
        What::Samples => &["--point", "--from", "--to"],
        What::Trend => &["--point", "--from", "--to", "--pixels", "--mode"],
        What::Aggregates | What::Aligned => &["--point", "--from", "--to", "--step"],
        What::Values => &["--point", "--at"],
        What::Alarms => &["--point", "--at"],
        What::Warnings => &["--enterprise", "--park", "--open"],
        What::Cases => &["--enterprise", "--park", "--department", "--open"],
        What::Incidents => &["--enterprise", "--park", "--open"],
        What::Duty => &["--department", "--from", "--to", "--at"],
        What::Incident => &["an id"],
        What::Occurrences => &["--point", "--alarm", "--enterprise", "--park", "--from", "--to", "--open"],
        What::Supervision => &["--point", "--alarm", "--enterprise", "--park", "--from", "--to", "--at"],
        What::Online if of_period => &["--point", "--enterprise", "--park", "--from", "--to", "--by"],
        What::Events => &["--point", "--enterprise", "--park", "--from", "--to"],
        What::DeadLetters | What::Statistics => &["--from", "--to"],
        What::Points => &["--point"],
        What::Online | What::Gateways | What::Subscriptions | What::Upstreams => &[],
    }
}

fn given(args: &QueryArgs) -> Vec<&'static str> {
    let flags = [
        ("--point", !args.point.is_empty()),
        ("--alarm", !args.alarm.is_empty()),
        ("--enterprise", !args.enterprise.is_empty()),
        ("--park", !args.park.is_empty()),
        ("--department", !args.department.is_empty()),
        ("an id", args.id.is_some()),
        ("--from", args.from.is_some()),
        ("--to", args.to.is_some()),
        ("--at", args.at.is_some()),
        ("--step", args.step.is_some()),
        ("--pixels", args.pixels.is_some()),
        ("--mode", args.mode.is_some()),
        ("--open", args.open),
        ("--by", args.by.is_some()),
    ];
    flags.into_iter().filter_map(|(flag, given)| given.then_some(flag)).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn refused(words: &[&str]) -> Option<String> {
        let cli = Cli::try_parse_from([&["davy", "query"], words].concat()).expect("usage");
        let Command::Query(args) = cli.command else { panic!("no query") };
        refuse(&args).err().map(|error| error.to_string())
    }

    #[test]
    fn a_filter_that_changes_nothing_is_refused_with_the_cure() {
        assert_eq!(refused(&["samples", "--point", "p", "--from", "2h"]), None);
        assert_eq!(refused(&["online", "--from", "2h", "--by", "park"]), None);
        assert_eq!(refused(&["supervision", "--point", "p", "--alarm", "high", "--at", "2h"]), None);
        let told = |words: &[&str]| refused(words).expect("refused");
        assert!(told(&["alarms", "--from", "2h"]).contains("--at"));
        assert!(told(&["online", "--by", "park"]).contains("take --from"));
        assert!(told(&["trend", "--at", "2h"]).ends_with("takes --point, --from, --to, --pixels, --mode"));
        assert!(told(&["warnings", "--point", "p"]).ends_with("takes --enterprise, --park, --open"));
        assert_eq!(refused(&["duty", "--department", "d", "--at", "2h"]), None);
        assert_eq!(refused(&["incident", "i1"]), None);
        assert!(told(&["incidents", "i1"]).contains("use an id here"));
        assert!(told(&["gateways", "--park", "p"]).contains("no filter"));
        assert!(told(&["statistics", "--point", "p"]).contains("operator positions"));
    }
}
