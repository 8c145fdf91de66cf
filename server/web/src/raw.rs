//! A file's bytes, in a way that never lets them run as part of Skep.

use std::io::{Seek, SeekFrom};

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State as Extract};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;
use types::{FileId, Right};

use crate::gate::Caller;
use crate::{Error, State, view};

/// No scripts, no forms, no origin: whatever the file is, it is only shown.
const SANDBOX: &str = "sandbox; default-src 'none'; img-src 'self' data:; media-src 'self'; \
    style-src 'unsafe-inline'; frame-ancestors 'self'";
/// Browsers refuse to start their PDF viewer in a sandbox; it is one by itself.
const UNSANDBOXED: &str = "frame-ancestors 'self'";
const PIECE_BYTES: usize = 64 * 1_024;

#[derive(Deserialize)]
pub(crate) struct At {
    file: String,
}

#[derive(Deserialize)]
pub(crate) struct How {
    download: Option<String>,
}

pub(crate) async fn bytes(
    Extract(state): Extract<State>,
    caller: Caller,
    Path(at): Path<At>,
    Query(how): Query<How>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let file: FileId = at.file.parse()?;
    let who = caller.who.clone();
    state
        .store
        .read(move |view| view::may_entry(view, &who, Right::View, &files::entry(view, file)?))
        .await?;
    let open = state.files.open(file).await?;
    let tag = format!("\"{}\"", open.tag);
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return with_headers(StatusCode::NOT_MODIFIED, Body::empty(), &tag, &open.entry, &how);
    }
    let if_range = headers.get(header::IF_RANGE).map(HeaderValue::as_bytes);
    let range = headers
        .get(header::RANGE)
        .filter(|_| if_range.is_none_or(|known| known == tag.as_bytes()))
        .and_then(|range| range.to_str().ok());
    match range.map_or(Wanted::All, |range| wanted(range, open.size)) {
        Wanted::All => {
            let body = stream(open.file, 0, open.size);
            let mut response = with_headers(StatusCode::OK, body, &tag, &open.entry, &how)?;
            set(&mut response, header::CONTENT_LENGTH, &open.size.to_string())?;
            Ok(response)
        }
        Wanted::Part { first, last } => {
            let length = last - first + 1;
            let body = stream(open.file, first, length);
            let part = StatusCode::PARTIAL_CONTENT;
            let mut response = with_headers(part, body, &tag, &open.entry, &how)?;
            set(&mut response, header::CONTENT_LENGTH, &length.to_string())?;
            let range = format!("bytes {first}-{last}/{}", open.size);
            set(&mut response, header::CONTENT_RANGE, &range)?;
            Ok(response)
        }
        Wanted::Nothing => {
            let none = StatusCode::RANGE_NOT_SATISFIABLE;
            let mut response = with_headers(none, Body::empty(), &tag, &open.entry, &how)?;
            set(&mut response, header::CONTENT_RANGE, &format!("bytes */{}", open.size))?;
            Ok(response)
        }
    }
}

/// Bytes that stood, or stand, under an entry's name without being its content now.
pub(crate) fn content(
    entry: &files::Entry,
    size: u64,
    reader: impl tokio::io::AsyncRead + Send + 'static,
    download: bool,
) -> Result<Response, Error> {
    let body = Body::from_stream(ReaderStream::with_capacity(reader, PIECE_BYTES));
    let how = How { download: download.then(String::new) };
    let mut response = with_headers(StatusCode::OK, body, "\"apart\"", entry, &how)?;
    response.headers_mut().remove(header::ETAG);
    response.headers_mut().remove(header::ACCEPT_RANGES);
    set(&mut response, header::CONTENT_LENGTH, &size.to_string())?;
    Ok(response)
}

/// What a `Range` header asks for (RFC 9110, 14.2). Several ranges at once get the whole file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    All,
    Part { first: u64, last: u64 },
    Nothing,
}

pub(crate) fn wanted(header: &str, size: u64) -> Wanted {
    let Some(range) = header.strip_prefix("bytes=") else { return Wanted::All };
    let Some((first, last)) = range.trim().split_once('-') else { return Wanted::All };
    let part = match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(first), Ok(last)) => (first, last.min(size.saturating_sub(1))),
        (Ok(first), Err(_)) if last.trim().is_empty() => (first, size.saturating_sub(1)),
        (Err(_), Ok(length)) if first.trim().is_empty() => {
            (size.saturating_sub(length), size.saturating_sub(1))
        }
        _ => return Wanted::All,
    };
    if part.0 <= part.1 && part.0 < size {
        Wanted::Part { first: part.0, last: part.1 }
    } else {
        Wanted::Nothing
    }
}

/// Reads the file piece by piece, as fast as the client takes it; a slow client holds no thread.
fn stream(mut file: std::fs::File, first: u64, length: u64) -> Body {
    if let Err(error) = file.seek(SeekFrom::Start(first)) {
        return Body::from_stream(futures::stream::once(std::future::ready(Err::<Bytes, _>(
            error,
        ))));
    }
    let part = tokio::fs::File::from_std(file).take(length);
    Body::from_stream(ReaderStream::with_capacity(part, PIECE_BYTES))
}

fn with_headers(
    status: StatusCode,
    body: Body,
    tag: &str,
    entry: &files::Entry,
    how: &How,
) -> Result<Response, Error> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    set(&mut response, header::CONTENT_TYPE, &shown_as(entry))?;
    set(&mut response, header::ETAG, tag)?;
    set(&mut response, header::ACCEPT_RANGES, "bytes")?;
    let policy = match files::type_of(entry) {
        files::Type::Pdf => UNSANDBOXED,
        _ => SANDBOX,
    };
    set(&mut response, header::CONTENT_SECURITY_POLICY, policy)?;
    set(&mut response, header::CACHE_CONTROL, "private, no-cache")?;
    let kind = if how.download.is_some() { "attachment" } else { "inline" };
    let name = format!("{kind}; filename*=UTF-8''{}", percent_encoded(entry.name.as_str()));
    set(&mut response, header::CONTENT_DISPOSITION, &name)?;
    Ok(response)
}

/// The type that a browser is told. Everything that a browser would run is plain text.
fn shown_as(entry: &files::Entry) -> String {
    match files::type_of(entry) {
        files::Type::Text => "text/plain; charset=utf-8".to_owned(),
        files::Type::Image | files::Type::Audio | files::Type::Video | files::Type::Pdf => {
            files::mime_of(&entry.name)
        }
        files::Type::Other | files::Type::Folder => "application/octet-stream".to_owned(),
    }
}

fn set(response: &mut Response, name: header::HeaderName, value: &str) -> Result<(), Error> {
    let value = HeaderValue::from_str(value)
        .map_err(|_| Error::bad_input("the name cannot be sent in a header", "Rename the file"))?;
    response.headers_mut().insert(name, value);
    Ok(())
}

/// RFC 8187, `attr-char` left as it is.
fn percent_encoded(name: &str) -> String {
    name.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
        encoded
    })
}
