//! Every SQL statement of this crate that writes entries: a diff becomes rows.

use store::Tx;
use store::sql::{OptionalExtension, params};
use types::{DAY_MS, FileId, MINUTE_MS, Name, PersonId, RelPath, ShareId};

use crate::Error;
use crate::entry::{ChangedEntry, EntryKind, Known, Seen, Stat, What, sort_key};

const GONE_DAYS_MAX: i64 = 30;
const GONE_ROWS_MAX: i64 = 10_000;
/// What came and went within this time is no news: the half-written files of other programs.
const BRIEF_MS: i64 = MINUTE_MS;
/// Up to here each changed entry is announced by itself, above only its share.
const ANNOUNCED_MAX: usize = 100;

/// A part of a diff, small enough for one transaction.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) added: Vec<Seen>,
    pub(crate) changed: Vec<(Known, Seen)>,
    pub(crate) replaced: Vec<(Known, Seen)>,
    pub(crate) moved: Vec<(Known, Seen)>,
    pub(crate) missing: Vec<Known>,
    /// Times of folders whose entries changed: kept for show, no change by themselves.
    pub(crate) folders: Vec<(RelPath, i64)>,
    /// Whether what appears is news, or only now seen for the first time.
    pub(crate) news: bool,
}

impl Batch {
    pub(crate) fn len(&self) -> usize {
        self.added.len()
            + self.changed.len()
            + self.replaced.len()
            + self.moved.len()
            + self.missing.len()
    }
}

/// Brings the rows in step with what was seen, and tells what changed.
pub(crate) fn apply(
    tx: &mut Tx,
    share: ShareId,
    batch: &Batch,
) -> Result<Vec<ChangedEntry>, Error> {
    crate::share(tx, share)?;
    let mut changes = Vec::with_capacity(batch.len());
    for (known, seen) in &batch.moved {
        relocate(tx, share, known, seen, &mut changes)?;
    }
    for known in &batch.missing {
        lose(tx, share, known, batch.news, &mut changes)?;
    }
    for (known, seen) in &batch.replaced {
        lose(tx, share, known, false, &mut changes)?;
        forget(tx, known.id)?;
        let id = FileId::draw(tx.chance());
        insert(tx, share, seen, (id, None), batch.news, &mut changes)?;
    }
    for (known, seen) in &batch.changed {
        if update(tx, known, &seen.stat, None)? && known.stat.kind != EntryKind::Folder {
            let what = What::Changed;
            changes.push(ChangedEntry { id: known.id, path: seen.path.clone(), what });
        }
    }
    // Sorted, for the sake of the index on ids.
    let mut ids: Vec<FileId> = batch.added.iter().map(|_| FileId::draw(tx.chance())).collect();
    ids.sort_unstable();
    for (seen, id) in batch.added.iter().zip(ids) {
        insert(tx, share, seen, (id, None), batch.news, &mut changes)?;
    }
    for (folder, modified_ns) in &batch.folders {
        show_folder_time(tx, share, folder, *modified_ns)?;
    }
    announce(tx, share, &changes)?;
    Ok(changes)
}

/// The row of a file that Skep itself made or wrote. `None` if the row is not there any more.
pub(crate) fn wrote(
    tx: &mut Tx,
    share: ShareId,
    seen: &Seen,
    by: Option<PersonId>,
) -> Result<FileId, Error> {
    crate::share(tx, share)?;
    let known = super::known_at(tx, share, &seen.path)?;
    let id = match known {
        Some(known) => {
            update(tx, &known, &seen.stat, by)?;
            known.id
        }
        None => {
            let mut changes = Vec::new();
            let id = FileId::draw(tx.chance());
            insert(tx, share, seen, (id, by), true, &mut changes)?
        }
    };
    tx.announce("file", &id.to_string(), Some(share))?;
    Ok(id)
}

/// The row of what a friend's change put under a path, with the id that the records give it.
pub(crate) fn placed(
    tx: &mut Tx,
    share: ShareId,
    id: FileId,
    seen: &Seen,
    changes: &mut Vec<ChangedEntry>,
) -> Result<(), Error> {
    let stood: Option<(RelPath, bool)> = tx
        .prepare_cached(
            "SELECT folder, name, gone_at IS NULL FROM files_entry WHERE id = ?1 AND share = ?2",
        )?
        .query_row(params![id.as_bytes(), share.as_bytes()], |row| {
            Ok((super::read_path(row, 0, 1)?, row.get(2)?))
        })
        .optional()?;
    let what = match stood {
        Some((path, true)) if path == seen.path => {
            let known = Known { id, path, stat: seen.stat };
            update(tx, &known, &seen.stat, None)?;
            What::Changed
        }
        Some(_) => {
            forget(tx, id)?;
            forget_gone(tx, share, &seen.path, None)?;
            insert_row(tx, share, seen, (id, None), Some("added"))?;
            What::Added
        }
        None => {
            forget_gone(tx, share, &seen.path, None)?;
            insert_row(tx, share, seen, (id, None), Some("added"))?;
            What::Added
        }
    };
    if seen.stat.kind != EntryKind::Folder || what != What::Changed {
        changes.push(ChangedEntry { id, path: seen.path.clone(), what });
    }
    Ok(())
}

/// What stands under a path belongs to another id from now on.
pub(crate) fn hand_over(
    tx: &mut Tx,
    share: ShareId,
    known: &Known,
    successor: FileId,
    changes: &mut Vec<ChangedEntry>,
) -> Result<(), Error> {
    if !super::tree::rename_entry(tx, share, known.id, successor)? {
        return Err(Error::Changed);
    }
    let path = known.path.clone();
    changes.push(ChangedEntry { id: known.id, path: path.clone(), what: What::Removed });
    changes.push(ChangedEntry { id: successor, path, what: What::Added });
    Ok(())
}

/// Notes that the share was seen whole.
pub(crate) fn finish(tx: &mut Tx, share: ShareId) -> Result<(), Error> {
    let now = tx.now().0;
    tx.execute(
        "UPDATE files_share SET scanned_at = ?2 WHERE id = ?1 AND scanned_at IS NULL",
        params![share.as_bytes(), now],
    )?;
    Ok(())
}

/// Forgets what has been gone for long, and the oldest of what is too much.
pub(crate) fn purge(tx: &mut Tx) -> Result<(), Error> {
    let before = tx.now().plus(-GONE_DAYS_MAX * DAY_MS).0;
    tx.execute("DELETE FROM files_entry WHERE gone_at < ?1", [before])?;
    tx.execute(
        "DELETE FROM files_entry WHERE row IN (
             SELECT row FROM files_entry WHERE gone_at IS NOT NULL
             ORDER BY gone_at DESC LIMIT -1 OFFSET ?1)",
        [GONE_ROWS_MAX],
    )?;
    Ok(())
}

/// Tells followers: each entry by itself, or only the share when there are many.
pub(crate) fn announce(tx: &Tx, share: ShareId, changes: &[ChangedEntry]) -> Result<(), Error> {
    if changes.len() > ANNOUNCED_MAX {
        tx.announce("share", &share.to_string(), Some(share))?;
        return Ok(());
    }
    for change in changes {
        tx.announce("file", &change.id.to_string(), Some(share))?;
    }
    Ok(())
}

/// Adds a row, or brings back the one that stood under this path.
fn insert(
    tx: &Tx,
    share: ShareId,
    seen: &Seen,
    (drawn, by): (FileId, Option<PersonId>),
    news: bool,
    changes: &mut Vec<ChangedEntry>,
) -> Result<FileId, Error> {
    let (folder, name) = place(&seen.path)?;
    let stood = tx
        .prepare_cached(
            "SELECT id, is_file, gone_at FROM files_entry
             WHERE share = ?1 AND folder = ?2 AND name = ?3",
        )?
        .query_row(params![share.as_bytes(), folder.as_str(), name.as_str()], |row| {
            let id = FileId::from_bytes(row.get(0)?);
            Ok((id, row.get::<_, bool>(1)?, row.get::<_, Option<i64>>(2)?))
        })
        .optional()?;
    let id = match stood {
        Some((id, is_file, gone_at)) if is_file == (seen.stat.kind != EntryKind::Folder) => {
            bring_back(tx, id, &seen.stat, by, gone_at.filter(|_| news))?;
            id
        }
        stood => {
            if let Some((other, _, _)) = stood {
                forget(tx, other)?;
            }
            insert_row(tx, share, seen, (drawn, by), news.then_some("added"))?;
            drawn
        }
    };
    changes.push(ChangedEntry { id, path: seen.path.clone(), what: What::Added });
    Ok(id)
}

/// A bare insertion: with an upsert or a returned row, SQLite would copy every page that each row
/// touches, for undoing the one statement.
fn insert_row(
    tx: &Tx,
    share: ShareId,
    seen: &Seen,
    (id, by): (FileId, Option<PersonId>),
    verb: Option<&str>,
) -> Result<(), Error> {
    let (folder, name) = place(&seen.path)?;
    tx.prepare_cached(
        "INSERT INTO files_entry (id, share, folder, name, sort_key, kind, size, modified_ns,
             inode, born_ns, changed_by, verb, seen_at, changed_ns, names)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    )?
    .execute(params![
        id.as_bytes(),
        share.as_bytes(),
        folder.as_str(),
        name.as_str(),
        sort_key(name.as_str()),
        seen.stat.kind.as_str(),
        seen.stat.size.cast_signed(),
        seen.stat.modified_ns,
        seen.stat.inode.cast_signed(),
        seen.stat.born_ns,
        by.as_ref().map(PersonId::as_bytes),
        verb,
        tx.now().0,
        seen.stat.changed_ns,
        seen.stat.names.cast_signed()
    ])?;
    Ok(())
}

/// Writes what was seen where something stood before; `gone_at` tells since when it was gone.
fn bring_back(
    tx: &Tx,
    id: FileId,
    stat: &Stat,
    by: Option<PersonId>,
    gone_at: Option<i64>,
) -> Result<(), Error> {
    let now = tx.now().0;
    let verb = match gone_at {
        Some(gone_at) if gone_at <= now - BRIEF_MS => "added",
        _ => "changed",
    };
    tx.prepare_cached(
        "UPDATE files_entry SET kind = ?2, size = ?3, modified_ns = ?4, inode = ?5, born_ns = ?6,
             changed_by = ?7, verb = ?8, seen_at = ?9, gone_at = NULL, changed_ns = ?10,
             names = ?11
         WHERE id = ?1",
    )?
    .execute(params![
        id.as_bytes(),
        stat.kind.as_str(),
        stat.size.cast_signed(),
        stat.modified_ns,
        stat.inode.cast_signed(),
        stat.born_ns,
        by.as_ref().map(PersonId::as_bytes),
        verb,
        now,
        stat.changed_ns,
        stat.names.cast_signed()
    ])?;
    Ok(())
}

/// Writes what was seen of a thing that stays where it is.
fn update(tx: &Tx, known: &Known, stat: &Stat, by: Option<PersonId>) -> Result<bool, Error> {
    let now = tx.now().0;
    let changed = tx
        .prepare_cached(
            "UPDATE files_entry SET kind = ?2, size = ?3, modified_ns = ?4, inode = ?5,
                 born_ns = ?6, changed_by = ?7, seen_at = ?8, gone_at = NULL,
                 changed_ns = ?10, names = ?11,
                 verb = CASE WHEN kind = 'folder' THEN verb
                             WHEN verb = 'added' AND seen_at > ?8 - ?9 THEN 'added'
                             ELSE 'changed' END
             WHERE id = ?1",
        )?
        .execute(params![
            known.id.as_bytes(),
            stat.kind.as_str(),
            stat.size.cast_signed(),
            stat.modified_ns,
            stat.inode.cast_signed(),
            stat.born_ns,
            by.as_ref().map(PersonId::as_bytes),
            now,
            BRIEF_MS,
            stat.changed_ns,
            stat.names.cast_signed()
        ])?;
    Ok(changed > 0)
}

/// Writes what only the inode tells of a thing that is as it was.
pub(crate) fn restate(tx: &Tx, id: FileId, stat: &Stat) -> Result<(), Error> {
    tx.prepare_cached("UPDATE files_entry SET changed_ns = ?2, names = ?3 WHERE id = ?1")?
        .execute(params![id.as_bytes(), stat.changed_ns, stat.names.cast_signed()])?;
    Ok(())
}

/// Gives a thing its new path, and with a folder everything in it. Only rows of what is gone can
/// stand in the way.
pub(crate) fn relocate(
    tx: &mut Tx,
    share: ShareId,
    known: &Known,
    seen: &Seen,
    changes: &mut Vec<ChangedEntry>,
) -> Result<(), Error> {
    let (folder, name) = place(&seen.path)?;
    let came_back = is_gone(tx, known.id)?;
    forget_gone(tx, share, &seen.path, Some(known.id))?;
    tx.prepare_cached(
        "UPDATE files_entry SET folder = ?2, name = ?3, sort_key = ?4 WHERE id = ?1",
    )?
    .execute(params![
        known.id.as_bytes(),
        folder.as_str(),
        name.as_str(),
        sort_key(name.as_str())
    ])?;
    let changed_by = tx
        .prepare_cached("SELECT changed_by FROM files_entry WHERE id = ?1")?
        .query_row([known.id.as_bytes()], |row| row.get::<_, Option<[u8; 16]>>(0))
        .optional()?
        .flatten()
        .map(PersonId::from_bytes)
        .filter(|_| {
            known.stat.size == seen.stat.size && known.stat.modified_ns == seen.stat.modified_ns
        });
    update(tx, known, &seen.stat, changed_by)?;
    let what = match came_back {
        true => What::Added,
        false => What::Moved { from: known.path.clone() },
    };
    changes.push(ChangedEntry { id: known.id, path: seen.path.clone(), what });
    if known.stat.kind == EntryKind::Folder {
        relocate_inside(tx, share, &known.path, &seen.path, changes)?;
    }
    Ok(())
}

/// Gives everything inside of a moved folder its new path.
fn relocate_inside(
    tx: &Tx,
    share: ShareId,
    from: &RelPath,
    to: &RelPath,
    changes: &mut Vec<ChangedEntry>,
) -> Result<(), Error> {
    let (low, high) = inside(from);
    let mut statement = tx.prepare_cached(
        "UPDATE files_entry SET folder = ?5 || substr(folder, ?6)
         WHERE row IN (SELECT row FROM files_entry WHERE share = ?1 AND folder = ?2 UNION ALL
             SELECT row FROM files_entry WHERE share = ?1 AND folder >= ?3 AND folder < ?4)
         RETURNING id, folder, name, gone_at IS NULL",
    )?;
    let from_chars = i64::try_from(from.as_str().chars().count()).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![
        share.as_bytes(),
        from.as_str(),
        low,
        high,
        to.as_str(),
        from_chars.saturating_add(1)
    ])?;
    while let Some(row) = rows.next()? {
        let path = super::read_path(row, 1, 2)?;
        if row.get(3)? {
            let rest = &path.as_str()[to.as_str().len()..];
            let old: RelPath = format!("{from}{rest}").parse()?;
            let id = FileId::from_bytes(row.get(0)?);
            changes.push(ChangedEntry { id, path, what: What::Moved { from: old } });
        }
    }
    Ok(())
}

/// Notes that a thing is gone, and with a folder everything in it, unless it has moved meanwhile.
pub(crate) fn lose(
    tx: &Tx,
    share: ShareId,
    known: &Known,
    news: bool,
    changes: &mut Vec<ChangedEntry>,
) -> Result<(), Error> {
    let now = tx.now().0;
    let (folder, name) = place(&known.path)?;
    let lost = tx
        .prepare_cached(
            "UPDATE files_entry SET gone_at = ?5, seen_at = ?5, changed_by = NULL,
                 verb = CASE WHEN ?6 AND NOT (verb IS 'added' AND seen_at > ?5 - ?7)
                             THEN 'removed' END
             WHERE id = ?1 AND share = ?2 AND folder = ?3 AND name = ?4 AND gone_at IS NULL",
        )?
        .execute(params![
            known.id.as_bytes(),
            share.as_bytes(),
            folder.as_str(),
            name.as_str(),
            now,
            news,
            BRIEF_MS
        ])?;
    if lost == 0 {
        return Ok(());
    }
    let what = What::Removed;
    changes.push(ChangedEntry { id: known.id, path: known.path.clone(), what });
    if known.stat.kind != EntryKind::Folder {
        return Ok(());
    }
    let (low, high) = inside(&known.path);
    // The folder is the news; its entries went with it.
    let mut statement = tx.prepare_cached(
        "UPDATE files_entry SET gone_at = ?5, seen_at = ?5, changed_by = NULL, verb = NULL
         WHERE row IN (SELECT row FROM files_entry WHERE share = ?1 AND folder = ?2 UNION ALL
             SELECT row FROM files_entry WHERE share = ?1 AND folder >= ?3 AND folder < ?4)
         AND gone_at IS NULL RETURNING id, folder, name",
    )?;
    let mut rows =
        statement.query(params![share.as_bytes(), known.path.as_str(), low, high, now])?;
    while let Some(row) = rows.next()? {
        let (id, path) = (FileId::from_bytes(row.get(0)?), super::read_path(row, 1, 2)?);
        changes.push(ChangedEntry { id, path, what: What::Removed });
    }
    Ok(())
}

fn is_gone(tx: &Tx, id: FileId) -> Result<bool, Error> {
    let mut statement =
        tx.prepare_cached("SELECT gone_at IS NOT NULL FROM files_entry WHERE id = ?1")?;
    Ok(statement.query_row([id.as_bytes()], |row| row.get(0)).optional()?.unwrap_or(true))
}

/// Forgets what is gone under a path and inside of it, except one.
fn forget_gone(
    tx: &Tx,
    share: ShareId,
    path: &RelPath,
    except: Option<FileId>,
) -> Result<(), Error> {
    let (folder, name) = place(path)?;
    let except = except.as_ref().map(FileId::as_bytes);
    tx.prepare_cached(
        "DELETE FROM files_entry WHERE share = ?1 AND folder = ?2 AND name = ?3
         AND gone_at IS NOT NULL AND id IS NOT ?4",
    )?
    .execute(params![share.as_bytes(), folder.as_str(), name.as_str(), except])?;
    let (low, high) = inside(path);
    tx.prepare_cached(
        "DELETE FROM files_entry
         WHERE row IN (SELECT row FROM files_entry WHERE share = ?1 AND folder = ?2 UNION ALL
             SELECT row FROM files_entry WHERE share = ?1 AND folder >= ?3 AND folder < ?4)
         AND gone_at IS NOT NULL AND id IS NOT ?5",
    )?
    .execute(params![share.as_bytes(), path.as_str(), low, high, except])?;
    Ok(())
}

fn forget(tx: &Tx, id: FileId) -> Result<(), Error> {
    tx.prepare_cached("DELETE FROM files_entry WHERE id = ?1")?.execute([id.as_bytes()])?;
    Ok(())
}

fn show_folder_time(
    tx: &Tx,
    share: ShareId,
    path: &RelPath,
    modified_ns: i64,
) -> Result<(), Error> {
    let Ok((folder, name)) = place(path) else { return Ok(()) };
    tx.prepare_cached(
        "UPDATE files_entry SET modified_ns = ?4
         WHERE share = ?1 AND folder = ?2 AND name = ?3 AND modified_ns <> ?4",
    )?
    .execute(params![share.as_bytes(), folder.as_str(), name.as_str(), modified_ns])?;
    Ok(())
}

/// Folder and name of a path that is not the root.
fn place(path: &RelPath) -> Result<(RelPath, Name), Error> {
    match (path.parent(), path.name()) {
        (Some(folder), Some(name)) => Ok((folder, name)),
        _ => Err(Error::BadPath(types::BadPath::Empty)),
    }
}

/// The range of folder paths that lie inside of a folder: `/` is followed by `0`.
fn inside(folder: &RelPath) -> (String, String) {
    (format!("{folder}/"), format!("{folder}0"))
}
