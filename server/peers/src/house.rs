//! What the hive gives to the links with friends' hives, and what it takes from them.
//!
//! Bodies of records and offers are opaque here. Every method may be called from several sessions
//! at once and again after a failure; whatever is taken in must bear being given twice.

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use store::{Cut, Record};
use tokio::sync::watch;
use types::{FileId, Hash, HiveId, ShareId};

use crate::{Lag, Place, Refusal};

/// Contents up to this size travel packed, and beside their records.
pub const SMALL_BYTES_MAX: u64 = 64 * 1_024;

/// What is said of a document at once is at most this much.
pub const DOCUMENT_BYTES_MAX: usize = 1_024 * 1_024;

/// Why the hive could not do what was asked of it now: the words for the log and, where the friend
/// must hear of it, the friend. The link tries again later.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub String);

impl Failure {
    pub fn new(why: impl ToString) -> Self {
        Self(why.to_string())
    }
}

/// How a hive introduces itself. Others cut the texts to 100 characters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The owner's name.
    pub name: String,
    pub hive_name: String,
    pub device: String,
    pub hue: u8,
}

/// Another hive that proved its id and introduced itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Met {
    pub hive: HiveId,
    pub about: About,
    /// Where it may be found again, best first. Its own word, except for the first one when this
    /// hive called there.
    pub addresses: Vec<Place>,
}

/// What somebody showed who was invited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// The secret of the link.
    Secret([u8; 16]),
    /// These words of [`House::open_words`].
    Words(String),
}

/// A content that a record names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    pub hash: Hash,
    pub size: u64,
}

/// A content that this hive needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    pub hash: Hash,
    pub size: u64,
    /// A content that this hive has and that is likely alike.
    pub base: Option<Hash>,
}

/// Contents read whole.
pub type Whole = Vec<(Hash, Vec<u8>)>;

/// The hive as its links need it. Implemented once, by crate `hive`; tests give their own.
pub trait House: Send + Sync + 'static {
    /// Read at each hello.
    fn about(&self) -> About;

    /// The shares of which records go both ways with this friend: they are a member or invited to
    /// be one, this hive has joined, and nothing is paused. Asked at the beginning of a session and
    /// after `Handle::shares_changed`. What is missing here is refused to the friend, contents
    /// included; what the friend has not joined yet waits until they have.
    fn shares(&self, friend: HiveId) -> BoxFuture<'_, Result<Vec<ShareId>, Failure>>;

    /// What this hive holds out to the friend, at most 60 KiB each. Sent at the beginning of a
    /// session and, if it differs, after `Handle::shares_changed`.
    fn offers(&self, friend: HiveId) -> BoxFuture<'_, Result<Vec<Vec<u8>>, Failure>>;

    /// Everything that the friend holds out to this hive now; earlier ones that are missing were
    /// taken back.
    fn take_offers(
        &self,
        friend: HiveId,
        offers: Vec<Vec<u8>>,
    ) -> BoxFuture<'_, Result<(), Failure>>;

    /// A friend's hive connected, in either direction.
    fn met(&self, friend: Met) -> BoxFuture<'_, Result<(), Failure>>;

    /// The words of the invitations that can still be answered: lower case, single spaces.
    fn open_words(&self) -> BoxFuture<'_, Result<Vec<String>, Failure>>;

    /// Somebody answers an invitation of this hive. On return they are durably a friend, the
    /// invitation counts as used, and `offers` for them tells what was held out. Given twice by the
    /// same hive, the second is `Ok` too: their hive may not have heard the first answer.
    fn redeem(&self, proof: Proof, by: Met) -> BoxFuture<'_, Result<(), Refusal>>;

    /// This hive answered an invitation and was welcomed: keep the friend, durably.
    fn welcomed(&self, by: Met) -> BoxFuture<'_, Result<(), Failure>>;

    /// Takes in records of a share, in the order given, durably. Records whose authors had not the
    /// right, or that are nonsense, are dropped and logged here, not failed. On a failure none
    /// counts as taken, the share rests for a while and the records come again.
    fn take(
        &self,
        friend: HiveId,
        share: ShareId,
        records: Vec<Record>,
    ) -> BoxFuture<'_, Result<(), Failure>>;

    /// The contents that stand in a record now. Cheap, no IO: only the body is read.
    fn named(&self, share: ShareId, record: &Record) -> Vec<Named>;

    /// Counts up whenever [`House::wanted`] or [`House::lag`] may answer differently.
    fn needs(&self) -> watch::Receiver<u64>;

    /// The contents that a share needs, small ones first, at most a thousand at a time. What is
    /// asked for already may be among them.
    fn wanted(&self, share: ShareId) -> BoxFuture<'_, Result<Vec<Wanted>, Failure>>;

    /// A content that this hive has and that belongs to the share (nothing else may be given:
    /// friends ask by hash), from the folder or the history.
    fn content(
        &self,
        share: ShareId,
        hash: Hash,
    ) -> BoxFuture<'_, Result<Option<Box<dyn Content>>, Failure>>;

    /// Where a content is cut that belongs to the share, also when its bytes are not here any more;
    /// `None` if that is not known.
    fn outline(
        &self,
        share: ShareId,
        hash: Hash,
    ) -> BoxFuture<'_, Result<Option<Vec<Cut>>, Failure>>;

    /// [`House::content`] of several of at most [`SMALL_BYTES_MAX`], read whole, in the order asked
    /// for: those that are here, until they are `bytes_max` together.
    fn small_contents(
        &self,
        share: ShareId,
        hashes: Vec<Hash>,
        bytes_max: usize,
    ) -> BoxFuture<'_, Result<Whole, Failure>>;

    /// Small contents, whole and verified. They may come before the records that name them, and
    /// unasked; what nobody needs may be dropped.
    fn give(
        &self,
        share: ShareId,
        contents: Vec<(Hash, Vec<u8>)>,
    ) -> BoxFuture<'_, Result<(), Failure>>;

    /// Opens what is here of a content, to go on receiving it; once at a time for each. `base` is
    /// what `Sink::copy` takes from.
    fn receive(
        &self,
        share: ShareId,
        wanted: Wanted,
    ) -> BoxFuture<'_, Result<Box<dyn Sink>, Failure>>;

    /// A friend's hive said something about a document of a share that goes both ways. What comes
    /// over one link is said in order, and nothing is lost before the link ends. False: more comes
    /// than can be taken in, and the link is to end.
    fn hear_document(&self, friend: HiveId, share: ShareId, file: FileId, body: Vec<u8>) -> bool;

    /// How far this hive's folder is from its records.
    fn lag(&self, share: ShareId) -> BoxFuture<'_, Result<Lag, Failure>>;
}

/// A content to read. Blocks; called from threads that may.
pub trait Content: Send + Sync {
    fn size(&self) -> u64;

    /// Fills the buffer from a position; fewer bytes only at the end. Bytes that are no longer what
    /// the hash says are a failure where that is seen; otherwise the receiver sees it.
    fn read_at(&self, at: u64, buffer: &mut [u8]) -> Result<usize, Failure>;
}

/// A content on its way here. Blocks; called from threads that may. What is dropped unfinished
/// keeps its bytes as of the last `keep`.
pub trait Sink: Send {
    /// The ranges (start, end) that are not here yet, sorted and apart.
    fn missing(&self) -> Vec<(u64, u64)>;

    fn write_at(&mut self, at: u64, bytes: &[u8]) -> Result<(), Failure>;

    /// Takes a range over from the base.
    fn copy(&mut self, from: u64, length: u64, at: u64) -> Result<(), Failure>;

    /// Begins to make what is here survive a restart; false while that is still under way for what
    /// was here earlier.
    fn keep(&mut self) -> Result<bool, Failure>;

    /// Ends for now. What is here survives a restart.
    fn leave(self: Box<Self>) -> Result<(), Failure>;

    /// Verifies the whole and hands it on. False: the bytes were not what the hash says, and it
    /// begins again.
    fn finish(self: Box<Self>) -> Result<bool, Failure>;
}
