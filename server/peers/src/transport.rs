//! How two hives reach each other: something that gives two byte streams to a hive that proved its
//! key, one for what is urgent and one for contents.

use std::io;
use std::net::SocketAddr;

use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use types::HiveId;

use crate::{Place, Way};

/// How many strangers may be at one door at once.
pub(crate) const HANDSHAKES_MAX: usize = 64;
/// What a caller says first on each stream: which of the two it is.
pub(crate) const CONTROL: u8 = 1;
pub(crate) const BULK: u8 = 2;

pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Two streams to one hive.
pub(crate) struct Pair {
    /// Proved by the transport.
    pub(crate) hive: HiveId,
    /// By which way they go; it may change while they last.
    pub(crate) way: watch::Receiver<Way>,
    /// The other end, if it can be called there again.
    pub(crate) address: Option<SocketAddr>,
    pub(crate) control: Box<dyn Stream>,
    pub(crate) bulk: Box<dyn Stream>,
}

/// What takes in the pairs that arrive at a door.
pub(crate) type Taken = std::sync::Arc<dyn Fn(Pair) + Send + Sync>;

/// A way to other hives.
pub(crate) trait Transport: Send + Sync + 'static {
    /// Calls a hive at those of its places that this transport knows how to call; the first that
    /// answers counts.
    fn call<'a>(&'a self, hive: HiveId, places: &'a [Place]) -> BoxFuture<'a, io::Result<Pair>>;
}

/// An open door. Closes when it is dropped.
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    pub(crate) task: tokio::task::JoinHandle<()>,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.task.abort();
    }
}
