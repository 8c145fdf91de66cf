//! What belongs together is told together, and not while it is being changed: databases with their
//! logs, repositories of Git.

use std::collections::HashSet;

use store::Tx;
use tree::What;
use types::{FileId, RelPath, ShareId, Time};

use super::Reading;
use crate::db::tree as db;
use crate::disk::Root;
use crate::entry::{EntryKind, Known, Stat};
use crate::{Error, db as rows, units};

/// How long a database or repository must rest until it is taken.
pub(super) const QUIET_MS: i64 = 1_000;
/// What Git holds while it changes a repository.
const LOCKS: [&str; 4] = ["index.lock", "HEAD.lock", "packed-refs.lock", "shallow.lock"];
/// A transaction's journal that is older than this was left behind.
const LEFT_BEHIND_MS: i64 = 10 * 60_000;

/// Until when something must not be taken, because what belongs together is being changed.
pub(super) fn busy(root: &Root, path: &RelPath, stat: &Stat, now: Time) -> Option<Time> {
    if stat.kind != EntryKind::File {
        return None;
    }
    let age = |stat: &Stat| now.0.saturating_sub(stat.modified_ns / 1_000_000);
    let rests = |stat: &Stat| !(0..QUIET_MS).contains(&age(stat));
    if let Some(repository) = units::repository_of(path) {
        let locks = LOCKS.iter().map(|name| format!("{repository}/{name}"));
        let locked = locks.chain([format!("{path}.lock")]).any(|lock| {
            let stat = lock.parse().ok().and_then(|lock| root.stat(&lock).ok().flatten());
            stat.is_some_and(|lock| age(&lock) < LEFT_BEHIND_MS)
        });
        return (locked || !rests(stat)).then(|| now.plus(QUIET_MS));
    }
    let database = units::database_of(path);
    for suffix in ["", units::LOG, "-journal"] {
        let beside = format!("{database}{suffix}");
        if beside == path.as_str() {
            continue;
        }
        let Ok(beside) = beside.parse() else { continue };
        let Ok(Some(found)) = root.stat(&beside) else { continue };
        let open = suffix == "-journal" && found.size > 0 && age(&found) < LEFT_BEHIND_MS;
        if open || !rests(stat) || !rests(&found) {
            return Some(now.plus(QUIET_MS));
        }
    }
    None
}

/// What belongs together was read one after the other: it is of one moment only if nothing of it
/// has changed since.
pub(super) fn settle_units(
    root: &Root,
    now: Time,
    found: &mut [(FileId, Option<(Known, Reading)>)],
) {
    let logs = found.iter().filter_map(|(_, read)| read.as_ref()).map(|(known, _)| &known.path);
    let logs = logs.filter(|path| path.as_str().ends_with(units::LOG));
    let databases: HashSet<String> = logs.map(|path| units::database_of(path).to_owned()).collect();
    if databases.is_empty() {
        return;
    }
    let member = |known: &Known| databases.contains(units::database_of(&known.path));
    let mut moving = HashSet::new();
    for (_, read) in found.iter() {
        if let Some((known, Reading::Read { stat, .. })) = read
            && member(known)
            && !root.stat(&known.path).is_ok_and(|now| now.is_some_and(|now| now.is_as(stat)))
        {
            moving.insert(units::database_of(&known.path).to_owned());
        }
    }
    for (known, reading) in found.iter_mut().filter_map(|(_, read)| read.as_mut()) {
        if moving.contains(units::database_of(&known.path)) {
            *reading = Reading::Later(now.plus(QUIET_MS), "busy");
        }
    }
}

/// Whether something is not to be told alone: what belongs to it is not known as it stands.
pub(super) fn is_apart(
    tx: &Tx,
    share: ShareId,
    path: &RelPath,
    at_once: &HashSet<RelPath>,
) -> Result<bool, Error> {
    if let Some(repository) = units::repository_of(path) {
        return Ok(!units::is_object(path) && db::has_unread_objects(tx, share, repository)?);
    }
    let database = units::database_of(path);
    let other = match database.len() < path.as_str().len() {
        true => database.to_owned(),
        false => format!("{database}{}", units::LOG),
    };
    let Ok(other) = other.parse::<RelPath>() else { return Ok(false) };
    let Some(known) = rows::known_at(tx, share, &other)? else { return Ok(false) };
    if known.stat.kind != EntryKind::File || at_once.contains(&other) {
        return Ok(false);
    }
    let held = db::held(tx, share, known.id)?;
    let told = held.is_some_and(|held| match held.what {
        What::File { size, modified_ns, .. } => {
            (size, modified_ns) == (known.stat.size, known.stat.modified_ns)
        }
        _ => false,
    });
    Ok(!told || db::unread(tx, share, known.id)?.is_some())
}
