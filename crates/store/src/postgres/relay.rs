//! A wire to the server with TCP_NODELAY on.
//!
//! The driver leaves Nagle's algorithm on and gives no way to its socket: each COPY then waits some 40 ms for the acknowledgement of its
//! data before its last few bytes leave. So over TCP the driver speaks to a Unix socket of ours, and we to the server. TLS goes through
//! from end to end.
//! Limits: as many wires as the pools have connections; the socket lies in a folder that only this user may enter.

use std::io;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tracing::warn;

/// How long reaching the server may take.
const CONNECT: Duration = Duration::from_secs(5);

/// Bytes held for each direction of a wire.
const BUFFER: usize = 64 * 1024;

/// After the machine had no more sockets to give.
const PAUSE: Duration = Duration::from_millis(200);

/// Wires to one server; they end with this.
pub(super) struct Relay {
    folder: TempDir,
    task: JoinHandle<()>,
}

impl Relay {
    /// Listens in a folder of its own, as the driver looks for a socket in one.
    pub(super) fn start(host: &str, port: u16) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("davy-").tempdir()?;
        let listener = UnixListener::bind(folder.path().join(format!(".s.PGSQL.{port}")))?;
        let task = tokio::spawn(run(listener, host.to_owned(), port));
        Ok(Self { folder, task })
    }

    /// The folder.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(listener: UnixListener, host: String, port: u16) {
    let mut wires = JoinSet::new();
    loop {
        // Cancel-safe: both arms only wait. This ends with its `Relay`.
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((near, _)) => drop(wires.spawn(wire(near, host.clone(), port))),
                Err(error) => {
                    warn!(%error, "no wire to the database");
                    sleep(PAUSE).await;
                }
            },
            Some(_) = wires.join_next() => {}
        }
    }
}

/// The driver sees the end of the wire where the server cannot be reached.
async fn wire(mut near: UnixStream, host: String, port: u16) {
    let Ok(Ok(mut far)) = timeout(CONNECT, TcpStream::connect((host.as_str(), port))).await else { return };
    if let Err(error) = far.set_nodelay(true) {
        warn!(%error, "small writes to the database will be slow");
    }
    // Either end may go at any time; the other then sees it.
    drop(tokio::io::copy_bidirectional_with_sizes(&mut near, &mut far, BUFFER, BUFFER).await);
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    async fn connect(relay: &Relay, port: u16) -> UnixStream {
        UnixStream::connect(relay.folder().join(format!(".s.PGSQL.{port}"))).await.unwrap()
    }

    #[tokio::test]
    async fn bytes_go_both_ways_until_either_end_goes() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = server.local_addr().unwrap().port();
        let relay = Relay::start("127.0.0.1", port).unwrap();
        let mut near = connect(&relay, port).await;
        let (mut far, _) = server.accept().await.unwrap();
        let mut got = [0; 4];
        near.write_all(b"ping").await.unwrap();
        far.read_exact(&mut got).await.unwrap();
        far.write_all(b"pong").await.unwrap();
        near.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"pong");
        drop(far);
        assert_eq!(near.read(&mut got).await.unwrap(), 0, "the server has gone");
        let folder = relay.folder().to_owned();
        drop(relay);
        assert!(!folder.exists());
    }

    #[tokio::test]
    async fn where_nobody_listens_a_connection_ends() {
        // Bound, so that it is nobody else's meanwhile, and no listener.
        let held = tokio::net::TcpSocket::new_v4().unwrap();
        held.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let port = held.local_addr().unwrap().port();
        let relay = Relay::start("127.0.0.1", port).unwrap();
        assert_eq!(connect(&relay, port).await.read(&mut [0; 4]).await.unwrap(), 0);
    }
}
