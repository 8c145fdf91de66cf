//! How a document comes to be open, and how everybody is turned away when it cannot be.

use std::collections::BTreeSet;

use tokio::sync::mpsc;
use tokio::time::Instant;
use types::{FileId, Generation, Hash};

use super::{Message, Urgent};
use crate::db::{self, Mark, Reach};
use crate::handle::Shared;
use crate::keeper::Keeper;
use crate::past::{self, Past};
use crate::replica::Replica;
use crate::room::Room;
use crate::{Error, text};

/// Answers everybody who waits with the same failure.
pub(super) fn turn_away(
    shared: &Shared,
    file: FileId,
    error: &Error,
    mailbox: &mut mpsc::Receiver<Message>,
    urgent: &mut mpsc::UnboundedReceiver<Urgent>,
) {
    loop {
        while let Ok(message) = mailbox.try_recv() {
            refuse(message, error);
        }
        if shared.close_door(file, || mailbox.is_empty()) {
            break;
        }
    }
    mailbox.close();
    urgent.close();
    while let Ok(message) = mailbox.try_recv() {
        refuse(message, error);
    }
}

/// Whoever asked may have stopped waiting.
fn refuse(message: Message, error: &Error) {
    match message {
        Message::Open { reply } => drop(reply.send(Err(error.again()))),
        Message::Join(join) => drop(join.reply.send(Err(error.again()))),
        Message::Settle { reply } => drop(reply.send(Err(error.again()))),
        Message::Text { reply } => drop(reply.send(Err(error.again()))),
        Message::Hive(message) => message.refuse(error),
        Message::Frame { .. } => {}
    }
}

/// The moments that a document has so far.
pub(super) async fn past(shared: &Shared, file: FileId) -> Past {
    let last = shared.store.read(move |view| past::db::newest(view, file)).await;
    Past::new(&shared.limits, last.unwrap_or_default())
}

/// Puts the document together from the store, or makes it from its file.
pub(super) async fn load(
    shared: &Shared,
    file: FileId,
) -> Result<(Generation, Room, Keeper), Error> {
    let limits = shared.limits.clone();
    let found = shared
        .store
        .read(move |view| {
            let Some(stored) = db::load(view, file)? else { return Ok(None) };
            let updates = stored.updates.iter().map(Vec::as_slice);
            let replica = Replica::load(&stored.state, updates)
                .map_err(|broken| Error::Damaged(broken.to_string()))?;
            Ok::<_, Error>(Some((stored, replica)))
        })
        .await?;
    if let Some((stored, replica)) = found {
        let keeper = Keeper::loaded(limits.clone(), &stored, Instant::now());
        return Ok((stored.generation, Room::new(limits, replica, stored.retired), keeper));
    }
    let plain = shared.disk.read(file).await?;
    let (text, form) = text::decode(&plain.bytes)?;
    let replica = Replica::promoted(&text);
    let state = replica.state();
    let mark = Mark { hash: Hash::of(&plain.bytes), moment: replica.moment(), form };
    let version = plain.version;
    let reach = Reach::of_new(version);
    let keeper = Keeper::promoted(limits.clone(), (mark.clone(), reach), plain.stamp, state.len());
    let generation = shared
        .store
        .write(move |tx| db::promote(tx, file, version, &state, &mark))
        .await?
        .ok_or_else(|| Error::Damaged("the document was made twice".to_owned()))?;
    Ok((generation, Room::new(limits, replica, BTreeSet::new()), keeper))
}
