//! Tokens for programs: for the API, or for one document.

use store::{Tx, View};
use types::{FileId, LinkId, Right, SessionId, ShareId, Time, TokenId};

use crate::{Error, Means, Scope, Secret, Who, db, name_checked};

/// How an API token begins, so that people and scanners recognise one.
const API_PREFIX: &str = "skep_";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    SignIn,
    Api,
    Document,
}

#[derive(Debug, Clone)]
pub struct Token {
    pub id: TokenId,
    pub kind: TokenKind,
    pub name: String,
    pub right: Right,
    /// `None`: everything.
    pub share: Option<ShareId>,
    pub file: Option<FileId>,
    /// The link that it was made from and ends with.
    pub link: Option<LinkId>,
    /// The browser that it was made for and ends with.
    pub session: Option<SessionId>,
    pub expires_at: Option<Time>,
    pub created_at: Time,
    pub used_at: Option<Time>,
    pub used_from: Option<String>,
    pub(crate) secret_hash: [u8; 32],
}

impl Token {
    pub(crate) fn is_expired(&self, now: Time) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

/// A token for the API. The second value is what its holder presents; it is not kept.
pub fn make_api_token(
    tx: &mut Tx,
    name: &str,
    right: Right,
    share: Option<ShareId>,
    expires_at: Option<Time>,
) -> Result<(Token, String), Error> {
    let (mut token, secret) = new(tx, TokenKind::Api, &name_checked(name)?, right, expires_at);
    token.share = share;
    db::save_token(tx, &token)?;
    tx.announce("key", &token.id.to_string(), share)?;
    Ok((token, format!("{API_PREFIX}{}", secret.as_str())))
}

/// A token for one document, with at most the right of the key that it is made from.
pub fn make_document_token(
    tx: &mut Tx,
    share: ShareId,
    file: FileId,
    right: Right,
    link: Option<LinkId>,
    expires_at: Option<Time>,
) -> Result<(Token, String), Error> {
    let (mut token, secret) = new(tx, TokenKind::Document, "document", right, expires_at);
    token.share = Some(share);
    token.file = Some(file);
    token.link = link;
    db::save_token(tx, &token)?;
    tx.announce("key", &token.id.to_string(), Some(share))?;
    Ok((token, secret.as_str().to_owned()))
}

/// A lasting token for another program: one document, or a folder, or a whole share. It ends when
/// the database is put back, as every token of a document does.
pub fn make_program_token(
    tx: &mut Tx,
    name: &str,
    (share, file): (ShareId, Option<FileId>),
    right: Right,
    expires_at: Option<Time>,
) -> Result<(Token, String), Error> {
    let (mut token, secret) = new(tx, TokenKind::Document, &name_checked(name)?, right, expires_at);
    token.share = Some(share);
    token.file = file;
    db::save_token(tx, &token)?;
    tx.announce("key", &token.id.to_string(), Some(share))?;
    Ok((token, secret.as_str().to_owned()))
}

/// Whether some program was let into a document by a token that hangs on no link.
pub fn programs_are_let_in(view: &View) -> Result<bool, Error> {
    let now = view.now();
    let lets_in = |token: &Token| {
        token.kind == TokenKind::Document && token.link.is_none() && !token.is_expired(now)
    };
    Ok(db::tokens(view)?.iter().any(lets_in))
}

/// Who holds this token, as presented: an API token with its prefix, a document's without.
pub fn who_by_token(view: &View, text: &str) -> Result<Who, Error> {
    let (bare, kind) = match text.strip_prefix(API_PREFIX) {
        Some(bare) => (bare, TokenKind::Api),
        None => (text, TokenKind::Document),
    };
    let secret = Secret::read(bare).ok_or(Error::SignedOut)?;
    let token = db::token_by_secret(view, &secret.hash())?.ok_or(Error::SignedOut)?;
    if token.kind != kind || token.is_expired(view.now()) {
        return Err(Error::SignedOut);
    }
    let link = token.link.as_ref().map(|link| crate::link(view, link)).transpose()?;
    if link.as_ref().is_some_and(|link| link.is_expired(view.now())) {
        return Err(Error::LinkExpired);
    }
    // A token follows its link: whoever narrows the link narrows the token.
    let right = link.map_or(token.right, |link| link.right.min(token.right));
    let scope = match (token.share, token.file) {
        (Some(share), Some(file)) => Scope::Within(share, file),
        (Some(share), None) => Scope::Share(share),
        (None, _) => Scope::Everything,
    };
    let means = match kind {
        TokenKind::Api => Means::Api(token.id),
        TokenKind::Document | TokenKind::SignIn => Means::Document(token.id),
    };
    Ok(Who { person: None, means, right, scope })
}

pub fn remove_token(tx: &Tx, id: TokenId) -> Result<(), Error> {
    db::remove_token(tx, id)?;
    Ok(tx.announce("key", &id.to_string(), None)?)
}

/// Ends every token of a document; their holders open it anew.
pub fn remove_document_tokens(tx: &Tx) -> Result<(), Error> {
    db::remove_document_tokens(tx)?;
    Ok(tx.announce("key", "documents", None)?)
}

pub(crate) fn new(
    tx: &mut Tx,
    kind: TokenKind,
    name: &str,
    right: Right,
    expires_at: Option<Time>,
) -> (Token, Secret) {
    let secret = Secret::draw(tx.chance());
    let token = Token {
        id: TokenId::draw(tx.chance()),
        kind,
        name: name.to_owned(),
        right,
        share: None,
        file: None,
        link: None,
        session: None,
        expires_at,
        created_at: tx.now(),
        used_at: None,
        used_from: None,
        secret_hash: secret.hash(),
    };
    (token, secret)
}
