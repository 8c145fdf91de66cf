//! The caller's own name and colour, and the first set-up.

use axum::extract::State as Extract;
use axum::http::StatusCode;
use people::Means;
use store::Tx;

use crate::gate::Caller;
use crate::routes::Json;
use crate::{Error, State, view, wire};

pub(super) async fn show(
    Extract(state): Extract<State>,
    caller: Caller,
) -> Result<axum::Json<wire::Me>, Error> {
    let hive = state.control.hive();
    let me = state.store.read(move |view| view::me(view, &caller.who, &hive)).await?;
    Ok(axum::Json(me))
}

pub(super) async fn change(
    Extract(state): Extract<State>,
    caller: Caller,
    Json(change): Json<wire::Rename>,
) -> Result<axum::Json<wire::Me>, Error> {
    let Some(person) = caller.who.person.as_ref().map(|person| person.id) else {
        return Err(Error::bad_input("a token has no name of its own", "Rename the token"));
    };
    let hive = state.control.hive();
    let mut who = caller.who.clone();
    let signer = state.friends.signer();
    let me = state
        .store
        .write(move |tx| {
            let renamed = people::rename(tx, person, change.name.as_deref(), change.hue)?;
            who.person = Some(renamed);
            people::introduce(tx, &*signer)?;
            if let Means::Link(id, _) = &who.means {
                tx.announce("key", &id.to_string(), None)?;
            }
            view::me(tx, &who, &hive)
        })
        .await?;
    Ok(axum::Json(me))
}

pub(super) async fn onboarding(
    Extract(state): Extract<State>,
    caller: Caller,
    Json(chosen): Json<wire::Onboarding>,
) -> Result<axum::Json<wire::Me>, Error> {
    let (who, signer) = (caller.who.clone(), state.friends.signer());
    state
        .store
        .write(move |tx| {
            set_up(tx, &chosen.name, Some(chosen.hue))?;
            if let Some(name) = &chosen.hive_name {
                people::rename_hive(tx, name)?;
            }
            Ok::<_, Error>(people::introduce(tx, &*signer)?)
        })
        .await?;
    if state.control.reach() != chosen.reach {
        state.control.set_reach(chosen.reach).await?;
    }
    let hive = state.control.hive();
    let me = state.store.read(move |view| {
        let mut who = who;
        who.person = people::owner(view)?;
        view::me(view, &who, &hive)
    });
    Ok(axum::Json(me.await?))
}

/// Names the owner of a hive; afterwards it counts as set up.
pub fn onboard(tx: &mut Tx, name: &str) -> Result<(), Error> {
    set_up(tx, name, None)
}

fn set_up(tx: &Tx, name: &str, hue: Option<u8>) -> Result<(), Error> {
    let owner = people::owner(tx)?.ok_or(people::Error::Gone("owner"))?;
    people::rename(tx, owner.id, Some(name), hue)?;
    Ok(store::set_setting(tx, view::ONBOARDED, Some("yes"))?)
}

pub(super) async fn ready(Extract(state): Extract<State>) -> StatusCode {
    state.page_is_ready();
    std::future::ready(StatusCode::NO_CONTENT).await
}
