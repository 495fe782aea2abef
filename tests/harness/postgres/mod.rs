//! A database server of one's own: real PostgreSQL of each kind that Davy stores in, on a free port, in a temporary folder.

mod launch;

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::{Port, Process, until, until_within};
pub use launch::Disk;
use launch::Place;

/// A server of another container's speed starts within this; the slowest is the one in WebAssembly.
const START: Duration = Duration::from_secs(90);

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Debian's PostgreSQL, without TimescaleDB.
    Plain,
    /// TimescaleDB's Apache edition, in a folder of Debian 13.
    Apache,
    /// TimescaleDB's community edition on a PostgreSQL in WebAssembly: its SQL, and one session at a time. Nothing is kept over a stop,
    /// there is one database, and it takes no settings (tests/foreign/timescaledb_community.mjs).
    Community,
}

/// A running server; it and its children end with it.
#[derive(Debug)]
pub struct Postgres {
    kind: Kind,
    place: Place,
    port: Port,
    settings: Vec<String>,
    process: Option<Process>,
}

impl Postgres {
    /// Starts an empty server that takes connections.
    pub async fn start(kind: Kind) -> Self {
        Self::start_with(kind, Disk::None, &[]).await
    }

    /// The same with a disk and settings of its own, such as `deadlock_timeout=100ms`.
    pub async fn start_with(kind: Kind, disk: Disk, settings: &[&str]) -> Self {
        let place = Place::make(kind, disk).await;
        let settings = settings.iter().map(|&setting| setting.to_owned()).collect();
        let mut server = Self { kind, place, port: Port::take(), settings, process: None };
        server.launch().await;
        if let Disk::Tables(_) = disk {
            let small = server.place.small();
            server.execute("postgres", &format!("CREATE TABLESPACE small LOCATION '{}'", small.display())).await;
        }
        server
    }

    /// Which server it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The database that every server has, over TCP.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// The same over the Unix socket.
    pub fn socket_url(&self) -> String {
        self.socket_url_of("postgres")
    }

    /// A database by name, over TCP.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port())
    }

    /// A database by name, over the Unix socket.
    pub fn socket_url_of(&self, database: &str) -> String {
        let folder = self.place.socket_folder();
        format!("postgres://postgres@localhost:{}/{database}?host={}", self.port(), folder.display())
    }

    /// Makes an empty database, with the extension where there is one, and gives its URL over TCP.
    pub async fn database(&self, name: &str) -> String {
        // The server in WebAssembly has it as soon as it is named.
        if self.kind != Kind::Community {
            self.execute("postgres", &format!("CREATE DATABASE {name}")).await;
        }
        if self.kind == Kind::Apache {
            self.execute(name, "CREATE EXTENSION timescaledb").await;
        }
        self.url_of(name)
    }

    /// Removes a database, whoever is still in it, so that it takes no room any more.
    pub async fn drop_database(&self, name: &str) {
        // In the one in WebAssembly all names are the same one.
        if self.kind != Kind::Community {
            self.execute("postgres", &format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }

    /// A session of the test's own in a database.
    pub async fn session(&self, database: &str) -> PgConnection {
        PgConnection::connect(&self.url_of(database)).await.expect("the server takes connections")
    }

    /// Runs one or more statements in a session of their own.
    pub async fn execute(&self, database: &str, statements: &str) {
        let mut session = self.session(database).await;
        let done = sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut session).await;
        done.unwrap_or_else(|error| panic!("{statements}: {error}"));
        session.close().await.expect("a session can be closed");
    }

    /// Fills the disk of its own to the last byte.
    pub fn fill_disk(&self) {
        let mut ballast = fs::File::create(self.place.ballast()).expect("a file on the small disk");
        let zeros = vec![0; 4_096];
        let full = loop {
            if let Err(error) = ballast.write_all(&zeros) {
                break error;
            }
        };
        assert_eq!(full.kind(), ErrorKind::StorageFull, "{full}");
    }

    /// Gives back what `fill_disk` took.
    pub fn free_disk(&self) {
        fs::remove_file(self.place.ballast()).expect("the disk was filled");
    }

    /// Stops in good order: sessions are ended, everything is written.
    pub async fn stop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        // SIGINT is its "fast" shutdown; SIGTERM would wait for every client to leave.
        process.signal("INT");
        until("the server stops", async || process.ended()).await;
    }

    /// Ends it and its children at once, as a crash would.
    pub async fn kill(&mut self) {
        let Some(process) = self.process.take() else { return };
        let children = end_at_once(process);
        // Until the last of them is gone, the next start would find its shared memory in use.
        let gone = async || children.iter().all(|&child| !alive(child)).then_some(());
        until("the server's children are gone", gone).await;
    }

    /// Starts it again on the same port and folder.
    pub async fn start_again(&mut self) {
        self.kill().await;
        self.launch().await;
    }

    /// What it logged so far.
    pub fn log(&self) -> Vec<String> {
        self.process.as_ref().map(Process::err).unwrap_or_default()
    }

    /// The process id of the server.
    pub fn id(&self) -> u32 {
        self.process.as_ref().expect("the server runs").id()
    }

    async fn launch(&mut self) {
        let mut command = self.place.server(self.port(), &self.settings);
        let (kind, url) = (self.kind, self.url());
        let mut process = Process::start(&format!("{kind:?}"), &mut command);
        until_within(START, "the database server answers", async || {
            assert!(process.ended().is_none(), "{kind:?} ended while starting at {url}\n{}", process.err().join("\n"));
            let session = PgConnection::connect(&url).await.ok()?;
            session.close().await.ok()
        })
        .await;
        self.process = Some(process);
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Before the folder is removed, nobody may write into it any more.
        if let Some(process) = self.process.take() {
            let children = end_at_once(process);
            for _ in 0..1_000 {
                if !children.iter().any(|&child| alive(child)) {
                    break;
                }
                std::thread::yield_now();
            }
        }
    }
}

/// Kills a server and then its children, which cannot be replaced any more by then.
fn end_at_once(mut process: Process) -> Vec<u32> {
    let children = children(process.id());
    process.kill();
    if !children.is_empty() {
        let ids = children.iter().map(u32::to_string);
        // An error means that some have ended already, as they do when they notice that their parent is gone.
        drop(Command::new("kill").arg("-KILL").args(ids).output());
    }
    children
}

fn children(id: u32) -> Vec<u32> {
    let listed = fs::read_to_string(PathBuf::from(format!("/proc/{id}/task/{id}/children"))).unwrap_or_default();
    listed.split_whitespace().filter_map(|child| child.parse().ok()).collect()
}

/// Whether a process still holds memory and files; one that only waits to be counted by its parent does not.
fn alive(id: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}
