//! What is shared: add, list, rename, stop.

use std::path::PathBuf;

use axum::extract::{Path, State as Extract};
use axum::http::StatusCode;
use people::Scope;
use serde::Deserialize;
use types::{Right, ShareId};

use crate::gate::Caller;
use crate::routes::Json;
use crate::{Error, State, view, wire};

#[derive(Deserialize)]
pub(super) struct At {
    share: String,
}

pub(super) async fn list(
    Extract(state): Extract<State>,
    caller: Caller,
) -> Result<axum::Json<Vec<wire::Share>>, Error> {
    let files = state.files.clone();
    let shares = state.store.read(move |view| {
        let opens = |share: &files::Share| match caller.who.scope {
            Scope::Everything => true,
            Scope::Share(own) => own == share.id,
            Scope::Within(..) => false,
        };
        caller.who.may(Right::View)?;
        files::shares(view)?
            .into_iter()
            .filter(opens)
            .map(|share| {
                let state = files.state(share.id);
                view::share(view, share, state, &caller.who)
            })
            .collect::<Result<Vec<_>, Error>>()
    });
    shares.await.map(axum::Json)
}

pub(super) async fn add(
    Extract(state): Extract<State>,
    caller: Caller,
    Json(new): Json<wire::NewShare>,
) -> Result<(StatusCode, axum::Json<wire::Share>), Error> {
    let placed = state.files.share(PathBuf::from(new.path), new.name).await?;
    let status = if placed.new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, show(&state, &caller, placed.share.id).await?))
}

pub(super) async fn rename(
    Extract(state): Extract<State>,
    caller: Caller,
    Path(at): Path<At>,
    Json(name): Json<wire::ShareName>,
) -> Result<axum::Json<wire::Share>, Error> {
    let share: ShareId = at.share.parse()?;
    let name = people::name_checked(&name.name)?;
    let signer = state.friends.signer();
    state
        .store
        .write(move |tx| {
            files::rename_share(tx, share, &name)?;
            Ok::<_, Error>(people::rename_charter(tx, &*signer, share, &name)?)
        })
        .await?;
    show(&state, &caller, share).await
}

pub(super) async fn remove(
    Extract(state): Extract<State>,
    Path(at): Path<At>,
) -> Result<StatusCode, Error> {
    let share: ShareId = at.share.parse()?;
    let signer = state.friends.signer();
    state
        .store
        .write(move |tx| {
            files::share(tx, share)?;
            people::remove_links_of_share(tx, share)?;
            people::say_farewell(tx, &*signer, share)?;
            Ok::<_, Error>(people::forget_share(tx, share)?)
        })
        .await?;
    state.files.unshare(share).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn show(
    state: &State,
    caller: &Caller,
    share: ShareId,
) -> Result<axum::Json<wire::Share>, Error> {
    let (now, who) = (state.files.state(share), caller.who.clone());
    let shown =
        state.store.read(move |view| view::share(view, files::share(view, share)?, now, &who));
    shown.await.map(axum::Json)
}
