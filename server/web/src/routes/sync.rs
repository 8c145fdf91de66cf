//! How far shares are, why a file is not in step, and what is ignored.

use axum::extract::{Path, Query, State as Extract};
use axum::http::StatusCode;
use people::LimitsChange;
use serde::Deserialize;
use types::ShareId;

use crate::friends::{self, WhyOf};
use crate::routes::Json;
use crate::view::friends::Present;
use crate::{Error, State, view, wire};

#[derive(Deserialize)]
pub(super) struct InShare {
    share: String,
}

pub(super) async fn show(
    Extract(state): Extract<State>,
    Path(at): Path<InShare>,
) -> Result<axum::Json<wire::Sync>, Error> {
    let share = known(&state, &at).await?;
    let present = Present::of(&*state.friends);
    let own = present.own();
    let (progress, network) = (state.friends.sync(share).await?, state.friends.network());
    let read = state.store.read(move |view| {
        let members = view::friends::members(view, share, &present, &progress)?;
        let paused = people::share_pause(view, share)?.map(Into::into);
        let resting = view::friends::resting(view, Some((share, own)), network)?;
        let limits = view::friends::limits(view, network)?;
        Ok::<_, Error>((members, paused, (resting, limits), progress))
    });
    let (members, paused, (resting, limits), progress) = read.await?;
    let own = members.iter().find(|member| member.is_self);
    let own = own.map_or_else(|| "member".to_owned(), |member| member.state.clone());
    // How far somebody is who is no friend of this hive is not known here, and shows elsewhere.
    // Whoever is out of the share is out of step with nobody.
    let takes_part = own == "member";
    let known = |member: &&wire::Member| member.is_self || (takes_part && member.friend);
    let taking_part = || members.iter().filter(|member| member.state == "member").filter(known);
    let sum = |of: fn(&wire::Lag) -> Option<u64>| {
        taking_part().filter_map(|member| of(&member.lag)).fold(0, u64::saturating_add)
    };
    let waiting = progress.waiting.into_iter().map(|one| wire::Waiting {
        file: one.file.map(|file| file.to_string()),
        path: one.path,
        code: one.code,
        detail: one.detail,
        hint: one.hint,
    });
    Ok(axum::Json(wire::Sync {
        state: own,
        in_sync: taking_part().all(|member| member.lag.in_sync == Some(true)),
        here: progress.here.into(),
        files_to_go: sum(|lag| lag.files_to_go),
        bytes_to_go: sum(|lag| lag.bytes_to_go),
        waiting: waiting.collect(),
        held_back: progress.held_back.map(|held| wire::HeldBack {
            deletions: held.own.saturating_add(held.friends),
            own: held.own,
            friends: held.friends,
        }),
        paused,
        resting,
        limits,
        friends: members.into_iter().filter(|member| !member.is_self).collect(),
    }))
}

pub(super) async fn confirm(
    Extract(state): Extract<State>,
    Path(at): Path<InShare>,
) -> Result<StatusCode, Error> {
    let share = known(&state, &at).await?;
    state.friends.confirm_deletions(share, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn take_back(
    Extract(state): Extract<State>,
    Path(at): Path<InShare>,
) -> Result<StatusCode, Error> {
    let share = known(&state, &at).await?;
    state.friends.confirm_deletions(share, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
pub(super) struct Of {
    file: Option<String>,
    share: Option<String>,
    path: Option<String>,
}

pub(super) async fn why(
    Extract(state): Extract<State>,
    Query(of): Query<Of>,
) -> Result<axum::Json<wire::Why>, Error> {
    let of = match of {
        Of { file: Some(file), .. } => WhyOf::File(file.parse()?),
        Of { share: Some(share), path, .. } => {
            WhyOf::Path(known(&state, &InShare { share }).await?, path.unwrap_or_default())
        }
        Of { .. } => {
            let hint = "Name a file, or a share and a path in it";
            return Err(Error::bad_input("nothing was asked for", hint));
        }
    };
    let friends::Why { path, in_step, code, detail, hint } = state.friends.why(of).await?;
    let why = wire::Why { path, in_step, code, detail, hint };
    if why.code != "content" {
        return Ok(axum::Json(why));
    }
    let network = state.friends.network();
    let resting = state.store.read(move |view| view::friends::resting(view, None, network)).await?;
    Ok(axum::Json(match resting {
        Some(wire::Resting { code, detail, hint }) => wire::Why { code, detail, hint, ..why },
        None => why,
    }))
}

pub(super) async fn limits(
    Extract(state): Extract<State>,
) -> Result<axum::Json<wire::Limits>, Error> {
    let network = state.friends.network();
    state.store.read(move |view| view::friends::limits(view, network)).await.map(axum::Json)
}

pub(super) async fn set_limits(
    Extract(state): Extract<State>,
    Json(change): Json<wire::ChangeLimits>,
) -> Result<axum::Json<wire::Limits>, Error> {
    let wire::ChangeLimits { up_kb, down_kb, only_unmetered } = change;
    let network = state.friends.network();
    let write = move |tx: &mut store::Tx| {
        people::change_limits(tx, LimitsChange { up_kb, down_kb })?;
        if let Some(only) = only_unmetered {
            people::set_only_unmetered(tx, only)?;
        }
        view::friends::limits(tx, network)
    };
    state.store.write(write).await.map(axum::Json)
}

pub(super) async fn ignore(
    Extract(state): Extract<State>,
    Path(at): Path<InShare>,
) -> Result<axum::Json<wire::Ignore>, Error> {
    let share = known(&state, &at).await?;
    state.friends.ignore(share).await.map(shown)
}

pub(super) async fn set_ignore(
    Extract(state): Extract<State>,
    Path(at): Path<InShare>,
    Json(rules): Json<wire::IgnoreText>,
) -> Result<axum::Json<wire::Ignore>, Error> {
    let share = known(&state, &at).await?;
    state.friends.set_ignore(share, rules.text).await.map(shown)
}

fn shown(ignore: friends::Ignore) -> axum::Json<wire::Ignore> {
    let friends::Ignore { text, defaults, ignored } = ignore;
    let default = |(rule, why)| wire::IgnoreDefault { rule, why };
    let defaults = defaults.into_iter().map(default).collect();
    axum::Json(wire::Ignore { text, defaults, ignored })
}

pub(super) async fn preview(
    Extract(state): Extract<State>,
    Path(at): Path<InShare>,
    Json(rules): Json<wire::IgnoreText>,
) -> Result<axum::Json<Vec<wire::Caught>>, Error> {
    let share = known(&state, &at).await?;
    let caught = state.friends.preview_ignore(share, rules.text).await?;
    let show = |friends::Caught { path, rule, line }| wire::Caught { path, rule, line };
    Ok(axum::Json(caught.into_iter().map(show).collect()))
}

async fn known(state: &State, at: &InShare) -> Result<ShareId, Error> {
    let share: ShareId = at.share.parse()?;
    state.store.read(move |view| files::share(view, share)).await?;
    Ok(share)
}
