//! The two streams of a link, read and written frame by frame.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;

use super::Event;
use crate::line::{Line, Outbox};
use crate::transport::Stream;
use crate::wire::{self, Broken, Bulk, FRAME_BYTES_MAX};

pub(super) async fn hear(
    mut stream: ReadHalf<Box<dyn Stream>>,
    inbox: mpsc::Sender<Event>,
    heard: Arc<AtomicUsize>,
) {
    loop {
        let event = match wire::read(&mut stream, FRAME_BYTES_MAX).await {
            Ok(message) => Event::Heard(message),
            Err(broken) => {
                inbox.send(Event::Broken(broken)).await.unwrap_or_default();
                return;
            }
        };
        heard.fetch_add(1, Ordering::Relaxed);
        if inbox.send(event).await.is_err() {
            break;
        }
    }
    // Nobody acts on the rest.
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.map(drop).unwrap_or_default();
}

pub(super) async fn hear_bulk(
    mut stream: impl AsyncRead + Unpin,
    line: Arc<Line>,
    heard: Arc<AtomicUsize>,
) {
    loop {
        let message: Bulk = match wire::read(&mut stream, FRAME_BYTES_MAX).await {
            Ok(message) => message,
            Err(Broken::Lost(error)) => {
                // Why it ends is said on the other stream.
                tokio::spawn(async move {
                    tokio::time::sleep(super::BYE_TIME).await;
                    line.end(crate::hello::broken(Broken::Lost(error)));
                });
                return;
            }
            Err(broken) => return line.end(crate::hello::broken(broken)),
        };
        heard.fetch_add(1, Ordering::Relaxed);
        // Nobody waits any more for what was cancelled.
        if let Some(answers) = line.answers(message.id()) {
            answers.send(message).await.unwrap_or_default();
        }
    }
}

pub(super) async fn say_bulk(
    mut stream: impl AsyncWrite + Unpin,
    mut frames: mpsc::Receiver<Vec<u8>>,
) {
    while let Some(frame) = frames.recv().await {
        if stream.write_all(&frame).await.is_err() {
            return;
        }
        if frames.is_empty() && stream.flush().await.is_err() {
            return;
        }
    }
}

pub(super) async fn speak(mut stream: WriteHalf<Box<dyn Stream>>, mut out: Outbox) {
    while let Some(frame) = out.frames.recv().await {
        if frame.is_empty() {
            break;
        }
        out.bytes.fetch_sub(frame.len(), Ordering::Relaxed);
        out.sent.notify_waiters();
        if stream.write_all(&frame).await.is_err() {
            return;
        }
        if out.frames.is_empty() && stream.flush().await.is_err() {
            return;
        }
    }
    stream.shutdown().await.unwrap_or_default();
}
