//! A page with a document open: its own copy, the y-websocket protocol, and what the hive tells it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};
use yrs::block::ClientID;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{
    Doc, GetString, OffsetKind, Options, ReadTxn, StateVector, Text, TextRef, Transact, Update,
};

const SYNC: u64 = 0;
const AWARENESS: u64 = 1;
const DENIED: u64 = 2;
const STORED: u64 = 100;
const CONDITION: u64 = 101;

/// Where a document is open, and by which key.
#[derive(Debug, Clone)]
pub struct Room {
    pub address: SocketAddr,
    /// With its parameters.
    pub path: String,
    pub headers: Vec<(String, String)>,
}

/// One client of a document.
pub struct Page {
    doc: Doc,
    text: TextRef,
    socket: Option<WebSocketStream<TcpStream>>,
    /// Frames with edits that were sent, and acknowledged, on this connection.
    pub sent: u64,
    pub stored: u64,
    pub synced: bool,
    pub was_denied: bool,
    /// Frames about pointers that came.
    pub moves: u64,
    /// What the hive told of the document's condition, oldest first.
    pub conditions: Vec<Value>,
    /// The close code and reason; the code is 0 if the line was cut.
    pub closed: Option<(u16, String)>,
}

impl Room {
    /// A room that a stock client opens, from what `skep share --json` gives under `yjs`.
    ///
    /// # Panics
    /// If that is not what the command gives.
    pub fn of_yjs(yjs: &Value) -> Self {
        let url = yjs["url"].as_str().expect("there must be a url");
        let (address, base) =
            url.trim_start_matches("ws://").split_once('/').expect("the url must have a path");
        let room = yjs["room"].as_str().expect("there must be a room");
        let params = yjs["params"].as_object().expect("there must be parameters");
        let params: Vec<String> = params
            .iter()
            .filter_map(|(name, value)| Some(format!("{name}={}", value.as_str()?)))
            .collect();
        let address: SocketAddr = address.parse().expect("it must be an address");
        Self::new(address, &format!("/{base}/{room}?stored=1&{}", params.join("&")))
    }

    /// A room as a browser on the hive's own page opens it, without any key.
    pub fn new(address: SocketAddr, path: &str) -> Self {
        let headers = vec![
            ("Host".to_owned(), address.to_string()),
            ("Origin".to_owned(), format!("http://{address}")),
        ];
        Self { address, path: path.to_owned(), headers }
    }

    /// Puts this value in place of every header of that name; an empty one takes it out.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        if !value.is_empty() {
            self.headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    #[must_use]
    pub fn at(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self.with("Host", &address.to_string()).with("Origin", &format!("http://{address}"))
    }

    /// Opens the socket alone; the status of the answer if that is refused, 0 without an answer.
    pub async fn open(&self) -> Result<WebSocketStream<TcpStream>, u16> {
        let stream = TcpStream::connect(self.address).await.map_err(|_| 0_u16)?;
        stream.set_nodelay(true).map_err(|_| 0_u16)?;
        let url = format!("ws://{}{}", self.address, self.path);
        let mut request = url.into_client_request().expect("the request must be well formed");
        request.headers_mut().remove("Host");
        for (name, value) in &self.headers {
            let value = HeaderValue::from_str(value).expect("the header must be well formed");
            let name: tokio_tungstenite::tungstenite::http::HeaderName =
                name.parse().expect("the name must be well formed");
            request.headers_mut().append(name, value);
        }
        match client_async(request, stream).await {
            Ok((socket, _)) => Ok(socket),
            Err(Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(_) => Err(0),
        }
    }
}

impl Page {
    /// A page with an empty copy. Every page of a test has an id of its own.
    pub fn new(id: u32) -> Self {
        let doc = Doc::with_options(Options {
            offset_kind: OffsetKind::Utf16,
            ..Options::with_client_id(ClientID::new(u64::from(id)))
        });
        let text = doc.get_or_insert_text("content");
        Self {
            doc,
            text,
            socket: None,
            sent: 0,
            stored: 0,
            synced: false,
            was_denied: false,
            moves: 0,
            conditions: Vec::new(),
            closed: None,
        }
    }

    /// Connects, or connects again with what it has. Does not wait for the document.
    pub async fn connect(&mut self, room: &Room) -> Result<(), u16> {
        self.leave();
        self.socket = Some(room.open().await?);
        let hello = self.doc.transact().state_vector().encode_v1();
        self.send(frame(&[SYNC, 0], &hello)).await;
        Ok(())
    }

    /// Connects and waits until it has the document.
    ///
    /// # Panics
    /// If the hive does not let it in.
    pub async fn join(id: u32, room: &Room) -> Self {
        let mut page = Self::new(id);
        let joined = page.connect(room).await;
        joined.unwrap_or_else(|status| panic!("the hive refused with status {status}"));
        page.until("it has the document", |page| page.synced).await;
        page
    }

    pub fn leave(&mut self) {
        self.socket = None;
        self.sent = 0;
        self.stored = 0;
        self.synced = false;
        self.closed = None;
    }

    pub fn text(&self) -> String {
        self.text.get_string(&self.doc.transact())
    }

    pub fn is_saved(&self) -> bool {
        self.socket.is_some() && self.synced && self.stored == self.sent
    }

    /// The code of the newest condition; `live` before the first.
    pub fn condition(&self) -> String {
        let newest = self.conditions.last();
        let word = newest.and_then(|newest| {
            newest["code"].as_str().filter(|code| !code.is_empty()).or(newest["state"].as_str())
        });
        word.unwrap_or("live").to_owned()
    }

    /// Edits its own copy, and sends the edit if there is a line.
    pub async fn edit(&mut self, at: u32, delete: u32, insert: &str) {
        let update = {
            let mut txn = self.doc.transact_mut();
            self.text.remove_range(&mut txn, at, delete);
            self.text.insert(&mut txn, at, insert);
            txn.commit();
            txn.encode_update_v1()
        };
        if self.socket.is_some() {
            self.sent += 1;
            self.send(sync_update(&update)).await;
        }
    }

    pub async fn type_at_end(&mut self, insert: &str) {
        let end = self.text.len(&self.doc.transact());
        self.edit(end, 0, insert).await;
    }

    /// Sends any bytes as one binary frame.
    pub async fn send(&mut self, frame: Vec<u8>) {
        if let Some(socket) = &mut self.socket
            && let Err(error) = socket.send(Message::Binary(frame.into())).await
        {
            self.closed.get_or_insert((0, error.to_string()));
        }
    }

    /// Tells where the pointer of this page is.
    pub async fn point(&mut self, clock: u64, state: &str) {
        let mut body = Vec::new();
        push(&mut body, 1);
        push(&mut body, self.doc.client_id().get());
        push(&mut body, clock);
        push(&mut body, state.len() as u64);
        body.extend_from_slice(state.as_bytes());
        self.send(frame(&[AWARENESS], &body)).await;
    }

    /// Takes frames in until something is true.
    ///
    /// # Panics
    /// If that does not come within twenty seconds, or the line ends before.
    pub async fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        self.within(Duration::from_secs(20), what, is_so).await;
    }

    /// [`Page::until`] with another deadline; tells how long it took.
    pub async fn within(
        &mut self,
        patience: Duration,
        what: &str,
        is_so: impl Fn(&Self) -> bool,
    ) -> Duration {
        let since = Instant::now();
        while !is_so(self) {
            let left = patience.saturating_sub(since.elapsed());
            let ended = self.closed.is_some();
            let came = tokio::time::timeout(left, self.take_next()).await.is_ok();
            if is_so(self) {
                break;
            }
            assert!(came && !ended, "it never came true: {what}; {}", self.words());
        }
        since.elapsed()
    }

    /// Takes in what comes within some time.
    pub async fn listen(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while self.closed.is_none()
            && tokio::time::timeout(until - Instant::now(), self.take_next()).await.is_ok()
        {
        }
    }

    /// Takes in what comes until nothing did for a while.
    pub async fn listen_until_quiet(&mut self) {
        const QUIET: Duration = Duration::from_millis(1_500);
        while self.closed.is_none() && tokio::time::timeout(QUIET, self.take_next()).await.is_ok() {
        }
    }

    fn words(&self) -> String {
        format!(
            "sent {}, stored {}, closed {:?}, conditions {:?}, text {:?}",
            self.sent,
            self.stored,
            self.closed,
            self.conditions,
            self.text().chars().rev().take(80).collect::<String>()
        )
    }

    async fn take_next(&mut self) {
        let Some(socket) = &mut self.socket else {
            self.closed.get_or_insert((0, "there is no line".to_owned()));
            return;
        };
        match socket.next().await {
            Some(Ok(Message::Binary(frame))) => self.take(&frame).await,
            Some(Ok(Message::Close(close))) => {
                let close = close.map_or((0, String::new()), |close| {
                    (u16::from(close.code), close.reason.to_string())
                });
                self.closed.get_or_insert(close);
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                self.closed.get_or_insert((0, error.to_string()));
            }
            None => {
                self.closed.get_or_insert((0, "the line ended".to_owned()));
            }
        }
    }

    async fn take(&mut self, frame: &Bytes) {
        let mut rest: &[u8] = frame;
        match read(&mut rest) {
            SYNC => match read(&mut rest) {
                0 => {
                    let vector = StateVector::decode_v1(read_bytes(&mut rest))
                        .expect("the hive must send state vectors");
                    let missing = self.doc.transact().encode_state_as_update_v1(&vector);
                    self.sent += 1;
                    self.send(self::frame(&[SYNC, 1], &missing)).await;
                }
                kind => {
                    let update = Update::decode_v1(read_bytes(&mut rest))
                        .expect("the hive must send updates");
                    let applied = self.doc.transact_mut().apply_update(update);
                    applied.expect("the hive must send updates that fit");
                    self.synced |= kind == 1;
                }
            },
            AWARENESS => self.moves += 1,
            DENIED => self.was_denied = true,
            STORED => self.stored = read(&mut rest),
            CONDITION => self.conditions.push(
                serde_json::from_slice(read_bytes(&mut rest)).expect("a condition must be JSON"),
            ),
            other => panic!("the hive sent a frame of type {other}"),
        }
    }
}

/// A frame with an edit.
pub fn sync_update(update: &[u8]) -> Vec<u8> {
    frame(&[SYNC, 2], update)
}

fn frame(kind: &[u64], body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in kind {
        push(&mut bytes, *number);
    }
    push(&mut bytes, body.len() as u64);
    bytes.extend_from_slice(body);
    bytes
}

fn push(target: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        target.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    target.push(value as u8);
}

fn read(rest: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let Some((byte, left)) = rest.split_first() else { break };
        *rest = left;
        value |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            break;
        }
    }
    value
}

fn read_bytes<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let length = usize::try_from(read(rest)).unwrap_or(usize::MAX).min(rest.len());
    let (bytes, left) = rest.split_at(length);
    *rest = left;
    bytes
}
