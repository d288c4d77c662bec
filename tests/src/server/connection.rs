//! Connections that can be refused and reset: what a client meets when a network fails, which no
//! HTTP answer can stand for.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use crate::sim::State;

/// How long to wait before binding the port again where another process got in between.
const REBIND_PAUSE: Duration = Duration::from_millis(10);

/// The other end of a connection, as a request's handler sees it.
#[derive(Clone)]
pub(crate) struct Peer {
    reset: Arc<AtomicBool>,
}

impl Peer {
    /// Makes the connection end with a reset instead of an answer.
    pub(crate) fn reset(&self) {
        self.reset.store(true, Ordering::SeqCst);
    }
}

impl Connected<IncomingStream<'_, Listener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
        Peer {
            reset: Arc::clone(&stream.io().reset),
        }
    }
}

/// Listens, and closes the port while connections are refused.
pub(crate) struct Listener {
    socket: Option<TcpListener>,
    address: SocketAddr,
    state: Arc<State>,
}

impl Listener {
    pub(crate) fn new(
        socket: std::net::TcpListener,
        address: SocketAddr,
        state: Arc<State>,
    ) -> Self {
        let socket = socket
            .set_nonblocking(true)
            .and_then(|()| TcpListener::from_std(socket))
            .expect("a bound socket can be listened on");
        Listener {
            socket: Some(socket),
            address,
            state,
        }
    }

    async fn next(&mut self) -> io::Result<TcpStream> {
        let changed = self.state.faults.changed.notified();
        if self.state.faults.refuses() {
            self.socket = None;
            changed.await;
            return Err(io::ErrorKind::Interrupted.into());
        }
        let socket = match &self.socket {
            Some(socket) => socket,
            None => self.socket.insert(TcpListener::bind(self.address).await?),
        };
        tokio::select! {
            accepted = socket.accept() => accepted.map(|(stream, _)| stream),
            _ = changed => Err(io::ErrorKind::Interrupted.into()),
        }
    }
}

impl axum::serve::Listener for Listener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            match self.next().await {
                Ok(stream) => {
                    let _ = stream.set_nodelay(true);
                    let connection = Connection {
                        stream,
                        reset: Arc::default(),
                    };
                    return (connection, self.address);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => tokio::time::sleep(REBIND_PAUSE).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// A stream that can be told to end with a reset.
pub(crate) struct Connection {
    stream: TcpStream,
    reset: Arc<AtomicBool>,
}

impl Connection {
    fn check(&self) -> io::Result<()> {
        if self.reset.load(Ordering::SeqCst) {
            // With no time to linger, closing sends RST at once.
            self.stream.set_zero_linger()?;
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Err(error) = self.check() {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Err(error) = self.check() {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
