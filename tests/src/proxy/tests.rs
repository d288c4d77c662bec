//! What each kind of trouble looks like to both sides.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{Conduct, Direction, Ending, FaultProxy, Point};

const LIMIT: Duration = Duration::from_secs(20);
/// Long enough for a byte to arrive if it is to.
const A_WHILE: Duration = Duration::from_millis(200);

/// A server of the test's own, and a proxy before it.
struct Setting {
    proxy: FaultProxy,
    accepted: mpsc::UnboundedReceiver<TcpStream>,
}

impl Setting {
    async fn new() -> Self {
        let (address, accepted) = server().await;
        Self {
            proxy: FaultProxy::start(address),
            accepted,
        }
    }

    async fn client(&self) -> TcpStream {
        TcpStream::connect(self.proxy.address())
            .await
            .expect("it listens")
    }

    /// How a connection ends that was asked for just now. A reset may be
    /// there before `connect` has looked whether the handshake succeeded, and
    /// is then what `connect` itself answers.
    async fn refusal(&self) -> Option<ErrorKind> {
        match TcpStream::connect(self.proxy.address()).await {
            Ok(mut client) => hear(&mut client).await.1,
            Err(error) => Some(error.kind()),
        }
    }

    /// A connection from end to end.
    async fn pair(&mut self) -> (TcpStream, TcpStream) {
        let client = self.client().await;
        (client, self.accepted().await)
    }

    async fn accepted(&mut self) -> TcpStream {
        let accepted = timeout(LIMIT, self.accepted.recv()).await;
        accepted
            .expect("a connection in time")
            .expect("the server listens")
    }
}

async fn server() -> (SocketAddr, mpsc::UnboundedReceiver<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let (sender, accepted) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if sender.send(stream).is_err() {
                return;
            }
        }
    });
    (address, accepted)
}

/// Everything up to the end, and how it ended.
async fn hear(stream: &mut TcpStream) -> (Vec<u8>, Option<ErrorKind>) {
    let mut heard = Vec::new();
    let ended = timeout(LIMIT, stream.read_to_end(&mut heard)).await;
    let ended = ended.expect("an end in time");
    (heard, ended.err().map(|error| error.kind()))
}

async fn hear_exactly(stream: &mut TcpStream, size: usize) -> Vec<u8> {
    let mut heard = vec![0; size];
    let read = timeout(LIMIT, stream.read_exact(&mut heard)).await;
    read.expect("bytes in time").expect("bytes");
    heard
}

async fn is_silent(stream: &mut TcpStream) -> bool {
    timeout(A_WHILE, stream.read_u8()).await.is_err()
}

#[tokio::test]
async fn passes_both_ways_and_passes_an_end_on() {
    let mut setting = Setting::new().await;
    let (mut client, mut server) = setting.pair().await;
    let large = vec![7; 300_000];
    let sent = large.clone();
    let sending = tokio::spawn(async move {
        client.write_all(&sent).await.expect("a connection");
        client.shutdown().await.expect("a connection");
        client
    });
    assert_eq!(hear(&mut server).await, (large, None));
    // The other way is still open.
    server.write_all(b"answer").await.expect("a connection");
    drop(server);
    let mut client = sending.await.expect("it was sent");
    assert_eq!(hear(&mut client).await, (b"answer".to_vec(), None));
}

#[tokio::test]
async fn cuts_at_a_byte_either_way_in_order_or_with_a_reset() {
    for direction in [Direction::ToServer, Direction::ToClient] {
        for (ending, expected) in [
            (Ending::Close, None),
            (Ending::Reset, Some(ErrorKind::ConnectionReset)),
        ] {
            let mut setting = Setting::new().await;
            setting
                .proxy
                .script([Conduct::cut(direction, Point::Byte(3), ending)]);
            let (client, server) = setting.pair().await;
            let (mut from, mut to) = match direction {
                Direction::ToServer => (client, server),
                Direction::ToClient => (server, client),
            };
            from.write_all(b"abcdef").await.expect("a connection");
            let (heard, ended) = hear(&mut to).await;
            assert_eq!(ended, expected, "{direction:?} {ending:?}");
            assert!(b"abc".starts_with(&heard), "{heard:?}");
            if ending == Ending::Close {
                assert_eq!(heard, b"abc");
            }
            assert_eq!(
                hear(&mut from).await.1,
                expected,
                "{direction:?} {ending:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_black_hole_tells_nobody() {
    let mut setting = Setting::new().await;
    setting.proxy.script([Conduct::cut(
        Direction::ToServer,
        Point::After(b"cd", 1),
        Ending::BlackHole,
    )]);
    let (mut client, mut server) = setting.pair().await;
    client.write_all(b"abcdef").await.expect("a connection");
    assert_eq!(hear_exactly(&mut server, 4).await, b"abcd");
    server.write_all(b"lost").await.expect("a connection");
    assert!(is_silent(&mut client).await && is_silent(&mut server).await);
    // Not even of the other's end.
    drop(client);
    assert!(is_silent(&mut server).await);
    assert_eq!(setting.proxy.open(), 1);
}

#[tokio::test]
async fn half_open_tells_the_server_alone() {
    let mut setting = Setting::new().await;
    let (mut client, mut server) = setting.pair().await;
    setting.proxy.strike(Ending::HalfOpen);
    assert_eq!(hear(&mut server).await, (Vec::new(), None));
    client.write_all(b"anybody?").await.expect("it seems open");
    assert!(is_silent(&mut client).await);
}

#[tokio::test]
async fn a_client_is_refused_without_the_server_hearing_of_it() {
    let mut setting = Setting::new().await;
    let at_once = Conduct::cut(Direction::ToServer, Point::Byte(0), Ending::Reset);
    setting.proxy.script([at_once, Conduct::silent()]);
    assert_eq!(setting.refusal().await, Some(ErrorKind::ConnectionReset));
    let mut ignored = setting.client().await;
    ignored.write_all(b"anybody?").await.expect("it seems open");
    assert!(is_silent(&mut ignored).await);
    assert!(setting.accepted.try_recv().is_err());
    assert_eq!(setting.proxy.accepted(), 2);
}

#[tokio::test]
async fn a_delay_holds_each_byte_up_and_no_byte_waits_for_another() {
    let mut setting = Setting::new().await;
    let delay = Duration::from_millis(150);
    setting.proxy.rule(move |_| Conduct::delay(delay));
    let (mut client, mut server) = setting.pair().await;
    let started = Instant::now();
    for _ in 0..10 {
        client.write_all(b"x").await.expect("a connection");
        tokio::task::yield_now().await;
    }
    hear_exactly(&mut server, 10).await;
    let took = started.elapsed();
    assert!(took >= delay && took < 5 * delay, "{took:?}");
}

#[tokio::test]
async fn a_throttle_lets_no_more_pass_than_it_says() {
    let mut setting = Setting::new().await;
    setting.proxy.rule(|_| Conduct::throttle(100_000));
    let (mut client, mut server) = setting.pair().await;
    let started = Instant::now();
    client
        .write_all(&vec![1; 40_000])
        .await
        .expect("a connection");
    hear_exactly(&mut server, 40_000).await;
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(350), "{took:?}");
}

#[tokio::test]
async fn what_is_stalled_goes_on_without_loss() {
    let mut setting = Setting::new().await;
    let (mut client, mut server) = setting.pair().await;
    setting.proxy.stall();
    client.write_all(b"abc").await.expect("a connection");
    assert!(is_silent(&mut server).await);
    setting.proxy.go_on();
    assert_eq!(hear_exactly(&mut server, 3).await, b"abc");
}

#[tokio::test]
async fn each_connection_can_have_its_own_trouble_and_all_get_a_new_one_at_run_time() {
    let mut setting = Setting::new().await;
    let after = |size| Conduct::cut(Direction::ToServer, Point::Byte(size), Ending::Close);
    setting.proxy.script([after(1)]);
    setting.proxy.rule(move |number| after(number as u64));
    for expected in [1, 2, 3] {
        let (mut client, mut server) = setting.pair().await;
        client.write_all(b"abcdef").await.expect("a connection");
        assert_eq!(hear(&mut server).await.0.len(), expected);
    }
    setting.proxy.clear();
    let (mut client, mut server) = setting.pair().await;
    client.write_all(b"abcdef").await.expect("a connection");
    hear_exactly(&mut server, 6).await;
    // Counted from here.
    setting.proxy.conduct(after(2));
    client.write_all(b"ghijkl").await.expect("a connection");
    assert_eq!(hear(&mut server).await.0, b"gh");
}

#[tokio::test]
async fn a_server_that_is_gone_resets_the_client() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    drop(listener);
    let proxy = FaultProxy::start(address);
    let mut client = TcpStream::connect(proxy.address())
        .await
        .expect("it listens");
    assert_eq!(hear(&mut client).await.1, Some(ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn all_end_with_the_proxy() {
    let mut setting = Setting::new().await;
    let (mut client, mut server) = setting.pair().await;
    drop(setting.proxy);
    for side in [&mut client, &mut server] {
        let (heard, _) = hear(side).await;
        assert!(heard.is_empty());
    }
}
