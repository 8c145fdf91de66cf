//! What a share holds: lists, search, one file, new text files.

use axum::body::{Body, to_bytes};
use axum::extract::{Path, Query, State as Extract};
use axum::http::StatusCode;
use serde::Deserialize;
use types::{FileId, Name, RelPath, Right, ShareId};

use crate::gate::Caller;
use crate::routes::Json;
use crate::{Error, State, view, wire};

const LIMIT_DEFAULT: u32 = 500;
const LIMIT_MAX: u32 = 5_000;
const FOUND_DEFAULT: u32 = 50;
const FOUND_MAX: u32 = 500;
/// The largest file that is put by one call: it is held in memory until it is written.
const PUT_BYTES_MAX: usize = 25_000_000;

#[derive(Deserialize)]
pub(super) struct InShare {
    share: String,
}

#[derive(Deserialize)]
pub(super) struct OneFile {
    file: String,
}

#[derive(Deserialize)]
pub(super) struct How {
    folder: Option<String>,
    sort: Option<String>,
    order: Option<String>,
    offset: Option<u32>,
    limit: Option<u32>,
    /// The page begins at the first name that begins so, instead of at `offset`.
    begins: Option<String>,
}

pub(super) async fn list(
    Extract(state): Extract<State>,
    caller: Caller,
    Path(at): Path<InShare>,
    Query(how): Query<How>,
) -> Result<axum::Json<wire::Listing>, Error> {
    let share: ShareId = at.share.parse()?;
    let folder: RelPath = how.folder.as_deref().unwrap_or_default().parse()?;
    let sort = match how.sort.as_deref() {
        None | Some("name") => files::Sort::Name,
        Some("size") => files::Sort::Size,
        Some("changed") => files::Sort::Changed,
        Some("kind") => files::Sort::Kind,
        Some(_) => {
            let hint = "Sort by name, size, changed or kind";
            return Err(Error::bad_input("there is no such order", hint));
        }
    };
    let descending = how.order.as_deref() == Some("desc");
    let offset = how.offset.unwrap_or(0);
    let limit = how.limit.unwrap_or(LIMIT_DEFAULT).min(LIMIT_MAX);
    let present = state.documents.here().borrow().clone();
    let listing = state.store.read(move |view| {
        view::may_folder(view, &caller.who, Right::View, share, &folder)?;
        let named = |begins| files::row_of(view, share, &folder, sort, descending, begins);
        let row = how.begins.as_deref().map(named).transpose()?;
        // Nothing begins so: an empty page.
        let (offset, limit) = match row {
            Some(Some(row)) => (row, limit),
            Some(None) => (offset, 0),
            None => (offset, limit),
        };
        let listing = files::list(view, share, &folder, sort, descending, offset, limit)?;
        let mut names = view::Names::default();
        let show = |entry| view::file(view, entry, &mut names, &present);
        Ok::<_, Error>(wire::Listing {
            folder: folder.to_string(),
            total: listing.total,
            offset,
            entries: listing.entries.into_iter().map(show).collect(),
        })
    });
    listing.await.map(axum::Json)
}

#[derive(Deserialize)]
pub(super) struct Words {
    q: Option<String>,
    limit: Option<u32>,
}

pub(super) async fn search(
    Extract(state): Extract<State>,
    caller: Caller,
    Path(at): Path<InShare>,
    Query(words): Query<Words>,
) -> Result<axum::Json<Vec<wire::File>>, Error> {
    let share: ShareId = at.share.parse()?;
    let limit = words.limit.unwrap_or(FOUND_DEFAULT).min(FOUND_MAX);
    let words = words.q.unwrap_or_default();
    let present = state.documents.here().borrow().clone();
    let found = state.store.read(move |view| {
        caller.who.may(Right::View)?;
        let mut names = view::Names::default();
        let found = files::search(view, share, &words, limit)?.into_iter();
        let seen =
            found.filter(|entry| view::may_entry(view, &caller.who, Right::View, entry).is_ok());
        Ok::<_, Error>(seen.map(|entry| view::file(view, entry, &mut names, &present)).collect())
    });
    found.await.map(axum::Json)
}

pub(super) async fn show(
    Extract(state): Extract<State>,
    caller: Caller,
    Path(at): Path<OneFile>,
) -> Result<axum::Json<wire::FileDetails>, Error> {
    let file: FileId = at.file.parse()?;
    details(&state, caller, move |view| files::entry(view, file)).await
}

#[derive(Deserialize)]
pub(super) struct Place {
    share: String,
    path: String,
}

pub(super) async fn by_path(
    Extract(state): Extract<State>,
    caller: Caller,
    Query(place): Query<Place>,
) -> Result<axum::Json<wire::FileDetails>, Error> {
    let share: ShareId = place.share.parse()?;
    let path: RelPath = place.path.parse()?;
    details(&state, caller, move |view| files::entry_at(view, share, &path)).await
}

async fn details(
    state: &State,
    caller: Caller,
    find: impl FnOnce(&store::View) -> Result<files::Entry, files::Error> + Send + 'static,
) -> Result<axum::Json<wire::FileDetails>, Error> {
    let present = state.documents.here().borrow().clone();
    let right = caller.who.right;
    let (id, of_type, file, share_name) = state
        .store
        .read(move |view| {
            let entry = find(view)?;
            view::may_entry(view, &caller.who, Right::View, &entry)?;
            let share_name = files::share(view, entry.share)?.name;
            let (id, of_type) = (entry.id, files::type_of(&entry));
            let file = view::file(view, entry, &mut view::Names::default(), &present);
            Ok::<_, Error>((id, of_type, file, share_name))
        })
        .await?;
    let live = live(state, id, of_type, &file.kind).await?;
    Ok(axum::Json(wire::FileDetails { file, share_name, right: right.into(), live }))
}

/// Whether it can be edited live: text by its name, or by its content where the name says nothing.
async fn live(
    state: &State,
    file: FileId,
    of_type: files::Type,
    kind: &str,
) -> Result<wire::Live, Error> {
    let no = |code: &str, detail: &str, hint: &str| {
        let (code, detail, hint) = (code.to_owned(), detail.to_owned(), hint.to_owned());
        wire::Live::No(wire::Warning { code, detail, hint })
    };
    if kind == "link" {
        return Ok(no(
            "link",
            "This is a symbolic link. Skep shows links and does not follow them.",
            "Share the folder that it leads to, if it should be seen.",
        ));
    }
    if !matches!(of_type, files::Type::Text | files::Type::Other) {
        return Ok(no("binary", "This is no text.", "It is shown in its viewer."));
    }
    match state.documents.open(file).await {
        Ok(_) => Ok(wire::Live::Yes),
        Err(documents::Error::Store(error)) => Err(error.into()),
        Err(error) => {
            let (code, detail, hint) = crate::socket::words(&error);
            Ok(no(code, &detail, &crate::error::sentence(hint.to_owned())))
        }
    }
}

pub(super) async fn create(
    Extract(state): Extract<State>,
    caller: Caller,
    Path(at): Path<InShare>,
    Json(new): Json<wire::NewFile>,
) -> Result<(StatusCode, axum::Json<wire::File>), Error> {
    let place = NewPlace::of(&state, &caller, &at.share, &new.path).await?;
    place.fill(&state, &caller, new.text.into_bytes()).await
}

#[derive(Deserialize)]
pub(super) struct To {
    path: String,
}

/// A new file from its bytes, never over anything. The right is asked for before they are taken.
pub(super) async fn put(
    Extract(state): Extract<State>,
    caller: Caller,
    Path(at): Path<InShare>,
    Query(to): Query<To>,
    body: Body,
) -> Result<(StatusCode, axum::Json<wire::File>), Error> {
    let place = NewPlace::of(&state, &caller, &at.share, &to.path).await?;
    let bytes = to_bytes(body, PUT_BYTES_MAX).await.map_err(|_| {
        Error::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            "The file did not come whole, or is larger than 25 MB",
            "Try again, or put a larger file into the shared folder itself",
        )
    })?;
    place.fill(&state, &caller, bytes.into()).await
}

/// Where a new file may be made by this caller.
struct NewPlace {
    share: ShareId,
    path: RelPath,
}

impl NewPlace {
    async fn of(state: &State, caller: &Caller, share: &str, path: &str) -> Result<Self, Error> {
        let share: ShareId = share.parse()?;
        let path: RelPath = path.parse()?;
        let (Some(folder), Some(name)) = (path.parent(), path.name()) else {
            return Err(Error::bad_input("the new file has no name", "Type a name"));
        };
        Name::new_for_all_systems(name.as_str())?;
        let who = caller.who.clone();
        let may =
            move |view: &store::View| view::may_folder(view, &who, Right::Edit, share, &folder);
        state.store.read(may).await?;
        Ok(Self { share, path })
    }

    async fn fill(
        self,
        state: &State,
        caller: &Caller,
        bytes: Vec<u8>,
    ) -> Result<(StatusCode, axum::Json<wire::File>), Error> {
        let by = caller.who.person.as_ref().map(|person| person.id);
        let entry = state.files.create(self.share, self.path, bytes, by).await?;
        let shown = state.store.read(move |view| {
            Ok::<_, Error>(view::file(view, entry, &mut view::Names::default(), &[]))
        });
        Ok((StatusCode::CREATED, axum::Json(shown.await?)))
    }
}
