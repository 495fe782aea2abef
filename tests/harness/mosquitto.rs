//! A broker: Debian's mosquitto with a configuration, a port and a folder of its own.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::{Port, Process, until};

/// Whether the broker keeps sessions on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// A stop in good order keeps sessions and what is queued for them.
    Kept,
    /// Every start is empty.
    None,
}

/// A running broker.
#[derive(Debug)]
pub struct Mosquitto {
    port: Port,
    folder: TempDir,
    store: Store,
    more: String,
    process: Option<Process>,
}

impl Mosquitto {
    /// Starts a broker that takes connections.
    pub async fn start(store: Store) -> Self {
        Self::start_with(store, "").await
    }

    /// The same with more lines in its configuration; a later line wins.
    pub async fn start_with(store: Store, more: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut broker = Self { port: Port::take(), folder, store, more: more.to_owned(), process: None };
        broker.launch().await;
        broker
    }

    /// Where it listens, as Davy wants it said.
    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port())
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Stops in good order: what it keeps is written.
    pub async fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.terminate(std::time::Duration::from_secs(10)).await;
        }
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again on the same port and folder.
    pub async fn start_again(&mut self) {
        self.process = None;
        self.launch().await;
    }

    /// A command of mosquitto's clients with this broker's address.
    pub fn client(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.args(["-h", "127.0.0.1", "-p", &self.port().to_string()]);
        command
    }

    fn write_config(&self) -> std::path::PathBuf {
        let folder = self.folder.path();
        let file = folder.join("mosquitto.conf");
        let persistence = self.store == Store::Kept;
        // `user root` keeps a broker started by root able to write into its folder; others ignore the line.
        let config = format!(
            "listener {} 127.0.0.1\nallow_anonymous true\nuser root\nset_tcp_nodelay true\n\
             max_queued_messages 10000000\npersistence {persistence}\npersistence_location {}/\n\
             log_dest stderr\nlog_type error\nlog_type warning\nlog_type notice\n{}\n",
            self.port(),
            folder.display(),
            self.more
        );
        std::fs::write(&file, config).expect("a configuration can be written");
        file
    }

    async fn launch(&mut self) {
        let config = self.write_config();
        let mut process = Process::start("mosquitto", Command::new(program()).arg("-c").arg(config));
        let port = self.port();
        until("mosquitto listens", async || {
            assert!(process.ended().is_none(), "mosquitto ended while starting on port {port}\n{}", process.err().join("\n"));
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok()
        })
        .await;
        self.process = Some(process);
    }
}

fn program() -> &'static str {
    // Debian puts it where only root's PATH looks.
    if Path::new("/usr/sbin/mosquitto").exists() { "/usr/sbin/mosquitto" } else { "mosquitto" }
}
