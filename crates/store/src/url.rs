//! Where the history is kept: the value of `--store`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::StoreError;

/// Names a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// A file of SQLite, made where there is none: `sqlite:PATH`.
    Sqlite(PathBuf),
}

impl FromStr for StoreUrl {
    type Err = StoreError;

    /// Refused here and not only when it is opened, so that a wrong setting is found before any port is bound.
    fn from_str(text: &str) -> Result<Self, StoreError> {
        let (scheme, rest) = text.split_once(':').ok_or_else(|| refused(text, "write `sqlite:PATH`"))?;
        match scheme {
            "sqlite" => match rest.strip_prefix("//").unwrap_or(rest) {
                "" => Err(refused(scheme, "it names no file: write `sqlite:PATH`")),
                ":memory:" => Err(refused(text, "history in memory would be lost at every stop: write `sqlite:PATH`")),
                path => Ok(Self::Sqlite(PathBuf::from(path))),
            },
            "postgres" | "postgresql" => Err(refused(scheme, "this version stores in SQLite only: write `sqlite:PATH`")),
            _ => Err(refused(scheme, "write `sqlite:PATH`")),
        }
    }
}

/// Only the scheme is quoted of what has one: the rest may hold a password.
fn refused(text: &str, reason: &'static str) -> StoreError {
    StoreError::InvalidUrl { url: text.chars().take(40).collect(), reason }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_a_file() {
        for (text, path) in [("sqlite:a.db", "a.db"), ("sqlite:/d/a.db", "/d/a.db"), ("sqlite:///d/a.db", "/d/a.db")] {
            assert_eq!(text.parse::<StoreUrl>().expect("valid"), StoreUrl::Sqlite(PathBuf::from(path)), "{text}");
        }
        assert_eq!(StoreUrl::Sqlite(PathBuf::from("/d/a.db")).to_string(), "sqlite:/d/a.db");
    }

    #[test]
    fn refuses_the_rest_without_quoting_secrets() {
        for text in ["", "a.db", "sqlite:", "sqlite://", "sqlite::memory:", "postgres://u:geheim@h/db", "mysql://u:geheim@h/db"] {
            let error = text.parse::<StoreUrl>().expect_err(text);
            assert_eq!(error.kind(), model::ErrorKind::InvalidInput, "{text}");
            assert!(!error.to_string().contains("geheim"), "{error}");
            assert!(error.to_string().contains("sqlite:PATH"), "{error}");
        }
    }
}
