//! Browsers that signed in: the owner's by a one-time secret, a guest's by a link.

use store::{Tx, View};
use types::{LinkId, MINUTE_MS, Right, SessionId, Time};

use crate::token::{self, TokenKind};
use crate::{Error, Link, Means, Person, Scope, Secret, Who, db, person};

const SIGN_IN_LIFE_MS: i64 = 5 * MINUTE_MS;
/// A key's last use is written down at most this often.
const TOUCH_EVERY_MS: i64 = MINUTE_MS;
const AGENT_CHARS_MAX: usize = 300;

/// What a browser tells of itself.
#[derive(Debug, Clone)]
pub struct Visit {
    pub agent: String,
    /// Its address, as a person reads it.
    pub from: String,
}

pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) secret_hash: [u8; 32],
    pub(crate) person: Person,
    pub(crate) link: Option<LinkId>,
    pub(crate) agent: String,
    pub(crate) created_at: Time,
    pub(crate) used_at: Time,
    pub(crate) used_from: String,
}

/// A secret that signs the owner in once, within five minutes.
pub fn sign_in_secret(tx: &mut Tx) -> Result<Secret, Error> {
    db::remove_expired_tokens(tx)?;
    let expires_at = Some(tx.now().plus(SIGN_IN_LIFE_MS));
    let new = token::new(tx, TokenKind::SignIn, "sign-in", Right::Manage, expires_at);
    db::save_token(tx, &new.0)?;
    Ok(new.1)
}

/// Trades a one-time secret for a session; the secret is gone afterwards.
pub fn sign_in(tx: &mut Tx, secret: &str, visit: &Visit) -> Result<(Who, Secret), Error> {
    let secret = Secret::read(secret).ok_or(Error::SignedOut)?;
    let token = db::token_by_secret(tx, &secret.hash())?.ok_or(Error::SignedOut)?;
    if token.kind != TokenKind::SignIn || token.is_expired(tx.now()) {
        return Err(Error::SignedOut);
    }
    db::remove_token(tx, token.id)?;
    let owner = db::owner(tx)?.ok_or(Error::SignedOut)?;
    let (session, cookie) = start(tx, owner, None, visit)?;
    Ok((who(&session, None), cookie))
}

/// Lets a guest in by a link whose secret and password were checked; counts as one use.
pub fn redeem(
    tx: &mut Tx,
    link: &LinkId,
    name: Option<&str>,
    visit: &Visit,
) -> Result<(Who, Secret), Error> {
    let mut link = crate::link(tx, link)?;
    match link.state(tx.now()) {
        crate::LinkState::Open => {}
        crate::LinkState::Expired => return Err(Error::LinkExpired),
        crate::LinkState::UsedUp => return Err(Error::LinkUsedUp),
    }
    link.uses += 1;
    link.used_at = Some(tx.now());
    link.used_from = Some(visit.from.clone());
    db::save_link(tx, &link)?;
    let guest = crate::guest_named(tx, name)?;
    let (session, cookie) = start(tx, guest, Some(link.id.clone()), visit)?;
    tx.announce("link", link.id.as_str(), Some(link.share))?;
    Ok((who(&session, Some(&link)), cookie))
}

/// Who holds this cookie. `link` is the one in whose pages it was sent; `None` for the owner's.
pub fn who_by_session(view: &View, cookie: &str, link: Option<&LinkId>) -> Result<Who, Error> {
    let secret = Secret::read(cookie).ok_or(Error::SignedOut)?;
    let Some(session) = db::session_by_secret(view, &secret.hash())? else {
        // A guest whose link was taken back is told so, rather than to sign in again.
        if let Some(link) = link {
            crate::link(view, link)?;
        }
        return Err(Error::SignedOut);
    };
    if session.link.as_ref() != link {
        return Err(Error::SignedOut);
    }
    let Some(link) = link else { return Ok(who(&session, None)) };
    let link = crate::link(view, link)?;
    if link.is_expired(view.now()) {
        return Err(Error::LinkExpired);
    }
    Ok(who(&session, Some(&link)))
}

pub fn remove_session(tx: &Tx, id: SessionId) -> Result<(), Error> {
    db::remove_session(tx, id)?;
    Ok(tx.announce("key", &id.to_string(), None)?)
}

/// Writes down that a key was used; does nothing if that was done within the last minute.
pub fn touch(tx: &Tx, who: &Who, from: &str) -> Result<(), Error> {
    let before = tx.now().plus(-TOUCH_EVERY_MS);
    match &who.means {
        Means::Socket => Ok(()),
        Means::Session(id) => db::touch_session(tx, *id, from, before),
        Means::Link(id, link) => {
            db::touch_session(tx, *id, from, before)?;
            db::touch_link(tx, link, from, before)
        }
        Means::Api(id) | Means::Document(id) => db::touch_token(tx, *id, from, before),
    }
}

fn start(
    tx: &mut Tx,
    person: Person,
    link: Option<LinkId>,
    visit: &Visit,
) -> Result<(Session, Secret), Error> {
    let cookie = Secret::draw(tx.chance());
    let session = Session {
        id: SessionId::draw(tx.chance()),
        secret_hash: cookie.hash(),
        person,
        link,
        agent: visit.agent.chars().take(AGENT_CHARS_MAX).collect(),
        created_at: tx.now(),
        used_at: tx.now(),
        used_from: visit.from.clone(),
    };
    db::save_session(tx, &session)?;
    tx.announce("key", &session.id.to_string(), None)?;
    Ok((session, cookie))
}

fn who(session: &Session, link: Option<&Link>) -> Who {
    let person = Some(session.person.clone());
    match link {
        None => Who {
            person,
            means: Means::Session(session.id),
            right: Right::Manage,
            scope: Scope::Everything,
        },
        Some(link) => Who {
            person: person.filter(|person| person.role == person::Role::Guest),
            means: Means::Link(session.id, link.id.clone()),
            right: link.right,
            scope: scope(link),
        },
    }
}

pub(crate) fn scope(link: &Link) -> Scope {
    match link.file {
        Some(file) => Scope::Within(link.share, file),
        None => Scope::Share(link.share),
    }
}
