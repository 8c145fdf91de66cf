//! Documents that are open on several hives at once: the meeting point of documents, files and
//! peers. While a document is open, what friends' hives write into its file waits until their
//! edits came, so that nothing enters it twice.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use documents::Member;
use store::Store;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use types::{FileId, Hash, HiveId, Right, ShareId, Time};

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
/// The same while no friend's hive that has the document is linked: one may just be starting anew.
const AWAY_WITHIN: Duration = Duration::from_secs(30);
/// How long a friend's text may take to reach the file once it may.
const PASSES_WITHIN: Duration = Duration::from_secs(30);
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
    arriving: Mutex<HashMap<FileId, Arriving>>,
    /// Files into which a friend's text is coming: no document of a friend may take the place of
    /// theirs, which does not have that text yet.
    passing: Mutex<HashSet<FileId>>,
    stopped: AtomicBool,
}

/// The friends' hives and shares that are linked, and since when.
type Links = BTreeMap<(HiveId, ShareId), Time>;

/// Contents of a file that wait for their edits.
#[derive(Clone)]
struct Arriving {
    contents: Vec<Hash>,
    first: Instant,
    /// When it became these contents.
    last: Instant,
}

impl Together {
    pub(crate) fn new(
        own: HiveId,
        store: Store,
        files: files::Handle,
        documents: documents::Handle,
        linked: Vec<FileId>,
    ) -> Self {
        Self {
            own,
            store,
            files,
            documents,
            peers: Mutex::default(),
            meetings: Mutex::default(),
            apart: Mutex::default(),
            linked: Mutex::new(linked.into_iter().collect()),
            arriving: Mutex::default(),
            passing: Mutex::default(),
            stopped: AtomicBool::new(false),
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

    /// Ends all meetings: the links end. What friends wrote waits for the next start.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        lock(&self.peers).take();
        lock(&self.meetings).clear();
    }

    /// Keeps documents and friends' hives together as long as the hive runs.
    pub(crate) async fn follow(self: Arc<Self>, peers: peers::Handle) {
        let mut open = self.documents.open_files();
        let mut here = self.documents.here();
        let mut progress = peers.progress();
        // What is so already is news too.
        open.mark_changed();
        progress.mark_changed();
        let mut position = self.store.follow();
        let mut seen = *position.borrow_and_update();
        let mut arrivals = self.files.arrivals();
        let mut linked = Links::new();
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
                    self.let_closed_go(&mut in_hand, now).await;
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
                    let ended = self.forget(&linked, &now);
                    let new = now.iter().filter(|(key, since)| {
                        ended.contains(&key.0) || linked.get(key) != Some(since)
                    });
                    let new = new.map(|(key, since)| (*key, *since)).collect();
                    linked = now;
                    self.look(&in_hand, &new).await;
                }
                _ = position.changed() => {
                    let since = std::mem::replace(&mut seen, *position.borrow_and_update());
                    if !in_hand.is_empty() && self.members_changed(since).await {
                        let now = open.borrow().clone();
                        self.let_closed_go(&mut in_hand, now).await;
                        self.look(&in_hand, &linked).await;
                    }
                }
            }
        }
    }

    /// Files are in hand while their documents are open, and beyond that as long as friends' hives
    /// may have the same generation.
    async fn let_closed_go(&self, in_hand: &mut BTreeSet<FileId>, open: BTreeSet<FileId>) {
        for file in in_hand.difference(&open) {
            if lock(&self.linked).contains(file) {
                continue;
            }
            if let Err(error) = self.files.let_go(*file, || self.is_open(*file)).await {
                tracing::debug!(%file, %error, "a file that was open is looked at later");
            }
        }
        *in_hand = open;
    }

    /// Lets the meetings about these files look how they stand; makes those that are missing.
    async fn look(self: &Arc<Self>, files: &BTreeSet<FileId>, linked: &Links) {
        for file in files {
            let Some(share) = self.share_of(*file).await else { continue };
            for (friend, _) in linked.keys().filter(|(_, linked)| *linked == share) {
                if let Some(meeting) = self.meeting(*friend, share, *file) {
                    // One that has too much to do looks anyway.
                    drop(meeting.try_send(Event::Look));
                }
            }
        }
    }

    /// Links ended: so do the meetings over them. Tells with which hives.
    fn forget(&self, before: &Links, now: &Links) -> BTreeSet<HiveId> {
        let lost = before.iter().filter(|(key, since)| now.get(key) != Some(since));
        let ended: BTreeSet<HiveId> = lost.map(|((friend, _), _)| *friend).collect();
        lock(&self.meetings).retain(|(friend, _), _| !ended.contains(friend));
        lock(&self.apart).retain(|(friend, _)| !ended.contains(friend));
        ended
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

    /// A friend's hive has, or is about to have, the document in the same generation.
    fn note_linked(&self, friend: HiveId, file: FileId) {
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
        let now = Instant::now();
        match lock(&self.arriving).entry(file) {
            Entry::Occupied(mut arriving) if arriving.get().contents != contents => {
                let first = arriving.get().first;
                arriving.insert(Arriving { contents, first, last: now });
                return;
            }
            Entry::Occupied(_) => return,
            Entry::Vacant(free) => free.insert(Arriving { contents, first: now, last: now }),
        };
        let together = self.clone();
        tokio::spawn(async move {
            while let Some(contents) = together.await_edits(file).await {
                together.bring_in(file, contents).await;
            }
        });
    }

    /// Waits until the document has taken in what friends wrote. If that does not happen, tells
    /// what is to come in as text.
    async fn await_edits(&self, file: FileId) -> Option<Vec<Hash>> {
        loop {
            let Arriving { contents, first, last } = lock(&self.arriving).get(&file).cloned()?;
            // Opened, it is one with those of friends who have it open, or makes them open it.
            let is_open = self.documents.open(file).await.is_ok();
            if self.stopped.load(Ordering::Relaxed) {
                return None;
            }
            let taken_in = self.documents.takes_in(file, contents.clone()).await;
            let kept_off = self.files.is_kept_off(file).await;
            if taken_in.is_ok_and(|taken_in| taken_in) || kept_off.is_ok_and(|kept_off| !kept_off) {
                self.forget_arrived(file, &contents);
                continue;
            }
            let patience = self.patience(file);
            if !is_open || last.elapsed() >= patience || first.elapsed() >= patience * 3 {
                return Some(contents);
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// How long the edits in what friends wrote are waited for.
    fn patience(&self, file: FileId) -> Duration {
        let apart = lock(&self.apart);
        let meetings = lock(&self.meetings);
        let mut meetings = meetings.keys().filter(|key| key.1 == file).peekable();
        if meetings.peek().is_none() && lock(&self.linked).contains(&file) {
            return AWAY_WITHIN;
        }
        if meetings.any(|key| !apart.contains(key)) { EDITS_WITHIN } else { MEETING_WITHIN }
    }

    /// Done, unless more came meanwhile.
    fn forget_arrived(&self, file: FileId, contents: &[Hash]) {
        if let Entry::Occupied(arriving) = lock(&self.arriving).entry(file)
            && arriving.get().contents == contents
        {
            arriving.remove();
        }
    }

    async fn bring_in(&self, file: FileId, contents: Vec<Hash>) {
        tracing::debug!(%file, "what a friend wrote comes in as text");
        lock(&self.passing).insert(file);
        let passed = match self.documents.end_generation(file).await {
            Ok(()) => self.pass(file, &contents).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = passed {
            tracing::debug!(%file, %error, "what a friend wrote reaches an open file later");
        }
        lock(&self.passing).remove(&file);
        self.forget_arrived(file, &contents);
        if let Err(error) = self.files.step_again(file).await {
            tracing::debug!(%file, %error, "what a friend wrote is looked at later");
        }
    }

    /// Lets what friends wrote come into the file as text: no other hive has its generation.
    async fn pass(&self, file: FileId, contents: &[Hash]) -> Result<(), files::Error> {
        lock(&self.linked).remove(&file);
        self.files.let_go(file, || self.is_open(file)).await?;
        self.files.let_through(file, contents.to_vec()).await?;
        let since = Instant::now();
        while since.elapsed() < PASSES_WITHIN && self.files.is_changing(file).await? {
            sleep(LOOK_AGAIN).await;
        }
        self.files.keep_off(file).await?;
        self.documents.disk_changed(file).await;
        Ok(())
    }

    fn is_passing(&self, file: FileId) -> bool {
        lock(&self.passing).contains(&file)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn linked_in(progress: &peers::Progresses) -> Links {
    let each = progress.iter();
    each.flat_map(|(hive, shares)| {
        shares.iter().map(|(share, progress)| ((*hive, *share), progress.since))
    })
    .collect()
}
