//! Documents that are open on several hives at once: each hive sits in the other's room.

use std::collections::BTreeSet;

use store::View;
use tokio::sync::watch;
use types::{FileId, Generation, Hash};

use crate::connection::{Connection, Member};
use crate::task::{HiveMessage, Message, Urgent};
use crate::{Error, Handle, db};

/// A whole document as one hive gives it to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    pub generation: Generation,
    /// Everything, as a Yjs update (v1).
    pub state: Vec<u8>,
    /// What the file of whoever asked holds,
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

    /// Another hive that was linked hears from here only now: it is told what it lacks, and asked
    /// what is lacking here, once more.
    pub fn sync(&self, file: FileId, connection: u64) {
        self.urge(file, Urgent::Sync(connection));
    }

    /// The documents that are open.
    pub fn open_files(&self) -> watch::Receiver<BTreeSet<FileId>> {
        self.shared.open.subscribe()
    }

    /// The whole document, with the moment at which its file held this content; `None` if it never
    /// did as far as is known.
    pub async fn give(&self, file: FileId, content: Hash) -> Result<Option<Given>, Error> {
        let give = |reply| HiveMessage::Give { content, reply };
        self.ask(file, |reply| Message::Hive(give(reply))).await
    }

    /// Puts another hive's document in the place of this one's, whose file holds the given content.
    /// What it was changed into meanwhile enters the document as an edit. Clients come back to the
    /// new generation.
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

    /// Ends the generation if another hive may have it: to be called before the file is written
    /// with what friends made, when their edits did not come. The same text as an edit of theirs
    /// and as text of this hive would be there twice.
    pub async fn end_generation(&self, file: FileId) -> Result<(), Error> {
        let ask = |reply| Message::Hive(HiveMessage::EndGeneration { reply });
        if let ended @ (Ok(()) | Err(Error::Stopped)) = self.ask(file, ask).await {
            return ended;
        }
        // It cannot be opened at present.
        Ok(self.shared.store.write(move |tx| db::renew(tx, file).map(drop)).await?)
    }
}

/// The files whose documents other hives have had open in their present generation.
pub fn linked_files(view: &View) -> Result<Vec<FileId>, store::Error> {
    db::linked(view)
}
