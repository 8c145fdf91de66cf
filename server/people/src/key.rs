//! The key ring: everything that lets somebody in, in one list.

use store::View;
use types::{LinkId, Right, Time};

use crate::session::scope;
use crate::{Error, Scope, db, token::TokenKind};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    Link,
    /// The owner's browser.
    Browser,
    /// A guest's browser, let in by a link.
    Guest,
    Token,
}

#[derive(Debug, Clone)]
pub struct Key {
    pub kind: KeyKind,
    pub id: String,
    pub name: String,
    pub right: Right,
    pub scope: Scope,
    pub created_at: Time,
    pub used_at: Option<Time>,
    pub used_from: Option<String>,
    pub expires_at: Option<Time>,
    /// The link that a guest came by.
    pub link: Option<LinkId>,
}

/// Links, then browsers, guests and tokens; each newest first.
pub fn keys(view: &View) -> Result<Vec<Key>, Error> {
    let links = db::links(view)?;
    let mut keys: Vec<Key> = links
        .iter()
        .map(|link| Key {
            kind: KeyKind::Link,
            id: link.id.to_string(),
            name: link.name.clone().unwrap_or_default(),
            right: link.right,
            scope: scope(link),
            created_at: link.created_at,
            used_at: link.used_at,
            used_from: link.used_from.clone(),
            expires_at: link.expires_at,
            link: None,
        })
        .collect();
    for session in db::sessions(view)? {
        let link = links.iter().find(|link| Some(&link.id) == session.link.as_ref());
        keys.push(Key {
            kind: if session.link.is_some() { KeyKind::Guest } else { KeyKind::Browser },
            id: session.id.to_string(),
            name: if session.link.is_some() { session.person.name } else { session.agent },
            right: link.map_or(Right::Manage, |link| link.right),
            scope: link.map_or(Scope::Everything, scope),
            created_at: session.created_at,
            used_at: Some(session.used_at),
            used_from: Some(session.used_from),
            expires_at: link.and_then(|link| link.expires_at),
            link: session.link,
        });
    }
    let kept = db::tokens(view)?.into_iter().filter(|token| token.kind != TokenKind::SignIn);
    keys.extend(kept.map(|token| Key {
        kind: KeyKind::Token,
        id: token.id.to_string(),
        name: token.name,
        right: token.right,
        scope: match (token.share, token.file) {
            (Some(share), Some(file)) => Scope::Within(share, file),
            (Some(share), None) => Scope::Share(share),
            (None, _) => Scope::Everything,
        },
        created_at: token.created_at,
        used_at: token.used_at,
        used_from: token.used_from,
        expires_at: token.expires_at,
        link: token.link,
    }));
    Ok(keys)
}
