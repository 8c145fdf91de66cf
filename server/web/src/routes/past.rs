//! The past of a text, moment by moment, and what changed in a folder.

use axum::extract::{Path, Query, State as Extract};
use axum::http::StatusCode;
use serde::Deserialize;
use types::{FileId, RelPath, Right, ShareId, Time};

use crate::gate::Caller;
use crate::routes::Json;
use crate::view::friends::Present;
use crate::{Error, State, past, view, wire};

const NAME_CHARS_MAX: usize = 120;
/// How many names are tried for a copy.
const COPIES_MAX: u32 = 100;

#[derive(Deserialize)]
pub(super) struct OneFile {
    file: String,
}

pub(super) async fn show(
    Extract(state): Extract<State>,
    caller: Caller,
    Path(at): Path<OneFile>,
) -> Result<axum::Json<wire::Past>, Error> {
    let entry = may(&state, &caller, &at.file, Right::View).await?;
    past_of(&state, &caller, &entry).await.map(axum::Json)
}

async fn past_of(
    state: &State,
    caller: &Caller,
    entry: &files::Entry,
) -> Result<wire::Past, Error> {
    if files::type_of(entry) != files::Type::Text {
        return Err(Error::bad_input(
            "only a text has a past that can be walked through",
            "Look at the versions of this file instead",
        ));
    }
    past::of(state, entry, caller.who.may_manage_hive().is_ok()).await
}

pub(super) async fn name(
    Extract(state): Extract<State>,
    caller: Caller,
    Path(at): Path<OneFile>,
    Json(wanted): Json<wire::NameMoment>,
) -> Result<StatusCode, Error> {
    let entry = may(&state, &caller, &at.file, Right::Edit).await?;
    let name = wanted.name.unwrap_or_default().trim().to_owned();
    if name.chars().count() > NAME_CHARS_MAX {
        let detail = format!("the name is longer than {NAME_CHARS_MAX} characters");
        return Err(Error::bad_input(detail, "Choose a shorter one"));
    }
    let past = past::of(&state, &entry, true).await?;
    let moment = &past.moments[place_of(&past, wanted.at)?];
    let (file, share, version, at) = (entry.id, entry.share, moment.version, Time(moment.at));
    let named = state.store.write(move |tx| {
        if let Some(version) = version {
            files::history::describe(tx, file, version, Some(&name), None)?;
        }
        // A name that stood at the moment alone gives way.
        let own = Some(name.as_str()).filter(|name| version.is_none() && !name.is_empty());
        let known = documents::name_moment(tx, file, at, own)?;
        if !known && version.is_none() {
            return Err(unknown());
        }
        tx.announce("file", &file.to_string(), Some(share))?;
        Ok(())
    });
    named.await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn restore(
    Extract(state): Extract<State>,
    caller: Caller,
    Path(at): Path<OneFile>,
    Json(wanted): Json<wire::RestoreMoment>,
) -> Result<axum::Json<wire::File>, Error> {
    let needed = if wanted.as_copy { Right::View } else { Right::Edit };
    let entry = may(&state, &caller, &at.file, needed).await?;
    let past = past_of(&state, &caller, &entry).await?;
    let text = past::text_at(&past, place_of(&past, wanted.at)?);
    let entry = if wanted.as_copy {
        copy(&state, &caller, &entry, wanted.name.as_deref(), text).await?
    } else {
        let person = caller.who.person.as_ref();
        let member = documents::Member {
            person: person.map(|person| person.id),
            name: person.map(|person| person.name.clone()).filter(|name| !name.is_empty()),
            hue: person.map(|person| person.hue),
            right: caller.who.right,
            key: caller.who.revocation_key(),
        };
        state.documents.rewrite(entry.id, member, rand::random(), &text).await?;
        entry
    };
    let shown = state.store.read(move |view| {
        Ok::<_, Error>(view::file(view, entry, &mut view::Names::default(), &[]))
    });
    shown.await.map(axum::Json)
}

/// Makes a new file beside another one.
async fn copy(
    state: &State,
    caller: &Caller,
    entry: &files::Entry,
    name: Option<&str>,
    text: String,
) -> Result<files::Entry, Error> {
    let folder = entry.path.parent().ok_or_else(unknown)?;
    let (who, share, inside) = (caller.who.clone(), entry.share, folder.clone());
    let may = move |view: &store::View| view::may_folder(view, &who, Right::Edit, share, &inside);
    state.store.read(may).await?;
    let (stem, extension) = match entry.name.as_str().rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem, format!(".{extension}")),
        _ => (entry.name.as_str(), String::new()),
    };
    let by = caller.who.person.as_ref().map(|person| person.id);
    let usual = format!("{stem} (earlier){extension}");
    for number in 1..=COPIES_MAX {
        let name = match (number, name) {
            (1, name) => name.unwrap_or(&usual).to_owned(),
            (number, _) => format!("{stem} (earlier {number}){extension}"),
        };
        let path = folder.join(&types::Name::new_for_all_systems(&name)?);
        match state.files.create(share, path, text.clone().into_bytes(), by).await {
            Err(files::Error::Taken) => {}
            other => return Ok(other?),
        }
    }
    Err(files::Error::Taken.into())
}

/// The moment of this time, or the last one before it.
fn place_of(past: &wire::Past, at: i64) -> Result<usize, Error> {
    past.moments.iter().rposition(|moment| moment.at <= at).ok_or_else(unknown)
}

fn unknown() -> Error {
    Error::gone("the history does not know that moment")
}

#[derive(Deserialize)]
pub(super) struct InShare {
    share: String,
}

#[derive(Deserialize)]
pub(super) struct Since {
    path: Option<String>,
    since: i64,
}

pub(super) async fn changes(
    Extract(state): Extract<State>,
    caller: Caller,
    Path(at): Path<InShare>,
    Query(wanted): Query<Since>,
) -> Result<axum::Json<Vec<wire::Changed>>, Error> {
    let share: ShareId = at.share.parse()?;
    let folder: RelPath = wanted.path.as_deref().unwrap_or_default().parse()?;
    let own = Present::of(&*state.friends).own();
    let read = move |view: &store::View| {
        view::may_folder(view, &caller.who, Right::View, share, &folder)?;
        let is_owner = caller.who.may_manage_hive().is_ok();
        let changes = files::history::changes(view, share, &folder, Time(wanted.since))?;
        changes.into_iter().map(|one| changed(view, (share, own), is_owner, one)).collect()
    };
    state.store.read(read).await.map(axum::Json)
}

fn changed(
    view: &store::View,
    of: (ShareId, types::HiveId),
    is_owner: bool,
    one: files::history::Changed,
) -> Result<wire::Changed, Error> {
    let by = one.by.into_iter().map(|by| past::changer(view, of, is_owner, by));
    Ok(wire::Changed {
        file: one.file.to_string(),
        path: one.path.to_string(),
        was: one.was.map(|path| path.to_string()),
        verb: one.verb.to_owned(),
        edited: one.edited,
        kind: one.kind.as_str().to_owned(),
        size: one.size,
        at: one.at.0,
        by: by.collect::<Result<_, _>>()?,
        before: one.before.filter(|_| is_owner),
        now: one.now.filter(|_| is_owner),
    })
}

async fn may(
    state: &State,
    caller: &Caller,
    file: &str,
    needed: Right,
) -> Result<files::Entry, Error> {
    let file: FileId = file.parse()?;
    let who = caller.who.clone();
    state
        .store
        .read(move |view| {
            let entry = files::entry(view, file)?;
            view::may_entry(view, &who, needed, &entry)?;
            Ok(entry)
        })
        .await
}
