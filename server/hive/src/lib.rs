//! One running hive: built here from a configuration, and stopped again.
//!
//! `Hive` is the program on one screen. The shells (`desktop`, `cli`) start it, or talk to a
//! running one through [`Client`]; they decide nothing about data.

mod addresses;
mod client;
mod config;
mod error;
mod features;
mod friends;
mod house;
mod identity;
mod init;
mod links;
mod listeners;
mod metered;
mod places;
mod reach;
mod secrets;
mod tls;
mod together;
mod upkeep;

pub use client::{Client, HereLine, RecentLine, ShareLine, Summary, SummaryState};
pub use config::{Config, KEYS, Key, Origin, Value, variable};
pub use error::Error;
pub use init::init;
pub use peers::Relay;
pub use places::Places;
pub use reach::reach_choices;
pub use web::wire;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use store::{Folder, Opening, Store};
use tokio::sync::{mpsc, watch};
use tokio_util::task::AbortOnDropHandle;
use types::{FileId, Signer, Time};

use friends::FriendsOfHive;
use house::HouseOfHive;
use listeners::Listeners;
use metered::Metered;
use together::Together;

/// What a shell may decide when it starts a hive; `None` leaves it to the configuration.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// One folder for configuration, data and socket; otherwise `SKEP_HOME` or the user's folders.
    pub home: Option<PathBuf>,
    /// Where to listen instead of the configured port and reach.
    pub listen: Option<SocketAddr>,
    /// Opens the hive to the internet, whatever the configuration says.
    pub internet: bool,
}

/// A running hive.
pub struct Hive {
    /// Where its files lie.
    places: Places,
    /// The database; its closing is the last thing.
    store: Store,
    /// Shares, their watchers and the doors to the disk.
    files: files::Handle,
    /// Open documents.
    documents: documents::Handle,
    /// Links with friends' hives.
    peers: peers::Handle,
    /// Documents that friends' hives have open too.
    together: Arc<Together>,
    /// TCP doors, and what is known of the hive's addresses.
    listeners: Arc<Listeners>,
    /// How pages tell that they work.
    pages_ready: watch::Receiver<u64>,
    /// The owner's local door; closes when dropped.
    local: Option<std::pin::Pin<Box<dyn Send + Sync>>>,
    /// Meeting points of features, snapshots, the end of a pause.
    tasks: Vec<AbortOnDropHandle<()>>,
}

impl Hive {
    /// Starts everything; when it returns, the hive answers. Inside a multi-threaded runtime.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let places = Places::find(options.home.as_deref())?;
        let config = Config::load(&places.config)?;
        let folder = open_folder(&places)?;
        let clock = Arc::new(Time::now);
        let (store, opening) =
            Store::open(folder, clock, Box::new(rand::make_rng::<rand::rngs::StdRng>()))
                .map_err(|error| Error::of_store(error, &places))?;
        let identity = identity::load(&places, &config).await?;
        let mut warnings = identity.warnings.clone();
        warnings.extend(upkeep::warning_of(&opening));
        prepare(&store, &opening).await.map_err(|error| Error::of_store(error, &places))?;

        let identity = Arc::new(identity);
        let signer: Arc<dyn Signer> = identity.clone();
        let linked = store.read(documents::linked_files).await;
        let linked = linked.map_err(|error| Error::of_store(error, &places))?;
        let options_of_files = files_options(&places, signer.clone(), linked.clone());
        let (files, files_task) =
            files::Handle::start(store.clone(), options_of_files).await.map_err(|error| {
                Error::Damaged { path: places.data.clone(), why: error.to_string() }
            })?;
        let disk = Arc::new(features::FilesAsDisk::new(files.clone()));
        let limits = documents::Limits::default();
        let documents = documents::Handle::start(store.clone(), disk, limits);
        let peers_port = config.number("peers.port");
        let listeners = Arc::new(Listeners::new(&places, config, &options, &identity, warnings));
        let (taken, wanted) = mpsc::unbounded_channel();
        let metered = Arc::new(Metered::new());
        let together =
            Together::new(signer.hive(), store.clone(), files.clone(), documents.clone(), linked);
        let together = Arc::new(together);
        let house = HouseOfHive::new(
            store.clone(),
            files.clone(),
            signer.clone(),
            taken,
            metered.clone(),
            together.clone(),
        );
        let house = Arc::new(house);
        // The doors say who opens them. A hive that nobody has set up yet is nobody's.
        drop(house.look_at_itself().await);
        let peers = open_peers(&listeners, peers_port, &identity, house.clone(), &store).await?;
        if is_old(&opening) {
            peers.restored().await.map_err(|error| Error::of_store(error, &places))?;
        }
        if let Err(error) = store.claim_file().await {
            tracing::warn!(%error, "a copy that is put back later will not be known for one");
        }
        together.begin(peers.clone());
        let friends = FriendsOfHive::new(
            store.clone(),
            files.clone(),
            peers.clone(),
            signer.clone(),
            house.heard(),
            metered.clone(),
        );
        let state = web::State::new(
            store.clone(),
            files.clone(),
            documents.clone(),
            listeners.clone(),
            Arc::new(friends.clone()),
        );
        let tasks = vec![
            AbortOnDropHandle::new(files_task),
            AbortOnDropHandle::new(tokio::spawn(features::follow(
                files.clone(),
                documents.clone(),
            ))),
            AbortOnDropHandle::new(tokio::spawn(together.clone().follow(peers.clone()))),
            AbortOnDropHandle::new(tokio::spawn(upkeep::snapshots(store.clone()))),
            AbortOnDropHandle::new(tokio::spawn(listeners::follow_network(
                listeners.clone(),
                peers.network(),
            ))),
            AbortOnDropHandle::new(tokio::spawn(listeners::follow_programs(
                listeners.clone(),
                store.clone(),
            ))),
            AbortOnDropHandle::new(tokio::spawn(metered::follow(metered.clone()))),
            AbortOnDropHandle::new(tokio::spawn(links::mend(house.clone(), peers.clone()))),
            AbortOnDropHandle::new(tokio::spawn(links::follow(
                store.clone(),
                house,
                friends.clone(),
                files.clone(),
                metered,
                signer,
            ))),
            AbortOnDropHandle::new(tokio::spawn(links::take_up(friends.clone(), wanted))),
            AbortOnDropHandle::new(tokio::spawn(links::watch(
                friends,
                peers.clone(),
                files.clone(),
            ))),
            AbortOnDropHandle::new(tokio::spawn(links::follow_network(
                listeners.clone(),
                peers.clone(),
                peers_port,
            ))),
        ];
        let pages_ready = state.pages_ready();
        let mut hive = Self {
            places,
            store,
            files,
            documents,
            peers,
            together,
            listeners,
            pages_ready,
            local: None,
            tasks,
        };
        match hive.open_doors(&state).await {
            Ok(()) => Ok(hive),
            // Gives the data folder free again, so that the shell can try once more.
            Err(error) => {
                hive.stop().await;
                Err(error)
            }
        }
    }

    async fn open_doors(&mut self, state: &web::State) -> Result<(), Error> {
        self.listeners.open(state).await?;
        self.local = Some(listeners::open_local(&self.places, state)?);
        Ok(())
    }

    /// The address of its own pages on this computer, such as `http://127.0.0.1:7537`.
    pub fn address(&self) -> String {
        self.listeners.own_address()
    }

    /// The calls that a shell needs, through the hive's own socket.
    pub fn client(&self) -> Client {
        Client::new(self.places.clone())
    }

    /// Counts the pages that told that they work.
    pub fn pages_ready(&self) -> watch::Receiver<u64> {
        self.pages_ready.clone()
    }

    /// Closes the doors, writes every open document to its file, closes the database.
    pub async fn stop(mut self) {
        self.local.take();
        self.listeners.close();
        self.together.stop();
        self.peers.stop().await;
        self.documents.stop().await;
        if let Err(error) = self.files.stop().await {
            tracing::warn!(%error, "the folders were not left in order");
        }
        self.tasks.clear();
        let (store, places) = (self.store.clone(), self.places.clone());
        let closed = tokio::task::spawn_blocking(move || {
            if let Err(error) = store.snapshot_blocking() {
                tracing::warn!(%error, "no snapshot at the end");
            }
            store.close();
            places.remove_socket();
        });
        if closed.await.is_err() {
            tracing::error!("the data folder was not closed in order");
        }
    }
}

fn open_folder(places: &Places) -> Result<Folder, Error> {
    Folder::open(&places.data).map_err(|error| match error {
        store::Error::InUse => Error::AlreadyRunning { socket: places.socket.clone() },
        other => Error::of_store(other, places),
    })
}

fn guest_name(view: &store::View, person: types::PersonId) -> Option<String> {
    let person = people::person(view, person).ok()?;
    (person.role == people::Role::Guest).then_some(person.name)
}

/// Opens the doors for friends. A port that is taken is no reason not to start: another one is
/// announced instead.
async fn open_peers(
    listeners: &Listeners,
    port: u16,
    identity: &Arc<identity::Identity>,
    house: Arc<HouseOfHive>,
    store: &Store,
) -> Result<peers::Handle, Error> {
    let doors = links::doors(listeners, port);
    let options = |doors| peers::Options {
        signer: identity.clone(),
        secret: identity.secret(),
        doors,
        protocols: None,
    };
    match peers::Handle::start(options(doors.clone()), house.clone(), store.clone()).await {
        Ok(peers) => Ok(peers),
        Err(error) => {
            tracing::warn!(%error, port, "the port for friends is taken, another one is used");
            let any = |door: SocketAddr| SocketAddr::new(door.ip(), 0);
            let listen = doors.listen.iter().copied().map(any).collect();
            let any = peers::Doors { listen, ..doors };
            let opened = peers::Handle::start(options(any), house, store.clone()).await;
            opened.map_err(|error| Error::CannotListen {
                address: "for friends' hives".to_owned(),
                why: error.to_string(),
            })
        }
    }
}

fn files_options(places: &Places, signer: Arc<dyn Signer>, in_hand: Vec<FileId>) -> files::Options {
    files::Options {
        own: places.own_folders(),
        home: places::home_folder(),
        signer: Some(signer),
        guests: Some(Arc::new(guest_name)),
        in_hand,
        narrow_names: cfg!(windows),
    }
}

/// Makes the owner, and after a restore gives every document a new generation, because pages may
/// hold a newer state than the restored one. Tokens of documents end: whoever has one names no
/// generation, and a newer copy would come in twice, once from there and once from the file.
async fn prepare(store: &Store, opening: &Opening) -> Result<(), store::Error> {
    let restored = is_old(opening);
    store
        .write(move |tx| {
            if restored {
                documents::renew_generations(tx)?;
                files::after_restore(tx).map_err(of_files)?;
                people::remove_document_tokens(tx).map_err(of_people)?;
            }
            let name = places::account_name().unwrap_or_else(|| "Owner".to_owned());
            people::ensure_owner(tx, &name).map(|_| ()).map_err(of_people)
        })
        .await
}

/// Whether the database may tell of an earlier time than the folders and the friends.
const fn is_old(opening: &Opening) -> bool {
    matches!(opening, Opening::Restored { .. } | Opening::Copied)
}

fn of_files(error: files::Error) -> store::Error {
    match error {
        files::Error::Store(error) => error,
        other => store::Error::Damaged(other.to_string()),
    }
}

fn of_people(error: people::Error) -> store::Error {
    match error {
        people::Error::Store(error) => error,
        other => store::Error::Damaged(other.to_string()),
    }
}

#[cfg(test)]
mod tests;
