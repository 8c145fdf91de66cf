//! Who is asking, and may they: the owner, guests, links, sessions, tokens.
//!
//! Secrets are shown once and kept only as hashes. What a key opens is decided in [`Who`] alone.

mod db;
mod key;
mod link;
mod password;
mod person;
mod secret;
mod session;
mod token;
mod who;

pub use key::{Key, KeyKind, keys};
pub use link::{
    Link, LinkChange, LinkState, NewLink, change_link, link, link_opened_by, links, make_link,
    remove_link, remove_links_of_share,
};
pub use password::{Password, password_fits};
pub use person::{
    HUES, Person, Role, ensure_owner, guest_named, name_checked, owner, person, rename,
};
pub use secret::Secret;
pub use session::{Visit, redeem, remove_session, sign_in, sign_in_secret, touch, who_by_session};
pub use token::{
    Token, TokenKind, make_api_token, make_document_token, remove_document_tokens, remove_token,
    who_by_token,
};
pub use who::{Means, Scope, Who};

/// Why a person was not let in, or not let do something.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("this sign-in is not known to the hive, or was used already")]
    SignedOut,
    #[error("that needs the right to {needed}, and this key gives {given}")]
    Denied { needed: types::Right, given: types::Right },
    #[error("this key does not open that")]
    OutOfScope,
    #[error("this link was taken back by its owner, or never existed")]
    LinkRevoked,
    #[error("this link has expired")]
    LinkExpired,
    #[error("this link was for a limited number of people, and all of them have come")]
    LinkUsedUp,
    #[error("this link has a password")]
    PasswordNeeded,
    #[error("that is not the link's password")]
    PasswordWrong,
    #[error("there is no such {0}")]
    Gone(&'static str),
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl From<store::sql::Error> for Error {
    fn from(error: store::sql::Error) -> Self {
        Self::Store(error.into())
    }
}

#[cfg(test)]
mod tests;
