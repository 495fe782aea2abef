//! TLS as a site has it: an authority, certificates by it and by strangers, and a door that speaks TLS before a server that does not.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::foreign::python;
use crate::run_with;

/// Certificates of one test, as files.
#[derive(Debug)]
pub struct Certificates {
    folder: TempDir,
}

/// Whose certificate a server shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// For localhost, by the authority.
    Right,
    /// By the authority, for another host.
    OtherName,
    /// For localhost, by the authority, until yesterday.
    Expired,
    /// For localhost, by the other authority.
    Stranger,
}

impl Certificates {
    /// Makes them anew, each for a day.
    pub fn make() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        run_with(python(".venv", "tests/foreign/certificates.py").arg(folder.path())).succeeded();
        Self { folder }
    }

    /// The authority's certificate.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// That of the other one, whom nobody trusts but by name.
    pub fn strangers(&self) -> PathBuf {
        self.folder.path().join("stranger-ca.pem")
    }

    /// A server's certificate and its key.
    pub fn server(&self, shown: Shown) -> (PathBuf, PathBuf) {
        let name = match shown {
            Shown::Right => "localhost",
            Shown::OtherName => "elsewhere",
            Shown::Expired => "expired",
            Shown::Stranger => "stranger",
        };
        let file = |extension: &str| self.folder.path().join(format!("{name}.{extension}"));
        (file("pem"), file("key"))
    }
}

/// A listener that takes TLS, with HTTP/2 or HTTP/1.1 inside, and passes on what it holds.
#[derive(Debug)]
pub struct Door {
    port: u16,
    task: JoinHandle<()>,
}

impl Door {
    /// Stands before what listens on this port of 127.0.0.1.
    pub async fn start(server: u16, certificates: &Certificates, shown: Shown) -> Self {
        let (chain, key) = certificates.server(shown);
        let chain = CertificateDer::pem_file_iter(chain).expect("a certificate's file").map(|it| it.expect("PEM")).collect();
        let key = PrivateKeyDer::from_pem_file(key).expect("a key's file");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().expect("versions that the provider has").with_no_client_auth();
        let mut config = config.with_single_cert(chain, key).expect("the key is the certificate's");
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("a bound listener has an address").port();
        Self { port, task: tokio::spawn(accept(listener, acceptor, server)) }
    }

    /// Its port on localhost.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, server: u16) {
    while let Ok((client, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        // Ends with its connection, and all of them with the runtime of the test.
        tokio::spawn(async move {
            let Ok(mut client) = acceptor.accept(client).await else { return };
            let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await else { return };
            drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
        });
    }
}
