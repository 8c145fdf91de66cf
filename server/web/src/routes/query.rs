//! Questions to the JSON documents of a share, as RFC 9535 writes them.

use std::sync::Arc;

use axum::extract::{Path, Query, State as Extract};
use serde::Deserialize;
use serde_json::Value;
use serde_json_path::JsonPath;
use types::{FileId, ShareId};

use crate::{Error, State, wire};

const FILES_MAX: u32 = 500;
const BYTES_MAX: usize = 64 << 20;
const FOUND_MAX: usize = 1_000;
/// Steps into all depths multiply the work.
const DESCENTS_MAX: usize = 2;

#[derive(Deserialize)]
pub(super) struct InShare {
    share: String,
}

#[derive(Deserialize)]
pub(super) struct Question {
    path: String,
    /// Part of the names of the files that are asked.
    files: Option<String>,
}

pub(super) async fn ask(
    Extract(state): Extract<State>,
    Path(at): Path<InShare>,
    Query(question): Query<Question>,
) -> Result<axum::Json<wire::Answers>, Error> {
    let share: ShareId = at.share.parse()?;
    let path = Arc::new(read(&question.path)?);
    let words = question.files.unwrap_or_else(|| ".json".to_owned());
    let files = state.store.read(move |view| {
        files::share(view, share)?;
        Ok::<_, Error>(files::search(view, share, &words, FILES_MAX)?)
    });
    let mut answers = wire::Answers::default();
    let mut bytes = 0;
    let named = |path: &str| path.to_ascii_lowercase().ends_with(".json");
    for entry in files.await?.into_iter().filter(|entry| named(&entry.path.to_string())) {
        let (file, place) = (entry.id, entry.path.to_string());
        if answers.found.len() >= FOUND_MAX || bytes > BYTES_MAX {
            answers.more = true;
            break;
        }
        match look(&state, file, path.clone()).await {
            Ok((length, found)) => {
                bytes += length;
                let found = found.into_iter().map(|(at, value)| wire::Answer {
                    file: file.to_string(),
                    path: place.clone(),
                    at,
                    value,
                });
                let room = FOUND_MAX - answers.found.len();
                answers.more |= found.len() > room;
                answers.found.extend(found.take(room));
            }
            Err(why) => answers.unread.push(wire::Unread { path: place, why }),
        }
    }
    Ok(axum::Json(answers))
}

fn read(path: &str) -> Result<JsonPath, Error> {
    if path.matches("..").count() > DESCENTS_MAX {
        let hint = format!("Use “..” at most {DESCENTS_MAX} times");
        return Err(Error::bad_input("that question would take too long", hint));
    }
    JsonPath::parse(path).map_err(|error| {
        let hint = "Ask as RFC 9535 says, for instance $.books[?@.price < 10].title";
        Error::bad_input(error.to_string(), hint)
    })
}

/// What is found in one document as it is now, each with its place; or why it cannot be read.
async fn look(
    state: &State,
    file: FileId,
    path: Arc<JsonPath>,
) -> Result<(usize, Vec<(String, Value)>), String> {
    let text = state.documents.text(file).await.map_err(|error| Error::from(error).detail)?;
    let found = tokio::task::spawn_blocking(move || {
        let value: Value = serde_json::from_str(&text)
            .map_err(|error| crate::error::sentence(format!("it is not JSON: {error}")))?;
        let located = path.query_located(&value);
        let one = |node: serde_json_path::LocatedNode<'_>| {
            (node.location().to_string(), node.node().clone())
        };
        Ok((text.len(), located.into_iter().take(FOUND_MAX + 1).map(one).collect()))
    });
    found.await.map_err(|error| error.to_string())?
}
