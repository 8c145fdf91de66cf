//! The way to a document: a socket through the hive's local door.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::{SplitSink, SplitStream};
use hive::{Client, wire};
use tokio::net::UnixStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

const JOIN_TIMEOUT: Duration = Duration::from_secs(30);

type Socket = WebSocketStream<UnixStream>;
pub(crate) type Speaks = SplitSink<Socket, Message>;
pub(crate) type Listens = SplitStream<Socket>;

/// Joins a document.
pub(crate) async fn join(
    client: &Client,
    document: &wire::Document,
) -> Result<(Speaks, Listens), hive::Error> {
    let silent = |why: &dyn std::fmt::Display| hive::Error::Silent { why: why.to_string() };
    let (room, generation) = (&document.room, &document.generation);
    let url = format!("ws://localhost{}/{room}?generation={generation}&stored=1", document.url);
    let stream = client.stream().await?;
    let joining = tokio_tungstenite::client_async(url, stream);
    let joined = tokio::time::timeout(JOIN_TIMEOUT, joining).await;
    let joined = joined.map_err(|_| silent(&"it took too long"))?;
    let (socket, _) = joined.map_err(|error| silent(&error))?;
    Ok(socket.split())
}
