//! Takes TLS off connections and hands them on, as a proxy before an Odoo does, or a pooler before
//! Postgres.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::{ALL_VERSIONS, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::support::certificate::Certificate;

/// Postgres's request for TLS, and the answer that grants it.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
const GRANTED: &[u8] = b"S";

/// Whose clients come.
#[derive(Clone, Copy)]
enum Protocol {
    Http,
    Postgres,
}

/// A running terminator; dropping it stops it.
pub(crate) struct Terminator {
    pub(crate) port: u16,
    task: JoinHandle<()>,
}

impl Terminator {
    /// Shows `certificate` and hands on to an Odoo at `target`.
    pub(crate) async fn start(certificate: &Certificate, target: SocketAddr) -> Self {
        let config = certificate.server_config(&[], ALL_VERSIONS);
        Self::run(Protocol::Http, config, target).await
    }

    /// Shows what `config` says and hands on to a Postgres at `target`.
    pub(crate) async fn before_postgres(config: Arc<ServerConfig>, target: SocketAddr) -> Self {
        Self::run(Protocol::Postgres, config, target).await
    }

    async fn run(protocol: Protocol, config: Arc<ServerConfig>, target: SocketAddr) -> Self {
        let acceptor = TlsAcceptor::from(config);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(hand_on(protocol, acceptor.clone(), client, target));
            }
        });
        Self { port, task }
    }
}

/// A client that refuses the certificate hangs up; that is what a test looks at.
async fn hand_on(
    protocol: Protocol,
    acceptor: TlsAcceptor,
    mut client: TcpStream,
    target: SocketAddr,
) {
    if let Protocol::Postgres = protocol {
        let mut request = [0; SSL_REQUEST.len()];
        let asked = client.read_exact(&mut request).await;
        if asked.is_err() || request != SSL_REQUEST || client.write_all(GRANTED).await.is_err() {
            return;
        }
    }
    let Ok(mut client) = acceptor.accept(client).await else {
        return;
    };
    if let Ok(mut server) = TcpStream::connect(target).await {
        let _ = copy_bidirectional(&mut client, &mut server).await;
    }
}

impl Drop for Terminator {
    fn drop(&mut self) {
        self.task.abort();
    }
}
