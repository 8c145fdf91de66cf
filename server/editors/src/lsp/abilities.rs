//! What an editor can do, and what this server offers it.

use serde_json::{Value, json};

use crate::mirror::Manner;
use crate::offsets::Unit;

pub(super) const WHO_IS_HERE: &str = "skep.whoIsHere";
pub(super) const FOLLOW: &str = "skep.follow";
pub(super) const UNFOLLOW: &str = "skep.unfollow";

/// Editors that make no edit that names another version of their text, by how they call themselves.
const MIND_VERSIONS: [&str; 5] = ["neovim", "visual studio code", "vscodium", "helix", "emacs"];

/// What the editor said of itself.
#[derive(Debug, Clone)]
pub(super) struct Abilities {
    pub(super) manner: Manner,
    pub(super) applies_edits: bool,
    pub(super) knows_versions: bool,
    pub(super) shows_hints: bool,
    pub(super) refreshes_hints: bool,
    pub(super) shows_documents: bool,
    /// It wants to hear which files are live (`skep/live`).
    pub(super) hears_live: bool,
    /// How the program calls itself.
    pub(super) name: String,
}

impl Abilities {
    pub(super) fn of(params: &Value) -> Self {
        let has = |pointer: &str| params.pointer(pointer).is_some_and(|value| !value.is_null());
        let is = |pointer: &str| params.pointer(pointer).and_then(Value::as_bool) == Some(true);
        let name =
            params.pointer("/clientInfo/name").and_then(Value::as_str).unwrap_or("An editor");
        // Neovim takes edits with versions without saying so.
        let minds_versions = minds_versions(name);
        let encodings = params.pointer("/capabilities/general/positionEncodings");
        let encodings = encodings.and_then(Value::as_array).into_iter().flatten();
        let unit = encodings.filter_map(Value::as_str).find_map(unit).unwrap_or(Unit::Utf16);
        Self {
            manner: Manner {
                unit,
                strict: minds_versions,
                ends_last_line: name.to_lowercase().starts_with("neovim"),
            },
            applies_edits: is("/capabilities/workspace/applyEdit"),
            knows_versions: minds_versions
                || is("/capabilities/workspace/workspaceEdit/documentChanges"),
            shows_hints: has("/capabilities/textDocument/inlayHint"),
            refreshes_hints: is("/capabilities/workspace/inlayHint/refreshSupport"),
            shows_documents: is("/capabilities/window/showDocument/support"),
            hears_live: is("/initializationOptions/live"),
            name: name.to_owned(),
        }
    }

    /// The answer to `initialize`.
    pub(super) fn offer(&self) -> Value {
        let files = json!({ "filters": [{ "scheme": "file", "pattern": { "glob": "**/*" } }] });
        let mut offer = json!({
            "positionEncoding": encoding(self.manner.unit),
            "textDocumentSync": {
                "openClose": true,
                "change": 2,
                "willSaveWaitUntil": true,
                "save": true,
            },
            "executeCommandProvider": { "commands": [WHO_IS_HERE, FOLLOW, UNFOLLOW] },
            "workspace": { "fileOperations": { "didRename": files } },
        });
        if self.shows_hints {
            offer["inlayHintProvider"] = json!(true);
        }
        let version = env!("CARGO_PKG_VERSION");
        json!({ "capabilities": offer, "serverInfo": { "name": "skep", "version": version } })
    }
}

fn minds_versions(name: &str) -> bool {
    let name = name.to_lowercase();
    MIND_VERSIONS.iter().any(|known| name.starts_with(known))
}

fn unit(encoding: &str) -> Option<Unit> {
    match encoding {
        "utf-8" => Some(Unit::Utf8),
        "utf-16" => Some(Unit::Utf16),
        "utf-32" => Some(Unit::Utf32),
        _ => None,
    }
}

fn encoding(unit: Unit) -> &'static str {
    match unit {
        Unit::Utf8 => "utf-8",
        Unit::Utf16 => "utf-16",
        Unit::Utf32 => "utf-32",
    }
}
