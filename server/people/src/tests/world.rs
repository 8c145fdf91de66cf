//! Hives that exist only as databases and keys, and carry records to each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use ed25519_dalek::{Signer as _, SigningKey};
use rand::SeedableRng;
use rand::rngs::StdRng;
use store::{Folder, Kind, Record, Store, Tx, View};
use types::{HiveId, Right, ShareId, Signature, Signer, Time};

use crate::*;

pub(crate) const SHARE: ShareId = ShareId::from_bytes([1; 16]);

/// A key of its own for each number.
pub(crate) struct Key(SigningKey);

impl Key {
    pub(crate) fn new(number: u8) -> Self {
        Self(SigningKey::from_bytes(&[number + 1; 32]))
    }
}

impl Signer for Key {
    fn hive(&self) -> HiveId {
        HiveId::from_bytes(self.0.verifying_key().to_bytes())
    }

    fn sign(&self, message: &[u8]) -> Signature {
        Signature::from_bytes(self.0.sign(message).to_bytes())
    }
}

pub(crate) struct Hive {
    pub(crate) store: Store,
    pub(crate) key: Arc<Key>,
    pub(crate) name: &'static str,
    clock: Arc<AtomicI64>,
    _home: tempfile::TempDir,
}

pub(crate) fn hive(number: u8, name: &'static str) -> Hive {
    let home = tempfile::tempdir().expect("a folder");
    let clock = Arc::new(AtomicI64::new(1_000_000));
    let hands = clock.clone();
    let (store, _) = Store::open(
        Folder::open(home.path()).expect("it opens"),
        Arc::new(move || Time(hands.load(Ordering::Relaxed))),
        Box::new(StdRng::seed_from_u64(u64::from(number))),
    )
    .expect("it opens");
    store.write_blocking(|tx| ensure_owner(tx, name)).expect("an owner");
    Hive { store, key: Arc::new(Key::new(number)), name, clock, _home: home }
}

impl Hive {
    pub(crate) fn id(&self) -> HiveId {
        self.key.hive()
    }

    pub(crate) fn wait(&self, milliseconds: i64) {
        self.clock.fetch_add(milliseconds, Ordering::Relaxed);
    }

    /// A change in this hive's name.
    pub(crate) fn does<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Tx, &dyn Signer) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let key = self.key.clone();
        self.store.write_blocking(move |tx| change(tx, &*key))
    }

    pub(crate) fn sees<T>(&self, look: impl FnOnce(&View) -> Result<T, Error>) -> T {
        self.store.read_blocking(look).expect("it is readable")
    }

    pub(crate) fn introduction(&self) -> Introduction {
        Introduction {
            hive: self.id(),
            name: self.name.to_owned(),
            hue: 3,
            device: "a laptop".to_owned(),
            addresses: vec!["10.0.0.1:7537".to_owned()],
        }
    }

    pub(crate) fn knows(&self, other: &Self) {
        let met = other.introduction();
        self.does(move |tx, signer| befriend(tx, signer, met)).expect("friends");
    }

    pub(crate) fn founds(&self) {
        self.does(|tx, signer| found(tx, signer, SHARE, "Trip", false)).expect("founded");
    }

    pub(crate) fn gives(&self, to: &Self, right: Right) -> Result<(), Error> {
        let hive = to.id();
        self.does(move |tx, signer| share_with(tx, signer, SHARE, hive, right))
    }

    pub(crate) fn takes_from(&self, other: &Self) -> Result<(), Error> {
        let hive = other.id();
        self.does(move |tx, signer| unshare_with(tx, signer, SHARE, hive))
    }

    pub(crate) fn right_of(&self, other: &Self) -> Option<Right> {
        self.sees(|view| member_right(view, SHARE, other.id()))
    }

    pub(crate) fn state_of(&self, other: &Self) -> Option<Membership> {
        self.sees(|view| members(view, SHARE)).get(&other.id()).map(|standing| standing.state)
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        self.sees(|view| Ok(store::records_since(view, SHARE, 0, usize::MAX)?))
    }

    pub(crate) fn hears(&self, record: &Record) -> Result<bool, Error> {
        let (kind, record) = (Kind::from_number(record.kind).expect("a kind"), record.clone());
        self.does(move |tx, _| apply(tx, SHARE, kind, &record.key, &record.body))
    }

    /// Tells a friend what is held out to them, as hives do when they meet.
    pub(crate) fn proposes_to(&self, other: &Self) {
        let proposals = self.sees(|view| proposals(view, other.id()));
        let from = self.id();
        let taken =
            other.does(move |tx, signer| take_proposals(tx, signer, from, proposals, |_| false));
        taken.expect("taken");
    }

    /// Brings another hive up to date, as far as it may be here.
    pub(crate) fn tells(&self, other: &Self) {
        for record in self.records().into_iter().filter(|one| one.kind != Kind::Node as u8) {
            other.hears(&record).expect("a sound record");
        }
    }

    pub(crate) fn joins(&self) {
        self.does(|tx, signer| accept_offer(tx, signer, SHARE)).expect("joined");
    }
}

/// A founder and friends who all joined with these rights.
pub(crate) fn household<const N: usize>(friends: [(&'static str, Right); N]) -> (Hive, [Hive; N]) {
    let founder = hive(0, "Ada");
    founder.founds();
    let mut number = 0;
    let joined = friends.map(|(name, right)| {
        number += 1;
        let friend = hive(number, name);
        founder.knows(&friend);
        friend.knows(&founder);
        founder.gives(&friend, right).expect("given");
        founder.proposes_to(&friend);
        friend.joins();
        friend.tells(&founder);
        friend
    });
    for friend in &joined {
        founder.tells(friend);
    }
    (founder, joined)
}
