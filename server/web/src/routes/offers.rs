//! What friends hold out to this hive.

use axum::extract::{Path, State as Extract};
use axum::http::StatusCode;
use serde::Deserialize;
use types::ShareId;

use crate::friends::Accept;
use crate::gate::Caller;
use crate::routes::{Json, shares};
use crate::{Error, State, view, wire};

#[derive(Deserialize)]
pub(super) struct At {
    share: String,
}

pub(super) async fn list(
    Extract(state): Extract<State>,
) -> Result<axum::Json<Vec<wire::Offer>>, Error> {
    let offers = state.store.read(|view| {
        let offers = people::offers(view)?.into_iter();
        offers.map(|offer| view::friends::offer(view, offer)).collect::<Result<Vec<_>, Error>>()
    });
    offers.await.map(axum::Json)
}

pub(super) async fn accept(
    Extract(state): Extract<State>,
    caller: Caller,
    Path(at): Path<At>,
    Json(how): Json<wire::AcceptOffer>,
) -> Result<(StatusCode, axum::Json<wire::Share>), Error> {
    let share: ShareId = at.share.parse()?;
    state.store.read(move |view| people::offer(view, share)).await?;
    let accept = Accept {
        share,
        path: how.path.map(Into::into),
        name: how.name.map(|name| people::name_checked(&name)).transpose()?,
        folders: how.folders,
    };
    state.friends.accept(accept).await?;
    Ok((StatusCode::CREATED, shares::show(&state, &caller, share).await?))
}

pub(super) async fn decline(
    Extract(state): Extract<State>,
    Path(at): Path<At>,
) -> Result<StatusCode, Error> {
    let share: ShareId = at.share.parse()?;
    state.store.write(move |tx| people::decline_offer(tx, share)).await?;
    Ok(StatusCode::NO_CONTENT)
}
