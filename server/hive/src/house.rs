//! What this hive gives to the links with friends' hives and takes from them: the meeting point of
//! peers with people and files. Every right that a friend's hive has is decided here.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use futures::future::BoxFuture;
use peers::{About, Failure, House, Lag, Met, Named, Proof, Refusal, Sink, Wanted};
use people::{Introduction, Membership, Proposal};
use serde::{Deserialize, Serialize};
use store::{Cut, Kind, Record, Store, View};
use tokio::sync::{mpsc, watch};
use tree::{Node, What};
use types::{FileId, Hash, HiveId, ShareId, Signer, Tick};
use web::friends::Network;

use crate::metered::Metered;
use crate::together::Together;

/// So many bytes of an offer name folders.
const FOLDERS_BYTES_MAX: usize = 16 * 1_024;

/// Offers that are to be taken up without a question.
pub(crate) type Taken = mpsc::UnboundedSender<ShareId>;

pub(crate) struct HouseOfHive {
    store: Store,
    files: files::Handle,
    signer: Arc<dyn Signer>,
    about: RwLock<About>,
    taken: Taken,
    metered: Arc<Metered>,
    together: Arc<Together>,
    /// How often each friend told what they hold out.
    heard: watch::Sender<BTreeMap<HiveId, u64>>,
    /// Shares whose records came in since hives' doings apart were mended, and since when.
    unmended: watch::Sender<BTreeMap<ShareId, Instant>>,
}

impl HouseOfHive {
    pub(crate) fn new(
        store: Store,
        files: files::Handle,
        signer: Arc<dyn Signer>,
        taken: Taken,
        metered: Arc<Metered>,
        together: Arc<Together>,
    ) -> Self {
        let heard = watch::Sender::default();
        let unmended = watch::Sender::default();
        let about = RwLock::default();
        Self { store, files, signer, about, taken, metered, together, heard, unmended }
    }

    /// Shares whose records came in since hives' doings apart were mended, and since when.
    pub(crate) fn unmended(&self) -> watch::Receiver<BTreeMap<ShareId, Instant>> {
        self.unmended.subscribe()
    }

    /// Mends what hives did apart in a share of which no friend has more to tell at the moment.
    pub(crate) async fn mend(&self, share: ShareId) -> Result<(), files::Error> {
        self.unmended.send_if_modified(|unmended| unmended.remove(&share).is_some());
        match self.files.take_nodes(share, Vec::new(), true).await {
            // It was left in the meantime.
            Ok(_) | Err(files::Error::Gone) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Counts how often each friend told what they hold out.
    pub(crate) fn heard(&self) -> watch::Receiver<BTreeMap<HiveId, u64>> {
        self.heard.subscribe()
    }

    /// Reads anew how this hive introduces itself; tells whether that changed.
    pub(crate) async fn look_at_itself(&self) -> Result<bool, Failure> {
        let now = self.store.read(about).await.map_err(Failure::new)?;
        let mut known = self.about.write().unwrap_or_else(PoisonError::into_inner);
        let changed = *known != now;
        *known = now;
        Ok(changed)
    }

    async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&View) -> Result<T, people::Error> + Send + 'static,
    ) -> Result<T, Failure> {
        self.store.read(look).await.map_err(Failure::new)
    }
}

fn about(view: &View) -> Result<About, people::Error> {
    let owner = people::owner(view)?.ok_or(people::Error::Gone("owner"))?;
    let hive_name = people::hive_name(view)?;
    let device = hive_name.clone();
    Ok(About { name: owner.name, hive_name, device, hue: owner.hue })
}

/// The shares whose records go both ways between this hive and a friend's.
fn shares_with(
    view: &View,
    own: HiveId,
    friend: HiveId,
    network: Option<Network>,
) -> Result<Vec<ShareId>, people::Error> {
    let costs = network == Some(Network::Metered) && people::only_unmetered(view)?;
    let now = view.now();
    let resting = people::friend(view, friend)?.paused.is_some_and(|pause| pause.holds(now));
    if resting || costs || people::hive_pause(view)?.is_some() {
        return Ok(Vec::new());
    }
    let mut shares = Vec::new();
    for (share, _) in people::shares_of(view, friend)? {
        let own = people::members(view, share)?.remove(&own);
        let wanted = match own.map(|own| own.state) {
            Some(Membership::Member) => files::share(view, share).is_ok(),
            // Until they have heard of it.
            Some(Membership::Left) => true,
            Some(Membership::Offered | Membership::Removed) | None => false,
        };
        if wanted && people::share_pause(view, share)?.is_none() {
            shares.push(share);
        }
    }
    Ok(shares)
}

/// What one hive tells another of what it holds out, and of what it holds out no more.
#[derive(Serialize, Deserialize)]
enum Offer {
    Share {
        share: ShareId,
        charter: Vec<u8>,
        members: Vec<(HiveId, Vec<u8>)>,
        files: u64,
        bytes: u64,
        folders: Vec<people::OfferedFolder>,
    },
    /// The friend was removed: the record that says so.
    Removed { share: ShareId, member: Vec<u8> },
    /// The hive that says so left the share: the record that says so.
    Left { share: ShareId, member: Vec<u8> },
}

fn offers_to(view: &View, friend: HiveId) -> Result<Vec<Vec<u8>>, people::Error> {
    let mut offers = Vec::new();
    for proposal in people::proposals(view, friend)? {
        let Ok(totals) = files::totals(view, proposal.share) else { continue };
        let Proposal { share, charter, members, .. } = proposal;
        let (files, bytes) = (totals.files, totals.bytes);
        let top = files::top_folders(view, share).map_err(of_files)?.into_iter();
        let mut room = FOLDERS_BYTES_MAX;
        let fits = |folder: &files::TopFolder| {
            room = room.saturating_sub(folder.name.as_str().len() + 16);
            room > 0
        };
        let folders = top.take(people::FOLDERS_MAX).take_while(fits).map(|folder| {
            people::OfferedFolder { name: folder.name.to_string(), bytes: folder.bytes }
        });
        let folders = folders.collect();
        offers.push(Offer::Share { share, charter, members, files, bytes, folders });
    }
    for people::Farewell { share, about, word: member } in people::farewells(view, friend)? {
        offers.push(match about == friend {
            true => Offer::Removed { share, member },
            false => Offer::Left { share, member },
        });
    }
    for share in files::shares(view).map_err(of_files)? {
        let standing = people::members(view, share.id)?.remove(&friend);
        let record = store::record(view, share.id, Kind::Member as u8, friend.as_bytes())?;
        if let (Some(Membership::Removed), Some(record)) =
            (standing.map(|standing| standing.state), record)
        {
            offers.push(Offer::Removed { share: share.id, member: record.body });
        }
    }
    // Into memory, from plain data: it cannot fail.
    Ok(offers.iter().map(|offer| postcard::to_stdvec(offer).unwrap_or_default()).collect())
}

/// Takes in words about hives that are in a share no more: this one, or the friend.
fn take_removals(
    tx: &mut store::Tx,
    own: HiveId,
    removals: Vec<(ShareId, HiveId, Vec<u8>)>,
) -> Result<(), people::Error> {
    for (share, about, member) in removals {
        if people::members(tx, share)?.contains_key(&own) {
            apply_membership(tx, share, Kind::Member, about.as_bytes(), &member)?;
        }
    }
    Ok(())
}

/// Applies a record about who is in a share. Nonsense is dropped.
fn apply_membership(
    tx: &store::Tx,
    share: ShareId,
    kind: Kind,
    key: &[u8],
    body: &[u8],
) -> Result<(), people::Error> {
    match people::apply(tx, share, kind, key, body) {
        Ok(_) => Ok(()),
        Err(people::Error::BadRecord(why)) => {
            tracing::warn!(%share, %why, "a friend's record was dropped");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn introduction(met: Met) -> Introduction {
    Introduction {
        hive: met.hive,
        name: met.about.name,
        hue: met.about.hue,
        device: met.about.device,
        addresses: met.addresses.iter().map(ToString::to_string).collect(),
    }
}

impl House for HouseOfHive {
    fn hear_document(&self, friend: HiveId, share: ShareId, file: FileId, body: Vec<u8>) -> bool {
        self.together.hear(friend, share, file, body)
    }

    fn about(&self) -> About {
        self.about.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn shares(&self, friend: HiveId) -> BoxFuture<'_, Result<Vec<ShareId>, Failure>> {
        let (own, network) = (self.signer.hive(), self.metered.network());
        Box::pin(self.read(move |view| shares_with(view, own, friend, network)))
    }

    fn offers(&self, friend: HiveId) -> BoxFuture<'_, Result<Vec<Vec<u8>>, Failure>> {
        Box::pin(self.read(move |view| offers_to(view, friend)))
    }

    fn take_offers(
        &self,
        friend: HiveId,
        offers: Vec<Vec<u8>>,
    ) -> BoxFuture<'_, Result<(), Failure>> {
        let signer = self.signer.clone();
        Box::pin(async move {
            let (mut proposals, mut removals) = (Vec::new(), Vec::new());
            for offer in offers.iter().filter_map(|bytes| postcard::from_bytes(bytes).ok()) {
                match offer {
                    Offer::Share { share, charter, members, files, bytes, folders } => {
                        let proposal = Proposal { share, charter, members, files, bytes, folders };
                        proposals.push(proposal);
                    }
                    Offer::Removed { share, member } => {
                        removals.push((share, signer.hive(), member));
                    }
                    Offer::Left { share, member } => removals.push((share, friend, member)),
                }
            }
            let wanted = self
                .store
                .write(move |tx| {
                    let known: Vec<ShareId> = match files::shares(tx) {
                        Ok(shares) => shares.into_iter().map(|share| share.id).collect(),
                        Err(error) => return Err(of_files(error)),
                    };
                    let is_here = |share| known.contains(&share);
                    take_removals(tx, signer.hive(), removals)?;
                    people::take_proposals(tx, &*signer, friend, proposals, is_here)?;
                    if !people::friend(tx, friend)?.auto_accept {
                        return Ok(Vec::new());
                    }
                    let offers = people::offers(tx)?.into_iter();
                    let of_friend = offers.filter(|offer| offer.from == friend);
                    Ok(of_friend.map(|offer| offer.share).collect())
                })
                .await
                .map_err(|error: people::Error| Failure::new(error))?;
            self.heard.send_modify(|heard| *heard.entry(friend).or_default() += 1);
            for share in wanted {
                // The taker ends with the hive.
                if self.taken.send(share).is_err() {
                    tracing::debug!(%share, "the hive is stopping");
                }
            }
            Ok(())
        })
    }

    fn met(&self, friend: Met) -> BoxFuture<'_, Result<(), Failure>> {
        let written = self.store.write(move |tx| people::saw_friend(tx, introduction(friend)));
        Box::pin(async move { written.await.map_err(Failure::new) })
    }

    fn open_words(&self) -> BoxFuture<'_, Result<Vec<String>, Failure>> {
        Box::pin(self.read(|view| {
            let invitations = people::invitations(view)?;
            Ok(invitations.into_iter().filter_map(|invitation| invitation.words).collect())
        }))
    }

    fn redeem(&self, proof: Proof, by: Met) -> BoxFuture<'_, Result<(), Refusal>> {
        let signer = self.signer.clone();
        let proof = match proof {
            Proof::Secret(secret) => people::Proof::Secret(secret),
            Proof::Words(words) => people::Proof::Words(words),
        };
        let redeemed = self.store.write(move |tx| {
            people::redeem_invitation(tx, &*signer, &proof, introduction(by)).map(drop)
        });
        Box::pin(async move {
            redeemed.await.map_err(|error| match error {
                people::Error::InvitationUnknown => Refusal::InvitationUnknown,
                people::Error::InvitationExpired => Refusal::InvitationExpired,
                people::Error::InvitationUsed => Refusal::InvitationUsed,
                people::Error::OwnHive => Refusal::OwnHive,
                other => Refusal::Failed { why: other.to_string() },
            })
        })
    }

    fn welcomed(&self, by: Met) -> BoxFuture<'_, Result<(), Failure>> {
        let signer = self.signer.clone();
        let kept = self.store.write(move |tx| people::befriend(tx, &*signer, introduction(by)));
        Box::pin(async move { kept.await.map(drop).map_err(Failure::new) })
    }

    fn take(
        &self,
        friend: HiveId,
        share: ShareId,
        records: Vec<Record>,
    ) -> BoxFuture<'_, Result<(), Failure>> {
        let signer = self.signer.clone();
        Box::pin(async move {
            let checked = tokio::task::spawn_blocking(move || read_records(share, records));
            let incoming = checked.await.map_err(Failure::new)?;
            let taken = self.store.write(move |tx| {
                for (kind, key, body) in &incoming.memberships {
                    apply_membership(tx, share, *kind, key, body)?;
                }
                if !incoming.memberships.is_empty() {
                    keep_to_rights(tx, &*signer, share)?;
                }
                if files::share(tx, share).is_err() {
                    // Left: only who is in it still matters.
                    return Ok::<_, people::Error>(());
                }
                let mut nodes = Vec::with_capacity(incoming.nodes.len());
                let writers = people::writers(tx, share)?;
                let may = |tick: Tick| writers.get(&tick.hive).is_some_and(|up| tick.count <= *up);
                for node in incoming.nodes {
                    if tree::counts(&node, &may) {
                        nodes.push(node);
                    } else {
                        files::note_refused(tx, share).map_err(of_files)?;
                        tracing::warn!(%friend, %share, file = %node.id, "without the right");
                    }
                }
                files::take_nodes(tx, &*signer, share, &nodes, false).map_err(of_files)?;
                Ok(())
            });
            taken.await.map_err(Failure::new)?;
            self.unmended.send_modify(|unmended| {
                unmended.entry(share).or_insert_with(Instant::now);
            });
            Ok(())
        })
    }

    fn named(&self, _: ShareId, record: &Record) -> Vec<Named> {
        if record.kind != Kind::Node as u8 {
            return Vec::new();
        }
        let Ok(node) = postcard::from_bytes::<Node>(&record.body) else { return Vec::new() };
        let contents = node.versions.iter().filter_map(|version| match &version.what {
            What::File { hash, size, .. } => Some(Named { hash: *hash, size: *size }),
            What::Folder | What::Link { .. } => None,
        });
        contents.collect()
    }

    fn needs(&self) -> watch::Receiver<u64> {
        self.files.needs()
    }

    fn wanted(&self, share: ShareId) -> BoxFuture<'_, Result<Vec<Wanted>, Failure>> {
        Box::pin(async move {
            let wanted = self.files.wanted(share).await.map_err(Failure::new)?;
            let wanted = wanted.into_iter();
            Ok(wanted
                .map(|one| Wanted { hash: one.hash, size: one.size, base: one.base })
                .collect())
        })
    }

    fn content(
        &self,
        share: ShareId,
        hash: Hash,
    ) -> BoxFuture<'_, Result<Option<Box<dyn peers::Content>>, Failure>> {
        Box::pin(async move {
            match self.files.content(share, hash).await {
                Ok(reader) => Ok(Some(Box::new(OwnContent(reader)) as Box<dyn peers::Content>)),
                Err(files::Error::Gone) => Ok(None),
                Err(error) => Err(Failure::new(error)),
            }
        })
    }

    fn outline(
        &self,
        share: ShareId,
        hash: Hash,
    ) -> BoxFuture<'_, Result<Option<Vec<Cut>>, Failure>> {
        Box::pin(async move { self.files.outline(share, hash).await.map_err(Failure::new) })
    }

    fn small_contents(
        &self,
        share: ShareId,
        hashes: Vec<Hash>,
        bytes_max: usize,
    ) -> BoxFuture<'_, Result<Vec<(Hash, Vec<u8>)>, Failure>> {
        let read = self.files.small_contents(share, hashes, peers::SMALL_BYTES_MAX, bytes_max);
        Box::pin(async move { read.await.map_err(Failure::new) })
    }

    fn give(
        &self,
        share: ShareId,
        contents: Vec<(Hash, Vec<u8>)>,
    ) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move { self.files.give(share, contents).await.map_err(Failure::new) })
    }

    fn receive(
        &self,
        share: ShareId,
        wanted: Wanted,
    ) -> BoxFuture<'_, Result<Box<dyn Sink>, Failure>> {
        Box::pin(async move {
            let receiving = self.files.receive(share, wanted.hash, wanted.size).await;
            let base = match wanted.base {
                Some(base) => self.files.content(share, base).await.ok(),
                None => None,
            };
            let receiving = receiving.map_err(Failure::new)?;
            Ok(Box::new(OwnSink { receiving, base }) as Box<dyn Sink>)
        })
    }

    fn lag(&self, share: ShareId) -> BoxFuture<'_, Result<Lag, Failure>> {
        Box::pin(async move {
            let progress = self.files.progress(share).await.map_err(Failure::new)?;
            Ok(Lag { files: progress.files_to_go, bytes: progress.bytes_to_go })
        })
    }
}

pub(crate) fn of_files(error: files::Error) -> people::Error {
    match error {
        files::Error::Store(error) => people::Error::Store(error),
        other => people::Error::Refused(other.to_string()),
    }
}

/// Records by what becomes of them. Every signature in the nodes was verified.
struct Incoming {
    memberships: Vec<(Kind, Vec<u8>, Vec<u8>)>,
    nodes: Vec<Node>,
}

fn read_records(share: ShareId, records: Vec<Record>) -> Incoming {
    let mut incoming = Incoming { memberships: Vec::new(), nodes: Vec::new() };
    for record in records {
        match Kind::from_number(record.kind) {
            Some(Kind::Node) => match read_node(share, &record) {
                Ok(node) => incoming.nodes.push(node),
                Err(why) => tracing::warn!(%share, why, "a friend's record was dropped"),
            },
            Some(kind) => incoming.memberships.push((kind, record.key, record.body)),
            None => tracing::debug!(%share, kind = record.kind, "a record of a newer Skep"),
        }
    }
    incoming
}

fn read_node(share: ShareId, record: &Record) -> Result<Node, &'static str> {
    let node: Node = postcard::from_bytes(&record.body).map_err(|_| "it is unreadable")?;
    if record.key != node.id.as_bytes() {
        return Err("it lies under a wrong id");
    }
    if let Some(fault) = tree::fault(&node, share) {
        return Err(fault);
    }
    let signed = node.signed(share).into_iter();
    let mut signed = signed.map(|(by, message, signature)| by.hive.signed(&message, &signature));
    if signed.all(|well| well) { Ok(node) } else { Err("it is not signed by who it names") }
}

/// Keeps what is known of a share's files to what its members may, as far as that changed.
pub(crate) fn keep_to_rights(
    tx: &mut store::Tx,
    signer: &dyn Signer,
    share: ShareId,
) -> Result<(), people::Error> {
    if people::charter(tx, share)?.is_none() || files::share(tx, share).is_err() {
        return Ok(());
    }
    let writers = people::writers(tx, share)?;
    files::set_writers(tx, signer, share, &writers).map_err(of_files)
}

struct OwnContent(files::Reader);

impl peers::Content for OwnContent {
    fn size(&self) -> u64 {
        self.0.size
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> Result<usize, Failure> {
        self.0.read_at(at, buffer).map_err(Failure::new)
    }
}

struct OwnSink {
    receiving: files::Receiving,
    base: Option<files::Reader>,
}

impl Sink for OwnSink {
    fn missing(&self) -> Vec<(u64, u64)> {
        self.receiving.missing()
    }

    fn write_at(&mut self, at: u64, bytes: &[u8]) -> Result<(), Failure> {
        self.receiving.write_at(at, bytes).map_err(Failure::new)
    }

    fn copy(&mut self, from: u64, length: u64, at: u64) -> Result<(), Failure> {
        let base = self.base.as_ref().ok_or_else(|| Failure::new("the base is not here"))?;
        self.receiving.copy_from(base, from, length, at).map_err(Failure::new)
    }

    fn keep(&mut self) -> Result<bool, Failure> {
        self.receiving.keep().map_err(Failure::new)
    }

    fn leave(self: Box<Self>) -> Result<(), Failure> {
        self.receiving.leave().map_err(Failure::new)
    }

    fn finish(self: Box<Self>) -> Result<bool, Failure> {
        self.receiving.finish().map_err(Failure::new)
    }
}
