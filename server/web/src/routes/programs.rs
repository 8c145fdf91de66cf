//! Other programs at a document: a token of its own for each, and the addresses to paste.

use axum::extract::{Query, State as Extract};
use axum::http::StatusCode;
use people::{KeyKind, Scope};
use serde::Deserialize;
use types::{FileId, Right, ShareId, Time};

use crate::gate::Caller;
use crate::routes::Json;
use crate::{Error, State, view, wire};

/// How a program is called whose owner gave it no name.
const NAME: &str = "Another program";

#[derive(Deserialize)]
pub(super) struct Of {
    file: Option<String>,
}

pub(super) async fn list(
    Extract(state): Extract<State>,
    caller: Caller,
    Query(of): Query<Of>,
) -> Result<axum::Json<Vec<wire::Key>>, Error> {
    let file: Option<FileId> = of.file.map(|file| file.parse()).transpose()?;
    let keys = state.store.read(move |view| {
        let keys = people::keys(view)?.into_iter().filter(|key| match key.scope {
            Scope::Within(_, of) => {
                key.kind == KeyKind::Token && file.is_none_or(|file| file == of)
            }
            Scope::Share(_) | Scope::Everything => false,
        });
        keys.map(|key| view::key(view, key, &caller.who)).collect::<Result<Vec<_>, Error>>()
    });
    keys.await.map(axum::Json)
}

pub(super) async fn make(
    Extract(state): Extract<State>,
    caller: Caller,
    Json(new): Json<wire::NewProgram>,
) -> Result<(StatusCode, axum::Json<wire::MadeProgram>), Error> {
    let file: Option<FileId> = new.file.map(|file| file.parse()).transpose()?;
    let share: Option<ShareId> = new.share.map(|share| share.parse()).transpose()?;
    if file.is_some() == share.is_some() {
        let hint = "Name either a file or a share";
        return Err(Error::bad_input("it is not clear what the program may open", hint));
    }
    let right = new.right.map_or(Right::View, Right::from);
    if right > Right::Edit {
        let hint = "Choose view, comment or edit";
        return Err(Error::bad_input("a program is given at most the right to edit", hint));
    }
    let name = new.name.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| NAME.to_owned());
    let is_text = match file {
        Some(file) => opens(&state, file).await?,
        None => false,
    };
    let expires_at = new.expires_at.map(Time);
    let made = state.store.write(move |tx| {
        let share = match (file, share) {
            (Some(file), _) => files::entry(tx, file)?.share,
            (None, Some(share)) => files::share(tx, share)?.id,
            (None, None) => return Err(people::Error::Gone("document").into()),
        };
        let to = (share, file);
        let (token, secret) = people::make_program_token(tx, &name, to, right, expires_at)?;
        let id = token.id.to_string();
        let key = people::keys(tx)?.into_iter().find(|key| key.id == id);
        let key = key.ok_or(people::Error::Gone("token"))?;
        Ok::<_, Error>((view::key(tx, key, &caller.who)?, secret))
    });
    let (key, token) = made.await?;
    let room = file.filter(|_| is_text).map(|file| file.to_string());
    Ok((StatusCode::CREATED, axum::Json(addresses(&state, key, token, room))))
}

/// Whether this is one document; a folder is fine too, a file that cannot be live is not.
async fn opens(state: &State, file: FileId) -> Result<bool, Error> {
    let entry = state.store.read(move |view| files::entry(view, file)).await?;
    if entry.kind == files::EntryKind::Folder {
        return Ok(false);
    }
    state.documents.open(file).await?;
    Ok(true)
}

fn addresses(
    state: &State,
    key: wire::Key,
    token: String,
    room: Option<String>,
) -> wire::MadeProgram {
    let http = state.control.addresses().first().map(|one| one.url.clone()).unwrap_or_default();
    let socket = http.replacen("http", "ws", 1);
    let params = wire::DocumentParams { token: Some(token.clone()), ..Default::default() };
    wire::MadeProgram {
        text: documents::TEXT_NAME.to_owned(),
        yjs: wire::YjsAddress { url: format!("{socket}/yjs"), params },
        hocuspocus: wire::HocuspocusAddress { url: format!("{socket}/hocuspocus") },
        mobwrite: wire::MobwriteAddress {
            url: format!("{http}/mobwrite"),
            tcp: state.control.mobwrite(),
            file: format!("{}{token}", crate::mobwrite::FILE_PREFIX),
        },
        room,
        key,
        token,
    }
}
