//! Links: make, list, change, take back.

use std::path::PathBuf;

use axum::extract::{Path, Query, State as Extract};
use axum::http::StatusCode;
use people::{LinkChange, Password};
use serde::Deserialize;
use types::{DAY_MS, FileId, LinkId, Right, ShareId, Time};

use crate::routes::Json;
use crate::{Error, State, view, wire};

/// How long a link lives that is made anew because the old one's secret is not known any more.
const RENEWED_LIFE_MS: i64 = 30 * DAY_MS;

pub(super) async fn make(
    Extract(state): Extract<State>,
    Json(new): Json<wire::NewLink>,
) -> Result<(StatusCode, axum::Json<wire::MadeLink>), Error> {
    let (share, file) = target(&state, &new).await?;
    let password = hashed(&state, new.password).await?;
    let new = people::NewLink {
        name: new.name.filter(|name| !name.trim().is_empty()),
        share,
        file,
        right: new.right.map_or(Right::View, Into::into),
        password,
        expires_at: new.expires_at.map(Time),
        uses_max: new.uses_max,
    };
    Ok((StatusCode::CREATED, axum::Json(made(&state, new).await?)))
}

async fn made(state: &State, new: people::NewLink) -> Result<wire::MadeLink, Error> {
    let made = state.store.write(move |tx| {
        let (link, secret) = people::make_link(tx, new)?;
        Ok::<_, Error>((link.id.clone(), view::link(tx, link)?, secret))
    });
    let (id, link, secret) = made.await?;
    let mut urls = state.control.test_addresses().await;
    for address in &mut urls {
        address.url = format!("{}/l/{}#{}", address.url, link.id, secret.as_str());
    }
    let best = urls.first().map(|address| address.url.clone()).unwrap_or_default();
    let name = match link.path.rsplit('/').next() {
        Some(file) if !file.is_empty() => file.to_owned(),
        _ => link.share_name.clone(),
    };
    if let Ok(mut last) = state.last_link.lock() {
        *last = Some((id, wire::LastLink { name, url: best.clone() }));
    }
    Ok(wire::MadeLink { link, url: best, urls, secret: secret.as_str().to_owned() })
}

/// The last link once more. After a restart its secret is known to nobody here, so a link of the
/// same kind is made.
pub(super) async fn last(
    Extract(state): Extract<State>,
) -> Result<axum::Json<wire::LastLink>, Error> {
    let known = state.last_link.lock().ok().and_then(|last| last.clone());
    let newest = state.store.read(|view| {
        let open = |link: &people::Link| link.state(view.now()) == people::LinkState::Open;
        Ok::<_, Error>(people::links(view)?.into_iter().find(open))
    });
    let Some(newest) = newest.await? else {
        return Err(Error::gone("there is no open link yet"));
    };
    if let Some((_, last)) = known.filter(|(id, _)| *id == newest.id) {
        return Ok(axum::Json(last));
    }
    let new = people::NewLink {
        name: newest.name,
        share: newest.share,
        file: newest.file,
        right: newest.right,
        password: newest.password,
        expires_at: Some(state.store.now().plus(RENEWED_LIFE_MS)),
        uses_max: newest.uses_max,
    };
    made(&state, new).await?;
    let last = state.last_link.lock().ok().and_then(|last| last.clone());
    last.map(|(_, last)| axum::Json(last)).ok_or_else(|| Error::gone("there is no link yet"))
}

/// What the link is to open. A path that is not shared yet becomes so.
async fn target(state: &State, new: &wire::NewLink) -> Result<(ShareId, Option<FileId>), Error> {
    if let Some(file) = &new.file {
        let file: FileId = file.parse()?;
        let share = state.store.read(move |view| files::entry(view, file)).await?.share;
        return Ok((share, Some(file)));
    }
    if let Some(share) = &new.share {
        let share: ShareId = share.parse()?;
        state.store.read(move |view| files::share(view, share)).await?;
        return Ok((share, None));
    }
    let Some(path) = &new.path else {
        let hint = "Name a share, a file or a path";
        return Err(Error::bad_input("the link opens nothing yet", hint));
    };
    let placed = state.files.share(PathBuf::from(path), None).await?;
    let share = placed.share.id;
    if placed.path.is_root() || placed.share.only.is_some() {
        return Ok((share, None));
    }
    let inside = state.store.read(move |view| files::entry_at(view, share, &placed.path)).await?;
    Ok((share, Some(inside.id)))
}

async fn hashed(state: &State, password: Option<String>) -> Result<Option<Password>, Error> {
    let Some(password) = password.filter(|password| !password.is_empty()) else {
        return Ok(None);
    };
    Ok(Some(state.limits.hash(move || Password::new(&password)).await??))
}

#[derive(Deserialize)]
pub(super) struct Of {
    share: Option<String>,
    file: Option<String>,
}

pub(super) async fn list(
    Extract(state): Extract<State>,
    Query(of): Query<Of>,
) -> Result<axum::Json<Vec<wire::Link>>, Error> {
    let share: Option<ShareId> = of.share.map(|share| share.parse()).transpose()?;
    let file: Option<FileId> = of.file.map(|file| file.parse()).transpose()?;
    let links = state.store.read(move |view| {
        people::links(view)?
            .into_iter()
            .filter(|link| share.is_none_or(|share| link.share == share))
            .filter(|link| file.is_none_or(|file| link.file == Some(file)))
            .map(|link| view::link(view, link))
            .collect::<Result<Vec<_>, Error>>()
    });
    links.await.map(axum::Json)
}

#[derive(Deserialize)]
pub(super) struct At {
    id: String,
}

pub(super) async fn change(
    Extract(state): Extract<State>,
    Path(at): Path<At>,
    Json(change): Json<wire::ChangeLink>,
) -> Result<axum::Json<wire::Link>, Error> {
    let id: LinkId = at.id.parse()?;
    let password = match change.password {
        None => None,
        Some(password) => Some(hashed(&state, password).await?),
    };
    let change = LinkChange {
        name: change.name,
        right: change.right.map(Into::into),
        password,
        expires_at: change.expires_at.map(|end| end.map(Time)),
        uses_max: change.uses_max,
    };
    let changed = state.store.write(move |tx| {
        let link = people::change_link(tx, &id, change)?;
        view::link(tx, link)
    });
    changed.await.map(axum::Json)
}

pub(super) async fn remove(
    Extract(state): Extract<State>,
    Path(at): Path<At>,
) -> Result<StatusCode, Error> {
    let id: LinkId = at.id.parse()?;
    state.store.write(move |tx| people::remove_link(tx, &id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
