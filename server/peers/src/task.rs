//! All links of a hive, behind one handle.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use store::Store;
use tokio::sync::watch;
use types::{HiveId, ShareId, Signer};

use crate::{Friend, House, Nearby, Progresses, Refusal, Standing};

/// What the links are made with.
pub struct Options {
    /// The hive's identity; it signs the handshakes too.
    pub signer: Arc<dyn Signer>,
    /// Where friends' hives may call. Port 0 takes a free one. Empty: this hive only calls.
    pub listen: Vec<SocketAddr>,
    /// Whether to speak mDNS: only where the hive is open to the network.
    pub nearby: bool,
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
    standings: watch::Sender<BTreeMap<HiveId, Standing>>,
    progress: watch::Sender<Progresses>,
}

impl Handle {
    /// Opens the doors. Calls nobody before [`Handle::set_friends`].
    pub async fn start(
        options: Options,
        house: Arc<dyn House>,
        store: Store,
    ) -> std::io::Result<Self> {
        let _ = (options, house, store);
        std::future::ready(()).await;
        Ok(Self {
            standings: watch::Sender::new(BTreeMap::new()),
            progress: watch::Sender::new(BTreeMap::new()),
        })
    }

    /// Ends all links, with a word to the other ends, and returns when their tasks have ended.
    pub async fn stop(&self) {
        std::future::ready(()).await;
    }

    /// All friends. Who is missing, or paused, is cut off before this returns; new ones are called.
    /// Call it after every change of friends, and at the start.
    pub fn set_friends(&self, friends: Vec<Friend>) {
        let _ = friends;
    }

    /// Calls whoever is away, at once: the machine woke up, or came to another network.
    pub fn network_changed(&self) {}

    /// What `House::shares` or `House::offers` say may have changed, for a friend or for all.
    pub fn shares_changed(&self, friend: Option<HiveId>) {
        let _ = friend;
    }

    /// Opens or closes doors and mDNS while running, as the hive's reach changes.
    pub async fn listen(&self, listen: Vec<SocketAddr>, nearby: bool) -> std::io::Result<()> {
        let _ = (listen, nearby);
        std::future::ready(()).await;
        Ok(())
    }

    /// Where this hive can be called, best first: what a ticket holds.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        Vec::new()
    }

    /// The link and the words for an invitation with this secret. The house must know the
    /// invitation before anybody answers it, and give the words in `open_words` until it ends.
    pub fn ticket(&self, secret: [u8; 16]) -> Ticket {
        let _ = secret;
        Ticket { link: String::new(), words: None }
    }

    /// Answers an invitation, by its link or its words: finds the hive, proves the secret, has the
    /// house keep the friend, and goes on as a link. At most ten seconds.
    pub async fn accept(&self, invitation: &str) -> Result<HiveId, Refusal> {
        let _ = invitation;
        std::future::ready(()).await;
        Err(Refusal::NoInvitation)
    }

    /// Hives on the local network, friends among them, this one not.
    pub fn nearby(&self) -> watch::Receiver<Vec<Nearby>> {
        watch::Sender::new(Vec::new()).subscribe()
    }

    /// Four words that both ends see alike.
    pub fn phrase(&self, friend: HiveId) -> [String; 4] {
        let _ = friend;
        [const { String::new() }; 4]
    }

    /// How each friend's hive stands to this one.
    pub fn standings(&self) -> watch::Receiver<BTreeMap<HiveId, Standing>> {
        self.standings.subscribe()
    }

    /// How far each connected friend is with each share. Changes at most four times a second.
    pub fn progress(&self) -> watch::Receiver<Progresses> {
        self.progress.subscribe()
    }

    /// A share's own lag may have changed, or contents may be wanted; the same as counting up
    /// `House::needs`.
    pub fn share_changed(&self, share: ShareId) {
        let _ = share;
    }

    /// The hive's database was restored from an older copy: positions that friends know no longer
    /// mean what they did, so everything is gone through again. Call before friends are set.
    pub async fn restored(&self) -> Result<(), store::Error> {
        std::future::ready(()).await;
        Ok(())
    }
}
