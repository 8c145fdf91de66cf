//! Hives over TCP: two connections, each under TLS, joined by a mark that the caller draws.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::{BoxFuture, join_all, select_ok};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use types::{HiveId, Signer};

use crate::place::is_local;
use crate::transport::{BULK, CONTROL, Door, HANDSHAKES_MAX, Pair, Stream, Taken, Transport};
use crate::{Place, Way, tls};

const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// One address has this long to answer; the next one is tried beside it after the head start.
const CALL_TIME: Duration = Duration::from_secs(5);
const HEAD_START: Duration = Duration::from_millis(250);
const LOOKUP_TIME: Duration = Duration::from_secs(3);
const ADDRESSES_MAX: usize = 16;

pub(crate) struct Tcp {
    signer: Arc<dyn Signer>,
}

impl Tcp {
    pub(crate) const fn new(signer: Arc<dyn Signer>) -> Self {
        Self { signer }
    }
}

impl Transport for Tcp {
    fn call<'a>(&'a self, hive: HiveId, places: &'a [Place]) -> BoxFuture<'a, io::Result<Pair>> {
        Box::pin(async move {
            let addresses = addresses(places).await;
            let calls = addresses.iter().enumerate().map(|(index, address)| -> BoxFuture<'_, _> {
                let head_start = HEAD_START * u32::try_from(index).unwrap_or(u32::MAX);
                Box::pin(async move {
                    sleep(head_start).await;
                    timeout(CALL_TIME, self.call_at(hive, *address)).await?
                })
            });
            let calls: Vec<_> = calls.collect();
            if calls.is_empty() {
                return Err(io::ErrorKind::NotFound.into());
            }
            select_ok(calls).await.map(|(pair, _)| pair)
        })
    }
}

impl Tcp {
    async fn call_at(&self, hive: HiveId, address: SocketAddr) -> io::Result<Pair> {
        let config = tls::client(&self.signer, hive).map_err(io::Error::other)?;
        let connector = TlsConnector::from(Arc::new(config));
        let mark: [u8; 16] = rand::random();
        let (control, bulk) = tokio::try_join!(
            call(&connector, address, CONTROL, mark),
            call(&connector, address, BULK, mark)
        )?;
        Ok(Pair { hive, way: always(way_to(address.ip())), address: Some(address), control, bulk })
    }

    /// Opens a door. Each pair that arrives is handed over; it closes when the guard is dropped.
    pub(crate) async fn open(&self, address: SocketAddr, taken: Taken) -> io::Result<Door> {
        let config = tls::server(&self.signer).map_err(io::Error::other)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(doorkeeper(listener, acceptor, taken));
        Ok(Door { address, task })
    }
}

/// The addresses among the places, those of local networks first; names are looked up.
pub(crate) async fn addresses(places: &[Place]) -> Vec<SocketAddr> {
    let looked_up = join_all(places.iter().map(async |place| match place {
        Place::Address(address) => vec![*address],
        Place::Name(name, port) => {
            let found = timeout(LOOKUP_TIME, tokio::net::lookup_host((name.as_str(), *port))).await;
            found.ok().and_then(Result::ok).map(Iterator::collect).unwrap_or_default()
        }
        Place::Relay(_) => Vec::new(),
    }));
    let mut addresses: Vec<SocketAddr> = looked_up.await.into_iter().flatten().collect();
    addresses.sort_by_key(|address| !is_local(address.ip()));
    let mut seen = std::collections::HashSet::new();
    addresses.retain(|address| seen.insert(*address));
    addresses.truncate(ADDRESSES_MAX);
    addresses
}

async fn call(
    connector: &TlsConnector,
    address: SocketAddr,
    kind: u8,
    mark: [u8; 16],
) -> io::Result<Box<dyn Stream>> {
    let tcp = TcpStream::connect(address).await?;
    tcp.set_nodelay(true)?;
    let name = ServerName::try_from("skep").map_err(io::Error::other)?;
    let mut stream = connector.connect(name, tcp).await?;
    stream.write_u8(kind).await?;
    stream.write_all(&mark).await?;
    stream.flush().await?;
    Ok(Box::new(stream))
}

type Halves = Arc<Mutex<HashMap<(HiveId, [u8; 16]), (u8, Box<dyn Stream>)>>>;

async fn doorkeeper(listener: TcpListener, acceptor: TlsAcceptor, taken: Taken) {
    let halves = Halves::default();
    let mut greeted: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let (tcp, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "a hive could not be let in");
                sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let (acceptor, halves, taken) = (acceptor.clone(), halves.clone(), taken.clone());
        greeted.retain(|stranger| !stranger.is_finished());
        if greeted.len() >= HANDSHAKES_MAX
            && let Some(slowest) = greeted.pop_front()
        {
            // A hive needs a moment. Whoever dawdles makes way for those who come after.
            slowest.abort();
        }
        let greeting = tokio::spawn(async move {
            let done = timeout(HANDSHAKE_TIME, greet(tcp, address, &acceptor, &halves)).await;
            let key = match done {
                Ok(Ok(Joined::Both(pair))) => return taken(*pair),
                Ok(Ok(Joined::First(key))) => key,
                Ok(Err(error)) => return tracing::debug!(%address, %error, "no hive at the door"),
                Err(_) => return tracing::debug!(%address, "nobody spoke at the door"),
            };
            tokio::spawn(async move {
                sleep(HANDSHAKE_TIME).await;
                drop(halves.lock().unwrap_or_else(PoisonError::into_inner).remove(&key));
            });
        });
        greeted.push_back(greeting.abort_handle());
    }
}

enum Joined {
    First((HiveId, [u8; 16])),
    Both(Box<Pair>),
}

async fn greet(
    tcp: TcpStream,
    address: SocketAddr,
    acceptor: &TlsAcceptor,
    halves: &Halves,
) -> io::Result<Joined> {
    tcp.set_nodelay(true)?;
    let mut stream = acceptor.accept(tcp).await?;
    let foreign = || io::Error::other("what was said is not what hives say");
    let hive = tls::hive_of(stream.get_ref().1.peer_certificates()).ok_or_else(foreign)?;
    let kind = stream.read_u8().await?;
    let mut mark = [0; 16];
    stream.read_exact(&mut mark).await?;
    if !matches!(kind, CONTROL | BULK) {
        return Err(foreign());
    }
    let key = (hive, mark);
    let mut halves = halves.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((other_kind, other)) = halves.remove(&key) else {
        if halves.len() >= HANDSHAKES_MAX {
            return Err(io::Error::other("too many are at the door"));
        }
        halves.insert(key, (kind, Box::new(stream)));
        return Ok(Joined::First(key));
    };
    let stream: Box<dyn Stream> = Box::new(stream);
    let (control, bulk) = match (kind, other_kind) {
        (CONTROL, BULK) => (stream, other),
        (BULK, CONTROL) => (other, stream),
        _ => return Err(foreign()),
    };
    let way = always(way_to(address.ip()));
    // Its door has another port than its call.
    Ok(Joined::Both(Box::new(Pair { hive, way, address: None, control, bulk })))
}

/// By which way an address is called.
pub(crate) fn way_to(ip: IpAddr) -> Way {
    if is_local(ip) { Way::Lan } else { Way::Direct }
}

fn always(way: Way) -> watch::Receiver<Way> {
    watch::channel(way).1
}
