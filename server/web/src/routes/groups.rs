//! Groups of friends.

use axum::extract::{Path, State as Extract};
use axum::http::StatusCode;
use serde::Deserialize;
use types::{GroupId, HiveId};

use crate::routes::Json;
use crate::{Error, State, view, wire};

#[derive(Deserialize)]
pub(super) struct At {
    id: String,
}

#[derive(Deserialize)]
pub(super) struct Friend {
    id: String,
    hive: String,
}

pub(super) async fn list(
    Extract(state): Extract<State>,
) -> Result<axum::Json<Vec<wire::Group>>, Error> {
    let groups = state.store.read(people::groups).await?;
    Ok(axum::Json(groups.into_iter().map(view::friends::group).collect()))
}

pub(super) async fn make(
    Extract(state): Extract<State>,
    Json(new): Json<wire::GroupName>,
) -> Result<(StatusCode, axum::Json<wire::Group>), Error> {
    let group = state.store.write(move |tx| people::make_group(tx, &new.name)).await?;
    Ok((StatusCode::CREATED, axum::Json(view::friends::group(group))))
}

pub(super) async fn rename(
    Extract(state): Extract<State>,
    Path(at): Path<At>,
    Json(name): Json<wire::GroupName>,
) -> Result<axum::Json<wire::Group>, Error> {
    let id: GroupId = at.id.parse()?;
    let group = state.store.write(move |tx| people::rename_group(tx, id, &name.name)).await?;
    Ok(axum::Json(view::friends::group(group)))
}

pub(super) async fn remove(
    Extract(state): Extract<State>,
    Path(at): Path<At>,
) -> Result<StatusCode, Error> {
    let id: GroupId = at.id.parse()?;
    let signer = state.friends.signer();
    state.store.write(move |tx| people::remove_group(tx, &*signer, id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn add(
    Extract(state): Extract<State>,
    Path(at): Path<Friend>,
) -> Result<axum::Json<wire::Group>, Error> {
    let (id, hive): (GroupId, HiveId) = (at.id.parse()?, at.hive.parse()?);
    let signer = state.friends.signer();
    let group = state.store.write(move |tx| people::add_to_group(tx, &*signer, id, hive)).await?;
    Ok(axum::Json(view::friends::group(group)))
}

pub(super) async fn take(
    Extract(state): Extract<State>,
    Path(at): Path<Friend>,
) -> Result<axum::Json<wire::Group>, Error> {
    let (id, hive): (GroupId, HiveId) = (at.id.parse()?, at.hive.parse()?);
    let signer = state.friends.signer();
    let taken = state.store.write(move |tx| people::take_from_group(tx, &*signer, id, hive));
    Ok(axum::Json(view::friends::group(taken.await?)))
}
