//! How a command ends when it cannot do what was asked: words on standard error and a code.

use std::io::Write;
use std::process::ExitCode;

/// What happened and what to do next, with the exit code that the help documents.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    words: String,
}

const FAILED: u8 = 1;
const USAGE: u8 = 2;
const NOT_RUNNING: u8 = 3;
const DENIED: u8 = 4;
const NOT_THERE: u8 = 5;
const UNREACHABLE: u8 = 6;

impl Failure {
    pub(crate) fn usage(words: impl Into<String>) -> Self {
        Self { code: USAGE, words: words.into() }
    }

    pub(crate) fn not_there(words: impl Into<String>) -> Self {
        Self { code: NOT_THERE, words: words.into() }
    }

    pub(crate) fn failed(words: impl Into<String>) -> Self {
        Self { code: FAILED, words: words.into() }
    }

    /// The same failure with more to know.
    pub(crate) fn and_also(mut self, words: &str) -> Self {
        self.words = format!("{} {words}", self.words);
        self
    }

    pub(crate) fn report(self) -> ExitCode {
        // Without standard error there is nobody to tell; the code still says it.
        drop(writeln!(std::io::stderr(), "skep: {}", self.words));
        ExitCode::from(self.code)
    }
}

impl From<hive::Error> for Failure {
    fn from(error: hive::Error) -> Self {
        let code = match &error {
            hive::Error::NotRunning => NOT_RUNNING,
            hive::Error::OtherAccount { .. } => DENIED,
            hive::Error::Problem { status: 401 | 403, .. } => DENIED,
            hive::Error::Problem { status: 404 | 410, .. } => NOT_THERE,
            hive::Error::Problem { status: 504, .. } => UNREACHABLE,
            _ => FAILED,
        };
        Self { code, words: error.to_string() }
    }
}

impl From<editors::Error> for Failure {
    fn from(error: editors::Error) -> Self {
        match error {
            editors::Error::Hive(error) => error.into(),
            other => Self { code: FAILED, words: other.to_string() },
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self { code: FAILED, words: error.to_string() }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self { code: FAILED, words: error.to_string() }
    }
}
