//! Which document a file on disk is: by the shares of the hive on this computer, or by the link
//! whose files stand in its folder.

use std::path::Path;
use std::sync::Arc;

use hive::{Client, wire};

use crate::door::Door;
use crate::guest::Guest;
use crate::place::Place;

/// A file that is shared.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) door: Door,
    pub(crate) file: String,
    /// `None`, or why it is not open to live editing.
    pub(crate) not_live: Option<String>,
}

/// The document of a file; `None` if it lies in no share.
pub(crate) async fn document(client: &Client, path: &Path) -> Result<Option<Found>, hive::Error> {
    let path = Client::on_disk(path).unwrap_or_else(|| path.to_owned());
    if let Some((place, inside)) = Place::of(&path) {
        return of_place(place, &inside).await;
    }
    let mut places: Vec<(usize, wire::Share, String)> = Vec::new();
    for share in client.shares().await? {
        let Some(root) = share.root.as_deref().map(Path::new) else { continue };
        if let Ok(inside) = path.strip_prefix(root) {
            let inside = inside.to_string_lossy().into_owned();
            places.push((root.components().count(), share, inside));
        }
    }
    // The innermost share has it; of a share of one file, that file alone.
    places.sort_by_key(|(depth, share, _)| std::cmp::Reverse((*depth, share.file.is_some())));
    for (_, share, inside) in places {
        let call = match &share.file {
            Some(file) => format!("/files/{file}"),
            None => format!("/files/by-path?share={}&path={}", share.id, Client::in_query(&inside)),
        };
        let details: wire::FileDetails = client.get(&call).await?;
        if share.file.is_some() && details.file.path != inside {
            continue;
        }
        return Ok(Some(found(Door::Own(client.clone()), details)));
    }
    Ok(None)
}

async fn of_place(place: Place, inside: &str) -> Result<Option<Found>, hive::Error> {
    let Some((guest, key)) = Guest::of_place(place) else { return Ok(None) };
    if inside.split('/').any(|name| name.starts_with('.')) {
        return Ok(None);
    }
    let whole = if key.inside.is_empty() { String::new() } else { key.inside + "/" };
    let door = Door::Guest(Arc::new(guest));
    let path = Client::in_query(&format!("{whole}{inside}"));
    let call = format!("/files/by-path?share={}&path={path}", key.share);
    let details = door.get(&call).await?;
    Ok(Some(found(door, details)))
}

fn found(door: Door, details: wire::FileDetails) -> Found {
    let not_live = match details.live {
        wire::Live::Yes => None,
        wire::Live::No(warning) => Some(format!("{} {}", warning.detail, warning.hint)),
    };
    Found { door, file: details.file.id, not_live }
}
