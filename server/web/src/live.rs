//! What happens, as it happens: one stream of events, resumable, and who is here.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Query, State as Extract};
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::Stream;
use people::{Means, Who};
use serde::Deserialize;
use store::Change;
use tokio::sync::{mpsc, watch};
use types::{MINUTE_MS, PersonId, Right, Time};

use crate::gate::{self, Caller};
use crate::{Error, State, view, wire};

const EVENTS_WAITING_MAX: usize = 64;
const CHANGES_PER_READ: u32 = 500;
const SILENCE_MAX: Duration = Duration::from_secs(15);
/// Several changes of who is here within this time are told as one.
const HERE_PAUSE: Duration = Duration::from_millis(50);

/// Somebody whose page or program follows the hive at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnlinePerson {
    pub person: Option<PersonId>,
    pub key: u64,
    pub owner: bool,
    pub since: Time,
}

/// The streams that are open now.
#[derive(Clone)]
pub(crate) struct Online {
    people: Arc<watch::Sender<Vec<OnlinePerson>>>,
    noted: Arc<Mutex<HashMap<u64, Time>>>,
}

impl Default for Online {
    fn default() -> Self {
        Self { people: Arc::new(watch::Sender::new(Vec::new())), noted: Arc::default() }
    }
}

impl Online {
    pub(crate) fn watch(&self) -> watch::Receiver<Vec<OnlinePerson>> {
        self.people.subscribe()
    }

    /// Whether this key was not seen within the last minute.
    pub(crate) fn first_in_a_minute(&self, who: &Who, now: Time) -> bool {
        let Ok(mut noted) = self.noted.lock() else { return false };
        noted.retain(|_, last| now.since(*last) < MINUTE_MS);
        noted.insert(who.revocation_key(), now).is_none()
    }

    fn enter(&self, who: &Who, now: Time) -> Stay {
        let person = OnlinePerson {
            person: who.person.as_ref().map(|person| person.id),
            key: who.revocation_key(),
            owner: who.may_manage_hive().is_ok(),
            since: now,
        };
        self.people.send_modify(|people| people.push(person.clone()));
        Stay { online: self.clone(), person }
    }
}

/// As long as it lives, its person is online.
struct Stay {
    online: Online,
    person: OnlinePerson,
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.online.people.send_modify(|people| {
            if let Some(at) = people.iter().position(|person| *person == self.person) {
                people.swap_remove(at);
            }
        });
    }
}

#[derive(Deserialize)]
pub(crate) struct Since {
    since: Option<i64>,
}

/// The event stream. `id` of each change is its position, to resume from.
pub(crate) async fn events(
    Extract(state): Extract<State>,
    caller: Caller,
    Query(query): Query<Since>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Error> {
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse().ok());
    let since: Option<i64> = last.or(query.since);
    let newest = *state.store.follow().borrow();
    let (sender, receiver) = mpsc::channel(EVENTS_WAITING_MAX);
    let mut follower = Follower { state, caller, sender, seq: since.unwrap_or(newest) };
    let reset = follower.seq > newest;
    if reset {
        follower.seq = newest;
    }
    let greeting = if reset { "reset" } else { "hello" };
    let hello = Event::default().event(greeting).data(format!("{{\"seq\":{newest}}}"));
    tokio::spawn(async move {
        if follower.send(hello).await.is_ok() {
            follower.run().await;
        }
    });
    let stream = tokio_stream::wrappers::ReceiverStream::new(receiver);
    let events = futures::StreamExt::map(stream, Ok);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(SILENCE_MAX)))
}

struct Follower {
    state: State,
    caller: Caller,
    sender: mpsc::Sender<Event>,
    seq: i64,
}

/// The page is gone, or may no longer listen.
struct Ended;

impl Follower {
    async fn run(mut self) {
        let shown = !is_program(&self.caller.who);
        let _stay =
            shown.then(|| self.state.online.enter(&self.caller.who, self.state.store.now()));
        let mut position = self.state.store.follow();
        let mut keys = self.state.keyring.watch();
        let mut present = self.state.documents.here();
        let mut online = self.state.online.watch();
        let mut friends = self.state.friends.follow();
        let mut told = Vec::new();
        if self.changes().await.is_err() || self.here(&mut told).await.is_err() {
            return;
        }
        loop {
            let outcome = tokio::select! {
                moved = position.changed() => match moved {
                    Ok(()) => self.changes().await,
                    Err(_) => Err(Ended),
                },
                moved = keys.changed() => match moved {
                    Ok(()) => self.look_again().await,
                    Err(_) => Err(Ended),
                },
                Ok(()) = present.changed() => self.here(&mut told).await,
                Ok(()) = online.changed() => self.here(&mut told).await,
                Ok(()) = friends.changed() => self.friends(&mut friends).await,
                () = self.sender.closed() => Err(Ended),
            };
            if outcome.is_err() {
                return;
            }
        }
    }

    async fn send(&self, event: Event) -> Result<(), Ended> {
        self.sender.send(event).await.map_err(|_| Ended)
    }

    /// Tells what changed since the last time, as far as the caller may know it.
    async fn changes(&mut self) -> Result<(), Ended> {
        loop {
            let since = self.seq;
            let who = self.caller.who.clone();
            let read: Result<_, store::Error> = self
                .state
                .store
                .read(move |view| {
                    let mut changes = store::changes_since(view, since, CHANGES_PER_READ)?;
                    let last = changes.last().map(|change| change.seq);
                    changes.retain(|change| may_know(view, &who, change));
                    Ok((last, changes))
                })
                .await;
            let (last, changes) = read.map_err(|_| Ended)?;
            let Some(last) = last else { return Ok(()) };
            self.seq = last;
            for change in changes {
                self.send(event(change)?).await?;
            }
        }
    }

    /// Some key changed: ends the stream if it was this one, with the reason.
    async fn look_again(&mut self) -> Result<(), Ended> {
        match gate::who(&self.state, &self.caller.credential).await {
            Ok(who) => {
                self.caller.who = who;
                Ok(())
            }
            Err(error) => {
                let problem = serde_json::to_string(&error.problem()).map_err(|_| Ended)?;
                self.send(Event::default().event("ended").data(problem)).await?;
                Err(Ended)
            }
        }
    }

    /// Connections or progress changed: the owner's pages ask for what they show of it.
    async fn friends(&self, changes: &mut watch::Receiver<u64>) -> Result<(), Ended> {
        if self.caller.who.may_manage_hive().is_err() {
            return Ok(());
        }
        tokio::time::sleep(HERE_PAUSE).await;
        let count = *changes.borrow_and_update();
        self.send(Event::default().event("friends").data(count.to_string())).await
    }

    async fn here(&self, told: &mut Vec<wire::Here>) -> Result<(), Ended> {
        tokio::time::sleep(HERE_PAUSE).await;
        let here = here(&self.state, &self.caller.who).await.map_err(|_| Ended)?;
        if here == *told {
            return Ok(());
        }
        let text = serde_json::to_string(&here).map_err(|_| Ended)?;
        *told = here;
        self.send(Event::default().event("here").data(text)).await
    }
}

/// The owner hears everything; others what concerns the share that their key opens, and a guest
/// when the link that let it in gives another right.
fn may_know(view: &store::View, who: &Who, change: &Change) -> bool {
    if who.may_manage_hive().is_ok() {
        return true;
    }
    if let (Means::Link(_, own), "link") = (&who.means, change.kind.as_str()) {
        return own.as_str() == change.key;
    }
    let of_share = change.share.is_some_and(|share| match who.scope {
        people::Scope::Everything => true,
        people::Scope::Share(own) | people::Scope::Within(own, _) => own == share,
    });
    match change.kind.as_str() {
        "share" => of_share,
        "file" => of_share && may_see_file(view, who, &change.key),
        _ => false,
    }
}

fn may_see_file(view: &store::View, who: &Who, file: &str) -> bool {
    let entry = file.parse().ok().and_then(|file| files::entry(view, file).ok());
    match entry {
        Some(entry) => view::may_entry(view, who, Right::View, &entry).is_ok(),
        // Its row is gone: only who was let into the whole share may hear of it.
        None => !matches!(who.scope, people::Scope::Within(..)),
    }
}

fn event(change: Change) -> Result<Event, Ended> {
    let seq = change.seq;
    let change = wire::Change {
        seq,
        kind: change.kind,
        key: change.key,
        share: change.share.map(|share| share.to_string()),
        at: change.at.0,
    };
    let text = serde_json::to_string(&change).map_err(|_| Ended)?;
    Ok(Event::default().event("change").id(seq.to_string()).data(text))
}

/// Who is here, as far as the caller may know: each person once for each open document, or once
/// without one.
pub(crate) async fn here(state: &State, who: &Who) -> Result<Vec<wire::Here>, Error> {
    let present = state.documents.here().borrow().clone();
    let online = state.online.watch().borrow().clone();
    let who = who.clone();
    state
        .store
        .read(move |view| {
            let mut names = view::Names::default();
            let mut here = Vec::new();
            let mut keys = Vec::new();
            for guest in present {
                let Ok(entry) = files::entry(view, guest.file) else { continue };
                if view::may_entry(view, &who, Right::View, &entry).is_err() {
                    continue;
                }
                keys.push(guest.key);
                let person = names.of(view, guest.person);
                let role = role(view, guest.person);
                let one = wire::Here {
                    person: person.or_else(|| unknown(guest.name)),
                    role,
                    file: Some(entry.id.to_string()),
                    share: Some(entry.share.to_string()),
                    path: Some(entry.path.to_string()),
                    since_at: guest.since.0,
                };
                if !here.iter().any(|other: &wire::Here| same(other, &one)) {
                    here.push(one);
                }
            }
            if who.may_manage_hive().is_ok() {
                add_online(view, &mut names, &mut here, &keys, online);
            }
            Ok(here)
        })
        .await
}

fn add_online(
    view: &store::View,
    names: &mut view::Names,
    here: &mut Vec<wire::Here>,
    keys: &[u64],
    online: Vec<OnlinePerson>,
) {
    for other in online.into_iter().filter(|other| !keys.contains(&other.key)) {
        let one = wire::Here {
            person: names.of(view, other.person),
            role: role(view, other.person),
            file: None,
            share: None,
            path: None,
            since_at: other.since.0,
        };
        if !here.iter().any(|known| same(known, &one)) {
            here.push(one);
        }
    }
}

fn same(one: &wire::Here, other: &wire::Here) -> bool {
    one.person.is_some() && one.person == other.person && one.file == other.file
}

fn role(view: &store::View, person: Option<PersonId>) -> String {
    let role = person.and_then(|id| people::person(view, id).ok()).map(|person| person.role);
    match role {
        Some(people::Role::Owner) => "owner",
        Some(people::Role::Guest) => "guest",
        None => "program",
    }
    .to_owned()
}

/// A program gives its own name, which nobody checked.
fn unknown(name: Option<String>) -> Option<wire::Person> {
    name.map(|name| wire::Person { id: String::new(), name, hue: 0 })
}

/// Programs follow the hive without being anybody who is here.
fn is_program(who: &Who) -> bool {
    matches!(who.means, Means::Socket | Means::Api(_) | Means::Document(_))
}
