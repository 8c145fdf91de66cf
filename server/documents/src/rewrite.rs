//! Makes a document's text another one, as an edit of somebody.

use tokio::time::{Duration, Instant, timeout_at};
use types::FileId;

use crate::connection::{Connection, Member, Outgoing};
use crate::mirror::{Mirror, Mirrored};
use crate::task::Urgent;
use crate::{Error, Handle, edits};

/// How long the room may take to answer, and what is changed to be durable.
const WITHIN: Duration = Duration::from_secs(20);

impl Handle {
    /// Changes a document into `after`, as an edit of this member that everybody sees at once. It
    /// is durable when this returns, and a moment of its own. `client` must be drawn by chance.
    pub async fn rewrite(
        &self,
        file: FileId,
        who: Member,
        client: u32,
        after: &str,
    ) -> Result<(), Error> {
        let connection = self.join(file, who, None, true).await?;
        let mut desk = Desk { connection, mirror: Mirror::new(client), sent: 0, stored: 0 };
        let until = Instant::now() + WITHIN;
        desk.send(desk.mirror.ask()).await?;
        while !desk.hear(until).await? {}
        let before = desk.mirror.text();
        let edits = edits(&before, after);
        if !edits.is_empty() {
            self.urge(file, Urgent::EndMoment);
            let moment = desk.mirror.moment();
            let edited = desk.mirror.edit(&moment, &edits);
            let (frame, _) = edited.map_err(|spoilt| Error::Damaged(spoilt.to_string()))?;
            desk.sent += 1;
            desk.send(frame).await?;
        }
        while desk.stored < desk.sent {
            desk.hear(until).await?;
        }
        self.urge(file, Urgent::EndMoment);
        Ok(())
    }
}

struct Desk {
    connection: Connection,
    mirror: Mirror,
    /// Frames with edits that were sent, and that are durable.
    sent: u64,
    stored: u64,
}

impl Desk {
    async fn send(&self, frame: bytes::Bytes) -> Result<(), Error> {
        self.connection.to_room.send(frame).await.map_err(|_| Error::Stopped)
    }

    /// True when all of the text is here.
    async fn hear(&mut self, until: Instant) -> Result<bool, Error> {
        let heard = timeout_at(until, self.connection.from_room.recv()).await;
        let frame = match heard {
            Ok(Some(Outgoing::Frame(frame))) => frame,
            Ok(Some(Outgoing::Close { reason, .. })) => return Err(Error::Unreadable(reason)),
            Ok(None) => return Err(Error::Stopped),
            Err(_) => {
                let why = "the document did not take the edit in time".to_owned();
                return Err(Error::Unreadable(why));
            }
        };
        let heard = self.mirror.hear(&frame);
        match heard.map_err(|spoilt| Error::Damaged(spoilt.to_string()))? {
            Mirrored::CaughtUp => return Ok(true),
            Mirrored::Answer(frame) => {
                self.sent += 1;
                self.send(frame).await?;
            }
            Mirrored::Stored(count) => self.stored = count,
            Mirrored::Denied => return Err(Error::Denied),
            Mirrored::Other => {}
        }
        Ok(false)
    }
}
