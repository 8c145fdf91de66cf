//! How much memory a server takes: idle, with many documents, with many people in one.

use std::time::Duration;

use tokio::time::sleep;

use crate::client::{Client, Room, in_turn};
use crate::failure::Outcome;
use crate::frame::{self, Place};
use crate::server::Server;

/// How long a server may tidy up before it is looked at.
const REST: Duration = Duration::from_secs(5);
/// About two kilobytes: a page of notes.
const PAGE: &str = "- water the bees, call the neighbour about the fence\n";
const PAGE_LINES: usize = 40;

/// Which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    Idle,
    /// So many documents, each with a page of text and one client.
    Documents(usize),
    /// So many clients in one document, all quiet.
    Clients(usize),
}

/// Resident bytes of the server's process. The server must be fresh.
pub(crate) async fn measure(server: &Server, state: State) -> Outcome<u64> {
    let page = PAGE.repeat(PAGE_LINES);
    let clients = match state {
        State::Idle => Vec::new(),
        State::Documents(count) => {
            let names = (0..count).map(|number| format!("document-{number}"));
            let rooms: Vec<Room> =
                names.map(|name| server.document(&name, &page)).collect::<Outcome<_>>()?;
            in_turn(rooms.iter().map(|room| with_page(room, &page))).await?
        }
        State::Clients(count) => {
            let room = server.document("document", &page)?;
            let mut clients = vec![with_page(&room, &page).await?];
            let others = in_turn((1..count).map(|_| Client::join(&room))).await?;
            clients.extend(others.into_iter().map(|(client, _)| client));
            clients
        }
    };
    let held: Vec<_> = clients
        .into_iter()
        .map(|client| (client.sender, tokio::spawn(client.receiver.drain())))
        .collect();
    sleep(REST).await;
    let bytes = server.process()?.memory();
    held.iter().for_each(|(_, reading)| reading.abort());
    bytes
}

/// Joins and types the page where there is none: a peer's document begins empty.
async fn with_page(room: &Room, page: &str) -> Outcome<Client> {
    let (mut client, state) = Client::join(room).await?;
    if state.len() < page.len() {
        let at = Place { client: client.id, clock: 0 };
        client.sender.send(frame::update(&frame::insert(at, None, None, page))).await?;
    }
    Ok(client)
}
