//! Who is in a share: giving, taking, leaving, pausing.

use axum::extract::{Path, State as Extract};
use axum::http::StatusCode;
use serde::Deserialize;
use store::Tx;
use types::{GroupId, HiveId, RelPath, ShareId, Signer};

use crate::routes::Json;
use crate::view::friends::Present;
use crate::{Error, State, view, wire};

#[derive(Deserialize)]
pub(super) struct InShare {
    share: String,
}

#[derive(Deserialize)]
pub(super) struct At {
    share: String,
    hive: String,
}

#[derive(Deserialize)]
pub(super) struct OfGroup {
    share: String,
    group: String,
}

pub(super) async fn list(
    Extract(state): Extract<State>,
    Path(at): Path<InShare>,
) -> Result<axum::Json<Vec<wire::Member>>, Error> {
    all(&state, at.share.parse()?).await.map(axum::Json)
}

async fn all(state: &State, share: ShareId) -> Result<Vec<wire::Member>, Error> {
    state.store.read(move |view| files::share(view, share)).await?;
    let present = Present::of(&*state.friends);
    let progress = state.friends.sync(share).await?;
    let read = move |view: &store::View| view::friends::members(view, share, &present, &progress);
    state.store.read(read).await
}

/// Makes this hive the founder of a share that it begins to share with friends.
pub(super) fn charter(tx: &Tx, signer: &dyn Signer, share: ShareId) -> Result<(), Error> {
    let share = files::share(tx, share)?;
    people::found(tx, signer, share.id, &share.name, share.only.is_some())?;
    Ok(())
}

pub(super) async fn give(
    Extract(state): Extract<State>,
    Path(at): Path<At>,
    Json(given): Json<wire::GiveRight>,
) -> Result<axum::Json<wire::Member>, Error> {
    let (share, hive): (ShareId, HiveId) = (at.share.parse()?, at.hive.parse()?);
    let signer = state.friends.signer();
    let write = move |tx: &mut Tx| {
        charter(tx, &*signer, share)?;
        Ok::<_, Error>(people::share_with(tx, &*signer, share, hive, given.right.into())?)
    };
    state.store.write(write).await?;
    let hive = hive.to_string();
    let member = all(&state, share).await?.into_iter().find(|member| member.hive == hive);
    member.map(axum::Json).ok_or_else(|| people::Error::Gone("member").into())
}

pub(super) async fn take(
    Extract(state): Extract<State>,
    Path(at): Path<At>,
) -> Result<StatusCode, Error> {
    let (share, hive): (ShareId, HiveId) = (at.share.parse()?, at.hive.parse()?);
    let signer = state.friends.signer();
    state.store.write(move |tx| people::unshare_with(tx, &*signer, share, hive)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn give_group(
    Extract(state): Extract<State>,
    Path(at): Path<OfGroup>,
    Json(given): Json<wire::GiveRight>,
) -> Result<StatusCode, Error> {
    let (share, group): (ShareId, GroupId) = (at.share.parse()?, at.group.parse()?);
    let signer = state.friends.signer();
    let write = move |tx: &mut Tx| {
        charter(tx, &*signer, share)?;
        Ok::<_, Error>(people::share_with_group(tx, &*signer, share, group, given.right.into())?)
    };
    state.store.write(write).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn take_group(
    Extract(state): Extract<State>,
    Path(at): Path<OfGroup>,
) -> Result<StatusCode, Error> {
    let (share, group): (ShareId, GroupId) = (at.share.parse()?, at.group.parse()?);
    let signer = state.friends.signer();
    let write = move |tx: &mut Tx| people::unshare_with_group(tx, &*signer, share, group);
    state.store.write(write).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn leave(
    Extract(state): Extract<State>,
    Path(at): Path<InShare>,
    Json(how): Json<wire::LeaveShare>,
) -> Result<StatusCode, Error> {
    let share: ShareId = at.share.parse()?;
    let own = Present::of(&*state.friends).own();
    let check = move |view: &store::View| {
        files::share(view, share)?;
        let founder = people::charter(view, share)?.map(|charter| charter.founder());
        Ok::<_, Error>(founder.is_none_or(|founder| founder == own))
    };
    if state.store.read(check).await? {
        let hint = "To end it for all, stop sharing the folder. To end it for one, remove them";
        return Err(Error::bad_input(
            "you began this share, so there is nobody to leave it to",
            hint,
        ));
    }
    state.friends.leave(share, how.delete_local).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn chosen(
    Extract(state): Extract<State>,
    Path(at): Path<InShare>,
) -> Result<axum::Json<wire::Chosen>, Error> {
    let share: ShareId = at.share.parse()?;
    let read = state.store.read(move |view| {
        files::share(view, share)?;
        let folders = files::chosen(view, share)?;
        let all = files::top_folders(view, share)?.into_iter().map(|top| wire::TopFolder {
            path: top.name.to_string(),
            bytes: top.bytes,
            chosen: top.chosen,
        });
        let folders = folders.iter().map(ToString::to_string).collect();
        let folders = Some(folders).filter(|folders: &Vec<String>| !folders.is_empty());
        let all = all.collect();
        let files::LeftOver { files, bytes } = files::left_over(view, share)?;
        let left_over = wire::LeftOver { files, bytes };
        Ok::<_, Error>(wire::Chosen { folders, all, left_over })
    });
    read.await.map(axum::Json)
}

pub(super) async fn choose(
    extracted: Extract<State>,
    at: Path<InShare>,
    Json(choose): Json<wire::Choose>,
) -> Result<axum::Json<wire::Chosen>, Error> {
    let share: ShareId = at.share.parse()?;
    let found = extracted.store.read(move |view| files::share(view, share)).await?;
    let folders = choose.folders.unwrap_or_default();
    let folders: Result<Vec<RelPath>, _> = folders.iter().map(|path| path.parse()).collect();
    let folders = folders.map_err(files::Error::from)?;
    if found.only.is_some() || folders.iter().any(RelPath::is_root) {
        let hint = "Name folders of the share, or none for all";
        return Err(Error::bad_input("that cannot be chosen", hint));
    }
    extracted.friends.choose(share, folders, choose.remove_copies).await?;
    chosen(extracted, at).await
}

pub(super) async fn pause(
    Extract(state): Extract<State>,
    Path(at): Path<InShare>,
    Json(pause): Json<wire::Pause>,
) -> Result<StatusCode, Error> {
    let pause = super::friends::pause_until(&state, &pause)?;
    set_pause(&state, at.share.parse()?, Some(pause)).await
}

pub(super) async fn resume(
    Extract(state): Extract<State>,
    Path(at): Path<InShare>,
) -> Result<StatusCode, Error> {
    set_pause(&state, at.share.parse()?, None).await
}

async fn set_pause(
    state: &State,
    share: ShareId,
    pause: Option<people::Pause>,
) -> Result<StatusCode, Error> {
    let write = move |tx: &mut Tx| {
        files::share(tx, share)?;
        Ok::<_, Error>(people::pause_share(tx, share, pause)?)
    };
    state.store.write(write).await?;
    Ok(StatusCode::NO_CONTENT)
}
