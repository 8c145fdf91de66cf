//! Every JSON type of the API. Ids travel as text, moments as milliseconds since 1970 UTC.

mod friends;
mod past;
mod programs;
mod sync;
mod versions;

pub use friends::*;
pub use past::*;
pub use programs::*;
pub use sync::*;
pub use versions::*;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    View,
    Comment,
    Edit,
    Manage,
}

/// From where the hive may be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// This computer alone.
    Computer,
    /// Other machines on the same network.
    Network,
    /// Friends' hives anywhere.
    Internet,
}

/// How far the hive can be open, as a person reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReachChoice {
    pub reach: Reach,
    pub title: String,
    pub detail: String,
    /// What becomes visible to whom, one sentence each.
    pub visible: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Person {
    pub id: String,
    pub name: String,
    /// 0 to 11, one of the twelve colours for people.
    pub hue: u8,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct HiveFacts {
    pub id: String,
    pub name: String,
    pub owner: Person,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    Share,
    Folder,
    File,
}

/// What a guest knows of the link that they came by.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GuestLink {
    pub id: String,
    pub name: Option<String>,
    pub share: String,
    pub share_name: String,
    /// The one file or folder that it opens.
    pub file: Option<String>,
    pub path: String,
    pub kind: LinkKind,
    pub right: Right,
    pub expires_at: Option<i64>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// `owner`, `guest` or `program` (a token).
    pub role: String,
    pub person: Option<Person>,
    pub hive: HiveFacts,
    pub right: Right,
    pub version: String,
    pub port: u16,
    pub onboarded: bool,
    pub link: Option<GuestLink>,
    /// The position of the journal that this was read at: events can be followed from here.
    pub seq: i64,
}

/// How somebody comes in: the owner with a one-time token, a guest with a link's secret.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct Come {
    pub token: Option<String>,
    pub secret: Option<String>,
    pub password: Option<String>,
    /// The guest's name, if it was told already.
    pub name: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SignInSecret {
    pub url: String,
    pub expires_at: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Welcome {
    pub owner: Person,
    pub hive_name: String,
    pub password_needed: bool,
    /// `open`, `expired`, `revoked` or `used_up`.
    pub state: String,
    pub expires_at: Option<i64>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Rename {
    pub name: Option<String>,
    pub hue: Option<u8>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Onboarding {
    pub name: String,
    pub hue: u8,
    pub hive_name: Option<String>,
    pub reach: Reach,
}

/// An address of the hive, and whether it was seen to answer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Address {
    pub url: String,
    pub reach: Reach,
    /// Whether others on the network cannot read along.
    pub secure: bool,
    pub tested_at: Option<i64>,
    pub works: Option<bool>,
    /// From where it works and what to mind, as a person reads it.
    pub note: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Pause {
    /// `null`: until resumed.
    pub until_at: Option<i64>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Paused {
    pub since_at: i64,
    pub until_at: Option<i64>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Warning {
    pub code: String,
    pub detail: String,
    pub hint: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ShareCounts {
    pub count: u64,
    /// How many of them are missing or unreadable.
    pub problems: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Status {
    pub hive: HiveFacts,
    pub version: String,
    pub started_at: i64,
    pub onboarded: bool,
    pub paused: Option<Paused>,
    pub reach: Reach,
    /// What that makes visible to whom, one sentence each.
    pub visible: Vec<String>,
    pub addresses: Vec<Address>,
    pub doors: Doors,
    pub shares: ShareCounts,
    pub people_here: Vec<Here>,
    pub open_documents: u64,
    pub memory_bytes: Option<u64>,
    /// Free space on the disk that holds the hive's data.
    pub free_bytes: Option<u64>,
    /// Where the hive's data lies.
    pub data_folder: String,
    pub warnings: Vec<Warning>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SetReach {
    pub reach: Reach,
}

/// Where friends' hives may call besides what the hive finds out by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Doors {
    /// Further addresses that friends are told, such as `home.example.org:7539`.
    pub addresses: Vec<String>,
    /// The owner's own relays, such as `https://relay.example.org`; with one, no public one is
    /// used.
    pub relays: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Recent {
    pub share: String,
    pub share_name: String,
    pub file: String,
    pub path: String,
    pub name: String,
    pub at: i64,
    pub by: Option<Person>,
    /// `added`, `changed` or `removed`.
    pub verb: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FolderChoice {
    pub name: String,
    pub path: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FolderChoices {
    pub path: String,
    pub parent: Option<String>,
    pub entries: Vec<FolderChoice>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Share {
    pub id: String,
    pub name: String,
    /// The folder's place on disk; for the owner alone.
    pub root: Option<String>,
    /// `folder` or `file`.
    pub kind: String,
    /// `in_step`, `scanning`, `missing`, `paused` or `unreadable`.
    pub state: String,
    pub reason: Option<String>,
    pub files: u64,
    pub bytes: u64,
    pub links: u64,
    pub right: Right,
    pub created_at: i64,
    /// The one file, when the kind is `file`.
    pub file: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NewShare {
    /// Absolute path of a folder or file on the hive's machine.
    pub path: String,
    pub name: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ShareName {
    pub name: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct File {
    pub id: String,
    pub share: String,
    pub path: String,
    pub name: String,
    /// `folder`, `file` or `link` (a symbolic link: shown, never followed).
    pub kind: String,
    pub size: u64,
    pub modified_at: i64,
    pub changed_by: Option<Person>,
    /// `text`, `image`, `audio`, `video`, `pdf`, `other` or `folder`.
    pub r#type: String,
    pub mime: String,
    /// Ids of the people who have it open.
    pub here: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Listing {
    pub folder: String,
    pub total: u64,
    pub offset: u32,
    pub entries: Vec<File>,
}

/// Whether a file can be edited live, and otherwise why not.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Live {
    Yes,
    No(Warning),
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FileDetails {
    #[serde(flatten)]
    pub file: File,
    pub share_name: String,
    pub right: Right,
    pub live: Live,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NewFile {
    pub path: String,
    pub text: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct NewLink {
    /// One of `share`, `file` or `path` says what the link opens.
    pub share: Option<String>,
    pub file: Option<String>,
    /// An absolute path; a folder or file that is not shared yet becomes so.
    pub path: Option<String>,
    pub right: Option<Right>,
    pub expires_at: Option<i64>,
    pub password: Option<String>,
    pub uses_max: Option<u32>,
    pub name: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Link {
    pub id: String,
    pub name: Option<String>,
    pub share: String,
    pub share_name: String,
    pub file: Option<String>,
    pub path: String,
    pub kind: LinkKind,
    pub right: Right,
    pub password: bool,
    pub expires_at: Option<i64>,
    pub uses: u32,
    pub uses_max: Option<u32>,
    pub created_at: i64,
    pub used_at: Option<i64>,
    pub used_from: Option<String>,
    /// `open`, `expired` or `used_up`.
    pub state: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MadeLink {
    #[serde(flatten)]
    pub link: Link,
    /// The best address, with the secret in its fragment. Shown here and never again.
    pub url: String,
    pub urls: Vec<Address>,
    pub secret: String,
}

/// A link to copy once more.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LastLink {
    /// What it opens, in words.
    pub name: String,
    pub url: String,
}

/// What to change; a field that is absent stays, `null` clears it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ChangeLink {
    pub right: Option<Right>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Option<i64>>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub password: Option<Option<String>>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub uses_max: Option<Option<u32>>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub name: Option<Option<String>>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Key {
    pub id: String,
    /// `link`, `browser`, `guest` or `token`.
    pub kind: String,
    pub name: String,
    pub right: Right,
    /// What it opens, in words.
    pub what: String,
    pub created_at: i64,
    pub used_at: Option<i64>,
    pub used_from: Option<String>,
    pub expires_at: Option<i64>,
    /// Whether it is the one that this request came with.
    pub current: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NewToken {
    pub name: String,
    pub right: Right,
    pub share: Option<String>,
    pub expires_at: Option<i64>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MadeToken {
    #[serde(flatten)]
    pub key: Key,
    /// Shown here and never again.
    pub token: String,
}

/// How any y-websocket client opens a document.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Document {
    pub file: String,
    pub generation: String,
    /// Server address for the client, without the room.
    pub url: String,
    pub room: String,
    pub params: DocumentParams,
    /// The name of the `Y.Text` in the document.
    pub text: String,
    pub right: Right,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct DocumentParams {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct OpenDocument {
    /// Also make a token, for a client that has no cookie.
    #[serde(default)]
    pub token: bool,
    /// The link whose right and life the token takes over.
    pub link: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Here {
    pub person: Option<Person>,
    /// `owner`, `guest` or `program`.
    pub role: String,
    pub file: Option<String>,
    pub share: Option<String>,
    pub path: Option<String>,
    pub since_at: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Change {
    pub seq: i64,
    pub kind: String,
    pub key: String,
    pub share: Option<String>,
    pub at: i64,
}

/// RFC 9457. `code` is stable; `detail` says what happened and why, `hint` what to do next.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    pub r#type: String,
    pub title: String,
    pub status: u16,
    pub code: String,
    pub detail: String,
    pub hint: String,
}

/// Tells an absent field from `null`.
fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

impl From<types::Right> for Right {
    fn from(right: types::Right) -> Self {
        match right {
            types::Right::View => Self::View,
            types::Right::Comment => Self::Comment,
            types::Right::Edit => Self::Edit,
            types::Right::Manage => Self::Manage,
        }
    }
}

impl From<Right> for types::Right {
    fn from(right: Right) -> Self {
        match right {
            Right::View => Self::View,
            Right::Comment => Self::Comment,
            Right::Edit => Self::Edit,
            Right::Manage => Self::Manage,
        }
    }
}

impl From<people::Person> for Person {
    fn from(person: people::Person) -> Self {
        Self { id: person.id.to_string(), name: person.name, hue: person.hue }
    }
}
