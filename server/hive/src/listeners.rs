//! The hive's doors: loopback always, the network when the owner says so, the local socket.

use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use peers::Place;
use store::Store;
use tokio::net::TcpListener;
use tokio::sync::{Mutex as AsyncMutex, watch};
use types::Time;
use web::wire::{Address, Doors, Reach, ReachChoice, Warning};
use web::{Control, Door, HiveName, Listening};

use crate::identity::Identity;
use crate::{Config, Error, Options, Places, addresses, reach, tls};

/// How often the machine's addresses are looked at: a laptop changes networks.
const NETWORK_LOOK_EVERY: Duration = Duration::from_secs(15);
const BACKLOG: u32 = 1_024;

/// All TCP doors of one hive.
pub(crate) struct Listeners {
    places: Places,
    config: Mutex<Config>,
    /// Given on the command line, instead of port and reach.
    only: Option<SocketAddr>,
    /// Given on the command line, until another reach is chosen.
    internet: AtomicBool,
    /// Counts up with every change of the reach.
    reaches: watch::Sender<u64>,
    id: String,
    started_at: i64,
    warnings: Mutex<Vec<Warning>>,
    hosts: watch::Sender<HashSet<String>>,
    state: Mutex<Option<web::State>>,
    open: Mutex<BTreeMap<SocketAddr, Open>>,
    /// Of the first door, also while the hive stops: requests that are still answered then must
    /// find their cookies, which are named by it.
    port: AtomicU16,
    /// The plain-text doors for MobWrite's clients.
    mobwrite: Mutex<BTreeMap<SocketAddr, Listening>>,
    /// Only one change of the doors at a time.
    changing: AsyncMutex<()>,
}

/// An address that can be called: its socket, whether it is secured, and its last test.
type Reachable = (SocketAddr, bool, Option<(Time, bool)>);

struct Open {
    _listening: Listening,
    secure: bool,
    tested: Option<(Time, bool)>,
}

impl Listeners {
    pub(crate) fn new(
        places: &Places,
        config: Config,
        options: &Options,
        identity: &Identity,
        warnings: Vec<Warning>,
    ) -> Self {
        Self {
            places: places.clone(),
            config: Mutex::new(config),
            only: options.listen,
            internet: AtomicBool::new(options.internet),
            reaches: watch::Sender::default(),
            id: types::Signer::hive(identity).to_string(),
            started_at: Time::now().0,
            warnings: Mutex::new(warnings),
            hosts: watch::Sender::default(),
            state: Mutex::default(),
            open: Mutex::default(),
            port: AtomicU16::default(),
            mobwrite: Mutex::default(),
            changing: AsyncMutex::default(),
        }
    }

    /// Opens the doors that the configuration asks for. The first must open.
    pub(crate) async fn open(&self, state: &web::State) -> Result<(), Error> {
        *lock(&self.state) = Some(state.clone());
        let first = match self.only {
            Some(only) => only,
            None => {
                let port = lock(&self.config).number("listen.port");
                SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
            }
        };
        // A listener for the network alone is secured like one; loopback never needs it.
        let acceptor = if first.ip().is_loopback() {
            None
        } else {
            let network = addresses::of_this_machine();
            tls::acceptor(&self.places, &lock(&self.config).clone(), &network)?
        };
        self.open_one(first, acceptor.map_or(Door::Plain, Door::Tls)).await?;
        self.follow().await
    }

    pub(crate) fn close(&self) {
        lock(&self.open).clear();
        lock(&self.mobwrite).clear();
        lock(&self.state).take();
    }

    pub(crate) fn own_address(&self) -> String {
        let addresses = self.addresses();
        let own = addresses.iter().find(|address| address.reach == Reach::Computer);
        own.or(addresses.first()).map(|address| address.url.clone()).unwrap_or_default()
    }

    fn port(&self) -> u16 {
        self.port.load(Ordering::Relaxed)
    }

    /// Brings the doors in line with the reach and with the machine's present addresses.
    async fn follow(&self) -> Result<(), Error> {
        let _turn = self.changing.lock().await;
        let port = self.port();
        let network = match self.reach() {
            Reach::Network | Reach::Internet => addresses::of_this_machine(),
            Reach::Computer => Vec::new(),
        };
        if self.only.is_none() {
            let wanted: HashSet<SocketAddr> =
                network.iter().map(|address| SocketAddr::new(*address, port)).collect();
            lock(&self.open)
                .retain(|socket, _| socket.ip().is_loopback() || wanted.contains(socket));
            let missing: Vec<SocketAddr> = {
                let open = lock(&self.open);
                wanted.into_iter().filter(|socket| !open.contains_key(socket)).collect()
            };
            if !missing.is_empty() {
                let config = lock(&self.config).clone();
                let acceptor = tls::acceptor(&self.places, &config, &network)?;
                for socket in missing {
                    let door = acceptor.clone().map_or(Door::Plain, Door::Tls);
                    if let Err(error) = self.open_one(socket, door).await {
                        tracing::warn!(%error, "an address of the network stays closed");
                    }
                }
            }
            let v6 = SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), port);
            let is_open = lock(&self.open).contains_key(&v6);
            if !is_open && let Err(error) = self.open_one(v6, Door::Plain).await {
                tracing::debug!(%error, "no IPv6 on this computer");
            }
        }
        let configured = lock(&self.config).list("listen.hosts");
        let hosts = addresses::host_names(port, &network, &configured);
        self.hosts.send_if_modified(|known| {
            let changed = *known != hosts;
            *known = hosts;
            changed
        });
        Ok(())
    }

    async fn open_one(&self, socket: SocketAddr, door: Door) -> Result<(), Error> {
        let refused = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::AddrInUse => Error::PortTaken { address: socket.to_string() },
            _ => Error::CannotListen { address: socket.to_string(), why: error.to_string() },
        };
        let listener = bind(socket).map_err(refused)?;
        let secure = matches!(door, Door::Tls(_));
        let Some(state) = lock(&self.state).clone() else { return Ok(()) };
        let listening = std::future::ready(web::listen(&state, listener, door)).await;
        let listening = listening.map_err(refused)?;
        let address = listening.address;
        let open = Open { _listening: listening, secure, tested: None };
        self.port.store(address.port(), Ordering::Relaxed);
        lock(&self.open).insert(address, open);
        Ok(())
    }

    /// Counts up with every change of the reach.
    pub(crate) fn reaches(&self) -> watch::Receiver<u64> {
        self.reaches.subscribe()
    }

    /// The configured places that friends are told, and relays at which the hive waits.
    pub(crate) fn places(&self) -> (Vec<Place>, Vec<Place>) {
        let config = lock(&self.config);
        (config.places("peers.addresses"), config.places("peers.relays"))
    }

    /// Opens the doors for MobWrite's clients where the hive's own are, or closes them.
    pub(crate) fn follow_mobwrite(&self, is_wanted: bool) {
        let state = lock(&self.state).clone().filter(|_| is_wanted);
        let Some(state) = state else { return lock(&self.mobwrite).clear() };
        let places: HashSet<IpAddr> = lock(&self.open).keys().map(SocketAddr::ip).collect();
        let port = lock(&self.config).number("mobwrite.port");
        let mut doors = lock(&self.mobwrite);
        doors.retain(|socket, _| places.contains(&socket.ip()));
        for place in places {
            if doors.keys().any(|socket| socket.ip() == place) {
                continue;
            }
            let socket = SocketAddr::new(place, port);
            let opened = bind(socket).and_then(|listener| web::listen_mobwrite(&state, listener));
            match opened {
                Ok(listening) => drop(doors.insert(listening.address, listening)),
                Err(error) => {
                    tracing::warn!(%error, %socket, "the door for MobWrite's clients stays closed");
                }
            }
        }
    }

    /// Each socket that can be called, the widest reach first.
    fn sockets(&self) -> Vec<Reachable> {
        let mut sockets = Vec::new();
        for (socket, open) in lock(&self.open).iter() {
            let door =
                |address| (SocketAddr::new(address, socket.port()), open.secure, open.tested);
            if socket.ip().is_unspecified() {
                sockets.extend(addresses::of_this_machine().into_iter().map(door));
                sockets.push(door(IpAddr::V4(Ipv4Addr::LOCALHOST)));
            } else {
                sockets.push((*socket, open.secure, open.tested));
            }
        }
        sockets.sort_by_key(|(socket, ..)| (socket.ip().is_loopback(), socket.ip().is_ipv6()));
        sockets
    }
}

impl Control for Listeners {
    fn hive(&self) -> HiveName {
        HiveName {
            id: self.id.clone(),
            port: self.port(),
            started_at: self.started_at,
            data_folder: self.places.data.display().to_string(),
        }
    }

    fn hosts(&self) -> watch::Receiver<HashSet<String>> {
        self.hosts.subscribe()
    }

    fn reach(&self) -> Reach {
        if self.internet.load(Ordering::Relaxed) {
            return Reach::Internet;
        }
        match self.only {
            Some(only) if only.ip().is_loopback() => Reach::Computer,
            Some(_) => Reach::Network,
            None => reach::of_word(lock(&self.config).text("listen.reach")),
        }
    }

    fn set_reach(&self, chosen: Reach) -> BoxFuture<'_, Result<(), web::Error>> {
        Box::pin(async move {
            let hint = "Nothing was changed. Correct it and try again";
            let refused = |error: Error| web::Error::bad_input(error.to_string(), hint);
            if self.only.is_some() {
                let words = "this hive was started with a fixed address";
                let hint = "Stop it and start it without `--listen`";
                return Err(web::Error::bad_input(words, hint));
            }
            let mut config = lock(&self.config).clone();
            config.set("listen.reach", reach::word(chosen)).map_err(refused)?;
            *lock(&self.config) = config;
            self.internet.store(false, Ordering::Relaxed);
            self.reaches.send_modify(|count| *count += 1);
            self.follow().await.map_err(refused)
        })
    }

    fn reach_choices(&self) -> Vec<ReachChoice> {
        reach::reach_choices(&lock(&self.config))
    }

    fn doors(&self) -> Doors {
        let config = lock(&self.config);
        Doors { addresses: config.list("peers.addresses"), relays: config.list("peers.relays") }
    }

    fn set_doors(&self, doors: Doors) -> BoxFuture<'_, Result<(), web::Error>> {
        Box::pin(async move {
            let hint = "Nothing was changed. Correct it and try again";
            let refused = |error: Error| web::Error::bad_input(error.to_string(), hint);
            let mut config = lock(&self.config).clone();
            let lists = [("peers.addresses", doors.addresses), ("peers.relays", doors.relays)];
            // Nothing is written before all of it is known to be good.
            for (name, list) in &lists {
                config.check(name, &list.join(",")).map_err(refused)?;
            }
            for (name, list) in &lists {
                config.set(name, &list.join(",")).map_err(refused)?;
            }
            *lock(&self.config) = config;
            self.reaches.send_modify(|count| *count += 1);
            Ok(())
        })
    }

    fn addresses(&self) -> Vec<Address> {
        let shown = self.sockets().into_iter().map(|(socket, secure, tested)| {
            let mut address = addresses::address(socket, secure);
            address.tested_at = tested.map(|(at, _)| at.0);
            address.works = tested.map(|(_, works)| works);
            address
        });
        // The IPv6 loopback is there for programs; nobody needs to be shown two of the same.
        shown.filter(|address| !address.url.contains("[::1]")).collect()
    }

    fn test_addresses(&self) -> BoxFuture<'_, Vec<Address>> {
        Box::pin(async move {
            let sockets = self.sockets();
            let tests = sockets.iter().map(|(socket, secure, _)| {
                addresses::answers(addresses::reachable(*socket), *secure)
            });
            let results = futures::future::join_all(tests).await;
            let now = Time::now();
            {
                let mut open = lock(&self.open);
                for ((socket, ..), works) in sockets.iter().zip(results) {
                    let any = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), socket.port());
                    let key = if open.contains_key(socket) { *socket } else { any };
                    if let Some(open) = open.get_mut(&key) {
                        open.tested = Some((now, works));
                    }
                }
            }
            self.addresses()
        })
    }

    fn mobwrite(&self) -> Option<String> {
        let open = lock(&self.mobwrite);
        let best = open.keys().max_by_key(|socket| (!socket.ip().is_loopback(), socket.is_ipv4()));
        best.map(SocketAddr::to_string)
    }

    fn warnings(&self) -> Vec<Warning> {
        lock(&self.warnings).clone()
    }

    fn home_folder(&self) -> Option<PathBuf> {
        crate::places::home_folder()
    }
}

/// Follows the machine from network to network.
pub(crate) async fn follow_network(listeners: Arc<Listeners>, mut network: watch::Receiver<u64>) {
    loop {
        tokio::select! {
            moved = network.changed() => if moved.is_err() { return },
            () = tokio::time::sleep(NETWORK_LOOK_EVERY) => {}
        }
        if let Err(error) = listeners.follow().await {
            tracing::warn!(%error, "the network's addresses could not be followed");
        }
    }
}

/// Opens and closes the doors for MobWrite's clients, as programs are let into documents.
pub(crate) async fn follow_programs(listeners: Arc<Listeners>, store: Store) {
    let mut position = store.follow();
    let mut reaches = listeners.reaches();
    loop {
        let are_let_in: Result<bool, people::Error> = store.read(people::programs_are_let_in).await;
        match are_let_in {
            Ok(are_let_in) => listeners.follow_mobwrite(are_let_in),
            Err(people::Error::Store(store::Error::Closed)) => return,
            Err(error) => tracing::warn!(%error, "programs' keys could not be read"),
        }
        tokio::select! {
            moved = position.changed() => if moved.is_err() { return },
            moved = reaches.changed() => if moved.is_err() { return },
            () = tokio::time::sleep(NETWORK_LOOK_EVERY) => {}
        }
    }
}

/// Opens the owner's local door. A socket that is there already belongs to a hive that died: the
/// data folder's lock is ours.
#[cfg(unix)]
pub(crate) fn open_local(
    places: &Places,
    state: &web::State,
) -> Result<Pin<Box<dyn Send + Sync>>, Error> {
    use std::os::unix::fs::PermissionsExt;
    let not_writable = |error: std::io::Error| Error::NotWritable {
        path: places.socket.clone(),
        why: error.to_string(),
    };
    places.remove_socket();
    let listener = tokio::net::UnixListener::bind(&places.socket).map_err(not_writable)?;
    let owner_only = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&places.socket, owner_only).map_err(not_writable)?;
    Ok(web::listen_local(state, listener))
}

fn bind(socket: SocketAddr) -> std::io::Result<TcpListener> {
    let door = match socket {
        SocketAddr::V4(_) => tokio::net::TcpSocket::new_v4()?,
        SocketAddr::V6(_) => tokio::net::TcpSocket::new_v6()?,
    };
    // After a restart the old connections still linger on the port.
    door.set_reuseaddr(cfg!(unix))?;
    door.bind(socket)?;
    door.listen(BACKLOG)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
