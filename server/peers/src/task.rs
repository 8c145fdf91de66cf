//! All links of a hive, behind one handle.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use store::Store;
use tokio::sync::watch;
use tokio::time::timeout;
use types::{FileId, HiveId, ShareId, Signer};

use crate::far::Iroh;
use crate::hello::{self, Errand};
use crate::nearby::{self, Beacon};
use crate::shared::Shared;
use crate::tcp::Tcp;
use crate::ticket::{self, Link};
use crate::transport::{Door, Pair, Taken};
use crate::wire::{Blob, Control, PROTOCOL, PROTOCOL_OF_DOCUMENTS, PROTOCOL_OLDEST};
use crate::{
    Far, Friend, House, Known, Limits, Nearby, Place, Progresses, Refusal, Standing, caller, db,
    fetch, network, progress,
};

/// Answering an invitation gives up after this time.
const ACCEPT_TIME: Duration = Duration::from_secs(9);
/// How long hives on the local network have to show up.
const NEARBY_TIME: Duration = Duration::from_secs(4);
const STOP_TIME: Duration = Duration::from_secs(3);

/// What the links are made with.
pub struct Options {
    /// The hive's identity; it signs the handshakes too.
    pub signer: Arc<dyn Signer>,
    /// The secret half of the same identity, which the far door needs itself.
    pub secret: [u8; 32],
    pub doors: Doors,
    /// The newest and the oldest protocol to speak; `None`: those of this version.
    pub protocols: Option<(u16, u16)>,
}

/// From where this hive can be called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Doors {
    /// Where friends' hives may call. Port 0 takes a free one. Empty: this hive only calls.
    pub listen: Vec<SocketAddr>,
    /// Whether to speak mDNS: only where the hive is open to the network.
    pub nearby: bool,
    /// Places that are told to friends besides those that are found.
    pub told: Vec<Place>,
    /// The door to hives that are far away; closed unless the owner opens it.
    pub far: Option<Far>,
}

/// What is handed to somebody who is invited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// `skep:` and at most 200 bytes in all.
    pub link: String,
    /// Three plain words; `None` while nobody on a network could find this hive.
    pub words: Option<String>,
}

/// The links of a running hive. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
    secret: [u8; 32],
    opened: Arc<Mutex<Opened>>,
}

#[derive(Default)]
struct Opened {
    /// Open for as long as they are held.
    _doors: Vec<Door>,
    /// The port that others on the network are told; `None` while they are told nothing.
    found_at: Option<u16>,
    beacon: Option<Beacon>,
}

impl Handle {
    /// Opens the doors. Calls nobody before [`Handle::set_friends`].
    pub async fn start(
        options: Options,
        house: Arc<dyn House>,
        store: Store,
    ) -> std::io::Result<Self> {
        let epoch = store.write(db::epoch).await.map_err(std::io::Error::other)?;
        let protocols = options.protocols.unwrap_or((PROTOCOL, PROTOCOL_OLDEST));
        let tcp = Tcp::new(options.signer.clone());
        let own = options.signer.hive();
        let shared = Arc::new(Shared::new(own, house, store, tcp, epoch, protocols));
        let handle =
            Self { shared: shared.clone(), secret: options.secret, opened: Arc::default() };
        handle.listen(options.doors).await?;
        shared.spawn(caller::run(shared.clone()));
        shared.spawn(fetch::run(shared.clone()));
        shared.spawn(progress::run(shared.clone()));
        shared.spawn(network::run(shared.clone()));
        Ok(handle)
    }

    /// Ends all links, with a word to the other ends, and returns when their tasks have ended.
    pub async fn stop(&self) {
        self.shared.stopping.send_replace(true);
        *self.opened() = Opened::default();
        for line in self.shared.lines().values() {
            line.end(Refusal::Stopping);
        }
        let lines: Vec<_> = self.shared.lines().values().cloned().collect();
        let gone = futures::future::join_all(lines.iter().map(|line| line.gone()));
        timeout(STOP_TIME, gone).await.map(drop).unwrap_or_default();
        if let Some(far) = self.shared.set_far(None) {
            far.close().await;
        }
        self.shared.end_tasks().await;
    }

    /// All friends. Who is missing, or paused, is cut off before this returns: nothing more of
    /// theirs is taken in, nothing more is sent. New ones are called. Call it after every change of
    /// friends, and at the start.
    pub fn set_friends(&self, friends: Vec<Friend>) {
        let friends: BTreeMap<HiveId, Friend> =
            friends.into_iter().map(|friend| (friend.hive, friend)).collect();
        let limits = friends.values().map(|friend| (friend.hive, friend.limits));
        self.shared.paces.limit_each(limits);
        let lines = self.shared.lines();
        for (hive, line) in lines.iter() {
            match friends.get(hive) {
                Some(friend) if friend.paused => line.cut(Refusal::Paused),
                Some(_) => {}
                None => line.cut(Refusal::NotFriends),
            }
        }
        self.shared.friends.send_if_modified(|known| {
            let changed = *known != friends;
            *known = friends;
            changed
        });
    }

    /// Counts up whenever the machine may be on another network.
    pub fn network(&self) -> watch::Receiver<u64> {
        self.shared.network.subscribe()
    }

    /// Limits all links together, besides what limits each. Holds for what is on its way already.
    pub fn set_limits(&self, limits: Limits) {
        self.shared.paces.limit_all(limits);
    }

    /// Calls whoever is away, at once: the machine woke up, or came to another network.
    pub fn network_changed(&self) {
        self.shared.network_changed();
        if let Some(far) = self.shared.far() {
            self.shared.spawn(async move { far.network_changed().await });
        }
    }

    /// What `House::shares` or `House::offers` say may have changed, for a friend or for all.
    pub fn shares_changed(&self, _friend: Option<HiveId>) {
        self.shared.shares.send_modify(|count| *count += 1);
    }

    /// Opens or closes doors and mDNS while running, as the hive's reach changes. Links that are
    /// there go on, but those through a far door that is closed.
    pub async fn listen(&self, doors: Doors) -> std::io::Result<()> {
        drop(std::mem::take(&mut *self.opened()));
        let mut open = Vec::new();
        for address in doors.listen {
            open.push(self.shared.tcp.open(address, self.taken()).await?);
        }
        let found = callable(open.iter().map(|door| door.address)).into_iter().map(Place::from);
        let told = doors.told.into_iter();
        self.shared.set_places(told.chain(found).collect());
        self.open_far(doors.far).await;
        let found_at = open.first().filter(|_| doors.nearby).map(|door| door.address.port());
        let beacon = found_at.and_then(|port| self.light(port));
        *self.opened() = Opened { _doors: open, found_at, beacon };
        Ok(())
    }

    /// This hive introduces itself otherwise from now on.
    pub fn renamed(&self) {
        let mut opened = self.opened();
        drop(opened.beacon.take());
        opened.beacon = opened.found_at.and_then(|port| self.light(port));
    }

    /// Nobody is told of a hive that does not know its name yet.
    fn light(&self, port: u16) -> Option<Beacon> {
        if self.shared.house.about().name.is_empty() {
            return None;
        }
        let lit = nearby::light(&self.shared, port);
        lit.inspect_err(|error| tracing::warn!(%error, "hives nearby cannot be found")).ok()
    }

    /// A far door that is to stay as it is, is not touched.
    async fn open_far(&self, wanted: Option<Far>) {
        let now = self.shared.far();
        if now.as_ref().map(|far| &far.asked) == wanted.as_ref() {
            return;
        }
        if let Some(before) = self.shared.set_far(None) {
            before.close().await;
        }
        let Some(wanted) = wanted else { return };
        match Iroh::open(self.secret, wanted, self.taken()).await {
            Ok(far) => drop(self.shared.set_far(Some(Arc::new(far)))),
            Err(error) => {
                tracing::warn!(%error, "the door to hives that are far away stays closed");
            }
        }
        self.shared.network_changed();
    }

    /// What happens to whoever comes to a door.
    fn taken(&self) -> Taken {
        let shared = self.shared.clone();
        Arc::new(move |pair: Pair| {
            let ours = shared.clone();
            shared.spawn(async move { caller::take(ours, pair).await });
        })
    }

    fn opened(&self) -> std::sync::MutexGuard<'_, Opened> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where this hive can be called, best first: what a ticket holds.
    pub fn places(&self) -> Vec<Place> {
        self.shared.places()
    }

    /// The link and the words for an invitation with this secret. The house must know the
    /// invitation before anybody answers it, and give the words in `open_words` until it ends.
    pub fn ticket(&self, secret: [u8; 16]) -> Ticket {
        let link = Link {
            hive: self.shared.own,
            secret,
            places: self.places(),
            name: self.shared.house.about().name,
        };
        let found = self.opened().beacon.is_some() || !self.shared.nearby.borrow().is_empty();
        Ticket { link: link.write(), words: found.then(|| ticket::words_of(&secret)) }
    }

    /// Answers an invitation, by its link or its words: finds the hive, proves the secret, has the
    /// house keep the friend, and goes on as a link. At most ten seconds.
    pub async fn accept(&self, invitation: &str) -> Result<HiveId, Refusal> {
        let accepted = match ticket::tidy_words(invitation) {
            Some(words) => timeout(ACCEPT_TIME, self.accept_words(words)).await,
            None => {
                let link = Link::read(invitation)?;
                timeout(ACCEPT_TIME, self.accept_link(link)).await
            }
        };
        accepted.unwrap_or_else(|_| Err(Refusal::Unreachable { sought: String::new() }))
    }

    async fn accept_link(&self, link: Link) -> Result<HiveId, Refusal> {
        if link.hive == self.shared.own {
            return Err(Refusal::OwnHive);
        }
        let mut places = link.places;
        for near in self.shared.nearby.borrow().iter().filter(|near| near.hive == link.hive) {
            places.extend(near.addresses.iter().copied().map(Place::from));
        }
        self.answer(link.hive, &places, Errand::Secret(link.secret)).await
    }

    async fn accept_words(&self, words: String) -> Result<HiveId, Refusal> {
        let mut nearby = self.shared.nearby.subscribe();
        let mut asked = Vec::new();
        let search = async {
            loop {
                let places = nearby.borrow_and_update().clone();
                for place in places {
                    if asked.contains(&place.hive) || place.addresses.is_empty() {
                        continue;
                    }
                    asked.push(place.hive);
                    let errand = Errand::Words(&words);
                    let places: Vec<_> = place.addresses.into_iter().map(Place::from).collect();
                    match self.answer(place.hive, &places, errand).await {
                        Err(Refusal::WordsWrong | Refusal::Unreachable { .. }) => {}
                        answered => return answered,
                    }
                }
                if nearby.changed().await.is_err() {
                    return Err(Refusal::WordsWrong);
                }
            }
        };
        timeout(NEARBY_TIME, search).await.unwrap_or(Err(Refusal::WordsWrong))
    }

    async fn answer(
        &self,
        hive: HiveId,
        places: &[Place],
        errand: Errand<'_>,
    ) -> Result<HiveId, Refusal> {
        let mut pair = caller::reach(&self.shared, hive, places).await?;
        let admitted = hello::call(&self.shared, &mut pair, errand).await?;
        self.shared.house.welcomed(admitted.met.clone()).await?;
        self.shared.befriended(&admitted.met);
        match caller::adopt(&self.shared, pair, admitted, true) {
            Ok(()) | Err(Refusal::Twice) => Ok(hive),
            Err(why) => Err(why),
        }
    }

    /// Hives on the local network, friends among them, this one not.
    pub fn nearby(&self) -> watch::Receiver<Vec<Nearby>> {
        self.shared.nearby.subscribe()
    }

    /// Takes note of a hive on the local network that was found by other means than mDNS.
    pub fn found_nearby(&self, found: Nearby) {
        nearby::note(&self.shared, found);
    }

    /// Four words that both ends see alike.
    pub fn phrase(&self, friend: HiveId) -> [String; 4] {
        ticket::phrase(self.shared.own, friend)
    }

    /// How each friend's hive stands to this one.
    pub fn standings(&self) -> watch::Receiver<BTreeMap<HiveId, Standing>> {
        self.shared.standings.subscribe()
    }

    /// How far each connected friend is with each share. Changes at most four times a second.
    pub fn progress(&self) -> watch::Receiver<Progresses> {
        self.shared.progress.subscribe()
    }

    /// How far the hives of a share were when they were heard of last, also through others.
    pub fn last_known(&self, share: ShareId) -> BTreeMap<HiveId, Known> {
        self.shared.lags.of(share)
    }

    /// Says something about an open document to a friend's hive, in order, once its line is calm.
    /// At most [`crate::DOCUMENT_BYTES_MAX`]. False if no link carries it: the friend is away, does
    /// not have the share, or speaks an older protocol.
    pub async fn say_of_document(
        &self,
        friend: HiveId,
        share: ShareId,
        file: FileId,
        body: Vec<u8>,
    ) -> bool {
        let Some(line) = self.shared.line(friend).filter(|line| line.has(share)) else {
            return false;
        };
        if line.protocol < PROTOCOL_OF_DOCUMENTS {
            return false;
        }
        line.say_calmly(&Control::Document { share, file, body: Blob(body) }).await
    }

    /// Contents may be wanted that were not; the same as counting up `House::needs`.
    pub fn share_changed(&self, _share: ShareId) {
        self.shared.fetch.notify_one();
    }

    /// Goes through everything of a share anew with every friend: what was not taken may count now.
    pub async fn ask_anew(&self, share: ShareId) -> Result<(), store::Error> {
        self.shared.anew.send_modify(|anew| *anew.entry(share).or_default() += 1);
        self.shared.store.write(move |tx| db::forget_positions_in(tx, share)).await
    }

    /// The hive's database was restored from an older copy: positions that friends know no longer
    /// mean what they did, so everything is gone through again. Call before friends are set.
    pub async fn restored(&self) -> Result<(), store::Error> {
        let begun = self.shared.store.write(|tx| -> Result<u64, store::Error> {
            db::forget_positions(tx)?;
            db::begin_epoch(tx)
        });
        let epoch = begun.await?;
        self.shared.epoch.store(epoch, std::sync::atomic::Ordering::Relaxed);
        Ok(())
    }
}

/// Where others can call doors: those bound to every address at all of the machine's, those of the
/// local network before IPv6; loopback only where there is nothing else.
fn callable(doors: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut addresses = Vec::new();
    for door in doors {
        if !door.ip().is_unspecified() {
            addresses.push(door);
            continue;
        }
        let own = if_addrs::get_if_addrs().unwrap_or_default();
        let fits = |ip: &IpAddr| match ip {
            IpAddr::V4(ip) => !ip.is_link_local(),
            IpAddr::V6(ip) => door.is_ipv6() && !ip.is_unicast_link_local(),
        };
        let ips = own.into_iter().map(|own| own.ip()).filter(fits);
        addresses.extend(ips.map(|ip| SocketAddr::new(ip, door.port())));
    }
    addresses.sort_by_key(|address| (address.ip().is_loopback(), address.is_ipv6()));
    addresses.dedup();
    if addresses.iter().any(|address| !address.ip().is_loopback()) {
        addresses.retain(|address| !address.ip().is_loopback());
    }
    addresses
}
