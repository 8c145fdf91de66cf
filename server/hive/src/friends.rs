//! Friends' hives as the pages ask for them: people, files and links with other hives meet here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use hyper::StatusCode;
use peers::Refusal;
use store::Store;
use tokio::io::AsyncWriteExt;
use tokio::sync::watch;
use types::{FileId, Hash, HiveId, RelPath, ShareId, Signer, Time};
use web::friends::{
    Accept, Apart, Caught, Connection, Content, Friends, HeldBack, Ignore, Invited, Keep, Lag,
    Nearby, Network, Progress, Side, Ticket, Version, Waiting, Way, Why, WhyOf,
};

use crate::house::{keep_to_rights, of_files};
use crate::metered::Metered;
use crate::places;

mod words;

use words::{ignore, refused};

/// A content is handed on in pieces of this size.
const PIECE_BYTES: usize = 64 * 1_024;
const FOLDER_NAMES_MAX: u32 = 1_000;
/// How long whoever answers an invitation waits for what it holds out.
const OFFERS_WITHIN: Duration = Duration::from_secs(5);

/// What the pages may ask of other hives. Cheap to clone.
#[derive(Clone)]
pub(crate) struct FriendsOfHive {
    store: Store,
    files: files::Handle,
    peers: peers::Handle,
    signer: Arc<dyn Signer>,
    /// Where shares of friends are put when nobody says where.
    shelf: Option<PathBuf>,
    /// Counts what changes outside of the database.
    changes: watch::Sender<u64>,
    known: Arc<Mutex<BTreeSet<HiveId>>>,
    /// How often each friend told what they hold out.
    heard: watch::Receiver<BTreeMap<HiveId, u64>>,
    metered: Arc<Metered>,
}

impl FriendsOfHive {
    pub(crate) fn new(
        store: Store,
        files: files::Handle,
        peers: peers::Handle,
        signer: Arc<dyn Signer>,
        heard: watch::Receiver<BTreeMap<HiveId, u64>>,
        metered: Arc<Metered>,
    ) -> Self {
        let changes = watch::Sender::new(0);
        let shelf = places::home_folder().map(|home| home.join("Skep"));
        let known = Arc::default();
        Self { store, files, peers, signer, shelf, changes, known, heard, metered }
    }

    pub(crate) fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// The owner, or the hive, has another name from now on.
    pub(crate) fn renamed(&self) {
        self.peers.renamed();
    }

    /// Tells the links who the friends are now.
    pub(crate) async fn tell_friends(&self) -> Result<(), people::Error> {
        let look = |view: &store::View| {
            let limits = (people::limits(view)?, people::only_unmetered(view)?);
            Ok::<_, people::Error>((people::friends(view)?, limits, view.now()))
        };
        let (friends, (limits, only_unmetered), now) = self.store.read(look).await?;
        self.metered.want(only_unmetered);
        self.peers.set_limits(bytes(limits));
        {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            *known = friends.iter().map(|friend| friend.hive).collect();
        }
        let friends = friends.into_iter().map(|friend| peers::Friend {
            hive: friend.hive,
            addresses: friend.addresses.iter().filter_map(|text| text.parse().ok()).collect(),
            paused: friend.paused.is_some_and(|pause| pause.holds(now)),
            limits: bytes(friend.limits),
        });
        self.peers.set_friends(friends.collect());
        let changed = self.store.read(rights_changed).await?;
        if !changed.is_empty() {
            let signer = self.signer.clone();
            let write = move |tx: &mut store::Tx| {
                changed.into_iter().try_for_each(|share| keep_to_rights(tx, &*signer, share))
            };
            self.store.write(write).await?;
        }
        self.ask_anew().await?;
        self.peers.shares_changed(None);
        self.changed();
        Ok(())
    }

    /// Asks friends for everything of those shares of which something that counts may be missing.
    async fn ask_anew(&self) -> Result<(), people::Error> {
        let look = |view: &store::View| -> Result<Vec<ShareId>, files::Error> {
            let shares = files::shares(view)?.into_iter().map(|share| share.id);
            let asked = shares.map(|share| Ok((share, files::asks_anew(view, share)?)));
            let asked = asked.collect::<Result<Vec<_>, files::Error>>()?.into_iter();
            Ok(asked.filter(|(_, anew)| *anew).map(|(share, _)| share).collect())
        };
        for share in self.store.read(look).await.map_err(of_files)? {
            self.peers.ask_anew(share).await?;
            let done = move |tx: &mut store::Tx| files::asked_anew(tx, share);
            self.store.write(done).await.map_err(of_files)?;
        }
        Ok(())
    }

    /// Takes up an offer: the folder first, then the word that says so.
    pub(crate) async fn take_up(&self, accept: Accept) -> Result<(), web::Error> {
        let share = accept.share;
        let offer = self.store.read(move |view| people::offer(view, share)).await?;
        let name = accept.name.unwrap_or_else(|| offer.name.clone());
        let root = match accept.path {
            Some(path) => path,
            None => self.free_folder(&name)?,
        };
        let folders = accept.folders.unwrap_or_default();
        let folders: Result<Vec<RelPath>, _> = folders.iter().map(|text| text.parse()).collect();
        let folders = folders.map_err(files::Error::from)?;
        self.files.accept_share(share, root, name, folders).await?;
        let signer = self.signer.clone();
        let joined =
            self.store.write(move |tx| people::accept_offer(tx, &*signer, share).map(drop)).await;
        if let Err(error) = joined {
            self.files.unshare(share).await?;
            return Err(error.into());
        }
        self.peers.shares_changed(None);
        self.changed();
        Ok(())
    }

    fn free_folder(&self, name: &str) -> Result<PathBuf, web::Error> {
        let shelf = self.shelf.as_ref().ok_or_else(|| {
            web::Error::bad_input("your home folder was not found", "Say where the folder goes")
        })?;
        let plain: String =
            name.chars().map(|c| if c == '/' || c == '\0' { '-' } else { c }).collect();
        let plain = plain.trim_start_matches('.').trim();
        let plain = if plain.is_empty() { "Shared" } else { plain };
        let free = |path: &PathBuf| {
            std::fs::read_dir(path).map_or(!path.exists(), |mut entries| entries.next().is_none())
        };
        let names = (1..=FOLDER_NAMES_MAX).map(|number| match number {
            1 => plain.to_owned(),
            number => format!("{plain} {number}"),
        });
        names.map(|name| shelf.join(name)).find(free).ok_or_else(|| {
            web::Error::bad_input("too many folders have that name", "Say where the folder goes")
        })
    }

    async fn place_of(&self, of: WhyOf) -> Result<(ShareId, RelPath), web::Error> {
        Ok(match of {
            WhyOf::Path(share, path) => (share, path.parse().map_err(files::Error::from)?),
            WhyOf::File(file) => {
                let entry = self.store.read(move |view| files::entry(view, file)).await?;
                (entry.share, entry.path)
            }
        })
    }

    /// Names whose hives may have what this one lacks, the connected ones first.
    async fn sources(&self, share: ShareId) -> Result<Vec<(people::Friend, bool)>, web::Error> {
        let own = self.signer.hive();
        let friends = self
            .store
            .read(move |view| {
                let members = people::members(view, share)?.into_keys();
                let others = members.filter(|hive| *hive != own);
                Ok::<_, people::Error>(
                    others.filter_map(|hive| people::friend(view, hive).ok()).collect::<Vec<_>>(),
                )
            })
            .await?;
        let here = self.connections();
        let mut sources: Vec<_> = friends
            .into_iter()
            .map(|friend| (here.contains_key(&friend.hive), friend))
            .map(|(here, friend)| (friend, here))
            .collect();
        sources.sort_by_key(|(friend, here)| (!here, std::cmp::Reverse(friend.last_seen_at)));
        Ok(sources)
    }

    async fn apart(&self, file: FileId) -> Result<files::TwoVersions, web::Error> {
        let all = self.store.read(|view| files::two_versions(view, None)).await?;
        let found = all.into_iter().find(|apart| apart.file == file);
        found.ok_or_else(|| web::Error::gone("there are no two versions of this file any more"))
    }

    async fn content(&self, share: ShareId, hash: Hash) -> Result<Content, web::Error> {
        let reader = self.files.content(share, hash).await?;
        let size = reader.size;
        let (mut writer, piped) = tokio::io::duplex(PIECE_BYTES);
        let runtime = tokio::runtime::Handle::current();
        drop(tokio::task::spawn_blocking(move || {
            let mut buffer = vec![0; PIECE_BYTES];
            let mut at = 0;
            while let Ok(read) = reader.read_at(at, &mut buffer) {
                // Whoever asked may have gone.
                if read == 0 || runtime.block_on(writer.write_all(&buffer[..read])).is_err() {
                    break;
                }
                at += read as u64;
            }
        }));
        Ok(Content { size, reader: Box::pin(piped) })
    }
}

impl Friends for FriendsOfHive {
    fn signer(&self) -> Arc<dyn Signer> {
        self.signer.clone()
    }

    fn follow(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn connections(&self) -> BTreeMap<HiveId, Connection> {
        let standings = self.peers.standings();
        let standings = standings.borrow();
        let connected = standings.iter().filter_map(|(hive, standing)| match standing {
            peers::Standing::Connected { way, since } => {
                Some((*hive, Connection { way: way_of(*way), since: *since }))
            }
            peers::Standing::Away { .. } | peers::Standing::Calling => None,
        });
        connected.collect()
    }

    fn away(&self) -> BTreeMap<HiveId, String> {
        let standings = self.peers.standings();
        let standings = standings.borrow();
        let away = standings.iter().filter_map(|(hive, standing)| match standing {
            peers::Standing::Away { why: Some(why) } if has_refused(why) => {
                Some((*hive, why.to_string()))
            }
            peers::Standing::Away { .. }
            | peers::Standing::Connected { .. }
            | peers::Standing::Calling => None,
        });
        away.collect()
    }

    fn phrase(&self, friend: HiveId) -> [String; 4] {
        self.peers.phrase(friend)
    }

    fn ticket(&self, secret: [u8; 16]) -> BoxFuture<'_, Result<Ticket, web::Error>> {
        let ticket = self.peers.ticket(secret);
        Box::pin(async move { Ok(Ticket { link: ticket.link, words: ticket.words }) })
    }

    fn befriend(&self, by: Invited) -> BoxFuture<'_, Result<HiveId, web::Error>> {
        Box::pin(async move {
            let text = match &by {
                Invited::Link(text) | Invited::Words(text) => text,
            };
            let before = self.heard.borrow().clone();
            let hive = self.peers.accept(text).await.map_err(refused)?;
            self.tell_friends().await?;
            let told = |heard: &BTreeMap<HiveId, u64>| heard.get(&hive) != before.get(&hive);
            let mut heard = self.heard.clone();
            // What they hold out comes with the first words; without it, it comes later.
            drop(tokio::time::timeout(OFFERS_WITHIN, heard.wait_for(told)).await);
            Ok(hive)
        })
    }

    fn network(&self) -> Option<Network> {
        self.metered.network()
    }

    fn nearby(&self) -> Vec<Nearby> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let nearby = self.peers.nearby();
        let nearby = nearby.borrow();
        let strangers = nearby.iter().filter(|one| !known.contains(&one.hive));
        strangers.map(|one| Nearby { hive: one.hive, name: one.name.clone() }).collect()
    }

    fn accept(&self, accept: Accept) -> BoxFuture<'_, Result<(), web::Error>> {
        Box::pin(self.take_up(accept))
    }

    fn leave(&self, share: ShareId, delete_local: bool) -> BoxFuture<'_, Result<(), web::Error>> {
        let signer = self.signer.clone();
        Box::pin(async move {
            self.store.write(move |tx| people::say_farewell(tx, &*signer, share)).await?;
            match delete_local {
                true => self.files.unshare_and_delete(share).await?,
                false => self.files.unshare(share).await?,
            }
            self.peers.shares_changed(None);
            self.changed();
            Ok(())
        })
    }

    fn choose(
        &self,
        share: ShareId,
        folders: Vec<RelPath>,
        remove_copies: bool,
    ) -> BoxFuture<'_, Result<(), web::Error>> {
        Box::pin(async move {
            self.files.choose(share, folders).await?;
            if remove_copies {
                self.files.remove_unchosen(share).await?;
            }
            Ok(())
        })
    }

    fn sync(&self, share: ShareId) -> BoxFuture<'_, Result<Progress, web::Error>> {
        Box::pin(async move {
            let progress = self.files.progress(share).await?;
            let newest = self.store.read(move |view| store::newest_record(view, share)).await?;
            let links = self.peers.progress();
            let links = links.borrow().clone();
            let mut friends = BTreeMap::new();
            let mut receiving = 0;
            let mut caught_up = true;
            let members = self.store.read(move |view| people::members(view, share)).await?;
            for (hive, shares) in links {
                let Some(one) = shares.get(&share) else { continue };
                receiving += one.receiving;
                // Who has not joined yet has nothing to tell.
                let joined = members
                    .get(&hive)
                    .is_some_and(|standing| standing.state == people::Membership::Member);
                caught_up &= one.records_in_step || !joined;
                friends.insert(hive, lag_of_friend(one, newest));
            }
            for (hive, known) in self.peers.last_known(share) {
                friends.entry(hive).or_insert(Lag {
                    files: Some(known.lag.files),
                    bytes: Some(known.lag.bytes),
                    known_at: Some(known.at),
                    ..Lag::default()
                });
            }
            let here = Lag {
                in_sync: Some(progress.in_step && caught_up),
                files: Some(progress.files_to_go),
                bytes: Some(progress.bytes_to_go),
                speed: Some(receiving).filter(|speed| *speed > 0),
                seconds_left: seconds(progress.bytes_to_go, receiving),
                known_at: None,
            };
            let held_back =
                progress.held_back.map(|held| HeldBack { own: held.own, friends: held.friends });
            let waiting = progress.waiting.into_iter().map(|why| Waiting {
                file: why.file,
                path: why.path.to_string(),
                code: why.code.to_owned(),
                detail: why.detail,
                hint: why.hint,
            });
            Ok(Progress { here, friends, waiting: waiting.collect(), held_back })
        })
    }

    fn confirm_deletions(
        &self,
        share: ShareId,
        agreed: bool,
    ) -> BoxFuture<'_, Result<(), web::Error>> {
        Box::pin(async move { Ok(self.files.confirm_deletions(share, agreed).await?) })
    }

    fn why(&self, of: WhyOf) -> BoxFuture<'_, Result<Why, web::Error>> {
        Box::pin(async move {
            let (share, path) = self.place_of(of).await?;
            let why = self.files.why(share, path).await?;
            let (mut detail, mut hint) = (why.detail, why.hint);
            if why.code == "content" {
                (detail, hint) = where_it_is(&self.sources(share).await?);
            }
            let path = why.path.to_string();
            Ok(Why { path, in_step: why.in_step, code: why.code.to_owned(), detail, hint })
        })
    }

    fn two_versions(
        &self,
        share: Option<ShareId>,
    ) -> BoxFuture<'_, Result<Vec<Apart>, web::Error>> {
        Box::pin(async move {
            let all = self.store.read(move |view| files::two_versions(view, share)).await?;
            Ok(all.into_iter().map(apart).collect())
        })
    }

    fn side(&self, file: FileId, side: Side) -> BoxFuture<'_, Result<Content, web::Error>> {
        Box::pin(async move {
            let apart = self.apart(file).await?;
            let hash = match side {
                Side::First => apart.sides.first().and_then(hash_of),
                Side::Second => apart.sides.get(1).and_then(hash_of),
                Side::Base => apart.base,
            };
            let hash =
                hash.ok_or_else(|| web::Error::gone("it holds nothing that can be shown"))?;
            self.content(apart.share, hash).await
        })
    }

    fn resolve(&self, file: FileId, keep: Keep) -> BoxFuture<'_, Result<String, web::Error>> {
        Box::pin(async move {
            self.apart(file).await?;
            let keep = match keep {
                Keep::First => files::Keep::First,
                Keep::Second => files::Keep::Second,
                Keep::Both => files::Keep::Both,
                Keep::Text(text) => files::Keep::Text(text.into_bytes()),
            };
            Ok(self.files.resolve(file, keep).await?.to_string())
        })
    }

    fn undo_resolve(&self, file: FileId, undo: String) -> BoxFuture<'_, Result<(), web::Error>> {
        Box::pin(async move {
            let unknown = || web::Error::gone("that cannot be undone any more");
            let choice = undo.parse().map_err(|_| unknown())?;
            match self.files.undo_resolve(file, choice).await {
                Err(files::Error::Gone) => Err(unknown()),
                Err(files::Error::Changed) => Err(web::Error::new(
                    StatusCode::CONFLICT,
                    "changed",
                    "The file was changed since that choice",
                    "Both versions are in its history: bring one back from there",
                )),
                other => Ok(other?),
            }
        })
    }

    fn ignore(&self, share: ShareId) -> BoxFuture<'_, Result<Ignore, web::Error>> {
        Box::pin(async move { Ok(ignore(self.files.ignored(share).await?)) })
    }

    fn set_ignore(
        &self,
        share: ShareId,
        text: String,
    ) -> BoxFuture<'_, Result<Ignore, web::Error>> {
        Box::pin(async move { Ok(ignore(self.files.set_ignored(share, text).await?)) })
    }

    fn preview_ignore(
        &self,
        share: ShareId,
        text: String,
    ) -> BoxFuture<'_, Result<Vec<Caught>, web::Error>> {
        Box::pin(async move {
            let caught = self.files.ignore_preview(share, text).await?.into_iter();
            Ok(caught
                .map(|one| Caught { path: one.path.to_string(), rule: one.rule, line: one.line })
                .collect())
        })
    }
}

/// Whether a hive answers and says no, rather than being away.
fn has_refused(why: &Refusal) -> bool {
    !matches!(why, Refusal::Unreachable { .. } | Refusal::Stopping | Refusal::Twice)
}

/// Limits as the links take them.
fn bytes(limits: people::Limits) -> peers::Limits {
    let bytes = |kb: u32| u64::from(kb) * 1_000;
    peers::Limits { up: bytes(limits.up_kb), down: bytes(limits.down_kb) }
}

/// The shares in which somebody may write now and might not, or the other way round.
fn rights_changed(view: &store::View) -> Result<Vec<ShareId>, people::Error> {
    let mut changed = Vec::new();
    for share in files::shares(view).map_err(of_files)? {
        let is_known = people::charter(view, share.id)?.is_some();
        let before = files::writers(view, share.id).map_err(of_files)?;
        if is_known && before != people::writers(view, share.id)? {
            changed.push(share.id);
        }
    }
    Ok(changed)
}

const fn way_of(way: peers::Way) -> Way {
    match way {
        peers::Way::Lan => Way::Lan,
        peers::Way::Direct => Way::Direct,
        peers::Way::Relay => Way::Relay,
    }
}

/// Only who took in the newest record here can have everything.
fn lag_of_friend(one: &peers::Progress, newest: u64) -> Lag {
    let Some(theirs) = one.theirs else { return Lag::default() };
    Lag {
        in_sync: Some(one.records_in_step && one.taken >= newest && theirs.files == 0),
        files: Some(theirs.files),
        bytes: Some(theirs.bytes),
        speed: Some(one.sending).filter(|speed| *speed > 0),
        seconds_left: seconds(theirs.bytes, one.sending),
        known_at: None,
    }
}

fn seconds(bytes: u64, speed: u64) -> Option<u64> {
    (bytes > 0 && speed > 0).then(|| bytes.div_ceil(speed))
}

/// Where a missing content is, in words.
fn where_it_is(sources: &[(people::Friend, bool)]) -> (String, String) {
    match sources.first() {
        Some((friend, true)) => (
            format!("It is on its way from {}.", friend.name()),
            "It appears by itself.".to_owned(),
        ),
        Some((friend, false)) => {
            let seen = friend.last_seen_at.map(ago).unwrap_or_default();
            (
                format!("{} has it, and their hive is away{seen}.", friend.name()),
                "It comes when their hive is back. Ask them to open Skep.".to_owned(),
            )
        }
        None => (
            "Nobody who has it is a friend of this hive any more.".to_owned(),
            "Ask somebody in the share to invite you as a friend.".to_owned(),
        ),
    }
}

fn ago(seen: Time) -> String {
    let minutes = Time::now().since(seen) / types::MINUTE_MS;
    match minutes {
        ..2 => ", last seen just now".to_owned(),
        2..120 => format!(", last seen {minutes} minutes ago"),
        120..2_880 => format!(", last seen {} hours ago", minutes / 60),
        _ => format!(", last seen {} days ago", minutes / 1_440),
    }
}

fn hash_of(side: &files::Side) -> Option<Hash> {
    match &side.what {
        tree::What::File { hash, .. } => Some(*hash),
        tree::What::Folder | tree::What::Link { .. } => None,
    }
}

fn apart(apart: files::TwoVersions) -> Apart {
    let small = |side: &files::Side| match &side.what {
        tree::What::File { size, .. } => *size <= tree::MERGE_BYTES_MAX,
        tree::What::Folder | tree::What::Link { .. } => false,
    };
    let is_text =
        apart.path.name().is_some_and(|name| files::type_of_name(&name) == files::Type::Text);
    let mergeable = is_text && apart.sides.iter().all(small);
    let sides = apart.sides.iter().map(|side| Version {
        hash: hash_of(side).unwrap_or_else(|| Hash::of(b"")),
        at: side.at,
        hive: side.hive,
        guest: side.by.clone(),
        size: match &side.what {
            tree::What::File { size, .. } => *size,
            tree::What::Folder | tree::What::Link { .. } => 0,
        },
    });
    Apart {
        file: apart.file,
        share: apart.share,
        path: apart.path.to_string(),
        sides: sides.collect(),
        mergeable,
        base: apart.base.is_some(),
    }
}
