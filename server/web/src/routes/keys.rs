//! The key ring: every link, browser and token, and taking any of them back.

use axum::extract::{Path, State as Extract};
use axum::http::StatusCode;
use serde::Deserialize;
use types::{ShareId, Time};

use crate::gate::Caller;
use crate::routes::Json;
use crate::{Error, State, view, wire};

pub(super) async fn list(
    Extract(state): Extract<State>,
    caller: Caller,
) -> Result<axum::Json<Vec<wire::Key>>, Error> {
    let keys = state.store.read(move |view| {
        people::keys(view)?
            .into_iter()
            .map(|key| view::key(view, key, &caller.who))
            .collect::<Result<Vec<_>, Error>>()
    });
    keys.await.map(axum::Json)
}

#[derive(Deserialize)]
pub(super) struct At {
    kind: String,
    id: String,
}

pub(super) async fn remove(
    Extract(state): Extract<State>,
    Path(at): Path<At>,
) -> Result<StatusCode, Error> {
    match at.kind.as_str() {
        "link" => {
            let id = at.id.parse()?;
            state.store.write(move |tx| people::remove_link(tx, &id)).await?;
        }
        "browser" | "guest" => {
            let id = at.id.parse()?;
            state.store.write(move |tx| people::remove_session(tx, id)).await?;
        }
        "token" => {
            let id = at.id.parse()?;
            state.store.write(move |tx| people::remove_token(tx, id)).await?;
        }
        _ => {
            let hint = "The kinds are link, browser, guest and token";
            return Err(Error::bad_input("there is no such kind of key", hint));
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn make_token(
    Extract(state): Extract<State>,
    caller: Caller,
    Json(new): Json<wire::NewToken>,
) -> Result<(StatusCode, axum::Json<wire::MadeToken>), Error> {
    let share: Option<ShareId> = new.share.map(|share| share.parse()).transpose()?;
    let expires_at = new.expires_at.map(Time);
    let made = state.store.write(move |tx| {
        if let Some(share) = share {
            files::share(tx, share)?;
        }
        let (token, secret) =
            people::make_api_token(tx, &new.name, new.right.into(), share, expires_at)?;
        let id = token.id.to_string();
        let key = people::keys(tx)?.into_iter().find(|key| key.id == id);
        let key = key.ok_or(people::Error::Gone("token"))?;
        Ok::<_, Error>((view::key(tx, key, &caller.who)?, secret))
    });
    let (key, token) = made.await?;
    Ok((StatusCode::CREATED, axum::Json(wire::MadeToken { key, token })))
}

/// A browser's name for the key ring, from what it tells of itself.
pub(super) fn browser(agent: Option<&str>) -> String {
    let Some(agent) = agent else { return "A program".to_owned() };
    let known = [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    let systems = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let find = |list: &[(&str, &'static str)]| {
        list.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name)
    };
    match (find(&known), find(&systems)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, _) => agent.chars().take(60).collect(),
    }
}
