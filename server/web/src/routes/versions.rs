//! Earlier versions of files, what was removed, and folders put back to a moment.

use axum::body::Bytes;
use axum::extract::{Path, Query, State as Extract};
use axum::http::StatusCode;
use axum::response::Response;
use futures::stream::try_unfold;
use serde::Deserialize;
use store::View;
use tokio_util::io::StreamReader;
use types::{FileId, HiveId, RelPath, ShareId, Time};

use crate::routes::Json;
use crate::view::friends::Present;
use crate::{Error, State, raw, view, wire};

const PIECE_BYTES: usize = 256 * 1_024;
const DAYS_MAX: i64 = 3_650;
const FILE_MB_MAX: u64 = 1_024;

#[derive(Deserialize)]
pub(super) struct OneFile {
    file: String,
}

#[derive(Deserialize)]
pub(super) struct OneVersion {
    file: String,
    id: u64,
}

#[derive(Deserialize)]
pub(super) struct InShare {
    share: String,
}

#[derive(Deserialize)]
pub(super) struct OnePutBack {
    id: u64,
}

#[derive(Deserialize)]
pub(super) struct How {
    download: Option<String>,
}

pub(super) async fn list(
    Extract(state): Extract<State>,
    Path(at): Path<OneFile>,
) -> Result<axum::Json<Vec<wire::Version>>, Error> {
    let file: FileId = at.file.parse()?;
    let own = Present::of(&*state.friends).own();
    let listed = state.store.read(move |view| {
        files::history::entry_of(view, file)?;
        let versions = files::history::versions(view, file)?;
        versions.into_iter().map(|version| show(view, version, own)).collect()
    });
    listed.await.map(axum::Json)
}

fn show(
    view: &View,
    version: files::history::Version,
    own: HiveId,
) -> Result<wire::Version, Error> {
    let (by, device) = view::friends::person(view, version.share, version.hive, own)?.unzip();
    Ok(wire::Version {
        id: version.id,
        at: version.at.0,
        by,
        device: device.unwrap_or_default(),
        guest: version.by,
        size: version.size,
        hash: version.hash.to_string(),
        name: version.label,
        pinned: version.pinned,
        current: version.current,
        kept: version.kept,
        verb: version.verb.to_owned(),
    })
}

pub(super) async fn bytes(
    Extract(state): Extract<State>,
    Path(at): Path<OneVersion>,
    Query(how): Query<How>,
) -> Result<Response, Error> {
    let file: FileId = at.file.parse()?;
    let entry = state.store.read(move |view| files::history::entry_of(view, file)).await?;
    let reader = state.files.open_version(file, at.id).await?;
    let size = reader.size;
    let pieces = try_unfold((reader, 0_u64), |(reader, at)| async move {
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = vec![0; PIECE_BYTES];
            let length = reader.read_at(at, &mut piece).map_err(std::io::Error::other)?;
            piece.truncate(length);
            Ok::<_, std::io::Error>((reader, piece))
        });
        let (reader, piece) = read.await.map_err(std::io::Error::other)??;
        let next = at.saturating_add(piece.len() as u64);
        Ok::<_, std::io::Error>((!piece.is_empty()).then(|| (Bytes::from(piece), (reader, next))))
    });
    raw::content(&entry, size, StreamReader::new(Box::pin(pieces)), how.download.is_some())
}

pub(super) async fn restore(
    Extract(state): Extract<State>,
    Path(at): Path<OneVersion>,
    Json(how): Json<wire::RestoreVersion>,
) -> Result<axum::Json<wire::File>, Error> {
    let entry = state.files.restore_version(at.file.parse()?, at.id, how.as_copy).await?;
    shown(&state, entry).await
}

pub(super) async fn change(
    Extract(state): Extract<State>,
    Path(at): Path<OneVersion>,
    Json(change): Json<wire::ChangeVersion>,
) -> Result<axum::Json<wire::Version>, Error> {
    let file: FileId = at.file.parse()?;
    let own = Present::of(&*state.friends).own();
    let changed = state.store.write(move |tx| {
        let name = change.name.map(Option::unwrap_or_default);
        let version = files::history::describe(tx, file, at.id, name.as_deref(), change.pinned)?;
        show(tx, version, own)
    });
    changed.await.map(axum::Json)
}

pub(super) async fn trash(
    Extract(state): Extract<State>,
    Path(at): Path<InShare>,
) -> Result<axum::Json<Vec<wire::Trashed>>, Error> {
    let share: ShareId = at.share.parse()?;
    let own = Present::of(&*state.friends).own();
    let listed = state.store.read(move |view| {
        let trash = files::history::trash(view, share)?.into_iter();
        trash.map(|one| trashed(view, share, own, one)).collect()
    });
    listed.await.map(axum::Json)
}

pub(super) async fn trash_inside(
    Extract(state): Extract<State>,
    Path(at): Path<OneFile>,
) -> Result<axum::Json<Vec<wire::Trashed>>, Error> {
    let file: FileId = at.file.parse()?;
    let own = Present::of(&*state.friends).own();
    let listed = state.store.read(move |view| {
        let share = files::history::trashed_in(view, file)?;
        let inside = files::history::trash_inside(view, file)?.into_iter();
        inside.map(|one| trashed(view, share, own, one)).collect()
    });
    listed.await.map(axum::Json)
}

fn trashed(
    view: &View,
    share: ShareId,
    own: HiveId,
    one: files::history::Trashed,
) -> Result<wire::Trashed, Error> {
    let (by, device) = view::friends::person(view, share, one.hive, own)?.unzip();
    Ok(wire::Trashed {
        file: one.file.to_string(),
        name: one.path.name().map(|name| name.to_string()).unwrap_or_default(),
        path: one.path.to_string(),
        kind: one.kind.as_str().to_owned(),
        size: one.size,
        files: one.files,
        gone_at: one.gone_at.0,
        by,
        device: device.unwrap_or_default(),
        days_left: one.days_left,
        kept: one.kept,
    })
}

#[derive(Deserialize)]
pub(super) struct Moment {
    path: Option<String>,
    at: i64,
}

pub(super) async fn stood(
    Extract(state): Extract<State>,
    Path(at): Path<InShare>,
    Query(moment): Query<Moment>,
) -> Result<axum::Json<Vec<wire::Stood>>, Error> {
    let share: ShareId = at.share.parse()?;
    let path: RelPath = moment.path.as_deref().unwrap_or_default().parse()?;
    let read = move |view: &View| files::history::stood(view, share, &path, Time(moment.at));
    let stood = state.store.read(read).await?.into_iter();
    let show = |one: files::history::Stood| wire::Stood {
        file: one.file.to_string(),
        path: one.path.to_string(),
        kind: one.kind.as_str().to_owned(),
        size: one.size,
        version: one.version,
        at: one.at.0,
        kept: one.kept,
    };
    Ok(axum::Json(stood.map(show).collect()))
}

pub(super) async fn restore_trashed(
    Extract(state): Extract<State>,
    Path(at): Path<OneFile>,
) -> Result<axum::Json<wire::File>, Error> {
    let entry = state.files.restore_trashed(at.file.parse()?).await?;
    shown(&state, entry).await
}

pub(super) async fn forget(
    Extract(state): Extract<State>,
    Path(at): Path<OneFile>,
) -> Result<StatusCode, Error> {
    let file: FileId = at.file.parse()?;
    state.store.write(move |tx| files::history::forget(tx, file)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn put_back(
    Extract(state): Extract<State>,
    Path(at): Path<InShare>,
    Json(wanted): Json<wire::PutBack>,
) -> Result<axum::Json<wire::DidPutBack>, Error> {
    let share: ShareId = at.share.parse()?;
    let folder: RelPath = wanted.folder.as_deref().unwrap_or_default().parse()?;
    let files::history::PutBack { id, done } =
        state.files.put_back(share, folder, Time(wanted.at)).await?;
    Ok(axum::Json(did(id, done)))
}

pub(super) async fn undo(
    Extract(state): Extract<State>,
    Path(at): Path<OnePutBack>,
) -> Result<axum::Json<wire::DidPutBack>, Error> {
    let done = state.files.undo_put_back(at.id).await?;
    Ok(axum::Json(did(at.id, done)))
}

fn did(id: u64, done: files::history::PutBackDone) -> wire::DidPutBack {
    let files::history::PutBackDone { restored, removed, missing } = done;
    wire::DidPutBack { id, restored, removed, missing }
}

pub(super) async fn limits(
    Extract(state): Extract<State>,
) -> Result<axum::Json<wire::History>, Error> {
    let limits = state.store.read(files::history::Limits::read).await?;
    Ok(axum::Json(wire::History {
        days: limits.days,
        file_mb: limits.file_bytes >> 20,
        share_of_free: limits.share_of_free,
        stored: state.store.chunks().stored(),
    }))
}

pub(super) async fn set_limits(
    extracted: Extract<State>,
    Json(change): Json<wire::ChangeHistory>,
) -> Result<axum::Json<wire::History>, Error> {
    let hint = "Days from 1 to 3650, megabytes from 0 to 1024, a share from 0 to 1";
    let fits = change.days.is_none_or(|days| (1..=DAYS_MAX).contains(&days))
        && change.file_mb.is_none_or(|megabytes| megabytes <= FILE_MB_MAX)
        && change.share_of_free.is_none_or(|share| (0.0..=1.0).contains(&share));
    if !fits {
        return Err(Error::bad_input("the history cannot be kept so", hint));
    }
    let set = extracted.store.write(move |tx| {
        let values = [
            (files::history::DAYS, change.days.map(|days| days.to_string())),
            (files::history::FILE_MB, change.file_mb.map(|megabytes| megabytes.to_string())),
            (files::history::SHARE_OF_FREE, change.share_of_free.map(|share| share.to_string())),
        ];
        for (key, value) in values {
            if value.is_some() {
                store::set_setting(tx, key, value.as_deref())?;
            }
        }
        Ok::<_, Error>(())
    });
    set.await?;
    limits(extracted).await
}

async fn shown(state: &State, entry: files::Entry) -> Result<axum::Json<wire::File>, Error> {
    let present = state.documents.here().borrow().clone();
    let shown = state.store.read(move |view| {
        let mut names = view::Names::default();
        Ok::<_, Error>(view::file(view, entry, &mut names, &present))
    });
    shown.await.map(axum::Json)
}
