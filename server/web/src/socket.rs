//! The WebSocket of a document: carries frames between a page and the room, and ends when the key
//! that opened it does.

use std::ops::ControlFlow;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, Query, State as Extract};
use axum::response::Response;
use documents::{Connection, Outgoing};
use futures::{SinkExt, StreamExt, stream::SplitSink};
use people::Who;
use serde::Deserialize;
use types::{FileId, Generation, Right};

use crate::gate::{self, Caller, Credential};
use crate::{Error, State, view};

/// Stays small because a laptop holds hundreds of idle sockets.
const READ_BUFFER_BYTES: usize = 8 * 1_024;
const WRITE_BUFFER_BYTES: usize = 4 * 1_024;
/// The longest frame that a client may send: more than the largest text that is open live.
const FRAME_BYTES_MAX: usize = 16 * 1_024 * 1_024;

/// Close codes of a document's socket.
pub(crate) mod code {
    pub(crate) const NOT_UNDERSTOOD: u16 = 4400;
    pub(crate) const SIGNED_OUT: u16 = 4401;
    pub(crate) const DENIED: u16 = 4403;
    pub(crate) const GONE: u16 = 4404;
    pub(crate) const PAUSED: u16 = 4408;
    pub(crate) const OTHER_GENERATION: u16 = 4409;
    pub(crate) const TOO_LARGE: u16 = 4413;
    pub(crate) const STOPPED: u16 = 1012;
    pub(crate) const FAULT: u16 = 1011;
}

#[derive(Deserialize)]
pub(crate) struct Room {
    room: String,
}

#[derive(Deserialize)]
pub(crate) struct Params {
    generation: Option<String>,
    stored: Option<String>,
}

/// Opens the document's socket. Faults that the client must tell apart come as close codes after
/// the upgrade, because a browser hides the status of a failed one.
pub(crate) async fn open(
    Extract(state): Extract<State>,
    caller: Caller,
    Path(room): Path<Room>,
    Query(params): Query<Params>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Error> {
    let file: FileId = room.room.parse()?;
    Ok(limited(upgrade).on_upgrade(move |socket| async move {
        match enter(&state, &caller, file, &params).await {
            Ok(connection) => carry(state, caller, file, connection, socket).await,
            Err((code, reason)) => close(socket, code, reason).await,
        }
    }))
}

pub(crate) fn limited(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_message_size(FRAME_BYTES_MAX)
        .max_frame_size(FRAME_BYTES_MAX)
}

async fn enter(
    state: &State,
    caller: &Caller,
    file: FileId,
    params: &Params,
) -> Result<Connection, (u16, String)> {
    may(state, &caller.credential, file).await.map_err(|error| closing(&error))?;
    let generation = match &params.generation {
        Some(text) => match text.parse() {
            Ok(generation) => Some(generation),
            Err(_) => {
                let reason = "that is no generation of a document".to_owned();
                return Err((code::OTHER_GENERATION, reason));
            }
        },
        None => None,
    };
    join(state, &caller.who, file, generation, params.stored.is_some()).await
}

/// Takes a seat in the document's room for somebody who may.
pub(crate) async fn join(
    state: &State,
    who: &Who,
    file: FileId,
    generation: Option<Generation>,
    stored: bool,
) -> Result<Connection, (u16, String)> {
    let person = who.person.as_ref();
    let member = documents::Member {
        person: person.map(|person| person.id),
        name: person.map(|person| person.name.clone()).filter(|name| !name.is_empty()),
        hue: person.map(|person| person.hue),
        right: who.right,
        key: who.revocation_key(),
    };
    state.documents.join(file, member, generation, stored).await.map_err(|error| {
        let code = match &error {
            documents::Error::OtherGeneration { .. } => code::OTHER_GENERATION,
            documents::Error::TooLarge { .. } => code::TOO_LARGE,
            documents::Error::Paused => code::PAUSED,
            documents::Error::Store(_) | documents::Error::Damaged(_) => code::FAULT,
            documents::Error::Stopped => code::STOPPED,
            _ => code::GONE,
        };
        (code, words(&error).1)
    })
}

/// Whether a key still opens this file, and with which right.
pub(crate) async fn may(
    state: &State,
    credential: &Credential,
    file: FileId,
) -> Result<Right, Error> {
    let who = gate::who(state, credential).await?;
    state
        .store
        .read(move |view| {
            let entry = files::entry(view, file)?;
            view::may_entry(view, &who, Right::View, &entry)?;
            Ok(who.right)
        })
        .await
}

async fn carry(
    state: State,
    caller: Caller,
    file: FileId,
    mut connection: Connection,
    socket: WebSocket,
) {
    let (mut to_page, mut from_page) = socket.split();
    let mut keys = state.keyring.watch();
    let mut right = caller.who.right;
    loop {
        tokio::select! {
            message = from_page.next() => match message {
                Some(Ok(Message::Binary(frame))) => {
                    if connection.to_room.send(frame).await.is_err() {
                        let reason = "the hive closed the document".to_owned();
                        return end(&mut to_page, code::STOPPED, reason).await;
                    }
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(Message::Text(_) | Message::Ping(_) | Message::Pong(_))) => {}
            },
            outgoing = connection.from_room.recv() => {
                if deliver(outgoing, &mut connection, &mut to_page).await.is_break() {
                    return;
                }
            }
            moved = keys.changed() => {
                if moved.is_err() {
                    return;
                }
                match may(&state, &caller.credential, file).await {
                    Ok(now) if now == right => {}
                    Ok(now) => {
                        right = now;
                        let key = caller.who.revocation_key();
                        state.documents.set_right(key, Some(now));
                    }
                    Err(error) => {
                        let (code, reason) = closing(&error);
                        return end(&mut to_page, code, reason).await;
                    }
                }
            }
        }
    }
}

/// Sends what the room has for the page, all that waits in one go; breaks when that was the last.
async fn deliver(
    first: Option<Outgoing>,
    connection: &mut Connection,
    to_page: &mut SplitSink<WebSocket, Message>,
) -> ControlFlow<()> {
    let closed = || Outgoing::Close {
        code: code::STOPPED,
        reason: "the hive closed the document".to_owned(),
    };
    let mut next = Some(first.unwrap_or_else(closed));
    while let Some(outgoing) = next {
        match outgoing {
            Outgoing::Frame(frame) => {
                if to_page.feed(Message::Binary(frame)).await.is_err() {
                    return ControlFlow::Break(());
                }
            }
            Outgoing::Close { code, reason } => {
                end(to_page, code, reason).await;
                return ControlFlow::Break(());
            }
        }
        next = connection.from_room.try_recv();
    }
    match to_page.flush().await {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    }
}

/// The close code and reason for an error of the gate.
pub(crate) fn closing(error: &Error) -> (u16, String) {
    let code = match error.code {
        "signed_out" => code::SIGNED_OUT,
        "paused" => code::PAUSED,
        "gone" => code::GONE,
        "internal" | "damaged" | "stopping" => code::FAULT,
        _ => code::DENIED,
    };
    (code, error.detail.clone())
}

async fn close(socket: WebSocket, code: u16, reason: String) {
    let (mut to_page, _) = socket.split();
    end(&mut to_page, code, reason).await;
}

pub(crate) async fn end(to_page: &mut SplitSink<WebSocket, Message>, code: u16, reason: String) {
    /// A close frame holds 125 bytes, two of them the code (RFC 6455, 5.5).
    const REASON_BYTES_MAX: usize = 123;
    let mut cut = reason.len().min(REASON_BYTES_MAX);
    while !reason.is_char_boundary(cut) {
        cut -= 1;
    }
    let frame = CloseFrame { code, reason: Utf8Bytes::from(&reason[..cut]) };
    // The page may be gone already; then there is nobody to tell.
    drop(to_page.send(Message::Close(Some(frame))).await);
    drop(to_page.close().await);
}

/// Code, detail and hint for a document that cannot be opened live.
pub(crate) fn words(error: &documents::Error) -> (&'static str, String, &'static str) {
    use documents::Error as E;
    let (code, hint) = match error {
        E::Binary => ("binary", "Download it and open it in its own program"),
        E::TooLarge { .. } => (
            "too_large",
            "Files up to 5 MB can be edited live. Download it and open it in an editor on your \
             computer; what you save there is shared all the same",
        ),
        E::NotUtf8 { .. } => (
            "not_utf8",
            "Convert it to UTF-8 in an editor on your computer, or download it as it is",
        ),
        E::Gone => ("gone", "Look in the folder that held it"),
        E::Unreadable(_) => ("unreadable", "Check its permissions on the computer that holds it"),
        E::Missing(_) => ("share_missing", "Put the folder back where it was. Nothing was deleted"),
        E::OtherGeneration { .. } => ("generation", "Open the document again; your text is kept"),
        E::Denied => ("denied", "Ask the owner of the hive for a link with that right"),
        E::Stopped => ("stopping", "Start Skep again to go on"),
        E::Paused => ("paused", "It goes on when the owner of the hive resumes"),
        E::Full => ("disk_full", "Free some space on it and try again"),
        E::Damaged(_) => {
            ("damaged", "The file itself is untouched: download it, or open it in another program")
        }
        E::Store(_) => ("internal", "Try again; if it stays, look into the hive's log"),
    };
    (code, crate::error::sentence(error.to_string()), hint)
}
