//! One connection to a document, light enough for a thousand of them in one process.

use std::time::Duration;

use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt, TryStreamExt};
use rand::RngExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::failure::{Failure, Outcome};
use crate::frame::{self, Incoming};

/// How long a server may take to let somebody in.
const JOIN_WITHIN_S: u64 = 60;
const READ_BUFFER_BYTES: usize = 16 * 1_024;
/// A document with its whole history may come as one frame.
const FRAME_BYTES_MAX: usize = 256 << 20;

/// Where a document is opened: the server's address and the rest of the URL.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    pub(crate) address: String,
    pub(crate) place: String,
}

impl Room {
    /// The same room, asking for frames that tell what is durable.
    pub(crate) fn with_stored(&self) -> Self {
        let mark = if self.place.contains('?') { '&' } else { '?' };
        Self { address: self.address.clone(), place: format!("{}{mark}stored=1", self.place) }
    }
}

pub(crate) struct Client {
    pub(crate) id: u32,
    pub(crate) sender: Sender,
    pub(crate) receiver: Receiver,
}

pub(crate) struct Sender {
    socket: SplitSink<WebSocketStream<TcpStream>, Message>,
    /// Frames with edits so far, as [`Incoming::Stored`] counts them.
    pub(crate) edits: u64,
}

pub(crate) struct Receiver(SplitStream<WebSocketStream<TcpStream>>);

impl Client {
    /// Connects and says nothing yet.
    pub(crate) async fn connect(room: &Room) -> Outcome<Self> {
        let socket = TcpStream::connect(&room.address).await?;
        socket.set_nodelay(true)?;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(FRAME_BYTES_MAX))
            .max_frame_size(Some(FRAME_BYTES_MAX));
        let url = format!("ws://{}{}", room.address, room.place);
        let (socket, _) = client_async_with_config(url, socket, Some(config)).await?;
        let (sender, receiver) = socket.split();
        Ok(Self { id: client_id(), sender: Sender::new(sender), receiver: Receiver(receiver) })
    }

    /// Connects, introduces itself as a stock client does and waits for the document, whose state
    /// is handed back.
    pub(crate) async fn join(room: &Room) -> Outcome<(Self, Vec<u8>)> {
        let joined = timeout(Duration::from_secs(JOIN_WITHIN_S), async {
            let mut client = Self::connect(room).await?;
            client.sender.send(frame::step_1()).await?;
            client.sender.send(frame::awareness(client.id, 1, None)).await?;
            let state = client.state().await?;
            Ok((client, state))
        });
        joined.await.map_err(|_| Failure::Late("joining a document", JOIN_WITHIN_S))?
    }

    /// Waits for step 2, answering the server's step 1 on the way.
    async fn state(&mut self) -> Outcome<Vec<u8>> {
        loop {
            let frame = self.receiver.frame().await?;
            match frame::read(&frame)? {
                Incoming::Step1 => self.sender.send(frame::step_2()).await?,
                Incoming::Step2(state) => return Ok(state.to_vec()),
                Incoming::Update(_) | Incoming::Stored(_) | Incoming::Other => {}
            }
        }
    }
}

impl Sender {
    fn new(socket: SplitSink<WebSocketStream<TcpStream>, Message>) -> Self {
        Self { socket, edits: 0 }
    }

    pub(crate) async fn send(&mut self, frame: impl Into<Bytes>) -> Outcome<()> {
        self.feed(frame).await?;
        self.flush().await
    }

    /// Hands a frame over without asking that it leaves at once.
    pub(crate) async fn feed(&mut self, frame: impl Into<Bytes>) -> Outcome<()> {
        let frame = frame.into();
        self.edits += u64::from(frame::is_edit(&frame));
        Ok(self.socket.feed(Message::Binary(frame)).await?)
    }

    pub(crate) async fn flush(&mut self) -> Outcome<()> {
        Ok(self.socket.flush().await?)
    }
}

impl Receiver {
    /// The next binary frame. May be dropped while it waits.
    pub(crate) async fn frame(&mut self) -> Outcome<Bytes> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Binary(frame))) => return Ok(frame),
                Some(Ok(Message::Close(frame))) => {
                    let words = frame.map(|frame| format!(": {} {}", frame.code, frame.reason));
                    return Err(Failure::Closed(words.unwrap_or_default()));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
                None => return Err(Failure::Closed(String::new())),
            }
        }
    }

    /// Reads on until the connection ends.
    pub(crate) async fn drain(mut self) {
        while self.frame().await.is_ok() {}
    }
}

/// Joins many times, a few at a time and no faster than Skep lets one address in.
pub(crate) async fn in_turn<T>(
    joining: impl Iterator<Item = impl Future<Output = Outcome<T>>>,
) -> Outcome<Vec<T>> {
    const AT_A_TIME: usize = 8;
    const EVERY: Duration = Duration::from_micros(2_500);
    let mut due = Instant::now();
    let joining = joining.map(|join| {
        due += EVERY;
        async move {
            sleep_until(due).await;
            join.await
        }
    });
    futures::stream::iter(joining).buffered(AT_A_TIME).try_collect().await
}

pub(crate) fn client_id() -> u32 {
    loop {
        let id = rand::rng().random();
        if frame::is_plain_id(id) {
            return id;
        }
    }
}
