//! Hives over TCP: two connections, each under TLS, joined by a mark that the caller draws.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use types::{HiveId, Signer};

use crate::Way;
use crate::tls;
use crate::transport::{Door, Pair, Stream, Transport};

/// How many strangers may be at the door at once.
const HANDSHAKES_MAX: usize = 64;
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
const CONTROL: u8 = 1;
const BULK: u8 = 2;

pub(crate) struct Tcp {
    signer: Arc<dyn Signer>,
}

impl Tcp {
    pub(crate) const fn new(signer: Arc<dyn Signer>) -> Self {
        Self { signer }
    }
}

impl Transport for Tcp {
    fn call(&self, hive: HiveId, address: SocketAddr) -> BoxFuture<'_, io::Result<Pair>> {
        Box::pin(async move {
            let config = tls::client(&self.signer, hive).map_err(io::Error::other)?;
            let connector = TlsConnector::from(Arc::new(config));
            let mark: [u8; 16] = rand::random();
            let (control, bulk) = tokio::try_join!(
                call(&connector, address, CONTROL, mark),
                call(&connector, address, BULK, mark)
            )?;
            Ok(Pair { hive, way: way_to(address.ip()), address, control, bulk })
        })
    }

    fn open(
        &self,
        address: SocketAddr,
        taken: Arc<dyn Fn(Pair) + Send + Sync>,
    ) -> BoxFuture<'_, io::Result<Door>> {
        Box::pin(async move {
            let config = tls::server(&self.signer).map_err(io::Error::other)?;
            let acceptor = TlsAcceptor::from(Arc::new(config));
            let listener = TcpListener::bind(address).await?;
            let address = listener.local_addr()?;
            let task = tokio::spawn(doorkeeper(listener, acceptor, taken));
            Ok(Door { address, task })
        })
    }
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

async fn doorkeeper(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    taken: Arc<dyn Fn(Pair) + Send + Sync>,
) {
    let room = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    let halves = Halves::default();
    loop {
        let Ok(place) = room.clone().acquire_owned().await else { return };
        let (tcp, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "a hive could not be let in");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let (acceptor, halves, taken) = (acceptor.clone(), halves.clone(), taken.clone());
        tokio::spawn(async move {
            let done = timeout(HANDSHAKE_TIME, greet(tcp, address, &acceptor, &halves)).await;
            let key = match done {
                Ok(Ok(Joined::Both(pair))) => return taken(*pair),
                Ok(Ok(Joined::First(key))) => key,
                Ok(Err(error)) => return tracing::debug!(%address, %error, "no hive at the door"),
                Err(_) => return tracing::debug!(%address, "nobody spoke at the door"),
            };
            drop(place);
            tokio::time::sleep(HANDSHAKE_TIME).await;
            drop(halves.lock().unwrap_or_else(PoisonError::into_inner).remove(&key));
        });
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
    let way = way_to(address.ip());
    Ok(Joined::Both(Box::new(Pair { hive, way, address, control, bulk })))
}

/// Whether an address is one of a local network.
fn way_to(ip: IpAddr) -> Way {
    let local = match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    };
    if local { Way::Lan } else { Way::Direct }
}
