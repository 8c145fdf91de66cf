//! How a document fares, in words for the person who edits it.

use crate::DiskError;

/// Whether what is typed reaches the store and the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Condition {
    #[default]
    Live,
    /// The document stands apart from its file; `code` is `gone`, `binary`, `not_utf8` or
    /// `too_large`. Its text is kept.
    ReadOnly { code: &'static str, detail: String, hint: String },
    /// The store (`disk_full`, `data_folder`) or the file (`file_disk_full`, `unwritable`,
    /// `unreadable`, `share_missing`, `paused`) is behind; tried again by itself.
    Unsaved { code: &'static str, detail: String, hint: String },
}

impl Condition {
    /// The word in frames of type 101.
    pub fn state(&self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::ReadOnly { .. } => "read_only",
            Self::Unsaved { .. } => "unsaved",
        }
    }

    /// Code, detail and hint, unless the document is live.
    pub fn words(&self) -> Option<(&'static str, &str, &str)> {
        match self {
            Self::Live => None,
            Self::ReadOnly { code, detail, hint } | Self::Unsaved { code, detail, hint } => {
                Some((code, detail, hint))
            }
        }
    }

    /// What a failure of the store means.
    pub(crate) fn of_store(error: &store::Error) -> Self {
        if matches!(error, store::Error::Full) {
            return unsaved(
                "disk_full",
                "What is typed is not saved: the disk that holds the hive's data is full.",
                "Make room on it; it is then saved by itself. Keep this page open until then.",
            );
        }
        unsaved(
            "data_folder",
            &format!("What is typed is not saved: the hive cannot write its data ({error})."),
            "Check the disk that holds the hive's data; saving is tried again every few seconds.",
        )
    }

    /// What a failure of the disk means.
    pub(crate) fn of_disk(error: &DiskError) -> Self {
        match error {
            DiskError::Gone => read_only(
                "gone",
                "The file was removed or moved away by another program.",
                "The text is kept in the hive. Put the file back, or copy the text into a new one.",
            ),
            DiskError::TooLarge(size) => Self::of_unfit(&crate::Error::TooLarge { size: *size }),
            DiskError::Full => unsaved(
                "file_disk_full",
                "The text is safe in the hive, but its file is behind: the disk under it is full.",
                "Make room on that disk; the file is then written by itself.",
            ),
            DiskError::Unwritable(why) => unsaved(
                "unwritable",
                &format!("The text is safe in the hive, but its file cannot be written: {why}."),
                "Allow writing to the file and its folder; it is then written by itself.",
            ),
            DiskError::Unreadable(why) => unsaved(
                "unreadable",
                &format!("The text is safe in the hive, but its file cannot be read: {why}."),
                "Allow reading the file; it is then brought in step by itself.",
            ),
            DiskError::Missing(why) => unsaved(
                "share_missing",
                &format!("The text is safe in the hive, but cannot reach its file. {why}"),
                "The file is then written by itself.",
            ),
            DiskError::Paused => unsaved(
                "paused",
                "The text is safe in the hive, but the hive is paused and does not write files.",
                "Resume the hive; the file is then written by itself.",
            ),
            DiskError::Changed => unsaved(
                "unreadable",
                "The text is safe in the hive, but another program keeps changing the file.",
                "Wait until that program is done; the file is then brought in step by itself.",
            ),
            DiskError::Store(error) => Self::of_store(error),
        }
    }

    /// What it means that the file holds no text that can be edited live.
    pub(crate) fn of_unfit(error: &crate::Error) -> Self {
        let hint = "The text from before is kept in the hive. It is live again when the file is.";
        match error {
            crate::Error::TooLarge { size } => read_only(
                "too_large",
                &format!("Another program made the file too large for live editing: {size} bytes."),
                hint,
            ),
            crate::Error::NotUtf8 { at } => read_only(
                "not_utf8",
                &format!("Another program wrote the file in an encoding other than UTF-8 ({at})."),
                hint,
            ),
            _ => read_only("binary", "Another program put something other than text there.", hint),
        }
    }
}

fn read_only(code: &'static str, detail: &str, hint: &str) -> Condition {
    Condition::ReadOnly { code, detail: detail.to_owned(), hint: hint.to_owned() }
}

fn unsaved(code: &'static str, detail: &str, hint: &str) -> Condition {
    Condition::Unsaved { code, detail: detail.to_owned(), hint: hint.to_owned() }
}
