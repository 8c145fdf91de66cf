//! What `web` asks of friends' hives and of the engine that keeps shares equal. What lies in the
//! database (friends, groups, members, invitations, offers, pauses) is read and written through
//! crate `people`; whoever keeps the connections follows the journal for it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use axum::http::StatusCode;
use futures::future::BoxFuture;
use tokio::io::AsyncRead;
use tokio::sync::watch;
use types::{FileId, Hash, HiveId, RelPath, ShareId, Signer, Time};

use crate::Error;

/// Friends' hives as `web` needs them. Implemented once, by crate `hive`.
///
/// Kinds of the journal that tell of changes in the database: `friend` (key: hive), `group`,
/// `invitation`, `member` (key: share/hive), `offer` (key: share), `pause`.
pub trait Friends: Send + Sync + 'static {
    /// In whose name membership is written.
    fn signer(&self) -> Arc<dyn Signer>;

    /// Counts what changes outside of the database: connections, progress, waiting files.
    fn follow(&self) -> watch::Receiver<u64>;

    /// The hives that are connected now.
    fn connections(&self) -> BTreeMap<HiveId, Connection>;

    /// Why hives of friends that answer do not connect, in a sentence with the next step.
    fn away(&self) -> BTreeMap<HiveId, String> {
        BTreeMap::new()
    }

    /// Four words that both ends see alike.
    fn phrase(&self, friend: HiveId) -> [String; 4];

    /// The link and the words of an invitation with this secret. The invitation itself is kept by
    /// `people::invite`, which is called right after.
    fn ticket(&self, secret: [u8; 16]) -> BoxFuture<'_, Result<Ticket, Error>>;

    /// Answers an invitation: finds the other hive, proves the secret, keeps the friend and what
    /// they offer. Gives up after ten seconds.
    fn befriend(&self, by: Invited) -> BoxFuture<'_, Result<HiveId, Error>>;

    /// What kind of network this computer is on; `None` while that does not matter.
    fn network(&self) -> Option<Network>;

    /// Hives that say on the local network that they are there, friends left out.
    fn nearby(&self) -> Vec<Nearby>;

    /// Takes up an offered share: makes its folder, joins, begins to catch up.
    fn accept(&self, accept: Accept) -> BoxFuture<'_, Result<(), Error>>;

    /// Leaves a share. The copy here is deleted only if asked for.
    fn leave(&self, share: ShareId, delete_local: bool) -> BoxFuture<'_, Result<(), Error>>;

    /// Chooses the folders of a share that come to this hive; empty: all. What stands here in the
    /// others stays, unless it is to be removed.
    fn choose(
        &self,
        share: ShareId,
        folders: Vec<RelPath>,
        remove_copies: bool,
    ) -> BoxFuture<'_, Result<(), Error>>;

    /// How far this hive and its friends are with a share.
    fn sync(&self, share: ShareId) -> BoxFuture<'_, Result<Progress, Error>>;

    /// Lets a held-back mass deletion pass, or takes it back.
    fn confirm_deletions(&self, share: ShareId, agreed: bool) -> BoxFuture<'_, Result<(), Error>>;

    /// Why a file is in step, or not.
    fn why(&self, of: WhyOf) -> BoxFuture<'_, Result<Why, Error>>;

    /// Files that two hives changed apart.
    fn two_versions(&self, share: Option<ShareId>) -> BoxFuture<'_, Result<Vec<Apart>, Error>>;

    /// The bytes of one side, or of the version that both were made from.
    fn side(&self, file: FileId, side: Side) -> BoxFuture<'_, Result<Content, Error>>;

    /// Ends the two versions of a file; gives the name under which that can be undone.
    fn resolve(&self, file: FileId, keep: Keep) -> BoxFuture<'_, Result<String, Error>>;

    fn undo_resolve(&self, file: FileId, undo: String) -> BoxFuture<'_, Result<(), Error>>;

    fn ignore(&self, share: ShareId) -> BoxFuture<'_, Result<Ignore, Error>>;

    fn set_ignore(&self, share: ShareId, text: String) -> BoxFuture<'_, Result<Ignore, Error>>;

    /// What these rules would catch, at most a thousand.
    fn preview_ignore(
        &self,
        share: ShareId,
        text: String,
    ) -> BoxFuture<'_, Result<Vec<Caught>, Error>>;
}

/// Why another hive did not become a friend, or could not be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody on the network answers to these words.
    WordsWrong,
    /// What was pasted is no invitation.
    NoInvitation,
    InvitationUnknown,
    InvitationExpired,
    InvitationUsed,
    OwnHive,
    /// The hive did not answer; where it was sought, such as ` at 10.0.0.2:7537`, or empty.
    Unreachable {
        sought: String,
    },
    /// The other hive speaks a newer protocol.
    Newer,
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
        match refusal {
            Refusal::InvitationUnknown => people::Error::InvitationUnknown.into(),
            Refusal::InvitationExpired => people::Error::InvitationExpired.into(),
            Refusal::InvitationUsed => people::Error::InvitationUsed.into(),
            Refusal::OwnHive => people::Error::OwnHive.into(),
            Refusal::WordsWrong => Self::new(
                StatusCode::FORBIDDEN,
                "words_wrong",
                "No hive on this network answers to these three words",
                "Check the words and that both of you are on the same network, or use the link",
            ),
            Refusal::NoInvitation => Self::new(
                unprocessable,
                "bad_input",
                "That is neither the link of an invitation nor three words",
                "Copy the whole link that begins with skep:, or type the three words",
            ),
            Refusal::Unreachable { sought } => Self::new(
                StatusCode::GATEWAY_TIMEOUT,
                "unreachable",
                format!("Your friend's hive did not answer{sought}"),
                "Ask your friend whether Skep runs there and is open to the network, then try \
                 again. The invitation stays good",
            ),
            Refusal::Newer => Self::new(
                StatusCode::CONFLICT,
                "newer",
                "Your friend's Skep is newer than this one, and they no longer understand each \
                 other",
                "Bring this Skep up to date and try again. The invitation stays good",
            ),
        }
    }
}

/// How a hive is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Lan,
    Direct,
    Relay,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection {
    pub way: Way,
    pub since: Time,
}

/// Whether the network costs by the byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    Metered,
    Unmetered,
    /// Nobody tells; it counts as one that does not.
    Unknown,
}

#[derive(Debug, Clone)]
pub struct Ticket {
    pub link: String,
    /// Three plain words with spaces; `None` while nobody on a network could find this hive.
    pub words: Option<String>,
}

/// What the invited person has in hand.
#[derive(Debug, Clone)]
pub enum Invited {
    Link(String),
    Words(String),
}

#[derive(Debug, Clone)]
pub struct Nearby {
    pub hive: HiveId,
    pub name: String,
}

#[derive(Debug, Clone)]
pub struct Accept {
    pub share: ShareId,
    /// Where it shall stand; `None`: below the folder for what friends share.
    pub path: Option<PathBuf>,
    /// The own name for it.
    pub name: Option<String>,
    /// Only these folders of it, as paths in the share; `None`: all.
    pub folders: Option<Vec<String>>,
}

/// How far the hives of a share are.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// What this hive still lacks.
    pub here: Lag,
    /// What friends' hives still lack, as far as this hive knows.
    pub friends: BTreeMap<HiveId, Lag>,
    pub waiting: Vec<Waiting>,
    pub held_back: Option<HeldBack>,
}

/// Removals that wait for a word of the owner, because they are more at once than is usual.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HeldBack {
    /// Made here, not told to friends yet.
    pub own: u64,
    /// Made by friends, not done here yet.
    pub friends: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Lag {
    /// `None`: not known, because the hives did not speak yet.
    pub in_sync: Option<bool>,
    pub files: Option<u64>,
    pub bytes: Option<u64>,
    /// Bytes a second, smoothed; `None` while nothing is on its way.
    pub speed: Option<u64>,
    pub seconds_left: Option<u64>,
    /// When it was so, of a hive that is not connected with this one now.
    pub known_at: Option<Time>,
}

/// A file that is not in step, and why.
#[derive(Debug, Clone)]
pub struct Waiting {
    pub file: Option<FileId>,
    pub path: String,
    /// Stable, such as `friend_away`, `no_space`, `open_elsewhere`, `ignored`.
    pub code: String,
    pub detail: String,
    pub hint: String,
}

#[derive(Debug, Clone)]
pub enum WhyOf {
    File(FileId),
    Path(ShareId, String),
}

#[derive(Debug, Clone)]
pub struct Why {
    pub path: String,
    pub in_step: bool,
    /// `in_step`, or as [`Waiting::code`].
    pub code: String,
    pub detail: String,
    pub hint: String,
}

/// A file with two versions, seldom more. The first stands under the name.
#[derive(Debug, Clone)]
pub struct Apart {
    pub file: FileId,
    pub share: ShareId,
    pub path: String,
    pub sides: Vec<Version>,
    /// Whether both are texts that a person can merge.
    pub mergeable: bool,
    /// Whether the version that both were made from is still here.
    pub base: bool,
}

#[derive(Debug, Clone)]
pub struct Version {
    pub hash: Hash,
    pub at: Time,
    pub hive: HiveId,
    /// Who wrote it on that hive, when it was not its owner.
    pub guest: Option<String>,
    pub size: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    First,
    Second,
    Base,
}

pub struct Content {
    pub size: u64,
    pub reader: Pin<Box<dyn AsyncRead + Send>>,
}

/// What becomes of two versions.
#[derive(Debug, Clone)]
pub enum Keep {
    First,
    Second,
    /// The second gets a name of its own.
    Both,
    /// A text that somebody merged.
    Text(String),
}

#[derive(Debug, Clone)]
pub struct Ignore {
    /// What stands in `.skepignore`.
    pub text: String,
    /// Rules that hold without being written: the rule, and why.
    pub defaults: Vec<(String, String)>,
    /// How many files and folders the rules catch now.
    pub ignored: u64,
}

/// A path that a rule catches.
#[derive(Debug, Clone)]
pub struct Caught {
    pub path: String,
    pub rule: String,
    /// Its line in the text; `None` for a rule that holds without being written.
    pub line: Option<u32>,
}
