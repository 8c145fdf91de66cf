//! Listens to the file system. Events are hints where to look, never facts.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use notify::event::{AccessKind, AccessMode, CreateKind, EventKind, ModifyKind, RenameMode};
use notify::{Config, ErrorKind, Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use types::RelPath;

/// How many hints may wait before everything is looked at instead.
pub(crate) const HINTS_MAX: usize = 8_192;
/// Whether each folder is watched by itself (inotify). Elsewhere the system watches whole trees.
pub(crate) const BY_FOLDER: bool = cfg!(target_os = "linux");

/// How soon a hint is worth a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// A file was closed after writing, or put in place.
    Now,
    /// Something that is often followed by more at once.
    Soon,
    /// Somebody is writing.
    Writing,
    /// Mode, times or attributes were set.
    Dressed,
    /// Something is in a folder of which the name cannot be told.
    Within,
}

#[derive(Debug)]
pub(crate) enum Hint {
    At(PathBuf, When),
    /// Events were lost: nothing is known but the tree itself.
    Lost,
    /// The system watches no further folder.
    Limit,
}

/// How an attempt to watch a folder went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Watched {
    Yes,
    /// The folder cannot be watched just now; it is probably gone.
    No,
    Limit,
}

pub(crate) struct Watcher {
    watcher: Mutex<Option<RecommendedWatcher>>,
}

/// The receiving end.
pub(crate) struct Hints {
    waiting: mpsc::Receiver<Hint>,
    lost: Arc<AtomicBool>,
}

impl Hints {
    /// Waits for hints and takes all that are there.
    pub(crate) async fn next(&mut self) -> Vec<Hint> {
        let mut hints = Vec::new();
        if self.waiting.recv_many(&mut hints, HINTS_MAX).await == 0 {
            // Nobody watches: there will never be a hint.
            std::future::pending::<()>().await;
        }
        if self.lost.swap(false, Ordering::AcqRel) {
            hints.push(Hint::Lost);
        }
        hints
    }
}

impl Watcher {
    pub(crate) fn start() -> (Self, Hints) {
        let (sender, waiting) = mpsc::channel(HINTS_MAX);
        let lost = Arc::new(AtomicBool::new(false));
        let hints = Hints { waiting, lost: lost.clone() };
        let handler = move |event| {
            read_event(event, |hint| {
                if sender.try_send(hint).is_err() {
                    lost.store(true, Ordering::Release);
                }
            });
        };
        let config = Config::default().with_follow_symlinks(false);
        let watcher = match RecommendedWatcher::new(handler, config) {
            Ok(watcher) => Some(watcher),
            Err(error) => {
                tracing::warn!(%error, "shared folders cannot be watched, they are polled instead");
                None
            }
        };
        (Self { watcher: Mutex::new(watcher) }, hints)
    }

    /// Watches a folder: only its own entries where [`BY_FOLDER`] holds, else the tree under it.
    pub(crate) fn watch(&self, folder: &Path) -> Watched {
        let mode = if BY_FOLDER { RecursiveMode::NonRecursive } else { RecursiveMode::Recursive };
        let mut watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(watcher) = watcher.as_mut() else { return Watched::Limit };
        match watcher.watch(folder, mode) {
            Ok(()) => Watched::Yes,
            Err(error) if matches!(error.kind, ErrorKind::MaxFilesWatch) => Watched::Limit,
            Err(error) => {
                tracing::debug!(folder = %folder.display(), %error, "a folder is not watched");
                Watched::No
            }
        }
    }

    pub(crate) fn unwatch(&self, folder: &Path) {
        let mut watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(watcher) = watcher.as_mut()
            && let Err(error) = watcher.unwatch(folder)
        {
            tracing::trace!(folder = %folder.display(), %error, "a folder was not watched");
        }
    }
}

fn read_event(event: notify::Result<Event>, mut hint: impl FnMut(Hint)) {
    let event = match event {
        Ok(event) if event.need_rescan() => return hint(Hint::Lost),
        Ok(event) => event,
        Err(error) if matches!(error.kind, ErrorKind::MaxFilesWatch) => return hint(Hint::Limit),
        Err(error) => {
            tracing::debug!(%error, "watching failed for a moment");
            return hint(Hint::Lost);
        }
    };
    let Some(when) = urgency(&event.kind) else { return };
    for path in event.paths {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !name.starts_with(RelPath::TEMPORARY_PREFIX) {
            hint(Hint::At(path, when));
        }
    }
}

/// How soon an event is worth a look; `None` for those that change nothing.
fn urgency(kind: &EventKind) -> Option<When> {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Create(CreateKind::Folder)
        | EventKind::Modify(ModifyKind::Name(RenameMode::To)) => Some(When::Now),
        EventKind::Access(_) => None,
        EventKind::Modify(ModifyKind::Data(_)) => Some(When::Writing),
        EventKind::Modify(ModifyKind::Metadata(_)) => Some(When::Dressed),
        // Both ends came as events of their own.
        EventKind::Modify(ModifyKind::Name(RenameMode::Both)) if BY_FOLDER => None,
        EventKind::Create(_)
        | EventKind::Remove(_)
        | EventKind::Modify(_)
        | EventKind::Any
        | EventKind::Other => Some(When::Soon),
    }
}
