//! Membership as hives tell it to each other: the charter of a share, and signed words about who
//! may what. States of the same record from any two hives join into one, in any order.

use serde::{Deserialize, Serialize};
use types::{HiveId, Right, ShareId, Signature, Signer, Tick, Time};

use crate::Error;
use crate::person::{HUES, is_shown};

/// Ticks above are not counted: nobody gets there by counting, and the next one must still fit.
pub(crate) const TICK_MAX: u64 = 1 << 62;
/// How many hives may have a word on one hive, before the rest is taken for noise.
const WORDS_MAX: usize = 64;
const NAME_BYTES_MAX: usize = 1_024;

/// Who began a share, and what they call it. Written by the founder alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charter {
    pub name: String,
    /// Whether one file is shared rather than a folder.
    pub of_file: bool,
    /// Its hive is the founder.
    pub tick: Tick,
    pub at: Time,
    pub signature: Signature,
}

/// All that is said about one hive's membership: of every author the newest word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub hive: HiveId,
    /// Sorted by author.
    pub words: Vec<Word>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    pub says: Says,
    /// Its hive is the author.
    pub tick: Tick,
    /// The author's clock, for show alone.
    pub at: Time,
    pub signature: Signature,
}

/// What a word says. Giving and removing is for those who manage, the rest for the hive itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Says {
    Give {
        right: Right,
        /// The tick at which the present membership was offered: who left before must join anew.
        since: u64,
        /// The highest right that the hive ever had, so that what it wrote then keeps counting:
        had: Right,
        /// up to this count of its own, when it may not write any more.
        upto: u64,
        about: About,
    },
    Remove {
        had: Right,
        upto: u64,
        about: About,
    },
    Join(About),
    Leave(About),
}

/// Who a hive is, for those who do not know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    pub name: String,
    pub hue: u8,
    pub device: String,
}

impl Charter {
    pub fn founder(&self) -> HiveId {
        self.tick.hive
    }

    #[must_use]
    pub(crate) fn signed(mut self, share: ShareId, signer: &dyn Signer) -> Self {
        self.signature = signer.sign(&self.message(share));
        self
    }

    fn message(&self, share: ShareId) -> Vec<u8> {
        let Self { name, of_file, tick, at, signature: _ } = self;
        message("skep share 1", &(share, name, of_file, tick, at))
    }

    pub fn read(share: ShareId, body: &[u8]) -> Result<Self, Error> {
        let charter = Self::unchecked(body)?;
        let well = is_shown(&charter.name) && charter.name.len() <= NAME_BYTES_MAX;
        if !well || charter.tick.count >= TICK_MAX {
            return Err(bad("holds what cannot be"));
        }
        if !charter.founder().signed(&charter.message(share), &charter.signature) {
            return Err(bad("is not signed by who it names"));
        }
        Ok(charter)
    }

    /// Reads a body from the own store, where only checked charters lie.
    pub(crate) fn unchecked(body: &[u8]) -> Result<Self, Error> {
        postcard::from_bytes(body).map_err(|_| bad("is unreadable"))
    }

    pub fn body(&self) -> Vec<u8> {
        bytes(self)
    }

    /// The newer of two by the same founder.
    pub(crate) fn join(self, other: Self) -> Self {
        let rank = |one: &Self| (one.tick, *one.signature.as_bytes());
        if rank(&self) >= rank(&other) { self } else { other }
    }
}

impl Member {
    pub fn new(hive: HiveId) -> Self {
        Self { hive, words: Vec::new() }
    }

    pub(crate) fn by(&self, author: HiveId) -> Option<&Word> {
        self.words.iter().find(|word| word.author() == author)
    }

    /// Reads a body and checks every word in it that `known` does not hold already.
    pub fn read(share: ShareId, body: &[u8], known: Option<&Self>) -> Result<Self, Error> {
        let mut member = Self::unchecked(body)?;
        if member.words.len() > WORDS_MAX {
            return Err(bad("holds more than it may"));
        }
        for word in &member.words {
            let is_known = known.is_some_and(|known| known.by(word.author()) == Some(word));
            if !is_known {
                word.check(share, member.hive)?;
            }
        }
        // An author has one word, whatever the sender made of it.
        let words = std::mem::take(&mut member.words);
        for word in words {
            member.hear(word);
        }
        Ok(member)
    }

    /// Reads a body from the own store, where only checked words lie.
    pub(crate) fn unchecked(body: &[u8]) -> Result<Self, Error> {
        postcard::from_bytes(body).map_err(|_| bad("is unreadable"))
    }

    pub fn body(&self) -> Vec<u8> {
        bytes(self)
    }

    /// Takes one word in; tells whether it was news.
    pub(crate) fn hear(&mut self, word: Word) -> bool {
        let of_itself = matches!(word.says, Says::Join(_) | Says::Leave(_));
        if of_itself != (word.author() == self.hive) {
            // It can never count.
            return false;
        }
        match self.words.binary_search_by_key(&word.author(), Word::author) {
            Ok(at) if self.words[at].rank() >= word.rank() => false,
            Ok(at) => {
                self.words[at] = word;
                true
            }
            Err(at) => {
                self.words.insert(at, word);
                true
            }
        }
    }
}

impl Word {
    pub(crate) fn new(
        share: ShareId,
        about: HiveId,
        says: Says,
        count: u64,
        at: Time,
        signer: &dyn Signer,
    ) -> Self {
        let tick = Tick { count, hive: signer.hive() };
        let unsigned = Signature::from_bytes([0; 64]);
        let mut word = Self { says, tick, at, signature: unsigned };
        word.signature = signer.sign(&word.message(share, about));
        word
    }

    pub fn author(&self) -> HiveId {
        self.tick.hive
    }

    /// Two words of one author with the same tick are a fault of theirs; all take the same one.
    fn rank(&self) -> (u64, [u8; 64]) {
        (self.tick.count, *self.signature.as_bytes())
    }

    fn check(&self, share: ShareId, about: HiveId) -> Result<(), Error> {
        let person = match &self.says {
            Says::Give { about, .. } | Says::Remove { about, .. } => about,
            Says::Join(about) | Says::Leave(about) => about,
        };
        let texts = [&person.name, &person.device];
        let well = texts.iter().all(|text| is_shown(text) && text.len() <= NAME_BYTES_MAX);
        if !well || person.hue >= HUES || self.tick.count >= TICK_MAX {
            return Err(bad("holds what cannot be"));
        }
        if !self.author().signed(&self.message(share, about), &self.signature) {
            return Err(bad("is not signed by who it names"));
        }
        Ok(())
    }

    fn message(&self, share: ShareId, about: HiveId) -> Vec<u8> {
        let Self { says, tick, at, signature: _ } = self;
        message("skep member 1", &(share, about, says, tick, at))
    }
}

fn message(purpose: &str, content: &impl Serialize) -> Vec<u8> {
    // Into memory, from plain data: it cannot fail.
    postcard::to_extend(content, purpose.as_bytes().to_vec()).unwrap_or_default()
}

fn bytes(content: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(content).unwrap_or_default()
}

fn bad(what: &str) -> Error {
    Error::BadRecord(format!("a membership record of a friend's hive {what}"))
}
