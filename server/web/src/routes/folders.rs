//! Folders of this computer to choose from, for a page that has no native dialog.

use std::fs;
use std::path::{Path, PathBuf};

use axum::extract::{Query, State as Extract};
use serde::Deserialize;

use crate::{Error, State, wire};

const FOLDERS_MAX: usize = 2_000;

#[derive(Deserialize)]
pub(super) struct Place {
    path: Option<String>,
}

pub(super) async fn choices(
    Extract(state): Extract<State>,
    Query(place): Query<Place>,
) -> Result<axum::Json<wire::FolderChoices>, Error> {
    let path = match place.path.filter(|path| !path.is_empty()) {
        Some(path) => PathBuf::from(path),
        None => state.control.home_folder().unwrap_or_else(|| PathBuf::from("/")),
    };
    if !path.is_absolute() {
        let hint = "Give the whole path, beginning at the root of the disk";
        return Err(Error::bad_input("that is not a whole path", hint));
    }
    let listed = tokio::task::spawn_blocking(move || list(&path)).await;
    let listed = listed.map_err(|_| Error::from(store::Error::Closed))?;
    listed.map(axum::Json)
}

fn list(path: &Path) -> Result<wire::FolderChoices, Error> {
    let read = fs::read_dir(path).map_err(|error| {
        let words = format!("{} cannot be read: {error}", path.display());
        Error::bad_input(words, "Choose a folder that you may read")
    })?;
    let mut entries: Vec<wire::FolderChoice> = read
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let shown = !name.starts_with('.');
            shown.then(|| wire::FolderChoice { path: entry.path().display().to_string(), name })
        })
        .take(FOLDERS_MAX)
        .collect();
    entries.sort_by_cached_key(|entry| entry.name.to_lowercase());
    Ok(wire::FolderChoices {
        path: path.display().to_string(),
        parent: path.parent().map(|parent| parent.display().to_string()),
        entries,
    })
}
