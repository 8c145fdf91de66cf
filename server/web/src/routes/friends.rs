//! Friends and invitations.

use axum::extract::{Path, State as Extract};
use axum::http::StatusCode;
use people::{FriendChange, LimitsChange, Pause};
use serde::Deserialize;
use types::{HiveId, InvitationId, Right, ShareId, Time};

use crate::friends::Invited;
use crate::routes::Json;
use crate::view::friends::Present;
use crate::{Error, State, view, wire};

#[derive(Deserialize)]
pub(super) struct At {
    hive: String,
}

pub(super) async fn list(
    Extract(state): Extract<State>,
) -> Result<axum::Json<Vec<wire::Friend>>, Error> {
    let (friends, present) = (state.friends.clone(), Present::of(&*state.friends));
    let list = state.store.read(move |view| {
        let show = |friend: people::Friend| {
            let phrase = friends.phrase(friend.hive);
            view::friends::friend(view, friend, &present, phrase)
        };
        people::friends(view)?.into_iter().map(show).collect::<Result<Vec<_>, Error>>()
    });
    list.await.map(axum::Json)
}

async fn show(state: &State, hive: HiveId) -> Result<wire::Friend, Error> {
    let (phrase, present) = (state.friends.phrase(hive), Present::of(&*state.friends));
    let shown = state.store.read(move |view| {
        view::friends::friend(view, people::friend(view, hive)?, &present, phrase)
    });
    shown.await
}

/// Answers an invitation.
pub(super) async fn add(
    Extract(state): Extract<State>,
    Json(new): Json<wire::NewFriend>,
) -> Result<(StatusCode, axum::Json<wire::Befriended>), Error> {
    let filled = |text: Option<String>| {
        text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    let by = match (filled(new.link), filled(new.words)) {
        (Some(link), None) => Invited::Link(link),
        (None, Some(words)) => Invited::Words(words),
        _ => {
            let hint = "Give the link of an invitation, or its three words";
            return Err(Error::bad_input("an invitation has a link or words", hint));
        }
    };
    let hive = state.friends.befriend(by).await?;
    let friend = show(&state, hive).await?;
    let offers = state.store.read(move |view| {
        let offers = people::offers(view)?.into_iter().filter(|offer| offer.from == hive);
        offers.map(|offer| view::friends::offer(view, offer)).collect::<Result<Vec<_>, Error>>()
    });
    let offers = offers.await?;
    Ok((StatusCode::CREATED, axum::Json(wire::Befriended { friend, offers })))
}

pub(super) async fn change(
    Extract(state): Extract<State>,
    Path(at): Path<At>,
    Json(change): Json<wire::ChangeFriend>,
) -> Result<axum::Json<wire::Friend>, Error> {
    let hive: HiveId = at.hive.parse()?;
    let wire::ChangeFriend { name, muted, auto_accept, up_kb, down_kb } = change;
    let limits = LimitsChange { up_kb, down_kb };
    let change = FriendChange { name, muted, auto_accept, limits };
    state.store.write(move |tx| people::change_friend(tx, hive, change)).await?;
    show(&state, hive).await.map(axum::Json)
}

pub(super) async fn remove(
    Extract(state): Extract<State>,
    Path(at): Path<At>,
) -> Result<StatusCode, Error> {
    let hive: HiveId = at.hive.parse()?;
    let signer = state.friends.signer();
    state.store.write(move |tx| people::remove_friend(tx, &*signer, hive)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn pause(
    Extract(state): Extract<State>,
    Path(at): Path<At>,
    Json(pause): Json<wire::Pause>,
) -> Result<StatusCode, Error> {
    let hive: HiveId = at.hive.parse()?;
    let pause = pause_until(&state, &pause)?;
    state.store.write(move |tx| people::pause_friend(tx, hive, Some(pause))).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn resume(
    Extract(state): Extract<State>,
    Path(at): Path<At>,
) -> Result<StatusCode, Error> {
    let hive: HiveId = at.hive.parse()?;
    state.store.write(move |tx| people::pause_friend(tx, hive, None)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A pause from now on.
pub(super) fn pause_until(state: &State, pause: &wire::Pause) -> Result<Pause, Error> {
    let since = state.store.now();
    let until = pause.until_at.map(Time);
    if until.is_some_and(|end| end <= since) {
        let hint = "Choose a later moment, or none to pause until you resume";
        return Err(Error::bad_input("that moment has passed already", hint));
    }
    Ok(Pause { since, until })
}

pub(super) async fn nearby(Extract(state): Extract<State>) -> axum::Json<Vec<wire::Nearby>> {
    let shown = state
        .friends
        .nearby()
        .into_iter()
        .map(|nearby| wire::Nearby { hive: nearby.hive.to_string(), name: nearby.name });
    std::future::ready(axum::Json(shown.collect())).await
}

/// Makes an invitation for one friend, and for a share if one is named.
pub(super) async fn invite(
    Extract(state): Extract<State>,
    Json(new): Json<wire::NewInvitation>,
) -> Result<(StatusCode, axum::Json<wire::MadeInvitation>), Error> {
    let share: Option<ShareId> = new.share.map(|share| share.parse()).transpose()?;
    let right: Right = new.right.map_or(Right::Edit, Into::into);
    let signer = state.friends.signer();
    let drawn = state.store.write(move |tx| {
        if let Some(share) = share {
            super::members::charter(tx, &*signer, share)?;
        }
        let mut secret = [0; 16];
        tx.chance().fill_bytes(&mut secret);
        Ok::<_, Error>(secret)
    });
    let secret = drawn.await?;
    let ticket = state.friends.ticket(secret).await?;
    let (signer, words) = (state.friends.signer(), ticket.words);
    let invitation = state.store.write(move |tx| {
        let share = share.map(|share| (share, right));
        let invitation = people::invite(tx, &*signer, &secret, words, share)?;
        view::friends::invitation(tx, invitation)
    });
    let made = wire::MadeInvitation { invitation: invitation.await?, link: ticket.link };
    Ok((StatusCode::CREATED, axum::Json(made)))
}

pub(super) async fn invitations(
    Extract(state): Extract<State>,
) -> Result<axum::Json<Vec<wire::Invitation>>, Error> {
    let list = state.store.read(|view| {
        let list = people::invitations(view)?.into_iter();
        list.map(|one| view::friends::invitation(view, one)).collect::<Result<Vec<_>, Error>>()
    });
    list.await.map(axum::Json)
}

#[derive(Deserialize)]
pub(super) struct One {
    id: String,
}

pub(super) async fn uninvite(
    Extract(state): Extract<State>,
    Path(at): Path<One>,
) -> Result<StatusCode, Error> {
    let id: InvitationId = at.id.parse()?;
    state.store.write(move |tx| people::remove_invitation(tx, id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
