//! A hive with an in-memory house, for tests of its links.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use ed25519_dalek::{Signer as _, SigningKey};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use store::{Cut, Folder, Record, Store};
use tokio::sync::watch;
use types::{FileId, Hash, HiveId, ShareId, Signature, Signer, Time};

use crate::{
    About, Content, Doors, Failure, Friend, Handle, House, Lag, Limits, Met, Named, Options, Place,
    Proof, Refusal, Sink, Standing, Wanted, Way,
};

pub(super) struct Key(SigningKey);

impl Signer for Key {
    fn hive(&self) -> HiveId {
        HiveId::from_bytes(self.0.verifying_key().to_bytes())
    }

    fn sign(&self, message: &[u8]) -> Signature {
        Signature::from_bytes(self.0.sign(message).to_bytes())
    }
}

pub(super) fn key(number: u8) -> Arc<dyn Signer> {
    Arc::new(Key(SigningKey::from_bytes(&[number; 32])))
}

/// What a test's record says: the newest of a name by count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Said {
    pub(super) count: u64,
    pub(super) hash: Hash,
    pub(super) size: u64,
    pub(super) base: Option<Hash>,
}

pub(super) struct Invitation {
    pub(super) expired: bool,
    pub(super) used_by: Option<HiveId>,
    pub(super) words: String,
    pub(super) share: ShareId,
}

type Ranges = Vec<(u64, u64)>;

#[derive(Default)]
pub(super) struct State {
    pub(super) of_documents: Vec<(HiveId, ShareId, FileId, Vec<u8>)>,
    pub(super) friends: BTreeMap<HiveId, Vec<Place>>,
    pub(super) limits: BTreeMap<HiveId, Limits>,
    pub(super) met: BTreeMap<HiveId, Met>,
    pub(super) shares: BTreeMap<HiveId, BTreeSet<ShareId>>,
    pub(super) offers: BTreeMap<HiveId, Vec<Vec<u8>>>,
    pub(super) offered: BTreeMap<HiveId, Vec<Vec<u8>>>,
    pub(super) contents: HashMap<Hash, Arc<Vec<u8>>>,
    /// Of contents that are not here any more.
    pub(super) outlines: HashMap<Hash, Vec<Cut>>,
    pub(super) invitations: HashMap<[u8; 16], Invitation>,
    /// What came of a content so far: the bytes, and the ranges that lack.
    parts: HashMap<Hash, (Vec<u8>, Ranges)>,
    pub(super) refuse_takes: usize,
    pub(super) taken: usize,
}

pub(super) struct Home {
    own: HiveId,
    store: Store,
    state: Mutex<State>,
    needs: watch::Sender<u64>,
    this: Mutex<std::sync::Weak<Home>>,
}

impl Home {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic in tests' locks")
    }

    fn need(&self) {
        self.needs.send_modify(|count| *count += 1);
    }

    pub(super) fn said(&self, share: ShareId) -> BTreeMap<Vec<u8>, Said> {
        let records =
            self.store.read_blocking(|view| store::records_since(view, share, 0, usize::MAX));
        let records = records.expect("they are readable");
        records
            .into_iter()
            .map(|record| (record.key, postcard::from_bytes(&record.body).expect("it reads")))
            .collect()
    }

    fn wanted_of(&self, share: ShareId) -> Vec<Wanted> {
        let said = self.said(share);
        let state = self.state();
        let mut wanted: Vec<Wanted> = said
            .into_values()
            .filter(|said| {
                let is_here = state.contents.contains_key(&said.hash);
                !is_here && !state.outlines.contains_key(&said.hash)
            })
            .map(|said| Wanted {
                hash: said.hash,
                size: said.size,
                base: said.base.filter(|base| state.contents.contains_key(base)),
            })
            .collect();
        wanted.sort_by_key(|wanted| (wanted.size, wanted.hash));
        wanted.dedup();
        wanted.truncate(1_000);
        wanted
    }
}

fn ready<T: Send + 'static>(value: T) -> BoxFuture<'static, T> {
    Box::pin(std::future::ready(value))
}

struct Bytes(Arc<Vec<u8>>);

impl Content for Bytes {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> Result<usize, Failure> {
        let rest = &self.0[usize::try_from(at).expect("it fits").min(self.0.len())..];
        let size = rest.len().min(buffer.len());
        buffer[..size].copy_from_slice(&rest[..size]);
        Ok(size)
    }
}

struct Part {
    home: Arc<Home>,
    wanted: Wanted,
    base: Option<Arc<Vec<u8>>>,
    bytes: Vec<u8>,
    missing: Vec<(u64, u64)>,
}

impl Part {
    fn fill(&mut self, start: u64, end: u64) {
        let mut left = Vec::new();
        for (from, to) in std::mem::take(&mut self.missing) {
            left.extend([(from, to.min(start)), (from.max(end), to)]);
        }
        self.missing = left.into_iter().filter(|(from, to)| from < to).collect();
    }
}

fn outline(bytes: &[u8]) -> Vec<Cut> {
    store::measure(bytes).expect("it reads").outline.expect("it is short")
}

impl Sink for Part {
    fn missing(&self) -> Vec<(u64, u64)> {
        self.missing.clone()
    }

    fn write_at(&mut self, at: u64, bytes: &[u8]) -> Result<(), Failure> {
        let start = usize::try_from(at).expect("it fits");
        self.bytes[start..start + bytes.len()].copy_from_slice(bytes);
        self.fill(at, at + bytes.len() as u64);
        Ok(())
    }

    fn copy(&mut self, from: u64, length: u64, at: u64) -> Result<(), Failure> {
        let base = self.base.clone().ok_or_else(|| Failure::new("no base"))?;
        let from = usize::try_from(from).expect("it fits");
        let length = usize::try_from(length).expect("it fits");
        self.write_at(at, &base[from..from + length])
    }

    fn keep(&mut self) -> Result<bool, Failure> {
        let kept = (self.bytes.clone(), self.missing.clone());
        self.home.state().parts.insert(self.wanted.hash, kept);
        Ok(true)
    }

    fn leave(mut self: Box<Self>) -> Result<(), Failure> {
        self.keep().map(drop)
    }

    fn finish(self: Box<Self>) -> Result<bool, Failure> {
        let right = self.missing.is_empty() && Hash::of(&self.bytes) == self.wanted.hash;
        let mut state = self.home.state();
        state.parts.remove(&self.wanted.hash);
        if right {
            state.contents.insert(self.wanted.hash, Arc::new(self.bytes));
        }
        drop(state);
        self.home.need();
        Ok(right)
    }
}

impl House for Home {
    fn hear_document(&self, from: HiveId, share: ShareId, file: FileId, body: Vec<u8>) -> bool {
        self.state().of_documents.push((from, share, file, body));
        true
    }

    fn about(&self) -> About {
        About { name: "Somebody".to_owned(), ..About::default() }
    }

    fn shares(&self, friend: HiveId) -> BoxFuture<'_, Result<Vec<ShareId>, Failure>> {
        let shares = self.state().shares.get(&friend).cloned().unwrap_or_default();
        ready(Ok(shares.into_iter().collect()))
    }

    fn offers(&self, friend: HiveId) -> BoxFuture<'_, Result<Vec<Vec<u8>>, Failure>> {
        ready(Ok(self.state().offers.get(&friend).cloned().unwrap_or_default()))
    }

    fn take_offers(
        &self,
        friend: HiveId,
        offers: Vec<Vec<u8>>,
    ) -> BoxFuture<'_, Result<(), Failure>> {
        self.state().offered.insert(friend, offers);
        ready(Ok(()))
    }

    fn met(&self, friend: Met) -> BoxFuture<'_, Result<(), Failure>> {
        self.state().met.insert(friend.hive, friend);
        ready(Ok(()))
    }

    fn open_words(&self) -> BoxFuture<'_, Result<Vec<String>, Failure>> {
        let state = self.state();
        let open = state.invitations.values().filter(|one| !one.expired && one.used_by.is_none());
        ready(Ok(open.map(|one| one.words.clone()).collect()))
    }

    fn redeem(&self, proof: Proof, by: Met) -> BoxFuture<'_, Result<(), Refusal>> {
        let mut state = self.state();
        let found = match &proof {
            Proof::Secret(secret) => state.invitations.get_mut(secret),
            Proof::Words(words) => state.invitations.values_mut().find(|one| one.words == *words),
        };
        let Some(invitation) = found else { return ready(Err(Refusal::InvitationUnknown)) };
        if invitation.used_by.is_some_and(|hive| hive != by.hive) {
            return ready(Err(Refusal::InvitationUsed));
        }
        if invitation.expired {
            return ready(Err(Refusal::InvitationExpired));
        }
        invitation.used_by = Some(by.hive);
        let share = invitation.share;
        state.friends.insert(by.hive, by.addresses);
        state.shares.entry(by.hive).or_default().insert(share);
        state.offers.entry(by.hive).or_default().push(share.as_bytes().to_vec());
        ready(Ok(()))
    }

    fn welcomed(&self, by: Met) -> BoxFuture<'_, Result<(), Failure>> {
        self.state().friends.insert(by.hive, by.addresses);
        ready(Ok(()))
    }

    fn take(
        &self,
        _: HiveId,
        share: ShareId,
        records: Vec<Record>,
    ) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            {
                let mut state = self.state();
                if state.refuse_takes > 0 {
                    state.refuse_takes -= 1;
                    return Err(Failure::new("not now"));
                }
                state.taken += records.len();
            }
            let took = self.store.write(move |tx| -> Result<(), store::Error> {
                for record in records {
                    let new: Said = postcard::from_bytes(&record.body).expect("it reads");
                    let old = store::record(tx, share, record.kind, &record.key)?;
                    let old = old.map(|old| postcard::from_bytes(&old.body).expect("it reads"));
                    if old.is_none_or(|old: Said| old < new) {
                        store::put_record(tx, share, record.kind, &record.key, &record.body)?;
                    }
                }
                Ok(())
            });
            took.await.map_err(Failure::new)?;
            self.need();
            Ok(())
        })
    }

    fn named(&self, _: ShareId, record: &Record) -> Vec<Named> {
        let said: Said = postcard::from_bytes(&record.body).expect("it reads");
        vec![Named { hash: said.hash, size: said.size }]
    }

    fn needs(&self) -> watch::Receiver<u64> {
        self.needs.subscribe()
    }

    fn wanted(&self, share: ShareId) -> BoxFuture<'_, Result<Vec<Wanted>, Failure>> {
        ready(Ok(self.wanted_of(share)))
    }

    fn content(
        &self,
        _: ShareId,
        hash: Hash,
    ) -> BoxFuture<'_, Result<Option<Box<dyn Content>>, Failure>> {
        let found = self.state().contents.get(&hash).cloned();
        ready(Ok(found.map(|bytes| Box::new(Bytes(bytes)) as Box<dyn Content>)))
    }

    fn outline(&self, _: ShareId, hash: Hash) -> BoxFuture<'_, Result<Option<Vec<Cut>>, Failure>> {
        let state = self.state();
        let cut = |bytes: &Arc<Vec<u8>>| outline(bytes);
        let known = state.outlines.get(&hash).cloned();
        ready(Ok(known.or_else(|| state.contents.get(&hash).map(cut))))
    }

    fn small_contents(
        &self,
        _: ShareId,
        hashes: Vec<Hash>,
        _: usize,
    ) -> BoxFuture<'_, Result<Vec<(Hash, Vec<u8>)>, Failure>> {
        let state = self.state();
        let found = hashes.into_iter().filter_map(|hash| {
            let bytes = state.contents.get(&hash)?;
            (bytes.len() as u64 <= crate::SMALL_BYTES_MAX).then(|| (hash, bytes.to_vec()))
        });
        ready(Ok(found.collect()))
    }

    fn give(
        &self,
        _: ShareId,
        contents: Vec<(Hash, Vec<u8>)>,
    ) -> BoxFuture<'_, Result<(), Failure>> {
        let contents = contents.into_iter().map(|(hash, bytes)| (hash, Arc::new(bytes)));
        self.state().contents.extend(contents);
        self.need();
        ready(Ok(()))
    }

    fn receive(&self, _: ShareId, wanted: Wanted) -> BoxFuture<'_, Result<Box<dyn Sink>, Failure>> {
        let this = self.this.lock().expect("no panic").upgrade().expect("it lives");
        let state = self.state();
        let base = wanted.base.and_then(|base| state.contents.get(&base).cloned());
        let fresh = || {
            let size = usize::try_from(wanted.size).expect("it fits");
            (vec![0; size], vec![(0, wanted.size)])
        };
        let (bytes, missing) = state.parts.get(&wanted.hash).cloned().unwrap_or_else(fresh);
        ready(Ok(Box::new(Part { home: this, wanted, base, bytes, missing }) as Box<dyn Sink>))
    }

    fn lag(&self, share: ShareId) -> BoxFuture<'_, Result<Lag, Failure>> {
        let wanted = self.wanted_of(share);
        let bytes = wanted.iter().map(|wanted| wanted.size).sum();
        ready(Ok(Lag { files: wanted.len() as u64, bytes }))
    }
}

/// A running hive of a test.
pub(super) struct Hive {
    pub(super) id: HiveId,
    pub(super) home: Arc<Home>,
    pub(super) handle: Handle,
    _folder: tempfile::TempDir,
}

impl Hive {
    pub(super) async fn start(number: u8) -> Self {
        Self::start_speaking(number, None).await
    }

    pub(super) async fn start_speaking(number: u8, protocols: Option<(u16, u16)>) -> Self {
        let listen = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
        Self::start_with(number, protocols, Doors { listen, ..Doors::default() }).await
    }

    pub(super) async fn start_with(
        number: u8,
        protocols: Option<(u16, u16)>,
        doors: Doors,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let opened = Folder::open(folder.path()).expect("a data folder");
        let chance = rand::make_rng::<rand::rngs::StdRng>();
        let (store, _) =
            Store::open(opened, Arc::new(Time::now), Box::new(chance)).expect("a store");
        let signer = key(number);
        let id = signer.hive();
        let home = Arc::new(Home {
            own: id,
            store: store.clone(),
            state: Mutex::default(),
            needs: watch::Sender::new(0),
            this: Mutex::default(),
        });
        *home.this.lock().expect("no panic") = Arc::downgrade(&home);
        let options = Options { signer, secret: [number; 32], doors, protocols };
        let handle = Handle::start(options, home.clone(), store).await.expect("it starts");
        Self { id, home, handle, _folder: folder }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.handle.places().iter().find_map(Place::address).expect("it listens")
    }

    /// Tells the links the friends that the house knows.
    pub(super) fn tell_friends(&self) {
        let (friends, limits) = {
            let state = self.home.state();
            (state.friends.clone(), state.limits.clone())
        };
        let friends = friends
            .into_iter()
            .map(|(hive, addresses)| {
                let limits = limits.get(&hive).copied().unwrap_or_default();
                Friend { hive, addresses, paused: false, limits }
            })
            .collect();
        self.handle.set_friends(friends);
    }

    /// Makes another one a friend that is called at these addresses, with shares in common.
    pub(super) fn befriend(&self, other: &Self, addresses: Vec<SocketAddr>, shares: &[ShareId]) {
        self.befriend_at(other, addresses.into_iter().map(Place::from).collect(), shares);
    }

    pub(super) fn befriend_at(&self, other: &Self, places: Vec<Place>, shares: &[ShareId]) {
        {
            let mut state = self.home.state();
            state.friends.insert(other.id, places);
            state.shares.insert(other.id, shares.iter().copied().collect());
        }
        self.tell_friends();
        self.handle.shares_changed(Some(other.id));
    }

    /// Saves a file.
    pub(super) fn save(&self, share: ShareId, name: &str, bytes: Vec<u8>) -> Hash {
        let hash = Hash::of(&bytes);
        let size = bytes.len() as u64;
        self.home.state().contents.insert(hash, Arc::new(bytes));
        let key = name.as_bytes().to_vec();
        let save = move |tx: &mut store::Tx| -> Result<(), store::Error> {
            let old = store::record(tx, share, 1, &key)?;
            let old: Option<Said> =
                old.map(|old| postcard::from_bytes(&old.body).expect("it reads"));
            let said = Said {
                count: old.as_ref().map_or(1, |old| old.count + 1),
                hash,
                size,
                base: old.map(|old| old.hash),
            };
            let body = postcard::to_stdvec(&said).expect("it writes");
            store::put_record(tx, share, 1, &key, &body).map(drop)
        };
        tokio::task::block_in_place(|| self.home.store.write_blocking(save)).expect("it is saved");
        hash
    }

    /// Keeps of a content no more than where it is cut, or of what else is said instead.
    pub(super) fn forget(&self, hash: Hash, instead: Option<&[u8]>) {
        let mut state = self.home.state();
        let bytes = state.contents.remove(&hash).expect("it is here");
        state.outlines.insert(hash, outline(instead.unwrap_or(&bytes)));
    }

    pub(super) fn has(&self, hash: Hash) -> bool {
        self.home.state().contents.contains_key(&hash)
    }

    pub(super) fn is_connected_to(&self, other: &Self) -> bool {
        let standings = self.handle.standings();
        let standing = standings.borrow().get(&other.id).cloned();
        matches!(standing, Some(Standing::Connected { .. }))
    }

    /// By which way it goes to another one.
    pub(super) fn way_to(&self, other: &Self) -> Option<Way> {
        match self.handle.standings().borrow().get(&other.id) {
            Some(Standing::Connected { way, .. }) => Some(*way),
            _ => None,
        }
    }

    /// Whether both have the same records and all their contents.
    pub(super) fn equals(&self, other: &Self, share: ShareId) -> bool {
        let said = self.home.said(share);
        said == other.home.said(share)
            && said.values().all(|said| self.has(said.hash) && other.has(said.hash))
    }
}

impl std::fmt::Debug for Home {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Home of {:?}", self.own)
    }
}

/// Makes two hives friends; the second calls the first.
pub(super) fn link(one: &Hive, two: &Hive, shares: &[ShareId]) {
    one.befriend(two, Vec::new(), shares);
    two.befriend(one, vec![one.address()], shares);
}

/// Waits until something holds, at most half a minute.
pub(super) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(std::time::Instant::now() < deadline, "this did not come: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(super) fn share(number: u8) -> ShareId {
    ShareId::from_bytes([number; 16])
}

/// Bytes that do not compress.
pub(super) fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    let mut reader = blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof();
    reader.fill(&mut bytes);
    bytes
}
