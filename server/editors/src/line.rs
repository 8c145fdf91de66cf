//! The line to one document: finds it, joins it, and comes back after every fall until there is
//! nothing to come back to.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use hive::{Client, wire};
use hyper::Method;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::door::{Door, Listens, Speaks};
use crate::find::{self, Found};
use crate::frames::close;

const PAUSE_FIRST: Duration = Duration::from_millis(50);
const PAUSE_LAST: Duration = Duration::from_millis(2_500);
/// A line on which nothing was heard for so long is dead: the hive says something every 15 s.
const SILENCE_MAX: Duration = Duration::from_secs(45);
const FRAMES_WAITING_MAX: usize = 4_096;

/// What happens on a line, for the document of this key.
#[derive(Debug)]
pub(crate) struct News {
    pub(crate) key: u64,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    /// The file lies in no share.
    Unshared,
    /// The document is there to join.
    Opened(Box<wire::Document>),
    /// Frames can be sent until the next word.
    Connected(Frames),
    Frame(Bytes),
    Disconnected,
    /// It cannot be reached now; it is tried again.
    Waiting(String),
    /// There is nothing to come back to; says why.
    Ended(String),
}

/// Takes frames for the hive. When its queue is full the line falls and is joined anew.
pub(crate) type Frames = mpsc::Sender<Bytes>;

/// Keeps a line to one document; ends with what is given back.
#[derive(Debug)]
pub(crate) struct Line(tokio::task::JoinHandle<()>);

impl Drop for Line {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Which document is meant.
#[derive(Debug, Clone)]
pub(crate) enum Seek {
    /// That of a file on disk.
    Path(Client, PathBuf),
    /// That of a file of this id.
    File(Door, String),
}

/// Joins a document, and stays.
pub(crate) fn keep(seek: Seek, key: u64, news: mpsc::Sender<News>) -> Line {
    Line(tokio::spawn(async move {
        let teller = Teller { key, news };
        let Some((door, file)) = find(seek, &teller).await else { return };
        let mut pause = PAUSE_FIRST;
        loop {
            match stay(&door, &file, &teller).await {
                End::Nobody => return,
                End::Ended(why) => {
                    teller.tell(What::Ended(why)).await;
                    return;
                }
                End::AtOnce => {
                    pause = PAUSE_FIRST;
                    continue;
                }
                End::Fell { joined, why } => {
                    pause = if joined { PAUSE_FIRST } else { (pause * 2).min(PAUSE_LAST) };
                    if !teller.tell(What::Waiting(why)).await {
                        return;
                    }
                }
            }
            tokio::time::sleep(pause).await;
        }
    }))
}

/// Looks for a file's document until it is there, or cannot be.
async fn find(seek: Seek, teller: &Teller) -> Option<(Door, String)> {
    let (client, path) = match seek {
        Seek::File(door, file) => return Some((door, file)),
        Seek::Path(client, path) => (client, path),
    };
    let mut pause = PAUSE_FIRST;
    loop {
        let why = match find::document(&client, &path).await {
            Ok(Some(Found { door, file, not_live: None })) => return Some((door, file)),
            Ok(Some(Found { not_live: Some(why), .. })) => {
                teller.tell(What::Ended(why)).await;
                return None;
            }
            Ok(None) => {
                teller.tell(What::Unshared).await;
                return None;
            }
            // What was just made or renamed is seen by the hive in a moment.
            Err(hive::Error::Problem { status: 404, detail, .. }) => detail,
            Err(error) => match of_error(&error) {
                End::Ended(why) => {
                    teller.tell(What::Ended(why)).await;
                    return None;
                }
                _ => error.to_string(),
            },
        };
        if !teller.tell(What::Waiting(why)).await {
            return None;
        }
        pause = (pause * 2).min(PAUSE_LAST);
        tokio::time::sleep(pause).await;
    }
}

struct Teller {
    key: u64,
    news: mpsc::Sender<News>,
}

impl Teller {
    /// False if nobody listens any more.
    async fn tell(&self, what: What) -> bool {
        self.news.send(News { key: self.key, what }).await.is_ok()
    }
}

enum End {
    /// Nobody listens any more.
    Nobody,
    Ended(String),
    AtOnce,
    Fell {
        joined: bool,
        why: String,
    },
}

async fn stay(door: &Door, file: &str, teller: &Teller) -> End {
    let call = format!("/files/{file}/document");
    let opened: Result<wire::Document, _> = door.call(Method::POST, &call, &json!({})).await;
    let document = match opened {
        Ok(document) => document,
        Err(error) => return of_error(&error),
    };
    if !teller.tell(What::Opened(Box::new(document.clone()))).await {
        return End::Nobody;
    }
    let (speaks, listens) = match door.join(&document).await {
        Ok(joined) => joined,
        Err(error) => return of_error(&error),
    };
    let (frames, waiting) = mpsc::channel(FRAMES_WAITING_MAX);
    if !teller.tell(What::Connected(frames)).await {
        return End::Nobody;
    }
    let end = carry(speaks, listens, waiting, teller).await;
    if !teller.tell(What::Disconnected).await {
        return End::Nobody;
    }
    end
}

async fn carry(
    mut speaks: Speaks,
    mut listens: Listens,
    mut waiting: mpsc::Receiver<Bytes>,
    teller: &Teller,
) -> End {
    let fell = |why: &str| End::Fell { joined: true, why: why.to_owned() };
    loop {
        tokio::select! {
            frame = waiting.recv() => {
                let Some(frame) = frame else { return fell("the line was given up") };
                let mut sent = speaks.feed(Message::Binary(frame)).await;
                while let (Ok(()), Ok(frame)) = (&sent, waiting.try_recv()) {
                    sent = speaks.feed(Message::Binary(frame)).await;
                }
                if sent.is_err() || speaks.flush().await.is_err() {
                    return fell("the line broke");
                }
            }
            heard = tokio::time::timeout(SILENCE_MAX, listens.next()) => match heard {
                Ok(Some(Ok(Message::Binary(frame)))) => {
                    if !teller.tell(What::Frame(frame)).await {
                        return End::Nobody;
                    }
                }
                Ok(Some(Ok(Message::Close(Some(frame))))) => return of_close(&frame),
                Ok(Some(Ok(Message::Close(None)) | Err(_)) | None) => return fell("the line broke"),
                Ok(Some(Ok(_))) => {}
                Err(_) => return fell("nothing was heard any more"),
            }
        }
    }
}

fn of_close(frame: &CloseFrame) -> End {
    let reason = frame.reason.as_str().to_owned();
    match u16::from(frame.code) {
        close::OTHER_GENERATION => End::AtOnce,
        close::DENIED | close::GONE | close::TOO_LARGE | close::SIGNED_OUT => End::Ended(reason),
        _ => End::Fell { joined: true, why: reason },
    }
}

/// What asking again cannot help is the end.
fn of_error(error: &hive::Error) -> End {
    let ends = match error {
        hive::Error::Problem { code, .. } if code == "paused" => false,
        hive::Error::Problem { status, .. } => (400..500).contains(status) && *status != 429,
        hive::Error::OtherAccount { .. } => true,
        _ => false,
    };
    let why = error.to_string();
    if ends { End::Ended(why) } else { End::Fell { joined: false, why } }
}
