//! Opening a document live, and its text for programs.

use axum::extract::{Extension, Path, State as Extract};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use types::{DAY_MS, FileId, Right};

use crate::gate::{Caller, Mount};
use crate::{Error, State, view, wire};

/// A document token that belongs to no link ends after this time.
const TOKEN_LIFE_MS: i64 = 7 * DAY_MS;

#[derive(Deserialize)]
pub(super) struct At {
    file: String,
}

/// Promotes the file to a document if it is not one yet, and tells how to join. With `token`, makes
/// one for a client that has no cookie.
pub(super) async fn open(
    Extract(state): Extract<State>,
    Extension(mount): Extension<Mount>,
    caller: Caller,
    Path(at): Path<At>,
    body: axum::body::Bytes,
) -> Result<axum::Json<wire::Document>, Error> {
    let file: FileId = at.file.parse()?;
    let wanted: wire::OpenDocument = match body.is_empty() {
        true => wire::OpenDocument::default(),
        false => serde_json::from_slice(&body).map_err(|error| {
            let hint = "See /api/v1/openapi.json for what this call takes";
            Error::bad_input(error.to_string(), hint)
        })?,
    };
    let share = may_view(&state, &caller, file).await?;
    let opened = state.documents.open(file).await?;
    let own_path = match &mount {
        Mount::Owner => "/yjs".to_owned(),
        Mount::Guest(link) => format!("/l/{link}/yjs"),
    };
    let mut document = wire::Document {
        file: file.to_string(),
        generation: opened.generation.to_string(),
        url: own_path,
        room: file.to_string(),
        params: wire::DocumentParams {
            generation: Some(opened.generation.to_string()),
            ..wire::DocumentParams::default()
        },
        text: documents::TEXT_NAME.to_owned(),
        right: caller.who.right.into(),
    };
    if wanted.token {
        caller.who.may_manage_hive()?;
        let link = wanted.link.map(|link| link.parse()).transpose()?;
        let made = state.store.write(move |tx| {
            let (right, ends) = match &link {
                Some(link) => (people::link(tx, link)?.right, None),
                None => (Right::Edit, Some(tx.now().plus(TOKEN_LIFE_MS))),
            };
            people::make_document_token(tx, share, file, right, link, ends)
        });
        let (token, secret) = made.await?;
        document.right = token.right.into();
        // A stock client reconnects for days with the parameters it was given, so these name no
        // generation: only a client that knows how to rebase should be bound to one.
        document.params =
            wire::DocumentParams { token: Some(secret), ..wire::DocumentParams::default() };
    }
    Ok(axum::Json(document))
}

pub(super) async fn text(
    Extract(state): Extract<State>,
    caller: Caller,
    Path(at): Path<At>,
) -> Result<Response, Error> {
    let file: FileId = at.file.parse()?;
    may_view(&state, &caller, file).await?;
    let text = state.documents.text(file).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

async fn may_view(state: &State, caller: &Caller, file: FileId) -> Result<types::ShareId, Error> {
    let who = caller.who.clone();
    state
        .store
        .read(move |view| {
            let entry = files::entry(view, file)?;
            view::may_entry(view, &who, Right::View, &entry)?;
            Ok(entry.share)
        })
        .await
}
