//! Why a measure could not be taken.

use std::io;

/// What a measure ran into; the others go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("the connection failed: {0}")]
    Socket(Box<tokio_tungstenite::tungstenite::Error>),
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// The server closed a connection that the measure still needed.
    #[error("the server closed the connection{0}")]
    Closed(String),
    /// The server sent bytes that are no y-websocket frame.
    #[error("the server sent a frame that makes no sense")]
    Malformed,
    /// Something that was waited for did not happen in time.
    #[error("{0} did not happen within {1} s")]
    Late(&'static str, u64),
    /// The server or what installs it said no.
    #[error("{0}")]
    Refused(String),
}

pub(crate) type Outcome<T> = Result<T, Failure>;

impl From<tokio_tungstenite::tungstenite::Error> for Failure {
    fn from(error: tokio_tungstenite::tungstenite::Error) -> Self {
        Self::Socket(Box::new(error))
    }
}
