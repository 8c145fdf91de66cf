//! Domain things as the API shows them, read in one view of the database.

pub(crate) mod friends;

use std::collections::HashMap;

use axum::http::StatusCode;
use people::{KeyKind, LinkState, Means, Scope, Who};
use store::View;
use types::{FileId, PersonId, RelPath, Right, ShareId};

use crate::control::HiveName;
use crate::{Error, wire};

/// A setting that `web` alone reads and writes.
pub(crate) const ONBOARDED: &str = "onboarded";

pub(crate) fn hive_facts(view: &View, hive: &HiveName) -> Result<wire::HiveFacts, Error> {
    let owner = people::owner(view)?.ok_or(people::Error::Gone("owner"))?;
    Ok(wire::HiveFacts { id: hive.id.clone(), name: people::hive_name(view)?, owner: owner.into() })
}

pub(crate) fn onboarded(view: &View) -> Result<bool, Error> {
    Ok(store::setting(view, ONBOARDED)?.is_some())
}

/// The pause that is in force at this moment.
pub(crate) fn paused(view: &View) -> Result<Option<wire::Paused>, Error> {
    Ok(people::hive_pause(view)?.map(Into::into))
}

pub(crate) fn refuse_while_paused(view: &View) -> Result<(), Error> {
    if paused(view)?.is_none() {
        return Ok(());
    }
    Err(Error::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "paused",
        "Sharing is paused by the owner of this hive",
        "Your unsent edits are kept in this page. It goes on when the owner resumes",
    ))
}

pub(crate) fn me(view: &View, who: &Who, hive: &HiveName) -> Result<wire::Me, Error> {
    let link = match &who.means {
        Means::Link(_, id) => Some(guest_link(view, &people::link(view, id)?)?),
        _ => None,
    };
    let role = match &who.means {
        Means::Link(..) => "guest",
        Means::Socket | Means::Session(_) => "owner",
        Means::Api(_) | Means::Document(_) => "program",
    };
    let mut facts = hive_facts(view, hive)?;
    if role != "owner" {
        facts.owner.id = String::new();
    }
    Ok(wire::Me {
        role: role.to_owned(),
        person: who.person.clone().map(Into::into),
        hive: facts,
        right: who.right.into(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        port: hive.port,
        onboarded: onboarded(view)?,
        link,
        seq: store::position(view)?,
    })
}

fn guest_link(view: &View, link: &people::Link) -> Result<wire::GuestLink, Error> {
    let (kind, path) = opened(view, link.share, link.file)?;
    Ok(wire::GuestLink {
        id: link.id.to_string(),
        name: link.name.clone(),
        share: link.share.to_string(),
        share_name: files::share(view, link.share)?.name,
        file: the_one_file(view, link.share, link.file)?.map(|file| file.to_string()),
        path: path.to_string(),
        kind,
        right: link.right.into(),
        expires_at: link.expires_at.map(|time| time.0),
    })
}

/// A link to a share of one file opens that file.
fn the_one_file(
    view: &View,
    share: ShareId,
    file: Option<FileId>,
) -> Result<Option<FileId>, Error> {
    if file.is_some() {
        return Ok(file);
    }
    let share = files::share(view, share)?;
    let Some(only) = &share.only else { return Ok(None) };
    let entry = files::entry_at(view, share.id, &RelPath::root().join(only));
    Ok(entry.ok().map(|entry| entry.id))
}

/// What a key for this file or whole share opens.
fn opened(
    view: &View,
    share: ShareId,
    file: Option<FileId>,
) -> Result<(wire::LinkKind, RelPath), Error> {
    let Some(file) = the_one_file(view, share, file)? else {
        return Ok((wire::LinkKind::Share, RelPath::root()));
    };
    match files::entry(view, file) {
        Ok(entry) if entry.kind == files::EntryKind::Folder => {
            Ok((wire::LinkKind::Folder, entry.path))
        }
        Ok(entry) => Ok((wire::LinkKind::File, entry.path)),
        Err(files::Error::Gone) => Ok((wire::LinkKind::File, RelPath::root())),
        Err(error) => Err(error.into()),
    }
}

/// Whether the caller's key opens this file or folder with this right.
pub(crate) fn may_entry(
    view: &View,
    who: &Who,
    needed: Right,
    entry: &files::Entry,
) -> Result<(), Error> {
    let is_within = |top: FileId| {
        top == entry.id
            || files::entry(view, top).is_ok_and(|folder| {
                folder.kind == files::EntryKind::Folder && entry.path.is_within(&folder.path)
            })
    };
    Ok(who.may_file(needed, entry.share, is_within)?)
}

/// Like [`may_entry`] for a folder given by its path, the root included.
pub(crate) fn may_folder(
    view: &View,
    who: &Who,
    needed: Right,
    share: ShareId,
    folder: &RelPath,
) -> Result<(), Error> {
    if folder.is_root() {
        return Ok(who.may_share(needed, share)?);
    }
    may_entry(view, who, needed, &files::entry_at(view, share, folder)?)
}

/// People by id, each looked up once.
#[derive(Default)]
pub(crate) struct Names(HashMap<PersonId, Option<wire::Person>>);

impl Names {
    pub(crate) fn of(&mut self, view: &View, id: Option<PersonId>) -> Option<wire::Person> {
        let id = id?;
        self.0.entry(id).or_insert_with(|| people::person(view, id).ok().map(Into::into)).clone()
    }
}

pub(crate) fn file(
    view: &View,
    entry: files::Entry,
    names: &mut Names,
    here: &[documents::Present],
) -> wire::File {
    let of_type = files::type_of(&entry);
    wire::File {
        id: entry.id.to_string(),
        share: entry.share.to_string(),
        path: entry.path.to_string(),
        kind: match entry.kind {
            files::EntryKind::Folder => "folder",
            files::EntryKind::File => "file",
            files::EntryKind::Link => "link",
        }
        .to_owned(),
        size: entry.size,
        modified_at: entry.modified_at.0,
        changed_by: names.of(view, entry.changed_by),
        r#type: type_word(of_type).to_owned(),
        mime: files::mime_of(&entry.name),
        name: entry.name.to_string(),
        here: here
            .iter()
            .filter(|present| present.file == entry.id)
            .filter_map(|present| Some(present.person?.to_string()))
            .collect(),
    }
}

pub(crate) fn type_word(of_type: files::Type) -> &'static str {
    match of_type {
        files::Type::Text => "text",
        files::Type::Image => "image",
        files::Type::Audio => "audio",
        files::Type::Video => "video",
        files::Type::Pdf => "pdf",
        files::Type::Other => "other",
        files::Type::Folder => "folder",
    }
}

pub(crate) fn share(
    view: &View,
    share: files::Share,
    state: files::State,
    who: &Who,
) -> Result<wire::Share, Error> {
    let totals = files::totals(view, share.id)?;
    let is_owner = who.may_manage_hive().is_ok();
    let links = if is_owner { people::links(view)? } else { Vec::new() };
    let (word, reason) = match state {
        files::State::InStep => ("in_step", None),
        files::State::Scanning { .. } => ("scanning", None),
        files::State::Missing { why } => ("missing", Some(why)),
        files::State::Paused => ("paused", None),
        files::State::Unreadable { why } => ("unreadable", Some(why)),
    };
    let file = the_one_file(view, share.id, None)?;
    Ok(wire::Share {
        id: share.id.to_string(),
        name: share.name,
        root: is_owner.then(|| share.root.display().to_string()),
        kind: if share.only.is_some() { "file" } else { "folder" }.to_owned(),
        state: word.to_owned(),
        reason: reason.map(crate::error::sentence).filter(|_| is_owner),
        files: totals.files,
        bytes: totals.bytes,
        links: links.iter().filter(|link| link.share == share.id).count() as u64,
        right: who.right.into(),
        created_at: share.created_at.0,
        file: file.map(|file| file.to_string()),
    })
}

pub(crate) fn link(view: &View, link: people::Link) -> Result<wire::Link, Error> {
    let (kind, path) = opened(view, link.share, link.file)?;
    let state = match link.state(view.now()) {
        LinkState::Open => "open",
        LinkState::Expired => "expired",
        LinkState::UsedUp => "used_up",
    };
    Ok(wire::Link {
        id: link.id.to_string(),
        name: link.name.clone(),
        share: link.share.to_string(),
        share_name: files::share(view, link.share)?.name,
        file: link.file.map(|file| file.to_string()),
        path: path.to_string(),
        kind,
        right: link.right.into(),
        password: link.password.is_some(),
        expires_at: link.expires_at.map(|time| time.0),
        uses: link.uses,
        uses_max: link.uses_max,
        created_at: link.created_at.0,
        used_at: link.used_at.map(|time| time.0),
        used_from: link.used_from.clone(),
        state: state.to_owned(),
    })
}

pub(crate) fn key(view: &View, key: people::Key, current: &Who) -> Result<wire::Key, Error> {
    let current = match &current.means {
        Means::Session(id) | Means::Link(id, _) => id.to_string() == key.id,
        Means::Api(id) | Means::Document(id) => id.to_string() == key.id,
        Means::Socket => false,
    };
    Ok(wire::Key {
        kind: match key.kind {
            KeyKind::Link => "link",
            KeyKind::Browser => "browser",
            KeyKind::Guest => "guest",
            KeyKind::Token => "token",
        }
        .to_owned(),
        what: what(view, key.scope)?,
        id: key.id,
        name: key.name,
        right: key.right.into(),
        created_at: key.created_at.0,
        used_at: key.used_at.map(|time| time.0),
        used_from: key.used_from,
        expires_at: key.expires_at.map(|time| time.0),
        current,
    })
}

/// What a key opens, in words.
fn what(view: &View, scope: Scope) -> Result<String, Error> {
    let name = |share| match files::share(view, share) {
        Ok(share) => Ok(share.name),
        Err(files::Error::Gone) => Ok("a folder that is no longer shared".to_owned()),
        Err(error) => Err(Error::from(error)),
    };
    Ok(match scope {
        Scope::Everything => "everything".to_owned(),
        Scope::Share(share) => name(share)?,
        Scope::Within(share, file) => match files::entry(view, file) {
            Ok(entry) => format!("{}/{}", name(share)?, entry.path),
            Err(_) => format!("a deleted file in {}", name(share)?),
        },
    })
}
