//! Files that hives changed apart: what both sides are, and what becomes of them.

use axum::extract::{Path, Query, State as Extract};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use types::{FileId, HiveId, Name, ShareId};

use crate::friends::{Apart, Keep, Side, Version};
use crate::routes::Json;
use crate::view::friends::Present;
use crate::{Error, State, raw, view, wire};

#[derive(Deserialize)]
pub(super) struct OfShare {
    share: Option<String>,
}

pub(super) async fn list(
    Extract(state): Extract<State>,
    Query(of): Query<OfShare>,
) -> Result<axum::Json<Vec<wire::TwoVersions>>, Error> {
    let share: Option<ShareId> = of.share.map(|share| share.parse()).transpose()?;
    let own = Present::of(&*state.friends).own();
    let apart = state.friends.two_versions(share).await?;
    let shown = state.store.read(move |view| {
        apart.into_iter().map(|one| show(view, one, own)).collect::<Result<Vec<_>, Error>>()
    });
    shown.await.map(axum::Json)
}

fn show(view: &store::View, apart: Apart, own: HiveId) -> Result<wire::TwoVersions, Error> {
    let name = apart.path.rsplit('/').next().unwrap_or_default();
    let of_type = Name::new(name).map_or(files::Type::Other, |name| files::type_of_name(&name));
    let side = |version: &Version| {
        let by = view::friends::person(view, apart.share, version.hive, own)?;
        let (by, device) = by.unzip();
        Ok::<_, Error>(wire::Side {
            hash: version.hash.to_string(),
            at: version.at.0,
            by,
            device: device.unwrap_or_default(),
            guest: version.guest.clone(),
            size: version.size,
        })
    };
    let sides = apart.sides.iter().map(side).collect::<Result<_, _>>()?;
    Ok(wire::TwoVersions {
        file: apart.file.to_string(),
        share: apart.share.to_string(),
        share_name: files::share(view, apart.share)?.name,
        path: apart.path,
        r#type: view::type_word(of_type).to_owned(),
        sides,
        mergeable: apart.mergeable,
        base: apart.base,
    })
}

#[derive(Deserialize)]
pub(super) struct OneSide {
    file: String,
    side: String,
}

#[derive(Deserialize)]
pub(super) struct How {
    download: Option<String>,
}

pub(super) async fn bytes(
    Extract(state): Extract<State>,
    Path(at): Path<OneSide>,
    Query(how): Query<How>,
) -> Result<Response, Error> {
    let file: FileId = at.file.parse()?;
    let side = match at.side.as_str() {
        "first" => Side::First,
        "second" => Side::Second,
        "base" => Side::Base,
        _ => {
            let hint = "The sides are first and second, and base for what both were made from";
            return Err(Error::bad_input("there is no such side", hint));
        }
    };
    let entry = state.store.read(move |view| files::entry(view, file)).await?;
    let content = state.friends.side(file, side).await?;
    raw::content(&entry, content.size, content.reader, how.download.is_some())
}

#[derive(Deserialize)]
pub(super) struct OneFile {
    file: String,
}

pub(super) async fn resolve(
    Extract(state): Extract<State>,
    Path(at): Path<OneFile>,
    Json(choice): Json<wire::Resolve>,
) -> Result<axum::Json<wire::Undo>, Error> {
    let file: FileId = at.file.parse()?;
    let keep = match (choice.keep.as_str(), choice.text) {
        ("first", None) => Keep::First,
        ("second", None) => Keep::Second,
        ("both", None) => Keep::Both,
        ("text", Some(text)) => Keep::Text(text),
        _ => {
            let hint = "Keep first, second or both, or text together with the merged text";
            return Err(Error::bad_input("that is no choice between two versions", hint));
        }
    };
    let undo = state.friends.resolve(file, keep).await?;
    Ok(axum::Json(wire::Undo { undo }))
}

pub(super) async fn undo(
    Extract(state): Extract<State>,
    Path(at): Path<OneFile>,
    Json(undo): Json<wire::Undo>,
) -> Result<StatusCode, Error> {
    state.friends.undo_resolve(at.file.parse()?, undo.undo).await?;
    Ok(StatusCode::NO_CONTENT)
}
