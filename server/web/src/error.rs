//! Errors as a person reads them: the only place with status codes and their sentences.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::wire::Problem;

const NEW_INVITATION: &str = "Ask your friend for a new invitation";

/// What went wrong with one request.
#[derive(Debug)]
pub struct Error {
    pub status: StatusCode,
    pub code: &'static str,
    pub detail: String,
    pub hint: String,
    pub retry_after_s: Option<u64>,
}

impl Error {
    pub fn new(
        status: StatusCode,
        code: &'static str,
        detail: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        let (detail, hint) = (sentence(detail.into()), sentence(hint.into()));
        Self { status, code, detail, hint, retry_after_s: None }
    }

    pub fn bad_input(detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_input", detail, hint)
    }

    pub fn gone(detail: impl Into<String>) -> Self {
        let hint = "It may have been moved, renamed or deleted. Look in the folder that held it.";
        Self::new(StatusCode::NOT_FOUND, "gone", detail, hint)
    }

    pub fn denied(detail: impl Into<String>) -> Self {
        let hint = "Ask the owner of the hive for a link with that right.";
        Self::new(StatusCode::FORBIDDEN, "denied", detail, hint)
    }

    pub fn slow_down(seconds: u64) -> Self {
        let hint = format!("Wait {seconds} seconds and try again.");
        let mut error = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "slow_down",
            "Too many attempts came from there in a short time",
            hint,
        );
        error.retry_after_s = Some(seconds);
        error
    }

    fn internal(what: &dyn std::fmt::Display) -> Self {
        tracing::error!(%what, "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "The hive could not do that because of a fault of its own",
            "Nothing was changed. Try again; if it stays, look into the hive's log",
        )
    }

    pub(crate) fn problem(&self) -> Problem {
        Problem {
            r#type: "about:blank".to_owned(),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            code: self.code.to_owned(),
            detail: self.detail.clone(),
            hint: self.hint.clone(),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.problem())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Full => disk_full(),
            store::Error::Damaged(_) => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "damaged",
                "The hive's database is damaged",
                "Quit Skep and start it again: it keeps the damaged file aside and restores the \
                 newest good copy",
            ),
            store::Error::Closed => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "stopping",
                "The hive is stopping",
                "Start Skep again to go on",
            ),
            other => Self::internal(&other),
        }
    }
}

impl From<people::Error> for Error {
    fn from(error: people::Error) -> Self {
        use StatusCode as Code;
        let words = error.to_string();
        match error {
            people::Error::SignedOut => Self::new(
                Code::UNAUTHORIZED,
                "signed_out",
                words,
                "Open Skep from its icon, or run `skep open`, for a new sign-in",
            ),
            people::Error::Denied { .. } | people::Error::OutOfScope => Self::denied(words),
            people::Error::LinkRevoked => {
                Self::new(Code::GONE, "link_revoked", words, "Ask its owner for a new link")
            }
            people::Error::LinkExpired => {
                Self::new(Code::GONE, "link_expired", words, "Ask its owner for a new link")
            }
            people::Error::LinkUsedUp => {
                Self::new(Code::GONE, "link_used_up", words, "Ask its owner for a new link")
            }
            people::Error::PasswordNeeded => Self::new(
                Code::FORBIDDEN,
                "password_needed",
                words,
                "Type the password that its owner gave you",
            ),
            people::Error::PasswordWrong => Self::new(
                Code::FORBIDDEN,
                "password_wrong",
                words,
                "Check it with whoever gave you the link and try again",
            ),
            people::Error::NotManager(_) => {
                Self::new(Code::FORBIDDEN, "denied", words, "Nothing was changed")
            }
            people::Error::InvitationUnknown => {
                Self::new(Code::NOT_FOUND, "invitation_unknown", words, NEW_INVITATION)
            }
            people::Error::InvitationExpired => {
                Self::new(Code::GONE, "invitation_expired", words, NEW_INVITATION)
            }
            people::Error::InvitationUsed => {
                Self::new(Code::GONE, "invitation_used", words, NEW_INVITATION)
            }
            people::Error::OwnHive => Self::new(
                Code::CONFLICT,
                "own_hive",
                words,
                "Send the invitation to your friend, to be opened in their Skep",
            ),
            people::Error::BadRecord(_) => Self::new(
                Code::BAD_GATEWAY,
                "bad_record",
                words,
                "Nothing of it was taken. Ask your friend to bring their Skep up to date",
            ),
            people::Error::Gone(_) => Self::gone(words),
            people::Error::Refused(_) => Self::bad_input(words, "Change it and try again"),
            people::Error::Store(error) => error.into(),
        }
    }
}

impl From<files::Error> for Error {
    fn from(error: files::Error) -> Self {
        use StatusCode as Code;
        let words = error.to_string();
        match error {
            files::Error::Gone => Self::gone(words),
            files::Error::Taken => Self::new(
                Code::CONFLICT,
                "taken",
                words,
                "Choose another name, or open the one that is there",
            ),
            files::Error::Changed => Self::new(
                Code::CONFLICT,
                "changed",
                words,
                "Look at the file as it is now and try again",
            ),
            files::Error::TooLarge { .. } => Self::new(
                Code::PAYLOAD_TOO_LARGE,
                "too_large",
                words,
                "Download it and open it in a program on your computer",
            ),
            files::Error::Full | files::Error::NoRoom { .. } => disk_full(),
            files::Error::Unwritable { .. } => Self::new(
                Code::CONFLICT,
                "unwritable",
                words,
                "Check the file's permissions on the computer that holds it",
            ),
            files::Error::Unreadable { .. } => Self::new(
                Code::CONFLICT,
                "unreadable",
                words,
                "Check the file's permissions on the computer that holds it",
            ),
            files::Error::Missing { .. } => Self::new(
                Code::CONFLICT,
                "share_missing",
                words,
                "Put the folder back where it was, or stop sharing it. Nothing was deleted",
            ),
            files::Error::Refused(_) => Self::bad_input(words, "Nothing was changed"),
            files::Error::BadPath(_) => Self::bad_input(words, "Choose another name"),
            files::Error::Store(error) => error.into(),
        }
    }
}

impl From<documents::Error> for Error {
    fn from(error: documents::Error) -> Self {
        let (code, detail, hint) = crate::socket::words(&error);
        match error {
            documents::Error::Store(error) => error.into(),
            documents::Error::Gone => Self::gone(detail),
            documents::Error::TooLarge { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, code, detail, hint)
            }
            _ => Self::new(StatusCode::CONFLICT, code, detail, hint),
        }
    }
}

impl From<types::BadId> for Error {
    fn from(error: types::BadId) -> Self {
        Self::bad_input(error.to_string(), "Check the address that was called")
    }
}

impl From<types::BadPath> for Error {
    fn from(error: types::BadPath) -> Self {
        Self::bad_input(error.to_string(), "Choose another name")
    }
}

pub(crate) fn disk_full() -> Error {
    Error::new(
        StatusCode::INSUFFICIENT_STORAGE,
        "disk_full",
        "The disk of the hive is full, so this could not be kept",
        "Free some space; open documents save themselves as soon as there is room",
    )
}

/// Begins with a capital and ends with a full stop.
pub(crate) fn sentence(text: String) -> String {
    let mut characters = text.trim().chars();
    let Some(first) = characters.next() else { return String::new() };
    let mut sentence: String = first.to_uppercase().chain(characters).collect();
    if !sentence.ends_with(['.', '?', '…']) {
        sentence.push('.');
    }
    sentence
}
