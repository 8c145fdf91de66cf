//! Coming in and going out: one-time sign-ins, links, sessions.

use axum::extract::{Extension, State as Extract};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use people::{Secret, Visit, Who};
use types::{LinkId, MINUTE_MS};

use crate::gate::{self, Caller, Mount, Peer};
use crate::routes::Json;
use crate::{Error, State, view, wire};

/// A browser keeps its session for a year; it ends earlier on the keys page.
const COOKIE_LIFE_S: u32 = 365 * 24 * 60 * 60;
const SIGN_IN_LIFE_MS: i64 = 5 * MINUTE_MS;

/// Whose link it is. Tells nothing about what it opens.
pub(super) async fn welcome(
    Extract(state): Extract<State>,
    Extension(mount): Extension<Mount>,
) -> Result<axum::Json<wire::Welcome>, Error> {
    let Mount::Guest(link) = mount else {
        return Err(Error::gone("this address belongs to no link"));
    };
    let read = move |view: &store::View| {
        view::refuse_while_paused(view)?;
        let owner = people::owner(view)?.ok_or(people::Error::Gone("owner"))?;
        let (password_needed, state, expires_at) = match people::link(view, &link) {
            Ok(link) => (link.password.is_some(), word(link.state(view.now())), link.expires_at),
            Err(people::Error::LinkRevoked) => (false, "revoked", None),
            Err(error) => return Err(error.into()),
        };
        Ok(wire::Welcome {
            owner: wire::Person { id: String::new(), name: owner.name, hue: owner.hue },
            hive_name: people::hive_name(view)?,
            password_needed,
            state: state.to_owned(),
            expires_at: expires_at.map(|time| time.0),
        })
    };
    state.store.read(read).await.map(axum::Json)
}

fn word(state: people::LinkState) -> &'static str {
    match state {
        people::LinkState::Open => "open",
        people::LinkState::Expired => "expired",
        people::LinkState::UsedUp => "used_up",
    }
}

pub(super) async fn sign_in(
    Extract(state): Extract<State>,
    Extension(mount): Extension<Mount>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Json(come): Json<wire::Come>,
) -> Result<Response, Error> {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    let visit = Visit { agent: crate::routes::keys::browser(agent), from: peer.words() };
    let (who, cookie) = match &mount {
        Mount::Owner => {
            let token = come.token.unwrap_or_default();
            state.store.write(move |tx| people::sign_in(tx, &token, &visit)).await?
        }
        Mount::Guest(link) => redeem(&state, link.clone(), come, visit).await?,
    };
    let hive = state.control.hive();
    let me = state.store.read(move |view| view::me(view, &who, &hive)).await?;
    let secure = matches!(peer, Peer::Network { secure: true, .. });
    let cookie = set_cookie(&state, &mount, Some(&cookie), secure)?;
    Ok(([(header::SET_COOKIE, cookie)], axum::Json(me)).into_response())
}

async fn redeem(
    state: &State,
    link: LinkId,
    come: wire::Come,
    visit: Visit,
) -> Result<(Who, Secret), Error> {
    let (id, secret) = (link.clone(), come.secret.unwrap_or_default());
    let found = state
        .store
        .read(move |view| {
            view::refuse_while_paused(view)?;
            Ok::<_, Error>(people::link_opened_by(view, &id, &secret)?)
        })
        .await?;
    if found.password.is_some() {
        let password = come.password;
        state
            .limits
            .hash(move || people::password_fits(found.password.as_ref(), password.as_deref()))
            .await??;
    }
    let redeemed = state
        .store
        .write(move |tx| people::redeem(tx, &link, come.name.as_deref(), &visit))
        .await?;
    Ok(redeemed)
}

pub(super) async fn sign_out(
    Extract(state): Extract<State>,
    Extension(mount): Extension<Mount>,
    caller: Caller,
) -> Result<Response, Error> {
    let (people::Means::Session(id) | people::Means::Link(id, _)) = caller.who.means else {
        let words = "this caller is no browser";
        return Err(Error::bad_input(words, "Take a token back on the keys page"));
    };
    state.store.write(move |tx| people::remove_session(tx, id)).await?;
    let cookie = set_cookie(&state, &mount, None, false)?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

pub(super) async fn make_sign_in(
    Extract(state): Extract<State>,
) -> Result<(StatusCode, axum::Json<wire::SignInSecret>), Error> {
    let secret = state.store.write(people::sign_in_secret).await?;
    let addresses = state.control.addresses();
    let own = addresses.iter().find(|address| address.reach == wire::Reach::Computer);
    let base = own.map(|address| address.url.clone()).unwrap_or_default();
    let made = wire::SignInSecret {
        url: format!("{base}/open#{}", secret.as_str()),
        expires_at: state.store.now().plus(SIGN_IN_LIFE_MS).0,
    };
    Ok((StatusCode::CREATED, axum::Json(made)))
}

/// The session's cookie, or one that forgets it.
fn set_cookie(
    state: &State,
    mount: &Mount,
    secret: Option<&Secret>,
    secure: bool,
) -> Result<HeaderValue, Error> {
    let name = gate::cookie_name(state, mount);
    let path = match mount {
        Mount::Owner => "/".to_owned(),
        Mount::Guest(link) => format!("/l/{link}"),
    };
    let (value, age) = secret.map_or(("", 0), |secret| (secret.as_str(), COOKIE_LIFE_S));
    let secure = if secure { "; Secure" } else { "" };
    let text =
        format!("{name}={value}; Path={path}; Max-Age={age}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&text)
        .map_err(|_| Error::bad_input("the cookie cannot be written", "Try again"))
}
