//! JSON of friends, invitations, groups, offers and members.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Paused, Person, Right};

/// Over what a friend's hive is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    Lan,
    Direct,
    Relay,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Friend {
    pub hive: String,
    /// How they are called here.
    pub name: String,
    /// How they call themselves.
    pub own_name: String,
    pub hue: u8,
    pub device: String,
    pub online: bool,
    pub path: Option<Way>,
    /// Why their hive, though it answers, does not connect.
    pub away: Option<String>,
    pub last_seen_at: Option<i64>,
    pub added_at: i64,
    pub muted: bool,
    /// Whether what they share is taken up without a question.
    pub auto_accept: bool,
    pub paused: Option<Paused>,
    /// How fast contents may go to them and come from them, in kB a second; 0: no limit.
    pub up_kb: u32,
    pub down_kb: u32,
    /// Four words that both see alike, to check that nobody stands between.
    pub phrase: Vec<String>,
    pub groups: Vec<String>,
    /// Shares that both may take part in.
    pub shares: Vec<String>,
}

/// What to change; a field that is absent stays, `null` clears the name.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ChangeFriend {
    #[serde(default, deserialize_with = "super::present", skip_serializing_if = "Option::is_none")]
    pub name: Option<Option<String>>,
    pub muted: Option<bool>,
    pub auto_accept: Option<bool>,
    /// In kB a second; 0: no limit.
    pub up_kb: Option<u32>,
    pub down_kb: Option<u32>,
}

/// An invitation that was received: its link, or the three words.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct NewFriend {
    pub link: Option<String>,
    pub words: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Befriended {
    pub friend: Friend,
    /// What they hold out.
    pub offers: Vec<Offer>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct NewInvitation {
    /// What it holds out besides the friendship.
    pub share: Option<String>,
    /// Without one, the right to edit.
    pub right: Option<Right>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Invitation {
    pub id: String,
    pub share: Option<String>,
    pub share_name: Option<String>,
    pub right: Option<Right>,
    /// Three words for a friend on the same network.
    pub words: Option<String>,
    pub created_at: i64,
    pub expires_at: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MadeInvitation {
    #[serde(flatten)]
    pub invitation: Invitation,
    /// Shown here and never again.
    pub link: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Nearby {
    pub hive: String,
    pub name: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Group {
    pub id: String,
    pub name: String,
    /// Hives of its friends.
    pub friends: Vec<String>,
    pub shares: Vec<GroupShare>,
    pub created_at: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GroupShare {
    pub share: String,
    pub right: Right,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GroupName {
    pub name: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GiveRight {
    pub right: Right,
}

/// A share that a friend holds out.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Offer {
    pub share: String,
    pub name: String,
    /// `folder` or `file`.
    pub kind: String,
    /// Their `id` is that of their hive.
    pub from: Person,
    pub right: Right,
    pub files: u64,
    pub bytes: u64,
    /// The folders in its root.
    pub folders: Vec<TopFolder>,
    pub at: i64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct AcceptOffer {
    /// Where it shall stand; without one, in the folder for what friends share.
    pub path: Option<String>,
    /// The own name for it.
    pub name: Option<String>,
    /// Only these folders of it, as paths in the share; without them, all.
    pub folders: Option<Vec<String>>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct LeaveShare {
    /// Also delete the copy on this computer.
    #[serde(default)]
    pub delete_local: bool,
}

/// A hive in a share.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Member {
    pub hive: String,
    pub name: String,
    pub hue: u8,
    pub device: String,
    pub right: Right,
    /// `member`, `offered`, `left` or `removed`.
    pub state: String,
    /// Whether it is this hive.
    #[serde(rename = "self")]
    pub is_self: bool,
    /// Whether they began the share.
    pub founder: bool,
    /// Whether they are a friend of this hive, rather than known through others.
    pub friend: bool,
    /// Groups through which they have the share.
    pub groups: Vec<String>,
    pub online: bool,
    pub path: Option<Way>,
    /// Why their hive, though it answers, does not connect.
    pub away: Option<String>,
    pub last_seen_at: Option<i64>,
    #[serde(flatten)]
    pub lag: Lag,
}

/// How much a hive still lacks of a share; `null` where that is not known.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
pub struct Lag {
    pub in_sync: Option<bool>,
    pub files_to_go: Option<u64>,
    pub bytes_to_go: Option<u64>,
    /// Bytes a second, smoothed.
    pub speed: Option<u64>,
    pub seconds_left: Option<u64>,
    /// When it was so, of a hive that is not connected with this one now.
    #[serde(default)]
    pub known_at: Option<i64>,
}

/// A folder in the root of a share.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TopFolder {
    pub path: String,
    pub bytes: u64,
    /// Whether it is to be on this hive.
    pub chosen: bool,
}

/// Which folders of a share are to be on this hive.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Chosen {
    /// The chosen ones, as paths in the share; `null`: everything.
    pub folders: Option<Vec<String>>,
    /// Those in the root, chosen or not.
    pub all: Vec<TopFolder>,
    /// What still stands here in folders that are not chosen.
    pub left_over: LeftOver,
}

/// Copies in folders that are not chosen. They stay until they are removed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LeftOver {
    pub files: u64,
    pub bytes: u64,
}

/// Chooses folders of a share, as paths in it; `null`: everything.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct Choose {
    #[serde(default)]
    pub folders: Option<Vec<String>>,
    /// Whether copies that are in step leave this hive's disk where they are not chosen. Friends
    /// keep theirs.
    #[serde(default)]
    pub remove_copies: bool,
}
