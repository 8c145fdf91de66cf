//! Links: a secret in an address that opens a share, a folder or a file with one right.

use store::{Tx, View};
use subtle::ConstantTimeEq;
use types::{FileId, LinkId, Right, ShareId, Time};

use crate::{Error, Password, Secret, db};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    Open,
    Expired,
    UsedUp,
}

#[derive(Clone)]
pub struct Link {
    pub id: LinkId,
    pub name: Option<String>,
    pub share: ShareId,
    /// The file or folder that it opens; `None` for the whole share.
    pub file: Option<FileId>,
    pub right: Right,
    pub password: Option<Password>,
    pub expires_at: Option<Time>,
    pub uses: u32,
    pub uses_max: Option<u32>,
    pub created_at: Time,
    pub used_at: Option<Time>,
    pub used_from: Option<String>,
    pub(crate) secret_hash: [u8; 32],
}

impl Link {
    pub fn state(&self, now: Time) -> LinkState {
        if self.is_expired(now) {
            LinkState::Expired
        } else if self.uses_max.is_some_and(|max| self.uses >= max) {
            LinkState::UsedUp
        } else {
            LinkState::Open
        }
    }

    /// Expiry ends what was let in already; being used up only lets nobody else in.
    pub(crate) fn is_expired(&self, now: Time) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

pub struct NewLink {
    pub name: Option<String>,
    pub share: ShareId,
    pub file: Option<FileId>,
    pub right: Right,
    pub password: Option<Password>,
    pub expires_at: Option<Time>,
    pub uses_max: Option<u32>,
}

/// What to change; the outer `None` leaves a thing as it is.
#[derive(Default)]
pub struct LinkChange {
    pub name: Option<Option<String>>,
    pub right: Option<Right>,
    pub password: Option<Option<Password>>,
    pub expires_at: Option<Option<Time>>,
    pub uses_max: Option<Option<u32>>,
}

pub fn make_link(tx: &mut Tx, new: NewLink) -> Result<(Link, Secret), Error> {
    if new.right == Right::Manage {
        let words = "A link gives at most the right to edit. Managing is for the owner.";
        return Err(Error::Refused(words.to_owned()));
    }
    check_limits(tx, new.expires_at, new.uses_max)?;
    let secret = Secret::draw(tx.chance());
    let link = Link {
        id: LinkId::draw(tx.chance()),
        name: new.name.map(|name| crate::name_checked(&name)).transpose()?,
        share: new.share,
        file: new.file,
        right: new.right,
        password: new.password,
        expires_at: new.expires_at,
        uses: 0,
        uses_max: new.uses_max,
        created_at: tx.now(),
        used_at: None,
        used_from: None,
        secret_hash: secret.hash(),
    };
    db::save_link(tx, &link)?;
    announce(tx, &link)?;
    Ok((link, secret))
}

pub fn link(view: &View, id: &LinkId) -> Result<Link, Error> {
    db::link(view, id)?.ok_or(Error::LinkRevoked)
}

/// Newest first.
pub fn links(view: &View) -> Result<Vec<Link>, Error> {
    db::links(view)
}

pub fn change_link(tx: &Tx, id: &LinkId, change: LinkChange) -> Result<Link, Error> {
    let mut link = link(tx, id)?;
    if let Some(name) = change.name {
        link.name = name.map(|name| crate::name_checked(&name)).transpose()?;
    }
    if change.right == Some(Right::Manage) {
        return Err(Error::Refused("A link gives at most the right to edit.".to_owned()));
    }
    check_limits(tx, change.expires_at.flatten(), change.uses_max.flatten())?;
    link.right = change.right.unwrap_or(link.right);
    link.password = change.password.unwrap_or(link.password);
    link.expires_at = change.expires_at.unwrap_or(link.expires_at);
    link.uses_max = change.uses_max.unwrap_or(link.uses_max);
    db::save_link(tx, &link)?;
    announce(tx, &link)?;
    Ok(link)
}

/// Takes the link back, with every session and document token that came by it.
pub fn remove_link(tx: &Tx, id: &LinkId) -> Result<(), Error> {
    let link = link(tx, id)?;
    db::remove_link(tx, id)?;
    announce(tx, &link)
}

pub fn remove_links_of_share(tx: &Tx, share: ShareId) -> Result<(), Error> {
    for link in db::links(tx)?.iter().filter(|link| link.share == share) {
        db::remove_link(tx, &link.id)?;
        announce(tx, link)?;
    }
    db::remove_tokens_of_share(tx, share)
}

/// The link, if the secret is its own and it lets somebody new in.
pub fn link_opened_by(view: &View, id: &LinkId, secret: &str) -> Result<Link, Error> {
    let link = link(view, id)?;
    let secret = Secret::read(secret).ok_or(Error::LinkRevoked)?;
    if !bool::from(secret.hash().ct_eq(&link.secret_hash)) {
        return Err(Error::LinkRevoked);
    }
    match link.state(view.now()) {
        LinkState::Open => Ok(link),
        LinkState::Expired => Err(Error::LinkExpired),
        LinkState::UsedUp => Err(Error::LinkUsedUp),
    }
}

fn check_limits(view: &View, expires_at: Option<Time>, uses: Option<u32>) -> Result<(), Error> {
    if expires_at.is_some_and(|end| end <= view.now()) {
        let words = "That moment has passed already. Choose a later end for the link.";
        return Err(Error::Refused(words.to_owned()));
    }
    if uses == Some(0) {
        return Err(Error::Refused("A link must let at least one person in.".to_owned()));
    }
    Ok(())
}

fn announce(tx: &Tx, link: &Link) -> Result<(), Error> {
    Ok(tx.announce("link", link.id.as_str(), Some(link.share))?)
}
