//! One connection through the proxy: two pumps, one for each direction, and its end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::conduct::{Conduct, Direction, Ending, Point};
use super::cutter::{Cutter, Verdict};

const PIECE: usize = 16 * 1024;
/// A throttled line hands its bytes over so often in a second.
const PIECES_PER_SECOND: u64 = 20;
/// Pieces on their way on a long line.
const ON_THE_WAY: usize = 256;
/// How long a side that was told of the end in order may take to end too.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a connection is told while it is open.
#[derive(Clone, Debug)]
pub(super) struct Orders {
    pub(super) conduct: Arc<Conduct>,
    /// Whether bytes wait where they are.
    pub(super) is_stalled: bool,
    /// Ends it now.
    pub(super) strike: Option<Ending>,
}

/// Serves one client until both sides are gone.
pub(super) async fn serve(
    mut client: TcpStream,
    target: SocketAddr,
    orders: watch::Receiver<Orders>,
) {
    let first = Arc::clone(&orders.borrow().conduct);
    if let Some(cut) = &first.cut
        && cut.point == Point::Byte(0)
    {
        return end(client, None, cut.ending).await;
    }
    let Ok(mut server) = TcpStream::connect(target).await else {
        return end(client, None, Ending::Reset).await;
    };
    // Small messages are what both protocols send; none is to wait for another.
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    if let Some(ending) = pass(&mut client, &mut server, orders).await {
        end(client, Some(server), ending).await;
    }
}

/// Passes bytes on until both sides have nothing more to say, or returns how it is to end.
async fn pass(
    client: &mut TcpStream,
    server: &mut TcpStream,
    orders: watch::Receiver<Orders>,
) -> Option<Ending> {
    let (from_client, into_client) = client.split();
    let (from_server, into_server) = server.split();
    let to_server = pump(
        from_client,
        into_server,
        Direction::ToServer,
        orders.clone(),
    );
    let to_client = pump(
        from_server,
        into_client,
        Direction::ToClient,
        orders.clone(),
    );
    let mut to_server = std::pin::pin!(to_server);
    let mut to_client = std::pin::pin!(to_client);
    tokio::select! {
        biased;
        ending = struck(orders) => Some(ending),
        ending = &mut to_server => match ending {
            Some(ending) => Some(ending),
            None => to_client.await,
        },
        ending = &mut to_client => match ending {
            Some(ending) => Some(ending),
            None => to_server.await,
        },
    }
}

async fn struck(mut orders: watch::Receiver<Orders>) -> Ending {
    match orders.wait_for(|orders| orders.strike.is_some()).await {
        Ok(orders) => orders.strike.unwrap_or(Ending::Reset),
        // The proxy is gone.
        Err(_) => Ending::Reset,
    }
}

/// Something on its way, and when it arrives.
enum Item {
    Bytes(Instant, Vec<u8>),
    /// The sender has nothing more to say.
    Over(Instant),
    End(Instant, Ending),
}

/// Returns how the connection is to end; nothing where the sender just said no more.
async fn pump(
    reader: ReadHalf<'_>,
    writer: WriteHalf<'_>,
    direction: Direction,
    orders: watch::Receiver<Orders>,
) -> Option<Ending> {
    let (sender, receiver) = mpsc::channel(ON_THE_WAY);
    let mut reading = std::pin::pin!(Reading::new(reader, direction, orders).run(sender));
    let mut writing = std::pin::pin!(write(writer, receiver));
    tokio::select! {
        ending = &mut writing => ending,
        () = &mut reading => writing.await,
    }
}

struct Reading<'a> {
    reader: ReadHalf<'a>,
    direction: Direction,
    orders: watch::Receiver<Orders>,
    conduct: Arc<Conduct>,
    cutter: Cutter,
    /// When the last of what has been read arrives.
    arrives: Instant,
}

impl<'a> Reading<'a> {
    fn new(reader: ReadHalf<'a>, direction: Direction, orders: watch::Receiver<Orders>) -> Self {
        let conduct = Arc::clone(&orders.borrow().conduct);
        Self {
            reader,
            direction,
            cutter: cutter(&conduct, direction),
            conduct,
            orders,
            arrives: Instant::now(),
        }
    }

    async fn run(mut self, sender: mpsc::Sender<Item>) {
        let mut buffer = vec![0; PIECE];
        loop {
            // Fails once the proxy is gone, which ends the connection anyway.
            if self.orders.wait_for(|it| !it.is_stalled).await.is_err() {
                return;
            }
            self.obey();
            if self.cutter.is_due() {
                let _ = sender.send(self.ending()).await;
                return;
            }
            let piece = self.piece();
            let read = tokio::select! {
                biased;
                _ = self.orders.changed() => continue,
                read = self.reader.read(&mut buffer[..piece]) => read,
            };
            let item = match read {
                Ok(0) => Item::Over(self.due(0)),
                Ok(size) => match self.cutter.judge(&buffer[..size]) {
                    Verdict::All => Item::Bytes(self.due(size), buffer[..size].to_vec()),
                    Verdict::Only(some) => {
                        let bytes = Item::Bytes(self.due(some), buffer[..some].to_vec());
                        let _ = sender.send(bytes).await;
                        self.ending()
                    }
                },
                // One side was reset: so is the other.
                Err(_) => Item::End(self.due(0), Ending::Reset),
            };
            let is_last = !matches!(item, Item::Bytes(..));
            if sender.send(item).await.is_err() || is_last {
                return;
            }
        }
    }

    /// Takes up a conduct that is new.
    fn obey(&mut self) {
        let conduct = Arc::clone(&self.orders.borrow_and_update().conduct);
        if !Arc::ptr_eq(&conduct, &self.conduct) {
            self.cutter = cutter(&conduct, self.direction);
            self.conduct = conduct;
        }
    }

    fn ending(&mut self) -> Item {
        let ending = self
            .conduct
            .cut
            .as_ref()
            .map_or(Ending::Reset, |it| it.ending);
        Item::End(self.due(0), ending)
    }

    fn piece(&self) -> usize {
        self.conduct.bytes_per_second.map_or(PIECE, |rate| {
            usize::try_from(rate / PIECES_PER_SECOND)
                .unwrap_or(PIECE)
                .clamp(1, PIECE)
        })
    }

    fn due(&mut self, size: usize) -> Instant {
        let takes = self
            .conduct
            .bytes_per_second
            .map_or(Duration::ZERO, |rate| {
                Duration::from_secs_f64(size as f64 / rate as f64)
            });
        self.arrives = (Instant::now() + self.conduct.delay).max(self.arrives + takes);
        self.arrives
    }
}

fn cutter(conduct: &Conduct, direction: Direction) -> Cutter {
    let cut = conduct
        .cut
        .as_ref()
        .filter(|cut| cut.direction == direction);
    Cutter::new(cut.map(|cut| cut.point.clone()))
}

async fn write(mut writer: WriteHalf<'_>, mut receiver: mpsc::Receiver<Item>) -> Option<Ending> {
    while let Some(item) = receiver.recv().await {
        match item {
            Item::Bytes(due, bytes) => {
                sleep_until(due).await;
                if writer.write_all(&bytes).await.is_err() {
                    return Some(Ending::Reset);
                }
            }
            Item::Over(due) => {
                sleep_until(due).await;
                let _ = writer.shutdown().await;
                return None;
            }
            Item::End(due, ending) => {
                sleep_until(due).await;
                return Some(ending);
            }
        }
    }
    // The reader left without a word: the proxy is gone.
    Some(Ending::Reset)
}

async fn end(client: TcpStream, server: Option<TcpStream>, ending: Ending) {
    match ending {
        Ending::Reset => {
            reset(&client);
            server.as_ref().inspect(|server| reset(server));
        }
        Ending::Close => {
            tokio::join!(close(client), if_any(server, close));
        }
        Ending::HalfOpen => {
            tokio::join!(swallow(client), if_any(server, close));
        }
        Ending::BlackHole => {
            tokio::join!(swallow(client), if_any(server, swallow));
        }
    }
}

async fn if_any(side: Option<TcpStream>, done: impl AsyncFnOnce(TcpStream)) {
    if let Some(side) = side {
        done(side).await;
    }
}

/// With no time to linger, closing sends RST at once.
fn reset(side: &TcpStream) {
    let _ = side.set_zero_linger();
}

/// Says no more, and hears the other side out: bytes that nobody read would make a reset of it.
async fn close(mut side: TcpStream) {
    let _ = side.shutdown().await;
    let _ = timeout(PATIENCE, tokio::io::copy(&mut side, &mut tokio::io::sink())).await;
}

/// Takes everything and says nothing until the proxy is gone, also after the other side's end: a
/// line that is dead does not tell the one of the other.
async fn swallow(mut side: TcpStream) {
    let _ = tokio::io::copy(&mut side, &mut tokio::io::sink()).await;
    std::future::pending::<()>().await;
}
