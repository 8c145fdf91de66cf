//! Every SQL statement on what the records say and what stands on disk for it.

use serde::Serialize;
use serde::de::DeserializeOwned;
use store::sql::{OptionalExtension, params};
use store::{Kind, Tx, View};
use tree::{Held, Node, What};
use types::{FileId, Hash, Name, RelPath, ShareId, Time};

use crate::Error;

mod choice;
mod rights;
mod unread;

pub(crate) use choice::{Choice, bytes_inside, choice, note_choice};
pub(crate) use rights::{
    all_nodes, forget_node, refused, set_asked_anew, set_refused, set_writers, writers,
};
pub(crate) use unread::{
    due_unread, has_unread_objects, held_back, hold_removals, removals_untold, set_read,
    set_unread, unread, unread_all, unread_count, unreadable, untold_removals,
};

/// How a share takes part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) paused: bool,
    pub(crate) agreed: bool,
    /// Whether this hive may change the share.
    pub(crate) edits: bool,
    pub(crate) chosen: Vec<RelPath>,
}

/// A node that is out of step, and how the last try went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) id: FileId,
    pub(crate) due: Time,
    pub(crate) code: Option<String>,
    pub(crate) detail: Option<String>,
}

pub(crate) fn facts(view: &View, share: ShareId) -> Result<Facts, Error> {
    let found = view
        .prepare_cached("SELECT paused, agreed, edits, chosen FROM tree_share WHERE share = ?1")?
        .query_row([share.as_bytes()], |row| {
            let chosen: String = row.get(3)?;
            Ok(Facts {
                paused: row.get(0)?,
                agreed: row.get(1)?,
                edits: row.get(2)?,
                chosen: chosen.lines().filter_map(|line| line.parse().ok()).collect(),
            })
        })
        .optional()?;
    let usual = Facts { paused: false, agreed: false, edits: true, chosen: Vec::new() };
    Ok(found.unwrap_or(usual))
}

pub(crate) fn set_facts(tx: &Tx, share: ShareId, facts: &Facts) -> Result<(), Error> {
    let chosen: Vec<&str> = facts.chosen.iter().map(RelPath::as_str).collect();
    let chosen = chosen.join("\n");
    tx.prepare_cached(
        "INSERT INTO tree_share (share, paused, agreed, edits, chosen) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (share) DO UPDATE SET paused = excluded.paused, agreed = excluded.agreed,
             edits = excluded.edits, chosen = excluded.chosen",
    )?
    .execute(params![share.as_bytes(), facts.paused, facts.agreed, facts.edits, chosen])?;
    Ok(())
}

/// Whether nothing that is missing counts as removed, because the database was restored.
pub(crate) fn is_cautious(view: &View, share: ShareId) -> Result<bool, Error> {
    let found = view
        .prepare_cached("SELECT cautious FROM tree_share WHERE share = ?1")?
        .query_row([share.as_bytes()], |row| row.get(0))
        .optional()?;
    Ok(found.unwrap_or(false))
}

pub(crate) fn set_cautious(tx: &Tx, share: ShareId, cautious: bool) -> Result<(), Error> {
    tx.prepare_cached("UPDATE tree_share SET cautious = ?2 WHERE share = ?1")?
        .execute(params![share.as_bytes(), cautious])?;
    Ok(())
}

/// The highest count that was given or seen in a share.
pub(crate) fn tick(view: &View, share: ShareId) -> Result<u64, Error> {
    let found = view
        .prepare_cached("SELECT tick FROM tree_share WHERE share = ?1")?
        .query_row([share.as_bytes()], |row| row.get::<_, i64>(0))
        .optional()?;
    Ok(found.unwrap_or(0).cast_unsigned())
}

pub(crate) fn raise_tick(tx: &Tx, share: ShareId, count: u64) -> Result<(), Error> {
    tx.prepare_cached(
        "INSERT INTO tree_share (share, tick) VALUES (?1, ?2)
         ON CONFLICT (share) DO UPDATE SET tick = max(tick, excluded.tick)",
    )?
    .execute(params![share.as_bytes(), count.cast_signed()])?;
    Ok(())
}

pub(crate) fn node(view: &View, share: ShareId, id: FileId) -> Result<Option<Node>, Error> {
    let record = store::record(view, share, Kind::Node as u8, id.as_bytes())?;
    record.map(|record| decode(&record.body)).transpose()
}

pub(crate) fn put_node(tx: &Tx, share: ShareId, node: &Node) -> Result<(), Error> {
    store::put_record(tx, share, Kind::Node as u8, node.id.as_bytes(), &encode(node)?)?;
    let size = match node.versions.first().map(|version| &version.what) {
        Some(What::File { size, .. }) => *size,
        _ => 0,
    };
    tx.prepare_cached(
        "INSERT OR REPLACE INTO tree_node (share, id, parent, name, alive, apart, size)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        share.as_bytes(),
        node.id.as_bytes(),
        node.place.parent.as_bytes(),
        node.place.name.as_str(),
        tree::is_alive(node),
        tree::standing(node).is_some_and(|standing| !standing.others.is_empty()),
        size.cast_signed()
    ])?;
    Ok(())
}

pub(crate) fn children(view: &View, share: ShareId, parent: FileId) -> Result<Vec<FileId>, Error> {
    let statement =
        "SELECT id FROM tree_node WHERE share = ?1 AND parent = ?2 AND alive ORDER BY name, id";
    ids(view, statement, params![share.as_bytes(), parent.as_bytes()])
}

pub(crate) fn nodes_at(
    view: &View,
    share: ShareId,
    parent: FileId,
    name: &Name,
) -> Result<Vec<FileId>, Error> {
    let statement = "SELECT id FROM tree_node INDEXED BY tree_node_by_place
                     WHERE share = ?1 AND parent = ?2 AND name = ?3 AND alive ORDER BY id";
    ids(view, statement, params![share.as_bytes(), parent.as_bytes(), name.as_str()])
}

/// The living nodes with two versions, of one share or of all.
pub(crate) fn nodes_apart(
    view: &View,
    share: Option<ShareId>,
) -> Result<Vec<(ShareId, FileId)>, Error> {
    let mut statement = view.prepare_cached(
        "SELECT share, id FROM tree_node WHERE apart AND alive AND (?1 IS NULL OR share = ?1)",
    )?;
    let share = share.as_ref().map(ShareId::as_bytes);
    let rows = statement.query_map([share], |row| {
        Ok((ShareId::from_bytes(row.get(0)?), FileId::from_bytes(row.get(1)?)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn held(view: &View, share: ShareId, id: FileId) -> Result<Option<Held>, Error> {
    let found = view
        .prepare_cached(
            "SELECT parent, name, what, vector FROM tree_held WHERE share = ?1 AND id = ?2",
        )?
        .query_row(params![share.as_bytes(), id.as_bytes()], |row| {
            let parent = FileId::from_bytes(row.get(0)?);
            Ok((parent, row.get::<_, String>(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    let Some((parent, name, what, vector)) = found else { return Ok(None) };
    let (what, vector): (Vec<u8>, Vec<u8>) = (what, vector);
    Ok(Some(Held {
        parent,
        name: Name::new(&name)?,
        what: decode(&what)?,
        vector: decode(&vector)?,
    }))
}

pub(crate) fn set_held(
    tx: &Tx,
    share: ShareId,
    id: FileId,
    held: Option<&Held>,
) -> Result<(), Error> {
    let Some(held) = held else {
        tx.prepare_cached("DELETE FROM tree_held WHERE share = ?1 AND id = ?2")?
            .execute(params![share.as_bytes(), id.as_bytes()])?;
        return Ok(());
    };
    let hash = match &held.what {
        What::File { hash, .. } => Some(hash.as_bytes()),
        What::Folder | What::Link { .. } => None,
    };
    let twin = crate::twins::group_in(&held.what);
    tx.prepare_cached(
        "INSERT OR REPLACE INTO tree_held (share, id, parent, name, what, vector, hash, twin)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        share.as_bytes(),
        id.as_bytes(),
        held.parent.as_bytes(),
        held.name.as_str(),
        encode(&held.what)?,
        encode(&held.vector)?,
        hash,
        twin.as_ref().map(FileId::as_bytes)
    ])?;
    Ok(())
}

pub(crate) fn held_in(view: &View, share: ShareId, parent: FileId) -> Result<Vec<FileId>, Error> {
    let statement = "SELECT id FROM tree_held WHERE share = ?1 AND parent = ?2 ORDER BY name, id";
    ids(view, statement, params![share.as_bytes(), parent.as_bytes()])
}

/// The nodes that stand on disk and are names of one file.
pub(crate) fn twins_of(view: &View, share: ShareId, group: FileId) -> Result<Vec<FileId>, Error> {
    let statement = "SELECT id FROM tree_held WHERE share = ?1 AND twin = ?2 ORDER BY id LIMIT 256";
    ids(view, statement, params![share.as_bytes(), group.as_bytes()])
}

pub(crate) fn has_twins(view: &View, share: ShareId) -> Result<bool, Error> {
    let mut statement = view.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM tree_held WHERE share = ?1 AND twin IS NOT NULL)",
    )?;
    Ok(statement.query_row([share.as_bytes()], |row| row.get(0))?)
}

/// Files on disk that are known to hold a content, and of which nothing else is known.
pub(crate) fn holders(view: &View, share: ShareId, hash: Hash) -> Result<Vec<FileId>, Error> {
    let statement = "SELECT id FROM tree_held WHERE share = ?1 AND hash = ?2 AND NOT EXISTS (
                         SELECT 1 FROM files_rot
                         WHERE share = ?1 AND file = id AND hash = ?2 AND found <> x'') LIMIT 8";
    ids(view, statement, params![share.as_bytes(), hash.as_bytes()])
}

pub(crate) fn held_count(view: &View, share: ShareId) -> Result<u64, Error> {
    count(view, "SELECT count(*) FROM tree_held WHERE share = ?1", share)
}

/// How many things on disk the records want removed.
pub(crate) fn removals(view: &View, share: ShareId) -> Result<u64, Error> {
    count(
        view,
        "SELECT count(*) FROM tree_step
         JOIN tree_held USING (share, id) JOIN tree_node USING (share, id)
         WHERE tree_step.share = ?1 AND NOT alive",
        share,
    )
}

/// What stands on disk and was removed in the records, folders before what is in them.
pub(crate) fn removed_by_friends(
    view: &View,
    share: ShareId,
) -> Result<Vec<(FileId, Held)>, Error> {
    let statement = "SELECT id FROM tree_step
                     JOIN tree_held USING (share, id) JOIN tree_node USING (share, id)
                     WHERE tree_step.share = ?1 AND NOT alive";
    let mut removed = Vec::new();
    for id in ids(view, statement, [share.as_bytes()])? {
        removed.extend(held(view, share, id)?.map(|held| (id, held)));
    }
    removed.sort_by_key(|(_, held)| !held.what.is_folder());
    Ok(removed)
}

pub(crate) fn set_out_of_step(
    tx: &Tx,
    share: ShareId,
    id: FileId,
    out_of_step: bool,
) -> Result<(), Error> {
    let statement = match out_of_step {
        true => {
            "INSERT INTO tree_step (share, id) VALUES (?1, ?2)
             ON CONFLICT (share, id) DO UPDATE SET due = 0, code = NULL, detail = NULL"
        }
        false => "DELETE FROM tree_step WHERE share = ?1 AND id = ?2",
    };
    tx.prepare_cached(statement)?.execute(params![share.as_bytes(), id.as_bytes()])?;
    Ok(())
}

pub(crate) fn waiting(view: &View, share: ShareId, id: FileId) -> Result<Option<Waiting>, Error> {
    let mut statement = view.prepare_cached(
        "SELECT id, due, code, detail FROM tree_step WHERE share = ?1 AND id = ?2",
    )?;
    Ok(statement.query_row(params![share.as_bytes(), id.as_bytes()], read_waiting).optional()?)
}

/// The nodes that are out of step and due.
pub(crate) fn due_steps(
    view: &View,
    share: ShareId,
    after: FileId,
    limit: u32,
) -> Result<Vec<FileId>, Error> {
    let statement = "SELECT id FROM tree_step WHERE share = ?1 AND id > ?2 AND due <= ?3
                     ORDER BY id LIMIT ?4";
    ids(view, statement, params![share.as_bytes(), after.as_bytes(), view.now().0, limit])
}

/// When the next try of a failed step, or the next reading, is due.
pub(crate) fn next_due(view: &View, share: ShareId, table: Queue) -> Result<Option<Time>, Error> {
    let statement = match table {
        Queue::Steps => "SELECT min(due) FROM tree_step WHERE share = ?1 AND due > 0",
        Queue::Unread => {
            "SELECT min(due) FROM tree_unread WHERE share = ?1
             AND (code IS NULL OR code NOT IN ('held', 'link', 'damaged'))"
        }
    };
    let due: Option<i64> =
        view.prepare_cached(statement)?.query_row([share.as_bytes()], |row| row.get(0))?;
    Ok(due.map(Time))
}

/// Which things are to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Queue {
    Steps,
    Unread,
}

/// Those that failed, some of them.
pub(crate) fn failed_steps(view: &View, share: ShareId, limit: u32) -> Result<Vec<Waiting>, Error> {
    let mut statement = view.prepare_cached(
        "SELECT id, due, code, detail FROM tree_step WHERE share = ?1 AND code IS NOT NULL
         AND code NOT IN ('content', 'ignored', 'not_chosen') LIMIT ?2",
    )?;
    let rows = statement.query_map(params![share.as_bytes(), limit], read_waiting)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn fail_step(
    tx: &Tx,
    share: ShareId,
    id: FileId,
    due: Time,
    (code, detail): (&str, &str),
) -> Result<(), Error> {
    tx.prepare_cached(
        "UPDATE tree_step SET due = ?3, code = ?4, detail = ?5 WHERE share = ?1 AND id = ?2",
    )?
    .execute(params![share.as_bytes(), id.as_bytes(), due.0, code, detail])?;
    Ok(())
}

/// How many steps wait for this.
pub(crate) fn parked(view: &View, share: ShareId, code: &str) -> Result<u64, Error> {
    let mut statement =
        view.prepare_cached("SELECT count(*) FROM tree_step WHERE share = ?1 AND code = ?2")?;
    let count: i64 = statement.query_row(params![share.as_bytes(), code], |row| row.get(0))?;
    Ok(count.cast_unsigned())
}

/// Lets everything that failed be tried again.
pub(crate) fn retry_steps(tx: &Tx, share: ShareId) -> Result<(), Error> {
    tx.execute("UPDATE tree_step SET due = 0 WHERE share = ?1", [share.as_bytes()])?;
    Ok(())
}

/// Files and bytes that are to come or to go.
pub(crate) fn to_go(view: &View, share: ShareId) -> Result<(u64, u64), Error> {
    let mut statement = view.prepare_cached(
        "SELECT count(*), coalesce(sum(CASE WHEN alive THEN size ELSE 0 END), 0)
         FROM tree_step LEFT JOIN tree_node USING (share, id)
         WHERE tree_step.share = ?1
         AND (code IS NULL OR code NOT IN ('ignored', 'not_chosen', 'link', 'name'))",
    )?;
    Ok(statement.query_row([share.as_bytes()], |row| {
        Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, i64>(1)?.cast_unsigned()))
    })?)
}

pub(crate) fn held_at(
    view: &View,
    share: ShareId,
    parent: FileId,
    name: &Name,
) -> Result<Vec<FileId>, Error> {
    let statement = "SELECT id FROM tree_held
                     WHERE share = ?1 AND parent = ?2 AND name = ?3 ORDER BY id";
    ids(view, statement, params![share.as_bytes(), parent.as_bytes(), name.as_str()])
}

pub(crate) fn set_unmended(
    tx: &Tx,
    share: ShareId,
    id: FileId,
    unmended: bool,
) -> Result<(), Error> {
    let statement = match unmended {
        true => "INSERT OR IGNORE INTO tree_unmended (share, id) VALUES (?1, ?2)",
        false => "DELETE FROM tree_unmended WHERE share = ?1 AND id = ?2",
    };
    tx.prepare_cached(statement)?.execute(params![share.as_bytes(), id.as_bytes()])?;
    Ok(())
}

pub(crate) fn unmended(view: &View, share: ShareId) -> Result<Vec<FileId>, Error> {
    let statement = "SELECT id FROM tree_unmended WHERE share = ?1 LIMIT 256";
    ids(view, statement, [share.as_bytes()])
}

pub(crate) fn may_merge(
    view: &View,
    share: ShareId,
    id: FileId,
    (first, second): (Hash, Hash),
) -> Result<bool, Error> {
    let (one, two) = (first.min(second), first.max(second));
    let mut statement = view.prepare_cached(
        "SELECT NOT EXISTS (SELECT 1 FROM tree_apart
                            WHERE share = ?1 AND id = ?2 AND one = ?3 AND two = ?4)",
    )?;
    let key = params![share.as_bytes(), id.as_bytes(), one.as_bytes(), two.as_bytes()];
    Ok(statement.query_row(key, |row| row.get(0))?)
}

pub(crate) fn keep_apart(
    tx: &Tx,
    share: ShareId,
    id: FileId,
    (first, second): (Hash, Hash),
) -> Result<(), Error> {
    let (one, two) = (first.min(second), first.max(second));
    tx.prepare_cached(
        "INSERT OR IGNORE INTO tree_apart (share, id, one, two) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![share.as_bytes(), id.as_bytes(), one.as_bytes(), two.as_bytes()])?;
    Ok(())
}

/// The durable ranges of a content that is partly here.
pub(crate) fn part(
    view: &View,
    share: ShareId,
    hash: Hash,
) -> Result<Option<Vec<(u64, u64)>>, Error> {
    let found: Option<Vec<u8>> = view
        .prepare_cached("SELECT ranges FROM tree_part WHERE share = ?1 AND hash = ?2")?
        .query_row(params![share.as_bytes(), hash.as_bytes()], |row| row.get(0))
        .optional()?;
    found.map(|ranges| decode(&ranges)).transpose()
}

pub(crate) fn set_part(
    tx: &Tx,
    share: ShareId,
    hash: Hash,
    part: Option<(u64, &[(u64, u64)])>,
) -> Result<(), Error> {
    let Some((size, ranges)) = part else {
        tx.prepare_cached("DELETE FROM tree_part WHERE share = ?1 AND hash = ?2")?
            .execute(params![share.as_bytes(), hash.as_bytes()])?;
        return Ok(());
    };
    tx.prepare_cached(
        "INSERT OR REPLACE INTO tree_part (share, hash, size, ranges) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![
        share.as_bytes(),
        hash.as_bytes(),
        size.cast_signed(),
        encode(&ranges)?
    ])?;
    Ok(())
}

pub(crate) fn forget_parts(tx: &Tx, share: ShareId) -> Result<(), Error> {
    tx.execute("DELETE FROM tree_part WHERE share = ?1", [share.as_bytes()])?;
    Ok(())
}

/// The path of a folder of the records; `None` if it does not stand on disk.
pub(crate) fn folder_path(
    view: &View,
    share: ShareId,
    id: FileId,
) -> Result<Option<RelPath>, Error> {
    if id == tree::root_of(share) {
        return Ok(Some(RelPath::root()));
    }
    let found = super::entry(view, id)?.filter(|entry| entry.share == share);
    Ok(found.filter(|entry| entry.kind == crate::EntryKind::Folder).map(|entry| entry.path))
}

/// The path that the records give a node, as far as its folders are known.
pub(crate) fn path_of(view: &View, share: ShareId, id: FileId) -> Result<Option<RelPath>, Error> {
    let mut names = Vec::new();
    let mut next = id;
    let mut statement =
        view.prepare_cached("SELECT parent, name FROM tree_node WHERE share = ?1 AND id = ?2")?;
    while next != tree::root_of(share) {
        let found = statement
            .query_row(params![share.as_bytes(), next.as_bytes()], |row| {
                Ok((FileId::from_bytes(row.get(0)?), row.get::<_, String>(1)?))
            })
            .optional()?;
        let Some((parent, name)) = found else { return Ok(None) };
        names.push(name);
        // A circle of folders is broken up elsewhere.
        if names.len() > PATH_NAMES_MAX {
            return Ok(None);
        }
        next = parent;
    }
    names.reverse();
    Ok(names.join("/").parse().ok())
}

/// A path of 4,096 bytes has no more names.
const PATH_NAMES_MAX: usize = 2_048;

/// Forgets everything of a share but its folder's entries.
pub(crate) fn forget(tx: &Tx, share: ShareId) -> Result<(), Error> {
    let tables = [
        "share", "node", "held", "step", "unread", "unmended", "apart", "part", "choice", "writer",
        "refused",
    ];
    for table in tables {
        tx.execute(&format!("DELETE FROM tree_{table} WHERE share = ?1"), [share.as_bytes()])?;
    }
    Ok(store::remove_records(tx, share)?)
}

/// Gives an entry another id; whatever is gone under that id makes room.
pub(crate) fn rename_entry(
    tx: &Tx,
    share: ShareId,
    from: FileId,
    to: FileId,
) -> Result<bool, Error> {
    tx.prepare_cached("DELETE FROM files_entry WHERE id = ?1 AND gone_at IS NOT NULL")?
        .execute([to.as_bytes()])?;
    let taken: bool = tx
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM files_entry WHERE id = ?1)")?
        .query_row([to.as_bytes()], |row| row.get(0))?;
    if taken {
        return Ok(false);
    }
    let changed = tx
        .prepare_cached("UPDATE files_entry SET id = ?2 WHERE id = ?1")?
        .execute(params![from.as_bytes(), to.as_bytes()])?;
    // What is to be read of it still is.
    tx.prepare_cached("UPDATE OR REPLACE tree_unread SET id = ?3 WHERE share = ?1 AND id = ?2")?
        .execute(params![share.as_bytes(), from.as_bytes(), to.as_bytes()])?;
    Ok(changed > 0)
}

fn count(view: &View, statement: &str, share: ShareId) -> Result<u64, Error> {
    let count: i64 =
        view.prepare_cached(statement)?.query_row([share.as_bytes()], |row| row.get(0))?;
    Ok(count.cast_unsigned())
}

fn ids(view: &View, statement: &str, key: impl store::sql::Params) -> Result<Vec<FileId>, Error> {
    let mut statement = view.prepare_cached(statement)?;
    Ok(statement.query_map(key, read_id)?.collect::<Result<_, _>>()?)
}

fn read_id(row: &store::sql::Row) -> store::sql::Result<FileId> {
    Ok(FileId::from_bytes(row.get(0)?))
}

fn read_waiting(row: &store::sql::Row) -> store::sql::Result<Waiting> {
    Ok(Waiting {
        id: FileId::from_bytes(row.get(0)?),
        due: Time(row.get(1)?),
        code: row.get(2)?,
        detail: row.get(3)?,
    })
}

fn encode(value: &impl Serialize) -> Result<Vec<u8>, Error> {
    postcard::to_stdvec(value).map_err(|error| damaged(&error))
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    postcard::from_bytes(bytes).map_err(|error| damaged(&error))
}

fn damaged(error: &postcard::Error) -> Error {
    Error::Store(store::Error::Damaged(format!("a record cannot be read: {error}")))
}
