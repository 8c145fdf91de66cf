//! Documents that are open on several hives at once: the meeting point of documents, files and
//! peers. While a document is open, what friends' hives write into its file waits until their
//! edits came, so that nothing enters it twice.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use documents::Member;
use store::Store;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use types::{FileId, Hash, HiveId, Right, ShareId};

mod meeting;
mod word;

use meeting::{Event, Meeting};

/// What may wait for one document.
const EVENTS_MAX: usize = 1_024;
/// So many documents may be open together with one friend's hive.
const MEETINGS_MAX: usize = 500;
/// How long a content that came for an open document waits for the edits that it holds, when the
/// document is open on a friend's hive too, and when it is not.
const EDITS_WITHIN: Duration = Duration::from_secs(5);
const MEETING_WITHIN: Duration = Duration::from_millis(800);
const LOOK_AGAIN: Duration = Duration::from_millis(50);
const CHANGES_AT_ONCE: u32 = 1_000;

pub(crate) struct Together {
    own: HiveId,
    store: Store,
    files: files::Handle,
    documents: documents::Handle,
    /// While the links are there.
    peers: Mutex<Option<peers::Handle>>,
    meetings: Mutex<HashMap<(HiveId, FileId), mpsc::Sender<Event>>>,
    /// Those of which the friend's document cannot be this one's as things are.
    apart: Mutex<HashSet<(HiveId, FileId)>>,
    /// Files whose documents other hives have had open in their present generation.
    linked: Mutex<BTreeSet<FileId>>,
    /// Contents that wait for their edits.
    waiting: Mutex<HashSet<(FileId, Vec<Hash>)>>,
}

impl Together {
    pub(crate) fn new(
        own: HiveId,
        store: Store,
        files: files::Handle,
        documents: documents::Handle,
    ) -> Self {
        Self {
            own,
            store,
            files,
            documents,
            peers: Mutex::default(),
            meetings: Mutex::default(),
            apart: Mutex::default(),
            linked: Mutex::default(),
            waiting: Mutex::default(),
        }
    }

    /// A friend's hive said something about a document. False: it talks faster than it is heard.
    pub(crate) fn hear(
        self: &Arc<Self>,
        friend: HiveId,
        share: ShareId,
        file: FileId,
        body: Vec<u8>,
    ) -> bool {
        let Some(meeting) = self.meeting(friend, share, file) else { return true };
        match meeting.try_send(Event::Heard(body)) {
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => true,
            Err(mpsc::error::TrySendError::Full(_)) => false,
        }
    }

    /// The links are there.
    pub(crate) fn begin(&self, peers: peers::Handle) {
        *lock(&self.peers) = Some(peers);
    }

    /// Ends all meetings: the links end.
    pub(crate) fn stop(&self) {
        lock(&self.peers).take();
        lock(&self.meetings).clear();
    }

    /// [`Together::follow`], if the owner tries that.
    pub(crate) async fn follow_if(wanted: bool, together: Arc<Self>, peers: peers::Handle) {
        if wanted {
            together.follow(peers).await;
        }
    }

    /// Keeps documents and friends' hives together as long as the hive runs.
    pub(crate) async fn follow(self: Arc<Self>, peers: peers::Handle) {
        match self.documents.linked_files().await {
            Ok(files) => {
                files.iter().for_each(|file| self.files.take_in_hand(*file));
                lock(&self.linked).extend(files);
            }
            Err(error) => tracing::warn!(%error, "documents that friends have open too"),
        }
        let mut open = self.documents.open_files();
        let mut here = self.documents.here();
        let mut progress = peers.progress();
        let mut position = self.store.follow();
        let mut seen = *position.borrow_and_update();
        let mut arrivals = self.files.arrivals();
        let mut linked = BTreeSet::new();
        let mut in_hand = BTreeSet::new();
        let mut people = BTreeSet::new();
        loop {
            tokio::select! {
                arrived = arrivals.recv() => match arrived {
                    Ok(arrival) => self.arrived(arrival),
                    // What waits is told again when something more comes.
                    Err(RecvError::Lagged(_)) => continue,
                    Err(RecvError::Closed) => return,
                },
                changed = open.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let now = open.borrow_and_update().clone();
                    self.take_in_hand(&mut in_hand, now).await;
                    self.look(&in_hand, &linked).await;
                }
                _ = here.changed() => {
                    let now: BTreeSet<FileId> =
                        here.borrow_and_update().iter().map(|present| present.file).collect();
                    let changed = now.symmetric_difference(&people).copied().collect();
                    people = now;
                    self.look(&changed, &linked).await;
                }
                _ = progress.changed() => {
                    let now = linked_in(&progress.borrow_and_update());
                    let new: BTreeSet<_> = now.difference(&linked).copied().collect();
                    let lost: BTreeSet<_> = linked.difference(&now).copied().collect();
                    self.forget(&lost, &now);
                    linked = now;
                    self.look(&in_hand, &new).await;
                }
                _ = position.changed() => {
                    let since = std::mem::replace(&mut seen, *position.borrow_and_update());
                    if !in_hand.is_empty() && self.members_changed(since).await {
                        let now = open.borrow().clone();
                        self.take_in_hand(&mut in_hand, now).await;
                        self.look(&in_hand, &linked).await;
                    }
                }
            }
        }
    }

    /// Files are in hand while their documents are open, and beyond that as long as friends' hives
    /// may have the same generation.
    async fn take_in_hand(&self, in_hand: &mut BTreeSet<FileId>, open: BTreeSet<FileId>) {
        for file in open.difference(in_hand) {
            self.files.take_in_hand(*file);
        }
        for file in in_hand.difference(&open) {
            if lock(&self.linked).contains(file) {
                continue;
            }
            if let Err(error) = self.files.let_go(*file).await {
                tracing::debug!(%file, %error, "a file that was open is looked at later");
            }
        }
        *in_hand = open;
    }

    /// Lets the meetings about these files look how they stand; makes those that are missing.
    async fn look(
        self: &Arc<Self>,
        files: &BTreeSet<FileId>,
        linked: &BTreeSet<(HiveId, ShareId)>,
    ) {
        for file in files {
            let Some(share) = self.share_of(*file).await else { continue };
            for (friend, _) in linked.iter().filter(|(_, linked)| *linked == share) {
                if let Some(meeting) = self.meeting(*friend, share, *file) {
                    // One that has too much to do looks anyway.
                    drop(meeting.try_send(Event::Look));
                }
            }
        }
    }

    /// Links ended: so do the meetings over them.
    fn forget(&self, lost: &BTreeSet<(HiveId, ShareId)>, now: &BTreeSet<(HiveId, ShareId)>) {
        let gone = |friend: &HiveId| {
            lost.iter().any(|(hive, _)| hive == friend)
                && !now.iter().any(|(hive, _)| hive == friend)
        };
        lock(&self.meetings).retain(|(friend, _), _| !gone(friend));
    }

    /// Ends what goes on about a document with a friend's hive.
    fn end(&self, friend: HiveId, file: FileId) {
        lock(&self.meetings).remove(&(friend, file));
        lock(&self.apart).remove(&(friend, file));
    }

    fn meeting(
        self: &Arc<Self>,
        friend: HiveId,
        share: ShareId,
        file: FileId,
    ) -> Option<mpsc::Sender<Event>> {
        let peers = lock(&self.peers).clone()?;
        let mut meetings = lock(&self.meetings);
        if let Some(meeting) = meetings.get(&(friend, file)).filter(|known| !known.is_closed()) {
            return Some(meeting.clone());
        }
        if meetings.keys().filter(|(hive, _)| *hive == friend).count() >= MEETINGS_MAX {
            return None;
        }
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        let meeting = Meeting::new(self.clone(), peers, (friend, share, file), sender.downgrade());
        // It ends when its sender is forgotten.
        drop(tokio::spawn(meeting.run(events)));
        meetings.insert((friend, file), sender.clone());
        Some(sender)
    }

    /// A friend's hive sits in the document from now on.
    fn is_linked(&self, friend: HiveId, file: FileId) {
        lock(&self.linked).insert(file);
        self.set_hopeful(friend, file, true);
    }

    /// Whether the document and a friend's may become one as things are.
    fn set_hopeful(&self, friend: HiveId, file: FileId, hopeful: bool) {
        let mut apart = lock(&self.apart);
        if hopeful {
            apart.remove(&(friend, file))
        } else {
            apart.insert((friend, file))
        };
    }

    fn is_hopeful(&self, file: FileId) -> bool {
        let apart = lock(&self.apart);
        let meetings = lock(&self.meetings);
        meetings.keys().any(|key| key.1 == file && !apart.contains(key))
    }

    fn is_open(&self, file: FileId) -> bool {
        self.documents.open_files().borrow().contains(&file)
    }

    fn has_people(&self, file: FileId) -> bool {
        self.documents.here().borrow().iter().any(|present| present.file == file)
    }

    async fn share_of(&self, file: FileId) -> Option<ShareId> {
        let entry = self.store.read(move |view| files::entry(view, file)).await;
        entry.ok().map(|entry| entry.share)
    }

    async fn is_of(&self, file: FileId, share: ShareId) -> bool {
        self.share_of(file).await == Some(share)
    }

    /// A friend's hive as somebody in a document; `None` if it may not see the share.
    async fn member(&self, friend: HiveId, share: ShareId) -> Option<Member> {
        let found = self.store.read(move |view| {
            let right = people::member_right(view, share, friend)?;
            Ok::<_, people::Error>((right, people::friend(view, friend)?))
        });
        let (right, friend) = found.await.ok()?;
        let key = Hash::of(&[b"hive".as_slice(), friend.hive.as_bytes()].concat());
        let key = key.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let name = Some(friend.name().to_owned());
        Some(Member { person: None, name, hue: Some(friend.hue), right: right?, key })
    }

    async fn own_right(&self, share: ShareId) -> Option<Right> {
        let own = self.own;
        let right = self.store.read(move |view| people::member_right(view, share, own));
        right.await.ok().flatten()
    }

    async fn members_changed(&self, since: i64) -> bool {
        let changes =
            self.store.read(move |view| store::changes_since(view, since, CHANGES_AT_ONCE));
        let concerns = |kind: &str| matches!(kind, "member" | "friend" | "pause");
        changes.await.is_ok_and(|changes| changes.iter().any(|change| concerns(&change.kind)))
    }

    /// Friends wrote into a file that is open here. Their edits come, or what they wrote is taken
    /// from the file after all.
    fn arrived(self: &Arc<Self>, arrival: files::Arrival) {
        let files::Arrival { file, contents } = arrival;
        if !lock(&self.waiting).insert((file, contents.clone())) {
            return;
        }
        let together = self.clone();
        tokio::spawn(async move {
            together.bring_in(file, &contents).await;
            lock(&together.waiting).remove(&(file, contents));
        });
    }

    async fn bring_in(&self, file: FileId, contents: &[Hash]) {
        let since = Instant::now();
        // Opened, it is one with those of friends who have it open, or makes them open it.
        while self.documents.open(file).await.is_ok() {
            if self.documents.takes_in(file, contents.to_vec()).await.is_ok_and(|takes_in| takes_in)
            {
                return;
            }
            let within = if self.is_hopeful(file) { EDITS_WITHIN } else { MEETING_WITHIN };
            if since.elapsed() >= within {
                break;
            }
            sleep(LOOK_AGAIN).await;
        }
        if let Err(error) = self.documents.end_generation(file).await {
            tracing::debug!(%file, %error, "a document that cannot be opened has no generation");
        }
        lock(&self.linked).remove(&file);
        let through = if self.is_open(file) {
            self.files.let_through(file, contents.to_vec()).await
        } else {
            self.files.let_go(file).await
        };
        if let Err(error) = through {
            tracing::debug!(%file, %error, "what a friend wrote reaches an open file later");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn linked_in(progress: &peers::Progresses) -> BTreeSet<(HiveId, ShareId)> {
    let each = progress.iter();
    each.flat_map(|(hive, shares)| shares.keys().map(|share| (*hive, *share))).collect()
}
