//! Every SQL statement of this crate that reads: shares, pages of folders, what is known.

use std::path::PathBuf;

use store::View;
use store::sql::types::Type;
use store::sql::{OptionalExtension, Row, params};
use types::{FileId, Name, PersonId, RelPath, ShareId, Time};

use crate::Error;
use crate::entry::{Entry, EntryKind, Known, Listing, Recent, Sort, Stat, Verb};
use crate::share::{Share, Totals};

pub(crate) mod change;
pub(crate) mod scrub;
pub(crate) mod tree;

/// How many matches a search ranks before it gives its best.
const MATCHES_MAX: usize = 20_000;
const NANOSECONDS: i64 = 1_000_000;

/// What follows the last dot of a name: all that is left when the name without dots is taken as a
/// set of characters and trimmed from its right end.
const EXTENSION: &str = "CASE WHEN instr(substr(name, 2), '.') = 0 THEN ''
    ELSE lower(substr(name, 1 + length(rtrim(name, replace(name, '.', ''))))) END";
const ENTRY: &str = "id, share, folder, name, kind, size, modified_ns, changed_by, seen_at";
const KNOWN: &str = "id, folder, name, kind, size, modified_ns, inode, born_ns, changed_ns, names";

pub(crate) fn shares(view: &View) -> Result<Vec<Share>, Error> {
    let mut statement = view.prepare_cached(
        "SELECT id, name, root, only, created_at FROM files_share ORDER BY created_at, id",
    )?;
    let rows = statement.query_map([], read_share)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn share(view: &View, id: ShareId) -> Result<Option<Share>, Error> {
    let mut statement = view
        .prepare_cached("SELECT id, name, root, only, created_at FROM files_share WHERE id = ?1")?;
    Ok(statement.query_row([id.as_bytes()], read_share).optional()?)
}

/// Whether a marker stands in the root, and whether the share was ever seen whole.
pub(crate) fn share_facts(view: &View, id: ShareId) -> Result<(bool, bool), Error> {
    let mut statement = view
        .prepare_cached("SELECT marked, scanned_at IS NOT NULL FROM files_share WHERE id = ?1")?;
    let facts = statement.query_row([id.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)));
    facts.optional()?.ok_or(Error::Gone)
}

pub(crate) fn insert_share(view: &View, share: &Share, marked: bool) -> Result<(), Error> {
    let root = share.root.to_str().ok_or_else(|| {
        Error::Refused("The folder's name is not written in UTF-8. Rename it first.".to_owned())
    })?;
    view.execute(
        "INSERT INTO files_share (id, name, root, only, marked, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            share.id.as_bytes(),
            share.name,
            root,
            share.only.as_ref().map(Name::as_str),
            marked,
            share.created_at.0
        ],
    )?;
    Ok(())
}

pub(crate) fn rename_share(view: &View, id: ShareId, name: &str) -> Result<(), Error> {
    let changed = view
        .execute("UPDATE files_share SET name = ?2 WHERE id = ?1", params![id.as_bytes(), name])?;
    if changed == 0 { Err(Error::Gone) } else { Ok(()) }
}

pub(crate) fn mark_share(view: &View, id: ShareId) -> Result<(), Error> {
    view.execute("UPDATE files_share SET marked = 1 WHERE id = ?1", [id.as_bytes()])?;
    Ok(())
}

pub(crate) fn delete_share(view: &View, id: ShareId) -> Result<(), Error> {
    view.execute("DELETE FROM files_entry WHERE share = ?1", [id.as_bytes()])?;
    view.execute("DELETE FROM files_share WHERE id = ?1", [id.as_bytes()])?;
    Ok(())
}

pub(crate) fn entry(view: &View, id: FileId) -> Result<Option<Entry>, Error> {
    let mut statement = view.prepare_cached(&format!(
        "SELECT {ENTRY} FROM files_entry WHERE id = ?1 AND gone_at IS NULL"
    ))?;
    Ok(statement.query_row([id.as_bytes()], read_entry).optional()?)
}

pub(crate) fn entry_at(
    view: &View,
    share: ShareId,
    path: &RelPath,
) -> Result<Option<Entry>, Error> {
    let Some((folder, name)) = split(path) else { return Ok(None) };
    let mut statement = view.prepare_cached(&format!(
        "SELECT {ENTRY} FROM files_entry
         WHERE share = ?1 AND folder = ?2 AND name = ?3 AND gone_at IS NULL"
    ))?;
    let found = statement.query_row(params![share.as_bytes(), folder, name], read_entry);
    Ok(found.optional()?)
}

pub(crate) fn list(
    view: &View,
    share: ShareId,
    folder: &RelPath,
    sort: Sort,
    descending: bool,
    offset: u32,
    limit: u32,
) -> Result<Listing, Error> {
    let mut counts = view.prepare_cached(
        "SELECT is_file, count(*) FROM files_entry
         WHERE share = ?1 AND folder = ?2 AND gone_at IS NULL GROUP BY is_file",
    )?;
    let (mut folders, mut files) = (0_u64, 0_u64);
    let mut rows = counts.query(params![share.as_bytes(), folder.as_str()])?;
    while let Some(row) = rows.next()? {
        let count: i64 = row.get(1)?;
        *if row.get(0)? { &mut files } else { &mut folders } = count.unsigned_abs();
    }
    let mut entries = Vec::new();
    let (mut skip, mut left) = (u64::from(offset), u64::from(limit));
    for (is_file, count) in [(false, folders), (true, files)] {
        if skip < count && left > 0 {
            page(view, share, folder, is_file, (sort, descending), (skip, left), &mut entries)?;
        }
        skip = skip.saturating_sub(count);
        left = u64::from(limit).saturating_sub(entries.len() as u64);
    }
    Ok(Listing { total: folders + files, entries })
}

/// The row of the first entry whose name begins so, in the order of [`list`].
pub(crate) fn row_of(
    view: &View,
    share: ShareId,
    folder: &RelPath,
    sort: Sort,
    descending: bool,
    begins: &str,
) -> Result<Option<u32>, Error> {
    let begins = begins.to_lowercase();
    let order = order_by(sort, descending);
    let mut statement = view.prepare_cached(&format!(
        "SELECT name FROM files_entry
         WHERE share = ?1 AND folder = ?2 AND is_file = ?3 AND gone_at IS NULL ORDER BY {order}"
    ))?;
    let mut row = 0;
    for is_file in [false, true] {
        let mut names = statement.query(params![share.as_bytes(), folder.as_str(), is_file])?;
        while let Some(name) = names.next()? {
            if text(name, 0)?.to_lowercase().starts_with(&begins) {
                return Ok(Some(row));
            }
            row += 1;
        }
    }
    Ok(None)
}

fn order_by(sort: Sort, descending: bool) -> String {
    let direction = if descending { "DESC" } else { "ASC" };
    match sort {
        Sort::Name => format!("sort_key {direction}"),
        Sort::Size => format!("size {direction}, sort_key"),
        Sort::Changed => format!("modified_ns {direction}, sort_key"),
        Sort::Kind => format!("{EXTENSION} {direction}, sort_key"),
    }
}

/// One page of either the folders or the files of a folder. The inner query walks an index alone,
/// so that a page in the middle of a huge folder costs no look at the rows before it.
fn page(
    view: &View,
    share: ShareId,
    folder: &RelPath,
    is_file: bool,
    (sort, descending): (Sort, bool),
    (offset, limit): (u64, u64),
    entries: &mut Vec<Entry>,
) -> Result<(), Error> {
    let order = order_by(sort, descending);
    let mut statement = view.prepare_cached(&format!(
        "SELECT {ENTRY} FROM files_entry WHERE row IN (
             SELECT row FROM files_entry
             WHERE share = ?1 AND folder = ?2 AND is_file = ?3 AND gone_at IS NULL
             ORDER BY {order} LIMIT ?4 OFFSET ?5
         ) ORDER BY {order}"
    ))?;
    let rows = statement.query_map(
        params![
            share.as_bytes(),
            folder.as_str(),
            is_file,
            i64::try_from(limit).unwrap_or(i64::MAX),
            i64::try_from(offset).unwrap_or(i64::MAX)
        ],
        read_entry,
    )?;
    for entry in rows {
        entries.push(entry?);
    }
    Ok(())
}

pub(crate) fn search(
    view: &View,
    share: ShareId,
    words: &[String],
    limit: u32,
) -> Result<Vec<Entry>, Error> {
    let mut statement = view.prepare_cached(
        "SELECT row, folder, name FROM files_entry WHERE share = ?1 AND gone_at IS NULL",
    )?;
    let mut rows = statement.query([share.as_bytes()])?;
    let mut matches: Vec<(bool, usize, i64)> = Vec::new();
    while let Some(row) = rows.next()? {
        let (folder, name) = (text(row, 1)?, text(row, 2)?);
        let lower = name.to_lowercase();
        let mut missing = words.iter().filter(|word| !lower.contains(word.as_str())).peekable();
        let in_name = missing.peek().is_none();
        if !in_name {
            let folder = folder.to_lowercase();
            if missing.any(|word| !folder.contains(word.as_str())) {
                continue;
            }
        }
        matches.push((!in_name, folder.len() + name.len(), row.get(0)?));
        if matches.len() == MATCHES_MAX {
            break;
        }
    }
    matches.sort_unstable();
    let mut found =
        view.prepare_cached(&format!("SELECT {ENTRY} FROM files_entry WHERE row = ?1"))?;
    matches
        .iter()
        .take(limit as usize)
        .map(|(_, _, row)| Ok(found.query_row([row], read_entry)?))
        .collect()
}

pub(crate) fn recent(view: &View, limit: u32) -> Result<Vec<Recent>, Error> {
    let mut statement = view.prepare_cached(&format!(
        "SELECT {ENTRY}, verb FROM files_entry WHERE verb IS NOT NULL
         ORDER BY seen_at DESC, row DESC LIMIT ?1"
    ))?;
    let rows = statement.query_map([limit], |row| {
        let verb = match text(row, 9)? {
            "added" => Verb::Added,
            "removed" => Verb::Removed,
            _ => Verb::Changed,
        };
        Ok(Recent { entry: read_entry(row)?, verb })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn totals(view: &View, share: ShareId) -> Result<Totals, Error> {
    let mut statement = view.prepare_cached(
        "SELECT count(*), coalesce(sum(size), 0) FROM files_entry
         WHERE share = ?1 AND kind = 'file' AND gone_at IS NULL",
    )?;
    Ok(statement.query_row([share.as_bytes()], |row| {
        let (files, bytes): (i64, i64) = (row.get(0)?, row.get(1)?);
        Ok(Totals { files: files.unsigned_abs(), bytes: bytes.unsigned_abs() })
    })?)
}

/// Hands over, one by one, what is known to stand in a folder.
pub(crate) fn each_known_in(
    view: &View,
    share: ShareId,
    folder: &RelPath,
    mut hand: impl FnMut(Known),
) -> Result<(), Error> {
    let mut statement = view.prepare_cached(&format!(
        "SELECT {KNOWN} FROM files_entry WHERE share = ?1 AND folder = ?2 AND gone_at IS NULL"
    ))?;
    for known in statement.query_map(params![share.as_bytes(), folder.as_str()], read_known)? {
        hand(known?);
    }
    Ok(())
}

/// What is known to stand under a path.
pub(crate) fn known_at(
    view: &View,
    share: ShareId,
    path: &RelPath,
) -> Result<Option<Known>, Error> {
    let Some((folder, name)) = split(path) else { return Ok(None) };
    let mut statement = view.prepare_cached(&format!(
        "SELECT {KNOWN} FROM files_entry
         WHERE share = ?1 AND folder = ?2 AND name = ?3 AND gone_at IS NULL"
    ))?;
    let found = statement.query_row(params![share.as_bytes(), folder, name], read_known);
    Ok(found.optional()?)
}

/// What is known to stand in a share under an id.
pub(crate) fn known(view: &View, share: ShareId, id: FileId) -> Result<Option<Known>, Error> {
    let mut statement = view.prepare_cached(&format!(
        "SELECT {KNOWN} FROM files_entry WHERE id = ?1 AND share = ?2 AND gone_at IS NULL"
    ))?;
    let found = statement.query_row(params![id.as_bytes(), share.as_bytes()], read_known);
    Ok(found.optional()?)
}

/// All that stands on disk and in the records.
pub(crate) fn held(view: &View, share: ShareId) -> Result<Vec<Known>, Error> {
    let mut statement = view.prepare_cached(&format!(
        "SELECT {KNOWN} FROM files_entry WHERE share = ?1 AND gone_at IS NULL
         AND id IN (SELECT id FROM tree_held WHERE share = ?1)"
    ))?;
    let rows = statement.query_map([share.as_bytes()], read_known)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whatever is or was known under an inode; what is there comes first.
pub(crate) fn known_by_inode(view: &View, share: ShareId, inode: u64) -> Result<Vec<Known>, Error> {
    let mut statement = view.prepare_cached(&format!(
        "SELECT {KNOWN} FROM files_entry WHERE share = ?1 AND inode = ?2
         ORDER BY gone_at IS NOT NULL, gone_at DESC LIMIT 16"
    ))?;
    let rows = statement.query_map(params![share.as_bytes(), inode.cast_signed()], read_known)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What is known to be a name of the same file under another path.
pub(crate) fn twins(
    view: &View,
    share: ShareId,
    path: &RelPath,
    stat: &Stat,
) -> Result<Vec<Known>, Error> {
    let mut statement = view.prepare_cached(&format!(
        "SELECT {KNOWN} FROM files_entry WHERE share = ?1 AND inode = ?2 AND kind = 'file'
         AND gone_at IS NULL LIMIT 256"
    ))?;
    let rows =
        statement.query_map(params![share.as_bytes(), stat.inode.cast_signed()], read_known)?;
    let mut twins = rows.collect::<Result<Vec<_>, _>>()?;
    twins.retain(|twin| twin.path != *path && twin.stat.is_twin_of(stat));
    Ok(twins)
}

/// Whether anything is known to stand in the share.
pub(crate) fn holds_something(view: &View, share: ShareId) -> Result<bool, Error> {
    let mut statement = view.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM files_entry
                        WHERE share = ?1 AND folder = '' AND gone_at IS NULL)",
    )?;
    Ok(statement.query_row([share.as_bytes()], |row| row.get(0))?)
}

/// Hands over every path that is known and whether it is a folder, what lies in a folder after it,
/// until told to stop.
pub(crate) fn each_path(
    view: &View,
    share: ShareId,
    mut hand: impl FnMut(RelPath, bool) -> bool,
) -> Result<(), Error> {
    let mut statement = view.prepare_cached(
        "SELECT folder, name, kind = 'folder' FROM files_entry
         WHERE share = ?1 AND gone_at IS NULL
         ORDER BY replace(folder || '/' || name, '/', char(1))",
    )?;
    let mut rows = statement.query([share.as_bytes()])?;
    while let Some(row) = rows.next()? {
        if !hand(read_path(row, 0, 1)?, row.get(2)?) {
            break;
        }
    }
    Ok(())
}

/// Every folder that is known, for taking the watches off.
pub(crate) fn folders(view: &View, share: ShareId) -> Result<Vec<RelPath>, Error> {
    let mut statement = view.prepare_cached(
        "SELECT folder, name FROM files_entry
         WHERE share = ?1 AND kind = 'folder' AND gone_at IS NULL",
    )?;
    let rows = statement.query_map([share.as_bytes()], |row| read_path(row, 0, 1))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Folder and name of a path; `None` for the root.
fn split(path: &RelPath) -> Option<(&str, &str)> {
    let text = path.as_str();
    if text.is_empty() { None } else { Some(text.rsplit_once('/').unwrap_or(("", text))) }
}

fn read_share(row: &Row) -> Result<Share, store::sql::Error> {
    let only: Option<String> = row.get(3)?;
    Ok(Share {
        id: ShareId::from_bytes(row.get(0)?),
        name: row.get(1)?,
        root: PathBuf::from(row.get::<_, String>(2)?),
        only: only.map(|only| Name::new(&only).map_err(|error| bad(3, error))).transpose()?,
        created_at: Time(row.get(4)?),
    })
}

fn read_entry(row: &Row) -> Result<Entry, store::sql::Error> {
    let path = read_path(row, 2, 3)?;
    Ok(Entry {
        id: FileId::from_bytes(row.get(0)?),
        share: ShareId::from_bytes(row.get(1)?),
        path,
        name: Name::new(text(row, 3)?).map_err(|error| bad(3, error))?,
        kind: EntryKind::parse(text(row, 4)?),
        size: row.get::<_, i64>(5)?.unsigned_abs(),
        modified_at: Time(row.get::<_, i64>(6)?.div_euclid(NANOSECONDS)),
        changed_by: row.get::<_, Option<[u8; 16]>>(7)?.map(PersonId::from_bytes),
        seen_at: Time(row.get(8)?),
    })
}

fn read_known(row: &Row) -> Result<Known, store::sql::Error> {
    Ok(Known {
        id: FileId::from_bytes(row.get(0)?),
        path: read_path(row, 1, 2)?,
        stat: Stat {
            kind: EntryKind::parse(text(row, 3)?),
            size: row.get::<_, i64>(4)?.unsigned_abs(),
            modified_ns: row.get(5)?,
            inode: row.get::<_, i64>(6)?.cast_unsigned(),
            born_ns: row.get(7)?,
            changed_ns: row.get(8)?,
            names: row.get::<_, i64>(9)?.unsigned_abs(),
        },
    })
}

fn read_path(row: &Row, folder: usize, name: usize) -> Result<RelPath, store::sql::Error> {
    let parent: RelPath = text(row, folder)?.parse().map_err(|error| bad(folder, error))?;
    let name = Name::new(text(row, name)?).map_err(|error| bad(name, error))?;
    Ok(parent.join(&name))
}

fn text<'a>(row: &'a Row, column: usize) -> Result<&'a str, store::sql::Error> {
    Ok(row.get_ref(column)?.as_str()?)
}

fn bad(column: usize, error: types::BadPath) -> store::sql::Error {
    store::sql::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}
