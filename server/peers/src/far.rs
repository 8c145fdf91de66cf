//! Hives over iroh, where they cannot see each other: QUIC through holes in routers, or through a
//! relay. Nothing listens, and nobody outside is asked, unless the hive opens this door.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use iroh::dns::DnsResolver;
use iroh::endpoint::{
    Builder, Connection, Incoming, NetReportConfig, PortmapperConfig, RecvStream, SendStream,
    presets,
};
use iroh::{
    Endpoint, EndpointAddr, EndpointId, RelayMode, RelayUrl, SecretKey, TransportAddr, Watcher,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use types::HiveId;

use crate::transport::{BULK, CONTROL, HANDSHAKES_MAX, Pair, Stream, Taken, Transport};
use crate::{Place, Way, tcp};

const ALPN: &[u8] = b"skep/1";
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
const CLOSE_TIME: Duration = Duration::from_secs(1);
/// What is urgent goes before contents.
const CONTROL_PRIORITY: i32 = 1;

/// The door to hives that are far away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Far {
    /// The UDP port; another one is taken where it is not free.
    pub port: u16,
    /// Addresses to listen on; empty for all of the machine's.
    pub only: Vec<std::net::IpAddr>,
    /// The relays at which this hive waits. None: those of iroh's makers, and their directory.
    pub relays: Vec<Place>,
    /// Whether to ask the router for an open port.
    pub map_ports: bool,
}

/// An open door to hives that are far away.
pub(crate) struct Iroh {
    endpoint: Endpoint,
    /// What it was opened for.
    pub(crate) asked: Far,
    task: JoinHandle<()>,
}

impl Iroh {
    pub(crate) async fn open(secret: [u8; 32], far: Far, taken: Taken) -> io::Result<Self> {
        let endpoint = match builder(secret, &far, far.port)?.bind().await {
            Ok(endpoint) => endpoint,
            Err(error) => {
                tracing::debug!(%error, port = far.port, "another UDP port is taken");
                builder(secret, &far, 0)?.bind().await.map_err(io::Error::other)?
            }
        };
        let task = tokio::spawn(doorkeeper(endpoint.clone(), taken));
        Ok(Self { endpoint, asked: far, task })
    }

    /// The relay at which this hive waits.
    pub(crate) fn relay(&self) -> Option<Place> {
        let home = self.endpoint.watch_addr().get().relay_urls().next().map(RelayUrl::to_string);
        home.and_then(|url| url.parse().ok()).or_else(|| self.asked.relays.first().cloned())
    }

    pub(crate) async fn network_changed(&self) {
        self.endpoint.network_change().await;
    }

    /// Ends all of its links.
    pub(crate) async fn close(&self) {
        self.task.abort();
        timeout(CLOSE_TIME, self.endpoint.close()).await.unwrap_or_default();
    }
}

impl Drop for Iroh {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Transport for Iroh {
    fn call<'a>(&'a self, hive: HiveId, places: &'a [Place]) -> BoxFuture<'a, io::Result<Pair>> {
        Box::pin(async move {
            let id = EndpointId::from_bytes(hive.as_bytes()).map_err(io::Error::other)?;
            let addresses = addresses(places).await;
            if addresses.is_empty() && !self.asked.relays.is_empty() {
                return Err(io::ErrorKind::NotFound.into());
            }
            let address = EndpointAddr::from_parts(id, addresses);
            let connecting = timeout(HANDSHAKE_TIME, self.endpoint.connect(address, ALPN)).await?;
            let connection = connecting.map_err(io::Error::other)?;
            let control = begin(&connection, CONTROL).await?;
            let bulk = begin(&connection, BULK).await?;
            Ok(Pair { hive, way: follow(&connection), address: None, control, bulk })
        })
    }
}

fn builder(secret: [u8; 32], far: &Far, port: u16) -> io::Result<Builder> {
    let public = far.relays.is_empty();
    let mut builder = if public {
        Endpoint::builder(presets::N0)
    } else {
        let relays = far.relays.iter().filter_map(relay_url);
        // A name server that nobody here chose is not asked.
        let names = DnsResolver::builder().with_system_defaults().disable_fallback().build();
        Endpoint::builder(presets::Minimal)
            .relay_mode(RelayMode::custom(relays))
            .dns_resolver(names)
    };
    let mut report = NetReportConfig::default();
    report.captive_portal_check = public;
    let map_ports =
        if far.map_ports { PortmapperConfig::default() } else { PortmapperConfig::Disabled };
    builder = builder
        .secret_key(SecretKey::from_bytes(&secret))
        .alpns(vec![ALPN.to_vec()])
        .net_report_config(report)
        .portmapper_config(map_ports);
    if !far.only.is_empty() {
        builder = builder.clear_ip_transports();
    }
    let all = [[0, 0, 0, 0].into(), std::net::Ipv6Addr::UNSPECIFIED.into()];
    let ips = if far.only.is_empty() { &all[..] } else { &far.only };
    for ip in ips {
        builder = builder.bind_addr(SocketAddr::new(*ip, port)).map_err(io::Error::other)?;
    }
    Ok(builder)
}

fn relay_url(place: &Place) -> Option<RelayUrl> {
    match place {
        Place::Relay(url) => url.parse().ok(),
        Place::Address(_) | Place::Name(..) => None,
    }
}

async fn addresses(places: &[Place]) -> Vec<TransportAddr> {
    let mut addresses: Vec<_> =
        places.iter().filter_map(relay_url).map(TransportAddr::Relay).collect();
    let direct = tcp::addresses(places).await;
    addresses.extend(direct.into_iter().map(TransportAddr::Ip));
    addresses
}

async fn begin(connection: &Connection, kind: u8) -> io::Result<Box<dyn Stream>> {
    let (mut send, receive) = connection.open_bi().await?;
    send.write_u8(kind).await?;
    Ok(Box::new(Half::new(kind, send, receive, connection)))
}

async fn doorkeeper(endpoint: Endpoint, taken: Taken) {
    let room = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    while let Some(incoming) = endpoint.accept().await {
        let Ok(place) = room.clone().try_acquire_owned() else {
            incoming.refuse();
            continue;
        };
        // Who only pretends to be at an address fills half of the room at most.
        if room.available_permits() < HANDSHAKES_MAX / 2 && !incoming.remote_addr_validated() {
            drop(incoming.retry());
            continue;
        }
        let taken = taken.clone();
        tokio::spawn(async move {
            match timeout(HANDSHAKE_TIME, greet(incoming)).await {
                Ok(Ok(pair)) => taken(pair),
                Ok(Err(error)) => tracing::debug!(%error, "no hive at the far door"),
                Err(_) => tracing::debug!("nobody spoke at the far door"),
            }
            drop(place);
        });
    }
}

async fn greet(incoming: Incoming) -> io::Result<Pair> {
    let connection = incoming.accept()?.await.map_err(io::Error::other)?;
    let hive = HiveId::from_bytes(*connection.remote_id().as_bytes());
    let (mut control, mut bulk) = (None, None);
    for _ in 0..2 {
        let (send, mut receive) = connection.accept_bi().await?;
        let kind = receive.read_u8().await?;
        let stream: Box<dyn Stream> = Box::new(Half::new(kind, send, receive, &connection));
        match kind {
            CONTROL => control = Some(stream),
            BULK => bulk = Some(stream),
            _ => break,
        }
    }
    let (Some(control), Some(bulk)) = (control, bulk) else {
        return Err(io::Error::other("what was said is not what hives say"));
    };
    Ok(Pair { hive, way: follow(&connection), address: None, control, bulk })
}

/// By which way a connection goes, for as long as it lasts.
fn follow(connection: &Connection) -> watch::Receiver<Way> {
    let (ways, way) = watch::channel(way_of(connection));
    let (mut events, connection) = (connection.path_events(), connection.weak_handle());
    tokio::spawn(async move {
        loop {
            tokio::select! {
                event = events.next() => if event.is_none() { return },
                () = ways.closed() => return,
            }
            let Some(connection) = connection.upgrade() else { return };
            let now = way_of(&connection);
            ways.send_if_modified(|way| std::mem::replace(way, now) != now);
        }
    });
    way
}

fn way_of(connection: &Connection) -> Way {
    let paths = connection.paths();
    let chosen = paths.iter().find(|path| path.is_selected()).or_else(|| paths.iter().next());
    match chosen.map(|path| path.remote_addr().clone()) {
        Some(TransportAddr::Ip(address)) => tcp::way_to(address.ip()),
        _ => Way::Relay,
    }
}

/// One stream. Its end is told when the other side has all of it.
struct Half {
    send: SendStream,
    receive: RecvStream,
    ending: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    _connection: Connection,
}

impl Half {
    fn new(kind: u8, send: SendStream, receive: RecvStream, connection: &Connection) -> Self {
        if kind == CONTROL {
            // Only a stream that has ended already refuses.
            send.set_priority(CONTROL_PRIORITY).unwrap_or_default();
        }
        Self { send, receive, ending: None, _connection: connection.clone() }
    }
}

impl AsyncRead for Half {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        AsyncRead::poll_read(Pin::new(&mut self.receive), context, buffer)
    }
}

impl AsyncWrite for Half {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write(Pin::new(&mut self.send), context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(Pin::new(&mut self.send), context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.ending.is_none() {
            ready!(AsyncWrite::poll_shutdown(Pin::new(&mut self.send), context))?;
            let stopped = self.send.stopped();
            self.ending = Some(Box::pin(async move { drop(stopped.await) }));
        }
        match &mut self.ending {
            Some(ending) => ending.as_mut().poll(context).map(Ok),
            None => Poll::Ready(Ok(())),
        }
    }
}
