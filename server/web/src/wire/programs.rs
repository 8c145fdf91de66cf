//! Other programs that are let into a document, and the addresses that they are given.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{DocumentParams, Key, Right};

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct NewProgram {
    /// The document; or a folder, with all in it.
    pub file: Option<String>,
    /// All documents of a share, instead of one.
    pub share: Option<String>,
    /// For the list of keys, such as the program's name.
    pub name: Option<String>,
    /// `view` unless another one is named; at most `edit`.
    pub right: Option<Right>,
    /// `null`: until it is taken back.
    pub expires_at: Option<i64>,
}

/// What to paste into a program. Its token is shown here and never again.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MadeProgram {
    #[serde(flatten)]
    pub key: Key,
    pub token: String,
    /// The name of the `Y.Text` in the document.
    pub text: String,
    /// The document's id; `null` if the token opens more than one.
    pub room: Option<String>,
    pub yjs: YjsAddress,
    pub hocuspocus: HocuspocusAddress,
    pub mobwrite: MobwriteAddress,
}

/// For any client of y-websocket.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct YjsAddress {
    pub url: String,
    pub params: DocumentParams,
}

/// For Hocuspocus's provider; the document's name is its id.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct HocuspocusAddress {
    pub url: String,
}

/// For any client of MobWrite.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MobwriteAddress {
    pub url: String,
    /// Host and port of the plain-text door, while it is open.
    pub tcp: Option<String>,
    /// The file's name, which is its key as well.
    pub file: String,
}

/// What a question to a share's JSON documents found.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct Answers {
    pub found: Vec<Answer>,
    /// JSON files that could not be read as such.
    pub unread: Vec<Unread>,
    /// There is more than one answer holds.
    pub more: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Answer {
    pub file: String,
    pub path: String,
    /// Where in the document, as a normalized path of RFC 9535.
    pub at: String,
    pub value: serde_json::Value,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Unread {
    pub path: String,
    pub why: String,
}
