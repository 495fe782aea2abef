//! Where the history is kept: the value of `--store`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;

use crate::StoreError;

const WRITE: &str = "write `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/DATABASE`";

/// Names a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// A file of SQLite, made where there is none: `sqlite:PATH`.
    Sqlite(PathBuf),
    /// A database of a PostgreSQL server: `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, over a Unix socket `postgres:///DATABASE?host=/FOLDER`.
    Postgres(PostgresUrl),
}

/// A URL of PostgreSQL that has been read once; what it shows of itself holds no password.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    text: String,
    shown: String,
}

impl PostgresUrl {
    fn parse(text: &str) -> Result<Self, StoreError> {
        let reason = "it is no URL of PostgreSQL: write `postgres://USER:PASSWORD@HOST/DATABASE` or `postgres:///DATABASE?host=/FOLDER`, \
                      special characters as `%20`; or `sqlite:PATH`";
        // Without the slashes what follows would be taken for a path.
        if !text.contains("://") {
            return Err(refused("postgres", reason));
        }
        let options: PgConnectOptions = text.parse().map_err(|_| refused("postgres", reason))?;
        Ok(Self { text: text.to_owned(), shown: shown(&options) })
    }

    pub(crate) fn options(&self) -> Result<PgConnectOptions, StoreError> {
        self.text.parse().map_err(|_| refused("postgres", "a file that it names has changed"))
    }
}

fn shown(options: &PgConnectOptions) -> String {
    let (user, port) = (options.get_username(), options.get_port());
    let database = options.get_database().unwrap_or(user);
    match options.get_socket() {
        Some(folder) => format!("postgres:///{database}?host={}&port={port}&user={user}", folder.display()),
        None => format!("postgres://{user}@{}:{port}/{database}", options.get_host()),
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl FromStr for StoreUrl {
    type Err = StoreError;

    /// Refused here and not only when it is opened, so that a wrong setting is found before any port is bound.
    fn from_str(text: &str) -> Result<Self, StoreError> {
        let (scheme, rest) = text.split_once(':').ok_or_else(|| refused(text, WRITE))?;
        match scheme {
            "sqlite" => match rest.strip_prefix("//").unwrap_or(rest) {
                "" => Err(refused(scheme, "it names no file: write `sqlite:PATH`")),
                ":memory:" => Err(refused(text, "history in memory would be lost at every stop: write `sqlite:PATH`")),
                path => Ok(Self::Sqlite(PathBuf::from(path))),
            },
            "postgres" | "postgresql" => PostgresUrl::parse(text).map(Self::Postgres),
            _ => Err(refused(scheme, WRITE)),
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
            Self::Postgres(url) => url.fmt(f),
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
    fn names_a_server_and_keeps_its_password() {
        for (text, want) in [
            ("postgres://u:geheim@h/db", "postgres://u@h:5432/db"),
            ("postgresql://u:geheim@h:5433/db?sslmode=require", "postgres://u@h:5433/db"),
            ("postgres://u@h/db?password=geheim", "postgres://u@h:5432/db"),
            ("postgres://u:geheim@h", "postgres://u@h:5432/u"),
            ("postgres:///db?host=/run/pg&port=5433&user=u&password=geheim", "postgres:///db?host=/run/pg&port=5433&user=u"),
        ] {
            let url = text.parse::<StoreUrl>().expect(text);
            assert_eq!(url.to_string(), want);
            assert!(!format!("{url:?}").contains("geheim"), "{url:?}");
        }
        let url = |text: &str| text.parse::<StoreUrl>().expect("valid");
        assert_ne!(url("postgres://u:geheim@h/db"), url("postgres://u:anders@h/db"));
    }

    #[test]
    fn refuses_the_rest_without_quoting_secrets() {
        for text in [
            "",
            "a.db",
            "sqlite:",
            "sqlite://",
            "sqlite::memory:",
            "mysql://u:geheim@h/db",
            "postgres://u:geheim@h:port/db",
            "postgres://u:geheim@h/db?sslmode=geheim",
            "postgres:geheim",
        ] {
            let error = text.parse::<StoreUrl>().expect_err(text);
            assert_eq!(error.kind(), model::ErrorKind::InvalidInput, "{text}");
            assert!(!error.to_string().contains("geheim"), "{error}");
            assert!(error.to_string().contains("sqlite:PATH"), "{error}");
        }
    }
}
