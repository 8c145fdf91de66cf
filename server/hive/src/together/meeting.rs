//! One document that is open here and, perhaps, on a friend's hive: the two agree on a generation,
//! then each sits in the other's room.

use std::sync::Arc;
use std::time::Duration;

use documents::{Connection, Given, Member, Outgoing};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::AbortOnDropHandle;
use types::{FileId, Hash, HiveId, Right, ShareId, Vector};

use super::Together;
use super::word::{Listener, Stand, Word, bodies};

/// How long until something that could not be done is tried again, at first and at last.
const AGAIN_FIRST: Duration = Duration::from_millis(500);
const AGAIN_LAST: Duration = Duration::from_secs(8);
/// How long an answer is waited for.
const ANSWER_TIME: Duration = Duration::from_secs(10);

/// What a meeting is told.
pub(super) enum Event {
    /// The friend's hive said this.
    Heard(Vec<u8>),
    /// Somebody came or went here, or a right changed.
    Look,
    /// The room let the friend's hive go.
    LetGo,
}

pub(super) struct Meeting {
    together: Arc<Together>,
    peers: peers::Handle,
    friend: HiveId,
    share: ShareId,
    file: FileId,
    own: mpsc::WeakSender<Event>,
    listener: Listener,
    said: Option<Stand>,
    heard: Option<Stand>,
    /// The friend's hive wants to hear how the document stands here, news or not.
    owes: bool,
    asked: bool,
    seat: Option<Seat>,
    again: Option<Instant>,
    delay: Duration,
}

/// The friend's hive in the room here.
struct Seat {
    right: Right,
    /// The connection in the room.
    id: u64,
    to_room: documents::Sender,
    /// Carries what the room says to the friend's hive.
    _pump: AbortOnDropHandle<()>,
}

/// Nothing more is to be said about the document.
struct Over;

impl Meeting {
    pub(super) fn new(
        together: Arc<Together>,
        peers: peers::Handle,
        (friend, share, file): (HiveId, ShareId, FileId),
        own: mpsc::WeakSender<Event>,
    ) -> Self {
        Self {
            together,
            peers,
            friend,
            share,
            file,
            own,
            listener: Listener::default(),
            said: None,
            heard: None,
            owes: false,
            asked: false,
            seat: None,
            again: None,
            delay: AGAIN_FIRST,
        }
    }

    /// Goes on until the document is open no more on either hive, or the link ends.
    pub(super) async fn run(mut self, mut events: mpsc::Receiver<Event>) {
        loop {
            let event = tokio::select! {
                event = events.recv() => event,
                () = until(self.again) => {
                    self.again = None;
                    Some(Event::Look)
                }
            };
            let Some(event) = event else { return };
            let done = match event {
                Event::Heard(body) => self.hear(&body).await,
                Event::Look => self.look().await,
                Event::LetGo => self.let_go().await,
            };
            if done.is_err() {
                tracing::trace!(friend = %self.friend, file = %self.file, "a meeting is over");
                self.together.end(self.friend, self.file);
                return;
            }
        }
    }

    async fn hear(&mut self, body: &[u8]) -> Result<(), Over> {
        match self.listener.hear(body) {
            Ok(Some(word)) => self.heard(word).await,
            Ok(None) => Ok(()),
            Err(()) => {
                tracing::warn!(file = %self.file, "a friend's word about a document is no word");
                self.say(&Word::Closed).await?;
                Err(Over)
            }
        }
    }

    async fn heard(&mut self, word: Word) -> Result<(), Over> {
        tracing::trace!(friend = %self.friend, file = %self.file, word = word.name(), "heard");
        match word {
            Word::Open { stand, fresh } => {
                self.owes |= fresh;
                if self.heard.is_some_and(|heard| heard.generation() != stand.generation()) {
                    self.seat = None;
                }
                self.heard = Some(stand);
                self.note_people();
                self.look().await
            }
            Word::Ask { content, seen } => {
                let word = self.give(content, seen).await.map_or(Word::Apart, Word::from);
                self.together.set_hopeful(self.friend, self.file, word != Word::Apart);
                self.say(&word).await
            }
            Word::Given { generation, state, content, moment, form } => {
                if !std::mem::take(&mut self.asked) {
                    return Ok(());
                }
                let generation = types::Generation::from_bytes(generation);
                let given = Given { generation, state, content, moment, form };
                if self.together.member(self.friend, self.share).await.is_none_or(may_not_edit) {
                    return Ok(());
                }
                if self.together.is_passing(self.file) {
                    self.try_again();
                    return Ok(());
                }
                self.said = None;
                self.together.note_linked(self.friend, self.file);
                if let Err(error) = self.together.documents.adopt(self.file, given).await {
                    tracing::info!(file = %self.file, %error, "a friend's document stays theirs");
                    self.try_again();
                    return Ok(());
                }
                self.look().await
            }
            Word::Apart => {
                self.asked = false;
                self.together.set_hopeful(self.friend, self.file, false);
                self.try_again();
                Ok(())
            }
            Word::Frame(frame) => {
                if let Some(seat) = &self.seat
                    && seat.to_room.send(frame).await.is_err()
                {
                    self.seat = None;
                }
                Ok(())
            }
            Word::Seated => {
                if let Some(seat) = &self.seat {
                    self.together.documents.sync(self.file, seat.id);
                }
                Ok(())
            }
            Word::Closed => {
                self.seat = None;
                self.heard = None;
                self.said = None;
                if !self.together.has_people(self.file) {
                    return Err(Over);
                }
                self.try_again();
                Ok(())
            }
        }
    }

    /// Says how the document stands here if that is news, and does what follows from how it stands
    /// on both hives.
    async fn look(&mut self) -> Result<(), Over> {
        let together = self.together.clone();
        let member = together.member(self.friend, self.share).await;
        let own = together.own_right(self.share).await;
        let wanted = self.heard.is_some() || together.is_open(self.file);
        let edits = |right: Option<Right>| right.is_some_and(|right| right >= Right::Edit);
        let theirs = member.as_ref().map(|member| member.right);
        let (Some(member), true, true) = (member, wanted, edits(theirs) || edits(own)) else {
            self.seat = None;
            self.say(&Word::Closed).await?;
            return Err(Over);
        };
        if self.seat.as_ref().is_some_and(|seat| seat.right != member.right) {
            // Takes its seat anew, with the right that it has now.
            self.seat = None;
        }
        if !together.is_of(self.file, self.share).await {
            self.say(&Word::Closed).await?;
            return Err(Over);
        }
        let Ok(opened) = together.documents.open(self.file).await else {
            self.say(&Word::Closed).await?;
            return Err(Over);
        };
        let stand = Stand::new(opened.generation, together.has_people(self.file));
        if self.said != Some(stand) || self.owes {
            if self.said.is_some_and(|said| said.generation() != stand.generation()) {
                self.seat = None;
            }
            let fresh = self.said.is_none();
            self.owes = false;
            self.said = Some(stand);
            self.say(&Word::Open { stand, fresh }).await?;
        }
        let Some(heard) = self.heard else { return Ok(()) };
        if heard.generation() == stand.generation() {
            self.asked = false;
            return self.sit(member, stand).await;
        }
        let yields = match (edits(theirs), edits(own)) {
            (true, true) => stand.yields_to(heard),
            (theirs, _) => theirs,
        };
        if yields && !self.asked {
            return self.ask(opened.content).await;
        }
        if yields {
            self.asked = false;
            self.try_again();
        }
        Ok(())
    }

    /// Asks for the friend's document, in which the file's content must have been.
    async fn ask(&mut self, content: Hash) -> Result<(), Over> {
        let seen = self.together.files.vector_of(self.file, content).await;
        let Some(seen) = seen.ok().flatten() else {
            // What stands in the file is not in the records yet.
            self.try_again();
            return Ok(());
        };
        self.asked = true;
        self.again = Some(Instant::now() + ANSWER_TIME);
        self.say(&Word::Ask { content, seen }).await
    }

    /// The document for a friend's hive whose file holds this content, if that version of the file
    /// went into this hive's. The same content in a later version was put back by somebody.
    async fn give(&self, content: Hash, seen: Vector) -> Option<Given> {
        let has_seen = self.together.files.has_seen(self.file, content, seen).await;
        if self.together.is_passing(self.file) || !has_seen.is_ok_and(|has_seen| has_seen) {
            return None;
        }
        self.together.documents.give(self.file, content).await.ok().flatten()
    }

    async fn sit(&mut self, member: Member, stand: Stand) -> Result<(), Over> {
        if self.seat.is_some() {
            return Ok(());
        }
        let right = member.right;
        let seated = self.together.documents.link(self.file, member, stand.generation()).await;
        let Ok(Connection { to_room, from_room, id }) = seated else {
            self.said = None;
            self.try_again();
            return Ok(());
        };
        self.delay = AGAIN_FIRST;
        self.together.note_linked(self.friend, self.file);
        // Before anything that the room says.
        self.say(&Word::Seated).await?;
        let pump = pump(
            self.peers.clone(),
            (self.friend, self.share, self.file),
            from_room,
            self.own.clone(),
        );
        let pump = AbortOnDropHandle::new(tokio::spawn(pump));
        self.seat = Some(Seat { right, id, to_room, _pump: pump });
        self.note_people();
        Ok(())
    }

    fn note_people(&self) {
        if let (Some(seat), Some(heard)) = (&self.seat, self.heard) {
            self.together.documents.set_people(self.file, seat.id, heard.people);
        }
    }

    /// The room here ended, or goes on in another generation.
    async fn let_go(&mut self) -> Result<(), Over> {
        self.seat = None;
        self.said = None;
        if self.together.has_people(self.file) {
            return self.look().await;
        }
        self.say(&Word::Closed).await?;
        Err(Over)
    }

    fn try_again(&mut self) {
        self.again = Some(Instant::now() + self.delay);
        self.delay = (self.delay * 2).min(AGAIN_LAST);
    }

    async fn say(&self, word: &Word) -> Result<(), Over> {
        tracing::trace!(friend = %self.friend, file = %self.file, word = word.name(), "said");
        let (peers, file) = (&self.peers, self.file);
        for body in bodies(word) {
            if !peers.say_of_document(self.friend, self.share, file, body).await {
                return Err(Over);
            }
        }
        Ok(())
    }
}

fn may_not_edit(member: Member) -> bool {
    member.right < Right::Edit
}

/// Carries what the room says to the friend's hive, as fast as the link takes it.
async fn pump(
    peers: peers::Handle,
    (friend, share, file): (HiveId, ShareId, FileId),
    mut from_room: documents::Receiver,
    own: mpsc::WeakSender<Event>,
) {
    'room: while let Some(Outgoing::Frame(frame)) = from_room.recv().await {
        for body in bodies(&Word::Frame(frame.into())) {
            if !peers.say_of_document(friend, share, file, body).await {
                break 'room;
            }
        }
    }
    if let Some(own) = own.upgrade() {
        // It may have ended meanwhile.
        drop(own.send(Event::LetGo).await);
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
