//! The two doors to a hive: the local one of its owner, and a link's for a guest.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::{SplitSink, SplitStream};
use hive::{Client, wire};
use hyper::header::{COOKIE, HeaderValue, ORIGIN};
use hyper::{Method, body::Bytes};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::guest::Guest;

const JOIN_TIMEOUT: Duration = Duration::from_secs(30);

/// Any byte stream to a hive.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

type Socket = WebSocketStream<Box<dyn Stream>>;
pub(crate) type Speaks = SplitSink<Socket, Message>;
pub(crate) type Listens = SplitStream<Socket>;

/// A way to a hive. Cheap to clone; each call connects anew.
#[derive(Debug, Clone)]
pub(crate) enum Door {
    Own(Client),
    Guest(Arc<Guest>),
}

impl Door {
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, hive::Error> {
        self.call(Method::GET, path, &Value::Null).await
    }

    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, hive::Error> {
        let bytes = self.bytes(method, path, body).await?;
        serde_json::from_slice(&bytes).map_err(|error| self.silent(&error))
    }

    pub(crate) async fn bytes(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Bytes, hive::Error> {
        match self {
            Self::Own(client) => client.send(method, path, body).await,
            Self::Guest(guest) => {
                let body = serde_json::to_vec(body).map_err(|error| self.silent(&error))?;
                let body = if body == b"null" { Bytes::new() } else { body.into() };
                guest.call(method, path, body).await
            }
        }
    }

    /// Joins a document.
    pub(crate) async fn join(
        &self,
        document: &wire::Document,
    ) -> Result<(Speaks, Listens), hive::Error> {
        let query = format!("?generation={}&stored=1", document.generation);
        let path = format!("{}/{}{query}", document.url, document.room);
        let joining = async {
            let (url, stream, headers) = match self {
                Self::Own(client) => {
                    let stream: Box<dyn Stream> = Box::new(client.stream().await?);
                    (format!("ws://localhost{path}"), stream, Vec::new())
                }
                Self::Guest(guest) => {
                    let base = guest.link.base();
                    let headers = vec![(COOKIE, guest.cookie().await?), (ORIGIN, base.clone())];
                    (base.replacen("http", "ws", 1) + &path, guest.connect().await?, headers)
                }
            };
            let mut request = url.into_client_request().map_err(|error| self.silent(&error))?;
            for (name, value) in headers {
                let value = HeaderValue::from_str(&value).map_err(|error| self.silent(&error))?;
                request.headers_mut().insert(name, value);
            }
            let joined = tokio_tungstenite::client_async(request, stream).await;
            let (socket, _) = joined.map_err(|error| self.silent(&error))?;
            Ok(socket.split())
        };
        let joined = tokio::time::timeout(JOIN_TIMEOUT, joining).await;
        joined.unwrap_or_else(|_| Err(self.silent(&"it took too long")))
    }

    fn silent(&self, why: &dyn std::fmt::Display) -> hive::Error {
        match self {
            Self::Own(_) => hive::Error::Silent { why: why.to_string() },
            Self::Guest(_) => crate::guest::silent(why),
        }
    }
}
