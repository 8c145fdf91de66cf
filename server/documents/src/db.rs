//! All SQL of the crate: documents, their states and updates, and what their files held.

use std::collections::BTreeSet;

use bytes::Bytes;
use store::sql::{OptionalExtension, params};
use store::{Tx, View};
use types::{FileId, Generation, Hash};

use crate::text::Form;
use crate::varint::{Reader, push_bytes};

/// So many clients of former generations are remembered.
const RETIRED_MAX: usize = 10_000;

/// How far a generation may have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Reach {
    /// No other hive has it.
    #[default]
    Own = 0,
    /// Other hives make the same one of the same version of the file.
    Common = 1,
    /// Another hive has, or had, it open too.
    Linked = 2,
}

impl Reach {
    /// Of a document that is made from this version of its file.
    pub(crate) fn of_new(version: Option<Hash>) -> Self {
        if version.is_some() { Self::Common } else { Self::Own }
    }

    fn of(stored: i64) -> Self {
        match stored {
            0 => Self::Own,
            1 => Self::Common,
            _ => Self::Linked,
        }
    }
}

/// What a file held at a moment of its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) hash: Hash,
    pub(crate) moment: Vec<u8>,
    pub(crate) form: Form,
}

/// A document as it is stored.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) generation: Generation,
    pub(crate) state: Vec<u8>,
    pub(crate) updates: Vec<Vec<u8>>,
    /// Sequence number of the newest update.
    pub(crate) seq: i64,
    /// Updates since the last merge.
    pub(crate) rows: usize,
    pub(crate) slot: u8,
    pub(crate) settled: Mark,
    /// Which update the settled mark holds.
    pub(crate) settled_seq: i64,
    /// What was about to be written when the hive stopped, and the newest update in it.
    pub(crate) intent: Option<(Mark, i64)>,
    pub(crate) reach: Reach,
    /// Clients of former generations that this one does not know.
    pub(crate) retired: BTreeSet<u64>,
}

/// One step of a document, kept whole or not at all.
#[derive(Debug, Default)]
pub(crate) struct Step {
    /// Updates, appended as one row.
    pub(crate) updates: Vec<Bytes>,
    pub(crate) seq: i64,
    /// Replaces state and rows up to `seq`; the updates are then those that wait.
    pub(crate) state: Option<Vec<u8>>,
    /// A mark for one slot, and the newest update that it holds.
    pub(crate) mark: Option<(u8, Mark, i64)>,
    /// The file holds what this slot's mark says.
    pub(crate) settle: u8,
    /// A mark that is neither settled nor part of this step is forgotten.
    pub(crate) void: bool,
    pub(crate) reach: Reach,
}

pub(crate) fn load(view: &View, file: FileId) -> Result<Option<Stored>, store::Error> {
    let head = view
        .prepare_cached(
            "SELECT generation, merged, settled, body, reach FROM documents_document
             JOIN documents_state USING (file) WHERE file = ?1",
        )?
        .query_row([file.as_bytes()], |row| {
            Ok((
                row.get::<_, [u8; 16]>(0)?,
                row.get::<_, i64>(1)?,
                row.get::<_, u8>(2)?,
                row.get::<_, Vec<u8>>(3)?,
                row.get::<_, i64>(4)?,
            ))
        })
        .optional()?;
    let Some((generation, merged, slot, state, reach)) = head else { return Ok(None) };
    let mut marks = marks(view, file)?;
    let Some((settled, settled_seq)) = marks[usize::from(slot)].take() else {
        return Err(store::Error::Damaged(format!("document {file} has no settled mark")));
    };
    let mut updates = Vec::new();
    let mut seq = merged;
    let mut rows = 0;
    let mut statement =
        view.prepare_cached("SELECT seq, body FROM documents_update WHERE file = ?1 ORDER BY seq")?;
    let mut found = statement.query([file.as_bytes()])?;
    while let Some(row) = found.next()? {
        seq = row.get(0)?;
        rows += 1;
        let body = row.get_ref(1)?.as_blob().map_err(|error| {
            store::Error::Damaged(format!("an update of document {file}: {error}"))
        })?;
        let mut reader = Reader::new(body);
        while reader.left() > 0 {
            let update = reader.bytes().map_err(|_| {
                store::Error::Damaged(format!("update {seq} of document {file} is cut short"))
            })?;
            updates.push(update.to_vec());
        }
    }
    Ok(Some(Stored {
        generation: Generation::from_bytes(generation),
        state,
        updates,
        seq,
        rows,
        slot,
        settled,
        settled_seq,
        intent: marks[usize::from(1 - slot)].take(),
        reach: Reach::of(reach),
        retired: retired(view, file)?,
    }))
}

/// Makes a document. Of the same version of a file every hive makes the same generation, so that
/// edits made apart can meet; of other files it is drawn. If there is one already, nothing is done.
pub(crate) fn promote(
    tx: &mut Tx,
    file: FileId,
    version: Option<Hash>,
    state: &[u8],
    mark: &Mark,
) -> Result<Option<Generation>, store::Error> {
    let of = |hash: Hash| hash.as_bytes().first_chunk().copied().map(Generation::from_bytes);
    let generation = version.and_then(of);
    let generation = generation.unwrap_or_else(|| Generation::draw(tx.chance()));
    let reach = Reach::of_new(version);
    Ok(insert(tx, file, generation, reach, (state, 0), mark)?.then_some(generation))
}

/// Puts the document of another hive in the place of this one's, which has these clients that the
/// other does not know.
pub(crate) fn adopt(
    tx: &Tx,
    file: FileId,
    generation: Generation,
    state: &[u8],
    mark: &Mark,
    retire: &BTreeSet<u64>,
) -> Result<(), store::Error> {
    let former = retired(tx, file)?;
    tx.prepare_cached("DELETE FROM documents_document WHERE file = ?1")?
        .execute([file.as_bytes()])?;
    // The state goes on from where the file stands.
    insert(tx, file, generation, Reach::Linked, (state, 1), mark)?;
    let mut add = tx
        .prepare_cached("INSERT OR IGNORE INTO documents_retired (file, client) VALUES (?1, ?2)")?;
    for client in retire.iter().chain(&former).take(RETIRED_MAX) {
        add.execute(params![file.as_bytes(), client.cast_signed()])?;
    }
    Ok(())
}

/// Another hive is given the document.
pub(crate) fn link(tx: &Tx, file: FileId) -> Result<(), store::Error> {
    tx.prepare_cached("UPDATE documents_document SET reach = ?2 WHERE file = ?1")?
        .execute(params![file.as_bytes(), Reach::Linked as i64])?;
    Ok(())
}

/// Begins another generation of a document, if it is stored, with the same text.
pub(crate) fn renew(tx: &mut Tx, file: FileId) -> Result<Generation, store::Error> {
    let generation = Generation::draw(tx.chance());
    tx.prepare_cached("UPDATE documents_document SET generation = ?2, reach = 0 WHERE file = ?1")?
        .execute(params![file.as_bytes(), generation.as_bytes()])?;
    Ok(generation)
}

fn insert(
    tx: &Tx,
    file: FileId,
    generation: Generation,
    reach: Reach,
    (state, seq): (&[u8], i64),
    mark: &Mark,
) -> Result<bool, store::Error> {
    let made = tx
        .prepare_cached(
            "INSERT OR IGNORE INTO documents_document
             (file, generation, merged, settled, changed_at, reach)
             VALUES (?1, ?2, ?4, 0, ?3, ?5)",
        )?
        .execute(params![file.as_bytes(), generation.as_bytes(), tx.now().0, seq, reach as i64])?;
    if made == 0 {
        return Ok(false);
    }
    save_state(tx, file, state)?;
    save_mark(tx, file, 0, mark, 0)?;
    Ok(true)
}

pub(crate) fn save(tx: &Tx, file: FileId, step: &Step) -> Result<(), store::Error> {
    if let Some(state) = &step.state {
        save_state(tx, file, state)?;
        tx.prepare_cached("DELETE FROM documents_update WHERE file = ?1")?
            .execute([file.as_bytes()])?;
    }
    if !step.updates.is_empty() {
        let mut body = Vec::new();
        for update in &step.updates {
            push_bytes(&mut body, update);
        }
        tx.prepare_cached("INSERT INTO documents_update (file, seq, body) VALUES (?1, ?2, ?3)")?
            .execute(params![file.as_bytes(), step.seq, body])?;
    }
    if let Some((slot, mark, seq)) = &step.mark {
        save_mark(tx, file, *slot, mark, *seq)?;
    }
    if step.void {
        let kept = step.mark.as_ref().map_or(step.settle, |(slot, ..)| *slot);
        tx.prepare_cached("DELETE FROM documents_mark WHERE file = ?1 AND slot NOT IN (?2, ?3)")?
            .execute(params![file.as_bytes(), step.settle, kept])?;
    }
    let merged = step.state.is_some().then_some(step.seq);
    let known = tx
        .prepare_cached(
            "UPDATE documents_document
             SET changed_at = ?2, merged = coalesce(?3, merged), settled = ?4,
                 reach = max(reach, ?5) WHERE file = ?1",
        )?
        .execute(params![file.as_bytes(), tx.now().0, merged, step.settle, step.reach as i64])?;
    if known == 0 {
        return Err(store::Error::Damaged(format!("document {file} is no longer stored")));
    }
    Ok(())
}

/// Documents with updates that their files do not have yet.
pub(crate) fn unsettled(view: &View) -> Result<Vec<FileId>, store::Error> {
    let mut statement = view.prepare_cached(
        "SELECT document.file FROM documents_document AS document
         JOIN documents_mark AS mark ON mark.file = document.file AND slot = settled
         WHERE max(merged, coalesce((SELECT max(seq) FROM documents_update AS newer
             WHERE newer.file = document.file), 0)) > mark.seq",
    )?;
    let files = statement.query_map([], |row| Ok(FileId::from_bytes(row.get(0)?)))?;
    Ok(files.collect::<Result<_, _>>()?)
}

/// Documents that other hives have had open in their present generation.
pub(crate) fn linked(view: &View) -> Result<Vec<FileId>, store::Error> {
    let mut statement =
        view.prepare_cached("SELECT file FROM documents_document WHERE reach = 2")?;
    let files = statement.query_map([], |row| Ok(FileId::from_bytes(row.get(0)?)))?;
    Ok(files.collect::<Result<_, _>>()?)
}

/// Starts a new life of every document: for a database that was put back from a snapshot, because
/// pages that are still open know changes that it has lost.
pub fn renew_generations(tx: &mut Tx) -> Result<(), store::Error> {
    let files: Vec<[u8; 16]> = tx
        .prepare_cached("SELECT file FROM documents_document")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for file in files {
        let generation = Generation::draw(tx.chance());
        tx.prepare_cached(
            "UPDATE documents_document SET generation = ?2, reach = 0 WHERE file = ?1",
        )?
        .execute(params![file, generation.as_bytes()])?;
    }
    Ok(())
}

fn marks(view: &View, file: FileId) -> Result<[Option<(Mark, i64)>; 2], store::Error> {
    let mut marks = [None, None];
    let mut statement = view.prepare_cached(
        "SELECT slot, hash, moment, seq, mark, crlf FROM documents_mark WHERE file = ?1",
    )?;
    let mut rows = statement.query([file.as_bytes()])?;
    while let Some(row) = rows.next()? {
        let form = Form { mark: row.get(4)?, crlf: row.get(5)? };
        let mark = Mark { hash: Hash::from_bytes(row.get(1)?), moment: row.get(2)?, form };
        marks[usize::from(row.get::<_, bool>(0)?)] = Some((mark, row.get(3)?));
    }
    Ok(marks)
}

fn retired(view: &View, file: FileId) -> Result<BTreeSet<u64>, store::Error> {
    let mut statement =
        view.prepare_cached("SELECT client FROM documents_retired WHERE file = ?1")?;
    let clients = statement.query_map([file.as_bytes()], |row| row.get::<_, i64>(0))?;
    Ok(clients.map(|client| client.map(i64::cast_unsigned)).collect::<Result<_, _>>()?)
}

fn save_state(tx: &Tx, file: FileId, state: &[u8]) -> Result<(), store::Error> {
    tx.prepare_cached(
        "INSERT INTO documents_state (file, body) VALUES (?1, ?2)
         ON CONFLICT (file) DO UPDATE SET body = excluded.body",
    )?
    .execute(params![file.as_bytes(), state])?;
    Ok(())
}

fn save_mark(tx: &Tx, file: FileId, slot: u8, mark: &Mark, seq: i64) -> Result<(), store::Error> {
    tx.prepare_cached(
        "INSERT OR REPLACE INTO documents_mark (file, slot, hash, moment, seq, mark, crlf)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        file.as_bytes(),
        slot,
        mark.hash.as_bytes(),
        mark.moment,
        seq,
        mark.form.mark,
        mark.form.crlf
    ])?;
    Ok(())
}
