//! The folder of a link as the disk has it: what changed in it, and what is new.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hive::wire;
use hyper::Method;
use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::Error;
use crate::door::Door;
use crate::place::{NOT_SENT, Place};

/// A new file is looked at once it was not written for so long.
const NEW_AT_REST_AFTER: Duration = Duration::from_millis(500);
const NEW_BYTES_MAX: u64 = 5_000_000;
const NEW_AT_ONCE_MAX: usize = 64;

/// Tells when something in the folder changed.
pub(super) struct Watch {
    _watcher: RecommendedWatcher,
    changes: mpsc::Receiver<()>,
    look_at: Instant,
}

impl Watch {
    pub(super) fn of(root: &Path) -> Result<Self, Error> {
        let (sender, changes) = mpsc::channel(1);
        let told = move |event: notify::Result<notify::Event>| {
            let ends = |event: &notify::Event| match event.kind {
                EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
                EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(_)) => false,
                _ => true,
            };
            if event.as_ref().map_or(true, ends) {
                // One that waits already stands for this one.
                sender.try_send(()).ok();
            }
        };
        let failed = |error: notify::Error| Error::Io(std::io::Error::other(error));
        let mut watcher = notify::recommended_watcher(told).map_err(failed)?;
        watcher.watch(root, RecursiveMode::Recursive).map_err(failed)?;
        Ok(Self { _watcher: watcher, changes, look_at: Instant::now() })
    }

    pub(super) async fn changed(&mut self) {
        if self.changes.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }

    /// When the whole folder is to be looked at again.
    pub(super) fn look_at(&self) -> Instant {
        self.look_at
    }

    pub(super) fn look_again_at(&mut self, at: Instant) {
        self.look_at = at;
    }
}

/// What became of a new file.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) path: PathBuf,
    pub(super) text: String,
    pub(super) outcome: Result<wire::File, hive::Error>,
}

/// Makes a new text at the hive.
pub(super) async fn make(
    door: &Door,
    share: &str,
    place: String,
    path: PathBuf,
    text: String,
) -> Made {
    let body = json!({ "path": place, "text": text });
    let outcome = door.call(Method::POST, &format!("/shares/{share}/files"), &body).await;
    Made { path, text, outcome }
}

/// Texts that stand in the folder and are not known yet.
pub(super) fn new_texts(
    place: &Place,
    known: &HashSet<PathBuf>,
    making: &HashSet<PathBuf>,
) -> Vec<(PathBuf, String)> {
    let is_new = |path: &PathBuf| !known.contains(path) && !making.contains(path);
    let is_at_rest = |path: &Path| {
        let known = fs::metadata(path).ok()?;
        let age = std::time::SystemTime::now().duration_since(known.modified().ok()?).ok()?;
        Some(known.len() <= NEW_BYTES_MAX && age >= NEW_AT_REST_AFTER)
    };
    let found = files(place).into_iter().filter(|path| is_new(path));
    let found = found.filter(|path| !is_copy(path) && is_at_rest(path) == Some(true));
    let texts = found.filter_map(|path| fs::read_to_string(&path).ok().map(|text| (path, text)));
    texts.take(NEW_AT_ONCE_MAX).collect()
}

/// What stands in the folder and did not come from the hive.
pub(super) fn strays(place: &Place, known: &HashSet<PathBuf>) -> Vec<PathBuf> {
    files(place).into_iter().filter(|path| !known.contains(path)).collect()
}

/// Whether it was kept here because it could not be sent.
pub(super) fn is_copy(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().contains(NOT_SENT))
}

/// All files but hidden ones and those that editors put beside what they edit.
fn files(place: &Place) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![place.root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Ok(kind) = entry.file_type() else { continue };
            if name.starts_with('.') {
                continue;
            }
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() && !is_of_an_editor(&name) {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

fn is_of_an_editor(name: &str) -> bool {
    let ends = ["~", ".swp", ".swx", ".tmp", ".bak", "#"];
    // Vim tries with this number whether it may write in the folder.
    name == "4913" || name.starts_with('#') || ends.iter().any(|end| name.ends_with(end))
}
