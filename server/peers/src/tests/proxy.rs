//! A stretch of network between two hives that counts what goes over it and can be cut.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    state: Arc<State>,
}

struct State {
    bytes: AtomicU64,
    /// All connections end when so many bytes went; then it counts on.
    cut_at: AtomicU64,
    cuts: watch::Sender<u64>,
}

impl Proxy {
    pub(super) async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State {
            bytes: AtomicU64::new(0),
            cut_at: AtomicU64::new(u64::MAX),
            cuts: watch::Sender::new(0),
        });
        let ours = state.clone();
        tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                let Ok(called) = TcpStream::connect(target).await else { continue };
                let (from_caller, to_caller) = caller.into_split();
                let (from_called, to_called) = called.into_split();
                tokio::spawn(carry(from_caller, to_called, ours.clone()));
                tokio::spawn(carry(from_called, to_caller, ours.clone()));
            }
        });
        Self { address, state }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.state.bytes.load(Ordering::SeqCst)
    }

    /// Cuts all connections once so many more bytes went.
    pub(super) fn cut_after(&self, bytes: u64) {
        self.state.cut_at.store(self.bytes() + bytes, Ordering::SeqCst);
    }

    pub(super) fn cut(&self) {
        self.state.cuts.send_modify(|cuts| *cuts += 1);
    }

    pub(super) fn cuts(&self) -> u64 {
        *self.state.cuts.borrow()
    }
}

async fn carry(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    state: Arc<State>,
) {
    let mut cuts = state.cuts.subscribe();
    let mut buffer = vec![0; 16 * 1_024];
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => read,
            _ = cuts.changed() => break,
        };
        let Ok(size @ 1..) = read else { break };
        let before = state.bytes.fetch_add(size as u64, Ordering::SeqCst);
        let written = tokio::select! {
            written = to.write_all(&buffer[..size]) => written,
            _ = cuts.changed() => break,
        };
        if written.is_err() {
            break;
        }
        if before + size as u64 >= state.cut_at.load(Ordering::SeqCst) {
            state.cut_at.store(u64::MAX, Ordering::SeqCst);
            state.cuts.send_modify(|cuts| *cuts += 1);
            break;
        }
    }
    to.shutdown().await.unwrap_or_default();
}
