//! Takes TLS off connections and hands them on, as a proxy before an Odoo does.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_native_tls::TlsAcceptor;
use tokio_native_tls::native_tls::{self, Identity};

use crate::support::certificate::Certificate;

/// A running terminator; dropping it stops it.
pub(crate) struct Terminator {
    pub(crate) port: u16,
    task: JoinHandle<()>,
}

impl Terminator {
    /// Shows `certificate` and hands on to `target`.
    pub(crate) async fn start(certificate: &Certificate, target: SocketAddr) -> Self {
        let (pem, key) = (certificate.pem(), certificate.key_pem());
        let identity = Identity::from_pkcs8(pem.as_bytes(), key.as_bytes()).expect("an identity");
        let acceptor = native_tls::TlsAcceptor::new(identity).expect("an acceptor");
        let acceptor = TlsAcceptor::from(acceptor);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(hand_on(acceptor.clone(), client, target));
            }
        });
        Self { port, task }
    }
}

/// A client that refuses the certificate hangs up; that is what a test looks at.
async fn hand_on(acceptor: TlsAcceptor, client: TcpStream, target: SocketAddr) {
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
