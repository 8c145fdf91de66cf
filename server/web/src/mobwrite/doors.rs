//! The ways in for MobWrite's clients: a form, a script's address, and lines over TCP.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{RawQuery, State as Extract};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::desk;
use super::escape::unescape;
use crate::gate::Peer;
use crate::limits::Rate;
use crate::{Listening, State};

/// Connections of the plain-text door at a time; each serves one request.
const CONNECTIONS_MAX: usize = 256;
/// The longest silence in the middle of a request.
const SILENCE_MAX: Duration = Duration::from_secs(2);
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
const REQUEST_BYTES_MAX: usize = 11 << 20;
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

pub(crate) async fn by_form(
    Extract(state): Extract<State>,
    Extension(peer): Extension<Peer>,
    body: Bytes,
) -> Response {
    let form = String::from_utf8_lossy(&body);
    match (field(&form, "q"), field(&form, "p")) {
        (None, Some(request)) => script(&state, peer, &request).await,
        (request, _) => plain(&state, peer, &request.unwrap_or_default()).await,
    }
}

/// A page of another site cannot send forms, but it can load scripts.
pub(crate) async fn by_query(
    Extract(state): Extract<State>,
    Extension(peer): Extension<Peer>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.unwrap_or_default();
    match field(&query, "p") {
        Some(request) => script(&state, peer, &request).await,
        None => plain(&state, peer, &field(&query, "q").unwrap_or_default()).await,
    }
}

async fn plain(state: &State, peer: Peer, request: &str) -> Response {
    let answer = desk::answer(state, peer, request).await + "\n";
    let kind = (header::CONTENT_TYPE, "text/plain; charset=utf-8");
    ([kind, (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")], answer).into_response()
}

async fn script(state: &State, peer: Peer, request: &str) -> Response {
    let answer = desk::answer(state, peer, request).await;
    // JSON escapes all that ends a string of JavaScript.
    let words = serde_json::Value::String(answer).to_string();
    let call = format!("mobwrite.callback({words});");
    let kind = (header::CONTENT_TYPE, "text/javascript; charset=utf-8");
    let policy = header::HeaderName::from_static("cross-origin-resource-policy");
    ([kind, (policy, "cross-origin")], call).into_response()
}

/// One field of a form, as browsers write it.
fn field(form: &str, name: &str) -> Option<String> {
    let mut fields = form.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = fields.find(|(key, _)| *key == name)?;
    unescape(&value.replace('+', " "))
}

/// Serves MobWrite's clients over TCP until the returned value is dropped.
pub fn listen_mobwrite(state: &State, listener: TcpListener) -> io::Result<Listening> {
    let address = listener.local_addr()?;
    let stop = CancellationToken::new();
    drop(tokio::spawn(accept(state.clone(), listener, stop.clone())));
    Ok(Listening::new(address, stop))
}

async fn accept(state: State, listener: TcpListener, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        let (stream, from) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Whoever finds no place tries again by itself.
        let Ok(place) = places.clone().try_acquire_owned() else { continue };
        let (state, stop) = (state.clone(), stop.clone());
        let peer = Peer::Network { address: from.ip(), secure: false };
        drop(tokio::spawn(async move {
            tokio::select! {
                served = serve(&state, peer, stream) => {
                    if let Err(error) = served {
                        tracing::trace!(%error, "a connection ended early");
                    }
                }
                () = stop.cancelled() => {}
            }
            drop(place);
        }));
    }
}

async fn serve(state: &State, peer: Peer, mut stream: TcpStream) -> io::Result<()> {
    if state.limits.check(Rate::Call, peer.address()).is_err() {
        return Ok(());
    }
    let mut request = Vec::new();
    while !is_whole(&request) {
        let read = timeout(SILENCE_MAX, stream.read_buf(&mut request)).await??;
        if read == 0 || request.len() > REQUEST_BYTES_MAX {
            return Ok(());
        }
    }
    let Ok(request) = String::from_utf8(request) else { return Ok(()) };
    let answer = desk::answer(state, peer, &request).await;
    timeout(ANSWER_WITHIN, stream.write_all(answer.as_bytes())).await??;
    stream.shutdown().await
}

/// An empty line ends the request; one that is empty from the start asks for nothing.
fn is_whole(request: &[u8]) -> bool {
    let ends: [&[u8]; 4] = [b"\n\n", b"\r\r", b"\n\r\n\r", b"\r\n\r\n"];
    ends.iter().any(|end| request.ends_with(end)) || request == b"\n" || request == b"\r\n"
}
