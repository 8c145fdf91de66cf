//! Whether an edit outlives a kill -9 at the moment when a person has reason to think it is safe.

use std::time::Duration;

use tokio::time::timeout;

use crate::client::{Client, Receiver, Room};
use crate::failure::{Failure, Outcome};
use crate::frame::{self, Incoming, Place};
use crate::server::{Kind, Server};

const ROUNDS: usize = 10;
const WITHIN_S: u64 = 10;

/// What outlived.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Durable {
    pub(crate) rounds: usize,
    pub(crate) kept: usize,
    /// The server said itself that the edit is durable. Otherwise the sign is that somebody else
    /// saw it, which is all there is.
    pub(crate) acknowledged: bool,
}

pub(crate) async fn measure(server: &mut Server) -> Outcome<Durable> {
    let acknowledged = server.kind == Kind::Skep;
    let mut kept = 0;
    for round in 0..ROUNDS {
        let room = server.document(&format!("durable-{round}"), "")?;
        if acknowledged {
            type_until_stored(&room.with_stored(), round).await?;
        } else {
            type_until_seen(&room, round).await?;
        }
        server.kill()?;
        server.start_again().await?;
        if is_there(&server.moved(&room), round).await? {
            kept += 1;
        }
    }
    Ok(Durable { rounds: ROUNDS, kept, acknowledged })
}

async fn type_until_stored(room: &Room, tag: usize) -> Outcome<()> {
    let (mut client, _) = Client::join(room).await?;
    type_key(&mut client, tag).await?;
    within("storing a key", async {
        loop {
            match frame::read(&client.receiver.frame().await?)? {
                Incoming::Step1 => client.sender.send(frame::step_2()).await?,
                Incoming::Stored(count) if count >= client.sender.edits => return Ok(()),
                _ => {}
            }
        }
    })
    .await
}

async fn type_until_seen(room: &Room, tag: usize) -> Outcome<()> {
    let (mut client, _) = Client::join(room).await?;
    let (mut other, _) = Client::join(room).await?;
    type_key(&mut client, tag).await?;
    within("another client seeing a key", see(&mut other.receiver, tag)).await
}

async fn type_key(client: &mut Client, tag: usize) -> Outcome<()> {
    let at = Place { client: client.id, clock: 0 };
    let update = frame::insert(at, None, None, &frame::tag(tag).to_string());
    client.sender.send(frame::update(&update)).await
}

async fn see(receiver: &mut Receiver, tag: usize) -> Outcome<()> {
    loop {
        if let Incoming::Step2(update) | Incoming::Update(update) =
            frame::read(&receiver.frame().await?)?
            && frame::tags(update).any(|seen| seen == tag)
        {
            return Ok(());
        }
    }
}

/// A server may answer before it has read its store, so it is given a moment.
async fn is_there(room: &Room, tag: usize) -> Outcome<bool> {
    const MOMENT: Duration = Duration::from_secs(1);
    let (mut client, state) = Client::join(room).await?;
    if frame::tags(&state).any(|seen| seen == tag) {
        return Ok(true);
    }
    match timeout(MOMENT, see(&mut client.receiver, tag)).await {
        Ok(seen) => seen.map(|()| true),
        Err(_) => Ok(false),
    }
}

async fn within<T>(what: &'static str, doing: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    timeout(Duration::from_secs(WITHIN_S), doing)
        .await
        .map_err(|_| Failure::Late(what, WITHIN_S))?
}
