//! The socket of Hocuspocus's clients: several documents on one line, each with a token of its own.
//!
//! Rooms speak y-websocket; here its frames are put under their documents' names, and what the room
//! made durable becomes Hocuspocus's `SyncStatus`.

mod frame;

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::time::Duration;

use axum::Extension;
use axum::extract::State as Extract;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use bytes::Bytes;
use documents::{Outgoing, Receiver, Sender};
use futures::stream::SplitSink;
use futures::{SinkExt, StreamExt};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use types::{FileId, Right};

use crate::State;
use crate::gate::{self, Credential, Peer};
use crate::limits::Rate;
use crate::socket::{self, code};

use frame::{FromRoom, Incoming, Says};

/// Documents on one line.
const DOCUMENTS_MAX: usize = 64;
/// What may wait on one line for its tokens.
const WAITING_FRAMES_MAX: usize = 64;
const WAITING_BYTES_MAX: usize = 256 * 1_024;
/// A line on which nobody has signed in is closed after this time.
const SIGN_IN_WITHIN: Duration = Duration::from_secs(30);
/// Frames of all rooms that may wait for the line; the rooms keep the rest.
const OUTGOING_MAX: usize = 64;

pub(crate) async fn open(
    Extract(state): Extract<State>,
    Extension(peer): Extension<Peer>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let upgrade = socket::limited(upgrade);
    std::future::ready(upgrade.on_upgrade(move |socket| carry(state, peer, socket))).await
}

/// What the rooms' tasks tell the line.
enum ToLine {
    Send(Bytes),
    /// A room let a document go; it may be asked for anew.
    Ended {
        name: String,
        line: u64,
    },
    /// The hive closes; the client comes back by itself.
    CloseAll {
        code: u16,
        reason: String,
    },
}

/// One document on the line.
struct Document {
    line: u64,
    to_room: Sender,
    _from_room: AbortOnDropHandle<()>,
}

struct Line {
    state: State,
    peer: Peer,
    documents: HashMap<String, Document>,
    /// Frames that came before their document's token.
    waiting: Vec<(String, Bytes)>,
    waiting_bytes: usize,
    up: mpsc::Sender<ToLine>,
    lines: u64,
}

/// Why the whole line must end.
type End = (u16, String);

async fn carry(state: State, peer: Peer, socket: WebSocket) {
    let (mut to_client, mut from_client) = socket.split();
    let (up, mut outgoing) = mpsc::channel(OUTGOING_MAX);
    let mut line = Line {
        state,
        peer,
        documents: HashMap::new(),
        waiting: Vec::new(),
        waiting_bytes: 0,
        up,
        lines: 0,
    };
    let mut nobody_since = Instant::now();
    loop {
        let nobody = line.documents.is_empty();
        if !nobody {
            nobody_since = Instant::now();
        }
        let heard = tokio::select! {
            message = from_client.next() => match message {
                Some(Ok(Message::Binary(bytes))) => line.hear(&bytes, &mut to_client).await,
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(Message::Text(_) | Message::Ping(_) | Message::Pong(_))) => Ok(()),
            },
            told = outgoing.recv() => match told {
                Some(told) => line.tell(told, &mut outgoing, &mut to_client).await,
                None => return,
            },
            () = tokio::time::sleep_until(nobody_since + SIGN_IN_WITHIN), if nobody => {
                Err((code::PAUSED, "nobody signed in on this line".to_owned()))
            }
        };
        if let Err((code, reason)) = heard {
            return socket::end(&mut to_client, code, reason).await;
        }
    }
}

impl Line {
    async fn hear(
        &mut self,
        bytes: &Bytes,
        to_client: &mut SplitSink<WebSocket, Message>,
    ) -> Result<(), End> {
        let Ok(incoming) = frame::read(bytes) else {
            let reason = "the hive does not understand this frame".to_owned();
            return Err((code::NOT_UNDERSTOOD, reason));
        };
        let Incoming::About { name, says } = incoming else { return Ok(()) };
        match says {
            Says::Token(token) => self.sign_in(name, token, to_client).await,
            Says::Frame(inside) => match self.documents.get(name) {
                Some(document) => {
                    // A room that closes says so by its own task.
                    let (Ok(()) | Err(documents::Ended)) = document.to_room.send(inside).await;
                    Ok(())
                }
                None => self.wait(name, inside),
            },
            Says::Close => {
                self.documents.remove(name);
                self.forget_waiting(name);
                Ok(())
            }
            Says::Other => Ok(()),
        }
    }

    /// Keeps a frame until its document's token has come.
    fn wait(&mut self, name: &str, inside: Bytes) -> Result<(), End> {
        self.waiting_bytes += inside.len();
        self.waiting.push((name.to_owned(), inside));
        if self.waiting.len() > WAITING_FRAMES_MAX || self.waiting_bytes > WAITING_BYTES_MAX {
            let reason = "too much was sent before a token".to_owned();
            return Err((code::DENIED, reason));
        }
        Ok(())
    }

    fn forget_waiting(&mut self, name: &str) -> Vec<Bytes> {
        let taken: Vec<(String, Bytes)> =
            self.waiting.extract_if(.., |(waits_for, _)| waits_for == name).collect();
        let frames: Vec<Bytes> = taken.into_iter().map(|(_, inside)| inside).collect();
        self.waiting_bytes -= frames.iter().map(Bytes::len).sum::<usize>();
        frames
    }

    async fn sign_in(
        &mut self,
        name: &str,
        token: &str,
        to_client: &mut SplitSink<WebSocket, Message>,
    ) -> Result<(), End> {
        // A token that is sent again (Hocuspocus's clients do when they are asked) changes nothing.
        if self.documents.contains_key(name) {
            return Ok(());
        }
        let waited = self.forget_waiting(name);
        match self.join(name, token).await {
            Ok((document, may_edit)) => {
                send(to_client, frame::authenticated(name, may_edit)).await?;
                for inside in waited {
                    let (Ok(()) | Err(documents::Ended)) = document.to_room.send(inside).await;
                }
                self.documents.insert(name.to_owned(), document);
                Ok(())
            }
            Err((code::STOPPED, reason)) => Err((code::STOPPED, reason)),
            Err((code, reason)) => {
                send(to_client, frame::denied(name, &reason)).await?;
                // Whoever guesses is slowed down; whoever has an old token is told at once.
                let guess = self.state.limits.check(Rate::Guess, self.peer.address());
                match guess {
                    Err(error) if code != code::PAUSED => Err((code::DENIED, error.detail)),
                    _ => Ok(()),
                }
            }
        }
    }

    async fn join(&mut self, name: &str, token: &str) -> Result<(Document, bool), End> {
        if self.documents.len() >= DOCUMENTS_MAX {
            let reason = format!("One line carries at most {DOCUMENTS_MAX} documents.");
            return Err((code::TOO_LARGE, reason));
        }
        let file: FileId = frame::document(name).parse().map_err(|_| {
            (code::GONE, "There is no document with this name. Its name is its id.".to_owned())
        })?;
        let credential = Credential::Token(token.to_owned());
        let who = gate::who(&self.state, &credential).await;
        let who = who.map_err(|error| socket::closing(&error))?;
        gate::note_use(&self.state, &who, self.peer);
        let right = socket::may(&self.state, &credential, file).await;
        let right = right.map_err(|error| socket::closing(&error))?;
        let connection = socket::join(&self.state, &who, file, None, true).await?;
        self.lines += 1;
        let task = Carried {
            state: self.state.clone(),
            name: name.to_owned(),
            line: self.lines,
            credential,
            file,
            key: who.revocation_key(),
            right,
            stored: 0,
            greeted: false,
            up: self.up.clone(),
        };
        let from_room = AbortOnDropHandle::new(tokio::spawn(task.run(connection.from_room)));
        let document =
            Document { line: self.lines, to_room: connection.to_room, _from_room: from_room };
        Ok((document, right >= Right::Edit))
    }

    /// Sends what rooms have, all that waits in one go.
    async fn tell(
        &mut self,
        first: ToLine,
        outgoing: &mut mpsc::Receiver<ToLine>,
        to_client: &mut SplitSink<WebSocket, Message>,
    ) -> Result<(), End> {
        let gone = |_| (code::STOPPED, String::new());
        let mut next = Some(first);
        while let Some(told) = next {
            match told {
                ToLine::Send(bytes) => {
                    to_client.feed(Message::Binary(bytes)).await.map_err(gone)?;
                }
                ToLine::Ended { name, line } => {
                    if self.documents.get(&name).is_some_and(|document| document.line == line) {
                        self.documents.remove(&name);
                    }
                }
                ToLine::CloseAll { code, reason } => return Err((code, reason)),
            }
            next = outgoing.try_recv().ok();
        }
        to_client.flush().await.map_err(gone)
    }
}

async fn send(to_client: &mut SplitSink<WebSocket, Message>, bytes: Bytes) -> Result<(), End> {
    let sent = to_client.send(Message::Binary(bytes)).await;
    sent.map_err(|_| (code::STOPPED, String::new()))
}

/// Carries what one room says, as long as the token opens it.
struct Carried {
    state: State,
    name: String,
    line: u64,
    credential: Credential,
    file: FileId,
    key: u64,
    right: Right,
    /// Edits that the client was told of as durable.
    stored: u64,
    greeted: bool,
    up: mpsc::Sender<ToLine>,
}

impl Carried {
    async fn run(mut self, mut from_room: Receiver) {
        let mut keys = self.state.keyring.watch();
        loop {
            let step = tokio::select! {
                outgoing = from_room.recv() => self.pass_on(outgoing).await,
                moved = keys.changed() => match moved {
                    Ok(()) => self.look_at_key().await,
                    Err(_) => ControlFlow::Break(()),
                },
            };
            if step.is_break() {
                return;
            }
        }
    }

    async fn pass_on(&mut self, outgoing: Option<Outgoing>) -> ControlFlow<()> {
        let inside = match outgoing {
            Some(Outgoing::Frame(inside)) => inside,
            Some(Outgoing::Close { code, reason }) => return self.end(code, reason).await,
            None => return self.end(code::STOPPED, "the hive closed the document".into()).await,
        };
        let name = &self.name;
        // The room's own frames are always well formed.
        let Ok(says) = frame::read_room(&inside) else { return ControlFlow::Continue(()) };
        let frames = match says {
            FromRoom::Frame { caught_up } => {
                let mut frames = vec![frame::named(name, &inside)];
                // Nobody asks a reader for edits, so that nothing else would end its waiting.
                if caught_up && !self.greeted && self.right < Right::Edit {
                    frames.push(frame::sync_status(name, true));
                }
                self.greeted |= caught_up;
                frames
            }
            FromRoom::Denied => vec![frame::sync_status(name, false), self.told_denied()],
            FromRoom::Stored(count) => {
                let new = count.saturating_sub(self.stored);
                self.stored = count.max(self.stored);
                (0..new).map(|_| frame::sync_status(name, true)).collect()
            }
            FromRoom::Condition(words) => {
                let condition: serde_json::Value = serde_json::from_str(words).unwrap_or_default();
                vec![frame::stateless(name, &json!({ "condition": condition }).to_string())]
            }
        };
        for bytes in frames {
            self.tell(ToLine::Send(bytes)).await?;
        }
        ControlFlow::Continue(())
    }

    fn told_denied(&self) -> Bytes {
        let words = json!({
            "code": "denied",
            "detail": "This token may only view the document; what was typed was not taken.",
            "hint": "Ask for a token that may edit, and keep what you typed elsewhere until then.",
        });
        frame::stateless(&self.name, &json!({ "denied": words }).to_string())
    }

    async fn look_at_key(&mut self) -> ControlFlow<()> {
        match socket::may(&self.state, &self.credential, self.file).await {
            Ok(now) if now == self.right => ControlFlow::Continue(()),
            Ok(now) => {
                self.right = now;
                self.state.documents.set_right(self.key, Some(now));
                let scope = frame::authenticated(&self.name, now >= Right::Edit);
                self.tell(ToLine::Send(scope)).await
            }
            Err(error) => {
                let (code, reason) = socket::closing(&error);
                self.end(code, reason).await
            }
        }
    }

    async fn end(&self, code: u16, reason: String) -> ControlFlow<()> {
        if matches!(code, code::STOPPED | code::FAULT) {
            self.tell(ToLine::CloseAll { code, reason }).await?;
            return ControlFlow::Break(());
        }
        if matches!(code, code::SIGNED_OUT | code::DENIED) {
            self.tell(ToLine::Send(frame::denied(&self.name, &reason))).await?;
        }
        self.tell(ToLine::Send(frame::closed(&self.name, &reason))).await?;
        self.tell(ToLine::Ended { name: self.name.clone(), line: self.line }).await?;
        ControlFlow::Break(())
    }

    async fn tell(&self, told: ToLine) -> ControlFlow<()> {
        match self.up.send(told).await {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }
}
