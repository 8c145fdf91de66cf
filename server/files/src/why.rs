//! Why a file is not in step, in a sentence with what to do next.

use store::View;
use types::{FileId, RelPath, ShareId};

use crate::db::scrub;
use crate::db::tree as db;
use crate::exchange::{Caught, HeldBack, Progress, Why};
use crate::ignore::Rules;
use crate::{Error, db as rows, rot};

const WAITING_MAX: u32 = 100;
const NAME_SHOWN_BYTES_MAX: usize = 240;

pub(crate) fn progress(
    view: &View,
    share: ShareId,
    odd: &[(RelPath, String)],
) -> Result<Progress, Error> {
    let (mut files_to_go, mut bytes_to_go) = db::to_go(view, share)?;
    let files_unread = db::unread_count(view, share)?;
    let own = db::held_back(view, share)?.len() as u64;
    let friends = db::parked(view, share, "held_back")?;
    let held_back = (own > 0 || friends > 0).then_some(HeldBack { own, friends });
    let mut waiting = Vec::new();
    for failed in db::failed_steps(view, share, WAITING_MAX)? {
        let path = db::path_of(view, share, failed.id)?.unwrap_or_default();
        let detail = failed.detail.unwrap_or_default();
        let code = failed.code.unwrap_or_default();
        waiting.push(step(Some(failed.id), path, &code, detail));
    }
    for (id, code) in db::unreadable(view, share, WAITING_MAX)? {
        let path = rows::entry(view, id)?.map(|entry| entry.path).unwrap_or_default();
        waiting.push(unread(id, path, Some(&code)));
    }
    for rotten in scrub::all(view, share)? {
        let entry = rows::entry(view, rotten.file)?;
        if rotten.found.is_some() {
            let held = db::held(view, share, rotten.file)?.and_then(|held| held.what.hash());
            if held != Some(rotten.hash) {
                continue;
            }
            files_to_go += 1;
            bytes_to_go += entry.as_ref().map_or(0, |entry| entry.size);
        }
        let path = entry.map(|entry| entry.path).unwrap_or_default();
        waiting.push(spoilt(rotten.file, path, rotten.found.is_none()));
    }
    waiting.extend(odd.iter().map(|(folder, name)| odd_name(folder, name)));
    waiting.truncate(WAITING_MAX as usize);
    Ok(Progress {
        in_step: files_to_go == 0 && files_unread == 0 && own == 0,
        files_unread,
        files_to_go,
        bytes_to_go,
        waiting,
        held_back,
    })
}

pub(crate) fn why(
    view: &View,
    share: ShareId,
    rules: &Rules,
    odd: &[(RelPath, String)],
    path: RelPath,
) -> Result<Why, Error> {
    let odd = odd.iter().map(|(folder, name)| odd_name(folder, name));
    if let Some(odd) = odd.into_iter().find(|odd| path.is_within(&odd.path)) {
        return Ok(odd);
    }
    let on_disk = rows::entry_at(view, share, &path)?;
    let id = match &on_disk {
        Some(entry) => Some(entry.id),
        None => node_at(view, share, &path)?,
    };
    let is_folder = on_disk.is_some_and(|entry| entry.kind == crate::EntryKind::Folder);
    if let Some(rule) = rules.rule_for(&path, is_folder) {
        let whence = match rule.line {
            Some(line) => format!("rule {:?}, line {line} of .skepignore", rule.rule),
            None => format!("the usual rule {:?}", rule.rule),
        };
        return Ok(Why {
            file: id,
            path,
            in_step: false,
            code: "ignored",
            detail: format!("It is ignored by {whence}."),
            hint: "Change the rules if it is to be shared; a line that begins with an exclamation \
                   mark takes a usual rule back."
                .to_owned(),
        });
    }
    let Some(id) = id else {
        return Ok(told(
            None,
            path,
            "unknown",
            "Nothing of this name is known here.",
            "Check the path.",
        ));
    };
    if db::facts(view, share)?.paused {
        let detail = "The share is paused.";
        return Ok(told(Some(id), path, "paused", detail, "Resume it to go on."));
    }
    if rot::is_known(view, share, id)? {
        return Ok(spoilt(id, path, false));
    }
    if let Some(code) = db::unread(view, share, id)? {
        return Ok(unread(id, path, code.as_deref()));
    }
    if let Some(waiting) = db::waiting(view, share, id)? {
        let code = waiting.code.unwrap_or_default();
        return Ok(step(Some(id), path, &code, waiting.detail.unwrap_or_default()));
    }
    let node = db::node(view, share, id)?;
    if node.as_ref().and_then(tree::standing).is_some_and(|standing| !standing.others.is_empty()) {
        let detail = "It was changed on two hives apart: there are two versions.";
        let hint = "Choose one of them, both, or merge them.";
        return Ok(told(Some(id), path, "two_versions", detail, hint));
    }
    let hint = "Friends get it as soon as their hives are online.";
    Ok(Why { in_step: true, ..told(Some(id), path, "in_step", "It is in step here.", hint) })
}

/// A name that no hive can be told.
fn odd_name(folder: &RelPath, name: &str) -> Why {
    let shown = &name[..name.floor_char_boundary(NAME_SHOWN_BYTES_MAX)];
    let path = types::Name::new(shown).map_or_else(|_| folder.clone(), |name| folder.join(&name));
    let (detail, hint) = if name.contains("\\x") {
        (
            "Its name is not written in UTF-8, so that other computers could not read it.",
            "Rename it, then it is shared. Until then it stays on this computer alone.",
        )
    } else {
        ("Its path is too long to be shared.", "Move it to a folder that lies less deep.")
    };
    told(None, path, "name", detail, hint)
}

/// A file, or an earlier version of it, that the disk spoilt.
fn spoilt(file: FileId, path: RelPath, earlier: bool) -> Why {
    let detail = match earlier {
        false => "The disk gives back other bytes than were saved, though nobody changed it.",
        true => "The disk spoilt an earlier version of it that was kept.",
    };
    let hint = "It is mended by itself as soon as a friend's hive that has it is online. Look \
                after the disk: it may be failing.";
    told(Some(file), path, "damaged", detail, hint)
}

/// The node that the records put under a path.
fn node_at(view: &View, share: ShareId, path: &RelPath) -> Result<Option<FileId>, Error> {
    let mut at = tree::root_of(share);
    for name in path.as_str().split('/') {
        let name = types::Name::new(name)?;
        match db::nodes_at(view, share, at, &name)?.first() {
            Some(next) => at = *next,
            None => return Ok(None),
        }
    }
    Ok(Some(at))
}

fn unread(id: FileId, path: RelPath, code: Option<&str>) -> Why {
    let (code, detail, hint) = match code {
        Some("held") => (
            "held_back",
            "It was removed together with many others, and friends have not been told.",
            "Confirm the removals, or take them back.",
        ),
        Some("busy") => (
            "busy",
            "It is being written by another program: a database or repository in use.",
            "It follows by itself once it rests. Close the program if that takes long.",
        ),
        Some("unreadable") => (
            "unreadable",
            "It cannot be read.",
            "Give the user that runs Skep the right to read it.",
        ),
        Some("link") => (
            "link",
            "It is a link that leads out of the share, and such links are not shared.",
            "Let it lead to something inside of the share, or share what it leads to.",
        ),
        Some("damaged") => (
            "damaged",
            "The disk gives back other bytes than were saved, though nobody changed it.",
            "It is mended by itself as soon as a friend's hive that has it is online.",
        ),
        Some("gone") => ("unread", "It was removed a moment ago.", "Friends are told in a moment."),
        Some(_) => ("busy", "It changes while it is read.", "It follows by itself."),
        None => ("unread", "It has not been read yet.", "It follows by itself."),
    };
    told(Some(id), path, code, detail, hint)
}

/// What a step waits for.
fn step(file: Option<FileId>, path: RelPath, code: &str, detail: String) -> Why {
    let (code, usual, hint) = match code {
        "content" => (
            "content",
            "Its content has not arrived yet.",
            "It comes as soon as a friend's hive that has it is online.",
        ),
        "live" => (
            "live",
            "It is open here and edited live, and what came is about to be taken in.",
            "It goes on by itself.",
        ),
        "ignored" => ("ignored", "It is ignored here.", "Change the rules if it is wanted."),
        "not_chosen" => ("not_chosen", "Its folder was not chosen.", "Choose the folder."),
        "held_back" => (
            "held_back",
            "A friend removed very much at once.",
            "Confirm the removals, or take them back.",
        ),
        "name" => ("name", "A name like this cannot be here.", "Ask your friend to rename it."),
        "link" => (
            "link",
            "It is a link that leads out of the share.",
            "Ask your friend to share what it leads to instead.",
        ),
        "full" => {
            ("full", "The disk is nearly full.", "Make room on the disk; it goes on by itself.")
        }
        "changed" => (
            "changed",
            "It was changed here in the meantime, and that is looked at first.",
            "It goes on by itself.",
        ),
        "unwritable" => ("unwritable", "It cannot be written.", "Give Skep the right to write it."),
        _ => ("waiting", "It is about to be brought in step.", "It goes on by itself."),
    };
    let detail = match code {
        "full" | "unwritable" | "link" if !detail.is_empty() => detail,
        _ => usual.to_owned(),
    };
    Why { file, path, in_step: false, code, detail, hint: hint.to_owned() }
}

fn told(file: Option<FileId>, path: RelPath, code: &'static str, detail: &str, hint: &str) -> Why {
    Why { file, path, in_step: false, code, detail: detail.to_owned(), hint: hint.to_owned() }
}

/// A number of bytes as people read it, never less than it is.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    for (unit, name) in UNITS {
        if bytes >= unit {
            let tenths = bytes.div_ceil(unit / 10);
            return format!("{}.{} {name}", tenths / 10, tenths % 10);
        }
    }
    format!("{bytes} bytes")
}

/// What rules catch of what is in the folder; of a folder that is caught, nothing inside.
pub(crate) fn caught(
    view: &View,
    share: ShareId,
    rules: &Rules,
    limit: usize,
) -> Result<Vec<Caught>, Error> {
    let mut caught: Vec<Caught> = Vec::new();
    let mut inside: Option<RelPath> = None;
    rows::each_path(view, share, |path, is_folder| {
        if inside.as_ref().is_some_and(|folder| path.is_within(folder)) {
            return caught.len() < limit;
        }
        if let Some(rule) = rules.rule_for(&path, is_folder) {
            if is_folder {
                inside = Some(path.clone());
            }
            caught.push(Caught { path, rule: rule.rule, line: rule.line });
        }
        caught.len() < limit
    })?;
    Ok(caught)
}
