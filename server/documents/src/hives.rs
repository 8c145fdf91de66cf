//! Documents that are open on several hives at once: each hive sits in the other's room.

use std::collections::BTreeSet;

use tokio::sync::watch;
use types::{FileId, Generation, Hash};

use crate::connection::{Connection, Member};
use crate::task::{HiveMessage, Message, Urgent};
use crate::{Error, Handle};

/// A whole document as one hive gives it to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    pub generation: Generation,
    /// Everything, as a Yjs update (v1).
    pub state: Vec<u8>,
    /// A content that the file of whoever asked holds, or was made from,
    pub content: Hash,
    /// and the moment (a Yjs snapshot, v1) at which the document was that.
    pub moment: Vec<u8>,
    /// Whether that content begins with a byte order mark, and whether its lines end with CR LF.
    pub form: (bool, bool),
}

impl Handle {
    /// Seats another hive in a document of the same generation: it speaks for its people, and says
    /// which contents of its file the document holds (frame 102).
    pub async fn link(
        &self,
        file: FileId,
        hive: Member,
        generation: Generation,
    ) -> Result<Connection, Error> {
        self.sit_down(file, hive, Some(generation), (false, true)).await
    }

    /// Whether people of a hive that was linked have the document open there; at first they have.
    /// A document that nobody has open anywhere is forgotten after a while.
    pub fn set_people(&self, file: FileId, connection: u64, people: bool) {
        self.urge(file, Urgent::People { connection, people });
    }

    /// The documents that are open.
    pub fn open_files(&self) -> watch::Receiver<BTreeSet<FileId>> {
        self.shared.open.subscribe()
    }

    /// The whole document, with the moment at which it was the first of these contents that it ever
    /// was; `None` if that is not known of any.
    pub async fn give(&self, file: FileId, contents: Vec<Hash>) -> Result<Option<Given>, Error> {
        let give = |reply| HiveMessage::Give { contents: contents.clone(), reply };
        self.ask(file, |reply| Message::Hive(give(reply))).await
    }

    /// Puts another hive's document in the place of this one's. The file then counts as changed
    /// from the given content: what it holds beyond that enters the document as an edit. Clients
    /// come back to the new generation.
    pub async fn adopt(&self, file: FileId, given: Given) -> Result<(), Error> {
        let adopt = |reply| HiveMessage::Adopt { given: Box::new(given.clone()), reply };
        self.ask(file, |reply| Message::Hive(adopt(reply))).await
    }

    /// Friends made these contents of the file. True if an open document holds them all: then the
    /// file follows by itself. False too if it is not open.
    pub async fn takes_in(&self, file: FileId, contents: Vec<Hash>) -> Result<bool, Error> {
        if !self.shared.open.borrow().contains(&file) {
            return Ok(false);
        }
        let ask = |reply| HiveMessage::TakesIn { contents: contents.clone(), reply };
        self.ask(file, |reply| Message::Hive(ask(reply))).await
    }

    /// What comes from the disk next was written by a friend apart from the document.
    pub async fn expect_foreign(&self, file: FileId) -> Result<(), Error> {
        if !self.shared.open.borrow().contains(&file) {
            return Ok(());
        }
        self.ask(file, |reply| Message::Hive(HiveMessage::ExpectForeign { reply })).await
    }
}
