//! The accept loops: TCP, TLS and the owner's local socket, with caps and timeouts of their own.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Uri};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tower_http::timeout::TimeoutBody;

use crate::gate::{Mount, Peer};
use crate::{State, routes};

const CONNECTIONS_MAX: usize = 4_096;
const CONNECTIONS_PER_ADDRESS_MAX: usize = 256;
/// A connection that says nothing is closed after this time; so is one that dribbles its headers.
const FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(10);
const HEADERS_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest silence in the middle of a request's body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
const TLS_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after the system refused a connection (too many open files), so as not to spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const HEADERS_BYTES_MAX: usize = 32 * 1_024;

/// What guards a listener.
#[derive(Clone)]
pub enum Door {
    Plain,
    /// TLS on the same port; a plain request gets no answer.
    Tls(TlsAcceptor),
}

/// A running listener; closes when dropped.
pub struct Listening {
    pub address: SocketAddr,
    stop: CancellationToken,
}

impl Listening {
    pub(crate) fn new(address: SocketAddr, stop: CancellationToken) -> Self {
        Self { address, stop }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Serves the hive on a bound listener until the returned value is dropped.
pub fn listen(state: &State, listener: TcpListener, door: Door) -> io::Result<Listening> {
    let address = listener.local_addr()?;
    let stop = CancellationToken::new();
    let app = routes::router(state);
    let accept = accept_tcp(listener, door, app, stop.clone());
    tokio::spawn(accept);
    Ok(Listening { address, stop })
}

async fn accept_tcp(listener: TcpListener, door: Door, app: Router, stop: CancellationToken) {
    let places = Arc::new(Places::default());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        let (stream, from) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(place) = places.clone().take(from.ip()) else { continue };
        let (door, app, stop) = (door.clone(), app.clone(), stop.clone());
        tokio::spawn(async move {
            let served = serve_tcp(stream, from.ip(), door, app);
            tokio::select! {
                () = served => {}
                () = stop.cancelled() => {}
            }
            drop(place);
        });
    }
}

async fn serve_tcp(stream: TcpStream, address: IpAddr, door: Door, app: Router) {
    let spoke = tokio::time::timeout(FIRST_BYTE_TIMEOUT, stream.readable()).await;
    if !matches!(spoke, Ok(Ok(()))) || stream.set_nodelay(true).is_err() {
        return;
    }
    match door {
        Door::Plain => serve(stream, Peer::Network { address, secure: false }, app).await,
        Door::Tls(acceptor) => {
            if let Ok(Ok(stream)) = tokio::time::timeout(TLS_TIMEOUT, acceptor.accept(stream)).await
            {
                serve(stream, Peer::Network { address, secure: true }, app).await;
            }
        }
    }
}

/// Serves the owner's own programs on a Unix socket. The caller checks that the socket's file can
/// be reached by the owner alone; each connection's credentials are checked here as well.
#[cfg(unix)]
pub fn listen_local(
    state: &State,
    listener: tokio::net::UnixListener,
) -> Pin<Box<dyn Send + Sync>> {
    let stop = CancellationToken::new();
    let app = routes::router(state);
    tokio::spawn(accept_local(listener, app, stop.clone()));
    Box::pin(stop.drop_guard())
}

#[cfg(unix)]
async fn accept_local(listener: tokio::net::UnixListener, app: Router, stop: CancellationToken) {
    let own = rustix::process::geteuid().as_raw();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a local connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let allowed = stream.peer_cred().is_ok_and(|peer| peer.uid() == own || peer.uid() == 0);
        if !allowed {
            tracing::warn!("another account tried to use the control socket");
            continue;
        }
        let (app, stop) = (app.clone(), stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = serve(stream, Peer::Local, app) => {}
                () = stop.cancelled() => {}
            }
        });
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    app: Router,
) {
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        let request = request.map(|body| Body::new(TimeoutBody::new(BODY_TIMEOUT, body)));
        let request = mounted(request);
        app.clone().oneshot(request)
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_TIMEOUT)
        .max_buf_size(HEADERS_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
    if let Err(error) = served {
        tracing::trace!(%error, "a connection ended early");
    }
}

/// Gives a guest's calls under `/l/{link}` the same routes as the owner's, and notes whose pages
/// they came from.
fn mounted(mut request: Request<Body>) -> Request<Body> {
    let guest = guest_path(request.uri());
    match guest {
        Some((link, uri)) => {
            *request.uri_mut() = uri;
            request.extensions_mut().insert(Mount::Guest(link));
        }
        None => {
            request.extensions_mut().insert(Mount::Owner);
        }
    }
    request
}

fn guest_path(uri: &Uri) -> Option<(types::LinkId, Uri)> {
    let (link, rest) = uri.path().strip_prefix("/l/")?.split_once('/')?;
    let inner = rest.starts_with("api/v1/") || rest.starts_with("yjs/");
    let link = link.parse().ok().filter(|_| inner)?;
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    Some((link, format!("/{rest}{query}").parse().ok()?))
}

/// How many connections are open, in all and by address.
struct Places {
    all: Arc<Semaphore>,
    by_address: Mutex<HashMap<IpAddr, usize>>,
}

impl Default for Places {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(CONNECTIONS_MAX)), by_address: Mutex::default() }
    }
}

/// A place among the connections, given back when dropped.
struct Place {
    places: Arc<Places>,
    address: IpAddr,
    _all: OwnedSemaphorePermit,
}

impl Places {
    /// The owner's own machine may take all places, another address only its part.
    fn take(self: Arc<Self>, address: IpAddr) -> Option<Place> {
        let all = self.all.clone().try_acquire_owned().ok()?;
        let mut by_address = self.by_address.lock().ok()?;
        let taken = by_address.entry(address).or_default();
        if *taken >= CONNECTIONS_PER_ADDRESS_MAX && !address.to_canonical().is_loopback() {
            return None;
        }
        *taken += 1;
        drop(by_address);
        Some(Place { places: self, address, _all: all })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Ok(mut by_address) = self.places.by_address.lock() else { return };
        if let Some(taken) = by_address.get_mut(&self.address) {
            *taken -= 1;
            if *taken == 0 {
                by_address.remove(&self.address);
            }
        }
    }
}
