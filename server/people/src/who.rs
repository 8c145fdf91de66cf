//! Who is asking, by which means, and what that opens. The only place that decides it.

use types::{FileId, LinkId, Right, SessionId, ShareId, TokenId};

use crate::{Error, Person};

/// By which key somebody came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Means {
    /// A program of the owner's own account on this machine.
    Socket,
    Session(SessionId),
    /// A guest's browser, and the link that let it in.
    Link(SessionId, LinkId),
    Api(TokenId),
    /// A token for one document, made from another key.
    Document(TokenId),
}

/// What a key opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Everything,
    Share(ShareId),
    /// One file, or one folder and all in it.
    Within(ShareId, FileId),
}

#[derive(Debug, Clone)]
pub struct Who {
    /// `None` for tokens, which belong to programs.
    pub person: Option<Person>,
    pub means: Means,
    pub right: Right,
    pub scope: Scope,
}

impl Who {
    /// The owner's own program, let in by the operating system.
    pub fn owner_by_socket(owner: Person) -> Self {
        Self {
            person: Some(owner),
            means: Means::Socket,
            right: Right::Manage,
            scope: Scope::Everything,
        }
    }

    /// Whether this is the owner with full rights over the hive.
    pub fn may_manage_hive(&self) -> Result<(), Error> {
        match self.scope {
            Scope::Everything => self.may(Right::Manage),
            Scope::Share(_) | Scope::Within(..) => Err(Error::OutOfScope),
        }
    }

    /// Whether the key's right is enough, wherever it applies.
    pub fn may(&self, needed: Right) -> Result<(), Error> {
        if self.right >= needed { Ok(()) } else { Err(Error::Denied { needed, given: self.right }) }
    }

    /// Whether the key opens this share as a whole with this right.
    pub fn may_share(&self, needed: Right, share: ShareId) -> Result<(), Error> {
        match self.scope {
            Scope::Everything => self.may(needed),
            Scope::Share(own) if own == share => self.may(needed),
            Scope::Share(_) | Scope::Within(..) => Err(Error::OutOfScope),
        }
    }

    /// Whether the key opens a thing in this share with this right. `is_within` tells whether the
    /// thing is the given file or lies in the given folder.
    pub fn may_file(
        &self,
        needed: Right,
        share: ShareId,
        is_within: impl FnOnce(FileId) -> bool,
    ) -> Result<(), Error> {
        match self.scope {
            Scope::Within(own, top) if own == share && is_within(top) => self.may(needed),
            Scope::Within(..) => Err(Error::OutOfScope),
            Scope::Everything | Scope::Share(_) => self.may_share(needed, share),
        }
    }

    /// A number that is the same for all that one key lets in, so that it can be closed at once.
    pub fn revocation_key(&self) -> u64 {
        let bytes: Vec<u8> = match &self.means {
            Means::Socket => b"socket".to_vec(),
            Means::Session(id) | Means::Link(id, _) => id.as_bytes().to_vec(),
            Means::Api(id) | Means::Document(id) => id.as_bytes().to_vec(),
        };
        let hash = blake3::hash(&bytes);
        u64::from_le_bytes(hash.as_bytes()[..8].try_into().expect("a hash must have 32 bytes"))
    }
}
