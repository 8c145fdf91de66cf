//! Every SQL statement on the history.

use std::collections::{HashMap, HashSet};

use store::sql::{OptionalExtension, Row as SqlRow, params};
use store::{Tx, View};
use tree::{Held, What};
use types::{DAY_MS, FileId, Hash, HiveId, MINUTE_MS, Name, RelPath, ShareId, Time};

use super::{Trashed, Version};
use crate::{Entry, EntryKind, Error};

mod since;
mod upkeep;

pub(super) use since::makers_since;
pub(super) use upkeep::{
    asides_before, forget_aside, forget_old, forget_outlines, missing, newest_row, oldest, thin,
    unwanted,
};

/// What goes within this time of its folder went with it.
const TOGETHER_MS: i64 = MINUTE_MS;
const PATH_NAMES_MAX: usize = 2_000;
const VERSION: &str = "id, file, share, at, hive, by, size, hash, label, pinned, until, verb";
const ROW: &str = "id, share, file, parent, name, verb, what, noted_at, hive, by, at, size, hash";
/// The file `?1` and all that was merged into it, as a table of ids.
const MERGED: &str = "WITH RECURSIVE merged (id) AS (
        SELECT ?1 UNION
        SELECT file FROM files_version JOIN merged ON merged_into = merged.id AND until IS NULL)";

/// How a file or folder stood at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: i64,
    pub(crate) share: ShareId,
    pub(crate) file: FileId,
    pub(crate) parent: FileId,
    pub(crate) name: Name,
    pub(crate) verb: String,
    pub(crate) what: What,
    pub(crate) noted_at: Time,
    pub(crate) hive: HiveId,
    pub(crate) by: Option<String>,
    pub(crate) at: Time,
    pub(crate) size: u64,
    pub(crate) hash: Option<Hash>,
}

impl Row {
    fn kind(&self) -> EntryKind {
        match self.what {
            What::Folder => EntryKind::Folder,
            What::File { .. } => EntryKind::File,
            What::Link { .. } => EntryKind::Link,
        }
    }
}

pub(super) fn stands(
    tx: &Tx,
    share: ShareId,
    (hive, by): (HiveId, Option<&str>),
    file: FileId,
    held: &Held,
) -> Result<(), Error> {
    let vector = encode(&held.vector)?;
    let what = encode(&held.what)?;
    let last = newest(tx, file)?;
    let has_ended = |last: &Row| matches!(last.verb.as_str(), "removed" | "ended");
    let verb = match &last {
        None => "added",
        Some(last) if has_ended(last) && last.what.reads_like(&held.what) => "restored",
        Some(last) if has_ended(last) => "added",
        Some(last) if !last.what.reads_like(&held.what) => "changed",
        Some(last) if last.parent != held.parent || last.name != held.name => "moved",
        Some(last) => {
            // Only how it is dressed, or what it counts for.
            tx.prepare_cached("UPDATE files_version SET what = ?2, vector = ?3 WHERE id = ?1")?
                .execute(params![last.id, what, vector])?;
            return Ok(());
        }
    };
    let now = tx.now().0;
    if let Some(last) = &last {
        end(tx, last.id, now)?;
    }
    let (hash, size) = match &held.what {
        What::File { hash, size, .. } => (Some(*hash.as_bytes()), size.cast_signed()),
        What::Folder | What::Link { .. } => (None, 0),
    };
    // Who moves a file does not write it.
    let author = last.filter(|_| verb == "moved");
    let (hive, by, at) =
        author.map_or((hive, by.map(str::to_owned), now), |last| (last.hive, last.by, last.at.0));
    tx.prepare_cached(
        "INSERT INTO files_version (share, file, parent, name, verb, what, hash, size, vector,
             hive, by, at, noted_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    )?
    .execute(params![
        share.as_bytes(),
        file.as_bytes(),
        held.parent.as_bytes(),
        held.name.as_str(),
        verb,
        what,
        hash,
        size,
        vector,
        hive.as_bytes(),
        by,
        at,
        now
    ])?;
    Ok(())
}

fn end(tx: &Tx, id: i64, now: i64) -> Result<(), Error> {
    tx.prepare_cached("UPDATE files_version SET until = ?2 WHERE id = ?1 AND until IS NULL")?
        .execute(params![id, now])?;
    Ok(())
}

/// Notes that nothing stands any more; nobody said yet why, unless it goes on in another file.
pub(super) fn ends(tx: &Tx, file: FileId, merged_into: Option<FileId>) -> Result<(), Error> {
    let Some(last) = newest(tx, file)? else { return Ok(()) };
    if matches!(last.verb.as_str(), "removed" | "ended") {
        return Ok(());
    }
    let now = tx.now().0;
    end(tx, last.id, now)?;
    tx.prepare_cached(
        "INSERT INTO files_version (share, file, parent, name, verb, what, hash, size, vector,
             hive, by, at, noted_at, merged_into)
         SELECT share, file, parent, name, 'ended', what, hash, size, vector, hive, by, ?2, ?2, ?3
         FROM files_version WHERE id = ?1",
    )?
    .execute(params![last.id, now, merged_into.as_ref().map(FileId::as_bytes)])?;
    Ok(())
}

/// Says of what ended that it was removed, and by whom.
pub(super) fn removed_by(
    tx: &Tx,
    file: FileId,
    author: Option<(HiveId, Time)>,
) -> Result<(), Error> {
    ends(tx, file, None)?;
    let (hive, at) = author.unzip();
    tx.prepare_cached(
        "UPDATE files_version SET verb = 'removed', hive = coalesce(?2, hive), by = NULL,
             at = coalesce(?3, at)
         WHERE file = ?1 AND verb = 'ended' AND until IS NULL",
    )?
    .execute(params![
        file.as_bytes(),
        hive.as_ref().map(HiveId::as_bytes),
        at.map(|at| at.0)
    ])?;
    Ok(())
}

pub(super) fn tell_author(
    tx: &Tx,
    file: FileId,
    hive: HiveId,
    by: Option<&str>,
    hash: Option<Hash>,
) -> Result<(), Error> {
    let hash = hash.as_ref().map(Hash::as_bytes);
    tx.prepare_cached(
        "UPDATE files_version SET hive = ?2, by = ?3
         WHERE file = ?1 AND until IS NULL AND hash IS ?4 AND verb <> 'moved'
             AND (hive IS NOT ?2 OR by IS NOT ?3)",
    )?
    .execute(params![file.as_bytes(), hive.as_bytes(), by, hash])?;
    Ok(())
}

/// Says how the version that stands came about, if it still holds this.
pub(super) fn mark(tx: &Tx, file: FileId, hash: Hash, verb: &str) -> Result<(), Error> {
    tx.prepare_cached(
        "UPDATE files_version SET verb = ?3 WHERE file = ?1 AND until IS NULL AND hash = ?2",
    )?
    .execute(params![file.as_bytes(), hash.as_bytes(), verb])?;
    Ok(())
}

/// Says of a version that it was brought back, as long as it stands.
pub(super) fn mark_restored(tx: &Tx, file: FileId, hash: Hash) -> Result<(), Error> {
    mark(tx, file, hash, "restored")
}

/// The version of a file that held a content at a moment, and when it was written.
pub(super) fn version_at(
    view: &View,
    file: FileId,
    hash: Hash,
    at: Time,
) -> Result<Option<(u64, Time)>, Error> {
    let mut statement = view.prepare_cached(
        "SELECT id, at FROM files_version WHERE file = ?1 AND hash = ?2 AND noted_at <= ?3
             AND verb NOT IN ('moved', 'removed', 'ended')
         ORDER BY id DESC LIMIT 1",
    )?;
    let found = statement.query_row(params![file.as_bytes(), hash.as_bytes(), at.0], |row| {
        Ok((row.get::<_, i64>(0)?.cast_unsigned(), Time(row.get(1)?)))
    });
    Ok(found.optional()?)
}

/// What was known of one file goes over to another: the same thing under a new id.
pub(super) fn hand_over(tx: &Tx, from: FileId, to: FileId) -> Result<(), Error> {
    let now = tx.now().0;
    tx.execute(
        "UPDATE files_version SET until = ?2, verb = 'ended' WHERE file = ?1 AND until IS NULL",
        params![from.as_bytes(), now],
    )?;
    tx.execute(
        "UPDATE files_version SET file = ?2 WHERE file = ?1",
        params![from.as_bytes(), to.as_bytes()],
    )?;
    tx.execute(
        "UPDATE files_version SET merged_into = ?2 WHERE merged_into = ?1",
        params![from.as_bytes(), to.as_bytes()],
    )?;
    Ok(())
}

pub(super) fn describe(tx: &Tx, id: u64, label: Option<&str>, pinned: bool) -> Result<(), Error> {
    tx.execute(
        "UPDATE files_version SET label = ?2, pinned = ?3 WHERE id = ?1",
        params![id.cast_signed(), label, pinned],
    )?;
    Ok(())
}

pub(super) fn forget(tx: &Tx, file: FileId) -> Result<(), Error> {
    tx.execute("DELETE FROM files_version WHERE file = ?1", [file.as_bytes()])?;
    Ok(())
}

pub(super) fn newest(view: &View, file: FileId) -> Result<Option<Row>, Error> {
    let mut statement = view.prepare_cached(&format!(
        "SELECT {ROW} FROM files_version WHERE file = ?1 ORDER BY id DESC LIMIT 1"
    ))?;
    statement.query([file.as_bytes()])?.next()?.map(read_row).transpose()
}

/// An entry as it stood when it was removed.
pub(super) fn removed_entry(view: &View, file: FileId) -> Result<Option<Entry>, Error> {
    let Some(row) = removed(view, file)? else { return Ok(None) };
    Ok(Some(Entry {
        id: row.file,
        share: row.share,
        path: path_of(view, row.share, &row)?,
        kind: row.kind(),
        name: row.name,
        size: row.size,
        modified_at: row.at,
        changed_by: None,
        seen_at: row.noted_at,
    }))
}

/// The row that tells that a file is in the trash.
pub(super) fn removed(view: &View, file: FileId) -> Result<Option<Row>, Error> {
    Ok(newest(view, file)?.filter(|row| row.verb == "removed"))
}

pub(super) fn versions(view: &View, file: FileId) -> Result<Vec<Version>, Error> {
    let mut statement = view.prepare_cached(&format!(
        "{MERGED} SELECT {VERSION} FROM files_version
         WHERE file IN merged AND hash IS NOT NULL AND verb NOT IN ('moved', 'removed', 'ended')
         ORDER BY id DESC"
    ))?;
    let rows = statement.query_map([file.as_bytes()], read_version)?;
    let mut versions = rows.collect::<Result<Vec<_>, _>>()?;
    let stands =
        newest(view, file)?.filter(|row| !matches!(row.verb.as_str(), "removed" | "ended"));
    let own = versions.iter_mut().find(|version| version.file == file);
    if let (Some(own), Some(stands)) = (own, stands) {
        own.current = stands.hash == Some(own.hash);
    }
    for version in &mut versions {
        version.file = file;
        version.kept = version.current || super::contains(view, version.share, version.hash)?;
    }
    versions.sort_by_key(|version| !version.current);
    Ok(versions)
}

pub(super) fn version(view: &View, file: FileId, id: u64) -> Result<Option<Version>, Error> {
    Ok(versions(view, file)?.into_iter().find(|version| version.id == id))
}

/// What is in a share's trash, with its row: the tops of what went together.
pub(super) fn trash(view: &View, share: ShareId, days: i64) -> Result<Vec<(Trashed, Row)>, Error> {
    let mut statement = view.prepare_cached(&format!(
        "SELECT {ROW} FROM files_version
         WHERE share = ?1 AND verb = 'removed' AND until IS NULL ORDER BY noted_at DESC, id DESC"
    ))?;
    let mut rows = statement.query([share.as_bytes()])?;
    let mut all = HashMap::new();
    let mut order = Vec::new();
    while let Some(row) = rows.next()? {
        let row = read_row(row)?;
        order.push(row.file);
        all.insert(row.file, row);
    }
    let mut sums: HashMap<FileId, (u64, u64, bool)> = HashMap::new();
    let mut tops = Vec::new();
    for file in &order {
        let row = &all[file];
        let mut top = row;
        let mut seen = HashSet::new();
        while let Some(folder) = all.get(&top.parent)
            && together(folder, top)
            && seen.insert(top.file)
        {
            top = folder;
        }
        let kept = match row.hash {
            Some(hash) => super::contains(view, share, hash)?,
            None => true,
        };
        let sum = sums.entry(top.file).or_insert((0, 0, true));
        sum.0 += row.size;
        sum.1 += u64::from(row.kind() != EntryKind::Folder);
        sum.2 &= kept;
        if top.file == *file {
            tops.push(*file);
        }
    }
    let mut trash = Vec::with_capacity(tops.len());
    for file in tops {
        let row = all[&file].clone();
        let (size, files, kept) = sums[&file];
        trash.push((Trashed { size, files, kept, ..trashed(view, &row, days)? }, row));
    }
    Ok(trash)
}

/// One thing in the trash by itself.
pub(super) fn trashed(view: &View, row: &Row, days: i64) -> Result<Trashed, Error> {
    let left = (row.noted_at.plus(days * DAY_MS).since(view.now())).max(0);
    let left = left.unsigned_abs().div_ceil(DAY_MS.unsigned_abs());
    Ok(Trashed {
        file: row.file,
        path: path_of(view, row.share, row)?,
        kind: row.kind(),
        size: row.size,
        files: u64::from(row.kind() != EntryKind::Folder),
        gone_at: row.noted_at,
        hive: row.hive,
        by: row.by.clone(),
        days_left: u32::try_from(left).unwrap_or(u32::MAX),
        kept: row.hash.map_or(Ok(true), |hash| super::contains(view, row.share, hash))?,
    })
}

/// Whether something went because its folder went.
fn together(folder: &Row, inside: &Row) -> bool {
    inside.noted_at.plus(TOGETHER_MS) >= folder.noted_at
}

/// What went with a folder, folders before what is in them.
pub(super) fn went_with(view: &View, folder: &Row) -> Result<Vec<(FileId, Row)>, Error> {
    let mut statement = view.prepare_cached(&format!(
        "SELECT {ROW} FROM files_version
         WHERE share = ?1 AND verb = 'removed' AND until IS NULL AND noted_at >= ?2"
    ))?;
    let since = folder.noted_at.plus(-TOGETHER_MS).0;
    let mut rows = statement.query(params![folder.share.as_bytes(), since])?;
    let mut inside: HashMap<FileId, Vec<Row>> = HashMap::new();
    while let Some(row) = rows.next()? {
        let row = read_row(row)?;
        inside.entry(row.parent).or_default().push(row);
    }
    let mut found: Vec<(FileId, Row)> = Vec::new();
    let mut open = vec![folder.file];
    while let Some(next) = open.pop() {
        for row in inside.remove(&next).unwrap_or_default() {
            open.push(row.file);
            found.push((row.file, row));
        }
    }
    Ok(found)
}

/// Where something stood, by what is known of its folders last.
pub(super) fn path_of(view: &View, share: ShareId, row: &Row) -> Result<RelPath, Error> {
    let mut names = vec![row.name.to_string()];
    let mut parent = row.parent;
    while parent != tree::root_of(share) && names.len() < PATH_NAMES_MAX {
        let Some(folder) = newest(view, parent)? else { break };
        names.push(folder.name.to_string());
        parent = folder.parent;
    }
    names.reverse();
    Ok(names.join("/").parse()?)
}

/// How everything in a share stood at a moment.
pub(super) fn at(view: &View, share: ShareId, at: Time) -> Result<Vec<Row>, Error> {
    let mut statement = view.prepare_cached(&format!(
        "SELECT {ROW} FROM files_version WHERE id IN (
             SELECT max(id) FROM files_version WHERE share = ?1 AND noted_at <= ?2 GROUP BY file)
         AND verb NOT IN ('removed', 'ended')"
    ))?;
    let mut rows = statement.query(params![share.as_bytes(), at.0])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read_row(row)?);
    }
    Ok(found)
}

/// Whether anything is known from before a moment.
pub(super) fn reaches(view: &View, share: ShareId, at: Time) -> Result<bool, Error> {
    let mut statement = view.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM files_version WHERE share = ?1 AND noted_at <= ?2)",
    )?;
    Ok(statement.query_row(params![share.as_bytes(), at.0], |row| row.get(0))?)
}

/// What a file was when it held a content.
pub(super) fn what_of(view: &View, file: FileId, hash: Hash) -> Result<Option<What>, Error> {
    let mut statement = view.prepare_cached(&format!(
        "{MERGED} SELECT {ROW} FROM files_version
         WHERE file IN merged AND hash = ?2 ORDER BY id DESC LIMIT 1"
    ))?;
    let mut rows = statement.query(params![file.as_bytes(), hash.as_bytes()])?;
    Ok(rows.next()?.map(read_row).transpose()?.map(|row| row.what))
}

pub(super) fn names(view: &View, share: ShareId, hash: Hash) -> Result<bool, Error> {
    let mut statement =
        view.prepare_cached("SELECT 1 FROM files_version WHERE hash = ?1 AND share = ?2")?;
    Ok(statement.exists(params![hash.as_bytes(), share.as_bytes()])?)
}

/// The newest contents that stood under an id, newest first: hash, size, time of change.
pub(super) fn contents_of(view: &View, file: FileId) -> Result<Vec<(Hash, u64, i64)>, Error> {
    let mut statement = view.prepare_cached(&format!(
        "SELECT {ROW} FROM files_version WHERE file = ?1 AND hash IS NOT NULL
         ORDER BY id DESC LIMIT 8"
    ))?;
    let mut rows = statement.query([file.as_bytes()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        if let What::File { hash, size, modified_ns, .. } = read_row(row)?.what {
            found.push((hash, size, modified_ns));
        }
    }
    Ok(found)
}

/// The id that stands, or stood last, under a path.
pub(super) fn id_at(view: &View, share: ShareId, path: &RelPath) -> Result<Option<FileId>, Error> {
    let (Some(folder), Some(name)) = (path.parent(), path.name()) else { return Ok(None) };
    let mut statement = view.prepare_cached(
        "SELECT id FROM files_entry WHERE share = ?1 AND folder = ?2 AND name = ?3",
    )?;
    let found = statement
        .query_row(params![share.as_bytes(), folder.as_str(), name.as_str()], |row| {
            Ok(FileId::from_bytes(row.get(0)?))
        });
    Ok(found.optional()?)
}

/// The name under which a content was moved aside, and its size.
pub(super) fn aside(
    view: &View,
    share: ShareId,
    hash: Hash,
) -> Result<Option<(String, u64)>, Error> {
    let mut statement =
        view.prepare_cached("SELECT name, size FROM files_aside WHERE share = ?1 AND hash = ?2")?;
    let found = statement.query_row(params![share.as_bytes(), hash.as_bytes()], |row| {
        Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned()))
    });
    Ok(found.optional()?)
}

pub(super) fn put_aside(
    tx: &Tx,
    share: ShareId,
    hash: Hash,
    name: &str,
    size: u64,
) -> Result<(), Error> {
    tx.execute(
        "INSERT OR REPLACE INTO files_aside (share, hash, name, size, at)
         VALUES (?1, ?2, ?3, ?4, ?5)",
        params![share.as_bytes(), hash.as_bytes(), name, size.cast_signed(), tx.now().0],
    )?;
    Ok(())
}

pub(super) fn insert_put_back(
    tx: &Tx,
    share: ShareId,
    folder: &RelPath,
    began: Time,
) -> Result<u64, Error> {
    tx.execute(
        "INSERT INTO files_put_back (share, folder, began) VALUES (?1, ?2, ?3)",
        params![share.as_bytes(), folder.as_str(), began.0],
    )?;
    Ok(tx.last_insert_rowid().cast_unsigned())
}

pub(super) fn put_back(view: &View, id: u64) -> Result<Option<(ShareId, RelPath, Time)>, Error> {
    let found = view
        .prepare_cached("SELECT share, folder, began FROM files_put_back WHERE id = ?1")?
        .query_row([id.cast_signed()], |row| {
            let share = ShareId::from_bytes(row.get(0)?);
            Ok((share, row.get::<_, String>(1)?, Time(row.get(2)?)))
        })
        .optional()?;
    let Some((share, folder, began)) = found else { return Ok(None) };
    Ok(Some((share, folder.parse()?, began)))
}

fn read_version(row: &SqlRow) -> store::sql::Result<Version> {
    let verb: String = row.get(11)?;
    Ok(Version {
        id: row.get::<_, i64>(0)?.cast_unsigned(),
        file: FileId::from_bytes(row.get(1)?),
        share: ShareId::from_bytes(row.get(2)?),
        at: Time(row.get(3)?),
        hive: HiveId::from_bytes(row.get(4)?),
        by: row.get(5)?,
        size: row.get::<_, i64>(6)?.cast_unsigned(),
        hash: Hash::from_bytes(row.get(7)?),
        label: row.get(8)?,
        pinned: row.get(9)?,
        current: false,
        kept: false,
        verb: match verb.as_str() {
            "added" => "added",
            "restored" => "restored",
            "merged" => "merged",
            _ => "changed",
        },
    })
}

fn read_row(row: &SqlRow) -> Result<Row, Error> {
    let what: Vec<u8> = row.get(6)?;
    Ok(Row {
        id: row.get(0)?,
        share: ShareId::from_bytes(row.get(1)?),
        file: FileId::from_bytes(row.get(2)?),
        parent: FileId::from_bytes(row.get(3)?),
        name: Name::new(&row.get::<_, String>(4)?)?,
        verb: row.get(5)?,
        what: postcard::from_bytes(&what).map_err(|error| damaged(&error))?,
        noted_at: Time(row.get(7)?),
        hive: HiveId::from_bytes(row.get(8)?),
        by: row.get(9)?,
        at: Time(row.get(10)?),
        size: row.get::<_, i64>(11)?.cast_unsigned(),
        hash: row.get::<_, Option<[u8; 32]>>(12)?.map(Hash::from_bytes),
    })
}

fn encode(value: &impl serde::Serialize) -> Result<Vec<u8>, Error> {
    postcard::to_stdvec(value).map_err(|error| damaged(&error))
}

fn damaged(error: &postcard::Error) -> Error {
    Error::Store(store::Error::Damaged(format!("a version cannot be read: {error}")))
}
