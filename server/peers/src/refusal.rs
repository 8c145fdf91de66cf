//! Why a hive refused another, or could not reach it, in words.

use serde::{Deserialize, Serialize};

/// Why an invitation was not taken up, or a link not made. The numbers are what hives say to each
/// other; they never change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    #[error(
        "That is neither the link of an invitation nor three words. Copy the whole link that \
         begins with skep:, or type the three words."
    )]
    NoInvitation,
    #[error("The other hive knows no such invitation. Ask your friend for a new one.")]
    InvitationUnknown,
    #[error(
        "This invitation has expired, or was made while your friend's clock was wrong. Ask your \
         friend for a new one."
    )]
    InvitationExpired,
    #[error("This invitation was used already. Ask your friend for a new one.")]
    InvitationUsed,
    #[error("This invitation was made by this hive. Send it to a friend.")]
    OwnHive,
    #[error(
        "No hive on this network answers to these words. Check them, and that both of you are on \
         the same network, or use the link."
    )]
    WordsWrong,
    #[error("The other hive did not answer{sought}. Ask your friend whether Skep runs there.")]
    Unreachable { sought: String },
    /// The other hive no longer understands this one.
    #[error(
        "The other Skep is newer than this one, and they do not understand each other. Bring this \
         Skep up to date."
    )]
    Newer,
    #[error(
        "The other Skep is older than this one, and they do not understand each other. Your \
         friend has to bring theirs up to date."
    )]
    Older,
    #[error("The other hive does not know this one as a friend. Ask for a new invitation.")]
    NotFriends,
    #[error("The other hive has paused this one. It goes on when they resume.")]
    Paused,
    #[error("Too many tries. Wait a minute and try again.")]
    SlowDown,
    #[error("The hive is stopping.")]
    Stopping,
    /// Two connections at once: the other one goes on.
    #[error("The hives are connected already.")]
    Twice,
    #[error("The other hive said what no Skep says: {what}. The link is tried again later.")]
    Nonsense { what: String },
    #[error("This hive could not do its part: {why}. It tries again.")]
    Failed { why: String },
}

impl From<crate::Failure> for Refusal {
    fn from(failure: crate::Failure) -> Self {
        Self::Failed { why: failure.0 }
    }
}
