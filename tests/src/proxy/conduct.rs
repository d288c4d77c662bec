//! What a connection through the proxy is like: how slow, and where and how it ends.

use std::time::Duration;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

/// What becomes of a connection that does not live to its natural end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Both sides are told in order (FIN).
    Close,
    /// Both sides are told rudely (RST), and may lose what had arrived but was not read.
    Reset,
    /// Nobody is told: both sides stay open, and whatever they send is lost.
    BlackHole,
    /// The server is told (FIN), the client is not: its side stays open in silence.
    HalfOpen,
}

impl Ending {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Close, Self::Reset, Self::BlackHole, Self::HalfOpen];
}

/// Where in the bytes that go one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Point {
    /// So many bytes pass, those after them do not; 0 is before the first.
    Byte(u64),
    /// The n-th time (from 1) that these bytes come by, they do not pass any more. Of bytes that
    /// arrive in parts, the parts before the last do.
    Before(&'static [u8], usize),
    /// The n-th time (from 1) that these bytes come by, they are the last to pass.
    After(&'static [u8], usize),
}

/// The end that a connection meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Which way the bytes go that are looked at.
    pub direction: Direction,
    /// Where in them.
    pub point: Point,
    /// How both sides learn of it.
    pub ending: Ending,
}

/// How one connection behaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conduct {
    pub(super) delay: Duration,
    pub(super) bytes_per_second: Option<u64>,
    pub(super) cut: Option<Cut>,
}

impl Conduct {
    /// Passes everything on at once.
    pub fn clean() -> Self {
        Self::default()
    }

    /// As [`Conduct::clean`], and ends there.
    pub fn cut(direction: Direction, point: Point, ending: Ending) -> Self {
        Self::clean().and_cut(direction, point, ending)
    }

    /// As [`Conduct::clean`], and each byte takes so long, either way. Bytes overtake no others
    /// and do not wait for each other, as on a long line.
    pub fn delay(delay: Duration) -> Self {
        Self {
            delay,
            ..Self::clean()
        }
    }

    /// As [`Conduct::clean`], and no more than this passes, either way.
    pub fn throttle(bytes_per_second: u64) -> Self {
        Self {
            bytes_per_second: Some(bytes_per_second.max(1)),
            ..Self::clean()
        }
    }

    /// Never answers: takes the connection and lets no byte through.
    pub fn silent() -> Self {
        Self::cut(Direction::ToServer, Point::Byte(0), Ending::BlackHole)
    }

    /// Ends there as well.
    #[must_use]
    pub fn and_cut(self, direction: Direction, point: Point, ending: Ending) -> Self {
        Self {
            cut: Some(Cut {
                direction,
                point,
                ending,
            }),
            ..self
        }
    }
}
