//! A wire that can be cut: passes TCP on to a server, and ends its connections after so many bytes.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU16, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// More bytes than any test sends.
const ENDLESS: i64 = i64::MAX / 2;

/// Which way the bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From clients to the server.
    There,
    /// From the server to clients.
    Back,
}

/// A listener on a port of its own, in front of a server.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    wire: Arc<Wire>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Wire {
    /// The server's port.
    server: AtomicU16,
    /// What may still pass, by way; all connections together.
    left: [AtomicI64; 2],
    /// How often it was cut; a change ends every connection.
    cuts: watch::Sender<u64>,
}

impl Proxy {
    /// Stands in front of what listens on this port of 127.0.0.1.
    pub async fn start(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("a bound listener has an address").port();
        let wire = Arc::new(Wire {
            server: AtomicU16::new(server),
            left: [AtomicI64::new(ENDLESS), AtomicI64::new(ENDLESS)],
            cuts: watch::Sender::new(0),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&wire)));
        Self { port, wire, task }
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server has another port from now on.
    pub fn leads_to(&self, server: u16) {
        self.wire.server.store(server, Ordering::SeqCst);
    }

    /// Ends all connections when so many more bytes have passed that way; those made later last.
    pub fn cut_after(&self, bytes: u32, way: Way) {
        self.wire.left[way as usize].store(bytes.into(), Ordering::SeqCst);
    }

    /// Takes back what `cut_after` said; how often the wire has been cut so far.
    pub fn mend(&self) -> u64 {
        self.wire.left.iter().for_each(|left| left.store(ENDLESS, Ordering::SeqCst));
        self.cuts()
    }

    /// How often the wire has been cut so far.
    pub fn cuts(&self) -> u64 {
        *self.wire.cuts.borrow()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        self.wire.cut();
    }
}

impl Wire {
    fn cut(&self) {
        self.left.iter().for_each(|left| left.store(ENDLESS, Ordering::SeqCst));
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

async fn accept(listener: TcpListener, wire: Arc<Wire>) {
    while let Ok((client, _)) = listener.accept().await {
        let server = wire.server.load(Ordering::SeqCst);
        let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await else { continue };
        // What the proxy gets it passes on at once; waiting is for the ends to do.
        drop(client.set_nodelay(true).and_then(|()| server.set_nodelay(true)));
        let mut cut = wire.cuts.subscribe();
        let wire = Arc::clone(&wire);
        // Ends with its connection, and all of them with the runtime of the test.
        tokio::spawn(async move {
            let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
            let there = pass(from_client, to_server, &wire, Way::There);
            let back = pass(from_server, to_client, &wire, Way::Back);
            tokio::select! {
                // All arms end the connection, so nothing that one of them loses is missed.
                _ = cut.changed() => (),
                _ = there => (),
                _ = back => (),
            }
        });
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, wire: &Wire, way: Way) -> io::Result<()> {
    let mut buffer = vec![0; 16_384];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        let bytes = i64::try_from(read).expect("a buffer is small");
        let left = wire.left[way as usize].fetch_sub(bytes, Ordering::SeqCst) - bytes;
        if left <= 0 {
            let passed = read.saturating_sub(usize::try_from(-left).expect("it is not positive"));
            to.write_all(&buffer[..passed]).await?;
            to.flush().await?;
            wire.cut();
            return Ok(());
        }
        to.write_all(&buffer[..read]).await?;
    }
}
