//! What the pages are told, in their words.

use hyper::StatusCode;
use peers::Refusal;
use web::friends::Ignore;

pub(super) fn ignore(ignored: files::Ignored) -> Ignore {
    let defaults = ignored.defaults.into_iter();
    Ignore {
        text: ignored.text,
        defaults: defaults.map(|(rule, why)| (rule.to_owned(), why.to_owned())).collect(),
        ignored: ignored.ignored,
    }
}

/// A refusal as the pages show it: what happened, and what to do next.
pub(super) fn refused(refusal: Refusal) -> web::Error {
    let (status, code) = match &refusal {
        Refusal::NoInvitation => (StatusCode::BAD_REQUEST, "bad_input"),
        Refusal::InvitationUnknown | Refusal::NotFriends => {
            (StatusCode::NOT_FOUND, "invitation_unknown")
        }
        Refusal::InvitationExpired => (StatusCode::GONE, "invitation_expired"),
        Refusal::InvitationUsed => (StatusCode::GONE, "invitation_used"),
        Refusal::OwnHive => (StatusCode::CONFLICT, "own_hive"),
        Refusal::WordsWrong => (StatusCode::FORBIDDEN, "words_wrong"),
        Refusal::Unreachable { .. } | Refusal::Nonsense { .. } => {
            (StatusCode::GATEWAY_TIMEOUT, "unreachable")
        }
        Refusal::Newer | Refusal::Older => (StatusCode::CONFLICT, "newer"),
        Refusal::SlowDown => (StatusCode::TOO_MANY_REQUESTS, "slow_down"),
        Refusal::Paused | Refusal::Stopping | Refusal::Twice | Refusal::Failed { .. } => {
            (StatusCode::SERVICE_UNAVAILABLE, "unreachable")
        }
    };
    let words = refusal.to_string();
    let (what, next) = words.split_once(". ").unwrap_or((&words, "Try again."));
    web::Error::new(status, code, what.to_owned(), next.trim_end_matches('.').to_owned())
}
