//! One file, folder or link of a share as all hives agree on it: where it stands, what it holds,
//! and what was removed of it. States of the same node from any two hives join into one, in any
//! order (a state-based CRDT, Shapiro et al. 2011).

use serde::{Deserialize, Serialize};
use types::{FileId, Hash, Name, ShareId, Signature, Signer, Tick, Time, Vector};

/// The state of one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    pub id: FileId,
    pub place: Place,
    /// What it holds. Versions that were made apart stand side by side until somebody joins them.
    /// The latest stands first.
    pub versions: Vec<Version>,
    /// What was removed of it. It is gone when all its versions were seen by those who removed.
    pub gone: Vec<Gone>,
}

/// Where a node stands. Of two places the one with the later tick counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The folder that holds it; [`root_of`] the share for what stands in its root.
    pub parent: FileId,
    pub name: Name,
    pub tick: Tick,
    /// The author's clock, for show alone.
    pub at: Time,
    pub carried: Option<Tick>,
    pub signature: Signature,
}

/// A removal. A version that it had not seen was made apart and keeps the node alive; a new place
/// does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    pub seen: Vector,
    /// The node that took its place when two hives had made the same thing apart: one with a
    /// smaller id. A larger one had been merged into this node, and left it again for another.
    pub merged_into: Option<FileId>,
    pub tick: Tick,
    pub at: Time,
    pub carried: Option<Tick>,
    pub signature: Signature,
}

/// One content of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    pub vector: Vector,
    pub what: What,
    /// The contents that it was made from, newest first and thinned with age; the newest one that
    /// two versions have in common is the ancestor that their texts merge from.
    pub before: Vec<Hash>,
    /// Who wrote it and when in their count; of two versions apart the later one stands under the
    /// name.
    pub tick: Tick,
    pub at: Time,
    /// Who wrote it on that hive, when it was not its owner: a guest's name.
    pub by: Option<String>,
    /// The hive that signs instead of the one that wrote, with its own count: it merged two texts
    /// or two nodes, or took over what a member wrote who may write no more.
    pub carried: Option<Tick>,
    pub signature: Signature,
}

/// What a version is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum What {
    Folder,
    File {
        hash: Hash,
        size: u64,
        /// Nanoseconds since 1970, as the author's file system tells.
        modified_ns: i64,
        executable: bool,
        /// Extended attributes of the `user.` space, sorted by name.
        attributes: Vec<(String, Vec<u8>)>,
    },
    /// A symbolic link, carried as the text it holds and never followed.
    Link {
        target: String,
    },
}

/// The id under which a share's own root is the parent of what stands in it.
pub const fn root_of(share: ShareId) -> FileId {
    FileId::from_bytes(*share.as_bytes())
}

/// The bytes that a place's author signs.
pub fn place_message(share: ShareId, id: FileId, place: &Place) -> Vec<u8> {
    let Place { parent, name, tick, at, carried, signature: _ } = place;
    message("skep place 1", &(share, id, parent, name, tick, at, carried))
}

/// The bytes that a removal's author signs.
pub fn gone_message(share: ShareId, id: FileId, gone: &Gone) -> Vec<u8> {
    let Gone { seen, merged_into, tick, at, carried, signature: _ } = gone;
    message("skep gone 1", &(share, id, seen, merged_into, tick, at, carried))
}

/// The bytes that a version's author signs.
pub fn version_message(share: ShareId, id: FileId, version: &Version) -> Vec<u8> {
    let Version { vector, what, before, tick, at, by, carried, signature: _ } = version;
    message("skep version 1", &(share, id, vector, what, before, tick, at, by, carried))
}

fn message(purpose: &str, content: &impl Serialize) -> Vec<u8> {
    // Into memory, from plain data: it cannot fail.
    postcard::to_extend(content, purpose.as_bytes().to_vec()).unwrap_or_default()
}

impl Node {
    /// Everything that was signed in this state: the signer's tick, what it signed, and how.
    pub fn signed(&self, share: ShareId) -> Vec<(Tick, Vec<u8>, Signature)> {
        let place = &self.place;
        let place = (place.signer(), place_message(share, self.id, place), place.signature);
        let versions = self.versions.iter().map(|version| {
            (version.signer(), version_message(share, self.id, version), version.signature)
        });
        let gone = self
            .gone
            .iter()
            .map(|gone| (gone.signer(), gone_message(share, self.id, gone), gone.signature));
        std::iter::once(place).chain(versions).chain(gone).collect()
    }

    /// Who signed what in this state, and when in their count.
    pub fn signers(&self) -> impl Iterator<Item = Tick> + '_ {
        let versions = self.versions.iter().map(Version::signer);
        let gone = self.gone.iter().map(Gone::signer);
        std::iter::once(self.place.signer()).chain(versions).chain(gone)
    }

    /// The latest tick that anything in it was written or signed at.
    pub fn latest_tick(&self) -> Tick {
        let versions = self.versions.iter().map(|version| version.tick);
        let gone = self.gone.iter().map(|gone| gone.tick);
        versions.chain(gone).chain(self.signers()).fold(self.place.tick, Tick::max)
    }
}

impl Place {
    /// The tick of the hive whose word it is.
    pub fn signer(&self) -> Tick {
        self.carried.unwrap_or(self.tick)
    }

    #[must_use]
    pub fn signed(mut self, share: ShareId, id: FileId, signer: &dyn Signer) -> Self {
        self.signature = signer.sign(&place_message(share, id, &self));
        self
    }
}

impl Gone {
    /// The tick of the hive whose word it is.
    pub fn signer(&self) -> Tick {
        self.carried.unwrap_or(self.tick)
    }

    #[must_use]
    pub fn signed(mut self, share: ShareId, id: FileId, signer: &dyn Signer) -> Self {
        self.signature = signer.sign(&gone_message(share, id, &self));
        self
    }
}

impl Version {
    /// The tick of the hive whose word it is.
    pub fn signer(&self) -> Tick {
        self.carried.unwrap_or(self.tick)
    }

    #[must_use]
    pub fn signed(mut self, share: ShareId, id: FileId, signer: &dyn Signer) -> Self {
        self.signature = signer.sign(&version_message(share, id, &self));
        self
    }
}

impl What {
    pub const fn is_folder(&self) -> bool {
        matches!(self, Self::Folder)
    }

    /// The hash of a file's content.
    pub const fn hash(&self) -> Option<Hash> {
        if let Self::File { hash, .. } = self { Some(*hash) } else { None }
    }

    /// Whether both hold the same for a reader, whatever their dates and attributes.
    pub fn reads_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File { hash: one, .. }, Self::File { hash: two, .. }) => one == two,
            _ => self == other,
        }
    }
}
