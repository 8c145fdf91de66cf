//! The past of a document, as its stored state and its strokes tell it.

use std::collections::HashMap;

use store::Tx;
use types::{FileId, Hash, Time};

use crate::past::{self, Author, Run, db as past_db};
use crate::replica::Replica;
use crate::{Error, Handle, db, text};

/// All that a document ever held since its first moment, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Oldest first.
    pub moments: Vec<ToldMoment>,
    pub strokes: Vec<ToldStroke>,
    pub runs: Vec<Run>,
}

/// The end of a spell of typing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldMoment {
    pub began: Time,
    pub at: Time,
    /// What the file held if it was just this.
    pub content: Option<Hash>,
    pub name: Option<String>,
}

/// What one author changed in a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldStroke {
    /// Its place among the moments.
    pub moment: usize,
    pub author: Author,
    /// In UTF-16 units.
    pub added: u64,
    pub removed: u64,
}

impl Handle {
    /// The past of a document; `None` if it was never changed while it was open, or began anew
    /// since.
    pub async fn told(&self, file: FileId) -> Result<Option<Told>, Error> {
        let found = self.shared.store.read(move |view| {
            let heads = past_db::heads(view, file)?;
            let Some(stored) = db::load(view, file)?.filter(|_| !heads.is_empty()) else {
                return Ok(None);
            };
            let strokes = past_db::strokes(view, file, (0, i64::MAX))?;
            Ok::<_, Error>(Some((heads, strokes, stored)))
        });
        let Some((heads, strokes, stored)) = found.await? else { return Ok(None) };
        let told = tokio::task::spawn_blocking(move || {
            let damaged = |broken: crate::replica::Broken| Error::Damaged(broken.to_string());
            let updates = stored.updates.iter().map(Vec::as_slice);
            let mut replica = Replica::load(&stored.state, updates).map_err(damaged)?;
            let news: Vec<_> = strokes.iter().map(|(_, stroke)| &stroke.news).collect();
            let runs = past::runs_of(&mut replica, &news).map_err(damaged)?;
            let places: HashMap<i64, usize> =
                heads.iter().enumerate().map(|(place, head)| (head.number, place)).collect();
            let strokes = strokes.into_iter().filter_map(|(number, stroke)| {
                let (added, removed) = stroke.news.units();
                let moment = *places.get(&number)?;
                Some(ToldStroke { moment, author: stroke.author, added, removed })
            });
            let strokes = strokes.collect();
            let moments = heads.into_iter().map(|head| ToldMoment {
                began: head.began,
                at: head.at,
                content: head.content,
                name: head.label,
            });
            Ok(Told { moments: moments.collect(), strokes, runs })
        });
        told.await.map_err(|_| Error::Stopped)?.map(Some)
    }
}

/// Names the moment of a document that ended then, or takes its name away. False if there is none.
pub fn name_moment(
    tx: &Tx,
    file: FileId,
    at: Time,
    name: Option<&str>,
) -> Result<bool, store::Error> {
    past_db::name(tx, file, at, name)
}

/// A file's bytes as the text that people edit.
pub fn readable(bytes: &[u8]) -> Result<String, Error> {
    text::decode(bytes).map(|(text, _)| text.into_owned())
}
