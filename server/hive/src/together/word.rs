//! What two hives say to each other about a document that is open on both.

use serde::{Deserialize, Serialize};
use types::{Generation, Hash, Vector};

/// A word that is taken apart on the way is at most this long when it is whole again.
const WORD_BYTES_MAX: usize = 32 * 1_024 * 1_024;
const PART_BYTES: usize = peers::DOCUMENT_BYTES_MAX - 64;

const WHOLE: u8 = 0;
const PART: u8 = 1;
const LAST: u8 = 2;

/// New words go to the end; none is lost or reordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Word {
    /// The document is open here. `fresh`: the sender does not know how it stands there.
    Open { stand: Stand, fresh: bool },
    /// The sender gives its own document up. It wants the other's, with the moment at which its
    /// file held what the sender's file holds in a version that has seen this.
    Ask { content: Hash, seen: Vector },
    /// The document that was asked for.
    Given {
        generation: [u8; 16],
        state: Vec<u8>,
        content: Hash,
        moment: Vec<u8>,
        form: (bool, bool),
    },
    /// The file never held that, as far as is known: the files have to come together first.
    Apart,
    /// A frame of the room (y-protocols, and frame 102).
    Frame(Vec<u8>),
    /// It is open no more, or not for the other.
    Closed,
    /// The other sits in the room here from now on: what was said to it before may not have been
    /// heard.
    Seated,
}

impl Word {
    /// For the log.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Open { .. } => "open",
            Self::Ask { .. } => "ask",
            Self::Given { .. } => "given",
            Self::Apart => "apart",
            Self::Frame(_) => "frame",
            Self::Closed => "closed",
            Self::Seated => "seated",
        }
    }
}

/// How a document stands on one hive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stand {
    generation: [u8; 16],
    /// Somebody has it open on that hive.
    pub(super) people: bool,
}

impl Stand {
    pub(super) fn new(generation: Generation, people: bool) -> Self {
        Self { generation: *generation.as_bytes(), people }
    }

    pub(super) fn generation(self) -> Generation {
        Generation::from_bytes(self.generation)
    }

    /// Whether this hive gives its document up for the other: nobody is in it, or else its
    /// generation is the smaller one. Both hives see it alike.
    pub(super) fn yields_to(self, other: Self) -> bool {
        (self.people, self.generation) < (other.people, other.generation)
    }
}

impl From<documents::Given> for Word {
    fn from(given: documents::Given) -> Self {
        let documents::Given { generation, state, content, moment, form } = given;
        Self::Given { generation: *generation.as_bytes(), state, content, moment, form }
    }
}

/// The bodies that a word is sent as.
pub(super) fn bodies(word: &Word) -> Vec<Vec<u8>> {
    // Into memory, from plain data: it cannot fail.
    let bytes = postcard::to_stdvec(word).unwrap_or_default();
    if bytes.len() <= PART_BYTES {
        return vec![[&[WHOLE], bytes.as_slice()].concat()];
    }
    let last = bytes.len().div_ceil(PART_BYTES) - 1;
    let parts = bytes.chunks(PART_BYTES).enumerate();
    parts.map(|(at, part)| [&[if at == last { LAST } else { PART }], part].concat()).collect()
}

/// Puts words together again.
#[derive(Default)]
pub(super) struct Listener {
    parts: Vec<u8>,
}

impl Listener {
    /// The word that this body completes. An error: it is no word.
    pub(super) fn hear(&mut self, body: &[u8]) -> Result<Option<Word>, ()> {
        let (mark, bytes) = body.split_first().ok_or(())?;
        if self.parts.len() + bytes.len() > WORD_BYTES_MAX {
            return Err(());
        }
        let word = match *mark {
            WHOLE => postcard::from_bytes(bytes),
            PART | LAST => {
                self.parts.extend_from_slice(bytes);
                if *mark == PART {
                    return Ok(None);
                }
                postcard::from_bytes(&std::mem::take(&mut self.parts))
            }
            _ => return Err(()),
        };
        word.map(Some).map_err(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stand(generation: u8, people: bool) -> Stand {
        Stand::new(Generation::from_bytes([generation; 16]), people)
    }

    #[test]
    fn of_two_documents_exactly_one_is_given_up() {
        for (one, other) in [
            (stand(1, false), stand(2, false)),
            (stand(1, true), stand(2, false)),
            (stand(1, true), stand(2, true)),
        ] {
            assert_ne!(one.yields_to(other), other.yields_to(one), "{one:?} {other:?}");
        }
        assert!(stand(9, false).yields_to(stand(1, true)), "nobody is in the first");
    }

    #[test]
    fn a_long_word_arrives_whole_and_nonsense_is_refused() {
        let word = Word::Frame((0..3_000_000).map(|number| number as u8).collect());
        let sent = bodies(&word);
        assert!(sent.len() > 1 && sent.iter().all(|body| body.len() <= peers::DOCUMENT_BYTES_MAX));
        let mut listener = Listener::default();
        let heard: Vec<_> =
            sent.iter().map(|body| listener.hear(body).expect("each part is taken")).collect();
        assert_eq!(heard.into_iter().flatten().collect::<Vec<_>>(), [word]);
        assert_eq!(listener.hear(&[]), Err(()));
        assert_eq!(listener.hear(&[WHOLE, 250]), Err(()));
        assert_eq!(listener.hear(&[9, 0]), Err(()));
    }
}
