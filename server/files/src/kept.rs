//! The history, as far as reading and changing folders needs it.

use store::Tx;
use tree::What;
use types::{FileId, HiveId};

use crate::{Error, history};

pub(crate) use history::aside::set_aside;
pub(crate) use history::{
    Reader, contains, gone, is_merged, keep_bytes, keep_within, names, open, room,
};

/// Notes whose version of a file it is that stands.
pub(crate) fn note(
    tx: &Tx,
    id: FileId,
    hive: HiveId,
    what: &What,
    by: Option<&str>,
) -> Result<(), Error> {
    history::told(tx, id, hive, by, what)
}
