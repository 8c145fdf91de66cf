//! How two hives reach each other: something that gives two byte streams to a hive that proved its
//! key, one for what is urgent and one for contents.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};
use types::HiveId;

use crate::Way;

pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Two streams to one hive.
pub(crate) struct Pair {
    /// Proved by the transport.
    pub(crate) hive: HiveId,
    pub(crate) way: Way,
    /// The other end, as this one sees it.
    pub(crate) address: SocketAddr,
    pub(crate) control: Box<dyn Stream>,
    pub(crate) bulk: Box<dyn Stream>,
}

/// A way to other hives.
pub(crate) trait Transport: Send + Sync + 'static {
    /// Calls a hive at an address. Bounded in time by the caller.
    fn call(&self, hive: HiveId, address: SocketAddr) -> BoxFuture<'_, io::Result<Pair>>;

    /// Opens the doors. Each pair that arrives is handed over; doors close when the guard is
    /// dropped.
    fn open(
        &self,
        address: SocketAddr,
        taken: Arc<dyn Fn(Pair) + Send + Sync>,
    ) -> BoxFuture<'_, io::Result<Door>>;
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
