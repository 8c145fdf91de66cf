//! Who is asking, and may they: the owner, guests, links, sessions, tokens; and with whom this hive
//! is linked: friends, groups, invitations, offers, members of shares.
//!
//! Secrets are shown once and kept only as hashes. What a key opens is decided in [`Who`] alone,
//! and what a friend's hive may do in [`member_right`], from signed records.

mod db;
mod farewell;
mod friend;
mod group;
mod hive;
mod invitation;
mod key;
mod limits;
mod link;
mod member;
mod membership;
mod offer;
mod password;
mod person;
mod record;
mod secret;
mod session;
mod token;
mod who;

pub use farewell::{Farewell, farewells, say_farewell};
pub use friend::{
    Friend, FriendChange, Introduction, Pause, befriend, change_friend, friend, friends,
    next_pause_end, pause_friend, pause_share, remove_friend, saw_friend, share_pause,
};
pub use group::{
    Group, add_to_group, forget_share, group, groups, make_group, remove_group, rename_group,
    share_with, share_with_group, take_from_group, unshare_with, unshare_with_group,
};
pub use hive::{hive_name, hive_pause, pause_hive, rename_hive};
pub use invitation::{
    Invitation, Proof, invitations, invite, redeem_invitation, remove_invitation,
};
pub use key::{Key, KeyKind, keys};
pub use limits::{Limits, LimitsChange, change_limits, limits, only_unmetered, set_only_unmetered};
pub use link::{
    Link, LinkChange, LinkState, NewLink, change_link, link, link_opened_by, links, make_link,
    remove_link, remove_links_of_share,
};
pub use member::{Membership, Standing};
pub use membership::{
    apply, charter, found, introduce, join, leave, member_right, members, rename_charter,
    right_here, shares_of, writers,
};
pub use offer::{
    FOLDERS_MAX, Offer, OfferedFolder, Proposal, accept_offer, decline_offer, offer, offers,
    proposals, take_proposals,
};
pub use password::{Password, password_fits};
pub use person::{
    HUES, Person, Role, ensure_owner, guest_named, name_checked, owner, person, rename,
};
pub use record::{About, Charter, Member, Says, Word};
pub use secret::Secret;
pub use session::{Visit, redeem, remove_session, sign_in, sign_in_secret, touch, who_by_session};
pub use token::{
    Token, TokenKind, make_api_token, make_document_token, make_program_token, programs_are_let_in,
    remove_document_tokens, remove_token, who_by_token,
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
    /// A sentence that says why, and whom to ask.
    #[error("{0}")]
    NotManager(String),
    #[error("this invitation is not known: it was taken back, or never existed")]
    InvitationUnknown,
    #[error("this invitation has expired, or was made while the clock was wrong")]
    InvitationExpired,
    #[error("this invitation was answered already, and it was for one friend")]
    InvitationUsed,
    #[error("that is this hive itself")]
    OwnHive,
    /// What a friend's hive sent cannot be.
    #[error("{0}")]
    BadRecord(String),
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
