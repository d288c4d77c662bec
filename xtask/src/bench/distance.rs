//! A long line to Odoo: every byte arrives later, either way, and none waits for another.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::odoo_environment::OdooEnvironment;

/// As much as is read at once.
const PORTION: usize = 64 * 1024;
/// So many portions are on their way at most, each direction.
const ON_THE_WAY: usize = 1024;

/// A running line, on a thread of its own; it ends when this is dropped.
pub(super) struct Distance {
    environment: OdooEnvironment,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Distance {
    /// Puts this much before each byte to and from an Odoo at `http://address:port`.
    pub(super) fn to(odoo: &OdooEnvironment, delay: Duration) -> Result<Self> {
        let server: SocketAddr = odoo
            .url
            .strip_prefix("http://")
            .and_then(|address| address.trim_end_matches('/').parse().ok())
            .with_context(|| format!("{} is no address with a port", odoo.url))?;
        let listener =
            std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port for a proxy")?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", listener.local_addr()?);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start an asynchronous runtime")?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept_all(listener, server, delay) => {}
                    _ = stopped => {}
                }
            });
        });
        Ok(Self {
            environment: OdooEnvironment {
                url,
                ..odoo.clone()
            },
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// How Odoo is reached over it.
    pub(super) fn environment(&self) -> &OdooEnvironment {
        &self.environment
    }
}

impl Drop for Distance {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept_all(listener: std::net::TcpListener, server: SocketAddr, delay: Duration) {
    let Ok(listener) = TcpListener::from_std(listener) else {
        return;
    };
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(async move {
            // What goes wrong ends the connection, which is all that its sides can be told.
            if let Ok(server) = TcpStream::connect(server).await {
                let _ = (client.set_nodelay(true), server.set_nodelay(true));
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::join!(
                    carry(from_client, to_server, delay),
                    carry(from_server, to_client, delay)
                );
            }
        });
    }
}

/// One direction, until its source ends or its target is gone.
async fn carry(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, delay: Duration) {
    let (sender, mut portions) = mpsc::channel::<(Instant, Vec<u8>)>(ON_THE_WAY);
    let reading = async move {
        let mut buffer = vec![0; PORTION];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            let portion = (Instant::now() + delay, buffer[..count].to_vec());
            if sender.send(portion).await.is_err() {
                break;
            }
        }
    };
    let writing = async move {
        while let Some((due, portion)) = portions.recv().await {
            sleep_until(due).await;
            if to.write_all(&portion).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    };
    tokio::join!(reading, writing);
}

#[cfg(test)]
mod tests {
    use super::carry;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn bytes_arrive_later_in_their_order_without_waiting_for_each_other() {
        const DELAY: Duration = Duration::from_millis(50);
        let (mut near, from) = tokio::io::duplex(1024);
        let (to, mut far) = tokio::io::duplex(1024);
        tokio::spawn(carry(from, to, DELAY));
        let began = Instant::now();
        let sending = async {
            near.write_all(b"one ").await.expect("the line is open");
            tokio::time::sleep(Duration::from_millis(10)).await;
            near.write_all(b"two").await.expect("the line is open");
            near.shutdown().await.expect("the line is open");
        };
        let receiving = async {
            let mut first = [0; 4];
            far.read_exact(&mut first).await.expect("the first portion");
            let first_at = began.elapsed();
            let mut rest = String::new();
            far.read_to_string(&mut rest).await.expect("the rest");
            (first, first_at, rest, began.elapsed())
        };
        let ((), (first, first_at, rest, rest_at)) = tokio::join!(sending, receiving);
        assert_eq!((&first, rest.as_str()), (b"one ", "two"));
        assert!(first_at >= DELAY && first_at < DELAY + Duration::from_millis(5));
        assert!(rest_at >= DELAY + Duration::from_millis(10));
        assert!(rest_at < DELAY + Duration::from_millis(20));
    }
}
