//! The only place that makes an exit code: 0 done, 1 the input is at fault, 2 wrong usage, 3 a dependency could not be reached.

use std::fmt;
use std::process::ExitCode;

use model::ErrorKind;
use tonic_types::StatusExt;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub struct CommandError {
    code: u8,
    error: anyhow::Error,
}

const INPUT: u8 = 1;
const USAGE: u8 = 2;
const DEPENDENCY: u8 = 3;

impl CommandError {
    /// The input is at fault.
    pub fn input(error: impl Into<anyhow::Error>) -> Self {
        Self::of(ErrorKind::InvalidInput, error)
    }

    /// A setting or argument is missing or wrong.
    pub fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self { code: USAGE, error: error.into() }
    }

    /// A dependency could not be reached in time.
    pub fn unreachable(error: impl Into<anyhow::Error>) -> Self {
        Self::of(ErrorKind::Unavailable, error)
    }

    /// A failure of a kind.
    pub fn of(kind: ErrorKind, error: impl Into<anyhow::Error>) -> Self {
        let code = match kind {
            ErrorKind::Unavailable | ErrorKind::Exhausted | ErrorKind::Internal => DEPENDENCY,
            _ => INPUT,
        };
        Self { code, error: error.into() }
    }

    /// What a server answered.
    pub fn status(status: &tonic::Status) -> Self {
        let unreachable = matches!(status.code(), tonic::Code::Unavailable | tonic::Code::DeadlineExceeded);
        let kind = if unreachable { ErrorKind::Unavailable } else { ErrorKind::InvalidInput };
        let fields = status.get_details_bad_request().map(|it| it.field_violations).unwrap_or_default();
        let field = fields.first().map_or_else(String::new, |it| format!("{}: ", it.field));
        Self::of(kind, anyhow::anyhow!("get an answer: {field}{}", status.message()))
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.error)
    }
}

/// The exit code of a command's end; says on standard error why it failed.
pub fn exit_code(result: Result<(), CommandError>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    eprintln!("davy: failed to {error}");
    ExitCode::from(error.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_of_a_field_names_it() {
        let status = tonic::Status::from(wire::Failure::field("page_size", "use 1 to 1000"));
        assert_eq!(CommandError::status(&status).to_string(), "get an answer: page_size: use 1 to 1000");
        let status = tonic::Status::from(wire::Failure::new(ErrorKind::NotFound, "gone", "no such alarm"));
        assert_eq!(CommandError::status(&status).to_string(), "get an answer: no such alarm");
    }

    #[test]
    fn codes_tell_input_from_dependency() {
        let code = |kind| format!("{:?}", exit_code(Err(CommandError::of(kind, anyhow::anyhow!("test")))));
        assert_eq!(code(ErrorKind::InvalidInput), format!("{:?}", ExitCode::from(1)));
        assert_eq!(code(ErrorKind::Corrupt), format!("{:?}", ExitCode::from(1)));
        assert_eq!(code(ErrorKind::Unavailable), format!("{:?}", ExitCode::from(3)));
        assert_eq!(format!("{:?}", exit_code(Ok(()))), format!("{:?}", ExitCode::SUCCESS));
    }
}
