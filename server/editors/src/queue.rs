//! Between a document and an editor that has not yet seen all of it: what waits for the editor, and
//! how edits of either side are carried over the other's.
//!
//! The text that the editor holds, then what was sent, then what waits, is the document's text.

use ropey::Rope;

use crate::change::{Change, Edit};

#[derive(Debug, Clone, Default)]
pub(crate) struct Queue {
    /// Sent to the editor, in order; it is not known whether it took them.
    sent: Vec<Change>,
    /// The document's changes since.
    waiting: Change,
}

impl Queue {
    /// Somebody else changed the document.
    pub(crate) fn remote(&mut self, change: &Change) {
        self.waiting = self.waiting.then(change);
    }

    /// The editor changed its text: the same change for the document. What was sent and what waits
    /// is carried over it.
    pub(crate) fn local(&mut self, change: &Change) -> Change {
        let mut local = change.clone();
        for unseen in self.sent.iter_mut().chain([&mut self.waiting]) {
            (*unseen, local) = unseen.beside(&local);
        }
        local
    }

    /// What is to be sent next.
    pub(crate) fn send(&mut self) -> Option<Change> {
        if self.waiting.is_empty() {
            return None;
        }
        let change = std::mem::take(&mut self.waiting);
        self.sent.push(change.clone());
        Some(change)
    }

    /// The first edit of what is to be sent next; the others go on waiting.
    pub(crate) fn send_one(&mut self) -> Option<Change> {
        let edits = self.waiting.edits();
        let (first, others) = edits.split_first()?;
        let inserted = crate::change::characters(&first.insert);
        let moved = |place: usize| place - first.end + first.start + inserted;
        let others: Vec<Edit> = others
            .iter()
            .map(|edit| Edit {
                start: moved(edit.start),
                end: moved(edit.end),
                insert: edit.insert.clone(),
            })
            .collect();
        let first = Change::replace(first.start, first.end, &first.insert);
        self.waiting = Change::of_edits(&others);
        self.sent.push(first.clone());
        Some(first)
    }

    /// How many sent changes the editor was not yet seen to hold.
    pub(crate) fn sent(&self) -> usize {
        self.sent.len()
    }

    /// The text that the next change to be sent is made on, if the editor holds this one.
    pub(crate) fn sent_on(&self, editor: &Rope) -> Rope {
        let mut text = editor.clone();
        for change in &self.sent {
            change.apply(&mut text);
        }
        text
    }

    /// The first change that was sent, as it would have to be made on the editor's text now.
    pub(crate) fn first(&self) -> Option<&Change> {
        self.sent.first()
    }

    /// The editor holds the first `count` changes that were sent.
    pub(crate) fn seen(&mut self, count: usize) {
        self.sent.drain(..count.min(self.sent.len()));
    }

    /// The editor did not take what was sent: it waits again.
    pub(crate) fn unsend(&mut self) {
        self.waiting = self.unseen();
        self.sent.clear();
    }

    /// The editor's text is another than was thought; `change` mends it, before all that waits.
    pub(crate) fn mend(&mut self, change: &Change) {
        debug_assert!(self.sent.is_empty(), "what was sent is mended after it was seen");
        self.waiting = change.then(&self.waiting);
    }

    /// What leads from the document's text back to the editor's; `None` if they are the same.
    pub(crate) fn back(&self, editor: &Rope) -> Option<Change> {
        (!self.is_empty()).then(|| self.unseen().back(editor))
    }

    /// Where a place of the editor's text stands in the document.
    pub(crate) fn ahead(&self, place: usize) -> usize {
        self.sent.iter().chain([&self.waiting]).fold(place, |place, change| change.place(place))
    }

    fn unseen(&self) -> Change {
        let sent = self.sent.iter().fold(Change::default(), |all, next| all.then(next));
        sent.then(&self.waiting)
    }

    /// Nothing is sent and nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.sent.is_empty() && self.waiting.is_empty()
    }
}
