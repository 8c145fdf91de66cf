//! What a link opens, as the hive lists it, and when that changes.

use std::collections::VecDeque;
use std::path::{Component, Path};
use std::sync::Arc;
use std::time::Duration;

use hive::{Client, wire};
use http_body_util::BodyExt;
use hyper::body::Bytes;
use hyper::{Method, Response, body::Incoming};
use tokio::sync::mpsc;

use crate::door::Door;
use crate::guest::Guest;

const PAGE: usize = 2_000;
/// More than these are not listed.
const ENTRIES_MAX: usize = 20_000;
/// What is no text by its name is looked into up to this size.
const ODD_BYTES_MAX: u64 = 1_000_000;
const LISTED_EVERY: Duration = Duration::from_millis(700);
const LISTED_AT_LEAST_EVERY: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(1_000);

/// What a link opens.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    pub(super) share: String,
    /// The folder of the share that stands in the link's folder.
    pub(super) inside: String,
    /// The one file.
    pub(super) file: Option<String>,
}

impl Scope {
    pub(super) fn of(link: &wire::GuestLink) -> Self {
        let above = link.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let (inside, file) = match link.kind {
            wire::LinkKind::File => (above.to_owned(), link.file.clone()),
            wire::LinkKind::Share | wire::LinkKind::Folder => (link.path.clone(), None),
        };
        Self { share: link.share.clone(), inside, file }
    }

    /// The path of the share for one in the link's folder.
    pub(super) fn outside(&self, path: &str) -> String {
        if self.inside.is_empty() { path.to_owned() } else { format!("{}/{path}", self.inside) }
    }

    /// A hive's path as one in the link's folder. Hidden names stay away, since editors run what
    /// some of them hold; so does whatever would lead out of the folder.
    fn here(&self, path: &str) -> Option<String> {
        let path = match self.inside.as_str() {
            "" => path,
            inside => path.strip_prefix(inside)?.strip_prefix('/')?,
        };
        let plain = |part: Component<'_>| match part {
            Component::Normal(name) => !name.to_string_lossy().starts_with('.'),
            _ => false,
        };
        let whole = !path.is_empty() && !path.contains('\0') && !path.ends_with('/');
        (whole && Path::new(path).components().all(plain)).then(|| path.to_owned())
    }
}

#[derive(Debug)]
pub(super) enum Heard {
    Listed(Vec<Entry>),
    /// The link opens nothing any more.
    Ended(hive::Error),
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) path: String,
    pub(super) kind: Kind,
    pub(super) stamp: (u64, i64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Folder,
    Text,
    /// No text, or too large to be open live.
    Other,
}

/// Lists what the link opens, now and after each change.
pub(super) async fn follow(guest: Arc<Guest>, scope: Scope, heard: mpsc::Sender<Heard>) {
    let door = Door::Guest(guest.clone());
    let mut odd = Odd::default();
    loop {
        let events = guest.open(&Method::GET, "/events", Bytes::new()).await;
        let mut events = match events {
            Ok(events) => events,
            Err(error) if has_ended(&error) => return drop(heard.send(Heard::Ended(error)).await),
            Err(_) => {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        loop {
            let Ok(entries) = list(&door, &scope, &mut odd).await else { break };
            if heard.send(Heard::Listed(entries)).await.is_err() {
                return;
            }
            tokio::time::sleep(LISTED_EVERY).await;
            // Of what was removed not everybody is told.
            let changed = something_changed(&mut events);
            if matches!(tokio::time::timeout(LISTED_AT_LEAST_EVERY, changed).await, Ok(false)) {
                break;
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether asking again cannot help.
pub(super) fn has_ended(error: &hive::Error) -> bool {
    match error {
        hive::Error::Problem { code, .. } if code == "paused" => false,
        hive::Error::Problem { status, .. } => (400..500).contains(status) && *status != 429,
        _ => false,
    }
}

/// Waits for news of files; false when the stream ended.
async fn something_changed(events: &mut Response<Incoming>) -> bool {
    while let Some(Ok(frame)) = events.body_mut().frame().await {
        let Some(data) = frame.data_ref() else { continue };
        if data.windows(13).any(|words| words == b"event: change") {
            return true;
        }
    }
    false
}

/// Files of which the name says nothing, and whether they are texts: asked once for each content.
type Odd = std::collections::HashMap<(String, (u64, i64)), bool>;

async fn list(door: &Door, scope: &Scope, odd: &mut Odd) -> Result<Vec<Entry>, hive::Error> {
    if let Some(file) = &scope.file {
        let details: wire::FileDetails = door.get(&format!("/files/{file}")).await?;
        let is_live = matches!(details.live, wire::Live::Yes);
        let kind = if is_live { Kind::Text } else { Kind::Other };
        return Ok(entry(scope, details.file, kind).into_iter().collect());
    }
    let mut entries = Vec::new();
    let mut folders = VecDeque::from([scope.inside.clone()]);
    while let Some(folder) = folders.pop_front() {
        let mut offset = 0;
        loop {
            let (share, folder) = (&scope.share, Client::in_query(&folder));
            let call =
                format!("/shares/{share}/files?folder={folder}&offset={offset}&limit={PAGE}");
            let listing: wire::Listing = door.get(&call).await?;
            let count = listing.entries.len();
            for file in listing.entries {
                let path = file.path.clone();
                let kind = kind(door, &file, odd).await?;
                if let Some(entry) = kind.and_then(|kind| entry(scope, file, kind)) {
                    if entry.kind == Kind::Folder {
                        folders.push_back(path);
                    }
                    entries.push(entry);
                }
            }
            offset += count;
            if count == 0 || offset as u64 >= listing.total || entries.len() > ENTRIES_MAX {
                break;
            }
        }
        if entries.len() > ENTRIES_MAX {
            break;
        }
    }
    Ok(entries)
}

fn entry(scope: &Scope, file: wire::File, kind: Kind) -> Option<Entry> {
    let path = scope.here(&file.path)?;
    Some(Entry { id: file.id, path, kind, stamp: (file.size, file.modified_at) })
}

async fn kind(door: &Door, file: &wire::File, odd: &mut Odd) -> Result<Option<Kind>, hive::Error> {
    let kind = match (file.kind.as_str(), file.r#type.as_str()) {
        ("folder", _) => Kind::Folder,
        ("link", _) => return Ok(None),
        (_, "text") => Kind::Text,
        (_, "other") if file.size <= ODD_BYTES_MAX => {
            let known = (file.id.clone(), (file.size, file.modified_at));
            let is_text = match odd.get(&known) {
                Some(is_text) => *is_text,
                None => {
                    let call = format!("/files/{}", file.id);
                    let details: wire::FileDetails = door.get(&call).await?;
                    let is_text = matches!(details.live, wire::Live::Yes);
                    odd.insert(known, is_text);
                    is_text
                }
            };
            if is_text { Kind::Text } else { Kind::Other }
        }
        _ => Kind::Other,
    };
    Ok(Some(kind))
}

#[cfg(test)]
mod tests {
    use super::Scope;

    #[test]
    fn no_name_of_a_hive_leads_out_of_the_folder() {
        let scope =
            |inside: &str| Scope { share: "s".to_owned(), inside: inside.to_owned(), file: None };
        assert_eq!(scope("").here("a/b.md").as_deref(), Some("a/b.md"));
        assert_eq!(scope("a").here("a/b.md").as_deref(), Some("b.md"));
        let odd = ["../x", "/etc/x", "a/../../x", ".vimrc", "a/.git/config", "", "a/", "a\0b", "."];
        for path in odd {
            assert_eq!(scope("").here(path), None, "{path:?}");
        }
        assert_eq!(scope("a").here("ab/c"), None);
        assert_eq!(scope("a").here("a/../b"), None);
    }
}
