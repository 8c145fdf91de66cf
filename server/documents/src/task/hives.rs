//! What a document's task does with other hives that have it open: it tells where it stands, gives
//! itself away, and makes room for a document of theirs.

use std::collections::BTreeSet;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::{Duration, Instant};
use types::{Generation, Hash};

use super::Task;
use crate::db::{self, Mark, Reach};
use crate::hives::Given;
use crate::protocol::close;
use crate::replica::{Outcome, Replica};
use crate::text::Form;
use crate::{Error, text};

/// How long what is unsaved may take to reach the file before another document takes its place.
const ADOPT_WITHIN: Duration = Duration::from_secs(5);

pub(crate) enum HiveMessage {
    Give { content: Hash, reply: oneshot::Sender<Result<Option<Given>, Error>> },
    Adopt { given: Box<Given>, reply: oneshot::Sender<Result<(), Error>> },
    TakesIn { contents: Vec<Hash>, reply: oneshot::Sender<Result<bool, Error>> },
    EndGeneration { reply: oneshot::Sender<Result<(), Error>> },
}

/// A document that is about to take this one's place.
pub(super) struct Adopting {
    next: Next,
    reply: oneshot::Sender<Result<(), Error>>,
    pub(super) until: Instant,
}

/// A document that was found to be what it says.
struct Next {
    generation: Generation,
    state: Vec<u8>,
    mark: Mark,
    clients: BTreeSet<u64>,
}

impl HiveMessage {
    /// Whoever asked may have stopped waiting.
    pub(super) fn refuse(self, error: &Error) {
        match self {
            Self::Give { reply, .. } => drop(reply.send(Err(error.again()))),
            Self::Adopt { reply, .. } | Self::EndGeneration { reply } => {
                drop(reply.send(Err(error.again())));
            }
            Self::TakesIn { reply, .. } => drop(reply.send(Err(error.again()))),
        }
    }
}

impl Task {
    pub(super) fn hear_hive(&mut self, message: HiveMessage) {
        let now = Instant::now();
        // What waits to be applied counts too.
        if let Err(broken) = self.flush(now) {
            return message.refuse(&Error::Damaged(broken.to_string()));
        }
        match message {
            HiveMessage::Give { content, reply } => self.hand_out(content, reply),
            HiveMessage::TakesIn { contents, reply } => {
                let takes_in = self.keeper.takes_in(&contents, self.room.replica(), now);
                drop(reply.send(Ok(takes_in)));
            }
            HiveMessage::EndGeneration { reply } => {
                if let Some(Adopting { reply, .. }) = self.adopting.take() {
                    let why = "a friend's text comes into the file".to_owned();
                    drop(reply.send(Err(Error::Unreadable(why))));
                }
                self.ends = true;
                self.ended.push(reply);
            }
            HiveMessage::Adopt { given, reply } => match self.weigh(*given) {
                Ok(next) => {
                    self.make_room();
                    let until = now + ADOPT_WITHIN;
                    self.keeper.settle_now(now);
                    self.adopting = Some(Adopting { next, reply, until });
                }
                Err(error) => drop(reply.send(Err(error))),
            },
        }
    }

    /// Gives the document away once it is durable that another hive has it.
    fn hand_out(&mut self, content: Hash, reply: oneshot::Sender<Result<Option<Given>, Error>>) {
        let given = self.give(content);
        if given.is_none() {
            return drop(reply.send(Ok(None)));
        }
        self.keeper.link();
        let (store, file) = (self.shared.store.clone(), self.file);
        tokio::spawn(async move {
            let linked = store.write(move |tx| db::link(tx, file)).await;
            // Whoever asked may have stopped waiting.
            drop(reply.send(linked.map(|()| given).map_err(Error::from)));
        });
    }

    fn give(&self, content: Hash) -> Option<Given> {
        let mark = self.keeper.mark_of(content)?;
        let replica = self.room.replica();
        if !replica.waiting().is_empty() || self.adopting.is_some() {
            return None;
        }
        Some(Given {
            generation: self.generation,
            state: replica.state(),
            content: mark.hash,
            moment: mark.moment.clone(),
            form: (mark.form.mark, mark.form.crlf),
        })
    }

    /// Whether a document is what it says: a text, and at that moment that content.
    fn weigh(&self, given: Given) -> Result<Next, Error> {
        let unfit = |what: &str| Error::Damaged(format!("a friend's hive gave {what}"));
        if self.adopting.is_some() {
            return Err(unfit("two documents at once"));
        }
        if self.keeper.settled_hash() != given.content {
            return Err(unfit("a document for what the file held before"));
        }
        let mut replica = Replica::empty();
        let state = Bytes::from(given.state);
        let units_max = self.shared.limits.text_units_max;
        let applied = replica.apply(std::slice::from_ref(&state), units_max);
        let taken = applied.is_ok_and(|applied| applied.outcomes == [Outcome::Taken]);
        if !taken {
            return Err(unfit("a document that cannot be put together"));
        }
        let (mark, crlf) = given.form;
        let form = Form { mark, crlf };
        let then = replica.at(&given.moment).map_err(|_| unfit("a moment that never was"))?;
        if Hash::of(&text::encode(&then.text(), form)) != given.content {
            return Err(unfit("a document that never held this file"));
        }
        let mark = Mark { hash: given.content, moment: given.moment, form };
        let (state, clients) = (state.to_vec(), replica.clients());
        Ok(Next { generation: given.generation, state, mark, clients })
    }

    /// Everybody who is here comes back to the next generation, and makes unsent edits anew there.
    fn make_room(&mut self) {
        let reason = "The document goes on together with another hive's. It opens again.";
        self.room.close_all(close::OTHER_GENERATION, reason);
        self.forget_present();
    }

    /// The generation that whoever opens the document will find.
    pub(super) fn next_generation(&self) -> Generation {
        self.adopting.as_ref().map_or(self.generation, |adopting| adopting.next.generation)
    }

    /// Lets the other document take this one's place once the file has all of this one. True if
    /// it did: this one ends.
    pub(super) async fn adopted(&mut self, now: Instant) -> bool {
        let ready = self.keeper.is_at_rest()
            && self.keeper.is_settled()
            && !self.room.has_news()
            && self.store_job.is_none();
        let Some(adopting) = self.adopting.take_if(|adopting| ready || adopting.until <= now)
        else {
            return false;
        };
        let Adopting { next: Next { generation, state, mark, clients }, reply, .. } = adopting;
        if !ready || self.store_job.is_some() || self.disk_job.is_some() {
            let why = "the document's own text does not reach its file".to_owned();
            drop(reply.send(Err(Error::Unreadable(why))));
            return false;
        }
        let retire = &self.room.replica().clients() - &clients;
        let file = self.file;
        let stored = self
            .shared
            .store
            .write(move |tx| db::adopt(tx, file, generation, &state, &mark, &retire))
            .await;
        let done = stored.is_ok();
        if done {
            self.shared.close_door(self.file, || true);
        }
        drop(reply.send(stored.map_err(Error::from)));
        done
    }

    /// What a friend wrote is about to come in as text, while other hives may have the same as
    /// edits of this generation: these must never meet.
    pub(super) async fn renew(&mut self) {
        self.ends = false;
        let mut outcome = Ok(());
        if self.keeper.reach() != Reach::Own {
            let file = self.file;
            match self.shared.store.write(move |tx| db::renew(tx, file)).await {
                Ok(generation) => {
                    self.generation = generation;
                    self.keeper.set_reach(Reach::Own);
                    self.make_room();
                }
                Err(error) => outcome = Err(Error::Store(error)),
            }
        }
        for ended in std::mem::take(&mut self.ended) {
            let answer = outcome.as_ref().copied().map_err(Error::again);
            // Whoever asked may have stopped waiting.
            drop(ended.send(answer));
        }
    }
}
