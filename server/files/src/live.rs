//! One share at work: what its follower and the doors to its files have in common.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use store::Store;
use tokio::sync::{Notify, broadcast, watch};
use types::{RelPath, ShareId, Signer};

use crate::contents::Stock;
use crate::disk::{Naming, PartNames, Root, Traits};
use crate::entry::{Changed, ChangedEntry, EntryKind, Stat};
use crate::ignore::{self, Rules};
use crate::in_hand::{Arrival, InHand};
use crate::scrub::Scrubbed;
use crate::share::{GuestNames, Share, State};
use crate::watch::{Watched, Watcher};
use crate::{Error, db};

/// How many changed entries one message tells of.
const CHANGES_PER_MESSAGE_MAX: usize = 1_000;

/// How a share stands, and what else its owner should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub state: State,
    /// Sentences: what is not shared or not followed, and what to do about it.
    pub notes: Vec<String>,
}

/// What all shares of a hive have in common.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) watcher: Watcher,
    pub(crate) parts: PartNames,
    pub(crate) standings: watch::Sender<BTreeMap<ShareId, Standing>>,
    pub(crate) changes: broadcast::Sender<Changed>,
    pub(crate) in_hand: InHand,
    pub(crate) arrivals: broadcast::Sender<Arrival>,
    pub(crate) signer: Option<Arc<dyn Signer>>,
    pub(crate) guests: Option<GuestNames>,
    /// Whether names are written as narrow file systems hold them.
    pub(crate) narrow_names: bool,
    /// Counts up whenever something may be wanted of friends' hives, or no longer is.
    pub(crate) needs: watch::Sender<u64>,
    /// How the last look at all contents went, or how far it is.
    pub(crate) scrubbed: Mutex<Scrubbed>,
}

impl Shared {
    pub(crate) fn signer(&self) -> Result<Arc<dyn Signer>, Error> {
        self.signer.clone().ok_or_else(|| {
            Error::Refused("This hive has no key to sign with. Start it again.".to_owned())
        })
    }
}

pub(crate) struct Live {
    pub(crate) share: Share,
    pub(crate) shared: Arc<Shared>,
    /// Doors that write hold it together, a scan alone: so a scan never sees a file of which the
    /// row is not written yet.
    gate: RwLock<()>,
    /// Whether the system refuses to watch more folders.
    pub(crate) limited: AtomicBool,
    pub(crate) stopped: AtomicBool,
    /// Whether hints wait or something is being looked at: more may be found in a moment.
    pub(crate) looking: AtomicBool,
    pub(crate) stock: Stock,
    /// Wakes the task that takes steps.
    pub(crate) woken: Notify,
    /// Whether any file here has several names that are known.
    pub(crate) linked: AtomicBool,
    /// Whether the disk gave back other bytes than were written, and that is not mended.
    pub(crate) ailing: AtomicBool,
    /// Held while what is spoilt is written anew.
    pub(crate) healing: Mutex<()>,
    /// Names that cannot be shared, by the folder that they stand in.
    odd: Mutex<BTreeMap<RelPath, Vec<String>>>,
    /// Whether steps were to be taken since nothing was left to do.
    pub(crate) needed: AtomicBool,
    traits: OnceLock<Traits>,
    rules: Mutex<Option<(Option<Stat>, Arc<Rules>)>>,
    /// The rules that everything was last compared with.
    applied: Mutex<Option<Arc<Rules>>>,
}

impl Live {
    pub(crate) fn new(share: Share, shared: Arc<Shared>) -> Self {
        Self {
            share,
            shared,
            gate: RwLock::default(),
            limited: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            looking: AtomicBool::new(false),
            stock: Stock::default(),
            woken: Notify::new(),
            linked: AtomicBool::new(false),
            ailing: AtomicBool::new(false),
            healing: Mutex::default(),
            odd: Mutex::default(),
            needed: AtomicBool::new(true),
            traits: OnceLock::new(),
            rules: Mutex::default(),
            applied: Mutex::default(),
        }
    }

    pub(crate) fn writing(&self) -> RwLockReadGuard<'_, ()> {
        self.gate.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn scanning(&self) -> RwLockWriteGuard<'_, ()> {
        self.gate.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the root, as long as it is the folder that was shared.
    pub(crate) fn root(&self) -> Result<Root, Error> {
        let id = self.share.id;
        let (marked, _) = self.shared.store.read_blocking(|view| db::share_facts(view, id))?;
        let mut root = Root::open(&self.share, marked)?;
        let traits = self.traits.get_or_init(|| self.try_out(&root));
        root.naming = traits.naming;
        Ok(root)
    }

    /// What the share's file system can hold.
    pub(crate) fn traits(&self) -> Traits {
        self.traits.get().copied().unwrap_or_default()
    }

    fn try_out(&self, root: &Root) -> Traits {
        // Around a single file nothing is tried.
        let traits = match self.share.only {
            None => root.traits(&self.shared.parts.draw(self.share.id)),
            Some(_) => Traits::default(),
        };
        let narrow = traits.naming.narrow || self.shared.narrow_names;
        let naming = self.lasting(Naming { narrow, ..traits.naming });
        Traits { naming, ..traits }
    }

    /// Names stand for ever as they stood first: otherwise they would seem to be others.
    fn lasting(&self, found: Naming) -> Naming {
        let store = &self.shared.store;
        let key = format!("files.naming.{}", self.share.id);
        let known = store.read_blocking(|view| store::setting(view, &key)).ok().flatten();
        if let Some(known) = known {
            let has = |word| known.split(' ').any(|one| one == word);
            let narrow = found.narrow || has("narrow");
            return Naming { narrow, folds: found.folds || has("folds") };
        }
        if !found.is_exact() {
            let words = [(found.narrow, "narrow"), (found.folds, "folds")];
            let words = words.iter().filter(|(has, _)| *has).map(|(_, word)| *word);
            let words = words.collect::<Vec<_>>().join(" ");
            let noted = store.write_blocking(move |tx| store::set_setting(tx, &key, Some(&words)));
            if let Err(error) = noted {
                tracing::warn!(%error, "how names stand on a disk could not be noted");
            }
        }
        found
    }

    /// The path in the share that stands on disk under this one.
    pub(crate) fn path_inside(&self, path: &Path) -> Option<RelPath> {
        let naming = self.traits().naming;
        if naming.is_exact() {
            return self.share.path_inside(path);
        }
        let inside = path.strip_prefix(&self.share.root).ok()?.to_str()?;
        let names: Option<Vec<String>> = inside
            .split('/')
            .filter(|name| !name.is_empty())
            .map(|name| naming.meant_by(name))
            .collect();
        names?.join("/").parse().ok()
    }

    /// The ignore rules as they stand in the folder.
    pub(crate) fn rules(&self, root: &Root) -> Arc<Rules> {
        let path = RelPath::from_str(ignore::FILE).unwrap_or_default();
        let stat = root.stat(&path).ok().flatten().filter(|stat| stat.kind == EntryKind::File);
        let mut cached = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, rules)) = &*cached
            && *known == stat
        {
            return rules.clone();
        }
        let text = stat.and_then(|_| root.read(&path, ignore::TEXT_BYTES_MAX).ok());
        let text = text.map(|content| String::from_utf8_lossy(&content.bytes).into_owned());
        let rules = Arc::new(Rules::new(&text.unwrap_or_default()));
        *cached = Some((stat, rules.clone()));
        rules
    }

    /// Whether the rules are others than when this was asked last.
    pub(crate) fn rules_changed(&self, root: &Root) -> bool {
        let rules = self.rules(root);
        let mut applied = self.applied.lock().unwrap_or_else(PoisonError::into_inner);
        let other = applied.as_ref().is_some_and(|applied| applied.text != rules.text);
        *applied = Some(rules);
        other
    }

    /// Notes which names in a folder cannot be shared.
    pub(crate) fn set_odd(&self, folder: &RelPath, names: Vec<String>) {
        let mut odd = self.odd.lock().unwrap_or_else(PoisonError::into_inner);
        if names.is_empty() {
            odd.remove(folder);
        } else {
            odd.insert(folder.clone(), names);
        }
    }

    /// Forgets what stood in a folder that is no longer there.
    pub(crate) fn forget_odd(&self, folder: &RelPath) {
        let mut odd = self.odd.lock().unwrap_or_else(PoisonError::into_inner);
        odd.retain(|other, _| !other.is_within(folder));
    }

    /// The names that cannot be shared, with the folders that they stand in.
    pub(crate) fn odd(&self) -> Vec<(RelPath, String)> {
        let odd = self.odd.lock().unwrap_or_else(PoisonError::into_inner);
        let all = odd.iter().flat_map(|(folder, names)| {
            names.iter().map(move |name| (folder.clone(), name.clone()))
        });
        all.collect()
    }

    pub(crate) fn wake(&self) {
        self.woken.notify_one();
    }

    /// What is wanted of friends' hives, or how far it is, may have changed.
    pub(crate) fn tell_needs(&self) {
        self.shared.needs.send_modify(|needs| *needs = needs.wrapping_add(1));
    }

    pub(crate) fn watch(&self, folder: &RelPath) {
        if !crate::watch::BY_FOLDER && !folder.is_root() {
            return;
        }
        let inside = match self.traits().naming.is_exact() {
            true => folder.to_string(),
            false => match self.root().map(|root| root.path_on_disk(folder)) {
                Ok(Ok(path)) => path,
                // It went away, and is looked for elsewhere.
                _ => return,
            },
        };
        let path = self.share.root.join(inside);
        if self.shared.watcher.watch(&path) == Watched::Limit {
            self.limited.store(true, Ordering::Relaxed);
        }
    }

    pub(crate) fn tell(&self, changes: Vec<ChangedEntry>) {
        for entries in changes.chunks(CHANGES_PER_MESSAGE_MAX) {
            let changed = Changed { share: self.share.id, entries: entries.to_vec() };
            // Without a listener there is nobody to tell.
            drop(self.shared.changes.send(changed));
        }
    }

    pub(crate) fn standing(&self) -> Option<Standing> {
        self.shared.standings.borrow().get(&self.share.id).cloned()
    }

    /// Sets how the share stands; tells whether that is another state than before.
    pub(crate) fn stand(&self, state: State, notes: Vec<String>) -> bool {
        let mut other = false;
        self.shared.standings.send_if_modified(|standings| {
            let new = Standing { state, notes };
            let old = standings.get(&self.share.id);
            if old == Some(&new) {
                return false;
            }
            other = old.is_none_or(|old| {
                std::mem::discriminant(&old.state) != std::mem::discriminant(&new.state)
                    || old.notes != new.notes
            });
            standings.insert(self.share.id, new);
            true
        });
        other
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }
}
